"""Runs each scenario against a local stack of its own, and has the report made of what came out."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import report
from scenarios import SCENARIOS
from stack import ROOT, Stack

RESULTS = ROOT / ".bench" / "load"
OUT = pathlib.Path(os.environ.get("OUT", ROOT / "Tests/Load/report"))
USERS = int(os.environ.get("USERS", "100"))
RAMP = int(os.environ.get("RAMP", "5"))
SECONDS = int(os.environ.get("SECONDS_EACH", "60"))


def disturb(stack, backlog, start, events):
    """The backlog and the changes of workers, with the time of each."""

    def note(what):
        events.append([time.time() - start, what])

    time.sleep(SECONDS * 0.35)
    note("backlog published")
    stack.publish(backlog)
    time.sleep(SECONDS * 0.05)
    note("worker removed")
    stack.command("remove", "worker", "1")
    time.sleep(SECONDS * 0.15)
    note("worker added")
    stack.command("add", "worker")


def run(scenario):
    folder = RESULTS / scenario.name
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir(parents=True)
    print(f"load: {scenario.title}", file=sys.stderr)
    with Stack(
        folder / "stack", workers=scenario.workers, gateways=scenario.gateways, cache=scenario.cache
    ) as stack:
        start = time.time()
        events = []
        other = threading.Thread(target=disturb, args=(stack, scenario.backlog, start, events))
        if scenario.backlog:
            other.start()
        with open(folder / "locust.log", "w", encoding="utf-8") as log:
            locust = subprocess.Popen(
                [pathlib.Path(sys.executable).parent / "locust", "-f", ROOT / "Tests/Load/locustfile.py",
                 scenario.users, "--host", stack.http, "--headless", "--only-summary", "--csv", folder / "result",
                 "--csv-full-history", "--users", str(USERS), "--spawn-rate", str(RAMP), "--run-time", f"{SECONDS}s"],
                stdout=log, stderr=log)
            status = locust.wait(timeout=SECONDS + 60)
        if scenario.backlog:
            other.join()
            time.sleep(5)
        lag = stack.series('sum(triage_worker_consumer_lag_records{lane="bulk"})', start) if scenario.backlog else []
    if status not in (0, 1):  # 1: some requests failed, which the report says
        sys.exit(f"load: locust ended with {status}; its log is {folder / 'locust.log'}")
    (folder / "events.json").write_text(json.dumps({"start": start, "events": events, "lag": lag}), encoding="utf-8")
    print(f"load:   {report.sentence(report.total(folder))}", file=sys.stderr)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = os.environ.get("ONLY", "").split()
    chosen = [scenario for scenario in SCENARIOS if not wanted or scenario.name in wanted]
    for scenario in chosen:
        run(scenario)
    report.write([scenario for scenario in SCENARIOS if (RESULTS / scenario.name / "events.json").exists()],
                 RESULTS, OUT, users=USERS, ramp=RAMP, seconds=SECONDS)
    print(f"load: the report is {OUT / 'README.md'}", file=sys.stderr)


main()
