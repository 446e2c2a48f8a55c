#include "tools/explain.h"

#include <gtest/gtest.h>

#include <sstream>

#include "unit/process/support.h"

namespace postern::server {
namespace {

using tls::testing::TempFolder;

constexpr const char* kConfiguration =
    "version: 1\n"
    "listeners:\n"
    "  - { name: imaps, address: \"127.0.0.1:993\", tls: implicit }\n"
    "  - { name: imap, address: \"127.0.0.1:143\", tls: starttls }\n"
    "tls:\n"
    "  certificates: [{ cert: none.crt, key: none.key }]\n"
    "  client_auth: { mode: request, ca: none.pem }\n"
    "upstreams:\n"
    "  - { name: mail, servers: [\"127.0.0.1:10143\"] }\n"
    "  - { name: other, servers: [\"127.0.0.1:10144\"] }\n"
    "routes: [{ match: { user: [\"*@other\"] }, upstream: other }]\n"
    "rewrite: { user: { lowercase: true } }\n"
    "rules:\n"
    "  - { name: trial, when: { class: destructive }, action: deny, mode: observe }\n"
    "  - { name: keep, when: { class: destructive, mailbox: [Archive, \"Archive/**\"] }, action: deny, "
    "reply: \"it is kept\" }\n"
    "  - { name: eve, when: { user: eve }, action: deny }\n"
    "  - { name: gone, when: { client: 10.0.0.0/8, command: NOOP }, action: disconnect }\n"
    "  - { name: auditors, when: { user: auditor }, action: read_only }\n"
    "  - { name: certified, when: { client_cert: \"*@x\" }, action: organise }\n";

class Explain : public ::testing::Test {
 protected:
  std::string of(const std::string& command, ExplainQuestion question = {.user = "fred"}, int status = 0,
                 const std::string& more = "") {
    question.config_path = folder_.write("p.yaml", kConfiguration + more);
    question.command = command;
    if (question.from.empty()) question.from = "192.0.2.7";
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(explain(question, out, err), status) << err.str();
    EXPECT_EQ(out.str().empty(), status != 0);
    err_ = err.str();
    return out.str();
  }
  static bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line) != std::string::npos;
  }
  std::string at(int line) const { return " (" + folder_.path("p.yaml") + ":" + std::to_string(line) + ")"; }

  TempFolder folder_;
  std::string err_;
};

TEST_F(Explain, TellsWhoDecidesAndWhere) {
  const std::string text =
      of("uid store 1:* +FLAGS (\\Deleted)", {.user = "Fred@Other", .mailbox = "Archive"});
  EXPECT_EQ(text,
            "command   'UID STORE', write, destructive, names \\Deleted\n"
            "user      'fred@other', as rewrite.user makes it\n"
            "upstream  'other'\n"
            "mailbox   'Archive', selected: refused: NO [NOPERM] it is kept, by 'keep'" +
                at(15) + "; on trial: deny by 'trial'" + at(14) +
                "\n"
                "result    refused: NO [NOPERM] it is kept\n"
                "rule      'keep'" +
                at(15) + "\non trial  deny by 'trial'" + at(14) + ", which is counted and does nothing\n");
}

TEST_F(Explain, EachMailboxThatIsJudged) {
  const std::string text =
      of("MOVE 1 \"archive.2020\"", {.user = "fred", .mailbox = "INBOX", .separator = "."});
  EXPECT_TRUE(has(text, "mailbox   'archive/2020': refused: NO [NOPERM] it is kept, by 'keep'")) << text;
  EXPECT_TRUE(has(text, "mailbox   'INBOX', selected: allowed; on trial: deny by 'trial'")) << text;
  EXPECT_TRUE(has(of("MOVE 1 {12}\r\nArchive/2020"), "result    refused: NO [NOPERM] it is kept\n"));
  EXPECT_TRUE(has(of("DELETE Arch"), "result    allowed\n"));
}

TEST_F(Explain, AsJson) {
  const std::string json =
      of("STORE 1 -FLAGS (\\Deleted \\X)", {.user = "fred", .mailbox = "a\"b", .json = true});
  EXPECT_EQ(
      json,
      "{\"result\": \"allowed\", \"answer\": \"\", \"meaning\": \"\", \"rule\": null, \"observed\": null, "
      "\"command\": \"STORE\", \"classes\": [\"write\"], \"flags\": [\"\\\\Deleted\", \"\\\\X\"], \"user\": "
      "\"fred\", \"upstream\": \"mail\", \"mailboxes\": [{\"mailbox\": \"a\\\"b\", \"selected\": true, "
      "\"below\": false, \"result\": \"allowed\", \"answer\": \"\", \"rule\": null, \"observed\": null}], "
      "\"notes\": []}\n");
  EXPECT_NE(of("DELETE Archive", {.user = "fred", .json = true})
                .find("\"rule\": {\"name\": \"keep\", \"action\": \"deny\", \"file\": \"" +
                      folder_.path("p.yaml") + "\", \"line\": 15}"),
            std::string::npos);
}

TEST_F(Explain, WhatIsRewritten) {
  const ExplainQuestion auditor{.user = "auditor"};
  EXPECT_TRUE(
      has(of("SELECT x", auditor), "          SELECT becomes EXAMINE: the mailbox is opened read-only\n"));
  const std::string closed = of("CLOSE", {.user = "auditor", .mailbox = "x"});
  EXPECT_TRUE(has(closed, "result    allowed\n")) << closed;
  EXPECT_TRUE(has(closed, "note      SELECT of the mailbox becomes EXAMINE by 'auditors'\n")) << closed;
  EXPECT_TRUE(
      has(of("CLOSE", {.user = "fred", .client_cert = "a@x", .mailbox = "y"}), "result    rewritten\n"));
  EXPECT_TRUE(has(of("STORE 1 +FLAGS (\\Seen)", {.user = "auditor", .mailbox = "x"}),
                  "result    refused: NO [NOPERM]"));
}

