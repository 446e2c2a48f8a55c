#include "session/errands/own_answer.h"

#include <algorithm>
#include <charconv>

#include "imap/arguments.h"

namespace postern::session {
namespace {

// The decimal number that `text` is, nothing else.
std::optional<std::uint64_t> number(Octets text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool OwnAnswer::takes(const imap::Response& response, Octets head) {
  if (kind_ == OwnKind::Examine) {
    const bool for_the_user = imap::has_code(response, "ALERT") || response.status == imap::Status::Bye;
    return !for_the_user;
  }
  if (response.status != imap::Status::None) return false;
  const auto is = [&](Octets keyword) { return equals_ignoring_case(response.keyword, keyword); };
  line_.clear();
  streams_ = false;
  switch (kind_) {
    case OwnKind::Separator:
    case OwnKind::SpecialUse:
      return is("LIST");
    case OwnKind::Namespaces:
      return is("NAMESPACE");
    case OwnKind::Messages:
      return is("STATUS");
    case OwnKind::Matches:
      // Others may come by CONTEXT=SEARCH, under the client's tag (RFC 5267).
      if (is("ESEARCH")) return head.find("\"" + tag_ + "\"") != Octets::npos;
      if (!is("SEARCH")) return false;
      streams_ = true;
      in_number_ = numbers_over_ = false;
      skip_ = static_cast<std::size_t>(response.keyword.data() + response.keyword.size() - head.data());
      ++lines_;
      return true;
    case OwnKind::Examine:
      break;
  }
  return false;
}

void OwnAnswer::feed(Octets octets, bool complete) {
  if (kind_ == OwnKind::Examine) return;
  if (streams_) return count_numbers(octets);
  if (line_.size() + octets.size() > kLineBytes) {
    unclear_ = true;
  } else {
    line_ += octets;
  }
  if (complete) read_line();
}

void OwnAnswer::count_numbers(Octets octets) noexcept {
  const std::size_t skipped = std::min(skip_, octets.size());
  skip_ -= skipped;
  for (const char c : octets.substr(skipped)) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !in_number_ && !numbers_over_) ++count_;
    if (c == '(') numbers_over_ = true;
    if (!digit && c != ' ' && c != '\r' && c != '\n' && !numbers_over_) unclear_ = true;
    in_number_ = digit;
  }
}

void OwnAnswer::read_line() {
  ++lines_;
  if (kind_ == OwnKind::Matches) read_esearch();
  if (kind_ == OwnKind::Messages) read_status();
  if (kind_ == OwnKind::SpecialUse) read_list();
}

// RFC 4731: `* ESEARCH (TAG "x") UID COUNT 5`.
void OwnAnswer::read_esearch() {
  Octets rest = without_line_end(line_);
  const std::size_t tag_end = rest.find(')');
  rest.remove_prefix(tag_end == Octets::npos ? rest.size() : tag_end + 1);
  while (!rest.empty()) {
    if (!equals_ignoring_case(take_word(rest), "COUNT")) continue;
    if (const auto found = number(take_word(rest))) {
      count_ += *found;
      return;
    }
    break;
  }
  unclear_ = true;
}

// RFC 9051 §7.3.4. The name before the list may be anything, the list holds what was asked for and no more:
// an answer to somebody else's wish (NOTIFY) must not pass for it.
void OwnAnswer::read_status() {
  Octets rest = without_line_end(line_);
  constexpr Octets kAsked = "(MESSAGES ";
  const std::size_t at = rest.rfind('(');
  if (at == Octets::npos || !rest.ends_with(')') || !starts_ignoring_case(rest.substr(at), kAsked)) {
    unclear_ = true;
    return;
  }
  rest = rest.substr(at + kAsked.size());
  rest.remove_suffix(1);
  if (const auto found = number(rest)) {
    count_ += *found;
  } else {
    unclear_ = true;
  }
}

// RFC 9051 §7.3.1: `* LIST (\HasNoChildren \Trash) "/" Trash`.
void OwnAnswer::read_list() {
  Octets rest = without_line_end(line_);
  const std::size_t list = rest.find('(');
  const std::size_t end = rest.find(')');
  if (list == Octets::npos || end == Octets::npos || end < list) {
    unclear_ = true;
    return;
  }
  Octets attributes = rest.substr(list + 1, end - list - 1);
  bool is_trash = false;
  while (!attributes.empty()) {
    const Octets attribute = take_word(attributes);
    is_trash =
        is_trash || equals_ignoring_case(attribute, "\\Trash") || equals_ignoring_case(attribute, "\\Junk");
  }
  if (!is_trash) return;
  imap::ArgumentReader reader(rest.substr(end + 1));
  const bool spaced = reader.space() && reader.skip() && reader.space();
  auto name = spaced ? reader.astring() : std::nullopt;
  if (!name || trash_.size() == kTrashMailboxes) {
    unclear_ = true;
    return;
  }
  trash_.push_back(std::move(*name));
}

std::optional<std::uint64_t> OwnAnswer::count() const noexcept {
  const bool once = lines_ > 0 && (kind_ != OwnKind::Messages || lines_ == 1);
  return once && !unclear_ ? std::optional<std::uint64_t>(count_) : std::nullopt;
}

std::optional<std::vector<std::string>> OwnAnswer::trash() const {
  return unclear_ ? std::nullopt : std::optional<std::vector<std::string>>(trash_);
}

}  // namespace postern::session
