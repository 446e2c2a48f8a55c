// The numbers that a worker counts. Every cell has a single writer (its worker's thread) and any number of
// readers (the scrape on the main thread): relaxed load and store, no lock, no locked instruction. Cells
// never move and outlive reloads. Names, help texts and labels belong to the exporter in server.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/error_code.h"
#include "base/side.h"
#include "base/time.h"

namespace postern::telemetry {

class Cell {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  std::uint64_t load() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Upper bounds in seconds; the bucket behind the last bound is +Inf.
template <std::size_t N>
class Histogram {
 public:
  explicit Histogram(const std::array<double, N>& bounds) noexcept : bounds_(bounds) {}
  void observe(Duration value) noexcept {
    const double seconds = std::chrono::duration<double>(value).count();
    std::size_t i = 0;
    while (i < N && seconds > bounds_[i]) ++i;
    buckets_[i].add();
    sum_ns_.add(static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count()));
  }
  const std::array<double, N>& bounds() const noexcept { return bounds_; }
  std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].load(); }  // i <= N, not cumulative
  double sum_seconds() const noexcept { return static_cast<double>(sum_ns_.load()) / 1e9; }

 private:
  std::array<double, N> bounds_;
  std::array<Cell, N + 1> buckets_;
  Cell sum_ns_;
};

enum class SessionState : std::uint8_t { Unauthenticated, Authenticated, Selected, Idle, Closing, kCount };
enum class StarttlsResult : std::uint8_t { Ok, Refused, InjectionBlocked, kCount };
enum class AuthResult : std::uint8_t { Success, Failure, Temporary, Denied, kCount };
enum class CommandResult : std::uint8_t { Ok, No, Bad, Denied, kCount };
enum class ParseError : std::uint8_t { Syntax, LineTooLong, LiteralTooLarge, kCount };
enum class RejectReason : std::uint8_t {
  MaxConnections,
  ClientLimit,
  Overload,
  Draining,
  ProxyProtocol,
  kCount
};
enum class ProxyError : std::uint8_t { Untrusted, Malformed, Checksum, Timeout, Closed, kCount };
enum class HandshakeMode : std::uint8_t { Implicit, Starttls, kCount };
enum class HandshakeFailure : std::uint8_t {
  Version,
  Cipher,
  Alpn,
  Sni,
  ClientCert,
  Verify,
  Timeout,
  Eof,
  Other,
  kCount
};
enum class PolicyResult : std::uint8_t { Allow, Deny, Rewrite, Observe, kCount };
enum class ReloadTrigger : std::uint8_t { Signal, File, kCount };
enum class ReloadResult : std::uint8_t { Ok, Failed, Unchanged, kCount };
enum class ConnectResult : std::uint8_t { Ok, Refused, Timeout, Dns, Tls, Greeting, Error, kCount };

template <typename E>
constexpr std::size_t count_of = static_cast<std::size_t>(E::kCount);

template <typename E>
using CellsBy = std::array<Cell, count_of<E>>;

constexpr std::size_t kMechanismSlots = 14;  // imap::Mechanism; session.cc asserts that it fits
constexpr std::size_t kCommandSlots = 80;    // imap::Verb; likewise

struct ListenerCells {
  Cell accepted;
  CellsBy<RejectReason> rejected;
  CellsBy<ProxyError> proxy_errors;
  Cell active;                     // a gauge
  CellsBy<SessionState> sessions;  // gauges
  CellsBy<CloseReason> closed;
  CellsBy<StarttlsResult> starttls;
  std::array<CellsBy<AuthResult>, kMechanismSlots> auth;
};

struct UpstreamCells {
  CellsBy<ConnectResult> connects;
  Histogram<10> connect_duration{{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 5}};
  Cell active;  // a gauge
};

using RuleCells = CellsBy<PolicyResult>;

struct SideCells {
  Cell received_bytes;
  Cell sent_bytes;
  Cell buffered_bytes;  // a gauge
  CellsBy<ParseError> parse_errors;
  // [mode][TLS 1.0, 1.1, 1.2, 1.3][resumed]
  std::array<std::array<std::array<Cell, 2>, 4>, count_of<HandshakeMode>> handshakes;
  CellsBy<HandshakeFailure> handshake_failures;
  Histogram<9> handshake_duration{{0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10}};
};

// All that one worker counts. Listeners and upstreams have the order of the Settings that were started with.
struct WorkerCells {
  std::deque<ListenerCells> listeners;
  std::deque<UpstreamCells> upstreams;
  std::deque<RuleCells> rules;
  std::array<SideCells, 2> sides;  // indexed by Side
  std::array<CellsBy<CommandResult>, kCommandSlots> commands;
  Histogram<8> loop_lag{{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1}};

  SideCells& side(Side which) noexcept { return sides[static_cast<std::size_t>(which)]; }
};

template <typename E>
constexpr std::size_t index_of(E value) noexcept {
  return static_cast<std::size_t>(value);
}

template <typename E>
using NamesOf = std::array<const char*, count_of<E>>;  // in the order of the enumeration

// Names that the log needs as well as /metrics.
inline constexpr NamesOf<ProxyError> kProxyErrorNames{"untrusted", "malformed", "checksum", "timeout",
                                                      "closed"};
inline constexpr NamesOf<ReloadTrigger> kReloadTriggerNames{"signal", "file"};
constexpr std::string_view name_of(ProxyError error) noexcept { return kProxyErrorNames[index_of(error)]; }
constexpr std::string_view name_of(ReloadTrigger trigger) noexcept {
  return kReloadTriggerNames[index_of(trigger)];
}

// What the main thread counts itself; single-threaded.
struct MainCells {
  std::array<CellsBy<ReloadResult>, count_of<ReloadTrigger>> reloads;
  bool last_reload_ok = true;  // the start counts as the first one
  double last_reload_seconds = 0;
  std::deque<CellsBy<ConnectResult>> health_checks;  // by upstream slot
};

// A server of an upstream, as the scrape shows it.
struct EndpointMetric {
  std::string upstream;
  std::string endpoint;
  bool up = false;
};

}  // namespace postern::telemetry
