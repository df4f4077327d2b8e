"""Checks the dashboard's and the alerts' queries against a Prometheus that scrapes a running stack: queries.py URL."""

import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b(?:triage|process)_[a-z_]+[a-z]")


def get(url, path, **parameters):
    try:
        with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as response:
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        sys.exit(f"Prometheus refuses {parameters}: {json.load(error).get('error')}")


def dashboard_queries():
    dashboard = json.loads((ROOT / "compose/grafana/dashboards/triage.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def down(url):
    targets = get(url, "/api/v1/targets", state="active")["activeTargets"]
    if not targets:
        return ["(no targets at all)"]
    return [f"{target['scrapeUrl']}: {target['lastError'] or target['health']}"
            for target in targets if target["health"] != "up"]


def main():
    url = sys.argv[1]
    end = time.time() + 20
    while (failing := down(url)) and time.time() < end:
        time.sleep(0.5)
    if failing:
        sys.exit("these targets are not scraped:\n  " + "\n  ".join(failing))
    known = set(get(url, "/api/v1/label/__name__/values"))
    queries = list(dashboard_queries())
    for group in get(url, "/api/v1/rules", type="alert")["groups"]:
        for rule in group["rules"]:
            if rule["health"] == "err":
                sys.exit(f"{rule['name']} cannot be evaluated: {rule['lastError']}")
            queries.append((rule["name"], rule["query"]))
    empty = 0
    for title, query in queries:
        if missing := {name for name in METRIC.findall(query) if name not in known}:
            sys.exit(f"{title}: nobody exposes {', '.join(sorted(missing))}")
        empty += not get(url, "/api/v1/query", query=query)["result"]
    firing = [alert["labels"]["alertname"] for alert in get(url, "/api/v1/alerts")["alerts"]
              if alert["state"] == "firing"]
    print(f"{len(queries)} queries of dashboard and alerts answered, {empty} of them empty; "
          f"alerts that fire: {', '.join(firing) or 'none'}")


main()
