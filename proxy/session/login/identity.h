// Who a session's client is, as ID tells it (RFC 2971): the fields by which mail proxies say whom they speak
// for, as Dovecot writes and reads them (`x-originating-ip`, `x-proxy-ttl`, …), and what a client says of
// itself. Pure values, single-threaded; what is kept of a client before login is bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/filter.h"
#include "imap/command.h"

namespace postern::session {

// One pair of an ID's list, and where it stands in the arguments that it was read from.
struct IdPair {
  std::string name;
  std::optional<std::string> value;  // nothing: NIL
  std::size_t at = 0;
  std::size_t size = 0;
};
// Nothing where imap::is_id_argument() finds fault; NIL and () are an empty list.
std::optional<std::vector<IdPair>> read_id(Octets args);

// A field by which proxies tell each other whom they speak for; from anybody else it is a lie.
bool is_proxy_field(Octets name) noexcept;

// Takes the pairs with such fields out of an ID; the others stay as the client wrote them, literals included.
// `storage` holds the new text and has to outlive the use of `command`. Nothing is touched where there are
// none. The arguments are well-formed.
void cut_proxy_fields(imap::Command& command, std::string& storage);

// The gateway's answer to an ID, without the tagged line; the version only where it is told to everybody.
std::string id_answer(config::IdPolicy policy, Octets version);

class ClientIdentity {
 public:
  static constexpr int kHops = 7;                   // x-proxy-ttl where the client names none
  static constexpr std::size_t kKeptBytes = 1024;   // of what the client says of itself
  static constexpr std::size_t kValueBytes = 1024;  // Dovecot's bounds for one pair, and for all of them
  static constexpr std::size_t kNameBytes = 30;
  static constexpr std::size_t kPairs = 30;
  static constexpr std::size_t kSessionIdBytes = 64;

  // An ID before login. The first one of a connection counts; of later ones only a lower x-proxy-ttl, which
  // restricts none but its sender. True: `facts` were changed, since they are a trusted proxy's.
  bool hear(const std::vector<IdPair>& pairs, filters::SessionFacts& facts);

  // As many more proxies may stand between here and the mail store; 0: the login must not be passed on.
  int hops_left() const noexcept { return hops_ - 1; }

  // The argument of the ID for the upstream: the proxies' fields if `send_id`, and by rewrite.id what the
  // client, or the gateway, says of itself. Without NIL, quotes and backslashes, which Cyrus 3.6 takes ill.
  // Empty: there is nothing to be told.
  std::string for_upstream(bool send_id, config::IdPolicy policy, const filters::SessionFacts& facts,
                           const TlsFacts& tls, Octets version) const;

 private:
  void keep(const IdPair& pair);

  bool heard_ = false;
  bool in_clear_ = false;  // a trusted proxy says so of the client's way to it
  int hops_ = kHops + 1;
  std::vector<std::string> own_;  // `"name" "value"`, what the client says of itself
  std::size_t kept_bytes_ = 0;
};

}  // namespace postern::session
