#include "proxy_protocol/proxy_header.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <vector>

namespace postern::net {
namespace {

using config::ProxyProtocol;
using config::UpstreamTls;
using telemetry::ProxyError;
using Status = ProxyHeaderParser::Status;
using namespace std::string_literals;

// What a parser made of some octets, and how many it took.
struct Seen {
  Status status = Status::NeedMore;
  std::size_t taken = 0;
  std::string what;  // "192.0.2.7:1 -> 198.51.100.1:993", "own" or why it failed

  bool operator==(const Seen&) const = default;
};
void PrintTo(const Seen& seen, std::ostream* out) {
  *out << static_cast<int>(seen.status) << " after " << seen.taken << ": " << seen.what;
}

class Feeding {
 public:
  // Each piece in memory of exactly its size, so that AddressSanitizer sees a read beyond it.
  void give(std::string_view piece) {
    if (seen_.status != Status::NeedMore) return;
    const std::vector<char> copy(piece.begin(), piece.end());
    Octets rest(copy.data(), copy.size());
    seen_.status = parser_.feed(rest);
    seen_.taken += copy.size() - rest.size();
    if (seen_.status == Status::NeedMore) {
      EXPECT_TRUE(rest.empty()) << "what is not taken was not needed";
    }
  }
  Seen seen() {
    if (seen_.status == Status::Failed)
      seen_.what = (parser_.error() == ProxyError::Checksum ? "checksum: " : "") + std::string(parser_.why());
    const ProxyHeader& header = parser_.header();
    if (seen_.status == Status::Done)
      seen_.what = header.has_addresses ? text(header.source) + " -> " + text(header.destination) : "own";
    return seen_;
  }

 private:
  static std::string text(const Peer& peer) { return peer.address + ":" + std::to_string(peer.port); }

