#include "config/check.h"

#include <algorithm>
#include <set>

#include "base/octets.h"
#include "config/match.h"
#include "config/scalars.h"

namespace postern::config {
namespace {

constexpr std::size_t kGreetingMax = 400;
constexpr std::size_t kReplyMax = 200;
constexpr std::size_t kRuleNameMax = 64;

// The entry of a list in the tree, or the key in it, as something to point at.
const Node* item(const Node& root, std::string_view list, std::size_t index) {
  const Node* found = root.find(list);
  return found && index < found->items.size() ? &found->items[index] : nullptr;
}

Place place_in(const Node* block, std::string_view key) {
  if (block == nullptr) return {};
  const Node* value = block->find(key);
  return value ? value->place : block->place;
}

bool is_wildcard(const Address16& address) noexcept {
  return address == Address16{} || address == *parse_address("0.0.0.0");
}

// [::] is bound dual-stack, so it takes in every IPv4 address as well.
bool covers(const Address16& a, const Address16& b) noexcept {
  if (a == b || a == Address16{}) return true;
  if (!is_wildcard(a)) return false;
  return std::equal(a.begin(), a.begin() + 12, b.begin());
}

bool overlap(const HostPort& a, const HostPort& b) {
  if (a.port == 0 || a.port != b.port) return false;
  const auto first = parse_address(a.host);
  const auto second = parse_address(b.host);
  if (!first || !second) return false;
  return covers(*first, *second) || covers(*second, *first);
}

bool is_loopback(const HostPort& server) {
  if (equals_ignoring_case(server.host, "localhost")) return true;
  const auto address = parse_address(server.host);
  std::string why;
  return address && (contains(*parse_cidr("127.0.0.0/8", why), *address) ||
                     contains(*parse_cidr("::1/128", why), *address));
}

class Check {
 public:
  Check(const Settings& settings, const Node& root, Diagnostics& diagnostics)
      : settings_(settings), root_(root), diagnostics_(diagnostics) {}

  void run() {
    listeners();
    tls();
    client_auth();
    for (std::size_t i = 0; i < settings_.upstreams.size(); ++i) upstream(i);
    routes();
    rewrite();
    for (std::size_t i = 0; i < settings_.rules.size(); ++i) rule(i);
    audit();
    limits();
  }

 private:
  void listeners() {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) {
      const Listener& one = settings_.listeners[i];
      const Node* node = item(root_, "listeners", i);
      if (!names.insert(one.name).second && !one.address.host.empty())
        error("duplicate-name", "a second listener has the name " + in_quotes(one.name),
              place_in(node, "name"));
      if (one.tls == ListenerTls::Off && !one.allow_cleartext)
        error("cleartext",
              "a listener without TLS takes passwords in clear text; if that is meant, write "
              "allow_cleartext: true beside it",
              place_in(node, "tls"));
      if (one.tls == ListenerTls::Implicit && one.allow_cleartext)
        warning("cleartext", "allow_cleartext changes nothing where TLS comes first",
                place_in(node, "allow_cleartext"));
      trusted_proxies(one, node);
      for (std::size_t j = 0; j < i; ++j)
        overlapping(settings_.listeners[j], one.address, place_in(node, "address"));
    }
    const Node* status = root_.find("status");
    if (!settings_.has_status) return;
    for (const Listener& one : settings_.listeners)
      overlapping(one, settings_.status, status ? place_in(status, "address") : Place{});
  }

  void trusted_proxies(const Listener& one, const Node* node) {
    if (one.proxy_protocol && one.trusted_proxies.empty())
      error("proxy-protocol",
            "proxy_protocol: required takes a header from trusted_proxies alone; name the networks of your "
            "balancers there",
            place_in(node, "proxy_protocol"));
    const auto is_everybody = [](const Cidr& network) { return network.prefix == 0 || network.prefix == 96; };
    for (const Cidr& network : one.trusted_proxies)
      if (is_everybody(network) && (network.prefix == 0 || is_wildcard(network.address)))
        warning("proxy-protocol", "everybody is trusted to say which address a client has",
                place_in(node, "trusted_proxies"));
  }

