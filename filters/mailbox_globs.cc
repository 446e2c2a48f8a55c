#include "filters/mailbox_globs.h"

#include <algorithm>

namespace postern::filters {

MailboxGlobs::MailboxGlobs(const std::vector<std::string>& globs) {
  for (const std::string& text : globs) {
    Glob glob;
    glob.prefix = text.substr(0, text.find('*'));
    for (std::size_t at = glob.prefix.size(); at < text.size();) {
      const std::size_t stars = std::min(text.find_first_not_of('*', at), text.size()) - at;
      if (stars == 0) {
        glob.rest.push_back({Token::Kind::Octet, text[at++]});
      } else {
        glob.rest.push_back({stars == 1 ? Token::Kind::Level : Token::Kind::Path, '\0'});
        at += stars;
      }
    }
    if (!glob.rest.empty()) glob.tail = text.substr(text.rfind('*') + 1);
    const auto number = static_cast<std::uint32_t>(globs_.size());
    if (glob.prefix.empty() && !glob.tail.empty()) {
      by_end_.add(number, {glob.tail.rbegin(), glob.tail.rend()});
    } else {
      by_begin_.add(number, glob.prefix);
    }
    globs_.push_back(std::move(glob));
  }
  by_begin_.sort();
  by_end_.sort();
}

void MailboxGlobs::Index::sort() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
}

// Of [low, high), whose keys have the first `depth` octets in common and more than those: to the ones that go
// on with `octet`.
void MailboxGlobs::Index::narrow(char octet, std::size_t depth, std::size_t& low,
                                 std::size_t& high) const noexcept {
  const auto value = [](char c) { return static_cast<unsigned char>(c); };  // as the order compares them
  const auto begin = rows_.begin();
  const auto first = begin + static_cast<std::ptrdiff_t>(low);
  const auto last = begin + static_cast<std::ptrdiff_t>(high);
  const auto from =
      std::partition_point(first, last, [&](const Row& row) { return value(row.key[depth]) < value(octet); });
  const auto to = std::partition_point(from, last, [&](const Row& row) { return row.key[depth] == octet; });
  low = static_cast<std::size_t>(from - begin);
  high = static_cast<std::size_t>(to - begin);
}

bool MailboxGlobs::matches(std::uint32_t number, Octets path, Reach reach) const {
  const Glob& glob = globs_[number];
  if (!path.starts_with(glob.prefix))
    return reach == Reach::AnyBelow && Octets(glob.prefix).starts_with(path);
  const Octets text = path.substr(glob.prefix.size());
  if (reach == Reach::Name && glob.rest.empty()) return text.empty();
  if (glob.rest.empty()) return false;  // a glob without a star names one mailbox, and nothing below it
  // Most globs have one star: they are told without following the text octet by octet.
  if (reach == Reach::AllBelow && !glob.tail.empty()) return false;
  const bool any_path = glob.rest.front().kind == Token::Kind::Path;
  if (reach == Reach::AnyBelow && any_path) return true;
  if (reach == Reach::Name && !text.ends_with(glob.tail)) return false;
  if (reach == Reach::Name && glob.rest.size() == glob.tail.size() + 1)
    return any_path || text.substr(0, text.size() - glob.tail.size()).find('/') == Octets::npos;
  return run(glob.rest, text, reach);
}

bool MailboxGlobs::takes_every_path(const std::vector<Token>& tokens, std::size_t from) noexcept {
  bool path = false;
  for (std::size_t i = from; i < tokens.size(); ++i) {
    if (tokens[i].kind == Token::Kind::Octet) return false;
    path = path || tokens[i].kind == Token::Kind::Path;
  }
  return path;
}

// All places in the glob where a reader of `text` could stand, octet by octet.
bool MailboxGlobs::run(const std::vector<Token>& tokens, Octets text, Reach reach) {
  if (takes_every_path(tokens, 0)) return true;
  const std::size_t end = tokens.size();
  std::vector<bool> here(end + 1, false);
  std::vector<bool> next(end + 1, false);
  here[0] = true;
  const auto pass_stars = [&] {
    for (std::size_t i = 0; i < end; ++i)
      if (here[i] && tokens[i].kind != Token::Kind::Octet) here[i + 1] = true;
  };
  pass_stars();
  for (const char c : text) {
    next.assign(end + 1, false);
    bool alive = false;
    for (std::size_t i = 0; i < end; ++i) {
      if (!here[i]) continue;
      const Token& token = tokens[i];
      const bool stays = token.kind == Token::Kind::Path || (token.kind == Token::Kind::Level && c != '/');
      const bool goes_on = token.kind == Token::Kind::Octet && token.octet == c;
      if (stays) next[i] = true;
      if (goes_on) next[i + 1] = true;
      alive = alive || stays || goes_on;
    }
    if (!alive) return false;
    here.swap(next);
    pass_stars();
  }
  if (reach == Reach::Name) return here[end];
  for (std::size_t i = 0; i < end; ++i)
    if (here[i] && (reach == Reach::AnyBelow || takes_every_path(tokens, i))) return true;
  return false;
}

}  // namespace postern::filters
