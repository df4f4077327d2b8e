"""The pictures of the report. Triage is always the same blue, its rivals grey, the limits (what does no work) open."""

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot, ticker  # noqa: E402

from .. import servers, workers  # noqa: E402
from ..parts import classification, gateway, growth, lanes, scaling, seed, worker  # noqa: E402
from .markdown import number  # noqa: E402

BLUE, GREY, INK = "#1f5fbf", "#9aa3ad", "#22272e"
LINES = ["#1f5fbf", "#d1772b", "#3b8f5c", "#8c54a8", "#7a7f87"]
LIMITS = (workers.C_ECHO, servers.CONSTANT)

pyplot.rcParams.update(
    {
        "figure.dpi": 144,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
    }
)


def draw(results, machine, folder):
    """Draws what has been measured; returns the pictures of each part as (file name, caption). Each says what it was taken on,
    since a picture is passed on without its page."""
    pictures = {}
    taken_on = (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory']}, {machine['system']}, {machine['date']}"
    )

    def keep(part, name, figure, caption):
        figure.text(0, -0.05, taken_on, fontsize=6.5, color=GREY, va="top")
        figure.savefig(folder / name, bbox_inches="tight")
        pyplot.close(figure)
        pictures.setdefault(part, []).append((name, caption))

    for part, name, quantity, title, counts in (
        (worker.PART, "efficiency", "efficiency", "Worker: records per CPU-second", _any),
        (worker.PART, "throughput", "throughput", "Worker: records per second", _any),
        (
            classification.PART,
            classification.QUANTITY,
            classification.QUANTITY,
            "Classification alone, one core, the same sentences: sentences per second",
            lambda contestant: contestant != classification.HARDEST,
        ),
        (gateway.PART, "throughput", "throughput", "HTTP: requests per second, 64 connections", _any),
        *(
            (
                seed.PART,
                f"mean-{place}",
                "mean",
                f"The seed's test {pace}: average response, milliseconds",
                lambda contestant, end=f", {pace}": contestant.endswith(end),
            )
            for place, pace in ((1, seed.FULL), (2, seed.PACED))
        ),
    ):
        bars = {
            contestant: figures[quantity]
            for contestant, figures in results.figures.get(part, {}).items()
            if quantity in figures and counts(contestant)
        }
        if bars:
            keep(part, f"{part}-{name}.png", _bars(bars, title), title)
    if "latency" in results.curves:
        title = "HTTP: latency, 64 connections"
        keep(gateway.PART, "gateway-latency.png", _percentiles(results.curves["latency"], title), title)
    if lanes.PART in results.curves:
        title = "An interactive call, from when it was due to its reply"
        keep(lanes.PART, "lanes-latency.png", _percentiles(results.curves[lanes.PART], title), title)
    if results.figures.get(scaling.PART):
        title = "Throughput against the number of workers"
        keep(scaling.PART, "scaling.png", _scaling(results, title), title)
    if results.figures.get(growth.PART):
        title = "How it grows"
        keep(growth.PART, "growth.png", _growth(results), title)
    return pictures


def _any(_):
    return True


