"""The pictures of the load report."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

plt.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "triage", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "figure.autolayout": True})
BLUE, ORANGE, RED, GREY = "#1f6fb4", "#e07b39", "#c0392b", "#777777"


def save(figure, path):
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def column(points, name):
    return [point[name] for point in points]


def over_time(points, events, lag, path):
    """Requests a second with users and failures, the latency, and the lag if there is any, one above the other."""
    figure, axes = plt.subplots(3 if lag else 2, 1, sharex=True, figsize=(8, 6 if lag else 4.2))
    times = column(points, "time")
    axes[0].plot(times, column(points, "rate"), color=BLUE, label="requests/s")
    axes[0].plot(times, column(points, "failures"), color=RED, label="failures/s")
    axes[0].set_ylim(bottom=0)
    users = axes[0].twinx()
    users.plot(times, column(points, "users"), color=GREY, linestyle=":", label="users")
    users.set_ylim(bottom=0)
    users.grid(False)
    users.set_ylabel("users (dotted)")
    axes[0].set_ylabel("per second")
    axes[0].legend(loc="lower right", frameon=False)
    axes[1].plot(times, column(points, "p95"), color=ORANGE, label="95th percentile")
    axes[1].plot(times, column(points, "median"), color=BLUE, label="median")
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("ms")
    axes[1].legend(loc="upper left", frameon=False)
    if lag:
        axes[2].plot([at for at, _ in lag], [value for _, value in lag], color=BLUE)
        axes[2].set_ylim(bottom=0)
        axes[2].set_ylabel("bulk sentences waiting")
        axes[2].yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for at, what in events:
        for axis in axes:
            axis.axvline(at, color=GREY, linewidth=0.8)
        axes[-1].annotate(what, (at, axes[-1].get_ylim()[1]), rotation=90, va="top", ha="right", fontsize=7)
    axes[-1].set_xlabel("seconds")
    save(figure, path)


def against_users(runs, path):
    """Median and 95th percentile against the number of users, while they arrive."""
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 4))
    for title, points in runs:
        arriving = {}
        for point in points:
            arriving.setdefault(point["users"], point)
        for axis, name in zip(axes, ("median", "p95"), strict=True):
            axis.plot(list(arriving), [point[name] for point in arriving.values()], label=title, linewidth=1.2)
    axes[0].set_title("median")
    axes[1].set_title("95th percentile")
    axes[0].set_ylabel("ms")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=6)
    for axis in axes:
        axis.set_xlabel("users")
    save(figure, path)
