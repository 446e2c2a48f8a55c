// What the audit trail costs without a wire in between, as JSON: records per second into a real file and CPU
// for each, from the making of the record to its last octet, in each durability; and how long those wait who
// wait until an intent is on disk, one, ten and a hundred at a time. Links Postern's audit trail.
//
//   bench_audit FOLDER RECORDS ROUNDS

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "audit/writer/writer.h"

namespace {

namespace audit = postern::audit;
namespace config = postern::config;
using postern::AuditAnswer;
using postern::AuditRoom;
using postern::AuditTrail;

constexpr std::size_t kInRing = 2048;  // the producer pauses above it: it would only drop records
constexpr std::chrono::milliseconds kPause{1};
constexpr int kSyncs = 200;

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_audit: %s\n", why.c_str());
  std::exit(1);
}

// As net::Mailbox, without a loop.
class Inbox {
 public:
  void post(std::function<void()> message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    arrived_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !messages_.empty(); });
    const std::function<void()> message = std::move(messages_.front());
    messages_.pop_front();
    lock.unlock();
    message();
  }
  void run_all() {
    while (!empty()) run_one();
  }

 private:
  bool empty() {
    const std::lock_guard lock(mutex_);
    return messages_.empty();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> messages_;
};

// A trail in a file of its own, and one thread's way to it.
class Trail {
 public:
  Trail(const std::string& folder, config::Durability durability) : path_(folder + "/audit-records") {
    audit::Writer::Options options;
    options.settings.file = path_;
    options.settings.durability = durability;
    options.node = "gateway.example";
    options.instance = "ABCDEFGHIJKLMNOP";
    options.version = "1.0";
    auto opened = audit::Writer::open(std::move(options));
    if (!opened) give_up(opened.error().detail);
    writer_ = std::move(*opened);
    trail_ =
        &writer_->add_producer([this](std::function<void()> message) { inbox.post(std::move(message)); });
    writer_->start();
    auto connection = std::make_shared<audit::Connection>();
    connection->session = "QRSTUVWXYZ234567";
    connection->listener = "imaps";
    connection->client_address = "192.0.2.17";
    connection->client_port = 50123;
    connection->local_address = "198.51.100.5";
    connection->local_port = 993;
    connection_ = std::move(connection);
  }
  ~Trail() {
    writer_->stop(std::chrono::minutes(1));
    inbox.run_all();
    writer_.reset();
    for (const char* suffix : {"", ".state", ".lock"}) unlink((path_ + suffix).c_str());
  }

  AuditTrail& operator*() const { return *trail_; }
  audit::WriterStatus status() const { return writer_->status(); }

  // As a session makes it of a UID STORE.
  std::unique_ptr<audit::Record> record(bool intent) {
    auto out = std::make_unique<audit::Record>();
    out->connection = connection_;
    out->number = ++number_;
    out->user = "somebody@example.com";
    audit::Command command;
    command.intent = intent;
    command.name = "STORE";
    command.uid = true;
    command.number = number_;
    command.mailbox = "Archive/2026/Invoices";
    command.set = "4711:4722";
    command.flags = "+FLAGS.SILENT (\\Deleted)";
    command.result = intent ? audit::CommandResult::None : audit::CommandResult::Ok;
    command.bytes_out = 120;
    command.duration = std::chrono::microseconds(850);
    out->body = std::move(command);
    return out;
  }

  Inbox inbox;

 private:
  std::string path_;
  std::unique_ptr<audit::Writer> writer_;
  AuditTrail* trail_ = nullptr;
  std::shared_ptr<const audit::Connection> connection_;
  std::uint64_t number_ = 0;
};

struct Rate {
  double per_second = 0;
  double cpu_ns = 0;  // of both threads, for each record
};

Rate measure_rate(const std::string& folder, config::Durability durability, std::uint64_t records) {
  Trail trail(folder, durability);
  const double began = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t i = 0; i < records; ++i) {
    if (i % 64 == 0)
      while (trail.status().queue_length > kInRing)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    (*trail).write(trail.record(false), AuditRoom::Ordinary);
  }
  while (trail.status().sequence < records) std::this_thread::sleep_for(kPause);
  const double took = now(CLOCK_MONOTONIC) - began;
  const double used = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  const auto count = static_cast<double>(records);
  if (trail.status().dropped_queue_full > 0) give_up("records were dropped");
  return {count / took, used * 1e9 / count};
}

