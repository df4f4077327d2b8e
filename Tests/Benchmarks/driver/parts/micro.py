"""Stages of the hot path by themselves: nanoseconds and allocations for each sentence, held to one core.

The executable `Benchmarks` times them; the library preloaded into it counts what is allocated.
"""

import json

from .. import models, sentences, settings
from ..processes import run
from ..progress import say
from . import attempt

PART = "micro"


def measure(results, trained):
    file = sentences.write("micro.txt", sentences.distinct(20_000))
    counter = settings.BENCH / "bin" / "allocations"
    with attempt(results, "micro-benchmarks"):
        printed = run(
            "Benchmarks",
            [settings.BENCHMARKS, "stages", "--model", trained.path(models.TRIAGE), "--sentences", file],
            cores="0",
            environment={"LD_PRELOAD": str(counter)},
        )
        for stage in json.loads(printed):
            results.add(PART, stage["stage"], "time", stage["nanoseconds"], "ns")
            results.add(PART, stage["stage"], "allocations", stage["allocations"], "")
        for stage in results.figures.get(PART, {}):
            say(
                f"micro, {stage}: {results.median(PART, stage, 'time'):,.0f} ns, "
                f"{results.median(PART, stage, 'allocations'):.2f} allocations"
            )
