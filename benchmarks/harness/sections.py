"""The parts of a run, as `--only` names them; `bars.py` says which rows each of them fills."""

import shutil
import time

from . import allocations, measure, streams
from .bars import OURS
from .bench import slug
from .machine import Fault
from .other_peers import Envoy, HAProxy
from .peers import Gateway, Nginx, NginxLua, Setting
from .results import DIRECT
from .scenarios import (
    BODY_1M, CHAT, CHAT_LOG, FORWARDING, GATEWAYS, KEYS, MATRIX, SSE, TRANSLATED,
)
from .upstream import Upstream

OPEN_LOOP_RATE = 2000.0
#: Times the rounds of others, as `Scenario.rounds`: of a p99 a round has forty requests.
DELAY_ROUNDS = 2
IDLE_STREAMS = 5000
FEW, MANY = 100_000, 1_000_000


def chat(bench):
    logs = {"off": (CHAT,), "on": (CHAT_LOG,), "both": (CHAT, CHAT_LOG)}[bench.options.log]
    bench.run(*logs)


def delay(bench):
    # What is compared comes last and together, and every second round goes backwards, for the reason that PROXIES gives.
    workload, upstream, subjects = _started(bench, "delay", (HAProxy, Envoy, NginxLua, Nginx, Gateway))
    rounds = bench.options.rounds * (1 if bench.options.quick else DELAY_ROUNDS)
    try:
        ports = [(each.name, each.port) for each in subjects]
        ports.insert(-1, (DIRECT, upstream.upstream_ports[0]))
        for number in range(rounds):
            for name, port in reversed(ports) if number % 2 else ports:
                round_ = measure.delay(name, port, workload, bench.around, OPEN_LOOP_RATE, bench.options.seconds)
                bench.results.add("delay", name, round_)
                bench.say(
                    f"{f'delay {number + 1}/{rounds}':<22} {name:<12} {OPEN_LOOP_RATE:g} req/s  "
                    f"p50 {round_.p50:.0f} µs  p99 {round_.p99:.0f} µs"
                )
    finally:
        _stop(upstream, subjects)


def sse(bench):
    bench.run(SSE, TRANSLATED)


def body(bench):
    bench.run(BODY_1M)


def keys(bench):
    bench.run(*KEYS)


def memory(bench):
    workload, count = bench.workload(stream=True), 500 if bench.options.quick else IDLE_STREAMS
    for each in bench.available(FORWARDING, Setting(streams=True)):
        upstream = Upstream(bench.folder / "memory" / "upstream", workload, bench.around, stream=(0, 0))
        peer = each(
            bench.folder / "memory" / slug(each.name), workload, upstream.upstream_ports, bench.under_test, Setting(streams=True)
        )
        try:
            upstream.start()
            peer.start()
            value = streams.idle_bytes(peer, bench.around, count)
        finally:
            _stop(upstream, [peer])
        bench.results.values["idle_bytes", each.name] = value
        bench.say(f"{each.name}: {value / 1000:.1f} kB per idle stream, {count} open")


def instructions(bench):
    # Envoy, LiteLLM and TensorZero are left out: what they need under valgrind is minutes, and no bar is about them.
    for each in bench.available((Nginx, NginxLua, HAProxy, Gateway), Setting()):
        upstream = Upstream(bench.folder / "callgrind" / "upstream", bench.workload(), bench.around)
        runs = iter(range(2))

        def start_peer(wrapper, each=each, upstream=upstream, runs=runs):
            folder = bench.folder / "callgrind" / f"{slug(each.name)}-{next(runs)}"
            return each(folder, bench.workload(), upstream.upstream_ports, bench.under_test, wrapper=wrapper)

        try:
            upstream.start()
            count = measure.instructions(start_peer, bench.around, few=2000, many=32_000)
        finally:
            upstream.stop()
        bench.results.values["instructions", each.name] = count
        bench.say(f"{each.name}: {count:,.0f} user instructions per request")


