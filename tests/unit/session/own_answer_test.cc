#include "session/errands/own_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "imap/response_scanner.h"

namespace postern::session {
namespace {

struct Read {
  std::optional<std::uint64_t> count;
  std::optional<std::vector<std::string>> trash;
  std::vector<bool> taken;  // of each response
};

// As a session does it: the responses in pieces of `piece` octets.
Read read(OwnKind kind, const std::string& stream, std::size_t piece) {
  OwnAnswer answer(kind, "T1");
  imap::ResponseScanner scanner;
  Read out;
  bool taken = false;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    Octets in = Octets(stream).substr(at, piece);
    for (;;) {
      const imap::ResponseEvent event = scanner.next(in);
      if (event == imap::ResponseEvent::NeedMore) break;
      if (event == imap::ResponseEvent::Malformed) {
        ADD_FAILURE() << "malformed";
        return out;
      }
      if (event == imap::ResponseEvent::Head) {
        taken = answer.takes(scanner.response(), scanner.octets());
        out.taken.push_back(taken);
      }
      if (taken) answer.feed(scanner.octets(), scanner.complete());
    }
  }
  out.count = answer.count();
  out.trash = answer.trash();
  return out;
}

class OwnAnswers : public ::testing::TestWithParam<std::size_t> {
 protected:
  Read read(OwnKind kind, const std::string& stream) { return session::read(kind, stream, GetParam()); }
};

TEST_P(OwnAnswers, CountsWhatMatches) {
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH\r\n").count, 0u);
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH \r\n").count, 0u);
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH 7\r\n").count, 1u);
  EXPECT_EQ(read(OwnKind::Matches, "* search 1 22 333\r\n").count, 3u);
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH 1 22 333 (MODSEQ 917)\r\n").count, 3u);
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH 1 2\r\n* SEARCH 3\r\n").count, 3u) << "in two lines";
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\") COUNT 12\r\n").count, 12u);
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\") UID COUNT 0\r\n").count, 0u);
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\") UID ALL 1:9 count 4\r\n").count, 4u);
}

TEST_P(OwnAnswers, CountsALongLineAsItStreamsBy) {
  std::string line = "* SEARCH";
  for (int i = 1; i <= 20000; ++i) line += " " + std::to_string(i);
  EXPECT_EQ(read(OwnKind::Matches, line + "\r\n").count, 20000u);
}

TEST_P(OwnAnswers, NoCountIsNotZero) {
  EXPECT_EQ(read(OwnKind::Matches, "* OK hello\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Matches, "* SEARCH many\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\")\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\") COUNT x\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Matches, "* ESEARCH (TAG \"T1\") COUNT 99999999999999999999\r\n").count,
            std::nullopt);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS a (UNSEEN 4)\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS a (MESSAGES )\r\n").count, std::nullopt);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS a (MESSAGES 4\r\n").count, std::nullopt);
}

TEST_P(OwnAnswers, TheAnswerToAnotherIsTheClients) {
  const Read search = read(OwnKind::Matches,
                           "* ESEARCH (TAG \"a7\") COUNT 2\r\n* 3 EXISTS\r\n* STATUS x (MESSAGES 1)\r\n"
                           "* SEARCH 1\r\n* 5 FETCH (FLAGS ())\r\n");
  EXPECT_EQ(search.count, 1u);
  EXPECT_EQ(search.taken, (std::vector<bool>{false, false, false, true, false}));
}

TEST_P(OwnAnswers, MessagesOfAMailbox) {
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS blurdybloop (MESSAGES 231)\r\n").count, 231u);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS \"a (b) \\\" c\" (messages 0)\r\n").count, 0u);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS {5}\r\na (b) (MESSAGES 6)\r\n").count, 6u);
  // By NOTIFY another mailbox may be told of in between: two answers are none.
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS b (MESSAGES 1)\r\n* STATUS a (MESSAGES 231)\r\n").count,
            std::nullopt);
  EXPECT_EQ(read(OwnKind::Messages, "* STATUS b (MESSAGES 1 UIDNEXT 7)\r\n").count, std::nullopt);
}

TEST_P(OwnAnswers, TrashAndJunk) {
  const Read list = read(OwnKind::SpecialUse,
                         "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n"
                         "* LIST (\\HasNoChildren \\Trash) \"/\" \"Papierkorb \\\"x\\\"\"\r\n"
                         "* LIST (\\junk) NIL {4}\r\nSpam\r\n"
                         "* LIST () \"/\" \"\\\\Trash\"\r\n");
  EXPECT_EQ(list.trash, (std::vector<std::string>{"Papierkorb \"x\"", "Spam"}));
  EXPECT_EQ(read(OwnKind::SpecialUse, "").trash, std::vector<std::string>{});
  EXPECT_EQ(read(OwnKind::SpecialUse, "* LIST (\\Trash) \"/\"\r\n").trash, std::nullopt);
}

TEST_P(OwnAnswers, TooManyTrashMailboxesAreUnknown) {
  std::string lines;
  for (std::size_t i = 0; i < OwnAnswer::kTrashMailboxes; ++i)
    lines += "* LIST (\\Trash) \"/\" t" + std::to_string(i) + "\r\n";
  EXPECT_EQ(read(OwnKind::SpecialUse, lines).trash->size(), OwnAnswer::kTrashMailboxes);
  EXPECT_EQ(read(OwnKind::SpecialUse, lines + "* LIST (\\Trash) \"/\" more\r\n").trash, std::nullopt);
}

TEST_P(OwnAnswers, AllOfAnExamineButWhatIsForTheUser) {
  EXPECT_EQ(
      read(OwnKind::Examine, "* OK [CLOSED] x\r\n* 3 EXISTS\r\n* FLAGS ()\r\n* OK [ALERT] full\r\n* BYE\r\n")
          .taken,
      (std::vector<bool>{true, true, true, false, false}));
}

INSTANTIATE_TEST_SUITE_P(Pieces, OwnAnswers, ::testing::Values(1, 7, 100000));

}  // namespace
}  // namespace postern::session
