// `postern audit …`: verifies, shows and follows the files of the audit trail, and makes its keys. Reads
// files only; a running Postern is not asked.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace postern::server {

enum class AuditVerb : std::uint8_t { Verify, Keygen, Cat, Tail };

// Empty = not said.
struct AuditQuestion {
  AuditVerb verb = AuditVerb::Verify;
  std::vector<std::string> files = {};  // one for Tail
  bool json = false;
  std::string state = {};  // FILE.state; not said: Verify looks beside the files
  // Verify
  std::string key = {};             // a file with the key that keygen printed
  std::string checkpoint_key = {};  // a public key in PEM; Keygen: where the private one is to be
  std::uint64_t from = 1;
  // Keygen
  std::string chain_key = {};
  // Cat and Tail
  std::string user = {};
  std::string mailbox = {};
  std::string command_class = {};
  std::string event = {};
  std::string session = {};
  std::string since = {};  // RFC 3339, or how long ago
  std::string until = {};
  std::uint64_t lines = 10;  // Tail: of those that are there
};

// 0: done, and good. 1: the trail is not whole, or it failed. 2: the question is wrong, or a file cannot be
// read. What is wrong goes to `err`.
int audit(const AuditQuestion& question, std::ostream& out, std::ostream& err);

// The four of them.
int verify_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err);
int make_audit_keys(const AuditQuestion& question, std::ostream& out, std::ostream& err);
int show_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err);
int follow_audit(const AuditQuestion& question, std::ostream& out, std::ostream& err);

}  // namespace postern::server
