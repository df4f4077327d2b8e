"""Writes dashboards/triage.json from the list below; `--check` only says whether it is up to date.

`compose/local/queries` sends every query of it to a Prometheus that scrapes a running stack.
"""

import json
import pathlib
import sys

OUTPUT = pathlib.Path(__file__).parent / "dashboards" / "triage.json"
SOURCE = {"type": "prometheus", "uid": "${source}"}
RATE = "$__rate_interval"


def quantile(q, metric, by, labels=""):
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket{{{labels}}}[{RATE}])))"


# Rows of panels: title, what it shows, unit, then pairs of query and legend.
ROWS = [
    ("At a glance", [
        ("Workers", "Workers that answer Prometheus.", "none", [('count(up{job="triage-worker"} == 1)', "workers")]),
        ("Gateways", "Gateways that are ready.", "none", [("sum(triage_gateway_ready)", "ready")]),
        ("Sentences", "Sentences answered, all lanes.", "cps",
         [(f"sum(rate(triage_worker_sentences_total[{RATE}]))", "answered")]),
        ("Waiting", "Sentences in the topics that no worker has received yet.", "short",
         [("sum(triage_worker_consumer_lag_records)", "waiting")]),
        ("Not classified", "Share of requests answered with an error.", "percentunit",
         [(f'sum(rate(triage_worker_sentences_total{{outcome!="ok"}}[{RATE}])) '
           f"/ sum(rate(triage_worker_sentences_total[{RATE}]))", "errors")]),
        ("HTTP errors", "Share of requests that end with a 5xx.", "percentunit",
         [(f'sum(rate(triage_gateway_requests_total{{status=~"5.."}}[{RATE}])) '
           f"/ sum(rate(triage_gateway_requests_total[{RATE}]))", "5xx")]),
    ]),
    ("Throughput and lag", [
        ("Sentences answered, by lane", "bulk: throughput matters. interactive: somebody waits.", "cps",
         [(f"sum by (lane) (rate(triage_worker_sentences_total[{RATE}]))", "{{lane}}")]),
        ("Lag, by lane", "Records of the assigned partitions that are not received yet. The interactive lane's is "
         "hardly ever above some tens.", "short",
         [("sum by (lane) (triage_worker_consumer_lag_records)", "{{lane}}"),
          ("max(triage_gateway_interactive_lag_records)", "interactive, as gateways see the queue")]),
        ("Lag of the worst partition", "Far above the others: one key has most of the requests; workers do not help.",
         "short", [("max by (lane) (triage_worker_consumer_lag_records)", "{{lane}}")]),
        ("Time to catch up", "What waits in the bulk lane, at the present pace.", "s",
         [(f'sum(triage_worker_consumer_lag_records{{lane="bulk"}}) '
           f'/ sum(rate(triage_worker_sentences_total{{lane="bulk"}}[{RATE}]))', "bulk")]),
        ("Sentences in a batch", "The mean; large batches are cheap ones.", "short",
         [(f"sum by (lane) (rate(triage_worker_batch_sentences_sum[{RATE}])) "
           f"/ sum by (lane) (rate(triage_worker_batch_sentences_count[{RATE}]))", "{{lane}}")]),
        ("Outcomes other than ok", "By error code; all but deadline_exceeded go to the dead letters.", "cps",
         [(f'sum by (outcome) (rate(triage_worker_sentences_total{{outcome!="ok"}}[{RATE}])) > 0', "{{outcome}}")]),
        ("Answered by the encoder", "Share of the sentences for which a cascade's linear model was not sure. If it rises, "
         "people write otherwise than when the model was trained.", "percentunit",
         [(f"sum by (lane) (rate(triage_worker_encoder_sentences_total[{RATE}])) "
           f'/ sum by (lane) (rate(triage_worker_sentences_total{{outcome="ok"}}[{RATE}]))', "{{lane}}")]),
    ]),
    ("Latency", [
        ("Reply to a gateway", "From sending a sentence to its reply, through the queue both ways.", "s",
         [(f"histogram_quantile({q}, sum by (le) (rate(triage_gateway_reply_latency_seconds_bucket[{RATE}])))", name)
          for q, name in (("0.5", "median"), ("0.95", "p95"), ("0.99", "p99"))]),
        ("HTTP, 99th percentile by route", "From a request's head to its response.", "s",
         [(quantile("0.99", "triage_gateway_request_duration_seconds", "route"), "{{route}}")]),
        ("Stages of a batch, interactive, p99", "queue: its first request in the topic; deliver: until the broker has "
         "acknowledged the last reply.", "s",
         [(quantile("0.99", "triage_worker_stage_seconds", "stage", 'lane="interactive"'), "{{stage}}")]),
        ("Stages of a batch, bulk, p99", "As on the left; queue is long while there is a backlog.", "s",
         [(quantile("0.99", "triage_worker_stage_seconds", "stage", 'lane="bulk"'), "{{stage}}")]),
        ("A batch in the encoder, p99", "Of models that have one; a part of the stage classify.", "s",
         [(quantile("0.99", "triage_worker_encoder_seconds", "lane"), "{{lane}}")]),
    ]),
    ("HTTP", [
        ("Requests by route", "All answers, whatever their status.", "reqps",
         [(f"sum by (route) (rate(triage_gateway_requests_total[{RATE}]))", "{{route}}")]),
        ("Answers other than 2xx", "429: refused, over the limit. 503: no broker. 504: no reply in time.", "reqps",
         [(f'sum by (status) (rate(triage_gateway_requests_total{{status!~"2.."}}[{RATE}])) > 0', "{{status}}")]),
        ("Cache", "hit: from the cache; coalesced: joined to a request under way; miss: sent to the workers.", "cps",
         [(f"sum(rate(triage_gateway_cache_{name}_total[{RATE}]))", legend)
          for name, legend in (("hits", "hit"), ("coalesced", "coalesced"), ("misses", "miss"))]),
        ("In flight", "Sentences whose callers wait.", "short",
         [("sum by (instance) (triage_gateway_waiting_sentences)", "{{instance}}")]),
        ("Refused, expired, hung up", "Turned away with 429; ended by their deadline; given up by the caller.", "cps",
         [(f"sum(rate(triage_gateway_{name}_total[{RATE}]))", legend)
          for name, legend in (("refused_sentences", "refused"), ("expired_calls", "expired"),
                               ("cancelled_calls", "hung up"))]),
        ("Not delivered, not expected", "Records that did not reach the broker; replies that nobody waits for.", "cps",
         [(f"sum(rate(triage_gateway_undelivered_records_total[{RATE}]))", "undelivered"),
          (f"sum(rate(triage_gateway_unknown_replies_total[{RATE}]))", "unknown replies")]),
    ]),
    ("Group and processes", [
        ("Partitions by worker", "Each lane's partitions, shared out.", "none",
         [("sum by (instance, lane) (triage_worker_assigned_partitions)", "{{instance}} {{lane}}")]),
        ("Rebalances", "In a quiet system there are none. lost: the group took a member for dead.", "short",
         [(f"sum by (lane, event) (increase(triage_worker_rebalances_total[{RATE}]))", "{{lane}} {{event}}")]),
        ("Commits that failed or were aborted", "Some belong to every rebalance.", "cps",
         [(f'sum by (lane, result) (rate(triage_worker_commits_total{{result!="ok"}}[{RATE}]))',
           "{{lane}} {{result}}")]),
        ("Batches in flight", "Received and not yet acknowledged: at the limit, the broker is the slow one.", "short",
         [("sum by (instance, lane) (triage_worker_in_flight_batches)", "{{instance}} {{lane}}")]),
        ("Processor", "Cores used by each process.", "none",
         [(f'rate(process_cpu_seconds_total{{job=~"triage-.*"}}[{RATE}])', "{{instance}}")]),
        ("Memory", "Resident. More than 180 MiB is not expected, but of a worker whose model has an encoder.", "bytes",
         [('process_resident_memory_bytes{job=~"triage-.*"}', "{{instance}}")]),
        ("Models", "Workers by model; two lines while a new one is rolled out.", "none",
         [("count by (model) (triage_worker_model_info)", "{{model}}")]),
        ("Model loads", "After the first: a reload that failed leaves the old model in place.", "short",
         [(f"sum by (result) (increase(triage_worker_model_loads_total[{RATE}]))", "{{result}}")]),
    ]),
]


