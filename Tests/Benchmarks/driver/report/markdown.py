"""The report as Markdown."""

from .. import models, servers, workers
from ..parts import (
    classification,
    encoder,
    gateway,
    growth,
    lanes,
    memory,
    micro,
    scaling,
    seed,
    training,
    worker,
)

# Of each part: its title, and the contestant (with the quantity) that the others are compared with.
TITLES = {
    worker.PART: ("Worker: records in to replies out, over a backlog", (workers.PYTHON_WORKER, "efficiency")),
    classification.PART: ("Classification alone, one core", (classification.FASTTEXT, classification.QUANTITY)),
    gateway.PART: ("One sentence per HTTP request, 64 connections, no sentence twice", (servers.FASTAPI, "throughput")),
    seed.PART: ("The seed's test: Locust, 100 users, one sentence", (f"{servers.FASTAPI_2}, {seed.FULL}", "rate")),
    lanes.PART: ("The interactive lane", (lanes.IDLE, "p99")),
    scaling.PART: ("Workers of one group", (f"1, {scaling.SHARED}", "throughput")),
    memory.PART: ("Memory of the gateway", None),
    training.PART: ("Training and cross-validation", (models.SCIKIT, "training")),
    micro.PART: ("Stages of the hot path, for each sentence, one core", None),
    growth.PART: ("How it grows", None),
    encoder.PART: ("With an encoder", (encoder.LIMIT, "efficiency")),
    encoder.CALLS: ("Calls through a gateway, the encoder asked for each", None),
}


def report(results, machine, judged, pictures):
    lines = ["# Triage beside its rivals", "", _how(machine), "", "## Targets", "", *targets(judged), ""]
    if machine["quick"]:
        lines[2:2] = ["**A quick run, to see that everything works. Its figures mean nothing.**", ""]
    for part, contestants in results.figures.items():
        title, base = TITLES[part]
        lines += [f"## {title}", "", *_table(results, part, contestants, base), ""]
        for picture, caption in pictures.get(part, []):
            lines += [f"![{caption}]({picture})", ""]
    if results.notes or results.failures:
        lines += ["## Notes", "", *(f"- {note}" for note in results.notes)]
        lines += [f"- {what}: not measured: {why}" for what, why in results.failures.items()]
    return "\n".join(lines).rstrip() + "\n"


def _how(machine):
    return (
        f"Taken on {machine['date']} in one run of `make bench` on one machine ({machine['cores']} cores of "
        f"{machine['processor']}, {machine['memory']}, {machine['system']}; "
        f"autogroup {machine['autogroup']}, load before the start {machine['load before']}), with broker, service and load generator on it together. "
        f"Commit {machine['commit']}, {machine['swift']}, librdkafka {machine['librdkafka']}, "
        f"scikit-learn {machine['scikit-learn']}, FastAPI {machine['fastapi']}. "
        f"Brokers: {machine['brokers']}. Sentences and models: {machine['data']}. Every figure is the median of "
        f"{machine['repetitions']} rounds through everything, after a warm-up (the seed's test, memory and growth are taken once); "
        "± is half of the distance between the smallest and the largest. A target's ratio has in brackets where another "
        "run of as many rounds is expected to find it, in 19 of 20 cases (Student's t over the rounds); where the target lies "
        "between them, this run does not decide. "
        "Absolute figures belong to the machine: compare the ratios."
    )


def targets(judged):
    rows = ["| target | wanted | measured | |", "|---|---|---|---|"]
    for target in judged:
        rows.append(f"| {target.what} | {target.wanted} | {target.text} | {target.verdict} |")
    return rows


def _table(results, part, contestants, base):
    quantities = list(dict.fromkeys(quantity for figures in contestants.values() for quantity in figures))
    units = {quantity: figures[quantity].unit for figures in contestants.values() for quantity in figures}
    headings = [
        quantity + (f", {units[quantity]}" if units[quantity] not in ("", quantity) else "") for quantity in quantities
    ]
    compared = base is not None and results.median(part, *base) is not None
    if compared:
        headings.append(f"{base[1]} against {base[0]}")
    rows = ["| | " + " | ".join(headings) + " |", "|---" * (len(headings) + 1) + "|"]
    for name, figures in contestants.items():
        cells = [_cell(figures.get(quantity)) for quantity in quantities]
        if compared:
            ratio = results.ratio(part, base[1], name, base[0])
            cells.append(f"{number(ratio)} ×" if ratio is not None else "")
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return rows


def _cell(figure):
    if figure is None:
        return ""
    text = number(figure.median)
    return text if len(figure.values) < 2 else f"{text} ± {figure.spread * 100:.0f} %"


def number(value):
    """Three digits that say something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
