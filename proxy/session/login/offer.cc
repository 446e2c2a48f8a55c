#include <algorithm>

#include "imap/sasl.h"
#include "session/environment.h"
#include "session/login/credentials.h"

namespace postern::session {
namespace {

constexpr Octets kAuth = "AUTH=";
constexpr Octets kExternal = "AUTH=EXTERNAL";

bool lists_plus(const imap::CapabilityList& list) {
  return std::any_of(list.begin(), list.end(), [](const std::string& name) {
    return starts_ignoring_case(name, kAuth) && imap::is_channel_bound(Octets(name).substr(kAuth.size()));
  });
}

// Where names are rewritten: the mechanisms whose name cannot be.
void hide_what_binds_names(const imap::CapabilityList& names, std::vector<std::string>& hidden) {
  for (const std::string& name : names)
    if (starts_ignoring_case(name, kAuth) &&
        !carries_name_alone(imap::mechanism_of(Octets(name).substr(kAuth.size()))))
      hidden.push_back(name);
}

}  // namespace

Offer make_offer(const std::vector<imap::CapabilityList>& candidates, const config::Settings& settings,
                 bool has_master) {
  std::vector<std::string> hidden = settings.rewrite.hide_capabilities;
  if (settings.rewrite.user.is_asked()) {
    for (const imap::CapabilityList& list : candidates) hide_what_binds_names(list, hidden);
    hide_what_binds_names(settings.rewrite.add_capabilities, hidden);
  }
  const imap::CapabilityEdit edit{hidden, settings.rewrite.add_capabilities, settings.limits.literal};
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
  if (has_master && !imap::has_capability(hidden, kExternal))
    offer.is_certified.append(offer.is_protected).append(" ").append(kExternal);
  return offer;
}

}  // namespace postern::session
