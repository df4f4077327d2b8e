"""How speed, memory and file size grow with partitions, backlog, length of the sentences and number of classes."""

import random

from .. import models, sentences, settings, workers
from ..broker import Broker
from ..progress import say
from . import attempt
from .classification import library

PART = "growth"
PARTITIONS = (1, 12, 48)
LENGTHS = (20, 60, 200, 1000, 8000)
CLASSES = (8, 100, 1000)


def measure(results, trained):
    sizes = settings.SIZES
    lines = sentences.write("requests.jsonl", sentences.distinct(min(max(sizes.backlogs), 1_000_000)), "request")
    for partitions in PARTITIONS:
        with attempt(results, f"{partitions} partitions"):
            _worker(results, trained, f"{partitions} partitions", lines, sizes.growth_records, partitions)
    for backlog in sizes.backlogs:
        with attempt(results, f"backlog {backlog:,}"):
            _worker(results, trained, f"backlog {backlog:,}", lines, backlog)
    for length in LENGTHS:
        with attempt(results, f"{length} bytes"):
            _length(results, trained, length)
    for classes in CLASSES:
        with attempt(results, f"{classes} classes"):
            _classes(results, trained, classes)


def _worker(results, trained, name, lines, records, partitions=settings.PARTITIONS):
    with Broker(settings.BROKER) as broker:
        requests = broker.topic("requests", partitions)
        broker.fill(requests, records, lines, partitions)
        lanes = workers.Lanes.create(broker, requests, partitions)
        group, model = workers.new_group(), trained.path(models.TRIAGE)
        with workers.start_triage(broker, model, lanes, group, ready=False) as worker:
            start, cpu_at_start, before = broker.wait_for(lanes.replies, records // 10, worker, 120, partitions, 0.02)
            end, cpu_at_end, after = broker.wait_for(lanes.replies, records * 7 // 10, worker, 300, partitions, 0.02)
            results.add(PART, name, "throughput", (after - before) / (end - start), "sentences/s")
            results.add(
                PART, name, "efficiency", (after - before) / (cpu_at_end - cpu_at_start), "sentences/CPU-second"
            )
            results.add(PART, name, "memory", worker.peak_memory(), "MiB")
            say(f"growth, {name}: {(after - before) / (end - start):,.0f} sentences/s")


def _length(results, trained, length):
    count = max(2_000, settings.SIZES.triage_sentences * 10 // max(length, 60))
    file = sentences.write("sized.txt", sentences.sized(min(count, 100_000), length))
    rate = library(trained.path(models.TRIAGE), file)
    results.add(PART, f"{length} bytes", "classification alone", rate, "sentences/s")
    results.add(PART, f"{length} bytes", "bytes classified", rate * length / 1e6, "MB/s")
    say(f"growth, sentences of {length} bytes: {rate:,.0f} sentences/s")


def _classes(results, trained, classes):
    """Classes without meaning, each as large as the next: what counts here is how many there are."""
    labels = random.Random(1)
    texts = sorted({text for _, text in trained.examples})
    examples = [(f"class-{labels.randrange(classes):04}", text) for text in texts]
    table, model = settings.WORK / "classes.tsv", settings.WORK / "classes.model"
    models.write_table(table, examples)
    seconds = models.train(models.TRIAGE, table, model)
    name = f"{classes} classes"
    file = sentences.write("many.txt", sentences.distinct(min(settings.SIZES.triage_sentences, 100_000)))
    rate = library(model, file)
    results.add(PART, name, "classification alone", rate, "sentences/s")
    results.add(PART, name, "model file", model.stat().st_size / 2**20, "MiB")
    results.add(PART, name, "training", seconds, "s")
    say(f"growth, {name}: {rate:,.0f} sentences/s, {model.stat().st_size / 2**20:.1f} MiB")
