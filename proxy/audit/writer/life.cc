// How the writer's thread begins, what it is told meanwhile, and how it ends.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "audit/writer/writer_impl.h"

namespace postern::audit {
namespace {

constexpr std::chrono::milliseconds kRetryAtEnd{100};

}  // namespace

void Writer::Impl::run() {
  // Signals are the main thread's. SIGXFSZ held back makes a size limit a write error like any other.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  begin();
  while (!stopping_.load()) {
    apply_orders();
    turn();
    if (!stopping_.load()) rest();
  }
  finish();
}

void Writer::Impl::begin() {
  const Recovered& found = opened_.recovered;
  for (const std::string& warning : opened_.warnings)
    say(LogLevel::Warning, "audit", {{"file", path_}, {"reason", warning}});
  if (found.needs_newline) output_.buffer() += '\n';
  if (output_.is_regular() && output_.size() == 0 && sealer_.chain().head().sequence > 0)
    seal(rotate_record({}, found.follows));
  for (const TrailRecovered& finding : found.findings) {
    const bool torn = finding.kind == "torn";
    say(torn ? LogLevel::Warning : LogLevel::Error, "audit recovered",
        {{"file", finding.file},
         {"kind", std::string(finding.kind)},
         {"offset", std::to_string(finding.offset)},
         {"bytes", std::to_string(finding.torn_bytes)},
         {"missing", std::to_string(finding.missing)},
         {"advice",
          torn ? "a crash left a piece of a record; nothing is to be done"
               : "somebody has changed the trail, or the disk has lost it: see `postern audit verify`"}});
    seal(finding, torn ? Outcome::Success : Outcome::Error);
  }
  seal(TrailStart{version_, sealer_.chain().head().epoch, sealer_.chain().keyed()});
  state_due_ = true;
  if (flush(true)) persist(false);
}

void Writer::Impl::apply_orders() {
  if (configure_.exchange(false)) {
    const std::lock_guard lock(orders_mutex_);
    apply(*new_settings_);
  }
  if (reopen_.exchange(false)) reopen();
}

void Writer::Impl::finish() {
  bool whole = write_everything();
  if (whole) {
    seal(TrailStop{});
    checkpoint();
    whole = write_everything() && flush(true);
  }
  if (whole) {
    persist(true);
  } else {
    std::size_t queued = 0;
    for (const Producer& producer : producers_) queued += producer.port.queued();
    say(LogLevel::Error, "audit left unfinished",
        {{"file", path_},
         {"reason", output_.is_regular() ? "it cannot be written" : "nobody reads it"},
         {"records", std::to_string(sealer_.chain().head().sequence - sequence_.load() + queued)}});
  }
  gate_.up.store(false);
  for (Producer& producer : producers_) producer.port.refuse();
}

// What is in the rings and behind them. False: it is not in the file, and time is up.
bool Writer::Impl::write_everything() {
  for (;;) {
    retry_at_ = {};
    turn();
    if (trouble_ == Trouble::None && !output_.pending() && rings_empty()) return true;
    const auto now = Clock::now();
    if (trouble_ == Trouble::Sync || now >= stop_until_) return false;
    if (trouble_ == Trouble::Write) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(stop_until_ - now);
      gate_.waker.sleep(std::min(kRetryAtEnd, left));
    }
  }
}

}  // namespace postern::audit
