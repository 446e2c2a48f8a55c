// The policy of the simulation: DELETE, and APPEND to the forbidden mailbox, are denied, also as later
// messages of a MULTIAPPEND that carry \Deleted; EXPUNGE and every APPEND are held until a record is durable,
// unless the session's own audit trail sees to that.
#pragma once

#include "filters/filter.h"

namespace postern::sim {

class RecorderFilter final : public filters::Filter {
 public:
  explicit RecorderFilter(bool holds) : holds_(holds) {}
  filters::Decision on_command(imap::Command& command, const filters::Context& context) override;

 private:
  bool holds_;
};

}  // namespace postern::sim
