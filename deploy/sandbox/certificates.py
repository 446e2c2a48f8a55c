"""Fresh certificates for a private server, by the openssl command: keys that never leave their folder."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import ssl
import subprocess

DAYS = "30"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    cert: pathlib.Path
    key: pathlib.Path


def self_signed(folder: pathlib.Path, name: str, *, common_name: str = "") -> Pair:
    """A certificate for the DNS name and for 127.0.0.1; `common_name` tells two of them apart."""
    pair = _new_pair(folder, name)
    _openssl("req", "-x509", *_new_key(pair), "-days", DAYS, "-subj", f"/CN={common_name or name}",
             "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-out", str(pair.cert))
    return pair


def authority(folder: pathlib.Path) -> Pair:
    """A private authority that signs the certificates of `signed`."""
    pair = _new_pair(folder, "authority")
    _openssl("req", "-x509", *_new_key(pair), "-days", DAYS, "-subj", "/CN=Private Authority",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-out", str(pair.cert))
    return pair


def signed(folder: pathlib.Path, name: str, by: Pair, *, days: str = DAYS) -> Pair:
    """A certificate for the DNS name alone, signed by an authority; for a person where it is a mail address."""
    pair = _new_pair(folder, name)
    request = folder / f"{pair.cert.stem}.csr"
    extensions = folder / f"{pair.cert.stem}.ext"
    # Python 3.13 insists on what RFC 5280 asks of a certificate and its authority.
    extensions.write_text(f"subjectAltName={'email' if '@' in name else 'DNS'}:{name}\n"
                          "authorityKeyIdentifier=keyid:always\n")
    _openssl("req", *_new_key(pair), "-subj", f"/CN={name}", "-out", str(request))
    _openssl("x509", "-req", "-in", str(request), "-CA", str(by.cert), "-CAkey", str(by.key), "-CAcreateserial",
             *_lifetime(int(days)), "-extfile", str(extensions), "-out", str(pair.cert))
    return pair


def _lifetime(days: int) -> list[str]:
    """Newer OpenSSL makes no certificate that ends before it begins: one of the past has to begin there."""
    if days >= 0 or ssl.OPENSSL_VERSION_INFO < (3, 4):
        return ["-days", str(days)]
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    begin = end - datetime.timedelta(days=1)
    return ["-not_before", f"{begin:%Y%m%d%H%M%SZ}", "-not_after", f"{end:%Y%m%d%H%M%SZ}"]


def _new_pair(folder: pathlib.Path, name: str) -> Pair:
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("*.crt")))
    return Pair(folder / f"{name}-{number}.crt", folder / f"{name}-{number}.key")


def _new_key(pair: Pair) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pair.key)]


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
