"""From raw rounds to a table: medians, medians of ratios, and whether the bars are met."""

from dataclasses import dataclass
from statistics import median

OURS = "ai-gateway"
FLOOR = "nginx"
YARDSTICK = "nginx + Lua"


@dataclass(frozen=True)
class Bar:
    """What we demand of ourselves: our figure divided by a peer's, access logs off."""

    what: str
    figure: str
    against: str
    at_most: float


BARS = (
    Bar("CPU per request against plain nginx", "cpu_microseconds", FLOOR, 1.25),
    Bar("CPU per request against nginx + Lua doing the same work", "cpu_microseconds", YARDSTICK, 0.65),
)


# Share of one of the two cores that processes of others may take before the figures are called disturbed.
TOLERATED_FOREIGN = 0.05


class Results:
    """Every round of every peer. Keys are (peer's name, access log on)."""

    def __init__(self):
        self.throughput = {}
        self.delay = {}  # peer's name, "direct" for the upstream alone
        self.instructions = {}
        self.skipped = {}

    def add_throughput(self, name, access_log, round_):
        self.throughput.setdefault((name, access_log), []).append(round_)

    def add_delay(self, name, round_):
        self.delay.setdefault(name, []).append(round_)

    def ratio(self, figure: str, name: str, against: str, access_log: bool):
        """Median of the rounds' ratios: what both suffer in a round cancels out."""
        ours, theirs = self.throughput.get((name, access_log)), self.throughput.get((against, access_log))
        if not ours or not theirs:
            return None
        return median(getattr(a, figure) / getattr(b, figure) for a, b in zip(ours, theirs))

    def added_delay(self, name: str, percentile: str):
        """What the peer adds to the upstream's own answer time, by the median of the rounds."""
        if name not in self.delay or "direct" not in self.delay:
            return None
        rounds = zip(self.delay[name], self.delay["direct"])
        return median(getattr(a, percentile) - getattr(b, percentile) for a, b in rounds)

    def foreign(self) -> float:
        """What others took of a core, in the median round."""
        rounds = [each.foreign for several in self.throughput.values() for each in several]
        return median(rounds) if rounds else 0.0

    def rows(self):
        for access_log in (False, True):
            for (name, log), rounds in self.throughput.items():
                if log == access_log:
                    yield name, access_log, rounds

    def bars(self):
        """(bar, ratio or None, met or None)."""
        for bar in BARS:
            ratio = self.ratio(bar.figure, OURS, bar.against, access_log=False)
            yield bar, ratio, None if ratio is None else ratio <= bar.at_most

    def as_json(self):
        return {
            "throughput": [
                {"peer": name, "access_log": log, "rounds": [vars(each) for each in rounds]}
                for (name, log), rounds in self.throughput.items()
            ],
            "delay": {name: [vars(each) for each in rounds] for name, rounds in self.delay.items()},
            "instructions": self.instructions,
            "bars": [
                {"what": bar.what, "at_most": bar.at_most, "ratio": ratio, "met": met}
                for bar, ratio, met in self.bars()
            ],
            "skipped": self.skipped,
            "foreign": self.foreign(),
        }


HEADINGS = (
    "", "access log", "req/s", "core busy", "CPU µs / request", "× nginx", "× nginx + Lua", "instructions / request",
    "added p50 µs", "added p99 µs",
)


def table(results: Results) -> list:
    """Rows of text under HEADINGS; a dash where nothing was measured."""
    rows = []
    for name, access_log, rounds in results.rows():
        once = not access_log
        rows.append((
            name,
            "on" if access_log else "off",
            f"{median(each.requests_per_second for each in rounds):,.0f}".replace(",", " "),
            f"{median(each.busy for each in rounds) * 100:.0f} %",
            f"{median(each.cpu_microseconds for each in rounds):.1f}",
            _number(results.ratio("cpu_microseconds", name, FLOOR, access_log), "{:.2f}"),
            _number(results.ratio("cpu_microseconds", name, YARDSTICK, access_log), "{:.2f}"),
            _number(results.instructions.get(name) if once else None, "{:,.0f}"),
            _number(results.added_delay(name, "p50") if once else None, "{:.0f}"),
            _number(results.added_delay(name, "p99") if once else None, "{:.0f}"),
        ))
    return rows


def _number(value, form: str) -> str:
    return "–" if value is None else form.format(value).replace(",", " ")


def verdict(bar: Bar, ratio, met) -> str:
    if met is None:
        return f"not measured  {bar.what}: ≤ {bar.at_most:.2f}"
    return f"{'pass' if met else 'MISS'}  {bar.what}: {ratio:.2f} (≤ {bar.at_most:.2f})"


def warning(results: Results):
    """Says so when the machine was not ours: caches that others fill cost everybody, but not everybody the same."""
    if results.foreign() <= TOLERATED_FOREIGN:
        return None
    return f"others took {results.foreign() * 100:.0f} % of a core: repeat this on a quiet machine"


def as_text(results: Results, colour: bool) -> str:
    rows = [HEADINGS, *table(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for index, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        line = "  ".join(cells)
        lines.append(f"\033[1m{line}\033[0m" if colour and index == 0 else line)
    lines.append("")
    for bar, ratio, met in results.bars():
        line = verdict(bar, ratio, met)
        code = {True: "32", False: "31", None: "33"}[met]
        lines.append(f"\033[{code}m{line}\033[0m" if colour else line)
    lines += [f"skipped  {name}: {why}" for name, why in results.skipped.items()]
    if warning(results):
        lines.append(f"disturbed  {warning(results)}")
    return "\n".join(lines)


def as_markdown(results: Results, facts: list) -> str:
    lines = ["# Results", "", "Written by `make bench-results`; [README.md](README.md) says what each column means.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "| " + " | ".join(HEADINGS) + " |", "|" + "---|" * 2 + "---:|" * (len(HEADINGS) - 2)]
    lines += ["| " + " | ".join(row) + " |" for row in table(results)]
    lines += ["", "| bar, access logs off | at most | measured | |", "|---|---:|---:|---|"]
    for bar, ratio, met in results.bars():
        word = {True: "pass", False: "**miss**", None: "not measured"}[met]
        lines.append(f"| {bar.what} | {bar.at_most:.2f} × | {_number(ratio, '{:.2f} ×')} | {word} |")
    if warning(results):
        lines += ["", f"Disturbed: {warning(results)}."]
    if results.skipped:
        lines += ["", *(f"Skipped: {name}: {why}." for name, why in results.skipped.items())]
    return "\n".join(lines) + "\n"
