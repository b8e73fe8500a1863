"""The command line: checks the peers, runs the interleaved rounds, prints the table."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import measure, peers, report
from .check import check
from .machine import Fault, description
from .workload import Workload

WARM_UP_SECONDS = 1
OPEN_LOOP_RATE = 2000.0


def main(arguments=None) -> int:
    options = parse(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ai-gateway-bench-"))
    # Being ended from outside has to take the servers along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        results = Run(options, folder).run()
    except Fault as fault:
        print(f"bench: {fault}\nbench: files are kept in {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    publish(results, options)
    missed = [bar for bar, _, met in results.bars() if met is False]
    return 1 if options.strict and missed else 0


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="benchmarks/run",
        description="Measures nginx, nginx + Lua and ai-gateway on the same work in one run; benchmarks/README.md explains.",
    )
    parser.add_argument("--binary", type=Path, default=Path(".build/dist/ai-gateway"), help="the gateway to measure")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, no instruction count: a look, not a result")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 10)")
    parser.add_argument("--seconds", type=int, help="length of one measurement (default 2)")
    parser.add_argument("--keys", type=int, default=1000, help="gateway keys configured and used (default 1000)")
    names = [each.name for each in peers.ALL]
    parser.add_argument("--peers", default=",".join(names), help="comma-separated part of the default, %(default)s")
    parser.add_argument("--no-instructions", action="store_true", help="leave out callgrind (it takes about two minutes)")
    parser.add_argument("--no-delay", action="store_true", help=f"leave out the delay at {OPEN_LOOP_RATE:g} req/s")
    parser.add_argument("--log", choices=["off", "on", "both"], default="both", help="access log settings to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures (- for standard output)")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the table as a Markdown page")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a bar is missed")
    options = parser.parse_args(arguments)
    options.peers = options.peers.split(",")
    if unknown := sorted(set(options.peers) - set(names)):
        parser.error(f"unknown peer: {', '.join(unknown)}")
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.seconds = options.seconds or (1 if options.quick else 2)
    return options


class Run:
    def __init__(self, options, folder: Path):
        self.options, self.folder = options, folder
        self.results = report.Results()
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Fault("two cores are needed: one for the system under test, one for load and upstream")
        # Always one and one, so that results of larger machines compare.
        self.under_test, self.around = {cores[0]}, {cores[1]}
        self.workload = Workload.write(folder / "workload", options.keys)

    def run(self) -> report.Results:
        for tool, package in (("wrk", "wrk"), ("h2load", "nghttp2-client")):
            if not shutil.which(tool):
                raise Fault(f"{tool} is not installed (Debian package {package}; scripts/setup bench)")
        if not peers.nginx_binary():
            raise Fault("nginx is not installed, and the upstream is one (scripts/setup bench)")
        chosen = self.available_peers()
        for each in chosen:
            check(each, self.folder / "check" / slug(each), self.workload, self.under_test)
            self.say(f"{each.name}: does the work" if each.pipeline else f"{each.name}: forwards")
        upstream = peers.Upstream(self.folder / "upstream", self.workload, self.around)
        try:
            upstream.start()
            self.measure_throughput(chosen, upstream)
            if not self.options.no_delay:
                self.measure_delay(chosen, upstream)
            if not (self.options.no_instructions or self.options.quick):
                self.measure_instructions(chosen, upstream)
        finally:
            upstream.stop()
        return self.results

    def available_peers(self):
        chosen = []
        for each in peers.ALL:
            if each.name not in self.options.peers:
                continue
            why = each.missing(self.options)
            if why:
                self.results.skipped[each.name] = why
                self.say(f"skipping {each.name}: {why}")
            else:
                chosen.append(each)
        return chosen

    def measure_throughput(self, chosen, upstream):
        settings = {"off": (False,), "on": (True,), "both": (False, True)}[self.options.log]
        subjects = [
            each(
                self.folder / f"{slug(each)}-{'on' if log else 'off'}", self.workload, upstream.upstream_ports,
                self.under_test, log,
            )
            for log in settings for each in chosen
        ]
        try:
            for subject in subjects:
                subject.start()
            for number in range(self.options.rounds):
                for subject in subjects:
                    measure.throughput(subject, upstream, self.workload, WARM_UP_SECONDS)
                    round_ = measure.throughput(subject, upstream, self.workload, self.options.seconds)
                    self.results.add_throughput(subject.name, subject.access_log, round_)
                    self.say(
                        f"round {number + 1}/{self.options.rounds}  {subject.name:<12} "
                        f"log {'on ' if subject.access_log else 'off'}  {round_.requests_per_second:>8,.0f} req/s  "
                        f"{round_.cpu_microseconds:5.1f} µs CPU"
                    )
        finally:
            for subject in subjects:
                subject.stop()

    def measure_delay(self, chosen, upstream):
        subjects = [
            each(self.folder / f"{slug(each)}-delay", self.workload, upstream.upstream_ports, self.under_test, False)
            for each in chosen
        ]
        try:
            for subject in subjects:
                subject.start()
            for number in range(self.options.rounds):
                ports = [("direct", upstream.upstream_ports[0]), *((each.name, each.port) for each in subjects)]
                for name, port in ports:
                    round_ = measure.delay(
                        name, port, self.workload, self.around, OPEN_LOOP_RATE, self.options.seconds
                    )
                    self.results.add_delay(name, round_)
                    self.say(
                        f"round {number + 1}/{self.options.rounds}  {name:<12} {OPEN_LOOP_RATE:g} req/s  "
                        f"p50 {round_.p50:.0f} µs  p99 {round_.p99:.0f} µs"
                    )
        finally:
            for subject in subjects:
                subject.stop()

    def measure_instructions(self, chosen, upstream):
        for each in chosen:
            number = 0

            def start_peer(wrapper, each=each):
                nonlocal number
                number += 1
                folder = self.folder / f"{slug(each)}-callgrind-{number}"
                return each(folder, self.workload, upstream.upstream_ports, self.under_test, False, wrapper)

            count = measure.instructions(start_peer, self.workload, self.around, few=2000, many=8000)
            self.results.instructions[each.name] = count
            self.say(f"{each.name}: {count:,.0f} user instructions per request")

    def say(self, text: str):
        print(f"bench: {text}", file=sys.stderr, flush=True)


def slug(peer) -> str:
    return peer.name.replace(" + ", "-").replace(" ", "-").lower()


def publish(results: report.Results, options):
    # Whoever pipes the JSON wants nothing else on standard output.
    output = sys.stderr if str(options.json) == "-" else sys.stdout
    print(report.as_text(results, colour=output.isatty() and "NO_COLOR" not in os.environ), file=output)
    facts = [
        time.strftime("%Y-%m-%d", time.gmtime()),
        description(),
        f"{options.rounds} interleaved rounds of {options.seconds:g} s, {measure.CONNECTIONS} connections, "
        f"{options.keys} keys; delays at {OPEN_LOOP_RATE:g} req/s, open loop",
    ]
    if options.json:
        text = json.dumps({"facts": facts, **results.as_json()}, indent=2, ensure_ascii=False) + "\n"
        if str(options.json) == "-":
            sys.stdout.write(text)
        else:
            options.json.write_text(text)
    if options.results:
        options.results.write_text(report.as_markdown(results, facts))
