#include "config/document.h"

#include <gtest/gtest.h>

#include "unit/config/given.h"

namespace postern::config {
namespace {

using test::findings;
using test::load_with;
using test::message;

struct Parsed {
  Node root;
  std::string findings;
};

Parsed parse(std::string_view text) {
  Diagnostics diagnostics("file");
  Parsed out;
  out.root = parse_document(text, process_environment("/"), diagnostics);
  Loaded loaded;
  loaded.diagnostics = diagnostics.finish(text);
  out.findings = findings(loaded);
  return out;
}

std::string place(const Node* node) {
  return node ? std::to_string(node->place.line) + ":" + std::to_string(node->place.column) : "absent";
}

TEST(Document, KeepsThePlaceOfEveryNode) {
  const Parsed parsed = parse("a: 1\nb:\n  - x\n  - {c: \"y\"}\nd:\n");
  ASSERT_EQ(parsed.findings, "");
  EXPECT_EQ(place(parsed.root.find("a")), "1:4");
  const Node* b = parsed.root.find("b");
  ASSERT_TRUE(b && b->items.size() == 2);
  EXPECT_EQ(place(&b->items[0]), "3:5");
  EXPECT_EQ(place(b->items[1].find("c")), "4:9");
  EXPECT_EQ(place(parsed.root.find("d")), "5:1") << "an empty value stands where its key does";
  EXPECT_EQ(parsed.root.find("d")->kind, Node::Kind::Null);
}

TEST(Document, CountsCharactersNotOctets) {
  const Parsed parsed = parse("\"\xC3\xA9\xE2\x82\xAC\": x\n");
  ASSERT_EQ(parsed.root.entries.size(), 1u);
  EXPECT_EQ(place(&parsed.root.entries[0].value), "1:7");
}

TEST(Document, TellsQuotedFromPlain) {
  const Parsed parsed = parse("a: 1.2\nb: \"1.2\"\nc: '1.2'\nd: |\n  1.2\n");
  ASSERT_EQ(parsed.findings, "");
  EXPECT_FALSE(parsed.root.find("a")->quoted);
  EXPECT_TRUE(parsed.root.find("b")->quoted);
  EXPECT_TRUE(parsed.root.find("c")->quoted);
  EXPECT_TRUE(parsed.root.find("d")->quoted);
  EXPECT_EQ(parsed.root.find("d")->text, "1.2\n");
}

TEST(Document, ReadsLinesThatEndInCrlf) {
  const Parsed parsed = parse("a: 1\r\nb: two\r\n");
  EXPECT_EQ(parsed.findings, "");
  EXPECT_EQ(parsed.root.find("b")->text, "two");
}

TEST(Document, NamesBothPlacesOfADuplicateKey) {
  const Loaded loaded = load_with("workers: 1\nuser: a\nworkers: 2\n");
  EXPECT_EQ(findings(loaded), "9:1 duplicate-key\n");
  EXPECT_EQ(message(loaded), "duplicate key 'workers', first set at 7:1");
}

TEST(Document, FindsDuplicatesWhateverTheirQuotes) {
  EXPECT_EQ(parse("{a: 1, 'a': 2, \"a\": 3}").findings, "1:8 duplicate-key\n1:16 duplicate-key\n");
}

TEST(Document, RefusesWhatMakesYamlHardToRead) {
  EXPECT_EQ(parse("a: &x 1\nb: 2\n").findings, "1:4 anchor\n");
  EXPECT_EQ(parse("a: &x 1\nb: *x\n").findings, "1:4 anchor\n2:4 alias\n");
  EXPECT_EQ(parse("a: !!str 1\n").findings, "1:4 tag\n");
  EXPECT_EQ(parse("a: ! 1\n").findings, "1:4 tag\n");
  EXPECT_EQ(parse("a: !x [1]\n").findings, "1:4 tag\n");
  EXPECT_EQ(parse("a: !x {b: 1}\n").findings, "1:4 tag\n");
  EXPECT_EQ(parse("<<: {a: 1}\n").findings, "1:1 merge-key\n");
  EXPECT_EQ(parse("\"<<\": x\n").findings, "") << "in quotes it is only an odd key";
  EXPECT_EQ(parse("[a]: 1\n").findings, "1:1 key\n");
  EXPECT_EQ(parse("? {a: 1}\n: 2\n").findings, "1:3 key\n");
  EXPECT_EQ(parse("a: 1\n---\nb: 2\n").findings, "2:1 documents\n");
}

TEST(Document, OneDocumentMayHaveItsMarkers) { EXPECT_EQ(parse("---\na: 1\n...\n").findings, ""); }

TEST(Document, NestsThirtyTwoDeep) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(parse(nested(31)).findings, "");
  EXPECT_EQ(parse(nested(32)).findings, "");
  EXPECT_EQ(parse(nested(33)).findings, "1:33 too-deep\n");
  EXPECT_EQ(parse(nested(100000)).findings, "1:33 too-deep\n");
}

TEST(Document, TabsMayNotIndent) {
  EXPECT_EQ(parse("a:\n\tb: 1\n\tc: 1\n").findings, "2:1 tab\n3:1 tab\n");
  EXPECT_EQ(parse("a:\n  \tb: 1\n").findings, "2:3 tab\n");
  EXPECT_EQ(parse("a: 1\t# a comment\n \t\n\t\r\n").findings, "")
      << "behind text and in blank lines they may";
}

TEST(Document, TextMustBeCleanUtf8) {
  EXPECT_EQ(parse("\xEF\xBB\xBF"
                  "a: 1\n")
                .findings,
            "1:1 bom\n");
  EXPECT_EQ(parse(std::string_view("a: 1\nb: \0\n", 10)).findings, "2:4 nul\n");
  EXPECT_EQ(parse("a: \x04\nb: 1\n").findings, "1:4 control\n")
      << "yaml-cpp takes it for the end of the file";
  EXPECT_EQ(parse("a: 1\rb: 2\n").findings, "1:5 control\n");
  for (const char* wrong : {"\xFF", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82"})
    EXPECT_EQ(parse("a: " + std::string(wrong) + "\n").findings, "1:4 encoding\n");
  EXPECT_EQ(parse("a: \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x93\xAC\n").findings, "");
}

TEST(Document, EndsAtOneMebibyte) {
  std::string text = "a: 1\n";
  text.resize(kFileBytesMax, '#');
  text[text.size() - 1] = '\n';
  EXPECT_EQ(parse(text).findings, "");
  EXPECT_EQ(parse(text + "\n").findings, "0:0 too-large\n");
}

TEST(Document, ASyntaxErrorStandsAlone) {
  const Loaded loaded = load_with("log: {level: [}\nbogus: 1\n");
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "syntax");
  EXPECT_EQ(loaded.diagnostics[0].mark.line, 7);
  EXPECT_FALSE(loaded.ok);
}

TEST(Document, AMissingVariableIsReportedOnce) {
  const Loaded loaded = load_with("log:\n  level: ${env:POSTERN_NO_SUCH_VARIABLE}\n");
  EXPECT_EQ(findings(loaded), "8:10 substitution\n");
}

}  // namespace
}  // namespace postern::config
