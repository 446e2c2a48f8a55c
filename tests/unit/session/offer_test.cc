#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "session/environment.h"

namespace postern::session {
namespace {

using Names = std::vector<std::string>;

Offer offer_of(const Names& lists, const config::Settings& settings = {}) {
  std::vector<imap::CapabilityList> candidates;
  for (const std::string& list : lists) candidates.push_back(imap::parse_capabilities(list));
  return make_offer(candidates, settings);
}

bool lists(const std::string& text, const std::string& name) {
  return imap::has_capability(imap::parse_capabilities(text), name);
}

TEST(Offer, IsCautiousBeforeTheFirstProbe) {
  for (const Offer& offer : {offer_of({}), offer_of({""}), offer_of({"IMAP4rev1 IDLE AUTH=PLAIN", ""})}) {
    EXPECT_FALSE(offer.probed);
    EXPECT_EQ(offer.is_protected, "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN");
  }
}

TEST(Offer, IsWhatAllCandidatesHave) {
  const Offer offer = offer_of({"IMAP4rev1 IDLE MOVE AUTH=PLAIN AUTH=CRAM-MD5", "IMAP4rev1 idle AUTH=PLAIN"});
  EXPECT_TRUE(offer.probed);
  EXPECT_TRUE(lists(offer.is_protected, "IDLE"));
  EXPECT_FALSE(lists(offer.is_protected, "MOVE"));
  EXPECT_EQ(offer.mechanisms, Names{"PLAIN"});
}

TEST(Offer, InClearTextHasNoMechanism) {
  const Offer offer = offer_of({"IMAP4rev1 AUTH=PLAIN"});
  EXPECT_TRUE(lists(offer.needs_tls, "STARTTLS"));
  EXPECT_TRUE(lists(offer.needs_tls, "LOGINDISABLED"));
  EXPECT_EQ(offer.needs_tls.find("AUTH="), std::string::npos);
}

TEST(Offer, InsideTlsHasNoStarttls) {
  const Offer offer = offer_of({"IMAP4rev1 STARTTLS AUTH=PLAIN"});
  EXPECT_FALSE(lists(offer.is_protected, "STARTTLS"));
  EXPECT_FALSE(lists(offer.is_protected, "LOGINDISABLED"));
  EXPECT_TRUE(lists(offer.is_protected, "AUTH=PLAIN"));
}

TEST(Offer, SaysWhereAnUpstreamTakesNoLogin) {
  EXPECT_TRUE(lists(offer_of({"IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"}).is_protected, "LOGINDISABLED"));
}

TEST(Offer, HidesChannelBindingAndRemembersIt) {
  const Offer offer = offer_of({"IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS"});
  EXPECT_TRUE(offer.plus_offered);
  EXPECT_EQ(offer.mechanisms, Names{"SCRAM-SHA-256"});
  EXPECT_FALSE(offer_of({"IMAP4rev1 AUTH=SCRAM-SHA-256"}).plus_offered);
}

TEST(Offer, NamesMechanismsInCapitals) {
  EXPECT_EQ(offer_of({"IMAP4rev1 auth=plain Auth=Xoauth2"}).mechanisms, (Names{"PLAIN", "XOAUTH2"}));
}

TEST(Offer, FollowsTheConfiguration) {
  config::Settings settings;
  settings.rewrite.hide_capabilities = {"AUTH=LOGIN", "IDLE"};
  settings.rewrite.add_capabilities = {"XLIST"};
  const Offer offer = offer_of({"IMAP4rev1 IDLE AUTH=PLAIN AUTH=LOGIN"}, settings);
  EXPECT_EQ(offer.mechanisms, Names{"PLAIN"});
  EXPECT_FALSE(lists(offer.is_protected, "IDLE"));
  EXPECT_TRUE(lists(offer.is_protected, "XLIST"));
}

TEST(Offer, HasExternalForThoseWithACertificateWhereAMasterUserIs) {
  config::Settings settings;
  const std::vector<imap::CapabilityList> candidates{{"IMAP4rev1", "AUTH=PLAIN"}};
  EXPECT_EQ(make_offer(candidates, settings, false).is_certified, "");
  const Offer offer = make_offer(candidates, settings, true);
  EXPECT_EQ(offer.is_certified, offer.is_protected + " AUTH=EXTERNAL");
  settings.rewrite.hide_capabilities = {"auth=external"};
  EXPECT_EQ(make_offer(candidates, settings, true).is_certified, "");
}

TEST(Offer, HidesWhatBindsNamesWhereNamesAreRewritten) {
  config::Settings settings;
  settings.rewrite.user.strip_domain = true;
  settings.rewrite.add_capabilities = {"AUTH=XOAUTH2"};
  EXPECT_EQ(offer_of({"IMAP4rev1 AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256 AUTH=NEW"}, settings)
                .mechanisms,
            (Names{"PLAIN", "LOGIN"}));
}

TEST(Offer, NeverHasExternal) { EXPECT_TRUE(offer_of({"IMAP4rev1 AUTH=EXTERNAL"}).mechanisms.empty()); }

}  // namespace
}  // namespace postern::session
