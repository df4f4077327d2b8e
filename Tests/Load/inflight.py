#!/usr/bin/env python3
"""So many requests in flight at one gateway, each on a connection of its own: inflight.py [REQUESTS] (10000).

The worker is stopped meanwhile, so that they all wait. The gateway may take 150 MiB for them, and must answer every one
when the worker goes on.
"""

import collections
import os
import resource
import shutil
import signal
import socket
import sys
import time
import urllib.parse

from stack import ROOT, Stack, starter_sentences

FOLDER = ROOT / ".bench" / "inflight"
LIMIT = 150
# What the gateway counts of sentences that wait for an answer.
WAITING = "triage_gateway_waiting_sentences"


def ask(address, number, text):
    """A connection on which one sentence has been asked for."""
    connection = socket.create_connection(address, timeout=60)
    query = urllib.parse.urlencode({"sentence": f"{text} {number}"})
    connection.sendall(f"GET /api/intent?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return connection


def status(connection):
    """The status of the answer, or what came instead."""
    try:
        with connection:
            return connection.recv(4_096)[9:12].decode()
    except OSError as error:
        return type(error).__name__


def until_waiting(stack, count, seconds):
    """The most sentences that were seen to wait, at once when that is `count`."""
    most, end = 0, time.monotonic() + seconds
    while most < count and time.monotonic() < end:
        most = max([most, *stack.query(WAITING).values()])
        time.sleep(0.2)
    return most


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    needed = count + 100
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        sys.exit(f"inflight: a process here may open {most} files, and this takes {needed}: see ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    texts, problems = starter_sentences(), []
    with Stack(FOLDER / "stack", workers=1, gateways=1, cache=False) as stack:
        host, port = stack.http.removeprefix("http://").split(":")
        worker = stack.pid("worker-1")
        idle = stack.peak_memory("gateway-1")
        os.kill(worker, signal.SIGSTOP)
        try:
            connections = [ask((host, int(port)), number, texts[number % len(texts)]) for number in range(count)]
            waiting = until_waiting(stack, count, 8)
            memory = stack.peak_memory("gateway-1")
        finally:
            os.kill(worker, signal.SIGCONT)
        answers = collections.Counter(map(status, connections))
    print(f"inflight: {waiting:,.0f} of {count:,} requests waited; the gateway took {memory:.0f} MiB at most, "
          f"{idle:.0f} before; then " + ", ".join(f"{status}: {n:,}" for status, n in sorted(answers.items())))
    if waiting < count:
        problems.append("not all waited at the same time")
    if memory > LIMIT:
        problems.append(f"the gateway took more than {LIMIT} MiB")
    if answers != {"200": count}:
        problems.append("not every request was answered")
    if problems:
        sys.exit("inflight: " + "; ".join(problems))


main()
