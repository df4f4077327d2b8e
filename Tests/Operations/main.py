"""Runs the tests of this folder with Python's unittest and its options; one that takes too long fails with its name.

TRIAGE_TEST_SECONDS is how long one may take, or what a class sets up before its tests.
"""

import os
import pathlib
import signal
import sys
import unittest

SECONDS = int(os.environ.get("TRIAGE_TEST_SECONDS", "600"))


class TooLong(Exception):
    """Not TimeoutError: what a test does about those of its sockets is none of this one's business."""


def too_long(*_):
    raise TooLong(f"it has not come to its end in {SECONDS} s")


class TimedResult(unittest.TextTestResult):
    """Counts from the end of a test too, since what comes next may be the setting up of a class."""

    def startTest(self, test):
        signal.alarm(SECONDS)
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        signal.alarm(SECONDS)


def main():
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    runner = unittest.TextTestRunner(verbosity=2, resultclass=TimedResult)
    options = ["discover", "--start-directory", str(pathlib.Path(__file__).parent), *sys.argv[1:]]
    unittest.main(module=None, argv=[sys.argv[0], *options], testRunner=runner)


main()
