"""Who may call: keys known by their SHA-256, and JSON Web Tokens. What is not listed as open is denied.

`python -m service.access NAME` makes a key.
"""

import hashlib
import hmac
import importlib.util
import json
import logging
import re
import secrets
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from flask import Flask, g, request

from service.problems import Problem

# Probes have no key, and say nothing but that the process is there. All else is denied to those without one.
OPEN = frozenset({"/livez", "/readyz", "/healthz"})
PREFIX = "assay_"
KEY_BYTES = 32
LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})\s+(?P<digest>[0-9a-f]{64})")
# Signatures by public keys: a list of our own, so that no token chooses `none`, or takes a public key for a secret.
ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
SYMMETRIC = "oct"
# The most that clocks of issuer and service may differ, in seconds.
LEEWAY = 30

Value = TypeVar("Value")
log = logging.getLogger(__name__)


class Watched(Generic[Value]):
    """What a file says, read again once it has changed. Raises `OSError` or `ValueError` where it cannot be at first.

    Later what it said before holds on, and the log says so: a slip of the pen locks nobody out.
    """

    def __init__(self, path: str, read: Callable[[bytes], Value]) -> None:
        self.path, self.read = Path(path), read
        self.state = self._state()
        self.value = read(self.path.read_bytes())

    def current(self) -> Value:
        """What it says now."""
        state = self._state()
        if state != self.state:
            self.state = state
            try:
                self.value = self.read(self.path.read_bytes())
            except (OSError, ValueError) as error:
                log.error("%s has changed and is not used, what it said before holds: %s", self.path, error)  # noqa: TRY400  # its traceback says nothing more
        return self.value

    def _state(self) -> tuple[int, int, int] | None:
        """What tells one version of the file from another; None where there is no file."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


def keys_of(content: bytes) -> dict[bytes, str]:
    """The names of keys by their digests. Raises `ValueError` where a line is no name and SHA-256."""
    keys: dict[bytes, str] = {}
    for number, line in enumerate(content.decode().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"Line {number} is not a name and the SHA-256 of a key in small hexadecimal digits.")
        keys[bytes.fromhex(found["digest"])] = found["name"]
    if not keys:
        raise ValueError("There is no key in it.")
    return keys


class Keys:
    """Keys in a file. Only their digests are stored: a key has 256 random bits, so that no salt is needed."""

    def __init__(self, path: str) -> None:
        self.file = Watched(path, keys_of)

    def caller(self, token: str) -> str | None:
        """The name of a key, None where it is none of these. Takes the same time for every wrong one."""
        digest = hashlib.sha256(token.encode()).digest()
        named = [name for known, name in self.file.current().items() if hmac.compare_digest(known, digest)]
        return named[0] if named else None


class Tokens:
    """JSON Web Tokens of one issuer for one audience, signed by a key of a JWK set."""

    def __init__(self, path: str, issuer: str, audience: str) -> None:
        if importlib.util.find_spec("joserfc") is None:
            raise ValueError("JSON Web Tokens need the extra `jwt`: install assay[jwt].")
        if not issuer or not audience:
            raise ValueError("JSON Web Tokens need ASSAY_JWT_ISSUER and ASSAY_JWT_AUDIENCE, too.")
        from joserfc import errors, jwk, jwt  # noqa: PLC0415  # where the extra is installed

        # Issuers still sign by the older name of Ed25519.
        warnings.filterwarnings("ignore", category=errors.SecurityWarning)
        self.decode = jwt.decode
        self.claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            exp={"essential": True},
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
        )

        def read(content: bytes) -> Any:
            try:
                keys = jwk.KeySet.import_key_set(json.loads(content))
            except (errors.JoseError, KeyError, TypeError) as error:
                raise ValueError(f"It is no set of JSON Web Keys: {error}") from None
            if any(key.key_type == SYMMETRIC for key in keys):
                raise ValueError("It holds a secret. Only public keys belong there.")
            return keys

        self.file = Watched(path, read)

    def caller(self, token: str) -> str | None:
        """`jwt` where the token is valid, else None."""
        try:
            found = self.decode(token, self.file.current(), algorithms=ALGORITHMS)
            self.claims.validate(found.claims)
        except Exception:  # noqa: BLE001  # whatever a hostile token makes a library raise, it is not valid
            return None
        return "jwt"


class Access:
    """Who may call, by the settings; everyone where there are none. Raises `ValueError` where they do not fit."""

    def __init__(self, api_keys_file: str, jwt_keys_file: str, jwt_issuer: str, jwt_audience: str) -> None:
        self.ways: list[Keys | Tokens] = []
        try:
            if api_keys_file:
                self.ways.append(Keys(api_keys_file))
            if jwt_keys_file:
                self.ways.append(Tokens(jwt_keys_file, jwt_issuer, jwt_audience))
            elif jwt_issuer or jwt_audience:
                raise ValueError("JSON Web Tokens need ASSAY_JWT_KEYS_FILE, too.")
        except OSError as error:
            raise ValueError(str(error)) from None

    def caller(self, authorization: str) -> str | None:
        """Who sent this header, None where that is unknown."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.isascii():
            return None
        return next(filter(None, (way.caller(token.strip()) for way in self.ways)), None)

    def register(self, app: Flask) -> None:
        """Deny every request that has no key, but those of open routes; the path need not exist."""
        if not self.ways:
            return

        @app.before_request
        def permit() -> None:
            if request.url_rule is not None and request.url_rule.rule in OPEN:
                return
            g.caller = self.caller(request.headers.get("Authorization", ""))
            if g.caller is None:
                raise Problem(
                    "unauthorized",
                    "Send a key that is known here, as `Authorization: Bearer ...`.",
                    headers={"WWW-Authenticate": 'Bearer realm="assay"'},
                )


def main(arguments: list[str]) -> None:
    """Make a key of this name: print it, and the line by which the service knows it."""
    if len(arguments) != 1 or not LINE.fullmatch(f"{arguments[0]} {'0' * 64}"):
        sys.exit("Name the caller, by letters, digits, dots, underscores and hyphens: make key NAME=pipeline")
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    sys.stdout.write(
        f"The key, shown this once. The caller sends it as `Authorization: Bearer ...`:\n\n{key}\n\n"
        "A line for the file that ASSAY_API_KEYS_FILE names; it is read again when it changes:\n\n"
        f"{arguments[0]} {hashlib.sha256(key.encode()).hexdigest()}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
