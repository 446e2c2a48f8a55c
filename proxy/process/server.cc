#include "process/server.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include "config/diagnostics.h"
#include "plan/watch.h"
#include "process/privileges.h"
#include "telemetry/version.h"

namespace postern::server {
namespace {

constexpr std::uint64_t kTicketRotationMs = 12 * 3600 * 1000;

std::string_view name_of(config::ListenerTls tls) noexcept {
  switch (tls) {
    case config::ListenerTls::Off:
      return "off";
    case config::ListenerTls::Starttls:
      return "starttls";
    case config::ListenerTls::Implicit:
      return "implicit";
  }
  return "";
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

int complain(const Error& error) {
  std::cerr << "postern: error: " << error.detail << "\n";
  return 1;
}

}  // namespace

Server::Server(RunOptions options) : options_(std::move(options)), reloader_(options_.config_path) {}

Server::~Server() = default;

int Server::run() {
  if (!load()) return 1;
  Result<void> started = prepare();
  if (started) started = start();
  if (!started) {
    abandon();
    return complain(started.error());
  }
  started_ = true;
  say_where();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
  log_->log(LogLevel::Info, "stopped", "", {});
  return 0;
}

bool Server::load() {
  std::vector<config::Diagnostic> found;
  const bool good = reloader_.load(found);
  if (!found.empty()) std::cerr << config::render(found);
  return good;
}

// What needs the rights that the process was started with.
Result<void> Server::prepare() {
  auto log = Log::open(settings().log);
  if (!log) return log.error();
  log_ = *std::move(log);
  reloader_.begin(*log_, cells_);
  reloader_.open_log([this](const config::Log& wanted) { return log_->open_next(wanted); });
  const std::uint64_t descriptors = raise_descriptor_limit();
  const std::uint64_t wanted = settings().limits.sessions_total * 2;  // a session has two connections
  if (wanted > descriptors)
    log_->log(LogLevel::Warning, "too few descriptors", "",
              {{"limit", std::to_string(descriptors)}, {"sessions", std::to_string(wanted / 2)}});
  if (auto done = bind(); !done) return done;
  if (auto done = become(settings().user); !done) return done;
  return open_trail();
}

Result<void> Server::bind() {
  const int wanted = settings().workers;
  const std::size_t workers = wanted > 0 ? static_cast<std::size_t>(wanted) : uv_available_parallelism();
  for (const config::Listener& listener : settings().listeners) {
    auto bound = net::bind_sockets(listener.address, workers, options_.takeover);
    if (!bound) return bound.error();
    bound_.push_back(*std::move(bound));
  }
  if (!settings().has_status) return {};
  auto bound = net::bind_sockets(settings().status, 1, options_.takeover);
  if (!bound) return bound.error();
  bound_status_ = *std::move(bound);
  return {};
}

// When the process has become its user, whose files these are.
Result<void> Server::open_trail() {
  if (!settings().audit.on()) return {};
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of write(), not the end
  audit::Writer::Options options;
  options.settings = settings().audit;
  options.node = host_name();
  options.instance = random_.session_id();
  options.version = version();
  options.log = log_.get();
  auto opened = audit::Writer::open(std::move(options));
  if (!opened) return opened.error();
  trail_ = *std::move(opened);
  own_records_ =
      &trail_->add_producer([this](std::function<void()> callback) { mailbox_.post(std::move(callback)); });
  records_reloads_ = settings().audit.records(config::audited::kConfig);
  reloader_.tell([this](bool done, audit::ConfigReload reload) { record_reload(done, std::move(reload)); });
  return {};
}

Result<void> Server::start() {
  if (const int rc = uv_loop_init(&loop_); rc != 0)
    return Error{ErrorCode::SystemCall, std::string("no event loop: ") + uv_strerror(rc)};
  loop_open_ = true;
  mailbox_.open(&loop_);
  start_timers();
  start_signals();
  cells_.health_checks.resize(reloader_.slots().upstreams.capacity());
  ledger_.emplace(settings().limits, std::array<SipKey, 2>{random_.key(), random_.key()});
  upstreams_.emplace(&loop_, *log_, random_, cells_, [this] { publish(); });
  upstreams_->apply(*reloader_.running());
  if (auto done = start_workers(); !done) return done;
  if (!bound_status_) return {};
  add_pages();
  status_.emplace(&loop_, [this](const HttpRequest& request) { return pages_.answer(request); });
  return status_->open(std::move(bound_status_->sockets.front()));
}

Result<void> Server::start_workers() {
  environment_.emplace(WorkerEnvironment{
      *ledger_, *log_, gate_, [this] { mailbox_.post([this] { worker_ended(); }); }, trail_.get()});
  const std::size_t count = bound_.front().sockets.size();
  for (std::size_t w = 0; w < count; ++w)
    workers_.push_back(std::make_unique<Worker>(*environment_, bound_.size(), reloader_.slots()));
  if (trail_) trail_->start();
  gate_.on_crossing([this] {
    for (const auto& worker : workers_) worker->notify_gate();
  });
  gate_.set_limit(settings().limits.sessions_total);
  const Published first{reloader_.running(), upstreams_->view(settings())};
  for (std::size_t w = 0; w < count; ++w) {
    std::vector<net::Socket> sockets;
    for (net::Bound& bound : bound_) sockets.push_back(std::move(bound.sockets[w]));
    if (auto done = workers_[w]->start(std::move(sockets), first); !done) return done;
  }
  return {};
}

// It could not start: ends what was started.
void Server::abandon() {
  if (!loop_open_) return;
  for (const auto& worker : workers_) {
    worker->drain();
    worker->kill();
    worker->join();
  }
  end_trail();
  close_everything();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

void Server::start_timers() {
  for (uv_timer_t* timer : {&watch_timer_, &ticket_timer_, &delay_timer_, &drain_timer_}) {
    uv_timer_init(&loop_, timer);
    timer->data = this;
  }
  const auto look = [](uv_timer_t* timer) {
    auto& self = *static_cast<Server*>(timer->data);
    if (self.settings().tls.watch && self.reloader_.look_at_files())
      self.apply_reload(telemetry::ReloadTrigger::File);
  };
  uv_timer_start(&watch_timer_, look, FileWatch::kEveryMs, FileWatch::kEveryMs);
  const auto rotate = [](uv_timer_t* timer) {
    auto& self = *static_cast<Server*>(timer->data);
    if (self.settings().tls.ticket_key_file.empty()) self.reloader_.tickets().rotate();
  };
  uv_timer_start(&ticket_timer_, rotate, kTicketRotationMs, kTicketRotationMs);
}

// Scripts and tests read these lines: with port 0 only the kernel knows the address.
void Server::say_where() {
  for (std::size_t l = 0; l < bound_.size(); ++l) {
    const config::Listener& listener = settings().listeners[l];
    log_->log(
        LogLevel::Info, "listening", "",
        {{"name", listener.name}, {"address", bound_[l].text}, {"tls", std::string(name_of(listener.tls))}});
  }
  if (bound_status_) log_->log(LogLevel::Info, "status listening", "", {{"address", bound_status_->text}});
  log_->log(LogLevel::Info, "ready", "",
            {{"version", std::string(version())}, {"workers", std::to_string(workers_.size())}});
}

void Server::publish() {
  const Published next{reloader_.running(), upstreams_->view(settings())};
  for (const auto& worker : workers_) worker->publish(next);
}

// A new Snapshot runs: whatever was made from the old one follows.
void Server::apply_reload(telemetry::ReloadTrigger trigger) {
  log_->take_next();
  if (trail_) trail_->configure(settings().audit);
  ledger_->set_limits(settings().limits);
  upstreams_->apply(*reloader_.running());
  const Published next{reloader_.running(), upstreams_->view(settings())};
  const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (const auto& worker : workers_)
    worker->publish(next, [this, left, trigger] {
      if (left->fetch_sub(1) == 1) mailbox_.post([this, trigger] { reloader_.adopted(trigger); });
    });
  gate_.set_limit(settings().limits.sessions_total);
}

// A reload after which reloads are not recorded any more still is.
void Server::record_reload(bool done, audit::ConfigReload reload) {
  const bool from_now_on = settings().audit.records(config::audited::kConfig);
  if (!std::exchange(records_reloads_, from_now_on) && !from_now_on) return;
  auto record = std::make_unique<audit::Record>();
  record->outcome = done ? audit::Outcome::Success : audit::Outcome::Failure;
  if (!done) record->reason = label_of(ErrorCode::ConfigInvalid);
  record->body = std::move(reload);
  own_records_->write(std::move(record), AuditRoom::Ordinary);
}

}  // namespace postern::server
