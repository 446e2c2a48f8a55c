#include "proxy_protocol/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <tuple>

namespace postern::net {
namespace {

using telemetry::ProxyError;
using namespace std::string_view_literals;

constexpr std::string_view kLineSignature = "PROXY ";
constexpr std::string_view kBinarySignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kCommandAt = 12;
constexpr std::size_t kFamilyAt = 13;
constexpr std::size_t kLengthAt = 14;
constexpr std::size_t kAddressesAt = ProxyHeaderParser::kFixedBytes;

constexpr char kLocal = 0x20;  // version 2 in the upper half
constexpr char kProxy = 0x21;
constexpr char kTcp4 = 0x11;
constexpr char kTcp6 = 0x21;
constexpr std::size_t kTlvHeadBytes = 3;  // type and length
constexpr std::size_t kUniqueIdBytes = 128;

enum class Tlv : std::uint8_t {
  Alpn = 0x01,
  Authority = 0x02,
  Crc32c = 0x03,
  UniqueId = 0x05,
  Ssl = 0x20,
  SslVersion = 0x21,
  SslCipher = 0x23,
};

// Octets of the two addresses and ports behind the fixed part, by the upper half of the family octet (IPv4,
// IPv6, unix). Where the family is unspecified or unknown nobody can tell where the TLVs begin.
constexpr std::array<std::size_t, 4> kAddressBytes{0, 12, 36, 216};

// RFC 4960, appendix B: Castagnoli's polynomial, reflected.
constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t crc32c(std::string_view octets) noexcept {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : octets) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

// In network order.
void put(std::string& out, std::size_t at, std::uint32_t value, std::size_t octets) {
  for (std::size_t i = octets; i-- > 0; value >>= 8) out[at + i] = static_cast<char>(value & 0xFF);
}
void append(std::string& out, std::uint32_t value, std::size_t octets) {
  out.append(octets, '\0');
  put(out, out.size() - octets, value, octets);
}

// §2.1: decimal, and no zero ahead of it that would make it look octal.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

}  // namespace

ProxyHeaderParser::Status ProxyHeaderParser::feed(Octets& in) {
  Status status = Status::NeedMore;
  while (status == Status::NeedMore && !in.empty()) {
    const std::size_t part = std::min(wanted(), in.size());
    octets_.append(in.substr(0, part));
    in.remove_prefix(part);
    status = advance();
  }
  return status;
}

// So many octets belong to the header for certain: the length of a line shows itself only at its end.
std::size_t ProxyHeaderParser::wanted() const noexcept {
  switch (part_) {
    case Part::Signature:
    case Part::Line:
      return 1;
    case Part::Fixed:
      return kFixedBytes - octets_.size();
    case Part::Body:
      return kFixedBytes + body_bytes_ - octets_.size();
  }
  return 0;
}

ProxyHeaderParser::Status ProxyHeaderParser::advance() {
  switch (part_) {
    case Part::Signature:
      return on_signature();
    case Part::Line:
      return on_line();
    case Part::Fixed:
      return octets_.size() < kFixedBytes ? Status::NeedMore : on_fixed();
    case Part::Body:
      return octets_.size() < kFixedBytes + body_bytes_ ? Status::NeedMore : on_body();
  }
  return Status::Failed;
}

ProxyHeaderParser::Status ProxyHeaderParser::on_signature() {
  if (octets_ == kLineSignature) part_ = Part::Line;
  if (octets_ == kBinarySignature) part_ = Part::Fixed;
  const bool may_be_one = kLineSignature.starts_with(octets_) || kBinarySignature.starts_with(octets_);
  return may_be_one ? Status::NeedMore : fail("no PROXY header: the first octets are no signature of one");
}

ProxyHeaderParser::Status ProxyHeaderParser::on_line() {
  const bool after_cr = octets_[octets_.size() - 2] == '\r';
  if ((octets_.back() == '\n') != after_cr) return fail("version 1: CR and LF do not stand together");
  if (after_cr) {
    const std::string_view line = octets_;
    return take_line(line.substr(kLineSignature.size(), line.size() - kLineSignature.size() - 2));
  }
  return octets_.size() < kLineBytes ? Status::NeedMore : fail("version 1: no end within 107 octets");
}

ProxyHeaderParser::Status ProxyHeaderParser::take_line(std::string_view fields) {
  // Whatever stands behind UNKNOWN is to be ignored.
  if (fields == "UNKNOWN" || fields.starts_with("UNKNOWN ")) return Status::Done;
  std::array<std::string_view, 5> field;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool is_last = i + 1 == field.size();
    const std::size_t end = fields.find(' ');
    if ((end == std::string_view::npos) != is_last)
      return fail("version 1: not the five fields of TCP4 or TCP6");
    field[i] = fields.substr(0, end);
    fields.remove_prefix(is_last ? fields.size() : end + 1);
  }
  const auto& [family, source, destination, source_port, destination_port] = field;
  if (family != "TCP4" && family != "TCP6") return fail("version 1: neither TCP4, TCP6 nor UNKNOWN");
  // §2.1 has two addresses of one family. nginx says TCP6 and leaves the IPv4 one of two as it is.
  const auto is_six = [](std::string_view address) { return address.find(':') != std::string_view::npos; };
  const bool may_be_four = family == "TCP4" || is_six(source) || is_six(destination);
  for (const auto& [end, address, port] : {std::tuple{&header_.source, source, source_port},
                                           std::tuple{&header_.destination, destination, destination_port}}) {
    const std::optional<AddressOctets> octets = config::parse_address(address);
    if (!octets || !(is_six(address) ? family == "TCP6" : may_be_four))
      return fail("version 1: not an address of its family");
    const std::optional<std::uint16_t> number = parse_port(port);
    if (!number) return fail("version 1: not a port");
    *end = {config::address_text(*octets), *number};
  }
  header_.has_addresses = true;
  return Status::Done;
}

