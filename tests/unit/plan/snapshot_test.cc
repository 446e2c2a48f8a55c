#include "plan/snapshot.h"

#include <gtest/gtest.h>

#include <ctime>

#include "crypto/digest.h"
#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

using tls::testing::Identity;
using tls::testing::make_identity;
using tls::testing::TempFolder;

constexpr long kDay = 86400;

config::Certificate marked(config::Certificate certificate, int line) {
  certificate.cert_mark = {"postern.yaml", line, 13};
  certificate.key_mark = {"postern.yaml", line + 1, 12};
  return certificate;
}

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    settings.listeners.resize(1);
    settings.upstreams.resize(1);
    settings.upstreams[0].name = "mail";
    settings.has_tls = true;
    settings.tls.mark = {"postern.yaml", 5, 1};
    settings.tls.certificates = {marked(good.in(folder, "a"), 7)};
  }
  // As the Reloader does: what was made is in use, what was not is forgotten.
  SnapshotResult make() {
    SnapshotResult made = make_snapshot(settings, nullptr, slots, std::time(nullptr));
    if (made.snapshot) slots = made.slots;
    return made;
  }

  TempFolder folder;
  Identity good = make_identity({.names = "DNS:mail.example", .not_after = 100 * kDay});
  config::Settings settings;
  CellSlots slots{1};
};

TEST_F(SnapshotTest, HoldsContextsForWhatUsesTls) {
  const SnapshotResult made = make();
  ASSERT_TRUE(made.snapshot);
  EXPECT_TRUE(made.found.empty());
  EXPECT_TRUE(made.snapshot->server_context);
  ASSERT_EQ(made.snapshot->client_contexts.size(), 1U);
  EXPECT_FALSE(made.snapshot->client_contexts[0]);
  EXPECT_EQ(made.snapshot->upstream_slots, std::vector<std::size_t>{0});
}

TEST_F(SnapshotTest, TriesTheKeysOfTheAuditTrail) {
  settings.audit.file = folder.path("audit.jsonl");
  settings.audit.mark = {"postern.yaml", 20, 1};
  settings.audit.chain_key_file = folder.path("chain.key");
  settings.audit.checkpoint_key_file =
      folder.write("checkpoint.key", std::string(tls::SigningKey::generate().pem().reveal()));
  EXPECT_TRUE(make().snapshot) << "without its file the chain's key is in the state";
  folder.write("chain.key", std::string(64, 'a') + "\n");
  EXPECT_TRUE(make().found.empty());
  folder.write("chain.key", std::string(63, 'a') + "\n");
  folder.write("checkpoint.key", "no key");
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 2U);
  for (const config::Diagnostic& found : made.found) {
    EXPECT_EQ(found.code, "audit-key");
    EXPECT_EQ(found.mark.line, 20);
  }
  EXPECT_NE(made.found[0].message.find("checkpoint.key"), std::string::npos) << made.found[0].message;
  EXPECT_NE(made.found[1].message.find("chain.key"), std::string::npos) << made.found[1].message;
  settings.audit.file.clear();
  EXPECT_TRUE(make().snapshot) << "audit is off";
}

TEST_F(SnapshotTest, NamesTheCertificateThatIsBroken) {
  const Identity other = make_identity({.names = "DNS:other.example", .not_after = 100 * kDay});
  config::Certificate mixed = other.in(folder, "b");
  mixed.key = settings.tls.certificates[0].key;
  settings.tls.certificates.push_back(marked(mixed, 9));
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].severity, config::Severity::Error);
  EXPECT_EQ(made.found[0].mark.line, 9);
  EXPECT_EQ(made.found[0].mark.column, 13);
}

TEST_F(SnapshotTest, PointsAtTheKeyWhereTheKeyIsMissing) {
  settings.tls.certificates[0].key = folder.path("missing.key");
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].mark.line, 8);
  EXPECT_NE(made.found[0].message.find("missing.key"), std::string::npos);
}

TEST_F(SnapshotTest, PointsAtTheBlockWhereNoCertificateIsToBlame) {
  settings.tls.ciphers = "NO-SUCH-CIPHER";
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].mark.line, 5);
}

TEST_F(SnapshotTest, PointsAtClientAuthWhereItsFileIsToBlame) {
  settings.tls.client_auth.mode = config::ClientAuth::Request;
  settings.tls.client_auth.ca = folder.write("clients.pem", "nothing");
  settings.tls.client_auth.mark = {"postern.yaml", 12, 3};
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].mark.line, 12);
  EXPECT_NE(made.found[0].message.find("clients.pem holds no certificate"), std::string::npos);
}

TEST_F(SnapshotTest, PointsAtEachExpressionThatIsNone) {
  settings.rewrite.user.map = {{"(", "a", {"postern.yaml", 20, 9}}, {"a", "b", {"postern.yaml", 21, 9}}};
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].code, "user-map");
  EXPECT_EQ(made.found[0].mark.line, 20);
  EXPECT_EQ(made.found[0].mark.column, 9);
  settings.rewrite.user.map.erase(settings.rewrite.user.map.begin());
  const SnapshotResult good_one = make();
  ASSERT_TRUE(good_one.snapshot);
  ASSERT_TRUE(good_one.snapshot->user_rewrite);
  EXPECT_EQ((*good_one.snapshot->user_rewrite)("a"), "b");
}

