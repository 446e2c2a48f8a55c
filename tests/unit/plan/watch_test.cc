#include "plan/watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

using tls::testing::TempFolder;
namespace fs = std::filesystem;

TEST(FileWatch, SeesNothingWhereNothingChanges) {
  TempFolder folder;
  FileWatch watch;
  watch.watch({folder.write("a", "one"), folder.path("missing")});
  EXPECT_FALSE(watch.changed());
}

TEST(FileWatch, SeesAFileRenamedOverTheOldOne) {
  TempFolder folder;
  const std::string path = folder.write("a", "one");
  FileWatch watch;
  watch.watch({path});
  fs::rename(folder.write("b", "two"), path);
  EXPECT_TRUE(watch.changed());
  EXPECT_FALSE(watch.same_content());
  EXPECT_FALSE(watch.changed());
}

TEST(FileWatch, SeesAnEditInPlace) {
  TempFolder folder;
  const std::string path = folder.write("a", "one");
  FileWatch watch;
  watch.watch({path});
  folder.write("a", "three");
  EXPECT_TRUE(watch.changed());
}

TEST(FileWatch, SeesAFileThatComesAndGoes) {
  TempFolder folder;
  FileWatch watch;
  watch.watch({folder.path("a")});
  folder.write("a", "one");
  EXPECT_TRUE(watch.changed());
  fs::remove(folder.path("a"));
  EXPECT_TRUE(watch.changed());
}

// A Secret's volume: tls.crt -> ..data/tls.crt, ..data -> a folder of its own for each version.
TEST(FileWatch, SeesTheSwapOfAKubernetesSecret) {
  TempFolder folder;
  fs::create_directory(folder.path("..1"));
  fs::create_directory(folder.path("..2"));
  folder.write("..1/tls.crt", "one");
  folder.write("..2/tls.crt", "two");
  fs::create_directory_symlink("..1", folder.path("..data"));
  fs::create_symlink("..data/tls.crt", folder.path("tls.crt"));
  FileWatch watch;
  watch.watch({folder.path("tls.crt")});
  fs::create_directory_symlink("..2", folder.path("..data_tmp"));
  fs::rename(folder.path("..data_tmp"), folder.path("..data"));
  EXPECT_TRUE(watch.changed());
  EXPECT_FALSE(watch.same_content());
}

TEST(FileWatch, KnowsWhetherTheContentIsTheSame) {
  TempFolder folder;
  const std::string path = folder.write("a", "one");
  FileWatch watch;
  watch.watch({path});
  fs::rename(folder.write("b", "one"), path);
  EXPECT_TRUE(watch.changed());
  EXPECT_TRUE(watch.same_content());
}

TEST(FileWatch, TellsWhichFileHasWhichContent) {
  TempFolder folder;
  FileWatch watch;
  watch.watch({folder.write("a", "one"), folder.write("b", "two")});
  folder.write("a", "two");
  folder.write("b", "one");
  EXPECT_FALSE(watch.same_content());
}

TEST(FileWatch, WatchesAllThatTlsReads) {
  config::Settings settings;
  settings.has_tls = true;
  settings.tls.certificates = {{"/c", "/k", {}, {}}};
  settings.tls.ticket_key_file = "/t";
  settings.upstreams.resize(2);
  settings.upstreams[0].ca = "/unused";  // tls: off
  settings.upstreams[1].tls = config::UpstreamTls::Starttls;
  settings.upstreams[1].ca = "/ca";
  settings.upstreams[1].client_cert = "/cc";
  settings.upstreams[1].client_key = "/ck";
  EXPECT_EQ(tls_files(settings), (std::vector<std::string>{"/c", "/k", "/t", "/ca", "/cc", "/ck"}));
  settings.tls.client_auth.ca = "/clients";
  EXPECT_EQ(tls_files(settings).size(), 6U) << "nobody looks at it";
  settings.tls.client_auth.mode = config::ClientAuth::Request;
  EXPECT_EQ(tls_files(settings),
            (std::vector<std::string>{"/c", "/k", "/t", "/clients", "/ca", "/cc", "/ck"}));
}

}  // namespace
}  // namespace postern::server
