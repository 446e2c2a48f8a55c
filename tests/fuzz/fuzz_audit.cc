// The audit trail, written and read. Whatever stands in a record, its line is one bounded line of printable
// JSON that a reader finds the same members in; whatever stands in a file, verify() ends, and a trail that
// was changed in any octet is not called good.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "audit/trail/chain.h"
#include "audit/trail/json.h"
#include "audit/trail/line.h"
#include "audit/trail/recovery.h"
#include "audit/trail/verify.h"

namespace {

using namespace postern;
using namespace postern::audit;

void require(bool holds) {
  if (!holds) std::abort();
}

// One file, which is only read.
class OneFile final : public Disk {
 public:
  explicit OneFile(std::string content) : content_(std::move(content)) {}
  Result<std::unique_ptr<File>> open(const std::string&) override { return failed(); }
  std::optional<FileIdentity> identity(const std::string&) override { return std::nullopt; }
  Result<std::string> read(const std::string&, std::uint64_t offset, std::size_t most) override {
    return content_.substr(std::min<std::size_t>(offset, content_.size()), most);
  }
  Result<void> replace(const std::string&, Octets) override { return failed(); }
  Result<void> overwrite(const std::string&, Octets) override { return failed(); }
  Result<void> rename(const std::string&, const std::string&) override { return failed(); }
  Result<void> remove(const std::string&) override { return failed(); }
  std::vector<std::string> list(const std::string&) override { return {}; }
  Result<void> lock(const std::string&) override { return failed(); }

 private:
  static Error failed() { return {ErrorCode::SystemCall, "only read"}; }
  std::string content_;
};

Record record_of(std::string_view octets) {
  const auto part = [octets](std::size_t i) {
    return std::string(octets.substr(std::min(octets.size(), i * 7)));
  };
  Record record;
  Connection connection;
  connection.session = part(6);
  connection.client_address = part(5);
  record.connection = std::make_shared<const Connection>(connection);
  record.user = part(0);
  Command command;
  command.mailbox = part(1);
  command.target = part(2);
  command.set = part(3);
  command.flags = part(4);
  command.name = command.code = part(1);
  command.uids = AnsweredUids{part(1), part(2), part(3), true};
  command.removes = true;
  record.body = std::move(command);
  return record;
}

void write_and_read(std::string_view octets, std::string& trail, Chain& chain) {
  std::string line;
  append_json(line, record_of(octets), {chain.head().sequence + 1, "node", "instance", nullptr});
  chain.seal(line, 0);
  require(line.size() <= kLineBytes && line.find('\n') == line.size() - 1);
  require(std::none_of(line.begin(), line.end() - 1,
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  const std::string_view content(line.data(), line.size() - 1);
  require(nlohmann::json::accept(content));
  const auto read = read_line(content, true);
  require(read && read->sequence == chain.head().sequence && read->hash == chain.head().hash);
  trail += line;
}

bool is_good(std::string content) {
  OneFile disk(std::move(content));
  const Result<VerifyReport> report = verify(disk, {"trail"}, {});
  return report && !report->bad;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  Chain chain({0, kFirstEpoch, {}}, std::nullopt);
  std::string trail;
  for (std::size_t i = 0; i < 3; ++i) write_and_read(octets.substr(octets.size() * i / 3), trail, chain);
  require(is_good(trail));
  if (size < 4) return 0;
  std::string changed = trail;
  const std::size_t at = (std::size_t{data[0]} << 16 | std::size_t{data[1]} << 8 | data[2]) % changed.size();
  changed[at] = static_cast<char>(changed[at] ^ (1 << (data[3] & 7)));
  require(!is_good(changed));
  is_good(std::string(octets));
  is_good(trail + std::string(octets));
  is_good(trail.substr(0, at) + std::string(octets) + trail.substr(at));
  return 0;
}
