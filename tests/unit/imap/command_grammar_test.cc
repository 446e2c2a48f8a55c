#include "imap/command_grammar.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "imap/command_line.h"

namespace postern::imap {
namespace {

using Place = CommandGrammar::Place;

constexpr LiteralInfo kLiteral{5, true, false};
constexpr LiteralInfo kLiteral8{5, true, true};

// `text` are the arguments; `#` stands for a literal, `~` for a literal8. The place of each, and of the end
// (E); up to the first that does not fit (x).
std::string places(Verb verb, Octets text, AppendForms forms = {}) {
  CommandGrammar grammar;
  grammar.begin(verb, forms);
  std::string out;
  for (;;) {
    const std::size_t end = text.find_first_of("#~");
    const LiteralInfo* literal = nullptr;
    if (end != Octets::npos) literal = text[end] == '#' ? &kLiteral : &kLiteral8;
    const Place place = grammar.read(text.substr(0, end), literal);
    if (place == Place::Misfit) return out + "x";
    if (literal == nullptr) return out + "E";
    out += place == Place::Message ? 'M' : 'A';
    text.remove_prefix(end + 1);
  }
}

TEST(CommandGrammar, HasAPlaceForTheStringsOfEachVerb) {
  for (const auto& [verb, text] : std::vector<std::pair<Verb, const char*>>{
           {Verb::Copy, "1:*,5 #"},
           {Verb::Create, "# (USE (\\Sent))"},
           {Verb::Delete, "#"},
           {Verb::Deleteacl, "INBOX #"},
           {Verb::Esearch, "IN (mailboxes #) RETURN (COUNT) TEXT x"},
           {Verb::Fetch, "1 BODY[HEADER.FIELDS (DATE #)]<0.10>"},
           {Verb::Fetch, "1 (FLAGS BODY.PEEK[1.HEADER.FIELDS.NOT (#)] UID) (CHANGEDSINCE 1)"},
           {Verb::Genurlauth, "# INTERNAL"},
           {Verb::Getacl, "#"},
           {Verb::Getmetadata, "(DEPTH 1) INBOX #"},
           {Verb::Getmetadata, "INBOX (MAXSIZE 1) (#)"},
           {Verb::Id, "(\"a\" # \"c\" NIL)"},
           {Verb::List, "# %"},
           {Verb::List, "(SUBSCRIBED) \"\" (% #) RETURN (CHILDREN STATUS (MESSAGES))"},
           {Verb::Lsub, "\"\" #"},
           {Verb::Notify,
            "SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (A)]))) (mailboxes # NONE)"},
           {Verb::Rename, "a # (X 1)"},
           {Verb::Search, "RETURN (ALL) OR (FROM #) NOT SEEN SINCE \"1-Jan-2020\""},
           {Verb::Search, "MODSEQ \"/flags/\\\\draft\" all 620 SUBJECT #"},
           {Verb::Search, "UID 1:5 HEADER x #"},
           {Verb::Select, "# (QRESYNC (1 2 3 (1 2)))"},
           {Verb::Setacl, "a b #"},
           {Verb::Setmetadata, "a (/x #)"},
           {Verb::Setmetadata, "a (/x ~ /y NIL)"},
           {Verb::Setquota, "# (STORAGE 5)"},
           {Verb::Sort, "RETURN (ALL) (REVERSE DATE) UTF-8 TEXT #"},
           {Verb::Status, "# (MESSAGES)"},
           {Verb::Store, "1 (UNCHANGEDSINCE 5) +X-GM-LABELS.SILENT (\\Inbox #)"},
           {Verb::Thread, "REFERENCES UTF-8 TEXT #"},
           {Verb::Urlfetch, "(# BODY)"},
           {Verb::Xapplepushservice, "aps-version 2 mailboxes (INBOX #)"}})
    EXPECT_EQ(places(verb, text), "AE") << name_of(verb) << ' ' << text;
}

TEST(CommandGrammar, HasNoneElsewhere) {
  for (const auto& [verb, text] :
       std::vector<std::pair<Verb, const char*>>{{Verb::Copy, "#"},
                                                 {Verb::Create, "x (#)"},
                                                 {Verb::Enable, "#"},
                                                 {Verb::Expunge, "#"},
                                                 {Verb::Fetch, "#"},
                                                 {Verb::Fetch, "1 #"},
                                                 {Verb::Fetch, "1 (#)"},
                                                 {Verb::Fetch, "1 (FLAGS #)"},
                                                 {Verb::Fetch, "1 BODY[#]"},
                                                 {Verb::Fetch, "1 BODY[TEXT (#)]"},
                                                 {Verb::Fetch, "1 FLAGS (#)"},
                                                 {Verb::Getacl, "x #"},
                                                 {Verb::Id, "#"},
                                                 {Verb::Idle, "#"},
                                                 {Verb::List, "(#) a b"},
                                                 {Verb::List, "a b RETURN (#)"},
                                                 {Verb::Search, "#"},
                                                 {Verb::Search, "ALL #"},
                                                 {Verb::Search, "(#)"},
                                                 {Verb::Search, "FROM a #"},
                                                 {Verb::Search, "RETURN (#) ALL"},
                                                 {Verb::Search, "RETURN # ALL"},
                                                 {Verb::Search, "() FROM #"},
                                                 {Verb::Fetch, "1 BODY[HEADER.FIELDS ()] XNEW #"},
                                                 {Verb::Fetch, "1 BODY[HEADER.FIELDS ((#))]"},
                                                 {Verb::Fetch, "1 () XNEW #"},
                                                 {Verb::Search, "UID #"},
                                                 {Verb::Search, "KEYWORD #"},
                                                 {Verb::Search, "FROM ~"},
                                                 {Verb::Status, "x (#)"},
                                                 {Verb::Store, "1 FLAGS #"},
                                                 {Verb::Store, "1 -FLAGS.SILENT (#)"},
                                                 {Verb::Store, "# FLAGS x"},
                                                 {Verb::Unknown, "#"},
                                                 {Verb::Thread, "# UTF-8 ALL"},
                                                 {Verb::Select, "~"},
                                                 {Verb::Copy, "1  #"},
                                                 {Verb::Rename, "\"a\\b\" #"}})
    EXPECT_EQ(places(verb, text), "x") << name_of(verb) << ' ' << text;
  EXPECT_EQ(places(Verb::Select, "# x"), "Ax");
  EXPECT_EQ(places(Verb::List, "# ()"), "Ax");
  EXPECT_EQ(places(Verb::Rename, "#"), "Ax");
  EXPECT_EQ(places(Verb::Search, "HEADER #"), "Ax");
  EXPECT_EQ(places(Verb::Search, "(FROM #"), "Ax");
  EXPECT_EQ(places(Verb::Fetch, "1 BODY[HEADER.FIELDS (#)"), "Ax");
}

TEST(CommandGrammar, OfMessages) {
  for (const char* text :
       {"INBOX #", "INBOX ~", "INBOX () #", "INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" #",
        "INBOX \" 1-Jan-2024 00:00:00 +0000\" #", "INBOX X-EXT (a (b)) #", "INBOX UTF8 (~)",
        "INBOX CATENATE (TEXT #)", "\"a b\" CATENATE (URL \"/x\" TEXT # URL /y)",
        "INBOX CATENATE (URL /x) (\\Seen) #"})
    EXPECT_EQ(places(Verb::Append, text), "ME") << text;
  EXPECT_EQ(places(Verb::Append, "# #"), "AME");
  EXPECT_EQ(places(Verb::Append, "INBOX # (\\Seen) # CATENATE (TEXT # URL # TEXT #) UTF8 (~)"), "MMMAMME");
  EXPECT_EQ(places(Verb::Append, "INBOX X (a #) #"), "AME");
  EXPECT_EQ(places(Verb::Replace, "5 INBOX (\\Seen) #"), "ME");
  for (const char* text :
       {"INBOX x #", "INBOX (\\Seen) (x) #", "INBOX (#) #", "INBOX (\"x\") #", "INBOX (\\*) #",
        "INBOX ((x)) #", "INBOX \"x\" #", "INBOX \"17-Jul-1996 02:44:25\" #",
        "INBOX \"17-Xyz-1996 02:44:25 -0700\" #", "INBOX \"17-Jul-1996 02:44:25 -0700\" () #",
        "INBOX UTF8 (#)", "INBOX UTF8 ~", "INBOX UTF8 (x ~)", "INBOX CATENATE (#)", "INBOX CATENATE TEXT #",
        "INBOX CATENATE (TEXT \"x\" TEXT #)", "INBOX CATENATE (FILE x TEXT #)",
        "INBOX CATENATE (URL a b TEXT #)", "()"})
    EXPECT_EQ(places(Verb::Append, text), "x") << text;
  for (const char* text : {"INBOX # x", "INBOX # (\\Seen", "INBOX # )", "INBOX CATENATE (TEXT # x)",
                           "INBOX UTF8 (~", "INBOX CATENATE (TEXT #"})
    EXPECT_EQ(places(Verb::Append, text), "Mx") << text;
  EXPECT_EQ(places(Verb::Replace, "5 INBOX # #"), "Mx");
}

TEST(CommandGrammar, TakesInAnAppendWhatTheUpstreamHasAnnounced) {
  EXPECT_EQ(places(Verb::Append, "INBOX # #", {.multiappend = false}), "Mx");
  EXPECT_EQ(places(Verb::Append, "INBOX CATENATE (TEXT #)", {.catenate = false}), "x");
  EXPECT_EQ(places(Verb::Append, "INBOX UTF8 (~)", {.utf8 = false}), "x");
  EXPECT_EQ(places(Verb::Append, "INBOX ~", {.binary = false}), "x");
  EXPECT_EQ(places(Verb::Append, "INBOX CATENATE (TEXT ~)", {.binary = false}), "x");
  EXPECT_EQ(places(Verb::Append, "INBOX UTF8 (~)", {.binary = false}), "ME");
  EXPECT_EQ(places(Verb::Append, "INBOX (\\Seen) #", {false, false, false, false}), "ME");
}

bool is_odd(Octets line) {
  std::size_t depth = 0;
  const CommandLine scan = scan_command_line(line, line.find(' '), depth);
  return scan.odd || scan.number || depth > 0;
}

TEST(CommandLine, HasEachOctetInItsPlace) {
  for (const Octets line :
       {"a FETCH 1 (BODY.PEEK[HEADER.FIELDS (DATE)]<0.10> FLAGS)", "a STORE 1 FLAGS (\\Seen \\*)", "a} NOOP",
        "a SEARCH (OR (FROM a)(TO b))", "a X \"(\\\\{}\" (\"\x01\")", "123456789012345678901 X",
        "a X 12345678901234567890 <1.2>", "a X a123456789012345678901 \"123456789012345678901\""})
    EXPECT_FALSE(is_odd(line)) << line;
  for (const Octets line : {"a X \\",
                            "a X \\ x",
                            "a X \\1",
                            "a X \\*x",
                            "a X (\\",
                            "a X }",
                            "a X x{1",
                            "a X (",
                            "a X )",
                            "a X (x",
                            "a X x(y)",
                            "a X (x)y",
                            "a X x\"y\"",
                            "a X \"x\"y",
                            "a X \"x\"\"y\"",
                            "a X \x01",
                            "a X x\ty",
                            "a X \x7f",
                            "a X 123456789012345678901",
                            "a X (1:123456789012345678901,5)",
                            "a X BODY[]<0.123456789012345678901>"})
    EXPECT_TRUE(is_odd(line)) << line;
}

// A name, a password or a token may be made of digits alone; a number may not be so long.
TEST(CommandGrammar, TellsNumbersFromNames) {
  const std::string many(21, '7');
  for (const auto& [verb, text] : std::vector<std::pair<Verb, std::string>>{
           {Verb::Copy, "1 " + many},
           {Verb::Select, many},
           {Verb::Search, "TEXT " + many},
           {Verb::Search, "HEADER x " + many},
           {Verb::Sort, "(DATE) UTF-8 SUBJECT " + many},
           {Verb::Xapplepushservice, "aps-device-token " + many + " mailboxes (INBOX)"}})
    EXPECT_EQ(places(verb, text), "E") << text;
  for (const auto& [verb, text] :
       std::vector<std::pair<Verb, std::string>>{{Verb::Copy, many + " x"},
                                                 {Verb::Fetch, "1:" + many + " FLAGS"},
                                                 {Verb::Fetch, "1 BODY[]<0." + many + ">"},
                                                 {Verb::Fetch, "1 (FLAGS) (CHANGEDSINCE " + many + ")"},
                                                 {Verb::Search, many},
                                                 {Verb::Search, "LARGER " + many},
                                                 {Verb::Search, "(UID 1," + many + ")"},
                                                 {Verb::Select, "x (QRESYNC (" + many + " 1))"},
                                                 {Verb::Store, "1 (UNCHANGEDSINCE " + many + ") FLAGS ()"},
                                                 {Verb::Unknown, many}})
    EXPECT_EQ(places(verb, text), "x") << text;
}

// However long, and wherever in it the run begins.
TEST(CommandLine, FindsANumberThatNeverEnds) {
  for (std::size_t before = 0; before < 50; ++before) {
    for (std::size_t digits = 18; digits < 70; ++digits) {
      const std::string text = std::string(before, 'x') + " " + std::string(digits, '7') + " x";
      EXPECT_EQ(has_endless_number(text), digits > kNumberDigits) << text;
      EXPECT_EQ(has_endless_number(std::string(before, 'x') + std::string(digits, '7') + ",x " +
                                   std::string(21, '1')),
                true);
    }
  }
}

}  // namespace
}  // namespace postern::imap
