#include "session/core.h"

#include <utility>

#include "session/relaying/judging.h"

namespace postern::session {
namespace {

constexpr std::size_t kExcerptBytes = 16;

}  // namespace

Core::Core(Environment given, filters::Chain filters, Instant since)
    : env(std::move(given)),
      chain(std::move(filters)),
      now(since),
      client_scanner(command_limits_of(*env.settings)) {
  listener_cells().sessions[index_of(state)].add();
}

// --- out ------------------------------------------------------------------------------------------------

void Core::emit(Side side, Octets range) {
  if (range.empty() || ended()) return;
  if (legs[0].lends(range) || legs[1].lends(range)) {
    leg(side).out.borrow(range);
  } else {
    leg(side).out.own(range);
  }
}

void Core::say(std::initializer_list<Octets> parts) {
  if (ended()) return;
  for (const Octets part : parts) leg(Side::Client).out.own(part);
}

imap::CommandEvent Core::swallow(std::string answer) {
  swallow_answer = std::move(answer);
  client_scanner.refuse();
  Octets nothing;
  return client_scanner.next(nothing);
}

void Core::restart(Clock clock, Duration time) noexcept {
  if (deadlines.runs(clock)) deadlines.start(clock, now + time);
}

// --- what it waits for ----------------------------------------------------------------------------------

void Core::ask(asked::Question question) {
  deadlines.start(Clock::Parked, now + asked::terms_of(question).within);
  awaited = ++questions;
  act(Ask{awaited, std::move(question)});
}

void Core::stop_waiting() noexcept {
  awaited = 0;
  deadlines.stop(Clock::Parked);
}

void Core::forget(std::unique_ptr<audit::Record> instead) {
  act(Forget{awaited, std::move(instead)});
  stop_waiting();
}

// --- ends -----------------------------------------------------------------------------------------------

void Core::end(ErrorCode code, Octets response_code, Octets text) {
  if (ended()) return;
  if (text.empty()) text = row_of(code).client;
  if (speaks && !mid_response && !bye_seen && !text.empty()) {
    if (response_code.empty()) {
      say({"* BYE ", text, "\r\n"});
    } else {
      say({"* BYE [", response_code, "] ", text, "\r\n"});
    }
  }
  fault.code = code;
  for (LegOctets& each : legs) each.drop();
  ending.say_bye();
}

void Core::end_by(Clock clock, ErrorCode code, Octets response_code) {
  fault.clock = name_of(clock);
  fault.turn = turn_of(clock);
  end(code, response_code);
}

void Core::fail(ErrorCode code, Side side, std::string_view expected, Octets excerpt) {
  if (ended()) return;
  fault = {code, side, leg(side).read(), expected, std::string(excerpt.substr(0, kExcerptBytes))};
  end(code, code == ErrorCode::LiteralTooLarge ? "TOOBIG" : "");
}

void Core::client_fault(ErrorCode code) {
  using telemetry::ParseError;
  ParseError reason = ParseError::Syntax;
  if (code == ErrorCode::LineTooLong || code == ErrorCode::SaslTooLong) reason = ParseError::LineTooLong;
  if (code == ErrorCode::LiteralTooLarge) reason = ParseError::LiteralTooLarge;
  cells().side(Side::Client).parse_errors[index_of(reason)].add();
  if (!mid_response) say({"* BAD ", row_of(code).client, "\r\n"});
  fail(code, Side::Client, "a well-formed command");
}

// --- what is counted ------------------------------------------------------------------------------------

void Core::set_state(telemetry::SessionState to) {
  listener_cells().sessions[index_of(state)].sub();
  state = to;
  listener_cells().sessions[index_of(state)].add();
}

void Core::count(imap::Verb verb, telemetry::CommandResult result) {
  cells().commands[index_of(verb)][index_of(result)].add();
}

}  // namespace postern::session
