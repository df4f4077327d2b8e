"""One sentence per HTTP request, by 64 connections that each wait for their answer, no sentence twice."""

import functools

from .. import load, sentences, servers, settings
from ..broker import Broker
from ..progress import say
from . import attempt

PART = "gateway"


def measure(results, trained):
    sizes = settings.SIZES
    queries = sentences.write("queries.txt", sentences.distinct(sizes.http_sentences), "query")
    inputs = sentences.write("inputs.txt", sentences.distinct(sizes.http_sentences), "infer")
    query, infer = ("/api/intent", "query", queries), ("/v2/models/intent/infer", "infer", inputs)
    with Broker(settings.LATENCY_BROKER) as broker:
        contestants = {
            servers.CONSTANT: (servers.constant, query),
            servers.FASTAPI: (functools.partial(servers.fastapi, trained), query),
            servers.FASTAPI_2: (functools.partial(servers.fastapi, trained, 2), query),
            servers.MLSERVER: (functools.partial(servers.mlserver, trained), infer),
            servers.TRIAGE: (
                functools.partial(servers.triage, trained, broker, gateway_flags=["--cache-size", "0"]),
                query,
            ),
        }
        for name, (server, request) in contestants.items():
            with attempt(results, name):
                _measure_one(results, name, server, *request)


def _measure_one(results, name, server, path, form, file):
    with server() as (address, processes):
        load.wrk(address + path, form, file, settings.SIZES.http_warm_up)
        alone = load.wrk(address + path, form, file, settings.SIZES.http_warm_up, connections=1)
        before = [process.cpu_seconds() for process in processes]
        summary = load.wrk(address + path, form, file, settings.SIZES.http_seconds)
        cpu = [process.cpu_seconds() - start for process, start in zip(processes, before)]
        answered = summary["requests"] - summary["failed"]
        results.add(PART, name, "throughput", answered / summary["seconds"], "requests/s")
        results.add(PART, name, "efficiency", answered / sum(cpu), "requests/CPU-second")
        if len(cpu) > 1:
            results.add(PART, name, "efficiency of the gateway alone", answered / cpu[0], "requests/CPU-second")
        results.add(PART, name, "failed", summary["failed"] + summary["timeouts"], "requests")
        for percent in ("50", "99", "99.9"):
            results.add(PART, name, f"p{percent}", summary["percentiles"][percent], "ms")
        results.add(PART, name, "p50 with one connection", alone["percentiles"]["50"], "ms")
        results.add(PART, name, "memory", sum(process.peak_memory() for process in processes), "MiB")
        results.curve("latency", name, [[float(at), value] for at, value in summary["percentiles"].items()])
        say(
            f"gateway, {name}: {answered / summary['seconds']:,.0f} requests/s, "
            f"p99 {summary['percentiles']['99']:.1f} ms"
        )
