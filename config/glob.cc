#include "config/glob.h"

#include <bitset>
#include <vector>

#include "base/octets.h"

namespace postern::config {
namespace {

constexpr std::size_t kShort = 64;  // octets of a glob whose places need no memory of their own

bool begins(std::string_view text, std::string_view with, Case letters) noexcept {
  return letters == Case::Ignored ? starts_ignoring_case(text, with) : text.starts_with(with);
}

bool ends(std::string_view text, std::string_view with, Case letters) noexcept {
  if (text.size() < with.size()) return false;
  return begins(text.substr(text.size() - with.size()), with, letters);
}

// Is there nothing but runs from this place on, and one among them that stops at nothing?
bool takes_every_path(const Glob& glob, std::size_t from) noexcept {
  bool path = false;
  for (std::size_t i = from; i < glob.text.size(); ++i) {
    if (!glob.is_run(i)) return false;
    path = path || glob.at(i) == Glob::Element::Path;
  }
  return path;
}

// A run at each of these may be empty.
template <typename Places>
void pass_runs(const Glob& glob, Places& here) {
  for (std::size_t i = 0; i < glob.text.size(); ++i)
    if (here[i] && glob.is_run(i)) here[i + 1] = true;
}

// All places in the glob where a reader of `text` could stand, octet by octet; it begins at `from`. Bit i:
// the elements before i have been read. `here` and `next` are clear.
template <typename Places>
bool run(const Glob& glob, std::size_t from, std::string_view text, Reach reach, Places here, Places next) {
  const std::size_t end = glob.text.size();
  const bool folded = glob.letters == Case::Ignored;
  const Places none = next;
  here[from] = true;
  pass_runs(glob, here);
  for (const char c : text) {
    next = none;
    bool alive = false;
    for (std::size_t i = from; i < end; ++i) {
      if (!here[i]) continue;
      const Glob::Element element = glob.at(i);
      const bool stays = element == Glob::Element::Path || (element == Glob::Element::Level && c != '/');
      const bool same = folded ? ascii_lower(glob.text[i]) == ascii_lower(c) : glob.text[i] == c;
      const bool goes_on = element == Glob::Element::One || (element == Glob::Element::Octet && same);
      if (stays) next[i] = true;
      if (goes_on) next[i + 1] = true;
      alive = alive || stays || goes_on;
    }
    if (!alive) return false;
    std::swap(here, next);
    pass_runs(glob, here);
  }
  if (reach == Reach::Name) return here[end];
  for (std::size_t i = from; i < end; ++i)
    if (here[i] && (reach == Reach::AnyBelow || takes_every_path(glob, i))) return true;
  return false;
}

bool run(const Glob& glob, std::size_t from, std::string_view text, Reach reach) {
  if (takes_every_path(glob, from)) return true;
  if (glob.text.size() < kShort) {
    using Places = std::bitset<kShort>;
    return run(glob, from, text, reach, Places(), Places());
  }
  const std::vector<bool> none(glob.text.size() + 1, false);
  return run(glob, from, text, reach, none, none);
}

}  // namespace

Glob::Glob(std::string_view text_, GlobKind kind_, Case letters_) noexcept
    : text(text_), kind(kind_), letters(letters_) {
  const std::string_view wildcards = kind == GlobKind::Mailbox ? "*" : "*?";
  begin = text.substr(0, text.find_first_of(wildcards));
  end = text.substr(text.find_last_of(wildcards) + 1);
  if (begin.size() < text.size()) first = at(begin.size());
}

Glob::Element Glob::at(std::size_t place) const noexcept {
  if (text[place] == '?') return kind == GlobKind::Word ? Element::One : Element::Octet;
  if (text[place] != '*') return Element::Octet;
  if (kind == GlobKind::Word) return Element::Path;
  const bool beside = (place > 0 && text[place - 1] == '*') || text.substr(place + 1).starts_with('*');
  return beside ? Element::Path : Element::Level;
}

bool matches(const Glob& glob, std::string_view text, Reach reach) {
  if (!begins(text, glob.begin, glob.letters))
    return reach == Reach::AnyBelow && begins(glob.begin, text, glob.letters);
  const bool any_path = glob.first == Glob::Element::Path;
  if (reach == Reach::AnyBelow && any_path) return true;
  // A glob without a wildcard names one thing, and nothing below it.
  if (!glob.has_wildcard()) return reach == Reach::Name && text.size() == glob.text.size();
  if (reach == Reach::AllBelow && !glob.end.empty()) return false;
  const std::size_t from = glob.begin.size();
  const std::string_view rest = text.substr(from);
  if (reach == Reach::Name && !ends(rest, glob.end, glob.letters)) return false;
  const std::string_view middle = glob.text.substr(from, glob.text.size() - from - glob.end.size());
  if (reach == Reach::Name && middle.find_first_not_of('*') == std::string_view::npos)
    return any_path || rest.substr(0, rest.size() - glob.end.size()).find('/') == std::string_view::npos;
  return run(glob, from, rest, reach);
}

}  // namespace postern::config
