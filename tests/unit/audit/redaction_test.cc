#include "audit/trail/redaction.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/audit/every_record.h"

namespace postern::audit {
namespace {

Redaction make(Redaction::Kinds kinds, char octet = 'k') {
  return {Secret(std::string(Redaction::kKeyBytes, octet)), kinds};
}

TEST(Redaction, TheSameNameHasTheSameHashAndNoOtherHas) {
  const Redaction redaction = make({});
  const std::string hash = redaction.hash("user", "fred");
  EXPECT_EQ(hash.size(), 5u + 32u);
  EXPECT_TRUE(hash.starts_with("hmac:"));
  EXPECT_EQ(hash, redaction.hash("user", "Fred"));
  EXPECT_NE(hash, redaction.hash("user", "fred2"));
  EXPECT_NE(hash, redaction.hash("mailbox", "fred"));
  EXPECT_NE(hash, make({}, 'l').hash("user", "fred"));
  EXPECT_NE(redaction.hash("mailbox", "A"), redaction.hash("mailbox", "a"));
}

TEST(Redaction, NothingOfWhatIsHiddenStandsInAnyLine) {
  const Redaction redaction = make({true, true, true});
  for (const Record& record : every_record_of("Canary")) {
    const std::string line = line_of(record, &redaction);
    const auto json = nlohmann::json::parse(line);
    if (!json.contains("conn")) continue;
    EXPECT_TRUE(json["user"].get<std::string>().starts_with("hmac:"));
    EXPECT_TRUE(json["conn"]["client_ip"].get<std::string>().starts_with("hmac:"));
    for (const char* const key : {"mailbox", "target"}) {
      if (json.contains(key)) {
        EXPECT_TRUE(json[key].get<std::string>().starts_with("hmac:"));
      }
    }
    if (json.contains("client_cert")) {
      EXPECT_EQ(json["client_cert"].dump().find("Canary"), std::string::npos);
    }
  }
}

TEST(Redaction, HidesOnlyWhatItIsToldTo) {
  Redaction redaction = make({true, false, false});
  const Record record = every_record_of("Canary")[5];
  auto json = nlohmann::json::parse(line_of(record, &redaction));
  EXPECT_EQ(json["mailbox"], "Canary");
  EXPECT_EQ(json["conn"]["client_ip"], "Canary");
  EXPECT_NE(json["user"], "Canary");
  redaction.set_kinds({false, true, false});
  json = nlohmann::json::parse(line_of(record, &redaction));
  EXPECT_NE(json["mailbox"], "Canary");
  EXPECT_NE(json["target"], "Canary");
  EXPECT_EQ(json["user"], "Canary");
}

TEST(Redaction, ANameThatIsNotKnownHasNoHash) {
  const Redaction redaction = make({true, true, true});
  Record record = every_record()[0];
  record.user.clear();
  EXPECT_EQ(line_of(record, &redaction).find("\"user\""), std::string::npos);
}

}  // namespace
}  // namespace postern::audit
