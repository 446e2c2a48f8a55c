#include "config/substitute.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/diagnostics.h"

namespace postern::config {
namespace {

constexpr std::size_t kFileBytes = 64 * 1024;  // a password or a token, not a mailbox

bool is_name(std::string_view name) noexcept {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return true;
}

class Substitution {
 public:
  explicit Substitution(const Environment& environment) : environment_(environment) {}

  Substituted run(std::string_view value) {
    std::size_t position = 0;
    while (position < value.size() && out_.error.empty()) {
      if (value[position] != '$' || position + 1 == value.size()) {
        out_.text += value[position++];
        continue;
      }
      position += dollar(value, position);
    }
    return std::move(out_);
  }

 private:
  // Returns how many octets of the value it has dealt with. A dollar before anything else is a dollar:
  // regular expressions end in one.
  std::size_t dollar(std::string_view value, std::size_t position) {
    if (value[position + 1] == '$') {
      out_.text += '$';
      out_.changed = true;
      return 2;
    }
    if (value[position + 1] != '{') {
      out_.text += '$';
      return 1;
    }
    out_.offset = position;
    const std::size_t end = value.find('}', position);
    if (end == std::string_view::npos) {
      out_.error = "'${' without '}' (write $$ for one dollar)";
      return value.size() - position;
    }
    out_.changed = true;
    reference(value.substr(position + 2, end - position - 2));
    return end + 1 - position;
  }

  void reference(std::string_view inside) {
    const std::size_t colon = inside.find(':');
    const std::string_view kind = inside.substr(0, colon);
    const std::string_view rest = colon == std::string_view::npos ? "" : inside.substr(colon + 1);
    if (kind == "env") return variable(rest);
    if (kind == "file") return file(std::string(rest));
    if (kind == "cred") return credential(std::string(rest));
    out_.error = "unknown substitution " + in_quotes(kind) +
                 "; known are env, file and cred (write $$ for one dollar)";
  }

  void variable(std::string_view rest) {
    const std::size_t mark = rest.find(":-");
    const std::string name(rest.substr(0, mark));
    if (!is_name(name)) {
      out_.error = in_quotes(name) + " cannot be the name of an environment variable";
      return;
    }
    const std::optional<std::string> value = environment_.variable(name);
    // As in a shell, ":-" also stands in for a variable that is set to nothing.
    if (mark != std::string_view::npos && (!value || value->empty())) {
      out_.text += rest.substr(mark + 2);
    } else if (value) {
      out_.text += *value;
    } else {
      out_.error = "the environment variable " + in_quotes(name) + " is not set";
    }
  }

  void credential(const std::string& id) {
    if (id.empty() || id == "." || id == ".." || id.find('/') != std::string::npos) {
      out_.error = in_quotes(id) + " cannot be the name of a credential";
      return;
    }
    const std::optional<std::string> folder = environment_.variable("CREDENTIALS_DIRECTORY");
    if (!folder || folder->empty()) {
      out_.error =
          "${cred:} needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=";
      return;
    }
    file(*folder + "/" + id);
  }

  void file(const std::string& name) {
    if (name.empty()) {
      out_.error = "${file:} needs a path";
      return;
    }
    const std::filesystem::path path = std::filesystem::path(environment_.folder) / name;
    std::error_code ignored;
    // A FIFO or a terminal would block the start for ever.
    const bool regular = std::filesystem::is_regular_file(path, ignored);
    std::ifstream in(path, std::ios::binary);
    if (!regular || !in) {
      out_.error = "the file " + in_quotes(path.string()) + " cannot be read";
      return;
    }
    std::string content(kFileBytes + 1, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(in.gcount()));
    if (content.size() > kFileBytes) {
      out_.error = "the file " + in_quotes(path.string()) + " is larger than 64 KiB";
    } else if (content.find('\0') != std::string::npos) {
      out_.error = "the file " + in_quotes(path.string()) + " holds a NUL octet";
    } else {
      append_without_final_newline(content);
    }
  }

  void append_without_final_newline(std::string_view content) {
    if (!content.empty() && content.back() == '\n') content.remove_suffix(1);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    out_.text += content;
  }

  const Environment& environment_;
  Substituted out_;
};

}  // namespace

Environment process_environment(std::string folder) {
  return {std::move(folder), [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
          }};
}

Substituted substitute(std::string_view value, const Environment& environment) {
  return Substitution(environment).run(value);
}

}  // namespace postern::config
