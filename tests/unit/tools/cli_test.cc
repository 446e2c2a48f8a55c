#include "tools/cli.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace postern::server {
namespace {

struct Said {
  Parsed parsed;
  std::string out;
  std::string err;
};

Said say(std::vector<const char*> words) {
  words.insert(words.begin(), "postern");
  std::ostringstream out;
  std::ostringstream err;
  Parsed parsed = parse_command_line(static_cast<int>(words.size()), words.data(), out, err);
  return {parsed, out.str(), err.str()};
}

TEST(CommandLine, RunsWithAConfiguration) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"run", "-c", "x.yaml"},
                                                {"run", "--config", "x.yaml"},
                                                {"run", "--config=x.yaml"}}) {
    const Said said = say(words);
    ASSERT_TRUE(said.parsed.command);
    EXPECT_EQ(said.parsed.command->subcommand, Subcommand::Run);
    EXPECT_EQ(said.parsed.command->config_path, "x.yaml");
    EXPECT_FALSE(said.parsed.command->takeover);
  }
  EXPECT_TRUE(say({"run", "-c", "x.yaml", "--takeover"}).parsed.command->takeover);
}

TEST(CommandLine, ChecksByThreeNames) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"check", "-c", "x.yaml"},
                                                {"-t", "-c", "x.yaml"},
                                                {"--test", "--config", "x.yaml"}}) {
    const Said said = say(words);
    ASSERT_TRUE(said.parsed.command);
    EXPECT_EQ(said.parsed.command->subcommand, Subcommand::Check);
    EXPECT_EQ(said.parsed.command->config_path, "x.yaml");
  }
}

TEST(CommandLine, ShowsCapabilitiesWithAndWithoutAConfiguration) {
  const Said bare = say({"capabilities"});
  ASSERT_TRUE(bare.parsed.command);
  EXPECT_EQ(bare.parsed.command->subcommand, Subcommand::Capabilities);
  EXPECT_EQ(bare.parsed.command->config_path, "");
  EXPECT_FALSE(bare.parsed.command->json);
  const Said with = say({"capabilities", "--json", "-c", "x.yaml"});
  ASSERT_TRUE(with.parsed.command);
  EXPECT_EQ(with.parsed.command->subcommand, Subcommand::Capabilities);
  EXPECT_EQ(with.parsed.command->config_path, "x.yaml");
  EXPECT_TRUE(with.parsed.command->json);
}

TEST(CommandLine, ExplainsACommand) {
  const Said said = say({"explain",
                         "-c",
                         "x.yaml",
                         "--user",
                         "fred",
                         "--from",
                         "192.0.2.7",
                         "--listener",
                         "imaps",
                         "--sni",
                         "mail",
                         "--tls",
                         "1.2",
                         "--client-cert",
                         "Fred",
                         "--mailbox",
                         "A",
                         "--read-only",
                         "--separator",
                         ".",
                         "--json",
                         "--command",
                         "UID STORE 1 +FLAGS (\\Deleted)"});
  ASSERT_TRUE(said.parsed.command);
  EXPECT_EQ(said.parsed.command->subcommand, Subcommand::Explain);
  const ExplainQuestion& question = said.parsed.command->question;
  EXPECT_EQ(question.config_path, "x.yaml");
  EXPECT_EQ(question.user, "fred");
  EXPECT_EQ(question.from, "192.0.2.7");
  EXPECT_EQ(question.listener, "imaps");
  EXPECT_EQ(question.sni, "mail");
  EXPECT_EQ(question.tls, "1.2");
  EXPECT_EQ(question.client_cert, "Fred");
  EXPECT_EQ(question.mailbox, "A");
  EXPECT_TRUE(question.read_only);
  EXPECT_EQ(question.separator, ".");
  EXPECT_EQ(question.command, "UID STORE 1 +FLAGS (\\Deleted)");
  EXPECT_TRUE(question.json);
  EXPECT_EQ(say({"explain", "-c", "x.yaml"}).parsed.status, 2) << "without a command";
  EXPECT_EQ(say({"explain", "-c", "x.yaml", "--command", "NOOP", "--tls", "2"}).parsed.status, 2);
}

