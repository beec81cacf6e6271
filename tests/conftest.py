"""The service under test, with either JSON decoder."""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.serving import ROOT, Server, start

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# What to add to the environment for either decoder.
DECODERS = {"simdjson": {}, "stdlib": {"PYTHONPATH": str(ROOT / "tests/data/without_simdjson")}}


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a service with the given environment variables; all are stopped, at once, when the tests are over."""
    servers: list[Server] = []

    def started(**environment: str) -> Server:
        servers.append(start(tmp_path_factory.mktemp("server") / "log", **environment))
        servers[-1].wait()
        return servers[-1]

    with ExitStack() as running:
        yield started
        for server in servers:
            running.callback(server.end)
            server.process.terminate()


@pytest.fixture(scope="session", params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of either JSON decoder."""
    return DECODERS[request.param]


@pytest.fixture(scope="session")
def server(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service with default settings; each test runs with either JSON decoder."""
    return start_server(**decoder)


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later search for garbage."""
    gc.collect()
    gc.freeze()
