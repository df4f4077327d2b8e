"""What an interactive call feels: on an idle worker, and on one with a million bulk sentences waiting.

Calls come at a steady rate whatever comes back, and their time counts from when they were due, so that a pause shows
in every call that it held up. Of the second run only those calls count that were due while the backlog was still
larger than the part's `backlog_left`.

What callers cost the bulk lane is measured beside one call a second: one worker works off the first half of a backlog alone, and
the second half beside them.

The broker has its share in it: so the same calls are also sent straight to the topic that they are answered on, one hop
without any worker, while nothing else happens and while the C echo works off the same backlog.

noida-db cannot serve this part: it answers a fetch with the whole backlog, whatever the consumer asked for, and
librdkafka refuses a response of more than 100 MB.
"""

import dataclasses
import time

from .. import load, models, sentences, settings, workers
from ..broker import Broker
from ..processes import Failure, Process
from ..progress import say
from . import attempt

PART = "lanes"
IDLE, LOADED = "idle worker", "a million bulk sentences waiting"
ALONE, BESIDE_CALLS = "bulk alone", "bulk beside one call a second"
HOP_IDLE, HOP_LOADED = "one hop, idle broker", "one hop, beside a C echo of the backlog"
PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)


def measure(results, trained):
    sizes = settings.SIZES
    lines = sentences.write("requests.jsonl", sentences.distinct(min(sizes.backlog, 1_000_000)), "request")
    with Broker(settings.BROKER) as broker, attempt(results, "interactive lane"):
        lanes, group = workers.Lanes.create(broker), workers.new_group()
        model = trained.path(models.TRIAGE)
        with workers.start_triage(broker, model, lanes, group) as worker:
            _idle(results, broker, lanes, lines, worker)
        hop = dataclasses.replace(lanes, interactive=broker.topic("hop", 1))
        hop = dataclasses.replace(hop, gateway_replies=hop.interactive)
        _hop(results, broker, hop, lines, HOP_IDLE)
        broker.fill(lanes.requests, sizes.backlog, lines)
        echo = workers.Contestant(workers.C_ECHO, 0, 0)
        echoes = broker.topic("echo")
        with echo.start(broker, trained, dataclasses.replace(lanes, replies=echoes)) as process:
            broker.wait_for(echoes, 1, process, 60)
            _hop(results, broker, hop, lines, HOP_LOADED)
        with workers.start_triage(broker, model, lanes, group) as worker:
            _loaded(results, LOADED, broker, lanes, lines, worker)
        lanes, group = workers.Lanes.create(broker), workers.new_group()
        with workers.start_triage(broker, model, lanes, group) as worker:
            _wake(broker, lanes, lines, worker)
        broker.fill(lanes.requests, sizes.backlog, lines)
        with workers.start_triage(broker, model, lanes, group) as worker:
            _bulk(results, broker, lanes, lines, worker)


def _call(broker, lanes, lines, seconds, rate=None):
    output = settings.WORK / "calls.txt"
    command = load.callers_command(broker, lanes, rate or settings.SIZES.calls_per_second, seconds, lines, output)
    return Process("callers", command), output


def _wait(callers, seconds):
    deadline = time.monotonic() + seconds
    while callers.running():
        if time.monotonic() > deadline:
            raise Failure(f"callers took longer than {seconds} s")
        time.sleep(0.05)


def _idle(results, broker, lanes, lines, worker):
    _wake(broker, lanes, lines, worker)
    _record(results, IDLE, _calls(broker, lanes, lines, settings.SIZES.idle_seconds), broker.kind)
    worker.check()


def _wake(broker, lanes, lines, worker):
    """The first calls do not count: they wake connections, and the broker touches the index files of new topics."""
    _calls(broker, lanes, lines, 2)
    worker.check()


def _calls(broker, lanes, lines, seconds):
    callers, output = _call(broker, lanes, lines, seconds)
    with callers:
        _wait(callers, seconds + 30)
    return load.read_calls(output)


def _hop(results, broker, lanes, lines, name):
    _record(results, name, _calls(broker, lanes, lines, 5), broker.kind)


def _loaded(results, name, broker, lanes, lines, worker):
    sizes = settings.SIZES
    # Bulk work goes at full speed before the calls begin, and on while they do.
    _, _, done_before = broker.wait_for(lanes.replies, sizes.backlog // 20, worker, 60)
    start = time.monotonic()
    seconds = max(10, sizes.backlog // 100_000)
    callers, output = _call(broker, lanes, lines, seconds)
    with callers:
        end, _, done = broker.wait_for(lanes.replies, sizes.backlog - sizes.backlog_left, worker, 300, interval=0.1)
        results.add(PART, name, "bulk throughput meanwhile", (done - done_before) / (end - start), "sentences/s")
        results.add(PART, name, "memory", worker.peak_memory(), "MiB")
        _wait(callers, seconds + 30)
    calls = [(due, latency) for due, latency in load.read_calls(output) if due < end]
    _record(results, name, calls, broker.kind)


def _bulk(results, broker, lanes, lines, worker):
    sizes = settings.SIZES
    first, last = sizes.backlog // 20, sizes.backlog - sizes.backlog_left
    start, _, done = broker.wait_for(lanes.replies, first, worker, 60)
    half = broker.wait_for(lanes.replies, (first + last) // 2, worker, 300, interval=0.1)
    results.add(PART, ALONE, "bulk throughput", (half[2] - done) / (half[0] - start), "sentences/s")
    callers, _ = _call(broker, lanes, lines, 600, rate=1)
    with callers:
        start, _, done = broker.wait_for(lanes.replies, half[2] + 1, worker, 60)
        end = broker.wait_for(lanes.replies, last, worker, 300, interval=0.1)
        callers.check()
    results.add(PART, BESIDE_CALLS, "bulk throughput", (end[2] - done) / (end[0] - start), "sentences/s")


def _record(results, name, calls, broker_kind):
    latencies = sorted(latency * 1000 for _, latency in calls if latency is not None)
    if not latencies:
        raise Failure(f"no interactive call was answered ({name})")
    results.add(PART, name, "calls", len(calls), "calls")
    results.add(PART, name, "unanswered", len(calls) - len(latencies), "calls")
    for percent in (50, 99, 99.9):
        results.add(PART, name, f"p{percent:g}", load.percentile(latencies, percent), "ms")
    results.curve(PART, name, [[percent, load.percentile(latencies, percent)] for percent in PERCENTS])
    say(
        f"lanes on {broker_kind}, {name}: {len(calls)} calls, p50 {load.percentile(latencies, 50):.2f} ms, "
        f"p99 {load.percentile(latencies, 99):.2f} ms"
    )
