"""What the person who waits sees."""

import sys
import time

_start = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - _start:7.1f} s] {text}", file=sys.stderr, flush=True)
