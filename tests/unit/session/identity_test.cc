#include "session/login/identity.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "imap/command_scanner.h"
#include "imap/writer.h"

namespace postern::session {
namespace {

using namespace std::string_literals;

std::vector<IdPair> pairs_of(Octets args) { return read_id(args).value(); }

filters::SessionFacts facts_of(bool trusted) {
  filters::SessionFacts facts;
  facts.session_id = "s1";
  facts.client_address = "192.0.2.1";
  facts.client_port = 5;
  facts.trusted = trusted;
  return facts;
}

std::string told(const ClientIdentity& identity, const filters::SessionFacts& facts,
                 config::IdPolicy policy = config::IdPolicy::Pass, bool send_id = true) {
  return identity.for_upstream(send_id, policy, facts, {}, "1.0");
}

// An ID command as its scanner gives it, cut, and written for the upstream.
std::string cut(const std::string& command) {
  imap::CommandScanner scanner({});
  Octets in = command;
  EXPECT_EQ(scanner.next(in), imap::CommandEvent::Head);
  std::string storage;
  cut_proxy_fields(scanner.command(), storage);
  EXPECT_TRUE(read_id(scanner.command().args)) << scanner.command().args;
  std::string out;
  for (const std::string& chunk : imap::write_command(scanner.command()).chunks) out += chunk;
  return out;
}

TEST(Id, IsReadInEveryForm) {
  const auto pairs = pairs_of("(\"name\" \"a\\\"b\" {2}\r\nos {0}\r\n \"x\" nil)");
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_EQ(pairs[0].name, "name");
  EXPECT_EQ(pairs[0].value, "a\"b");
  EXPECT_EQ(pairs[1].name, "os");
  EXPECT_EQ(pairs[1].value, "");
  EXPECT_EQ(pairs[2].name, "x");
  EXPECT_EQ(pairs[2].value, std::nullopt);
  EXPECT_TRUE(pairs_of("NIL").empty());
  EXPECT_TRUE(pairs_of("()").empty());
  for (const Octets args :
       {"", "(", "(\"a\")", "(\"a\" b)", "(a \"b\")", "(\"a\"  \"b\")", "(\"a\" \"b\") ", "nil nil"})
    EXPECT_FALSE(read_id(args)) << args;
}

TEST(Id, AtMostThirtyPairs) {
  std::string list = "(\"a\" \"b\"";
  for (int i = 1; i < 30; ++i) list += " \"a\" \"b\"";
  EXPECT_EQ(pairs_of(list + ")").size(), 30U);
  EXPECT_FALSE(read_id(list + " \"a\" \"b\")"));
}

TEST(Id, ProxyFieldsAreKnownInAnyCase) {
  for (const Octets name :
       {"x-originating-ip", "X-Originating-Port", "x-connected-ip", "X-CONNECTED-NAME", "x-proxy-ttl",
        "x-session-id", "x-session-ext-id", "x-client-transport", "x-forward-user", "x-multiplex"})
    EXPECT_TRUE(is_proxy_field(name)) << name;
  for (const Octets name : {"name", "x-originating", "x-session-idx", "originating-ip", " x-proxy-ttl", ""})
    EXPECT_FALSE(is_proxy_field(name)) << name;
}

TEST(Id, CuttingLeavesTheRestAsItWas) {
  EXPECT_EQ(cut("a1 ID (\"name\" \"x\" \"os\" NIL)\r\n"), "a1 ID (\"name\" \"x\" \"os\" NIL)\r\n");
  EXPECT_EQ(cut("a1 id (\"x-proxy-ttl\" \"1\" \"name\" \"x\")\r\n"), "a1 id (\"name\" \"x\")\r\n");
  EXPECT_EQ(cut("a1 ID (\"a\" \"b\" \"X-Forward-c\" NIL \"d\" NIL)\r\n"),
            "a1 ID (\"a\" \"b\" \"d\" NIL)\r\n");
  EXPECT_EQ(cut("a1 ID (\"x-session-id\" \"1\")\r\n"), "a1 ID NIL\r\n");
  EXPECT_EQ(cut("a1 ID ({11+}\r\nx-proxy-ttl {1+}\r\n1 {1+}\r\n\xC3 {3+}\r\nb\"c \"e\" {2+}\r\nfg)\r\n"),
            "a1 ID ({1}\r\n\xC3 \"b\\\"c\" \"e\" \"fg\")\r\n");
}

TEST(ClientIdentity, BelievesATrustedProxyOnce) {
  ClientIdentity identity;
  filters::SessionFacts facts = facts_of(true);
  EXPECT_TRUE(identity.hear(
      pairs_of("(\"X-Originating-IP\" \"::ffff:198.51.100.7\" \"x-originating-port\" \"77\")"), facts));
  EXPECT_EQ(facts.client_address, "198.51.100.7");
  EXPECT_EQ(facts.client_port, 77);
  EXPECT_FALSE(identity.hear(pairs_of("(\"x-originating-ip\" \"203.0.113.1\")"), facts));
  EXPECT_EQ(facts.client_address, "198.51.100.7");
}

TEST(ClientIdentity, BelievesNobodyElse) {
  ClientIdentity identity;
  filters::SessionFacts facts = facts_of(false);
  EXPECT_FALSE(
      identity.hear(pairs_of("(\"x-originating-ip\" \"203.0.113.1\" \"x-session-id\" \"x\")"), facts));
  EXPECT_EQ(facts.client_address, "192.0.2.1");
  EXPECT_EQ(facts.external_id, "");
}

TEST(ClientIdentity, CountsHopsDown) {
  ClientIdentity identity;
  filters::SessionFacts facts = facts_of(false);
  EXPECT_EQ(identity.hops_left(), ClientIdentity::kHops);
  for (const auto& [said, left] : std::vector<std::pair<std::string, int>>{{"8", 7},
                                                                           {"7", 6},
                                                                           {"99", 6},
                                                                           {"-1", 6},
                                                                           {"3x", 6},
                                                                           {"", 6},
                                                                           {"99999999999999999999", 6},
                                                                           {"2", 1},
                                                                           {"1", 0},
                                                                           {"0", -1}}) {
    identity.hear(pairs_of("(\"x-proxy-ttl\" \"" + said + "\")"), facts);
    EXPECT_EQ(identity.hops_left(), left) << said;
  }
}

TEST(ClientIdentity, TellsNoMoreThanIsKnown) {
  const ClientIdentity identity;
  filters::SessionFacts facts = facts_of(false);
  EXPECT_EQ(told(identity, facts),
            "(\"x-originating-ip\" \"192.0.2.1\" \"x-originating-port\" \"5\" \"x-session-ext-id\" \"s1\" "
            "\"x-client-transport\" \"insecure\" \"x-proxy-ttl\" \"7\")");
  facts.client_address = "unix:/run/x.sock";
  EXPECT_EQ(told(identity, facts).find("originating"), std::string::npos);
  EXPECT_EQ(told(identity, facts, config::IdPolicy::Pass, false), "");
  EXPECT_EQ(told(identity, facts, config::IdPolicy::Hide, false), "");
  EXPECT_EQ(told(identity, facts, config::IdPolicy::Own, false),
            "(\"name\" \"Postern\" \"version\" \"1.0\")");
}

// Cyrus 3.6 refuses quotes and backslashes and hangs up on NIL; nobody takes what is longer.
TEST(ClientIdentity, TellsOnlyWhatEveryServerTakes) {
  ClientIdentity identity;
  filters::SessionFacts facts = facts_of(false);
  identity.hear(
      pairs_of(
          "(\"ok\" \"1\" \"q\\\"\" \"2\" \"a\" \"q\\\"\" \"b\" \"q\\\\\" \"c\" NIL \"d\" \"\" \"\" \"e\" "
          "\"f\" {1}\r\n\xC3 \"" +
          std::string(30, 'n') + "\" \"3\" \"" + std::string(31, 'n') + "\" \"4\")"),
      facts);
  EXPECT_EQ(told(identity, facts, config::IdPolicy::Pass, false),
            "(\"ok\" \"1\" \"" + std::string(30, 'n') + "\" \"3\")");
}

TEST(ClientIdentity, KeepsAndTellsABoundedAmount) {
  ClientIdentity identity;
  filters::SessionFacts facts = facts_of(false);
  facts.connected_address = "192.0.2.2";
  std::string list = "(\"a0\" \"" + std::string(500, 'x') + "\" \"a1\" \"" + std::string(600, 'x') + "\"";
  for (int i = 2; i < 30; ++i) list += " \"a" + std::to_string(i) + "\" \"y\"";
  identity.hear(pairs_of(list + ")"), facts);
  const std::string id = told(identity, facts);
  EXPECT_LE(id.size(), ClientIdentity::kKeptBytes + 500);
  EXPECT_EQ(id.find("\"a1\""), std::string::npos);
  EXPECT_EQ(pairs_of(id).size(), ClientIdentity::kPairs);
}

}  // namespace
}  // namespace postern::session
