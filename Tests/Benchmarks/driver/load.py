"""The loads: wrk and Locust for HTTP, `callers` for the interactive lane."""

import concurrent.futures
import csv
import http.client
import json
import math
import threading
import time

from . import settings
from .processes import Failure, run


def wrk(url, form, file, seconds, connections=64):
    """Runs wrk with another sentence in each request; returns its summary (latencies in milliseconds)."""
    script = settings.HERE / "load" / "sentences.lua"
    printed = run(
        "wrk",
        [
            "wrk",
            "--threads",
            1,
            "--connections",
            connections,
            "--duration",
            f"{seconds}s",
            "--timeout",
            "10s",
            "--script",
            script,
            url,
            "--",
            form,
            file,
        ],
    )
    return json.loads(printed.strip().splitlines()[-1])


def locust(address, seconds, pace=0):
    """The seed's test; returns requests, failures and times (milliseconds) of the whole run."""
    prefix = settings.WORK / "locust"
    run(
        "locust",
        [
            settings.LOCUST,
            "--locustfile",
            settings.HERE / "load" / "locustfile.py",
            "--headless",
            "--only-summary",
            "--users",
            settings.SIZES.users,
            "--spawn-rate",
            settings.SIZES.users_per_second,
            "--run-time",
            f"{seconds}s",
            "--host",
            address,
            "--csv",
            prefix,
            "--exit-code-on-error",
            0,
        ],
        environment={"PACE": str(pace)},
    )
    with open(f"{prefix}_stats.csv", newline="") as file:
        total = next((row for row in csv.DictReader(file) if row["Name"] == "Aggregated"), None)
    if total is None:
        raise Failure("locust wrote no summary")
    return {
        "requests": int(total["Request Count"]),
        "failed": int(total["Failure Count"]),
        "rate": float(total["Requests/s"]),
        "mean": float(total["Average Response Time"]),
        "p50": float(total["50%"]),
        "p95": float(total["95%"]),
        "p99": float(total["99%"]),
    }


def steady(address, file, rate, seconds):
    """GET of /api/intent at a steady rate, whatever comes back; each line of the file is a sentence for a URL. Returns the
    milliseconds of each call from when it was due, in ascending order, and how many failed."""
    queries = file.read_text().splitlines()
    server, own = address.removeprefix("http://"), threading.local()
    start = time.monotonic() + 0.1

    def call(number):
        due = start + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not hasattr(own, "connection"):
                own.connection = http.client.HTTPConnection(server, timeout=10)
            own.connection.request("GET", "/api/intent?sentence=" + queries[number % len(queries)])
            answer = own.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            own.__dict__.clear()
            return None
        return (time.monotonic() - due) * 1000 if answer.status == 200 else None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        times = list(pool.map(call, range(int(rate * seconds))))
    return sorted(taken for taken in times if taken is not None), times.count(None)


def callers_command(broker, lanes, rate, seconds, file, output):
    return [
        settings.BENCH / "bin" / "callers",
        broker.address,
        lanes.interactive,
        lanes.gateway_replies,
        rate,
        seconds,
        file,
        output,
    ]


def read_calls(path):
    """(due, latency) of each call, both in seconds; a lost call's latency is None."""
    calls = []
    for line in path.read_text().splitlines():
        due, latency = map(int, line.split())
        calls.append((due / 1e9, latency / 1e9 if latency >= 0 else None))
    return calls


def percentile(ordered, percent):
    """Of values in ascending order: the smallest that `percent` of them do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
