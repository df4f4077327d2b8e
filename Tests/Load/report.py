"""Makes the report of what Locust measured: a page, a table, pictures."""

import csv
import datetime
import json
import os

import pictures

SEED = "| the seed's report: FastAPI, one sentence, its own machine | 33,345 | 0 | 556 | | 161 | | |"


def rows(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def total(folder):
    return next(row for row in rows(folder / "result_stats.csv") if row["Name"] == "Aggregated")


def sentence(row):
    return (f"{int(row['Request Count']):,} requests, {row['Failure Count']} failed, "
            f"{float(row['Requests/s']):,.0f}/s, {float(row['Average Response Time']):.1f} ms on average, "
            f"p95 {row['95%']} ms")


def table_row(scenario, row):
    return (f"| {scenario.title} | {int(row['Request Count']):,} | {row['Failure Count']} | "
            f"{float(row['Requests/s']):,.0f} | {row['50%']} | {float(row['Average Response Time']):.1f} | "
            f"{row['95%']} | {row['99%']} |")


def history(folder, start):
    """The aggregate by the second: time since the start, users, requests a second, failures, median, p95."""
    points = []
    for row in rows(folder / "result_stats_history.csv"):
        if row["Name"] != "Aggregated" or row["50%"] == "N/A" or float(row["50%"]) == 0:
            continue
        points.append({
            "time": int(row["Timestamp"]) - start, "users": int(row["User Count"]), "rate": float(row["Requests/s"]),
            "failures": float(row["Failures/s"]), "median": float(row["50%"]), "p95": float(row["95%"])})
    return points


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    return f"{os.cpu_count()} cores ({names[0] if names else os.uname().machine})"


def broker():
    if os.environ.get("KAFKA"):
        return os.environ.get("KAFKA_NAME", "one that ran already")
    return {"tansu": "Tansu", "noida": "noida-db"}[os.environ.get("BROKER") or "tansu"]


def write(scenarios, results, out, *, users, ramp, seconds):
    out.mkdir(parents=True, exist_ok=True)
    lines, sections, compared = [], [], []
    for scenario in scenarios:
        folder = results / scenario.name
        lines.append(table_row(scenario, total(folder)))
        more = json.loads((folder / "events.json").read_text(encoding="utf-8"))
        points = history(folder, more["start"])
        pictures.over_time(points, more["events"], more["lag"], out / f"{scenario.name}.svg")
        if not scenario.backlog:
            compared.append((scenario.title, points))
        sections.append(f"### {scenario.title[0].upper()}{scenario.title[1:]}\n\n"
                        f"Workers: {scenario.workers}, gateways: {scenario.gateways}, "
                        f"cache {'on' if scenario.cache else 'off'}: {sentence(total(folder))}.\n\n"
                        f"![requests, latency and failures over time]({scenario.name}.svg)\n")
    pictures.against_users(compared, out / "latency-by-users.svg")
    page = f"""# Load report

`make load`, {datetime.date.today():%d %B %Y}, on one machine with {machine()} that ran the broker ({broker()}), the workers, the
gateways, Prometheus and Locust together. {users} users arrive at {ramp} a second and stay for {seconds} s; each sends
its next request when it has the answer to the last, except where a rate is named. So the rate is what Locust, which is
the busiest program here, can ask for, and the times hold its own queueing.

| what | requests | failed | requests/s | median ms | mean ms | p95 ms | p99 ms |
|---|---|---|---|---|---|---|---|
{SEED}
{chr(10).join(lines)}

![median and 95th percentile against the number of users](latency-by-users.svg)

{chr(10).join(sections)}"""
    (out / "README.md").write_text(page, encoding="utf-8")
