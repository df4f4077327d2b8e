"""A local stack for the length of a `with` block."""

import json
import os
import pathlib
import random
import subprocess
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def starter_sentences():
    """The sentences that the starter model learned from, without their classes."""
    lines = (ROOT / "compose/starter/sentences.fr.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t", 1)[1] for line in lines]


class Stack:
    """Has a folder of its own, so that it disturbs no stack that runs already."""

    def __init__(self, folder, *, workers, gateways, cache=True, model=None):
        self.workers, self.gateways, self.model = workers, gateways, model
        self.folder = pathlib.Path(folder)
        self.environment = os.environ | {"RUNTIME_DIRECTORY": str(folder)}
        if not cache:
            self.environment["TRIAGE_CACHE_SIZE"] = "0"

    def command(self, *arguments):
        done = subprocess.run(
            [ROOT / "compose/local/stack", *arguments], env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE)
        return done.stdout

    def __enter__(self):
        arguments = ["--workers", str(self.workers), "--gateways", str(self.gateways), "--monitoring"]
        if self.gateways > 1:
            arguments.append("--proxy")
        if self.model:
            arguments += ["--model", str(self.model)]
        self.addresses = dict(line.split() for line in self.command("start", *arguments).splitlines())
        return self

    def __exit__(self, *_):
        self.command("stop")

    @property
    def http(self):
        return "http://" + self.addresses.get("nginx", self.addresses["gateway-1"])

    def query(self, query):
        """The value of each series now, by its labels."""
        parameters = urllib.parse.urlencode({"query": query})
        return {tuple(sorted(series["metric"].items())): float(series["value"][1])
                for series in self._get(f"query?{parameters}")}

    def series(self, query, start):
        """The first series of a query since `start`, as pairs of seconds and value."""
        parameters = urllib.parse.urlencode({"query": query, "start": start, "end": time.time(), "step": 1})
        result = self._get(f"query_range?{parameters}")
        return [[float(at) - start, float(value)] for at, value in (result[0]["values"] if result else [])]

    def memory(self):
        """What each worker and gateway has resident, in MiB, by the names of the processes."""
        found = self.query('process_resident_memory_bytes{job=~"triage-.*"}')
        return {dict(labels)["instance"]: value / 2**20 for labels, value in found.items()}

    def pid(self, name):
        """The process number of a worker or gateway."""
        return int((self.folder / "stack" / name / "pid").read_text().split()[0])

    def peak_memory(self, name):
        """The most that a worker or gateway ever had resident, in MiB."""
        status = pathlib.Path(f"/proc/{self.pid(name)}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 2**10

    def _get(self, path):
        with urllib.request.urlopen(f"http://{self.addresses['prometheus']}/api/v1/{path}", timeout=10) as response:
            return json.load(response)["data"]["result"]

    def publish(self, count):
        """Publishes bulk sentences as fast as kcat can, the starter model's in turn."""
        texts = [json.dumps({"text": sentence}, ensure_ascii=False) for sentence in starter_sentences()]
        random.Random(1).shuffle(texts)
        kcat = subprocess.Popen(
            [ROOT / "compose/local/kcat", "-P", "-b", self.addresses["kafka"], "-t", "sentences",
             "-X", "queue.buffering.max.messages=1000000", "-X", "linger.ms=50"],
            stdin=subprocess.PIPE, text=True, encoding="utf-8")
        rest = count
        while rest > 0:
            kcat.stdin.write("\n".join(texts[:rest]) + "\n")
            rest -= len(texts)
        kcat.stdin.close()
        if kcat.wait() != 0:
            raise RuntimeError("kcat could not publish the bulk sentences")