ProxyHeaderParser::Status ProxyHeaderParser::on_fixed() {
  if (octets_[kCommandAt] != kLocal && octets_[kCommandAt] != kProxy)
    return fail("version 2: the command is neither LOCAL nor PROXY of version 2");
  body_bytes_ = number(kLengthAt);
  if (body_bytes_ > kBodyBytes) return fail("version 2: longer than 4096 octets");
  const std::size_t family = octet(kFamilyAt) >> 4;
  if (octets_[kCommandAt] == kProxy && family < kAddressBytes.size() && body_bytes_ < kAddressBytes[family])
    return fail("version 2: too short for the addresses of its family");
  part_ = Part::Body;
  return body_bytes_ > 0 ? Status::NeedMore : on_body();
}

// §2.2: of LOCAL everything is skipped, the family included. A family or transport that this does not know is
// taken for an unspecified one, as HAProxy does it: the connection is then the balancer's own.
ProxyHeaderParser::Status ProxyHeaderParser::on_body() {
  const std::size_t family = octet(kFamilyAt) >> 4;
  if (octets_[kCommandAt] == kLocal || family == 0 || family >= kAddressBytes.size()) return Status::Done;
  take_addresses();
  return walk_tlvs(kAddressesAt + kAddressBytes[family]);
}

void ProxyHeaderParser::take_addresses() {
  const char family = octets_[kFamilyAt];
  if (family != kTcp4 && family != kTcp6) return;
  const std::size_t size = family == kTcp4 ? 4 : 16;
  const auto address_at = [&](std::size_t at) {
    AddressOctets out{};
    if (size == 4) out[10] = out[11] = 0xff;
    std::memcpy(out.data() + out.size() - size, octets_.data() + at, size);
    return config::address_text(out);
  };
  const auto port_at = [&](std::size_t at) { return static_cast<std::uint16_t>(number(at)); };
  const std::size_t ports_at = kAddressesAt + 2 * size;
  header_.source = {address_at(kAddressesAt), port_at(ports_at)};
  header_.destination = {address_at(kAddressesAt + size), port_at(ports_at + 2)};
  header_.has_addresses = true;
}

// Only the checksum means anything here; of the others it is looked at whether they stay within the header.
ProxyHeaderParser::Status ProxyHeaderParser::walk_tlvs(std::size_t at) {
  bool has_checksum = false;
  while (at < octets_.size()) {
    if (octets_.size() - at < kTlvHeadBytes) return fail("version 2: the last TLV is cut");
    const std::size_t length = number(at + 1);
    const auto type = static_cast<Tlv>(octet(at));
    at += kTlvHeadBytes;
    if (octets_.size() - at < length) return fail("version 2: a TLV is longer than the header");
    if (type == Tlv::Crc32c) {
      if (length != 4 || has_checksum) return fail("version 2: not one checksum of four octets");
      has_checksum = true;
      std::string zeroed = octets_;
      put(zeroed, at, 0, 4);
      put(zeroed, at, crc32c(zeroed), 4);
      if (zeroed != octets_) return fail("version 2: the checksum is wrong", ProxyError::Checksum);
    }
    at += length;
  }
  return Status::Done;
}

