#include "config/match.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

Cidr network(std::string_view text) {
  std::string why;
  const auto parsed = parse_cidr(text, why);
  EXPECT_TRUE(parsed) << text << ": " << why;
  return parsed.value_or(Cidr{});
}

bool in(std::string_view net, std::string_view address) {
  const auto parsed = parse_address(address);
  EXPECT_TRUE(parsed) << address;
  return parsed && contains(network(net), *parsed);
}

TEST(Network, ContainsByPrefix) {
  EXPECT_TRUE(in("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(in("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(in("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(in("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(in("10.0.0.0/9", "10.127.255.255"));
  EXPECT_FALSE(in("10.0.0.0/9", "10.128.0.0"));
  EXPECT_TRUE(in("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(in("2001:db8::/33", "2001:db8:8000::"));
  EXPECT_TRUE(in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.7", "192.0.2.6"));
}

TEST(Network, V4AndItsMappedFormAreTheSame) {
  EXPECT_TRUE(in("192.0.2.0/24", "::ffff:192.0.2.1"));
  EXPECT_TRUE(in("::ffff:192.0.2.0/120", "192.0.2.1"));
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(in("::/0", "203.0.113.9"));
}

std::string fault(std::string_view text) {
  std::string why = "none";
  EXPECT_FALSE(parse_cidr(text, why)) << text;
  return why;
}

TEST(Network, SaysWhatIsWrong) {
  EXPECT_EQ(fault("192.0.2.0/33"), "the prefix must be a number from 0 to 32");
  EXPECT_EQ(fault("192.0.2.0/"), "the prefix must be a number from 0 to 32");
  EXPECT_EQ(fault("192.0.2.0/024"), "the prefix must be a number from 0 to 32");
  EXPECT_EQ(fault("::/129"), "the prefix must be a number from 0 to 128");
  EXPECT_EQ(fault("192.0.2.1/24"),
            "bits are set behind the prefix: is it one host, or the network around it?");
  EXPECT_EQ(fault("2001:db8::1/64"),
            "bits are set behind the prefix: is it one host, or the network around it?");
  for (const char* wrong : {"", "localhost", "192.0.2/24", "/24", "[::1]/128", "1.2.3.4.5"})
    EXPECT_EQ(fault(wrong), "not a network such as 192.0.2.0/24 or 2001:db8::/32") << wrong;
}

Route to(std::size_t upstream) {
  Route route;
  route.upstream = upstream;
  return route;
}

RouteFacts ann() { return {"imaps", "mail.example", "ann@example", *parse_address("192.0.2.7")}; }

TEST(ChooseRoute, WithoutRoutesItIsTheFirstUpstream) { EXPECT_EQ(choose_route(Settings{}, ann()), 0u); }

TEST(ChooseRoute, TheFirstMatchDecides) {
  Settings settings;
  settings.routes = {to(1), to(2)};
  settings.routes[0].users = {"bob@*"};
  EXPECT_EQ(choose_route(settings, ann()), 2u);
  settings.routes[0].users.push_back("ann@*");
  EXPECT_EQ(choose_route(settings, ann()), 1u);
}

TEST(ChooseRoute, WhereNoneMatchesItIsTheFirstUpstream) {
  Settings settings;
  settings.routes = {to(2)};
  settings.routes[0].sni = {"other.example"};
  EXPECT_EQ(choose_route(settings, ann()), 0u);
}

TEST(ChooseRoute, EveryKeyMustMatch) {
  const auto chosen = [](const Route& route) {
    Settings settings;
    settings.routes = {route};
    return choose_route(settings, ann());
  };
  Route route = to(1);
  route.listeners = {"imap?"};
  route.sni = {"MAIL.*"};
  route.users = {"ANN@*"};
  route.clients = {network("2001:db8::/32"), network("192.0.2.0/24")};
  EXPECT_EQ(chosen(route), 1u);
  Route other = route;
  other.listeners = {"IMAPS"};  // our own names: case counts
  EXPECT_EQ(chosen(other), 0u);
  other = route;
  other.sni = {"mail"};
  EXPECT_EQ(chosen(other), 0u);
  other = route;
  other.users = {"bob@*"};
  EXPECT_EQ(chosen(other), 0u);
  other = route;
  other.clients = {network("198.51.100.0/24")};
  EXPECT_EQ(chosen(other), 0u);
}

TEST(ChooseRoute, WhatIsNotKnownMatchesOnlyAStar) {
  Settings settings;
  settings.routes = {to(1), to(2)};
  settings.routes[0].users = {"?*"};
  settings.routes[1].users = {"*"};
  RouteFacts hidden = ann();
  hidden.user = "";
  EXPECT_EQ(choose_route(settings, hidden), 2u);
}

}  // namespace
}  // namespace postern::config
