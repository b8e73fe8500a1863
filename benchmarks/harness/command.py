"""The command line: which parts of a run, where its figures go."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import measure, plot, report
from .bars import judged
from .bench import Bench
from .machine import Fault, description
from .scenarios import ALL_PEERS, BY_NAME
from .sections import OPEN_LOOP_RATE, SECTIONS, SLOW, needed_tools


def main(arguments=None) -> int:
    options = parse(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ai-gateway-bench-"))
    # Being ended from outside has to take the servers along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        results = run(options, folder)
    except Fault as fault:
        print(f"bench: {fault}\nbench: files are kept in {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    publish(results, options)
    missed = [bar for bar, _, verdict in judged(results) if verdict == "MISS"]
    return 1 if options.strict and missed else 0


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Measures ai-gateway beside its peers on the same work; benchmarks/README.md explains.",
    )
    names = [each.name for each in ALL_PEERS]
    add = parser.add_argument
    add("--binary", type=Path, default=Path(".build/dist/ai-gateway"), help="the gateway to measure")
    add("--quick", action="store_true", help=f"3 short rounds, without {' and '.join(sorted(SLOW))}: a look, not a result")
    add("--only", metavar="PARTS", help=f"comma-separated parts of a run: {', '.join(SECTIONS)}")
    add("--matrix", action="store_true", help="the same as --only matrix")
    add("--scenario", metavar="NAMES", help=f"single scenarios instead: {', '.join(BY_NAME)}")
    add("--rounds", type=int, help="interleaved rounds (default 10)")
    add("--seconds", type=int, help="length of one measurement (default 2)")
    add("--keys", type=int, default=1000, help="gateway keys configured and used (default 1000)")
    add("--peers", default=",".join(names), help="comma-separated part of the default, %(default)s")
    add("--log", choices=["off", "on", "both"], default="both", help="access log settings of the chat part")
    add("--json", type=Path, metavar="FILE", help="write every round's figures (- for standard output)")
    add("--results", type=Path, metavar="FILE", help="write the tables as a Markdown page, and a plot beside it")
    add("--strict", action="store_true", help="exit 1 if a bar is missed")
    options = parser.parse_args(arguments)
    options.peers = options.peers.split(",")
    wanted = "matrix" if options.matrix else options.only
    options.parts = wanted.split(",") if wanted else [each for each in SECTIONS if not (options.quick and each in SLOW)]
    options.scenarios = options.scenario.split(",") if options.scenario else []
    for what, said, known in (
        ("peer", options.peers, names), ("part", options.parts, SECTIONS), ("scenario", options.scenarios, BY_NAME),
    ):
        if unknown := sorted(set(said) - set(known)):
            parser.error(f"unknown {what}: {', '.join(unknown)}")
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.seconds = options.seconds or (1 if options.quick else 2)
    return options


def run(options, folder: Path):
    for name, package in needed_tools().items():
        raise Fault(f"{name} is not installed (Debian package {package}; scripts/setup bench)")
    bench = Bench(options, folder)
    _note_stalls(bench)
    if options.scenarios:
        bench.run_each([BY_NAME[name] for name in options.scenarios])
    else:
        for name, section in SECTIONS.items():
            if name in options.parts:
                started = time.monotonic()
                section(bench)
                bench.say(f"{name}: done in {time.monotonic() - started:.0f} s")
    return bench.results


def _note_stalls(bench):
    """What the machine alone does, before anybody else is asked: the scale for every tail."""
    found = measure.stalls(bench.under_test, 1 if bench.options.quick else 5)
    lost, longest = found["lost_share"] * 100, found["longest"]
    bench.results.notes.append(f"a spinning process lost {lost:.2f} % of its time, at most {longest:.0f} µs at once")
    bench.say(bench.results.notes[-1])


def publish(results, options):
    # Whoever pipes the JSON wants nothing else on standard output.
    output = sys.stderr if str(options.json) == "-" else sys.stdout
    print(report.as_text(results, colour=output.isatty() and "NO_COLOR" not in os.environ), file=output)
    facts = [
        time.strftime("%Y-%m-%d", time.gmtime()),
        description(),
        f"{options.rounds} interleaved rounds of {options.seconds:g} s, twice as many for chat, delays, paced streams and keys, {measure.CONNECTIONS} connections, "
        f"{options.keys} keys; delays at {OPEN_LOOP_RATE:g} req/s, open loop",
        *results.notes,
    ]
    if options.json:
        text = json.dumps({"facts": facts, **report.as_json(results)}, indent=2, ensure_ascii=False) + "\n"
        if str(options.json) == "-":
            sys.stdout.write(text)
        else:
            options.json.write_text(text)
    if options.results:
        options.results.write_text(report.as_markdown(results, facts))
        picture = plot.svg(results)
        if picture:
            options.results.with_name("ratios.svg").write_text(picture)
