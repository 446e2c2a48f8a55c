// The way in: a configuration file becomes Settings, or a list of everything that is wrong with it. Main
// thread, at start and at reload; blocks on files. No exception leaves it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/settings.h"

namespace postern::config {

struct LoadOptions {
  bool files = true;  // look at certificates, keys and the like
};

struct Loaded {
  Settings settings;  // to be used only if ok
  std::vector<Diagnostic> diagnostics;
  bool ok = false;  // no errors; there may be warnings
};

Loaded load_file(const std::string& path, const LoadOptions& options = {});
// `name` is what diagnostics call the text; relative paths start at `folder`.
Loaded load_text(std::string_view text, const std::string& name, const std::string& folder,
                 const LoadOptions& options = {});

}  // namespace postern::config
