// Credentials do not cross the wire in clear on a listener that wants TLS (RFC 9051 §11, RFC 8314): LOGIN and
// every AUTHENTICATE are refused with PRIVACYREQUIRED before a literal or a challenge could invite the
// secret.
#pragma once

#include "filters/filter.h"

namespace postern::filters {

class TlsPolicy final : public Filter {
 public:
  Decision on_command(imap::Command& command, const Context& context) override;
};

}  // namespace postern::filters
