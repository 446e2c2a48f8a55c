// A client of any octets against an upstream whose parser loses count, in a chosen way (tests/policy). The
// first octet chooses the way, the second how the rest is cut. Held to:
//  - the upstream executes no CHECK, a harmless command that a rule denies: to be seen it must have got past;
//  - nothing follows on a part of an APPEND that the upstream has refused.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "config/rule.h"
#include "policy/client.h"

namespace {

using namespace postern;
using policy::kLapses;

spec::Setting setting() {
  spec::Setting out;
  config::Rule rule;
  rule.name = "no check";
  rule.mark = {"p.yaml", 1, 1};
  rule.action = config::RuleAction::Deny;
  rule.when.commands.push_back({"CHECK", false, {}});
  out.settings.rules.push_back(rule);
  out.settings.limits.commands_per_session = 0;
  return out;
}

void require(bool holds, const char* what, const policy::Client& client) {
  if (holds) return;
  std::fprintf(stderr, "fuzz_lapses: %s; the upstream got\n%s\n", what, client.upstream().received().c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  policy::Client client(setting(), {.piece = data[1] & 2U ? 1U : 0U}, '/', true,
                        kLapses[data[0] % std::size(kLapses)]);
  client.log_in();
  client.blurt("l2 SELECT INBOX\r\n");
  if ((data[1] & 1) != 0) {  // line by line: what is refused is answered before the next one comes
    std::size_t from = 0;
    for (std::size_t end = octets.find('\n'); end != std::string::npos; end = octets.find('\n', from)) {
      client.blurt(octets.substr(from, end + 1 - from));
      from = end + 1;
    }
    client.blurt(octets.substr(from));
  } else {
    client.blurt(octets);
  }
  for (const policy::Harm& harm : client.upstream().commands())
    require(harm.verb != "CHECK", "a command that was not judged", client);
  require(client.upstream().behind_refusal().empty(), "octets behind a part that was refused", client);
  return 0;
}