  ProxyHeaderParser parser_;
  Seen seen_;
};

// Whole, octet by octet, and cut at every place: one result.
Seen parse(const std::string& octets) {
  Feeding whole;
  whole.give(octets);
  const Seen expected = whole.seen();
  Feeding single;
  for (const char c : octets) single.give({&c, 1});
  EXPECT_EQ(single.seen(), expected) << "octet by octet";
  for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
    Feeding halves;
    halves.give(std::string_view(octets).substr(0, cut));
    halves.give(std::string_view(octets).substr(cut));
    EXPECT_EQ(halves.seen(), expected) << "cut at " << cut;
  }
  return expected;
}

Seen done(const std::string& header, const std::string& what) { return {Status::Done, header.size(), what}; }

void expect_failure(const std::string& octets, const std::string& why) {
  const Seen seen = parse(octets);
  EXPECT_EQ(seen.status, Status::Failed) << octets;
  EXPECT_NE(seen.what.find(why), std::string::npos) << seen.what;
}

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string octets_of_length(std::size_t length) {
  return {static_cast<char>(length >> 8), static_cast<char>(length & 255)};
}
std::string version2(char command, char family, const std::string& body) {
  return kSignature + command + family + octets_of_length(body.size()) + body;
}
std::string tlv(char type, const std::string& value) { return type + octets_of_length(value.size()) + value; }

const std::string kFour = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x03\xe1"s;  // :56324 -> :993
const std::string kFourText = "192.0.2.7:56324 -> 198.51.100.1:993";
const std::string kSix =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x03\xe1"s;

// ---- version 1

TEST(ProxyHeader, TheLineOfTheSpecification) {
  const std::string line = "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
  EXPECT_EQ(parse(line + "GET / HTTP/1.1\r\n"), done(line, "192.168.0.1:56324 -> 192.168.0.11:443"));
}

// §2.1: the longest that each kind can be.
TEST(ProxyHeader, TheLongestLines) {
  const std::string four = "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
  ASSERT_EQ(four.size(), 56U);
  EXPECT_EQ(parse(four), done(four, "255.255.255.255:65535 -> 255.255.255.255:65535"));
  const std::string ffff = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const std::string six = "PROXY TCP6 " + ffff + " " + ffff + " 65535 65535\r\n";
  ASSERT_EQ(six.size(), 104U);
  EXPECT_EQ(parse(six), done(six, ffff + ":65535 -> " + ffff + ":65535"));
  const std::string unknown = "PROXY UNKNOWN " + ffff + " " + ffff + " 65535 65535\r\n";
  ASSERT_EQ(unknown.size(), ProxyHeaderParser::kLineBytes);
  EXPECT_EQ(parse(unknown + "* more"), done(unknown, "own"));
}

TEST(ProxyHeader, ALineMayHave107OctetsAndNotOneMore) {
  const std::string begin = "PROXY UNKNOWN ";
  for (const std::size_t size : {106U, 107U}) {
    const std::string line = begin + std::string(size - begin.size() - 2, 'x') + "\r\n";
    EXPECT_EQ(parse(line), done(line, "own")) << size;
  }
  expect_failure(begin + std::string(108 - begin.size() - 2, 'x') + "\r\n", "within 107 octets");
  EXPECT_EQ(parse(begin + std::string(500, 'x')).taken, 107U) << "it does not wait for the end";
}

TEST(ProxyHeader, UnknownIsTheConnectionsOwnEnds) {
  EXPECT_EQ(parse("PROXY UNKNOWN\r\n"), done("PROXY UNKNOWN\r\n", "own"));
  EXPECT_EQ(parse("PROXY UNKNOWN \t\0 anything\r\n"s), done("PROXY UNKNOWN \t\0 anything\r\n"s, "own"));
  expect_failure("PROXY UNKNOWNS\r\n", "not the five fields");
}

TEST(ProxyHeader, MappedAddressesAreIpv4) {
  const std::string line = "PROXY TCP6 ::ffff:192.0.2.7 ::FFFF:c633:6401 1 993\r\n";
  EXPECT_EQ(parse(line), done(line, "192.0.2.7:1 -> 198.51.100.1:993"));
}

// HAProxy maps the IPv4 one, nginx leaves it as it is.
TEST(ProxyHeader, AddressesOfTwoFamiliesAreToldAsTcp6) {
  for (const char* four : {"198.51.100.1", "::ffff:198.51.100.1"}) {
    const std::string there = "PROXY TCP6 2001:db8::7 " + std::string(four) + " 1 993\r\n";
    EXPECT_EQ(parse(there), done(there, "2001:db8::7:1 -> 198.51.100.1:993"));
    const std::string back = "PROXY TCP6 " + std::string(four) + " 2001:db8::1 1 993\r\n";
    EXPECT_EQ(parse(back), done(back, "198.51.100.1:1 -> 2001:db8::1:993"));
  }
}

TEST(ProxyHeader, ALineMustBeExact) {
  const std::pair<const char*, const char*> bad[] = {
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", "five fields"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", "five fields"},
      {"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "five fields"},
      {"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n", "five fields"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", "five fields"},
      {"PROXY \r\n", "five fields"},
      {"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", "neither TCP4"},
      {"PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n", "neither TCP4"},
      {"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "not an address"},
      {"PROXY TCP4 ::ffff:192.0.2.7 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n", "not an address"},
      {"PROXY TCP4 mail.example 198.51.100.1 1 2\r\n", "not an address"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", "not a port"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n", "not a port"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 -2\r\n", "not a port"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 +2\r\n", "not a port"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", "do not stand together"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\rx\n", "do not stand together"},
      {"PROXY \n", "do not stand together"},
      {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n", "do not stand together"},
  };
  for (const auto& [line, why] : bad) expect_failure(line, why);
  expect_failure("PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n"s, "not an address");
  const std::string edge = "PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n";
  EXPECT_EQ(parse(edge), done(edge, "192.0.2.7:0 -> 198.51.100.1:65535"));
}

TEST(ProxyHeader, WhatIsNoHeaderFailsAtTheFirstOctetThatShowsIt) {
  const std::pair<std::string, std::size_t> others[] = {
      {"a LOGIN alice secret\r\n", 1},
      {"\x16\x03\x01\x02\x00"s, 1},
      {"\r\na NOOP\r\n", 3},
      {"PROXIED\r\n", 5},
      {"PROXY\r\n", 6},
      {"proxy TCP4 ", 1},
      {"\r\n\r\n\0\r\nQUIT\r\n"s, 12},
      {"GET / HTTP/1.1\r\n", 1},
      {"\r\n\r\n\r\n", 5},
  };
  for (const auto& [octets, taken] : others) {
    expect_failure(octets, "no PROXY header");
    EXPECT_EQ(parse(octets).taken, taken) << octets;
    EXPECT_EQ(parse(octets).what.find("secret"), std::string::npos);
  }
}

TEST(ProxyHeader, WaitsForItsEnd) {
  for (const std::string& whole : {"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"s, version2(0x21, 0x11, kFour)})
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_EQ(parse(whole.substr(0, size)), (Seen{Status::NeedMore, size, ""}));
  ProxyHeaderParser parser;
  EXPECT_FALSE(parser.has_begun());
  Octets one("P");
  EXPECT_EQ(parser.feed(one), Status::NeedMore);
  EXPECT_TRUE(parser.has_begun());
}

// ---- version 2

TEST(ProxyHeader, Tcp4) {
  const std::string header = version2(0x21, 0x11, kFour);
  EXPECT_EQ(header.size(), 28U);
  EXPECT_EQ(parse(header + "\x16\x03"), done(header, kFourText));
}

TEST(ProxyHeader, Tcp6) {
  const std::string header = version2(0x21, 0x21, kSix);
  EXPECT_EQ(parse(header + "a NOOP\r\n"), done(header, "2001:db8::7:56324 -> 2001:db8::1:993"));
  const std::string mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"s;
  const std::string four =
      version2(0x21, 0x21, mapped + kFour.substr(0, 4) + mapped + kFour.substr(4, 4) + kFour.substr(8));
  EXPECT_EQ(parse(four), done(four, kFourText));
}

TEST(ProxyHeader, WhatIsNotTcpOverIpKeepsTheConnectionsOwnEnds) {
  const std::string headers[] = {
      version2(0x20, 0x00, ""),                  // LOCAL
      version2(0x20, 0x11, kFour),               // LOCAL: all else is to be skipped, …
      version2(0x20, 0x11, "\x03\0"s),           // … too short though it be,
      version2(0x20, 0x7f, tlv(0x03, "wrong")),  // … with whatever in it
      version2(0x21, 0x00, ""),                  // UNSPEC
      version2(0x21, 0x00, "whatever"),
      version2(0x21, 0x01, ""),
      version2(0x21, 0x31, std::string(216, 'u')),  // unix
      version2(0x21, 0x32, std::string(216, 'u')),
      version2(0x21, 0x12, kFour),  // UDP
      version2(0x21, 0x22, kSix),
      version2(0x21, 0x10, kFour),       // of no transport
      version2(0x21, 0x41, "whatever"),  // of a family to come
      version2(0x21, static_cast<char>(0xff), ""),
  };
  for (const std::string& header : headers) EXPECT_EQ(parse(header + "behind"), done(header, "own"));
}

TEST(ProxyHeader, OnlyTheCommandsOfVersion2) {
  for (const int command : {0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x30, 0x31, 0xff}) {
    const std::string header = version2(static_cast<char>(command), 0x11, kFour);
    expect_failure(header, "neither LOCAL nor PROXY");
    EXPECT_EQ(parse(header).taken, ProxyHeaderParser::kFixedBytes);
  }
}

TEST(ProxyHeader, TheAddressesOfTheFamilyMustBeThere) {
  const std::pair<char, std::size_t> families[] = {{0x11, 12}, {0x21, 36}, {0x31, 216}};
  for (const auto& [family, size] : families) {
    expect_failure(version2(0x21, family, std::string(size - 1, '\0')), "too short");
    expect_failure(version2(0x21, family, ""), "too short");
    EXPECT_EQ(parse(version2(0x21, family, std::string(size, '\0'))).status, Status::Done);
  }
}

TEST(ProxyHeader, TheLengthHasALimit) {
  const std::size_t room = ProxyHeaderParser::kBodyBytes - kFour.size() - 3;
  for (const std::size_t size : {room - 1, room}) {
    const std::string header = version2(0x21, 0x11, kFour + tlv(0x04, std::string(size, '\0')));
    Feeding feeding;
    feeding.give(header + "behind");
    EXPECT_EQ(feeding.seen(), done(header, kFourText));
  }
  const std::string above = version2(0x21, 0x11, kFour + tlv(0x04, std::string(room + 1, '\0')));
  Feeding feeding;
  feeding.give(above);
  EXPECT_EQ(feeding.seen(), (Seen{Status::Failed, 16, "version 2: longer than 4096 octets"}));
}

TEST(ProxyHeader, TlvsStayWithinTheHeader) {
  const std::string good[] = {
      tlv(0x04, ""), tlv(0x01, "imap") + tlv(0x02, "mail.example"), tlv(static_cast<char>(0xEA), "\x01vpce"),
      tlv(0x05, std::string(128, 'u')) + tlv(0x20, "\x01\0\0\0\0"s + tlv(0x21, "TLSv1.3"))};
  for (const std::string& tlvs : good) {
    const std::string header = version2(0x21, 0x11, kFour + tlvs);
    EXPECT_EQ(parse(header + "behind"), done(header, kFourText));
    for (std::size_t cut = 1; cut < tlv(0x04, "").size(); ++cut)
      expect_failure(version2(0x21, 0x11, kFour + tlvs + tlv(0x04, "").substr(0, cut)), "is cut");
    expect_failure(version2(0x21, 0x11, kFour + tlvs + "\x02\0\x01"s), "longer than the header");
    expect_failure(version2(0x21, 0x11, kFour + tlvs + "\x02\xff\xff" + "abc"), "longer than the header");
  }
}

// The checksum as an independent implementation (bit by bit) made it.
const std::string kChecked = version2(0x21, 0x11, kFour + tlv(0x03, "\xf7\x2a\xce\x8c"));

TEST(ProxyHeader, TheChecksumIsVerified) {
  EXPECT_EQ(parse(kChecked + "behind"), done(kChecked, kFourText));
  for (std::size_t at = 16; at < kChecked.size(); ++at) {
    if (at >= 28 && at < 31) continue;  // type and length of the TLV itself
    std::string changed = kChecked;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    expect_failure(changed, "checksum: version 2: the checksum is wrong");
  }
  expect_failure(version2(0x21, 0x11, kFour + tlv(0x03, "abc")), "four octets");
  expect_failure(version2(0x21, 0x11, kFour + tlv(0x03, "abcde")), "four octets");
  expect_failure(kChecked.substr(0, 14) + octets_of_length(26) + kChecked.substr(16) + tlv(0x03, "abcd"),
                 "checksum");
}

// ---- the writer

filters::SessionFacts facts(const std::string& client, const std::string& connected) {
  filters::SessionFacts facts;
  facts.session_id = "abcdefgh12345678";
  facts.client_address = client;
  facts.client_port = 56324;
  facts.connected_address = connected;
  facts.connected_port = 993;
  return facts;
}
TlsFacts inside_tls() {
  TlsFacts tls;
  tls.secure = true;
  tls.minor = 3;
  tls.cipher = "TLS_AES_256_GCM_SHA384";
  tls.sni = "mail.example";
  tls.alpn = "imap";
  return tls;
}

TEST(ProxyHeaderWriter, Lines) {
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V1, UpstreamTls::Off, facts("192.0.2.7", "198.51.100.1"),
                               inside_tls()),
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n");
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V1, UpstreamTls::Off, facts("2001:db8::7", "2001:db8::1"), {}),
            "PROXY TCP6 2001:db8::7 2001:db8::1 56324 993\r\n");
  EXPECT_EQ(
      write_proxy_header(ProxyProtocol::V1, UpstreamTls::Off, facts("::ffff:192.0.2.7", "198.51.100.1"), {}),
      "PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n");
}

TEST(ProxyHeaderWriter, Off) {
  EXPECT_EQ(write_proxy_header(ProxyProtocol::Off, UpstreamTls::Off, facts("", ""), {}), "");
}

TEST(ProxyHeaderWriter, InClear) {
  const auto header =
      write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, facts("192.0.2.7", "198.51.100.1"), {});
  ASSERT_TRUE(header);
  EXPECT_EQ(*header,
            version2(0x21, 0x11, kFour + tlv(0x03, header->substr(31, 4)) + tlv(0x05, "abcdefgh12345678")));
  EXPECT_EQ(parse(*header + "* OK"), done(*header, kFourText)) << "with a checksum that is right";
}

