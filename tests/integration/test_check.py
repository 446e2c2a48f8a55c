"""The command line: run, check, version, help, and the exit status of each."""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest
from typing import Any

from support import NAME, ROOT, WAIT_SECONDS, binary, configuration, main, merge, self_signed


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        holder = tempfile.TemporaryDirectory(prefix="postern-test-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.pair = self_signed(cls.folder, NAME)
        cls.other = self_signed(cls.folder, "other.example")

    def postern(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=WAIT_SECONDS,
                              cwd=self.folder, env=os.environ | environment, check=False)

    def write(self, text: str) -> str:
        path = self.folder / f"{self._testMethodName}.yaml"
        path.write_text(text)
        return str(path)

    def tree(self, **changes: Any) -> dict[str, Any]:
        return configuration(143, self.pair, **changes)

    def check(self, tree: dict[str, Any] | str) -> subprocess.CompletedProcess[str]:
        return self.postern("check", "-c", self.write(tree if isinstance(tree, str) else json.dumps(tree, indent=1)))

    def assert_refused(self, tree: dict[str, Any] | str, *words: str) -> str:
        done = self.check(tree)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, said)
        for word in words:
            self.assertIn(word, said)
        # Every error says where: file:line:column.
        self.assertRegex(said, rf"(?m)^{re.escape(str(self.folder))}\S*:\d+:\d+: error: ")
        return said

    def test_a_good_configuration_passes(self) -> None:
        path = self.write(json.dumps(self.tree()))
        for arguments in (("check", "-c", path), ("-t", "-c", path)):
            done = self.postern(*arguments)
            self.assertEqual(done.returncode, 0, (arguments, done.stdout + done.stderr))

    def test_capabilities_are_shown_as_configured(self) -> None:
        bare = self.postern("capabilities")
        self.assertEqual((bare.returncode, bare.stderr), (0, ""))
        self.assertRegex(bare.stdout, r"(?m)^IDLE +pass  RFC 2177")
        self.assertRegex(bare.stdout, r"(?m)^COMPRESS= +hide  ")
        path = self.write(json.dumps(self.tree(rewrite={"capabilities": {"hide": ["IDLE"], "add": ["X-OURS"]}})))
        shown = {row["name"]: row["verdict"] for row in json.loads(
            self.postern("capabilities", "-c", path, "--json").stdout)}
        self.assertEqual((shown["IDLE"], shown["X-OURS"], shown["MOVE"]), ("hide", "pass", "pass"))
        self.assertEqual(self.postern("capabilities", "-c", self.write("version: 2\n")).returncode, 1)
        self.assertEqual(self.postern("capabilities", "--xml").returncode, 2)

    def test_the_example_that_ships_is_complete_but_for_its_files(self) -> None:
        example = (ROOT / "config/postern.yaml").read_text()
        example = re.sub(r"(cert|key): /\S+\.(crt|key)", lambda found: f"{found[1]}: {getattr(self.pair, found[1])}",
                         example)
        done = self.check(example)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_shortest_configuration_of_the_readme_passes(self) -> None:
        block = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
        done = self.check(block.replace("/etc/postern/tls/tls.crt", str(self.pair.cert))
                          .replace("/etc/postern/tls/tls.key", str(self.pair.key)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_unknown_key_is_refused_with_the_nearest_name(self) -> None:
        text = json.dumps(self.tree(), indent=1).replace('"tls": {', '"tls": {"min_verison": "1.2",', 1)
        said = self.assert_refused(text, "unknown key 'min_verison'", "did you mean 'min_version'?")
        self.assertIn("in tls", said)

    def test_all_errors_come_at_once(self) -> None:
        tree = self.tree(limits={"line": "many", "timeouts": {"idle": "soon"}}, workers="two")
        tree["colour"] = "blue"
        said = self.assert_refused(tree, "line", "idle", "workers", "colour")
        self.assertGreaterEqual(said.count("error:"), 4)

    def test_a_duplicate_key_is_refused(self) -> None:
        self.assert_refused('version: 1\nworkers: 1\nworkers: 2\n', "workers")

    def test_strict_scalars(self) -> None:
        for changes in ({"workers": "010"}, {"tls": {"watch": "yes"}}, {"limits": {"line": "64kB"}},
                        {"limits": {"timeouts": {"idle": "32"}}}):
            with self.subTest(changes):
                text = json.dumps(self.tree(**changes), indent=1)
                # Unquoted, as a person would write it.
                for value in ("010", "yes", "64kB", "32"):
                    text = text.replace(f'"{value}"', value)
                self.assert_refused(text)

    def test_a_feature_of_a_later_version_is_refused_not_ignored(self) -> None:
        for changes in ({"audit": {"syslog": "udp://a:514"}}, {"rewrite": {"compress": True}},
                        {"routes": [{"lookup": {"file": "users.map"}}]}, {"admin": {"address": "127.0.0.1:1"}}):
            with self.subTest(changes):
                self.assert_refused(self.tree(**changes), "not supported in this version")

    def test_clear_text_only_where_it_is_allowed(self) -> None:
        listener = {"name": "clear", "address": "127.0.0.1:0", "tls": "off"}
        self.assert_refused(self.tree(listeners=[listener]), "allow_cleartext")
        done = self.check(self.tree(listeners=[listener | {"allow_cleartext": True}]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_certificate_that_cannot_serve_is_refused(self) -> None:
        for cert, key, word in ((self.pair.cert, self.other.key, "key"),
                                (self.folder / "none.crt", self.pair.key, "none.crt"),
                                (self.pair.key, self.pair.key, "")):
            with self.subTest(cert=cert.name, key=key.name):
                pair = {"cert": str(cert), "key": str(key)}
                self.assert_refused(self.tree(tls={"certificates": [pair]}), word)

    def test_values_from_the_environment_and_from_files(self) -> None:
        secret = self.folder / "greeting"
        secret.write_text("Hello from a file\n")
        tree = self.tree(rewrite={"greeting": f"${{env:POSTERN_TEST_WORD}} ${{file:{secret}}}"})
        path = self.write(json.dumps(tree))
        done = self.postern("check", "-c", path, POSTERN_TEST_WORD="x")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_refused(tree, "POSTERN_TEST_WORD")

    def test_no_secret_is_shown_in_a_diagnostic(self) -> None:
        path = self.write(json.dumps(self.tree(limits={"line": "${env:POSTERN_TEST_SECRET}"})))
        done = self.postern("check", "-c", path, POSTERN_TEST_SECRET="canary-in-env")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("canary-in-env", done.stdout + done.stderr)

    def test_run_refuses_what_check_refuses(self) -> None:
        done = self.postern("run", "-c", self.write(json.dumps(merge(self.tree(), {"colour": "blue"}))))
        self.assertEqual(done.returncode, 1)
        self.assertIn("colour", done.stdout + done.stderr)

    def test_a_file_that_is_not_there(self) -> None:
        for verb in ("run", "check"):
            done = self.postern(verb, "-c", "none.yaml")
            self.assertEqual(done.returncode, 1)
            self.assertIn("none.yaml", done.stdout + done.stderr)

    def test_version_and_help(self) -> None:
        version = self.postern("version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"\d+\.\d+\.\d+")
        shown = self.postern("--help")
        self.assertEqual(shown.returncode, 0)
        for word in ("run", "check", "version"):
            self.assertIn(word, shown.stdout)

    def test_wrong_usage_is_exit_status_2(self) -> None:
        for arguments in ((), ("fly",), ("run",), ("check", "--no-such-option"), ("run", "-c")):
            done = self.postern(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stdout + done.stderr))

    def test_a_port_that_is_taken_is_exit_status_1(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            listener = {"name": "taken", "address": f"127.0.0.1:{port}", "tls": "implicit"}
            done = self.postern("run", "-c", self.write(json.dumps(self.tree(listeners=[listener]))))
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(port), done.stdout + done.stderr)


if __name__ == "__main__":
    main()
