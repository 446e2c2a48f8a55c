// What the actions of rules do to commands: each action against every way to lose mail, to change something
// and to read, and the cases that the protocol makes hard.
#include "filters/command_rules.h"

#include <gtest/gtest.h>

#include "filters/chain.h"
#include "unit/filters/rules_session.h"

namespace postern::filters {
namespace {

using imap::Verb;
using test::RulesSession;
using test::settings_with;

struct Form {
  const char* command;
  const char* denied_class;  // under {class: destructive}, action deny
  const char* read_only;
  const char* organise;
};

// In INBOX, opened read-write; Trash is configured, Junk is the server's own word. Later words are for the
// pieces behind a message, as they would be judged if the head had passed.
constexpr Form kForms[] = {
    // mail is gone afterwards
    {"EXPUNGE", "deny", "deny", "deny"},
    {"expunge", "deny", "deny", "deny"},
    {"UID EXPUNGE 1:*", "deny", "deny", "deny"},
    {"uid expunge 7", "deny", "deny", "deny"},
    {"CLOSE", "keep-mail", "keep-mail", "keep-mail"},
    {"close", "keep-mail", "keep-mail", "keep-mail"},
    {"DELETE Archive", "deny", "deny", "deny"},
    {"DELETE {7}\r\nArchive", "deny", "deny", "deny"},
    {"STORE 1 +FLAGS (\\Deleted)", "deny", "deny", "deny"},
    {"STORE 1 +FLAGS \\Deleted", "deny", "deny", "deny"},
    {"STORE 1:* +flags.silent (\\deleted)", "deny", "deny", "deny"},
    {"UID STORE 1,3:5 FLAGS (\\Seen \\DELETED)", "deny", "deny", "deny"},
    {"UID STORE * FLAGS.SILENT (\\Deleted)", "deny", "deny", "deny"},
    {"STORE 1 (UNCHANGEDSINCE 5) +FLAGS (\\Deleted)", "deny", "deny", "deny"},
    {"UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (x \\Deleted)", "deny", "deny", "deny"},
    {"STORE 1 NONSENSE", "deny", "deny", "deny"},
    {"REPLACE 1 INBOX (\\Seen) {1}\r\nx", "deny deny", "deny deny", "deny deny"},
    {"UID REPLACE 1 INBOX {1}\r\nx", "deny deny", "deny deny", "deny deny"},
    {"APPEND INBOX (\\Deleted) {1}\r\nx", "deny pass", "deny deny", "deny pass"},
    {"APPEND INBOX (\\Seen) {1}\r\nx (\\Deleted) {1}\r\ny", "pass deny pass", "deny deny deny",
     "pass deny pass"},
    {"APPEND INBOX {1}\r\nx (\\Seen) {1}\r\ny (\\deleted) {1}\r\nz", "pass pass deny pass",
     "deny deny deny deny", "pass pass deny pass"},
    {"SETACL INBOX bob lr", "deny", "deny", "deny"},
    {"DELETEACL INBOX bob", "deny", "deny", "deny"},
    {"SETQUOTA \"\" (STORAGE 1)", "deny", "deny", "deny"},
    {"SETMETADATA INBOX (/private/x NIL)", "deny", "deny", "deny"},
    {"SETMETADATA \"\" (/private/x NIL)", "deny", "deny", "deny"},
    {"XDELETEALL", "cannot", "cannot", "cannot"},
    // mail is moved
    {"MOVE 1 Archive", "deny", "deny", "pass"},
    {"UID MOVE 1:* {7}\r\nArchive", "deny", "deny", "pass"},
    {"MOVE 1 Trash", "deny", "deny", "deny"},
    {"MOVE 1 \"trash\"", "deny", "deny", "deny"},
    {"UID MOVE 1 Trash/old", "deny", "deny", "deny"},
    {"MOVE 1 INBOX/Trash", "deny", "deny", "deny"},
    {"MOVE 1 Trashes", "deny", "deny", "pass"},
    {"MOVE 1 Junk", "deny", "deny", "deny"},
    {"MOVE 1 Junk/x", "deny", "deny", "deny"},
    {"MOVE 1 \"Deleted Items\"", "deny", "deny", "deny"},
    {"MOVE 1", "deny", "deny", "deny"},
    {"RENAME Work Archive/Work", "deny", "deny", "pass"},
    {"RENAME INBOX x", "deny", "deny", "deny"},
    {"RENAME {5}\r\ninbox x", "deny", "deny", "deny"},
    {"RENAME Work Trash/Work", "deny", "deny", "deny"},
    {"RENAME Work Trash", "deny", "deny", "deny"},
    // something is changed
    {"STORE 1 +FLAGS (\\Seen)", "pass", "deny", "pass"},
    {"STORE 1 -FLAGS (\\Deleted)", "pass", "deny", "pass"},
    {"UID STORE 1 FLAGS (\\Flagged $Later)", "pass", "deny", "pass"},
    {"COPY 1 Archive", "pass", "deny", "pass"},
    {"UID COPY 1 Trash", "pass", "deny", "pass"},
    {"APPEND INBOX (\\Seen) {1}\r\nx", "pass pass", "deny deny", "pass pass"},
    {"CREATE x", "pass", "deny", "pass"},
    {"SUBSCRIBE x", "pass", "deny", "pass"},
    {"UNSUBSCRIBE x", "pass", "deny", "pass"},
    // something is read, or nothing
    {"SELECT INBOX", "pass", "examine", "pass"},
    {"EXAMINE INBOX", "pass", "pass", "pass"},
    {"FETCH 1 BODY[]", "pass", "pass", "pass"},
    {"UID SEARCH DELETED", "pass", "pass", "pass"},
    {"STATUS INBOX (MESSAGES)", "pass", "pass", "pass"},
    {"LIST \"\" *", "pass", "pass", "pass"},
    {"NAMESPACE", "pass", "pass", "pass"},
    {"UNSELECT", "pass", "pass", "pass"},
    {"IDLE", "pass", "pass", "pass"},
    {"NOOP", "pass", "pass", "pass"},
    {"CHECK", "pass", "pass", "pass"},
    {"ENABLE UTF8=ACCEPT", "pass", "pass", "pass"},
    {"LOGOUT", "pass", "pass", "pass"},
};

class UnderRule {
 public:
  explicit UnderRule(const std::string& rules) : session(settings_with("rules: [" + rules + "]\n")) {
    session.special.trash = {"Junk"};
    session.log_in();
    session.select("INBOX");
  }
  std::string judge(const std::string& command) { return session.judge(command); }
  RulesSession session;
};

TEST(CommandRules, EveryFormUnderEveryAction) {
  for (const Form& form : kForms) {
    EXPECT_EQ(UnderRule("{when: {class: destructive}, action: deny}").judge(form.command), form.denied_class)
        << form.command;
    EXPECT_EQ(UnderRule("{action: read_only}").judge(form.command), form.read_only) << form.command;
    EXPECT_EQ(UnderRule("{action: organise}").judge(form.command), form.organise) << form.command;
  }
}

TEST(CommandRules, TheSameByTheNameOfTheMailbox) {
  for (const Form& form : kForms) {
    EXPECT_EQ(UnderRule("{when: {mailbox: '**'}, action: read_only}").judge(form.command), form.read_only)
        << form.command;
    EXPECT_EQ(UnderRule("{when: {mailbox: '**'}, action: organise}").judge(form.command), form.organise)
        << form.command;
  }
}

TEST(CommandRules, DenyAndDisconnectStopAllButTheFive) {
  for (const Form& form : kForms) {
    const std::string command = form.command;
    const bool by_name = command == "NOOP" || command == "LOGOUT";
    const std::string first = UnderRule("{action: deny}").judge(command);
    const std::string wanted = by_name ? "pass" : command == "XDELETEALL" ? "cannot" : "deny";
    EXPECT_TRUE(first == wanted || first.starts_with(wanted + " ")) << command << ": " << first;
    const std::string closed = UnderRule("{action: disconnect}").judge(command);
    EXPECT_TRUE(closed.starts_with(by_name ? "pass" : "close")) << command << ": " << closed;
  }
}

TEST(CommandRules, TheRefusalSaysWhatTheRuleSays) {
  UnderRule under("{action: deny, reply: kept for seven years}");
  const Decision decision = under.session.decisions("EXPUNGE").at(0);
  EXPECT_EQ(decision.code, ErrorCode::NoPermission);
  EXPECT_EQ(decision.response_code, "NOPERM");
  EXPECT_EQ(decision.text, "kept for seven years");
  EXPECT_EQ(decision.rules.decided, 0);
  EXPECT_EQ(UnderRule("{action: deny}").session.decisions("EXPUNGE").at(0).text, "");
  UnderRule closing("{action: disconnect, reply: bye}");
  EXPECT_EQ(closing.session.decisions("EXPUNGE").at(0).code, ErrorCode::PolicyClose);
  EXPECT_EQ(closing.session.decisions("EXPUNGE").at(0).text, "bye");
}

TEST(CommandRules, AMailboxThatIsReadOnlyLosesNothingByClose) {
  for (const char* rule :
       {"{action: read_only}", "{action: organise}", "{when: {class: destructive}, action: deny}"}) {
    UnderRule under(rule);
    under.session.select("INBOX", true);
    EXPECT_EQ(under.judge("CLOSE"), "pass") << rule;
  }
}

TEST(CommandRules, ACloseThatIsNamedIsRefused) {
  EXPECT_EQ(UnderRule("{when: {command: CLOSE}, action: deny}").judge("CLOSE"), "deny");
  EXPECT_EQ(UnderRule("{when: {command: CLOSE, class: destructive}, action: deny}").judge("CLOSE"), "deny");
  EXPECT_EQ(UnderRule("{when: {command: '!CLOSE', class: destructive}, action: deny}").judge("CLOSE"),
            "pass");
  EXPECT_EQ(UnderRule("{when: {class: write}, action: deny}").judge("CLOSE"), "keep-mail");
  EXPECT_EQ(UnderRule("{when: {mailbox: INBOX}, action: deny}").judge("CLOSE"), "deny");
}

TEST(CommandRules, EachMailboxIsJudgedAndTheStrictestOutcomeWins) {
  UnderRule archive("{when: {mailbox: [Archive, 'Archive/**']}, action: read_only}");
  EXPECT_EQ(archive.judge("COPY 1 Archive"), "deny");
  EXPECT_EQ(archive.judge("MOVE 1 Archive/2020"), "deny");
  EXPECT_EQ(archive.judge("STORE 1 +FLAGS (\\Deleted)"), "pass");
  EXPECT_EQ(archive.judge("APPEND Archive {1}\r\nx"), "deny deny");
  EXPECT_EQ(archive.judge("APPEND INBOX {1}\r\nx"), "pass pass");
  archive.session.select("Archive", true);
  EXPECT_EQ(archive.judge("COPY 1 INBOX"), "deny") << "out of it, too: the strictest of source and target";
  EXPECT_EQ(archive.judge("FETCH 1 FLAGS"), "pass");
  EXPECT_EQ(archive.judge("APPEND INBOX {1}\r\nx"), "pass pass") << "does not work on the selected one";
  // organise is the stricter word, and has no objection to a COPY.
  UnderRule both("{when: {mailbox: Archive}, action: read_only}, {action: organise}");
  EXPECT_EQ(both.judge("COPY 1 Archive"), "deny");
  EXPECT_EQ(both.judge("COPY 1 Work"), "pass");
  UnderRule closing("{when: {mailbox: A}, action: deny}, {when: {mailbox: B}, action: disconnect}");
  EXPECT_EQ(closing.judge("RENAME A B"), "close");
  EXPECT_EQ(closing.session.decisions("RENAME A B").at(0).rules.decided, 1);
}

TEST(CommandRules, DeleteAndRenameReachWhatIsBelow) {
  UnderRule archive("{when: {mailbox: 'Archive/2020'}, action: deny}");
  EXPECT_EQ(archive.judge("DELETE Archive"), "deny");
  EXPECT_EQ(archive.judge("RENAME Archive x"), "deny");
  EXPECT_EQ(archive.judge("RENAME x Archive"), "deny");
  EXPECT_EQ(archive.judge("DELETE Archive/2021"), "pass");
  EXPECT_EQ(archive.judge("DELETE Arch"), "pass");
  EXPECT_EQ(archive.judge("SELECT Archive"), "pass");
  UnderRule only("{when: {mailbox: [Work, 'Work/**', 'Own']}, action: allow}, {action: deny}");
  EXPECT_EQ(only.judge("DELETE Work/x"), "pass");
  EXPECT_EQ(only.judge("DELETE Work"), "pass");
  EXPECT_EQ(only.judge("RENAME Work Work/old"), "pass");
  EXPECT_EQ(only.judge("DELETE Own"), "deny") << "what is below it was not allowed";
  EXPECT_EQ(only.judge("RENAME Work Own/x"), "deny");
  UnderRule subtree("{when: {mailbox: 'Secret/**'}, action: deny}");
  EXPECT_EQ(subtree.judge("ESEARCH IN (subtree Secret) ALL"), "deny");
  EXPECT_EQ(subtree.judge("ESEARCH IN (mailboxes Secret) ALL"), "pass");
  EXPECT_EQ(subtree.judge("NOTIFY SET (personal (MessageNew))"), "deny") << "every mailbox";
}

TEST(CommandRules, WhatNamesNoMailboxIsNotMetByRulesThatDo) {
  UnderRule archive("{when: {mailbox: Archive}, action: deny}");
  for (const char* command : {"NAMESPACE", "GETQUOTA \"\"", "LIST \"\" Archive", "LIST \"\" *", "IDLE",
                              "NOOP", "ENABLE UTF8=ACCEPT", "GETMETADATA \"\" /private/x"})
    EXPECT_EQ(archive.judge(command), "pass") << command;
  EXPECT_EQ(archive.judge("SETQUOTA \"\" (STORAGE 1)"), "deny") << "it could be of any";
  EXPECT_EQ(archive.judge("SETMETADATA \"\" (/private/x NIL)"), "deny");
  archive.session.has_selected = false;
  EXPECT_EQ(archive.judge("EXPUNGE"), "deny") << "nobody knows in which";
}

TEST(CommandRules, WhatCannotBeReadIsRestricted) {
  UnderRule archive("{when: {mailbox: Archive}, action: deny}");
  EXPECT_EQ(archive.judge("STATUS INBOX (MESSAGES)"), "pass");
  EXPECT_EQ(archive.judge("SELECT (INBOX)"), "deny");
  UnderRule only("{when: {user: alice}, action: allow}, {action: deny}");
  EXPECT_EQ(only.judge("STORE 1 FLAGS (\\Seen)"), "pass");
  EXPECT_EQ(only.judge("STORE 1 NONSENSE"), "deny");
  UnderRule named("{when: {command: STORE}, action: allow}, {action: deny}");
  EXPECT_EQ(named.judge("STORE 1 NONSENSE"), "pass") << "every STORE is allowed, whatever it means";
}

TEST(CommandRules, AVerbThatNobodyKnowsIsRefusedWhereARuleRestrictsTheSession) {
  EXPECT_EQ(UnderRule("{when: {mailbox: Archive}, action: read_only}").judge("XFOO"), "cannot");
  UnderRule fetch("{when: {command: FETCH}, action: deny}");
  const Decision decision = fetch.session.decisions("XFOO a b").at(0);
  EXPECT_EQ(decision.code, ErrorCode::Cannot);
  EXPECT_EQ(decision.rules.decided, 0);
  EXPECT_EQ(UnderRule("{when: {user: bob}, action: deny}").judge("XFOO"), "pass") << "of no concern to alice";
  EXPECT_EQ(UnderRule("{when: {command: [LOGIN, AUTHENTICATE]}, action: deny}").judge("XFOO"), "pass")
      << "nothing is left of it after login";
  EXPECT_EQ(UnderRule("{when: {mailbox: INBOX}, action: deny, mode: observe}").judge("XFOO"), "pass");
  EXPECT_EQ(UnderRule("{when: {user: alice}, action: allow}").judge("XFOO"), "pass");
  EXPECT_EQ(UnderRule("{when: {user: alice}, action: allow}, {action: deny}").judge("XFOO"), "cannot")
      << "not named";
  EXPECT_EQ(UnderRule("{when: {command: xfoo}, action: allow}, {action: deny}").judge("XFoo"), "pass");
  EXPECT_EQ(UnderRule("{when: {command: xfoo}, action: allow}, {action: deny}").judge("XBAR"), "cannot");
  EXPECT_EQ(UnderRule("{when: {command: XFOO}, action: deny}").judge("XFOO"), "cannot");
  EXPECT_EQ(UnderRule("{when: {command: XFOO}, action: disconnect}").judge("XFOO"), "close");
}

TEST(CommandRules, UrlsOfCatenateNameMailboxes) {
  UnderRule secret("{when: {mailbox: Secret}, action: deny}");
  EXPECT_EQ(secret.judge("APPEND INBOX CATENATE (URL \"/Secret/;UID=1\" TEXT {1}\r\nx)"), "deny deny");
  EXPECT_EQ(secret.judge("APPEND INBOX CATENATE (TEXT {1}\r\nx URL \"/Secret/;UID=1\")"), "pass deny");
  EXPECT_EQ(secret.judge("APPEND INBOX CATENATE (TEXT {1}\r\nx URL \"/Work/;UID=1\")"), "pass pass");
}

TEST(CommandRules, TheSelectedMailboxIsTheOneThatIsSelectedNow) {
  UnderRule archive("{when: {mailbox: Archive}, action: read_only}");
  EXPECT_EQ(archive.judge("STORE 1 FLAGS (\\Seen)"), "pass");
  archive.session.select("Archive");
  EXPECT_EQ(archive.judge("STORE 1 FLAGS (\\Seen)"), "deny");
  archive.session.has_selected = false;
  EXPECT_EQ(archive.judge("FETCH 1 FLAGS"), "pass");
  archive.session.select("INBOX");
  EXPECT_EQ(archive.judge("STORE 1 FLAGS (\\Seen)"), "pass");
}

TEST(CommandRules, AMailboxThatWasOpenedUnderAnotherEncodingIsJudgedByBoth) {
  UnderRule umlaut("{when: {mailbox: '\xC3\xA4'}, action: deny}");
  umlaut.session.select("&AOQ-");
  EXPECT_EQ(umlaut.judge("EXPUNGE"), "deny");
  umlaut.session.hear("* ENABLED UTF8=ACCEPT\r\n");
  EXPECT_EQ(umlaut.judge("EXPUNGE"), "deny");
}

TEST(CommandRules, AnUnknownTrashIsEveryMailbox) {
  RulesSession session(settings_with("rules: [{action: organise}]\ntrash: []\n"));
  session.special.known = false;
  session.log_in();
  session.select("INBOX");
  EXPECT_EQ(session.judge("MOVE 1 Archive"), "deny");
  EXPECT_EQ(session.judge("RENAME Work Old"), "deny");
  EXPECT_EQ(session.judge("COPY 1 Archive"), "pass");
  session.special.known = true;
  EXPECT_EQ(session.judge("MOVE 1 Archive"), "pass") << "the server has none";
}

// --- around login ------------------------------------------------------------------------------------------

std::string login(const std::string& rules, const std::string& user = "alice", Verb verb = Verb::Login) {
  RulesSession session(settings_with("rules: [" + rules + "]\n"));
  session.user = user;
  return test::shown(session.login(verb));
}

TEST(CommandRules, LoginsAreJudgedByRulesWithoutACommandToo) {
  EXPECT_EQ(login("{when: {user: alice}, action: deny}"), "deny");
  EXPECT_EQ(login("{when: {user: alice}, action: deny}", "bob"), "pass");
  EXPECT_EQ(login("{when: {user: bob}, action: deny}", ""), "deny") << "a hidden user";
  EXPECT_EQ(login("{when: {user: bob}, action: allow}, {action: deny}", ""), "deny");
  EXPECT_EQ(login("{when: {command: LOGIN}, action: deny}"), "deny");
  EXPECT_EQ(login("{when: {command: LOGIN}, action: deny}", "alice", Verb::Authenticate), "pass");
  EXPECT_EQ(login("{when: {class: auth}, action: deny}", "alice", Verb::Authenticate), "deny");
  EXPECT_EQ(login("{when: {class: read}, action: deny}"), "pass");
  EXPECT_EQ(login("{when: {mailbox: '**'}, action: deny}"), "pass");
  EXPECT_EQ(login("{action: disconnect}"), "close");
  EXPECT_EQ(login("{action: read_only}"), "pass");
  EXPECT_EQ(login("{action: organise}"), "pass");
  EXPECT_EQ(login("{action: deny, mode: observe}"), "pass");
}

TEST(CommandRules, ARefusedLoginSaysNoperm) {
  RulesSession session(settings_with("rules: [{action: deny, reply: from the office only}]\n"));
  const Decision decision = session.login();
  EXPECT_EQ(decision.code, ErrorCode::NoPermission);
  EXPECT_EQ(decision.response_code, "NOPERM");
  EXPECT_EQ(decision.text, "from the office only");
  EXPECT_EQ(decision.rules.decided, 0);
}

TEST(CommandRules, TheFiveAreJudgedWhereTheyAreNamed) {
  const auto before_login = [](const std::string& rules, const std::string& command) {
    RulesSession session(settings_with("rules: [" + rules + "]\n"));
    session.user.clear();
    return session.judge(command);
  };
  for (const char* command : {"CAPABILITY", "NOOP", "ID NIL", "LOGOUT", "STARTTLS"}) {
    EXPECT_EQ(before_login("{action: deny}", command), "pass") << command;
    EXPECT_EQ(UnderRule("{action: deny}").judge(command), "pass") << command;
  }
  EXPECT_EQ(before_login("{when: {command: ID}, action: deny}", "ID NIL"), "deny");
  EXPECT_EQ(before_login("{when: {command: ID, user: alice}, action: deny}", "ID NIL"), "pass")
      << "nobody knows yet who it is";
  EXPECT_EQ(before_login("{when: {command: '!NOOP'}, action: deny}", "ID NIL"), "pass") << "not named";
  EXPECT_EQ(before_login("{when: {command: LOGOUT}, action: deny}", "LOGOUT"), "pass") << "nobody is kept";
  EXPECT_EQ(before_login("{when: {command: LOGOUT}, action: disconnect}", "LOGOUT"), "close");
  EXPECT_EQ(before_login("{action: deny}", "LOGIN a b"), "pass") << "judged when the name is known";
  EXPECT_EQ(UnderRule("{when: {command: NOOP, user: alice}, action: deny}").judge("NOOP"), "deny");
}

TEST(CommandRules, ASessionThatNoRuleConcernsHoldsNothing) {
  RulesSession session(
      settings_with("rules: [{when: {user: bob, mailbox: Archive}, action: organise},\n"
                    "        {when: {user: bob}, action: deny}]\n"));
  const Needs needs = session.log_in();
  EXPECT_FALSE(needs.naming);
  EXPECT_FALSE(needs.special_use);
  session.select("INBOX");
  EXPECT_EQ(session.judge("EXPUNGE"), "pass");
  EXPECT_EQ(session.judge("XFOO"), "pass") << "no restriction holds for her";
  EXPECT_EQ(session.judge("APPEND INBOX (\\Deleted) {1}\r\nx"), "pass pass");
}

TEST(CommandRules, WithoutRulesThereIsNoFilter) {
  config::Settings settings = settings_with("");
  ChainParts parts;
  parts.policy = std::make_shared<const Policy>(settings);
  EXPECT_EQ(make_filters(parts).size(), 1U);
  settings = settings_with("rules: [{action: deny}]\n");
  parts.policy = std::make_shared<const Policy>(settings);
  EXPECT_EQ(make_filters(parts).size(), 2U);
}

}  // namespace
}  // namespace postern::filters
