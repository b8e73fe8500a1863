"""The provider behind all peers: `tools/upstream.c`, which answers as cheaply as it can be done."""

from pathlib import Path

from .machine import Server, free_ports, listens
from .tools import tool


class Upstream:
    """Two ports of one process. It is told once what it answers, so a scenario has an upstream of its own."""

    def __init__(self, folder: Path, workload, cores, stream=None):
        """`stream` is (number of events, milliseconds between them) instead of one JSON answer: (100, 0) sends them at
        once, and (0, 0) sends one and keeps the stream open."""
        self.folder, self.workload, self.cores, self.stream = folder, workload, cores, stream
        self.upstream_ports = tuple(free_ports(2))
        self.server = None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [tool("upstream"), ",".join(str(port) for port in self.upstream_ports), self.workload.answer_file]
        if self.stream:
            command += [self.workload.event_file, *self.stream]
        self.server = Server(command, self.cores, self.folder / "output.log")
        self.server.wait_for(lambda: all(listens(port) for port in self.upstream_ports), 10)

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None
