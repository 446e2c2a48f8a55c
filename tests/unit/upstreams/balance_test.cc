#include "upstreams/balance.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace postern::server {
namespace {

std::vector<EndpointView> endpoints(int count) {
  std::vector<EndpointView> all;
  for (int i = 0; i < count; ++i) {
    EndpointView& view = all.emplace_back();
    view.address_text = "192.0.2." + std::to_string(i) + ":143";
    view.endpoint.text = view.address_text;
    view.health = Health::Up;
  }
  return all;
}

std::string first(const std::vector<EndpointView>& all, const std::string& user) {
  return order_endpoints(all, user).front().text;
}

TEST(Balance, TriesEachEndpointOnce) {
  std::map<std::string, int> seen;
  for (const net::Endpoint& endpoint : order_endpoints(endpoints(5), "alice")) ++seen[endpoint.text];
  EXPECT_EQ(seen.size(), 5U);
  for (const auto& [text, times] : seen) EXPECT_EQ(times, 1) << text;
}

TEST(Balance, SpreadsTheUsers) {
  const auto all = endpoints(4);
  std::map<std::string, int> users;
  for (int i = 0; i < 4000; ++i) ++users[first(all, "user" + std::to_string(i))];
  ASSERT_EQ(users.size(), 4U);
  for (const auto& [text, count] : users) {
    EXPECT_GT(count, 850) << text;
    EXPECT_LT(count, 1150) << text;
  }
}

TEST(Balance, DoesNotDependOnTheOrderOfTheConfiguration) {
  auto all = endpoints(4);
  const std::string chosen = first(all, "alice");
  std::swap(all[0], all[3]);
  std::swap(all[1], all[2]);
  EXPECT_EQ(first(all, "alice"), chosen);
}

TEST(Balance, FoldsTheUserToLowerCase) {
  const auto all = endpoints(16);
  for (const char* user : {"Alice", "ALICE", "aLICE"}) EXPECT_EQ(first(all, user), first(all, "alice"));
}

TEST(Balance, MovesOnlyTheUsersOfAnEndpointThatGoes) {
  const auto before = endpoints(4);
  auto after = before;
  after[2].health = Health::Down;
  for (int i = 0; i < 1000; ++i) {
    const std::string user = "user" + std::to_string(i);
    const std::string was = first(before, user);
    if (was != before[2].address_text)
      EXPECT_EQ(first(after, user), was);
    else
      EXPECT_NE(first(after, user), was);
  }
}

TEST(Balance, TriesThoseThatAreDownLast) {
  auto all = endpoints(3);
  all[0].health = Health::Down;
  all[2].health = Health::Unknown;
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(order_endpoints(all, "user" + std::to_string(i)).back().text, all[0].address_text);
}

TEST(Balance, StillTriesWhereAllAreDown) {
  auto all = endpoints(2);
  for (EndpointView& endpoint : all) endpoint.health = Health::Down;
  EXPECT_EQ(order_endpoints(all, "alice").size(), 2U);
}

}  // namespace
}  // namespace postern::server
