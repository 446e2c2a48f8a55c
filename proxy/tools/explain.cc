#include "tools/explain.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

#include "base/joined.h"
#include "config/diagnostics.h"
#include "config/load.h"
#include "config/match.h"
#include "crypto/random.h"
#include "filters/chain.h"
#include "filters/command_rules.h"
#include "filters/user_rewrite.h"
#include "imap/arguments.h"
#include "imap/command_effect.h"
#include "imap/command_scanner.h"
#include "imap/response_scanner.h"
#include "imap/writer.h"
#include "ledger/ledger.h"
#include "session/relaying/judging.h"
#include "tools/explanation.h"
#include "upstreams/routing.h"

namespace postern::server {
namespace {

using filters::Context;
using filters::Decision;
using filters::RuleHits;
using filters::Ruling;
using imap::Verb;

using config::kTlsVersions;

struct WrongQuestion {
  std::string text;
};

ExplainedResult result_of(const Decision& decision) noexcept {
  switch (decision.ruling) {
    case Ruling::Deny:
      return ExplainedResult::Refused;
    case Ruling::Close:
      return ExplainedResult::Disconnected;
    case Ruling::Ask:
      return ExplainedResult::Counted;
    case Ruling::Rewrite:
      return ExplainedResult::Rewritten;
    case Ruling::Pass:
    case Ruling::Hold:
    case Ruling::Delay:
      break;
  }
  return decision.rewriting == filters::Rewriting::None ? ExplainedResult::Allowed
                                                        : ExplainedResult::Rewritten;
}

std::vector<std::string> words_of(std::uint8_t classes) {
  std::vector<std::string> out;
  for (const imap::effect::ClassName& one : imap::effect::kClasses)
    if ((classes & one.bit) != 0) out.emplace_back(one.name);
  return out;
}

class Explainer {
 public:
  Explainer(const ExplainQuestion& question, config::Settings settings)
      : question_(question),
        settings_(std::move(settings)),
        ledger_(settings_.limits, {RandomSource().key(), RandomSource().key()}) {}

  // What is wrong with the configuration beyond what its loading has found.
  std::vector<filters::UserRewrite::Fault> prepare() {
    std::vector<filters::UserRewrite::Fault> faults;
    user_rewrite_ = filters::UserRewrite::make(settings_.rewrite.user, faults);
    policy_ = std::make_shared<const filters::Policy>(settings_);
    return faults;
  }

  Explanation run() {
    set_facts();
    if (const std::string fault = handshake_fault(); !fault.empty()) {
      out_.result = ExplainedResult::NoHandshake;
      out_.meaning = fault;
      return out_;
    }
    make_chain();
    scan();
    return out_;
  }

 private:
  // --- who asks --------------------------------------------------------------------------------------------

  void set_facts() {
    listener_ = find_listener();
    facts_.session_id = "explain";
    facts_.listener = listener_->name;
    facts_.listener_index = static_cast<std::size_t>(listener_ - settings_.listeners.data());
    facts_.tls = listener_->tls;
    if (!question_.from.empty()) {
      const auto address = config::parse_address(question_.from);
      if (!address) throw WrongQuestion{"--from: " + config::in_quotes(question_.from) + " is no address"};
      facts_.client_address = config::address_text(*address);
    } else {
      out_.notes.emplace_back(
          "without --from nobody knows the client's network: it matches restrictions alone");
    }
    set_tls();
    if (question_.separator.size() > 1) throw WrongQuestion{"--separator: one character"};
    learn_separator(question_.separator.empty() ? "/" : question_.separator);
  }

  const config::Listener* find_listener() const {
    if (question_.listener.empty()) return &settings_.listeners.front();
    for (const config::Listener& one : settings_.listeners)
      if (one.name == question_.listener) return &one;
    throw WrongQuestion{
        "--listener: none has the name " + config::in_quotes(question_.listener) +
        "; there are: " + joined(settings_.listeners, [](const auto& one) { return one.name; })};
  }

  void set_tls() {
    std::string wanted = question_.tls;
    if (wanted.empty()) wanted = listener_->tls == config::ListenerTls::Off ? "off" : "1.3";
    tls_.secure = wanted != "off";
    if (!tls_.secure) return;
    tls_.minor = static_cast<std::uint8_t>(std::find(kTlsVersions.begin(), kTlsVersions.end(), wanted) -
                                           kTlsVersions.begin());
    tls_.sni = question_.sni;
    if (question_.client_cert.empty()) return;
    if (settings_.tls.client_auth.mode == config::ClientAuth::Off) {
      out_.notes.emplace_back("the client is asked for no certificate: tls.client_auth.mode is off");
      return;
    }
    auto certificate = std::make_shared<ClientCertificate>();
    certificate->subject = "CN=" + question_.client_cert;
    certificate->common_name = question_.client_cert;
    if (question_.client_cert.find('@') != std::string::npos) {
      certificate->emails = {question_.client_cert};
      certificate->upns = {question_.client_cert};
    }
    tls_.client_cert = std::move(certificate);
  }

