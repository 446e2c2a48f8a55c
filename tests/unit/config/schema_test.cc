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
    std::vector<std::string_view> values{field.fallback};
    if (field.shape != Shape::One) values = split_bar(field.fallback);
    for (const std::string_view value : values) {
      Node node;
      node.kind = Node::Kind::Scalar;
      node.text = value;
      EXPECT_EQ(fault_of(field, node).text, "") << field.path;
      EXPECT_TRUE(field.shape != Shape::One || is_fallback(field, node)) << field.path;
    }
  }
}

}  // namespace
}  // namespace postern::config
