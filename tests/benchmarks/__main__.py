"""Runs the benchmarks: `python -m tests.benchmarks`, or `make bench`."""

import os
import runpy

# The peers in this process compute as a worker does, on one thread and with numpy's fastest sort. numpy is imported
# after this.
runpy.run_path("deploy/gunicorn.conf.py")
del os.environ["PROMETHEUS_MULTIPROC_DIR"]

from tests.benchmarks.command import main  # noqa: E402  # numpy's variables come first

if __name__ == "__main__":
    main()