  void overlapping(const Listener& first, const HostPort& address, Place place) {
    if (!overlap(first.address, address)) return;
    error("overlap",
          address.text() + " overlaps with the listener " + in_quotes(first.name) + " on " +
              first.address.text(),
          place);
  }

  void tls() {
    const auto uses_tls = [](const Listener& one) { return one.tls != ListenerTls::Off; };
    const auto user = std::find_if(settings_.listeners.begin(), settings_.listeners.end(), uses_tls);
    const Node* block = root_.find("tls");
    if (user != settings_.listeners.end() && settings_.tls.certificates.empty()) {
      const Place place = block ? block->place : Place{user->mark.line, user->mark.column};
      error("no-certificate",
            "the listener " + in_quotes(user->name) + " uses TLS: a block tls with certificates is needed",
            place);
    }
    for (const std::string& protocol : settings_.tls.alpn)
      if (protocol.empty() || protocol.size() > 255)
        error("alpn", "an ALPN protocol has 1 to 255 octets", place_in(block, "alpn"));
  }

  void client_auth() {
    const ClientCertificates& clients = settings_.tls.client_auth;
    const Node* tls = root_.find("tls");
    const Node* block = tls ? tls->find("client_auth") : nullptr;
    const bool asks = clients.mode != ClientAuth::Off;
    if (asks && clients.ca.empty())
      error("client-auth", "who may sign clients' certificates? Name a PEM file in ca",
            place_in(block, "mode"));
    if (!asks && clients.user_from != UserFrom::Nothing)
      error("client-auth", "user_from needs a certificate: set mode to request or require",
            place_in(block, "user_from"));
    if (!asks && !clients.ca.empty())
      warning("client-auth", "ca is only looked at where mode is request or require", place_in(block, "ca"));
    const auto has_master = [](const Upstream& one) { return !one.master.user.empty(); };
    if (asks && clients.user_from != UserFrom::Nothing &&
        std::none_of(settings_.upstreams.begin(), settings_.upstreams.end(), has_master))
      warning("client-auth",
              "nobody can log in by certificate: no upstream has a master_user that could log them in",
              place_in(block, "user_from"));
  }

  bool verifies_clients() const {
    const ClientCertificates& clients = settings_.tls.client_auth;
    return clients.mode != ClientAuth::Off && clients.user_from != UserFrom::Nothing &&
           std::any_of(settings_.listeners.begin(), settings_.listeners.end(),
                       [](const Listener& one) { return one.tls != ListenerTls::Off; });
  }

  // The password of a client who is logged in by a master user is looked at by nobody.
  void master_login(const MasterLogin& master, const Node* node) {
    if (master.user.empty()) {
      if (master.password)
        error("master-user", "master_password is of no use without master_user",
              place_in(node, "master_password"));
      return;
    }
    const Place place = place_in(node, "master_user");
    if (!verifies_clients())
      error(
          "master-user",
          "master_user logs clients in without their password, and nothing here verifies them: set mode and "
          "user_from in tls.client_auth, on a listener with TLS",
          place);
    if (!master.password) error("master-user", "master_user needs master_password", place);
    if (master.separator.empty())
      error("master-user", "master_separator is empty: user and master user could not be told apart",
            place_in(node, "master_separator"));
    else if (master.user.find(master.separator) != std::string::npos)
      error("master-user", "master_user must not have master_separator in it", place);
    if (breaks_a_line(master.user) || breaks_a_line(master.separator) ||
        (master.password && breaks_a_line(master.password->reveal())))
      error("master-user",
            "master_user, master_separator and master_password cannot have NUL, CR or LF in them", place);
  }

  void upstream(std::size_t index) {
    const Upstream& one = settings_.upstreams[index];
    const Node* node = item(root_, "upstreams", index);
    if (!upstream_names_.insert(one.name).second && !one.name.empty())
      error("duplicate-name", "a second upstream has the name " + in_quotes(one.name),
            place_in(node, "name"));
    upstream_verification(one, node);
    master_login(one.master, node);
    if (one.client_cert.empty() != one.client_key.empty())
      error("client-cert", "client_cert and client_key belong together",
            place_in(node, one.client_cert.empty() ? "client_key" : "client_cert"));
    if (one.health.timeout > one.health.interval)
      warning("health", "a probe may take longer than the time between two", place_in(node, "health"));
  }

