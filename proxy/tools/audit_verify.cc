// `postern audit verify`: what audit::verify has found, in words and as JSON.
#include <optional>
#include <ostream>
#include <set>

#include "audit/trail/chain_key.h"
#include "audit/trail/state.h"
#include "audit/trail/verify.h"
#include "base/escape.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "config/audit.h"
#include "tools/audit_command.h"

namespace postern::server {
namespace {

constexpr std::size_t kKeyFileBytes = 4096;

struct FoundState {
  std::optional<audit::State> state;
  std::string path;
  std::string why_not;  // it is there but cannot be used
};

FoundState look_at(audit::Disk& disk, const std::string& path) {
  FoundState found{std::nullopt, path, {}};
  Result<audit::State> state = audit::read_state(disk, path);
  if (state)
    found.state = std::move(*state);
  else
    found.why_not = state.error().detail;
  return found;
}

// Beside one of the files, or beside the one that it was before it got a further suffix by rotation.
FoundState find_state(audit::Disk& disk, const std::vector<std::string>& files) {
  std::set<std::string> found;
  for (const std::string& file : files) {
    const std::size_t dot = file.rfind('.');
    for (const std::string& name : {file, dot == std::string::npos ? file : file.substr(0, dot)})
      if (disk.identity(config::state_path(name))) found.insert(config::state_path(name));
  }
  if (found.empty()) return {};
  if (found.size() == 1) return look_at(disk, *found.begin());
  return {std::nullopt, {}, "several state files stand beside the files: name the right one by --state"};
}

// The first line: a file in which keygen's whole output was kept has a public key behind it.
Result<Secret> read_key(audit::Disk& disk, const std::string& path) {
  Result<std::string> text = disk.read(path, 0, kKeyFileBytes);
  if (!text) return text.error();
  std::optional<std::string> octets = from_hex(without_line_end(Octets(*text).substr(0, text->find('\n'))));
  wipe(*text);
  if (!octets || octets->size() != audit::kChainKeyBytes)
    return Error{
        ErrorCode::ConfigInvalid,
        path + " does not begin with the 64 hexadecimal digits that `postern audit keygen` has printed"};
  Secret key(*octets);
  wipe(*octets);
  return key;
}

std::string count(std::uint64_t number, std::string_view one, std::string_view many) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : many);
}

std::string printable(std::string_view text) {
  std::string out;
  append_escaped(out, text, EscapeStyle::Terminal);
  return out;
}

class Words {
 public:
  Words(const audit::VerifyReport& report, const AuditQuestion& question, const FoundState& state)
      : report_(report), question_(question), state_(state) {}

  void print(std::ostream& out) const {
    if (report_.bad)
      print_bad(out, *report_.bad);
    else
      out << (needs_key() ? "not proven: " : "good: ") << proven() << '\n';
    line(out, "content", content());
    line(out, "begin", begin());
    if (!report_.bad) line(out, "end", end());
    if (report_.chained) line(out, "signatures", signatures());
    if (report_.torn_places > 0)
      line(out, "crashes",
           count(report_.torn_places, "torn piece", "torn pieces") + " of a record (" +
               count(report_.torn_bytes, "octet", "octets") + "), each named by audit.recovered");
    if (report_.unfinished > 0) line(out, "unfinished", unfinished());
    for (const audit::TrailWord& word : report_.words)
      line(out, "told", "record " + std::to_string(word.sequence) + ": " + printable(word.text));
    if (report_.words_left_out > 0)
      line(out, "told", count(report_.words_left_out, "more", "more") + "; see `postern audit cat --event`");
  }

  bool needs_key() const { return report_.chained && !report_.content_proven; }

 private:
  static void line(std::ostream& out, std::string_view label, const std::string& words) {
    out << "  " << label << std::string(12 - std::min<std::size_t>(label.size(), 11), ' ') << words << '\n';
  }

  std::string proven() const {
    if (report_.records == 0) return "no record";
    return "records " + std::to_string(report_.first) + " to " + std::to_string(report_.last) + " in " +
           count(report_.files.size(), "file", "files");
  }

  void print_bad(std::ostream& out, const audit::BadRecord& bad) const {
    out << "bad: " << printable(bad.place.file) << ':' << bad.place.line << ": record " << bad.place.sequence
        << ", at octet " << bad.place.offset << ": " << name_of(bad.kind) << ": " << bad.detail << '\n';
    if (bad.missing > 0) line(out, "missing", count(bad.missing, "record", "records"));
    if (!bad.missing_file.empty()) line(out, "missing", "the file " + printable(bad.missing_file));
    line(out, "before it", report_.records == 0 ? "no record" : proven() + " hold together");
    if (report_.records == 0 && !question_.key.empty())
      line(out, "hint", "or --key is not the key that `postern audit keygen` has printed for this trail");
    if (report_.records == 0 && bad.kind == audit::BadKind::Missing && question_.from == 1)
      line(out, "hint",
           "if older files were removed on purpose: --from " +
               std::to_string(bad.place.sequence + bad.missing));
  }

  std::string content() const {
    if (!report_.chained)
      return "NOT proven: the trail has no chain; only the numbers of the records were looked at";
    if (!report_.content_proven)
      return "NOT proven: the trail is sealed with a key, and without --key a changed record cannot be told; "
             "only the links from record to record were looked at";
    if (report_.keyed)
      return "each record is sealed with the key of its epoch; who takes the host later has no older key";
    return "each record has the hash of the one before; without a key whoever can write the files could have "
           "made all of it anew, but for what is signed";
  }

