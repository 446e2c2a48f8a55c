#include "tls/groups.h"

#include <string_view>

namespace postern::tls {
namespace {

constexpr const char* kHybrid = "X25519MLKEM768";
constexpr const char* kClassical = "X25519:P-256:P-384";

// Lists are of names between colons, since OpenSSL 3.5 between slashes too.
std::string first_unknown(SSL_CTX* context, std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = list.find_first_of(":/");
    const std::string name(list.substr(0, end));
    if (!name.empty() && !knows_group(context, name)) return name;
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return "";
}

}  // namespace

bool knows_group(SSL_CTX* context, const std::string& name) {
  const bool known = SSL_CTX_set1_groups_list(context, name.c_str()) == 1;
  if (!known) take_error();
  return known;
}

std::string best_groups(SSL_CTX* context) {
  return knows_group(context, kHybrid) ? std::string(kHybrid) + ":" + kClassical : kClassical;
}

Result<void> set_groups(SSL_CTX* context, const std::string& list) {
  const std::string wanted = list.empty() ? best_groups(context) : list;
  if (SSL_CTX_set1_groups_list(context, wanted.c_str()) == 1) return {};
  const std::string reason = take_reason();
  const std::string unknown = first_unknown(context, wanted);
  const std::string why = unknown.empty() ? reason : "the TLS library knows no group '" + unknown + "'";
  return Error{ErrorCode::ConfigInvalid, "tls.groups (" + why + ")"};
}

}  // namespace postern::tls
