#include "imap/mailbox_naming.h"

#include <algorithm>
#include <utility>

#include "imap/arguments.h"

namespace postern::imap {
namespace {

constexpr std::size_t kReadOctets = 512;  // ResponseScanner gives at least these of a longer line

// `"/"`, `"\\"` or NIL, as LIST and NAMESPACE have it (RFC 9051 §9: DQUOTE QUOTED-CHAR DQUOTE / nil). A
// separator that is no printable ASCII separates nothing here.
std::optional<char> take_separator(ArgumentReader& reader) {
  if (reader.rest().starts_with('"')) {
    const std::optional<std::string> text = reader.astring();
    if (!text || text->size() != 1 || text->front() <= ' ' || text->front() > '~') return std::nullopt;
    return text->front();
  }
  const std::optional<Octets> atom = reader.atom();
  if (!atom || !equals_ignoring_case(*atom, "NIL")) return std::nullopt;
  return '\0';
}

// The rest behind a list in parentheses that holds no strings (LIST's attributes).
std::optional<Octets> behind_attributes(Octets rest) noexcept {
  if (!rest.starts_with('(')) return std::nullopt;
  const std::size_t end = rest.find(')');
  if (end == Octets::npos || !rest.substr(end + 1).starts_with(' ')) return std::nullopt;
  return rest.substr(end + 2);
}

}  // namespace

void MailboxNaming::learn(const Response& response, Octets octets) {
  if (response.kind != ResponseKind::Untagged || response.has_number || response.status != Status::None)
    return;
  const Octets keyword = response.keyword;
  const std::size_t at = std::string_view("* ").size() + keyword.size() + 1;
  // To the end of the first line: whether a literal's octets are here, too, is chance.
  octets = octets.substr(0, kReadOctets);
  octets = without_line_end(octets.substr(0, octets.find('\n')));
  if (at >= octets.size()) return;
  const Octets rest = octets.substr(at);
  if (equals_ignoring_case(keyword, "LIST") || equals_ignoring_case(keyword, "LSUB") ||
      equals_ignoring_case(keyword, "XLIST"))
    return learn_list(rest);
  if (equals_ignoring_case(keyword, "NAMESPACE")) return learn_namespaces(rest);
  if (equals_ignoring_case(keyword, "ENABLED")) learn_enabled(rest);
}

// `(\HasChildren) "/" name`. The answer to LIST "" "" decides; of the others the first one that speaks for
// the ordinary hierarchy: neither NIL (an INBOX that can have no children) nor a name in another namespace
// (RFC 9051 §5.1.2.1: "#news.comp").
void MailboxNaming::learn_list(Octets rest) {
  if (separator_) return;
  const std::optional<Octets> behind = behind_attributes(rest);
  if (!behind) return;
  ArgumentReader reader(*behind);
  const std::optional<char> separator = take_separator(reader);
  if (!separator || !reader.space()) return;
  const Octets name = reader.rest();
  const bool root = name == "\"\"";
  const bool elsewhere = name.starts_with('#') || name.starts_with("\"#");
  if (root || (*separator != '\0' && !elsewhere)) separator_ = separator;
}

// `(("" "/") …) NIL (("#shared/" "/" "TRANSLATION" ("…")))`: personal, other users', shared (RFC 2342). What
// cannot be read ends it; what was read before stays.
void MailboxNaming::learn_namespaces(Octets rest) {
  std::vector<Namespace> learned;
  ArgumentReader reader(rest);
  for (int kind = 0; kind < 3; ++kind) {
    if (kind > 0 && !reader.space()) break;
    if (!reader.open()) {
      if (!reader.atom()) break;  // NIL
      continue;
    }
    while (learned.size() < kNamespaces && reader.open()) {
      const std::optional<std::string> prefix = reader.astring();
      if (!prefix || !reader.space()) break;
      const std::optional<char> separator = take_separator(reader);
      if (!separator) break;
      learned.push_back({read_mailbox_name(*prefix, encoding_).text, *separator, kind == 0});
      while (reader.space() && reader.skip()) {
      }
      if (!reader.close()) break;
      reader.space();  // some servers write one between two namespaces
    }
    if (!reader.close()) break;
  }
  if (!learned.empty()) namespaces_ = std::move(learned);
}

// RFC 5161 §3.2: this alone changes the state, whatever becomes of the ENABLE.
void MailboxNaming::learn_enabled(Octets rest) noexcept {
  while (!rest.empty()) {
    const Octets word = take_word(rest);
    if (equals_ignoring_case(word, "UTF8=ACCEPT") || equals_ignoring_case(word, "IMAP4rev2"))
      encoding_ = NameEncoding::Utf8;
  }
}

void MailboxNaming::learn_capabilities(const CapabilityList& list) {
  if (has_capability(list, "IMAP4rev2") && !has_capability(list, "IMAP4rev1")) encoding_ = NameEncoding::Utf8;
}

char MailboxNaming::separator_for(Octets text) const noexcept {
  const Namespace* best = nullptr;
  const Namespace* ordinary = nullptr;  // where a name belongs that has no namespace's prefix
  for (const Namespace& each : namespaces_) {
    if (ordinary == nullptr && each.personal) ordinary = &each;
    // The namespace's own top is named without its separator, too.
    Octets top = each.prefix;
    if (!top.empty() && top.back() == each.separator) top.remove_suffix(1);
    const bool within = equals_ignoring_case(text, top) || starts_ignoring_case(text, each.prefix);
    if (within && (best == nullptr || each.prefix.size() > best->prefix.size())) best = &each;
  }
  if (best != nullptr) return best->separator;
  if (separator_) return *separator_;
  return ordinary != nullptr ? ordinary->separator : '/';
}

CanonicalName MailboxNaming::canonical(Octets name, NameEncoding encoding) const {
  const NameReadings readings = read_mailbox_name(name, encoding);
  CanonicalName canonical{canonical_name(readings.text, separator_for(readings.text)), std::nullopt};
  if (readings.other) canonical.other = canonical_name(*readings.other, separator_for(*readings.other));
  if (canonical.other == canonical.name) canonical.other.reset();
  return canonical;
}

}  // namespace postern::imap
