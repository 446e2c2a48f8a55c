#include "audit/trail/redaction.h"

#include "base/hex.h"

namespace postern::audit {

std::string Redaction::hash(std::string_view kind, Octets text) const {
  const tls::Sha256 hash =
      kind == "user" ? hmac_.of({kind, ":", to_lower(text)}) : hmac_.of({kind, ":", text});
  return "hmac:" + hex(tls::octets_of(hash).substr(0, 16));
}

}  // namespace postern::audit
