#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/joined.h"

namespace postern {
namespace {

using Layout = JsonWriter::Layout;

// The same value in each layout of its outer object.
std::string written(Layout layout) {
  std::string out;
  JsonWriter json(out);
  json.object(layout).text("name", "a\"b").number("count", 7).boolean("on", false).key("none").null();
  json.key("words").texts({"x", "\n\xff"}, layout).key("empty").texts({}, layout);
  json.key("rows").list(layout).object(Layout::Spaced).number("n", 1).number("m", 2).end();
  json.object(Layout::Dense).end().end().end();
  return out;
}

TEST(JsonWriter, WritesWithoutBlanks) {
  EXPECT_EQ(written(Layout::Dense), R"({"name":"a\"b","count":7,"on":false,"none":null,)"
                                    R"("words":["x","\n\u00ff"],"empty":[],"rows":[{"n": 1, "m": 2},{}]})");
}

TEST(JsonWriter, WritesOneLineToRead) {
  EXPECT_EQ(written(Layout::Spaced),
            R"({"name": "a\"b", "count": 7, "on": false, "none": null, )"
            R"("words": ["x", "\n\u00ff"], "empty": [], "rows": [{"n": 1, "m": 2}, {}]})");
}

TEST(JsonWriter, WritesALineForEachMember) {
  EXPECT_EQ(written(Layout::Lines), R"({
  "name": "a\"b",
  "count": 7,
  "on": false,
  "none": null,
  "words": [
    "x",
    "\n\u00ff"
  ],
  "empty": [],
  "rows": [
    {"n": 1, "m": 2},
    {}
  ]
})");
}

TEST(JsonWriter, CutsWhereItIsTold) {
  std::string out;
  JsonWriter(out).text("abcdef", {.taken = 3});
  EXPECT_EQ(out, R"("abc...")");
  out.clear();
  append_json_text(out, "abcdef", EscapeStyle::Record, {.written = 5});
  EXPECT_EQ(out, R"("ab...")");
  out.clear();
  append_json_text(out, "abcde", EscapeStyle::Record, {.written = 5});
  EXPECT_EQ(out, R"("abcde")");
}

TEST(JsonWriter, AKeyFollowsACommaUnlessItIsTheFirst) {
  std::string out = "{";
  append_json_key(append_json_key(out, "a") += '1', "b") += "2";
  EXPECT_EQ(out, R"({"a":1,"b":2)");
}

TEST(Joined, HasASeparatorBetweenWordsOnly) {
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
  EXPECT_EQ(joined(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(joined(std::vector<std::string_view>{"", "b", ""}), ", b, ");
  EXPECT_EQ(joined(
                std::vector<int>{1, 2}, [](int one) { return std::to_string(one); }, " "),
            "1 2");
}

}  // namespace
}  // namespace postern
