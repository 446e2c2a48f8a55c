#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "config/check.h"

namespace postern::config {
namespace {

Place place_of(const Node* block, std::string_view key) {
  const Node* value = block ? block->find(key) : nullptr;
  return value ? value->place : Place{};
}

Place place_of(const Mark& mark) { return {mark.line, mark.column}; }

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

class FileCheck {
 public:
  explicit FileCheck(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  bool readable(const std::string& path, Place place) {
    struct stat status {};
    errno = 0;
    const bool found = stat(path.c_str(), &status) == 0;
    if (found && S_ISREG(status.st_mode) && access(path.c_str(), R_OK) == 0) return true;
    std::string reason = "it is no regular file";
    if (!found || S_ISREG(status.st_mode)) reason = std::strerror(errno);
    diagnostics_.error("unreadable", "the file " + in_quotes(path) + " cannot be read: " + reason, place);
    return false;
  }

  // What the audit trail is written to: a file or a pipe, if it is there already.
  void trail(const Audit& audit, const Node* block) {
    const Place place = place_of(block, "file");
    struct stat status {};
    if (!trail_folder(audit.file.substr(0, std::max<std::size_t>(audit.file.rfind('/'), 1)), place) ||
        stat(audit.file.c_str(), &status) != 0 || S_ISREG(status.st_mode))
      return;
    const std::string path = in_quotes(audit.file);
    if (!S_ISFIFO(status.st_mode))
      return diagnostics_.error("audit", path + " is neither a file nor a pipe", place);
    diagnostics_.warning("audit",
                         path +
                             " is a pipe: a record counts as written when write() has returned; nothing "
                             "keeps it through a crash",
                         place);
    if (!audit.chain_key_file.empty())
      diagnostics_.error("audit", "chain_key_file needs a file: the key evolves, and is kept beside it",
                         place_of(block, "chain_key_file"));
    if (audit.rotate_size > 0) diagnostics_.error("audit", "rotate needs a file", place_of(block, "rotate"));
  }

  void secret(const std::string& path, Place place) {
    struct stat status {};
    if (!readable(path, place) || stat(path.c_str(), &status) != 0) return;
    if ((status.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
    const char* who = (status.st_mode & S_IROTH) != 0 ? "everybody" : "its group";
    diagnostics_.warning("readable-key", "the key " + in_quotes(path) + " can be read by " + who, place);
  }

 private:
  bool trail_folder(const std::string& path, Place place) {
    struct stat status {};
    errno = ENOTDIR;
    if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      diagnostics_.error("audit",
                         "no audit trail can be kept in " + in_quotes(path) + ": " + std::strerror(errno) +
                             "; make the folder, and give it to the user that Postern runs as",
                         place);
      return false;
    }
    if ((status.st_mode & S_IWOTH) != 0)
      diagnostics_.warning("audit",
                           "everybody can write into " + in_quotes(path) +
                               ", and so put other files in the place of the audit trail and its state",
                           place);
    return true;
  }

  Diagnostics& diagnostics_;
};

void audit_files(const Audit& audit, const Node* block, FileCheck& files) {
  if (!audit.on()) return;
  if (audit.file != "-") files.trail(audit, block);
  // Once FILE.state has the key, its file may go.
  if (!audit.chain_key_file.empty() && (exists(audit.chain_key_file) || !exists(state_path(audit.file))))
    files.secret(audit.chain_key_file, place_of(block, "chain_key_file"));
  if (!audit.checkpoint_key_file.empty())
    files.secret(audit.checkpoint_key_file, place_of(block, "checkpoint_key_file"));
}

}  // namespace

void check_files(const Settings& settings, const Node& root, Diagnostics& diagnostics) {
  FileCheck files(diagnostics);
  for (const Certificate& one : settings.tls.certificates) {
    if (!one.cert.empty()) files.readable(one.cert, place_of(one.cert_mark));
    if (!one.key.empty()) files.secret(one.key, place_of(one.key_mark));
  }
  if (!settings.tls.ticket_key_file.empty())
    files.secret(settings.tls.ticket_key_file, place_of(root.find("tls"), "ticket_key_file"));
  if (settings.tls.client_auth.mode != ClientAuth::Off && !settings.tls.client_auth.ca.empty())
    if (const Node* tls = root.find("tls"))
      files.readable(settings.tls.client_auth.ca, place_of(tls->find("client_auth"), "ca"));
  const Node* list = root.find("upstreams");
  for (std::size_t i = 0; i < settings.upstreams.size(); ++i) {
    const Upstream& one = settings.upstreams[i];
    const Node* node = list && i < list->items.size() ? &list->items[i] : nullptr;
    if (!one.ca.empty()) files.readable(one.ca, place_of(node, "ca"));
    if (!one.client_cert.empty()) files.readable(one.client_cert, place_of(node, "client_cert"));
    if (!one.client_key.empty()) files.secret(one.client_key, place_of(node, "client_key"));
  }
  audit_files(settings.audit, root.find("audit"), files);
}

}  // namespace postern::config
