#include "spec/seeds.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fuzz/session_script.h"
#include "spec/player.h"

namespace postern::spec {
namespace {

constexpr std::size_t kSeedBytesMax = 16 * 1024;  // a fuzzer learns nothing from long runs of one octet
constexpr const char* kGreeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR ID IDLE LITERAL+ ENABLE] ready\r\n";

unsigned setting_octet(const Dialogue& dialogue) {
  const std::string listener = dialogue.attribute("listener", "implicit");
  unsigned setting = listener == "starttls" ? 1 : listener == "off" ? 2 : 0;
  if (dialogue.has("rule")) setting = fuzz::kRulesInClear;
  if (dialogue.has("audit")) setting = fuzz::kAuditsInClear;
  for (const char* limit : {"limits.line", "limits.sasl", "limits.literal", "limits.buffer"})
    if (dialogue.has(limit)) setting |= fuzz::kSmallLimits;
  if (dialogue.has("hold") || dialogue.has("hold-parts")) setting |= fuzz::kHoldsAppend;
  if (dialogue.has("deny") || dialogue.has("deny-text")) setting |= fuzz::kDeniesDelete;
  if (dialogue.has("trusted")) setting |= fuzz::kTrusted;
  if (dialogue.attribute("id", "") == "own") setting |= fuzz::kOwnId;
  return setting;
}

void add_client(std::string& script, std::string octets) {
  const std::string password = Stage::kPassword;
  for (std::size_t at = octets.find(password); at != std::string::npos; at = octets.find(password))
    octets.replace(at, password.size(), 1, fuzz::kCanaryMark);
  fuzz::add_octets(script, 'C', octets);
}

std::string prelude_of(const Dialogue& dialogue) {
  std::string script;
  if (dialogue.has("from-accept")) return script;
  const bool has_tls = dialogue.attribute("listener", "implicit") == "implicit" && !dialogue.has("rule") &&
                       !dialogue.has("audit");
  if (has_tls) fuzz::add_record(script, 't', 0);
  if (!dialogue.has("logged-in") && !dialogue.has("selected")) return script;
  add_client(script, "a0 LOGIN alice pa55word\r\n");
  fuzz::add_record(script, 'c', 0);
  fuzz::add_octets(script, 'U', kGreeting);
  const std::string upstream = dialogue.attribute("upstream", "IMAP4rev1 ID IDLE ENABLE");
  fuzz::add_octets(script, 'U', "a0 OK [CAPABILITY " + upstream + "] Logged in\r\n");
  if (dialogue.has("audit")) fuzz::add_octets(script, 'U', "* LIST () \"/\" \"\"\r\n\x01 OK done\r\n");
  if (!dialogue.has("selected")) return script;
  fuzz::add_octets(script, 'C', "s1 SELECT INBOX\r\n");
  fuzz::add_octets(script, 'U', "s1 OK [READ-WRITE] Selected\r\n");
  return script;
}

void add_event(std::string& script, const std::vector<std::string>& words) {
  const std::string& what = words.at(0);
  const std::string with = words.size() > 1 ? words[1] : std::string();
  const unsigned side = with == "upstream" ? 1 : 0;
  if (what == "wait") {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration_of(with)).count();
    return fuzz::add_record(script, 'w', static_cast<unsigned>(seconds));
  }
  if (what == "penalty") return fuzz::add_record(script, 'p', static_cast<unsigned>(with.front() - '0'));
  if (what == "drain") return fuzz::add_record(script, 'd', 0);
  if (what == "connected")
    return fuzz::add_record(script, 'c',
                            (with == "off"        ? 0U
                             : with == "starttls" ? 1U
                                                  : 2U) |
                                (words.size() > 2 ? fuzz::kSendId : 0U));
  if (what == "connect-failed") return fuzz::add_record(script, 'f', with == "throttled" ? 1 : 0);
  if (what == "tls-ready") return fuzz::add_record(script, 't', side);
  if (what == "eof") return fuzz::add_record(script, 'e', side | (words.size() > 2 ? 2U : 0U));
  if (what == "failed") return fuzz::add_record(script, 'x', side);
  if (what == "release") return fuzz::add_record(script, 'r', with == "granted" ? 1 : 0);
  if (what == "stops-reading" || what == "reads-again") return fuzz::add_record(script, 'b', side);
}

std::string script_of(const Dialogue& dialogue) {
  const Captures tags = own_tags(dialogue);
  std::string script(1, static_cast<char>(setting_octet(dialogue)));
  script += prelude_of(dialogue);
  for (const Step& step : dialogue.steps) {
    if (step.kind == StepKind::ClientSends) add_client(script, expand(step.text, tags));
    if (step.kind == StepKind::UpstreamSends) fuzz::add_octets(script, 'U', expand(step.text, tags));
    if (step.kind == StepKind::Happens) add_event(script, words_of(step.text));
  }
  return script;
}

}  // namespace

Captures own_tags(const Dialogue& dialogue) {
  Captures tags;
  for (const Step& step : dialogue.steps) {
    if (step.kind != StepKind::UpstreamSees) continue;
    for (std::size_t at = 0; (at = step.text.find("<<", at)) != std::string::npos; at += 2) {
      const std::string name = step.text.substr(at + 2, step.text.find(">>", at) - at - 2);
      const bool is_name = std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
      if (is_name && !name.empty()) tags[name] = std::string(1, fuzz::kOwnTag);
    }
  }
  return tags;
}

void write_seed(const Dialogue& dialogue) {
  const char* const folder = std::getenv("POSTERN_SPEC_SEEDS");
  if (folder == nullptr) return;
  const std::string script = script_of(dialogue);
  if (script.size() > kSeedBytesMax) return;
  const std::string stem = std::filesystem::path(dialogue.file).stem().string();
  std::ofstream(std::filesystem::path(folder) / (stem + "-" + dialogue.name), std::ios::binary) << script;
}

}  // namespace postern::spec
