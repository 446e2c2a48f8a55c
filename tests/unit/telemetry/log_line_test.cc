#include "telemetry/log_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace postern::server {
namespace {

constexpr std::string_view kTime = "2026-11-21T03:57:00.123Z";

std::string text(std::vector<LogField> fields) {
  return text_line({kTime, LogLevel::Info, "login failed", "ABCDEFGHIJKLMNOP", fields});
}

std::string json(std::vector<LogField> fields) {
  return json_line({kTime, LogLevel::Info, "login failed", "ABCDEFGHIJKLMNOP", fields});
}

std::string value_in_text(const std::string& value) {
  const std::string line = text({{"user", value}});
  return line.substr(line.find("user=") + 5);
}

TEST(LogLine, WritesFieldsAsKeyAndValue) {
  EXPECT_EQ(text({{"user", "alice"}, {"octets", "12"}}),
            "2026-11-21T03:57:00.123Z info login failed session=ABCDEFGHIJKLMNOP user=alice octets=12");
}

TEST(LogLine, LeavesOutTimeAndSessionWhereThereAreNone) {
  EXPECT_EQ(text_line({"", LogLevel::Error, "ready", "", {}}), "error ready");
  EXPECT_EQ(json_line({"", LogLevel::Error, "ready", "", {}}), R"({"level":"error","event":"ready"})");
}

TEST(LogLine, QuotesWhatHasBlanksEqualSignsOrIsEmpty) {
  EXPECT_EQ(value_in_text("two words"), R"("two words")");
  EXPECT_EQ(value_in_text("a=b"), R"("a=b")");
  EXPECT_EQ(value_in_text(""), R"("")");
}

TEST(LogLine, CannotBeForgedByLineEnds) {
  EXPECT_EQ(value_in_text("x\r\n2026 info login ok user=root"), R"("x\r\n2026 info login ok user=root")");
  EXPECT_EQ(text({{"user", "a\nb\rc\x0b\x0c"}}).find_first_of("\r\n\x0b\x0c"), std::string::npos);
}

TEST(LogLine, CannotBeForgedByQuotes) {
  EXPECT_EQ(value_in_text(R"(a" result=ok x=")"), R"("a\" result=ok x=\"")");
  EXPECT_EQ(value_in_text(R"(a\)"), R"("a\\")");
}

TEST(LogLine, EscapesControlsThatSteerATerminal) {
  EXPECT_EQ(value_in_text("\x1b[2J"), R"("\x1b[2J")");
  EXPECT_EQ(value_in_text(std::string("a\0b", 3)), R"("a\x00b")");
  EXPECT_EQ(value_in_text("\x7f"), R"("\x7f")");
  EXPECT_EQ(value_in_text("\xc2\x9b"
                          "31m"),
            R"("\u009b31m")");  // C1 CSI
  EXPECT_EQ(value_in_text("\xe2\x80\xae"
                          "txt"),
            R"("\u202etxt")");  // right-to-left override
}

TEST(LogLine, EscapesUnicodeLineSeparators) {
  EXPECT_EQ(value_in_text("a\xe2\x80\xa8"
                          "b\xe2\x80\xa9"),
            R"("a\u2028b\u2029")");
}

TEST(LogLine, KeepsOtherUtf8) {
  EXPECT_EQ(value_in_text("j\xc3\xbcrgen"), "j\xc3\xbcrgen");
  EXPECT_EQ(value_in_text("\xf0\x9f\x93\xac"), "\xf0\x9f\x93\xac");
  EXPECT_EQ(value_in_text("\xe2\x80\xa7"), "\xe2\x80\xa7");  // the neighbour of U+2028
}

TEST(LogLine, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(value_in_text("\xff"), R"("\xff")");
  EXPECT_EQ(value_in_text("\xc0\xaf"), R"("\xc0\xaf")");                  // overlong
  EXPECT_EQ(value_in_text("\xed\xa0\x80"), R"("\xed\xa0\x80")");          // a surrogate
  EXPECT_EQ(value_in_text("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");  // above U+10FFFF
  EXPECT_EQ(value_in_text("\xe2\x82"), R"("\xe2\x82")");                  // cut short
}

TEST(LogLine, CutsLongValues) {
  EXPECT_EQ(value_in_text(std::string(256, 'a')), std::string(256, 'a'));
  EXPECT_EQ(value_in_text(std::string(257, 'a')), std::string(256, 'a') + "...");
}

TEST(LogLine, CutsBetweenCharacters) {
  const std::string value = std::string(255, 'a') + "\xc3\xbc" + "b";
  EXPECT_EQ(value_in_text(value), std::string(255, 'a') + "...");
}

TEST(LogLine, JsonIsOneObjectOnOneLine) {
  const auto object = nlohmann::json::parse(json({{"user", "a\"},{\"event\":\"x"}, {"octets", "12"}}));
  EXPECT_EQ(object.size(), 6U);
  EXPECT_EQ(object["event"], "login failed");
  EXPECT_EQ(object["session"], "ABCDEFGHIJKLMNOP");
  EXPECT_EQ(object["user"], "a\"},{\"event\":\"x");
}

TEST(LogLine, EveryOctetGivesValidJsonWithoutLineEnds) {
  for (int octet = 0; octet < 256; ++octet) {
    const std::string value = std::string("x") + static_cast<char>(octet) + "y";
    const std::string line = json({{"user", value}});
    EXPECT_TRUE(nlohmann::json::accept(line)) << octet;
    for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << octet;
    for (const char c : text({{"user", value}})) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << octet;
  }
}

TEST(LogLine, JsonNamesEscapedOctets) {
  EXPECT_NE(json({{"user", "\xff\n\xe2\x80\xa8"}}).find(R"("user":"\u00ff\n\u2028")"), std::string::npos);
}

TEST(LogLine, TimestampIsRfc3339) {
  EXPECT_EQ(timestamp(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(timestamp(1'795'233'420'007), "2026-11-21T03:57:00.007Z");
}

}  // namespace
}  // namespace postern::server
