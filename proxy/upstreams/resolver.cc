#include "upstreams/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "net/address.h"

namespace postern::server {

struct Resolver::Request {
  uv_getaddrinfo_t uv{};
  Resolver* owner = nullptr;  // null: cancelled
  std::uint16_t port = 0;
  Done done;
};

namespace {

Resolver::Addresses copy(const addrinfo* list, std::uint16_t port) {
  Resolver::Addresses addresses;
  std::vector<std::string> seen;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof address));
    if (address.ss_family == AF_INET)
      reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(port);
    else if (address.ss_family == AF_INET6)
      reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = htons(port);
    else
      continue;
    std::string text = net::host_port_text(address);
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) continue;
    seen.push_back(std::move(text));
    addresses.push_back(address);
  }
  return addresses;
}

Error dns_error(int status) { return {ErrorCode::UpstreamDns, uv_strerror(status)}; }

}  // namespace

void Resolver::resolve(const std::string& host, std::uint16_t port, Done done) {
  if (running()) return;
  auto request = std::make_unique<Request>();
  request->uv.data = request.get();
  request->owner = this;
  request->port = port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  const int status = uv_getaddrinfo(loop_, &request->uv, &Resolver::resolved, host.c_str(), nullptr, &hints);
  if (status != 0) return done(dns_error(status));
  request->done = std::move(done);
  request_ = request.release();
}

void Resolver::cancel() noexcept {
  if (request_ == nullptr) return;
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->uv));  // a thread that has begun goes on to its end
  request_ = nullptr;
}

void Resolver::resolved(uv_getaddrinfo_t* uv, int status, addrinfo* found) {
  const std::unique_ptr<Request> request(static_cast<Request*>(uv->data));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, &uv_freeaddrinfo);
  if (request->owner == nullptr) return;
  request->owner->request_ = nullptr;
  if (status != 0) return request->done(dns_error(status));
  Addresses addresses = copy(list.get(), request->port);
  if (addresses.empty()) return request->done(dns_error(UV_EAI_NONAME));
  request->done(std::move(addresses));
}

}  // namespace postern::server
