#include "session/login/identity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/match.h"
#include "imap/arguments.h"

namespace postern::session {
namespace {

constexpr std::array<Octets, 5> kProxyFields{"x-proxy-ttl", "x-session-id", "x-session-ext-id",
                                             "x-client-transport", "x-multiplex"};
constexpr std::array<Octets, 3> kProxyFieldFamilies{"x-originating-", "x-connected-", "x-forward-"};

// What every reader takes for the same string: no quote, no backslash, nothing but printable ASCII.
bool is_plain(Octets text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
}

std::string pair_of(Octets name, Octets value) {
  std::string pair = "\"";
  return pair.append(name).append("\" \"").append(value).append("\"");
}

template <typename Number>
std::optional<Number> number_in(Octets text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// One string or NIL at the front of what the reader has left.
std::optional<std::string> take_value(imap::ArgumentReader& reader) {
  if (reader.rest().starts_with('"') || reader.rest().starts_with('{')) return reader.astring();
  reader.atom();
  return std::nullopt;
}

// A trusted proxy's word for one end of the client's connection. The port is the address's, or it is
// nobody's.
void believe_end(const std::optional<std::string>& address, const std::optional<std::string>& port,
                 std::string& known_address, std::uint16_t& known_port) {
  if (!address) return;
  const auto octets = config::parse_address(*address);
  if (!octets) return;
  known_address = config::address_text(*octets);
  known_port = port ? number_in<std::uint16_t>(*port).value_or(0) : std::uint16_t{0};
}

}  // namespace

std::optional<std::vector<IdPair>> read_id(Octets args) {
  if (!imap::is_id_argument(args)) return std::nullopt;
  std::vector<IdPair> pairs;
  if (!args.starts_with('(') || args == "()") return pairs;
  imap::ArgumentReader reader(args.substr(1));
  while (true) {
    IdPair pair;
    pair.at = args.size() - reader.rest().size();
    pair.name = reader.astring().value_or(std::string());
    reader.space();
    pair.value = take_value(reader);
    pair.size = args.size() - reader.rest().size() - pair.at;
    pairs.push_back(std::move(pair));
    if (!reader.space()) return pairs;
  }
}

bool is_proxy_field(Octets name) noexcept {
  return std::any_of(kProxyFields.begin(), kProxyFields.end(),
                     [name](Octets field) { return equals_ignoring_case(name, field); }) ||
         std::any_of(kProxyFieldFamilies.begin(), kProxyFieldFamilies.end(),
                     [name](Octets family) { return starts_ignoring_case(name, family); });
}

void cut_proxy_fields(imap::Command& command, std::string& storage) {
  const auto pairs = read_id(command.args);
  const auto is_cut = [](const IdPair& pair) { return is_proxy_field(pair.name); };
  if (!pairs || std::none_of(pairs->begin(), pairs->end(), is_cut)) return;
  const std::size_t args_at = static_cast<std::size_t>(command.args.data() - command.text.data());
  storage.assign(command.text.substr(0, args_at));
  std::vector<imap::ArgumentLiteral> literals;
  for (const IdPair& pair : *pairs) {
    if (is_cut(pair)) continue;
    storage += storage.size() == args_at ? '(' : ' ';
    const std::size_t from = args_at + pair.at;
    for (imap::ArgumentLiteral literal : command.literals) {
      if (literal.announced_at < from || literal.announced_at >= from + pair.size) continue;
      literal.announced_at += storage.size() - from;
      literal.octets_at += storage.size() - from;
      literals.push_back(literal);
    }
    storage += command.args.substr(pair.at, pair.size);
  }
  storage += storage.size() == args_at ? "NIL" : ")";
  command.text = storage;
  command.args = command.text.substr(args_at);
  command.literals = std::move(literals);
}

std::string id_answer(config::IdPolicy policy, Octets version) {
  std::string answer = "* ID (" + pair_of("name", "Postern");
  if (policy == config::IdPolicy::Own) answer.append(" ").append(pair_of("version", version));
  return answer.append(")\r\n");
}

bool ClientIdentity::hear(const std::vector<IdPair>& pairs, filters::SessionFacts& facts) {
  const auto value_of = [&](Octets name) -> std::optional<std::string> {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [name](const IdPair& pair) {
      return equals_ignoring_case(pair.name, name);
    });
    return found == pairs.end() ? std::nullopt : found->value;
  };
  if (const auto ttl = value_of("x-proxy-ttl"))
    if (const auto hops = number_in<unsigned>(*ttl); hops && *hops < static_cast<unsigned>(hops_))
      hops_ = static_cast<int>(*hops);
  if (std::exchange(heard_, true)) return false;
  for (const IdPair& pair : pairs) keep(pair);
  if (!facts.trusted) return false;
  believe_end(value_of("x-originating-ip"), value_of("x-originating-port"), facts.client_address,
              facts.client_port);
  believe_end(value_of("x-connected-ip"), value_of("x-connected-port"), facts.connected_address,
              facts.connected_port);
  if (const auto name = value_of("x-connected-name"); name && is_plain(*name, kValueBytes))
    facts.connected_name = *name;
  for (const Octets field : {Octets("x-session-id"), Octets("x-session-ext-id")})
    if (const auto id = value_of(field); id && is_plain(*id, kSessionIdBytes)) facts.external_id = *id;
  in_clear_ = value_of("x-client-transport") == "insecure";
  return true;
}

void ClientIdentity::keep(const IdPair& pair) {
  if (is_proxy_field(pair.name) || !pair.value) return;
  if (!is_plain(pair.name, kNameBytes) || !is_plain(*pair.value, kValueBytes)) return;
  std::string written = pair_of(pair.name, *pair.value);
  if (kept_bytes_ + written.size() > kKeptBytes) return;
  kept_bytes_ += written.size();
  own_.push_back(std::move(written));
}

std::string ClientIdentity::for_upstream(bool send_id, config::IdPolicy policy,
                                         const filters::SessionFacts& facts, const TlsFacts& tls,
                                         Octets version) const {
  std::vector<std::string> pairs;
  const auto add = [&pairs](Octets name, Octets value, std::size_t most) {
    if (is_plain(value, most)) pairs.push_back(pair_of(name, value));
  };
  const auto add_end = [&add](std::string name, const std::string& address, std::uint16_t port) {
    if (!config::parse_address(address)) return;  // a unix socket has none
    add(name + "-ip", address, kValueBytes);
    if (port != 0) add(name + "-port", std::to_string(port), kValueBytes);
  };
  if (send_id) {
    add_end("x-originating", facts.client_address, facts.client_port);
    add_end("x-connected", facts.connected_address, facts.connected_port);
    add("x-connected-name", filters::asked_name(facts, tls), kValueBytes);
    add("x-session-ext-id", facts.external_id.empty() ? facts.session_id : facts.external_id,
        kSessionIdBytes);
    add("x-client-transport", tls.secure && !in_clear_ ? "TLS" : "insecure", kValueBytes);
    add("x-proxy-ttl", std::to_string(hops_left()), kValueBytes);
  }
  if (policy == config::IdPolicy::Own) {
    add("name", "Postern", kValueBytes);
    add("version", version, kValueBytes);
  }
  if (policy == config::IdPolicy::Pass)
    for (const std::string& pair : own_)
      if (pairs.size() < kPairs) pairs.push_back(pair);
  if (pairs.empty()) return {};
  std::string list;
  for (const std::string& pair : pairs) list.append(list.empty() ? "(" : " ").append(pair);
  return list += ')';
}

}  // namespace postern::session
