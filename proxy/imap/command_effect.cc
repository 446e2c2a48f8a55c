#include "imap/command_effect.h"

#include <algorithm>

#include "imap/arguments.h"
#include "imap/grammar.h"

namespace postern::imap {
namespace {

using Inside = AppendReader::Inside;
using Flags = std::vector<Octets>;

constexpr std::uint8_t settled(std::uint8_t classes) noexcept {
  return classes & static_cast<std::uint8_t>(~effect::kMayDestroy);
}

// The worst that a command of these classes can be: what could not be read may be a deletion.
CommandEffect worst(std::uint8_t classes) {
  CommandEffect effect;
  effect.classes = settled(classes) | effect::kDestroys;
  effect.marks = true;
  effect.complete = false;
  return effect;
}

bool ends_element(Octets rest) noexcept { return rest.empty() || rest.front() == ' ' || rest.front() == ')'; }

// flag = "\" atom / atom (RFC 9051 §9). One in quotes or in a literal is none, though an upstream might take
// it; nor is "\*", which only a server may write.
bool take_flag(ArgumentReader& reader, Flags& flags) {
  const Octets rest = reader.rest();
  const std::size_t backslash = rest.starts_with('\\') ? 1 : 0;
  const std::size_t size = grammar::run(rest.substr(backslash), grammar::kAtom);
  if (size == 0 || !ends_element(rest.substr(backslash + size))) return false;
  flags.push_back(rest.substr(0, backslash + size));
  reader = ArgumentReader(rest.substr(backslash + size));
  return true;
}

// Gmail's labels: like flags, and strings in every form.
bool take_label(ArgumentReader& reader, Flags& labels) {
  const Octets rest = reader.rest();
  if (rest.starts_with('\\')) return take_flag(reader, labels);
  if (!reader.astring()) return false;
  labels.push_back(rest.substr(0, rest.size() - reader.rest().size()));
  return true;
}

template <typename Take>
bool take_list(ArgumentReader& reader, Flags& flags, Take take) {
  if (!reader.open()) return false;
  if (reader.close()) return true;
  do {
    if (!take(reader, flags)) return false;
  } while (reader.space());
  return reader.close();
}

// flag-list / (flag *(SP flag)), to the end of the command.
template <typename Take>
bool take_flags(ArgumentReader& reader, Flags& flags, Take take) {
  if (reader.rest().starts_with('(')) return take_list(reader, flags, take) && reader.at_end();
  do {
    if (!take(reader, flags)) return false;
  } while (reader.space());
  return reader.at_end();
}

bool names_deleted(const Flags& flags) noexcept {
  return std::any_of(flags.begin(), flags.end(),
                     [](Octets flag) { return equals_ignoring_case(flag, "\\Deleted"); });
}

bool take_sequence_set(ArgumentReader& reader) {
  const Octets rest = reader.rest();
  const Octets set = rest.substr(0, rest.find(' '));
  if (!is_sequence_set(set)) return false;
  reader = ArgumentReader(rest.substr(set.size()));
  return true;
}

// SP "(" "UNCHANGEDSINCE" SP number … ")" (RFC 4466, RFC 7162 §3.1.3); the only modifier that is known.
bool take_store_modifiers(ArgumentReader& reader) {
  if (!reader.open()) return true;
  do {
    const auto name = reader.atom();
    if (!name || !equals_ignoring_case(*name, "UNCHANGEDSINCE") || !reader.space()) return false;
    const auto value = reader.atom();
    if (!value || grammar::run(*value, grammar::kDigit) != value->size()) return false;
  } while (reader.space());
  return reader.close() && reader.space();
}

// STORE's arguments: which item, how it is changed, by which flags.
bool read_store(Octets args, CommandEffect& effect) {
  ArgumentReader reader(args);
  if (!take_sequence_set(reader) || !reader.space() || !take_store_modifiers(reader)) return false;
  const auto atom = reader.atom();
  if (!atom || !reader.space()) return false;
  Octets item = *atom;
  const bool removes = item.starts_with('-');
  if (removes || item.starts_with('+')) item.remove_prefix(1);
  constexpr Octets kSilent = ".SILENT";
  if (item.size() > kSilent.size() &&
      equals_ignoring_case(item.substr(item.size() - kSilent.size()), kSilent))
    item.remove_suffix(kSilent.size());
  if (equals_ignoring_case(item, "X-GM-LABELS")) {
    effect.labels = effect.marks =
        true;  // a label that comes or goes can be the trash, or the only mailbox that has it
    return take_flags(reader, effect.flags, take_label);
  }
  if (!equals_ignoring_case(item, "FLAGS") || !take_flags(reader, effect.flags, take_flag)) return false;
  effect.marks = !removes && names_deleted(effect.flags);
  return true;
}

// Reads the messages of APPEND and REPLACE in the text between two bodies.
class MessageReader {
 public:
  // `body`: the text ends where the octets of a message are announced.
  MessageReader(ArgumentReader reader, bool body, CommandEffect& effect)
      : reader_(reader), body_(body), effect_(effect) {}

