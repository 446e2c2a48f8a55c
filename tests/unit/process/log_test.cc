#include "process/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "unit/tls/certificates.h"

namespace postern::server {
namespace {

using tls::testing::TempFolder;

class LogFile : public ::testing::Test {
 protected:
  LogFile() { settings_.file = folder_.path("postern.log"); }

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string written() const { return read(settings_.file); }

  TempFolder folder_;
  config::Log settings_;
};

TEST_F(LogFile, HoldsWhatWasLoggedOnceTheLogHasEnded) {
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    (*log)->log(LogLevel::Info, "listening", "", {{"name", "imaps"}, {"address", "[::]:993"}});
    (*log)->log(LogLevel::Warning, "login failed", "ABC", {{"user", "x\ny"}});
    EXPECT_EQ((*log)->messages(LogLevel::Info), 1U);
    EXPECT_EQ((*log)->messages(LogLevel::Warning), 1U);
  }
  const std::string text = written();
  EXPECT_NE(text.find("Z info listening name=imaps address=[::]:993\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Z warning login failed session=ABC user=\"x\\ny\"\n"), std::string::npos) << text;
}

TEST_F(LogFile, LeavesOutWhatIsBelowTheLevel) {
  settings_.level = 2;
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    EXPECT_FALSE((*log)->wants(LogLevel::Info));
    EXPECT_TRUE((*log)->wants(LogLevel::Warning));
    (*log)->log(LogLevel::Info, "quiet", "", {});
    EXPECT_EQ((*log)->messages(LogLevel::Info), 0U);
  }
  EXPECT_EQ(written(), "");
}

TEST_F(LogFile, WritesJsonWhereAsked) {
  settings_.format = config::LogFormat::Json;
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    (*log)->log(LogLevel::Info, "ready", "", {{"workers", "2"}});
  }
  const std::string text = written();
  EXPECT_EQ(text.rfind("{\"time\":\"20", 0), 0U) << text;
  EXPECT_NE(text.find("\"event\":\"ready\",\"workers\":\"2\"}\n"), std::string::npos) << text;
}

TEST_F(LogFile, TakesOtherSettingsAtAReload) {
  const std::string first = settings_.file;
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    settings_.file = folder_.path("other.log");
    settings_.level = 0;
    ASSERT_TRUE((*log)->open_next(settings_));
    (*log)->log(LogLevel::Debug, "too quiet", "", {});
    (*log)->log(LogLevel::Info, "before", "", {});
    while (read(first).find("info before\n") == std::string::npos)
      std::this_thread::yield();  // opened, not used
    (*log)->take_next();
    (*log)->log(LogLevel::Debug, "after", "", {});
  }
  EXPECT_EQ(read(first).find("after"), std::string::npos);
  EXPECT_EQ(read(first).find("too quiet"), std::string::npos);
  EXPECT_NE(written().find("debug after\n"), std::string::npos);
}

TEST_F(LogFile, KeepsTheOldFileIfTheNewOneCannotBeOpened) {
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    config::Log broken = settings_;
    broken.file = folder_.path("missing/postern.log");
    broken.level = 3;
    const auto result = (*log)->open_next(broken);
    ASSERT_FALSE(result);
    (*log)->take_next();  // of which there is none
    EXPECT_NE(result.error().detail.find("No such file"), std::string::npos);
    (*log)->log(LogLevel::Info, "still here", "", {});
  }
  EXPECT_NE(written().find("info still here\n"), std::string::npos);
}

TEST_F(LogFile, IsMadeAnewAfterARotation) {
  const std::filesystem::path moved = folder_.path("postern.log.1");
  {
    auto log = Log::open(settings_);
    ASSERT_TRUE(log);
    std::filesystem::rename(settings_.file, moved);
    ASSERT_TRUE((*log)->reopen());
    (*log)->log(LogLevel::Info, "new file", "", {});
  }
  EXPECT_EQ(read(moved).find("new file"), std::string::npos);
  EXPECT_NE(written().find("info new file\n"), std::string::npos);
}

TEST_F(LogFile, CannotBeOpenedInAMissingFolder) {
  settings_.file = folder_.path("missing/postern.log");
  const auto log = Log::open(settings_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::FileUnreadable);
}

TEST_F(LogFile, AReaderThatDoesNotReadStopsNobody) {
  // A named pipe that is open and never read: 64 KiB fit, the rest is dropped and counted.
  settings_.file = folder_.path("pipe");
  ASSERT_EQ(mkfifo(settings_.file.c_str(), 0600), 0);
  const int reader = open(settings_.file.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto log = Log::open(settings_);
  ASSERT_TRUE(log);
  for (int i = 0; i < 10'000; ++i) (*log)->log(LogLevel::Info, "flood", "", {{"number", std::to_string(i)}});
  EXPECT_EQ((*log)->messages(LogLevel::Info), 10'000U);
  EXPECT_GT((*log)->dropped(), 5'000U);
  log->reset();  // ends although nobody reads
  close(reader);
}

}  // namespace
}  // namespace postern::server
