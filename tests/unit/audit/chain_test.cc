#include "audit/trail/chain.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "audit/trail/line.h"
#include "base/hex.h"

namespace postern::audit {
namespace {

constexpr const char* kObject = R"({"ts":"t","seq":1,"event":"audit.stop","v":1)";

TEST(Chain, ALineCarriesTheHashBeforeItAndItsOwn) {
  Chain chain({}, std::nullopt);
  std::string out = "kept";
  out += kObject;
  chain.seal(out, 4);
  const std::string sealed = std::string(kObject) + R"(,"prev":")" + std::string(64, '0') + '"';
  const std::string hash = hex(tls::octets_of(tls::sha256({std::string(32, '\0'), sealed})));
  EXPECT_EQ(out, "kept" + sealed + R"(,"hash":")" + hash + "\"}\n");
  EXPECT_EQ(chain.head().sequence, 1u);
  EXPECT_EQ(hex(tls::octets_of(chain.head().hash)), hash);
}

TEST(Chain, WhatSealsReadsBackAsTheSame) {
  for (const bool keyed : {false, true}) {
    const auto key = [keyed] { return keyed ? std::optional<Secret>(Secret("key")) : std::nullopt; };
    Chain writer({}, key());
    Chain reader({}, key());
    for (int i = 0; i < 3; ++i) {
      std::string out = kObject;
      writer.seal(out, 0);
      out.pop_back();
      const std::optional<Line> line = read_line(out, true);
      ASSERT_TRUE(line);
      EXPECT_EQ(line->previous, reader.head().hash);
      EXPECT_EQ(line->hash, reader.next_hash(line->content));
      reader.advance(line->hash);
      writer.evolve();
      reader.evolve();
    }
  }
}

TEST(Chain, AKeyIsHashedIntoEachRecord) {
  Chain plain({}, std::nullopt);
  Chain keyed({}, Secret("key"));
  Chain other({}, Secret("kez"));
  EXPECT_NE(plain.next_hash("x"), keyed.next_hash("x"));
  EXPECT_NE(other.next_hash("x"), keyed.next_hash("x"));
}

TEST(Chain, KeysGoForwardAndNotBack) {
  Chain chain({0, 0, {}}, Secret("first"));
  const tls::Sha256 before = chain.next_hash("x");
  chain.evolve();
  EXPECT_EQ(chain.head().epoch, 1u);
  EXPECT_NE(chain.next_hash("x"), before);
  const tls::Sha256 expected = tls::sha256({"first", "postern audit epoch"});
  EXPECT_EQ(chain.key()->reveal(), tls::octets_of(expected));
  Chain jumped({0, 0, {}}, Secret("first"));
  jumped.evolve_to(3);
  chain.evolve();
  chain.evolve();
  EXPECT_EQ(jumped.next_hash("x"), chain.next_hash("x"));
  EXPECT_EQ(jumped.head().epoch, 3u);
}

TEST(Chain, ACheckpointIsSignedOverThePlaceAndTheHash) {
  const tls::SigningKey key = tls::SigningKey::generate();
  ChainHead head{41, 2, {}};
  head.hash[0] = 7;
  const TrailCheckpoint checkpoint = make_checkpoint(head, &key);
  EXPECT_EQ(checkpoint.epoch, 3u);
  EXPECT_EQ(checkpoint.covered, 41u);
  EXPECT_EQ(checkpoint.head, "07" + std::string(62, '0'));
  EXPECT_EQ(checkpoint_text(41, 3, checkpoint.head),
            "postern audit checkpoint\n41 3 " + checkpoint.head + "\n");
  EXPECT_TRUE(is_signed_by(checkpoint, key.public_key()));
  EXPECT_FALSE(is_signed_by(checkpoint, tls::SigningKey::generate().public_key()));
  for (TrailCheckpoint wrong : {TrailCheckpoint{4, 41, checkpoint.head, checkpoint.signature, ""},
                                TrailCheckpoint{3, 42, checkpoint.head, checkpoint.signature, ""},
                                TrailCheckpoint{3, 41, std::string(64, '0'), checkpoint.signature, ""},
                                TrailCheckpoint{3, 41, checkpoint.head, "AAAA", ""},
                                TrailCheckpoint{3, 41, checkpoint.head, "no base64", ""}})
    EXPECT_FALSE(is_signed_by(wrong, key.public_key()));
  EXPECT_EQ(make_checkpoint(head, nullptr).signature, "");
}

}  // namespace
}  // namespace postern::audit
