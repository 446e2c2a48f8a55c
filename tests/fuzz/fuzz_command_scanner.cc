// The CommandScanner over any octets. The first two octets choose the limits, what is refused and where the
// input is cut; the rest is the client. Held to:
//  - however the input is cut, the same events come out;
//  - what a command, a body or a line shows are octets of the input, in their order;
//  - no more is held than the limits allow, and nothing between commands;
//  - what the writer makes of a command is, read again, the same command, and holds no {n+}.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "imap/arguments.h"
#include "imap/command_mailboxes.h"
#include "imap/command_scanner.h"
#include "imap/writer.h"

namespace {

using namespace postern;
using namespace postern::imap;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Plan {
  CommandLimits limits;
  unsigned refuses = 0;  // one bit for each kind of event
  std::size_t cut = 0;   // 0 = whole, 1 = octet by octet, else pieces of that size
};

// Only what the client sent, but for the announcements, which are normalised.
void check_command(const Command& command, Octets input) {
  std::size_t at = 0;
  for (const ArgumentLiteral& literal : command.literals) {
    require(literal.announced_at >= at && literal.octets_at > literal.announced_at);
    require(literal.octets_at + literal.size <= command.text.size());
    require(input.find(command.text.substr(at, literal.announced_at - at)) != Octets::npos);
    require(input.find(command.text.substr(literal.octets_at, literal.size)) != Octets::npos);
    at = literal.octets_at + literal.size;
  }
  require(input.find(command.text.substr(at)) != Octets::npos);
  require(input.find(command.tag) != Octets::npos);
  ArgumentReader reader(command.args);
  while (reader.astring() && reader.space()) {
  }
  (void)is_id_argument(command.args);
  for (const MailboxUse& use : mailboxes_of(command).named)
    require(use.name.size() <= ArgumentReader::kDecodedBytes);
}

// The upstream reads what the gateway wrote: the same command, nothing behind it.
void check_written(const Command& command, bool head) {
  const Program program = write_command(command);
  std::string all = head ? "" : "t X ";  // a part is read as arguments
  for (const std::string& chunk : program.chunks) all += chunk;
  require(all.ends_with("\r\n"));
  for (std::size_t i = 0; i + 1 < program.chunks.size(); ++i) require(program.chunks[i].ends_with("}\r\n"));
  if (!head) return;
  CommandScanner upstream({1 << 20, 1 << 20});
  Octets in = all;
  CommandEvent event = upstream.next(in);
  while (event == CommandEvent::ArgumentLiteral) {
    require(upstream.argument().synchronising);
    event = upstream.next(in);
  }
  require(event == CommandEvent::Head && in.empty());
  const Command& read = upstream.command();
  require(read.tag == command.tag && read.name == command.name && read.verb == command.verb);
  require(read.uid == command.uid && read.body.has_value() == command.body.has_value());
  if (read.body) {
    require(read.body->synchronising && read.body->size == command.body->size);
    require(read.body->literal8 == command.body->literal8);
  }
}

void add_command(std::string& events, const CommandScanner& scanner, CommandEvent event, Octets input) {
  const Command& command = scanner.command();
  if (event != CommandEvent::ArgumentLiteral) check_written(command, event == CommandEvent::Head);
  check_command(command, input);
  events.append(command.tag).append("|").append(command.name).append("|").append(command.text).append("|");
  events.append(std::to_string(static_cast<int>(command.verb)) + (command.uid ? "u" : ""));
  if (command.body) events.append("{" + std::to_string(command.body->size));
}

void feed(CommandScanner& scanner, Octets in, const Plan& plan, Octets input, std::string& events,
          bool& lost) {
  for (;;) {
    const CommandEvent event = scanner.next(in);
    require(scanner.held_octets() <= plan.limits.line + plan.limits.arguments + 4096);
    if (event == CommandEvent::NeedMore) {
      require(in.empty());
      return;
    }
    if (event == CommandEvent::Body) {
      require(input.find(scanner.octets()) != Octets::npos);
      events.append(scanner.octets());
      if (scanner.last()) events.append("|last\n");
    } else {
      events.append("\n" + std::to_string(static_cast<int>(event)) + ":");
    }
    switch (event) {
      case CommandEvent::Head:
      case CommandEvent::Part:
      case CommandEvent::End:
      case CommandEvent::ArgumentLiteral:
        add_command(events, scanner, event, input);
        break;
      case CommandEvent::Malformed:
        events.append(label_of(scanner.error())).append(scanner.command().tag);
        lost = !scanner.certain();
        if (lost) return;
        break;
      default:
        break;
    }
    const bool body = event == CommandEvent::Body;  // where it is cut must not decide
    if (!body && (plan.refuses >> static_cast<unsigned>(event) & 1) != 0) scanner.refuse();
  }
}

std::string run(Octets input, const Plan& plan) {
  CommandScanner scanner(plan.limits);
  std::string events;
  bool lost = false;
  const std::size_t step = plan.cut == 0 ? std::max<std::size_t>(input.size(), 1) : plan.cut;
  for (std::size_t at = 0; at < input.size() && !lost; at += step) {
    const std::string piece(input.substr(at, step));  // in memory of its own
    feed(scanner, piece, plan, input, events, lost);
    scanner.release();
    require(!scanner.at_boundary() || scanner.held_octets() == 0);
  }
  return events;
}

std::string run_lines(Octets input, std::size_t cut) {
  CommandScanner scanner({});
  std::string out;
  for (std::size_t at = 0; at < input.size(); at += cut) {
    const std::string piece(input.substr(at, cut));
    Octets in = piece;
    for (;;) {
      const CommandEvent event = scanner.next_line(in, 100);
      require(scanner.held_octets() <= 256);
      if (event == CommandEvent::NeedMore) break;
      if (event == CommandEvent::Malformed) return out.append(label_of(scanner.error()));
      require(scanner.octets().size() <= 100);
      out.append(scanner.octets()).append("\n");
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Octets input(reinterpret_cast<const char*>(data) + 2, size - 2);
  Plan plan;
  if ((data[0] & 1) != 0) plan.limits = {40, 24};
  plan.refuses = data[0] >> 1;  // Head, ArgumentLiteral, Part, …: bit n is event n
  const std::string whole = run(input, plan);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{2} + data[1] % 64}) {
    plan.cut = cut;
    require(run(input, plan) == whole);
    require(run_lines(input, cut) == run_lines(input, std::max<std::size_t>(input.size(), 1)));
  }
  return 0;
}
