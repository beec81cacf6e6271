"""Runs the service under test: a real gunicorn, started the way the README says."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = STOP_SECONDS = 15


@dataclass(frozen=True)
class Server:
    """A running service. `pid` is gunicorn's arbiter, `log` the file with all that it prints."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def ready(self) -> bool:
        """Whether /readyz answers 200."""
        with closing(HTTPConnection(self.host, self.port, timeout=2)) as connection:
            try:
                connection.request("GET", "/readyz")
                with connection.getresponse() as response:
                    return response.status == 200
            except OSError:
                return False

    def wait(self) -> None:
        """Wait until it is ready; fail with its log when it does not get there."""
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            running = self.process.poll() is None and time.monotonic() < deadline
            assert running, f"the service did not start:\n{self.log.read_text()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, and see that it does so cleanly and has never printed a traceback."""
        self.process.terminate()
        self.end()

    def end(self) -> None:
        """See that it ends as `stop` says, once it is asked to: a second signal may come when none is handled."""
        workers = self.workers if self.process.poll() is None else []
        try:
            assert self.process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            for pid in (self.pid, *workers):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            raise
        assert "Traceback" not in self.log.read_text()


@contextmanager
def running(command: list[str], folder: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a program in a folder, from when it is ready until the context ends; fail with its log where it is not."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    log: Path,
    app: str = "service.app:create_app()",
    workers: int = 1,
    root: Path = ROOT,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    **environment: str,
) -> Server:
    """Start gunicorn on a tree with so many workers and these environment variables; it may not be ready yet."""
    port = port or free_port()
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    command = [
        gunicorn,
        "-c",
        "deploy/gunicorn.conf.py",
        "-b",
        f"{host}:{port}",
        "-w",
        str(workers),
        app,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=root, env=os.environ | environment, stdout=output, stderr=output)
    return Server(port, process, log)
