#include "status/router.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

HttpResponse page(std::string body) { return {200, "text/plain; charset=utf-8", std::move(body)}; }

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    router_.get("/livez", [](const HttpRequest&) { return page("alive"); });
    router_.get("/readyz", [](const HttpRequest& request) { return page("ready " + request.query); });
  }

  Router router_;
};

TEST_F(RouterTest, ThePathChoosesThePage) {
  EXPECT_EQ(router_.answer({"/livez", ""}).body, "alive");
  EXPECT_EQ(router_.answer({"/readyz", "verbose"}).body, "ready verbose");
}

TEST_F(RouterTest, AnUnknownPathIsToldWhatThereIs) {
  for (const char* path : {"/", "", "/livez/", "/Livez", "/live", "/livez2", "/%6civez"}) {
    const HttpResponse response = router_.answer({path, ""});
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body, "not found: /livez, /readyz are here\n");
  }
}

}  // namespace
}  // namespace postern::server
