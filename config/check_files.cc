#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "config/check.h"

namespace postern::config {
namespace {

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

  void secret(const std::string& path, Place place) {
    struct stat status {};
    if (!readable(path, place) || stat(path.c_str(), &status) != 0) return;
    if ((status.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
    const char* who = (status.st_mode & S_IROTH) != 0 ? "everybody" : "its group";
    diagnostics_.warning("readable-key", "the key " + in_quotes(path) + " can be read by " + who, place);
  }

 private:
  Diagnostics& diagnostics_;
};

Place place_of(const Node* block, std::string_view key) {
  const Node* value = block ? block->find(key) : nullptr;
  return value ? value->place : Place{};
}

Place place_of(const Mark& mark) { return {mark.line, mark.column}; }

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
}

}  // namespace postern::config
