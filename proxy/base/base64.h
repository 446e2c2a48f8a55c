// RFC 4648 §4: padded, no white space, and one text for each value (§3.5). What is decoded or encoded may be
// a credential. Pure.
#pragma once

#include <optional>

#include "base/octets.h"
#include "base/secret.h"

namespace postern {

bool is_base64(Octets text) noexcept;  // the empty text is
std::optional<Secret> decode_base64(Octets text);
Secret encode_base64(Octets octets);

}  // namespace postern
