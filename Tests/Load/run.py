"""Runs each scenario against a local stack of its own, and has the report made of what came out."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import report
from scenarios import SCENARIOS

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".bench" / "load"
OUT = pathlib.Path(os.environ.get("OUT", ROOT / "Tests/Load/report"))
USERS = int(os.environ.get("USERS", "100"))
RAMP = int(os.environ.get("RAMP", "5"))
SECONDS = int(os.environ.get("SECONDS_EACH", "60"))


class Stack:
    """A local stack in a folder of its own, so that it disturbs none that runs."""

    def __init__(self, scenario, folder):
        self.scenario = scenario
        self.environment = os.environ | {"RUNTIME_DIRECTORY": str(folder)}
        if not scenario.cache:
            self.environment["TRIAGE_CACHE_SIZE"] = "0"

    def command(self, *arguments):
        done = subprocess.run(
            [ROOT / "compose/local/stack", *arguments], env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE)
        return done.stdout

    def __enter__(self):
        arguments = ["--workers", str(self.scenario.workers), "--gateways", str(self.scenario.gateways), "--monitoring"]
        if self.scenario.gateways > 1:
            arguments.append("--proxy")
        lines = self.command("start", *arguments).splitlines()
        self.addresses = dict(line.split() for line in lines)
        return self

    def __exit__(self, *_):
        self.command("stop")

    @property
    def http(self):
        return "http://" + self.addresses.get("nginx", self.addresses["gateway-1"])

    def series(self, query, start):
        """A query's values since `start`, as pairs of seconds and value."""
        parameters = urllib.parse.urlencode({"query": query, "start": start, "end": time.time(), "step": 1})
        url = f"http://{self.addresses['prometheus']}/api/v1/query_range?{parameters}"
        with urllib.request.urlopen(url, timeout=10) as response:
            result = json.load(response)["data"]["result"]
        return [[float(at) - start, float(value)] for at, value in (result[0]["values"] if result else [])]


def publish_backlog(stack, count):
    """Publishes bulk sentences, as fast as kcat can, from every sentence of the starter model in turn."""
    lines = (ROOT / "compose/starter/sentences.fr.tsv").read_text(encoding="utf-8").splitlines()[1:]
    texts = [json.dumps({"text": line.split("\t", 1)[1]}, ensure_ascii=False) for line in lines]
    random.Random(1).shuffle(texts)
    kcat = subprocess.Popen(
        [ROOT / "compose/local/kcat", "-P", "-b", stack.addresses["kafka"], "-t", "sentences",
         "-X", "queue.buffering.max.messages=1000000", "-X", "linger.ms=50"],
        stdin=subprocess.PIPE, text=True, encoding="utf-8")
    block = "\n".join(texts) + "\n"
    for _ in range(count // len(texts) + 1):
        kcat.stdin.write(block)
    kcat.stdin.close()
    kcat.wait()


def disturb(stack, start, events):
    """The backlog and the changes of workers, with the time of each."""

    def note(what):
        events.append([time.time() - start, what])

    time.sleep(SECONDS * 0.35)
    note("backlog published")
    publish_backlog(stack, stack.scenario.backlog)
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
    with Stack(scenario, folder / "stack") as stack:
        start = time.time()
        events = []
        other = threading.Thread(target=disturb, args=(stack, start, events))
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
    (folder / "events.json").write_text(json.dumps({"events": events, "lag": lag}), encoding="utf-8")
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
