#include "config/reader.h"

#include <cassert>
#include <chrono>
#include <filesystem>

#include "config/match.h"
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

void Reader::fill(void* out, const std::type_info& kind) const {
  if (node_ == nullptr) return;
  for (const Field* one : fields_in(path_)) {
    const std::string_view key = last_key(one->path);
    const Member& member = one->member;
    assert(member.owner == nullptr || *member.owner == kind);
    if (one->type == Type::Block) {
      if (one->shape == Shape::One)
        member.part ? block(key).fill(member.part(out), *member.part_kind) : block(key).fill(out, kind);
    } else if (member.read) {
      member.read(*this, key, out);
    }
  }
}

void Reader::read(std::string_view key, std::string& out) const {
  const Node* value = scalar(key);
  if (value == nullptr) return;
  out = value->text;
  if (field(key).type == Type::Path && !out.empty() && out != "-")
    out = (std::filesystem::path(*folder_) / out).string();
}

void Reader::read(std::string_view key, Duration& out) const {
  if (const auto ms = number(key)) out = std::chrono::milliseconds(*ms);
}

void Reader::read(std::string_view key, std::vector<std::string>& out) const {
  const Node* list = node_ ? node_->find(key) : nullptr;
  if (list == nullptr || list->kind != Node::Kind::List) return;
  out.clear();
  for (const Node* value : scalars(key)) out.push_back(value->text);
}

void Reader::read(std::string_view key, std::vector<Cidr>& out) const {
  std::string why;
  for (const Node* value : scalars(key)) out.push_back(*parse_cidr(value->text, why));
}

void Reader::read(std::string_view key, std::shared_ptr<const Secret>& out) const {
  const Node* value = scalar(key);
  if (value != nullptr && !value->text.empty()) out = std::make_shared<const Secret>(value->text);
}

std::optional<std::uint64_t> Reader::number(std::string_view key) const {
  const Node* value = scalar(key);
  return value ? number_of(field(key), value->text) : std::nullopt;
}

}  // namespace postern::config
