#include "config/reader.h"

#include <algorithm>
#include <cassert>
#include <filesystem>

#include "config/validate.h"

namespace postern::config {

Reader::Reader(const Node* node, std::string path, const std::string& folder)
    : node_(node != nullptr && node->kind == Node::Kind::Map ? node : nullptr),
      path_(std::move(path)),
      folder_(&folder) {}

const Field& Reader::field(std::string_view key) const {
  const Field* found = find_field(path_.empty() ? std::string(key) : path_ + "." + std::string(key));
  assert(found != nullptr);
  return *found;
}

Reader Reader::block(std::string_view key) const {
  return Reader(node_ ? node_->find(key) : nullptr, std::string(field(key).path), *folder_);
}

std::vector<Reader> Reader::blocks(std::string_view key) const {
  std::vector<Reader> out;
  const Node* list = node_ ? node_->find(key) : nullptr;
  if (list == nullptr) return out;
  for (const Node& item : list->items) out.emplace_back(&item, std::string(field(key).path) + "[]", *folder_);
  return out;
}

const Node* Reader::scalar(std::string_view key) const {
  const Node* value = node_ ? node_->find(key) : nullptr;
  if (value == nullptr || value->kind != Node::Kind::Scalar || value->broken) return nullptr;
  return fault_of(field(key), *value).text.empty() ? value : nullptr;
}

std::vector<const Node*> Reader::scalars(std::string_view key) const {
  std::vector<const Node*> out;
  const Node* value = node_ ? node_->find(key) : nullptr;
  if (value == nullptr) return out;
  const auto add = [&](const Node& item) {
    const bool usable = item.kind == Node::Kind::Scalar && !item.broken;
    if (usable && fault_of(field(key), item).text.empty()) out.push_back(&item);
  };
  if (field(key).shape == Shape::Either) add(*value);
  for (const Node& item : value->items) add(item);
  return out;
}

Place Reader::place_of(std::string_view key) const {
  if (node_ == nullptr) return {};
  const Node* value = node_->find(key);
  return value ? value->place : node_->place;
}

void Reader::read(std::string_view key, std::string& out) const {
  if (const Node* value = scalar(key)) out = value->text;
}

void Reader::read(std::string_view key, bool& out) const {
  if (const Node* value = scalar(key)) out = value->text == "true";
}

void Reader::read(std::string_view key, int& out) const {
  if (const Node* value = scalar(key)) out = static_cast<int>(*parse_integer(value->text));
}

void Reader::read(std::string_view key, std::uint64_t& out) const {
  if (const Node* value = scalar(key)) out = *parse_integer(value->text);
}

void Reader::read(std::string_view key, Duration& out) const {
  if (const Node* value = scalar(key)) out = *parse_duration(value->text);
}

void Reader::read(std::string_view key, TlsVersion& out) const {
  if (const Node* value = scalar(key)) out = *parse_tls_version(value->text);
}

void Reader::read(std::string_view key, std::vector<std::string>& out) const {
  const Node* list = node_ ? node_->find(key) : nullptr;
  if (list == nullptr || list->kind != Node::Kind::List) return;
  out.clear();
  for (const Node* value : scalars(key)) out.push_back(value->text);
}

void Reader::read_size(std::string_view key, std::uint64_t& out) const {
  if (const Node* value = scalar(key)) out = *parse_size(value->text);
}

void Reader::read_path(std::string_view key, std::string& out) const {
  const Node* value = scalar(key);
  if (value == nullptr) return;
  out = value->text;
  if (!out.empty() && out != "-") out = (std::filesystem::path(*folder_) / out).string();
}

int Reader::choice(std::string_view key) const {
  const Node* value = scalar(key);
  if (value == nullptr) return -1;
  const std::vector<std::string_view> choices = split_bar(field(key).choices);
  const auto found = std::find(choices.begin(), choices.end(), value->text);
  return static_cast<int>(found - choices.begin());
}

}  // namespace postern::config
