// `postern audit keygen`.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>

#include "audit/trail/chain.h"
#include "audit/trail/chain_key.h"
#include "crypto/digest.h"
#include "tools/audit_command.h"

namespace postern::server {
namespace {

// Made anew with 0600, and on the disk. Empty, or what is wrong.
std::string write_new(const std::string& path, const Secret& content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return path + " is there already: a key is never overwritten; name another file";
  if (fd < 0) return "cannot make " + path + ": " + std::strerror(errno);
  const Octets octets = content.reveal();
  const ssize_t written = write(fd, octets.data(), octets.size());
  const bool whole = written == static_cast<ssize_t>(octets.size()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (whole) return {};
  unlink(path.c_str());
  return "cannot write " + path + ": " + std::strerror(error);
}

}  // namespace

int make_audit_keys(const AuditQuestion& question, std::ostream& out, std::ostream& err) {
  std::string wrong;
  if (!question.chain_key.empty()) {
    const Secret first = tls::random_secret(audit::kChainKeyBytes);
    wrong = write_new(question.chain_key, audit::chain_key_text(audit::evolved(first)));
    if (wrong.empty()) {
      const Secret text = audit::chain_key_text(first);
      out << text.reveal() << std::flush;
      err << "postern: the key on standard output is the verifier's: store it where whoever holds this host "
             "cannot\nread it, for `postern audit verify --key`. It is shown this once. "
          << question.chain_key << " has the next one,\nfor audit.chain_key_file.\n";
    }
  }
  if (wrong.empty() && !question.checkpoint_key.empty()) {
    const tls::SigningKey key = tls::SigningKey::generate();
    wrong = write_new(question.checkpoint_key, key.pem());
    if (wrong.empty()) out << key.public_pem() << std::flush;
  }
  if (!wrong.empty()) err << "postern: " << wrong << '\n';
  if (!out) err << "postern: standard output cannot be written: remove the files and try again\n";
  return wrong.empty() && out ? 0 : 1;
}

}  // namespace postern::server
