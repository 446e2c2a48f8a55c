#include "unit/audit/sealed_trail.h"

#include <utility>

#include "audit/trail/recovery.h"
#include "base/hex.h"
#include "unit/audit/every_record.h"

namespace postern::audit {

SealedTrail::SealedTrail(Options options) : options_(options) {
  Chain chain({0, kFirstEpoch, {}}, std::nullopt);
  if (options.keyed) {
    chain = Chain({0, 0, {}}, Secret(key_.reveal()));
    chain.evolve_to(kFirstEpoch);
  }
  Sealer::Options sealing{"node", "INSTANCE", options.chained};
  if (options.sign) {
    sealing.signing_key = tls::SigningKey::generate();
    public_key_ = sealing.signing_key->public_key();
  }
  sealer_ = std::make_unique<Sealer>(std::move(sealing), std::move(chain), Secret("r"), Redaction::Kinds{});
}

void SealedTrail::add(Body body, bool with_connection) {
  Record record;
  record.unix_us = kRecordTime;
  if (with_connection) record.connection = make_connection();
  record.number = ++commands_;
  record.body = std::move(body);
  sealer_->seal(files_.back(), record);
}

void SealedTrail::add_command(bool outcome) {
  Command command;
  command.intent = true;
  command.name = "EXPUNGE";
  command.mailbox = "INBOX";
  add(command, true);
  if (!outcome) return;
  --commands_;
  command.intent = false;
  command.result = CommandResult::Ok;
  add(command, true);
}

void SealedTrail::rotate() {
  checkpoint();
  add(TrailRotate{"audit.log", "", sealer_->chain().head().epoch});
  files_.emplace_back();
  add(TrailRotate{"", "audit.log." + std::to_string(files_.size() - 1), sealer_->chain().head().epoch});
}

void SealedTrail::write_three_files() {
  add(TrailStart{"0.1.0", kFirstEpoch, options_.keyed});
  add_command();
  checkpoint();
  add_command();
  rotate();
  add_command();
  add_command();
  rotate();
  add_command();
  add(TrailStop{});
  checkpoint();
}

void SealedTrail::add_recovered(std::size_t file, std::uint64_t offset, Octets torn, std::string kind) {
  TrailRecovered recovered;
  recovered.file = "audit.log." + std::to_string(file + 1);
  recovered.offset = offset;
  recovered.torn_bytes = torn.size();
  recovered.torn_sha256 = hex(tls::octets_of(tls::sha256({torn})));
  recovered.kind = kind == "torn" ? "torn" : "changed";
  add(recovered);
}

std::vector<SealedTrail::Place> SealedTrail::places() const {
  std::vector<Place> out;
  for (std::size_t file = 0; file < files_.size(); ++file) {
    std::uint64_t line = 0;
    for (std::size_t at = 0; at < files_[file].size();) {
      const std::size_t end = files_[file].find('\n', at) + 1;
      out.push_back({file, ++line, at, out.size() + 1, end - at});
      at = end;
    }
  }
  return out;
}

State SealedTrail::state() const {
  State state;
  state.head = sealer_->chain().head();
  state.offset = files_.back().size();
  return state;
}

Result<VerifyReport> SealedTrail::verify(VerifyOptions options, std::optional<std::size_t> left_out) const {
  FakeDisk disk;
  std::vector<std::string> paths;
  // From the last on: the order is for verify() to find out.
  for (std::size_t i = files_.size(); i-- > 0;) {
    if (i == left_out) continue;
    disk.put(path(i), files_[i]);
    paths.push_back(path(i));
  }
  if (options_.keyed && options.key == nullptr) options.key = &key_;
  return audit::verify(disk, paths, options);
}

VerifyReport SealedTrail::report(VerifyOptions options, std::optional<std::size_t> left_out) const {
  Result<VerifyReport> report = verify(options, left_out);
  return report ? *report : VerifyReport{};
}

}  // namespace postern::audit
