"""The lint finds what it is there for, and leaves good code alone."""

from __future__ import annotations

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import format as format_lint
import labels
import layers
import schema
import structure
import waits
from functions import functions_of
from sources import Source


def layer_findings(*files: tuple[str, str]) -> list[str]:
    return [str(finding) for finding in layers.check_sources(Source(path, text) for path, text in files)]


def text_findings(text: str, path: str = "proxy/base/x.cc") -> list[str]:
    return [str(finding) for finding in structure.check_text(Source(path, text))]


def size_findings(text: str, path: str = "proxy/base/x.cc") -> list[str]:
    return [str(finding) for finding in structure.check_sizes(Source(path, text))]


class Layers(unittest.TestCase):
    def test_downward_includes_pass(self) -> None:
        self.assertEqual(layer_findings(
            ("proxy/session/session.cc", '#include "session/session.h"\n#include "imap/verb.h"\n#include <string>\n'),
            ("filters/chain.cc", '#include "imap/verb.h"\n#include "config/settings.h"\n'),
            ("proxy/relay/relay.h", "#include <uv.h>\n"),
            ("tests/unit/tls/engine_test.cc", "#include <openssl/ssl.h>\n")), [])

    def test_an_upward_include_is_found(self) -> None:
        found = layer_findings(("proxy/imap/verb.cc", '#include <string>\n#include "session/session.h"\n'))
        self.assertEqual(found, ['proxy/imap/verb.cc:2: "session/session.h": imap must not see session'])

    def test_neighbours_do_not_see_each_other(self) -> None:
        self.assertEqual(len(layer_findings(("proxy/session/a.cc", '#include "tls/engine.h"\n'))), 1)
        self.assertEqual(len(layer_findings(("proxy/tls/a.cc", '#include "session/session.h"\n'))), 1)
        self.assertEqual(len(layer_findings(("config/a.cc", '#include "imap/verb.h"\n'))), 1)

    def test_a_library_stays_in_its_layer(self) -> None:
        self.assertEqual(len(layer_findings(("proxy/session/a.cc", "#include <uv.h>\n"))), 1)
        self.assertEqual(len(layer_findings(("proxy/net/a.cc", "#  include <openssl/ssl.h>\n"))), 1)
        self.assertEqual(len(layer_findings(("proxy/status/a.h", "#include <llhttp.h>\n"))), 1)

    def test_a_heavy_library_stays_in_one_file(self) -> None:
        one = ("proxy/process/log.cc", "#include <spdlog/spdlog.h>\n#include <spdlog/async.h>\n")
        self.assertEqual(layer_findings(one), [])
        self.assertEqual(len(layer_findings(one, ("proxy/process/main.cc", "#include <spdlog/spdlog.h>\n"))), 1)

    def test_an_include_names_its_layer(self) -> None:
        self.assertEqual(len(layer_findings(("proxy/imap/a.cc", '#include "verb.h"\n'))), 1)
        self.assertEqual(len(layer_findings(("proxy/imap/a.cc", '#include "tests/x.h"\n'))), 1)

    def test_an_unknown_layer_is_found(self) -> None:
        self.assertEqual(len(layer_findings(("proxy/util/a.cc", ""))), 1)


class Text(unittest.TestCase):
    def test_good_text_passes(self) -> None:
        self.assertEqual(text_findings("// A comment.\nint x = 1;\n"), [])

    def test_what_no_file_may_hold_is_found(self) -> None:
        for bad in ("// TO" + "DO: later", "// FIX" + "ME", "\tint x;", "int x; ", 'f("/wo' + 'rk/main/x")',
                    'f("/ho' + 'me/me/x")', 'f("/t' + 'mp/x")', "// see issue" + " 7", "// by fa" + "rm-tool"):
            self.assertEqual(len(text_findings(f"int before;\n{bad}\n")), 1, bad)

    def test_paths_inside_of_other_paths_pass(self) -> None:
        for good in ("$dir/work" + "/x", "https://example.org/home" + "/x", "${TMPDIR:-/tmp}/x"):
            self.assertEqual(text_findings(good + "\n"), [], good)

    def test_a_missing_end_of_line_is_found(self) -> None:
        self.assertEqual(len(text_findings("int x;")), 1)


class Sizes(unittest.TestCase):
    def test_files_at_their_limit(self) -> None:
        self.assertEqual(size_findings("int x;\n" * 600), [])
        self.assertEqual(len(size_findings("int x;\n" * 601)), 1)
        self.assertEqual(size_findings("int x;\n" * 200, "proxy/base/x.h"), [])
        self.assertEqual(len(size_findings("int x;\n" * 201, "proxy/base/x.h")), 1)

    def test_functions_at_their_limit(self) -> None:
        self.assertEqual(size_findings("void f() {\n" + "  g();\n" * 68 + "}\n"), [])
        found = size_findings("int x;\n\nvoid f() {\n" + "  g();\n" * 69 + "}\n")
        self.assertEqual(found, ["proxy/base/x.cc:3: f: 71 lines; at most 70"])


