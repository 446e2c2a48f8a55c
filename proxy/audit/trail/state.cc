#include "audit/trail/state.h"

#include <charconv>
#include <map>

#include "audit/trail/redaction.h"
#include "base/hex.h"

namespace postern::audit {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kMostBytes = 64 * 1024;

void put(Secret& out, Octets name, Octets value) {
  out.append(name);
  out.append(" ");
  out.append(value);
  out.append("\n");
}

void put_hex(Secret& out, Octets name, Octets octets) {
  std::string digits = hex(octets);
  put(out, name, digits);
  wipe(digits);
}

// The values of a state by their names, taken out one by one.
class Values {
 public:
  // False: a line is none.
  bool read(Octets text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      if (end == Octets::npos) return false;
      Octets line = text.substr(0, end);
      text.remove_prefix(end + 1);
      const Octets name = take_word(line);
      if (name.empty() || line.empty() || !values_.emplace(name, line).second) return false;
    }
    return true;
  }
  bool has(Octets name) const { return values_.count(name) > 0; }
  Octets of(Octets name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? Octets() : found->second;
  }
  bool number(Octets name, std::uint64_t& out) const {
    const Octets text = of(name);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  }
  bool flag(Octets name, bool& out) const {
    out = of(name) == "yes";
    return out || of(name) == "no";
  }
  bool secret(Octets name, std::size_t size, Secret& out) const {
    std::optional<std::string> octets = from_hex(of(name));
    const bool good = octets && octets->size() == size;
    if (good) out = Secret(*octets);
    if (octets) wipe(*octets);
    return good;
  }
  bool hash(Octets name, tls::Sha256& out) const {
    const std::optional<std::string> octets = from_hex(of(name));
    if (!octets || octets->size() != out.size()) return false;
    octets->copy(reinterpret_cast<char*>(out.data()), out.size());
    return true;
  }

 private:
  std::map<Octets, Octets> values_;
};

// The name of the value that is wrong; empty: none is.
Octets read_values(const Values& values, State& state) {
  if (values.of("version") != kVersion) return "version";
  if (!values.number("sequence", state.head.sequence)) return "sequence";
  if (!values.number("epoch", state.head.epoch)) return "epoch";
  if (!values.hash("head", state.head.hash)) return "head";
  if (!values.flag("chain", state.chained)) return "chain";
  if (!values.number("device", state.file.device)) return "device";
  if (!values.number("inode", state.file.inode)) return "inode";
  if (!values.number("offset", state.offset)) return "offset";
  if (!values.flag("clean", state.clean)) return "clean";
  if (!values.secret("redaction_key", Redaction::kKeyBytes, state.redaction_key)) return "redaction_key";
  if (!values.has("key")) return {};
  state.key.emplace();
  if (!values.secret("key", state.head.hash.size(), *state.key)) return "key";
  return values.hash("first_key", state.first_key) ? Octets() : Octets("first_key");
}

}  // namespace

Secret encode(const State& state) {
  Secret out;
  put(out, "version", kVersion);
  put(out, "sequence", std::to_string(state.head.sequence));
  put(out, "epoch", std::to_string(state.head.epoch));
  put_hex(out, "head", tls::octets_of(state.head.hash));
  put(out, "chain", state.chained ? "yes" : "no");
  put(out, "device", std::to_string(state.file.device));
  put(out, "inode", std::to_string(state.file.inode));
  put(out, "offset", std::to_string(state.offset));
  put(out, "clean", state.clean ? "yes" : "no");
  put_hex(out, "redaction_key", state.redaction_key.reveal());
  if (state.key) {
    put_hex(out, "key", state.key->reveal());
    put_hex(out, "first_key", tls::octets_of(state.first_key));
  }
  return out;
}

Result<State> decode_state(Octets text, const std::string& path) {
  Values values;
  State state;
  Octets wrong = "its form";
  if (values.read(text)) wrong = read_values(values, state);
  if (wrong.empty()) return state;
  return Error{ErrorCode::FileUnreadable,
               path + " cannot be used (" + std::string(wrong) +
                   " is wrong): restore it from a backup, or begin a new trail: move the audit file and " +
                   path + " away, and with audit.chain_key_file run `postern audit keygen` again"};
}

Result<State> read_state(Disk& disk, const std::string& path) {
  Result<std::string> text = disk.read(path, 0, kMostBytes);
  if (!text) return text.error();
  Result<State> state = decode_state(*text, path);
  wipe(*text);
  return state;
}

}  // namespace postern::audit
