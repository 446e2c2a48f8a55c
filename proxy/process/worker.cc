#include "process/worker.h"

#include <algorithm>
#include <exception>
#include <future>
#include <utility>

namespace postern::server {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

}  // namespace

Worker::Worker(WorkerEnvironment& environment, std::size_t listeners, const CellSlots& slots)
    : environment_(environment), services_(environment.ledger), door_(*this, environment.gate) {
  cells_.listeners.resize(listeners);
  cells_.upstreams.resize(slots.upstreams.capacity());
  cells_.rules.resize(slots.rules.capacity());
  if (environment_.audit != nullptr)
    audit_ = &environment_.audit->add_producer(
        [this](std::function<void()> callback) { mailbox_.post(std::move(callback)); });
  services_.set_trail(audit_);
}

Worker::~Worker() { join(); }

Result<void> Worker::start(std::vector<net::Socket> bound, Published published) {
  adopt(std::move(published));
  std::promise<Result<void>> opened;
  std::future<Result<void>> result = opened.get_future();
  thread_ = std::thread([this, &opened, sockets = std::move(bound)]() mutable {
    if (const int rc = uv_loop_init(&loop_); rc != 0)
      return opened.set_value(Error{ErrorCode::SystemCall, std::string("no event loop: ") + uv_strerror(rc)});
    Result<void> done = open(std::move(sockets));
    if (!done) close_handles();
    opened.set_value(std::move(done));
    uv_run(&loop_, UV_RUN_DEFAULT);  // until all handles are closed
    uv_loop_close(&loop_);
  });
  return result.get();
}

Result<void> Worker::open(std::vector<net::Socket> bound) {
  uv_idle_init(&loop_, &idle_);
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
  idle_.data = prepare_.data = check_.data = this;
  try {
    mailbox_.open(&loop_);
  } catch (const std::exception& error) {
    return Error{ErrorCode::SystemCall, error.what()};
  }
  watch_rounds();
  return door_.open(std::move(bound));
}

// Measures how long each round of the loop keeps the next event waiting, and reaps what has ended.
void Worker::watch_rounds() {
  checked_at_ns_ = uv_hrtime();
  // The loop's own clock is set when it wakes, in whole milliseconds: the whole milliseconds until check_
  // went into the sockets' callbacks (0 or 1 for a short round, right on the average). The rest of the round
  // is measured from check_ to prepare_.
  uv_check_start(&check_, [](uv_check_t* handle) {
    auto& self = *static_cast<Worker*>(handle->data);
    self.checked_at_ns_ = uv_hrtime();
    const std::uint64_t checked_at_ms = self.checked_at_ns_ / kNsPerMs;
    self.busy_ns_ = (checked_at_ms - std::min(checked_at_ms, uv_now(&self.loop_))) * kNsPerMs;
  });
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto& self = *static_cast<Worker*>(handle->data);
    if (!self.ended_.empty()) self.reap();
    const std::uint64_t busy_ns = self.busy_ns_ + uv_hrtime() - self.checked_at_ns_;
    self.cells_.loop_lag.observe(Duration(static_cast<Duration::rep>(busy_ns)));
  });
}

void Worker::publish(Published published, std::function<void()> adopted) {
  mailbox_.post([this, next = std::move(published), done = std::move(adopted)]() mutable {
    adopt(std::move(next));
    if (done) done();
  });
}

// A newer view of what runs is for all its sessions; another plan is for those to come.
void Worker::adopt(Published published) {
  if (plan_ && plan_->renew(published)) return;
  plan_ = std::make_shared<Plan>(std::move(published));
}

void Worker::notify_gate() {
  mailbox_.post([this] { door_.apply_gate(); });
}

void Worker::drain() {
  mailbox_.post([this] {
    draining_ = true;
    door_.close();
    for (const auto& [relay, owner] : relays_) relay->drain();
    finish_if_empty();
  });
}

void Worker::kill() {
  mailbox_.post([this] {
    for (const auto& [relay, owner] : relays_) relay->kill();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::admit(net::RelayOptions options, net::Socket client) {
  auto relay = std::make_unique<net::Relay>(*this, std::move(options));
  net::Relay& started = *relay;
  relays_.emplace(&started, std::move(relay));
  started.start(std::move(client));
}

void Worker::enqueue(net::Relay& relay) {
  queue_.push_back(&relay);
  if (queue_.size() > 1) return;
  uv_idle_start(&idle_, [](uv_idle_t* handle) { static_cast<Worker*>(handle->data)->run_queue(); });
}

// One turn for each relay that waits; who asks again waits for the next round, behind the sockets.
void Worker::run_queue() {
  turns_.swap(queue_);
  for (net::Relay*& relay : turns_)
    if (relay != nullptr) std::exchange(relay, nullptr)->turn();
  turns_.clear();
  if (queue_.empty()) uv_idle_stop(&idle_);
}

void Worker::ended(net::Relay& relay) noexcept {
  std::replace(turns_.begin(), turns_.end(), &relay, static_cast<net::Relay*>(nullptr));
  std::erase(queue_, &relay);
  ended_.push_back(&relay);
}

void Worker::reap() {
  const std::vector<net::Relay*> ended = std::exchange(ended_, {});
  for (net::Relay* relay : ended) relays_.erase(relay);
  door_.leave(ended.size());
  finish_if_empty();
}

void Worker::finish_if_empty() {
  if (!draining_ || finished_ || !relays_.empty()) return;
  close_handles();
  environment_.ended();
}

void Worker::close_handles() {
  finished_ = true;
  door_.close();
  mailbox_.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
}

}  // namespace postern::server
