#include "config/validate.h"

#include <algorithm>

#include "config/match.h"
#include "config/scalars.h"
#include "config/suggest.h"

namespace postern::config {
namespace {

constexpr std::size_t kSuggestionsMax = 100;  // a suggestion costs more than a message

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Scalar:
      return "one value";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Map:
      return "a block of keys";
  }
  return "";
}

Fault bounds_fault(std::uint64_t value, const Field& field, const std::string& low, const std::string& high) {
  if (field.high == 0 || (value >= field.low && value <= field.high)) return {};
  return {field.low == field.high ? "must be " + low : "must lie between " + low + " and " + high, "range"};
}

Fault integer_fault(const Field& field, const Node& scalar) {
  const std::optional<std::uint64_t> value = parse_integer(scalar.text);
  if (!value || (scalar.quoted && !scalar.substituted))
    return {"needs a decimal number without sign, quotes or leading zero"};
  return bounds_fault(*value, field, std::to_string(field.low), std::to_string(field.high));
}

Fault duration_fault(const Field& field, const Node& scalar) {
  const std::optional<Duration> value = parse_duration(scalar.text);
  if (!value) return {"needs a duration: a number and ms, s, m, h or d, such as 500ms or 10m"};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*value).count();
  const auto written = [](std::uint64_t bound) { return text_of(std::chrono::milliseconds(bound)); };
  return bounds_fault(static_cast<std::uint64_t>(ms), field, written(field.low), written(field.high));
}

Fault size_fault(const Field& field, const Node& scalar) {
  const std::optional<std::uint64_t> value = parse_size(scalar.text);
  if (!value) return {"needs a size: a number and KiB, MiB or GiB, or octets, such as 64KiB"};
  return bounds_fault(*value, field, text_of_size(field.low), text_of_size(field.high));
}

Fault choice_fault(const Field& field, const Node& scalar) {
  const std::vector<std::string_view> choices = split_bar(field.choices);
  if (std::find(choices.begin(), choices.end(), scalar.text) != choices.end()) return {};
  std::string known;
  for (const std::string_view choice : choices)
    known += (known.empty() ? "" : ", ") + (choice.empty() ? "\"\"" : std::string(choice));
  const std::string nearest = scalar.substituted ? "" : suggestion(scalar.text, choices);
  return {"must be one of " + known + nearest};
}

Fault text_fault(const Field& field, const Node& scalar) {
  if (field.type != Type::Bare && !scalar.quoted && !scalar.substituted &&
      reads_as_other_than_text(scalar.text))
    return {"needs text: put it in quotes"};
  if (field.need == Need::Required && scalar.text.empty()) return {"must not be empty"};
  // None of the texts that end up on the wire, in a log line or in a path may break it.
  if (field.type != Type::Secret && std::any_of(scalar.text.begin(), scalar.text.end(), is_control))
    return {"holds a control character"};
  return {};
}

Fault address_fault(const Field& field, const Node& scalar) {
  std::string why;
  if (scalar.text.empty()) return {field.need == Need::Required ? "needs host:port" : ""};
  if (!scalar.quoted && !scalar.substituted && reads_as_other_than_text(scalar.text))
    return {"needs host:port"};
  // Other kinds of addresses are known, and refused as not supported further on.
  const bool other_kind = scalar.text.starts_with("unix:") || scalar.text.starts_with("fd:");
  if (!other_kind && !parse_host_port(scalar.text, why)) return {"is no address: " + why};
  return {};
}

Fault network_fault(const Node& scalar) {
  std::string why;
  if (parse_cidr(scalar.text, why)) return {};
  return {"is no network: " + why};
}

