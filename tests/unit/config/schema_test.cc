// The committed schema is the one that the field table prints. After a change of the table:
//   POSTERN_UPDATE_SCHEMA=1 ctest --test-dir build/dev -R Schema
// writes the file anew; it is committed with the table.
#include "config/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "config/fields.h"
#include "config/validate.h"

namespace postern::config {
namespace {

constexpr const char* kFile = "config/postern.schema.json";

TEST(Schema, TheCommittedFileIsWhatTheTableSays) {
  if (std::getenv("POSTERN_UPDATE_SCHEMA") != nullptr) std::ofstream(kFile) << schema_json();
  std::ifstream in(kFile, std::ios::binary);
  const std::string committed{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(committed == schema_json())
      << kFile << " is out of date: run the tests once with POSTERN_UPDATE_SCHEMA=1 and commit it";
}

TEST(Fields, AreUniqueAndStandBehindTheirBlock) {
  std::set<std::string_view> seen;
  for (const Field& field : fields()) {
    EXPECT_TRUE(seen.insert(field.path).second) << field.path;
    const std::size_t dot = field.path.rfind('.');
    if (dot == std::string_view::npos) continue;
    std::string_view block = field.path.substr(0, dot);
    const bool in_list = block.ends_with("[]");
    if (in_list) block.remove_suffix(2);
    EXPECT_TRUE(seen.count(block)) << field.path;
    const Field* parent = find_field(block);
    ASSERT_NE(parent, nullptr) << field.path;
    EXPECT_EQ(parent->type, Type::Block) << field.path;
    EXPECT_EQ(parent->shape == Shape::List, in_list) << field.path;
  }
}

TEST(Fields, AreDescribed) {
  for (const Field& field : fields()) {
    ASSERT_FALSE(field.description.empty()) << field.path;
    EXPECT_EQ(field.description.back() == '.' || field.description.back() == '?', true) << field.path;
    EXPECT_EQ(field.choices.empty(), field.type != Type::Choice && field.type != Type::Version) << field.path;
  }
}

TEST(Fields, HaveDefaultsThatTheyWouldAccept) {
  for (const Field& field : fields()) {
    if (field.type == Type::Block || field.need == Need::Required) continue;
    const std::string fallback = fallback_of(field);
    std::vector<std::string_view> values{fallback};
    if (field.shape != Shape::One) values = split_bar(fallback);
    for (const std::string_view value : values) {
      Node node;
      node.kind = Node::Kind::Scalar;
      node.text = value;
      EXPECT_EQ(fault_of(field, node).text, "") << field.path;
      EXPECT_TRUE(field.shape != Shape::One || is_fallback(field, node)) << field.path;
    }
  }
}

// A key that is neither refused nor bound to a member is one that decode.cc reads: a new one that nobody
// reads is found here.
TEST(Fields, FillAMemberUnlessTheDecoderReadsThem) {
  static const std::set<std::string_view> kReadByTheDecoder{
      "listeners[].address", "upstreams[].servers",      "upstreams[].pin_sha256",   "routes[].upstream",
      "rules[].when.user",   "rules[].when.client",      "rules[].when.listener",    "rules[].when.sni",
      "rules[].when.tls",    "rules[].when.tls_version", "rules[].when.client_cert", "rules[].when.command",
      "rules[].when.class",  "rules[].when.mailbox",     "rules[].when.flag",        "audit.events",
      "status.address"};
  static const std::set<std::string_view> kReadByNobody{"version"};
  std::set<std::string_view> unbound;
  for (const Field& field : fields()) {
    const std::size_t dot = field.path.rfind('.');
    std::string_view block = dot == std::string_view::npos ? "" : field.path.substr(0, dot);
    if (block.ends_with("[]")) block.remove_suffix(2);
    const Field* parent = find_field(block);
    const bool refused = field.support == Support::Fixed || (parent && parent->support == Support::Fixed);
    if (field.type != Type::Block && !refused && field.member.read == nullptr) unbound.insert(field.path);
  }
  for (const std::string_view path : kReadByNobody) EXPECT_EQ(unbound.erase(path), 1u) << path;
  EXPECT_EQ(unbound, kReadByTheDecoder);
}

// 60s, as people say it, not 1m; and what stands in a block of another name than its struct's.
TEST(Fields, SayTheDefaultsOfTheirMembers) {
  const auto fallback = [](std::string_view path) { return fallback_of(*find_field(path)); };
  EXPECT_EQ(fallback("limits.timeouts.login"), "60s");
  EXPECT_EQ(fallback("limits.timeouts.idle"), "32m");
  EXPECT_EQ(fallback("audit.flush_interval"), "100ms");
  EXPECT_EQ(fallback("limits.sasl"), "96KiB");
  EXPECT_EQ(fallback("tls.min_version"), "1.2");
  EXPECT_EQ(fallback("listeners[].tls"), "implicit");
  EXPECT_EQ(fallback("trash"), "Trash|Deleted Items");
  EXPECT_EQ(fallback("audit.events"), "session|auth|destructive|policy");
  EXPECT_EQ(fallback("upstreams[].master_separator"), "*");
  EXPECT_EQ(fallback("status.address"), "127.0.0.1:9143");
  EXPECT_EQ(fallback("rules[].action"), "deny") << "what an editor fills in";
}

}  // namespace
}  // namespace postern::config
