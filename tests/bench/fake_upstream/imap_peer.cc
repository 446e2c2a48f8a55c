#include "fake_upstream/imap_peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <vector>

namespace postern::bench {

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

// Input and body octets of all peers: there is one thread.
std::vector<char>& input_buffer() {
  static std::vector<char> buffer(kChunkBytes);
  return buffer;
}

const std::string& body_chunk() {
  static const std::string chunk = [] {
    std::string text;
    while (text.size() < kChunkBytes)
      text += "The quick brown fox jumps over the lazy dog, again and again.\r\n";
    text.resize(kChunkBytes);
    return text;
  }();
  return chunk;
}

std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::uint64_t number_in(std::string_view digits) {
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

ImapPeer::ImapPeer(Poller& poller, const Mailbox& mailbox, Fd socket)
    : poller_(poller), mailbox_(mailbox), socket_(std::move(socket)) {}

void ImapPeer::start(Poller& poller, const Mailbox& mailbox, Fd socket) {
  auto* peer = new ImapPeer(poller, mailbox, std::move(socket));  // freed by close()
  poller.add(*peer->socket_, EPOLLIN, *peer);
  peer->out_ = "* OK [CAPABILITY " + std::string(Mailbox::kCapabilities) + "] fake server ready\r\n";
  peer->flush();
}

void ImapPeer::ready(std::uint32_t events) {
  if (!socket_.valid()) return;
  if ((events & EPOLLOUT) != 0) {
    flush();
    if (!socket_.valid()) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  auto& buffer = input_buffer();
  const Transfer got = receive(*socket_, buffer.data(), buffer.size());
  if (got.state == Transfer::State::Ended) return close();
  if (got.state == Transfer::State::WouldBlock) return;
  consume({buffer.data(), got.octets});
  flush();
}

void ImapPeer::consume(std::string_view octets) {
  while (!octets.empty()) {
    if (body_octets_ > 0) {
      held_.append(octets);
      return;
    }
    if (swallow_octets_ > 0) {
      const auto taken = std::min<std::uint64_t>(swallow_octets_, octets.size());
      swallow_octets_ -= taken;
      octets.remove_prefix(taken);
      continue;
    }
    const auto end = octets.find('\n');
    line_.append(octets.substr(0, end));
    if (end == std::string_view::npos) return;
    octets.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    line_complete();
    line_.clear();
  }
}

void ImapPeer::line_complete() {
  if (mode_ != Mode::Command) {  // DONE, or the client's SASL response
    const bool idle = mode_ == Mode::Idle;
    mode_ = Mode::Command;
    return tagged(idle ? "OK Idle completed." : "OK Logged in");
  }
  const auto brace = line_.ends_with('}') ? line_.rfind('{') : std::string::npos;
  if (brace != std::string::npos) {
    std::string_view digits = std::string_view(line_).substr(brace + 1);
    digits.remove_suffix(1);
    const bool synchronising = !digits.ends_with('+');
    if (!synchronising) digits.remove_suffix(1);
    command_ += line_;
    return open_literal(digits, synchronising);
  }
  command_ += line_;
  execute(command_);
  command_.clear();
}

void ImapPeer::open_literal(std::string_view digits, bool synchronising) {
  swallow_octets_ = number_in(digits);
  if (synchronising) out_ += "+ OK\r\n";
}

void ImapPeer::tagged(std::string_view text) {
  std::string& out = body_octets_ > 0 ? behind_body_ : out_;
  out.append(tag_).append(" ").append(text).append("\r\n");
}

void ImapPeer::execute(std::string_view command) {
  tag_ = take_word(command);
  std::string verb = upper(take_word(command));
  if (verb == "UID") verb = upper(take_word(command));
  if (verb == "NOOP" || verb == "CHECK" || verb == "CLOSE" || verb == "ENABLE" || verb == "EXPUNGE")
    return tagged("OK Completed.");
  if (verb == "FETCH") return answer_fetch(command);
  if (verb == "STORE") {
    out_ += "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n";
    return tagged("OK Store completed.");
  }
  if (verb == "SELECT" || verb == "EXAMINE") {
    out_ += mailbox_.select();
    return tagged("OK [READ-WRITE] Select completed.");
  }
  if (verb == "IDLE") {
    mode_ = Mode::Idle;
    out_ += "+ idling\r\n";
    return;
  }
  if (verb == "LOGIN") return tagged("OK [CAPABILITY " + std::string(Mailbox::kCapabilities) + "] Logged in");
  if (verb == "AUTHENTICATE") {
    take_word(command);
    if (!command.empty()) return tagged("OK Logged in");
    mode_ = Mode::Sasl;
    out_ += "+ \r\n";
    return;
  }
  if (verb == "APPEND") return tagged("OK [APPENDUID 1700000000 101] Append completed.");
  if (verb == "LIST") {
    out_ += command == "\"\" \"\"" ? "* LIST (\\Noselect) \"/\" \"\"\r\n" : "* LIST () \"/\" INBOX\r\n";
    return tagged("OK List completed.");
  }
  if (verb == "CAPABILITY") {
    out_ += "* CAPABILITY " + std::string(Mailbox::kCapabilities) + "\r\n";
    return tagged("OK Capability completed.");
  }
  if (verb == "LOGOUT") {
    out_ += "* BYE Logging out\r\n";
    logged_out_ = true;
    return tagged("OK Logout completed.");
  }
  tagged("BAD Unknown command.");
}

void ImapPeer::answer_fetch(std::string_view arguments) {
  const std::string_view set = take_word(arguments);
  const std::string items = upper(arguments);
  if (items.find("HEADER") != std::string::npos) {
    out_ += mailbox_.headers(set);
  } else if (items.find("BODY") != std::string::npos) {
    begin_body(set);
  } else {
    out_ += mailbox_.flags();
  }
  tagged("OK Fetch completed.");
}

void ImapPeer::begin_body(std::string_view number) {
  body_octets_ = number_in(number) * 1024 * 1024;
  out_.append("* ").append(number).append(" FETCH (UID ").append(number);
  out_.append(" BODY[] {").append(std::to_string(body_octets_)).append("}\r\n");
  (body_octets_ > 0 ? behind_body_ : out_).append(")\r\n");
}

// Sends what is due: out_, then the body, then what stands behind it, then the answers to held commands.
void ImapPeer::flush() {
  for (;;) {
    Transfer sent;
    if (!out_.empty()) {
      sent = transmit(*socket_, out_.data(), out_.size(), body_octets_ > 0 ? MSG_MORE : 0);
      out_.erase(0, sent.octets);
    } else if (body_octets_ > 0) {
      const auto due = std::min<std::uint64_t>(body_octets_, body_chunk().size());
      sent = transmit(*socket_, body_chunk().data(), due);
      body_octets_ -= sent.octets;
      if (body_octets_ == 0) out_.swap(behind_body_);
    } else if (!held_.empty()) {
      const std::string input = std::exchange(held_, {});
      consume(input);
      if (out_.empty() && body_octets_ == 0) break;
    } else {
      break;
    }
    if (sent.state == Transfer::State::Ended) return close();
    if (sent.state == Transfer::State::WouldBlock) break;
  }
  const bool blocked = !out_.empty() || body_octets_ > 0;
  if (!blocked && logged_out_) return close();
  if (blocked != waits_for_room_) {
    waits_for_room_ = blocked;
    poller_.change(*socket_, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  }
}

void ImapPeer::close() {
  socket_.reset();
  poller_.retire(std::unique_ptr<Watcher>(this));
}

}  // namespace postern::bench
