#include "spec/player.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace postern::spec {
namespace {

constexpr const char* kProbed =
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN AUTH=LOGIN";
constexpr const char* kUpstream =
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT THREAD=REFERENCES MULTIAPPEND UNSELECT CHILDREN "
    "NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH SPECIAL-USE MOVE BINARY CATENATE LITERAL+";

Side side_of(const std::string& word) {
  if (word == "client") return Side::Client;
  if (word == "upstream") return Side::Upstream;
  throw std::runtime_error("neither client nor upstream: " + word);
}

config::UpstreamTls upstream_tls_of(const std::string& word) {
  if (word == "off") return config::UpstreamTls::Off;
  if (word == "starttls") return config::UpstreamTls::Starttls;
  if (word == "implicit") return config::UpstreamTls::Implicit;
  throw std::runtime_error("no kind of TLS: " + word);
}

config::IdPolicy id_policy_of(const std::string& word) {
  if (word == "pass") return config::IdPolicy::Pass;
  if (word == "hide") return config::IdPolicy::Hide;
  if (word == "own") return config::IdPolicy::Own;
  throw std::runtime_error("no policy for ID: " + word);
}

Names names_of(const std::string& list) {
  Names names;
  std::stringstream in(list);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

config::UserFrom user_from_of(const std::string& word) {
  if (word.empty()) return config::UserFrom::Nothing;
  if (word == "email") return config::UserFrom::Email;
  if (word == "cn") return config::UserFrom::CommonName;
  if (word == "upn") return config::UserFrom::Upn;
  throw std::runtime_error("no place of a user's name: " + word);
}

// email:NAME, cn:NAME and upn:NAME, any of them several times; null without.
std::shared_ptr<const ClientCertificate> certificate_of(const std::string& text) {
  if (text.empty()) return nullptr;
  auto certificate = std::make_shared<ClientCertificate>();
  for (const std::string& word : words_of(text)) {
    const std::string name = word.substr(word.find(':') + 1);
    if (word.starts_with("email:")) certificate->emails.push_back(name);
    if (word.starts_with("cn:")) certificate->common_name = name;
    if (word.starts_with("upn:")) certificate->upns.push_back(name);
  }
  return certificate;
}

// lowercase, strip-domain, default-domain:NAME, map:FROM=>TO
config::RewriteUser rewrite_of(const std::string& text) {
  config::RewriteUser rewrite;
  for (const std::string& word : words_of(text)) {
    const std::string value = word.substr(word.find(':') + 1);
    const std::size_t arrow = value.find("=>");
    if (word == "lowercase") {
      rewrite.lowercase = true;
    } else if (word == "strip-domain") {
      rewrite.strip_domain = true;
    } else if (word.starts_with("default-domain:")) {
      rewrite.default_domain = value;
    } else if (word.starts_with("map:") && arrow != std::string::npos) {
      rewrite.map.push_back({value.substr(0, arrow), value.substr(arrow + 2), {}});
    } else {
      throw std::runtime_error("no rewriting of names: " + word);
    }
  }
  return rewrite;
}

TlsFacts secure_facts(const std::string& sni, const std::string& certificate) {
  TlsFacts facts;
  facts.secure = true;
  facts.minor = 3;
  facts.cipher = "TLS_AES_128_GCM_SHA256";
  facts.sni = sni;
  facts.client_cert = certificate_of(certificate);
  return facts;
}

bool is_asked(const std::vector<std::string>& wanted, const std::string& action) {
  const std::vector<std::string> has = words_of(action);
  if (has.empty() || wanted.empty() || has.front() != wanted.front()) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& word) {
    return std::find(has.begin(), has.end(), word) != has.end();
  });
}

std::string list_of(const std::vector<std::string>& actions) {
  std::string out;
  for (const std::string& action : actions) out += (out.empty() ? "" : "; ") + action;
  return out;
}

}  // namespace

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::stringstream in(text);
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Duration duration_of(const std::string& text) {
  std::size_t end = 0;
  const long long number = std::stoll(text, &end);
  const std::size_t sign = text.find_first_of("+-", end);
  const std::string unit = text.substr(end, sign - end);
  Duration duration{};
  if (unit == "ms") {
    duration = std::chrono::milliseconds(number);
  } else if (unit == "s") {
    duration = std::chrono::seconds(number);
  } else if (unit == "m") {
    duration = std::chrono::minutes(number);
  } else {
    throw std::runtime_error("no duration: " + text);
  }
  if (sign == std::string::npos) return duration;
  return text[sign] == '+' ? duration + Duration(1) : duration - Duration(1);
}

