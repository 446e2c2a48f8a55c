#include "imap/writer.h"

#include <algorithm>

namespace postern::imap {
namespace {

constexpr std::size_t kQuotedOctets = 1024;

bool may_be_quoted(Octets text) noexcept {
  return text.size() <= kQuotedOctets && std::all_of(text.begin(), text.end(), [](char c) {
           const auto octet = static_cast<unsigned char>(c);
           return octet < 0x80 && c != '\r' && c != '\n' && c != '\0';
         });
}

std::string announcement(std::uint64_t size, bool literal8) {
  return (literal8 ? "~{" : "{") + std::to_string(size) + "}\r\n";
}

template <typename Out>
void add_quoted(Out& out, Octets text) {
  out.append(Octets("\""));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\"\\", at), text.size());
    out.append(text.substr(at, end - at));
    if (end < text.size()) {
      out.append(Octets("\\"));
      out.append(text.substr(end, 1));
    }
    at = end + 1;
  }
  out.append(Octets("\""));
}

template <typename Chunk>
void add_to(std::vector<Chunk>& chunks, Octets text) {
  if (may_be_quoted(text)) {
    add_quoted(chunks.back(), text);
    return;
  }
  chunks.back().append(announcement(text.size(), false));
  chunks.emplace_back(text);
}

}  // namespace

void add_string(std::vector<std::string>& chunks, Octets text) { add_to(chunks, text); }

Program write_command(const Command& command) {
  Program program;
  program.chunks.emplace_back();
  program.chunks.back().reserve(command.text.size() + 32);
  std::size_t at = 0;
  for (const ArgumentLiteral& literal : command.literals) {
    program.chunks.back().append(command.text.substr(at, literal.announced_at - at));
    const Octets octets = command.text.substr(literal.octets_at, literal.size);
    at = literal.octets_at + literal.size;
    if (!literal.literal8 && may_be_quoted(octets)) {
      add_quoted(program.chunks.back(), octets);
      continue;
    }
    program.chunks.back().append(announcement(literal.size, literal.literal8));
    program.chunks.emplace_back(octets);
  }
  program.chunks.back().append(command.text.substr(at));
  program.awaits_body_plus = command.body.has_value();
  program.chunks.back().append(command.body ? announcement(command.body->size, command.body->literal8)
                                            : "\r\n");
  return program;
}

Program write_part(const Command& part) { return write_command(part); }

void rename_verb(Command& command, Octets name, std::string& storage) {
  const auto name_at = static_cast<std::size_t>(command.name.data() - command.text.data());
  const std::size_t behind = name_at + command.name.size();
  const std::size_t args_size = command.args.size();
  const std::size_t grown = name.size() - command.name.size();  // wraps round where it is shorter
  std::string text(command.text.substr(0, name_at));
  text.append(name).append(command.text.substr(behind));
  storage = std::move(text);
  for (ArgumentLiteral& literal : command.literals) {
    literal.announced_at += grown;
    literal.octets_at += grown;
  }
  command.tag = Octets(storage).substr(0, command.tag.size());
  command.text = storage;
  command.name = command.text.substr(name_at, name.size());
  command.args = command.text.substr(command.text.size() - args_size);
}

SecretProgram write_login(Octets tag, Octets user, Octets password) {
  SecretProgram program;
  program.chunks.emplace_back(tag);
  program.chunks.back().append(" LOGIN ");
  add_to(program.chunks, user);
  program.chunks.back().append(" ");
  add_to(program.chunks, password);
  program.chunks.back().append("\r\n");
  return program;
}

std::string quoted(Octets text) {
  std::string out;
  out.reserve(text.size() + 2);
  add_quoted(out, text);
  return out;
}

}  // namespace postern::imap
