// Where a login goes: the route that its facts choose, and what a relay has to know of that upstream's
// servers to dial them. The functions are pure, over values that were published together; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/tls_facts.h"
#include "config/settings.h"
#include "filters/session_facts.h"
#include "relay/relay.h"
#include "upstreams/upstream_view.h"

namespace postern::server {

// Into settings.upstreams. The name that was asked for is the client's, also where a proxy speaks for it.
std::size_t choose_upstream(const config::Settings& settings, const filters::SessionFacts& facts,
                            const TlsFacts& tls, const std::string& user);

// The servers of that upstream in the order in which they are tried; none where the PROXY header that they
// want cannot be written.
net::Candidates find_candidates(const Published& published, const filters::SessionFacts& facts,
                                const TlsFacts& tls, const std::string& user);

// What a session is served by from accept to its end: the snapshot that ran then judges and routes it, also
// when another one has been loaded meanwhile. Of its upstreams it knows the newest view that was published
// with that snapshot. Made by a worker and shared with its sessions; worker's thread only.
class Plan final : public net::Routes {
 public:
  explicit Plan(Published published) noexcept : published_(std::move(published)) {}

  const Snapshot& snapshot() const noexcept { return *published_.snapshot; }
  const Published& published() const noexcept { return published_; }
  // Takes a newer view of the same snapshot; false: it is of another one, and so of another plan.
  bool renew(const Published& newer) noexcept;
  net::Candidates candidates(const filters::SessionFacts& facts, const TlsFacts& tls,
                             const std::string& user) const override;

 private:
  Published published_;
};

}  // namespace postern::server
