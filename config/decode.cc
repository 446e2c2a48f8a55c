#include "config/decode.h"

#include <algorithm>
#include <array>

#include "base/joined.h"
#include "base/octets.h"
#include "config/match.h"
#include "config/reader.h"
#include "config/scalars.h"
#include "config/suggest.h"

namespace postern::config {
namespace {

class Decoder {
 public:
  Decoder(const Node& root, const std::string& folder, Diagnostics& diagnostics)
      : root_(&root, "", folder), diagnostics_(diagnostics) {
    has_tls_ = root.find("tls") != nullptr && root.find("tls")->kind == Node::Kind::Map;
  }

  Settings run() {
    root_.fill(out_);
    for (const Reader& one : root_.blocks("listeners")) out_.listeners.push_back(listener(one));
    out_.has_tls = has_tls_;
    tls(root_.block("tls"));
    for (const Reader& one : root_.blocks("upstreams")) out_.upstreams.push_back(upstream(one));
    for (const Reader& one : root_.blocks("routes")) out_.routes.push_back(route(one));
    user_map(root_.block("rewrite").block("user"));
    for (const Reader& one : root_.blocks("rules")) out_.rules.push_back(rule(one));
    for (const Node* value : root_.scalars("trash"))
      if (value->text.empty()) diagnostics_.error("rule", "trash: '' is no mailbox", value->place);
    audit(root_.block("audit"));
    status(root_.block("status"));
    out_.log.mark = mark(root_.block("log"), "file");
    return std::move(out_);
  }

 private:
  Mark mark(const Reader& reader, std::string_view key) const {
    return diagnostics_.mark(reader.place_of(key));
  }

  // Sockets of other kinds are in the contract and not in this version.
  bool is_other_kind(const Node& value) {
    if (!value.text.starts_with("unix:") && !value.text.starts_with("fd:")) return false;
    diagnostics_.error("not-supported", shown(value) + ": not supported in this version; host:port is",
                       value.place);
    return true;
  }

  // What is bound is an address: a name could mean several, or another one tomorrow.
  HostPort local_address(const Node& value) {
    std::string why;
    if (is_other_kind(value)) return {};
    const HostPort address = *parse_host_port(value.text, why);
    if (!parse_address(address.host)) {
      diagnostics_.error("address",
                         shown(value) + " is no IP address and port, such as 127.0.0.1:143 or [::]:143",
                         value.place);
    }
    return address;
  }

  Listener listener(const Reader& in) {
    Listener out;
    in.fill(out);
    out.mark = mark(in, "address");
    if (const Node* value = in.scalar("address")) out.address = local_address(*value);
    if (out.name.empty()) out.name = out.address.text();
    return out;
  }

  void tls(const Reader& in) {
    Tls& out = out_.tls;
    out.mark = mark(root_, "tls");
    out.client_auth.mark = mark(in, "client_auth");
    for (const Reader& one : in.blocks("certificates")) {
      Certificate certificate;
      one.fill(certificate);
      certificate.cert_mark = mark(one, "cert");
      certificate.key_mark = mark(one, "key");
      out.certificates.push_back(std::move(certificate));
    }
  }

  void servers(const Reader& in, Upstream& out) {
    for (const Node* value : in.scalars("servers")) {
      std::string why;
      if (value->text.empty()) {
        diagnostics_.error("address", "a server needs host:port", value->place);
      } else if (!is_other_kind(*value)) {
        out.servers.push_back(*parse_host_port(value->text, why));
        if (out.servers.back().port == 0)
          diagnostics_.error("address", shown(*value) + ": a server needs a port from 1 to 65535",
                             value->place);
      }
    }
  }

  void pins(const Reader& in, Upstream& out) {
    for (const Node* value : in.scalars("pin_sha256")) {
      if (const auto pin = parse_pin(value->text)) {
        out.pin_sha256.push_back(*pin);
        continue;
      }
      diagnostics_.error("pin", shown(*value) + " is no SHA-256: 64 hex digits, or base64 of 32 octets",
                         value->place);
    }
  }

  Upstream upstream(const Reader& in) {
    Upstream out;
    in.fill(out);
    out.mark = mark(in, "name");
    servers(in, out);
    pins(in, out);
    return out;
  }

  Route route(const Reader& in) {
    Route out;
    in.fill(out);
    const Node* target = in.scalar("upstream");
    if (target != nullptr) out.upstream = find_upstream(*target);
    return out;
  }

  std::size_t find_upstream(const Node& name) {
    const auto found = std::find_if(out_.upstreams.begin(), out_.upstreams.end(),
                                    [&](const Upstream& one) { return one.name == name.text; });
    if (found != out_.upstreams.end()) return static_cast<std::size_t>(found - out_.upstreams.begin());
    std::vector<std::string_view> names;
    for (const Upstream& one : out_.upstreams) names.push_back(one.name);
    const std::string nearest = name.substituted ? "" : suggestion(name.text, names);
    diagnostics_.error("unknown-upstream", "there is no upstream " + shown(name) + nearest, name.place);
    return 0;
  }

  void user_map(const Reader& in) {
    for (const Reader& one : in.blocks("map")) {
      UserMapping mapping;
      one.fill(mapping);
      mapping.mark = mark(one, "from");
      out_.rewrite.user.map.push_back(std::move(mapping));
    }
  }

