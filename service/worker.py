"""The gunicorn worker: gthread, which no slow or silent client can hold up."""

import ctypes
import os
import resource
import socket
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from selectors import EVENT_READ
from threading import Barrier
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from service import tracing
from service.body import ARRIVING, LATE, LEAVING
from service.health import DRAINING
from service.settings import Settings

# Parameters of glibc's mallopt (malloc.h).
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
# The largest that glibc takes: smaller blocks come from the memory that is kept.
LARGEST_THRESHOLD = 1 << 25
# The most connections of a worker that have sent nothing yet: with all others, fewer than the files a process may open.
MOST_SILENT = 512


def keep_memory(size: int) -> None:
    """Have the C library keep up to so many bytes of freed memory, in one place for all threads.

    What a large report computes with would else be handed back and fetched again, page by page, for the next one: that
    takes as long as the report. Only glibc can be told; others do as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((ARENA_MAX, 1), (MMAP_THRESHOLD, LARGEST_THRESHOLD), (TRIM_THRESHOLD, size)):
            mallopt(parameter, value)


def limit_memory(size: int) -> None:
    """Let this process take so many bytes of address space more: what needs more raises `MemoryError`.

    Only where the operating system counts it in /proc; a lower limit in force stays.
    """
    counted = Path("/proc/self/statm")
    if counted.exists():
        most = int(counted.read_text().split()[0]) * resource.getpagesize() + size
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A gthread worker that bounds how long requests arrive and answers leave, and whose main thread no client stops.

    gthread waits for the rest of a head or body, and for the client to read, as long as the client likes. Connections
    that send nothing take its threads and the places of others; here neither. It ends connections on the thread that
    accepts new ones and sends heartbeats, where it waits up to two seconds for each client to hang up: here the thread
    that answered does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = Settings.from_environment(os.environ)

    def init_process(self) -> None:
        """Start to serve, in the process of this worker."""
        keep_memory(self.settings.kept_bytes)
        super().init_process()

    def run(self) -> None:
        """Accept connections until told to stop.

        What takes a while is done here, where it is already heard to be told so.
        """
        tracing.start()
        self.start_threads()
        limit_memory(self.settings.kept_bytes + self.settings.max_memory_bytes)
        super().run()

    def start_threads(self) -> None:
        """Have all threads there: once memory is short, none could be started."""
        all_there = Barrier(self.cfg.threads + 1)
        for _ in range(self.cfg.threads):
            self.tpool.submit(all_there.wait)
        all_there.wait()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Finish what was begun, and say at /readyz that nothing more is taken."""
        DRAINING.set()
        super().handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Accept a connection, and give it a thread once it has sent something.

        Where too many are silent, the one that has been so for longest is closed.
        """
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        conn = TConn(self.cfg, sock, client, listener.getsockname())
        conn.timeout = time.monotonic() + self.settings.body_seconds
        self.nr_conns += 1
        self.pending_conns.append(conn)
        self.poller.register(sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if len(self.pending_conns) > MOST_SILENT:
            self.pending_conns[0].timeout = 0.0
            self.murder_pending()

    def handle(self, conn: Any) -> Any:
        """Serve a request of a connection, on one of the threads."""
        ARRIVING[conn.sock] = time.monotonic() + self.settings.body_seconds
        try:
            kept = super().handle(conn)
        finally:
            ARRIVING.pop(conn.sock, None)
            LEAVING.pop(conn.sock, None)
            LATE.discard(conn.sock)
        if kept is False:
            with suppress(OSError):
                conn.sock.settimeout(None)
                util.close_graceful(conn.sock)
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request. Who asks first whether to send a body that is too large is not told to."""
        if getattr(req.body.reader, "length", 0) > self.settings.max_body_bytes:
            req._expected_100_continue = False  # noqa: SLF001  # gunicorn has no other way to say so
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Take a served connection back, on the main thread."""
        if conn.sock.fileno() < 0:  # closed by the thread that answered
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def notify(self) -> None:
        """Send a heartbeat, at least once a second.

        Read no more from those who are late, who get their answer, and hang up on those who do not read theirs. Who has
        sent nothing takes no place of those who may be served at once.
        """
        super().notify()
        self.worker_connections = self.cfg.worker_connections + len(self.pending_conns)
        now = time.monotonic()
        for connection, deadline in list(ARRIVING.items()):
            if deadline < now:
                LATE.add(connection)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        for connection, deadline in list(LEAVING.items()):
            if deadline < now:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
