// How one upstream writes mailbox names, learned from what it says: the separator of its hierarchy, which may
// differ from namespace to namespace (RFC 2342), and whether names are UTF-8. Owned by a session, fed with
// the upstream's untagged responses; asked by filters through their Context. Pure; bounded: of one
// response only its first 512 octets are read, so that what is learned does not depend on how it came in
// pieces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "imap/capability.h"
#include "imap/mailbox_name.h"
#include "imap/response.h"

namespace postern::imap {

struct CanonicalName {
  std::string name;
  std::optional<std::string> other;  // of a name with two readings: the second has to be judged, too
};

class MailboxNaming {
 public:
  static constexpr std::size_t kNamespaces = 32;  // further ones are read by the default separator

  // Learns from `* LIST`, LSUB and XLIST, `* NAMESPACE` and `* ENABLED`; of all else nothing. `octets` are
  // the response from its "*" on, as far as they are here.
  void learn(const Response& response, Octets octets);
  // A server that has IMAP4rev2 without rev1 knows no other names than UTF-8 (RFC 9051 §5.1).
  void learn_capabilities(const CapabilityList& list);

  NameEncoding encoding() const noexcept { return encoding_; }
  // False: nothing has been heard of a separator yet, and "/" is assumed.
  bool knows_separator() const noexcept { return separator_.has_value() || !namespaces_.empty(); }
  // Of a mailbox, whose name is given as text (NameReadings); '\0' = no hierarchy.
  char separator_for(Octets text) const noexcept;

  // `name`: the decoded argument of a command, at most ArgumentReader::kDecodedBytes octets.
  CanonicalName canonical(Octets name) const { return canonical(name, encoding_); }
  CanonicalName canonical(Octets name, NameEncoding encoding) const;

 private:
  struct Namespace {
    std::string prefix;  // as text
    char separator = '\0';
    bool personal = false;
  };

  void learn_list(Octets rest);
  void learn_namespaces(Octets rest);
  void learn_enabled(Octets rest) noexcept;

  NameEncoding encoding_ = NameEncoding::ModifiedUtf7;
  std::optional<char> separator_;  // from LIST, for what no namespace says
  std::vector<Namespace> namespaces_;
};

// What holds while nothing has been heard.
inline const MailboxNaming kUnheardNaming;

}  // namespace postern::imap
