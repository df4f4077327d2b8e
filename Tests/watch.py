#!/usr/bin/env python3
"""Runs `swift test`, says at the end what was skipped, and ends it when it hangs: watch.py [--patience SECONDS] COMMAND…

When no test has begun or ended for so long (6 minutes), those that have begun and not ended are named, and those that have
failed, since what they wrote may be lost; the tests and all that they started are killed. Suites may have a time limit too, but that ends no test which blocks its thread.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time


class Progress:
    """What the tests have come to, by the stream of events that Swift Testing writes to a file, a line of JSON each."""

    def __init__(self, path):
        self.path, self.read = path, 0
        self.functions, self.begun, self.issues, self.skipped, self.ended = set(), set(), [], [], False

    def follow(self):
        """Reads the events since the last time; true if there were any."""
        if not self.path.exists():
            return False
        with self.path.open("rb") as events:
            events.seek(self.read)
            # The last line may not be written to its end yet.
            lines = [line for line in events if line.endswith(b"\n")]
        self.read += sum(map(len, lines))
        for line in lines:
            self.note(json.loads(line))
        return bool(lines)

    def note(self, record):
        what, test = record["payload"]["kind"], record["payload"].get("testID")
        if what == "function":
            self.functions.add(record["payload"]["id"])
        elif what == "testStarted" and test in self.functions:
            self.begun.add(test)
        elif what == "testEnded":
            self.begun.discard(test)
        elif what == "issueRecorded":
            self.note_issue(test, record["payload"])
        elif what == "testSkipped":
            self.skipped.append("  " + " ".join(message["text"] for message in record["payload"]["messages"]))
        elif what == "runEnded":
            self.ended = True

    def note_issue(self, test, payload):
        issue = payload["issue"]
        if issue.get("isFailure", not issue.get("isKnown")):
            line = issue.get("sourceLocation", {}).get("line", "?")
            self.issues.append(f"  {test}, line {line}: {' '.join(message['text'] for message in payload['messages'])}")

    def reason(self):
        said = ["no test has begun"]
        if self.begun:
            said = ["these tests have begun and do not end:", *(f"  {test}" for test in sorted(self.begun))]
        elif self.ended:
            said = ["all tests have ended, but not their process"]
        return "\n".join(said + ["and these have failed:", *self.issues] if self.issues else said)


def members(session):
    """The processes of a session. The program's name in /proc may hold spaces, so the fields are counted after it."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, its_session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                yield int(folder.name)


def end(session):
    """Kills all processes of a session: the tests have process groups of their own in it."""
    while alive := list(members(session)):
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patience", type=float, default=360)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="triage-watch-") as folder:
        progress = Progress(pathlib.Path(folder) / "events")
        tests = subprocess.Popen(
            [*arguments.command, "--event-stream-output-path", progress.path], stdin=subprocess.DEVNULL,
            start_new_session=True)
        last = time.monotonic()
        try:
            while tests.poll() is None:
                if progress.follow():
                    last = time.monotonic()
                elif time.monotonic() - last > arguments.patience:
                    print(f"watch: for {arguments.patience:g} s {progress.reason()}", file=sys.stderr, flush=True)
                    return 1
                time.sleep(0.2)
            progress.follow()
            if progress.skipped:
                print("\n".join(["watch: these tests were skipped:", *progress.skipped]), file=sys.stderr, flush=True)
            return tests.returncode
        except KeyboardInterrupt:
            return 130
        finally:
            end(tests.pid)


sys.exit(main())