  std::vector<WhenEntry> entries(const Reader& in, std::string_view key) {
    std::vector<WhenEntry> out;
    for (const Node* value : in.scalars(key)) {
      const bool negated = value->text.starts_with('!');
      WhenEntry entry{value->text.substr(negated ? 1 : 0), negated, diagnostics_.mark(value->place)};
      if (entry.text.empty())
        diagnostics_.error("rule", std::string(key) + ": " + shown(*value) + " names nothing", value->place);
      out.push_back(std::move(entry));
    }
    return out;
  }

  // Entries that come from a closed set of words.
  std::vector<WhenEntry> words(const Reader& in, std::string_view key, std::string_view choices) {
    const std::vector<std::string_view> known = split_bar(choices);
    std::vector<WhenEntry> out = entries(in, key);
    const std::vector<const Node*> nodes = in.scalars(key);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i].text.empty() || std::find(known.begin(), known.end(), out[i].text) != known.end()) continue;
      const std::string nearest = nodes[i]->substituted ? "" : suggestion(out[i].text, known);
      diagnostics_.error(
          "rule", std::string(key) + ": " + shown(*nodes[i]) + " is none of " + joined(known) + nearest,
          nodes[i]->place);
    }
    return out;
  }

  std::vector<WhenNetwork> network_entries(const Reader& in, std::string_view key) {
    std::vector<WhenNetwork> out;
    for (const Node* value : in.scalars(key)) {
      const bool negated = value->text.starts_with('!');
      std::string why;
      const auto network = parse_cidr(std::string_view(value->text).substr(negated ? 1 : 0), why);
      if (network) {
        out.push_back({*network, negated});
      } else {
        diagnostics_.error("rule", std::string(key) + ": " + shown(*value) + " is no network: " + why,
                           value->place);
      }
    }
    return out;
  }

  // Which commands there are is known further up; what can be no command's name is seen here.
  std::vector<WhenEntry> commands(const Reader& in) {
    static constexpr std::string_view kNotInNames = "(){%*?\"\\]+ ";
    std::vector<WhenEntry> out = entries(in, "command");
    for (WhenEntry& one : out) {
      one.text = to_upper(one.text);
      const Place place{one.mark.line, one.mark.column};
      if (one.text == "UID" || one.text.starts_with("UID ")) {
        diagnostics_.error("rule", "command: a command is named without UID, and both forms are meant",
                           place);
      } else if (one.text.find_first_of(kNotInNames) != std::string::npos) {
        diagnostics_.error("rule", "command: commands are named one by one, without wildcards or arguments",
                           place);
      }
    }
    return out;
  }

  std::vector<WhenEntry> flags(const Reader& in) {
    static constexpr std::array<std::string_view, 6> kSystem{"Answered", "Deleted", "Draft",
                                                             "Flagged",  "Recent",  "Seen"};
    std::vector<WhenEntry> out = entries(in, "flag");
    for (const WhenEntry& one : out) {
      const Place place{one.mark.line, one.mark.column};
      if (one.text.find_first_of("(){%\" ") != std::string::npos)
        diagnostics_.error("rule", "flag: a flag is one word, such as \\Deleted or $Forwarded", place);
      for (const std::string_view name : kSystem)
        if (equals_ignoring_case(one.text, name))
          diagnostics_.warning(
              "rule", "flag: this is a keyword; the system flag is written \\" + std::string(name), place);
    }
    return out;
  }

  Rule rule(const Reader& in) {
    Rule out;
    in.fill(out);
    out.mark = mark(in, "name");
    if (out.name.empty()) out.name = "rule " + std::to_string(out_.rules.size() + 1);
    const Reader when = in.block("when");
    out.when.users = entries(when, "user");
    out.when.clients = network_entries(when, "client");
    out.when.listeners = entries(when, "listener");
    out.when.sni = entries(when, "sni");
    if (const Node* tls = when.scalar("tls")) out.when.tls = tls->text == "true";
    out.when.tls_versions = words(when, "tls_version", "1.0|1.1|1.2|1.3");
    out.when.client_certs = entries(when, "client_cert");
    out.when.commands = commands(when);
    out.when.classes = words(when, "class", "read|write|destructive|auth|admin");
    out.when.mailboxes = entries(when, "mailbox");
    out.when.flags = flags(when);
    return out;
  }

  void audit(const Reader& in) {
    Audit& out = out_.audit;
    out.mark = mark(root_, "audit");
    const std::vector<const Node*> events = in.scalars("events");
    if (!events.empty()) out.events = 0;
    for (const Node* value : events)
      for (const audited::Name& one : audited::kNames)
        if (one.name == value->text) out.events |= one.bits;
  }

  void status(const Reader& in) {
    const Node* value = in.scalar("address");
    if (value == nullptr) return;
    out_.has_status = !value->text.empty();
    out_.status = out_.has_status ? local_address(*value) : HostPort{};
  }

  Reader root_;
  Diagnostics& diagnostics_;
  bool has_tls_ = false;
  Settings out_;
};

}  // namespace

Settings decode(const Node& root, const std::string& folder, Diagnostics& diagnostics) {
  return Decoder(root, folder, diagnostics).run();
}

}  // namespace postern::config