  // To the end of the text; false if it is anything but the grammar.
  bool read(Inside& inside, bool& begins_another) {
    begins_another = false;
    if (inside == Inside::Utf8 && !reader_.close()) return false;
    if (inside == Inside::Catenate && !catenate(true)) return false;
    while (!announced_ && !reader_.at_end()) {
      begins_another = true;
      if (!reader_.space() || !message()) return false;
    }
    inside = inside_;
    return announced_ == body_;
  }

 private:
  bool announce(Inside inside) {
    inside_ = inside;
    announced_ = true;
    return body_ && reader_.at_end();
  }

  // [flag-list SP] [date-time SP] *(extension SP value SP) data (RFC 9051 §9, RFC 4466 §2.5).
  bool message() {
    if (reader_.rest().starts_with('(')) {
      if (!take_list(reader_, effect_.flags, take_flag) || !reader_.space()) return false;
    }
    if (reader_.rest().starts_with('"')) {
      if (!reader_.astring() || !reader_.space()) return false;
    }
    for (;;) {
      if (reader_.at_end()) return announce(Inside::Nothing);
      const auto name = reader_.atom();
      if (!name || !reader_.space()) return false;
      if (equals_ignoring_case(*name, "CATENATE")) return reader_.open() && catenate(false);
      if (equals_ignoring_case(*name, "UTF8")) return reader_.open() && announce(Inside::Utf8);
      if (!equals_ignoring_case(*name, "ANNOTATION")) return false;  // RFC 5257, the only one that is known
      if (!reader_.skip() || !reader_.space()) return false;
    }
  }

  // CATENATE's parts, to its parenthesis or to a TEXT (RFC 4469 §5). `begun`: there was one before.
  bool catenate(bool begun) {
    for (;; begun = true) {
      if (begun && reader_.close()) return true;
      if (begun && !reader_.space()) return false;
      const auto part = reader_.atom();
      if (!part || !reader_.space()) return false;
      if (equals_ignoring_case(*part, "TEXT")) return announce(Inside::Catenate);
      if (!equals_ignoring_case(*part, "URL") || !reader_.astring()) return false;
    }
  }

  ArgumentReader reader_;
  const bool body_;
  CommandEffect& effect_;
  Inside inside_ = Inside::Nothing;
  bool announced_ = false;
};

// The head of an APPEND or REPLACE: what stands before the message, then the first messages.
bool read_append(const Command& head, CommandEffect& effect, Inside& inside) {
  ArgumentReader reader(head.args);
  if (head.verb == Verb::Replace && (!reader.skip() || !reader.space())) return false;
  if (!reader.astring()) return false;
  bool has_message = false;
  return MessageReader(reader, head.body.has_value(), effect).read(inside, has_message) && has_message;
}

CommandEffect effect_of_append(const Command& head, Inside& inside) {
  const std::uint8_t classes = row_of(head.verb).effects;
  CommandEffect effect;
  effect.classes = settled(classes);
  if (!read_append(head, effect, inside)) return worst(classes);
  effect.marks = names_deleted(effect.flags);
  if (effect.marks) effect.classes |= effect::kDestroys;
  return effect;
}

CommandEffect effect_of_store(const Command& command) {
  const std::uint8_t classes = row_of(command.verb).effects;
  CommandEffect effect;
  effect.classes = settled(classes);
  if (!read_store(command.args, effect)) return worst(classes);
  if (effect.marks) effect.classes |= effect::kDestroys;
  return effect;
}

}  // namespace

CommandEffect effect_of(const Command& command, bool selected_read_only) {
  const std::uint8_t classes = row_of(command.verb).effects;
  if (command.piece == Piece::Later || command.verb == Verb::Unknown) return worst(classes);
  Inside inside = Inside::Nothing;
  CommandEffect effect;
  switch (command.verb) {
    case Verb::Append:
    case Verb::Replace:
      return effect_of_append(command, inside);
    case Verb::Store:
      return effect_of_store(command);
    case Verb::Close:
      if (!selected_read_only) effect.classes = settled(classes) | effect::kDestroys;
      return effect;
    default:
      effect.classes = settled(classes);
      return effect;
  }
}

void AppendReader::begin(const Command& head) {
  classes_ = row_of(head.verb).effects;
  single_ = head.verb == Verb::Replace;
  inside_ = Inside::Nothing;
  lost_ = !effect_of_append(head, inside_).complete;
}

CommandEffect AppendReader::next(const Command& part) {
  CommandEffect effect;
  effect.classes = settled(classes_);
  bool another = false;
  if (!lost_)
    lost_ = !MessageReader(ArgumentReader(part.args), part.body.has_value(), effect).read(inside_, another) ||
            (another && single_);
  if (lost_) return worst(classes_);
  effect.marks = names_deleted(effect.flags);
  if (effect.marks) effect.classes |= effect::kDestroys;
  return effect;
}

}  // namespace postern::imap
