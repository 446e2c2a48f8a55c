// Which rule meets what: the keys of `when`, one after the other.
#include "filters/policy.h"

#include <gtest/gtest.h>

#include "unit/filters/rules_session.h"

namespace postern::filters {
namespace {

using imap::Verb;
using test::RulesSession;
using test::settings_with;

// Does `when` match this session's FETCH in INBOX, as deny and as allow (before a deny of all)? "deny",
// "allow", "both", "none".
template <typename Prepare>
std::string matched(const std::string& when, Prepare prepare) {
  const auto judged = [&](const std::string& rules) {
    RulesSession session(settings_with("rules: [" + rules + "]\n"));
    prepare(session);
    session.log_in();
    session.select("INBOX");
    return session.judge("FETCH 1 FLAGS");
  };
  const bool denies = judged("{when: {" + when + "}, action: deny}") == "deny";
  const bool allows = judged("{when: {" + when + "}, action: allow}, {action: deny}") == "pass";
  return denies ? (allows ? "both" : "deny") : (allows ? "allow" : "none");
}

std::string user(const std::string& when, const std::string& name) {
  return matched("user: " + when, [&](RulesSession& session) { session.user = name; });
}

TEST(Policy, UsersAreGlobsThatIgnoreCase) {
  EXPECT_EQ(user("alice", "alice"), "both");
  EXPECT_EQ(user("ALICE", "alice"), "both");
  EXPECT_EQ(user("'*@example.com'", "bob@Example.com"), "both");
  EXPECT_EQ(user("alice", "bob"), "none");
  EXPECT_EQ(user("[alice, bob]", "bob"), "both");
  EXPECT_EQ(user("'!alice'", "bob"), "both");
  EXPECT_EQ(user("'!alice'", "alice"), "none");
  EXPECT_EQ(user("['*', '!alice']", "alice"), "none");
  EXPECT_EQ(user("alice", ""), "deny") << "a hidden user is restricted and never allowed";
  EXPECT_EQ(user("'!alice'", ""), "deny");
}

TEST(Policy, Networks) {
  const auto client = [](const std::string& when, const std::string& address) {
    return matched("client: " + when, [&](RulesSession& session) { session.facts.client_address = address; });
  };
  EXPECT_EQ(client("192.0.2.0/24", "192.0.2.200"), "both");
  EXPECT_EQ(client("192.0.2.0/24", "198.51.100.1"), "none");
  EXPECT_EQ(client("'2001:db8::/32'", "2001:db8::1"), "both");
  EXPECT_EQ(client("[10.0.0.0/8, '!10.1.0.0/16']", "10.1.2.3"), "none");
  EXPECT_EQ(client("'!10.0.0.0/8'", "192.0.2.7"), "both");
  EXPECT_EQ(client("10.0.0.0/8", "@"), "deny") << "an address that cannot be read";
}

TEST(Policy, ListenersNamesAndTls) {
  const auto nothing = [](RulesSession&) {};
  EXPECT_EQ(matched("listener: imaps", nothing), "both");
  EXPECT_EQ(matched("listener: IMAPS", nothing), "none");
  EXPECT_EQ(matched("listener: '!imap'", nothing), "both");
  const auto asked = [](RulesSession& session) { session.tls.sni = "Mail.example"; };
  EXPECT_EQ(matched("sni: '*.EXAMPLE'", asked), "both");
  EXPECT_EQ(matched("sni: other", asked), "none");
  EXPECT_EQ(matched("sni: '?*'", nothing), "none") << "who asks for no name";
  const auto behind_a_proxy = [](RulesSession& session) { session.facts.connected_name = "mail.example"; };
  EXPECT_EQ(matched("sni: mail.example", behind_a_proxy), "both");
  const auto clear = [](RulesSession& session) { session.tls = {}; };
  EXPECT_EQ(matched("tls: true", nothing), "both");
  EXPECT_EQ(matched("tls: false", nothing), "none");
  EXPECT_EQ(matched("tls: false", clear), "both");
}

TEST(Policy, VersionsOfTls) {
  const auto version = [](const std::string& when, int minor) {
    return matched("tls_version: " + when, [&](RulesSession& session) {
      session.tls.secure = minor >= 0;
      session.tls.minor = static_cast<std::uint8_t>(std::max(minor, 0));
    });
  };
  EXPECT_EQ(version("1.2", 2), "both");
  EXPECT_EQ(version("1.2", 3), "none");
  EXPECT_EQ(version("[1.2, 1.3]", 3), "both");
  EXPECT_EQ(version("'!1.3'", 2), "both");
  EXPECT_EQ(version("'!1.3'", -1), "deny") << "clear text is not TLS 1.3, and no other version either";
  EXPECT_EQ(version("1.2", -1), "none");
}

TEST(Policy, ClientCertificates) {
  const auto with = [](const std::string& when) {
    return matched("client_cert: " + when, [](RulesSession& session) {
      auto certificate = std::make_shared<ClientCertificate>();
      certificate->subject = "CN=Bob,O=Example";
      certificate->common_name = "Bob";
      certificate->emails = {"bob@example.com", "bob@example.org"};
      certificate->upns = {"bob@ad.example"};
      session.tls.client_cert = certificate;
    });
  };
  const auto without = [](const std::string& when) {
    return matched("client_cert: " + when, [](RulesSession&) {});
  };
  for (const char* when : {"true", "'!false'", "bob", "'CN=bob*'", "'*@example.org'", "'*@ad.example'"}) {
    EXPECT_EQ(with(when), "both") << when;
  }
  for (const char* when : {"false", "'!true'", "alice", "'!bob@example.com'"})
    EXPECT_EQ(with(when), "none") << when;
  EXPECT_EQ(without("true"), "none");
  EXPECT_EQ(without("false"), "both");
  EXPECT_EQ(without("'!true'"), "both");
  EXPECT_EQ(without("bob"), "none");
  EXPECT_EQ(without("'!bob'"), "deny") << "no certificate is not somebody else's";
  EXPECT_EQ(without("[bob, false]"), "both");
}

std::string judged(const std::string& rules, const std::string& command,
                   const std::string& mailbox = "INBOX") {
  RulesSession session(settings_with("rules: [" + rules + "]\n"));
  session.log_in();
  session.select(mailbox);
  return session.judge(command);
}
std::string denied(const std::string& when, const std::string& command,
                   const std::string& mailbox = "INBOX") {
  return judged("{when: {" + when + "}, action: deny}", command, mailbox);
}
// An exception from a deny of everything.
std::string allowed(const std::string& when, const std::string& command,
                    const std::string& mailbox = "INBOX") {
  return judged("{when: {" + when + "}, action: allow}, {action: deny}", command, mailbox);
}

TEST(Policy, CommandsAreNamedWithoutUid) {
  EXPECT_EQ(denied("command: STORE", "UID STORE 1 FLAGS (\\Seen)"), "deny");
  EXPECT_EQ(denied("command: store", "sToRe 1 FLAGS (\\Seen)"), "deny");
  EXPECT_EQ(denied("command: '!STORE'", "STORE 1 FLAGS (\\Seen)"), "pass");
  EXPECT_EQ(denied("command: '!STORE'", "FETCH 1 FLAGS"), "deny");
  EXPECT_EQ(denied("command: STORE", "FETCH 1 FLAGS"), "pass");
}

TEST(Policy, ClassesAreASet) {
  EXPECT_EQ(denied("class: read", "FETCH 1 FLAGS"), "deny");
  EXPECT_EQ(denied("class: write", "STORE 1 +FLAGS (\\Seen)"), "deny");
  EXPECT_EQ(denied("class: destructive", "STORE 1 +FLAGS (\\Seen)"), "pass");
  EXPECT_EQ(denied("class: destructive", "STORE 1 +FLAGS (\\Deleted)"), "deny");
  EXPECT_EQ(denied("class: [write, '!destructive']", "STORE 1 +FLAGS (\\Deleted)"), "pass");
  EXPECT_EQ(denied("class: [write, '!destructive']", "COPY 1 x"), "deny");
  EXPECT_EQ(denied("class: '!read'", "IDLE"), "deny") << "a command of no class";
  EXPECT_EQ(denied("class: read", "IDLE"), "pass");
  EXPECT_EQ(denied("class: admin", "GETACL INBOX"), "deny");
}

TEST(Policy, FlagsOfARestrictionAreAnyOfAnExceptionAll) {
  EXPECT_EQ(denied("flag: \\Deleted", "STORE 1 +FLAGS (\\Seen \\deleted)"), "deny");
  EXPECT_EQ(denied("flag: \\Deleted", "STORE 1 +FLAGS (\\Seen)"), "pass");
  EXPECT_EQ(denied("flag: '$*'", "STORE 1 +FLAGS ($Junk)"), "deny");
  EXPECT_EQ(denied("flag: '!\\Seen'", "STORE 1 +FLAGS (\\Seen)"), "pass");
  EXPECT_EQ(denied("flag: '!\\Seen'", "STORE 1 +FLAGS (\\Seen x)"), "deny");
  EXPECT_EQ(denied("flag: \\Deleted", "FETCH 1 FLAGS"), "pass");
  EXPECT_EQ(allowed("flag: [\\Seen, \\Flagged]", "STORE 1 +FLAGS (\\Seen \\Flagged)"), "pass");
  EXPECT_EQ(allowed("flag: [\\Seen, \\Flagged]", "STORE 1 +FLAGS (\\Seen x)"), "deny");
  EXPECT_EQ(allowed("flag: [\\Seen, \\Flagged]", "FETCH 1 FLAGS"), "deny") << "none is not all";
  EXPECT_EQ(denied("flag: \\Deleted", "APPEND INBOX (\\Deleted) {1}\r\nx"), "deny pass");
}

TEST(Policy, MailboxesAreCanonicalNames) {
  EXPECT_EQ(denied("mailbox: inbox", "SELECT iNbOx"), "deny");
  EXPECT_EQ(denied("mailbox: Archive", "SELECT \"ar\\\\chive\""), "pass");
  EXPECT_EQ(denied("mailbox: Archive", "SELECT \"Archive\""), "deny");
  EXPECT_EQ(denied("mailbox: Archive", "SELECT {7}\r\nArchive"), "deny");
  EXPECT_EQ(denied("mailbox: Archive", "SELECT ARCHIVE"), "deny") << "a restriction ignores case";
  EXPECT_EQ(denied("mailbox: Archive", "SELECT //Archive/"), "deny") << "levels without a name";
  EXPECT_EQ(denied("mailbox: '\xC3\x84rger'", "SELECT &AOQ-rger"), "deny") << "ä, in modified UTF-7";
  EXPECT_EQ(denied("mailbox: 'R&D'", "SELECT R&D"), "deny");
  EXPECT_EQ(denied("mailbox: 'a'", "SELECT &AGE-"), "deny") << "what a lenient server reads";
  EXPECT_EQ(denied("mailbox: 'Archive/**'", "FETCH 1 FLAGS", "Archive/2020"), "deny");
  EXPECT_EQ(denied("mailbox: ['**', '!Drafts']", "SELECT drafts"), "deny") << "an exception does not";
  EXPECT_EQ(denied("mailbox: ['**', '!Drafts']", "SELECT Drafts"), "pass");
  EXPECT_EQ(allowed("mailbox: Archive", "SELECT Archive"), "pass");
  EXPECT_EQ(allowed("mailbox: Archive", "SELECT archive"), "deny");
  EXPECT_EQ(allowed("mailbox: ['**', '!Secret']", "SELECT secret"), "deny");
}

TEST(Policy, TheSeparatorIsTheUpstreams) {
  RulesSession session(settings_with("rules: [{when: {mailbox: 'Archive/**'}, action: deny}]\n"));
  session.naming = {};
  session.hear("* LIST () \".\" \"\"\r\n");
  session.log_in();
  EXPECT_EQ(session.judge("SELECT Archive.2020"), "deny");
  EXPECT_EQ(session.judge("SELECT Archive/2020"), "pass") << "one level there";
  EXPECT_EQ(session.judge("SELECT Archives"), "pass");
}

TEST(Policy, WhereNobodyKnowsTheSeparatorARestrictionTakesAllThatItCouldBe) {
  RulesSession session(
      settings_with("rules: [{when: {mailbox: [Work, 'Work/**']}, action: allow}, {when: {mailbox: 'A/b'}, "
                    "action: deny}]\n"));
  session.naming = {};
  session.log_in();
  EXPECT_EQ(session.judge("SELECT INBOX"), "pass") << "no octet in it can separate";
  EXPECT_EQ(session.judge("SELECT Work"), "pass");
  EXPECT_EQ(session.judge("SELECT Work/x"), "deny");
  EXPECT_EQ(session.judge("SELECT A.b"), "deny");
}

TEST(Policy, TheFirstThatMatchesDecides) {
  const std::string rules =
      "{when: {user: alice, mailbox: INBOX}, action: allow}, {when: {mailbox: INBOX}, action: deny}";
  EXPECT_EQ(judged(rules, "SELECT INBOX"), "pass");
  EXPECT_EQ(judged("{action: allow}, {action: deny}", "FETCH 1 FLAGS"), "pass");
  EXPECT_EQ(judged("{action: deny}, {action: allow}", "FETCH 1 FLAGS"), "deny");
  EXPECT_EQ(judged("{when: {user: bob}, action: deny}", "FETCH 1 FLAGS"), "pass") << "none is allow";
}

TEST(Policy, ARuleOnTrialIsNotedAndTheNextOneDecides) {
  RulesSession session(
      settings_with("rules:\n"
                    "  - {when: {mailbox: INBOX}, action: deny, mode: observe}\n"
                    "  - {action: disconnect, mode: observe}\n"
                    "  - {when: {mailbox: Archive}, action: deny}\n"));
  session.log_in();
  const auto hits = [&](const std::string& command) {
    const Decision decision = session.decisions(command).at(0);
    return test::shown(decision) + " " + std::to_string(decision.rules.decided) + " " +
           std::to_string(decision.rules.observed);
  };
  EXPECT_EQ(hits("SELECT INBOX"), "pass -1 0");
  EXPECT_EQ(hits("SELECT Archive"), "deny 2 1");
  EXPECT_EQ(hits("SELECT x"), "pass -1 1");
  EXPECT_EQ(hits("NOOP"), "pass -1 -1");
}

TEST(Policy, WhatIsAskedOfTheUpstream) {
  const auto needs = [](const std::string& rules, const std::string& name = "alice") {
    RulesSession session(settings_with("rules: [" + rules + "]\n"));
    session.user = name;
    const Needs found = session.log_in();
    return std::string(found.naming ? "naming " : "") + (found.special_use ? "special-use" : "");
  };
  EXPECT_EQ(needs("{action: deny}"), "");
  EXPECT_EQ(needs("{when: {mailbox: x}, action: deny}"), "naming ");
  EXPECT_EQ(needs("{when: {mailbox: x}, action: deny, mode: observe}"), "naming ");
  EXPECT_EQ(needs("{when: {user: bob, mailbox: x}, action: deny}"), "") << "settled at login";
  EXPECT_EQ(needs("{when: {user: bob}, action: organise}"), "");
  EXPECT_EQ(needs("{action: organise}"), "naming special-use");
  EXPECT_EQ(needs("{action: organise, mode: observe}"), "");
}

}  // namespace
}  // namespace postern::filters