// So many sessions that each do nothing but wait for their next intent.
class Waiters final : public postern::AuditWaiter {
 public:
  Waiters(Trail& trail, std::size_t waiters, std::size_t rounds)
      : trail_(trail), asked_(waiters), left_(waiters, rounds), running_(waiters) {}

  std::vector<double> run() {
    for (std::size_t i = 0; i < asked_.size(); ++i) ask(i);
    while (running_ > 0) trail_.inbox.run_one();
    std::sort(took_us_.begin(), took_us_.end());
    return std::move(took_us_);
  }

  void recorded(std::uint64_t hold, bool granted) noexcept override {
    if (!granted) give_up("an intent was refused");
    took_us_.push_back((now(CLOCK_MONOTONIC) - asked_[hold]) * 1e6);
    (*trail_).write(trail_.record(false), AuditRoom::Reserved);
    if (--left_[hold] > 0) return ask(hold);
    --running_;
  }

 private:
  void ask(std::uint64_t hold) {
    asked_[hold] = now(CLOCK_MONOTONIC);
    if ((*trail_).write_ahead(*this, hold, trail_.record(true), true) != AuditAnswer::Waiting)
      give_up("an intent was answered at once");
  }

  Trail& trail_;
  std::vector<double> asked_;
  std::vector<std::size_t> left_;
  std::size_t running_;
  std::vector<double> took_us_;
};

// Microseconds, sorted: a small write and its fdatasync, with nothing around them.
std::vector<double> measure_syncs(const std::string& folder) {
  const std::string path = folder + "/audit-sync";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) give_up("cannot make " + path);
  const std::string octets(600, 'x');
  std::vector<double> out;
  for (int i = 0; i < kSyncs; ++i) {
    const double began = now(CLOCK_MONOTONIC);
    if (write(file, octets.data(), octets.size()) < 0 || fdatasync(file) != 0)
      give_up("cannot write " + path);
    out.push_back((now(CLOCK_MONOTONIC) - began) * 1e6);
  }
  close(file);
  unlink(path.c_str());
  std::sort(out.begin(), out.end());
  return out;
}

double at(const std::vector<double>& sorted, std::size_t percent) {
  return sorted[(sorted.size() - 1) * percent / 100];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) give_up("usage: bench_audit FOLDER RECORDS ROUNDS");
  const std::string folder = argv[1];
  const std::uint64_t records = std::strtoull(argv[2], nullptr, 10);
  const std::size_t rounds = std::strtoull(argv[3], nullptr, 10);
  if (records == 0 || rounds == 0) give_up("RECORDS and ROUNDS are numbers above 0");
  constexpr std::pair<const char*, config::Durability> kDurabilities[] = {
      {"none", config::Durability::None},
      {"interval", config::Durability::Interval},
      {"write_ahead", config::Durability::WriteAhead}};
  std::printf("{\"records\": {");
  const char* comma = "";
  for (const auto& [name, durability] : kDurabilities) {
    const Rate rate = measure_rate(folder, durability, records);
    std::printf("%s\"%s\": {\"per_second\": %.0f, \"cpu_ns\": %.0f}", comma, name, rate.per_second,
                rate.cpu_ns);
    comma = ", ";
  }
  const std::vector<double> syncs = measure_syncs(folder);
  std::printf("}, \"sync\": {\"p50_us\": %.0f, \"p99_us\": %.0f}, \"waiters\": {", at(syncs, 50),
              at(syncs, 99));
  comma = "";
  for (const std::size_t waiters : {1U, 10U, 100U}) {
    Trail trail(folder, config::Durability::WriteAhead);
    const std::vector<double> took = Waiters(trail, waiters, rounds).run();
    double syncs_of_all = 0;
    for (const std::uint64_t count : trail.status().syncs) syncs_of_all += static_cast<double>(count);
    std::printf("%s\"%zu\": {\"p50_us\": %.0f, \"p99_us\": %.0f, \"syncs\": %.2f}", comma, waiters,
                at(took, 50), at(took, 99), syncs_of_all / static_cast<double>(rounds));
    comma = ", ";
  }
  std::printf("}}\n");
}
