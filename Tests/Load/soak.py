"""Steady load for a given number of seconds, and what it does to memory: soak.py SECONDS."""

import pathlib
import subprocess
import sys
import time

import report
from stack import ROOT, Stack

FOLDER = ROOT / ".bench" / "soak"
GROWTH = 20
BULK_EACH_ROUND = 50_000


def main():
    seconds = int(sys.argv[1])
    subprocess.run(["rm", "-rf", FOLDER], check=True)
    FOLDER.mkdir(parents=True)
    early, latest = {}, {}
    with Stack(FOLDER / "stack", workers=2, gateways=2) as stack, open(FOLDER / "log", "w", encoding="utf-8") as log:
        locust = subprocess.Popen(
            [pathlib.Path(sys.executable).parent / "locust", "-f", ROOT / "Tests/Load/locustfile.py", "SeedsRate",
             "MixedSentences", "--host", stack.http, "--headless", "--only-summary", "--csv", FOLDER / "result",
             "--csv-full-history", "--users", "40", "--spawn-rate", "10", "--run-time", f"{seconds}s"],
            stdout=log, stderr=log)
        start = time.time()
        while locust.poll() is None:
            time.sleep(10)
            stack.publish(BULK_EACH_ROUND)
            latest = stack.memory() or latest
            if time.time() - start > seconds / 5 and not early:
                early = latest
            figures = ", ".join(f"{name} {value:.0f}" for name, value in sorted(latest.items()))
            print(f"soak: {time.time() - start:5.0f} s, MiB: {figures}", file=sys.stderr)
    total = report.total(FOLDER)
    growth = {name: latest[name] - early[name] for name in early if name in latest}
    print(f"soak: {report.sentence(total)}")
    print("soak: growth after the first fifth, MiB: "
          + ", ".join(f"{name} {value:+.1f}" for name, value in sorted(growth.items())))
    if int(total["Failure Count"]) or not growth or max(growth.values()) > GROWTH:
        sys.exit(f"soak: a request failed, or a process grew by more than {GROWTH} MiB")


main()
