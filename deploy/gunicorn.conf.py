"""How gunicorn runs the service. Options on the command line win."""

import atexit
import ipaddress
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# numpy reads these variables when it is first imported, so nothing that needs it may come before them.
# A report is computed on one thread; numpy's libraries must not start more.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Zen 3 and 4 execute AVX-512's compressing stores in microcode, so numpy's sort is five times faster without them.
processor = Path("/proc/cpuinfo")
if processor.exists() and "AuthenticAMD\ncpu family\t: 25\n" in processor.read_text():
    os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "X86_V4")

from service import logs
from service.settings import Settings

try:
    settings = Settings.from_environment(os.environ)
except ValueError as error:
    sys.exit(f"The service does not start. {error}")

# Where the workers share their counters. prometheus-client reads the variable when it is imported, after this.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    made = tempfile.mkdtemp(prefix="assay-metrics-", dir=MEMORY)
    maker = os.getpid()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = made

    @atexit.register
    def remove():
        """Remove what was made, in the process that made it, however it ends."""
        if os.getpid() == maker:
            shutil.rmtree(made, ignore_errors=True)


worker_class = "service.worker.Worker"
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = int(os.environ.get("WEB_CONCURRENCY", cores))
# One request computes at a time; the other threads read bodies and answer probes meanwhile.
threads = 32
# Hardly more than threads, so that a worker does not hoard connections which another could serve.
worker_connections = 34
preload_app = True
control_socket_disable = True
worker_tmp_dir = MEMORY
loglevel = settings.log_level
logconfig_dict = logs.configuration(settings.log_level)


def when_ready(server):
    """Say aloud that anyone may call, where anyone can."""
    addresses = [str(listener) for listener in server.LISTENERS if not local(listener)]
    if addresses and not settings.access.ways:
        server.log.warning(
            "ANYONE WHO REACHES %s MAY ASK FOR REPORTS. Set ASSAY_API_KEYS_FILE, or listen on 127.0.0.1.",
            ", ".join(addresses),
        )


def local(listener):
    """Whether only this machine reaches a listener."""
    name = listener.getsockname()
    return not isinstance(name, tuple) or ipaddress.ip_address(name[0]).is_loopback


def post_fork(server, worker):
    """Let a worker end that is told to before it has begun: until then it would only note it, as its master does."""
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def child_exit(server, worker):
    """Forget the gauges of a worker that ended."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
