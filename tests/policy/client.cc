#include "policy/client.h"

#include <gtest/gtest.h>

#include <utility>

#include "imap/response_scanner.h"

namespace postern::policy {
namespace {

// Behind the first `{n}` or `~{n}` at the end of a line, or the end of the text.
std::size_t end_of_announcement(const std::string& text) {
  for (std::size_t at = text.find("}\r\n"); at != std::string::npos; at = text.find("}\r\n", at + 1)) {
    const std::size_t open = text.rfind('{', at);
    const std::string digits = open == std::string::npos ? "" : text.substr(open + 1, at - open - 1);
    if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos) return at + 3;
  }
  return text.size();
}

}  // namespace

Client::Client(const spec::Setting& setting, const spec::Way& way, char separator, bool has_unselect,
               Lapse lapse)
    : upstream_(separator, has_unselect, lapse), stage_(setting, way) {
  TlsFacts tls;
  tls.secure = true;
  tls.minor = 3;
  stage_.happen(session::TlsReady{Side::Client, tls});
}

void Client::log_in() { say("l1", std::string("LOGIN fred ") + spec::Stage::kPassword); }

void Client::say(const std::string& tag, const std::string& command) {
  std::string text = tag + " " + command + "\r\n";
  while (!text.empty() && !stage_.closed()) {
    const std::size_t end = end_of_announcement(text);
    const std::size_t before = stage_.seen(Side::Client).size();
    stage_.send(Side::Client, text.substr(0, end));
    pump();
    text.erase(0, end);
    if (text.empty() || stage_.closed() || is_answered(tag, "")) return;
    if (stage_.seen(Side::Client).find("+ ", before) == std::string::npos) {
      ADD_FAILURE() << "neither + nor an answer: " << stage_.seen(Side::Client);
      return;
    }
  }
}

bool Client::is_answered(const std::string& tag, const std::string& with) {
  return ("\n" + stage_.seen(Side::Client)).find("\n" + tag + " " + with) != std::string::npos;
}

bool Client::upstream_got(const std::string& command) const {
  return ("\n" + upstream_.received()).find("\n" + command + "\r\n") != std::string::npos;
}

void Client::blurt(const std::string& octets) {
  if (stage_.closed()) return;
  stage_.send(Side::Client, octets);
  pump();
}

void Client::pump() {
  for (const std::string& asked : std::exchange(stage_.asked(), {})) {
    if (asked.starts_with("hold"))
      stage_.answer(true, stage_.question());  // the trail takes what it is given
    if (!asked.starts_with("connect user=")) continue;
    stage_.happen(session::UpstreamConnected{});
    stage_.send(Side::Upstream, upstream_.greeting());
  }
  while (!stage_.seen(Side::Upstream).empty()) {
    const std::string answer = upstream_.receive(std::exchange(stage_.seen(Side::Upstream), {}));
    learn(answer);
    if (!answer.empty() && !stage_.closed()) stage_.send(Side::Upstream, answer);
  }
}

void Client::learn(const std::string& answer) {
  imap::ResponseScanner scanner;
  Octets in = answer;
  for (imap::ResponseEvent event = scanner.next(in); event != imap::ResponseEvent::NeedMore;
       event = scanner.next(in))
    if (event == imap::ResponseEvent::Head) naming_.learn(scanner.response(), scanner.octets());
}

std::string in_one_line(std::string text) {
  for (std::size_t at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n"))
    text.replace(at, 2, "|");
  return text;
}

}  // namespace postern::policy
