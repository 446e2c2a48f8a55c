#include "imap/command_effect.h"

#include <gtest/gtest.h>

#include <utility>

#include "imap/command_scanner.h"
#include "unit/imap/loose_scanner.h"
#include "unit/imap/scan.h"

namespace postern::imap::testing {
namespace {

std::string shown(const CommandEffect& effect) {
  std::string out;
  const auto add = [&](Octets word) { out += (out.empty() ? "" : " ") + std::string(word); };
  for (const auto& [bit, name] : {std::pair<std::uint8_t, Octets>{effect::kReads, "read"},
                                  {effect::kWrites, "write"},
                                  {effect::kDestroys, "destructive"},
                                  {effect::kMayDestroy, "unsettled"},
                                  {effect::kAuthenticates, "auth"},
                                  {effect::kAdministers, "admin"}})
    if ((effect.classes & bit) != 0) add(name);
  if (effect.marks) add("marks");
  if (!effect.complete) add("unsure");
  for (const Octets flag : effect.flags) add(testing::shown(flag));
  return out;
}

constexpr const char* kWorst = "write destructive marks unsure";

// False: the scanner refused it.
template <typename Scanner>
bool read(Scanner scanner, const std::string& client, bool read_only, Events& all) {
  AppendReader reader;
  Octets in = client;
  for (;;) {
    switch (scanner.next(in)) {
      case CommandEvent::NeedMore:
        return true;
      case CommandEvent::Head:
        all.push_back(shown(effect_of(scanner.command(), read_only)));
        reader.begin(scanner.command());
        break;
      case CommandEvent::Part:
      case CommandEvent::End:
        all.push_back(shown(reader.next(scanner.command())));
        break;
      case CommandEvent::Malformed:
        return false;
      default:
        break;
    }
  }
}

// Of the head of `client` and of each part that follows it, whatever the CommandScanner thinks of it.
Events effects(const std::string& client, bool read_only = false) {
  Events all;
  read(LooseScanner(), client, read_only, all);
  Events strict;
  if (read(CommandScanner({}), client, read_only, strict)) {
    EXPECT_EQ(strict, all) << client;
  }
  return all;
}

std::string of(const std::string& command, bool read_only = false) {
  const Events all = effects("a " + command + "\r\n", read_only);
  EXPECT_EQ(all.size(), 1U) << command;
  return all.empty() ? "" : all.front();
}

void all_are(const std::string& effect, const std::vector<std::string>& commands) {
  for (const std::string& command : commands) {
    SCOPED_TRACE(testing::shown(command));
    EXPECT_EQ(of(command), effect);
  }
}

TEST(CommandEffect, MostVerbsAreWhatTheirRowSays) {
  all_are("read", {"SELECT x", "FETCH 1 BODY[]", "UID SEARCH ALL", "LIST \"\" *", "EXAMINE x"});
  all_are("write", {"COPY 1 x", "CREATE x", "SUBSCRIBE x", "RESETKEY"});
  all_are("write destructive", {"DELETE x", "RENAME a b", "EXPUNGE", "UID EXPUNGE 1:*", "uid move 1 x"});
  all_are("write destructive admin", {"SETACL x u lrs", "DELETEACL x u", "SETQUOTA \"\" (STORAGE 1)",
                                      "SETMETADATA x (/private/comment NIL)"});
  all_are("", {"NOOP", "CAPABILITY", "UNSELECT", "CHECK", "IDLE"});
  all_are("auth", {"LOGOUT"});
}

TEST(CommandEffect, WhatNobodyKnowsMayDoAnything) {
  all_are(kWorst, {"XPURGE", "X-DELETE (\\Seen)", "UID NOOP"});
}

// RFC 9051 §6.4.1.
TEST(CommandEffect, CloseExpungesWhatItMayWrite) {
  EXPECT_EQ(of("CLOSE"), "write destructive");
  EXPECT_EQ(of("cLoSe"), "write destructive");
  EXPECT_EQ(of("CLOSE", true), "");
}

TEST(StoreEffect, DeletesByEverySpelling) {
  all_are("write destructive marks \\Deleted",
          {"STORE 1 +FLAGS (\\Deleted)", "UID STORE 1:* +FLAGS (\\Deleted)", "STORE 1 +FLAGS \\Deleted",
           "store 1,3:5 +Flags.Silent (\\Deleted)", "STORE $ FLAGS (\\Deleted)", "STORE 1 FLAGS \\Deleted",
           "STORE 1 FLAGS.SILENT (\\Deleted)", "STORE 1 (UNCHANGEDSINCE 7) +FLAGS (\\Deleted)",
           "UID STORE 1 (unchangedsince 0) +flags.silent \\Deleted", "STORE *:1 +FLAGS (\\Deleted) "});
  all_are("write destructive marks \\dELETED", {"STORE 1 +FLAGS (\\dELETED)", "STORE 1 flags \\dELETED"});
  all_are("write destructive marks \\Seen \\Deleted $Junk",
          {"STORE 1 +FLAGS (\\Seen \\Deleted $Junk)", "STORE 1 FLAGS \\Seen \\Deleted $Junk"});
}

TEST(StoreEffect, LeavesMailByEveryOther) {
  all_are("write \\Seen", {"STORE 1 +FLAGS (\\Seen)", "STORE 1 -FLAGS \\Seen", "STORE 1 FLAGS (\\Seen)"});
  all_are("write \\Deleted", {"STORE 1 -FLAGS (\\Deleted)", "UID STORE 1 -flags.silent \\Deleted",
                              "STORE 1 (UNCHANGEDSINCE 7) -FLAGS (\\Deleted)"});
  all_are("write", {"STORE 1 FLAGS ()", "STORE 1 +FLAGS.SILENT ()"});
  all_are("write Deleted $Deleted \\Deletedx",
          {"STORE 1 +FLAGS (Deleted $Deleted \\Deletedx)", "STORE 1 FLAGS Deleted $Deleted \\Deletedx"});
  all_are("write $MDNSent NonJunk a+b&-.", {"STORE 1 +FLAGS ($MDNSent NonJunk a+b&-.)"});
}

// A label that goes can be the only mailbox that a message has; one that comes can be the trash.
TEST(StoreEffect, GmailsLabelsMayDelete) {
  all_are("write destructive marks \\Trash", {"STORE 1 +X-GM-LABELS (\\Trash)", "STORE 1 x-gm-labels \\Trash",
                                              "UID STORE 1 +X-GM-LABELS.SILENT (\\Trash)"});
  all_are("write destructive marks \\Inbox \"a b\" c] {1}\\r\\nd",
          {"STORE 1 -X-GM-LABELS (\\Inbox \"a b\" c] {1+}\r\nd)"});
  all_are("write destructive marks", {"STORE 1 X-GM-LABELS ()"});
  all_are(kWorst, {"STORE 1 X-GM-LABELS (a", "STORE 1 -X-GM-LABELS ((a))", "STORE 1 X-GM-LABELS"});
}

TEST(StoreEffect, WhatIsNotGrammaticalIsTheWorst) {
  all_are(kWorst, {"STORE",
                   "STORE 1",
                   "STORE 1 +FLAGS",
                   "STORE 1 +FLAGS ",
                   "STORE 1  +FLAGS (\\Seen)",
                   "STORE 1 +FLAGS  (\\Seen)",
                   "STORE 1 + FLAGS (\\Seen)",
                   "STORE 1 ++FLAGS (\\Seen)",
                   "STORE 1 +FLAGS(\\Seen)",
                   "STORE 1 FLAGS.SILENT.SILENT (\\Seen)",
                   "STORE 1 .SILENT (\\Seen)",
                   "STORE 1 +FLAGS ( \\Seen)",
                   "STORE 1 +FLAGS (\\Seen )",
                   "STORE 1 +FLAGS (\\Seen  $x)",
                   "STORE 1 +FLAGS (\\Seen",
                   "STORE 1 +FLAGS (\\Seen))",
                   "STORE 1 +FLAGS ((\\Seen))",
                   "STORE 1 +FLAGS (\\Seen) x",
                   "STORE 1 +FLAGS (\\Seen)(x)",
                   "STORE 1 +FLAGS \"\\\\Deleted\"",
                   "STORE 1 +FLAGS (\"\\\\Deleted\")",
                   "STORE 1 +FLAGS ({8+}\r\n\\Deleted)",
                   "STORE 1 +FLAGS {8+}\r\n\\Deleted",
                   "STORE 1 {6+}\r\n+FLAGS (\\Deleted)",
                   "STORE 1 \"+FLAGS\" (\\Seen)",
                   "STORE \"1\" +FLAGS (\\Seen)",
                   "STORE {1+}\r\n1 +FLAGS (\\Seen)",
                   "STORE 1 +FLAGS (\\)",
                   "STORE 1 +FLAGS (\\\\Deleted)",
                   "STORE 1 +FLAGS (\\*)",
                   "STORE 1 +FLAGS (\\Del\teted)",
                   "STORE 1 +FLAGS (a\xc3\xa4)",
                   "STORE 1 +FLAGS (a])",
                   "STORE a +FLAGS (\\Seen)",
                   "STORE 1 ANNOTATION (/comment (value.priv \"x\"))",
                   "STORE 1 FLAG (\\Seen)",
                   "STORE 1 FLAGSX (\\Seen)",
                   "STORE 1 () +FLAGS (\\Seen)",
                   "STORE 1 (UNCHANGEDSINCE) +FLAGS (\\Seen)",
                   "STORE 1 (UNCHANGEDSINCE x) +FLAGS (\\Seen)",
                   "STORE 1 (OTHER 1) -FLAGS (\\Seen)",
                   "STORE 1 (UNCHANGEDSINCE 1)-FLAGS (\\Seen)",
                   "STORE 1 -FLAGS (\\Seen) (UNCHANGEDSINCE 1)"});
  EXPECT_EQ(of("STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) -FLAGS (\\Seen)"), "write \\Seen");
}

TEST(StoreEffect, AFlagListAsLongAsALine) {
  std::string command = "STORE 1 +FLAGS (\\Seen";
  for (int i = 0; i < 9000; ++i) command += " $f" + std::to_string(i % 10);
  EXPECT_FALSE(of(command + " $x)").find("destructive") != std::string::npos);
  EXPECT_TRUE(of(command + " \\DELETED)").find("destructive marks") != std::string::npos);
}

TEST(AppendEffect, OfItsHead) {
  const auto head = [](const std::string& arguments) {
    const Events all = effects("a APPEND " + arguments + " {2+}\r\nhi\r\n");
    EXPECT_EQ(all.size(), 2U) << arguments;
    if (all.size() == 2 && all.front() != kWorst) {
      EXPECT_EQ(all.back(), "write") << arguments;
    }
    return all.empty() ? "" : all.front();
  };
  for (const std::string name : {"x", "\"x y\"", "{2+}\r\nxy", "INBOX"}) {
    SCOPED_TRACE(testing::shown(name));
    EXPECT_EQ(head(name), "write");
    EXPECT_EQ(head(name + " ()"), "write");
    EXPECT_EQ(head(name + " (\\Seen $x)"), "write \\Seen $x");
    EXPECT_EQ(head(name + " (\\Deleted)"), "write destructive marks \\Deleted");
    EXPECT_EQ(head(name + " (\\Seen \\dELETED) \"01-Jan-2026 00:00:00 +0000\""),
              "write destructive marks \\Seen \\dELETED");
    EXPECT_EQ(head(name + " \"01-Jan-2026 00:00:00 +0000\""), "write");
    EXPECT_EQ(head(name + " (\\Seen) ANNOTATION (/comment (value.priv {1+}\r\n)))"), "write \\Seen");
    EXPECT_EQ(head(name + " (\"\\\\Deleted\")"), kWorst);
    EXPECT_EQ(head(name + " ({8+}\r\n\\Deleted)"), kWorst);
    EXPECT_EQ(head(name + " ( \\Seen)"), kWorst);
    EXPECT_EQ(head(name + "  (\\Seen)"), kWorst);
    EXPECT_EQ(head(name + " \"01-Jan-2026 00:00:00 +0000\" (\\Seen)"), kWorst);
    EXPECT_EQ(head(name + " (\\Seen) (\\Seen)"), kWorst);
    EXPECT_EQ(head(name + " \\Deleted"), kWorst);
    EXPECT_EQ(head(name + " XFLAGS (\\Deleted)"), kWorst);
    EXPECT_EQ(head(name + " NIL"), kWorst);
  }
  EXPECT_EQ(head("\"" + std::string(9000, 'x') + "\""), kWorst);
  all_are(kWorst, {"APPEND", "APPEND x", "APPEND x (\\Seen)", "APPEND x CATENATE", "APPEND x UTF8 (",
                   "APPEND x CATENATE ()", "APPEND x CATENATE (URL)", "APPEND x CATENATE (URL /y",
                   "APPEND x CATENATE (TEXT y)"});
  all_are("write", {"APPEND x CATENATE (URL /y)", "append x catenate (url {2+}\r\n/y URL \"/z\")"});
  all_are("write destructive marks \\Deleted", {"APPEND x (\\Deleted) CATENATE (URL /y)",
                                                "APPEND x CATENATE (URL /y) (\\Deleted) CATENATE (URL /z)"});
}

struct Case {
  std::string client;
  Events effects;
};

constexpr const char* kDeletes = "write destructive marks \\Deleted";

TEST(AppendEffect, OfEachPart) {
  const std::vector<Case> cases{
      {"a APPEND x {1+}\r\nA (\\Deleted) {1+}\r\nB \"date\" {1+}\r\nC\r\n",
       {"write", kDeletes, "write", "write"}},
      {"a APPEND x (\\Seen) {1+}\r\nA {1+}\r\nB (\\Deleted) \"date\" {1+}\r\nC\r\n",
       {"write \\Seen", "write", kDeletes, "write"}},
      {"a APPEND x {1+}\r\nA (\\Deleted) CATENATE (URL \"/x\")\r\n", {"write", kDeletes}},
      {"a APPEND x {1+}\r\nA CATENATE (URL \"/x\") (\\Deleted) CATENATE (URL /y)\r\n", {"write", kDeletes}},
      {"a APPEND x CATENATE (URL (\\Deleted) TEXT {1+}\r\nA)\r\n", {kWorst, kWorst}},
      {"a APPEND x CATENATE (TEXT {1+}\r\nA URL {2+}\r\n/u text {1+}\r\nB) (\\Deleted) {1+}\r\nC\r\n",
       {"write", "write", kDeletes, "write"}},
      {"a APPEND x CATENATE (TEXT {1+}\r\nA) CATENATE (URL /y TEXT {1+}\r\nB URL (\\Deleted))\r\n",
       {"write", "write", kWorst}},
      {"a APPEND x CATENATE (TEXT {1+}\r\nA URL \"(\\\\Deleted)\")\r\n", {"write", "write"}},
      {"a APPEND x (\\Seen) UTF8 (~{1+}\r\nA)\r\n", {"write \\Seen", "write"}},
      {"a APPEND x UTF8 (~{1+}\r\nA) (\\Deleted) UTF8 (~{1+}\r\nB) {1+}\r\nC\r\n",
       {"write", kDeletes, "write", "write"}},
      {"a APPEND x UTF8 (~{1+}\r\nA (\\Deleted))\r\n", {"write", kWorst}},
      {"a APPEND x UTF8 (~{1+}\r\nA\r\n", {"write", kWorst}},
      {"a APPEND x CATENATE (TEXT {1+}\r\nA\r\n", {"write", kWorst}},
      {"a APPEND x {1+}\r\nA) {1+}\r\nB\r\n", {"write", kWorst, kWorst}},
      {"a APPEND x {1+}\r\nA  (\\Seen) {1+}\r\nB\r\n", {"write", kWorst, kWorst}},
      {"a APPEND x {1+}\r\nA (\"\\\\Deleted\") {1+}\r\nB (\\Seen) {1+}\r\nC\r\n",
       {"write", kWorst, kWorst, kWorst}},
      {"a APPEND x {1+}\r\nA ({8+}\r\n\\Deleted) {1+}\r\nB\r\n", {"write", kWorst, kWorst}},
      {"a APPEND x {1+}\r\nA (\\Deleted)\r\n", {"write", kWorst}},
      {"a APPEND x {1+}\r\nA URL /y\r\n", {"write", kWorst}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::shown(c.client));
    EXPECT_EQ(effects(c.client), c.effects);
  }
}

// RFC 8508: one message, whose head is a deletion whatever its flags.
TEST(AppendEffect, OfReplace) {
  constexpr const char* kRemoves = "write destructive";
  const std::vector<Case> cases{
      {"a REPLACE 4 Drafts (\\Seen) {1+}\r\nA\r\n", {"write destructive \\Seen", kRemoves}},
      {"a UID REPLACE 4 {6+}\r\nDrafts (\\Deleted) {1+}\r\nA\r\n", {kDeletes, kRemoves}},
      {"a REPLACE 4 Drafts CATENATE (TEXT {1+}\r\nA URL /x)\r\n", {kRemoves, kRemoves}},
      {"a REPLACE 4 Drafts {1+}\r\nA (\\Seen) {1+}\r\nB\r\n", {kRemoves, kWorst, kWorst}},
      {"a REPLACE 4 {1+}\r\nA (\\Seen) {1+}\r\nB\r\n", {"write destructive \\Seen", kRemoves}},
      {"a REPLACE {1+}\r\n4 {1+}\r\nx {1+}\r\nB\r\n", {kRemoves, kRemoves}},
      {"a REPLACE 4\r\n", {kWorst}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::shown(c.client));
    EXPECT_EQ(effects(c.client), c.effects);
  }
}

TEST(AppendEffect, AReaderIsUsedForOneCommandAfterAnother) {
  const std::string lost = "a APPEND x {1+}\r\nA)) {1+}\r\nB\r\n";
  EXPECT_EQ(effects(lost + "b APPEND x {1+}\r\nA (\\Deleted) {1+}\r\nB\r\n"),
            (Events{"write", kWorst, kWorst, "write", kDeletes, "write"}));
}

}  // namespace
}  // namespace postern::imap::testing
