// Which page answers a request of the status listener: a table of paths. All that is there is read only, so a
// page is for GET, and HEAD with it (HttpSession refuses the other methods). An unknown path is 404 and names
// what there is. Made once, then unaltered; main thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "status/http.h"

namespace postern::server {

class Router {
 public:
  using Page = std::function<HttpResponse(const HttpRequest&)>;

  void get(std::string_view path, Page page);  // exact, as sent; each path once
  HttpResponse answer(const HttpRequest& request) const;

 private:
  struct Route {
    std::string path;
    Page page;
  };

  std::vector<Route> routes_;  // in the order in which they were added, which is how 404 names them
};

}  // namespace postern::server
