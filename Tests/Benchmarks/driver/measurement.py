"""What was measured: figures under part, contestant and quantity, each taken several times."""

import statistics
from dataclasses import dataclass, field


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
    """The ratio of two medians, with the least and the largest that a pair of repetitions gives."""

    def __new__(cls, mine, theirs):
        ratio = super().__new__(cls, mine.median / theirs.median)
        ratio.low = min(mine.values) / max(theirs.values)
        ratio.high = max(mine.values) / min(theirs.values)
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
