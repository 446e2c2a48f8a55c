// The scripted mail server behind the relay under test: a few verbs, literals taken leniently, and all that
// it was sent kept for the test to look at.
#pragma once

#include <algorithm>
#include <map>

#include "net/candidates.h"
#include "net/listener.h"
#include "unit/net/support.h"

namespace postern::net {

// A mail server of a few verbs, one Talker for each connection. What it is sent in clear text stands in
// `heard`.
class FakeUpstream final : public Acceptor {
 public:
  explicit FakeUpstream(Loop& loop) : loop_(loop), listener_(*this, 0) {
    Socket socket = loopback_socket();
    address_ = address_of(socket);
    EXPECT_TRUE(listener_.open(loop.get(), std::move(socket)));
  }
  ~FakeUpstream() override {
    listener_.close();
    for (auto& talker : talkers) talker->close();
    loop_.until([&] {
      return std::all_of(talkers.begin(), talkers.end(), [](const auto& each) { return each->closed(); });
    });
  }

  Endpoint endpoint() const { return {address_, host_port_text(address_), "upstream.example"}; }
  Talker& last() { return *talkers.back(); }
  bool has_heard(const std::string& text) const { return heard.find(text) != std::string::npos; }

  std::string greeting = "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n";
  std::string body;           // what FETCH answers with
  std::size_t body_part = 0;  // so much of it, and nothing behind; 0 = all
  std::string heard;
  std::vector<std::unique_ptr<Talker>> talkers;
  std::function<void(Talker&, Octets)> on_octets;  // in place of the verbs, for TLS: no greeting …
  bool greets_anyway = false;                      // … but with this
  std::string preface;            // what stands in clear ahead of everything on each connection
  std::size_t prefaces_seen = 0;  // connections on which all of it has come

  // Lines and literals, as a lenient server takes them.
  void hear(Talker& talker, Octets octets) {
    heard += octets;
    std::string& buffer = pending_[&talker];
    buffer += octets;
    while (true) {
      if (literal_ > 0) {
        const std::size_t part = std::min(literal_, buffer.size());
        literal_ -= part;
        appended.append(buffer, 0, part);
        buffer.erase(0, part);
        if (literal_ > 0) return;
      }
      const std::size_t end = buffer.find("\r\n");
      if (end == std::string::npos) return;
      const std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 2);
      answer_line(talker, line);
    }
  }
  std::function<void(Talker&, const std::string&)> say = [](Talker& talker, const std::string& text) {
    talker.send(text);
  };
  std::string appended;

 private:
  void accepted(std::size_t, Socket client, Peer) noexcept override {
    talkers.push_back(std::make_unique<Talker>(loop_, std::move(client)));
    Talker& talker = last();
    talker.on_octets = [this, awaited = preface](Talker& from) mutable {
      std::string octets = std::exchange(from.received, {});
      take_preface(awaited, octets);
      if (octets.empty()) return;
      if (on_octets) return on_octets(from, octets);
      hear(from, octets);
    };
    if (!on_octets || greets_anyway) talker.send(greeting);
  }
  void accept_failed(std::size_t, int) noexcept override { FAIL(); }

  void take_preface(std::string& awaited, std::string& octets) {
    if (awaited.empty()) return;
    const std::size_t part = std::min(awaited.size(), octets.size());
    EXPECT_EQ(octets.substr(0, part), awaited.substr(0, part));
    awaited.erase(0, part);
    octets.erase(0, part);
    if (awaited.empty()) ++prefaces_seen;
  }

  void answer_line(Talker& talker, const std::string& line) {
    if (line.empty()) {  // behind a literal
      say(talker, tag_ + " OK [APPENDUID 1 1] stored\r\n");
      return;
    }
    tag_ = line.substr(0, line.find(' '));
    const std::string rest = line.substr(std::min(line.size(), tag_.size() + 1));
    if (const std::size_t brace = line.rfind('{'); brace != std::string::npos && line.back() == '}') {
      literal_ = std::stoul(line.substr(brace + 1));
      return say(talker, "+ go on\r\n");
    }
    if (rest.starts_with("LOGIN")) {
      const bool right = rest.find("secret") != std::string::npos;
      return say(talker, tag_ + (right ? " OK [CAPABILITY IMAP4rev1 IDLE] in\r\n" : " NO wrong\r\n"));
    }
    if (rest.starts_with("FETCH")) {
      std::string answer = "* 1 FETCH (BODY[] {" + std::to_string(body.size()) + "}\r\n";
      if (body_part > 0) return say(talker, answer + body.substr(0, body_part));
      return say(talker, answer + body + ")\r\n" + tag_ + " OK fetched\r\n");
    }
    if (rest.starts_with("HANG")) return;
    if (rest == "CAPABILITY") say(talker, "* CAPABILITY IMAP4rev1 IDLE\r\n");
    if (rest == "STARTTLS") return say(talker, tag_ + " OK begin\r\n");
    if (rest == "LOGOUT") say(talker, "* BYE bye\r\n");
    say(talker, tag_ + " OK done\r\n");
    if (rest == "LOGOUT") talker.stream().shutdown();
  }

  Loop& loop_;
  Listener listener_;
  sockaddr_storage address_{};
  std::map<Talker*, std::string> pending_;
  std::string tag_;
  std::size_t literal_ = 0;
};

}  // namespace postern::net