ErrorCode code_of(const std::string& label) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(ErrorCode::kCount); ++i)
    if (label_of(static_cast<ErrorCode>(i)) == label) return static_cast<ErrorCode>(i);
  throw std::runtime_error("no error is called " + label);
}

config::WhenEntry entry_of(std::string text) {
  const bool negated = text.starts_with('!');
  return {text.substr(negated ? 1 : 0), negated, {}};
}

// `action key=value …`, and `observe` for one on trial.
config::Rule rule_of(const std::string& text) {
  using config::RuleAction;
  config::Rule rule;
  for (const std::string& word : words_of(text)) {
    const std::size_t sign = word.find('=');
    const std::string key = word.substr(0, sign);
    const config::WhenEntry entry = entry_of(sign == std::string::npos ? "" : word.substr(sign + 1));
    for (const RuleAction action : {RuleAction::Allow, RuleAction::Deny, RuleAction::ReadOnly,
                                    RuleAction::Organise, RuleAction::Disconnect})
      if (config::name_of(action) == key) rule.action = action;
    if (key == "observe") rule.mode = config::RuleMode::Observe;
    if (key == "user") rule.when.users.push_back(entry);
    if (key == "command") rule.when.commands.push_back(entry);
    if (key == "class") rule.when.classes.push_back(entry);
    if (key == "mailbox") rule.when.mailboxes.push_back(entry);
    if (key == "flag") rule.when.flags.push_back(entry);
    if (key == "reply") rule.reply = entry.text;
  }
  rule.name = text;
  return rule;
}

Setting setting_of(const Dialogue& dialogue) {
  Setting setting;
  const std::string listener = dialogue.attribute("listener", "implicit");
  if (listener == "starttls") setting.listener = config::ListenerTls::Starttls;
  if (listener == "off") setting.listener = config::ListenerTls::Off;
  const std::string probed = dialogue.attribute("probed", kProbed);
  if (probed != "none") setting.probed = probed;
  config::Limits& limits = setting.settings.limits;
  const auto size = [&](const char* key, auto& value) {
    if (dialogue.has(key))
      value = static_cast<std::remove_reference_t<decltype(value)>>(std::stoull(dialogue.attribute(key, "")));
  };
  size("limits.line", limits.line);
  size("limits.sasl", limits.sasl);
  size("limits.literal", limits.literal);
  size("limits.buffer", limits.buffer);
  size("limits.sessions.per_user", limits.sessions_per_user);
  size("limits.commands_per_second.per_session", limits.commands_per_session);
  size("limits.commands_per_second.per_user", limits.commands_per_user);
  if (const std::string idle = dialogue.attribute("timeouts.idle", ""); !idle.empty())
    limits.timeouts.idle = duration_of(idle);
  size("limits.deletions.messages", limits.deletions.messages);
  setting.settings.rewrite.hide_capabilities = words_of(dialogue.attribute("hide", ""));
  setting.settings.rewrite.add_capabilities = words_of(dialogue.attribute("add", ""));
  setting.settings.rewrite.id = id_policy_of(dialogue.attribute("id", "pass"));
  setting.trusted = dialogue.has("trusted");
  setting.denied = names_of(dialogue.attribute("deny", ""));
  setting.closed = names_of(dialogue.attribute("close", ""));
  setting.held = names_of(dialogue.attribute("hold", ""));
  setting.denied_text = dialogue.attribute("deny-text", "");
  setting.denied_mailboxes = words_of(dialogue.attribute("deny-mailbox", ""));
  setting.hold_parts = dialogue.has("hold-parts");
  setting.denied_users = words_of(dialogue.attribute("deny-user", ""));
  setting.closed_users = words_of(dialogue.attribute("close-user", ""));
  setting.settings.rewrite.user = rewrite_of(dialogue.attribute("rewrite-user", ""));
  setting.settings.tls.client_auth.user_from = user_from_of(dialogue.attribute("user-from", ""));
  if (dialogue.has("master")) {
    setting.master.user = "gate";
    setting.master.password = std::make_shared<const Secret>(Stage::kMasterPassword);
  }
  if (dialogue.has("audit")) {
    config::Audit& audit = setting.settings.audit;
    audit.file = "audit.log";
    audit.events = 0;
    for (const std::string& word : words_of(dialogue.attribute("audit", "")))
      for (const config::audited::Name& one : config::audited::kNames)
        if (one.name == word) audit.events |= one.bits;
    if (dialogue.has("audit-interval")) audit.durability = config::Durability::Interval;
    setting.audit_has_room = !dialogue.has("audit-full");
    setting.audit_is_writable = !dialogue.has("audit-broken");
  }
  setting.asks_seat = dialogue.has("asks-seat");
  setting.seated = words_of(dialogue.attribute("seated", ""));
  for (const char* key : {"rule", "rule2"})
    if (dialogue.has(key)) setting.settings.rules.push_back(rule_of(dialogue.attribute(key, "")));
  return setting;
}

