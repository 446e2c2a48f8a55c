#include "config/load.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "config/check.h"
#include "config/decode.h"
#include "config/document.h"
#include "config/validate.h"

namespace postern::config {
namespace {

Loaded finish(Loaded loaded, Diagnostics& diagnostics, std::string_view text) {
  loaded.ok = diagnostics.errors() == 0;
  loaded.diagnostics = diagnostics.finish(text);
  return loaded;
}

// Only the folder must be absolute: a link in it stays a link, since Kubernetes swaps the one beneath.
std::string absolute_folder(const std::string& folder) {
  std::error_code ignored;
  const std::filesystem::path path = std::filesystem::absolute(folder, ignored);
  return ignored ? folder : path.string();
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& name, const std::string& folder,
                 const LoadOptions& options) {
  Diagnostics diagnostics(name);
  const Environment environment = process_environment(absolute_folder(folder));
  const Node root = parse_document(text, environment, diagnostics);
  Loaded loaded;
  // A tree that was cut short by a syntax error would only bring follow-up errors.
  if (root.kind == Node::Kind::Null && diagnostics.errors() > 0) return finish({}, diagnostics, text);
  validate(root, diagnostics);
  loaded.settings = decode(root, environment.folder, diagnostics);
  check(loaded.settings, root, diagnostics);
  if (options.files) check_files(loaded.settings, root, diagnostics);
  return finish(std::move(loaded), diagnostics, text);
}

Loaded load_file(const std::string& path, const LoadOptions& options) {
  std::error_code ignored;
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text;
  if (in && !std::filesystem::is_directory(path, ignored)) {
    // One octet more than may be, so that the check can tell.
    text.resize(kFileBytesMax + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  } else {
    Diagnostics diagnostics(path);
    const char* reason = errno != 0 ? std::strerror(errno) : "it is a folder";
    diagnostics.error("unreadable", "the file cannot be read: " + std::string(reason), {});
    return finish({}, diagnostics, "");
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return load_text(text, path, folder.empty() ? "." : folder, options);
}

}  // namespace postern::config
