"""What was measured: figures under part, contestant and quantity, each taken several times."""

import math
import statistics
from dataclasses import dataclass, field

from scipy import stats


@dataclass
class Figure:
    """The values of one quantity, one for each repetition."""

    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """Half of the distance between the smallest and the largest value, as a share of the median."""
        return (max(self.values) - min(self.values)) / 2 / self.median if self.median else 0.0


class Ratio(float):
    """The ratio of two medians, and within what another run of as many rounds is expected to find it.

    `low` and `high` are a prediction interval at 95 %, by Student's t on the logarithms of the rounds' ratios: a round
    measures both within minutes, so what drifts in the course of a run cancels out. That few rounds say little shows in
    its width: t is 12.7 for two rounds, 4.3 for three, 2.8 for five. What the values themselves span would promise too
    much: of normal ones, another run of three rounds falls outside in one of four cases, of two rounds in every other.
    Both are None with less than two rounds.
    """

    def __new__(cls, mine, theirs):
        ratio = super().__new__(cls, mine.median / theirs.median)
        ratio.low = ratio.high = None
        rounds = len(mine.values)
        # A contestant that failed in a round has fewer values, and nothing says which of the others' they belong to.
        if rounds >= 2 and rounds == len(theirs.values) and min(mine.values) > 0:
            logarithms = [math.log(one / other) for one, other in zip(mine.values, theirs.values)]
            deviation = statistics.stdev(logarithms) * math.sqrt(2 / rounds)
            margin = math.exp(stats.t.ppf(0.975, rounds - 1) * deviation)
            ratio.low, ratio.high = ratio / margin, ratio * margin
        return ratio


class Results:
    """All figures of a run, the curves that plots are drawn from, and what could not be measured and why."""

    def __init__(self):
        self.figures: dict[str, dict[str, dict[str, Figure]]] = {}
        self.curves: dict[str, dict[str, list]] = {}
        self.failures: dict[str, str] = {}
        self.notes: list[str] = []

    def add(self, part, contestant, quantity, value, unit):
        figures = self.figures.setdefault(part, {}).setdefault(contestant, {})
        figures.setdefault(quantity, Figure(unit)).values.append(float(value))

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def median(self, part, contestant, quantity):
        """None if it was not measured."""
        figure = self.figures.get(part, {}).get(contestant, {}).get(quantity)
        return figure.median if figure else None

    def ratio(self, part, quantity, contestant, other):
        """None if one of them was not measured, or is nothing to divide by."""
        mine, theirs = (self.figures.get(part, {}).get(name, {}).get(quantity) for name in (contestant, other))
        return Ratio(mine, theirs) if mine and theirs and min(theirs.values) > 0 else None

    def curve(self, part, name, points):
        """Points of a plot; a later repetition replaces an earlier one."""
        self.curves.setdefault(part, {})[name] = points

    def as_json(self):
        return {
            "figures": {
                part: {
                    contestant: {
                        quantity: {
                            "unit": figure.unit,
                            "median": figure.median,
                            "spread": figure.spread,
                            "values": figure.values,
                        }
                        for quantity, figure in quantities.items()
                    }
                    for contestant, quantities in contestants.items()
                }
                for part, contestants in self.figures.items()
            },
            "curves": self.curves,
            "failures": self.failures,
            "notes": self.notes,
        }
