// The two sides of a session. They have these names everywhere: never "downstream", "front" or "peer".
#pragma once

#include <cstdint>

namespace postern {

enum class Side : std::uint8_t { Client, Upstream };

constexpr Side other(Side side) noexcept { return side == Side::Client ? Side::Upstream : Side::Client; }
constexpr const char* name_of(Side side) noexcept { return side == Side::Client ? "client" : "upstream"; }

}  // namespace postern
