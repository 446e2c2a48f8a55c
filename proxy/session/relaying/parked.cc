#include "session/relaying/parked.h"

#include <algorithm>

#include "base/secret.h"

namespace postern::session {

ParkedCommand::ParkedCommand(const imap::Command& command)
    : text_(new char[command.text.size() + 1]), size_(command.text.size()), command_(command) {
  std::copy(command.text.begin(), command.text.end(), text_.get());
  const auto moved = [this, &command](Octets view) {
    if (view.empty()) return Octets();
    return Octets(text_.get() + (view.data() - command.text.data()), view.size());
  };
  command_.tag = moved(command.tag);
  command_.name = moved(command.name);
  command_.args = moved(command.args);
  command_.text = Octets(text_.get(), size_);
}

ParkedCommand::~ParkedCommand() {
  if (text_) wipe(text_.get(), size_);
}

}  // namespace postern::session
