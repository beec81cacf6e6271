"""What is wrong in the bytes of a request below HTTP's semantics, and which statuses each may get.

200 is among them where the oddity is ignored; nothing else makes a report. `closed` is for what may be hung up on,
`mended` for what nginx corrects or leaves out before it passes the request on.
"""

from dataclasses import dataclass

from tests.data.bad_inputs import BINARY, CANARY, FINE

LENGTH = f"Content-Length: {len(FINE)}\r\n".encode()
HOST = b"Host: 127.0.0.1\r\n"
TYPE = b"Content-Type: application/json\r\n"
POST = f"POST {BINARY} ".encode()
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(FINE), FINE)
# A greeting of TLS 1.2 with no extensions, as a client sends it to the wrong port.
HELLO = bytes.fromhex("16030100310100002d0303") + bytes(32) + bytes.fromhex("000006c02bc02f009c0100")


@dataclass(frozen=True)
class Sent:
    """The bytes of a request, after which the client sends nothing more, and the statuses it may get."""

    name: str
    statuses: tuple[int, ...]
    sent: bytes
    closed: bool = False
    mended: bool = False


def line(name: str, status: int | tuple[int, ...], first: bytes, *, mended: bool = False) -> Sent:
    """A request that is fine but for its first line."""
    return Sent(name, of(status), first + b"\r\n" + HOST + TYPE + LENGTH + b"\r\n" + FINE, mended=mended)


def header(name: str, status: int | tuple[int, ...], more: bytes, body: bytes = FINE, *, mended: bool = False) -> Sent:
    """A request with another line among its headers, or more; with a Content-Length unless these frame it."""
    length = b"" if b"ransfer-" in more else LENGTH
    return Sent(name, of(status), POST + b"HTTP/1.1\r\n" + HOST + TYPE + length + more + b"\r\n" + body, mended=mended)


def of(status: int | tuple[int, ...]) -> tuple[int, ...]:
    return (status,) if isinstance(status, int) else status


BAD_TRANSPORT = [
    header("T14 coding gzip", (400, 501), b"Transfer-Encoding: gzip\r\n"),
    header("T15 coding identity", (400, 501), b"Transfer-Encoding: identity\r\n"),
    header("T16 coding gzip, chunked", (400, 501), b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    header("T17 chunked twice", (400, 501), b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    header("T18 unknown coding", (400, 501), b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    header("T19 control character before the coding", (400, 501), b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    Sent(
        "T20 chunks in HTTP/1.0",
        (400,),
        POST + b"HTTP/1.0\r\n" + HOST + TYPE + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    ),
    Sent("T30 no Host", (400,), POST + b"HTTP/1.1\r\n" + TYPE + LENGTH + b"\r\n" + FINE),
    header("T31 two Hosts", 400, HOST),
    line("T32 HTTP/1.2", (400, 505), POST + b"HTTP/1.2", mended=True),
    line("T32 HTTP/1.10", (400, 505), POST + b"HTTP/1.10", mended=True),
    line("T32 HTTP/3.0", (400, 505), POST + b"HTTP/3.0"),
    line("T32 http/1.1", 400, POST + b"http/1.1"),
    Sent("T33 preface of HTTP/2", (400, 505), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), closed=True),
    Sent("T34 HTTP/0.9", (400, 505), b"GET /livez\r\n\r\n", closed=True),
    Sent("T35 TLS", (400,), HELLO, closed=True),
    line("T37 long line", 414, POST + b"?" + b"a" * 40_000 + b" HTTP/1.1"),
    header("T38 101 headers", (400, 431), b"".join(b"X-%d: a\r\n" % place for place in range(1010))),
    header("T39 long header", (400, 431), b"X-Long: " + b"a" * 40_000 + b"\r\n"),
    header("T40 folded header", 400, b"X-Folded: a\r\n b\r\n"),
    header("T41 space before the colon", 400, b"X-Space : a\r\n"),
    header("T42 NUL", 400, b"X-Nul: a\x00b\r\n"),
    header("T43 bare CR", 400, b"X-Cr: a\rb\r\n"),
    header("T44 no colon", 400, b"X-None\r\n", mended=True),
    header("T45 empty name", 400, b": a\r\n"),
    header("T46 underscore", 200, b"X_API_KEY: good\r\n"),
    header("H86 other expectation", 417, b"Expect: 200-ok\r\n", mended=True),
    header("H88 forwarded for others", 200, f"X-Forwarded-For: {CANARY}\r\nForwarded: for={CANARY}\r\n".encode()),
    header("H94 Idempotency-Key", 200, f"Idempotency-Key: {CANARY}\r\n".encode()),
    header("H100 two Authorizations", (200, 400), b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
    header("H101 Range", 200, b'Range: bytes=0-9\r\nIf-Match: "a"\r\n'),
    header(
        "H102 Upgrade to h2c",
        (200, 400),
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
    ),
    header("H102 Upgrade to websocket", (200, 400), b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    Sent(
        "H103 preflight of another origin",
        (405,),
        f"OPTIONS {BINARY} HTTP/1.1\r\nOrigin: http://{CANARY}.example\r\n".encode()
        + b"Access-Control-Request-Method: POST\r\n"
        + HOST
        + b"\r\n",
    ),
]
