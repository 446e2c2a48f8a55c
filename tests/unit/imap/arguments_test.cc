#include "imap/arguments.h"

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

using namespace std::string_literals;

TEST(ArgumentReader, ReadsAnAstringInEveryForm) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"INBOX", "INBOX"},
      {"a]b", "a]b"},
      {"\"\"", ""},
      {"\"a b\"", "a b"},
      {R"("a \"b\" \\c")", R"(a "b" \c)"},
      {"\"\xc3\xa4\"", "\xc3\xa4"},
      {"{0}\r\n", ""},
      {"{5}\r\na\r\nb\"", "a\r\nb\""},
  };
  for (const auto& [args, value] : cases) {
    SCOPED_TRACE(args);
    ArgumentReader reader(args);
    EXPECT_EQ(reader.astring(), value);
    EXPECT_TRUE(reader.at_end());
    ArgumentReader again(args);
    const auto secret = again.secret_astring();
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->reveal(), value);
  }
}

TEST(ArgumentReader, RefusesWhatIsNoAstringAndStaysWhereItWas) {
  const std::vector<std::string> cases{
      "",
      " x",
      "(a)",
      "\"abc",
      R"("abc\")",
      R"("a\rb")",
      R"("a\)",
      "{5}\r\nabc",
      "{5}\nhello",
      "{x}\r\n",
      "{}\r\n",
      "{-1}\r\n",
      "{+1}\r\nx",
      "~{1}\r\nx",
      "%",
      "*",
      "\\Seen",
      "\xc3\xa4",
      "~{1}",
      "\"a\"b",
      "{1}\r\nab",
      "a\"b\"",
      "a(",
      "{99999999999999999999}\r\n",
      "{3}\r\na\0b"s,
  };
  for (const std::string& args : cases) {
    SCOPED_TRACE(args);
    ArgumentReader reader(args);
    EXPECT_FALSE(reader.astring());
    const bool is_password = args == "%" || args == "*" || args == "\\Seen";
    EXPECT_EQ(reader.secret_astring().has_value(), is_password);
    EXPECT_EQ(reader.rest(), is_password ? "" : args);
  }
}

// As people make them and clients send them: LOGIN is written anew.
TEST(ArgumentReader, APasswordThatIsAnAtomMayHoldMore) {
  for (const std::string args : {"%", "*", "\\Seen", "pa\\ss*w%rd\\"}) {
    ArgumentReader reader(args);
    const auto secret = reader.secret_astring();
    ASSERT_TRUE(secret) << args;
    EXPECT_EQ(secret->reveal(), args);
    EXPECT_TRUE(reader.at_end());
  }
}

TEST(ArgumentReader, ADecodedArgumentHasAtMost8KiB) {
  for (const std::size_t size : {8191U, 8192U, 8193U}) {
    SCOPED_TRACE(size);
    const std::string text(size, 'x');
    const std::string escaped = "\"" + text.substr(1) + "\\\\\"";
    for (const std::string& args :
         {text, "\"" + text + "\"", escaped, "{" + std::to_string(size) + "}\r\n" + text}) {
      ArgumentReader reader(args);
      const auto value = reader.astring();
      EXPECT_EQ(value.has_value(), size <= ArgumentReader::kDecodedBytes);
      if (value) {
        EXPECT_EQ(value->size(), size);
      }
      ArgumentReader again(args);
      EXPECT_EQ(again.secret_astring().has_value(), size <= ArgumentReader::kDecodedBytes);
    }
  }
}

TEST(ArgumentReader, WalksThroughACommand) {
  ArgumentReader reader("PLAIN \"a b\" {1}\r\nx y");
  EXPECT_EQ(reader.atom(), "PLAIN");
  EXPECT_FALSE(reader.atom());
  EXPECT_TRUE(reader.space());
  EXPECT_EQ(reader.astring(), "a b");
  EXPECT_TRUE(reader.space());
  EXPECT_EQ(reader.astring(), "x");
  EXPECT_FALSE(reader.at_end());
  EXPECT_TRUE(reader.space());
  EXPECT_EQ(reader.rest(), "y");
  EXPECT_EQ(reader.atom(), "y");
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.space());
}

// security.md 19.
TEST(ArgumentReader, ASpaceIsExactlyOne) {
  for (const Octets args : {"", "x", "  x", "\tx", "  "}) {
    ArgumentReader reader(args);
    EXPECT_FALSE(reader.space()) << args;
    EXPECT_EQ(reader.rest(), args);
  }
}

