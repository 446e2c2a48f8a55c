#include <algorithm>

#include "imap/sasl.h"
#include "session/environment.h"

namespace postern::session {
namespace {

constexpr Octets kAuth = "AUTH=";

bool lists_plus(const imap::CapabilityList& list) {
  return std::any_of(list.begin(), list.end(), [](const std::string& name) {
    return starts_ignoring_case(name, kAuth) && imap::is_channel_bound(Octets(name).substr(kAuth.size()));
  });
}

}  // namespace

Offer make_offer(const std::vector<imap::CapabilityList>& candidates, const config::Settings& settings) {
  const imap::CapabilityEdit edit{settings.rewrite.hide_capabilities, settings.rewrite.add_capabilities,
                                  settings.limits.literal};
  Offer offer;
  offer.needs_tls = imap::capabilities_before_login(candidates, imap::Channel::NeedsTls, edit);
  offer.is_protected = imap::capabilities_before_login(candidates, imap::Channel::Protected, edit);
  offer.probed = !candidates.empty() && std::all_of(candidates.begin(), candidates.end(),
                                                    [](const auto& list) { return !list.empty(); });
  offer.plus_offered = std::any_of(candidates.begin(), candidates.end(), lists_plus);
  // The mechanisms are read back from what is told, so that the two cannot differ.
  for (const std::string& name : imap::parse_capabilities(offer.is_protected))
    if (starts_ignoring_case(name, kAuth))
      offer.mechanisms.push_back(to_upper(Octets(name).substr(kAuth.size())));
  return offer;
}

}  // namespace postern::session
