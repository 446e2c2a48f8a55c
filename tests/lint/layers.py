#!/usr/bin/env python3
"""Includes go strictly downwards: reads the include lines and holds them against the table of layers.

A layer sees itself and the layers named here, nothing else. Libraries belong to a layer, some to a few files.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterable, Iterator

from sources import Finding, Source, cpp_sources, report

# layer -> the layers that it may include (ARCHITECTURE.md has the picture)
LAYERS: dict[str, set[str]] = {
    "base": set(),
    "imap": {"base"},
    "config": {"base"},
    "telemetry": {"base"},
    "filters": {"base", "imap", "config", "telemetry"},
    "session": {"base", "imap", "config", "telemetry", "filters"},
    "tls": {"base", "imap", "config", "telemetry", "filters"},
    "audit": {"base", "imap", "config", "telemetry", "tls"},
    "net": {"base", "imap", "config", "telemetry", "filters", "session", "tls"},
    "server": {"base", "imap", "config", "telemetry", "filters", "session", "tls", "net", "audit"},
}

# begin of an include -> (layers that may have it, files at most, headers allowed)
LIBRARIES: dict[str, tuple[set[str], int, bool]] = {
    "uv.h": ({"net", "server"}, 1000, True),
    "openssl/": ({"tls"}, 1000, True),
    "re2/": ({"filters"}, 1, False),
    "utf8proc.h": ({"imap"}, 1, False),
    "yaml-cpp/": ({"config"}, 1, False),
    "llhttp": ({"server"}, 1, False),
    "prometheus/": ({"server"}, 1, False),
    "spdlog/": ({"server"}, 1, False),
    "CLI/": ({"server"}, 1, False),
    "nlohmann/": ({"config", "server"}, 2, False),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path: str) -> str | None:
    """The layer that a file of the product belongs to; None for tests."""
    parts = path.split("/")
    if parts[0] == "proxy" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("config", "filters") else None


def includes(source: Source) -> Iterator[tuple[int, str, bool]]:
    for number, line in enumerate(source.lines, 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[2], found[1] == '"'


def check_own(source: Source, layer: str, number: int, name: str) -> Iterator[Finding]:
    target = name.split("/")[0]
    if "/" not in name:
        yield Finding(source.path, number, f'"{name}": an include names its layer, as in "{layer}/{name}"')
    elif target not in LAYERS:
        yield Finding(source.path, number, f'"{name}": {target} is no layer')
    elif target != layer and target not in LAYERS[layer]:
        yield Finding(source.path, number, f'"{name}": {layer} must not see {target}')


def check_library(source: Source, layer: str, number: int, name: str,
                  users: dict[str, set[str]]) -> Iterator[Finding]:
    for prefix, (layers, files_max, in_headers) in LIBRARIES.items():
        if not name.startswith(prefix):
            continue
        if layer not in layers:
            yield Finding(source.path, number, f"<{name}> belongs to {' and '.join(sorted(layers))}, not to {layer}")
        if source.is_header and not in_headers:
            yield Finding(source.path, number, f"<{name}> is for a .cc file: a header spreads it")
        users.setdefault(prefix, set()).add(source.path)
        if len(users[prefix]) > files_max:
            listed = ", ".join(sorted(users[prefix]))
            yield Finding(source.path, number, f"<{name}>: in at most {files_max} files, but it is in {listed}")


def check_sources(sources: Iterable[Source]) -> Iterator[Finding]:
    users: dict[str, set[str]] = {}
    for source in sources:
        layer = layer_of(source.path)
        if layer is None:
            continue
        if layer not in LAYERS:
            yield Finding(source.path, 1, f"{layer} is no layer")
            continue
        for number, name, own in includes(source):
            if own:
                yield from check_own(source, layer, number, name)
            yield from check_library(source, layer, number, name, users)


def check(root: pathlib.Path) -> Iterator[Finding]:
    return check_sources(cpp_sources(root))


if __name__ == "__main__":
    sys.exit(report(check))
