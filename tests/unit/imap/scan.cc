#include "unit/imap/scan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::imap::testing {
namespace {

constexpr std::size_t kEveryCut = 400;

// A piece in memory of exactly its size.
class Piece {
 public:
  explicit Piece(const std::string& text) : memory_(new char[text.size()]), size_(text.size()) {
    std::copy(text.begin(), text.end(), memory_.get());
  }
  Octets octets() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_;
};

std::string shown_literal(const LiteralInfo& info) {
  return std::string(info.literal8 ? "~{" : "{") + std::to_string(info.size) +
         (info.synchronising ? "}" : "+}");
}

std::string shown_malformed(const CommandScanner& scanner) {
  std::string text = scanner.certain() ? "Malformed " : "Lost ";
  text += label_of(scanner.error());
  if (scanner.certain()) text += " tag=" + std::string(scanner.command().tag);
  return text;
}

void add_body(Events& events, Octets octets, bool last) {
  if (!events.empty() && events.back().starts_with("Body ")) {
    events.back() += shown(octets);
  } else {
    events.push_back("Body " + shown(octets));
  }
  if (last) events.push_back("BodyEnd");
}

const char* name_of_event(CommandEvent event) {
  switch (event) {
    case CommandEvent::Head:
      return "Head ";
    case CommandEvent::Part:
      return "Part ";
    case CommandEvent::End:
      return "End ";
    default:
      return "";
  }
}

// Everything a scanner makes of one piece; false when the framing is lost.
bool feed(CommandScanner& scanner, Octets in, Events& events, CommandRun& run) {
  for (;;) {
    const CommandEvent event = scanner.next(in);
    run.most_held = std::max(run.most_held, scanner.held_octets());
    switch (event) {
      case CommandEvent::NeedMore:
        EXPECT_TRUE(in.empty());
        return true;
      case CommandEvent::Head:
      case CommandEvent::Part:
      case CommandEvent::End:
        events.push_back(name_of_event(event) + shown(scanner.command()));
        break;
      case CommandEvent::ArgumentLiteral:
        events.push_back("Literal " + shown_literal(scanner.argument()) + " of " + shown(scanner.command()));
        break;
      case CommandEvent::Body:
        add_body(events, scanner.octets(), scanner.last());
        break;
      case CommandEvent::Swallowed:
        events.emplace_back("Swallowed");
        break;
      case CommandEvent::Line:
        events.push_back("Line " + shown(scanner.octets()));
        break;
      case CommandEvent::Malformed:
        events.push_back(shown_malformed(scanner));
        if (!scanner.certain()) return false;
        break;
    }
    if (run.refuses && run.refuses(event, scanner.command())) scanner.refuse();
  }
}

std::string shown_response(const Response& response) {
  std::string text;
  switch (response.kind) {
    case ResponseKind::Untagged:
      text = "*";
      break;
    case ResponseKind::Tagged:
      text = std::string(response.tag);
      break;
    case ResponseKind::Continuation:
      text = "+";
      break;
  }
  constexpr const char* kStatus[] = {"", " OK", " NO", " BAD", " BYE", " PREAUTH"};
  text += kStatus[static_cast<std::size_t>(response.status)];
  if (response.has_number) text += " " + std::to_string(response.number);
  if (!response.keyword.empty()) text += " " + shown(response.keyword);
  if (!response.code.empty()) text += " code[" + shown(response.code) + "]";
  if (!response.text.empty()) text += " text[" + shown(response.text) + "]";
  return text;
}

}  // namespace