TEST(ProxyHeaderWriter, InsideTls) {
  const auto header = write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off,
                                         facts("2001:db8::7", "2001:db8::1"), inside_tls());
  ASSERT_TRUE(header);
  const std::string ssl = "\x01\0\0\0\x01"s + tlv(0x21, "TLSv1.3") + tlv(0x23, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(*header, version2(0x21, 0x21,
                              kSix + tlv(0x03, header->substr(55, 4)) + tlv(0x05, "abcdefgh12345678") +
                                  tlv(0x02, "mail.example") + tlv(0x01, "imap") + tlv(0x20, ssl)));
  EXPECT_EQ(parse(*header), done(*header, "2001:db8::7:56324 -> 2001:db8::1:993"));
}

// Dovecot 2.4 lists no STARTTLS, and refuses it, where the header says that there is TLS already.
TEST(ProxyHeaderWriter, TellsNothingOfTlsWhereStarttlsFollows) {
  const std::string ssl = "\x01\0\0\0\x01"s + tlv(0x21, "TLSv1.3") + tlv(0x23, "TLS_AES_256_GCM_SHA384");
  for (const UpstreamTls leg : {UpstreamTls::Off, UpstreamTls::Implicit, UpstreamTls::Starttls}) {
    const auto header =
        write_proxy_header(ProxyProtocol::V2, leg, facts("192.0.2.7", "198.51.100.1"), inside_tls());
    ASSERT_TRUE(header);
    const std::string head = kFour + tlv(0x03, header->substr(31, 4)) + tlv(0x05, "abcdefgh12345678") +
                             tlv(0x02, "mail.example") + tlv(0x01, "imap");
    EXPECT_EQ(*header, version2(0x21, 0x11, head + (leg == UpstreamTls::Starttls ? "" : tlv(0x20, ssl))));
    EXPECT_EQ(parse(*header).status, Status::Done);
  }
}

