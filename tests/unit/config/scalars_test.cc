#include "config/scalars.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Scalars, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("5s"), seconds(5));
  EXPECT_EQ(parse_duration("10m"), minutes(10));
  EXPECT_EQ(parse_duration("24h"), hours(24));
  EXPECT_EQ(parse_duration("7d"), hours(7 * 24));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
  for (const char* wrong : {"", "5", "s", "05s", "5 s", "5S", "-5s", "+5s", "1.5s", "5sec", "1h30m", "5s "})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Scalars, DurationsEndAtTenYears) {
  EXPECT_EQ(parse_duration("3650d"), hours(3650 * 24));
  EXPECT_FALSE(parse_duration("3651d"));
  EXPECT_FALSE(parse_duration("18446744073709551615d"));
  EXPECT_FALSE(parse_duration("99999999999999999999s"));
}

TEST(Scalars, SizesAreBinaryOrPlainOctets) {
  EXPECT_EQ(parse_size("64KiB"), 65536u);
  EXPECT_EQ(parse_size("50MiB"), 50u * 1024 * 1024);
  EXPECT_EQ(parse_size("1GiB"), 1u << 30);
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("1024GiB"), std::uint64_t{1} << 40);
  for (const char* wrong :
       {"", "64KB", "64k", "64kib", "064KiB", "6.4KiB", "64 KiB", "-1", "0x10", "1025GiB"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Scalars, IntegersAreDecimalWithoutSignOrLeadingZero) {
  EXPECT_EQ(parse_integer("0"), 0u);
  EXPECT_EQ(parse_integer("18446744073709551615"), UINT64_MAX);
  for (const char* wrong :
       {"", "00", "0123", "-1", "+1", "1_000", "0x1f", "1e3", " 1", "18446744073709551616"})
    EXPECT_FALSE(parse_integer(wrong)) << wrong;
}

TEST(Scalars, OnlyTwoWordsAreBooleans) {
  EXPECT_EQ(parse_boolean("true"), true);
  EXPECT_EQ(parse_boolean("false"), false);
  for (const char* wrong : {"yes", "no", "on", "off", "True", "TRUE", "y", "1", ""})
    EXPECT_FALSE(parse_boolean(wrong)) << wrong;
}

TEST(Scalars, KnowsWhatYamlWouldNotReadAsText) {
  for (const char* other :
       {"true", "False", "12", "-3", "0x1F", "0o17", "1.5", "1e9", "-1.5e-3", ".5", ".inf", ".nan"})
    EXPECT_TRUE(reads_as_other_than_text(other)) << other;
  for (const char* text : {"off", "yes", "no", "1.2.3", "::1", "10m", "1e", "0x", "e5", ".", "-", "", "12a"})
    EXPECT_FALSE(reads_as_other_than_text(text)) << text;
}

std::string host_port(std::string_view text) {
  std::string why;
  const auto parsed = parse_host_port(text, why);
  return parsed ? parsed->host + "|" + std::to_string(parsed->port) : why;
}

TEST(Scalars, ReadsHostAndPort) {
  EXPECT_EQ(host_port("127.0.0.1:143"), "127.0.0.1|143");
  EXPECT_EQ(host_port("mail.example:993"), "mail.example|993");
  EXPECT_EQ(host_port("mail_1.example.:993"), "mail_1.example.|993");
  EXPECT_EQ(host_port("[::]:0"), "::|0");
  EXPECT_EQ(host_port("[2001:db8::1]:65535"), "2001:db8::1|65535");
}

TEST(Scalars, SaysWhatIsWrongWithAnAddress) {
  EXPECT_EQ(host_port("mail"), "the port is missing: host:port or [v6]:port");
  EXPECT_EQ(host_port(":143"), "the host is missing: host:port or [v6]:port");
  EXPECT_EQ(host_port("::1:993"), "an IPv6 address is written [address]:port");
  EXPECT_EQ(host_port("[::1]"), "an IPv6 address is written [address]:port");
  EXPECT_EQ(host_port("[::1"), "an IPv6 address is written [address]:port");
  EXPECT_EQ(host_port("[127.0.0.1]:1"), "there is no IPv6 address between the brackets");
  EXPECT_EQ(host_port("[fe80::1%eth0]:1"), "there is no IPv6 address between the brackets");
  for (const char* port : {"mail:", "mail:65536", "mail:0143", "mail:imap", "mail:-1", "mail:1 "})
    EXPECT_EQ(host_port(port), "the port must be a number from 0 to 65535") << port;
  for (const char* host : {"a b:1", "-a:1", "a-:1", "a..b:1", ".a:1", "1.2.3:1", "1.2.3.256:1", "a/b:1"})
    EXPECT_EQ(host_port(host), "neither an address nor a host name stands before the port") << host;
}

TEST(Scalars, HostNamesHaveTheLengthsOfTheDns) {
  const std::string label(63, 'a');
  EXPECT_EQ(host_port(label + ":1"), label + "|1");
  EXPECT_EQ(host_port(label + "a:1"), "neither an address nor a host name stands before the port");
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(host_port(name + ":1"), name + "|1");
  EXPECT_EQ(host_port(name + "a:1"), "neither an address nor a host name stands before the port");
}

TEST(Scalars, AddressesAreWrittenAsTheyAreRead) {
  EXPECT_EQ((HostPort{"::1", 993}.text()), "[::1]:993");
  EXPECT_EQ((HostPort{"mail.example", 143}.text()), "mail.example:143");
}

// SHA-256 of nothing, in its three spellings.
constexpr std::string_view kHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kColons =
    "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
constexpr std::string_view kBase64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

TEST(Scalars, PinsAreHexOrBase64) {
  const auto pin = parse_pin(kHex);
  ASSERT_TRUE(pin);
  EXPECT_EQ((*pin)[0], 0xE3);
  EXPECT_EQ((*pin)[31], 0x55);
  EXPECT_EQ(parse_pin(kColons), pin);
  EXPECT_EQ(parse_pin(kBase64), pin);
}

TEST(Scalars, PinsOfOtherLengthsAreNone) {
  EXPECT_FALSE(parse_pin(""));
  EXPECT_FALSE(parse_pin(kHex.substr(1)));
  EXPECT_FALSE(parse_pin(std::string(kHex) + "0"));
  EXPECT_FALSE(parse_pin("g" + std::string(kHex.substr(1))));
  EXPECT_FALSE(parse_pin(std::string(kColons.substr(0, 92)) + "-55"));
  EXPECT_FALSE(parse_pin(kBase64.substr(0, 43)));
  EXPECT_FALSE(parse_pin("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="));  // bits behind the last octet
  EXPECT_FALSE(parse_pin("47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
}

TEST(Scalars, WritesInTheLargestUnitThatFits) {
  EXPECT_EQ(text_of(seconds(90)), "90s");
  EXPECT_EQ(text_of(minutes(60)), "1h");
  EXPECT_EQ(text_of(milliseconds(0)), "0ms");
  EXPECT_EQ(text_of_size(65536), "64KiB");
  EXPECT_EQ(text_of_size(std::uint64_t{1} << 30), "1GiB");
  EXPECT_EQ(text_of_size(1000), "1000");
}

}  // namespace
}  // namespace postern::config