  void upstream_verification(const Upstream& one, const Node* node) {
    if (one.tls == UpstreamTls::Off) {
      const auto far = std::find_if_not(one.servers.begin(), one.servers.end(), is_loopback);
      if (far != one.servers.end())
        warning("cleartext-upstream",
                "passwords go to " + in_quotes(far->text()) + " in clear text: tls is off",
                place_in(node, node && node->find("tls") ? "tls" : "servers"));
      return;
    }
    if (one.verify == Verify::None)
      warning("no-verification",
              "verify: none takes any certificate: who sits in between reads the passwords",
              place_in(node, "verify"));
    if (one.verify == Verify::Pin && one.pin_sha256.empty())
      error("pin", "verify: pin needs a fingerprint in pin_sha256", place_in(node, "verify"));
    if (one.verify != Verify::Pin && !one.pin_sha256.empty())
      warning("pin", "pin_sha256 is only looked at with verify: pin", place_in(node, "pin_sha256"));
    if (one.tls_min_version < TlsVersion::Tls12)
      warning("weak-tls", "TLS below 1.2 is broken (RFC 8996); use it only on a network that you trust",
              place_in(node, "tls_min_version"));
  }

  void routes() {
    const Place* winner = nullptr;
    Place first;
    for (std::size_t i = 0; i < settings_.routes.size(); ++i) {
      const Route& one = settings_.routes[i];
      const Node* node = item(root_, "routes", i);
      if (node && node->kind == Node::Kind::Map && !node->find("upstream") && !node->find("lookup"))
        error("missing-key", "a route needs an upstream", node->place);
      if (winner)
        warning("never-matches",
                "this route is never reached: the one in line " + std::to_string(winner->line) +
                    " matches everything",
                node ? node->place : Place{});
      else if (matches_all(one) && node) {
        first = node->place;
        winner = &first;
      }
      listener_globs(one, node);
    }
  }

  void listener_globs(const Route& route, const Node* node) {
    for (const std::string& glob : route.listeners) {
      const auto matched = [&](const Listener& one) { return matches_glob(glob, one.name, Case::Exact); };
      if (std::any_of(settings_.listeners.begin(), settings_.listeners.end(), matched)) continue;
      const Node* match = node ? node->find("match") : nullptr;
      warning("never-matches", "no listener has a name like " + in_quotes(glob), place_in(match, "listener"));
    }
  }

  void rewrite() {
    const Node* block = root_.find("rewrite");
    const std::string& greeting = settings_.rewrite.greeting;
    // RFC 9051 §7.1: a bracket at the front would be read as a response code.
    if (greeting.empty() || greeting.size() > kGreetingMax || greeting[0] == '[')
      error("greeting", "a greeting has 1 to 400 octets and does not begin with [",
            place_in(block, "greeting"));
    const Node* user = block ? block->find("user") : nullptr;
    const std::string& domain = settings_.rewrite.user.default_domain;
    const bool is_domain = domain.size() <= 255 && std::none_of(domain.begin(), domain.end(), [](char c) {
                             return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '@';
                           });
    if (!is_domain)
      error("domain", "a default_domain has at most 255 octets, and no @, blank or control character in it",
            place_in(user, "default_domain"));
    const Node* capabilities = block ? block->find("capabilities") : nullptr;
    for (const std::string& word : settings_.rewrite.hide_capabilities)
      capability(word, place_in(capabilities, "hide"));
    for (const std::string& word : settings_.rewrite.add_capabilities) {
      capability(word, place_in(capabilities, "add"));
      added_capability(word, place_in(capabilities, "add"));
    }
  }