// A trusted proxy's ID names the client's words to that proxy; its words to the gateway are the proxy's own.
TEST(ProxyHeaderWriter, TheNameIsTheOneThatTheClientAskedFor) {
  filters::SessionFacts behind = facts("192.0.2.7", "198.51.100.1");
  behind.connected_name = "imap.dept.example";
  for (const TlsFacts& tls : {TlsFacts{}, inside_tls()}) {
    const auto header = write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, behind, tls);
    ASSERT_TRUE(header);
    EXPECT_NE(header->find(tlv(0x02, "imap.dept.example")), std::string::npos);
    EXPECT_EQ(header->find("mail.example"), std::string::npos);
    EXPECT_EQ(parse(*header).status, Status::Done);
  }
}

TEST(ProxyHeaderWriter, WritesTheGoldenChecksum) {
  filters::SessionFacts bare = facts("192.0.2.7", "198.51.100.1");
  bare.session_id.clear();
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, bare, {}), kChecked);
}

TEST(ProxyHeaderWriter, LeavesOutWhatTheClientDidNotSay) {
  TlsFacts tls = inside_tls();
  tls.sni = tls.alpn = "";
  const auto header =
      write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, facts("192.0.2.7", "198.51.100.1"), tls);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->find(tlv(0x20, "").substr(0, 1), 28 + 7 + 19), 28U + 7 + 19) << "SSL behind UNIQUE_ID";
  EXPECT_EQ(parse(*header).status, Status::Done);
}

