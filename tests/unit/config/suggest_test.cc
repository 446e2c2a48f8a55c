#include "config/suggest.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

TEST(Suggest, CountsEditsAndTakesASwapOfNeighboursForOne) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("tls", "tls"), 0u);
  EXPECT_EQ(edit_distance("verison", "version"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Suggest, NamesTheNearestWord) {
  EXPECT_EQ(suggestion("min_verison", {"ciphers", "min_version", "mid_version"}),
            " (did you mean 'min_version'?)");
  EXPECT_EQ(suggestion("usr", {"log", "user"}), " (did you mean 'user'?)");
}

TEST(Suggest, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(suggestion("bogus", {"ciphers", "alpn"}), "");
  EXPECT_EQ(suggestion("", {"a"}), "");
  EXPECT_EQ(suggestion(std::string(41, 'a'), {std::string_view("aaaa")}), "");
}

}  // namespace
}  // namespace postern::config
