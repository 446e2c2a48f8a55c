#include "imap/writer.h"

#include <gtest/gtest.h>

#include "imap/command_scanner.h"

namespace postern::imap {
namespace {

using Chunks = std::vector<std::string>;
using namespace std::string_literals;

// What goes upstream for what the client sent, up to its first message body.
Program written(const std::string& client) {
  CommandScanner scanner({});
  Octets in = client;
  CommandEvent event = scanner.next(in);
  while (event == CommandEvent::ArgumentLiteral) event = scanner.next(in);
  EXPECT_EQ(event, CommandEvent::Head);
  return write_command(scanner.command());
}

TEST(Writer, ACommandWithoutLiteralsIsCopied) {
  EXPECT_EQ(written("a1 UID STORE 1:3  +FLAGS  (\\Seen)\r\n").chunks,
            Chunks{"a1 UID STORE 1:3  +FLAGS  (\\Seen)\r\n"});
  EXPECT_EQ(written("a1 NOOP \n").chunks, Chunks{"a1 NOOP\r\n"});
}

TEST(Writer, APlainLiteralBecomesAQuotedString) {
  EXPECT_EQ(written("a LOGIN {5+}\r\nsmith {4}\r\np\"\\w\r\n").chunks,
            Chunks{"a LOGIN \"smith\" \"p\\\"\\\\w\"\r\n"});
  EXPECT_EQ(written("a SELECT {0+}\r\n\r\n").chunks, Chunks{"a SELECT \"\"\r\n"});
  EXPECT_EQ(written("a SELECT {4+}\r\n{5+}\r\n").chunks, Chunks{"a SELECT \"{5+}\"\r\n"});
}

// protocol.md §3: no {n+} ever goes upstream; each {n} waits for its "+".
TEST(Writer, AnyOtherLiteralIsSynchronising) {
  EXPECT_EQ(written("a LOGIN {3+}\r\na\r\n {1+}\r\nb\r\n").chunks,
            (Chunks{"a LOGIN {3}\r\n", "a\r\n \"b\"\r\n"}));
  EXPECT_EQ(written("a SELECT {2+}\r\n\xc3\xa4\r\n").chunks, (Chunks{"a SELECT {2}\r\n", "\xc3\xa4\r\n"}));
  EXPECT_EQ(written("a SELECT {1+}\r\n\0\r\n"s).chunks, (Chunks{"a SELECT {1}\r\n", "\0\r\n"s}));
  EXPECT_EQ(written("a SETMETADATA {2+}\r\n\r\n (/x ~{1+}\r\nz)\r\n").chunks,
            (Chunks{"a SETMETADATA {2}\r\n", "\r\n (/x ~{1}\r\n", "z)\r\n"}));
}

TEST(Writer, AQuotedStringHasAtMost1024Octets) {
  for (const std::size_t size : {1023U, 1024U, 1025U}) {
    const std::string text(size, 'x');
    const Program program = written("a SELECT {" + std::to_string(size) + "+}\r\n" + text + "\r\n");
    if (size <= 1024) {
      EXPECT_EQ(program.chunks, Chunks{"a SELECT \"" + text + "\"\r\n"});
    } else {
      EXPECT_EQ(program.chunks, (Chunks{"a SELECT {1025}\r\n", text + "\r\n"}));
    }
  }
}

TEST(Writer, ABodyIsAnnouncedAndWaitedFor) {
  const Program program = written("a APPEND {5+}\r\nINBOX (\\Seen) {310+}\r\n");
  EXPECT_EQ(program.chunks, Chunks{"a APPEND \"INBOX\" (\\Seen) {310}\r\n"});
  EXPECT_TRUE(program.awaits_body_plus);
  EXPECT_EQ(written("a APPEND x UTF8 (~{3+}\r\n").chunks, Chunks{"a APPEND x UTF8 (~{3}\r\n"});
  EXPECT_FALSE(written("a NOOP\r\n").awaits_body_plus);
}

TEST(Writer, APartGoesOnBehindItsBody) {
  CommandScanner scanner({});
  Octets in = "a APPEND x CATENATE (TEXT {1+}\r\nA URL {2+}\r\n/u TEXT {1+}\r\nB)\n";
  ASSERT_EQ(scanner.next(in), CommandEvent::Head);
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  ASSERT_EQ(scanner.next(in), CommandEvent::Part);
  const Program part = write_part(scanner.command());
  EXPECT_EQ(part.chunks, Chunks{" URL \"/u\" TEXT {1}\r\n"});
  EXPECT_TRUE(part.awaits_body_plus);
  ASSERT_EQ(scanner.next(in), CommandEvent::Body);
  ASSERT_EQ(scanner.next(in), CommandEvent::End);
  EXPECT_EQ(write_part(scanner.command()).chunks, Chunks{")\r\n"});
}

// security.md 14: nothing in a name or password can end its argument.
TEST(Writer, LoginQuotesOrAnnouncesItsCredentials) {
  const auto revealed = [](const SecretProgram& program) {
    Chunks chunks;
    for (const Secret& chunk : program.chunks) chunks.emplace_back(chunk.reveal());
    return chunks;
  };
  EXPECT_EQ(revealed(write_login("t1", "smith", "a b")), Chunks{"t1 LOGIN \"smith\" \"a b\"\r\n"});
  EXPECT_EQ(revealed(write_login("t1", "a\"b\\", "")), Chunks{"t1 LOGIN \"a\\\"b\\\\\" \"\"\r\n"});
  EXPECT_EQ(revealed(write_login("t1", "j\xc3\xb6rg", "p\xc3\xa4")),
            (Chunks{"t1 LOGIN {5}\r\n", "j\xc3\xb6rg {3}\r\n", "p\xc3\xa4\r\n"}));
  EXPECT_EQ(revealed(write_login("t1", "smith", std::string(1025, 'x'))),
            (Chunks{"t1 LOGIN \"smith\" {1025}\r\n", std::string(1025, 'x') + "\r\n"}));
}

TEST(Writer, AStringOfTheGatewaysOwnIsQuotedOrAnnounced) {
  Chunks chunks{"STATUS "};
  add_string(chunks, "a\"b");
  EXPECT_EQ(chunks, Chunks{"STATUS \"a\\\"b\""});
  add_string(chunks, "j\xc3\xb6rg");
  chunks.back() += " (MESSAGES)";
  EXPECT_EQ(chunks, (Chunks{"STATUS \"a\\\"b\"{5}\r\n", "j\xc3\xb6rg (MESSAGES)"}));
}

TEST(Writer, Quoted) {
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quoted("\""), "\"\\\"\"");
}

}  // namespace
}  // namespace postern::imap
