"""The client's side of SASL mechanisms, short and without any library but Python's own.

Each is a generator: it is sent the server's challenges and yields the responses. A mechanism in which the client
speaks first yields its initial response before the first challenge; one in which the server does yields None there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Generator

from sandbox.wire import Reply, Wire

Dialogue = Generator[bytes | None, bytes, None]
Mechanism = Callable[[str, str], Dialogue]


def plain(user: str, password: str) -> Dialogue:
    yield f"\0{user}\0{password}".encode()


def login(user: str, password: str) -> Dialogue:
    yield None
    yield user.encode()
    yield password.encode()


def cram(hash_name: str) -> Mechanism:
    def dialogue(user: str, password: str) -> Dialogue:
        challenge = yield None
        yield f"{user} {hmac.new(password.encode(), challenge, hash_name).hexdigest()}".encode()

    return dialogue


def digest_md5(user: str, password: str) -> Dialogue:
    challenge = yield None
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.decode()))
    realm, nonce, own_nonce, uri = given.get("realm", ""), given["nonce"], os.urandom(12).hex(), "imap/mail.example"

    def hashed(text: bytes) -> str:
        return hashlib.md5(text).hexdigest()

    secret = hashlib.md5(f"{user}:{realm}:{password}".encode()).digest() + f":{nonce}:{own_nonce}".encode()
    middle = f"{nonce}:00000001:{own_nonce}:auth"
    response = hashed(f"{hashed(secret)}:{middle}:{hashed(f'AUTHENTICATE:{uri}'.encode())}".encode())
    challenge = yield (f'username="{user}",realm="{realm}",nonce="{nonce}",cnonce="{own_nonce}",nc=00000001,qop=auth,'
                       f'digest-uri="{uri}",response={response},charset=utf-8').encode()
    expected = hashed(f"{hashed(secret)}:{middle}:{hashed(f':{uri}'.encode())}".encode())
    if challenge != f"rspauth={expected}".encode():
        raise AssertionError("the server does not know the password")
    yield b""


def scram(hash_name: str) -> Mechanism:
    def dialogue(user: str, password: str) -> Dialogue:
        def keyed(key: bytes, text: bytes) -> bytes:
            return hmac.digest(key, text, hash_name)

        own_nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n={user},r={own_nonce}"
        challenge = yield f"n,,{first}".encode()
        given = dict(part.split("=", 1) for part in challenge.decode().split(","))
        if not given["r"].startswith(own_nonce):
            raise AssertionError("the server answers somebody else")
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), base64.b64decode(given["s"]), int(given["i"]))
        without_proof = f"c={base64.b64encode(b'n,,').decode()},r={given['r']}"
        signed = f"{first},{challenge.decode()},{without_proof}".encode()
        key = keyed(salted, b"Client Key")
        signature = keyed(hashlib.new(hash_name, key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        final = yield f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
        if final != b"v=" + base64.b64encode(keyed(keyed(salted, b"Server Key"), signed)):
            raise AssertionError("the server does not know the password")
        yield b""

    return dialogue


def xoauth2(user: str, token: str) -> Dialogue:
    yield f"user={user}\1auth=Bearer {token}\1\1".encode()
    yield b""  # to the challenge that tells the error


def oauthbearer(user: str, token: str) -> Dialogue:
    yield f"n,a={user},\1host=mail.example\1port=993\1auth=Bearer {token}\1\1".encode()
    yield b"\1"


MECHANISMS: dict[str, Mechanism] = {
    "PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram("md5"), "CRAM-SHA1": cram("sha1"), "CRAM-SHA256": cram("sha256"),
    "DIGEST-MD5": digest_md5, "SCRAM-SHA-1": scram("sha1"), "SCRAM-SHA-256": scram("sha256"), "XOAUTH2": xoauth2,
    "OAUTHBEARER": oauthbearer,
}


def authenticate(wire: Wire, name: str, user: str, secret: str, *,
                 with_initial: bool = False) -> tuple[Reply, list[bytes]]:
    """The completion of AUTHENTICATE and the challenges. `with_initial` puts the first response into the command."""
    return converse(wire, name, MECHANISMS[name](user, secret), with_initial=with_initial)


def converse(wire: Wire, name: str, dialogue: Dialogue, *, with_initial: bool = False) -> tuple[Reply, list[bytes]]:
    """The same with a dialogue that has begun with nothing yet."""
    response = next(dialogue)
    challenges: list[bytes] = []
    tag = wire.tag()
    if with_initial:
        if response is None:  # LOGIN, whose first challenge says nothing
            response = dialogue.send(b"")
        wire.send(b"%s AUTHENTICATE %s %s\r\n" % (tag.encode(), name.encode(), base64.b64encode(response)))
        response = None
    else:
        wire.send(f"{tag} AUTHENTICATE {name}")
    first = not with_initial
    while True:
        line = wire.line()
        if not line.startswith(b"+"):
            untagged = []
            while not line.startswith(tag.encode() + b" "):
                if not line:
                    raise ConnectionError(f"the stream ended within AUTHENTICATE {name}")
                untagged.append(line)
                line = wire.line()
            return Reply(line, untagged), challenges
        challenges.append(base64.b64decode(line[1:].strip()))
        if not first or response is None:
            response = dialogue.send(challenges[-1])
        first = False
        wire.send(base64.b64encode(response) + b"\r\n")
        response = None
