// Decodes the arguments of a framed command: atoms, strings in every form, lists (RFC 9051 §4). Strict:
// exactly one SP between decoded arguments. Pure; the reader borrows the command.
#pragma once

#include <optional>
#include <string>

#include "base/octets.h"
#include "base/secret.h"
#include "imap/command.h"

namespace postern::imap {

class ArgumentReader {
 public:
  static constexpr std::size_t kDecodedBytes = 8 * 1024;  // the most that one decoded argument may have

  explicit ArgumentReader(Octets args) noexcept : rest_(args) {}

  std::optional<Octets> atom();          // ATOM-CHARs, at least one
  std::optional<std::string> astring();  // atom (with "]"), quoted, or literal
  // The same, for LOGIN's password, which is written anew: an atom may hold "\", "%" and "*", too. Never lies
  // in a std::string.
  std::optional<Secret> secret_astring();
  std::optional<std::string> pattern();  // LIST's: the same, and an atom may have wildcards
  bool skip();                           // one argument of any shape and size, a list as a whole
  bool open() { return take('('); }      // the parenthesis before a list's first element
  bool close() { return take(')'); }
  bool space();  // consumes exactly one SP; false if there is none or a second one follows
  bool at_end() const noexcept { return rest_.empty(); }
  Octets rest() const noexcept { return rest_; }

 private:
  bool take(char c);

  Octets rest_;
};

// RFC 2971: `NIL` or a list of at most 30 pairs of strings, values may be NIL; literals are legal.
bool is_id_argument(Octets args) noexcept;

// RFC 9051 §9: sequence-set; "$" is what was found last, alone or at the end.
bool is_sequence_set(Octets text) noexcept;

}  // namespace postern::imap
