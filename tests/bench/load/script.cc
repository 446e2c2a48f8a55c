#include "load/script.h"

#include "common/options.h"

namespace postern::bench {

namespace {

Step step(Step::Kind kind, std::string text = {}, Step::Answer answer = Step::Answer::Tagged) {
  return {kind, std::move(text), answer, 0, false};
}

Step command(std::string text, Step::Answer answer = Step::Answer::Tagged) {
  return step(Step::Kind::Command, std::move(text), answer);
}

Step last(Step made) {
  made.ends_operation = true;
  return made;
}

std::vector<Step> connecting(Tls tls) {
  std::vector<Step> steps;
  if (tls == Tls::StartTls) {
    steps.push_back(step(Step::Kind::Greeting));
    steps.push_back(command("STARTTLS"));
    steps.push_back(step(Step::Kind::Handshake));
  } else {
    if (tls == Tls::Implicit) steps.push_back(step(Step::Kind::Handshake));
    steps.push_back(step(Step::Kind::Greeting));
  }
  steps.push_back(command("LOGIN alice secret"));
  return steps;
}

std::vector<Step> mix() {
  return {
      last(command("SELECT INBOX")),
      last(command("UID FETCH 1:* (FLAGS)")),
      last(command("UID FETCH 1:20 (UID BODY.PEEK[HEADER])")),
      last(command("UID STORE 1 +FLAGS (\\Seen)")),
      last(command("NOOP")),
      command("IDLE", Step::Answer::Continuation),
      last(step(Step::Kind::Line, "DONE")),
  };
}

std::vector<Step> append(std::uint64_t octets) {
  Step body = last(step(Step::Kind::Body));
  body.body_octets = octets;
  return {command("APPEND INBOX {" + std::to_string(octets) + "}", Step::Answer::Continuation), body};
}

}  // namespace

Script make_script(const std::string& scenario, Tls tls, std::uint64_t body_mib) {
  Script script;
  if (scenario == "login" || scenario == "resumed") {
    script.operation = connecting(tls);
    script.operation.push_back(last(command("LOGOUT")));
    script.connects_anew = true;
    script.resumes = scenario == "resumed";
    return script;
  }
  script.set_up = connecting(tls);
  script.set_up.push_back(command("SELECT INBOX"));
  if (scenario == "noop") {
    script.operation = {last(command("NOOP"))};
  } else if (scenario == "expunge") {
    script.operation = {last(command("UID EXPUNGE 1"))};
  } else if (scenario == "mix") {
    script.operation = mix();
  } else if (scenario == "fetch") {
    script.operation = {last(command("UID FETCH " + std::to_string(body_mib) + " (BODY.PEEK[])"))};
  } else if (scenario == "append") {
    script.operation = append(body_mib * 1024 * 1024);
  } else if (scenario == "idle") {
    script.set_up.push_back(command("IDLE", Step::Answer::Continuation));
  } else {
    die("unknown scenario " + scenario, 2);
  }
  return script;
}

}  // namespace postern::bench
