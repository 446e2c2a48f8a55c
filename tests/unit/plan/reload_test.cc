#include "plan/reload.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/process/support.h"
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
  // `rest` begins in line 8, without `in_tls`.
  void configure(const std::string& rest, const std::string& listeners = "127.0.0.1:0") {
    folder.write("postern.yaml", "version: 1\nlisteners:\n  - { name: imaps, address: \"" + listeners +
                                     "\" }\ntls:\n  certificates: [{ cert: server.crt, key: server.key }]\n" +
                                     in_tls +
                                     "upstreams:\n  - { name: mail, servers: [\"127.0.0.1:143\"] }\n" + rest);
  }
  std::string served() const { return reloader.running()->server_context->certificates().at(0).names.at(0); }
  std::uint64_t count(telemetry::ReloadTrigger trigger, telemetry::ReloadResult result) const {
    return cells.reloads[index_of(trigger)][index_of(result)].load();
  }

  // All that a reload changes besides what running() says.
  struct State {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const tls::TicketKeys::Ring> ticket_keys;
    std::vector<std::string> rules;
    std::vector<std::string> upstreams;
    double last_reload_seconds;
    bool operator==(const State&) const = default;
  };
  State state() {
    return {reloader.running(), reloader.tickets().current(), reloader.slots().rules.names(),
            reloader.slots().upstreams.names(), cells.last_reload_seconds};
  }

  const std::int64_t begin = unix_seconds();
  TempFolder folder;
  std::string in_tls;  // further lines of the block
  ReadableLog log;
  telemetry::MainCells cells;
  Reloader reloader{folder.path("postern.yaml")};
};

TEST_F(ReloadTest, StartsWithWhatIsOnDisk) {
  EXPECT_EQ(served(), "first.example");
  EXPECT_EQ(reloader.running()->settings.limits.line, 64U * 1024);
  EXPECT_TRUE(cells.last_reload_ok);
  EXPECT_GE(cells.last_reload_seconds, static_cast<double>(begin));
  EXPECT_LE(cells.last_reload_seconds, static_cast<double>(unix_seconds()));
}

TEST_F(ReloadTest, ASignalTakesSettingsAndCertificates) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  configure("limits: { line: 32KiB }\n");
  EXPECT_TRUE(reloader.reload());
  EXPECT_EQ(served(), "second.example");
  EXPECT_EQ(reloader.running()->settings.limits.line, 32U * 1024);
  EXPECT_EQ(before->settings.limits.line, 64U * 1024);  // for the sessions that have it
  EXPECT_EQ(count(telemetry::ReloadTrigger::Signal, telemetry::ReloadResult::Ok), 0U);
  cells.last_reload_seconds = 0;
  reloader.adopted(telemetry::ReloadTrigger::Signal);
  EXPECT_EQ(count(telemetry::ReloadTrigger::Signal, telemetry::ReloadResult::Ok), 1U);
  EXPECT_TRUE(log.has("info reloaded trigger=signal"));
  EXPECT_GE(cells.last_reload_seconds, static_cast<double>(begin));
}

TEST_F(ReloadTest, WhatCameOfItIsTold) {
  std::vector<std::pair<bool, audit::ConfigReload>> told;
  reloader.tell([&](bool done, audit::ConfigReload reload) { told.emplace_back(done, std::move(reload)); });
  configure("limits: { line: much }\nlog: { level: loud }\n");
  EXPECT_FALSE(reloader.reload());
  configure("workers: 3\n");
  EXPECT_TRUE(reloader.reload());
  ASSERT_EQ(told.size(), 1U) << "not before the workers have it";
  reloader.adopted(telemetry::ReloadTrigger::Signal);
  EXPECT_TRUE(reloader.reload());
  reloader.adopted(telemetry::ReloadTrigger::Signal);
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
  EXPECT_EQ(count(telemetry::ReloadTrigger::Signal, telemetry::ReloadResult::Failed), 1U);
  EXPECT_TRUE(log.has("error configuration place=" + folder.path("postern.yaml") + ":8:17 "));
  EXPECT_TRUE(log.has("error reload failed, nothing changed trigger=signal"));
  configure("");
  EXPECT_TRUE(reloader.reload());
  reloader.adopted(telemetry::ReloadTrigger::Signal);
  EXPECT_TRUE(cells.last_reload_ok);
}

