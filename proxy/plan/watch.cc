#include "plan/watch.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/secret.h"

namespace postern::server {
namespace {

constexpr std::uintmax_t kReadBytesMax = 16 * 1024 * 1024;  // a bundle of CAs has a quarter of a megabyte

}  // namespace

void FileWatch::watch(std::vector<std::string> paths) {
  paths_ = std::move(paths);
  known_.clear();
  for (const std::string& path : paths_) known_.push_back(identify(path));
  digest_ = digest();
}

bool FileWatch::changed() {
  bool any = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Identity now = identify(paths_[i]);
    any = any || now != known_[i];
    known_[i] = now;
  }
  return any;
}

FileWatch::Identity FileWatch::identify(const std::string& path) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {true, status.st_dev, status.st_ino, status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(status.st_size)};
}

std::uint64_t FileWatch::digest() const {
  std::uint64_t all = 0;
  std::string text;
  for (const std::string& path : paths_) {
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(path, ignored);
    if (ignored || size > kReadBytesMax) continue;
    text.resize(static_cast<std::size_t>(size));
    std::ifstream file(path, std::ios::binary);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    all = siphash({key_.low ^ all, key_.high}, text);
    wipe(text.data(), text.size());
  }
  return all;
}

std::vector<std::string> tls_files(const config::Settings& settings) {
  std::vector<std::string> paths;
  const auto add = [&paths](const std::string& path) {
    if (!path.empty()) paths.push_back(path);
  };
  if (settings.has_tls) {
    for (const config::Certificate& certificate : settings.tls.certificates) {
      add(certificate.cert);
      add(certificate.key);
    }
    add(settings.tls.ticket_key_file);
    if (settings.tls.client_auth.mode != config::ClientAuth::Off) add(settings.tls.client_auth.ca);
  }
  for (const config::Upstream& upstream : settings.upstreams) {
    if (upstream.tls == config::UpstreamTls::Off) continue;
    add(upstream.ca);
    add(upstream.client_cert);
    add(upstream.client_key);
  }
  return paths;
}

}  // namespace postern::server