TEST(ArgumentReader, AnAtomHasNoClosingBracket) {
  ArgumentReader reader("ab]c");
  EXPECT_EQ(reader.atom(), "ab");
  EXPECT_EQ(reader.rest(), "]c");
}

TEST(SequenceSet, NumbersAndRanges) {
  for (const Octets set : {"1", "*", "$", "1:4", "4:1", "*:1", "1:*", "1,3,5:7,*", "4294967295", "1:3,$"})
    EXPECT_TRUE(is_sequence_set(set)) << set;
  for (const Octets none :
       {"", "0", "01", "1:", ":1", "1,", ",1", "1,,2", "1:2:3", "$,1", "1 2", "1-2", "a", "**"})
    EXPECT_FALSE(is_sequence_set(none)) << none;
}

// RFC 2971 §3.3.
TEST(IdArgument, NilOrAListOfPairs) {
  for (const Octets args : {"NIL", "nil", "()", "(\"name\" \"x\")", "(\"name\" NIL)",
                            "(\"a\" \"b\" \"c\" nil)", "({4}\r\nname {3}\r\na\"b)", "(\"a\" {0}\r\n)"})
    EXPECT_TRUE(is_id_argument(args)) << args;
  for (const Octets args : {"", "NILx", "NIL x", "(", "( )", "(\"a\")", "(\"a\" \"b\"", "(\"a\"  \"b\")",
                            "(name x)", "(NIL \"x\")", "(\"a\" \"b\" )", "(\"a\" \"b\") x",
                            "(\"a\" \"b\"\"c\" \"d\")", "\"a\"", "(\"a\" (\"b\"))"})
    EXPECT_FALSE(is_id_argument(args)) << args;
}

TEST(IdArgument, OfAtMost30Pairs) {
  for (const int pairs : {29, 30, 31}) {
    std::string args = "(";
    for (int i = 0; i < pairs; ++i) args += i > 0 ? " \"k\" \"v\"" : "\"k\" \"v\"";
    EXPECT_EQ(is_id_argument(args + ")"), pairs <= 30) << pairs;
  }
}

// What is skipped is one argument; nothing when there is none.
TEST(ArgumentReader, SkipsAnArgumentOfAnyShape) {
  const std::vector<std::pair<std::string, std::string>> cases{{"1:*,7 x", " x"},
                                                               {"\"a \\\" b\" x", " x"},
                                                               {"{3}\r\n) ( x", " x"},
                                                               {"~{1}\r\n) x", " x"},
                                                               {"(a (b \")\") {2}\r\n)) c) x", " x"},
                                                               {"() x", " x"},
                                                               {"a(b", "(b"},
                                                               {"a\"b\"", "\"b\""},
                                                               {"x", ""}};
  for (const auto& [args, rest] : cases) {
    ArgumentReader reader(args);
    EXPECT_TRUE(reader.skip()) << args;
    EXPECT_EQ(reader.rest(), rest);
  }
  for (const Octets args : {"", " x", ")", "(a", "(a (b)", "\"a", "\"a\\", "{5}\r\nab", "{x}\r\n", "{1}x",
                            "~{99999999999999999999}"}) {
    ArgumentReader reader(args);
    EXPECT_FALSE(reader.skip()) << args;
    EXPECT_EQ(reader.rest(), args);
  }
  const std::string large = "\"" + std::string(100'000, 'x') + "\"";
  EXPECT_TRUE(ArgumentReader(large).skip());
}

TEST(ArgumentReader, PatternsHaveWildcards) {
  for (const std::string atom : {"*", "%", "a.%.b*", "[x]"}) {
    ArgumentReader reader(atom);
    EXPECT_EQ(reader.pattern(), atom);
    EXPECT_TRUE(reader.at_end());
  }
  EXPECT_EQ(ArgumentReader("\"a *\"").pattern(), "a *");
  EXPECT_EQ(ArgumentReader("{2}\r\n*\"").pattern(), "*\"");
  for (const Octets args : {"", "(", "a\"b", "a\\"}) EXPECT_FALSE(ArgumentReader(args).pattern()) << args;
  EXPECT_FALSE(ArgumentReader("a*").astring());
}

TEST(ArgumentReader, OpensAndClosesLists) {
  ArgumentReader reader("(a)");
  EXPECT_FALSE(reader.close());
  EXPECT_TRUE(reader.open());
  EXPECT_FALSE(reader.open());
  EXPECT_EQ(reader.atom(), "a");
  EXPECT_TRUE(reader.close());
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.close());
}

}  // namespace
}  // namespace postern::imap
