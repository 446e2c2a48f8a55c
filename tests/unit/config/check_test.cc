#include "config/check.h"

#include <gtest/gtest.h>

#include "unit/config/given.h"

namespace postern::config {
namespace {

using test::findings;
using test::load;
using test::load_with;
using test::message;

constexpr const char* kMail = "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n";
constexpr const char* kTls = "tls: {certificates: [{cert: c, key: k}]}\n";

std::string listeners(const std::string& list) {
  return findings(load(std::string(kMail) + kTls + "listeners: [" + list + "]\n"));
}

TEST(Check, ClearTextMustBeAskedFor) {
  EXPECT_EQ(listeners("{address: '[::]:143', tls: off}"), "3:40 cleartext\n");
  EXPECT_EQ(listeners("{address: '[::]:143', tls: off, allow_cleartext: false}"), "3:40 cleartext\n");
  EXPECT_EQ(listeners("{address: '[::]:143', tls: off, allow_cleartext: true}"), "");
  EXPECT_EQ(listeners("{address: '[::]:993', allow_cleartext: true}"), "3:52 warning cleartext\n");
}

TEST(Check, ListenersHaveNamesOfTheirOwn) {
  EXPECT_EQ(listeners("{name: a, address: '[::]:1'}, {name: b, address: '[::]:2'}"), "");
  EXPECT_EQ(listeners("{name: a, address: '[::]:1'}, {name: a, address: '[::]:2'}"), "3:50 duplicate-name\n");
  EXPECT_EQ(listeners("{name: '[::]:2', address: '[::]:1'}, {address: '[::]:2'}"), "3:50 duplicate-name\n");
}

TEST(Check, AProxyHeaderIsTakenFromNamedNetworks) {
  const auto with = [](const std::string& keys) {
    return load(
        "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n"
        "tls: {certificates: [{cert: c, key: k}]}\nlisteners: [{address: '[::1]:1', " +
        keys + "}]\n");
  };
  EXPECT_EQ(findings(with("proxy_protocol: required")), "3:50 proxy-protocol\n");
  EXPECT_EQ(findings(with("proxy_protocol: required, trusted_proxies: [192.0.2.0/24]")), "");
  EXPECT_EQ(findings(with("trusted_proxies: ['0.0.0.0/0']")), "3:51 warning proxy-protocol\n");
  EXPECT_EQ(findings(with("trusted_proxies: ['::/0']")), "3:51 warning proxy-protocol\n");
  EXPECT_EQ(findings(with("trusted_proxies: ['2001:db8::/96']")), "");
}

TEST(Check, ClientsCertificatesNeedSomebodyWhoSignsThem) {
  const auto with = [](const std::string& keys, const std::string& more = "") {
    return findings(load("upstreams: [{name: mail, servers: ['127.0.0.1:1']" + more +
                         "}]\nlisteners: [{address: '[::1]:1'}]\n"
                         "tls: {certificates: [{cert: c, key: k}], client_auth: {" +
                         keys + "}}\n"));
  };
  const std::string master = ", master_user: gate, master_password: s";
  EXPECT_EQ(with("mode: request, ca: ca.pem"), "");
  EXPECT_EQ(with("mode: require, ca: ca.pem, user_from: email", master), "");
  EXPECT_EQ(with("mode: request"), "3:62 client-auth\n");
  EXPECT_EQ(with("user_from: cn"), "3:67 client-auth\n");
  EXPECT_EQ(with("mode: off, ca: ca.pem"), "3:71 warning client-auth\n");
  EXPECT_EQ(with("mode: request, ca: ca.pem, user_from: upn"), "3:94 warning client-auth\n");
}

TEST(Check, AMasterUserIsForVerifiedClientsAlone) {
  const auto with = [](const std::string& keys, const std::string& clients,
                       const std::string& listener = "") {
    return findings(load("upstreams: [{name: mail, servers: ['127.0.0.1:1'], " + keys +
                         "}]\nlisteners: [{address: '[::1]:1'" + listener +
                         "}]\n"
                         "tls: {certificates: [{cert: c, key: k}], client_auth: {" +
                         clients + "}}\n"));
  };
  const std::string verified = "mode: request, ca: ca.pem, user_from: email";
  EXPECT_EQ(with("master_user: gate, master_password: s", verified), "");
  EXPECT_EQ(with("master_user: gate, master_password: s", verified, ", tls: starttls"), "");
  EXPECT_EQ(with("master_user: gate, master_password: s", verified, ", tls: off, allow_cleartext: true"),
            "1:65 master-user\n");
  EXPECT_EQ(with("master_user: gate, master_password: s", "mode: request, ca: ca.pem"), "1:65 master-user\n");
  EXPECT_EQ(with("master_user: gate, master_password: s", "mode: off"), "1:65 master-user\n");
  EXPECT_EQ(with("master_user: gate", verified), "1:65 master-user\n");
  EXPECT_EQ(with("master_password: s", "mode: off"), "1:69 master-user\n");
  EXPECT_EQ(with("master_user: gate, master_password: s, master_separator: ''", verified),
            "1:109 master-user\n");
  EXPECT_EQ(with("master_user: 'g*e', master_password: s", verified), "1:65 master-user\n");
  EXPECT_EQ(with("master_user: 'g*e', master_password: s, master_separator: '/'", verified), "");
  EXPECT_EQ(with("master_user: gate, master_password: \"s\\nt\"", verified), "1:65 master-user\n");
}

TEST(Check, ADefaultDomainIsOne) {
  const auto with = [](const std::string& domain) {
    return findings(load_with("rewrite: {user: {default_domain: " + domain + "}}\n"));
  };
  EXPECT_EQ(with("a.example"), "");
  EXPECT_EQ(with("'@a.example'"), "7:34 domain\n");
  EXPECT_EQ(with("'a example'"), "7:34 domain\n");
  EXPECT_EQ(with(std::string(255, 'a')), "");
  EXPECT_EQ(with(std::string(256, 'a')), "7:34 domain\n");
}

TEST(Check, ExternalIsNothingThatCanBeAdded) {
  EXPECT_EQ(findings(load_with("rewrite: {capabilities: {add: [AUTH=EXTERNAL]}}\n")), "7:31 capability\n");
}

TEST(Check, ListenersDoNotOverlap) {
  const auto both = [](const std::string& a, const std::string& b) {
    return listeners("{name: a, address: '" + a + "'}, {name: b, address: '" + b + "'}");
  };
  EXPECT_NE(both("[::]:993", "[::]:993"), "");
  EXPECT_NE(both("127.0.0.1:993", "127.0.0.1:993"), "");
  EXPECT_NE(both("0.0.0.0:993", "127.0.0.1:993"), "");
  EXPECT_NE(both("127.0.0.1:993", "0.0.0.0:993"), "");
  EXPECT_NE(both("[::]:993", "127.0.0.1:993"), "") << "[::] is dual-stack";
  EXPECT_NE(both("[::]:993", "0.0.0.0:993"), "");
  EXPECT_NE(both("[2001:db8::1]:993", "[::]:993"), "");
  EXPECT_NE(both("[::1]:993", "[0:0::1]:993"), "") << "two ways of writing one address";
  EXPECT_NE(both("127.0.0.1:993", "[::ffff:127.0.0.1]:993"), "");
  EXPECT_EQ(both("0.0.0.0:993", "[::1]:993"), "");
  EXPECT_EQ(both("127.0.0.1:993", "127.0.0.2:993"), "");
  EXPECT_EQ(both("[::]:993", "[::]:143"), "");
  EXPECT_EQ(both("127.0.0.1:0", "127.0.0.1:0"), "") << "the kernel chooses two ports";
}

TEST(Check, TheStatusPageDoesNotOverlapEither) {
  const Loaded loaded = load_with("status: {address: '0.0.0.0:143'}\n");
  EXPECT_EQ(message(loaded), "0.0.0.0:143 overlaps with the listener '127.0.0.1:143' on 127.0.0.1:143");
}

TEST(Check, TlsNeedsACertificate) {
  const std::string text =
      std::string(kMail) + "listeners: [{name: imap, address: '[::]:143', tls: starttls}]\n";
  EXPECT_EQ(message(load(text)), "the listener 'imap' uses TLS: a block tls with certificates is needed");
  EXPECT_EQ(findings(load(text)), "2:35 no-certificate\n");
  EXPECT_EQ(findings(load(text + "tls: {alpn: [imap]}\n")), "3:6 no-certificate\n");
  EXPECT_EQ(findings(load(text + kTls)), "");
}

TEST(Check, AlpnNamesHaveALengthThatFitsTheWire) {
  EXPECT_EQ(findings(load_with("tls: {alpn: ['']}\n")), "7:13 alpn\n");
  EXPECT_EQ(findings(load_with("tls: {alpn: [" + std::string(255, 'a') + "]}\n")), "");
  EXPECT_EQ(findings(load_with("tls: {alpn: [" + std::string(256, 'a') + "]}\n")), "7:13 alpn\n");
}

std::string upstream(const std::string& keys) {
  return findings(
      load("listeners: [{address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
           "upstreams:\n  - {name: mail, " +
           keys + "}\n"));
}

TEST(Check, UpstreamsHaveNamesOfTheirOwn) {
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1']}\n  - {name: mail, servers: ['127.0.0.1:2']"),
            "4:12 duplicate-name\n");
}

TEST(Check, PasswordsInClearTextOverANetworkAreWarnedOf) {
  EXPECT_EQ(upstream("servers: [mail.example:143]"), "3:27 warning cleartext-upstream\n");
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1', '192.0.2.1:143'], tls: off"),
            "3:66 warning cleartext-upstream\n");
  EXPECT_EQ(upstream("servers: ['127.0.0.2:1', '[::1]:143', LOCALHOST:143]"), "");
  EXPECT_EQ(upstream("servers: [mail.example:143], tls: starttls"), "");
}