def panel(number, kind, position, title, description, unit, queries):
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    custom = {"fillOpacity": 8, "showPoints": "never"}
    if kind == "stat":
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}
        custom = {}
    return {
        "id": number, "type": kind, "title": title, "description": description, "datasource": SOURCE,
        "gridPos": position, "options": options,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for index, (query, legend) in enumerate(queries)
        ],
    }


def panels():
    number, y = 0, 0
    for index, (row, contents) in enumerate(ROWS):
        number += 1
        yield {"id": number, "type": "row", "title": row, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}}
        y += 1
        kind, width, height = ("stat", 4, 4) if index == 0 else ("timeseries", 12, 8)
        for place, content in enumerate(contents):
            number += 1
            line, x = divmod(place * width, 24)
            yield panel(number, kind, {"x": x, "y": y + line * height, "w": width, "h": height}, *content)
        y += -(-len(contents) * width // 24) * height


def dashboard():
    return {
        "uid": "triage", "title": "Triage", "tags": ["triage", "kafka"], "editable": False, "schemaVersion": 39,
        "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "timezone": "browser", "graphTooltip": 1,
        "templating": {"list": [
            {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus",
             "current": {"text": "Prometheus", "value": "prometheus"}}]},
        "annotations": {"list": [
            {"name": "Alerts", "datasource": SOURCE, "enable": True, "iconColor": "red",
             "expr": 'ALERTS{alertname=~"Triage.*", alertstate="firing"}', "titleFormat": "{{alertname}}",
             "textFormat": "{{severity}}", "step": "30s"}]},
        "panels": list(panels()),
    }


def main():
    text = json.dumps(dashboard(), indent=2) + "\n"
    if "--check" in sys.argv:
        if not OUTPUT.exists() or OUTPUT.read_text(encoding="utf-8") != text:
            sys.exit(f"{OUTPUT} is out of date: run {sys.argv[0]}")
    else:
        OUTPUT.write_text(text, encoding="utf-8")


main()
