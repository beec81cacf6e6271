"""A raw HTTP/1.1 client for tests: sends exactly the bytes it is given, to this machine only."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPMessage, HTTPResponse
from typing import Any, NamedTuple

JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """One response; `closed` tells whether the server ended the connection after it, as far as that was waited for."""

    status: int
    headers: HTTPMessage
    body: bytes
    closed: bool

    @property
    def text(self) -> str:
        """All that the client sees: head and body."""
        return f"{self.headers}{self.body.decode('utf-8', 'replace')}"

    def json(self) -> Any:
        return json.loads(self.body)


def exchange(
    port: int, *parts: bytes, method: str = "POST", end: bool = False, timeout: float = 10.0, patience: float = 0.0
) -> Answer:
    """Send the parts and read one response. `end` says that nothing more will come, with a half-close.

    A server may answer and hang up before it has read everything, so a failing send is no failure here. `patience` is
    how long to wait for it to hang up.
    """
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
            if end:
                connection.shutdown(socket.SHUT_WR)
        with HTTPResponse(connection, method=method) as response:
            response.begin()
            body = response.read()
            return Answer(
                response.status, response.headers, body, response.will_close or hangs_up(connection, patience)
            )


def hangs_up(connection: socket.socket, patience: float) -> bool:
    """Whether the other side ends the connection within so many seconds."""
    if not patience:
        return False
    connection.settimeout(patience)
    try:
        return not connection.recv(1)
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def head(method: str, target: str | bytes, headers: Mapping[str, str | bytes]) -> bytes:
    """A request line and headers; Host comes first."""
    lines = [method.encode() + b" " + raw(target) + b" HTTP/1.1", b"Host: 127.0.0.1"]
    return b"\r\n".join([*lines, *(name.encode() + b": " + raw(value) for name, value in headers.items()), b"", b""])


def raw(text: str | bytes) -> bytes:
    """The text as bytes."""
    return text.encode() if isinstance(text, str) else text


def request(
    port: int,
    method: str = "POST",
    target: str | bytes = "/v1/binary/report",
    *,
    headers: Mapping[str, str | bytes] = JSON,
    body: bytes = b"",
    timeout: float = 10.0,
) -> Answer:
    """Send a request with a Content-Length and read the response."""
    framed = {**headers, "Content-Length": str(len(body))} if body or method == "POST" else headers
    return exchange(port, head(method, target, framed), body, method=method, timeout=timeout)


def post(port: int, fields: Any, target: str = "/v1/binary/report") -> Answer:
    """Post the fields as JSON."""
    return request(port, target=target, body=json.dumps(fields).encode())


def chunked(body: bytes, size: int = 65536) -> bytes:
    """The body in chunks, with the last chunk."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
