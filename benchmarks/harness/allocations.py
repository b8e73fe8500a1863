"""Heap allocations of a peer while it works: counted by `tools/count_malloc.c`, read while the process runs."""

import struct
from dataclasses import dataclass
from pathlib import Path

from . import measure, streams
from .peers import Setting
from .tools import library
from .upstream import Upstream

STREAMS = 16


@dataclass(frozen=True)
class Allocations:
    per_request: float
    bytes_per_request: float
    per_event: float


def count(peer_type, folder: Path, workload, stream_workload, under_test, around) -> Allocations:
    """Two runs each, of few and of many: connections and streams begin and end alike in both, so the difference is
    what requests and events cost."""
    few, many = 1000, 5000
    with _Counted(peer_type, folder / "requests", workload, under_test, around) as peer:
        measure.send(peer, around, few)
        readings = [peer.read()]
        for requests in (few, many):
            measure.send(peer, around, requests)
            readings.append(peer.read())
    per_run = [
        (after.allocations - before.allocations, after.bytes - before.bytes) for before, after in zip(readings, readings[1:])
    ]
    per_request = [(more - less) / (many - few) for less, more in zip(*per_run)]
    few, many = 20, 220
    per_stream = [
        _per_stream(peer_type, folder / f"events-{events}", stream_workload, under_test, around, events)
        for events in (few, many)
    ]
    return Allocations(
        per_request=per_request[0], bytes_per_request=per_request[1],
        per_event=(per_stream[1] - per_stream[0]) / (many - few),
    )


def _per_stream(peer_type, folder, workload, under_test, around, events: int) -> float:
    """Its events come 2 ms apart, so that each is read and written by itself."""
    with _Counted(peer_type, folder, workload, under_test, around, stream=(events, 2)) as peer:
        def run():
            return streams.run(peer.name, peer.port, workload, around, STREAMS, 0.2, events, warm_up=0)["streams"]

        run()
        before = peer.read()
        finished = run()
        after = peer.read()
    return (after.allocations - before.allocations) / finished


@dataclass(frozen=True)
class _Reading:
    allocations: int  # reallocations included
    bytes: int


class _Counted:
    """A running peer whose allocations are counted, and its upstream."""

    def __init__(self, peer_type, folder, workload, under_test, around, stream=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "allocations"
        self.upstream = Upstream(folder / "upstream", workload, around, stream)
        self.peer = peer_type(
            folder, workload, self.upstream.upstream_ports, under_test, Setting(streams=bool(stream)),
            environment={"LD_PRELOAD": str(library("count_malloc")), "COUNT_MALLOC_FILE": str(self.file)},
        )

    def __enter__(self):
        self.upstream.start()
        try:
            self.peer.start()
        except BaseException:
            self.upstream.stop()
            raise
        self.peer.read = self.read
        return self.peer

    def __exit__(self, *_):
        self.peer.stop()
        self.upstream.stop()

    def read(self) -> _Reading:
        allocations, reallocations, _, size = struct.unpack("4Q", self.file.read_bytes())
        return _Reading(allocations + reallocations, size)
