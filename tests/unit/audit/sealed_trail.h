// A small trail of three files on a disk in memory, as the writer makes them, to be damaged.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/trail/verify.h"
#include "audit/writer/sealer.h"
#include "unit/audit/fake_disk.h"

namespace postern::audit {

class SealedTrail {
 public:
  struct Options {
    bool chained = true;
    bool keyed = false;
    bool sign = false;
  };
  struct Place {
    std::size_t file = 0;
    std::uint64_t line = 0;
    std::uint64_t offset = 0;
    std::uint64_t sequence = 0;
    std::size_t size = 0;  // with its line end
  };

  explicit SealedTrail(Options options);

  // The usual one: two rotations, destructive commands, an end in order.
  void write_three_files();

  void add(Body body, bool with_connection = false);
  void add_command(bool outcome = true);  // an intent, and what becomes of it
  void checkpoint() { sealer_->checkpoint(files_.back()); }
  void rotate();
  void add_raw(Octets octets) { files_.back() += octets; }
  void add_recovered(std::size_t file, std::uint64_t offset, Octets torn, std::string kind = "torn");

  std::vector<std::string>& files() { return files_; }
  static std::string path(std::size_t file) { return "/var/log/audit.log." + std::to_string(file + 1); }
  std::vector<Place> places() const;
  State state() const;  // as after the last record

  // Of what files() holds now, with the key of a keyed trail; a file that is `left_out` is not given.
  Result<VerifyReport> verify(VerifyOptions options = {}, std::optional<std::size_t> left_out = {}) const;
  VerifyReport report(VerifyOptions options = {}, std::optional<std::size_t> left_out = {}) const;

  const Secret& key() const { return key_; }
  const std::array<unsigned char, 32>& public_key() const { return public_key_; }

 private:
  Options options_;
  Secret key_{"the verifier's key, thirty-two o."};
  std::array<unsigned char, 32> public_key_{};
  std::unique_ptr<Sealer> sealer_;
  std::vector<std::string> files_{std::string()};
  std::uint64_t commands_ = 0;
};

}  // namespace postern::audit
