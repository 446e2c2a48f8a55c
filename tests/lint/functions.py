"""Where the functions of a C++ file begin and end, by counting braces. Not a parser: good enough for code that
clang-format has laid out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

# Comments, raw strings, strings and characters: everything in which a brace means nothing.
OPAQUE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'", re.DOTALL)
DIRECTIVE = re.compile(r"^[ ]*#(?:\\\n|[^\n])*", re.MULTILINE)
TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union|enum|namespace|inline namespace|extern)\b",
                  re.DOTALL)
BEHIND_PARAMETERS = re.compile(r"(?:\s|const|noexcept|override|final|mutable|volatile|&|->.*|requires.*|try)*$",
                               re.DOTALL)
IN_INITIALISERS = re.compile(r"\)\s*(?:noexcept(?:\([^)]*\))?\s*)?:(?!:)")


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    first_line: int
    last_line: int

    @property
    def lines(self) -> int:
        return self.last_line - self.first_line + 1


@dataclasses.dataclass
class Block:
    kind: str  # function | initialiser | other
    head: str
    first_line: int


def _blank(text: str) -> str:
    """Of the same length in lines, without what is in comments, strings and directives."""
    keep_lines = lambda found: " " + "\n" * found[0].count("\n")
    return DIRECTIVE.sub(keep_lines, OPAQUE.sub(keep_lines, text))


def _kind(head: str, parentheses: int) -> str:
    if parentheses > 0:
        return "initialiser"
    if TYPE.match(head) and "(" not in head.split("{")[0].replace("alignas(", ""):
        return "other"
    if "(" not in head:
        return "initialiser" if head and not TYPE.match(head) else "other"
    if head.endswith("=") or head.endswith("return"):
        return "initialiser"
    if IN_INITIALISERS.search(head):
        return "initialiser" if re.search(r"[\w>]$", head) else "function"
    return "function" if BEHIND_PARAMETERS.match(head.rpartition(")")[2]) else "initialiser"


def _name(head: str) -> str:
    test = re.match(r"(TEST\w*)\s*\(([^)]*)\)", head)
    if test:
        return f"{test[1]}({test[2]})"
    found = re.search(r"([~\w:<>]+|operator\s*\S+?)\s*\(", head)
    return found[1] if found else head[:40]


def functions_of(text: str) -> Iterator[Function]:
    """The outermost functions; a lambda counts to the function that it stands in."""
    stack: list[Block] = []
    head, head_line, line, parentheses = "", 1, 1, 0
    for octet in _blank(text):
        if octet == "\n":
            line += 1
        inside = any(block.kind == "function" for block in stack)
        if octet == "{":
            kind = "other" if inside else _kind(head.strip(), parentheses)
            stack.append(Block(kind, head, head_line))
            head, head_line = "", line
        elif octet == "}" and stack:
            block = stack.pop()
            if block.kind == "function":
                yield Function(_name(block.head.strip()), block.first_line, line)
            # Behind an initialiser the declaration goes on; behind all else a new one begins.
            head, head_line = (block.head + "{}", block.first_line) if block.kind == "initialiser" else ("", line)
        elif octet == ";" and parentheses == 0:
            head, head_line = "", line
        elif not inside:
            parentheses += {"(": 1, ")": -1}.get(octet, 0)
            if not head.strip():
                head, head_line = "", line
            head += octet
            if re.search(r"\b(public|private|protected):$", head):
                head = ""
