#!/usr/bin/env python3
"""One stream of a given number of lines through a gateway: stream.py [LINES] (1000000).

Every line must be answered, in order, and neither the gateway's memory nor the worker's may grow with the stream.
"""

import http.client
import itertools
import json
import shutil
import socket
import sys
import threading
import time

from stack import ROOT, Stack, starter_sentences

FOLDER = ROOT / ".bench" / "stream"
# By so many MiB a process may grow after the first fifth of the stream.
GROWTH = 20
# So many lines go into one chunk of the request.
CHUNK = 500


def lines(count):
    """Requests without a repeated sentence, so that no cache could answer them. Their ids are counted by the gateway."""
    texts = itertools.cycle(starter_sentences())
    return (json.dumps({"text": f"{next(texts)} {number}"}, ensure_ascii=False) + "\n" for number in range(count))


def send(connection, count):
    connection.sendall(
        b"POST /v1/classify/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")
    source = lines(count)
    while chunk := "".join(itertools.islice(source, CHUNK)).encode():
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    connection.sendall(b"0\r\n\r\n")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    early, problems, answered = {}, [], 0
    with Stack(FOLDER / "stack", workers=1, gateways=1, cache=False) as stack:
        host, port = stack.http.removeprefix("http://").split(":")
        start = time.monotonic()
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            sender = threading.Thread(target=send, args=(connection, count), daemon=True)
            sender.start()
            response = http.client.HTTPResponse(connection, method="POST")
            response.begin()
            for line in response:
                answered += 1
                answer = json.loads(line)
                if answer.get("id") != str(answered) or "label" not in answer:
                    problems.append(f"line {answered} was answered with {line[:200]}")
                    break
                if answered == count // 5:
                    early = stack.memory()
            sender.join(timeout=10)
        seconds = time.monotonic() - start
        time.sleep(2)
        latest = stack.memory()
    print(f"stream: {answered:,} lines in {seconds:.0f} s, MiB after a fifth and at the end: "
          + ", ".join(f"{name} {early.get(name, 0):.0f} {value:.0f}" for name, value in sorted(latest.items())))
    if answered != count:
        problems.append(f"{count - answered:,} lines were not answered")
    for name in ("gateway-1", "worker-1"):
        if name not in early or name not in latest:
            problems.append(f"the memory of {name} was not measured twice; take a longer stream")
        elif latest[name] - early[name] > GROWTH:
            problems.append(f"{name} grew by more than {GROWTH} MiB")
    if problems:
        sys.exit("stream: " + "; ".join(problems))


main()