  // RFC 9051 §9: a capability is an atom, or AUTH= and one.
  void capability(const std::string& word, Place place) {
    const bool is_atom =
        !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char c) {
          return c > ' ' && c < 0x7F && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
        });
    if (!is_atom) error("capability", in_quotes(word) + " cannot be the name of a capability", place);
  }

  // What belongs to the connection between client and gateway cannot be taken over from an upstream.
  void added_capability(const std::string& word, Place place) {
    static constexpr std::string_view kOwn[] = {"STARTTLS", "LOGINDISABLED", "UNAUTHENTICATE", "JMAPACCESS",
                                                "AUTH=EXTERNAL"};
    const bool is_own = std::any_of(std::begin(kOwn), std::end(kOwn),
                                    [&](std::string_view own) { return equals_ignoring_case(own, word); });
    if (is_own || starts_ignoring_case(word, "COMPRESS="))
      error("capability", in_quotes(word) + " cannot be added: the gateway itself decides on it", place);
  }

  void rule(std::size_t index) {
    const Rule& one = settings_.rules[index];
    const Node* node = item(root_, "rules", index);
    if (!rule_names_.insert(one.name).second)
      error("duplicate-name", "a second rule has the name " + in_quotes(one.name), place_in(node, "name"));
    if (one.name.size() > kRuleNameMax)
      error("rule", "the name of a rule has at most 64 octets", place_in(node, "name"));
    reply(one, place_in(node, "reply"));
  }

  // RFC 9051 §9: resp-text is ASCII as long as no UTF-8 was enabled, and a bracket at its front would be read
  // as a response code.
  void reply(const Rule& rule, Place place) {
    const std::string& text = rule.reply;
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
    if (!printable || text.size() > kReplyMax || text.starts_with('['))
      error("rule", "a reply is printable ASCII of at most 200 octets and does not begin with [", place);
    if (!text.empty() && rule.action == RuleAction::Allow)
      warning("rule", "this reply is never sent: action allow refuses nothing", place);
  }

  void audit() {
    const Audit& audit = settings_.audit;
    const Node* block = root_.find("audit");
    const auto at = [&](std::string_view key) { return place_in(block, key); };
    if (block != nullptr && block->find("file") == nullptr)
      warning("audit", "without audit.file nothing is recorded", block->place);
    if (!audit.chain && !audit.chain_key_file.empty())
      error("audit", "chain_key_file needs chain: true", at("chain_key_file"));
    if (!audit.chain && !audit.checkpoint_key_file.empty())
      error("audit", "checkpoint_key_file needs chain: true", at("checkpoint_key_file"));
    if (audit.file != "-") return;
    if (!audit.chain_key_file.empty())
      error("audit", "chain_key_file needs a file: the key evolves, and is kept beside it",
            at("chain_key_file"));
    if (audit.rotate_size > 0) error("audit", "rotate needs a file", at("rotate"));
    warning("audit",
            "on standard output a record counts as written when write() has returned; nothing keeps it "
            "through a crash",
            at("file"));
  }

  // A line is judged whole and a SASL response passed on whole, so each must fit into a buffer.
  void limits() {
    const Limits& limits = settings_.limits;
    const Node* block = root_.find("limits");
    const std::size_t least = std::max(limits.line, limits.sasl);
    if (limits.buffer < least)
      error("limits",
            "buffer (" + text_of_size(limits.buffer) + ") must hold the larger of line and sasl (" +
                text_of_size(least) + ")",
            place_in(block, "buffer"));
    const Node* timeouts = block ? block->find("timeouts") : nullptr;
    // RFC 9051 §5.4; clients renew IDLE within 29 minutes.
    if (limits.timeouts.idle < std::chrono::minutes(30))
      warning("idle", "an idle time below 30 minutes breaks clients that follow RFC 9051",
              place_in(timeouts, "idle"));
  }

  void error(std::string_view code, std::string message, Place place) {
    diagnostics_.error(code, std::move(message), place);
  }
  void warning(std::string_view code, std::string message, Place place) {
    diagnostics_.warning(code, std::move(message), place);
  }

  const Settings& settings_;
  const Node& root_;
  Diagnostics& diagnostics_;
  std::set<std::string_view> upstream_names_;
  std::set<std::string_view> rule_names_;
};

}  // namespace

void check(const Settings& settings, const Node& root, Diagnostics& diagnostics) {
  Check(settings, root, diagnostics).run();
}

}  // namespace postern::config
