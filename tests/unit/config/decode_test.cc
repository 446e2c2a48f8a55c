#include "config/decode.h"

#include <gtest/gtest.h>

#include "config/match.h"
#include "unit/config/given.h"

namespace postern::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::findings;
using test::load;
using test::load_with;
using test::message;

TEST(Decode, TheMinimum) {
  const Loaded loaded = load(test::kMinimal);
  ASSERT_TRUE(loaded.ok) << render(loaded.diagnostics);
  const Settings& settings = loaded.settings;
  ASSERT_EQ(settings.listeners.size(), 1u);
  EXPECT_EQ(settings.listeners[0].name, "127.0.0.1:143") << "the address is the name";
  EXPECT_EQ(settings.listeners[0].address.text(), "127.0.0.1:143");
  EXPECT_EQ(settings.listeners[0].tls, ListenerTls::Off);
  EXPECT_TRUE(settings.listeners[0].allow_cleartext);
  ASSERT_EQ(settings.upstreams.size(), 1u);
  EXPECT_EQ(settings.upstreams[0].name, "mail");
  ASSERT_EQ(settings.upstreams[0].servers.size(), 1u);
  EXPECT_EQ(settings.upstreams[0].servers[0].text(), "127.0.0.1:10143");
  EXPECT_FALSE(settings.has_tls);
  EXPECT_TRUE(settings.has_status);
  EXPECT_EQ(settings.status.text(), "127.0.0.1:9143");
}

TEST(Decode, Listeners) {
  const Loaded loaded = load(
      "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n"
      "tls: {certificates: [{cert: c, key: k}]}\n"
      "listeners:\n"
      "  - {name: imaps, address: '[::]:993'}\n"
      "  - {name: imap, address: '[::]:143', tls: starttls, allow_cleartext: true}\n");
  ASSERT_TRUE(loaded.ok) << render(loaded.diagnostics);
  EXPECT_EQ(loaded.settings.listeners[0].tls, ListenerTls::Implicit);
  EXPECT_FALSE(loaded.settings.listeners[0].allow_cleartext);
  EXPECT_EQ(loaded.settings.listeners[1].tls, ListenerTls::Starttls);
  EXPECT_TRUE(loaded.settings.listeners[1].allow_cleartext);
  EXPECT_EQ(loaded.settings.listeners[1].address.host, "::");
  EXPECT_EQ(loaded.settings.listeners[1].mark.line, 5);
  EXPECT_EQ(loaded.settings.listeners[1].mark.column, 27);
  EXPECT_EQ(loaded.settings.listeners[1].mark.file, "postern.yaml");
}

TEST(Decode, WhoIsTrustedToSpeakForOthers) {
  const Loaded loaded = load(
      "upstreams: [{name: mail, servers: ['127.0.0.1:1'], proxy_protocol: v1, send_id: true}]\n"
      "tls: {certificates: [{cert: c, key: k}]}\n"
      "rewrite: {id: own}\n"
      "listeners:\n"
      "  - address: '[::]:993'\n"
      "    proxy_protocol: required\n"
      "    trusted_proxies: [10.0.0.0/8, '2001:db8::/32']\n");
  ASSERT_TRUE(loaded.ok) << render(loaded.diagnostics);
  const Listener& listener = loaded.settings.listeners[0];
  EXPECT_TRUE(listener.proxy_protocol);
  ASSERT_EQ(listener.trusted_proxies.size(), 2u);
  EXPECT_EQ(listener.trusted_proxies[0].prefix, 96 + 8);
  EXPECT_EQ(loaded.settings.upstreams[0].proxy_protocol, ProxyProtocol::V1);
  EXPECT_TRUE(loaded.settings.upstreams[0].send_id);
  EXPECT_EQ(loaded.settings.rewrite.id, IdPolicy::Own);
}

TEST(Decode, ListenersAndTheStatusPageAreBoundToAddresses) {
  const std::string upstreams = "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n";
  const Loaded named =
      load(upstreams + "listeners: [{address: 'localhost:143', tls: off, allow_cleartext: true}]\n");
  EXPECT_EQ(message(named), "'localhost:143' is no IP address and port, such as 127.0.0.1:143 or [::]:143");
  EXPECT_EQ(findings(load_with("status: {address: 'localhost:9143'}\n")), "7:19 address\n");
}

