// The audit trail's settings as values. Plain values; the defaults are the reference's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/values.h"

namespace postern::config {

// What is recorded, as bits of Audit::events; audit.start and its like always are.
namespace audited {
inline constexpr std::uint16_t kSession = 1;  // open, close, TLS handshakes, the client's ID
inline constexpr std::uint16_t kAuth = 2;
inline constexpr std::uint16_t kDestructive = 4;  // commands, by their class (protocol.md §5)
inline constexpr std::uint16_t kWrite = 8;
inline constexpr std::uint16_t kAdmin = 16;
inline constexpr std::uint16_t kRead = 32;
inline constexpr std::uint16_t kPolicy = 64;
inline constexpr std::uint16_t kUpstream = 128;
inline constexpr std::uint16_t kConfig = 256;
inline constexpr std::uint16_t kOther = 512;  // commands of no class (NOOP, IDLE, …); has no name of its own
inline constexpr std::uint16_t kAll = 1023;

struct Name {
  std::string_view name;
  std::uint16_t bits;
};
inline constexpr std::array<Name, 10> kNames{{{"session", kSession},
                                              {"auth", kAuth},
                                              {"destructive", kDestructive},
                                              {"write", kWrite},
                                              {"admin", kAdmin},
                                              {"read", kRead},
                                              {"policy", kPolicy},
                                              {"upstream", kUpstream},
                                              {"config", kConfig},
                                              {"all", kAll}}};
}  // namespace audited

enum class Durability : std::uint8_t { WriteAhead, Interval, None };
enum class OnAuditFailure : std::uint8_t { Deny, Allow };

struct Audit {
  std::string file;  // absolute; "-" = standard output; empty = no audit
  std::uint16_t events = audited::kSession | audited::kAuth | audited::kDestructive | audited::kPolicy;
  Durability durability = Durability::WriteAhead;
  Duration flush_interval = std::chrono::milliseconds(100);
  OnAuditFailure on_failure = OnAuditFailure::Deny;
  bool chain = true;
  std::string chain_key_file;
  std::string checkpoint_key_file;
  std::uint64_t rotate_size = 0;  // octets; 0 = by an outside tool and SIGUSR1
  std::uint64_t rotate_keep = 0;  // rotated files that are kept; 0 = all
  bool redact_user = false;
  bool redact_mailbox = false;
  bool redact_client = false;
  Mark mark;

  bool on() const noexcept { return !file.empty(); }
  // `bits`: of namespace audited.
  bool records(std::uint16_t bits) const noexcept { return on() && (events & bits) != 0; }
};

// What stands beside FILE: where the trail goes on from, and who writes it.
inline constexpr std::string_view kStateSuffix = ".state";
inline constexpr std::string_view kLockSuffix = ".lock";
inline std::string state_path(const std::string& file) { return file + std::string(kStateSuffix); }
inline std::string lock_path(const std::string& file) { return file + std::string(kLockSuffix); }

}  // namespace postern::config
