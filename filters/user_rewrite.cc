#include "filters/user_rewrite.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/diagnostics.h"

namespace postern::filters {
namespace {

constexpr int kGroupsMax = 10;             // \0, the whole match, to \9
constexpr std::int64_t kMemory = 1 << 20;  // octets for one expression, its compiled form and its cache

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  return options;
}

// Where RE2 names a part of the expression: from which character on it stands there.
std::string place_of(const std::string& part, const std::string& expression) {
  const std::size_t at = expression.find(part);
  if (part.empty() || part == expression || at == std::string::npos) return {};
  const auto is_first = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto before =
      std::count_if(expression.begin(), expression.begin() + static_cast<std::ptrdiff_t>(at), is_first);
  return " at character " + std::to_string(before + 1);
}

bool is_possible(Octets name) noexcept {
  return !name.empty() && name.size() <= UserRewrite::kNameBytes && !breaks_a_line(name);
}

}  // namespace

struct UserRewrite::Mapping {
  std::unique_ptr<const RE2> from;
  std::string to;
  int groups = 0;  // as many as `to` makes use of, the whole match included
};

UserRewrite::UserRewrite(const config::RewriteUser& settings)
    : lowercase_(settings.lowercase),
      strip_domain_(settings.strip_domain),
      default_domain_(settings.default_domain) {}
UserRewrite::~UserRewrite() = default;

std::shared_ptr<const UserRewrite> UserRewrite::make(const config::RewriteUser& settings,
                                                     std::vector<Fault>& faults) {
  if (!settings.is_asked()) return nullptr;
  std::shared_ptr<UserRewrite> made(new UserRewrite(settings));
  const std::size_t before = faults.size();
  for (const config::UserMapping& mapping : settings.map) {
    auto from = std::make_unique<const RE2>(mapping.from, options());
    std::string why;
    if (!from->ok())
      faults.push_back({config::in_quotes(mapping.from) + " is no regular expression: " + from->error() +
                            place_of(from->error_arg(), mapping.from),
                        mapping.mark});
    else if (!from->CheckRewriteString(mapping.to, &why) || RE2::MaxSubmatch(mapping.to) >= kGroupsMax)
      faults.push_back(
          {config::in_quotes(mapping.to) + " cannot replace " + config::in_quotes(mapping.from) + ": " + why,
           mapping.mark});
    else
      made->mappings_.push_back({std::move(from), mapping.to, RE2::MaxSubmatch(mapping.to) + 1});
  }
  if (faults.size() != before) return nullptr;
  return made;
}

bool UserRewrite::map(std::string& name) const {
  std::array<re2::StringPiece, kGroupsMax> groups;
  for (const Mapping& mapping : mappings_) {
    if (!mapping.from->Match(name, 0, name.size(), RE2::ANCHOR_BOTH, groups.data(), mapping.groups)) continue;
    std::string mapped;
    if (!mapping.from->Rewrite(&mapped, mapping.to, groups.data(), mapping.groups)) return false;
    name = std::move(mapped);
    return true;
  }
  return true;
}

std::optional<std::string> UserRewrite::operator()(Octets name) const {
  if (!is_possible(name)) return std::nullopt;
  std::string result = lowercase_ ? to_lower(name) : std::string(name);
  if (!map(result)) return std::nullopt;
  if (strip_domain_) result.erase(std::min(result.rfind('@'), result.size()));
  if (!default_domain_.empty() && !result.empty() && result.find('@') == std::string::npos)
    result.append(1, '@').append(default_domain_);
  if (!is_possible(result)) return std::nullopt;
  return result;
}

}  // namespace postern::filters