Player::Player(const Dialogue& dialogue, const Way& way) : dialogue_(dialogue), way_(way) {}

Failure Player::play() {
  try {
    prelude();
    for (const Step& step : dialogue_.steps) {
      now_ = &step;
      if (failure_.what.empty()) this->step(step);
      if (failure_.what.empty() && !stage_->problems().empty()) fail(stage_->problems().front());
      if (!failure_.what.empty()) return failure_;
    }
    nothing_left();
    if (!stage_->problems().empty()) fail(stage_->problems().front());
  } catch (const std::exception& problem) {
    fail(problem.what());
  }
  return failure_;
}

// What stands before the first line of a dialogue: nothing with `from-accept`; else TLS and the greeting;
// with `logged-in` a login; with `selected` a mailbox, too.
void Player::prelude() {
  Way whole = way_;
  stage_ = std::make_unique<Stage>(setting_of(dialogue_), whole);
  if (dialogue_.has("from-accept")) return;
  if (dialogue_.attribute("listener", "implicit") == "implicit")

    stage_->happen(session::TlsReady{Side::Client, secure_facts(expand(dialogue_.attribute("sni", ""), {}),
                                                                dialogue_.attribute("client-cert", ""))});
  if (stage_->seen(Side::Client).rfind("* OK [CAPABILITY ", 0) != 0)
    return fail("no greeting: " + printable(stage_->seen(Side::Client)));
  forget();
  if (dialogue_.has("logged-in") || dialogue_.has("selected"))
    log_in(dialogue_.attribute("upstream", kUpstream));
  if (dialogue_.has("selected")) select();
}

void Player::log_in(const std::string& upstream) {
  if (dialogue_.attribute("listener", "implicit") == "starttls") {
    stage_->send(Side::Client, "s0 STARTTLS\r\n");
    stage_->happen(session::TlsReady{Side::Client, secure_facts("", "")});
  }
  stage_->send(Side::Client, "a0 LOGIN alice pa55word\r\n");
  stage_->happen(session::UpstreamConnected{});
  stage_->send(Side::Upstream, "* OK [CAPABILITY " + upstream + "] ready\r\n");
  forget();  // what the gateway asks the upstream from here on belongs to the dialogue
  stage_->send(Side::Upstream, "a0 OK [CAPABILITY " + upstream + "] Logged in\r\n");
  if (!stage_->session().logged_in()) fail("not logged in: " + printable(stage_->seen(Side::Client)));
  if (dialogue_.has("audit")) tell_naming();
  stage_->seen(Side::Client).clear();
  stage_->asked().clear();
}

// What the gateway asks of the upstream for the names in the audit trail.
void Player::tell_naming() {
  for (int i = 0; i < 2; ++i) {
    const std::vector<std::string> words = words_of(stage_->seen(Side::Upstream));
    stage_->seen(Side::Upstream).clear();
    if (words.size() < 2) return;
    stage_->send(Side::Upstream, (words[1] == "LIST" ? "* LIST (\\Noselect) \"/\" \"\"\r\n"
                                                     : "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n") +
                                     words[0] + " OK done\r\n");
  }
}

