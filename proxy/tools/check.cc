#include "tools/check.h"

#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/load.h"
#include "plan/reload.h"
#include "plan/snapshot.h"

namespace postern::server {

int check(const std::string& config_path, std::ostream& out, std::ostream& err) {
  config::Loaded loaded = config::load_file(config_path);
  std::vector<config::Diagnostic> found = std::move(loaded.diagnostics);
  bool good = loaded.ok;
  if (good) {
    const CellSlots slots(loaded.settings.upstreams.size(), loaded.settings.rules.size());
    SnapshotResult made =
        make_snapshot(std::move(loaded.settings), std::make_shared<tls::TicketKeys>(), slots, unix_seconds());
    add_findings(found, std::move(made.found));
    good = made.snapshot != nullptr;
  }
  err << config::render(found);
  if (good) out << config_path << ": ok\n";
  return good ? 0 : 1;
}

}  // namespace postern::server
