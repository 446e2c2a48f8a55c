#include "audit/writer/writer.h"

#include <algorithm>
#include <utility>

#include "audit/writer/writer_impl.h"

namespace postern::audit {
namespace {

constexpr Duration kPatienceAtEnd = std::chrono::seconds(5);
// A thread that sees the end of its time needs so long to end, unless a call into the kernel does not return.
constexpr Duration kGrace = std::chrono::milliseconds(500);

Redaction::Kinds kinds_of(const config::Audit& settings) noexcept {
  return {settings.redact_user, settings.redact_mailbox, settings.redact_client};
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(Options options) {
  if (!options.disk) options.disk = make_posix_disk();
  Result<Opened> opened = open_trail(*options.disk, options.settings);
  if (!opened) return Error{opened.error().code, "audit: " + opened.error().detail};
  auto impl = std::make_shared<Impl>(std::move(options), std::move(*opened));
  return std::unique_ptr<Writer>(new Writer(std::move(impl)));
}

Writer::Writer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::~Writer() { stop(kPatienceAtEnd); }

AuditTrail& Writer::add_producer(Post post) { return impl_->add_producer(std::move(post)); }

void Writer::start() {
  impl_->thread_ = std::thread([impl = impl_] {
    impl->run();
    impl->ended_.set_value();
  });
}

void Writer::configure(const config::Audit& settings) { impl_->configure(settings); }

void Writer::reopen() {
  impl_->reopen_.store(true);
  impl_->gate_.waker.order();
}

void Writer::stop(Duration at_most) { impl_->stop(at_most); }
bool Writer::writable() const noexcept { return impl_->gate_.passes(); }
WriterStatus Writer::status() const { return impl_->status(); }

Writer::Impl::Impl(Options options, Opened opened)
    : path_(options.settings.file),
      version_(std::move(options.version)),
      intervals_(options.intervals),
      log_(options.log),
      disk_(std::move(options.disk)),
      settings_(std::move(options.settings)),
      gate_(settings_.durability == config::Durability::WriteAhead),
      opened_(std::move(opened)),
      identity_(opened_.status.identity),
      output_(std::move(opened_.file)),
      sealer_({std::move(options.node), std::move(options.instance), settings_.chain,
               std::move(opened_.signing_key)},
              std::move(opened_.recovered.chain), opened_.redaction_key, kinds_of(settings_)) {
  gate_.deny.store(settings_.on_failure == config::OnAuditFailure::Deny);
  output_.set_size(opened_.status.size);
  opened_sequence_ = synced_sequence_ = sealer_.chain().head().sequence;
  sequence_.store(opened_sequence_);
}

AuditTrail& Writer::Impl::add_producer(Post post) {
  // Whoever left the thread alone may have taken down what the function leads to.
  auto guarded = [this, inner = std::move(post)](std::function<void()> message) {
    const std::lock_guard lock(outside_mutex_);
    if (!abandoned_) inner(std::move(message));
  };
  return producers_.emplace_back(gate_, std::move(guarded)).port;
}

void Writer::Impl::configure(const config::Audit& settings) {
  {
    const std::lock_guard lock(orders_mutex_);
    new_settings_ = settings;
  }
  gate_.deny.store(settings.on_failure == config::OnAuditFailure::Deny);
  configure_.store(true);
  gate_.waker.order();
}

void Writer::Impl::apply(const config::Audit& settings) {
  settings_.on_failure = settings.on_failure;
  settings_.flush_interval = settings.flush_interval;
  settings_.rotate_size = settings.rotate_size;
  settings_.rotate_keep = settings.rotate_keep;
  settings_.redact_user = settings.redact_user;
  settings_.redact_mailbox = settings.redact_mailbox;
  settings_.redact_client = settings.redact_client;
  sealer_.set_kinds(kinds_of(settings_));
}

void Writer::Impl::stop(Duration at_most) {
  if (!thread_.joinable()) return;
  std::future<void> ended = ended_.get_future();
  stop_until_ = Clock::now() + at_most;
  stopping_.store(true);
  gate_.waker.order();
  if (ended.wait_for(at_most + kGrace) == std::future_status::ready) return thread_.join();
  say(LogLevel::Error, "audit left unfinished",
      {{"file", path_},
       {"reason", "a write does not end"},
       {"records", std::to_string(status().queue_length)}});
  const std::lock_guard lock(outside_mutex_);
  abandoned_ = true;
  thread_.detach();
}

void Writer::Impl::say(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const std::lock_guard lock(outside_mutex_);
  if (log_ != nullptr && !abandoned_) log_->log(level, event, "", fields);
}

WriterStatus Writer::Impl::status() const {
  WriterStatus out;
  out.up = gate_.up.load();
  out.sequence = sequence_.load(std::memory_order_relaxed);
  out.last_write_seconds = last_write_.load(std::memory_order_relaxed);
  out.sync_seconds = sync_seconds_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < out.syncs.size(); ++i) out.syncs[i] = syncs_[i].load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < out.events.size(); ++i) out.events[i] = sealer_.events(i);
  for (const Producer& producer : producers_) {
    out.queue_length += producer.port.queued();
    out.queue_capacity += Ring::kSlots;
    out.dropped_queue_full += producer.port.dropped(Port::QueueFull);
    out.dropped_write_error += producer.port.dropped(Port::WriteError);
  }
  return out;
}

}  // namespace postern::audit
