"""What a model with an encoder costs: records through the queue with the linear model, with a cascade, and with the encoder
asked for each; the same encoder in a bare loop in C; and over HTTP, as its users run it, in FastAPI and MLServer.

The models are trained with four fifths of the sentences, and asked for the others, again and again: how often a cascade asks
its encoder tells only on what it was not trained with. Nothing here remembers a sentence. All compute in single precision. The worker itself says how many
records it answered, since Tansu's offsets are too coarse for so few. Over HTTP 64 connections each wait for their answer,
as in the part `gateway`.

Last come calls through a gateway at a steady rate while a backlog waits whose every sentence needs the encoder: with one
worker for both lanes, and with a worker for each. Their time counts from when they were due.

All of it is on the broker for backlogs: readers of noida-db spin, and the encoder needs the cores.
"""

import functools
import itertools
import json
import time
import urllib.request

from .. import load, models, sentences, servers, settings, workers
from ..broker import Broker
from ..processes import Failure, run
from ..progress import say
from . import attempt

PART, CALLS = "encoder", "encoder, calls"
LIMIT = "bare loop in C, all sentences sorted"
LINEAR, CASCADE, ALWAYS = (f"triage worker, {kind}" for kind in ("linear model", "cascade", "encoder always asked"))
HTTP_CASCADE, HTTP_ALWAYS = (f"triage gateway and worker, {kind}" for kind in ("cascade", "encoder always asked"))
TOGETHER, APART = "one worker for both lanes", "a worker for each lane"
FLAGS = {TOGETHER: ((),), APART: (("--lanes", "interactive"), ("--lanes", "bulk"))}


def measure(results, trained):
    if not settings.ENCODER.is_dir() or not settings.OPENVINO.is_dir():
        raise Failure(f"there is no encoder in {settings.ENCODER}, or no OpenVINO: 'make encoder' brings both")
    results.note(f"The encoder is {_description().get('name', settings.ENCODER.name)}.")
    with attempt(results, LIMIT):
        _limit(results)
    _queue(results, trained)
    _http(results, trained)
    for name in FLAGS:
        with attempt(results, name), Broker(settings.BROKER) as broker:
            _calls(results, trained, broker, name)


def _unseen(count):
    """So many sentences that the models were not trained with, as they are: a slip of the hand would make more of them a case
    for the encoder."""
    return itertools.islice(itertools.cycle(sentences.parted()[1]), count)


