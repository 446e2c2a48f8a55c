#include "config/scalars.h"

#include <cstring>
#include <limits>
#include <vector>

#include "base/base64.h"
#include "base/octets.h"
#include "config/match.h"

namespace postern::config {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr Unit kDurationUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit kSizeUnits[] = {{"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"", 1}};
constexpr std::uint64_t kDurationMsMax = 3650ULL * 86'400'000;
constexpr std::uint64_t kSizeMax = 1ULL << 40;

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const Unit (&units)[N],
                                             std::uint64_t max) noexcept {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const std::optional<std::uint64_t> number = parse_integer(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    if (*number > max / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

// RFC 1123 §2.1, and underscores, which some name servers hold.
bool is_host_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 253) return false;
  if (name.back() == '.') name.remove_suffix(1);
  std::size_t label = 0;
  char before = '.';
  for (const char c : name) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      if (!is_digit(c) && !is_letter(c) && c != '-' && c != '_') return false;
      if (c == '-' && label == 0) return false;
      if (++label > 63) return false;
    }
    before = c;
  }
  return label > 0 && before != '-';
}

bool is_dotted_number(std::string_view host) noexcept {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<std::uint16_t> parse_port(std::string_view text, std::string& why) {
  const std::optional<std::uint64_t> port = parse_integer(text);
  if (port && *port <= std::numeric_limits<std::uint16_t>::max()) return static_cast<std::uint16_t>(*port);
  why = "the port must be a number from 0 to 65535";
  return std::nullopt;
}

std::optional<HostPort> parse_bracketed(std::string_view text, std::string& why) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos || text.substr(end + 1, 1) != ":") {
    why = "an IPv6 address is written [address]:port";
    return std::nullopt;
  }
  const std::string_view host = text.substr(1, end - 1);
  if (host.find(':') == std::string_view::npos || !parse_address(host)) {
    why = "there is no IPv6 address between the brackets";
    return std::nullopt;
  }
  const std::optional<std::uint16_t> port = parse_port(text.substr(end + 2), why);
  if (!port) return std::nullopt;
  return HostPort{std::string(host), *port};
}

using Pin = std::array<unsigned char, 32>;

std::optional<Pin> parse_hex_pin(std::string_view text) noexcept {
  const bool colons = text.size() == 95;
  if (!colons && text.size() != 64) return std::nullopt;
  Pin pin{};
  const std::size_t step = colons ? 3 : 2;
  for (std::size_t i = 0; i < pin.size(); ++i) {
    const int high = hex_value(text[i * step]);
    const int low = hex_value(text[i * step + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    if (colons && i + 1 < pin.size() && text[i * step + 2] != ':') return std::nullopt;
    pin[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return pin;
}

std::optional<Pin> parse_base64_pin(std::string_view text) {
  const std::optional<Secret> octets = decode_base64(text);
  Pin pin{};
  if (!octets || octets->size() != pin.size()) return std::nullopt;
  std::memcpy(pin.data(), octets->reveal().data(), pin.size());
  return pin;
}

bool is_core_number(std::string_view text) noexcept {
  if (text.substr(0, 2) == "0x") {
    return text.size() > 2 && text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  }
  if (text.substr(0, 2) == "0o") {
    return text.size() > 2 && text.find_first_not_of("01234567", 2) == std::string_view::npos;
  }
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  std::size_t digits = 0;
  std::size_t at = 0;
  bool point = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !point)); ++at) {
    if (text[at] == '.')
      point = true;
    else
      ++digits;
  }
  if (digits == 0) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  return at < text.size() && text.find_first_not_of("0123456789", at) == std::string_view::npos;
}

}  // namespace

std::optional<bool> parse_boolean(std::string_view text) noexcept {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_integer(std::string_view text) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  const std::optional<std::uint64_t> ms = parse_with_unit(text, kDurationUnits, kDurationMsMax);
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  return parse_with_unit(text, kSizeUnits, kSizeMax);
}

std::optional<TlsVersion> parse_tls_version(std::string_view text) noexcept {
  if (text == "1.0") return TlsVersion::Tls10;
  if (text == "1.1") return TlsVersion::Tls11;
  if (text == "1.2") return TlsVersion::Tls12;
  if (text == "1.3") return TlsVersion::Tls13;
  return std::nullopt;
}

bool reads_as_other_than_text(std::string_view plain) noexcept {
  static constexpr std::string_view kWords[] = {"true",  "True", "TRUE", "false", "False",
                                                "FALSE", ".nan", ".NaN", ".NAN"};
  for (const std::string_view word : kWords)
    if (plain == word) return true;
  return is_core_number(plain);
}

std::optional<HostPort> parse_host_port(std::string_view text, std::string& why) {
  if (!text.empty() && text[0] == '[') return parse_bracketed(text, why);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    why = "the port is missing: host:port or [v6]:port";
    return std::nullopt;
  }
  if (text.find(':', colon + 1) != std::string_view::npos) {
    why = "an IPv6 address is written [address]:port";
    return std::nullopt;
  }
  const std::string_view host = text.substr(0, colon);
  if (host.empty()) {
    why = "the host is missing: host:port or [v6]:port";
    return std::nullopt;
  }
  if (!parse_address(host) && (is_dotted_number(host) || !is_host_name(host))) {
    why = "neither an address nor a host name stands before the port";
    return std::nullopt;
  }
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1), why);
  if (!port) return std::nullopt;
  return HostPort{std::string(host), *port};
}

std::optional<std::array<unsigned char, 32>> parse_pin(std::string_view text) {
  if (const std::optional<Pin> pin = parse_hex_pin(text)) return pin;
  return parse_base64_pin(text);
}

std::string text_of(Duration duration) {
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  const Unit* best = &kDurationUnits[0];
  for (const Unit& unit : kDurationUnits)
    if (ms > 0 && ms % unit.factor == 0) best = &unit;
  return std::to_string(ms / best->factor) + std::string(best->name);
}

std::string text_of_size(std::uint64_t octets) {
  const Unit* best = &kSizeUnits[3];
  for (const Unit& unit : kSizeUnits)
    if (octets > 0 && octets % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  return std::to_string(octets / best->factor) + std::string(best->name);
}

}  // namespace postern::config