ProxyHeaderParser::Status ProxyHeaderParser::fail(std::string_view why, ProxyError error) noexcept {
  why_ = why;
  error_ = error;
  return Status::Failed;
}

namespace {

void append_tlv(std::string& out, Tlv type, std::string_view value) {
  if (value.empty() || value.size() > 0xFFFF) return;
  append(out, static_cast<std::uint32_t>(type), 1);
  append(out, static_cast<std::uint32_t>(value.size()), 2);
  out += value;
}

void append_tlvs(std::string& out, config::UpstreamTls leg, const filters::SessionFacts& facts,
                 const TlsFacts& tls) {
  append_tlv(out, Tlv::UniqueId, std::string_view(facts.session_id).substr(0, kUniqueIdBytes));
  append_tlv(out, Tlv::Authority, filters::asked_name(facts, tls));
  if (!tls.secure) return;
  append_tlv(out, Tlv::Alpn, tls.alpn);
  // Who is told that there is TLS already lists no STARTTLS and refuses it (Dovecot 2.4), and sees it for
  // itself as soon as it is there.
  if (leg == config::UpstreamTls::Starttls) return;
  // Bit 0: the client speaks TLS. It has shown no certificate: bits 1 and 2 are clear, and "verify" must not
  // be 0, which would say that one was found good.
  std::string ssl("\x01\0\0\0\x01"sv);
  append_tlv(ssl, Tlv::SslVersion, tls.version());
  append_tlv(ssl, Tlv::SslCipher, tls.cipher);
  append_tlv(out, Tlv::Ssl, ssl);
}

// As TCP6 has it: an IPv4 address is mapped (RFC 4291 §2.5.5.2).
std::string text_of(const AddressOctets& address, bool four) {
  return (!four && config::is_ipv4(address) ? "::ffff:" : "") + config::address_text(address);
}

std::string binary_header(char command, char family) {
  std::string out(kBinarySignature);
  out += command;
  out += family;
  append(out, 0, 2);  // the length, written when it is known
  return out;
}

}  // namespace

std::optional<std::string> write_proxy_header(config::ProxyProtocol version, config::UpstreamTls leg,
                                              const filters::SessionFacts& facts, const TlsFacts& tls) {
  if (version == config::ProxyProtocol::Off) return "";
  const std::optional<AddressOctets> source = config::parse_address(facts.client_address);
  const std::optional<AddressOctets> destination = config::parse_address(facts.connected_address);
  if (!source || !destination) return std::nullopt;
  const bool four = config::is_ipv4(*source) && config::is_ipv4(*destination);
  if (version == config::ProxyProtocol::V1)
    return std::string(kLineSignature) + (four ? "TCP4 " : "TCP6 ") + text_of(*source, four) + " " +
           text_of(*destination, four) + " " + std::to_string(facts.client_port) + " " +
           std::to_string(facts.connected_port) + "\r\n";
  std::string out = binary_header(kProxy, four ? kTcp4 : kTcp6);
  for (const AddressOctets& each : {*source, *destination})
    for (std::size_t i = four ? 12 : 0; i < each.size(); ++i) out += static_cast<char>(each[i]);
  append(out, facts.client_port, 2);
  append(out, facts.connected_port, 2);
  append_tlv(out, Tlv::Crc32c, "\0\0\0\0"sv);
  const std::size_t checksum_at = out.size() - 4;
  append_tlvs(out, leg, facts, tls);
  put(out, kLengthAt, static_cast<std::uint32_t>(out.size() - kAddressesAt), 2);
  put(out, checksum_at, crc32c(out), 4);
  return out;
}

std::string write_local_proxy_header(config::ProxyProtocol version) {
  switch (version) {
    case config::ProxyProtocol::Off:
      return "";
    case config::ProxyProtocol::V1:
      return "PROXY UNKNOWN\r\n";
    case config::ProxyProtocol::V2:
      return binary_header(kLocal, 0);
  }
  return "";
}

}  // namespace postern::net
