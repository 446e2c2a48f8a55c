#include "session/login/capability_line.h"

namespace postern::session {
namespace {

constexpr Octets kCapability = "CAPABILITY";

bool is_data(const imap::Response& response) {
  return response.kind == imap::ResponseKind::Untagged && response.status == imap::Status::None &&
         !response.has_number && equals_ignoring_case(response.keyword, kCapability);
}

}  // namespace

std::optional<Octets> listed_capabilities(const imap::Response& response, Octets whole) {
  if (is_data(response)) {
    const std::size_t at =
        static_cast<std::size_t>(response.keyword.data() - whole.data()) + kCapability.size();
    return without_line_end(whole.substr(at));
  }
  if (imap::has_code(response, kCapability)) return response.code.substr(kCapability.size());
  return std::nullopt;
}

imap::CapabilityEdit edit_of(const config::Settings& settings) noexcept {
  return {settings.rewrite.hide_capabilities, settings.rewrite.add_capabilities, settings.limits.literal};
}

std::optional<std::string> with_edited_list(const config::Settings& settings, const imap::Response& response,
                                            Octets whole) {
  const std::optional<Octets> list = listed_capabilities(response, whole);
  if (!list) return std::nullopt;
  const std::string edited = edited_capabilities(settings, imap::parse_capabilities(*list));
  std::string out;
  if (is_data(response)) return out.append("* CAPABILITY ").append(edited).append("\r\n");
  const std::size_t code_at = static_cast<std::size_t>(response.code.data() - whole.data());
  out.append(whole.substr(0, code_at)).append("CAPABILITY ").append(edited);
  return out.append(without_line_end(whole.substr(code_at + response.code.size()))).append("\r\n");
}

std::string edited_capabilities(const config::Settings& settings, const imap::CapabilityList& list) {
  return imap::capabilities_after_login(list, edit_of(settings));
}

}  // namespace postern::session