void Player::select() {
  stage_->send(Side::Client, "s1 SELECT INBOX\r\n");
  stage_->send(Side::Upstream, "* 3 EXISTS\r\ns1 OK [READ-WRITE] Selected\r\n");
  if (stage_->sessions_in(telemetry::SessionState::Selected) != 1) fail("not selected");
  forget();
}

void Player::forget() {
  stage_->seen(Side::Client).clear();
  stage_->seen(Side::Upstream).clear();
  stage_->asked().clear();
}

void Player::step(const Step& step) {
  switch (step.kind) {
    case StepKind::ClientSends:
    case StepKind::UpstreamSends:
      nothing_left();
      if (stage_->closed()) return fail("the session is closed already");
      return stage_->send(step.kind == StepKind::ClientSends ? Side::Client : Side::Upstream,
                          expand(step.text, captures_));
    case StepKind::ClientSees:
      return sees(step, Side::Client);
    case StepKind::UpstreamSees:
      return sees(step, Side::Upstream);
    case StepKind::Happens:
      nothing_left();
      return happens(words_of(step.text));
    case StepKind::Asked:
      return asked(step);
    case StepKind::Holds:
      return holds(words_of(step.text));
  }
}

void Player::sees(const Step& step, Side side) {
  std::string& seen = stage_->seen(side);
  const std::size_t matched = match(step.text, seen, captures_);
  if (matched == std::string::npos)
    return fail(std::string("the ") + name_of(side) + " sees:\n" + printable(seen));
  seen.erase(0, matched);
}

void Player::asked(const Step& step) {
  std::vector<std::string>& asked = stage_->asked();
  if (asked.empty() || !is_asked(words_of(step.text), asked.front()))
    return fail("asked for: " + list_of(asked));
  asked.erase(asked.begin());
}

void Player::happens(const std::vector<std::string>& words) {
  const std::string& what = words.at(0);
  if (what == "wait") return stage_->wait(duration_of(words.at(1)));
  if (what == "drain") return stage_->happen(session::Drain{});
  if (what == "refused") return stage_->happen(session::Refused{});
  if (what == "eof")
    return stage_->end_of_file(side_of(words.at(1)), words.size() > 2 && words[2] == "truncated");
  if (what == "failed") return stage_->happen(session::Failed{side_of(words.at(1)), code_of(words.at(2))});
  if (what == "stops-reading") return stage_->stops_reading(side_of(words.at(1)), true);
  if (what == "takes") return stage_->takes(side_of(words.at(1)), std::stoul(words.at(2)));
  if (what == "reads-again") return stage_->stops_reading(side_of(words.at(1)), false);
  if (what == "unsent" || what == "held-back") {
    session::Backlog backlog = stage_->backlog();
    if (what == "unsent") {
      backlog.unsent[static_cast<std::size_t>(side_of(words.at(1)))] = std::stoul(words.at(2));
    } else {
      backlog.held_back = words.at(1) == "on";
    }
    return stage_->holds(backlog);
  }
  if (what == "release") {
    const std::uint64_t id = words.size() > 2 ? stage_->question() + 7 : stage_->question();
    return stage_->answer(words.at(1) == "granted", id);
  }
  login_events(words);
}

void Player::login_events(const std::vector<std::string>& words) {
  const std::string& what = words.at(0);
  if (what == "connected") {
    const auto is_said = [&](const char* word) {
      return std::find(words.begin() + 2, words.end(), word) != words.end();
    };
    const config::MasterLogin master =
        is_said("no-master") ? config::MasterLogin{} : setting_of(dialogue_).master;
    return stage_->happen(
        session::UpstreamConnected{upstream_tls_of(words.at(1)), is_said("send-id"), master});
  }
  if (what == "dialling") return stage_->happen(session::Dialling{});
  if (what == "connect-failed")
    return stage_->happen(session::UpstreamFailed{words.at(1) == "throttled" ? ErrorCode::LoginThrottled
                                                                             : ErrorCode::UpstreamRefused});
  if (what == "tls-ready") {
    const Side side = side_of(words.at(1));
    return stage_->happen(session::TlsReady{side, secure_facts("", dialogue_.attribute("client-cert", ""))});
  }
  if (what == "penalty") return stage_->happen(session::Penalty{duration_of(words.at(1))});
  throw std::runtime_error("no such event: " + what);
}

