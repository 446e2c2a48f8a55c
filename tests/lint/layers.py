#!/usr/bin/env python3
"""Includes go strictly downwards: reads the include lines and holds them against the table of layers.

A layer is a folder, or a folder inside one where the table says so; it sees itself and the layers named here,
nothing else. Libraries belong to a layer, some to a few files.
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
    "crypto": {"base"},
    "imap": {"base"},
    "record": {"base"},
    "audit/trail": {"base", "config", "crypto", "imap", "record"},
    "config": {"base"},
    "audit/writer": {"audit/trail", "base", "config", "crypto", "record"},
    "filters": {"base", "config", "imap"},
    "filters/review": {"base", "config", "filters", "imap"},
    "ledger": {"base", "config", "crypto"},
    "telemetry": {"base"},
    "tls": {"base", "config", "crypto"},
    "net": {"base", "config", "telemetry", "tls"},
    "plan": {"audit/trail", "base", "config", "crypto", "filters", "filters/review", "record", "telemetry", "tls"},
    "proxy_protocol": {"base", "config", "filters", "net", "telemetry"},
    "session": {"base", "config", "filters", "imap", "record", "telemetry"},
    "relay": {"base", "config", "filters", "imap", "net", "record", "session", "telemetry", "tls"},
    "status": {"audit/writer", "base", "imap", "net", "telemetry"},
    "upstreams": {"base", "config", "crypto", "filters", "imap", "net", "plan", "proxy_protocol", "relay",
                  "session", "telemetry", "tls"},
    "tools": {"audit/trail", "base", "config", "crypto", "filters", "imap", "ledger", "plan", "session",
              "upstreams"},
    "process": {"audit/writer", "base", "config", "crypto", "ledger", "net", "plan", "proxy_protocol", "relay",
                "session", "status", "telemetry", "tls", "tools", "upstreams"},
}

# begin of an include -> (layers that may have it, files at most, headers allowed)
LIBRARIES: dict[str, tuple[set[str], int, bool]] = {
    "uv.h": ({"net", "process", "proxy_protocol", "relay", "status", "upstreams"}, 1000, True),
    "openssl/": ({"crypto", "tls"}, 1000, True),
    "re2/": ({"filters"}, 1, False),
    "utf8proc.h": ({"imap"}, 1, False),
    "yaml-cpp/": ({"config"}, 1, False),
    "llhttp": ({"status"}, 1, False),
    "prometheus/": ({"status"}, 1, False),
    "spdlog/": ({"process"}, 1, False),
    "CLI/": ({"tools"}, 1, False),
    "nlohmann/": ({"tools"}, 1, False),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_named(path: str) -> str:
    """The layer of a path below the include root: the longest name in the table that leads to it, else its folder."""
    parts = path.split("/")
    room = "/".join(parts[:2])
    return room if len(parts) > 2 and room in LAYERS else parts[0]


def layer_of(path: str) -> str | None:
    """The layer that a file of the product belongs to; None for tests."""
    parts = path.split("/")
    if parts[0] == "proxy" and len(parts) > 2:
        return layer_named(path.removeprefix("proxy/"))
    return layer_named(path) if parts[0] in ("config", "filters") else None


def includes(source: Source) -> Iterator[tuple[int, str, bool]]:
    for number, line in enumerate(source.lines, 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[2], found[1] == '"'


def check_own(source: Source, layer: str, number: int, name: str) -> Iterator[Finding]:
    target = layer_named(name)
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
