#include "base/error_code.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern {
namespace {

constexpr std::size_t kCodes = static_cast<std::size_t>(ErrorCode::kCount);
constexpr std::size_t kReasons = static_cast<std::size_t>(CloseReason::kCount);

bool is_label(std::string_view text) {
  if (text.empty() || text.front() == '_' || text.back() == '_') return false;
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
  return true;
}

TEST(ErrorCode, TheTableHasTheOrderOfTheEnumeration) {
  for (std::size_t i = 0; i < kCodes; ++i)
    EXPECT_EQ(static_cast<std::size_t>(row_of(static_cast<ErrorCode>(i)).code), i);
}

TEST(ErrorCode, EveryLabelIsUniqueAndFitForAMetric) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < kCodes; ++i) {
    const std::string_view label = label_of(static_cast<ErrorCode>(i));
    EXPECT_TRUE(is_label(label)) << "row " << i << ": " << label;
    EXPECT_TRUE(seen.insert(label).second) << "twice: " << label;
  }
}

// What a client reads stands behind BYE or NO in a response line: printable, and no bracket at its begin,
// which would be read as a response code.
TEST(ErrorCode, TheClientsTextFitsIntoAResponseLine) {
  for (std::size_t i = 0; i < kCodes; ++i) {
    const std::string_view text = row_of(static_cast<ErrorCode>(i)).client;
    for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~') << "row " << i;
    EXPECT_FALSE(text.starts_with('[')) << text;
  }
}

TEST(ErrorCode, IsToldByNoAndACode) {
  EXPECT_EQ(no_answer("LIMIT", "Slow down"), "NO [LIMIT] Slow down");
  EXPECT_EQ(unavailable_answer(ErrorCode::UpstreamDown),
            "NO [UNAVAILABLE] The mail server is unavailable, please try again later");
}

TEST(ErrorCode, EveryCloseReasonHasItsOwnName) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < kReasons; ++i) {
    const std::string_view name = name_of(static_cast<CloseReason>(i));
    EXPECT_TRUE(is_label(name)) << "reason " << i;
    EXPECT_TRUE(seen.insert(name).second) << "twice: " << name;
  }
}

// A reason of no row would be a label that stays 0 for ever.
TEST(ErrorCode, EveryCloseReasonIsARowsAndNoRowHasAnother) {
  std::set<std::size_t> ends;
  for (std::size_t i = 0; i < kCodes; ++i)
    ends.insert(static_cast<std::size_t>(row_of(static_cast<ErrorCode>(i)).close_reason));
  for (std::size_t i = 0; i < kReasons; ++i)
    EXPECT_EQ(ends.erase(i), 1U) << name_of(static_cast<CloseReason>(i));
  EXPECT_TRUE(ends.empty());
}

TEST(ErrorCode, SaysWhyASessionEnded) {
  EXPECT_EQ(name_of(row_of(ErrorCode::Logout).close_reason), "logout");
  EXPECT_EQ(name_of(row_of(ErrorCode::StarttlsInjection).close_reason), "protocol_error");
  EXPECT_EQ(name_of(row_of(ErrorCode::UpstreamReset).close_reason), "upstream_error");
  EXPECT_EQ(row_of(ErrorCode::UpstreamCertificate).level, LogLevel::Error);
}

}  // namespace
}  // namespace postern
