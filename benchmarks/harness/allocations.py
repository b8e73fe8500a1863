"""Heap allocations of a peer while it works: counted by `tools/count_malloc.c`, read while the process runs."""

import struct
import time
from dataclasses import dataclass
from pathlib import Path

from . import measure, streams
from .peers import Setting
from .tools import library
from .upstream import Upstream


@dataclass(frozen=True)
class Allocations:
    per_request: float
    bytes_per_request: float
    stream: "StreamAllocations"


@dataclass(frozen=True)
class StreamAllocations:
    """Of one stream, event by event."""

    per_event: float
    growth: float  # bytes that a late event asks for, more than an early one

    def less(self, other: "StreamAllocations") -> "StreamAllocations":
        """What translating adds to passing through. What the process does once a second meets both alike."""
        return StreamAllocations(self.per_event - other.per_event, max(0.0, self.growth - other.growth))


def count(peer_type, folder: Path, workload, stream_workload, under_test, around) -> Allocations:
    """Two runs each, of few and of many: connections and streams begin and end alike in both, so the difference is
    what requests and events cost."""
    few, many = 1000, 6000
    with _Counted(peer_type, folder / "requests", workload, under_test, around) as peer:
        spent = [peer.spent(lambda count=count: measure.send(peer, around, count)) for count in (few, few, few, many)]
    per_request = [(more - less) / (many - few) for less, more in zip(*spent[-2:])]
    stream = count_stream(peer_type, folder, stream_workload, under_test, around)
    return Allocations(per_request[0], per_request[1], stream)


def count_stream(peer_type, folder: Path, workload, under_test, around) -> StreamAllocations:
    """Three streams of different lengths. What an event costs must not depend on how many came before it."""
    lengths = (20, 520, 1020)
    spent = [_per_stream(peer_type, folder / f"events-{events}", workload, under_test, around, events) for events in lengths]
    early, late = ((spent[at + 1][1] - spent[at][1]) / (lengths[at + 1] - lengths[at]) for at in range(2))
    return StreamAllocations((spent[2][0] - spent[0][0]) / (lengths[2] - lengths[0]), late - early)


def _per_stream(peer_type, folder, workload, under_test, around, events: int) -> tuple:
    """One stream alone, its events 1 ms apart, so that each is a turn of the loop of its own: of several streams, chance
    decides how many events a turn takes together."""
    with _Counted(peer_type, folder, workload, under_test, around, stream=(events, 1)) as peer:
        def run():
            streams.run(peer.name, peer.port, workload, around, 1, 0, events, warm_up=0)

        run()
        run()
        # What the process does beside it now and then is not the stream's: the least of three.
        return tuple(map(min, zip(*(peer.spent(run) for _ in range(3)))))


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
        time.sleep(0.5)  # what starting leaves behind is not what idling costs
        self.background = self._while_idle()
        self.peer.spent = self.spent
        return self.peer

    def __exit__(self, *_):
        self.peer.stop()
        self.upstream.stop()

    def spent(self, work) -> tuple:
        """(allocations, bytes) of the work, less what an idle process spends in that time on its timers."""
        began, before = time.monotonic(), self._read()
        work()
        after, elapsed = self._read(), time.monotonic() - began
        return tuple(new - old - idle * elapsed for new, old, idle in zip(after, before, self.background))

    def _while_idle(self, seconds: float = 1.0) -> tuple:
        """(allocations, bytes) in a second."""
        before = self._read()
        time.sleep(seconds)
        return tuple((new - old) / seconds for new, old in zip(self._read(), before))

    def _read(self) -> tuple:
        """(allocations, reallocations included; bytes) up to now."""
        allocations, reallocations, _, size = struct.unpack("4Q", self.file.read_bytes())
        return allocations + reallocations, size
