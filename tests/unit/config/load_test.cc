#include "config/load.h"

#include <gtest/gtest.h>

#include "config/document.h"
#include "unit/config/given.h"

namespace postern::config {
namespace {

constexpr const char* kReference = "tests/unit/config/reference.yaml";
constexpr const char* kExample = "config/postern.yaml";

TEST(Load, TheReferenceIsAccepted) {
  const Loaded loaded = load_file(kReference, {false});
  EXPECT_EQ(render(loaded.diagnostics), "");
  ASSERT_TRUE(loaded.ok);
  EXPECT_EQ(loaded.settings.listeners.size(), 2u);
  EXPECT_EQ(loaded.settings.routes.size(), 1u);
  EXPECT_EQ(loaded.settings.tls.certificates[0].key, "/etc/postern/tls/tls.key");
}

TEST(Load, TheExampleThatShipsIsAccepted) {
  const Loaded loaded = load_file(kExample, {false});
  EXPECT_EQ(render(loaded.diagnostics), "");
  EXPECT_TRUE(loaded.ok);
}

// The reference writes every default out; the minimum writes none. Both must come to the same.
TEST(Load, TheDefaultsOfTheCodeAreThoseOfTheReference) {
  const Settings written = load_file(kReference, {false}).settings;
  const Settings silent = test::load(test::kMinimal).settings;
  const Upstream& a = written.upstreams.at(0);
  const Upstream& b = silent.upstreams.at(0);
  EXPECT_EQ(a.dns_ttl, b.dns_ttl);
  EXPECT_EQ(a.tls, b.tls);
  EXPECT_EQ(a.tls_min_version, b.tls_min_version);
  EXPECT_EQ(a.verify, b.verify);
  EXPECT_EQ(a.balance, b.balance);
  EXPECT_EQ(a.health.interval, b.health.interval);
  EXPECT_EQ(a.health.timeout, b.health.timeout);
  EXPECT_EQ(a.health.rise, b.health.rise);
  EXPECT_EQ(a.health.fall, b.health.fall);
  EXPECT_EQ(written.tls.min_version, silent.tls.min_version);
  EXPECT_EQ(written.tls.alpn, silent.tls.alpn);
  EXPECT_EQ(written.tls.strict_sni, silent.tls.strict_sni);
  EXPECT_EQ(written.tls.session_tickets, silent.tls.session_tickets);
  EXPECT_EQ(written.tls.watch, silent.tls.watch);
  EXPECT_EQ(written.rewrite.greeting, silent.rewrite.greeting);
  EXPECT_EQ(written.has_status, silent.has_status);
  EXPECT_EQ(written.status.text(), silent.status.text());
  EXPECT_EQ(written.log.level, silent.log.level);
  EXPECT_EQ(written.log.format, silent.log.format);
  EXPECT_EQ(written.log.file, silent.log.file);
  EXPECT_EQ(written.workers, silent.workers);
  EXPECT_EQ(written.user, silent.user);
}

TEST(Load, TheLimitsOfTheCodeAreThoseOfTheReference) {
  const Limits written = load_file(kReference, {false}).settings.limits;
  const Limits silent = test::load(test::kMinimal).settings.limits;
  EXPECT_EQ(written.sessions_total, silent.sessions_total);
  EXPECT_EQ(written.login.failures, silent.login.failures);
  EXPECT_EQ(written.login.window, silent.login.window);
  EXPECT_EQ(written.login.ban, silent.login.ban);
  EXPECT_EQ(written.login.delay, silent.login.delay);
  EXPECT_EQ(written.line, silent.line);
  EXPECT_EQ(written.sasl, silent.sasl);
  EXPECT_EQ(written.literal, silent.literal);
  EXPECT_EQ(written.buffer, silent.buffer);
  EXPECT_EQ(written.timeouts.handshake, silent.timeouts.handshake);
  EXPECT_EQ(written.timeouts.login, silent.timeouts.login);
  EXPECT_EQ(written.timeouts.idle, silent.timeouts.idle);
  EXPECT_EQ(written.timeouts.upstream_connect, silent.timeouts.upstream_connect);
  EXPECT_EQ(written.timeouts.upstream_login, silent.timeouts.upstream_login);
  EXPECT_EQ(written.timeouts.upstream_silence, silent.timeouts.upstream_silence);
  EXPECT_EQ(written.timeouts.stalled, silent.timeouts.stalled);
  EXPECT_EQ(written.timeouts.count, silent.timeouts.count);
  EXPECT_EQ(written.timeouts.drain, silent.timeouts.drain);
  EXPECT_EQ(written.timeouts.drain_delay, silent.timeouts.drain_delay);
}

TEST(Load, AFileThatIsNotThere) {
  test::Folder folder;
  const Loaded loaded = load_file(folder.path() + "/none.yaml");
  EXPECT_FALSE(loaded.ok);
  EXPECT_EQ(render(loaded.diagnostics), folder.path() +
                                            "/none.yaml: error: the file cannot be read: No such file or "
                                            "directory [unreadable]\n");
  EXPECT_EQ(test::message(load_file(folder.path())), "the file cannot be read: it is a folder");
}

TEST(Load, AFileThatIsTooLargeIsNotReadOn) {
  test::Folder folder;
  const std::string path = folder.write("large.yaml", std::string(kFileBytesMax + 1, '#'));
  EXPECT_EQ(test::findings(load_file(path)), "0:0 too-large\n");
}

TEST(Load, RelativePathsStartAtTheFile) {
  test::Folder folder;
  folder.write("log", "here.log\n");
  const std::string path =
      folder.write("postern.yaml", std::string(test::kMinimal) + "log: {file: \"${file:log}\"}\n");
  const Loaded loaded = load_file(path);
  EXPECT_EQ(render(loaded.diagnostics), "");
  EXPECT_EQ(loaded.settings.log.file, folder.path() + "/here.log");
}

TEST(Load, ReportsEverythingAtOnce) {
  const Loaded loaded = test::load(
      "version: 2\n"
      "listeners:\n"
      "  - {address: '::1:993', tls: implict}\n"
      "upstreams:\n"
      "  - {nam: mail, servers: []}\n"
      "routes:\n"
      "  - {upstream: other}\n"
      "limits: {line: 64KB}\n"
      "workers: \"4\"\n");
  EXPECT_EQ(test::findings(loaded),
            "1:10 range\n3:15 value\n3:15 no-certificate\n3:31 value\n5:5 missing-key\n5:6 unknown-key\n"
            "5:17 no-value\n7:16 unknown-upstream\n8:16 value\n9:10 value\n");
}

}  // namespace
}  // namespace postern::config
