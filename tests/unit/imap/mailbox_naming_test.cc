#include "imap/mailbox_naming.h"

#include <gtest/gtest.h>

#include "imap/response_scanner.h"

namespace postern::imap {
namespace {

// Fed as a session feeds it: every head that the scanner gives.
void hear(MailboxNaming& naming, const std::string& lines) {
  ResponseScanner scanner;
  Octets in = lines;
  for (;;) {
    const ResponseEvent event = scanner.next(in);
    ASSERT_NE(event, ResponseEvent::Malformed);
    if (event == ResponseEvent::NeedMore) return;
    if (event == ResponseEvent::Head) naming.learn(scanner.response(), scanner.octets());
  }
}

MailboxNaming heard(const std::string& lines) {
  MailboxNaming naming;
  hear(naming, lines);
  return naming;
}

TEST(MailboxNaming, BeforeAnythingIsHeard) {
  const MailboxNaming naming;
  EXPECT_FALSE(naming.knows_separator());
  EXPECT_EQ(naming.encoding(), NameEncoding::ModifiedUtf7);
  EXPECT_EQ(naming.separator_for("x"), '/');
  EXPECT_EQ(naming.canonical("inbox/&AOQ-").name, "INBOX/ä");
}

TEST(MailboxNaming, LearnsTheSeparatorFromList) {
  for (const Octets keyword : {"LIST", "LSUB", "XLIST", "list"}) {
    const MailboxNaming naming = heard("* " + std::string(keyword) + " (\\HasNoChildren) \".\" INBOX\r\n");
    EXPECT_TRUE(naming.knows_separator()) << keyword;
    EXPECT_EQ(naming.canonical("a.b").name, "a/b");
  }
  EXPECT_EQ(heard("* LIST () \"\\\\\" x\r\n").separator_for("x"), '\\');
  EXPECT_EQ(heard("* LIST () \".\" {5}\r\nINBOX\r\n").separator_for("x"), '.');
}

TEST(MailboxNaming, TheFirstListThatSpeaksForTheHierarchyDecides) {
  EXPECT_EQ(heard("* LIST (\\NoInferiors) NIL INBOX\r\n* LIST () \".\" x\r\n").separator_for("x"), '.');
  EXPECT_EQ(heard("* LIST () \"!\" #news.comp\r\n* LIST () \".\" x\r\n").separator_for("x"), '.');
  EXPECT_EQ(heard("* LIST () \"!\" \"#news.comp\"\r\n* LIST () \".\" x\r\n").separator_for("x"), '.');
  EXPECT_EQ(heard("* LIST () \".\" x\r\n* LIST () \"/\" y\r\n").separator_for("y"), '.');
  EXPECT_EQ(heard("* LIST (\\Noselect) NIL \"\"\r\n").separator_for("x"), '\0');
}

TEST(MailboxNaming, OfWhatItCannotReadItLearnsNothing) {
  for (const Octets line : {"* LIST",
                            "* LIST ",
                            "* LIST \"/\" x",
                            "* LIST () x",
                            "* LIST () \"..\" x",
                            "* LIST () \"\" x",
                            "* LIST () \"\x01\" x",
                            "* LIST () \"\xC3\" x",
                            "* LIST () \" \" x",
                            "* LIST (\\A",
                            "* LIST () \"",
                            "* LIST () \".\"",
                            "* 5 LIST () \".\" x",
                            "* OK LIST () \".\" x",
                            "* STATUS x (MESSAGES 1)",
                            "* NAMESPACE",
                            "* NAMESPACE NIL NIL NIL",
                            "* NAMESPACE (",
                            "* NAMESPACE ((",
                            "* NAMESPACE ((\"\" x))",
                            "+ LIST () \".\" x",
                            "* NAMESPACE ((\"\" \"/\"",
                            "a1 OK done"}) {
    const MailboxNaming naming = heard(std::string(line) + "\r\n");
    const bool prefix_was_read = line == "* NAMESPACE ((\"\" \"/\"";
    EXPECT_EQ(naming.knows_separator(), prefix_was_read) << line;
  }
}

// RFC 2342 §5, examples.
TEST(MailboxNaming, EachNamespaceHasItsSeparator) {
  const MailboxNaming naming = heard(
      "* NAMESPACE ((\"\" \"/\")) ((\"~\" \"!\")) ((\"#shared/\" \"/\")(\"#public.\" \".\")(\"#news\\\\\" "
      "\"\\\\\"))\r\n");
  EXPECT_EQ(naming.separator_for("Archive"), '/');
  EXPECT_EQ(naming.separator_for("~fred!x"), '!');
  EXPECT_EQ(naming.separator_for("#shared/x"), '/');
  EXPECT_EQ(naming.separator_for("#public.x"), '.');
  EXPECT_EQ(naming.separator_for("#PUBLIC"), '.');
  EXPECT_EQ(naming.separator_for("#publicity"), '/');
  EXPECT_EQ(naming.canonical("#public.a.b").name, "#public/a/b");
  EXPECT_EQ(naming.canonical("#news\\a").name, "#news/a");
  EXPECT_EQ(naming.canonical("a.b").name, "a.b");
}

TEST(MailboxNaming, NamespacesGoBeforeLists) {
  MailboxNaming naming = heard("* LIST () \"!\" x\r\n* NAMESPACE ((\"\" \".\")) NIL NIL\r\n");
  EXPECT_EQ(naming.separator_for("x"), '.');
  hear(naming, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");  // the newest
  EXPECT_EQ(naming.separator_for("x"), '/');
  hear(naming, "* NAMESPACE NIL NIL NIL\r\n");
  EXPECT_EQ(naming.separator_for("x"), '/');
}

// Cyrus and Courier: nothing has an empty prefix.
TEST(MailboxNaming, ANameWithoutAPrefixBelongsToThePersonalNamespace) {
  const MailboxNaming naming =
      heard("* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared/\" \"/\" \"TRANSLATION\" (\"a)b\")))\r\n");
  EXPECT_EQ(naming.canonical("inbox.a").name, "INBOX/a");
  EXPECT_EQ(naming.canonical("other.a").name, "other/a");
  EXPECT_EQ(naming.canonical("#shared/a.b").name, "#shared/a.b");
  // A separator that LIST told says more about such a name.
  MailboxNaming both = heard("* NAMESPACE NIL NIL ((\"#shared/\" \"/\"))\r\n* LIST () \".\" x\r\n");
  EXPECT_EQ(both.canonical("other.a").name, "other/a");
}

TEST(MailboxNaming, NamespacesMayBeWrittenWithBlanksAndWithoutAHierarchy) {
  const MailboxNaming naming = heard("* NAMESPACE ((\"\" NIL) (\"x/\" \"/\")) NIL NIL\r\n");
  EXPECT_EQ(naming.separator_for("a"), '\0');
  EXPECT_EQ(naming.separator_for("x/a"), '/');
}

TEST(MailboxNaming, PrefixesAreReadLikeNames) {
  MailboxNaming naming = heard("* NAMESPACE ((\"\" \"/\")) NIL ((\"&AMQ-mter.\" \".\"))\r\n");
  EXPECT_EQ(naming.canonical("&AMQ-mter.a").name, "Ämter/a");
  hear(naming, "* ENABLED UTF8=ACCEPT\r\n");
  EXPECT_EQ(naming.canonical("Ämter.a").name, "Ämter/a");
}

// Whether the literal came with its line must not decide what is learned.
TEST(MailboxNaming, LiteralsAreNotRead) {
  const std::string line = "* NAMESPACE ((\"\" \"/\")({2}\r\nx. \".\")) NIL NIL\r\n";
  EXPECT_EQ(heard(line).separator_for("x.a"), '/');
}

TEST(MailboxNaming, IsBounded) {
  std::string line = "* NAMESPACE ((\"\" \"/\")) NIL (";
  for (int i = 0; i < 20000; ++i) line += "(\"" + std::to_string(i) + ".\" \".\")";
  line += ")\r\n";
  // Whole or in pieces, the same is learned of a line that is longer than a head.
  MailboxNaming whole = heard(line);
  MailboxNaming pieces;
  ResponseScanner scanner;
  for (const char c : line) {
    Octets in(&c, 1);
    if (scanner.next(in) == ResponseEvent::Head) pieces.learn(scanner.response(), scanner.octets());
  }
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i) + ".x";
    EXPECT_EQ(whole.separator_for(name), pieces.separator_for(name)) << name;
  }
  EXPECT_EQ(whole.separator_for("0.x"), '.');
  EXPECT_EQ(whole.separator_for("99.x"), '/');
}

// protocol.md §3: the state changes by ENABLED alone.
TEST(MailboxNaming, EnabledMakesNamesUtf8) {
  for (const Octets words :
       {"UTF8=ACCEPT", "utf8=accept", "IMAP4rev2", "CONDSTORE IMAP4REV2", "X UTF8=ACCEPT Y"}) {
    MailboxNaming naming = heard("* ENABLED " + std::string(words) + "\r\n");
    EXPECT_EQ(naming.encoding(), NameEncoding::Utf8) << words;
    EXPECT_EQ(naming.canonical("R&D/ä").name, "R&D/ä");
    hear(naming, "* ENABLED\r\n");
    EXPECT_EQ(naming.encoding(), NameEncoding::Utf8);
  }
  for (const Octets line : {"* ENABLED", "* ENABLED ", "* ENABLED CONDSTORE", "* ENABLED UTF8=ACCEPTED",
                            "* OK ENABLED UTF8=ACCEPT", "* 1 ENABLED UTF8=ACCEPT", "a1 OK UTF8=ACCEPT"})
    EXPECT_EQ(heard(std::string(line) + "\r\n").encoding(), NameEncoding::ModifiedUtf7) << line;
}

TEST(MailboxNaming, AServerOfRev2AloneKnowsOnlyUtf8) {
  MailboxNaming naming;
  naming.learn_capabilities({"IMAP4rev1", "IMAP4rev2"});
  EXPECT_EQ(naming.encoding(), NameEncoding::ModifiedUtf7);
  naming.learn_capabilities({"imap4rev2", "IDLE"});
  EXPECT_EQ(naming.encoding(), NameEncoding::Utf8);
}

TEST(MailboxNaming, BothReadingsBecomeCanonical) {
  const MailboxNaming naming = heard("* LIST () \".\" x\r\n");
  const CanonicalName name = naming.canonical("&AGkAbgBiAG8AeA-.x");
  EXPECT_EQ(name.name, "&AGkAbgBiAG8AeA-/x");
  EXPECT_EQ(name.other, "INBOX/x");
  EXPECT_FALSE(naming.canonical("R&D").other);
  EXPECT_EQ(naming.canonical("ä", NameEncoding::Utf8).name, "ä");
}

}  // namespace
}  // namespace postern::imap
