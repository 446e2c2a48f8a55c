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

// The trail's folder is the test's: 3:10 is the place of `file`.
class AuditFiles : public ::testing::Test {
 protected:
  Loaded load(const std::string& audit) const {
    return load_text(
        "listeners: [{address: '127.0.0.1:143', tls: off, allow_cleartext: true}]\n"
        "upstreams: [{name: mail, servers: ['127.0.0.1:1']}]\n"
        "audit: {file: " +
            audit + "}\n",
        "postern.yaml", folder.path());
  }
  test::Folder folder;
};

TEST_F(AuditFiles, AFileThatIsNotThereYetIsNotMentioned) {
  EXPECT_EQ(test::findings(load("audit.jsonl")), "");
  folder.write("audit.jsonl", "");
  EXPECT_EQ(test::findings(load("audit.jsonl")), "");
}

TEST_F(AuditFiles, TheirFolderHasToBeThere) {
  EXPECT_EQ(test::findings(load("no/audit.jsonl")), "3:15 audit\n");
  EXPECT_EQ(
      test::message(load("no/audit.jsonl")),
      "no audit trail can be kept in '" + folder.path() +
          "/no': No such file or directory; make the folder, and give it to the user that Postern runs as");
  folder.write("file", "");
  EXPECT_EQ(test::message(load("file/audit.jsonl")),
            "no audit trail can be kept in '" + folder.path() +
                "/file': Not a directory; make the folder, and give it to the user that Postern runs as");
}

TEST_F(AuditFiles, TheirFolderIsNotForEverybody) {
  ASSERT_EQ(chmod(folder.path().c_str(), 01777), 0);
  EXPECT_EQ(test::findings(load("audit.jsonl")), "3:15 warning audit\n");
  EXPECT_EQ(test::message(load("audit.jsonl")),
            "everybody can write into '" + folder.path() +
                "', and so put other files in the place of the audit trail and its state");
}

TEST_F(AuditFiles, AreFilesOrPipes) {
  ASSERT_EQ(mkdir((folder.path() + "/trail").c_str(), 0700), 0);
  EXPECT_EQ(test::findings(load("trail")), "3:15 audit\n");
  EXPECT_EQ(test::message(load("trail")), "'" + folder.path() + "/trail' is neither a file nor a pipe");
}

TEST_F(AuditFiles, APipeKeepsNothing) {
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(test::findings(load("pipe")), "3:15 warning audit\n");
  EXPECT_EQ(
      test::message(load("pipe")),
      "'" + pipe +
          "' is a pipe: a record counts as written when write() has returned; nothing keeps it through a "
          "crash");
  folder.write("key", "");
  const Loaded loaded = load("pipe, chain_key_file: key, rotate: {size: 1MiB}");
  EXPECT_EQ(test::findings(loaded), "3:15 warning audit\n3:37 audit\n3:50 audit\n");
  EXPECT_EQ(loaded.diagnostics[1].message,
            "chain_key_file needs a file: the key evolves, and is kept beside it");
  EXPECT_EQ(loaded.diagnostics[2].message, "rotate needs a file");
}

TEST_F(AuditFiles, TheirKeysAreForTheirOwnerAlone) {
  EXPECT_EQ(test::findings(load("a, checkpoint_key_file: none")), "3:39 unreadable\n");
  EXPECT_EQ(test::findings(load("a, chain_key_file: none")), "3:34 unreadable\n");
  const std::string key = folder.write("key", "");
  EXPECT_EQ(test::findings(load("a, chain_key_file: key, checkpoint_key_file: key")), "");
  ASSERT_EQ(chmod(key.c_str(), 0640), 0);
  EXPECT_EQ(test::findings(load("a, chain_key_file: key, checkpoint_key_file: key")),
            "3:34 warning readable-key\n3:60 warning readable-key\n");
}

TEST_F(AuditFiles, TheChainsFirstKeyMayGoOnceItWasTaken) {
  folder.write("a.state", "");
  EXPECT_EQ(test::findings(load("a, chain_key_file: none")), "");
  EXPECT_EQ(test::findings(load("a, checkpoint_key_file: none")), "3:39 unreadable\n");
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