TEST(Check, WeakVerificationIsWarnedOf) {
  const std::string tls = "servers: ['127.0.0.1:1'], tls: implicit, ";
  EXPECT_EQ(upstream(tls + "verify: full"), "");
  EXPECT_EQ(upstream(tls + "verify: ca"), "");
  EXPECT_EQ(upstream(tls + "verify: none"), "3:67 warning no-verification\n");
  EXPECT_EQ(upstream(tls + "verify: pin"), "3:67 pin\n");
  EXPECT_EQ(upstream(tls + "tls_min_version: \"1.1\""), "3:76 warning weak-tls\n");
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], tls_min_version: \"1.0\""), "") << "no TLS, no weak TLS";
}

TEST(Check, PinsAreReadAndUsed) {
  const std::string pin = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const std::string tls = "servers: ['127.0.0.1:1'], tls: implicit, ";
  EXPECT_EQ(upstream(tls + "verify: pin, pin_sha256: ['" + pin + "']"), "");
  EXPECT_EQ(upstream(tls + "verify: pin, pin_sha256: [abc, '" + pin + "']"), "3:85 pin\n");
  EXPECT_EQ(upstream(tls + "pin_sha256: ['" + pin + "']"), "3:71 warning pin\n");
}

TEST(Check, ACertificateOfOurOwnHasItsKey) {
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], client_cert: c"), "3:57 client-cert\n");
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], client_key: k"), "3:56 client-cert\n");
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], client_cert: c, client_key: k"), "");
}