def _description():
    try:
        return json.loads((settings.ENCODER / "encoder.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _limit(results):
    texts = sentences.write("encoded.txt", _unseen(settings.SIZES.encoder_records))
    library = next(settings.OPENVINO.glob("libopenvino_c.so*"))
    tokenizers = settings.OPENVINO / "libopenvino_tokenizers.so"
    prefix = _description().get("prefix", "")
    command = [settings.BENCH / "bin" / "encode", library, tokenizers, settings.ENCODER, texts, prefix]
    measured = json.loads(run("encode", command))
    _record(results, LIMIT, measured["sentences_per_second"], measured["sentences_per_cpu_second"])


def _record(results, name, throughput, efficiency):
    results.add(PART, name, "throughput", throughput, "sentences/s")
    results.add(PART, name, "efficiency", efficiency, "sentences/CPU-second")
    say(f"encoder, {name}: {throughput:,.0f} sentences/s, {efficiency:,.0f} per CPU-second")


def _queue(results, trained):
    sizes = settings.SIZES
    backlog = sizes.warm_up + sizes.triage_records
    lines = sentences.write("requests.jsonl", _unseen(min(backlog, 1_000_000)), "request")
    entrants = {
        LINEAR: (lambda: trained.path(models.TRIAGE), sizes.warm_up, sizes.triage_records),
        CASCADE: (lambda: trained.cascade(None), sizes.encoder_warm_up, sizes.cascade_records),
        ALWAYS: (lambda: trained.cascade("always"), sizes.encoder_warm_up, sizes.encoder_records),
    }
    with Broker(settings.BROKER) as broker:
        requests = broker.topic("requests")
        broker.fill(requests, backlog * 5 // 4 + 100_000, lines)
        for name, (model, warm_up, records) in entrants.items():
            with attempt(results, name):
                _one_queue(results, broker, requests, name, model(), warm_up, records)


def _one_queue(results, broker, requests, name, model, warm_up, records):
    lanes = workers.Lanes.create(broker, requests)
    with workers.start_triage(broker, model, lanes, workers.new_group(), ready=False) as worker:
        start, cpu_at_start, before, asked_before = _wait(worker, warm_up, 120)
        end, cpu_at_end, after, asked = _wait(worker, before + records, 300)
        done = after - before
        _record(results, name, done / (end - start), done / (cpu_at_end - cpu_at_start))
        results.add(PART, name, "encoder asked", (asked - asked_before) / done * 100, "%")
        results.add(PART, name, "memory", worker.peak_memory(), "MiB")


def _wait(worker, count, seconds):
    """Waits until the worker has answered so many records of the bulk lane; returns (monotonic time, its CPU seconds, records,
    those that its encoder answered)."""
    deadline = time.monotonic() + seconds
    while True:
        counted = _counters(worker)
        moment = (time.monotonic(), worker.cpu_seconds(), *counted)
        if moment[2] >= count:
            return moment
        worker.check()
        if moment[0] > deadline:
            raise Failure(f"{worker.name} answered {moment[2]:.0f} of {count} records within {seconds} s")
        time.sleep(0.1)


def _counters(worker):
    """(records answered, those that the encoder answered), both of the bulk lane."""
    try:
        with urllib.request.urlopen(worker.metrics_address, timeout=5) as answer:
            lines = [line for line in answer.read().decode().splitlines() if 'lane="bulk"' in line]
    except OSError:
        return 0.0, 0.0
    names = ("triage_worker_sentences_total", "triage_worker_encoder_sentences_total")
    return tuple(sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in names)


def _http(results, trained):
    sizes = settings.SIZES
    queries = sentences.write("queries.txt", _unseen(sizes.http_sentences), "query")
    inputs = sentences.write("inputs.txt", _unseen(sizes.http_sentences), "infer")
    query, infer = ("/api/intent", "query", queries), ("/v2/models/intent/infer", "infer", inputs)
    with Broker(settings.BROKER) as broker:
        triage = functools.partial(servers.triage, trained, broker, gateway_flags=["--cache-size", "0"])
        contestants = {
            servers.ENCODER_FASTAPI: (servers.encoder_fastapi, query),
            servers.ENCODER_MLSERVER: (servers.encoder_mlserver, infer),
            HTTP_CASCADE: (lambda: triage(model=trained.cascade(None)), query),
            HTTP_ALWAYS: (lambda: triage(model=trained.cascade("always")), query),
        }
        for name, (server, request) in contestants.items():
            with attempt(results, name):
                _one_server(results, name, server, *request)


def _one_server(results, name, server, path, form, file):
    with server() as (address, processes):
        load.wrk(address + path, form, file, settings.SIZES.http_warm_up)
        before = sum(process.cpu_seconds() for process in processes)
        summary = load.wrk(address + path, form, file, settings.SIZES.http_seconds)
        cpu = sum(process.cpu_seconds() for process in processes) - before
        answered = summary["requests"] - summary["failed"]
        _record(results, name, answered / summary["seconds"], answered / cpu)
        results.add(PART, name, "memory", sum(process.peak_memory() for process in processes), "MiB")
        results.add(PART, name, "failed", summary["failed"] + summary["timeouts"], "requests")
        for percent in ("50", "99"):
            results.add(PART, name, f"p{percent}", summary["percentiles"][percent], "ms")


def _calls(results, trained, broker, name):
    sizes = settings.SIZES
    queries = sentences.write("queries.txt", _unseen(sizes.http_sentences), "query")
    backlog = sentences.write("requests.jsonl", _unseen(sizes.encoder_backlog), "request")
    lanes, model = workers.Lanes.create(broker), trained.cascade("always")
    with servers.triage(
        trained, broker, gateway_flags=["--cache-size", "0"], worker_flags=FLAGS[name], model=model, lanes=lanes
    ) as (address, (_, *started)):
        call = functools.partial(load.steady, address, queries, sizes.encoder_calls_per_second)
        # The first calls do not count: they wake connections, and the encoder meets lengths of sentences for the first time.
        call(3)
        _record_calls(results, name + ", idle", *call(sizes.encoder_call_seconds))
        broker.fill(lanes.requests, sizes.encoder_backlog, backlog)
        # The last started comes first: of two workers the bulk lane's.
        bulk = started[0]
        start, _, before, _ = _wait(bulk, sizes.encoder_warm_up, 120)
        times, failed = call(sizes.encoder_call_seconds)
        end, done = time.monotonic(), _counters(bulk)[0]
        if done > sizes.encoder_backlog * 0.95:
            raise Failure(f"the backlog of {sizes.encoder_backlog} sentences did not last")
        name += ", a backlog waiting"
        _record_calls(results, name, times, failed)
        results.add(CALLS, name, "bulk throughput meanwhile", (done - before) / (end - start), "sentences/s")


def _record_calls(results, name, times, failed):
    if not times:
        raise Failure(f"no call was answered ({name})")
    results.add(CALLS, name, "calls", len(times) + failed, "calls")
    results.add(CALLS, name, "failed", failed, "calls")
    for percent in (50, 99, 99.9):
        results.add(CALLS, name, f"p{percent:g}", load.percentile(times, percent), "ms")
    say(f"encoder, {name}: p50 {load.percentile(times, 50):.1f} ms, p99 {load.percentile(times, 99):.1f} ms")