def allocation(bench):
    for each in bench.available((Nginx, HAProxy, Gateway), Setting(streams=True)):
        counted = allocations.count(
            each, bench.folder / "allocations" / slug(each.name), bench.workload(), bench.workload(stream=True),
            bench.under_test, bench.around,
        )
        bench.results.values["allocations", each.name] = counted.per_request
        bench.results.values["event_allocations", each.name] = counted.stream.per_event
        bench.say(f"{each.name}: {counted.per_request:z.2f} allocations per request, {counted.stream.per_event:z.2f} per event")
        if each is Gateway:
            _translated_allocation(bench, counted.stream)


def _translated_allocation(bench, passed):
    added = allocations.count_stream(
        Gateway, bench.folder / "allocations" / "translated", bench.workload(stream=True, translated=True),
        bench.under_test, bench.around,
    ).less(passed)
    bench.results.values["translated_allocations", Gateway.name] = added.per_event
    bench.results.values["translated_growth", Gateway.name] = added.growth
    bench.say(f"translating adds {added.per_event:z.2f} allocations per event, {added.growth:.1f} bytes more to a late one")


def gateways(bench):
    bench.run(GATEWAYS, rounds=min(3, bench.options.rounds))


def resident(bench):
    """Memory after many requests more than after fewer."""
    few, many = (10_000, 100_000) if bench.options.quick else (FEW, MANY)
    workload, upstream, (peer,) = _started(bench, "resident", (Gateway,))
    try:
        measure.send(peer, bench.around, few, connections=measure.CONNECTIONS)
        before = _memory_at_rest(peer)
        measure.send(peer, bench.around, many - few, connections=measure.CONNECTIONS)
        after = _memory_at_rest(peer)
    finally:
        _stop(upstream, [peer])
    bench.results.values["growth", OURS] = after - before
    bench.results.values["resident_bytes", OURS] = after
    bench.say(f"{after / 1e6:.1f} MB after {many:,} requests, {before / 1e6:.1f} MB after {few:,}")


def _memory_at_rest(peer) -> int:
    """A full segment of the journal, 8 MB, counts until it is synced, once a second, and a second more for its readers."""
    time.sleep(3.5)
    return peer.server.memory_bytes()


def matrix(bench):
    for each in MATRIX:
        bench.run(each, rounds=min(3, bench.options.rounds))


def _started(bench, name: str, peer_types):
    workload = bench.workload()
    upstream = Upstream(bench.folder / name / "upstream", workload, bench.around)
    chosen = bench.available(peer_types, Setting())
    if OURS not in [each.name for each in chosen]:
        raise Fault(f"{name}: {bench.results.skipped.get(OURS, 'the gateway was not chosen')}")
    subjects = [
        each(bench.folder / name / slug(each.name), workload, upstream.upstream_ports, bench.under_test) for each in chosen
    ]
    try:
        for each in (upstream, *subjects):
            each.start()
    except BaseException:
        _stop(upstream, subjects)
        raise
    return workload, upstream, subjects


def _stop(upstream, subjects):
    for each in (*subjects, upstream):
        each.stop()


def needed_tools() -> dict:
    """Programs without which nothing can be measured, and the Debian packages that hold them."""
    wanted = {"wrk": "wrk", "h2load": "nghttp2-client", "openssl": "openssl", "taskset": "util-linux"}
    return {name: package for name, package in wanted.items() if not shutil.which(name)}


#: In the order in which they are run. What a bar needs comes first.
SECTIONS = {
    "chat": chat, "delay": delay, "sse": sse, "keys": keys, "body": body, "memory": memory, "allocations": allocation,
    "resident": resident, "instructions": instructions, "gateways": gateways, "matrix": matrix,
}
#: What `--quick` leaves out: it takes minutes under valgrind, or the start of a large Python program.
SLOW = {"instructions", "gateways"}
