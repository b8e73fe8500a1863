"""The three measurements: work per request at full load, delay at a fixed rate, user instructions per request."""

import json
import re
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from .machine import Fault, core_busy_nanoseconds, run_pinned

LOAD = Path(__file__).resolve().parent.parent / "load"
CONNECTIONS = 64


@dataclass(frozen=True)
class Throughput:
    """One round at full load."""

    requests_per_second: float
    cpu_microseconds: float  # of the system under test, per request
    busy: float  # its share of one core; below 1 the generator's core was the limit
    foreign: float  # what others took of the core where they took more: processes that are not ours, or the host


@dataclass(frozen=True)
class Delay:
    """One round at a fixed rate, in microseconds, generator and upstream included."""

    p50: float
    p99: float


def throughput(peer, upstream, workload, seconds: int) -> Throughput:
    arguments = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", LOAD / "chat.lua", f"http://127.0.0.1:{peer.port}",
        "--", workload.keys_file, workload.body_file,
    ]
    before = _Times(peer, upstream)
    printed = run_pinned(arguments, upstream.cores, seconds + 30)
    after = _Times(peer, upstream)
    result = _result(printed)
    if result["errors"] or result["refused"] or not result["requests"]:
        raise Fault(f"{peer.name} failed requests under load: {result}; its output: {peer.folder}")
    return Throughput(
        requests_per_second=result["requests"] * 1e6 / result["microseconds"],
        cpu_microseconds=(after.peer - before.peer) / 1000 / result["requests"],
        busy=(after.peer - before.peer) / 1000 / result["microseconds"],
        foreign=max(0.0, *after.foreign_since(before)),
    )


class _Times:
    """What the two cores have done up to now, and for whom; nanoseconds."""

    def __init__(self, peer, upstream):
        self.peer, self.upstream = peer.server.cpu_nanoseconds(), upstream.server.cpu_nanoseconds()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # the generators that have ended
        self.generator = int((children.ru_utime + children.ru_stime) * 1e9)
        self.cores = [core_busy_nanoseconds(min(each.cores)) for each in (peer, upstream)]
        self.clock = time.monotonic_ns()

    def foreign_since(self, earlier):
        """Share of each core that went to others."""
        elapsed = self.clock - earlier.clock
        ours = (self.peer - earlier.peer, self.upstream - earlier.upstream + self.generator - earlier.generator)
        for busy, was_busy, own in zip(self.cores, earlier.cores, ours):
            yield (busy - was_busy - own) / elapsed


def delay(name: str, port: int, workload, cores, rate: float, seconds: float) -> Delay:
    printed = run_pinned(
        ["python3", LOAD / "openloop.py", "127.0.0.1", port, workload.request_file, f"{rate:g}", f"{seconds:g}"],
        cores, seconds + 30,
    )
    result = json.loads(printed)
    if result["failures"] or not result["requests"]:
        raise Fault(f"{name} failed requests at {rate:g} req/s: {result}")
    return Delay(p50=result["p50"], p99=result["p99"])


def instructions(start_peer, workload, cores, few: int, many: int) -> float:
    """User instructions per request by callgrind: two runs, so that start and end of the process cancel out."""
    if not shutil.which("valgrind"):
        raise Fault("valgrind is not installed (scripts/setup bench)")
    return (_executed(start_peer, workload, cores, many) - _executed(start_peer, workload, cores, few)) / (many - few)


def _executed(start_peer, workload, cores, requests: int) -> int:
    peer = start_peer([
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=yes",
    ])
    try:
        peer.start()
        url = f"http://127.0.0.1:{peer.port}/v1/chat/completions"
        key, namespace = workload.sample_key()
        printed = run_pinned(
            [
                "h2load", "--h1", "-n", requests, "-c", 16, "-t", 1, "-d", workload.body_file,
                "-H", f"authorization: Bearer {key}", "-H", f"x-namespace: {namespace}",
                "-H", "content-type: application/json", url,
            ],
            cores, 600,
        )
        if f"{requests} succeeded" not in printed:
            raise Fault(f"{peer.name} failed requests under callgrind: {printed[-400:]}")
    finally:
        peer.stop()
    counted = re.findall(r"Collected : (\d+)", (peer.folder / "output.log").read_text(errors="replace"))
    if not counted:
        raise Fault(f"callgrind printed no total for {peer.name}; its output: {peer.folder}")
    return int(counted[-1])


def _result(printed: str) -> dict:
    for line in printed.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT "):])
    raise Fault(f"the load generator printed no result: {printed.strip()[-400:]}")
