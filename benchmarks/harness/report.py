"""The tables of a run: bars with their verdicts, the headline, the matrix; for a terminal and as a page."""

from .bars import FLOOR, YARDSTICK, judged
from .results import Results
from .scenarios import BY_NAME, CHAT, CHAT_LOG

# Share of one of the two cores that processes of others may take before the figures are called disturbed.
TOLERATED_FOREIGN = 0.05

BAR_HEADINGS = ("what", "bar", "stretch", "measured", "verdict")
CHAT_HEADINGS = (
    "1 kB chat", "access log", "req/s", "core busy", "CPU µs / request", "× nginx", "× nginx + Lua",
    "instructions / request", "allocations / request", "added p50 µs", "added p99 µs", "kB / idle stream",
)
MATRIX_HEADINGS = ("scenario", "", "per second", "core busy", "CPU µs each", "× nginx", "delay p50 µs", "delay p99 µs")


def bar_rows(results: Results) -> list:
    return [
        (bar.what, bar.limit(bar.bar), bar.limit(bar.stretch), bar.text(value), verdict)
        for bar, value, verdict in judged(results)
    ]


def chat_rows(results: Results) -> list:
    """The headline: every figure of every peer on the same request."""
    rows = []
    for scenario in (CHAT, CHAT_LOG):
        for name in results.peers(scenario.name):
            logged = scenario.setting.access_log
            value = lambda figure: None if logged else results.values.get((figure, name))
            delay = lambda percentile: None if logged else results.added(percentile, "delay", name)
            rows.append((
                name, "on" if logged else "off", *_throughput(results, scenario.name, name),
                number(_ratio(results, scenario.name, name, FLOOR), 2),
                number(_ratio(results, scenario.name, name, YARDSTICK), 2),
                number(value("instructions"), 0), number(value("allocations"), 1),
                number(delay("p50"), 0), number(delay("p99"), 0),
                number(_thousandth(value("idle_bytes")), 1),
            ))
    return rows


def matrix_rows(results: Results) -> list:
    rows = []
    for scenario in BY_NAME.values():
        for name in results.peers(scenario.name) if scenario not in (CHAT, CHAT_LOG) else ():
            rows.append((
                scenario.what, name, *_throughput(results, scenario.name, name),
                number(_ratio(results, scenario.name, name, FLOOR), 2),
                number(results.median("p50", scenario.name, name) or None, 0),
                number(results.median("p99", scenario.name, name) or None, 0),
            ))
    return rows


def tables(results: Results):
    """(headings, rows, how many columns are text) of those that have rows."""
    every = (
        (BAR_HEADINGS, bar_rows(results), 1), (CHAT_HEADINGS, chat_rows(results), 2), (MATRIX_HEADINGS, matrix_rows(results), 2),
    )
    return [each for each in every if each[1]]


def _throughput(results, scenario: str, name: str) -> tuple:
    busy = results.median("busy", scenario, name)
    return (
        number(results.median("requests_per_second", scenario, name), 0), f"{busy * 100:.0f} %",
        number(results.median("cpu_microseconds", scenario, name), 1),
    )


def _ratio(results, scenario: str, name: str, against: str):
    return results.ratio("cpu_microseconds", (scenario, name), (scenario, against))


def _thousandth(value):
    return None if value is None else value / 1000


def number(value, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}".replace(",", " ")


def warning(results: Results):
    """Says so when the machine was not ours: caches that others fill cost everybody, but not everybody the same."""
    if results.foreign() <= TOLERATED_FOREIGN:
        return None
    return f"others took {results.foreign() * 100:.0f} % of a core: repeat this on a quiet machine"


_COLOURS = {"stretch": "32", "pass": "32", "MISS": "31", "not measured": "33"}


def as_text(results: Results, colour: bool) -> str:
    lines = []
    for headings, rows, words in tables(results):
        widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
        for row in (headings, *rows):
            cells = [
                cell.ljust(width) if column < words or headings[column] == "verdict" else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths))
            ]
            if colour and row[-1] in _COLOURS:
                cells[-1] = f"\033[{_COLOURS[row[-1]]}m{cells[-1]}\033[0m"
            line = "  ".join(cells).rstrip()
            lines.append(f"\033[1m{line}\033[0m" if colour and row is headings else line)
        lines.append("")
    lines += [f"skipped  {name}: {why}" for name, why in results.skipped.items()]
    if warning(results):
        lines.append(f"disturbed  {warning(results)}")
    return "\n".join(lines).rstrip()


def as_markdown(results: Results, facts: list) -> str:
    lines = ["# Results", "", "Written by `make bench-results`; [README.md](README.md) says what each column means.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "![CPU time per request and peer](ratios.svg)"]
    for headings, rows, words in tables(results):
        lines += ["", "| " + " | ".join(headings) + " |", "|" + "---|" * words + "---:|" * (len(headings) - words)]
        lines += ["| " + " | ".join("**MISS**" if cell == "MISS" else cell for cell in row) + " |" for row in rows]
    if warning(results):
        lines += ["", f"Disturbed: {warning(results)}."]
    if results.skipped:
        lines += ["", *(f"- Skipped: {name}: {why}." for name, why in results.skipped.items())]
    return "\n".join(lines) + "\n"


def as_json(results: Results) -> dict:
    bars = [
        {"what": bar.what, "section": bar.section, "bar": bar.bar, "stretch": bar.stretch, "measured": value, "verdict": verdict}
        for bar, value, verdict in judged(results)
    ]
    return {"bars": bars, **results.as_json()}
