// check_files(): what the file system says about the files that a configuration names.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "unit/config/given.h"

namespace postern::config {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    folder.write("tls.crt", "");
    key = folder.write("tls.key", "");
  }

  Loaded load(const std::string& tls, const std::string& upstream = "") const {
    return load_text("listeners: [{address: '127.0.0.1:143', tls: starttls}]\ntls: {" + tls +
                         "}\nupstreams: [{name: mail, servers: ['127.0.0.1:1']" + upstream + "}]\n",
                     "postern.yaml", folder.path());
  }

  test::Folder folder;
  std::string key;
};

constexpr const char* kPair = "certificates: [{cert: tls.crt, key: tls.key}]";

TEST_F(Files, ThatCanBeReadAreNotMentioned) { EXPECT_EQ(test::findings(load(kPair)), ""); }

TEST_F(Files, ThatAreAbsentAreErrors) {
  const Loaded loaded = load("certificates: [{cert: tls.crt, key: none.key}]");
  EXPECT_EQ(test::findings(loaded), "2:43 unreadable\n");
  EXPECT_EQ(test::message(loaded),
            "the file '" + folder.path() + "/none.key' cannot be read: No such file or directory");
}

TEST_F(Files, ThatAreFoldersAreErrors) {
  const Loaded loaded = load("certificates: [{cert: ., key: tls.key}]");
  EXPECT_EQ(test::message(loaded),
            "the file '" + folder.path() + "/.' cannot be read: it is no regular file");
}

TEST_F(Files, EveryKeyIsLookedAt) {
  EXPECT_EQ(test::findings(load(std::string(kPair) + ", ticket_key_file: none")), "2:71 unreadable\n");
  EXPECT_EQ(test::findings(load(kPair, ", ca: none")), "3:56 unreadable\n");
  EXPECT_EQ(test::findings(load(kPair, ", client_cert: none, client_key: tls.key")), "3:65 unreadable\n");
  EXPECT_EQ(test::findings(load(kPair, ", client_cert: tls.crt, client_key: none")), "3:86 unreadable\n");
}

TEST_F(Files, KeysAreForTheirOwnerAlone) {
  ASSERT_EQ(chmod(key.c_str(), 0640), 0);
  EXPECT_EQ(test::findings(load(kPair)), "2:43 warning readable-key\n");
  EXPECT_EQ(test::message(load(kPair)), "the key '" + key + "' can be read by its group");
  ASSERT_EQ(chmod(key.c_str(), 0604), 0);
  EXPECT_EQ(test::message(load(kPair)), "the key '" + key + "' can be read by everybody");
  EXPECT_TRUE(load(kPair).ok);
  ASSERT_EQ(chmod((folder.path() + "/tls.crt").c_str(), 0644), 0);
  ASSERT_EQ(chmod(key.c_str(), 0400), 0);
  EXPECT_EQ(test::findings(load(kPair)), "") << "a certificate is for everybody";
}

TEST_F(Files, AreLeftAloneOnRequest) {
  const Loaded loaded = load_text(
      "listeners: [{address: '127.0.0.1:143'}]\ntls: {certificates: [{cert: no, key: no}]}\n"
      "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n",
      "postern.yaml", folder.path(), {false});
  EXPECT_EQ(test::findings(loaded), "");
}

}  // namespace
}  // namespace postern::config
