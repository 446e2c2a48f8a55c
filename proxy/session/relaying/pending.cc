#include "session/relaying/pending.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace postern::session {
namespace {

constexpr std::size_t kKeptCapacity = 4;  // an idle session holds no more than these

}  // namespace

bool PendingCommands::has_barrier() const noexcept {
  return std::any_of(commands_.begin(), commands_.end(), [](const Pending& each) { return each.barrier; });
}

void PendingCommands::add(Pending&& command) {
  if (command.at_upstream()) {
    ++at_upstream_;
  } else {
    octets_ += command.answer.size();
  }
  commands_.push_back(std::move(command));
}

void PendingCommands::add_ahead(std::string answer) {
  octets_ += answer.size();
  commands_.insert(commands_.begin(), Pending::of_ours(std::move(answer)));
}

Pending* PendingCommands::find(Octets tag) noexcept {
  for (Pending& command : commands_)
    if (command.at_upstream() && command.tag == tag) return &command;
  return nullptr;
}

Pending* PendingCommands::find(imap::Verb verb) noexcept {
  for (Pending& command : commands_)
    if (command.at_upstream() && command.verb == verb) return &command;
  return nullptr;
}

bool PendingCommands::uses(Octets tag) const noexcept {
  return std::any_of(commands_.begin(), commands_.end(),
                     [tag](const Pending& command) { return command.tag == tag; });
}

void PendingCommands::remove(Octets tag) {
  const auto found = std::find_if(commands_.begin(), commands_.end(), [tag](const Pending& command) {
    return command.at_upstream() && command.tag == tag;
  });
  assert(found != commands_.end());
  --at_upstream_;
  commands_.erase(found);
  if (commands_.empty() && commands_.capacity() > kKeptCapacity) std::vector<Pending>().swap(commands_);
}

bool PendingCommands::take_answer(std::string& answer) {
  if (commands_.empty() || commands_.front().at_upstream()) return false;
  answer = std::move(commands_.front().answer);
  octets_ -= answer.size();
  commands_.erase(commands_.begin());
  if (commands_.empty() && commands_.capacity() > kKeptCapacity) std::vector<Pending>().swap(commands_);
  return true;
}

void PendingCommands::clear() noexcept {
  std::vector<Pending>().swap(commands_);
  at_upstream_ = octets_ = 0;
}

}  // namespace postern::session