TEST_F(Explain, WhatTheBrakeCountsFirst) {
  const std::string text =
      of("UID EXPUNGE 1:9", {.user = "fred", .mailbox = "x"}, 0, "limits: { deletions: { messages: 10 } }\n");
  EXPECT_TRUE(has(text, "result    counted\n")) << text;
  EXPECT_NE(text.find("the upstream is asked first: UID SEARCH"), std::string::npos) << text;
  EXPECT_NE(text.find("with more than 10 messages gone"), std::string::npos) << text;
}

TEST_F(Explain, WhoDoesNotGetThatFar) {
  EXPECT_TRUE(has(of("FETCH 1 BODY[]", {.user = "EVE"}), "result    login refused: NO [NOPERM]"));
  EXPECT_TRUE(has(of("LOGIN eve pa55word", {}), "result    login refused: NO [NOPERM]"));
  EXPECT_EQ(of("LOGIN eve pa55word", {}).find("pa55word"), std::string::npos);
  EXPECT_TRUE(has(of("NOOP", {.listener = "imap", .user = "fred", .tls = "off"}),
                  "result    login refused: NO [PRIVACYREQUIRED]"));
  EXPECT_TRUE(has(of("NOOP", {.user = "fred", .tls = "1.1"}), "result    no handshake\n"));
  EXPECT_TRUE(has(of("NOOP", {.user = "fred", .tls = "off"}), "result    no handshake\n"));
  EXPECT_TRUE(has(of("NOOP", {.from = "10.1.1.1", .user = "fred"}), "result    disconnected: BYE "));
  EXPECT_TRUE(has(of("CAPABILITY", {}), "note      without --user this is before login\n"));
}

TEST_F(Explain, WhatCannotBeRead) {
  EXPECT_TRUE(has(of("STORE  1 +FLAGS (\\Seen)"), "result    refused: BAD Malformed command\n"));
  EXPECT_TRUE(has(of("DELETE \"x"), "result    disconnected: BYE "));
  EXPECT_TRUE(has(of("XPURGE"), "result    refused: NO [CANNOT]"));
  EXPECT_TRUE(has(of("STORE 1 +FLAGS ( \\Seen)", {.user = "fred", .mailbox = "Archive"}),
                  "result    refused: NO [NOPERM] it is kept\n"));
}

TEST_F(Explain, LaterMessagesAreJudgedToo) {
  const std::string text = of("APPEND Archive {3+}\r\nabc (\\Deleted) {3}");
  EXPECT_TRUE(has(text, "result    refused: NO [NOPERM] it is kept\n")) << text;
  EXPECT_TRUE(has(of("APPEND Archive {3+}\r\nabc (\\Seen) {3}\r\nabc"), "result    allowed\n"));
  // The end alone is no message, so a rule that asks for flags is not asked for them there.
  const std::string flagged =
      "  - { name: seen, when: { command: APPEND, flag: \"\\\\Seen\" }, action: allow }\n"
      "  - { name: rest, when: { command: APPEND }, action: deny }\n";
  EXPECT_TRUE(has(of("APPEND x (\\Seen) {1}\r\na", {.user = "fred"}, 0, flagged), "result    allowed\n"));
  EXPECT_TRUE(has(of("APPEND x {1}\r\na", {.user = "fred"}, 0, flagged), "result    refused"));
}

// What no rule has a say in is refused for the same reasons as in a session.
TEST_F(Explain, KnowsWhatTheGatewayRefusesByItself) {
  const std::string tight = "limits: { literal: 8 }\n";
  EXPECT_TRUE(
      has(of("COMPRESS DEFLATE"), "result    refused: NO [CANNOT] Not possible through this server\n"));
  EXPECT_TRUE(has(of("STARTTLS"), "result    refused: BAD Already logged in\n"));
  EXPECT_TRUE(has(of("APPEND x {9}\r\n123456789", {.user = "fred"}, 0, tight),
                  "result    refused: NO [TOOBIG] Message too large\n"));
  EXPECT_TRUE(has(of("APPEND x {9+}\r\n123456789", {.user = "fred"}, 0, tight),
                  "result    disconnected: BYE [TOOBIG] "));
  EXPECT_TRUE(has(of("APPEND x {8}\r\n12345678", {.user = "fred"}, 0, tight), "result    allowed\n"));
}

TEST_F(Explain, SaysWhatIsWrongWithTheQuestion) {
  of("NOOP", {.listener = "web"}, 2);
  EXPECT_EQ(err_, "postern explain: --listener: none has the name 'web'; there are: imaps, imap\n");
  of("NOOP", {.from = "mail.example"}, 2);
  EXPECT_NE(err_.find("is no address"), std::string::npos);
  of("NOOP\r\na DELETE x", {.user = "fred"}, 2);
  EXPECT_NE(err_.find("one at a time"), std::string::npos);
  of("SELECT {9}\r\nx", {.user = "fred"}, 2);
  EXPECT_NE(err_.find("octets of a literal are missing"), std::string::npos);
  of("NOOP", {}, 1, "rules: []\n");
  EXPECT_NE(err_.find("p.yaml:"), std::string::npos);
}

}  // namespace
}  // namespace postern::server
