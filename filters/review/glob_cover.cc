#include "filters/review/glob_cover.h"

#include <vector>

#include "base/octets.h"

namespace postern::server {
namespace {

using Element = Glob::Element;

// Can a wildcard of the outer glob stand for all that one element of the inner one does?
bool takes(Element wildcard, Element inner, char octet) noexcept {
  if (wildcard == Element::Path) return true;
  return wildcard == Element::Level && (inner == Element::Level || (inner == Element::Octet && octet != '/'));
}

bool is_letter(char c) noexcept {
  const char upper = ascii_upper(c);
  return (upper >= 'A' && upper <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

class Cover {
 public:
  Cover(const Glob& outer, const Glob& inner)
      : outer_(outer),
        inner_(inner),
        folded_(outer.letters == config::Case::Ignored),
        strict_(outer.letters == config::Case::Exact && inner.letters == config::Case::Ignored) {}

  // The outer glob is run over the inner one's elements, wildcards and all: reached[o] says that its first
  // `o` elements match what has been read of the inner one.
  bool holds() const {
    const std::size_t end = outer_.text.size();
    std::vector<bool> reached(end + 1);
    reached[0] = true;
    pass_empty(reached);
    for (std::size_t i = 0; i < inner_.text.size(); ++i) {
      std::vector<bool> next(end + 1);
      for (std::size_t o = 0; o < end; ++o) {
        if (!reached[o]) continue;
        if (takes(outer_.at(o), inner_.at(i), inner_.text[i])) next[o] = true;
        if (is_same(o, i)) next[o + 1] = true;
      }
      pass_empty(next);
      reached = std::move(next);
    }
    return reached[end];
  }

 private:
  bool is_same(std::size_t o, std::size_t i) const noexcept {
    if (outer_.at(o) == Element::One) return inner_.at(i) == Element::One;
    if (outer_.at(o) != Element::Octet || inner_.at(i) != Element::Octet) return false;
    const char outer = outer_.text[o];
    const char inner = inner_.text[i];
    if (strict_ && is_letter(inner)) return false;  // the other case is the inner one's alone
    return folded_ ? ascii_upper(outer) == ascii_upper(inner) : outer == inner;
  }
  // A run may be empty.
  void pass_empty(std::vector<bool>& reached) const {
    for (std::size_t o = 0; o < outer_.text.size(); ++o)
      if (reached[o] && outer_.is_run(o)) reached[o + 1] = true;
  }

  Glob outer_, inner_;
  bool folded_, strict_;
};

// Most pairs differ before the first wildcard, and a thousand rules make half a million pairs.
bool may_cover(const Glob& outer, const Glob& inner) noexcept {
  return starts_ignoring_case(inner.begin, outer.begin);
}

}  // namespace

bool covers(const Glob& outer, const Glob& inner) {
  return may_cover(outer, inner) && Cover(outer, inner).holds();
}

bool covers(const config::Cidr& outer, const config::Cidr& inner) noexcept {
  return outer.prefix <= inner.prefix && config::contains(outer, inner.address);
}

}  // namespace postern::server