def _bars(rows, title):
    """One bar for each contestant; all of them did the same, so that lengths can be compared."""
    names = sorted(rows, key=lambda name: rows[name].median)
    figure, axes = pyplot.subplots(figsize=(7, 0.5 + 0.38 * len(names)))
    for place, name in enumerate(names):
        measured = rows[name]
        color = BLUE if name.startswith("triage") else "white" if name.startswith(LIMITS) else GREY
        error = [[measured.median - min(measured.values)], [max(measured.values) - measured.median]]
        axes.barh(
            place,
            measured.median,
            color=color,
            edgecolor=GREY if color == "white" else color,
            height=0.66,
            xerr=error,
            error_kw={"ecolor": INK, "elinewidth": 0.8},
        )
        axes.annotate(
            number(measured.median),
            (max(measured.values), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, max(max(measured.values) for measured in rows.values()) * 1.12)
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.set_title(title)
    return figure


def _percentiles(curves, title):
    """Latency against the share of calls that took longer, so that the tail has room."""
    figure, axes = pyplot.subplots(figsize=(7, 3.6))
    last = max(percent for points in curves.values() for percent, _ in points if percent < 100)
    marks = [mark for mark in (50, 90, 99, 99.9, 99.99) if mark <= last]
    for color, (name, points) in zip(_colors(curves), curves.items()):
        known = [(100 / (100 - percent), value) for percent, value in points if percent < 100]
        axes.plot([x for x, _ in known], [value for _, value in known], color=color, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([100 / (100 - mark) for mark in marks], [f"{mark:g} %" for mark in marks])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.set_ylabel("milliseconds")
    axes.set_xlabel("of the calls took no longer")
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.6)
    axes.set_title(title)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _colors(names):
    """Blue is kept for Triage where it has one line among others."""
    mine = [name for name in names if name.startswith("triage")]
    rest = iter(LINES[1 if mine else 0 :] * 3)
    return [BLUE if mine and name == mine[0] else next(rest) for name in names]


def _scaling(results, title):
    modes = (scaling.PINNED, scaling.SHARED)
    figure, panels = pyplot.subplots(1, len(modes), figsize=(7, 2.8))
    for axes, mode in zip(panels, modes):
        points = [(count, results.median(scaling.PART, f"{count}, {mode}", "throughput")) for count in scaling.COUNTS]
        points = [(count, value) for count, value in points if value is not None]
        axes.set_title(mode)
        axes.set_xlabel("workers")
        if not points:
            continue
        first = points[0][1] / points[0][0]
        axes.plot(
            [count for count, _ in points],
            [count * first for count, _ in points],
            color=GREY,
            linestyle=":",
            label="in proportion",
        )
        axes.plot(
            [count for count, _ in points], [value for _, value in points], color=BLUE, marker="o", label="measured"
        )
        axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        for count, value in points:
            axes.annotate(
                f"{value / first:.2f} ×", (count, value), xytext=(4, -12), textcoords="offset points", fontsize=8
            )
        axes.set_xticks([count for count, _ in points])
        axes.set_ylim(0)
        axes.margins(x=0.2)
        axes.legend(frameon=False, fontsize=8)
    panels[0].set_ylabel("sentences per second")
    figure.suptitle(title, x=0.07, ha="left", fontsize=10)
    figure.tight_layout()
    return figure


def _growth(results):
    panels = (
        ("partitions", [f"{count} partitions" for count in growth.PARTITIONS], "throughput", "worker, sentences/s"),
        (
            "backlog",
            [name for name in results.figures[growth.PART] if name.startswith("backlog")],
            "memory",
            "worker, MiB",
        ),
        ("length of a sentence", [f"{length} bytes" for length in growth.LENGTHS], "bytes classified", "alone, MB/s"),
        ("classes", [f"{count} classes" for count in growth.CLASSES], "classification alone", "alone, sentences/s"),
    )
    figure, grid = pyplot.subplots(2, 2, figsize=(7, 4.6))
    for axes, (title, names, quantity, label) in zip(grid.flat, panels):
        points = [(name, results.median(growth.PART, name, quantity)) for name in names]
        points = [(name, value) for name, value in points if value is not None]
        axes.plot(range(len(points)), [value for _, value in points], color=BLUE, marker="o")
        axes.set_xticks(range(len(points)), [name.replace("backlog ", "").partition(" ")[0] for name, _ in points])
        for place, (_, value) in enumerate(points):
            axes.annotate(
                number(value), (place, value), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
            )
        axes.set_ylim(0, max((value for _, value in points), default=1) * 1.25)
        # Room for the figures of the first and the last point beside the axis.
        axes.margins(x=0.2)
        axes.set_title(title)
        axes.set_ylabel(label)
        axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    figure.tight_layout()
    return figure
