// Names and addresses replaced by a keyed hash, so that records of one user can still be found by who has the
// key, and by nobody else once it is destroyed (audit.redact). Used by the writer's thread, and by
// `postern audit cat`, which hashes what it is asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace postern::audit {

class Redaction {
 public:
  struct Kinds {
    bool user = false;
    bool mailbox = false;
    bool client = false;
  };
  static constexpr std::size_t kKeyBytes = 32;

  Redaction(const Secret& key, Kinds kinds) : hmac_(key), kinds_(kinds) {}

  const Kinds& kinds() const noexcept { return kinds_; }
  void set_kinds(Kinds kinds) noexcept { kinds_ = kinds; }
  // "hmac:" and 32 hexadecimal digits; the kind ("user", "mailbox", "client") is hashed with it, and users
  // are folded to lower case.
  std::string hash(std::string_view kind, Octets text) const;

 private:
  mutable tls::Hmac hmac_;
  Kinds kinds_;
};

}  // namespace postern::audit
