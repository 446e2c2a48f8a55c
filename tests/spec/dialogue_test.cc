// Every dialogue of this folder is a test. It is played whole, octet by octet and cut in two at every place,
// with memory that stays and with memory that goes; each way has to give what is written.
#include "spec/dialogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "spec/player.h"
#include "spec/seeds.h"

namespace postern::spec {
namespace {

constexpr const char* kFolder = "tests/spec";  // tests run from the root of the project
constexpr std::size_t kDialoguesLeast = 80;
constexpr std::size_t kSplitsInFull = 160;  // of longer chunks, the later splits are sampled
constexpr std::size_t kLongChunk = 4000;    // of these all are

std::size_t longest_chunk(const Dialogue& dialogue) {
  std::size_t longest = 0;
  for (const Step& step : dialogue.steps) {
    if (step.kind != StepKind::ClientSends && step.kind != StepKind::UpstreamSends) continue;
    const Captures tags = own_tags(dialogue);
    longest = std::max(longest, expand(step.text, tags).size());
  }
  return longest;
}

std::vector<Way> ways_for(const Dialogue& dialogue) {
  using Memory = Way::Memory;
  const auto memories = {Memory::Stays, Memory::GoesAfterWriting, Memory::GoesBeforeWriting};
  std::vector<Way> ways;
  for (const Memory memory : memories) ways.push_back({0, 0, memory});
  if (dialogue.has("whole-only")) return ways;
  for (const Memory memory : memories) ways.push_back({1, 0, memory});
  ways.push_back({7, 0, Memory::GoesBeforeWriting});
  const std::size_t longest = longest_chunk(dialogue);
  for (std::size_t split = 1; split < longest;) {
    ways.push_back({0, split, Memory::GoesBeforeWriting});
    ways.push_back({0, split, Memory::Stays});
    const bool in_full = split < kSplitsInFull && longest < kLongChunk;
    split += in_full ? 1 : std::max<std::size_t>(1, longest / 23);
  }
  return ways;
}

class DialogueTest : public ::testing::Test {
 public:
  explicit DialogueTest(const Dialogue& dialogue) : dialogue_(dialogue) {}
  void TestBody() override {
    for (const Way& way : ways_for(dialogue_)) {
      const Failure failure = Player(dialogue_, way).play();
      if (failure.what.empty()) continue;
      ADD_FAILURE_AT(dialogue_.file.c_str(), failure.line) << failure.what;
      return;
    }
    write_seed(dialogue_);
  }

 private:
  const Dialogue& dialogue_;
};

const std::vector<Dialogue>& all_dialogues() {
  static const std::vector<Dialogue> all = [] {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder))
      if (entry.path().extension() == ".md" && entry.path().stem() != "README")
        files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    std::vector<Dialogue> found;
    for (const std::string& file : files)
      for (Dialogue& dialogue : read_dialogues(file)) found.push_back(std::move(dialogue));
    return found;
  }();
  return all;
}

std::string suite_of(const Dialogue& dialogue) {
  return "Spec_" + std::filesystem::path(dialogue.file).stem().string();
}

// Before main(), as the macros of GoogleTest do it: gtest_main is not ours.
const bool registered = [] {
  std::error_code missing;
  if (!std::filesystem::is_directory(kFolder, missing)) return false;
  for (const Dialogue& dialogue : all_dialogues())
    ::testing::RegisterTest(suite_of(dialogue).c_str(), dialogue.name.c_str(), nullptr, nullptr,
                            dialogue.file.c_str(), dialogue.line,
                            [&dialogue]() -> ::testing::Test* { return new DialogueTest(dialogue); });
  return true;
}();

TEST(Spec, IsFoundAndComplete) {
  ASSERT_TRUE(registered) << kFolder << " is not below the working directory";
  EXPECT_GE(all_dialogues().size(), kDialoguesLeast);
}

Dialogue small(std::vector<Step> steps) { return {"none.md", "None", 1, {}, std::move(steps)}; }

TEST(Spec, TellsADialogueThatGoesOtherwise) {
  const Step noop{StepKind::ClientSends, "a NOOP<<CR>><<LF>>", 1};
  const Step right{StepKind::ClientSees, "a OK NOOP completed<<CR>><<LF>>", 2};
  const Step wrong{StepKind::ClientSees, "a OK Something else<<CR>><<LF>>", 3};
  EXPECT_EQ(Player(small({noop, right}), Way{}).play().what, "");
  EXPECT_EQ(Player(small({noop, wrong}), Way{}).play().line, 3);
  EXPECT_NE(Player(small({noop}), Way{}).play().what, "");
  EXPECT_NE(Player(small({noop, right, right}), Way{}).play().what, "");
  EXPECT_NE(Player(small({noop, right, {StepKind::Asked, "close logout clean", 3}}), Way{}).play().what, "");
}

TEST(Spec, UnderstandsTokens) {
  Captures captures;
  EXPECT_EQ(expand("<<61*3>><<61>><<ab*2>><<NUL>>", captures), std::string("616161aabab\0", 12));
  EXPECT_EQ(expand("<<base64:\\0alice\\0pw>>", captures), "AGFsaWNlAHB3");
  EXPECT_EQ(match("<<tag>> CAPABILITY<<LF>>", "P123 CAPABILITY\nrest", captures), 16U);
  EXPECT_EQ(captures["tag"], "P123");
  EXPECT_EQ(match("<<tag>> OK <<...>><<LF>>", "P123 OK whatever\n", captures), 17U);
  EXPECT_EQ(match("<<tag>> OK", "P124 OK", captures), std::string::npos);
}

}  // namespace
}  // namespace postern::spec