TEST(Check, AProbeEndsBeforeTheNext) {
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], health: {interval: 1s, timeout: 1s}"), "");
  EXPECT_EQ(upstream("servers: ['127.0.0.1:1'], health: {interval: 1s, timeout: 2s}"),
            "3:52 warning health\n");
}

TEST(Check, RoutesNameAnUpstreamThatIsThere) {
  EXPECT_EQ(message(load_with("routes: [{upstream: mial}]\n")),
            "there is no upstream 'mial' (did you mean 'mail'?)");
  EXPECT_EQ(message(load_with("routes: [{match: {}}]\n")), "a route needs an upstream");
}

TEST(Check, RoutesThatAreNeverReachedAreWarnedOf) {
  EXPECT_EQ(findings(load_with("routes:\n  - upstream: mail\n")), "");
  EXPECT_EQ(findings(load_with("routes:\n  - {match: {user: [a]}, upstream: mail}\n  - upstream: mail\n")),
            "");
  for (const char* all : {"{}", "{user: ['*']}", "{listener: [], client: ['::/0']}", "{sni: [a, '**']}"}) {
    const Loaded loaded = load_with("routes:\n  - {match: " + std::string(all) +
                                    ", upstream: mail}\n  - {match: {user: [a]}, upstream: mail}\n");
    EXPECT_EQ(findings(loaded), "9:5 warning never-matches\n") << all;
    EXPECT_EQ(message(loaded), "this route is never reached: the one in line 8 matches everything");
  }
  EXPECT_EQ(findings(load_with(
                "routes:\n  - {match: {client: [0.0.0.0/0]}, upstream: mail}\n  - upstream: mail\n")),
            "")
      << "IPv6 is left for the second";
}

