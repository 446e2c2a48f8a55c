#include "net/address.h"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

TEST(Address, Ipv4IsTextAndBack) {
  const auto address = parse_address("192.0.2.7", 993);
  ASSERT_TRUE(address);
  EXPECT_EQ(address_text(*address), "192.0.2.7");
  EXPECT_EQ(host_port_text(*address), "192.0.2.7:993");
  EXPECT_EQ(port_of(*address), 993);
}

TEST(Address, Ipv6StandsInBracketsBesideAPort) {
  const auto address = parse_address("2001:DB8:0::7", 143);
  ASSERT_TRUE(address);
  EXPECT_EQ(address_text(*address), "2001:db8::7");
  EXPECT_EQ(host_port_text(*address), "[2001:db8::7]:143");
}

TEST(Address, MappedIsIpv4) {
  const auto address = parse_address("::ffff:192.0.2.7", 993);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->ss_family, AF_INET);
  EXPECT_EQ(host_port_text(*address), "192.0.2.7:993");
}

TEST(Address, OctetsOfBothFamiliesCompare) {
  const AddressOctets mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  EXPECT_EQ(config::parse_address("192.0.2.7"), mapped);
  EXPECT_EQ(config::parse_address("::ffff:c000:207"), mapped);
  EXPECT_NE(config::parse_address("::192.0.2.7"),
            mapped);  // the deprecated compatible form is another address
  const AddressOctets six{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(config::parse_address("2001:db8::1"), six);
}

TEST(Address, NamesAndRubbishAreNoAddresses) {
  for (const char* text : {"", "localhost", "192.0.2", "192.0.2.256", "[::1]", "::1%lo", " 192.0.2.7", ":::"})
    EXPECT_FALSE(parse_address(text, 1)) << text;
}

TEST(Address, UnixSocketsHaveNoText) {
  sockaddr_storage address{};
  address.ss_family = AF_UNIX;
  EXPECT_EQ(address_text(address), "");
  EXPECT_EQ(port_of(address), 0);
}

}  // namespace
}  // namespace postern::net