TEST_F(ReloadTest, ABrokenPairChangesNothing) {
  const std::shared_ptr<const Snapshot> before = reloader.running();
  folder.write("server.key", make_identity({}).key_pem());
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(reloader.running(), before);
  EXPECT_TRUE(log.has(folder.path("postern.yaml") + ":5:26 "));
}

// Ticket keys, cells and all: a fault that is found last leaves what was found good before it.
TEST_F(ReloadTest, AFailureBehindMuchThatIsGoodChangesNothing) {
  const State before = state();
  folder.write("tickets", std::string(80, 'k'));
  in_tls = "  ticket_key_file: tickets\n";
  const std::string rest =
      "  - { name: archive, servers: [\"127.0.0.1:144\"] }\n"
      "rules:\n  - { name: nobody-deletes, action: deny }\n";
  configure(rest);
  folder.write("server.key", make_identity({}).key_pem());  // another certificate's
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(state(), before);
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  EXPECT_TRUE(reloader.reload());
  EXPECT_NE(reloader.tickets().current(), before.ticket_keys);
  EXPECT_EQ(reloader.slots().rules.names(), std::vector<std::string>{"nobody-deletes"});
  EXPECT_EQ(reloader.slots().upstreams.names(), (std::vector<std::string>{"mail", "archive"}));
}

TEST_F(ReloadTest, AFileOfTicketKeysChangesNothingWhileThePairBesideItIsBroken) {
  in_tls = "  ticket_key_file: tickets\n";
  folder.write("tickets", std::string(80, 'k'));
  configure("");
  ASSERT_TRUE(reloader.reload());
  const State before = state();
  folder.write("tickets", std::string(160, 'l'));
  folder.write("server.crt", make_identity({}).cert_pem());
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_FALSE(reloader.look_at_files());
  EXPECT_EQ(count(telemetry::ReloadTrigger::File, telemetry::ReloadResult::Failed), 1U);
  EXPECT_EQ(state(), before);
}

TEST_F(ReloadTest, ALogThatCannotBeOpenedIsAFailureToo) {
  const State before = state();
  std::vector<std::string> opened;
  reloader.open_log([&](const config::Log& wanted) -> Result<void> {
    opened.push_back(wanted.file);
    if (wanted.file == "-") return {};
    return Error{ErrorCode::FileUnreadable, wanted.file + ": no such folder"};
  });
  const std::string log_file = folder.path("other.log");
  configure("log: { file: " + log_file + " }\nrules:\n  - { name: nobody-deletes, action: deny }\n");
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(state(), before);
  EXPECT_TRUE(log.has("error configuration place=" + folder.path("postern.yaml") + ":8:14 reason=\"" +
                      log_file + ": no such folder\" code=log-file"));
  EXPECT_TRUE(log.has("reload failed, nothing changed"));
  configure("log: { file: " + log_file + ", level: much }\n");
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(opened, std::vector<std::string>{log_file}) << "the last that is tried";
  configure("");
  EXPECT_TRUE(reloader.reload());
  EXPECT_EQ(opened.back(), "-");
}

// What has changed on disk is still to be noticed.
TEST_F(ReloadTest, AFailedSignalDoesNotHideANewCertificate) {
  bool good = false;
  reloader.open_log([&](const config::Log&) -> Result<void> {
    if (good) return {};
    return Error{ErrorCode::FileUnreadable, "no"};
  });
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  EXPECT_FALSE(reloader.reload());
  EXPECT_EQ(served(), "first.example");
  good = true;
  EXPECT_TRUE(reloader.look_at_files());
  EXPECT_EQ(served(), "second.example");
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

// The settings are the same then: a log that could not be opened again is no reason to let a certificate
// expire.
TEST_F(ReloadTest, ANewCertificateOpensNoLog) {
  reloader.open_log([](const config::Log&) -> Result<void> {
    ADD_FAILURE() << "the log's file was opened";
    return Error{ErrorCode::FileUnreadable, "no"};
  });
  install(make_identity({.names = "DNS:second.example", .not_after = 8640000}));
  EXPECT_TRUE(reloader.look_at_files());
  EXPECT_EQ(served(), "second.example");
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
  EXPECT_EQ(count(telemetry::ReloadTrigger::File, telemetry::ReloadResult::Failed), 1U);
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
  EXPECT_EQ(count(telemetry::ReloadTrigger::File, telemetry::ReloadResult::Unchanged), 1U);
}

}  // namespace
}  // namespace postern::server
