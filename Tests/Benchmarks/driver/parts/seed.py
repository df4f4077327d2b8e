"""The seed's test: Locust, 100 users who ask for one sentence again and again, for a minute.

Locust is a Python program on the same machine, so what it measures at full speed is mostly itself: the same run
against a server that answers a constant says how much. The second run, at the rate that the seed's service reached in
all, leaves Locust room and shows the service.
"""

import functools

from .. import load, servers, settings
from ..broker import Broker
from ..progress import say
from . import attempt

PART = "seed"
# The seed: 33,345 requests in a minute.
SEED_RATE = 33_345 / 60
FULL, PACED = "at full speed", "at the seed's rate"


def measure(results, trained):
    with Broker(settings.LATENCY_BROKER) as broker:
        contestants = {
            servers.CONSTANT: servers.constant,
            servers.FASTAPI_2: functools.partial(servers.fastapi, trained, 2),
            servers.TRIAGE: functools.partial(servers.triage, trained, broker, gateway_flags=["--cache-size", "0"]),
            servers.TRIAGE_CACHED: functools.partial(servers.triage, trained, broker),
        }
        for name, server in contestants.items():
            for pace_name, pace in ((FULL, 0), (PACED, SEED_RATE / settings.SIZES.users)):
                with attempt(results, f"{name}, {pace_name}"):
                    _measure_one(results, f"{name}, {pace_name}", server, pace)


def _measure_one(results, name, server, pace):
    with server() as (address, _):
        summary = load.locust(address, settings.SIZES.locust_seconds, pace)
    for quantity, unit in (
        ("requests", "requests"),
        ("failed", "requests"),
        ("rate", "requests/s"),
        ("mean", "ms"),
        ("p50", "ms"),
        ("p95", "ms"),
        ("p99", "ms"),
    ):
        results.add(PART, name, quantity, summary[quantity], unit)
    say(
        f"seed, {name}: {summary['requests']} requests, {summary['failed']} failed, {summary['mean']:.1f} ms on average"
    )
