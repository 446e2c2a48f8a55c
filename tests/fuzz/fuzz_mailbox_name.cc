// A mailbox's name from a client, read and brought into its canonical form: never a crash, always valid
// UTF-8, no empty level, INBOX in capitals, and what is canonical stays as it is. The first octet chooses the
// separator and the encoding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/octets.h"
#include "imap/mailbox_name.h"

namespace {

using postern::Octets;
using namespace postern::imap;

void require(bool holds) {
  if (!holds) std::abort();
}

// RFC 3629 §4, written out.
bool is_utf8(Octets text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xBF; };
  while (!text.empty()) {
    const unsigned first = at(0);
    std::size_t size = 0;
    if (first < 0x80) size = 1;
    if (first >= 0xC2 && first <= 0xDF && tail(1)) size = 2;
    if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) size = 3;
    if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) size = 4;
    if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F)) return false;
    if ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return false;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void check(Octets text, char separator) {
  require(is_utf8(text));
  const std::string name = canonical_name(text, separator);
  require(is_utf8(name));
  require(name.find("//") == std::string::npos && !name.starts_with('/') && !name.ends_with('/'));
  require(canonical_name(name, '/') == name);
  const Octets first = Octets(name).substr(0, name.find('/'));
  require(!postern::equals_ignoring_case(first, "INBOX") || first == "INBOX");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr char kSeparators[] = {'/', '.', '\\', '\0', '&', '-', ',', 'a'};
  if (size == 0) return 0;
  const char separator = kSeparators[data[0] & 7];
  const auto encoding = (data[0] & 8) != 0 ? NameEncoding::Utf8 : NameEncoding::ModifiedUtf7;
  const NameReadings readings =
      read_mailbox_name({reinterpret_cast<const char*>(data) + 1, size - 1}, encoding);
  check(readings.text, separator);
  if (readings.other) {
    require(*readings.other != readings.text);
    check(*readings.other, separator);
  }
  return 0;
}
