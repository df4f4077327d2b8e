"""Memory of a gateway with 10,000 sentences in flight: its worker is stopped for a while, so that they all wait.

Once as 10,000 requests on as many connections, once as ten batches of 1,000, which tells what a connection costs and
what a sentence does. A Hummingbird that answers a constant to as many connections shows what no gateway can save. (A
worker with a million sentences waiting is measured in `lanes`.)
"""

import concurrent.futures
import contextlib
import json
import time
import urllib.request

from .. import sentences, servers, settings
from ..broker import Broker
from ..processes import Failure, Process
from ..progress import say
from . import attempt

PART = "memory"
IN_FLIGHT = 10_000
BATCHES = 10
# The gateway's gauge of sentences that wait for an answer.
METRIC = "triage_gateway_waiting_sentences"

IDLE, GATEWAY = "gateway, idle", "gateway, 10,000 requests in flight"
IN_BATCHES = "gateway, 10 batches of 1,000 in flight"
CONSTANT = "Hummingbird, a constant, 10,000 connections"


def measure(results, trained):
    queries = sentences.write("queries.txt", sentences.distinct(settings.SIZES.http_sentences), "query")
    with attempt(results, CONSTANT), servers.constant() as (address, (server,)):
        with _connections(address, queries):
            time.sleep(6)
            _record(results, CONSTANT, server)
    with Broker(settings.LATENCY_BROKER) as broker:
        for name, load in ((GATEWAY, lambda address: _connections(address, queries)), (IN_BATCHES, _batches)):
            with attempt(results, name), servers.triage(trained, broker, gateway_flags=["--cache-size", "0"]) as served:
                _hold(results, name, load, *served)


def _hold(results, name, load, address, processes):
    gateway, worker = processes
    if name == GATEWAY:
        _record(results, IDLE, gateway)
    worker.pause()
    most, deadline = 0.0, time.monotonic() + 20
    try:
        with load(address):
            while most < 0.95 * IN_FLIGHT and time.monotonic() < deadline:
                most = max(most, _in_flight(address))
                time.sleep(0.1)
            # A little longer, so that what is still growing is counted.
            time.sleep(1)
            _record(results, name, gateway)
    finally:
        worker.resume()
    results.add(PART, name, "in flight", most, "sentences")
    if most < 0.95 * IN_FLIGHT:
        raise Failure(f"only {most:,.0f} sentences were in flight")


def _record(results, name, process):
    memory = process.peak_memory()
    results.add(PART, name, "memory", memory, "MiB")
    say(f"memory, {name}: {memory:.0f} MiB")


def _connections(address, queries):
    """Opens the connections and keeps each asking, until the process is ended."""
    script = settings.HERE / "load" / "sentences.lua"
    command = ["wrk", "--threads", 1, "--connections", IN_FLIGHT, "--duration", "30s", "--timeout", "30s"]
    return Process("wrk", [*command, "--script", script, address + "/api/intent", "--", "query", queries])


@contextlib.contextmanager
def _batches(address):
    """Posts the batches; their answers, errors after the time-out included, do not matter."""
    texts = list(sentences.distinct(IN_FLIGHT))

    def post(number):
        body = json.dumps({"texts": texts[number::BATCHES]}).encode()
        request = urllib.request.Request(address + "/v1/classify/batch", body, {"Content-Type": "application/json"})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    with concurrent.futures.ThreadPoolExecutor(BATCHES) as pool:
        for number in range(BATCHES):
            pool.submit(post, number)
        yield


def _in_flight(address):
    try:
        with urllib.request.urlopen(address + "/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[-1]) for line in lines if line.startswith(METRIC))
