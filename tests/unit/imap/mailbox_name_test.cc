#include "imap/mailbox_name.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace postern::imap {
namespace {

using enum NameEncoding;

std::string read_utf7(Octets name) { return read_mailbox_name(name, ModifiedUtf7).text; }
std::string other_utf7(Octets name) { return read_mailbox_name(name, ModifiedUtf7).other.value_or("none"); }
std::string other_utf8(Octets name) { return read_mailbox_name(name, Utf8).other.value_or("none"); }

std::string utf8_of(const std::vector<char32_t>& points) {
  std::string out;
  for (const char32_t point : points) {
    const auto add = [&](char32_t value) { out += static_cast<char>(value); };
    if (point < 0x80) {
      add(point);
    } else if (point < 0x800) {
      add(0xC0 | point >> 6);
      add(0x80 | (point & 63));
    } else if (point < 0x10000) {
      add(0xE0 | point >> 12);
      add(0x80 | (point >> 6 & 63));
      add(0x80 | (point & 63));
    } else {
      add(0xF0 | point >> 18);
      add(0x80 | (point >> 12 & 63));
      add(0x80 | (point >> 6 & 63));
      add(0x80 | (point & 63));
    }
  }
  return out;
}

// What a client writes: RFC 3501 §5.1.3, from the specification and not from the decoder.
std::string modified_utf7_of(const std::vector<char32_t>& points) {
  constexpr Octets kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
  std::string out;
  std::string bits;
  const auto flush = [&] {
    if (bits.empty()) return;
    while (bits.size() % 6 != 0) bits += '0';
    out += '&';
    for (std::size_t at = 0; at < bits.size(); at += 6)
      out += kDigits[std::stoul(bits.substr(at, 6), nullptr, 2)];
    out += '-';
    bits.clear();
  };
  const auto unit = [&](char32_t value) {
    for (int bit = 15; bit >= 0; --bit) bits += (value >> bit & 1) != 0 ? '1' : '0';
  };
  for (const char32_t point : points) {
    if (point >= 0x20 && point < 0x7F) {
      flush();
      out += static_cast<char>(point);
      if (point == '&') out += '-';
    } else if (point < 0x10000) {
      unit(point);
    } else {
      unit(0xD800 + ((point - 0x10000) >> 10));
      unit(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  flush();
  return out;
}

TEST(ModifiedUtf7, TheExamplesOfTheRfc) {
  EXPECT_EQ(read_utf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-"), "~peter/mail/台北/日本語");
  EXPECT_EQ(read_utf7("&Jjo-!"), "☺!");
  EXPECT_EQ(read_utf7("&U,BTF2XlZyyKng-"), "台北日本語");
  // "&Jjo!" does not return to US-ASCII, "&U,BTFw-&ZeVnLIqe-" shifts needlessly: neither is valid.
  EXPECT_EQ(read_utf7("&Jjo!"), "&Jjo!");
  EXPECT_EQ(read_utf7("&U,BTFw-&ZeVnLIqe-"), "&U,BTFw-&ZeVnLIqe-");
}

TEST(ModifiedUtf7, WhatIsValidHasOneReading) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", ""},          {"Archive", "Archive"}, {"R&-D", "R&D"},           {"&-", "&"},
      {"&-&-", "&&"},    {"&-&AOQ-", "&ä"},      {"&AOQ-&-", "ä&"},         {"Entw&APw-rfe", "Entwürfe"},
      {"&2D3eAA-", "😀"}, {"&AAE-", "\x01"},      {"&,,0-", "\xEF\xBF\xBD"}, {"a\"b\\c", "a\"b\\c"},
  };
  for (const auto& [name, text] : cases) {
    EXPECT_EQ(read_utf7(name), text);
    EXPECT_EQ(other_utf7(name), "none") << name;
  }
}

// protocol.md §4: judged by both readings.
TEST(ModifiedUtf7, WhatIsNotValidIsItselfAndWhatALenientReaderTakesItFor) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"R&D", "none"},                       // six bits are no character
      {"Tom&Jerry", "none"},                 // fourteen bits are left over
      {"&", "none"},                         //
      {"a&", "none"},                        //
      {"& -", "none"},                       //
      {"&AEEAcgBjAGgAaQB2AGU-", "Archive"},  // printable ASCII is never encoded
      {"&AGE", "a"},                         // nor is the end left out
      {"&AOQ", "ä"},                         //
      {"&AOQ/x", "ä/x"},                     // "/" is no digit here
      {"&AOT-", "ä"},                        // the bits left over are zero
      {"&AOQ-&APw-", "äü"},                  //
      {"&2D0-", "none"},                     // half of a pair
      {"&3gA-", "none"},                     // the other half
      {"&2D3YPd4A-", "none"},                // two first halves
      {"&AOQA-", "none"},                    // eight bits are left over
      {"\xC3\xA4", "none"},                  // 8-bit without ENABLE: there is but one way to read it
      {"\xC3\xA4&AOQ-", "ää"},               //
      {"\x01", "none"},                      //
  };
  for (const auto& [name, other] : cases) {
    const NameReadings readings = read_mailbox_name(name, ModifiedUtf7);
    EXPECT_EQ(readings.text, name);
    EXPECT_EQ(readings.other.value_or("none"), other) << name;
  }
}