  void learn_separator(const std::string& separator) {
    const std::string line = "* LIST (\\Noselect) " + imap::quoted(separator) + " \"\"\r\n";
    imap::ResponseScanner scanner;
    Octets in = line;
    if (scanner.next(in) == imap::ResponseEvent::Head) naming_.learn(scanner.response(), scanner.octets());
  }

  // Why it does not come to a session.
  std::string handshake_fault() const {
    if (!tls_.secure)
      return listener_->tls == config::ListenerTls::Implicit ? "this listener speaks TLS from the first octet"
                                                             : "";
    if (listener_->tls == config::ListenerTls::Off) return "this listener has no TLS";
    if (tls_.minor < static_cast<std::uint8_t>(settings_.tls.min_version))
      return "tls.min_version is " + std::string(config::name_of(settings_.tls.min_version));
    if (settings_.tls.client_auth.mode == config::ClientAuth::Require && !tls_.client_cert)
      return "tls.client_auth.mode is require, and the client shows no certificate";
    return "";
  }

  // --- the filters -----------------------------------------------------------------------------------------

  void make_chain() {
    auto filters = filters::make_filters({&settings_, policy_, &ledger_});
    for (const auto& filter : filters)
      if (auto* rules = dynamic_cast<filters::CommandRules*>(filter.get()))
        rules->watch([this](const filters::Weighed& weighed) { note_mailbox(weighed); });
    chain_ = filters::Chain(std::move(filters));
  }

  Context context(bool logged_in) const {
    Context out{facts_, tls_, user_, logged_in, naming_};
    out.selected = logged_in && selected_ ? &*selected_ : nullptr;
    out.upstream = {true, true, true, true, false};
    return out;
  }

  const config::Rule* rule_at(std::int32_t index) const {
    return index == RuleHits::kNone ? nullptr : &settings_.rules[static_cast<std::size_t>(index)];
  }

  void note_mailbox(const filters::Weighed& weighed) {
    if (!watching_) return;
    ExplainedMailbox one;
    one.result = result_of(weighed.decision);
    if (one.result == ExplainedResult::Refused || one.result == ExplainedResult::Disconnected)
      one.answer = session::answer_of(weighed.decision);
    one.rule = rule_at(weighed.decision.rules.decided);
    one.observed = rule_at(weighed.decision.rules.observed);
    one.selected = weighed.selected && selected_;
    if (one.selected) one.name = naming_.canonical(selected_->name).name;
    if (weighed.subject != nullptr) {
      one.name = weighed.subject->name;
      one.unknown = weighed.subject->kind == filters::Subject::Kind::Unknown;
      one.below = weighed.subject->kind == filters::Subject::Kind::Below;
    }
    out_.mailboxes.push_back(std::move(one));
  }

  Decision judged_before_login(imap::Command& command) { return chain_.on_command(command, context(false)); }

  session::Judgement judged(imap::Command& command) {
    session::Judgement judgement = session::judge(chain_, command, context(true), settings_);
    while (judgement.decision.ruling == Ruling::Delay) {  // it would only come later
      chain_.resume();
      judgement = session::judge(chain_, command, context(true), settings_);
    }
    return judgement;
  }

  void conclude(const session::Judgement& judgement) {
    if (!judgement.own) return conclude(judgement.decision);
    out_.result = judgement.own->ends ? ExplainedResult::Disconnected : ExplainedResult::Refused;
    out_.answer = session::answer_of(*judgement.own);
  }

  void conclude(const Decision& decision) {
    out_.result = result_of(decision);
    out_.rule = rule_at(decision.rules.decided);
    out_.observed = rule_at(decision.rules.observed);
    switch (out_.result) {
      case ExplainedResult::Refused:
      case ExplainedResult::Disconnected:
        out_.answer = session::answer_of(decision);
        break;
      case ExplainedResult::Rewritten:
        out_.meaning = decision.rewriting == filters::Rewriting::Examine
                           ? "SELECT becomes EXAMINE: the mailbox is opened read-only"
                           : "CLOSE becomes UNSELECT, or EXAMINE and CLOSE where the upstream has none: "
                             "nothing is expunged";
        break;
      case ExplainedResult::Counted:
        out_.meaning = counted(*decision.question);
        break;
      default:
        break;
    }
  }

