"""All figures of one run, and the ways to compare them: medians, and medians of the rounds' ratios."""

from statistics import median

DIRECT = "direct"  # the upstream without anything in between


class Results:
    """Rounds by (scenario, peer's name), and single figures by (figure, peer's name)."""

    def __init__(self):
        self.rounds, self.values, self.skipped, self.notes = {}, {}, {}, []

    def add(self, scenario: str, name: str, round_):
        self.rounds.setdefault((scenario, name), []).append(round_)

    def skip(self, what: str, why: str):
        self.skipped[what] = why

    def peers(self, scenario: str) -> list:
        """In the order of the run's first scenario, whatever order they were measured in."""
        taking_part = {name for each, name in self.rounds if each == scenario and name != DIRECT}
        return [name for name in dict.fromkeys(name for _, name in self.rounds) if name in taking_part]

    def median(self, figure: str, scenario: str, name: str):
        rounds = self.rounds.get((scenario, name))
        return median(getattr(each, figure) for each in rounds) if rounds else None

    def ratio(self, figure: str, ours: tuple, theirs: tuple):
        """Median of the rounds' ratios: what both suffer in a round cancels out. Both are (scenario, name)."""
        return self._by_round(figure, ours, theirs, lambda a, b: a / b)

    def difference(self, figure: str, ours: tuple, theirs: tuple):
        return self._by_round(figure, ours, theirs, lambda a, b: a - b)

    def added(self, figure: str, scenario: str, name: str):
        """What the peer adds to what the upstream's own answer takes, by the median of the rounds."""
        return self.difference(figure, (scenario, name), (scenario, DIRECT))

    def added_ratio(self, figure: str, scenario: str, name: str, against: str):
        """Median of the rounds' ratios of what two peers add. A round in which the other added nothing measurable says
        nothing; if that is so in half of them, there is no ratio."""
        three = [self.rounds.get((scenario, each)) for each in (name, against, DIRECT)]
        if not all(three):
            return None
        triples = [[getattr(each, figure) for each in rounds] for rounds in zip(*three)]
        ratios = [(ours - direct) / (theirs - direct) for ours, theirs, direct in triples if theirs > direct]
        return median(ratios) if 2 * len(ratios) > len(triples) else None

    def foreign(self) -> float:
        """What others took of a core, in the median round."""
        shares = [each.foreign for rounds in self.rounds.values() for each in rounds if hasattr(each, "foreign")]
        return median(shares) if shares else 0.0

    def _by_round(self, figure: str, ours: tuple, theirs: tuple, compare):
        ours, theirs = self.rounds.get(ours), self.rounds.get(theirs)
        if not ours or not theirs:
            return None
        return median(compare(getattr(a, figure), getattr(b, figure)) for a, b in zip(ours, theirs))

    def as_json(self) -> dict:
        return {
            "rounds": [
                {"scenario": scenario, "peer": name, "rounds": [vars(each) for each in rounds]}
                for (scenario, name), rounds in self.rounds.items()
            ],
            "values": [{"figure": figure, "peer": name, "value": value} for (figure, name), value in self.values.items()],
            "skipped": self.skipped, "notes": self.notes, "foreign": self.foreign(),
        }
