"""One run: where it takes place, which peers take part, and how a scenario is measured in interleaved rounds."""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from . import measure, streams
from .bars import OURS
from .check import check
from .machine import Fault
from .results import DIRECT, Results
from .scenarios import CALLERS
from .upstream import Upstream
from .workload import Workload

WARM_UP_SECONDS = 1


class Bench:
    def __init__(self, options, folder: Path):
        self.options, self.folder, self.results = options, folder, Results()
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Fault("two cores are needed: one for the system under test, one for load and upstream")
        # Always one and one, so that results of larger machines compare.
        self.under_test, self.around = {cores[0]}, {cores[1]}
        self.checked = {}
        self.workloads = {}
        self.met = set()  # peers whose callers have all had their turn

    def say(self, text: str):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def workload(self, keys: int = 0, body: int = 0, stream: bool = False, translated: bool = False) -> Workload:
        arguments = {"keys": keys or self.options.keys, "stream": stream, "translated": translated}
        if body:
            arguments["body_bytes"] = body
        name = "-".join(str(each) for each in arguments.values())
        if name not in self.workloads:
            self.workloads[name] = Workload.write(self.folder / f"workload-{name}", **arguments)
        return self.workloads[name]

    def available(self, peer_types, setting) -> list:
        """Those that are installed, can be run so, and have shown that they do the work."""
        return [each for each in peer_types if each.name in self.options.peers and self._usable(each, setting)]

    def _usable(self, peer_type, setting) -> bool:
        if peer_type.name in self.results.skipped:
            return False
        why = peer_type.missing(self.options)
        if why:
            self.results.skip(peer_type.name, why)
            self.say(f"skipping {peer_type.name}: {why}")
            return False
        why = peer_type.lacks(self.options, setting)
        if why:
            self.say(f"without {peer_type.name}, which {why}")
            return False
        if peer_type not in self.checked:
            check(peer_type, self.folder / "check" / slug(peer_type.name), self.workload(), self.under_test)
            self.checked[peer_type] = True
            self.say(f"{peer_type.name}: {peer_type.does}")
        return True

    def certificate(self) -> tuple:
        """A certificate for 127.0.0.1 that nobody else trusts, and its key."""
        certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        if not certificate.exists():
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
                check=True, stderr=subprocess.DEVNULL,
            )
        return certificate, key

    def run(self, *scenarios, rounds: int = 0):
        """Measures the scenarios against each other: all peers of all of them stay up and take turns in every round.

        Every second scenario goes through its peers backwards: ours, the last of the one before, is measured in both of them
        with no other peer between, since their difference is what is asked for and is smaller than what a minute changes.
        """
        rounds = rounds or self.options.rounds * (1 if self.options.quick else max(each.rounds for each in scenarios))
        with ExitStack() as stack:
            subjects = []
            for place, scenario in enumerate(scenarios):
                upstream, peers = self._start(scenario, stack)
                subjects += [(scenario, upstream, each) for each in (reversed(peers) if place % 2 else peers)]
            for number in range(rounds):
                # Nobody always comes behind the same one.
                for scenario, upstream, peer in reversed(subjects) if number % 2 else subjects:
                    self._round(scenario, upstream, peer, f"{scenario.name} {number + 1}/{rounds}")

    def run_each(self, scenarios: list):
        """One after the other; those that are compared with each other, in the same rounds."""
        groups = {}
        for each in scenarios:
            groups.setdefault(each.name.split("-")[0] if each.name.startswith(("chat", "keys")) else each.name, []).append(each)
        for group in groups.values():
            self.run(*group)

    def _start(self, scenario, stack):
        setting = scenario.setting
        if setting.tls:
            setting = replace(setting, tls=self.certificate())
        chosen = self.available(scenario.peers, setting)
        if OURS not in [each.name for each in chosen]:
            self.results.skip(scenario.name, "the gateway cannot be measured in it")
            self.say(f"skipping {scenario.name}: the gateway cannot be measured in it")
            return None, []
        workload = self.workload(scenario.keys, scenario.body, scenario.load == "streams", scenario.translated)
        folder = self.folder / scenario.name
        upstream = Upstream(folder / "upstream", workload, self.around, scenario.stream)
        cores = self.under_test | self.around if setting.loops > 1 else self.under_test
        peers = [each(folder / slug(each.name), workload, upstream.upstream_ports, cores, setting) for each in chosen]
        for each in (upstream, *peers):
            stack.callback(each.stop)
            each.start()
        return upstream, peers

    def _round(self, scenario, upstream, peer, label: str):
        if scenario.load == "streams":
            # The generator warms up by itself, so that no stream is cut off.
            if peer.name == OURS and scenario.stream[1]:
                self.results.add(scenario.name, DIRECT, streams.direct(upstream, peer.workload, scenario.streams, self.options.seconds))
            round_ = streams.throughput(peer, upstream, scenario.streams, self.options.seconds)
        else:
            self._load(scenario, upstream, peer, max(WARM_UP_SECONDS, scenario.seconds // 2))
            round_ = self._load(scenario, upstream, peer, max(self.options.seconds, scenario.seconds))
        self.results.add(scenario.name, peer.name, round_)
        delays = f"  p99 {round_.p99:,.0f} µs" if round_.p99 else ""
        self.say(
            f"{label:<22} {peer.name:<12} {round_.requests_per_second:>9,.0f} {scenario.unit}s/s  "
            f"{round_.cpu_microseconds:6.1f} µs CPU{delays}"
        )

    def _load(self, scenario, upstream, peer, seconds):
        if scenario.load == "h2":
            return measure.throughput_h2(peer, upstream, seconds)
        if scenario.load == "turns":
            if peer not in self.met:
                # A key's first use is dearer and happens once: it is told, and then behind us.
                first = measure.throughput_turns(peer, upstream, 0, CALLERS)
                self.say(f"{scenario.name}: {peer.name}: {first.cpu_microseconds:.1f} µs CPU for each caller's first request")
                self.met.add(peer)
            return measure.throughput_turns(peer, upstream, seconds, CALLERS)
        return measure.throughput(peer, upstream, seconds, scenario.connections, close=scenario.load == "close")


def slug(name: str) -> str:
    return name.replace(" + ", "-").replace(" ", "-").lower()
