"""Requests with one answer: work per request at full load, delay at a fixed rate, user instructions per request."""

import json
import re
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from .machine import Fault, core_busy_nanoseconds, run_pinned
from .tools import tool

LOAD = Path(__file__).resolve().parent.parent / "load"
CONNECTIONS = 64


@dataclass(frozen=True)
class Throughput:
    """One round at full load. What is counted is a request, or an event of a stream."""

    requests_per_second: float
    cpu_microseconds: float  # of the system under test, per request
    busy: float  # its share of one core; below 1 the generator's core was the limit
    foreign: float = 0.0  # what others took of the core where they took more: processes that are not ours, or the host
    p50: float = 0.0  # delay of events; 0 where it is not measured
    p99: float = 0.0


@dataclass(frozen=True)
class Delay:
    """One round at a fixed rate, in microseconds, generator and upstream included."""

    p50: float
    p99: float
    longest: float = 0.0


def throughput(peer, upstream, seconds: float, connections: int = CONNECTIONS, close: bool = False) -> Throughput:
    """A closed loop by wrk: HTTP/1.1, with or without TLS."""
    scheme = "https" if peer.setting.tls else "http"
    arguments = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", LOAD / "chat.lua", f"{scheme}://127.0.0.1:{peer.port}",
        "--", peer.path, "-" if peer.setting.bare else peer.keys_file, peer.body_file, *(["close"] if close else []),
    ]
    return accounted(peer, upstream, lambda: _wrk_result(peer, run_pinned(arguments, upstream.cores, seconds + 60)))


def throughput_turns(peer, upstream, seconds: float, callers: int) -> Throughput:
    """The same by a generator that costs little and, for it, the same with few keys as with many."""
    arguments = [
        tool("turns"), peer.port, peer.workload.request_file, peer.keys_file, callers, CONNECTIONS, f"{seconds:g}",
    ]
    return accounted(peer, upstream, lambda: _wrk_result(peer, run_pinned(arguments, upstream.cores, seconds + 60)))


def throughput_h2(peer, upstream, seconds: float) -> Throughput:
    """The same over HTTP/2 and TLS by h2load: eight connections with eight streams each."""
    key, namespace = peer.workload.sample_key()
    arguments = [
        "h2load", "-D", f"{seconds:g}", "-c", 8, "-m", 8, "-t", 1, "-d", peer.body_file, "-H", f"authorization: Bearer {key}",
        "-H", f"x-namespace: {namespace}", "-H", "content-type: application/json",
        f"https://127.0.0.1:{peer.port}{peer.path}",
    ]

    def run():
        printed = run_pinned(arguments, upstream.cores, seconds + 60)
        done, failed = re.search(r"(\d+) succeeded, (\d+) failed", printed), re.search(r"(\d+) errored", printed)
        codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", printed)
        if not done or not codes or any(int(code) for code in codes.groups()[1:]) or "h2" not in printed:
            raise Fault(f"{peer.name} failed requests over HTTP/2: {printed.strip()[-600:]}")
        # What is under way when the time is over is counted as failed by it, hence not more than was under way.
        if int(done[2]) + int(failed[1]) > 2 * 64:
            raise Fault(f"{peer.name} failed requests over HTTP/2: {printed.strip()[-600:]}")
        return int(codes[1]), seconds, {}

    return accounted(peer, upstream, run)


def accounted(peer, upstream, load) -> Throughput:
    """Runs `load`, which returns (requests, seconds, further figures), and charges the peer's time to the requests."""
    before = _Times(peer, upstream)
    requests, seconds, further = load()
    after = _Times(peer, upstream)
    spent = (after.peer - before.peer) / 1000
    return Throughput(
        requests_per_second=requests / seconds, cpu_microseconds=spent / requests, busy=spent / 1e6 / seconds,
        foreign=max(0.0, *after.foreign_since(before)), **further,
    )


class _Times:
    """What the cores have done up to now, and for whom; nanoseconds."""

    def __init__(self, peer, upstream):
        self.peer, self.upstream = peer.server.cpu_nanoseconds(), upstream.server.cpu_nanoseconds()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # the generators that have ended
        self.generator = int((children.ru_utime + children.ru_stime) * 1e9)
        self.together = peer.cores != upstream.cores and bool(set(peer.cores) & set(upstream.cores))
        cores = set(peer.cores) | set(upstream.cores) if self.together else None
        groups = [cores] if cores else [peer.cores, upstream.cores]
        self.cores = [sum(core_busy_nanoseconds(core) for core in group) for group in groups]
        self.clock = time.monotonic_ns()

    def foreign_since(self, earlier):
        """Share of each side's cores that went to others."""
        elapsed = self.clock - earlier.clock
        theirs = self.upstream - earlier.upstream + self.generator - earlier.generator
        own = (self.peer - earlier.peer, theirs)
        for busy, was_busy, used in zip(self.cores, earlier.cores, (sum(own),) if self.together else own):
            yield (busy - was_busy - used) / elapsed


def _wrk_result(peer, printed: str):
    result = _result(printed)
    if result["errors"] or result["refused"] or not result["requests"]:
        raise Fault(f"{peer.name} failed requests under load: {result}; its output: {peer.folder}")
    return result["requests"], result["microseconds"] / 1e6, {}


def delay(name: str, port: int, workload, cores, rate: float, seconds: float) -> Delay:
    printed = run_pinned(
        [tool("openloop"), port, workload.request_file, f"{rate:g}", f"{seconds:g}", "0.5"], cores, seconds + 30
    )
    result = json.loads(printed)
    if result["failures"] or not result["requests"]:
        raise Fault(f"{name} failed requests at {rate:g} req/s: {result}")
    return Delay(p50=result["p50"], p99=result["p99"], longest=result["max"])


def stalls(cores, seconds: float) -> dict:
    """What the machine does to a process that only looks at the clock."""
    return json.loads(run_pinned([tool("stalls"), f"{seconds:g}"], cores, seconds + 10))


def instructions(start_peer, cores, few: int, many: int) -> float:
    """User instructions per request by callgrind: two runs, so that start and end of the process cancel out.

    They do so up to some three million of two thousand million, of the gateway's; hence `many`.
    """
    if not shutil.which("valgrind"):
        raise Fault("valgrind is not installed (scripts/setup bench)")
    return (_executed(start_peer, cores, many) - _executed(start_peer, cores, few)) / (many - few)


def _executed(start_peer, cores, requests: int) -> int:
    peer = start_peer([
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=yes",
    ])
    try:
        peer.start()
        send(peer, cores, requests)
    finally:
        peer.stop()
    counted = re.findall(r"Collected : (\d+)", (peer.folder / "output.log").read_text(errors="replace"))
    if not counted:
        raise Fault(f"callgrind printed no total for {peer.name}; its output: {peer.folder}")
    return int(counted[-1])


def send(peer, cores, requests: int, connections: int = 16):
    """Exactly so many good requests, over HTTP/1.1."""
    key, namespace = peer.workload.sample_key()
    printed = run_pinned(
        [
            "h2load", "--h1", "-n", requests, "-c", connections, "-t", 1, "-d", peer.body_file,
            "-H", f"authorization: Bearer {key}", "-H", f"x-namespace: {namespace}",
            "-H", "content-type: application/json", f"http://127.0.0.1:{peer.port}{peer.path}",
        ],
        cores, 600,
    )
    if f"status codes: {requests} 2xx" not in printed:
        raise Fault(f"{peer.name} failed requests: {printed[-400:]}")


def _result(printed: str) -> dict:
    for line in printed.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT "):])
    raise Fault(f"the load generator printed no result: {printed.strip()[-400:]}")
