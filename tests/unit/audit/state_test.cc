// FILE.state: what is written is read back, and what is wrong in it is named.
#include "audit/trail/state.h"

#include <gtest/gtest.h>

namespace postern::audit {
namespace {

State sample(bool keyed) {
  State state;
  state.head.sequence = 1234567;
  state.head.epoch = 89;
  for (std::size_t i = 0; i < state.head.hash.size(); ++i) state.head.hash[i] = static_cast<unsigned char>(i);
  state.redaction_key = Secret(std::string(32, 'r'));
  state.file = {7, 8};
  state.offset = 9;
  state.clean = true;
  if (keyed) {
    state.key.emplace(std::string(32, 'k'));
    state.first_key[0] = 1;
  }
  return state;
}

std::string text_of(const State& state) { return std::string(encode(state).reveal()); }

TEST(AuditState, IsReadBackAsItWasWritten) {
  for (const bool keyed : {false, true}) {
    const State before = sample(keyed);
    Result<State> after = decode_state(text_of(before), "trail.state");
    ASSERT_TRUE(after) << after.error().detail;
    EXPECT_EQ(after->head.sequence, before.head.sequence);
    EXPECT_EQ(after->head.epoch, before.head.epoch);
    EXPECT_EQ(after->head.hash, before.head.hash);
    EXPECT_EQ(after->chained, before.chained);
    EXPECT_EQ(after->file, before.file);
    EXPECT_EQ(after->offset, before.offset);
    EXPECT_EQ(after->clean, before.clean);
    EXPECT_EQ(after->redaction_key.reveal(), before.redaction_key.reveal());
    ASSERT_EQ(after->key.has_value(), keyed);
    EXPECT_EQ(keyed ? after->key->reveal() : Octets(), keyed ? before.key->reveal() : Octets());
    EXPECT_EQ(after->first_key, before.first_key);
  }
}

// Whatever is left out or cut off, it is not taken for a state.
TEST(AuditState, EveryLineIsNeeded) {
  const std::string text = text_of(sample(true));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string name = text.substr(at, text.find(' ', at) - at);
    std::string without = text;
    without.erase(at, end + 1 - at);
    // Without a key it is the state of an unkeyed chain, which the settings do not allow.
    if (name != "key") {
      const Result<State> state = decode_state(without, "trail.state");
      ASSERT_FALSE(state) << name;
      EXPECT_NE(state.error().detail.find(name + " is wrong"), std::string::npos) << state.error().detail;
    }
    std::string bad = text;
    bad[text.find(' ', at) + 1] = '?';
    EXPECT_FALSE(decode_state(bad, "trail.state")) << name;
    at = end + 1;
  }
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const bool whole_lines = size > 0 && text[size - 1] == '\n';
    if (whole_lines) continue;
    EXPECT_FALSE(decode_state(text.substr(0, size), "trail.state")) << size;
  }
}

TEST(AuditState, TheErrorSaysWhatToDoAndNoKey) {
  std::string text = text_of(sample(true));
  text.replace(text.find("epoch 89"), 8, "epoch -1");
  const Result<State> state = decode_state(text, "/var/trail.state");
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().detail.find("/var/trail.state"), std::string::npos);
  EXPECT_NE(state.error().detail.find("restore it"), std::string::npos);
  EXPECT_EQ(state.error().detail.find("6b6b"), std::string::npos);
}

}  // namespace
}  // namespace postern::audit
