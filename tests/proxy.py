"""nginx in front of the service under test, as deploy/nginx.conf sets it up."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.data.bad_inputs import FINE
from tests.serving import ROOT, free_port, running
from tests.wire import request

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONFIGURATION = ROOT / "deploy/nginx.conf"
UPSTREAM = "server assay:8000"
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx")


def configured(folder: Path, services: list[int], port: int, *, mtls: bool) -> Path:
    """The configuration of the tree, for these ports, in this folder; with `mtls` as its comment says."""
    written = CONFIGURATION.read_text()
    assert written.count(UPSTREAM) >= len(services)
    for service in islice(cycle(services), written.count(UPSTREAM)):
        written = written.replace(UPSTREAM, f"server 127.0.0.1:{service}", 1)
    listening = f"listen 127.0.0.1:{port}"
    assert "listen 8080;" in written
    if mtls:
        (option,) = re.findall(r"# For clients with certificates: (.*)", written)
        tls = (ROOT / "deploy/nginx-mtls.conf").read_text()
        assert "listen 8443 " in tls
        (folder / "nginx-mtls.conf").write_text(tls.replace("listen 8443", listening))
        written = written.replace("listen 8080;", option)
    else:
        written = written.replace("listen 8080", listening)
    (folder / "nginx.conf").write_text(written)
    return folder / "nginx.conf"


@contextmanager
def in_front_of(services: list[int], folder: Path, *, mtls: bool = False) -> Iterator[int]:
    """The port of an nginx in front of the services on other ports; it ends with the context."""
    port = free_port()
    # As root its workers would be nobody's, who has no way into the folder.
    user = " user root;" if os.geteuid() == 0 else ""
    written = configured(folder, services, port, mtls=mtls)
    command = [str(NGINX), "-p", str(folder), "-c", str(written), "-g", f"daemon off;{user}"]
    ready = listens if mtls else answers
    with running(command, folder, lambda: ready(port)):
        yield port


def answers(port: int) -> bool:
    """Whether a report comes back from this port."""
    with suppress(OSError):
        return request(port, body=FINE).status == 200
    return False


def listens(port: int) -> bool:
    """Whether someone takes connections at this port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
