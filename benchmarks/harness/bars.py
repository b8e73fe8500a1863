"""What we demand of ourselves: one row each, with the bar that must hold and the stretch that is aimed at."""

from collections.abc import Callable
from dataclasses import dataclass

OURS, FLOOR, YARDSTICK, PYTHON = "ai-gateway", "nginx", "nginx + Lua", "LiteLLM"


@dataclass(frozen=True)
class Bar:
    """One demand. All that is compared is measured in one run, on one core, access logs off."""

    section: str  # of the measurements, as `--only` names it
    what: str
    bar: float
    stretch: float | None
    form: str
    measure: Callable  # Results -> the figure, or None if it was not measured
    at_least: bool = False

    def meets(self, value: float, limit: float) -> bool:
        # What is shown decides: nobody wants to read that 1.10 misses 1.10.
        shown, limit = (float(self.text(each, digits_only=True)) for each in (value, limit))
        return shown >= limit if self.at_least else shown <= limit

    def verdict(self, value) -> str:
        if value is None:
            return "not measured"
        if not self.meets(value, self.bar):
            return "MISS"
        return "stretch" if self.stretch is not None and self.meets(value, self.stretch) else "pass"

    def text(self, value, digits_only=False) -> str:
        if value is None:
            return "–"
        written = self.form.format(value)
        return written.split(" ")[0].replace(",", "") if digits_only else written.replace(",", " ")

    def limit(self, value) -> str:
        return "–" if value is None else f"{'≥' if self.at_least else '≤'} {self.text(value)}"


def _cpu(scenario: str, against: str):
    return lambda results: results.ratio("cpu_microseconds", (scenario, OURS), (scenario, against))


def _added(scenario: str, percentile: str):
    return lambda results: results.added_ratio(percentile, scenario, OURS, FLOOR)


def _value(figure: str, scale: float = 1.0):
    def measured(results):
        value = results.values.get((figure, OURS))
        return None if value is None else value * scale

    return measured


def _body(results):
    # Bytes per second of its core: the other core may be what limits the round.
    return results.ratio("cpu_microseconds", ("body-1m", FLOOR), ("body-1m", OURS))


def _keys(results):
    return results.ratio("cpu_microseconds", ("keys-100000", OURS), ("keys-10", OURS))


def _translated(results):
    return results.ratio("cpu_microseconds", ("sse-translated", OURS), ("sse-paced", OURS))


def _python(results):
    return results.ratio("requests_per_second", ("gateways", OURS), ("gateways", PYTHON))


def _log(results):
    return results.difference("cpu_microseconds", ("chat-1k-log", OURS), ("chat-1k", OURS))


RATIO = "{:.2f} ×"
BARS = (
    Bar("chat", "CPU per request, 1 kB chat, keep-alive, against nginx", 1.10, 0.90, RATIO, _cpu("chat-1k", FLOOR)),
    Bar("chat", "… against nginx + Lua doing the same work", 0.55, 0.45, RATIO, _cpu("chat-1k", YARDSTICK)),
    Bar("instructions", "user instructions per request", 36_000, 20_000, "{:,.0f}", _value("instructions")),
    Bar("delay", "added latency at 2 000 req/s, open loop, p50, against nginx", 1.25, 1.0, RATIO, _added("delay", "p50")),
    Bar("delay", "… p99", 1.25, 1.0, RATIO, _added("delay", "p99")),
    Bar("sse", "500 streams × 10 ms: CPU per event against nginx", 1.1, 1.0, RATIO, _cpu("sse-paced", FLOOR)),
    Bar("sse", "… added delay of an event, p99, against nginx", 1.25, 1.0, RATIO, _added("sse-paced", "p99")),
    Bar("sse", "… translated: CPU per event against passed through", 4.0, 2.0, RATIO, _translated),
    Bar("memory", "memory per idle stream, 5 000 open", 8.0, 4.0, "{:.1f} kB", _value("idle_bytes", 1e-3)),
    Bar("body", "throughput of 1 MB bodies per core against nginx", 0.9, 1.0, RATIO, _body, at_least=True),
    Bar("keys", "CPU per request, 100 000 keys against 10", 1.05, None, RATIO, _keys),
    Bar("allocations", "heap allocations per request, passed through", 8, 2, "{:z.1f}", _value("allocations")),
    Bar("allocations", "… per event of a stream", 0, 0, "{:z.1f}", _value("event_allocations")),
    Bar("allocations", "… added to an event by translating it", 2, 1, "{:z.1f}", _value("translated_allocations")),
    # A stream of a thousand events: what grew with its length would show as kilobytes.
    Bar("allocations", "… added bytes, a late event's more than an early one's", 16, 0, "{:.0f}", _value("translated_growth")),
    Bar("gateways", "requests per second against LiteLLM", 200, None, "{:.0f} ×", _python, at_least=True),
    Bar("chat", "access log on: CPU per request more", 1.5, 0.7, "{:.1f} µs", _log),
    Bar("resident", "memory after 1 000 000 requests more than after 100 000", 2.0, None, "{:.1f} MB", _value("growth", 1e-6)),
)


def judged(results):
    """(bar, figure or None, verdict) of every row."""
    for bar in BARS:
        value = bar.measure(results)
        yield bar, value, bar.verdict(value)
