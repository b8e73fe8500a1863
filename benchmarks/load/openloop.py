#!/usr/bin/env python3
"""Open-loop load: sends at a fixed rate whatever comes back, and writes the latency of every request.

    openloop.py HOST PORT REQUEST_FILE RATE SECONDS

REQUEST_FILE holds the bytes of one whole HTTP/1.1 request. Arrivals are a Poisson process (fixed seed), because users do
not arrive in step. A request never waits for another's answer: if no connection is idle, a new one is opened, so slow
answers are not hidden by a generator that waits with them. Prints one JSON object; times are microseconds.
"""

import gc
import json
import random
import select
import socket
import sys
import time

WARM_UP_SECONDS = 1.0
MAXIMUM_CONNECTIONS = 900


def main() -> int:
    host, port, request_file, rate, seconds = sys.argv[1:]
    with open(request_file, "rb") as file:
        request = file.read()
    result = OpenLoop((host, int(port)), request, float(rate), float(seconds)).run()
    print(json.dumps(result))
    return 0


class OpenLoop:
    def __init__(self, address, request, rate, seconds):
        self.address, self.request, self.rate, self.seconds = address, request, rate, seconds
        self.idle = []
        self.busy = {}  # descriptor: (socket, sent at, received so far)
        self.latencies = []
        self.failures = 0
        self.opened = 0
        self.late = 0.0
        self.poll = select.epoll()

    def run(self):
        gc.disable()
        random.seed(1)
        for _ in range(32):
            self.idle.append(self.connect())
        start = time.perf_counter() + 0.05
        measured_from, end = start + WARM_UP_SECONDS, start + WARM_UP_SECONDS + self.seconds
        due = start
        while due < end:
            self.wait_until(due)
            now = time.perf_counter()
            self.late = max(self.late, now - due)
            self.send(now if due >= measured_from else None)
            due += random.expovariate(self.rate)
        deadline = time.perf_counter() + 5
        while self.busy and time.perf_counter() < deadline:
            self.receive(0.01)
        self.failures += len(self.busy)
        return self.summary()

    def summary(self):
        ordered = sorted(self.latencies)
        at = lambda share: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6, 1) if ordered else None
        return {
            "requests": len(ordered), "failures": self.failures, "connections": self.opened,
            "p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "p999": at(0.999),
            "late": round(self.late * 1e6, 1),
        }

    def connect(self):
        connection = socket.create_connection(self.address, timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.poll.register(connection.fileno(), select.EPOLLIN)
        self.opened += 1
        return connection

    def wait_until(self, due):
        """Serves answers until `due`; select() is used for waiting because epoll's timeout counts in milliseconds."""
        while True:
            left = due - time.perf_counter()
            if left <= 0:
                self.receive(0)
                return
            ready, _, _ = select.select([self.poll], [], [], left)
            if ready:
                self.receive(0)

    def send(self, stamp_wanted):
        if self.idle:
            connection = self.idle.pop()
        elif self.opened < MAXIMUM_CONNECTIONS:
            connection = self.connect()
        else:
            self.failures += 1
            return
        sent_at = time.perf_counter()
        try:
            connection.send(self.request)
        except OSError:
            self.fail(connection)
            return
        self.busy[connection.fileno()] = (connection, sent_at if stamp_wanted is not None else None, b"")

    def receive(self, timeout):
        for descriptor, _ in self.poll.poll(timeout):
            entry = self.busy.get(descriptor)
            if entry is None:
                self.drop_idle(descriptor)
                continue
            connection, sent_at, received = entry
            try:
                received += connection.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                received = b""
            now = time.perf_counter()
            if not received:
                del self.busy[descriptor]
                self.fail(connection)
            elif complete(received):
                del self.busy[descriptor]
                self.idle.append(connection)
                if not received.startswith(b"HTTP/1.1 200"):
                    self.failures += 1
                elif sent_at is not None:
                    self.latencies.append(now - sent_at)
            else:
                self.busy[descriptor] = (connection, sent_at, received)

    def drop_idle(self, descriptor):
        """The server closed a connection that nobody was using."""
        for connection in self.idle:
            if connection.fileno() == descriptor:
                self.idle.remove(connection)
                self.poll.unregister(descriptor)
                connection.close()
                self.opened -= 1
                return

    def fail(self, connection):
        self.failures += 1
        self.opened -= 1
        self.poll.unregister(connection.fileno())
        connection.close()


def complete(received):
    """True if a whole response is there: by its content-length, or by the last chunk."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    head = received[:head_end].lower()
    start = head.find(b"\r\ncontent-length:")
    if start >= 0:
        end = head.find(b"\r\n", start + 2)
        length = int(head[start + 17: end if end >= 0 else len(head)])
        return len(received) >= head_end + 4 + length
    return received.endswith(b"\r\n0\r\n\r\n")


if __name__ == "__main__":
    sys.exit(main())
