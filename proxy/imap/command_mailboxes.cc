#include "imap/command_mailboxes.h"

#include <algorithm>
#include <utility>

#include "imap/arguments.h"

namespace postern::imap {
namespace {

// RFC 3986 §2.1.
std::optional<std::string> percent_decoded(Octets text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

// The mailbox in an IMAP URL (RFC 5092): `imap://user@host/mailbox;UIDVALIDITY=1/;UID=20`, or what is
// relative to one: `/mailbox/;UID=20`, `;UID=20`. Empty: it names none but the selected. Nothing: it is no
// IMAP URL.
std::optional<std::string> mailbox_of_url(Octets url) {
  const std::size_t scheme = url.find("://");
  if (scheme != Octets::npos && scheme < url.find_first_of("/;?%")) {
    const Octets name = url.substr(0, scheme);
    if (!equals_ignoring_case(name, "imap") && !equals_ignoring_case(name, "imaps")) return std::nullopt;
    url.remove_prefix(scheme + 1);
  }
  if (url.starts_with("//")) {
    const std::size_t path = url.find('/', 2);
    url = path == Octets::npos ? Octets() : url.substr(path);
  }
  if (url.starts_with('/')) url.remove_prefix(1);
  url = url.substr(0, url.find_first_of(";?"));
  if (url.ends_with('/')) url.remove_suffix(1);
  return percent_decoded(url);
}

class Collector {
 public:
  Collector(Octets args, MailboxUses& uses) : reader_(args), uses_(uses) {}

  // False: nothing behind it can be read.
  bool take(Argument argument) {
    switch (argument) {
      case Argument::None:
        return false;
      case Argument::Skipped:
        return skip_one();
      case Argument::Options:
        return !reader_.rest().starts_with('(') || (skip_one() && next());
      case Argument::Opened:
        return name(MailboxRole::Opened);
      case Argument::Named:
        return name(MailboxRole::Named);
      case Argument::Source:
        return name(MailboxRole::Source);
      case Argument::Target:
        return name(MailboxRole::Target);
      case Argument::Reference:
        return add(MailboxRole::Reference, reader_.pattern());
      case Argument::Patterns:
        return patterns();
      case Argument::Message:
        return urls_of_message(false);
      case Argument::Events:
        return events();
      case Argument::Scope:
        return scope();
      case Argument::Urls:
        return urls();
      case Argument::Pairs:
        return pairs();
    }
    return false;
  }

  // To the next argument. False at the end; anything but exactly one space is not understood.
  bool next() { return !reader_.at_end() && (reader_.space() || lost()); }

  // CATENATE's URLs among the arguments of a message. `inside`: the text begins within CATENATE's list.
  bool urls_of_message(bool inside) {
    std::size_t depth = inside ? 1 : 0;
    bool catenate = inside;
    Octets word;
    while (!reader_.at_end()) {
      // Blanks among flags and dates are passed as they come: they are no reason to doubt the mailboxes.
      if (reader_.rest().starts_with(' ')) {
        reader_ = ArgumentReader(reader_.rest().substr(1));
      } else if (depth == 1 && catenate && equals_ignoring_case(word, "URL")) {
        word = {};
        if (!add_url(reader_.astring())) return false;
      } else if (reader_.open()) {
        if (depth++ == 0) catenate = equals_ignoring_case(word, "CATENATE");
        word = {};
      } else if (reader_.close()) {
        if (depth > 0) --depth;
        word = {};
      } else {
        const std::optional<Octets> atom = reader_.atom();
        word = atom.value_or(Octets());
        if (!atom && !reader_.skip()) return lost();
      }
    }
    return true;
  }

 private:
  bool lost() {
    uses_.complete = false;
    return false;
  }
  bool skip_one() { return reader_.skip() || reader_.at_end() || lost(); }

  bool add(MailboxRole role, std::optional<std::string> name) {
    if (!name) return lost();
    uses_.named.push_back({role, std::move(*name), false});
    return true;
  }
  bool add_url(const std::optional<std::string>& url) {
    std::optional<std::string> name = url ? mailbox_of_url(*url) : std::nullopt;
    if (!name) return lost();
    if (name->empty()) {
      uses_.selected = true;
    } else {
      uses_.named.push_back({MailboxRole::Read, std::move(*name), true});
    }
    return true;
  }
  bool name(MailboxRole role) { return reader_.at_end() || add(role, reader_.astring()); }

  // One mailbox, or a list of them (RFC 5465 §8: one-or-more-mailbox).
  bool names(MailboxRole role) {
    if (!reader_.open()) return add(role, reader_.astring());
    if (reader_.close()) return true;
    do {
      if (!add(role, reader_.astring())) return false;
    } while (reader_.space());
    return reader_.close() || lost();
  }

  bool patterns() {
    if (reader_.at_end()) return true;
    if (!reader_.open()) return add(MailboxRole::Pattern, reader_.pattern());
    if (reader_.close()) return true;
    do {
      if (!add(MailboxRole::Pattern, reader_.pattern())) return false;
    } while (reader_.space());
    return reader_.close() || lost();
  }

  // filter-mailboxes (RFC 5465 §8, RFC 7377 §2.2). Those that are named by what they are could be any.
  bool filter() {
    const std::optional<Octets> word = reader_.atom();
    if (!word) return lost();
    const auto is = [&](Octets name) { return equals_ignoring_case(*word, name); };
    if (is("selected") || is("selected-delayed")) {
      uses_.selected = true;
      return true;
    }
    if (is("mailboxes")) return (reader_.space() || lost()) && names(MailboxRole::Read);
    if (is("subtree") || is("subtree-one")) return (reader_.space() || lost()) && names(MailboxRole::Subtree);
    return add(MailboxRole::Subtree, std::string());  // inboxes, personal, subscribed, or something newer
  }

  // NOTIFY SET [STATUS] 1*(SP "(" filter-mailboxes SP events ")"); the RFC's examples have no parentheses
  // around the events, its grammar has.
  bool events() {
    const std::optional<Octets> word = reader_.atom();
    if (!word) return reader_.at_end() || lost();
    if (!equals_ignoring_case(*word, "SET")) return equals_ignoring_case(*word, "NONE") || lost();
    while (next()) {
      if (!reader_.open()) {
        if (!reader_.skip()) return lost();
        continue;
      }
      if (!filter()) return false;
      while (reader_.space() && reader_.skip()) {
      }
      if (!reader_.close()) return lost();
    }
    return true;
  }

  // ESEARCH [IN "(" 1*filter-mailboxes [scope-options] ")"] …
  bool scope() {
    const std::optional<Octets> word = reader_.atom();
    if (!word || !equals_ignoring_case(*word, "IN")) {
      uses_.selected = true;  // RFC 7377 §2.1: without it the selected mailbox is searched
      return true;
    }
    if (!next() || !reader_.open()) return lost();
    do {
      if (reader_.rest().starts_with('(') ? !skip_one() : !filter()) return false;
    } while (reader_.space());
    return reader_.close() || lost();
  }

  // URLFETCH's URLs, bare or first in a list (RFC 5524), GENURLAUTH's, each with its mechanism.
  bool urls() {
    do {
      const bool list = reader_.rest().starts_with('(');
      ArgumentReader first(list ? reader_.rest().substr(1) : reader_.rest());
      const std::optional<std::string> url = first.astring();
      if (!url || url->find_first_of(":/") != std::string::npos) {
        if (!add_url(url)) return false;
      }
      if (!skip_one()) return false;
    } while (next());
    return true;
  }

  bool pairs() {
    do {
      const std::optional<Octets> key = reader_.atom();
      if (!key) return lost();
      if (!next()) return lost();
      if (equals_ignoring_case(*key, "mailboxes") ? !names(MailboxRole::Named) : !skip_one()) return false;
    } while (next());
    return true;
  }

  ArgumentReader reader_;
  MailboxUses& uses_;
};

bool begins_inside_catenate(Octets part) noexcept {
  return starts_ignoring_case(part, " URL ") || starts_ignoring_case(part, " TEXT ");
}

}  // namespace

MailboxUses mailboxes_of(const Command& command) {
  MailboxUses uses;
  Collector collector(command.args, uses);
  const VerbRow& row = row_of(command.verb);
  if (command.piece == Piece::Later) {
    collector.urls_of_message(begins_inside_catenate(command.args));
    return uses;
  }
  uses.selected = (row.traits & trait::kSelected) != 0 && row.arguments.front() != Argument::Scope;
  uses.complete = command.verb != Verb::Unknown;
  for (std::size_t i = 0; i < row.arguments.size(); ++i) {
    if (i > 0 && row.arguments[i - 1] != Argument::Options && row.arguments[i] != Argument::None &&
        !collector.next())
      break;
    if (!collector.take(row.arguments[i])) break;
  }
  return uses;
}

}  // namespace postern::imap
