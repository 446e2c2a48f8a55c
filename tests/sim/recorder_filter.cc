#include "sim/recorder_filter.h"

#include "sim/script.h"

namespace postern::sim {

filters::Decision RecorderFilter::on_command(imap::Command& command, const filters::Context& context) {
  using filters::Decision;
  if (!context.logged_in) return Decision::pass();
  const bool later_part = command.piece == imap::Piece::Later;
  if (later_part) {
    if (command.text.find("\\Deleted") != Octets::npos)
      return Decision::deny(ErrorCode::NoPermission, "NOPERM");
    return holds_ ? Decision::wait() : Decision::pass();
  }
  const bool forbidden = command.args.find(kForbidden) != Octets::npos;
  if (command.verb == imap::Verb::Delete || forbidden)
    return Decision::deny(ErrorCode::NoPermission, "NOPERM");
  if (!holds_) return Decision::pass();
  if (command.verb == imap::Verb::Expunge || command.verb == imap::Verb::Append) return Decision::wait();
  return Decision::pass();
}

}  // namespace postern::sim