std::string shown(Octets octets) {
  std::string out;
  for (const char c : octets) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string shown(const Command& command) {
  std::string text(command.tag);
  if (!command.tag.empty()) {
    text += command.uid ? " UID " : " ";
    text += name_of(command.verb);
    if (command.verb == Verb::Unknown) text += ":" + std::string(command.name);
    EXPECT_EQ(command.text.data(), command.tag.data());
    EXPECT_TRUE(verb_of(command.name) == command.verb || command.verb == Verb::Unknown);
  }
  EXPECT_TRUE(command.text.ends_with(command.args));
  text += "[" + shown(command.args) + "]";
  for (const ArgumentLiteral& literal : command.literals) {
    const Octets announced =
        command.text.substr(literal.announced_at, literal.octets_at - literal.announced_at);
    EXPECT_EQ(announced, (literal.literal8 ? "~{" : "{") + std::to_string(literal.size) + "}\r\n");
    text += " <" + shown(command.text.substr(literal.octets_at, literal.size)) + ">";
  }
  if (command.body) text += " body " + shown_literal(*command.body);
  return text;
}

Events scan_commands(const Pieces& pieces, CommandRun& run) {
  CommandScanner scanner(run.limits);
  Events events;
  for (const std::string& text : pieces) {
    const Piece piece(text);
    if (!feed(scanner, piece.octets(), events, run)) return events;
  }
  if (scanner.at_boundary()) {
    EXPECT_EQ(scanner.held_octets(), 0U) << "an idle scanner holds no memory";
  }
  return events;
}

std::vector<Pieces> cuts(const std::string& input) {
  std::vector<Pieces> all;
  Pieces octets;
  for (const char c : input) octets.emplace_back(1, c);
  all.push_back(octets);
  const std::size_t step = input.size() > kEveryCut ? input.size() / kEveryCut + 1 : 1;
  for (std::size_t at = 1; at < input.size(); at += step)
    all.push_back({input.substr(0, at), input.substr(at)});
  return all;
}

Events scan_commands_every_way(const std::string& input, CommandRun run) {
  const Events whole = scan_commands({input}, run);
  for (const Pieces& pieces : cuts(input)) {
    const Events events = scan_commands(pieces, run);
    if (events == whole) continue;
    ADD_FAILURE() << "cut into " << pieces.size() << " behind " << pieces.front().size() << " octets of "
                  << shown(Octets(input).substr(0, 200));
    EXPECT_EQ(events, whole);
    break;
  }
  return whole;
}

Events scan_responses(const Pieces& pieces, std::size_t* most_held) {
  ResponseScanner scanner;
  Events events;
  bool open = false;
  for (const std::string& text : pieces) {
    const Piece piece(text);
    Octets in = piece.octets();
    for (;;) {
      const ResponseEvent event = scanner.next(in);
      if (most_held != nullptr) *most_held = std::max(*most_held, scanner.held_octets());
      if (event == ResponseEvent::NeedMore) break;
      if (event == ResponseEvent::Malformed) {
        events.push_back("Lost " + std::string(label_of(scanner.error())));
        EXPECT_LE(scanner.excerpt().size(), 16U);
        EXPECT_FALSE(scanner.at_boundary());
        return events;
      }
      EXPECT_EQ(event == ResponseEvent::Head, !open) << "a head begins a response, and only a head";
      if (event == ResponseEvent::Head) {
        events.push_back(shown_response(scanner.response()));
        events.emplace_back();
      }
      EXPECT_FALSE(scanner.octets().empty());
      events.back() += shown(scanner.octets());
      open = !scanner.complete();
      EXPECT_EQ(scanner.at_boundary(), scanner.complete());
      if (!open) events.back() += "|";
    }
    EXPECT_TRUE(in.empty());
  }
  return events;
}

Events scan_responses_every_way(const std::string& input) {
  const Events whole = scan_responses({input});
  for (const Pieces& pieces : cuts(input)) {
    const Events events = scan_responses(pieces);
    if (events == whole) continue;
    ADD_FAILURE() << "cut into " << pieces.size() << " behind " << pieces.front().size() << " octets of "
                  << shown(Octets(input).substr(0, 200));
    EXPECT_EQ(events, whole);
    break;
  }
  return whole;
}

}  // namespace postern::imap::testing
