#include "config/substitute.h"

#include <gtest/gtest.h>

#include <map>

#include "unit/config/given.h"

namespace postern::config {
namespace {

class Substitute : public ::testing::Test {
 protected:
  std::string of(std::string_view value) {
    Environment environment{folder.path(), [this](const std::string& name) -> std::optional<std::string> {
                              const auto found = variables.find(name);
                              if (found == variables.end()) return std::nullopt;
                              return found->second;
                            }};
    const Substituted result = substitute(value, environment);
    changed = result.changed;
    return result.error.empty() ? result.text : "error: " + result.error;
  }

  test::Folder folder;
  std::map<std::string, std::string> variables{{"HOST", "mail.example"}, {"EMPTY", ""}};
  bool changed = false;
};

TEST_F(Substitute, LeavesPlainTextAlone) {
  EXPECT_EQ(of("plain"), "plain");
  EXPECT_FALSE(changed);
  EXPECT_EQ(of(""), "");
}

TEST_F(Substitute, EnvironmentVariables) {
  EXPECT_EQ(of("${env:HOST}:143"), "mail.example:143");
  EXPECT_TRUE(changed);
  EXPECT_EQ(of("<${env:HOST}|${env:HOST}>"), "<mail.example|mail.example>");
  EXPECT_EQ(of("${env:EMPTY}"), "");
  EXPECT_EQ(of("${env:MISSING}"), "error: the environment variable 'MISSING' is not set");
}

TEST_F(Substitute, DefaultsStandInForMissingAndEmptyVariables) {
  EXPECT_EQ(of("${env:MISSING:-10m}"), "10m");
  EXPECT_EQ(of("${env:MISSING:-}"), "");
  EXPECT_EQ(of("${env:EMPTY:-x}"), "x");
  EXPECT_EQ(of("${env:HOST:-x}"), "mail.example");
  EXPECT_EQ(of("${env:MISSING:-a:-b}"), "a:-b");
}

TEST_F(Substitute, TwoDollarsAreOneAndALoneOneStays) {
  EXPECT_EQ(of("$$"), "$");
  EXPECT_EQ(of("$${env:HOST}"), "${env:HOST}");
  EXPECT_EQ(of("$$$$"), "$$");
  EXPECT_EQ(of("^ann$"), "^ann$");
  EXPECT_EQ(of("$5"), "$5");
}

TEST_F(Substitute, WhatIsPutInIsNotReadAgain) {
  variables["NESTED"] = "${env:HOST}$$";
  EXPECT_EQ(of("${env:NESTED}"), "${env:HOST}$$");
}

TEST_F(Substitute, BrokenReferences) {
  EXPECT_EQ(of("${env:HOST"), "error: '${' without '}' (write $$ for one dollar)");
  EXPECT_EQ(of("${HOST}"),
            "error: unknown substitution 'HOST'; known are env, file and cred (write $$ for one dollar)");
  EXPECT_EQ(of("${env:}"), "error: '' cannot be the name of an environment variable");
  EXPECT_EQ(of("${env:A B}"), "error: 'A B' cannot be the name of an environment variable");
  EXPECT_EQ(of("${env:1A}"), "error: '1A' cannot be the name of an environment variable");
}

TEST_F(Substitute, FilesLoseOneFinalNewline) {
  const std::string path = folder.write("token", "abc\n\n");
  EXPECT_EQ(of("${file:" + path + "}"), "abc\n");
  folder.write("dos", "abc\r\n");
  EXPECT_EQ(of("${file:dos}"), "abc") << "relative paths start at the file's folder";
  folder.write("none", "");
  EXPECT_EQ(of("${file:none}"), "");
}

TEST_F(Substitute, FilesThatCannotBeRead) {
  EXPECT_EQ(of("${file:absent}"), "error: the file '" + folder.path() + "/absent' cannot be read");
  EXPECT_EQ(of("${file:.}"), "error: the file '" + folder.path() + "/.' cannot be read");
  EXPECT_EQ(of("${file:}"), "error: ${file:} needs a path");
  folder.write("nul", std::string_view("a\0b", 3));
  EXPECT_EQ(of("${file:nul}"), "error: the file '" + folder.path() + "/nul' holds a NUL octet");
}

TEST_F(Substitute, FilesEndAt64KiB) {
  folder.write("full", std::string(64 * 1024, 'x'));
  EXPECT_EQ(of("${file:full}").size(), 64u * 1024);
  folder.write("over", std::string(64 * 1024 + 1, 'x'));
  EXPECT_EQ(of("${file:over}"), "error: the file '" + folder.path() + "/over' is larger than 64 KiB");
}

TEST_F(Substitute, CredentialsLieInTheirDirectory) {
  EXPECT_EQ(
      of("${cred:password}"),
      "error: ${cred:} needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=");
  variables["CREDENTIALS_DIRECTORY"] = folder.path();
  folder.write("password", "correct horse\n");
  EXPECT_EQ(of("${cred:password}"), "correct horse");
  for (const char* id : {"", ".", "..", "../password", "a/b"})
    EXPECT_EQ(of("${cred:" + std::string(id) + "}"),
              "error: '" + std::string(id) + "' cannot be the name of a credential");
}

}  // namespace
}  // namespace postern::config