TEST(Decode, Tls) {
  const Loaded loaded = load_with(
      "tls:\n"
      "  certificates:\n"
      "    - {cert: a.crt, key: ../a.key}\n"
      "    - {cert: /b.crt, key: /b.key}\n"
      "  min_version: \"1.3\"\n"
      "  ciphers: ECDHE-RSA-AES128-GCM-SHA256\n"
      "  ciphersuites: TLS_AES_128_GCM_SHA256\n"
      "  groups: P-256\n"
      "  alpn: [imap, imap4]\n"
      "  strict_sni: true\n"
      "  session_tickets: false\n"
      "  ticket_key_file: keys\n"
      "  watch: false\n");
  ASSERT_TRUE(loaded.ok) << render(loaded.diagnostics);
  const Tls& tls = loaded.settings.tls;
  EXPECT_TRUE(loaded.settings.has_tls);
  ASSERT_EQ(tls.certificates.size(), 2u);
  EXPECT_EQ(tls.certificates[0].cert, "/etc/postern/a.crt");
  EXPECT_EQ(tls.certificates[0].key, "/etc/postern/../a.key");
  EXPECT_EQ(tls.certificates[1].cert, "/b.crt");
  EXPECT_EQ(tls.certificates[1].key, "/b.key");
  EXPECT_EQ(tls.certificates[1].key_mark.line, 10);
  EXPECT_EQ(tls.certificates[1].key_mark.column, 27);
  EXPECT_EQ(tls.min_version, TlsVersion::Tls13);
  EXPECT_EQ(tls.ciphers, "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(tls.ciphersuites, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(tls.groups, "P-256");
  EXPECT_EQ(tls.alpn, (std::vector<std::string>{"imap", "imap4"}));
  EXPECT_TRUE(tls.strict_sni);
  EXPECT_FALSE(tls.session_tickets);
  EXPECT_EQ(tls.ticket_key_file, "/etc/postern/keys");
  EXPECT_FALSE(tls.watch);
}

TEST(Decode, Upstreams) {
  const Loaded loaded = load(
      "listeners: [{address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
      "upstreams:\n"
      "  - name: old\n"
      "    servers: [mail.example:143, '[2001:db8::1]:993']\n"
      "    dns_ttl: 1m\n"
      "    tls: starttls\n"
      "    tls_min_version: 1.2\n"
      "    tls_ciphers: DEFAULT@SECLEVEL=0\n"
      "    ca: ca.pem\n"
      "    verify: pin\n"
      "    pin_sha256: [e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]\n"
      "    server_name: imap.example\n"
      "    client_cert: c.pem\n"
      "    client_key: k.pem\n"
      "    health: {interval: 10s, timeout: 500ms, rise: 1, fall: 5}\n"
      "  - {name: new, servers: ['127.0.0.1:1'], tls: implicit, verify: ca}\n");
  ASSERT_EQ(findings(loaded), "");
  const Upstream& one = loaded.settings.upstreams[0];
  ASSERT_EQ(one.servers.size(), 2u);
  EXPECT_EQ(one.servers[0].text(), "mail.example:143");
  EXPECT_EQ(one.servers[1].text(), "[2001:db8::1]:993");
  EXPECT_EQ(one.dns_ttl, minutes(1));
  EXPECT_EQ(one.tls, UpstreamTls::Starttls);
  EXPECT_EQ(one.tls_min_version, TlsVersion::Tls12);
  EXPECT_EQ(one.tls_ciphers, "DEFAULT@SECLEVEL=0");
  EXPECT_EQ(one.ca, "/etc/postern/ca.pem");
  EXPECT_EQ(one.verify, Verify::Pin);
  ASSERT_EQ(one.pin_sha256.size(), 1u);
  EXPECT_EQ(one.pin_sha256[0][0], 0xE3);
  EXPECT_EQ(one.server_name, "imap.example");
  EXPECT_EQ(one.client_cert, "/etc/postern/c.pem");
  EXPECT_EQ(one.client_key, "/etc/postern/k.pem");
  EXPECT_EQ(one.health.interval, seconds(10));
  EXPECT_EQ(one.health.timeout, milliseconds(500));
  EXPECT_EQ(one.health.rise, 1);
  EXPECT_EQ(one.health.fall, 5);
  EXPECT_EQ(one.mark.line, 3);
  EXPECT_EQ(loaded.settings.upstreams[1].tls, UpstreamTls::Implicit);
  EXPECT_EQ(loaded.settings.upstreams[1].verify, Verify::Ca);
}

TEST(Decode, ServersHaveAPort) {
  const auto servers = [](const std::string& list) {
    return findings(
        load("listeners: [{address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
             "upstreams: [{name: mail, servers: " +
             list + "}]\n"));
  };
  EXPECT_EQ(servers("['127.0.0.1:1']"), "");
  EXPECT_EQ(servers("['127.0.0.1:0']"), "2:36 address\n");
  EXPECT_EQ(servers("['']"), "2:36 value\n");
  EXPECT_EQ(servers("['unix:/run/imap']"), "2:36 not-supported\n");
  EXPECT_EQ(servers("['127.0.0.1']"), "2:36 value\n");
  EXPECT_EQ(servers("[]"), "2:26 no-value\n");
}

TEST(Decode, Routes) {
  const Loaded loaded = load(
      "listeners: [{name: imap, address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
      "upstreams: [{name: a, servers: ['127.0.0.1:1']}, {name: b, servers: ['127.0.0.1:2']}]\n"
      "routes:\n"
      "  - match: {listener: [imap*], sni: ['*.example'], user: [ann, 'b*'], client: [192.0.2.0/24]}\n"
      "    upstream: b\n"
      "  - upstream: a\n");
  ASSERT_TRUE(loaded.ok) << render(loaded.diagnostics);
  ASSERT_EQ(loaded.settings.routes.size(), 2u);
  const Route& route = loaded.settings.routes[0];
  EXPECT_EQ(route.listeners, std::vector<std::string>{"imap*"});
  EXPECT_EQ(route.sni, std::vector<std::string>{"*.example"});
  EXPECT_EQ(route.users, (std::vector<std::string>{"ann", "b*"}));
  ASSERT_EQ(route.clients.size(), 1u);
  EXPECT_EQ(route.clients[0].prefix, 120);
  EXPECT_EQ(route.upstream, 1u);
  const RouteFacts bob{"imap", "mail.example", "Bob", *parse_address("192.0.2.9")};
  EXPECT_EQ(choose_route(loaded.settings, bob), 1u);
  const RouteFacts eve{"imap", "mail.example", "eve", *parse_address("192.0.2.9")};
  EXPECT_EQ(choose_route(loaded.settings, eve), 0u);
}

TEST(Decode, Limits) {
  const Loaded loaded = load_with(
      "limits:\n"
      "  sessions: {total: 5000}\n"
      "  login: {failures: 3, window: 1m, ban: 2m, delay: 3s}\n"
      "  line: 8KiB\n"
      "  sasl: 16KiB\n"
      "  literal: 50MiB\n"
      "  buffer: 128KiB\n"
      "  timeouts: {handshake: 1s, login: 2s, idle: 31m, upstream_connect: 4s, upstream_login: 5s,\n"
      "             upstream_silence: 6s, stalled: 7s, count: 9s, drain: 0s, drain_delay: 8s}\n");
  ASSERT_EQ(findings(loaded), "");
  const Limits& limits = loaded.settings.limits;
  EXPECT_EQ(limits.sessions_total, 5000u);
  EXPECT_EQ(limits.login.failures, 3);
  EXPECT_EQ(limits.login.window, minutes(1));
  EXPECT_EQ(limits.login.ban, minutes(2));
  EXPECT_EQ(limits.login.delay, seconds(3));
  EXPECT_EQ(limits.line, 8u * 1024);
  EXPECT_EQ(limits.sasl, 16u * 1024);
  EXPECT_EQ(limits.literal, 50u * 1024 * 1024);
  EXPECT_EQ(limits.buffer, 128u * 1024);
  EXPECT_EQ(limits.timeouts.handshake, seconds(1));
  EXPECT_EQ(limits.timeouts.login, seconds(2));
  EXPECT_EQ(limits.timeouts.idle, minutes(31));
  EXPECT_EQ(limits.timeouts.upstream_connect, seconds(4));
  EXPECT_EQ(limits.timeouts.upstream_login, seconds(5));
  EXPECT_EQ(limits.timeouts.upstream_silence, seconds(6));
  EXPECT_EQ(limits.timeouts.stalled, seconds(7));
  EXPECT_EQ(limits.timeouts.count, seconds(9));
  EXPECT_EQ(limits.timeouts.drain, seconds(0));
  EXPECT_EQ(limits.timeouts.drain_delay, seconds(8));
}

TEST(Decode, TheRest) {
  const Loaded loaded = load_with(
      "rewrite: {capabilities: {hide: [QUOTA], add: [X-OWN]}, greeting: hello}\n"
      "status: {address: ''}\n"
      "log: {level: warning, format: json, file: postern.log}\n"
      "workers: 3\n"
      "user: postern\n");
  ASSERT_EQ(findings(loaded), "");
  const Settings& settings = loaded.settings;
  EXPECT_EQ(settings.rewrite.hide_capabilities, std::vector<std::string>{"QUOTA"});
  EXPECT_EQ(settings.rewrite.add_capabilities, std::vector<std::string>{"X-OWN"});
  EXPECT_EQ(settings.rewrite.greeting, "hello");
  EXPECT_FALSE(settings.has_status);
  EXPECT_EQ(settings.log.level, 2);
  EXPECT_EQ(settings.log.format, LogFormat::Json);
  EXPECT_EQ(settings.log.file, "/etc/postern/postern.log");
  EXPECT_EQ(settings.workers, 3);
  EXPECT_EQ(settings.user, "postern");
}

TEST(Decode, AnEmptyListIsNoDefault) {
  EXPECT_TRUE(load_with("tls: {alpn: []}\n").settings.tls.alpn.empty());
}

}  // namespace
}  // namespace postern::config
