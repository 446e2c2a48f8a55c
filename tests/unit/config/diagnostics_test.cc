#include "config/diagnostics.h"

#include <gtest/gtest.h>

#include "unit/config/given.h"

namespace postern::config {
namespace {

using test::load;
using test::load_with;

TEST(Diagnostics, PointsAtTheFault) {
  const Loaded loaded = load_with("tls:\n  min_verison: \"1.2\"\n");
  EXPECT_EQ(render(loaded.diagnostics),
            "postern.yaml:8:3: error: unknown key 'min_verison' in tls (did you mean 'min_version'?) "
            "[unknown-key]\n"
            "    min_verison: \"1.2\"\n"
            "    ^\n");
  EXPECT_FALSE(loaded.ok);
}

TEST(Diagnostics, TheCaretCountsCharacters) {
  const Loaded loaded = load_with("log: {\"\xC3\xA9\": 1}\r\n");
  EXPECT_EQ(render(loaded.diagnostics),
            "postern.yaml:7:7: error: unknown key '\xC3\xA9' in log [unknown-key]\n"
            "  log: {\"\xC3\xA9\": 1}\n"
            "        ^\n");
}

TEST(Diagnostics, AreSortedByPlace) {
  const Loaded loaded = load("upstreams: 1\nlisteners: 2\nbogus: 3\n");
  EXPECT_EQ(test::findings(loaded), "1:12 type\n2:12 type\n3:1 unknown-key\n");
}

TEST(Diagnostics, WarningsDoNotFail) {
  const Loaded loaded = load_with("limits: {timeouts: {idle: 5m}}\n");
  EXPECT_EQ(test::findings(loaded), "7:27 warning idle\n");
  EXPECT_TRUE(loaded.ok);
  EXPECT_EQ(render(loaded.diagnostics).substr(0, 27), "postern.yaml:7:27: warning:");
}

std::string unknown_keys(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  return text;
}

TEST(Diagnostics, EndAtFifty) {
  EXPECT_EQ(load_with(unknown_keys(50)).diagnostics.size(), 50u);
  const Loaded loaded = load_with(unknown_keys(53));
  ASSERT_EQ(loaded.diagnostics.size(), 51u);
  EXPECT_EQ(render(loaded.diagnostics.back()),
            "postern.yaml: note: 3 more findings are not shown [too-many]\n");
}

TEST(Diagnostics, ErrorsAreNotCrowdedOutByWarnings) {
  Diagnostics diagnostics("file");
  for (int line = 1; line <= 60; ++line) diagnostics.warning("w", "a warning", {line, 1});
  diagnostics.error("e", "the error", {61, 1});
  const auto shown = diagnostics.finish("");
  ASSERT_EQ(shown.size(), Diagnostics::kShownMax + 1);
  EXPECT_EQ(shown[0].code, "e");
}

TEST(Diagnostics, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(in_quotes("a\x1b[31m\n\x7f"), "'a\\x1b[31m\\x0a\\x7f'");
  EXPECT_EQ(in_quotes(std::string(61, 'a')), "'" + std::string(60, 'a') + "...'");
  EXPECT_EQ(in_quotes(std::string(59, 'a') + "\xC3\xA9"), "'" + std::string(59, 'a') + "...'")
      << "a character is not cut in two";
}

TEST(Diagnostics, SecretsAreNotShown) {
  const std::string head(test::kMinimal.substr(0, test::kMinimal.find("  - {name")));
  const std::string upstream = head + "  - name: mail\n    servers: [\"127.0.0.1:1\"]\n";
  const Loaded beside = load(upstream + "    master_password: [hunter2]\n");
  EXPECT_EQ(test::findings(beside), "8:22 type\n");
  EXPECT_EQ(render(beside.diagnostics).find("hunter2"), std::string::npos);
  const Loaded below = load(upstream + "    master_password:\n      - hunter2\n");
  EXPECT_EQ(test::findings(below), "9:7 type\n");
  EXPECT_EQ(render(below.diagnostics).find("hunter2"), std::string::npos);
}

TEST(Diagnostics, WhatASubstitutionStoodForIsNotShown) {
  test::Folder folder;
  const std::string path = folder.write("password", "hunter2\n");
  const std::string text = "log:\n  level: ${file:" + path + "}\nworkers: ${file:" + path +
                           "}\nroutes:\n  - upstream: ${file:" + path + "}\n";
  const Loaded loaded = load_with(text);
  EXPECT_EQ(test::findings(loaded), "8:10 value\n9:10 value\n11:15 unknown-upstream\n");
  EXPECT_EQ(render(loaded.diagnostics).find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace postern::config
