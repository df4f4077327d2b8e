"""Memory of a gateway with 10,000 requests in flight: its worker is stopped for a while, so that they all wait.

(A worker with a million sentences waiting is measured in `lanes`.)
"""

import time
import urllib.request

from .. import sentences, servers, settings
from ..broker import Broker
from ..processes import Process
from ..progress import say
from . import attempt

PART = "memory"
CONNECTIONS = 10_000
# The gateway's gauge of sentences that wait for an answer.
METRIC = "triage_gateway_waiting_sentences"
GATEWAY = "gateway, 10,000 in flight"


def measure(results, trained):
    queries = sentences.write("queries.txt", sentences.distinct(settings.SIZES.http_sentences), "query")
    with Broker(settings.LATENCY_BROKER) as broker, attempt(results, GATEWAY):
        with servers.triage(trained, broker, gateway_flags=["--cache-size", "0"]) as (address, (gateway, worker)):
            results.add(PART, "gateway, idle", "memory", gateway.peak_memory(), "MiB")
            worker.pause()
            try:
                in_flight = _hold(address, queries)
            finally:
                worker.resume()
            results.add(PART, GATEWAY, "in flight", in_flight, "sentences")
            results.add(PART, GATEWAY, "memory", gateway.peak_memory(), "MiB")
            say(f"memory: {gateway.peak_memory():.0f} MiB with {in_flight:,.0f} in flight")


def _hold(address, queries):
    """Opens the connections and returns the most sentences that the gateway said were in flight."""
    script = settings.HERE / "load" / "sentences.lua"
    most = 0.0
    with Process(
        "wrk",
        [
            "wrk",
            "--threads",
            1,
            "--connections",
            CONNECTIONS,
            "--duration",
            "4s",
            "--timeout",
            "30s",
            "--script",
            script,
            address + "/api/intent",
            "--",
            "query",
            queries,
        ],
    ) as wrk:
        while wrk.running():
            most = max(most, _in_flight(address))
            time.sleep(0.25)
    return most


def _in_flight(address):
    try:
        with urllib.request.urlopen(address + "/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[-1]) for line in lines if line.startswith(METRIC))
