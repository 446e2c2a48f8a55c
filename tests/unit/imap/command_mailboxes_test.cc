#include "imap/command_mailboxes.h"

#include <gtest/gtest.h>

#include "imap/command_scanner.h"
#include "unit/imap/loose_scanner.h"
#include "unit/imap/scan.h"

namespace postern::imap::testing {
namespace {

std::string shown(const MailboxUses& uses) {
  constexpr const char* kRoles[] = {"opened", "named",   "read", "source",
                                    "target", "subtree", "ref",  "pattern"};
  std::string out;
  for (const MailboxUse& use : uses.named) {
    if (!out.empty()) out += ' ';
    out += kRoles[static_cast<std::size_t>(use.role)];
    out += use.utf8 ? "(url)=" : "=";
    out += testing::shown(Octets(use.name));
  }
  if (uses.selected) out += out.empty() ? "selected" : " selected";
  if (!uses.complete) out += out.empty() ? "unsure" : " unsure";
  return out;
}

// False: the scanner refused it.
template <typename Scanner>
bool read(Scanner scanner, const std::string& client, Events& all) {
  Octets in = client;
  for (;;) {
    switch (scanner.next(in)) {
      case CommandEvent::NeedMore:
        return true;
      case CommandEvent::Head:
      case CommandEvent::Part:
      case CommandEvent::End:
        all.push_back(shown(mailboxes_of(scanner.command())));
        break;
      case CommandEvent::Malformed:
        return false;
      default:
        break;
    }
  }
}

// Of each head and part of `client`, which is a command with its literals, in order; whatever the
// CommandScanner thinks of it.
Events mailboxes(const std::string& client) {
  Events all;
  read(LooseScanner(), client, all);
  Events strict;
  if (read(CommandScanner({}), client, strict)) {
    EXPECT_EQ(strict, all) << client;
  }
  return all;
}

std::string of(const std::string& command) {
  const Events all = mailboxes("a " + command + "\r\n");
  EXPECT_EQ(all.size(), 1U) << command;
  return all.empty() ? "" : all.front();
}

TEST(CommandMailboxes, OneName) {
  EXPECT_EQ(of("SELECT Archive"), "opened=Archive");
  EXPECT_EQ(of("select \"a b\" (QRESYNC (1 2 3:4))"), "opened=a b");
  EXPECT_EQ(of("EXAMINE {5+}\r\nIN\"OX"), "opened=IN\"OX");
  EXPECT_EQ(of("CREATE x (USE (\\Sent))"), "target=x");
  EXPECT_EQ(of("DELETE [Gmail]/Trash"), "source=[Gmail]/Trash");
  EXPECT_EQ(of("RENAME a \"b c\""), "source=a target=b c");
  EXPECT_EQ(of("RENAME {1+}\r\na {1+}\r\nb"), "source=a target=b");
  for (const std::string verb : {"SUBSCRIBE", "UNSUBSCRIBE", "GETACL", "MYRIGHTS", "GETQUOTAROOT"})
    EXPECT_EQ(of(verb + " x"), "named=x");
  EXPECT_EQ(of("STATUS x (MESSAGES)"), "named=x");
  EXPECT_EQ(of("SETACL x fred +lrs"), "named=x");
  EXPECT_EQ(of("DELETEACL x fred"), "named=x");
  EXPECT_EQ(of("LISTRIGHTS x fred"), "named=x");
  EXPECT_EQ(of("RESETKEY x INTERNAL"), "named=x");
  EXPECT_EQ(of("RESETKEY"), "");
}

TEST(CommandMailboxes, BehindASequenceSet) {
  EXPECT_EQ(of("COPY 1:*,5 Archive"), "target=Archive selected");
  EXPECT_EQ(of("UID MOVE $ \"a b\""), "target=a b selected");
  EXPECT_EQ(of("UID EXPUNGE 1:*"), "selected");
  EXPECT_EQ(of("STORE 1 +FLAGS (\\Seen)"), "selected");
  EXPECT_EQ(of("FETCH 1 (BODY[HEADER.FIELDS (TO)])"), "selected");
}

TEST(CommandMailboxes, Messages) {
  EXPECT_EQ(mailboxes("a APPEND Sent (\\Seen) {2+}\r\nhi\r\n"), (Events{"target=Sent", ""}));
  EXPECT_EQ(mailboxes("a REPLACE 4 Drafts {2+}\r\nhi\r\n"), (Events{"target=Drafts selected", ""}));
  EXPECT_EQ(mailboxes("a APPEND Sent  ( \\Seen  \\Draft )  {2+}\r\nhi\r\n"),
            (Events{"target=Sent unsure", ""}));
  EXPECT_EQ(mailboxes("a APPEND Sent ( \\Seen  \\Draft )  {2+}\r\nhi\r\n"), (Events{"target=Sent", ""}));
  // RFC 4469 §4, examples; the mailbox of a URL is read.
  EXPECT_EQ(mailboxes("a APPEND Drafts (\\Seen URL x) CATENATE (URL "
                      "\"imap://u@h/Old%20Mail;UIDVALIDITY=385759043/;UID=20\" TEXT {2+}\r\nhi URL "
                      "/B/C/;UID=1 URL \";UID=30/;section=1\" TEXT {2+}\r\nhi)\r\n"),
            (Events{"target=Drafts read(url)=Old Mail", "read(url)=B/C selected", ""}));
  EXPECT_EQ(of("APPEND x CATENATE (URL {2+}\r\n/y)"), "target=x read(url)=y");
  EXPECT_EQ(mailboxes("a APPEND x {1+}\r\nA (URL URL) CATENATE (TEXT {1+}\r\nB URL /z)\r\n"),
            (Events{"target=x", "", "read(url)=z"}));
  EXPECT_EQ(mailboxes("a APPEND x UTF8 (~{1+}\r\nA) CATENATE (URL /z TEXT {1+}\r\nB)\r\n"),
            (Events{"target=x", "read(url)=z", ""}));
}

TEST(CommandMailboxes, Urls) {
  EXPECT_EQ(of("URLFETCH \"imap://joe@example.com/INBOX/;uid=20/;section=1.2;expire=x:internal:91\""),
            "read(url)=INBOX");
  EXPECT_EQ(of("URLFETCH (\"imap://h/a%2Fb\" BINARY) \"imaps://h/%C3%A4\""), "read(url)=a/b read(url)=ä");
  EXPECT_EQ(of("GENURLAUTH \"imap://h/x;UID=1;urlauth=anonymous\" INTERNAL"), "read(url)=x");
  EXPECT_EQ(of("URLFETCH http://h/x"), "unsure");
  EXPECT_EQ(of("URLFETCH \"imap://h/%4\""), "unsure");
  EXPECT_EQ(of("URLFETCH \"imap://h/%zz\""), "unsure");
  EXPECT_EQ(of("URLFETCH imap://h"), "selected");
}

TEST(CommandMailboxes, Lists) {
  EXPECT_EQ(of("LIST \"\" *"), "ref= pattern=*");
  EXPECT_EQ(of("LSUB #news. \"%.x\""), "ref=#news. pattern=%.x");
  EXPECT_EQ(of("XLIST \"\" \"*\""), "ref= pattern=*");
  EXPECT_EQ(of("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"Draft*\" Sent/%) RETURN (STATUS (MESSAGES))"),
            "ref= pattern=INBOX pattern=Draft* pattern=Sent/%");
  EXPECT_EQ(of("LIST () \"\" ()"), "ref=");
}

TEST(CommandMailboxes, Metadata) {
  EXPECT_EQ(of("GETMETADATA \"\" /shared/comment"), "named=");
  EXPECT_EQ(of("GETMETADATA (MAXSIZE 1024 DEPTH 1) INBOX (/shared/comment)"), "named=INBOX");
  // RFC 5464 §4.2.1 has it in its examples, the grammar does not.
  EXPECT_EQ(of("GETMETADATA INBOX (MAXSIZE 1024) /shared/comment"), "named=INBOX");
  EXPECT_EQ(of("SETMETADATA INBOX (/private/comment {2+}\r\nhi)"), "named=INBOX");
}

// RFC 5465 §3, RFC 7377 §2.
TEST(CommandMailboxes, FiltersOfMailboxes) {
  EXPECT_EQ(of("NOTIFY NONE"), "");
  EXPECT_EQ(of("NOTIFY SET STATUS (selected MessageNew (uid body.peek[header.fields (from to subject)]))"),
            "selected");
  EXPECT_EQ(of("NOTIFY SET STATUS (selected (MessageNew (uid) MessageExpunge)) (subtree Lists (MessageNew)) "
               "(mailboxes (a \"b c\") NONE) (mailboxes {1+}\r\nd (FlagChange))"),
            "subtree=Lists read=a read=b c read=d selected");
  EXPECT_EQ(of("NOTIFY SET (personal (MessageNew MessageExpunge))"), "subtree=");
  EXPECT_EQ(of("NOTIFY SET (selected-delayed (MessageNew))"), "selected");
  EXPECT_EQ(of("ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen"),
            "read=folder1 subtree=folder2");
  EXPECT_EQ(of("ESEARCH IN (mailboxes (a b) subtree-one (c d) (depth 1)) RETURN (COUNT) ALL"),
            "read=a read=b subtree=c subtree=d");
  EXPECT_EQ(of("ESEARCH IN (inboxes selected) ALL"), "subtree= selected");
  EXPECT_EQ(of("ESEARCH RETURN () ALL"), "selected");
  EXPECT_EQ(of("ESEARCH SUBJECT IN"), "selected");
}

TEST(CommandMailboxes, Push) {
  EXPECT_EQ(of("XAPPLEPUSHSERVICE aps-version 2 aps-account-id \"mailboxes\" aps-subtopic com.apple "
               "mailboxes (INBOX \"Old Mail\")"),
            "named=INBOX named=Old Mail");
}

TEST(CommandMailboxes, WhatNamesNone) {
  for (const std::string command : {"NOOP", "CAPABILITY", "IDLE", "ENABLE UTF8=ACCEPT", "GETQUOTA \"\"",
                                    "SETQUOTA user.x (STORAGE 1)", "NAMESPACE", "LOGOUT", "SELECT", "RENAME"})
    EXPECT_EQ(of(command), "");
}

// What could not be read strictly may name anything.
TEST(CommandMailboxes, WhatIsNotUnderstoodIsSaid) {
  EXPECT_EQ(of("XDELETE Archive"), "selected unsure");
  for (const std::string command :
       {"DELETE a*", "DELETE \xC3\xA4", "DELETE a(b", "DELETE (a)", "DELETE \"a\\b\"", "DELETE \"a\"b",
        "DELETE ~{1+}\r\na", "SUBSCRIBE a\\b"})
    EXPECT_EQ(of(command), "unsure") << command;
  EXPECT_EQ(of("DELETE \"" + std::string(8 * 1024 + 1, 'x') + "\""), "unsure");
  EXPECT_EQ(of("RENAME a  b"), "source=a unsure");
  EXPECT_EQ(of("COPY 1  Archive"), "selected unsure");
  EXPECT_EQ(of("LIST \"\" (a"), "ref= pattern=a unsure");
  EXPECT_EQ(of("GETMETADATA (MAXSIZE 1"), "unsure");
  EXPECT_EQ(of("NOTIFY SOMETIMES"), "unsure");
  EXPECT_EQ(of("NOTIFY SET (mailboxes a"), "read=a unsure");
  EXPECT_EQ(of("ESEARCH IN mailboxes x"), "unsure");
  EXPECT_EQ(of("APPEND x CATENATE (URL (y))"), "target=x unsure");
}

}  // namespace
}  // namespace postern::imap::testing
