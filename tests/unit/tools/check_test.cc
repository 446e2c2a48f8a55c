#include "tools/check.h"

#include <gtest/gtest.h>

#include <sstream>

#include "unit/process/support.h"
#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

using tls::testing::make_identity;
using tls::testing::TempFolder;

struct Checked {
  int status;
  std::string out;
  std::string err;
};

Checked run_check(const std::string& path) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = check(path, out, err);
  return {status, out.str(), err.str()};
}

std::string file_with(const TempFolder& folder, const config::Certificate& certificate) {
  return folder.write("postern.yaml",
                      "version: 1\n"
                      "listeners:\n"
                      "  - { name: imaps, address: \"127.0.0.1:0\", tls: implicit }\n"
                      "tls:\n"
                      "  certificates:\n"
                      "    - cert: " +
                          certificate.cert +
                          "\n"
                          "      key: " +
                          certificate.key +
                          "\n"
                          "upstreams:\n"
                          "  - { name: mail, servers: [\"127.0.0.1:143\"] }\n");
}

TEST(Check, SaysOkOnStandardOutput) {
  TempFolder folder;
  const std::string path = file_with(folder, install(make_identity({.not_after = 8640000}), folder, "a"));
  const Checked checked = run_check(path);
  EXPECT_EQ(checked.status, 0);
  EXPECT_EQ(checked.out, path + ": ok\n");
  EXPECT_EQ(checked.err, "");
}

TEST(Check, SaysWhereACertificateIsBroken) {
  TempFolder folder;
  config::Certificate mixed = install(make_identity({}), folder, "a");
  mixed.key = install(make_identity({}), folder, "b").key;
  const std::string path = file_with(folder, mixed);
  const Checked checked = run_check(path);
  EXPECT_EQ(checked.status, 1);
  EXPECT_EQ(checked.out, "");
  EXPECT_EQ(checked.err.rfind(path + ":6:13: error: ", 0), 0U) << checked.err;
}

TEST(Check, WarnsAndPasses) {
  TempFolder folder;
  const std::string path = file_with(folder, install(make_identity({.not_after = 86400 * 3}), folder, "a"));
  const Checked checked = run_check(path);
  EXPECT_EQ(checked.status, 0);
  EXPECT_EQ(checked.out, path + ": ok\n");
  EXPECT_NE(checked.err.find(path + ":6:13: warning: "), std::string::npos) << checked.err;
}

TEST(Check, RefusesWhatTheConfigurationRefuses) {
  TempFolder folder;
  const std::string path = folder.write("postern.yaml", "version: 1\ncolour: blue\n");
  const Checked checked = run_check(path);
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find(path + ":2:1: error: "), std::string::npos) << checked.err;
}

TEST(Check, RefusesAFileThatIsNotThere) {
  TempFolder folder;
  const Checked checked = run_check(folder.path("none.yaml"));
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.err.find("none.yaml"), std::string::npos);
}

}  // namespace
}  // namespace postern::server
