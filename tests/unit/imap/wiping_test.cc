// What a scanner held is wiped before it is freed: a client's line may be a LOGIN.
#include <gtest/gtest.h>

#include "base/base64.h"
#include "imap/arguments.h"
#include "imap/command_scanner.h"
#include "imap/held_octets.h"
#include "imap/writer.h"
#include "unit/base/freed_memory.h"

namespace postern::imap {
namespace {

using postern::testing::kCanary;
using postern::testing::Watch;

// Feeds octet by octet and runs into whatever comes.
void feed(CommandScanner& scanner, const std::string& client) {
  for (std::size_t i = 0; i < client.size(); ++i) {
    Octets in = Octets(client).substr(i, 1);
    while (scanner.next(in) != CommandEvent::NeedMore &&
           !(scanner.error() != ErrorCode::Ok && !scanner.certain())) {
    }
  }
}

std::string login(const std::string& password) { return "a LOGIN smith " + password + "\r\n"; }

TEST(HeldOctets, WipesWhatItOutgrowsTruncatesAndClears) {
  Watch watch;
  HeldOctets held;
  for (int i = 0; i < 100; ++i) held.append(kCanary, 4000);
  EXPECT_GT(watch.blocks(), 2);
  EXPECT_EQ(held.view().substr(99 * kCanary.size()), kCanary);
  held.truncate(4);
  EXPECT_EQ(held.view(), kCanary.substr(0, 4));
  const char* const behind = held.view().data() + 4;
  EXPECT_EQ(Octets(behind, 3).find_first_not_of('\0'), Octets::npos);
  held.append(kCanary, 4000);
  held.clear();
  EXPECT_EQ(held.capacity(), 0U);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(HeldOctets, GrowsNoFurtherThanItsOwnerAllows) {
  HeldOctets held;
  for (int i = 0; i < 1000; ++i) held.append("x", 1000);
  EXPECT_EQ(held.capacity(), 1000U);
}

TEST(HeldOctets, LeavesNothingInWhatItWasMovedFrom) {
  Watch watch;
  HeldOctets first;
  first.append(kCanary, 100);
  HeldOctets second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the promise is what is tested
  EXPECT_EQ(second.view(), kCanary);
  second = HeldOctets();
  EXPECT_EQ(watch.blocks(), 1);
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(CommandScanner, WipesWhatItHeld) {
  const std::string password(kCanary);
  const std::string literal = "{28+}\r\n" + password;
  for (const std::string& client : {
           login(password),                                            // a line that came in pieces
           login("{28}\r\n" + password),                               // an argument literal
           login(literal) + "b NOOP\r\n",                              // and the command behind it
           login(literal + " {5+}\r\nhello" + std::string(500, 'x')),  // the framing is lost
           login("\"" + password),                                     // the same
           " " + login(password),                                      // malformed
           "a  X " + literal + "\r\n",                                 // swallowed
           "a LOGIN smith " + password,                                // never completed
           "a LOGIN smith " + literal + password,
       }) {
    Watch watch;
    {
      CommandScanner scanner({});
      feed(scanner, client);
    }
    EXPECT_GT(watch.blocks(), 0) << client;
    EXPECT_EQ(watch.canaries(), 0) << client;
  }
}

TEST(CommandScanner, WipesTheLinesOfAnExchange) {
  Watch watch;
  {
    CommandScanner scanner({});
    Octets in = kCanary;
    EXPECT_EQ(scanner.next_line(in, 100), CommandEvent::NeedMore);
    in = "\r\n";
    EXPECT_EQ(scanner.next_line(in, 100), CommandEvent::Line);
    EXPECT_EQ(scanner.octets(), kCanary);
    scanner.release();
    EXPECT_EQ(watch.blocks(), 1);
  }
  EXPECT_EQ(watch.canaries(), 0);
}

TEST(Values, LeaveNoSecretBehind) {
  Watch watch;
  {
    const std::string args = "\"" + std::string(kCanary) + "\\\"x\"";
    ArgumentReader reader(args);
    const auto password = reader.secret_astring();
    ASSERT_TRUE(password);
    const SecretProgram program = write_login("a", "smith", password->reveal());
    const Secret encoded = encode_base64(program.chunks.back().reveal());
    EXPECT_EQ(decode_base64(encoded.reveal())->reveal(), program.chunks.back().reveal());
  }
  EXPECT_GT(watch.blocks(), 3);
  EXPECT_EQ(watch.canaries(), 0);
}

}  // namespace
}  // namespace postern::imap
