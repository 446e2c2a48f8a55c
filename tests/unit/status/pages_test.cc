#include "status/pages.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

Conditions good() {
  Conditions conditions;
  conditions.started = true;
  conditions.endpoints = {{"mail", "127.0.0.1:143", true}};
  return conditions;
}

TEST(Pages, AliveMeansOnlyThatTheLoopTurns) {
  EXPECT_EQ(livez_page().status, 200);
  EXPECT_EQ(livez_page().body, "ok\n");
}

TEST(Pages, StartedMeansThatTheListenersAreOpen) {
  Conditions conditions;
  EXPECT_EQ(startupz_page(conditions).status, 503);
  conditions.started = true;
  conditions.draining = true;
  EXPECT_EQ(startupz_page(conditions).status, 200);
}

TEST(Pages, ReadyMeansStartedAndNotDraining) {
  EXPECT_EQ(readyz_page(good(), false).status, 200);
  Conditions starting = good();
  starting.started = false;
  EXPECT_EQ(readyz_page(starting, false).status, 503);
  EXPECT_EQ(readyz_page(starting, false).body, "starting\n");
  Conditions draining = good();
  draining.draining = true;
  EXPECT_EQ(readyz_page(draining, false).status, 503);
  EXPECT_EQ(readyz_page(draining, false).body, "draining\n");
}

TEST(Pages, ReadyMeansThatWhatMustBeRecordedCanBe) {
  Conditions conditions = good();
  conditions.audited = conditions.audit_is_needed = true;
  EXPECT_EQ(readyz_page(conditions, false).status, 200);
  EXPECT_NE(readyz_page(conditions, true).body.find("[+]audit ok\n"), std::string::npos);
  conditions.audit_up = false;
  EXPECT_EQ(readyz_page(conditions, false).status, 503);
  EXPECT_EQ(readyz_page(conditions, false).body, "audit\n");
  EXPECT_NE(readyz_page(conditions, true)
                .body.find("[-]audit failed: the trail cannot be written, so logins are refused\n"),
            std::string::npos);
  EXPECT_EQ(startupz_page(conditions).status, 200);
  conditions.audit_is_needed = false;
  EXPECT_EQ(readyz_page(conditions, false).status, 200);
  EXPECT_NE(readyz_page(conditions, true).body.find("[ ]audit not ok"), std::string::npos);
}

TEST(Pages, AnUpstreamThatIsDownIsShownButDoesNotDecide) {
  Conditions conditions = good();
  conditions.endpoints.push_back({"mail", "127.0.0.1:144", false});
  conditions.last_reload_ok = false;
  const HttpResponse page = readyz_page(conditions, true);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body,
            "[+]listeners ok\n"
            "[+]not-draining ok\n"
            "[ ]last-reload not ok, readiness does not depend on it\n"
            "[+]upstream mail 127.0.0.1:143 ok\n"
            "[ ]upstream mail 127.0.0.1:144 not ok, readiness does not depend on it\n"
            "readyz check passed\n");
}

TEST(Pages, VerboseNamesWhatFailed) {
  Conditions conditions = good();
  conditions.draining = true;
  const HttpResponse page = readyz_page(conditions, true);
  EXPECT_EQ(page.status, 503);
  EXPECT_NE(page.body.find("[-]not-draining failed: the process is about to end\n"), std::string::npos);
  EXPECT_NE(page.body.find("readyz check failed\n"), std::string::npos);
}

TEST(Pages, FindsVerboseInTheQuery) {
  for (const char* query : {"verbose", "verbose=1", "x=1&verbose", "verbose&x"})
    EXPECT_TRUE(asks_verbose(query)) << query;
  for (const char* query : {"", "verbos", "x=verbose", "verbosely"})
    EXPECT_FALSE(asks_verbose(query)) << query;
}

}  // namespace
}  // namespace postern::server
