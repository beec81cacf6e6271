"""The one reader of request bodies: counted, bounded, and decompressed no further than allowed."""

import importlib
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

from gunicorn.http.errors import NoMoreData, ParseException

from service.problems import Problem
from service.settings import Settings

STEP = 1 << 20
# When the request of a connection has to have arrived, and its answer to have left, and the connections whose request
# came late: the worker keeps them.
ARRIVING: dict[Any, float] = {}
LEAVING: dict[Any, float] = {}
LATE: set[Any] = set()
# What follows the end of a compressed frame is copied, so pieces and frames are bounded.
PIECE = 1 << 16
MOST_FRAMES = 10_000


Decoder = Callable[[bytes | bytearray, int], bytes | bytearray]


def decoder_of(coding: str) -> Decoder:
    """What undoes a Content-Encoding, up to a number of bytes. Raises `Problem` for a coding that is not known."""
    if coding not in DECODERS:
        known = ", ".join(filter(None, DECODERS))
        raise Problem(
            "unsupported-encoding", f"The Content-Encoding is not one of {known}.", headers={"Accept-Encoding": known}
        )
    return DECODERS[coding]


def read_body(environ: dict[str, Any], settings: Settings) -> bytes | bytearray:
    """The body as it was sent. Raises `Problem` where it is too large, cut short or not framed as declared.

    The server's own limits are not relied on: they cut a chunked body silently.
    """
    limit = settings.max_body_bytes
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        raise Problem("bad-framing", "The only Transfer-Encoding is chunked. Compress by Content-Encoding instead.")
    declared = declared_length(environ)
    if declared is not None and declared > limit:
        raise too_large(limit)
    stream = environ["wsgi.input"]
    body = bytearray()
    try:
        while len(body) <= limit:
            piece = stream.read(min(STEP, limit + 1 - len(body)))
            if not piece:
                break
            body += piece
    except (ParseException, NoMoreData, OSError):
        raise cut_short(environ) from None
    if len(body) > limit:
        raise too_large(limit)
    if declared is not None and len(body) != declared:
        raise cut_short(environ)
    ARRIVING.pop(environ.get("gunicorn.socket"), None)
    return body


def cut_short(environ: dict[str, Any]) -> Problem:
    """The refusal of a body whose end did not come: it was late, or is framed badly."""
    if environ.get("gunicorn.socket") in LATE:
        return Problem("request-timeout", "The body took too long to arrive. Send it again, compressed if it is large.")
    return Problem("bad-framing", "The body ended early, or its chunks are malformed. Send it again.")


def declared_length(environ: dict[str, Any]) -> int | None:
    """The Content-Length, None where there is none or the body comes in chunks."""
    declared = environ.get("CONTENT_LENGTH", "")
    if not declared or environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    if not (declared.isascii() and declared.isdigit()):
        raise Problem("bad-framing", "The Content-Length is not a number.")
    return int(declared)


def too_large(limit: int) -> Problem:
    """The refusal of a body that is larger than allowed."""
    return Problem("body-too-large", f"The body is larger than {limit} bytes. Send fewer rows, or compress it.")


class Decompressor(Protocol):
    """What zlib and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def decompressed(make: Callable[[], Decompressor], errors: type[Exception]) -> Decoder:
    """A decoder of a content coding: all frames of a body, at most a number of bytes in all."""

    def decode(body: bytes | bytearray, limit: int) -> bytearray:
        decoded = bytearray()
        frame, frames = make(), 1
        try:
            for start in range(0, len(body), PIECE):
                piece = bytes(memoryview(body)[start : start + PIECE])
                while piece:
                    if frame.eof:
                        frame, frames = make(), frames + 1
                    if frames > MOST_FRAMES:
                        raise Problem("bad-encoding", f"The body has more than {MOST_FRAMES} compressed frames.")
                    decoded += frame.decompress(piece, limit + 1 - len(decoded))
                    if len(decoded) > limit:
                        raise Problem("body-too-large", f"The decompressed body is larger than {limit} bytes.")
                    piece = frame.unused_data if frame.eof else b""
        except errors:
            raise Problem("bad-encoding", "The body is not compressed as its Content-Encoding says.") from None
        if not frame.eof:
            raise Problem("bad-encoding", "The compressed body is cut short.")
        return decoded

    return decode


def zstd_module() -> ModuleType | None:
    """The zstd of Python 3.14, else that of the extra `zstd`, else None."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def decoders() -> dict[str, Decoder]:
    """The content codings this installation understands; a body without any is as it is."""
    known = {"": lambda body, _: body, "gzip": decompressed(lambda: zlib.decompressobj(31), zlib.error)}
    zstd = zstd_module()
    if zstd is not None:
        known["zstd"] = decompressed(zstd.ZstdDecompressor, zstd.ZstdError)
    return known


DECODERS = decoders()
