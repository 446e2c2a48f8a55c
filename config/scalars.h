// The values that a scalar can stand for, read strictly: yaml-cpp takes `no` for a boolean and 0123 for 83,
// so its conversions are not used. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/settings.h"

namespace postern::config {

std::optional<bool> parse_boolean(std::string_view text) noexcept;  // true, false
std::optional<std::uint64_t> parse_integer(
    std::string_view text) noexcept;  // decimal, no sign, no leading zero
std::optional<Duration> parse_duration(
    std::string_view text) noexcept;  // 500ms, 5s, 10m, 24h, 7d; to 10 years
std::optional<std::uint64_t> parse_size(
    std::string_view text) noexcept;  // 64KiB, 50MiB, 1GiB, 4096; to 1 TiB
std::optional<TlsVersion> parse_tls_version(std::string_view text) noexcept;  // 1.0 to 1.3

// What YAML 1.2's core schema would not read as text: true, 12, 0x1f, 1.5, .inf and their like.
bool reads_as_other_than_text(std::string_view plain) noexcept;

// host:port or [v6]:port. On failure `why` says what is wrong.
std::optional<HostPort> parse_host_port(std::string_view text, std::string& why);

// A SHA-256 in hex (colons allowed) or base64.
std::optional<std::array<unsigned char, 32>> parse_pin(std::string_view text);

std::string text_of(Duration duration);  // in the largest unit that fits
std::string text_of_size(std::uint64_t octets);

}  // namespace postern::config
