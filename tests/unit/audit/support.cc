#include "unit/audit/support.h"

#include <algorithm>

#include "audit/trail/line.h"
#include "audit/trail/recovery.h"
#include "base/hex.h"
#include "crypto/digest.h"

namespace postern::audit {
namespace {

// Octets that are no record, until somebody accounts for them.
struct Hole {
  std::string file;
  std::uint64_t offset = 0;
  std::string octets;
};

class Prover {
 public:
  Prover(Disk& disk, const std::string& path, const Secret* key, bool chained)
      : disk_(disk), path_(path), chained_(chained), chain_(first(key)) {}

  Proof run() {
    std::vector<std::string> files = rotated_files(disk_, path_);
    files.push_back(path_);
    for (const std::string& file : files) read(file);
    for (const Hole& hole : holes_) wrong("not accounted for", hole.file, hole.offset);
    return std::move(proof_);
  }

 private:
  static Chain first(const Secret* key) {
    ChainHead head;
    head.epoch = kFirstEpoch;
    if (key == nullptr) return Chain(head, std::nullopt);
    return Chain(head, Secret(key->reveal()));
  }

  void wrong(const std::string& what, const std::string& file, std::uint64_t offset) {
    proof_.wrong.push_back(what + " in " + file + " at " + std::to_string(offset));
  }

  void read(const std::string& file) {
    Result<std::string> all = disk_.read(file, 0, std::size_t{1} << 30);
    if (!all) return;  // there was no file yet
    std::size_t at = 0;
    while (at < all->size()) {
      const std::size_t end = all->find('\n', at);
      const bool whole = end != std::string::npos;
      const std::string line = all->substr(at, whole ? end - at : std::string::npos);
      const std::optional<Line> parsed = whole ? read_line(line, chained_) : std::nullopt;
      if (parsed && goes_on(*parsed)) {
        take(file, at, line, *parsed);
      } else {
        if (holes_.empty() || holes_.back().file != file ||
            holes_.back().offset + holes_.back().octets.size() != at)
          holes_.push_back({file, at, {}});
        holes_.back().octets += all->substr(at, whole ? end + 1 - at : std::string::npos);
      }
      at = whole ? end + 1 : all->size();
    }
  }

  bool goes_on(const Line& line) const {
    if (line.sequence != chain_.head().sequence + 1) return false;
    return !chained_ || (line.previous == chain_.head().hash && chain_.next_hash(line.content) == line.hash);
  }

  void take(const std::string& file, std::size_t at, const std::string& line, const Line& parsed) {
    chain_.advance(parsed.hash);
    const std::string event(parsed.event);
    if (event == "audit.checkpoint") chain_.evolve();
    if (event == "audit.recovered") account(line, file, at);
    if (event == "command.intent") proof_.intents.insert(field(line, "mailbox"));
    if (event == "command") proof_.outcomes.insert(field(line, "mailbox"));
    proof_.events.push_back(event);
    proof_.lines.push_back(line);
    ++proof_.records;
  }

  // It names exactly the octets of a hole, but for the line end that the writer has put behind them.
  void account(const std::string& line, const std::string& file, std::size_t at) {
    if (field(line, "kind") != "torn") return wrong(field(line, "kind"), file, at);
    // FILE is the one that the record stands in, whatever it is called by now.
    const bool here = field(line, "file") == name_in_records(path_);
    const auto names = [&](const Hole& hole) {
      if ((here ? hole.file != file : name_in_records(hole.file) != field(line, "file")) ||
          std::to_string(hole.offset) != field(line, "offset"))
        return false;
      std::string octets = hole.octets;
      if (std::to_string(octets.size()) != field(line, "torn_bytes") && octets.ends_with('\n'))
        octets.pop_back();
      return std::to_string(octets.size()) == field(line, "torn_bytes") &&
             hex(tls::octets_of(tls::sha256({octets}))) == field(line, "torn_sha256");
    };
    const auto found = std::find_if(holes_.begin(), holes_.end(), names);
    if (found == holes_.end()) return wrong("audit.recovered names other octets", file, at);
    proof_.torn_bytes += found->octets.size();
    holes_.erase(found);
  }

  Disk& disk_;
  const std::string& path_;
  bool chained_;
  Chain chain_;
  Proof proof_;
  std::vector<Hole> holes_;
};

}  // namespace

std::unique_ptr<Record> command(const std::string& mailbox, bool intent) {
  auto record = std::make_unique<Record>();
  Command body;
  body.intent = intent;
  body.name = "EXPUNGE";
  body.mailbox = mailbox;
  if (!intent) body.result = CommandResult::Ok;
  record->body = std::move(body);
  return record;
}

std::size_t Proof::count(const std::string& event) const {
  return static_cast<std::size_t>(std::count(events.begin(), events.end(), event));
}

const std::string* Proof::find(const std::string& event) const {
  for (std::size_t i = events.size(); i > 0; --i)
    if (events[i - 1] == event) return &lines[i - 1];
  return nullptr;
}

std::string Proof::text() const {
  std::string out;
  for (const std::string& one : wrong) out.append(one).append("; ");
  return out;
}

Proof prove(Disk& disk, const std::string& path, const Secret* first_key, bool chained) {
  return Prover(disk, path, first_key, chained).run();
}

std::string field(const std::string& line, const std::string& name) {
  const std::string mark = "\"" + name + "\":";
  std::size_t at = line.find(mark);
  if (at == std::string::npos) return {};
  at += mark.size();
  if (line[at] == '"') return line.substr(at + 1, line.find('"', at + 1) - at - 1);
  return line.substr(at, line.find_first_of(",}", at) - at);
}

config::Audit settings_for(const std::string& path) {
  config::Audit settings;
  settings.file = path;
  return settings;
}

Writer::Options options_for(config::Audit settings, std::shared_ptr<Disk> disk, LogSink* log) {
  Writer::Options options;
  options.settings = std::move(settings);
  options.node = "host";
  options.instance = "instance";
  options.version = "1.0";
  options.log = log;
  options.disk = std::move(disk);
  // The file is looked at ahead of every batch, and a write that failed is tried again at once.
  options.intervals.retry = std::chrono::milliseconds(1);
  options.intervals.watch = Duration::zero();
  options.intervals.state = Duration::zero();
  return options;
}

Secret verifiers_key() { return Secret("0123456789abcdef0123456789abcdef"); }
Secret test_key() { return evolved(verifiers_key()); }
std::string test_key_text() { return hex(test_key().reveal()); }

}  // namespace postern::audit
