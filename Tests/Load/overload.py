#!/usr/bin/env python3
"""Twice as much load as a gateway and a worker can bear, for a given number of seconds: overload.py [SECONDS] (60).

First as many batches as they can answer, to learn how many that is; then twice as many a second, whether or not they are
answered. Beside them somebody asks for one sentence at a time, before, meanwhile and after.
"""

import collections
import concurrent.futures
import http.client
import itertools
import json
import shutil
import sys
import threading
import time

from stack import ROOT, Stack, starter_sentences

FOLDER = ROOT / ".bench" / "overload"
BATCH = 1_024
# Fewer than the sixteen batches that a gateway lets in, so that none is refused while the capacity is measured.
CLOSED_LOOP = 12
# So many requests of the flood may be under way at a time.
THREADS = 400
# What the local stack's gateway takes from callers on Tansu, in seconds.
TIMEOUT = 20


class Tally:
    """How long the calls of each status took, in seconds."""

    def __init__(self):
        self.times = collections.defaultdict(list)
        self._lock = threading.Lock()

    def add(self, status, seconds):
        with self._lock:
            self.times[status].append(seconds)

    def count(self, status):
        return len(self.times[status])

    def quantile(self, status, share):
        times = sorted(self.times[status])
        return times[min(int(len(times) * share), len(times) - 1)] if times else 0.0

    def text(self):
        return "; ".join(
            f"{status}: {self.count(status):,}, p50 {self.quantile(status, 0.5) * 1e3:,.1f} ms, "
            f"p99 {self.quantile(status, 0.99) * 1e3:,.1f} ms" for status in sorted(self.times, key=str))


class Client:
    """Posts JSON over connections that are kept, one for each thread."""

    def __init__(self, address):
        self._address = address.removeprefix("http://")
        self._local = threading.local()

    def post(self, path, body, tally, due=None):
        """Notes the answer's status and how long it took since it was due."""
        start = due or time.monotonic()
        try:
            status = self._try(path, body)
        except (OSError, http.client.HTTPException) as error:
            self._local.connection = None
            status = type(error).__name__
        tally.add(status, time.monotonic() - start)

    def _try(self, path, body):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._address, timeout=60)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status


def batches():
    """Bodies of as many sentences as a request may have."""
    texts = itertools.cycle(starter_sentences())
    return [json.dumps({"texts": list(itertools.islice(texts, BATCH))}).encode() for _ in range(8)]


def ask_single(client, seconds):
    """Somebody who asks for a sentence twenty times a second."""
    tally, end = Tally(), time.monotonic() + seconds
    while time.monotonic() < end:
        client.post("/v1/classify", b'{"text": "un train pour Brest"}', tally)
        time.sleep(0.05)
    return tally


def measure_capacity(client, bodies, seconds):
    """The batches answered in a second, when each asks again as soon as it is answered."""
    tally, end = Tally(), time.monotonic() + seconds

    def loop():
        while time.monotonic() < end:
            client.post("/v1/classify/batch", bodies[0], tally)

    threads = [threading.Thread(target=loop) for _ in range(CLOSED_LOOP)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally.count(200) / seconds


def flood(client, bodies, rate, seconds):
    """So many batches a second, answered or not."""
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        start = time.monotonic()
        for number in range(int(rate * seconds)):
            due = start + number / rate
            time.sleep(max(0, due - time.monotonic()))
            threads.submit(client.post, "/v1/classify/batch", bodies[number % len(bodies)], tally, due)
    return tally


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    bodies = batches()
    with Stack(FOLDER / "stack", workers=1, gateways=1, cache=False) as stack:
        client = Client(stack.http)
        measure_capacity(client, bodies, 5)
        rate = measure_capacity(client, bodies, 10)
        print(f"overload: {rate * BATCH:,.0f} sentences a second are answered; now twice as many", file=sys.stderr)
        time.sleep(2)
        before = ask_single(client, 10)
        with concurrent.futures.ThreadPoolExecutor(1) as aside:
            singles = aside.submit(ask_single, client, seconds)
            offered = flood(client, bodies, 2 * rate, seconds)
            during = singles.result()
        time.sleep(2)
        # On a new connection: the gateway has closed the one that was idle for so long.
        after = ask_single(Client(stack.http), 10)
        parts = stack.command("status")
    print(f"overload: batches of {BATCH}: {offered.text()}")
    print(f"overload: one sentence, before: {before.text()}")
    print(f"overload: one sentence, meanwhile: {during.text()}")
    print(f"overload: one sentence, after: {after.text()}")
    problems = []
    if strange := {*offered.times, *during.times} - {200, 429} | {*before.times, *after.times} - {200}:
        problems.append(f"answers of an unexpected kind: {strange}")
    if not offered.count(429):
        problems.append("nothing was refused: it was not overloaded")
    if offered.quantile(200, 0.99) > TIMEOUT:
        problems.append("those admitted waited longer than the time-out")
    if after.quantile(200, 0.5) > 2 * before.quantile(200, 0.5):
        problems.append("the latency is not what it was before")
    if "worker-1 " not in parts or "gateway-1 " not in parts:
        problems.append(f"a process is gone: {parts}")
    if problems:
        sys.exit("overload: " + "; ".join(problems))


main()
