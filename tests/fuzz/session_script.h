// The input of fuzz_session, as octets: one octet of setting, then records, each an octet that says what
// happens and what it needs. Anything is a valid script; a record that does not fit the moment is passed
// over.
//
//   C, U   u16 (little endian), octets: the client or the upstream sends; in the upstream's octets 0x01
//   stands
//          for the last tag of the gateway's own
//   w      u16 seconds pass           c  octet: the dial succeeded, its TLS      f  octet: the dial failed
//   t      octet: TLS is ready        e  octet: end of file (side, truncated)    x  octet: a side broke
//   r      octet: the hold ends       p  octet: the penalty in seconds           d  the process is to end
//   b      octet: a side stops reading, or reads again
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::fuzz {

constexpr char kOwnTag = '\x01';
constexpr char kCanaryMark = '\x02';  // in the client's octets: a credential that nobody may see

// The first octet.
enum SettingBits : std::uint8_t {
  kListenerMask = 3,  // 0 implicit, 1 STARTTLS, else clear text; with rules where it is:
  kRulesInClear = 3,
  kSmallLimits = 4,
  kHoldsAppend = 8,  // and later parts
  kDeniesDelete = 16,
  kMemoryGoes = 32,  // keep() before anything is written, and the input's memory is overwritten
  kTrusted = 64,     // the client's ID is believed
  kOwnId = 128,      // rewrite.id: own
  kAuditsInClear = kRulesInClear | kOwnId,  // both: no rules, but commands are recorded
};
constexpr unsigned kSendId =
    128;  // in the octet behind `c`: the upstream is told whom the gateway speaks for

struct Record {
  char what = 0;
  std::uint16_t number = 0;
  std::string_view octets;
};

// Takes the next record from the front of `script`; what == 0 at its end.
inline Record next_record(std::string_view& script) {
  Record record;
  if (script.empty()) return record;
  record.what = script.front();
  script.remove_prefix(1);
  const bool wide = record.what == 'C' || record.what == 'U' || record.what == 'w';
  for (unsigned i = 0; i < (record.what == 'd' ? 0U : wide ? 2U : 1U) && !script.empty(); ++i) {
    record.number =
        static_cast<std::uint16_t>(record.number | static_cast<unsigned char>(script.front()) << (8 * i));
    script.remove_prefix(1);
  }
  if (record.what == 'C' || record.what == 'U') {
    record.octets = script.substr(0, record.number);
    script.remove_prefix(record.octets.size());
  }
  return record;
}

inline void add_record(std::string& script, char what, unsigned number) {
  script += what;
  if (what != 'd') script += static_cast<char>(number & 0xff);
  if (what == 'w') script += static_cast<char>(number >> 8 & 0xff);
}

inline void add_octets(std::string& script, char what, std::string_view octets) {
  while (!octets.empty()) {
    const std::string_view part = octets.substr(0, 0xffff);
    octets.remove_prefix(part.size());
    script += what;
    script += static_cast<char>(part.size() & 0xff);
    script += static_cast<char>(part.size() >> 8);
    script.append(part);
  }
}

}  // namespace postern::fuzz