  std::string counted(const filters::Question& question) const {
    std::string asked;
    for (const std::string& chunk : question.chunks) asked += chunk;
    return "the upstream is asked first: " + asked + "; with more than " +
           std::to_string(settings_.limits.deletions.messages) +
           " messages gone within limits.deletions.window it is answered NO [LIMIT]";
  }

  // --- the login -------------------------------------------------------------------------------------------

  void take_user(const std::string& name) {
    user_ = name;
    if (user_.empty() || !user_rewrite_) return;
    const auto rewritten = (*user_rewrite_)(name);
    if (!rewritten) throw WrongQuestion{"--user: rewrite.user makes no name of " + config::in_quotes(name)};
    out_.user_rewritten = *rewritten != name;
    user_ = *rewritten;
  }

  void name_upstream() {
    out_.user = user_;
    out_.upstream = settings_.upstreams[choose_upstream(settings_, facts_, tls_, user_)].name;
  }

  // By LOGIN or AUTHENTICATE, whose arguments have no say.
  Decision login_by(Verb verb) {
    imap::Command command;
    command.tag = "a";
    command.name = imap::name_of(verb);
    command.verb = verb;
    Decision decision = judged_before_login(command);
    if (decision.ruling != Ruling::Pass) return decision;
    return chain_.on_login(verb, context(false));
  }

  // Before anything else: can this user log in at all? False: the result is what becomes of the login.
  bool log_in() {
    Decision decision = chain_.on_tls(context(false));
    if (decision.ruling == Ruling::Pass) {
      decision = login_by(Verb::Login);
      const Decision other = login_by(Verb::Authenticate);
      const bool both = decision.ruling != Ruling::Pass && other.ruling != Ruling::Pass;
      const auto note = [&](const char* verb, const Decision& refused) {
        if (!both && refused.ruling != Ruling::Pass)
          out_.notes.push_back(std::string(verb) + " is refused: " + session::answer_of(refused));
      };
      note("LOGIN", decision);
      note("AUTHENTICATE", other);
      if (!both) decision = chain_.on_seat(ledger_.seat_user(user_), context(false));
    }
    if (decision.ruling != Ruling::Pass) {
      conclude(decision);
      out_.result = ExplainedResult::LoginRefused;
      return false;
    }
    const filters::Needs needs = chain_.on_logged_in(context(true));
    if (needs.special_use)
      out_.notes.emplace_back("what the upstream says of \\Trash and \\Junk is not known here; `trash` is");
    return true;
  }

  // The mailbox that is said to be selected was opened under the same rules.
  bool open_selected() {
    if (question_.mailbox.empty()) return true;
    const std::string text = std::string("a ") + (question_.read_only ? "EXAMINE" : "SELECT") + " {" +
                             std::to_string(question_.mailbox.size()) + "+}\r\n" + question_.mailbox + "\r\n";
    imap::CommandScanner scanner({});
    Octets in = text;
    if (scanner.next(in) != imap::CommandEvent::Head)
      throw WrongQuestion{"--mailbox: " + config::in_quotes(question_.mailbox) + " is no mailbox's name"};
    const Decision decision = judged(scanner.command()).decision;
    if (decision.ruling == Ruling::Deny || decision.ruling == Ruling::Close) {
      conclude(decision);
      out_.meaning =
          "this is said when the mailbox is to be selected, so it does not get as far as the command";
      return false;
    }
    selected_ = filters::SelectedMailbox{question_.mailbox, question_.read_only};
    if (decision.rewriting == filters::Rewriting::Examine) {
      selected_->read_only = true;
      out_.notes.push_back("SELECT of the mailbox becomes EXAMINE by " +
                           config::in_quotes(rule_at(decision.rules.decided)->name));
    }
    return true;
  }

  // --- the command -----------------------------------------------------------------------------------------

  void scan() {
    const std::string text = "a " + question_.command + "\r\n";
    imap::CommandScanner scanner(session::command_limits_of(settings_));
    Octets in = text;
    bool more = true;
    bool begun = false;
    while (more) {
      switch (scanner.next(in)) {
        case imap::CommandEvent::Head:
          if (begun) throw WrongQuestion{"--command: there are several; one at a time"};
          begun = true;
          more = head(scanner.command());
          break;
        case imap::CommandEvent::Part:
        case imap::CommandEvent::End:  // a bare one says nothing more
          more = scanner.command().text.empty() || part(scanner.command());
          break;
        case imap::CommandEvent::Malformed:
          return malformed(scanner);
        case imap::CommandEvent::NeedMore:
          if (!begun) throw WrongQuestion{"--command: the octets of a literal are missing"};
          return;
        default:
          break;
      }
    }
  }