TEST(CommandLine, ShowsTheVersionByTwoNames) {
  for (const char* word : {"version", "--version"}) {
    const Said said = say({word});
    ASSERT_TRUE(said.parsed.command);
    EXPECT_EQ(said.parsed.command->subcommand, Subcommand::Version);
  }
}

TEST(CommandLine, HelpIsNoMistake) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--help"}, {"-h"}, {"run", "--help"}}) {
    const Said said = say(words);
    EXPECT_FALSE(said.parsed.command);
    EXPECT_EQ(said.parsed.status, 0);
    EXPECT_NE(said.out.find("postern"), std::string::npos);
    EXPECT_EQ(said.err, "");
  }
}

TEST(CommandLine, WrongUsageIsTwo) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{},
                                                {"fly"},
                                                {"run"},
                                                {"run", "-c"},
                                                {"check"},
                                                {"-t"},
                                                {"run", "-c", "x", "y"},
                                                {"run", "-c", "x", "--no-such"},
                                                {"run", "-c", "x", "--json"},
                                                {"capabilities", "IDLE"},
                                                {"run", "-c", "x", "check", "-c", "x"},
                                                {"-c", "x.yaml"}}) {
    const Said said = say(words);
    EXPECT_FALSE(said.parsed.command);
    EXPECT_EQ(said.parsed.status, 2);
    EXPECT_NE(said.err, "");
    EXPECT_EQ(said.out, "");
  }
}

TEST(CommandLine, AsksOfTheAuditTrail) {
  Said said = say({"audit", "verify", "--key", "k", "--checkpoint-key", "c", "--from", "7", "--state", "s",
                   "--json", "a", "b"});
  ASSERT_TRUE(said.parsed.command);
  EXPECT_EQ(said.parsed.command->subcommand, Subcommand::Audit);
  const AuditQuestion& verify = said.parsed.command->audit;
  EXPECT_EQ(verify.verb, AuditVerb::Verify);
  EXPECT_EQ(verify.key + verify.checkpoint_key + verify.state, "kcs");
  EXPECT_EQ(verify.from, 7u);
  EXPECT_TRUE(verify.json);
  EXPECT_EQ(verify.files, (std::vector<std::string>{"a", "b"}));
  said = say({"audit", "keygen", "--chain-key", "x"});
  ASSERT_TRUE(said.parsed.command);
  EXPECT_EQ(said.parsed.command->audit.verb, AuditVerb::Keygen);
  EXPECT_EQ(said.parsed.command->audit.chain_key, "x");
  said = say({"audit", "cat", "--user", "u", "--since", "2h", "--until", "1h", "--mailbox", "m", "--class",
              "destructive", "--event", "e", "--session", "s", "a"});
  ASSERT_TRUE(said.parsed.command);
  const AuditQuestion& cat = said.parsed.command->audit;
  EXPECT_EQ(cat.verb, AuditVerb::Cat);
  EXPECT_EQ(cat.user + cat.since + cat.until + cat.mailbox + cat.command_class + cat.event + cat.session,
            "u2h1hmdestructivees");
  said = say({"audit", "tail", "-n", "3", "a"});
  ASSERT_TRUE(said.parsed.command);
  EXPECT_EQ(said.parsed.command->audit.verb, AuditVerb::Tail);
  EXPECT_EQ(said.parsed.command->audit.lines, 3u);
}

TEST(CommandLine, RefusesWhatIsNoQuestionOfTheAuditTrail) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"audit"},
                                                {"audit", "verify"},
                                                {"audit", "verify", "--from", "0", "a"},
                                                {"audit", "keygen"},
                                                {"audit", "tail", "a", "b"},
                                                {"audit", "burn", "a"}}) {
    const Said said = say(words);
    EXPECT_FALSE(said.parsed.command);
    EXPECT_EQ(said.parsed.status, 2);
    EXPECT_NE(said.err, "");
  }
}

}  // namespace
}  // namespace postern::server
