"""Every recipe of compose/COOKBOOK.md does what it says, from its first line to its last.

Each section has a broker and a folder of its own. A block fenced as `sh` that is a worker (without --check) runs until the section ends, and
is ready before the next block; any other is run by bash, one fenced as `python` by a Python that has confluent-kafka. A `text` block that
follows is what is printed; there `…` stands for anything. What else is fenced is not run: NOT_RUN says why.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from schema_registry import SchemaRegistry
from test_recipes import pattern

ROOT = pathlib.Path(__file__).resolve().parents[2]
COOKBOOK = ROOT / "compose/COOKBOOK.md"
PYTHON = ROOT / ".deps/tools/kafka/bin/python"
NOT_RUN = {
    "json": "a connector's configuration needs Kafka Connect", "java": "needs Kafka's jar, which no package has",
    "sql": "needs ksqlDB or Flink", "yaml": "a part of a file of settings"}
NOT_HERE = re.compile(r"^kafka-\S+\.sh\b(?:[^\n]*\\\n)*[^\n]*\n?", re.M)  # comes with Apache Kafka
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$\n?", re.M | re.S)
# Topics that a recipe's own connector would make.
TOPICS = ["--topic-requests", "shop.tickets", "--topic-replies", "shop.tickets.classified"]


def sections():
    """The sections with their blocks: language, content, and what is printed, if that is told."""
    for title, body in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", COOKBOOK.read_text("utf-8"), re.M | re.S):
        blocks, found = [], list(BLOCK.finditer(body))
        for block, following in zip(found, [*found[1:], None]):
            is_answered = following and following[1] == "text" and not body[block.end():following.start()].strip()
            if block[1] != "text":
                blocks.append((block[1], block[2].strip(), following[2] if is_answered else None))
        yield title, blocks


class Recipe:
    """What one section runs in."""

    def __init__(self, test, title):
        self.test = test
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-cookbook-"))
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name in ("compose", ".deps"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "intents.csv").write_bytes(CookbookTests.data)
        shutil.copy2(CookbookTests.model, self.folder / "intents.model")
        broker = [ROOT / "compose/local/broker"]
        self.kafka = subprocess.run(
            [*broker, "start", "--kind", "noida", "--port", "0"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        test.addCleanup(subprocess.run, [*broker, "stop", "--port", self.kafka.rpartition(":")[2]])
        self.registry = SchemaRegistry()
        test.addCleanup(self.registry.stop)
        self.workers = []
        test.addCleanup(self.stop)
        self.environment = os.environ | {
            "PATH": f"{ROOT}/.build/release:{os.environ['PATH']}", "TRIAGE_BOOTSTRAP_SERVERS": self.kafka, "LC_ALL": "C.UTF-8"}
        for topics in ([], TOPICS):
            subprocess.run(["triage", "topics", "create", *topics], env=self.environment, check=True, capture_output=True)

    def stop(self):
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.wait(30)
            worker.stderr.close()

    def adapted(self, text):
        return text.replace("127.0.0.1:9092", self.kafka).replace("http://127.0.0.1:8081", self.registry.url)

    def serve(self, command):
        worker = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, text=True, stderr=subprocess.PIPE)
        self.workers.append(worker)
        lines = []
        for line in worker.stderr:
            lines.append(line)
            if line.rstrip().endswith("is ready"):
                # So that it never waits for somebody to read what it says.
                threading.Thread(target=lambda: [None for _ in worker.stderr], daemon=True).start()
                return
        self.test.fail(f"{command}\n{''.join(lines)}")

    def run(self, language, content):
        if language == "python":
            command = [PYTHON, "-c", content]
        else:
            command = ["bash", "-euo", "pipefail", "-c", content]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
            capture_output=True, timeout=120)
        self.test.assertEqual(done.returncode, 0, f"{content}\n{done.stdout}{done.stderr}")
        return done.stdout

    def follow(self, language, content, told):
        content = self.adapted(NOT_HERE.sub("", content)).strip()
        if not content:
            return
        *commands, last = re.split(r"\n(?=\S)", content)
        if language == "sh" and re.match(r"triage worker\b(?!.*--check)", last, re.S):
            if commands:
                self.run(language, "\n".join(commands))
            return self.serve(last)
        printed = "\n".join(line.rstrip() for line in self.run(language, content).strip().splitlines())
        if told is not None:
            self.test.assertRegex(printed, re.compile(rf"\A{pattern(told).pattern}\Z", re.S), content)


class CookbookTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-cookbook-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        rows = [line.split("\t") for line in (ROOT / "compose/starter/sentences.fr.tsv").read_text("utf-8").splitlines()[1:]]
        rows = [row for name in ("find-hotel", "find-train", "find-flight") for row in [r for r in rows if r[0] == name][:80]]
        cls.data = ("text,label\n" + "".join(f'"{text}",{label}\n' for label, text in rows if '"' not in text)).encode()
        cls.model = folder / "intents.model"
        (folder / "intents.csv").write_bytes(cls.data)
        subprocess.run(
            [ROOT / ".build/release/triage", "train", "--data", folder / "intents.csv", "--output", cls.model],
            check=True, capture_output=True)

    def test_recipes(self):
        contents = list(sections())
        self.assertGreater(len(contents), 9)
        for title, blocks in contents:
            with self.subTest(title):
                runnable = [block for block in blocks if block[0] not in NOT_RUN]
                if not runnable:
                    continue
                recipe = Recipe(self, title)
                for block in runnable:
                    recipe.follow(*block)
                recipe.stop()

    def test_contents(self):
        listed = re.findall(r"^- \[([^\]]*)\]", COOKBOOK.read_text("utf-8"), re.M)
        self.assertEqual(listed, [title for title, _ in sections()])


if __name__ == "__main__":
    unittest.main()
