"""How throughput grows with workers: one, two and four of one group, over one backlog.

Twice: each worker held to one core, as far as the machine has cores (the broker takes its part of the same ones), and
each held to a fifth of a core, which leaves the broker free and shows how workers add up on a machine with cores
enough.
"""

import contextlib
import os
import time

from .. import models, sentences, settings, workers
from ..broker import Broker
from ..processes import Failure, wait_for_http
from ..progress import say
from ..share import Share
from . import attempt

PART = "scaling"
COUNTS = (1, 2, 4)
FRACTION = 0.2
PINNED, SHARED = "a core each", "a fifth of a core each"


def measure(results, trained):
    sizes = settings.SIZES
    lines = sentences.write("requests.jsonl", sentences.distinct(sizes.triage_records), "request")
    cores = os.cpu_count()
    shares = Share.available()
    if not shares:
        results.note("Shares of a core need root and a writable cgroup: that row of the scaling is left out.")
    with Broker(settings.BROKER) as broker:
        for count in COUNTS:
            if count <= cores:
                with attempt(results, f"{count} workers, {PINNED}"):
                    _measure_one(results, trained, broker, count, PINNED, sizes.triage_records, lines)
            if shares:
                with attempt(results, f"{count} workers, {SHARED}"):
                    _measure_one(results, trained, broker, count, SHARED, sizes.triage_records * 2 // 5, lines)


class _Group:
    """Several workers, measured as if they were one process."""

    def __init__(self, name, members):
        self.name, self.members = name, members

    def cpu_seconds(self):
        return sum(member.cpu_seconds() for member in self.members)

    def check(self):
        for member in self.members:
            member.check()


def _fill(broker, lanes, records, lines, members):
    """Lays out the backlog when every worker has its partitions; they stand still meanwhile."""
    for member in members:
        wait_for_http(member, member.ready_address)
    # Each of them has partitions by now, but one may still be giving some up to another.
    time.sleep(2)
    for member in members:
        member.pause()
    try:
        broker.fill(lanes.requests, records, lines)
    finally:
        for member in members:
            member.resume()


def _measure_one(results, trained, broker, count, mode, records, lines):
    lanes, group = workers.Lanes.create(broker), workers.new_group()
    with contextlib.ExitStack() as stack:
        members = []
        for number in range(count):
            share = stack.enter_context(Share(f"worker-{number}", FRACTION)) if mode == SHARED else None
            # Not yet ready: some brokers let a group begin only when all who want to have joined.
            members.append(
                stack.enter_context(
                    workers.start_triage(
                        broker,
                        trained.path(models.TRIAGE),
                        lanes,
                        group,
                        name=f"triage worker {number}",
                        ready=False,
                        share=share,
                        cores=str(number % os.cpu_count()) if mode == PINNED else None,
                        session="12s",
                    )
                )
            )
        together = _Group(f"{count} workers", members)
        _fill(broker, lanes, records, lines, members)
        # Connections and caches are warm before the clock starts; it ends while every partition still has records.
        start, cpu_at_start, before = broker.wait_for(lanes.replies, records // 4, together, 120)
        members_at_start = [member.cpu_seconds() for member in members]
        end, cpu_at_end, after = broker.wait_for(lanes.replies, records * 7 // 10, together, 300)
        worked = [member.cpu_seconds() - at_start for member, at_start in zip(members, members_at_start)]
        if min(worked) < 0.1 * max(worked):
            raise Failure(f"a worker of {count} had no work: CPU seconds {worked}")
        results.add(PART, f"{count}, {mode}", "throughput", (after - before) / (end - start), "records/s")
        results.add(
            PART, f"{count}, {mode}", "efficiency", (after - before) / (cpu_at_end - cpu_at_start), "records/CPU-second"
        )
        results.add(PART, f"{count}, {mode}", "memory", max(member.peak_memory() for member in members), "MiB")
        say(f"scaling, {count} workers, {mode}: {(after - before) / (end - start):,.0f} records/s")
