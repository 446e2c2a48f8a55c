// Globs: the patterns of routes and rules. Two kinds are spoken: of words ('*' is any run of octets, '?'
// one), and of mailboxes ('*' stops at "/", "**" does not, and all else is itself). One automaton holds a
// text against either; whether one glob matches all that another one does is filters/review/glob_cover's.
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::config {

enum class Case : std::uint8_t { Exact, Ignored };
enum class GlobKind : std::uint8_t { Word, Mailbox };

// A glob, and how letters are compared where it is used. Borrows its text; immutable.
struct Glob {
  Glob(std::string_view text, GlobKind kind, Case letters = Case::Exact) noexcept;

  // What stands at an octet of the text. Stars in a row are as many elements, which match no more than one.
  enum class Element : std::uint8_t { Octet, One, Level, Path };  // Level: a run without "/"; Path: any run
  Element at(std::size_t place) const noexcept;
  bool is_run(std::size_t place) const noexcept { return text[place] == '*'; }
  bool has_wildcard() const noexcept { return first != Element::Octet; }

  std::string_view text;
  GlobKind kind;
  Case letters;
  Element first = Element::Octet;  // the first wildcard
  std::string_view begin;          // up to the first wildcard: all of the text where there is none
  std::string_view end;            // behind the last one, likewise
};

// Of what a match is asked.
enum class Reach : std::uint8_t {
  Name,      // does it match the text?
  AnyBelow,  // could it match some longer text that begins with this one?
  AllBelow,  // does it match every such text, as far as that can be told?
};

// Most globs are told by how they begin and end; else O(length of the text × that of the glob). Nothing
// backtracks, so a hostile name cannot make it slow.
bool matches(const Glob& glob, std::string_view text, Reach reach = Reach::Name);

// Of words.
inline bool matches_glob(std::string_view glob, std::string_view text, Case letters) {
  return matches({glob, GlobKind::Word, letters}, text);
}

}  // namespace postern::config
