#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "config/text_check.h"

namespace postern::config {
namespace {

struct TooDeep {};

// yaml-cpp counts lines and octets from 0; we count lines and characters from 1.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }

  // Marks come almost in order, so counting goes on where it stopped: a file of one long line stays linear.
  Place of(const YAML::Mark& mark) {
    if (mark.line < 0) return {};
    const std::size_t line = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
    const std::size_t end = offset(mark);
    if (static_cast<int>(line) + 1 != place_.line || end < counted_) {
      place_ = {static_cast<int>(line) + 1, 1};
      counted_ = starts_[line];
    }
    for (; counted_ < end; ++counted_)
      if ((static_cast<unsigned char>(text_[counted_]) & 0xC0) != 0x80) ++place_.column;
    return place_;
  }

  char octet(const YAML::Mark& mark) const {
    const std::size_t at = offset(mark);
    return at < text_.size() ? text_[at] : '\0';
  }

 private:
  std::size_t offset(const YAML::Mark& mark) const {
    const std::size_t line = std::min(static_cast<std::size_t>(std::max(mark.line, 0)), starts_.size() - 1);
    const std::size_t column = static_cast<std::size_t>(std::max(mark.column, 0));
    return std::min(starts_[line] + column, text_.size());
  }

  std::string_view text_;
  std::vector<std::size_t> starts_;
  Place place_;
  std::size_t counted_ = 0;  // the octet that place_ stands for
};

// Builds the tree from yaml-cpp's events. Faults are reported and stepped over, so that one run finds all.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Places& places, const Environment& environment, Diagnostics& diagnostics)
      : places_(places), environment_(environment), diagnostics_(diagnostics) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    error("documents", "a second YAML document; a configuration is one", mark);
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    error("anchor", "the anchor '&" + in_quotes(name).substr(1) + " is not allowed: write the value out",
          mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    error("alias", "an alias (*name) is not allowed: write the value out, or quote it if it is text", mark);
    Node node;
    node.broken = true;
    node.place = places_.of(mark);
    add(std::move(node), mark);
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    // An empty value has no place of its own: yaml-cpp gives that of whatever comes next.
    Node node;
    const bool is_value = !frames_.empty() && frames_.back().has_key;
    node.place = is_value ? frames_.back().key_place : places_.of(mark);
    add(std::move(node), mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if ((tag != "?" && tag != "!") || places_.octet(mark) == '!') refuse_tag(mark);
    Node node;
    node.kind = Node::Kind::Scalar;
    node.place = places_.of(mark);
    node.quoted = tag == "!";
    node.text = value;
    add(std::move(node), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::List, mark, tag);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Map, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::Mark mark;
    bool has_key = false;
    std::string key;
    Place key_place;
    std::unordered_map<std::string, Place> seen;
  };

  void error(std::string_view code, std::string message, const YAML::Mark& mark) {
    diagnostics_.error(code, std::move(message), places_.of(mark));
  }

  void refuse_tag(const YAML::Mark& mark) {
    error("tag", "a tag (!name) is not allowed; text that begins with ! goes in quotes", mark);
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?") refuse_tag(mark);
    if (frames_.size() >= kDepthMax) {
      error("too-deep", "blocks are nested more than 32 deep", mark);
      throw TooDeep{};
    }
    Frame frame;
    frame.node.kind = kind;
    frame.node.place = places_.of(mark);
    frame.mark = mark;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(frame.node), frame.mark);
  }

  void add(Node node, const YAML::Mark& mark) {
    if (frames_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::Map && !frame.has_key) return add_key(frame, node, mark);
    if (node.kind == Node::Kind::Scalar) put_in(node);
    if (frame.node.kind == Node::Kind::List) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    frame.has_key = false;
    const auto [found, fresh] = frame.seen.emplace(frame.key, frame.key_place);
    if (fresh) {
      frame.node.entries.push_back({frame.key, frame.key_place, std::move(node)});
      return;
    }
    const Place first = found->second;
    const std::string where = std::to_string(first.line) + ":" + std::to_string(first.column);
    diagnostics_.error("duplicate-key", "duplicate key " + in_quotes(frame.key) + ", first set at " + where,
                       frame.key_place);
  }

  void add_key(Frame& frame, const Node& node, const YAML::Mark& mark) {
    frame.has_key = true;
    frame.key = node.text;
    frame.key_place = places_.of(mark);
    if (node.kind != Node::Kind::Scalar) {
      error("key", "a key must be a plain word", mark);
    } else if (node.text == "<<" && !node.quoted) {
      error("merge-key", "the merge key << is not allowed: write the keys out", mark);
    }
  }

  void put_in(Node& node) {
    Substituted result = substitute(node.text, environment_);
    if (!result.error.empty()) {
      diagnostics_.error("substitution", result.error, node.place);
      result.text.clear();
      node.broken = true;
    }
    node.substituted = result.changed;
    node.text = std::move(result.text);
  }

  Places& places_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  Node root_;
  int documents_ = 0;
};

// yaml-cpp's messages, where a better one is known.
std::string plain_message(const std::string& message) {
  if (message == "illegal map value") return "a ':' or an indentation that does not fit here";
  if (message == "end of map not found") return "the indentation does not fit the block around it";
  if (message == "end of sequence not found") return "the indentation does not fit the list around it";
  if (message == "end of map flow not found" || message == "end of sequence flow not found")
    return "a bracket is not closed, or a comma is missing before this";
  return message;
}

}  // namespace

Node parse_document(std::string_view text, const Environment& environment, Diagnostics& diagnostics) {
  if (!check_text(text, diagnostics)) return {};
  Places places(text);
  TreeBuilder builder(places, environment, diagnostics);
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder) && diagnostics.errors() == 0) {
    }
  } catch (const TooDeep&) {
    return {};
  } catch (const YAML::Exception& fault) {
    diagnostics.error("syntax", plain_message(fault.msg), places.of(fault.mark));
    return {};
  }
  return builder.take();
}

}  // namespace postern::config
