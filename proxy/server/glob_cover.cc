#include "server/glob_cover.h"

#include <vector>

#include "base/octets.h"

namespace postern::server {
namespace {

struct Token {
  enum class Kind : std::uint8_t { Literal, One, Run, Everything };
  Kind kind = Kind::Literal;
  char octet = '\0';
};

std::vector<Token> tokens_of(std::string_view glob, GlobKind kind) {
  std::vector<Token> out;
  for (std::size_t at = 0; at < glob.size(); ++at) {
    if (glob[at] == '*' && kind == GlobKind::Mailbox && glob.substr(at).starts_with("**")) {
      out.push_back({Token::Kind::Everything});
      ++at;
    } else if (glob[at] == '*') {
      out.push_back({kind == GlobKind::Mailbox ? Token::Kind::Run : Token::Kind::Everything});
    } else if (glob[at] == '?' && kind == GlobKind::Word) {
      out.push_back({Token::Kind::One});
    } else {
      out.push_back({Token::Kind::Literal, glob[at]});
    }
  }
  return out;
}

// Can a wildcard of the outer glob stand for all that one token of the inner one does?
bool takes(Token wildcard, Token inner) noexcept {
  if (wildcard.kind == Token::Kind::Everything) return true;
  if (wildcard.kind != Token::Kind::Run) return false;
  return inner.kind == Token::Kind::Run || (inner.kind == Token::Kind::Literal && inner.octet != '/');
}

bool is_letter(char c) noexcept {
  const char upper = ascii_upper(c);
  return (upper >= 'A' && upper <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

class Cover {
 public:
  Cover(Glob outer, Glob inner, GlobKind kind)
      : outer_(tokens_of(outer.text, kind)),
        inner_(tokens_of(inner.text, kind)),
        folded_(outer.letters == config::Case::Ignored),
        strict_(outer.letters == config::Case::Exact && inner.letters == config::Case::Ignored) {}

  // The outer glob is run over the inner one's tokens, wildcards and all: reached[o] says that its first `o`
  // tokens match what has been read of the inner one.
  bool holds() const {
    std::vector<bool> reached(outer_.size() + 1);
    reached[0] = true;
    pass_empty(reached);
    for (const Token inner : inner_) {
      std::vector<bool> next(outer_.size() + 1);
      for (std::size_t o = 0; o < outer_.size(); ++o) {
        if (!reached[o]) continue;
        if (takes(outer_[o], inner)) next[o] = true;
        if (is_same(outer_[o], inner)) next[o + 1] = true;
      }
      pass_empty(next);
      reached = std::move(next);
    }
    return reached[outer_.size()];
  }

 private:
  bool is_same(Token outer, Token inner) const noexcept {
    if (outer.kind == Token::Kind::One) return inner.kind == Token::Kind::One;
    if (outer.kind != Token::Kind::Literal || inner.kind != Token::Kind::Literal) return false;
    if (strict_ && is_letter(inner.octet)) return false;  // the other case is the inner one's alone
    if (folded_) return ascii_upper(outer.octet) == ascii_upper(inner.octet);
    return outer.octet == inner.octet;
  }
  // A run may be empty.
  void pass_empty(std::vector<bool>& reached) const {
    for (std::size_t o = 0; o < outer_.size(); ++o)
      if (reached[o] && (outer_[o].kind == Token::Kind::Run || outer_[o].kind == Token::Kind::Everything))
        reached[o + 1] = true;
  }

  std::vector<Token> outer_, inner_;
  bool folded_, strict_;
};

// Most pairs differ before the first wildcard, and a thousand rules make half a million pairs.
bool may_cover(std::string_view outer, std::string_view inner, std::string_view wildcards) noexcept {
  const std::string_view begin = outer.substr(0, outer.find_first_of(wildcards));
  return inner.find_first_of(wildcards) >= begin.size() && starts_ignoring_case(inner, begin);
}

}  // namespace

bool covers(Glob outer, Glob inner, GlobKind kind) {
  return may_cover(outer.text, inner.text, kind == GlobKind::Mailbox ? "*" : "*?") &&
         Cover(outer, inner, kind).holds();
}

bool covers(const config::Cidr& outer, const config::Cidr& inner) noexcept {
  return outer.prefix <= inner.prefix && config::contains(outer, inner.address);
}

}  // namespace postern::server
