#include "config/schema.h"

#include "config/fields.h"

namespace postern::config {
namespace {

// Any value may come from a substitution, whatever it is read as afterwards.
constexpr std::string_view kSubstitution = R"(\$\{(env|file|cred):)";
constexpr std::string_view kDuration = "^(0|[1-9][0-9]*)(ms|s|m|h|d)$";
constexpr std::string_view kSize = "^(0|[1-9][0-9]*)(KiB|MiB|GiB)$";

std::string string_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string list_json(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + value;
  return out + "]";
}

std::string pattern_json(std::string_view pattern) {
  return "{\"type\": \"string\", \"pattern\": " + string_json(pattern) + "}";
}

std::string or_substitution(const std::string& schema) {
  return "{\"anyOf\": [" + schema + ", " + pattern_json(kSubstitution) + "]}";
}

std::string choices_json(const Field& field) {
  std::vector<std::string> values;
  const std::vector<std::string_view> choices = split_bar(field.choices);
  for (const std::string_view choice : choices) values.push_back(string_json(choice));
  if (field.type == Type::Version)
    for (const std::string_view choice : choices) values.push_back(std::string(choice));
  return "{\"enum\": " + list_json(values) + "}";
}

std::string integer_json(const Field& field) {
  std::string out = "{\"type\": \"integer\", \"minimum\": " + std::to_string(field.low);
  if (field.high > 0) out += ", \"maximum\": " + std::to_string(field.high);
  return out + "}";
}

// One value of a field that is not a block.
std::string value_json(const Field& field) {
  switch (field.type) {
    case Type::Bare:
      return "{\"type\": [\"string\", \"boolean\", \"number\"]}";
    case Type::Block:
    case Type::Text:
    case Type::Secret:
    case Type::Path:
    case Type::Address:
    case Type::Network:
      return "{\"type\": \"string\"}";
    case Type::Boolean:
      return or_substitution("{\"type\": \"boolean\"}");
    case Type::Integer:
      return or_substitution(integer_json(field));
    case Type::Duration:
      return or_substitution(pattern_json(kDuration));
    case Type::Size:
      return or_substitution("{\"type\": \"integer\", \"minimum\": 0}, " + pattern_json(kSize));
    case Type::Choice:
    case Type::Version:
      return or_substitution(choices_json(field));
  }
  return "{}";
}

std::string scalar_default(const Field& field) {
  const std::string fallback = fallback_of(field);
  const bool bare = field.type == Type::Boolean || field.type == Type::Integer ||
                    (field.type == Type::Size && fallback == "0");
  return bare ? fallback : string_json(fallback);
}

std::string default_json(const Field& field) {
  if (field.type == Type::Block) return field.shape == Shape::List ? "[]" : "{}";
  if (field.shape == Shape::One) return scalar_default(field);
  const std::string fallback = fallback_of(field);
  std::vector<std::string> values;
  for (const std::string_view value : split_bar(fallback)) values.push_back(string_json(value));
  return list_json(values);
}

std::string description_of(const Field& field) {
  std::string out(field.description);
  if (field.support == Support::Fixed) out += " Not supported in this version: only the default is accepted.";
  return out;
}

class Printer {
 public:
  std::string print() {
    open("{");
    line("\"$schema\": \"http://json-schema.org/draft-07/schema#\",");
    line("\"$id\": \"urn:postern:config:1\",");
    line("\"title\": \"Postern, configuration version 1\",");
    line("\"description\": \"Generated from config/field_table.cc; do not edit.\",");
    line("\"default\": {},");
    line("\"type\": \"object\",");
    block_keys("");
    close("}");
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += std::string(depth_ * 2, ' ') + text + "\n"; }
  void open(const std::string& text) {
    line(text);
    ++depth_;
  }
  void close(const std::string& text) {
    --depth_;
    line(text);
  }

  void block_keys(std::string_view path) {
    const std::vector<const Field*> keys = fields_in(path);
    std::vector<std::string> required;
    for (const Field* field : keys)
      if (field->need == Need::Required) required.push_back(string_json(last_key(field->path)));
    line("\"additionalProperties\": false,");
    if (!required.empty()) line("\"required\": " + list_json(required) + ",");
    open("\"properties\": {");
    for (const Field* field : keys) property(*field, field == keys.back() ? "" : ",");
    close("}");
  }

  void property(const Field& field, const std::string& comma) {
    open(string_json(last_key(field.path)) + ": {");
    line("\"description\": " + string_json(description_of(field)) + ",");
    line("\"default\": " + default_json(field) + ",");
    if (field.type == Type::Block)
      block(field);
    else
      value(field);
    close("}" + comma);
  }

  // A block that is written down but left empty (null) is a block of defaults.
  void block(const Field& field) {
    const std::string path(field.path);
    const bool may_be_empty = field.need == Need::Optional;
    if (field.shape == Shape::One) {
      line("\"type\": [\"object\", \"null\"],");
      return block_keys(path);
    }
    if (may_be_empty) {
      line("\"type\": [\"array\", \"null\"],");
    } else {
      line("\"type\": \"array\",");
      line("\"minItems\": 1,");
    }
    open("\"items\": {");
    line("\"type\": \"object\",");
    block_keys(path + "[]");
    close("}");
  }

  void value(const Field& field) {
    const std::string one = value_json(field);
    if (field.shape == Shape::Either) {
      line("\"anyOf\": [" + one + ", {\"type\": [\"array\", \"null\"], \"items\": " + one + "}]");
    } else if (field.shape == Shape::List) {
      line(field.need == Need::Required ? "\"type\": \"array\"," : "\"type\": [\"array\", \"null\"],");
      if (field.need == Need::Required) line("\"minItems\": 1,");
      line("\"items\": " + one);
    } else {
      line(one.substr(1, one.size() - 2));
    }
  }

  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string schema_json() { return Printer().print(); }

}  // namespace postern::config
