"""Who may call: keys, tokens and open routes, through a real gunicorn."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt

from service.access import OPEN
from service.app import create_app
from service.settings import Settings
from tests.data.bad_inputs import FINE, JSON
from tests.serving import ROOT, Server, start
from tests.wire import Answer, request

ISSUER, AUDIENCE = "https://issuer.example", "assay"
REPORT = "/v1/binary/report"
# Every route, and whether it is open; one that is added has to be added here, too.
ROUTES = {
    "/": False,
    "/livez": True,
    "/readyz": True,
    "/healthz": True,
    "/metrics": False,
    "/openapi.yaml": False,
    "/openapi.json": False,
    "/v1/metrics": False,
    "/v1/findings": False,
    "/v1/limits": False,
    **{
        f"/v1/{task}/{verb}": False
        for task in ("binary", "multiclass", "multilabel", "regression", "ranking")
        for verb in ("report", "compare")
    },
}


def made_key(name: str) -> tuple[str, str]:
    """A key, and its line of the file, as `make key` gives them."""
    command = [sys.executable, "-m", "service.access", name]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    key, line = re.findall(r"^(assay_\S{43}|\S+ [0-9a-f]{64})$", printed, re.MULTILINE)
    return key, line


class Issuer:
    """Who issues tokens: a private key of each kind, and the set of the public ones."""

    def __init__(self) -> None:
        self.private = {
            "RS256": jwk.RSAKey.generate_key(2048, {"kid": "rsa"}),
            "ES256": jwk.ECKey.generate_key("P-256", {"kid": "ec"}),
            "EdDSA": jwk.OKPKey.generate_key("Ed25519", {"kid": "ed"}),
        }

    @property
    def public(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.private.values()]}

    def token(self, algorithm: str = "ES256", key: Any = None, header: Any = None, **claims: Any) -> str:
        """A token that is valid but for what is given otherwise; a claim of None is left out."""
        every = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600} | claims
        key = key or self.private[algorithm]
        said = {"alg": algorithm, "kid": key.kid} | (header or {})
        return jwt.encode(said, {name: value for name, value in every.items() if value is not None}, key, [algorithm])


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    """Keys and their lines by name."""
    return {name: made_key(name) for name in ("pipeline", "ci")}


@pytest.fixture(scope="module")
def guarded(
    issuer: Issuer,
    keys: dict[str, tuple[str, str]],
    start_server: Callable[..., Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    """A service that knows one key and the issuer."""
    folder = tmp_path_factory.mktemp("access")
    (folder / "keys").write_text(f"# who may call\n{keys['pipeline'][1]}\n")
    (folder / "jwks").write_text(json.dumps(issuer.public))
    return start_server(
        ASSAY_API_KEYS_FILE=str(folder / "keys"),
        ASSAY_JWT_KEYS_FILE=str(folder / "jwks"),
        ASSAY_JWT_ISSUER=ISSUER,
        ASSAY_JWT_AUDIENCE=AUDIENCE,
    )


def asked(server: Server, authorization: str | None, path: str = REPORT) -> Answer:
    """A report asked for with this header."""
    headers = JSON | ({} if authorization is None else {"Authorization": authorization})
    return request(server.port, target=path, headers=headers, body=FINE)


def test_every_route_is_listed_and_all_but_probes_are_denied():
    rules = {rule.rule for rule in create_app(Settings()).url_map.iter_rules()}
    assert rules == ROUTES.keys()
    assert {rule for rule, is_open in ROUTES.items() if is_open} == OPEN


@pytest.mark.parametrize("path", [*ROUTES, "/nowhere", "/livez/", "/v1/binary"])
def test_without_a_key_only_probes_answer(guarded, path):
    for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
        answer = request(guarded.port, method=method, target=path, headers={})
        if ROUTES.get(path) and method in {"GET", "HEAD"}:
            assert answer.status == 200
        else:
            assert answer.status == 401, method
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="assay"'


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_key_and_a_token_of_each_kind_give_a_report(guarded, issuer, keys):
    for authorization in (f"Bearer {keys['pipeline'][0]}", f"bearer  {keys['pipeline'][0]} "):
        assert asked(guarded, authorization).status == 200
    for algorithm in issuer.private:
        assert asked(guarded, f"Bearer {issuer.token(algorithm)}").status == 200
    assert asked(guarded, f"Bearer {issuer.token(aud=['other', AUDIENCE])}").status == 200
    assert asked(guarded, f"Bearer {keys['pipeline'][0]}", "/metrics").status == 405


def unsigned(claims: dict[str, Any], algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": algorithm, "kid": "rsa"}, claims)
    ]
    return b".".join([*parts, base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")]).decode()


def bad_tokens(issuer: Issuer, keys: dict[str, tuple[str, str]]) -> dict[str, str | None]:
    """The Authorization headers that nobody may call with."""
    key, line = keys["pipeline"]
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    public = issuer.private["RS256"].as_pem(private=False)
    forged = unsigned(claims, "HS256", lambda text: hmac.digest(public, text, hashlib.sha256))
    good = issuer.token()
    head, body, signature = good.split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "admin"}).encode()).rstrip(b"=").decode()
    return {
        "no header": None,
        "an empty one": "",
        "no token": "Bearer",
        "another scheme": f"Basic {base64.b64encode(f'pipeline:{key}'.encode()).decode()}",
        "a key without scheme": key,
        "a key that is cut": f"Bearer {key[:-1]}",
        "a key with more": f"Bearer {key}x",
        "its digest": f"Bearer {line.split()[1]}",
        "its name": "Bearer pipeline",
        "the key of another service": f"Bearer {keys['ci'][0]}",
        "not ASCII": "Bearer \u00fc",
        "an expired token": f"Bearer {issuer.token(exp=int(time.time()) - 3600)}",
        "a token without end": f"Bearer {issuer.token(exp=None)}",
        "a token of later": f"Bearer {issuer.token(nbf=int(time.time()) + 3600)}",
        "another issuer": f"Bearer {issuer.token(iss='https://other.example')}",
        "no issuer": f"Bearer {issuer.token(iss=None)}",
        "another audience": f"Bearer {issuer.token(aud='other')}",
        "no audience": f"Bearer {issuer.token(aud=None)}",
        "another's signature": f"Bearer {Issuer().token()}",
        "an unknown key": f"Bearer {issuer.token(key=jwk.ECKey.generate_key('P-256', {'kid': 'new'}))}",
        "other claims": f"Bearer {head}.{other}.{signature}",
        "no signature": f"Bearer {head}.{body}.",
        "algorithm none": f"Bearer {unsigned(claims, 'none', lambda _: b'')}",
        "a public key as secret": f"Bearer {forged}",
        "an end that is text": f"Bearer {issuer.token(exp='never')}",
        "dots": "Bearer ...",
    }


def test_bad_tokens_are_refused_alike(guarded, issuer, keys):
    tokens = bad_tokens(issuer, keys)
    assert len(tokens) >= 20
    for what, authorization in tokens.items():
        answer = asked(guarded, authorization)
        assert answer.status == 401, what
        problem = answer.json()
        assert problem.pop("request_id")
        assert problem["type"] == "urn:assay:problem:unauthorized"
        assert problem == {
            "type": "urn:assay:problem:unauthorized",
            "title": "The request needs a key",
            "status": 401,
            "detail": "Send a key that is known here, as `Authorization: Bearer ...`.",
        }


def test_keys_are_read_again_when_they_change_and_kept_when_that_fails(keys, start_server, tmp_path):
    path = tmp_path / "keys"
    path.write_text(keys["pipeline"][1])
    server = start_server(ASSAY_API_KEYS_FILE=str(path))
    first, second = (f"Bearer {keys[name][0]}" for name in ("pipeline", "ci"))
    for content, statuses in (
        (None, (200, 401)),
        (f"{keys['pipeline'][1]}\n{keys['ci'][1]}\n", (200, 200)),
        (keys["ci"][1], (401, 200)),
        ("ci not-a-digest", (401, 200)),
        ("", (401, 200)),
    ):
        if content is not None:
            replaced = tmp_path / "new"
            replaced.write_text(content)
            replaced.replace(path)
        assert (asked(server, first).status, asked(server, second).status) == statuses, content
    path.unlink()
    assert (asked(server, first).status, asked(server, second).status) == (401, 200)
    assert server.log.read_text().count("is not used") == 3


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"ASSAY_API_KEYS_FILE": "/nowhere/keys"}, "No such file"),
        ({"ASSAY_API_KEYS_FILE": "README.md"}, "Line 3 is not a name"),
        ({"ASSAY_API_KEYS_FILE": os.devnull}, "There is no key"),
        ({"ASSAY_JWT_ISSUER": ISSUER}, "ASSAY_JWT_KEYS_FILE"),
        ({"ASSAY_JWT_KEYS_FILE": "README.md"}, "ASSAY_JWT_ISSUER and ASSAY_JWT_AUDIENCE"),
        (
            {"ASSAY_JWT_KEYS_FILE": "openapi.yaml", "ASSAY_JWT_ISSUER": "a", "ASSAY_JWT_AUDIENCE": "b"},
            "Expecting value",
        ),
    ],
)
def test_what_cannot_be_read_stops_the_start(environment, said, tmp_path):
    server = start(tmp_path / "log", **environment)
    assert server.process.wait(15) != 0
    assert said in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def test_a_set_of_keys_holds_no_secret(issuer, tmp_path):
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}
    for keys in ({"keys": [*issuer.public["keys"], secret]}, {"keys": []}, {}, []):
        (tmp_path / "jwks").write_text(json.dumps(keys))
        with pytest.raises(ValueError, match=r"JSON Web Keys|Only public keys"):
            _ = Settings(jwt_keys_file=str(tmp_path / "jwks"), jwt_issuer="a", jwt_audience="b").access


def test_a_name_is_needed_for_a_key():
    for names in ([], ["two words"], ["a", "b"], ["x" * 65]):
        command = [sys.executable, "-m", "service.access", *names]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """What a service logs that listens at an address."""
    servers = []

    def logged(address: str, **environment: str) -> str:
        servers.append(start(tmp_path / "log", host=address, **environment))
        servers[-1].wait()
        return servers[-1].log.read_text()

    yield logged
    for server in servers:
        server.stop()


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # what is tried
def test_it_is_said_aloud_that_anyone_may_call(address, guarded, listening, keys, tmp_path):
    (tmp_path / "keys").write_text(keys["ci"][1])
    environment = {"ASSAY_API_KEYS_FILE": str(tmp_path / "keys")} if guarded else {}
    assert ("ANYONE WHO REACHES" in listening(address, **environment)) is (address != "127.0.0.1" and not guarded)
