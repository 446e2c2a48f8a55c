#include "status/router.h"

#include <utility>

#include "base/joined.h"

namespace postern::server {

void Router::get(std::string_view path, Page page) {
  routes_.push_back({std::string(path), std::move(page)});
}

HttpResponse Router::answer(const HttpRequest& request) const {
  for (const Route& route : routes_)
    if (route.path == request.path) return route.page(request);
  const std::string known = joined(routes_, [](const Route& route) { return route.path; });
  return {404, "text/plain; charset=utf-8", "not found: " + known + " are here\n"};
}

}  // namespace postern::server