TEST(Check, AListenerThatNobodyHasIsWarnedOf) {
  EXPECT_EQ(message(load_with("routes:\n  - {match: {listener: [imaps]}, upstream: mail}\n")),
            "no listener has a name like 'imaps'");
}

TEST(Check, NetworksHaveNoHostBits) {
  EXPECT_EQ(
      message(load_with("routes:\n  - {match: {client: [10.0.0.1/8]}, upstream: mail}\n")),
      "routes[0].match.client[0]: '10.0.0.1/8' is no network: bits are set behind the prefix: is it one "
      "host, or the network around it?");
}

TEST(Check, AGreetingIsPlainText) {
  EXPECT_EQ(findings(load_with("rewrite: {greeting: ''}\n")), "7:21 greeting\n");
  EXPECT_EQ(findings(load_with("rewrite: {greeting: '[ALERT] x'}\n")), "7:21 greeting\n");
  EXPECT_EQ(findings(load_with("rewrite: {greeting: " + std::string(400, 'x') + "}\n")), "");
  EXPECT_EQ(findings(load_with("rewrite: {greeting: " + std::string(401, 'x') + "}\n")), "7:21 greeting\n");
}

TEST(Check, CapabilitiesAreAtoms) {
  const auto add = [](const std::string& word) {
    return findings(load_with("rewrite: {capabilities: {add: ['" + word + "']}}\n"));
  };
  EXPECT_EQ(add("X-OWN=1"), "");
  for (const char* wrong : {"", "A B", "A(", "A{1}", "A%", "A*", "A]"})
    EXPECT_EQ(add(wrong), "7:31 capability\n") << wrong;
  for (const char* own : {"starttls", "LOGINDISABLED", "COMPRESS=DEFLATE", "UNAUTHENTICATE"})
    EXPECT_EQ(add(own), "7:31 capability\n") << own;
  EXPECT_EQ(findings(load_with("rewrite: {capabilities: {hide: [STARTTLS]}}\n")), "");
  EXPECT_EQ(findings(load_with("rewrite: {capabilities: {hide: ['A B']}}\n")), "7:32 capability\n");
}

TEST(Check, ABufferHoldsWhatIsJudgedWhole) {
  EXPECT_EQ(findings(load_with("limits: {buffer: 96KiB}\n")), "");
  EXPECT_EQ(message(load_with("limits: {buffer: 95KiB}\n")),
            "buffer (95KiB) must hold the larger of line and sasl (96KiB)");
  EXPECT_EQ(findings(load_with("limits: {line: 512KiB}\n")), "7:9 limits\n");
}

TEST(Check, ShortIdleTimesAreWarnedOf) {
  EXPECT_EQ(findings(load_with("limits: {timeouts: {idle: 30m}}\n")), "");
  EXPECT_EQ(findings(load_with("limits: {timeouts: {idle: 1799s}}\n")), "7:27 warning idle\n");
}

}  // namespace
}  // namespace postern::config