TEST_F(SnapshotTest, WarnsOfCertificatesThatEndSoonOrHaveEnded) {
  const Identity soon = make_identity({.names = "DNS:soon.example", .not_after = 13 * kDay});
  const Identity ended =
      make_identity({.names = "DNS:old.example", .not_before = -9 * kDay, .not_after = -kDay});
  settings.tls.certificates.push_back(marked(soon.in(folder, "soon"), 9));
  settings.tls.certificates.push_back(marked(ended.in(folder, "ended"), 11));
  const SnapshotResult made = make();
  EXPECT_TRUE(made.snapshot);
  ASSERT_EQ(made.found.size(), 2U);
  EXPECT_EQ(made.found[0].code, "certificate-expires");
  EXPECT_EQ(made.found[0].mark.line, 9);
  EXPECT_EQ(made.found[1].code, "certificate-expired");
  EXPECT_EQ(made.found[1].mark.line, 11);
  for (const config::Diagnostic& d : made.found) EXPECT_EQ(d.severity, config::Severity::Warning);
}

TEST_F(SnapshotTest, RefusesAnUpstreamWhoseCaCannotBeRead) {
  settings.upstreams[0].tls = config::UpstreamTls::Implicit;
  settings.upstreams[0].ca = folder.path("missing.pem");
  settings.upstreams[0].mark = {"postern.yaml", 20, 3};
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  ASSERT_EQ(made.found.size(), 1U);
  EXPECT_EQ(made.found[0].mark.line, 20);
}

TEST_F(SnapshotTest, KeepsTheCellsOfAnUpstreamByItsName) {
  make();
  settings.upstreams.insert(settings.upstreams.begin(), config::Upstream{});
  settings.upstreams[0].name = "new";
  const SnapshotResult made = make();
  ASSERT_TRUE(made.snapshot);
  EXPECT_EQ(made.snapshot->upstream_slots, (std::vector<std::size_t>{1, 0}));
}

TEST_F(SnapshotTest, RefusesMoreNewUpstreamsThanThereAreCellsToSpare) {
  make();
  for (std::size_t i = 0; i < CellSlots::kSpareUpstreams; ++i) {
    settings.upstreams[0].name = "new" + std::to_string(i);
    EXPECT_TRUE(make().snapshot) << i;
  }
  settings.upstreams[0].name = "one-too-many";
  const SnapshotResult made = make();
  EXPECT_FALSE(made.snapshot);
  EXPECT_EQ(made.found.at(0).code, "too-many-upstreams");
}

TEST(Restart, IsNeededForSocketsWorkersAndUser) {
  config::Settings running;
  running.listeners.resize(1);
  running.listeners[0].name = "imaps";
  running.listeners[0].address = {"127.0.0.1", 993};
  running.workers = 2;
  config::Settings wanted = running;
  EXPECT_TRUE(keep_what_needs_a_restart(wanted, running).empty());
  wanted.listeners[0].address.port = 994;
  wanted.status.port = 1;
  wanted.workers = 3;
  wanted.user = "postern";
  EXPECT_EQ(keep_what_needs_a_restart(wanted, running),
            (std::vector<std::string>{"listeners", "status.address", "workers", "user"}));
  EXPECT_EQ(wanted.listeners[0].address.port, 993);
  EXPECT_EQ(wanted.status.port, running.status.port);
  EXPECT_EQ(wanted.workers, 2);
  EXPECT_EQ(wanted.user, "");
}

TEST(Restart, IsNeededForWhatTheTrailIsMadeOf) {
  config::Settings running;
  running.audit.file = "/var/log/postern/audit.jsonl";
  config::Settings wanted = running;
  wanted.audit.events = config::audited::kAll;
  wanted.audit.on_failure = config::OnAuditFailure::Allow;
  wanted.audit.rotate_size = 1;
  wanted.audit.redact_user = true;
  EXPECT_TRUE(keep_what_needs_a_restart(wanted, running).empty());
  wanted.audit.file = "/elsewhere";
  wanted.audit.durability = config::Durability::None;
  wanted.audit.chain = false;
  wanted.audit.chain_key_file = "/key";
  wanted.audit.checkpoint_key_file = "/key";
  EXPECT_EQ(keep_what_needs_a_restart(wanted, running),
            (std::vector<std::string>{"audit.file", "audit.durability", "audit.chain", "audit.chain_key_file",
                                      "audit.checkpoint_key_file"}));
  EXPECT_EQ(wanted.audit.file, running.audit.file);
  EXPECT_EQ(wanted.audit.durability, config::Durability::WriteAhead);
  EXPECT_TRUE(wanted.audit.chain);
  EXPECT_EQ(wanted.audit.chain_key_file, "");
  EXPECT_EQ(wanted.audit.checkpoint_key_file, "");
  EXPECT_EQ(wanted.audit.events, config::audited::kAll) << "what can be had at once stays";
}

TEST(Restart, IsNotNeededForHowAListenerUsesTls) {
  config::Settings running;
  running.listeners.resize(1);
  config::Settings wanted = running;
  wanted.listeners[0].tls = config::ListenerTls::Starttls;
  wanted.limits.sessions_total = 7;
  EXPECT_TRUE(keep_what_needs_a_restart(wanted, running).empty());
  EXPECT_EQ(wanted.listeners[0].tls, config::ListenerTls::Starttls);
}

TEST(Restart, LeavesTheTlsBlockToListenersThatStay) {
  config::Settings running;
  running.listeners.resize(1);
  running.has_tls = true;
  running.tls.ciphers = "X";
  config::Settings wanted;
  EXPECT_EQ(keep_what_needs_a_restart(wanted, running).front(), "listeners");
  EXPECT_TRUE(wanted.has_tls);
  EXPECT_EQ(wanted.tls.ciphers, "X");
}

}  // namespace
}  // namespace postern::server