  void malformed(const imap::CommandScanner& scanner) {
    out_.result = scanner.certain() ? ExplainedResult::Refused : ExplainedResult::Disconnected;
    out_.answer =
        scanner.certain() ? "BAD Malformed command" : "BYE " + std::string(row_of(scanner.error()).client);
    out_.meaning = "nothing of it is forwarded: " + std::string(label_of(scanner.error()));
  }

  bool head(imap::Command& command) {
    out_.command = std::string(command.uid ? "UID " : "") + to_upper(command.name);
    const bool logs_in = command.verb == Verb::Login || command.verb == Verb::Authenticate;
    if (logs_in) return login_command(command);
    if (question_.user.empty() && filters::is_judged_by_name_only(command.verb)) {
      watching_ = true;
      conclude(judged_before_login(command));
      out_.notes.emplace_back("without --user this is before login");
      return false;
    }
    if (question_.user.empty())
      out_.notes.emplace_back("without --user the name is hidden: it matches restrictions alone");
    take_user(question_.user);
    name_upstream();
    if (!log_in() || !open_selected()) return false;
    const imap::CommandEffect effect = imap::effect_of(command, selected_ && selected_->read_only);
    note_effect(effect);
    watching_ = true;
    conclude(judged(command));
    return goes_on();
  }

  // A later message, or a piece of one: refused there, nothing of the command is stored.
  bool part(imap::Command& command) {
    conclude(judged(command));
    if (!goes_on()) out_.meaning = "by what stands behind its first message; nothing of it is stored";
    return goes_on();
  }

  bool goes_on() const {
    return out_.result == ExplainedResult::Allowed || out_.result == ExplainedResult::Rewritten;
  }

  void note_effect(const imap::CommandEffect& effect) {
    out_.classes = words_of(effect.classes);
    for (const Octets flag : effect.flags) out_.flags.emplace_back(flag);
    if (!effect.complete)
      out_.notes.emplace_back(
          "it cannot be read as the grammar has it, or nobody knows it: it counts as the worst that it can "
          "be");
  }

  bool login_command(imap::Command& command) {
    std::string name = question_.user;
    if (name.empty() && command.verb == Verb::Login)
      name = imap::ArgumentReader(command.args).astring().value_or("");
    if (name.empty()) out_.notes.emplace_back("the user's name is hidden: it matches restrictions alone");
    take_user(name);
    name_upstream();
    note_effect(imap::effect_of(command, false));
    watching_ = true;
    Decision decision = chain_.on_tls(context(false));
    if (decision.ruling == Ruling::Pass) decision = judged_before_login(command);
    if (decision.ruling == Ruling::Pass) decision = chain_.on_login(command.verb, context(false));
    conclude(decision);
    if (out_.result == ExplainedResult::Refused) out_.result = ExplainedResult::LoginRefused;
    return false;
  }

  const ExplainQuestion& question_;
  config::Settings settings_;
  SharedLedger ledger_;  // nobody else's: no limit is reached yet
  std::shared_ptr<const filters::UserRewrite> user_rewrite_;
  std::shared_ptr<const filters::Policy> policy_;
  const config::Listener* listener_ = nullptr;
  filters::SessionFacts facts_;
  TlsFacts tls_;
  imap::MailboxNaming naming_;
  std::string user_;
  std::optional<filters::SelectedMailbox> selected_;
  filters::Chain chain_;
  bool watching_ = false;
  Explanation out_;
};

}  // namespace

int explain(const ExplainQuestion& question, std::ostream& out, std::ostream& err) {
  config::Loaded loaded = config::load_file(question.config_path, {.files = false});
  err << config::render(loaded.diagnostics);
  if (!loaded.ok) return 1;
  Explainer explainer(question, std::move(loaded.settings));
  const auto faults = explainer.prepare();
  for (const auto& fault : faults)
    err << config::render({config::Severity::Error, "user-map", fault.message, fault.mark, ""});
  if (!faults.empty()) return 1;
  try {
    const Explanation explanation = explainer.run();
    out << (question.json ? json_of(explanation) : text_of(explanation));
  } catch (const WrongQuestion& wrong) {
    err << "postern explain: " << wrong.text << '\n';
    return 2;
  }
  return 0;
}

}  // namespace postern::server