class Validator {
 public:
  explicit Validator(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void block(const Node& node, std::string_view path, const std::string& name, Place place) {
    const std::vector<const Field*> known = fields_in(path);
    for (const Entry& entry : node.entries) {
      const auto found = std::find_if(known.begin(), known.end(),
                                      [&](const Field* field) { return last_key(field->path) == entry.key; });
      if (found == known.end())
        unknown_key(entry, known, name);
      else
        field(**found, entry, name.empty() ? entry.key : name + "." + entry.key);
    }
    for (const Field* one : known)
      if (one->need == Need::Required && node.entry(last_key(one->path)) == nullptr)
        missing(*one, name, place);
  }

 private:
  void unknown_key(const Entry& entry, const std::vector<const Field*>& known, const std::string& name) {
    std::vector<std::string_view> words;
    if (diagnostics_.errors() < kSuggestionsMax)
      for (const Field* one : known) words.push_back(last_key(one->path));
    const std::string where = name.empty() ? " at the top level" : " in " + name;
    diagnostics_.error("unknown-key",
                       "unknown key " + in_quotes(entry.key) + where + suggestion(entry.key, words),
                       entry.place);
  }

  void missing(const Field& one, const std::string& name, Place place) {
    const std::string where = name.empty() ? " at the top level" : " in " + name;
    diagnostics_.error("missing-key", "the key '" + std::string(last_key(one.path)) + "' is missing" + where,
                       place);
  }

  void field(const Field& one, const Entry& entry, const std::string& name) {
    const Node& node = entry.value;
    if (node.broken) return;
    if (node.kind == Node::Kind::Null) return empty(one, entry, name);
    const std::size_t before = diagnostics_.errors();
    if (one.type == Type::Block && one.support == Support::Fixed) {
      if (!is_fallback(one, node)) not_supported(one, name, entry.place);
    } else if (one.shape == Shape::One) {
      single(one, entry, name);
    } else {
      list(one, entry, name);
    }
    if (one.support == Support::Fixed && one.type != Type::Block && diagnostics_.errors() == before &&
        !is_fallback(one, node)) {
      not_supported(one, name, node.place);
    }
  }

  // "rules:" with nothing behind it is an empty list; "user:" is more likely a mistake.
  void empty(const Field& one, const Entry& entry, const std::string& name) {
    const bool may_be_empty =
        (one.shape == Shape::List || one.type == Type::Block) && one.need == Need::Optional;
    if (may_be_empty) return;
    const bool plain = one.shape == Shape::One && one.type != Type::Block;
    diagnostics_.error("no-value", name + " has no value" + (plain ? "; for none write \"\"" : ""),
                       entry.place);
  }

  void not_supported(const Field& one, const std::string& name, Place place) {
    const std::string fallback = fallback_of(one);
    std::string allowed;
    if (one.type != Type::Block && one.shape == Shape::One) {
      const std::string value = fallback.empty() ? "\"\"" : fallback;
      allowed = "; only the default, " + value + ", is";
    } else if (!fallback.empty()) {
      allowed = "; only the default is";
    }
    diagnostics_.error("not-supported", name + ": not supported in this version" + allowed, place);
  }

  void single(const Field& one, const Entry& entry, const std::string& name) {
    const Node& node = entry.value;
    if (one.type == Type::Block) {
      if (node.kind == Node::Kind::Map) return block(node, one.path, name, entry.place);
      return wrong_kind(node, name, "a block of keys");
    }
    if (node.kind != Node::Kind::Scalar) return wrong_kind(node, name, "one value");
    scalar(one, node, name);
  }

  void list(const Field& one, const Entry& entry, const std::string& name) {
    const Node& node = entry.value;
    if (one.shape == Shape::Either && node.kind == Node::Kind::Scalar) return scalar(one, node, name);
    if (node.kind != Node::Kind::List) return wrong_kind(node, name, "a list");
    if (node.items.empty() && one.need == Need::Required)
      diagnostics_.error("no-value", name + " is empty; at least one is needed", entry.place);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      const std::string item_name = name + "[" + std::to_string(i) + "]";
      if (item.broken) continue;
      if (one.type == Type::Block) {
        if (item.kind == Node::Kind::Map)
          block(item, std::string(one.path) + "[]", item_name, item.place);
        else
          wrong_kind(item, item_name, "a block of keys");
      } else if (item.kind == Node::Kind::Scalar) {
        scalar(one, item, item_name);
      } else {
        wrong_kind(item, item_name, "one value");
      }
    }
  }

  void scalar(const Field& one, const Node& node, const std::string& name) {
    const Fault fault = fault_of(one, node);
    if (fault.text.empty()) return;
    const std::string value = one.type == Type::Secret ? "" : ": " + shown(node);
    diagnostics_.error(fault.code, name + value + " " + fault.text, node.place);
  }

  void wrong_kind(const Node& node, const std::string& name, std::string_view wanted) {
    const std::string message =
        name + " needs " + std::string(wanted) + ", not " + std::string(kind_name(node));
    diagnostics_.error("type", message, node.place);
  }

  Diagnostics& diagnostics_;
};

}  // namespace

Fault fault_of(const Field& field, const Node& scalar) {
  switch (field.type) {
    case Type::Block:
      return {};
    case Type::Text:
    case Type::Bare:
    case Type::Secret:
    case Type::Path:
      return text_fault(field, scalar);
    case Type::Address:
      return address_fault(field, scalar);
    case Type::Network:
      return network_fault(scalar);
    case Type::Boolean:
      if (parse_boolean(scalar.text) && (!scalar.quoted || scalar.substituted)) return {};
      return {"needs true or false, without quotes"};
    case Type::Integer:
      return integer_fault(field, scalar);
    case Type::Duration:
      return duration_fault(field, scalar);
    case Type::Size:
      return size_fault(field, scalar);
    case Type::Choice:
    case Type::Version:
      return choice_fault(field, scalar);
  }
  return {};
}

void validate(const Node& root, Diagnostics& diagnostics) {
  if (root.kind == Node::Kind::Map) return Validator(diagnostics).block(root, "", "", {1, 1});
  const Place place = root.kind == Node::Kind::Null ? Place{} : root.place;
  diagnostics.error("type", "a configuration is a block of keys, such as 'listeners:'", place);
}

}  // namespace postern::config