void Player::holds(const std::vector<std::string>& words) {
  const std::string& what = words.at(0);
  session::Session& session = stage_->session();
  if (what == "reads" || what == "reads-not") {
    if (session.wants_read(side_of(words.at(1))) != (what == "reads")) fail("it is otherwise");
    return;
  }
  if (what == "upstream-state") {
    const std::string wanted = now_->text.substr(what.size() + 1);
    if (session.upstream_state() != wanted) fail(session.upstream_state());
    return;
  }
  if (what == "fault") {
    const session::Fault& fault = session.fault();
    const std::string found = std::string(label_of(fault.code)) + " " + name_of(fault.side);
    if (now_->text.substr(what.size() + 1) != found) fail(found);
    return;
  }
  if (what == "struck") {
    const session::Fault& fault = session.fault();
    const std::string found = std::string(fault.clock) + " " + std::string(fault.turn);
    if (now_->text.substr(what.size() + 1) != found) fail(found);
    return;
  }
  if (what == "excerpt") {
    const std::string& excerpt = session.fault().excerpt;
    const std::string wanted = words.at(1) == "none" ? std::string() : now_->text.substr(what.size() + 1);
    if (match(wanted, excerpt, captures_) != excerpt.size()) fail(printable(excerpt));
    return;
  }
  if (what == "user") {
    if (session.user() != now_->text.substr(what.size() + 1)) fail(session.user());
    return;
  }
  holds_of_numbers(words);
}

void Player::holds_of_numbers(const std::vector<std::string>& words) {
  using telemetry::SessionState;
  const std::string& what = words.at(0);
  if (what == "deadline") {
    const auto left = stage_->time_left();
    const std::string found = left ? std::to_string(left->count()) + "ns" : "none";
    const std::string wanted =
        words.at(1) == "none" ? "none" : std::to_string(duration_of(words[1]).count()) + "ns";
    if (found != wanted) fail(found);
    return;
  }
  if (what == "seats") {  // USER N: that many sessions of it are counted
    const std::string found = std::to_string(stage_->sessions_of(words.at(1)));
    if (found != words.at(2)) fail(found);
    return;
  }
  if (what == "verdicts") {  // N forwarded M denied
    const FilterCounts& counts = stage_->counts();
    const std::string found =
        std::to_string(counts.forwarded) + " forwarded " + std::to_string(counts.denied) + " denied";
    if (now_->text.substr(what.size() + 1) != found) fail(found);
    return;
  }
  if (what == "state") {
    static const std::pair<const char*, SessionState> kStates[] = {
        {"unauthenticated", SessionState::Unauthenticated},
        {"authenticated", SessionState::Authenticated},
        {"selected", SessionState::Selected},
        {"idle", SessionState::Idle},
        {"closing", SessionState::Closing}};
    for (const auto& [name, state] : kStates) {
      if (stage_->sessions_in(state) != (name == words.at(1) ? 1U : 0U)) return fail("it is otherwise");
    }
    return;
  }
  throw std::runtime_error("nothing that could hold: " + what);
}

// Whatever the session did has to be written down before the dialogue goes on.
void Player::nothing_left() {
  if (!failure_.what.empty()) return;
  for (const Side side : {Side::Client, Side::Upstream})
    if (!stage_->seen(side).empty())
      return fail(std::string("not written down: the ") + name_of(side) + " sees:\n" +
                  printable(stage_->seen(side)));
  if (!stage_->asked().empty()) fail("not written down: asked for: " + list_of(stage_->asked()));
}

void Player::fail(const std::string& what) {
  if (!failure_.what.empty()) return;
  failure_.line = now_ != nullptr ? now_->line : dialogue_.line;
  failure_.what = (now_ != nullptr ? "at: " + now_->text.substr(0, 200) + "\n" : std::string()) + what +
                  "\nplayed " + way_.text();
}

}  // namespace postern::spec
