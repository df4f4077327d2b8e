"""Records in to acknowledged replies out, over a backlog, by Triage's worker and its rivals.

A fresh broker gets the backlog once and every contestant, in turn, a group and a reply topic of its own. The clock
starts when the replies to the warm-up are there and ends a given number of replies later, both seen in the broker's
offsets, so that neither the start of a program nor its joining the group counts.
"""

from .. import sentences, settings, workers
from ..broker import Broker
from ..progress import say
from . import attempt

PART = "worker"


def measure(results, trained):
    entrants = workers.contestants()
    backlog = max(entrant.warm_up + entrant.records for entrant in entrants)
    lines = sentences.write("requests.jsonl", sentences.distinct(min(backlog, 1_000_000)), "request")
    with Broker(settings.BROKER) as broker:
        requests = broker.topic("requests")
        say(f"worker: {backlog} records to {broker.kind}")
        # More than any contestant takes, so that none runs dry before its clock ends.
        broker.fill(requests, backlog * 5 // 4 + 100_000, lines)
        for entrant in entrants:
            with attempt(results, entrant.name):
                _measure_one(results, trained, broker, requests, entrant)


def _measure_one(results, trained, broker, requests, entrant):
    lanes = workers.Lanes.create(broker, requests)
    with entrant.start(broker, trained, lanes) as process:
        start, cpu_at_start, before = broker.wait_for(lanes.replies, entrant.warm_up, process, 120)
        end, cpu_at_end, after = broker.wait_for(lanes.replies, before + entrant.records, process, 300)
        records = after - before
        results.add(PART, entrant.name, "throughput", records / (end - start), "records/s")
        results.add(PART, entrant.name, "efficiency", records / (cpu_at_end - cpu_at_start), "records/CPU-second")
        results.add(PART, entrant.name, "cores", (cpu_at_end - cpu_at_start) / (end - start), "cores")
        results.add(PART, entrant.name, "memory", process.peak_memory(), "MiB")
        say(f"  {entrant.name}: {records / (end - start):,.0f} records/s")
