#include "config/validate.h"

#include <gtest/gtest.h>

#include "unit/config/given.h"

namespace postern::config {
namespace {

using test::findings;
using test::load;
using test::load_with;
using test::message;

TEST(Validate, AnEmptyFileIsNoConfiguration) {
  EXPECT_EQ(message(load("")), "a configuration is a block of keys, such as 'listeners:'");
  EXPECT_EQ(findings(load("# nothing\n")), "0:0 type\n");
  EXPECT_EQ(findings(load("- a\n")), "1:1 type\n");
  EXPECT_EQ(findings(load("text\n")), "1:1 type\n");
}

TEST(Validate, NamesWhatIsMissing) {
  const Loaded loaded = load("version: 1\n");
  EXPECT_EQ(findings(loaded), "1:1 missing-key\n1:1 missing-key\n");
  EXPECT_EQ(loaded.diagnostics[0].message, "the key 'listeners' is missing at the top level");
  EXPECT_EQ(loaded.diagnostics[1].message, "the key 'upstreams' is missing at the top level");
  EXPECT_EQ(findings(load("listeners:\nupstreams: []\n")), "1:1 no-value\n2:1 no-value\n");
}

TEST(Validate, NamesTheBlockOfAnUnknownKey) {
  EXPECT_EQ(message(load_with("lgo: {}\n")), "unknown key 'lgo' at the top level (did you mean 'log'?)");
  EXPECT_EQ(message(load_with("limits: {login: {bans: 1s}}\n")),
            "unknown key 'bans' in limits.login (did you mean 'ban'?)");
  EXPECT_EQ(message(load_with("routes:\n  - upstream: mail\n    mach: {}\n")),
            "unknown key 'mach' in routes[0] (did you mean 'match'?)");
}

TEST(Validate, WantsTheKindOfValueThatTheKeyHas) {
  EXPECT_EQ(message(load_with("log: text\n")), "log needs a block of keys, not one value");
  EXPECT_EQ(message(load_with("log: [a]\n")), "log needs a block of keys, not a list");
  EXPECT_EQ(message(load_with("workers: [1]\n")), "workers needs one value, not a list");
  EXPECT_EQ(message(load_with("user: {a: b}\n")), "user needs one value, not a block of keys");
  EXPECT_EQ(message(load_with("tls: {alpn: imap}\n")), "tls.alpn needs a list, not one value");
  EXPECT_EQ(message(load_with("tls: {alpn: [[imap]]}\n")), "tls.alpn[0] needs one value, not a list");
  EXPECT_EQ(message(load_with("routes: [mail]\n")), "routes[0] needs a block of keys, not one value");
}

TEST(Validate, AnEmptyBlockOrListHasItsDefaultsAnEmptyValueIsAMistake) {
  EXPECT_EQ(findings(load_with("log:\nrules:\ntrash:\nroutes:\nlimits: {timeouts: }\n")), "");
  EXPECT_EQ(message(load_with("user:\n")), "user has no value; for none write \"\"");
  EXPECT_EQ(message(load_with("workers: ~\n")), "workers has no value; for none write \"\"");
}

TEST(Validate, NumbersAreStrict) {
  for (const char* wrong : {"01", "-1", "+1", "0x1", "1.0", "\"1\"", "one", "1e1"})
    EXPECT_EQ(findings(load_with("workers: " + std::string(wrong) + "\n")), "7:10 value\n") << wrong;
  EXPECT_EQ(findings(load_with("workers: 256\n")), "");
  EXPECT_EQ(message(load_with("workers: 257\n")), "workers: '257' must lie between 0 and 256");
}

TEST(Validate, BooleansAreStrict) {
  for (const char* wrong : {"yes", "no", "on", "off", "True", "1", "\"true\""})
    EXPECT_EQ(message(load_with("tls: {watch: " + std::string(wrong) + "}\n")).substr(0, 10), "tls.watch:")
        << wrong;
  EXPECT_EQ(findings(load_with("tls: {watch: false}\n")), "");
}

TEST(Validate, DurationsAndSizesHaveBounds) {
  EXPECT_EQ(findings(load_with("limits: {line: 1KiB}\n")), "");
  EXPECT_EQ(findings(load_with("limits: {line: 1024}\n")), "");
  EXPECT_EQ(message(load_with("limits: {line: 1023}\n")),
            "limits.line: '1023' must lie between 1KiB and 1MiB");
  EXPECT_EQ(findings(load_with("limits: {line: 1MiB, buffer: 1MiB}\n")), "");
  EXPECT_EQ(findings(load_with("limits: {line: 1048577, buffer: 2MiB}\n")), "7:16 range\n");
  EXPECT_EQ(message(load_with("limits: {timeouts: {login: 0s}}\n")),
            "limits.timeouts.login: '0s' must lie between 10ms and 1d");
  EXPECT_EQ(
      message(load_with("limits: {timeouts: {login: 60}}\n")),
      "limits.timeouts.login: '60' needs a duration: a number and ms, s, m, h or d, such as 500ms or 10m");
  EXPECT_EQ(message(load_with("limits: {literal: 64MB}\n")),
            "limits.literal: '64MB' needs a size: a number and KiB, MiB or GiB, or octets, such as 64KiB");
}

TEST(Validate, ChoicesSuggestTheNearest) {
  EXPECT_EQ(message(load_with("log: {level: wraning}\n")),
            "log.level: 'wraning' must be one of debug, info, warning, error (did you mean 'warning'?)");
}

TEST(Validate, OffIsAWordAndNoBoolean) {
  EXPECT_EQ(findings(load_with("tls: {client_auth: {mode: off}}\n")), "");
  EXPECT_EQ(message(load_with("tls: {client_auth: {mode: false}}\n")),
            "tls.client_auth.mode: 'false' must be one of off, request, require");
}

TEST(Validate, VersionsMayStandWithoutQuotes) {
  EXPECT_EQ(load_with("tls: {min_version: 1.3}\n").settings.tls.min_version, TlsVersion::Tls13);
  EXPECT_EQ(load_with("tls: {min_version: \"1.3\"}\n").settings.tls.min_version, TlsVersion::Tls13);
  EXPECT_EQ(message(load_with("tls: {min_version: 1.1}\n")),
            "tls.min_version: '1.1' must be one of 1.2, 1.3 (did you mean '1.2'?)");
}

TEST(Validate, TextThatYamlReadsAsSomethingElseNeedsQuotes) {
  EXPECT_EQ(message(load_with("user: 1000\n")), "user: '1000' needs text: put it in quotes");
  EXPECT_EQ(message(load_with("user: true\n")), "user: 'true' needs text: put it in quotes");
  EXPECT_EQ(load_with("user: \"1000\"\n").settings.user, "1000");
  EXPECT_EQ(load_with("user: off\n").settings.user, "off");
}

TEST(Validate, TextHoldsNoControlCharacters) {
  EXPECT_EQ(message(load_with("rewrite: {greeting: \"a\\r\\nb\"}\n")),
            "rewrite.greeting: 'a\\x0d\\x0ab' holds a control character");
  EXPECT_EQ(findings(load_with("log: {file: \"a\\0b\"}\n")), "7:13 value\n");
}

TEST(Validate, SubstitutedValuesMayBeOfAnyType) {
  const Loaded loaded = load_with(
      "workers: \"${env:POSTERN_NO_SUCH:-4}\"\n"
      "tls: {watch: \"${env:POSTERN_NO_SUCH:-false}\"}\n"
      "user: ${env:POSTERN_NO_SUCH:-1000}\n");
  EXPECT_EQ(findings(loaded), "");
  EXPECT_EQ(loaded.settings.workers, 4);
  EXPECT_FALSE(loaded.settings.tls.watch);
  EXPECT_EQ(loaded.settings.user, "1000");
}

// Every key whose feature is not built: its default is taken, anything else is refused.
struct Unbuilt {
  const char* other;
  const char* fallback;
};
class NotSupported : public ::testing::TestWithParam<Unbuilt> {};

TEST_P(NotSupported, IsRefusedWhereItDiffersFromTheDefault) {
  const Loaded loaded = load_with(std::string(GetParam().other) + "\n");
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << findings(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "not-supported");
  EXPECT_NE(loaded.diagnostics[0].message.find(": not supported in this version"), std::string::npos);
  EXPECT_EQ(findings(load_with(std::string(GetParam().fallback) + "\n")), "");
}

INSTANTIATE_TEST_SUITE_P(
    Keys, NotSupported,
    ::testing::Values(Unbuilt{"rewrite: {compress: true}", "rewrite: {compress: false}"},
                      Unbuilt{"audit: {file: a, sinks: [{journald: true}]}", "audit: {file: a, sinks: []}"},
                      Unbuilt{"audit: {file: a, syslog: 'udp://a:514'}", "audit: {file: a, syslog: ''}"},
                      Unbuilt{"admin: {address: '127.0.0.1:9144'}", "admin: {address: ''}"},
                      Unbuilt{"admin: {address: 'unix:/run/postern/admin.sock'}", "admin: {address: \"\"}"},
                      Unbuilt{"admin: {token_file: t}", "admin: {token_file: ''}"},
                      Unbuilt{"routes: [{upstream: mail, lookup: {file: m}}]",
                              "routes: [{upstream: mail, lookup: }]"}));

class NotSupportedUpstream : public ::testing::TestWithParam<Unbuilt> {};

TEST_P(NotSupportedUpstream, IsRefusedWhereItDiffersFromTheDefault) {
  const auto with = [](const std::string& keys) {
    return load(
        "listeners: [{address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
        "upstreams: [{name: mail, servers: ['127.0.0.1:1'], " +
        keys + "}]\n");
  };
  const Loaded loaded = with(GetParam().other);
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << findings(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "not-supported");
  EXPECT_EQ(findings(with(GetParam().fallback)), "");
}

INSTANTIATE_TEST_SUITE_P(Keys, NotSupportedUpstream,
                         ::testing::Values(Unbuilt{"balance: round_robin", "balance: user_hash"},
                                           Unbuilt{"warm: 1", "warm: 0"},
                                           Unbuilt{"max_sessions: 1", "max_sessions: 0"}));

class NotSupportedListener : public ::testing::TestWithParam<Unbuilt> {};

TEST_P(NotSupportedListener, IsRefusedWhereItDiffersFromTheDefault) {
  const auto with = [](const std::string& keys) {
    return load(
        "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n"
        "tls: {certificates: [{cert: c, key: k}]}\nlisteners: [{tls: implicit, " +
        keys + "}]\n");
  };
  const Loaded loaded = with(GetParam().other);
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << findings(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "not-supported");
  EXPECT_EQ(findings(with(GetParam().fallback)), "");
}

INSTANTIATE_TEST_SUITE_P(Keys, NotSupportedListener,
                         ::testing::Values(Unbuilt{"address: 'unix:/run/imap'", "address: '[::1]:993'"},
                                           Unbuilt{"address: 'fd:imaps'", "address: '0.0.0.0:0'"}));

}  // namespace
}  // namespace postern::config
