#include "crypto/digest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/hex.h"

namespace postern::tls {
namespace {

std::string octets(Octets digits) { return from_hex(digits).value(); }
std::string hmac(Octets key, Octets data) { return hex(octets_of(Hmac(Secret(key)).of({data}))); }

class DigestFiles : public ::testing::Test {
 protected:
  DigestFiles() {
    std::string folder = std::filesystem::temp_directory_path() / "postern-digest-XXXXXX";
    folder_ = mkdtemp(folder.data());
  }
  ~DigestFiles() override { std::filesystem::remove_all(folder_); }
  std::string file(Octets content) {
    const std::string path = folder_ / ("file" + std::to_string(++files_));
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::filesystem::path folder_;
  int files_ = 0;
};

// FIPS 180-2, appendix B.
TEST(Digest, Sha256OfKnownTexts) {
  EXPECT_EQ(hex(octets_of(sha256({"abc"}))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(octets_of(sha256({}))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256({"a", "", "bc"}), sha256({"abc"}));
}

// RFC 4231 §4.2 to 4.8, without the truncated one.
TEST(Digest, HmacOfKnownTexts) {
  EXPECT_EQ(hmac(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hmac(octets("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd')),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(
      hmac(std::string(131, '\xaa'),
           "This is a test using a larger than block-size key and a larger than block-size data. The key "
           "needs to be hashed before being used by the HMAC algorithm."),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Digest, AnHmacIsUsedAgainAndAgain) {
  Hmac mac(Secret("Jefe"));
  const Sha256 first = mac.of({"what do ya want ", "for nothing?"});
  mac.of({"something else"});
  EXPECT_EQ(mac.of({"what do ya want for nothing?"}), first);
  Hmac moved = std::move(mac);
  EXPECT_EQ(moved.of({"what do ya want for nothing?"}), first);
  EXPECT_EQ(hmac("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// RFC 8032 §7.1, TEST 1 and TEST 3.
TEST_F(DigestFiles, SignsAsTheStandardDoes) {
  const std::string pkcs8 = octets("302e020100300506032b657004220420");
  for (const auto& [secret, public_key, message, signature] :
       {std::tuple(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"),
        std::tuple(
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a")}) {
    const std::string der = pkcs8 + octets(secret);
    // 48 octets are 64 digits of base64: one line of PEM.
    std::string base64(64 + 1, '\0');
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < 64; ++i) {
      const std::size_t bit = i * 6;
      const unsigned pair = unsigned{static_cast<unsigned char>(der[bit / 8])} << 8 |
                            (bit / 8 + 1 < der.size() ? static_cast<unsigned char>(der[bit / 8 + 1]) : 0U);
      base64[i] = kDigits[pair >> (10 - bit % 8) & 63];
    }
    base64.pop_back();
    const std::string path = file("-----BEGIN PRIVATE KEY-----\n" + base64 + "\n-----END PRIVATE KEY-----\n");
    const Result<SigningKey> key = SigningKey::load(path);
    ASSERT_TRUE(key);
    EXPECT_EQ(hex(octets_of(key->public_key())), public_key);
    EXPECT_EQ(hex(octets_of(key->sign(octets(message)))), signature);
    EXPECT_TRUE(verify_signature(key->public_key(), octets(message), octets(signature)));
    EXPECT_FALSE(verify_signature(key->public_key(), octets(message) + "x", octets(signature)));
  }
}

TEST_F(DigestFiles, KeysComeBackFromTheirFiles) {
  const SigningKey key = SigningKey::generate();
  const std::string private_path = file(key.pem().reveal());
  const std::string public_path = file("a line ahead\n" + key.public_pem());
  EXPECT_EQ(SigningKey::load(private_path)->public_key(), key.public_key());
  EXPECT_EQ(*load_public_key(private_path), key.public_key());
  EXPECT_EQ(*load_public_key(public_path), key.public_key());
  EXPECT_TRUE(verify_signature(*load_public_key(public_path), "text", octets_of(key.sign("text"))));
  EXPECT_NE(SigningKey::generate().public_key(), key.public_key());
}

TEST_F(DigestFiles, WhatIsNoKeyIsRefusedByName) {
  const std::string path = file("nothing of the kind");
  const Result<SigningKey> key = SigningKey::load(path);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().detail.find(path), std::string::npos);
  const auto public_key = load_public_key(path);
  ASSERT_FALSE(public_key);
  EXPECT_NE(public_key.error().detail.find(path), std::string::npos);
  EXPECT_FALSE(load_public_key(path + ".absent"));
  EXPECT_FALSE(verify_signature({}, "text", "short"));
}

TEST(Digest, RandomSecretsDiffer) {
  const Secret one = random_secret(32);
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one.reveal(), random_secret(32).reveal());
}

}  // namespace
}  // namespace postern::tls