TEST(ModifiedUtf7, WhatAnEncoderWritesIsReadBack) {
  std::mt19937 random(20261121);
  const std::vector<std::pair<char32_t, char32_t>> ranges{
      {0x20, 0x7E}, {0x01, 0xFF}, {0x100, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, 0x10FFFF}};
  for (int round = 0; round < 5000; ++round) {
    std::vector<char32_t> points(random() % 12);
    for (char32_t& point : points) {
      const auto [first, last] = ranges[random() % ranges.size()];
      point = first + static_cast<char32_t>(random() % (last - first + 1));
    }
    const std::string name = modified_utf7_of(points);
    const NameReadings readings = read_mailbox_name(name, ModifiedUtf7);
    ASSERT_EQ(readings.text, utf8_of(points)) << name;
    ASSERT_FALSE(readings.other) << name;
  }
}

TEST(Utf8Names, AreThemselves) {
  const auto text = [](Octets name) { return read_mailbox_name(name, Utf8).text; };
  EXPECT_EQ(text("Entwürfe/台北"), "Entwürfe/台北");
  EXPECT_EQ(text("R&D"), "R&D");
  EXPECT_EQ(other_utf8("R&D"), "none");
  EXPECT_EQ(other_utf8("Entwürfe"), "none");
  // A server that still decodes would take these for something else.
  EXPECT_EQ(text("Entw&APw-rfe"), "Entw&APw-rfe");
  EXPECT_EQ(other_utf8("Entw&APw-rfe"), "Entwürfe");
  EXPECT_EQ(other_utf8("R&-D"), "R&D");
}

TEST(Utf8Names, OctetsThatAreNoneAreShown) {
  const auto text = [](Octets name) { return read_mailbox_name(name, Utf8).text; };
  EXPECT_EQ(text("a\xFF\xFE"), "a\uFFFDFF\uFFFDFE");
  EXPECT_EQ(text("\xC3"), "\uFFFDC3");
  EXPECT_EQ(text("\xC0\xAF"), "\uFFFDC0\uFFFDAF");              // overlong "/"
  EXPECT_EQ(text("\xED\xA0\x80"), "\uFFFDED\uFFFDA0\uFFFD80");  // a surrogate
  EXPECT_EQ(text("\xF4\x90\x80\x80"), "\uFFFDF4\uFFFD90\uFFFD80\uFFFD80");
  EXPECT_EQ(read_utf7("K\xF6ln"), "K\uFFFDF6ln");  // Latin-1
}

// --- the canonical name ------------------------------------------------------------------------------------

TEST(CanonicalName, LevelsAreSeparatedByASlash) {
  EXPECT_EQ(canonical_name("Archive/2026/Q1", '/'), "Archive/2026/Q1");
  EXPECT_EQ(canonical_name("Archive.2026.Q1", '.'), "Archive/2026/Q1");
  EXPECT_EQ(canonical_name("Archive\\2026", '\\'), "Archive/2026");
  EXPECT_EQ(canonical_name("Archive.2026", '/'), "Archive.2026");
  EXPECT_EQ(canonical_name("Archive.2026", '\0'), "Archive.2026");
}

TEST(CanonicalName, EmptyLevelsAreDropped) {
  for (const Octets name : {"a/b", "/a/b", "a//b", "a/b/", "///a///b///"})
    EXPECT_EQ(canonical_name(name, '/'), "a/b");
  EXPECT_EQ(canonical_name(".a..b.", '.'), "a/b");
  for (const Octets name : {"", "/", "///"}) EXPECT_EQ(canonical_name(name, '/'), "");
}

