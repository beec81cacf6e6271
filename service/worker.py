"""The gunicorn worker: gthread, which no slow or silent client can hold up."""

import os
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from service.body import ARRIVING, LATE
from service.settings import Settings


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A gthread worker that bounds the time in which requests arrive, and that lets no client stop its main thread.

    gthread waits for the rest of a head or body as long as the client likes. And it ends connections on the thread that
    accepts new ones and sends heartbeats, where it waits up to two seconds for each client to hang up: here the thread
    that answered does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body_seconds = Settings.from_environment(os.environ).body_seconds

    def handle(self, conn: Any) -> Any:
        """Serve a request of a connection, on one of the threads."""
        ARRIVING[conn.sock] = time.monotonic() + self.body_seconds
        try:
            kept = super().handle(conn)
        finally:
            ARRIVING.pop(conn.sock, None)
            LATE.discard(conn.sock)
        if kept is False:
            with suppress(OSError):
                conn.sock.settimeout(None)
                util.close_graceful(conn.sock)
        return kept

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Take a served connection back, on the main thread."""
        if conn.sock.fileno() < 0:  # closed by the thread that answered
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def notify(self) -> None:
        """Send a heartbeat, at least once a second, and read no more from those who are late; they get their answer."""
        super().notify()
        now = time.monotonic()
        for connection, deadline in list(ARRIVING.items()):
            if deadline < now:
                LATE.add(connection)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
