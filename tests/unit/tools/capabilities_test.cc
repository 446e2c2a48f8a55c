#include "tools/capabilities.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "imap/capability.h"
#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

struct Shown {
  int status;
  std::string out;
  std::string err;
};

Shown show(const std::string& path, bool json = false) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = show_capabilities(path, json, out, err);
  return {status, out.str(), err.str()};
}

// A configuration that opens no file: a clear text listener.
std::string file_with(const tls::testing::TempFolder& folder, const std::string& capabilities) {
  return folder.write("postern.yaml",
                      "version: 1\n"
                      "listeners:\n"
                      "  - { address: \"127.0.0.1:0\", tls: \"off\", allow_cleartext: true }\n"
                      "upstreams:\n"
                      "  - { name: mail, servers: [\"127.0.0.1:143\"] }\n"
                      "rewrite:\n"
                      "  capabilities: " +
                          capabilities + "\n");
}

// name → verdict and reason.
std::map<std::string, std::string> lines_of(const std::string& out) {
  std::map<std::string, std::string> lines;
  std::istringstream in(out);
  std::string name;
  std::string rest;
  while (in >> name && std::getline(in >> std::ws, rest))
    EXPECT_TRUE(lines.emplace(name, rest).second) << name;
  return lines;
}

TEST(Capabilities, EveryRowIsShown) {
  const Shown shown = show("");
  EXPECT_EQ(shown.status, 0);
  EXPECT_EQ(shown.err, "");
  const auto lines = lines_of(shown.out);
  EXPECT_EQ(lines.size(), imap::capability_table().size());
  EXPECT_EQ(lines.at("IDLE"), "pass  RFC 2177: followed from + to DONE");
  EXPECT_TRUE(lines.at("COMPRESS=").starts_with("hide  RFC 4978"));
  EXPECT_TRUE(lines.at("LITERAL+").starts_with("own   RFC 7888"));
}

TEST(Capabilities, InColumns) {
  std::istringstream in(show("").out);
  std::size_t column = 0;
  for (std::string line; std::getline(in, line);) {
    const std::size_t verdict = line.find_first_not_of(' ', line.find(' '));
    if (column == 0) column = verdict;
    EXPECT_EQ(verdict, column) << line;
    EXPECT_EQ(line.find_first_not_of(' ', line.find(' ', verdict)), column + 6) << line;
    EXPECT_NE(line.back(), ' ');
  }
}

TEST(Capabilities, AsTheConfigurationChangesThem) {
  const tls::testing::TempFolder folder;
  const Shown shown =
      show(file_with(folder, "{ hide: [idle, AUTH=LOGIN], add: [X-FOO, xbackup, LITERAL-] }"));
  EXPECT_EQ(shown.status, 0) << shown.err;
  const auto lines = lines_of(shown.out);
  EXPECT_EQ(lines.at("IDLE"), "hide  hidden by rewrite.capabilities.hide");
  EXPECT_EQ(lines.at("AUTH=LOGIN"), "hide  hidden by rewrite.capabilities.hide");
  EXPECT_TRUE(lines.at("AUTH=").starts_with("own "));
  EXPECT_EQ(lines.at("X-FOO"), "pass  added by rewrite.capabilities.add");
  EXPECT_EQ(lines.at("XBACKUP"), "pass  added by rewrite.capabilities.add");
  EXPECT_EQ(lines.at("LITERAL-"), "own   added by rewrite.capabilities.add");
  EXPECT_TRUE(lines.at("LITERAL+").starts_with("hide  "));
  EXPECT_TRUE(lines.at("MOVE").starts_with("pass  RFC 6851"));
}

TEST(Capabilities, AsJson) {
  const auto array = nlohmann::json::parse(show("", true).out);
  ASSERT_EQ(array.size(), imap::capability_table().size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    EXPECT_EQ(array[i].at("name"), imap::capability_table()[i].name);
    EXPECT_EQ(array[i].at("reason"), imap::capability_table()[i].reason);
  }
}

TEST(Capabilities, ABrokenConfigurationIsOne) {
  const tls::testing::TempFolder folder;
  const std::string path = file_with(folder, "{ hidden: [IDLE] }");
  const Shown shown = show(path);
  EXPECT_EQ(shown.status, 1);
  EXPECT_EQ(shown.out, "");
  EXPECT_NE(shown.err.find(path + ":"), std::string::npos);
  EXPECT_NE(shown.err.find("unknown key 'hidden'"), std::string::npos);
  EXPECT_EQ(show("/nowhere/postern.yaml").status, 1);
}

}  // namespace
}  // namespace postern::server