TEST(ProxyHeaderWriter, AnIdIsCutAtWhatTheProtocolAllows) {
  filters::SessionFacts long_id = facts("192.0.2.7", "198.51.100.1");
  long_id.session_id = std::string(200, 'i');
  const auto header = write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, long_id, {});
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->ends_with(tlv(0x05, std::string(128, 'i'))));
}

TEST(ProxyHeaderWriter, AnIpv4AddressBesideAnIpv6OneIsMapped) {
  const auto line = [](const char* client, const char* connected) {
    return write_proxy_header(ProxyProtocol::V1, UpstreamTls::Off, facts(client, connected), {});
  };
  EXPECT_EQ(line("192.0.2.7", "2001:db8::1"), "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56324 993\r\n");
  EXPECT_EQ(line("2001:db8::7", "192.0.2.1"), "PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 56324 993\r\n");
  for (const auto& [client, connected] :
       {std::pair{"192.0.2.7", "2001:db8::1"}, {"2001:db8::7", "192.0.2.1"}}) {
    const auto header =
        write_proxy_header(ProxyProtocol::V2, UpstreamTls::Off, facts(client, connected), inside_tls());
    ASSERT_TRUE(header);
    EXPECT_EQ(parse(*header), done(*header, std::string(client) + ":56324 -> " + connected + ":993"));
  }
}

TEST(ProxyHeaderWriter, FailsClosed) {
  const std::pair<const char*, const char*> pairs[] = {{"192.0.2.7", ""}, {"", "192.0.2.1"}, {"", ""}};
  for (const auto& [client, connected] : pairs)
    for (const ProxyProtocol version : {ProxyProtocol::V1, ProxyProtocol::V2})
      EXPECT_EQ(write_proxy_header(version, UpstreamTls::Off, facts(client, connected), inside_tls()),
                std::nullopt)
          << client << " " << connected;
}

TEST(ProxyHeaderWriter, HealthChecksSpeakForThemselves) {
  EXPECT_EQ(write_local_proxy_header(ProxyProtocol::Off), "");
  EXPECT_EQ(write_local_proxy_header(ProxyProtocol::V1), "PROXY UNKNOWN\r\n");
  const std::string local = write_local_proxy_header(ProxyProtocol::V2);
  EXPECT_EQ(local, "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A\x20\x00\x00\x00"s);
  EXPECT_EQ(parse(local), done(local, "own"));
}

}  // namespace
}  // namespace postern::net
