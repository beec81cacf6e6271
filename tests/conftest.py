"""The service under test, with either JSON decoder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.serving import ROOT, Server, start

# What to add to the environment for either decoder.
DECODERS = {"simdjson": {}, "stdlib": {"PYTHONPATH": str(ROOT / "tests/data/without_simdjson")}}


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a service with the given environment variables; all are stopped when the tests are over."""
    with ExitStack() as running:

        def started(**environment: str) -> Server:
            server = start(tmp_path_factory.mktemp("server") / "log", **environment)
            running.callback(server.stop)
            server.wait()
            return server

        yield started


@pytest.fixture(scope="session", params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of either JSON decoder."""
    return DECODERS[request.param]


@pytest.fixture(scope="session")
def server(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service with default settings; each test runs with either JSON decoder."""
    return start_server(**decoder)
