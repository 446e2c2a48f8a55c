#include "audit/writer/opening.h"

#include <utility>

#include "audit/trail/chain_key.h"
#include "audit/trail/redaction.h"
#include "audit/trail/state.h"

namespace postern::audit {
namespace {

Secret copy(const Secret& secret) { return Secret(secret.reveal()); }

class Opening {
 public:
  Opening(Disk& disk, const config::Audit& settings)
      : disk_(disk), settings_(settings), state_path_(config::state_path(settings.file)) {}

  Result<Opened> run() {
    std::optional<tls::SigningKey> signing_key;
    if (!settings_.checkpoint_key_file.empty()) {
      Result<tls::SigningKey> loaded = tls::SigningKey::load(settings_.checkpoint_key_file);
      if (!loaded) return loaded.error();
      signing_key = std::move(*loaded);
    }
    Result<std::unique_ptr<File>> file = disk_.open(settings_.file);
    if (!file) return file.error();
    Result<Opened> out = (*file)->is_regular() ? go_on() : Opened{{}, {}, fresh(std::nullopt)};
    if (!out) return out;
    if (out->redaction_key.empty()) out->redaction_key = tls::random_secret(Redaction::kKeyBytes);
    Result<FileStatus> status = (*file)->status();
    if (!status) return status.error();
    out->file = std::move(*file);
    out->status = *status;
    out->signing_key = std::move(signing_key);
    return out;
  }

 private:
  static Recovered fresh(std::optional<Secret> key) {
    ChainHead head;
    head.epoch = kFirstEpoch;
    return {Chain(head, std::move(key)), {}, false, false, {}};
  }

  bool keyed() const noexcept { return !settings_.chain_key_file.empty(); }

  Result<Opened> go_on() {
    if (Result<void> locked = disk_.lock(config::lock_path(settings_.file)); !locked)
      return Error{locked.error().code, locked.error().detail +
                                            ": the trail is being written already; each process needs an "
                                            "audit.file of its own"};
    if (!disk_.identity(state_path_)) return keyed() ? first_with_key() : without_state();
    Result<State> state = read_state(disk_, state_path_);
    if (!state) return state.error();
    return with_state(std::move(*state));
  }

  Result<Opened> with_state(State state) {
    if (Result<void> fits = check(state); !fits) return fits.error();
    Opened out{{}, {}, fresh(std::nullopt)};
    out.redaction_key = std::move(state.redaction_key);
    out.first_key = state.first_key;
    if (keyed())
      if (Result<void> retired = look_at_key_file(out); !retired) return retired.error();
    Result<Recovered> recovered = recover(disk_, settings_.file, &state, settings_.chain);
    if (!recovered) return recovered.error();
    out.recovered = std::move(*recovered);
    if (out.recovered.file_gone && !state.clean)
      out.warnings.push_back(
          "the file was moved away while nothing wrote it; whether its last records are "
          "whole only `postern audit verify` can tell");
    return out;
  }

  // What a trail is made of cannot change in its middle: nobody could verify it.
  Result<void> check(const State& state) const {
    const char* what = nullptr;
    if (state.chained != settings_.chain) {
      what = state.chained ? "with chain: true" : "with chain: false";
    } else if (state.key.has_value() != keyed()) {
      what = keyed() ? "without a chain_key_file" : "with a chain_key_file";
    }
    if (what == nullptr) return {};
    return Error{ErrorCode::ConfigInvalid, "the audit trail " + settings_.file + " was begun " + what +
                                               ": to begin a new one, move it and " + state_path_ +
                                               " away; to go on with it, change the settings back"};
  }

  // It was taken long ago. It may still hold the first key, if it could not be written or a crash came first.
  Result<void> look_at_key_file(Opened& out) {
    if (!disk_.identity(settings_.chain_key_file)) return {};
    Result<std::optional<Secret>> key = read_chain_key(disk_, settings_.chain_key_file);
    if (!key) return key.error();
    if (!*key) return {};
    if (tls::sha256({(*key)->reveal()}) != out.first_key)
      return Error{
          ErrorCode::ConfigInvalid,
          settings_.chain_key_file + " holds a new key, but " + settings_.file +
              " is sealed by an older one, which is in " + state_path_ +
              ": to begin a new trail, move both away; to go on with the old one, move the new key away"};
    retire(out.warnings);
    return {};
  }

  void retire(std::vector<std::string>& warnings) {
    Result<void> retired = retire_chain_key(disk_, settings_.chain_key_file, state_path_);
    if (!retired)
      warnings.push_back(retired.error().detail +
                         ": it still holds the first key of the chain, with which "
                         "records can be forged; remove it");
  }

  Result<Opened> first_with_key() {
    Result<std::optional<Secret>> key = read_chain_key(disk_, settings_.chain_key_file);
    if (!key)
      return Error{key.error().code,
                   key.error().detail + "; `postern audit keygen` makes a key for audit.chain_key_file"};
    if (!*key)
      return Error{
          ErrorCode::FileUnreadable,
          "the key of " + settings_.chain_key_file + " has been taken, but " + state_path_ +
              " is missing, which held the one that followed: restore it, or begin a new trail: move " +
              settings_.file + " away and run `postern audit keygen` again"};
    Result<std::string> first = disk_.read(settings_.file, 0, 1);
    if (!first) return first.error();
    if (!first->empty())
      return Error{ErrorCode::FileUnreadable, settings_.file + " has records already, but there is no " +
                                                  state_path_ + ": restore it, or move " + settings_.file +
                                                  " away to begin a new trail"};
    Opened out{{}, {}, fresh(copy(**key))};
    out.first_key = tls::sha256({(*key)->reveal()});
    // First the state, then the key file: a crash in between leaves the key in both, never in none.
    if (Result<void> written = write_first_state(out); !written) return written.error();
    retire(out.warnings);
    return out;
  }

  Result<Opened> without_state() {
    Result<Recovered> recovered = recover(disk_, settings_.file, nullptr, settings_.chain);
    if (!recovered) return recovered.error();
    Opened out{{}, {}, std::move(*recovered)};
    if (out.recovered.chain.head().sequence > 0) {
      out.warnings.push_back(state_path_ +
                             " is missing; the trail goes on from what the file holds, and "
                             "whether records are missing at its end cannot be told");
    } else if (Result<void> written = write_first_state(out); !written) {
      return written.error();
    }
    return out;
  }

  // Before the first record: a crash in the middle of that one then leaves a trail to go on with.
  Result<void> write_first_state(Opened& out) {
    out.redaction_key = tls::random_secret(Redaction::kKeyBytes);
    State state;
    state.head = out.recovered.chain.head();
    state.chained = settings_.chain;
    if (const Secret* key = out.recovered.chain.key()) state.key = copy(*key);
    state.first_key = out.first_key;
    state.redaction_key = copy(out.redaction_key);
    if (const auto identity = disk_.identity(settings_.file)) state.file = *identity;
    return disk_.replace(state_path_, encode(state).reveal());
  }

  Disk& disk_;
  const config::Audit& settings_;
  std::string state_path_;
};

}  // namespace

Result<Opened> open_trail(Disk& disk, const config::Audit& settings) { return Opening(disk, settings).run(); }

}  // namespace postern::audit
