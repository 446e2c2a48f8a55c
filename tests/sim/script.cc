#include "sim/script.h"

#include <utility>

namespace postern::sim {
namespace {

// Appends a literal in one of its forms; a synchronising one ends the part.
void add_literal(Random& random, ScriptedCommand& command, const std::string& octets, bool literal8 = false) {
  std::string& text = command.parts.back().octets;
  if (literal8) text += '~';
  text += '{' + std::to_string(octets.size());
  if (random.chance(50)) {
    text += "+}\r\n" + octets;
    return;
  }
  text += "}\r\n";
  command.parts.back().waits = true;
  command.parts.push_back({octets, false});
}

void add_mailbox(Random& random, ScriptedCommand& command, const std::string& name) {
  if (random.chance(30)) return add_literal(random, command, name);
  command.parts.back().octets += random.chance(50) ? '"' + name + '"' : name;
}

std::string body(Random& random) {
  std::string octets = random.chance(70) ? kPoison : "";
  const std::size_t size = random.chance(10) ? random.below(60000) : random.below(200);
  while (octets.size() < size) octets += "Subject: {5+} \"x \\ \r\n";
  return octets;
}

void make_id(Random& random, ScriptedCommand& command) {
  command.parts.back().octets += "ID (\"name\" ";
  add_literal(random, command, "mutt");
  if (random.chance(60)) {
    command.parts.back().octets += " \"" + std::string(kForgery) + "\" ";
    add_literal(random, command, kForgedAddress);
  }
  if (random.chance(30)) command.parts.back().octets += " \"version\" NIL";
  command.parts.back().octets += ")";
}

void make_append(Random& random, ScriptedCommand& command) {
  command.parts.back().octets += "APPEND ";
  add_mailbox(random, command, random.chance(15) ? kForbidden : "INBOX");
  const std::size_t messages = random.chance(20) ? 2 + random.below(2) : 1;
  for (std::size_t i = 0; i < messages; ++i) {
    const bool deleted = random.chance(15);
    command.parts.back().octets += deleted ? " (\\Deleted) " : " (\\Seen) ";
    add_literal(random, command, body(random), random.chance(10));
  }
}

void make_command(Random& random, ScriptedCommand& command) {
  std::string& text = command.parts.back().octets;
  switch (random.below(18)) {
    case 0:
      text += "NOOP";
      break;
    case 1:
      text += "select ";
      return add_mailbox(random, command, "Archive");
    case 2:
      text += "FETCH 1:* (FLAGS BODY[])";
      break;
    case 3:
      text += "UID STORE 1:4 +FLAGS (\\Seen)";
      break;
    case 4:
      text += random.chance(50) ? "EXPUNGE" : "UID EXPUNGE 1:9";
      break;
    case 5:
      text += "DELETE ";
      return add_mailbox(random, command, kForbidden);
    case 6:
      text += "SEARCH SUBJECT ";
      return add_literal(random, command, random.chance(50) ? "plain" : "gr\xC3\xBC\xC3\x9F");
    case 7:
    case 8:
      return make_append(random, command);
    case 9:
      text += "LIST \"\" \"{5}\"";
      break;
    case 10:
      text += "IDLE";
      command.idle = true;
      break;
    case 11:
      text += random.chance(50) ? "COMPRESS DEFLATE" : "LOGIN a b";
      break;
    case 12:
      text += "CAPABILITY";
      break;
    case 13:
      text += "ENABLE CONDSTORE X-UNKNOWN";
      break;
    case 14:
      return make_id(random, command);
    case 15:
      text += random.chance(50) ? "UID STORE 2 FLAGS (\\Deleted)" : "STORE 1:3 +FLAGS.SILENT (\\Deleted)";
      break;
    case 16:
      text += random.chance(50) ? "UID MOVE 1 Trash" : "UID MOVE 1 INBOX";
      break;
    case 17:
      text += "CLOSE";
      break;
  }
}

ScriptedCommand begin(const std::string& tag) { return {tag, {{tag + ' ', false}}, false, false}; }

void finish(Random& random, ScriptedCommand& command) {
  command.parts.back().octets += random.chance(10) ? "\n" : "\r\n";
}

// "\0alice\0" and the password; with a long authzid before them it is longer than a line may be.
constexpr const char* kPlain = "AGFsaWNlAGM0bmFyeS1zM2NyZXQ=";

void make_login(Random& random, ScriptedCommand& login) {
  std::string& text = login.parts.back().octets;
  std::string plain = kPlain;
  if (random.chance(3)) {
    plain.clear();
    while (plain.size() < 70'000) plain += "QUFB";
    plain += kPlain;
  }
  switch (random.below(4)) {
    case 0:
      text += "LOGIN alice ";
      return add_literal(random, login, kPassword);
    case 1:
      text += std::string("LOGIN \"alice\" ") + kPassword;
      return;
    case 2:
      text += "AUTHENTICATE PLAIN " + plain;
      return;
    default:
      text += "AUTHENTICATE PLAIN\r\n";
      login.parts.back().waits = true;
      login.parts.push_back({plain, false});
  }
}

}  // namespace

Script make_script(Random& random) {
  Script script;
  script.starttls = random.chance(50);
  script.clear_text_login = script.starttls && random.chance(40);
  script.trusted = random.chance(30);
  script.send_id = random.chance(50);
  if (random.chance(40)) {
    ScriptedCommand id = begin("i1");
    make_id(random, id);
    finish(random, id);
    script.login.push_back(std::move(id));
  }
  ScriptedCommand login = begin("l1");
  make_login(random, login);
  finish(random, login);
  script.login.push_back(std::move(login));
  const std::size_t count = 3 + random.below(20);
  for (std::size_t i = 0; i < count; ++i) {
    ScriptedCommand command = begin("t" + std::to_string(random.chance(5) ? 0 : i));
    make_command(random, command);
    finish(random, command);
    script.commands.push_back(std::move(command));
  }
  if (random.chance(70)) {
    ScriptedCommand logout = begin("bye");
    logout.parts.back().octets += "LOGOUT\r\n";
    logout.logout = true;
    script.commands.push_back(std::move(logout));
  }
  script.pipeline = 1 + random.below(8);
  return script;
}

}  // namespace postern::sim
