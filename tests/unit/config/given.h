// How the configuration's tests speak: a text is given, its findings are expected as "line:column code"
// lines.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "config/load.h"

namespace postern::config::test {

// Six lines that are valid; what a test adds begins in line 7.
inline constexpr std::string_view kMinimal =
    "listeners:\n"
    "  - address: 127.0.0.1:143\n"
    "    tls: off\n"
    "    allow_cleartext: true\n"
    "upstreams:\n"
    "  - {name: mail, servers: [\"127.0.0.1:10143\"]}\n";

inline Loaded load(std::string_view text) { return load_text(text, "postern.yaml", "/etc/postern", {false}); }
inline Loaded load_with(std::string_view more) { return load(std::string(kMinimal) + std::string(more)); }

inline std::string findings(const Loaded& loaded) {
  std::string out;
  for (const Diagnostic& one : loaded.diagnostics) {
    out += std::to_string(one.mark.line) + ":" + std::to_string(one.mark.column) + " ";
    if (one.severity == Severity::Warning) out += "warning ";
    out += one.code + "\n";
  }
  return out;
}

// The message of the only finding.
inline std::string message(const Loaded& loaded) {
  return loaded.diagnostics.size() == 1 ? loaded.diagnostics[0].message : findings(loaded);
}

// A folder that ends with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-config-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view content) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << content;
    std::filesystem::permissions(file,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return file;
  }

 private:
  std::string path_;
};

}  // namespace postern::config::test
