#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace postern {
namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error{ErrorCode::ConfigInvalid, "odd"};
  return number / 2;
}

Result<void> only_even(int number) {
  if (number % 2 != 0) return Error{ErrorCode::Cannot, "odd"};
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half_of(8);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 4);
  const Result<int> bad = half_of(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::ConfigInvalid);
  EXPECT_EQ(bad.error().detail, "odd");
}

TEST(Result, OfNothingIsGoodOrAnError) {
  EXPECT_TRUE(only_even(2));
  const Result<void> bad = only_even(1);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::Cannot);
}

TEST(Result, GivesAwayWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(7));
  ASSERT_TRUE(made);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, ReachesIntoItsValue) {
  Result<std::string> text(std::string("octets"));
  text->push_back('!');
  EXPECT_EQ(text->size(), 7u);
  EXPECT_EQ(*text, "octets!");
}

// Result<Error> would be ambiguous by type; the alternatives are told apart by position.
TEST(Result, DoesNotTakeAValueForAnError) {
  const Result<bool> no(false);
  ASSERT_TRUE(no);
  EXPECT_FALSE(*no);
}

}  // namespace
}  // namespace postern
