#include "imap/capability.h"

#include <gtest/gtest.h>

#include <set>

namespace postern::imap {
namespace {

using Names = std::vector<std::string>;

struct Edit {
  Names hide = {}, add = {};
  std::uint64_t literal_limit = 0;
  operator CapabilityEdit() const { return {hide, add, literal_limit}; }
};

std::string after_login(Octets upstream, const Edit& edit = {}) {
  return capabilities_after_login(parse_capabilities(upstream), edit);
}

std::string before_login(const Names& upstreams, Channel channel = Channel::Protected,
                         const Edit& edit = {}) {
  std::vector<CapabilityList> lists;
  for (const std::string& upstream : upstreams) lists.push_back(parse_capabilities(upstream));
  return capabilities_before_login(lists, channel, edit);
}

TEST(CapabilityTable, EachNameOnceInCapitalsWithAReason) {
  std::set<std::string> names;
  for (const CapabilityRow& row : capability_table()) {
    EXPECT_TRUE(names.insert(std::string(row.name)).second) << row.name;
    EXPECT_EQ(row.name, to_upper(row.name));
    EXPECT_FALSE(row.reason.empty()) << row.name;
    EXPECT_EQ(find_capability(row.name), &row);
  }
}

TEST(CapabilityTable, FindsNamesFamiliesAndNothingElse) {
  const auto verdict = [](Octets name) { return find_capability(name)->verdict; };
  EXPECT_EQ(verdict("imap4rev1"), CapabilityVerdict::Pass);
  EXPECT_EQ(verdict("THREAD=REFS"), CapabilityVerdict::Pass);
  EXPECT_EQ(verdict("QUOTA=RES-STORAGE"), CapabilityVerdict::Pass);
  EXPECT_EQ(verdict("rights=texk"), CapabilityVerdict::Pass);
  EXPECT_EQ(verdict("UTF8=ACCEPT"), CapabilityVerdict::Pass);
  EXPECT_EQ(verdict("UTF8=APPEND"), CapabilityVerdict::Hide);
  EXPECT_EQ(verdict("AUTH=PLAIN"), CapabilityVerdict::Own);
  EXPECT_EQ(find_capability("AUTH=PLAIN")->name, "AUTH=");
  EXPECT_EQ(find_capability("auth=external")->name, "AUTH=EXTERNAL");
  EXPECT_EQ(verdict("AUTH=SCRAM-SHA-256-PLUS"), CapabilityVerdict::Hide);
  EXPECT_EQ(verdict("AUTH=GS2-KRB5-PLUS"), CapabilityVerdict::Hide);
  EXPECT_EQ(verdict("AUTH=PLUS"), CapabilityVerdict::Own);
  EXPECT_EQ(verdict("LITERAL-"), CapabilityVerdict::Own);
  for (const Octets name : {"COMPRESS=DEFLATE", "UNAUTHENTICATE", "URLAUTH", "URLAUTH=BINARY", "JMAPACCESS",
                            "LOGIN-REFERRALS", "MAILBOX-REFERRALS"})
    EXPECT_EQ(verdict(name), CapabilityVerdict::Hide) << name;
  for (const Octets name : {"", "XFOO", "IDLEX", "IDL", "SORT=", "X-GM-EXT-2", "QUOTA=RES-", "LITERAL-X"})
    EXPECT_EQ(find_capability(name), nullptr) << name;
}

// The IANA registry "IMAP Capabilities", as of RFC 9755.
TEST(CapabilityTable, CoversTheRegistry) {
  const CapabilityList registry = parse_capabilities(
      "ACL ANNOTATE-EXPERIMENT-1 APPENDLIMIT APPENDLIMIT=5 AUTH=PLAIN BINARY CATENATE CHILDREN "
      "COMPRESS=DEFLATE "
      "CONDSTORE CONTEXT=SEARCH CONTEXT=SORT CONVERT CREATE-SPECIAL-USE ENABLE ESEARCH ESORT FILTERS "
      "I18NLEVEL=1 I18NLEVEL=2 ID IDLE IMAP4rev1 IMAP4rev2 IMAPSIEVE=mailto:x INPROGRESS JMAPACCESS LANGUAGE "
      "LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS LITERAL+ LITERAL- LOGIN-REFERRALS LOGINDISABLED "
      "MAILBOX-REFERRALS MESSAGELIMIT=1000 METADATA METADATA-SERVER MOVE MULTIAPPEND MULTISEARCH NAMESPACE "
      "NOTIFY OBJECTID PARTIAL PREVIEW QRESYNC QUOTA QUOTA=RES-STORAGE QUOTASET REPLACE RIGHTS=texk SASL-IR "
      "SAVEDATE SAVELIMIT=1000 SEARCH=FUZZY SEARCHRES SORT SORT=DISPLAY SPECIAL-USE STARTTLS STATUS=SIZE "
      "THREAD=REFERENCES UIDBATCHES UIDONLY UIDPLUS UNAUTHENTICATE UNSELECT URL-PARTIAL URLAUTH "
      "URLAUTH=BINARY UTF8=ACCEPT UTF8=ALL UTF8=APPEND UTF8=ONLY UTF8=USER WITHIN");
  EXPECT_EQ(registry.size(), 79U);
  for (const std::string& name : registry) EXPECT_NE(find_capability(name), nullptr) << name;
}

TEST(ParseCapabilities, SplitsOnceEachAndDropsWhatIsNoAtom) {
  EXPECT_EQ(parse_capabilities("IMAP4rev1 IDLE  idle AUTH=PLAIN "),
            (Names{"IMAP4rev1", "IDLE", "AUTH=PLAIN"}));
  EXPECT_EQ(parse_capabilities(""), Names{});
  EXPECT_EQ(parse_capabilities("IDLE\r\n X]Y \"Z\" {5} \x1b[2J MOVE"), Names{"MOVE"});
  EXPECT_TRUE(has_capability({"IMAP4rev1", "IDLE"}, "idle"));
  EXPECT_FALSE(has_capability({"IMAP4rev1", "IDLE"}, "IDL"));
}

TEST(AfterLogin, TheTableDecidesAndTheGatewayAddsItsOwn) {
  EXPECT_EQ(after_login("IMAP4rev1 IDLE MOVE"), "IMAP4rev1 IDLE MOVE ID LITERAL+");
  EXPECT_EQ(after_login("IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL- STARTTLS AUTH=PLAIN "
                        "LOGINDISABLED COMPRESS=DEFLATE XUNKNOWN THREAD=REFS"),
            "IMAP4rev1 ID ENABLE IDLE LITERAL+ THREAD=REFS");
  EXPECT_EQ(after_login("IMAP4rev2 LITERAL+ LITERAL-"), "IMAP4rev2 LITERAL+ ID");
  EXPECT_EQ(after_login(""), "IMAP4rev1 ID LITERAL+");
}

TEST(AfterLogin, TheOperatorHidesAndAdds) {
  EXPECT_EQ(after_login("IMAP4rev1 IDLE MOVE", {{"idle", "ID"}, {"XFOO", "MOVE"}}),
            "IMAP4rev1 MOVE LITERAL+ XFOO");
}

// RFC 7888 §5: never both.
TEST(AfterLogin, LiteralMinusIsToldWhereTheOperatorAddsIt) {
  EXPECT_EQ(after_login("IMAP4rev1 IDLE", {{}, {"literal-"}}), "IMAP4rev1 IDLE ID LITERAL-");
  EXPECT_EQ(after_login("IMAP4rev1 LITERAL+ IDLE", {{}, {"LITERAL-"}}), "IMAP4rev1 LITERAL- IDLE ID");
  EXPECT_EQ(after_login("IMAP4rev1", {{"LITERAL+"}, {"LITERAL-"}}), "IMAP4rev1 ID LITERAL-");
  EXPECT_EQ(after_login("IMAP4rev1", {{}, {"LITERAL-", "LITERAL+"}}), "IMAP4rev1 ID LITERAL-");
  EXPECT_EQ(after_login("IMAP4rev1 LITERAL-", {{"LITERAL+"}, {}}), "IMAP4rev1 ID");
  EXPECT_EQ(after_login("IMAP4rev1", {{"LITERAL-"}, {"LITERAL-"}}), "IMAP4rev1 ID LITERAL+");
  EXPECT_EQ(before_login({"IMAP4rev1"}, Channel::Protected, {{}, {"LITERAL-"}}),
            "IMAP4rev1 SASL-IR ID LITERAL-");
}

// RFC 7889: the gateway's own limit holds too.
TEST(AfterLogin, AppendlimitIsLowered) {
  for (const auto& [upstream, told] : std::vector<std::pair<std::string, std::string>>{
           {"APPENDLIMIT=999", "APPENDLIMIT=999"},
           {"APPENDLIMIT=1000", "APPENDLIMIT=1000"},
           {"appendlimit=1001", "APPENDLIMIT=1000"},
           {"APPENDLIMIT=99999999999999999999999", "APPENDLIMIT=1000"},
           {"APPENDLIMIT=x", "APPENDLIMIT=1000"},
           {"APPENDLIMIT", "APPENDLIMIT"}})
    EXPECT_EQ(after_login("IMAP4rev1 " + upstream, {{}, {}, 1000}), "IMAP4rev1 " + told + " ID LITERAL+");
  EXPECT_EQ(after_login("IMAP4rev1 APPENDLIMIT=5000"), "IMAP4rev1 APPENDLIMIT=5000 ID LITERAL+");
}

TEST(BeforeLogin, WhatIsNotProbedYetIsOfferedAsAConstant) {
  EXPECT_EQ(before_login({}), "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN");
  EXPECT_EQ(before_login({"", ""}), "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN");
}

TEST(BeforeLogin, TheOfferIsWhatAllCandidatesHave) {
  EXPECT_EQ(
      before_login({"IMAP4rev1 IDLE MOVE AUTH=PLAIN AUTH=LOGIN", "MOVE IMAP4REV1 AUTH=LOGIN AUTH=CRAM-MD5"}),
      "IMAP4rev1 SASL-IR ID LITERAL+ MOVE AUTH=LOGIN");
  EXPECT_EQ(before_login({"IMAP4rev1 IDLE AUTH=PLAIN AUTH=LOGIN", ""}),
            "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN");
  EXPECT_EQ(before_login({"IMAP4rev1 IMAP4rev2", "IMAP4rev2"}), "IMAP4rev2 SASL-IR ID LITERAL+");
  EXPECT_EQ(before_login({"IDLE", "IMAP4rev2"}), "IMAP4rev1 SASL-IR ID LITERAL+");
}

// protocol.md §2: neither can pass a terminator of TLS.
TEST(BeforeLogin, ExternalAndChannelBindingAreNeverOffered) {
  EXPECT_EQ(
      before_login({"IMAP4rev1 AUTH=EXTERNAL AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS auth=external"}),
      "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=SCRAM-SHA-256");
}

TEST(BeforeLogin, WithoutTlsThereIsOnlyStarttls) {
  EXPECT_EQ(before_login({"IMAP4rev1 IDLE STARTTLS AUTH=PLAIN"}, Channel::NeedsTls),
            "IMAP4rev1 SASL-IR ID LITERAL+ IDLE STARTTLS LOGINDISABLED");
  EXPECT_EQ(before_login({"IMAP4rev1 IDLE STARTTLS AUTH=PLAIN"}),
            "IMAP4rev1 SASL-IR ID LITERAL+ IDLE AUTH=PLAIN");
}

TEST(BeforeLogin, AnUpstreamThatTakesNoLoginSaysSo) {
  EXPECT_EQ(before_login({"IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"}),
            "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=GSSAPI LOGINDISABLED");
}

TEST(BeforeLogin, TheOperatorHidesAndAdds) {
  EXPECT_EQ(before_login({"IMAP4rev1 IDLE AUTH=PLAIN AUTH=LOGIN"}, Channel::Protected,
                         {{"AUTH=LOGIN", "IDLE", "SASL-IR"}, {"XFOO"}}),
            "IMAP4rev1 ID LITERAL+ AUTH=PLAIN XFOO");
}

}  // namespace
}  // namespace postern::imap
