#include "audit/writer/sealer.h"

#include <chrono>
#include <utility>

namespace postern::audit {

Sealer::Sealer(Options options, Chain chain, const Secret& redaction_key, Redaction::Kinds kinds)
    : options_(std::move(options)), chain_(std::move(chain)), redaction_(redaction_key, kinds) {}

void Sealer::seal(std::string& out, Record& record) {
  if (record.connection == nullptr && record.number == 0) record.number = ++own_number_;
  const std::size_t from = out.size();
  append_json(out, record, {chain_.head().sequence + 1, options_.node, options_.instance, &redaction_});
  if (options_.chained) {
    chain_.seal(out, from);
  } else {
    out += "}\n";
    chain_.advance({});
  }
  ++uncovered_;
  std::atomic<std::uint64_t>& count = events_[event_index(record)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Sealer::checkpoint(std::string& out) {
  if (!options_.chained) {
    uncovered_ = 0;
    return;
  }
  const tls::SigningKey* const key = options_.signing_key ? &*options_.signing_key : nullptr;
  Record record = own_record(make_checkpoint(chain_.head(), key));
  seal(out, record);
  chain_.evolve();
  uncovered_ = 0;
}

Record own_record(Body body, Outcome outcome) {
  Record record;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record.unix_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  record.outcome = outcome;
  record.body = std::move(body);
  return record;
}

}  // namespace postern::audit
