// What the relay leaves in the audit trail, and how it waits for the trail and stops waiting.
#include "filters/policy.h"
#include "unit/relay/relay_fixture.h"
#include "unit/relay/relay_tls_fixture.h"

namespace postern::net {
namespace {

namespace audited = config::audited;
using audit::Outcome;

void audit_all(Gateway& gateway) {
  gateway.audited = true;
  gateway.settings->audit.file = "/var/log/postern/audit.jsonl";
  gateway.settings->audit.events = audited::kAll;
}

class RelayAuditTest : public RelayTest {
 protected:
  RelayAuditTest() {
    audit_all(gateway_);
    gateway_.upstream.name = "mail";
    upstream_.say = [](Talker& talker, const std::string& text) {
      const std::size_t at = text.find(" NO wrong");
      talker.send(at == std::string::npos ? text
                                          : text.substr(0, at) + " NO [EXPIRED until Monday] wrong\r\n");
    };
  }
  FakeTrail& trail() { return gateway_.trail; }
  void log_out() {
    says("z LOGOUT\r\n");
    hears("z OK");
    hears_the_end();
    client_->close();
    session_ends();
  }
  // Asks for what cannot be undone. The client is reset when its socket is closed.
  void expunge() {
    Socket socket = connect_to(gateway_.address);
    const linger at_once{1, 0};
    EXPECT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    client_ = std::make_unique<Talker>(loop_, std::move(socket));
    says("a LOGIN alice secret\r\n");
    hears("a OK");
    says("s SELECT INBOX\r\n");
    hears("s OK");
    trail().at_once = false;
    says("e EXPUNGE\r\n");
    loop_.until([&] { return !trail().waiting.empty(); });
    EXPECT_FALSE(upstream_.has_heard("EXPUNGE"));
  }
  void rule(config::RuleAction action, config::RuleMode mode) {
    config::Rule rule;
    rule.name = "kept";
    rule.when.commands = {{"DELETE", false, {}}};
    rule.action = action;
    rule.mode = mode;
    rule.mark = {"postern.yaml", 12, 3};
    gateway_.settings->rules = {rule};
    gateway_.policy = std::make_shared<const filters::Policy>(*gateway_.settings);
  }
};

TEST_F(RelayAuditTest, TellsASessionFromItsOpeningToItsEnd) {
  Socket socket = connect_to(gateway_.address);
  const std::uint16_t port = port_of(address_of(socket));
  client_ = std::make_unique<Talker>(loop_, std::move(socket));
  says("a LOGIN alice secret\r\n");
  hears("a OK");
  log_out();
  const audit::Record& open = trail().only<audit::SessionOpen>();
  EXPECT_EQ(open.connection->session, "s1");
  EXPECT_EQ(open.connection->listener, "front");
  EXPECT_EQ(open.connection->client_address, "127.0.0.1");
  EXPECT_EQ(open.connection->client_port, port);
  EXPECT_EQ(open.connection->local_address, "127.0.0.1");
  EXPECT_EQ(open.connection->local_port, port_of(gateway_.address));
  EXPECT_FALSE(open.connection->proxied);
  EXPECT_EQ(open.user, "");
  EXPECT_EQ(trail().body<audit::SessionOpen>().tls_mode, "none");
  EXPECT_EQ(trail().body<audit::SessionOpen>().proxy, "");

  const audit::Record& close = trail().only<audit::SessionClose>();
  EXPECT_EQ(close.user, "alice");
  EXPECT_EQ(close.reason, "logout");
  EXPECT_EQ(close.outcome, Outcome::Success);
  const auto& body = trail().body<audit::SessionClose>();
  EXPECT_EQ(body.commands, 2U);
  EXPECT_EQ(body.received[0], 22U + 10U);
  EXPECT_EQ(body.sent[1], upstream_.heard.size());
  EXPECT_GT(body.duration, Duration::zero());
  EXPECT_EQ(trail().records.front().get(), &open);
  EXPECT_EQ(trail().records.back().get(), &close);
  for (std::size_t i = 0; i < trail().records.size(); ++i) {
    EXPECT_EQ(trail().records[i]->number, i + 1);
    EXPECT_EQ(trail().records[i]->connection, open.connection);
  }
}

TEST_F(RelayAuditTest, TellsEachLoginWithTheUpstreamsCode) {
  connect();
  says("a LOGIN alice hunter2\r\n");
  hears("a NO [EXPIRED]");
  says("b LOGIN alice secret\r\n");
  hears("b OK");
  const auto logins = trail().all<audit::Auth>();
  ASSERT_EQ(logins.size(), 2U);
  const auto& refused = std::get<audit::Auth>(logins[0]->body);
  EXPECT_FALSE(refused.success);
  EXPECT_EQ(logins[0]->outcome, Outcome::Failure);
  EXPECT_EQ(logins[0]->reason, "authentication_failed");
  EXPECT_EQ(logins[0]->user, "alice");
  EXPECT_EQ(refused.mechanism, "LOGIN");
  EXPECT_EQ(refused.upstream_code, "EXPIRED");
  EXPECT_TRUE(refused.cleartext);
  EXPECT_EQ(refused.attempt, 1U);
  EXPECT_GT(refused.duration, Duration::zero());
  const auto& accepted = std::get<audit::Auth>(logins[1]->body);
  EXPECT_TRUE(accepted.success);
  EXPECT_EQ(logins[1]->outcome, Outcome::Success);
  EXPECT_EQ(logins[1]->reason, "");
  EXPECT_EQ(accepted.upstream_code, "");
  EXPECT_EQ(accepted.attempt, 2U);
}

TEST_F(RelayAuditTest, TellsALoginThatNobodyDialsFor) {
  gateway_.ledger_.banned = "mallory";
  connect();
  says("a LOGIN mallory secret\r\n");
  hears("a NO [LIMIT]");
  EXPECT_EQ(trail().only<audit::Auth>().outcome, Outcome::Denied);
  EXPECT_EQ(trail().only<audit::Auth>().reason, "login_throttled");
  EXPECT_TRUE(trail().all<audit::Upstream>().empty());
}

TEST_F(RelayAuditTest, TellsEachDial) {
  const Socket refusing = loopback_socket();
  gateway_.upstream.endpoints.insert(gateway_.upstream.endpoints.begin(),
                                     {address_of(refusing), "first.example:143", ""});
  log_in();
  const auto dials = trail().all<audit::Upstream>();
  ASSERT_EQ(dials.size(), 2U);
  const auto& first = std::get<audit::Upstream>(dials[0]->body);
  EXPECT_FALSE(first.success);
  EXPECT_EQ(dials[0]->outcome, Outcome::Error);
  EXPECT_EQ(dials[0]->reason, "refused");
  EXPECT_EQ(first.upstream, "mail");
  EXPECT_EQ(first.endpoint, "first.example:143");
  EXPECT_EQ(first.state, "not connected");
  EXPECT_EQ(first.attempt, 1U);
  const auto& second = std::get<audit::Upstream>(dials[1]->body);
  EXPECT_TRUE(second.success);
  EXPECT_EQ(dials[1]->outcome, Outcome::Success);
  EXPECT_EQ(second.endpoint, upstream_.endpoint().text);
  EXPECT_EQ(second.tls, "");
  EXPECT_EQ(second.attempt, 2U);
  EXPECT_GT(second.duration, Duration::zero());
}

TEST_F(RelayAuditTest, TellsThatThereWasNothingToDial) {
  gateway_.upstream.endpoints.clear();
  gateway_.upstream.why_empty = ErrorCode::UpstreamDns;
  connect();
  says("a LOGIN alice secret\r\n");
  hears("a NO [UNAVAILABLE]");
  EXPECT_EQ(trail().only<audit::Upstream>().reason, "dns");
  EXPECT_EQ(trail().body<audit::Upstream>().endpoint, "");
  EXPECT_EQ(trail().body<audit::Upstream>().attempt, 0U);
  EXPECT_EQ(trail().only<audit::Auth>().outcome, Outcome::Error);
}

TEST_F(RelayAuditTest, TellsWhatARuleRefused) {
  rule(config::RuleAction::Deny, config::RuleMode::Enforce);
  log_in();
  says("d DELETE Archive\r\n");
  hears("d NO");
  const audit::Record& record = trail().only<audit::PolicyDecision>();
  const auto& decision = trail().body<audit::PolicyDecision>();
  EXPECT_EQ(record.outcome, Outcome::Denied);
  EXPECT_EQ(record.reason, "no_permission");
  EXPECT_EQ(record.user, "alice");
  EXPECT_EQ(decision.rule, "kept");
  EXPECT_EQ(decision.place, "postern.yaml:12");
  EXPECT_EQ(decision.mode, "enforce");
  EXPECT_EQ(decision.action, "deny");
  EXPECT_EQ(decision.verdict, "refused");
  EXPECT_EQ(decision.command, "DELETE");
  EXPECT_EQ(decision.mailbox, "Archive");
}

TEST_F(RelayAuditTest, TellsWhatARuleOnTrialWouldHaveRefused) {
  rule(config::RuleAction::Deny, config::RuleMode::Observe);
  log_in();
  says("d DELETE Archive\r\n");
  hears("d OK");
  const auto& decision = trail().body<audit::PolicyDecision>();
  EXPECT_EQ(trail().only<audit::PolicyDecision>().outcome, Outcome::Success);
  EXPECT_EQ(trail().only<audit::PolicyDecision>().reason, "");
  EXPECT_EQ(decision.mode, "observe");
  EXPECT_EQ(decision.action, "deny");
  EXPECT_EQ(decision.verdict, "passed");
}

TEST_F(RelayAuditTest, TellsADisconnectionByRule) {
  rule(config::RuleAction::Disconnect, config::RuleMode::Enforce);
  log_in();
  says("d DELETE Archive\r\n");
  hears("* BYE");
  client_->close();
  session_ends();
  EXPECT_EQ(trail().body<audit::PolicyDecision>().verdict, "disconnected");
  EXPECT_EQ(trail().only<audit::SessionClose>().outcome, Outcome::Denied);
}

TEST_F(RelayAuditTest, MakesNothingThatIsNotSelected) {
  gateway_.settings->audit.events = audited::kAuth;
  log_in();
  log_out();
  ASSERT_EQ(trail().records.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<audit::Auth>(trail().records[0]->body));
}

TEST_F(RelayAuditTest, MakesNothingWhereAuditIsOff) {
  gateway_.settings->audit.file.clear();
  log_in();
  log_out();
  EXPECT_TRUE(trail().records.empty());
}

TEST_F(RelayAuditTest, NamesWhomATrustedProxySpeaksFor) {
  gateway_.facts.trusted = true;
  connect();
  says("i ID (\"x-originating-ip\" \"192.0.2.9\" \"x-originating-port\" \"4711\")\r\n");
  hears("i OK");
  says("a LOGIN alice secret\r\n");
  hears("a OK");
  EXPECT_EQ(trail().only<audit::SessionOpen>().connection->client_address, "127.0.0.1");
  const audit::Connection& known = *trail().only<audit::Auth>().connection;
  EXPECT_EQ(known.session, "s1");
  EXPECT_EQ(known.client_address, "192.0.2.9");
  EXPECT_EQ(known.client_port, 4711U);
  EXPECT_EQ(known.local_port, port_of(gateway_.address)) << "the proxy did not say what it was asked for";
  EXPECT_TRUE(known.proxied);
}

TEST_F(RelayAuditTest, NamesTheBalancerWhoseWordTheClientIs) {
  gateway_.proxy = "192.0.2.1";
  gateway_.facts.connected_address = "198.51.100.5";
  gateway_.facts.connected_port = 993;
  connect();
  const audit::Connection& known = *trail().only<audit::SessionOpen>().connection;
  EXPECT_TRUE(known.proxied);
  EXPECT_EQ(trail().body<audit::SessionOpen>().proxy, "192.0.2.1");
  EXPECT_EQ(known.local_address, "198.51.100.5");
  EXPECT_EQ(known.local_port, 993U);
}

TEST_F(RelayAuditTest, ACommandWaitsUntilItsIntentIsOnDisk) {
  expunge();
  ASSERT_TRUE(std::get<audit::Command>(trail().records.back()->body).intent);
  trail().answer(true);
  hears("e OK");
  EXPECT_TRUE(upstream_.has_heard("EXPUNGE"));
  const audit::Record& outcome = *trail().records.back();
  EXPECT_FALSE(std::get<audit::Command>(outcome.body).intent);
  EXPECT_EQ(outcome.user, "alice");
  EXPECT_EQ(outcome.connection, trail().only<audit::SessionOpen>().connection);
}

TEST_F(RelayAuditTest, ACommandThatCannotBeRecordedIsRefused) {
  expunge();
  trail().answer(false);
  hears("e NO [UNAVAILABLE]");
  EXPECT_FALSE(upstream_.has_heard("EXPUNGE"));
}

TEST_F(RelayAuditTest, ASessionThatIsKilledWaitsForNothing) {
  expunge();
  gateway_.only().kill();
  session_ends();
  EXPECT_EQ(trail().forgotten, 1U);
  EXPECT_EQ(trail().only<audit::SessionClose>().reason, "drain");
  EXPECT_FALSE(upstream_.has_heard("EXPUNGE"));
}

TEST_F(RelayAuditTest, ASessionWhoseUpstreamIsLostWaitsForNothing) {
  expunge();
  upstream_.last().close();
  hears("* BYE");
  client_->close();
  session_ends();
  EXPECT_EQ(trail().forgotten, 1U);
  EXPECT_EQ(trail().only<audit::SessionClose>().outcome, Outcome::Error);
}

TEST_F(RelayAuditTest, ASessionWhoseClientIsLostWaitsForNothing) {
  expunge();
  client_->close();
  session_ends();
  EXPECT_EQ(trail().forgotten, 1U);
  EXPECT_EQ(trail().only<audit::SessionClose>().reason, "client_reset");
  EXPECT_FALSE(upstream_.has_heard("EXPUNGE"));
}

class RelayTlsAuditTest : public RelayTlsTest {
 protected:
  RelayTlsAuditTest() { audit_all(gateway_); }
  FakeTrail& trail() { return gateway_.trail; }
  const audit::Record& handshake(Side side) {
    for (const audit::Record* record : trail().all<audit::TlsHandshake>())
      if (std::get<audit::TlsHandshake>(record->body).side == side) return *record;
    ADD_FAILURE() << "no handshake is recorded";
    return *trail().records.front();
  }
  const audit::TlsHandshake& handshake_body(Side side) {
    return std::get<audit::TlsHandshake>(handshake(side).body);
  }
};

TEST_F(RelayTlsAuditTest, TellsTheHandshakesOfBothSides) {
  secure_upstream(config::UpstreamTls::Starttls, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  connect_securely();
  EXPECT_EQ(trail().body<audit::SessionOpen>().tls_mode, "implicit");
  const audit::TlsHandshake client = handshake_body(Side::Client);
  EXPECT_EQ(handshake(Side::Client).outcome, Outcome::Success);
  EXPECT_TRUE(client.facts.secure);
  EXPECT_EQ(client.facts.version(), std::string("TLSv1.3"));
  EXPECT_EQ(client.facts.sni, "mail.example");
  EXPECT_NE(client.facts.cipher, "");
  EXPECT_EQ(client.openssl_reason, "");
  EXPECT_GT(client.duration, Duration::zero());
  log_in();
  EXPECT_TRUE(handshake_body(Side::Upstream).facts.secure);
  EXPECT_EQ(trail().body<audit::Upstream>().tls, "TLSv1.3");
  EXPECT_FALSE(trail().body<audit::Auth>().cleartext);
}

TEST_F(RelayTlsAuditTest, TellsWhyAHandshakeFailedInOpensslsWords) {
  connect();
  loop_.until([&] { return talker_->connected; });
  talker_->send("a LOGIN alice secret\r\n");
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(handshake(Side::Client).outcome, Outcome::Failure);
  EXPECT_EQ(handshake(Side::Client).reason, "other");
  EXPECT_FALSE(handshake_body(Side::Client).facts.secure);
  EXPECT_NE(handshake_body(Side::Client).openssl_reason, "");
  EXPECT_EQ(trail().only<audit::SessionClose>().outcome, Outcome::Failure);
}

TEST_F(RelayTlsAuditTest, TellsAHandshakeThatWasHungUp) {
  connect();
  loop_.until([&] { return talker_->connected; });
  talker_->stream().shutdown();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(handshake(Side::Client).reason, "eof");
}

TEST_F(RelayTlsAuditTest, TellsAHandshakeThatNeverCame) {
  gateway_.settings->limits.timeouts.handshake = std::chrono::milliseconds(1);
  connect();
  loop_.until([&] { return talker_->ended; });
  talker_->close();
  session_ends();
  EXPECT_EQ(handshake(Side::Client).reason, "timeout");
}

TEST_F(RelayTlsAuditTest, TellsAnUpstreamThatCannotBeVerified) {
  secure_upstream(config::UpstreamTls::Implicit, tls::testing::make_identity({"up", "DNS:upstream.example"}));
  config::Upstream strict;
  const auto stranger = tls::testing::make_identity({.common_name = "CA", .authority = true});
  strict.ca = folder_.write("ca.crt", stranger.cert_pem());
  gateway_.upstream.context = *tls::ClientContext::make(strict);
  connect_securely();
  client_->send("a LOGIN alice secret\r\n");
  hears("a NO [UNAVAILABLE]");
  EXPECT_EQ(handshake(Side::Upstream).reason, "certificate");
  EXPECT_NE(handshake_body(Side::Upstream).openssl_reason, "");
  EXPECT_EQ(trail().only<audit::Upstream>().reason, "certificate");
  EXPECT_EQ(trail().only<audit::Auth>().outcome, Outcome::Error);
}

TEST_F(RelayTlsAuditTest, TellsAPasswordInClearThatWasRefused) {
  gateway_.facts.tls = config::ListenerTls::Starttls;
  connect();
  hears_in_clear("* OK [CAPABILITY ");
  talker_->send("a LOGIN alice secret\r\n");
  hears_in_clear("a NO [PRIVACYREQUIRED]");
  EXPECT_EQ(trail().body<audit::SessionOpen>().tls_mode, "starttls");
  EXPECT_TRUE(trail().all<audit::PolicyDecision>().empty()) << "a login that was refused is told as such";
  EXPECT_EQ(trail().only<audit::Auth>().outcome, Outcome::Denied);
  EXPECT_EQ(trail().only<audit::Auth>().reason, "privacy_required");
  EXPECT_TRUE(trail().body<audit::Auth>().cleartext);
}

}  // namespace
}  // namespace postern::net
