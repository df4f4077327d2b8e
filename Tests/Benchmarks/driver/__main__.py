"""`python -m driver`: runs the parts that ONLY names (default: all but `encoder`), and writes the report after each.

It goes through them in rounds: what drifts in the course of a run, such as the speed of a virtual machine, then shows in
the spread of every figure.
"""

import os
import shutil
import signal
import sys

from . import machine, report, settings
from .measurement import Results
from .models import Models
from .parts import (
    attempt,
    classification,
    encoder,
    gateway,
    growth,
    lanes,
    memory,
    micro,
    scaling,
    seed,
    training,
    worker,
)
from .progress import say

PARTS = {
    "worker": worker,
    "classification": classification,
    "gateway": gateway,
    "lanes": lanes,
    "scaling": scaling,
    "seed": seed,
    "memory": memory,
    "micro": micro,
    "training": training,
    "growth": growth,
    "encoder": encoder,
}
# Only for whom names it: it needs an encoder and OpenVINO, which `make encoder` brings.
ON_REQUEST = {"encoder"}
# Long ones, from which no target's ratio is taken: in the first round alone.
ONCE = {"seed", "memory", "growth"}


def main():
    # Also then whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = [name for name in os.environ.get("ONLY", "").replace(" ", "").split(",") if name]
    wanted = wanted or [name for name in PARTS if name not in ON_REQUEST]
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"bench: no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 64
    shutil.rmtree(settings.REPORT, ignore_errors=True)
    settings.WORK.mkdir(parents=True, exist_ok=True)
    description = machine.describe()
    if os.getloadavg()[0] > 0.5:
        say(f"the machine is busy (load {os.getloadavg()[0]:.1f}): do not trust what comes")
    results, trained = Results(), Models()
    for number in range(1, settings.REPEATS + 1):
        for name in wanted:
            if number > 1 and name in ONCE:
                continue
            say(f"round {number} of {settings.REPEATS}: {name}")
            with attempt(results, name):
                PARTS[name].measure(results, trained)
            report.write(results, description)
    say(f"the report is in {settings.REPORT.relative_to(settings.ROOT)}/report.md")
    print(report.targets_text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
