"""How the works of a contest are measured: a new batch each round, the works of a round in an order that is drawn."""

import json
import select
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from service.media import ACCEPTED, JSON
from tests.benchmarks import peers
from tests.benchmarks.batches import CODINGS, VARIANTS, Load, Request
from tests.benchmarks.figures import ASSAY, BARE, FLOOR, SKLEARN, TORCHMETRICS, Contest, found
from tests.benchmarks.services import COLUMNS
from tests.serving import Server, start

# gunicorn's name of each peer that is a service, the package it needs, and how it differs from how Assay is run.
SERVICES = {
    "Flask, marshmallow, scikit-learn": ("flask_marshmallow", "flask", {}),
    "FastAPI, pydantic, scikit-learn": (
        "fastapi_pydantic",
        "uvicorn_worker",
        {"GUNICORN_CMD_ARGS": "-k uvicorn_worker.UvicornWorker"},
    ),
}
LARGE = {"ASSAY_MAX_BODY_BYTES": str(1 << 30), "ASSAY_MAX_DECODED_BYTES": str(1 << 30)}
CLIENTS = 4
NOT_RUN, NOT_INSTALLED = "not run", "not installed"
Work = Callable[[], object]


class Client:
    """A connection that is kept as long as the server keeps it."""

    def __init__(self, server: Server) -> None:
        self.connection = HTTPConnection(server.host, server.port)

    def close(self) -> None:
        self.connection.close()

    def connect(self) -> None:
        """Have it connected, again where the server has closed it meanwhile."""
        if self.connection.sock and select.select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()
        if not self.connection.sock:
            self.connection.connect()

    def post(self, request: Request) -> None:
        """Post and read the answer. Raises `RuntimeError` where it is no report."""
        self.connect()
        self.connection.request("POST", request.path, request.body, request.headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(answer.decode())
        json.loads(answer)


@dataclass(frozen=True)
class Contender:
    """Who takes part: what it makes of a batch beforehand is not timed, the work is."""

    prepare: Callable[[Load], Work]
    tasks: frozenset[str] = frozenset(peers.PEERS)
    most_rows: int = 10**6
    missing: str = ""


def seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def floor(load: Load) -> Work:
    """The least that a report of scores takes: the parse, and one sort."""
    import simdjson  # noqa: PLC0415  # where it is installed

    body, scores = load.json, load.columns["scores"]

    def work() -> None:
        columns = simdjson.Parser().parse(body)
        columns["labels"].as_buffer(of_type="i")
        columns["scores"].as_buffer(of_type="d")
        np.sort(scores)

    return work


def requests_of(task: str) -> dict[str, Callable[[Load], Request]]:
    """The requests by which Assay is asked for a report: each media type and coding, the first is plain JSON."""
    made: dict[str, Callable[[Load], Request]] = {
        ASSAY: lambda load: load.request(),
        f"{ASSAY}, no intervals": lambda load: load.request(intervals=False),
    }
    if task == "binary":
        for coding in filter(None, CODINGS):
            made[f"{ASSAY}, {coding}"] = lambda load, coding=coding: load.request(coding=coding)
        for kind in ACCEPTED:
            if kind != JSON:
                made[f"Assay, {short(kind)}"] = lambda load, kind=kind: load.request(kind)
        for name in VARIANTS:
            made[f"{ASSAY}, {name}"] = lambda load, name=name: load.variant(name).request()
    return made


def short(kind: str) -> str:
    """A media type as people call it."""
    return kind.split("/")[1].removeprefix("x-").removeprefix("vnd.").removeprefix("apache.")


def contenders(task: str, clients: dict[str, Client]) -> dict[str, Contender]:
    """Everyone who computes reports of a task."""
    sparse = {ASSAY, f"{ASSAY}, no intervals", "Assay, arrow.stream"}
    made = {
        who: Contender(
            lambda load, ask=ask: partial(clients["Assay"].post, ask(load)),
            most_rows=10**8 if who in sparse else 10**6,
        )
        for who, ask in requests_of(task).items()
    }
    missing = "" if found("simdjson") else NOT_INSTALLED
    made[FLOOR] = Contender(floor, tasks=frozenset({"binary"}), most_rows=10**8, missing=missing)
    made[BARE] = Contender(lambda load: partial(clients[BARE].post, load.request()), tasks=frozenset(COLUMNS))
    most = 10**5 if task in {"multiclass", "ranking"} else 10**6
    for who in SERVICES:
        made[who] = Contender(
            lambda load, who=who: partial(clients[who].post, load.request()),
            tasks=frozenset(COLUMNS),
            most_rows=most,
            missing="" if who in clients else NOT_INSTALLED,
        )
    made[SKLEARN] = Contender(lambda load: lambda: peers.computed(load.task, load.columns))
    if found("torch") and found("torchmetrics"):
        from tests.benchmarks import torch_peers  # noqa: PLC0415  # where it is installed

        who = f"{TORCHMETRICS}, {len(torch_peers.TORCH[task])} of {len(peers.PEERS[task])} metrics"
        made[who] = Contender(lambda load: lambda: torch_peers.computed(load.task, load.columns), most_rows=most)
    else:
        made[TORCHMETRICS] = Contender(floor, missing=NOT_INSTALLED)
    return {who: each for who, each in made.items() if task in each.tasks}


def timed(task: str, rows: int, rounds: int, clients: dict[str, Client]) -> Contest:
    """The time of a report of so many rows, by everyone; each does one smaller report before."""
    rng = np.random.default_rng(rows)
    contest = Contest("time", task, rows)
    running = {}
    for who, each in contenders(task, clients).items():
        reason = each.missing or (NOT_RUN if rows > each.most_rows else "")
        if reason:
            contest.missing[who] = reason
        else:
            running[who] = each
            contest.values[who] = []
            each.prepare(Load.drawn(task, 100, rng))()
    for _ in range(rounds):
        load = Load.drawn(task, rows, rng)
        works = {who: each.prepare(load) for who, each in running.items()}
        for who in rng.permutation(list(works)).tolist():
            contest.values[who].append(rounded(seconds(works[who])))
        contest.sizes[ASSAY] = len(load.request().body)
    return contest


def rounded(value: float) -> float:
    """To four digits, which is more than a time holds."""
    return float(f"{value:.4g}")


def served(rows: int, count: int, rounds: int, clients: dict[str, list[Client]]) -> Contest:
    """Seconds a request of services that several clients ask at once."""
    rng = np.random.default_rng(rows)
    contest = Contest("requests", "binary", rows, values={name_of(who): [] for who in clients})
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(rounds):
            for who in rng.permutation(list(clients)).tolist():
                requests = [Load.drawn("binary", rows, rng).request() for _ in range(count)]
                shares = [requests[place::CLIENTS] for place in range(CLIENTS)]
                taken = seconds(lambda who=who, shares=shares: list(pool.map(all_posted, clients[who], shares)))
                contest.values[name_of(who)].append(rounded(taken / count))
    return contest


def all_posted(client: Client, requests: list[Request]) -> None:
    for request in requests:
        client.post(request)


def name_of(server: str) -> str:
    """Who answers JSON on a server."""
    return ASSAY if server == "Assay" else server


def peaks(tasks: tuple[str, ...], rows: int, rounds: int, log: Path) -> list[Contest]:
    """Start to ready, and the memory that the first large report takes above idle; each on servers of their own."""
    rng = np.random.default_rng(rows)
    starts = Contest("start", values={ASSAY: []})
    contests = [starts]
    for task in tasks:
        asks = {who: ask for who, ask in requests_of(task).items() if "no intervals" not in who}
        numbers = Load.drawn(task, rows, rng).numbers
        contest = Contest("memory", task, rows, numbers, {who: [] for who in asks})
        contests.append(contest)
        for _ in range(rounds):
            load = Load.drawn(task, rows, rng)
            for who, ask in asks.items():
                large = ask(load)
                began = time.perf_counter()
                server = start(log, **LARGE)
                try:
                    server.wait()
                    starts.values[ASSAY].append(rounded(time.perf_counter() - began))
                    contest.values[who].append(peak(server, ask(Load.drawn(task, 100, rng)), large))
                    contest.sizes[who] = len(large.body)
                finally:
                    server.stop()
    return contests


def peak(server: Server, small: Request, large: Request) -> int:
    """Bytes that the worker's memory rises above idle, which is after a small request, during a large one."""
    (worker,) = server.workers
    with closing(Client(server)) as client:
        client.post(small)
        idle = memory(worker, "VmRSS")
        Path(f"/proc/{worker}/clear_refs").write_text("5")  # resets the peak
        client.post(large)
    return memory(worker, "VmHWM") - idle


def memory(pid: int, name: str) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


@contextmanager
def all_services(folder: Path, workers: int = 1) -> Iterator[dict[str, list[Client]]]:
    """Clients of Assay and of all peers that are services and installed, ready to answer."""
    apps = {"Assay": ("service.app:create_app()", LARGE), BARE: ("tests.benchmarks.services:bare()", {})}
    for who, (app, needs, environment) in SERVICES.items():
        if found(needs):
            apps[who] = (f"tests.benchmarks.services:{app}()", environment)
    with ExitStack() as stack:
        servers = {}
        for place, (who, (app, environment)) in enumerate(apps.items()):
            server = start(folder / f"{workers}-{place}", app, workers, **environment)
            stack.callback(server.stop)
            servers[who] = server
        for server in servers.values():
            server.wait()
        yield {
            who: [stack.enter_context(closing(Client(server))) for _ in range(CLIENTS)]
            for who, server in servers.items()
        }