TEST(CanonicalName, InboxIsInCapitals) {
  for (const Octets name : {"INBOX", "inbox", "InBox", "inbox/", "/inbox"})
    EXPECT_EQ(canonical_name(name, '/'), "INBOX");
  EXPECT_EQ(canonical_name("inbox/Old", '/'), "INBOX/Old");
  EXPECT_EQ(canonical_name("Inbox.inbox", '.'), "INBOX/inbox");
  EXPECT_EQ(canonical_name("inbox", '\0'), "INBOX");
  EXPECT_EQ(canonical_name("inboxes", '/'), "inboxes");
  EXPECT_EQ(canonical_name("inbox.Old", '/'), "inbox.Old");
  EXPECT_EQ(canonical_name("Old/inbox", '/'), "Old/inbox");
  EXPECT_EQ(canonical_name("inboẋ", '/'), "inboẋ");
}

// The header says why: "a/b" and "a.b" are two mailboxes on a server whose separator is a dot.
TEST(CanonicalName, ASlashWithinALevelIsShown) {
  EXPECT_EQ(canonical_name("a/b.c", '.'), "a\uFFFD2Fb/c");
  EXPECT_NE(canonical_name("a/b.c", '.'), canonical_name("a.b.c", '.'));
  EXPECT_EQ(canonical_name("a/b", '\0'), "a\uFFFD2Fb");
  EXPECT_EQ(canonical_name("/", '.'), "\uFFFD2F");
  EXPECT_EQ(canonical_name("inbox/x", '.'), "inbox\uFFFD2Fx");
}

TEST(CanonicalName, IsComposed) {
  EXPECT_EQ(canonical_name("A\u0308rger", '/'), "\u00C4rger");
  EXPECT_EQ(canonical_name("\u212B", '/'), "\u00C5");              // ANGSTROM SIGN
  EXPECT_EQ(canonical_name("\u1112\u1161\u11AB", '/'), "\uD55C");  // Hangul
  EXPECT_EQ(canonical_name("q\u0307\u0323", '/'), "q\u0323\u0307");
  EXPECT_EQ(canonical_name("\u0958", '/'), "\u0915\u093C");  // excluded from composition
  EXPECT_EQ(canonical_name("ﬁ", '/'), "ﬁ");                  // NFC, not NFKC
  EXPECT_EQ(canonical_name("a/\u0308b", '/'), "a/\u0308b");
}

// A separator is one before anything is composed with what stands behind it.
TEST(CanonicalName, ASeparatorStaysOneWhateverFollows) {
  EXPECT_EQ(canonical_name("a=\u0338b", '='), "a/\u0338b");
}

// The library's own ordering takes quadratic time: seconds for these.
TEST(CanonicalName, ManyMarksTakeNoTime) {
  std::string name = "a";
  for (int i = 0; i < 200000; ++i) name += i % 2 == 0 ? "\u0307" : "\u0323";
  const std::string canonical = canonical_name(name, '/');
  EXPECT_EQ(canonical.size(), name.size());
  EXPECT_TRUE(canonical.starts_with("\u1EA1\u0323\u0323"));
  EXPECT_TRUE(canonical.ends_with("\u0307\u0307"));
}

TEST(CanonicalName, OfACanonicalNameIsItself) {
  std::mt19937 random(7);
  const std::vector<std::string> parts{"/",      ".",      "a",      "INBOX", "inbox",  "\u0308", "A",
                                       "\u0323", "\u212B", "\u0338", "=",     "\uFFFD", "2F",     "\u1112",
                                       "\u1161", "\u11AB", "&",      "台",    "\u0344", "\u0958", "\u0307"};
  for (int round = 0; round < 5000; ++round) {
    std::string name;
    for (auto left = random() % 10; left > 0; --left) name += parts[random() % parts.size()];
    for (const char separator : {'/', '.', '\0', '='}) {
      const std::string canonical = canonical_name(name, separator);
      ASSERT_EQ(canonical_name(canonical, '/'), canonical) << name;
    }
  }
}

TEST(MailboxName, FoldedNamesDifferInMoreThanCase) {
  EXPECT_EQ(folded_name("INBOX/Archive 2020"), "inbox/archive 2020");
  EXPECT_EQ(folded_name("\xC3\x84rger"), folded_name("\xC3\xA4RGER")) << "Ärger";
  EXPECT_EQ(folded_name("A\xCC\x88rger"), folded_name("\xC3\xA4rger")) << "in either normal form";
  EXPECT_EQ(folded_name("Stra\xC3\x9F"
                        "e"),
            "strasse");
  EXPECT_EQ(folded_name("\xCE\xA3\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x82"),
            folded_name("\xCF\x83\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x83"))
      << "the sigma at the end of a word";
  EXPECT_NE(folded_name("Arger"), folded_name("\xC3\x84rger"));
  EXPECT_EQ(folded_name(folded_name("Stra\xC3\x9F"
                                    "e")),
            "strasse");
  EXPECT_EQ(folded_name(""), "");
}

}  // namespace
}  // namespace postern::imap