SAMPLE = '''#include <x>
namespace a {
// void comment() {
struct S {
  int a = 1;
 public:
  void method(std::string text = {}) const {
    if (a) { b(); }
    auto l = [&] { return "}"; };
  }
};
enum class E { A, B };
constexpr int kTable[] = {1, 2};
constexpr std::array<int, static_cast<std::size_t>(3)> kRows{{
    {1}, {2}}};
std::string_view kText = R"(void raw() { )";

S::S(int a)
    : a_{a}, b_(1) {
  run('{');
}

template <typename T>
auto free(T value) -> int {
  switch (value) { default: return 1; }
}
TEST(Suite, Name) {
  EXPECT_TRUE(true);
}
}  // namespace a
'''


class Labels(unittest.TestCase):
    HEADER = ("proxy/telemetry/cells.h", "enum class Kind : std::uint8_t { Used, Asked, kCount };  // Kind::Asked\n")

    def findings(self, text: str, path: str = "proxy/net/a.cc") -> list[str]:
        return [str(finding) for finding in labels.check_sources((Source(*self.HEADER), Source(path, text)))]

    def test_what_is_made_somewhere_passes(self) -> None:
        self.assertEqual(self.findings("add(telemetry::Kind::Used);\nreturn a ? Kind::Asked : Kind::Used;\n"), [])

    def test_what_is_only_asked_for_or_told_of_is_found(self) -> None:
        expected = ["proxy/telemetry/cells.h:0: Kind::Asked: nothing makes it"]
        for text in ("case Kind::Asked:\n", "// Kind::Asked\n"):
            self.assertEqual(self.findings("add(Kind::Used);\n" + text), expected)

    def test_what_tests_make_does_not_count(self) -> None:
        self.assertEqual(len(self.findings("add(Kind::Used);\nadd(Kind::Asked);\n", "tests/unit/a.cc")), 2)


class Waits(unittest.TestCase):
    def findings(self, *lines: str) -> list[str]:
        text = "".join(f"{line}\n" for line in lines)
        return [str(finding) for finding in waits.check_sources((Source("tests/integration/test_a.py", text),))]

    def test_what_names_its_connection_passes(self) -> None:
        self.assertEqual(self.findings(
            'self.gateway.wait_for("login", of=wire.client, user="bob")',
            "lines = self.gateway.lines[begin:self.gateway.settle()]",
            'closed = [line for line in self.gateway.lines if line.event == "session closed"]',
            'raise AssertionError(f"it ended:\\n{gateway.log()[-20000:]}")'), [])

    def test_a_wait_by_position_is_found(self) -> None:
        for line in ('gateway.wait_for("login")', 'trail.wait_for("login", user="bob")', "mark = self.gateway.mark()",
                     'self.await_line("login", after=place)', "line = self.gateway.lines[-1]",
                     "told = self.gateway.lines[before:]", "before = len(self.gateway.lines)",
                     "text = self.dovecot.log()[self.logged:]", "self.logged = len(self.dovecot.log())",
                     "last = self.dovecot.log().splitlines()[-1]"):
            with self.subTest(line):
                self.assertEqual(len(self.findings(line)), 1)


class Functions(unittest.TestCase):
    def test_finds_each_function_with_its_lines(self) -> None:
        found = [(function.name, function.first_line, function.last_line) for function in functions_of(SAMPLE)]
        self.assertEqual(found, [("method", 7, 10), ("S::S", 18, 21), ("free", 23, 26),
                                 ("TEST(Suite, Name)", 27, 29)])


class Schema(unittest.TestCase):
    SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": False,
              "properties": {"tls": {"enum": ["off", "starttls"]}, "watch": {"type": "boolean"}}}

    def violations(self, text: str) -> list[str]:
        return [str(finding) for finding in schema.violations(self.SCHEMA, "x.yaml", text)]

    def test_off_is_a_word_and_true_a_boolean(self) -> None:
        self.assertEqual(self.violations("tls: off\nwatch: true\n"), [])
        self.assertEqual(len(self.violations("watch: yes\n")), 1)

    def test_what_the_schema_does_not_know_is_found(self) -> None:
        self.assertEqual(len(self.violations("tsl: off\n")), 1)


class Format(unittest.TestCase):
    def test_what_the_archive_offers_is_told_from_what_it_only_names(self) -> None:
        self.assertTrue(format_lint.offered_by("clang-format-14:\n  Installed: (none)\n  Candidate: 1:14.0.6-12\n"))
        self.assertFalse(format_lint.offered_by("clang-format-14:\n  Installed: (none)\n  Candidate: (none)\n"))
        self.assertFalse(format_lint.offered_by(""))

    @unittest.skipUnless(format_lint.find_program() or format_lint.is_offered(), f"no {format_lint.NAME} here")
    def test_a_file_that_is_laid_out_otherwise_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "proxy").mkdir()
            shutil.copy(pathlib.Path(__file__).parents[2] / ".clang-format", root)
            (root / "proxy/good.cc").write_text("int f() { return 1; }\n")
            self.assertEqual(list(format_lint.check(root)), [])
            (root / "proxy/bad.cc").write_text("int  f( ) {return 1;}\n")
            self.assertEqual([finding.path for finding in format_lint.check(root)], ["proxy/bad.cc"])


if __name__ == "__main__":
    unittest.main()
