"""The parts of a run. Each has `measure(results, trained)`, for one round, and notes what it could not measure."""

from contextlib import contextmanager

from ..processes import Failure
from ..progress import say


@contextmanager
def attempt(results, what):
    """Lets the rest of the run go on when one contestant fails; the report says why."""
    try:
        yield
    except Failure as failure:
        results.failures[what] = str(failure)
        say(f"{what}: not measured: {failure}")