  std::string begin() const {
    if (question_.from == 1) return "record 1, the first of the trail";
    return "record " + std::to_string(question_.from) +
           ", as asked by --from; nothing is said of those before it";
  }

  std::string end() const {
    const std::string last = "record " + std::to_string(report_.last);
    if (state_.state)
      return last + "; " + printable(state_.path) + " knows of record " +
             std::to_string(state_.state->head.sequence);
    const std::string open =
        state_.why_not.empty() ? "no state file stands beside the files" : printable(state_.why_not);
    return last + (report_.ended_in_order ? ", an end in order (audit.stop)" : "") +
           "; NOT proven to be the last: " + open;
  }

  std::string signatures() const {
    std::string out = count(report_.checkpoints, "checkpoint", "checkpoints");
    if (report_.signed_checkpoints == 0) return out + ", none of them signed";
    out += ", " + std::to_string(report_.signed_checkpoints) + " signed, up to record " +
           std::to_string(report_.signed_up_to);
    if (question_.checkpoint_key.empty())
      return out + "; by whom is NOT proven without --checkpoint-key (public key " +
             printable(report_.public_key) + ")";
    return out + ", by the key that was given; " +
           count(report_.last - report_.signed_up_to, "record stands", "records stand") + " behind it";
  }

  std::string unfinished() const {
    std::string out = count(report_.unfinished, "command", "commands") +
                      " whose outcome is not recorded, because the process ended: ";
    for (const std::string& id : report_.unfinished_ids)
      out += (&id == &report_.unfinished_ids.front() ? "" : ", ") + printable(id);
    return report_.unfinished > report_.unfinished_ids.size() ? out + ", …" : out;
  }

  const audit::VerifyReport& report_;
  const AuditQuestion& question_;
  const FoundState& state_;
};

void add_first_bad(JsonWriter& json, const audit::BadRecord& bad) {
  json.key("first_bad").object(JsonWriter::Layout::Lines);
  json.text("kind", name_of(bad.kind)).text("file", bad.place.file).number("line", bad.place.line);
  json.number("offset", bad.place.offset).number("seq", bad.place.sequence).number("missing", bad.missing);
  json.text("missing_file", bad.missing_file).text("detail", bad.detail).end();
}

void print_json(std::ostream& out, const audit::VerifyReport& report, const FoundState& state) {
  constexpr JsonWriter::Layout kLines = JsonWriter::Layout::Lines;
  const bool unproven = report.chained && !report.content_proven;
  std::string text;
  JsonWriter json(text);
  json.object(kLines).text("verdict", report.bad ? "bad" : unproven ? "not proven" : "good");
  if (report.bad) add_first_bad(json, *report.bad);
  json.key("files").texts(report.files, kLines).number("records", report.records);
  json.number("first", report.first).number("last", report.last);
  json.boolean("chained", report.chained).boolean("keyed", report.keyed);
  json.boolean("content_proven", report.content_proven).boolean("end_proven", state.state.has_value());
  json.boolean("ended_in_order", report.ended_in_order);
  json.number("checkpoints", report.checkpoints).number("signed_checkpoints", report.signed_checkpoints);
  json.number("signed_up_to", report.signed_up_to).number("starts", report.starts);
  json.number("torn_places", report.torn_places).number("torn_bytes", report.torn_bytes);
  json.number("unfinished", report.unfinished);
  json.key("unfinished_ids").texts(report.unfinished_ids, kLines);
  json.number("under_way", report.under_way).key("told").list(kLines);
  for (const audit::TrailWord& word : report.words)
    json.object(kLines).number("seq", word.sequence).text("text", word.text).end();
  json.end().end();
  out << text << '\n';
}

int unreadable(std::ostream& err, const Error& error) {
  err << "postern: " << printable(error.detail) << '\n';
  return 2;
}

}  // namespace

int verify_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err) {
  const std::unique_ptr<audit::Disk> disk = audit::make_posix_disk();
  audit::VerifyOptions options;
  options.from = question.from;
  Secret key;
  if (!question.key.empty()) {
    Result<Secret> read = read_key(*disk, question.key);
    if (!read) return unreadable(err, read.error());
    key = std::move(*read);
    options.key = &key;
  }
  std::array<unsigned char, 32> public_key{};
  if (!question.checkpoint_key.empty()) {
    const auto read = tls::load_public_key(question.checkpoint_key);
    if (!read) return unreadable(err, read.error());
    public_key = *read;
    options.checkpoint_key = &public_key;
  }
  // Ahead of the files: it never knows of a record that is not in them yet.
  const FoundState state =
      question.state.empty() ? find_state(*disk, question.files) : look_at(*disk, question.state);
  if (!question.state.empty() && !state.state)
    return unreadable(err, {ErrorCode::FileUnreadable, state.why_not});
  if (state.state) options.state = &*state.state;
  const Result<audit::VerifyReport> report = audit::verify(*disk, question.files, options);
  if (!report) return unreadable(err, report.error());
  const Words words(*report, question, state);
  if (question.json)
    print_json(out, *report, state);
  else
    words.print(out);
  if (report->bad) return 1;
  if (!words.needs_key()) return 0;
  err << "postern: give the verifier's key by --key: `postern audit keygen` printed it when the chain was "
         "made\n";
  return 2;
}

}  // namespace postern::server
