#include "upstreams/health.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

constexpr ErrorCode kRefused = ErrorCode::UpstreamRefused;
constexpr ErrorCode kTimeout = ErrorCode::UpstreamConnectTimeout;

config::Health settings() {
  config::Health settings;
  settings.rise = 2;
  settings.fall = 3;
  return settings;
}

TEST(Health, TheFirstResultDecides) {
  HealthState up;
  EXPECT_EQ(up.health(), Health::Unknown);
  EXPECT_TRUE(up.succeeded(settings()));
  EXPECT_EQ(up.health(), Health::Up);
  HealthState down;
  EXPECT_TRUE(down.failed(kRefused, settings()));
  EXPECT_EQ(down.health(), Health::Down);
  EXPECT_EQ(down.reason(), kRefused);
}

TEST(Health, FallsAfterAsManyFailuresAsConfigured) {
  HealthState state;
  state.succeeded(settings());
  EXPECT_FALSE(state.failed(kRefused, settings()));
  EXPECT_FALSE(state.failed(kRefused, settings()));
  EXPECT_EQ(state.health(), Health::Up);
  EXPECT_TRUE(state.failed(kRefused, settings()));
  EXPECT_EQ(state.health(), Health::Down);
}

TEST(Health, OneSuccessForgivesTheFailuresBefore) {
  HealthState state;
  state.succeeded(settings());
  state.failed(kRefused, settings());
  state.failed(kRefused, settings());
  EXPECT_FALSE(state.succeeded(settings()));
  state.failed(kRefused, settings());
  state.failed(kRefused, settings());
  EXPECT_EQ(state.health(), Health::Up);
}

TEST(Health, RisesAfterAsManySuccessesAsConfigured) {
  HealthState state;
  state.failed(kRefused, settings());
  EXPECT_FALSE(state.succeeded(settings()));
  EXPECT_EQ(state.health(), Health::Down);
  EXPECT_TRUE(state.succeeded(settings()));
  EXPECT_EQ(state.health(), Health::Up);
}

TEST(Health, IsNewsOncePerReason) {
  HealthState state;
  EXPECT_TRUE(state.failed(kRefused, settings()));
  EXPECT_FALSE(state.failed(kRefused, settings()));
  EXPECT_TRUE(state.failed(kTimeout, settings()));
  EXPECT_FALSE(state.failed(kTimeout, settings()));
  state.succeeded(settings());
  EXPECT_TRUE(state.succeeded(settings()));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(state.failed(kTimeout, settings()));
  EXPECT_TRUE(state.failed(kTimeout, settings()));
}

}  // namespace
}  // namespace postern::server
