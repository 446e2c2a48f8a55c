#include "server/reload.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/server/support.h"
#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

using telemetry::index_of;
using tls::testing::Identity;
using tls::testing::make_identity;
using tls::testing::TempFolder;

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() {
    install(make_identity({.names = "DNS:first.example", .not_after = 8640000}));
    configure("limits: { line: 64KiB }\n");
    std::vector<config::Diagnostic> found;
    EXPECT_TRUE(reloader.load(found));
    EXPECT_TRUE(found.empty());
    reloader.begin(log, cells);
  }

  void install(const Identity& identity) { server::install(identity, folder, "server"); }
  void configure(const std::string& rest, const std::string& listeners = "127.0.0.1:0") {
    folder.write("postern.yaml", "version: 1\nlisteners:\n  - { name: imaps, address: \"" + listeners +
                                     "\" }\ntls:\n  certificates: [{ cert: server.crt, key: server.key }]\n"
                                     "upstreams:\n  - { name: mail, servers: [\"127.0.0.1:143\"] }\n" +
                                     rest);
  }
  std::string served() const { return reloader.running()->server_context->certificates().at(0).names.at(0); }
  std::uint64_t count(ReloadTrigger trigger, ReloadResult result) const {
    return cells.reloads[index_of(trigger)][index_of(result)].load();
  }

  TempFolder folder;
  ReadableLog log;
  MainCells cells;
  Reloader reloader{folder.path("postern.yaml")};
};

TEST_F(ReloadTest, StartsWithWhatIsOnDisk) {
  EXPECT_EQ(served(), "first.example");
  EXPECT_EQ(reloader.running()->settings.limits.line, 64U * 1024);
  EXPECT_TRUE(cells.last_reload_ok);
  EXPECT_GT(cells.last_reload_seconds, 1.6e9);
}

TEST_F(ReloadTest, ASignalTakesSettingsAndCertificates) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  configure("limits: { line: 32KiB }\n");
  EXPECT_TRUE(reloader.reload());
  EXPECT_EQ(served(), "second.example");
  EXPECT_EQ(reloader.running()->settings.limits.line, 32U * 1024);
  EXPECT_EQ(before->settings.limits.line, 64U * 1024);  // for the sessions that have it
  EXPECT_EQ(count(ReloadTrigger::Signal, ReloadResult::Ok), 0U);
  reloader.adopted(ReloadTrigger::Signal);
  EXPECT_EQ(count(ReloadTrigger::Signal, ReloadResult::Ok), 1U);
  EXPECT_TRUE(log.has("info reloaded trigger=signal"));
}

TEST_F(ReloadTest, WhatCameOfItIsTold) {
  std::vector<std::pair<bool, audit::ConfigReload>> told;
  reloader.tell([&](bool done, audit::ConfigReload reload) { told.emplace_back(done, std::move(reload)); });
  configure("limits: { line: much }\nlog: { level: loud }\n");
  EXPECT_FALSE(reloader.reload());
  configure("workers: 3\n");
  EXPECT_TRUE(reloader.reload());
  ASSERT_EQ(told.size(), 1U) << "not before the workers have it";
  reloader.adopted(ReloadTrigger::Signal);
  EXPECT_TRUE(reloader.reload());
  reloader.adopted(ReloadTrigger::Signal);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_FALSE(told[0].first);
  EXPECT_EQ(told[0].second.trigger, "signal");
  ASSERT_EQ(told[0].second.errors.size(), 2U);
  EXPECT_TRUE(told[0].second.errors[0].starts_with(folder.path("postern.yaml") + ":8:17: "))
      << told[0].second.errors[0];
  EXPECT_TRUE(told[1].first);
  EXPECT_TRUE(told[1].second.errors.empty());
  EXPECT_EQ(told[1].second.restart_required, std::vector<std::string>{"workers"});
  EXPECT_EQ(told[2].second.restart_required, std::vector<std::string>{"workers"});
}

TEST_F(ReloadTest, ABrokenFileChangesNothing) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  configure("limits: { line: much }\n");
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(reloader.running(), before);
  EXPECT_FALSE(cells.last_reload_ok);
  EXPECT_EQ(count(ReloadTrigger::Signal, ReloadResult::Failed), 1U);
  EXPECT_TRUE(log.has("error configuration place=" + folder.path("postern.yaml") + ":8:17 "));
  EXPECT_TRUE(log.has("error reload failed, nothing changed trigger=signal"));
  configure("");
  EXPECT_TRUE(reloader.reload());
  reloader.adopted(ReloadTrigger::Signal);
  EXPECT_TRUE(cells.last_reload_ok);
}

TEST_F(ReloadTest, ABrokenPairChangesNothing) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  folder.write("server.key", make_identity({}).key_pem());
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(reloader.running(), before);
  EXPECT_TRUE(log.has(folder.path("postern.yaml") + ":5:26 "));
}

TEST_F(ReloadTest, SaysWhatNeedsARestartAndAppliesTheRest) {
  configure("limits: { line: 32KiB }\nworkers: 7\n", "127.0.0.1:1");
  EXPECT_TRUE(reloader.reload());
  EXPECT_TRUE(log.has("warning not applied: restart required key=listeners"));
  EXPECT_TRUE(log.has("warning not applied: restart required key=workers"));
  EXPECT_EQ(reloader.running()->settings.workers, 0);
  EXPECT_EQ(reloader.running()->settings.listeners[0].address.port, 0);
  EXPECT_EQ(reloader.running()->settings.limits.line, 32U * 1024);
}

TEST_F(ReloadTest, NoticesANewCertificate) {
  EXPECT_FALSE(reloader.look_at_files());
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  configure("limits: { line: 32KiB }\n");
  EXPECT_TRUE(reloader.look_at_files());
  EXPECT_EQ(served(), "second.example");
  EXPECT_EQ(reloader.running()->settings.limits.line, 64U * 1024);  // that is for SIGHUP
  EXPECT_FALSE(reloader.look_at_files());
}

TEST_F(ReloadTest, WaitsForTheOtherHalfOfAPair) {
  const Identity next = make_identity({.names = "DNS:second.example", .not_after = 8640000});
  folder.write("server.crt", next.cert_pem());
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_TRUE(cells.last_reload_ok);
  EXPECT_FALSE(log.has("reload failed"));
  folder.write("server.key", next.key_pem());
  EXPECT_TRUE(reloader.look_at_files());
  EXPECT_EQ(served(), "second.example");
}

TEST_F(ReloadTest, ComplainsOnceOfAPairThatStaysBroken) {
  folder.write("server.crt", make_identity({}).cert_pem());
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_FALSE(cells.last_reload_ok);
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_EQ(count(ReloadTrigger::File, ReloadResult::Failed), 1U);
  EXPECT_EQ(served(), "first.example");
  install(make_identity({.names = "DNS:third.example", .not_after = 8640000}));
  EXPECT_TRUE(reloader.look_at_files());
  EXPECT_EQ(served(), "third.example");
}

TEST_F(ReloadTest, DoesNotReloadTheSameContent) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  std::filesystem::copy_file(folder.path("server.crt"), folder.path("copy"));
  std::filesystem::rename(folder.path("copy"), folder.path("server.crt"));
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_EQ(reloader.running(), before);
  EXPECT_EQ(count(ReloadTrigger::File, ReloadResult::Unchanged), 1U);
}

}  // namespace
}  // namespace postern::server
