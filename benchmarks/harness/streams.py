"""Streams of events: work and delay per event, and the memory that an idle stream takes."""

import json
import subprocess
import time

from .machine import Fault, run_pinned
from .measure import Delay, accounted
from .tools import tool

EVENTS = 100


def throughput(peer, upstream, streams: int, seconds: float):
    """Keeps `streams` open, one after the other on every connection; what is counted is an event."""

    def load():
        result = run(peer.name, peer.port, peer.workload, upstream.cores, streams, seconds)
        return result["events"], result["seconds"], {"p50": result["p50"], "p99": result["p99"]}

    return accounted(peer, upstream, load)


def direct(upstream, workload, streams: int, seconds: float) -> Delay:
    """The same without anything in between: what the machine itself does to the delay."""
    result = run("the upstream", upstream.upstream_ports[0], workload, upstream.cores, streams, seconds)
    return Delay(p50=result["p50"], p99=result["p99"], longest=result["max"])


def run(name: str, port: int, workload, cores, streams: int, seconds: float, events: int = EVENTS, warm_up=1.0) -> dict:
    """Streams for so long, then to their ends; every one must have all its events."""
    arguments = [tool("streams"), port, workload.request_file, streams, events, f"{seconds:g}", f"{warm_up:g}"]
    result = json.loads(run_pinned(arguments, cores, seconds + 60).splitlines()[-1])
    if result["failures"] or not result["streams"]:
        raise Fault(f"{name} broke streams: {result}")
    return result


class Held:
    """Streams that are open and idle until this is left."""

    def __init__(self, peer, cores, streams: int):
        self.arguments = [tool("streams"), peer.port, peer.workload.request_file, streams, "hold"]
        self.peer, self.cores = peer, cores

    def __enter__(self):
        self.process = subprocess.Popen(
            ["taskset", "-c", ",".join(str(core) for core in sorted(self.cores)), *(str(each) for each in self.arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        if self.process.stdout.readline().strip() != "open":
            self.process.kill()
            raise Fault(f"{self.peer.name} does not hold the streams: {self.process.communicate()[1].strip()}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process.stderr.close()


def idle_bytes(peer, cores, streams: int) -> float:
    """Memory per idle stream: what the processes hold with the streams open, less what they hold with a few."""
    with Held(peer, cores, 16):
        time.sleep(0.5)
        before = peer.server.memory_bytes()
        with Held(peer, cores, streams):
            time.sleep(2.0)
            after = peer.server.memory_bytes()
    return (after - before) / streams
