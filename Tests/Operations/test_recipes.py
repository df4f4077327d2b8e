"""What README.md, compose/OPERATIONS.md and `triage … --help` tell people to type does what they say.

Each document is read from its start to its end, as somebody would who does all that it says, in a copy of what ships.

- A block fenced as `sh` is run by bash, and has to end with 0. A `text` block that follows it at once is what it prints to its
  standard output; there `…` stands for anything.
- So is each piece of `code` in a line that starts like a command and has arguments.
- `triage worker` and `triage gateway` run until they say that they are ready, and then get SIGTERM; what watches gets Ctrl-C.
- NOT_HERE lists what cannot run on every machine, and why; the test leaves out such lines, and prints them.
- Addresses and ports are this test's own; PLACEHOLDERS and `provide` give what the documents leave to the reader.
"""

import concurrent.futures
import contextlib
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Patterns of commands, and why they are not run.
NOT_HERE = {
    r"^compose/test$": "this test is a part of it",
    r"^make bench": "takes an hour",
    r"\bdocker compose\b": "needs Docker; `compose/local/lint` checks the file",
    r"^(optimum-cli|convert_tokenizer)\b": "needs a model from Hugging Face's hub; test_encoder.py brings tiny ones",
    r"^kubectl\b": "needs a cluster; `compose/local/lint` renders and checks the manifests",
    r"\bkafka-[a-z-]+\.sh\b|^acl ": "comes with Apache Kafka",
}
COMMAND = re.compile(r"([A-Z_]+=\S+ )*(triage|\.build/release/triage|compose/\S*|make|docker|kubectl|kafka-\S+|cp|ln|sed|curl)( |$)")
PLACEHOLDERS = {r"\bCOMMAND\b": "worker", r"\bNAME\b": "somebody", r"--model FILE\b": "--model intents.model", r"\bFILE\b": "keys.txt"}
KAFKA, HTTP = "127.0.0.1:9092", "127.0.0.1:8080"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def commands_of(document):
    """Pairs of a command and what it prints, if that is told, in their order."""
    text = document.read_text(encoding="utf-8")
    found, blanked = [], text
    blocks = list(re.finditer(r"^ *```(\w*)\n(.*?)^ *```$\n?", text, re.M | re.S))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        blanked = blanked[:block.start()] + " " * len(block[0]) + blanked[block.end():]
        if block[1] not in ("sh", "text", "yaml", ""):
            raise AssertionError(f"{document.name}: a block of {block[1]}, which is neither sh nor text, yaml or a picture")
        if block[1] == "sh":
            is_answered = following and following[1] == "text" and not text[block.end():following.start()].strip()
            found.append((block.start(), block[2].strip(), following[2] if is_answered else None))
    for code in re.finditer(r"`([^`]+)`", blanked):
        command = " ".join(code[1].split())
        if COMMAND.match(command) and (" " in command or command in ("compose/run", "compose/test")):
            found.append((code.start(), command, None))
    return [(command, told) for _, command, told in sorted(found, key=lambda entry: entry[0])]


def pattern(told):
    """What is told as a regular expression; spaces at the end of lines are nobody's concern."""
    lines = "\n".join(line.rstrip() for line in told.strip().splitlines())
    return re.compile(".*?".join(map(re.escape, lines.split("…"))), re.S)


class RecipeTests(unittest.TestCase):
    """With the stack that the README's first command starts."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-recipes-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.work = cls.folder / "work"
        cls.copy_what_ships()
        mine = {"ONCE", "WORKERS", "GATEWAYS", "PORT", "MODEL", "ENCODER", "BROKER", "PROXY", "MONITORING"}
        cls.environment = {name: value for name, value in os.environ.items() if name not in mine} | {
            "PATH": f"{cls.work}/.build/release:{os.environ['PATH']}", "COLUMNS": "80", "LC_ALL": "C.UTF-8",
            "RUNTIME_DIRECTORY": str(cls.folder / "run")}
        cls.start_stack()
        cls.environment["TRIAGE_BOOTSTRAP_SERVERS"] = cls.kafka
        cls.provide()

    @classmethod
    def copy_what_ships(cls):
        """What git has, or all but what was built where there is no repository."""
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True, capture_output=True)
        names = filter(None, listed.stdout.split("\0"))
        if listed.returncode != 0:
            names = [path.relative_to(ROOT) for path in ROOT.glob("[!.]*/**/*")] + [path.name for path in ROOT.glob("[!.]*")]
        for name in names:
            if (ROOT / name).is_file():
                (cls.work / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, cls.work / name)
        for built in (".build", ".deps"):
            (cls.work / built).symlink_to(ROOT / built)

    @classmethod
    def start_stack(cls):
        """`compose/run` until its last line, `screen` is what it has printed by then; Ctrl-C ends it after the tests."""
        cls.http = f"127.0.0.1:{free_port()}"
        run = subprocess.Popen(
            [ROOT / "compose/run", f"PORT={cls.http.rpartition(':')[2]}"], env=cls.environment, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        cls.addClassCleanup(cls.stop_stack, run)
        errors = []
        threading.Thread(target=lambda: errors.extend(run.stderr), daemon=True).start()
        lines = []
        for line in run.stdout:
            lines.append(line)
            if "compose/local/stack --help" in line:
                break
        else:
            raise AssertionError("compose/run did not start: " + "".join(errors))
        cls.kafka = (cls.folder / "run/stack/kafka").read_text().strip()
        cls.screen = "".join(lines)

    @classmethod
    def stop_stack(cls, run):
        broker = [ROOT / "compose/local/broker"]
        others = subprocess.run([*broker, "list"], env=cls.environment, text=True, stdout=subprocess.PIPE).stdout.split()
        for address in set(others) - {getattr(cls, "kafka", None)}:
            subprocess.run([*broker, "stop", "--port", address.rpartition(":")[2]], env=cls.environment)
        # What is left of a `compose/run` that took too long.
        another = cls.environment | {"RUNTIME_DIRECTORY": str(cls.folder / "another")}
        subprocess.run([ROOT / "compose/local/stack", "stop"], env=another)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGINT)
        run.wait(60)
        run.stdout.close()
        run.stderr.close()

    @classmethod
    def provide(cls):
        """The files that a reader has: sentences in some formats, a model, a certificate, keys."""
        rows = [line.split("\t") for line in (ROOT / "compose/starter/sentences.fr.tsv").read_text("utf-8").splitlines()[1:]]
        rows = [row for name in ("find-hotel", "find-train", "find-flight") for row in [r for r in rows if r[0] == name][:60]]
        objects = [{"text": text, "label": label} for label, text in rows]

        def table(*header):
            return ",".join(header) + "\n" + "".join(f'"{text}",{label}\n' for label, text in rows if '"' not in text)

        files = {
            "intents.csv": table("text", "label"), "tickets.csv": table("Subject", "Team"),
            "sentences.json": json.dumps(objects), "held-out.json": json.dumps(objects[::7]),
            "held-out.jsonl": "".join(json.dumps(entry) + "\n" for entry in objects[::7]),
            "samples.ndjson": "".join(json.dumps({"body": {"text": text}}) + "\n" for _, text in rows[:3]),
            "sentences.txt": "".join(text + "\n" for _, text in rows[:20]),
        }
        for name, content in files.items():
            (cls.work / name).write_text(content, encoding="utf-8")
        (cls.work / "export.csv.gz").write_bytes(gzip.compress(files["intents.csv"].encode()))
        (cls.work / "models").mkdir()
        # The first `compose/run` has built all there is to build.
        swift = cls.folder / "built/swift"
        swift.parent.mkdir()
        swift.write_text(f'#!/bin/sh\n[ "$1" = build ] || exec {shutil.which("swift")} "$@"\n')
        swift.chmod(0o755)
        for command in (
            "triage train --data intents.csv --output intents.model --folds 0",
            "triage keys create somebody-else --api-keys keys.txt",
            "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out cert.pem -subj /CN=localhost",
        ):
            subprocess.run(["bash", "-c", command], cwd=cls.work, env=cls.environment, check=True, capture_output=True)

    def with_own_addresses(self, command):
        for written, meant in PLACEHOLDERS.items():
            command = re.sub(written, meant, command)
        command = command.replace(KAFKA, self.kafka).replace(HTTP, self.http)
        command = re.sub(r"\bkafka-1:9092\b", self.kafka, command)
        return re.sub(r"(--(?:admin-)?port) \d+", lambda option: f"{option[1]} {free_port()}", command)

    def bash(self, command, **environment):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.work, env=self.environment | environment, text=True,
            encoding="utf-8", stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def serve(self, command):
        """A worker or gateway, in a group of its own, from its start to SIGTERM."""
        environment = self.environment | {"TRIAGE_LOG_LEVEL": "info"}
        if command.startswith("triage gateway"):
            environment["TRIAGE_PORT"] = str(free_port())
        else:
            environment |= {"TRIAGE_MODEL": "intents.model", "TRIAGE_GROUP": f"recipe-{free_port()}"}
        with subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.work, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            watch = threading.Timer(90, process.kill)
            watch.start()
            lines = []
            for line in process.stderr:
                lines.append(line)
                if line.rstrip().endswith("is ready"):
                    process.terminate()
            watch.cancel()
        self.assertEqual((process.returncode, "is ready" in "".join(lines)), (0, True), f"{command}\n{''.join(lines)}")

    def runnable(self, command):
        """The command without its lines that are not run here."""
        kept, left_out = [], []
        for line in command.replace("\\\n", "\\\0").splitlines():
            line = line.replace("\0", "\n")
            reason = next((reason for written, reason in NOT_HERE.items() if re.search(written, line.lstrip())), None)
            if reason:
                left_out.append((line.strip().splitlines()[0], reason))
            elif line.strip() and not line.lstrip().startswith("#"):
                kept.append(line)
        if left_out:
            (first, reason), more = left_out[0], len(left_out) - 1
            print(f"\n  not run here: {first}{f' and {more} more' if more else ''}: {reason}", file=sys.stderr, end=" ")
        return "\n".join(kept)

    def follow(self, command):
        """Does what a document says, and returns what it prints; None where it is not run, or prints what nobody told."""
        if command == "compose/run":
            return self.screen
        command = self.with_own_addresses(self.runnable(command))
        if not command:
            return None
        if re.match(r"(\.build/release/)?triage (worker|gateway)\b(?!.*--(help|check))", command, re.S):
            return self.serve(command)
        command = re.sub(
            r"^(.* --watch\b.*?)(?:\s+# .*)?$", r"timeout --signal=INT 5 \1 || test $? = 124", command, flags=re.M)
        if command.startswith("compose/run "):
            command = command.replace("compose/run", str(ROOT / "compose/run"), 1)
            # With a broker of its own in any case: two stacks on one would share the partitions.
            return self.bash(
                command, ONCE="1", KAFKA="", PORT=str(free_port()), RUNTIME_DIRECTORY=str(self.folder / "another"),
                PATH=f"{self.folder}/built:{self.environment['PATH']}")
        return self.bash(command)

    def read(self, document):
        commands = commands_of(ROOT / document)
        self.assertGreater(len(commands), 5)
        for command, told in commands:
            with self.subTest(command.splitlines()[0]):
                printed = self.follow(command)
                if told is None or printed is None:
                    continue
                if "KAFKA" in os.environ and " -C " in command:
                    print(f"\n  not compared: {command}: the topic of KAFKA may hold other records", file=sys.stderr, end=" ")
                    continue
                printed = printed.replace(self.kafka, KAFKA).replace(self.http, HTTP).strip()
                printed = "\n".join(line.rstrip() for line in printed.splitlines())
                self.assertRegex(printed, re.compile(rf"\A{pattern(told).pattern}\Z", re.S))

    # By their numbers, since what the README shows is a new stack's, and the guide takes parts of it away.

    def test_1_readme(self):
        self.read("README.md")
        for command in self.screen.partition("\nTry:\n")[2].splitlines():
            with self.subTest(command):
                self.assertTrue(self.bash(command).endswith("\n"))

    def test_2_help(self):
        """Examples are the lines of the overview that are set off by two spaces, on a terminal of 80 columns; where one is
        longer, its lines end with a backslash. All at once: none needs another."""
        examples, commands = [], ["triage"]
        for command in commands:
            text = subprocess.run(
                [*command.split(), "--help"], env=self.environment, check=True, text=True, stdout=subprocess.PIPE).stdout
            overview, _, rest = text.partition("\nUSAGE:")
            examples += re.findall(r"^  (\S.*?(?:\\\n.*?)*)$", overview, re.M)
            commands += [f"{command} {name}" for name in re.findall(r"^  ([a-z-]+)  ", rest.partition("SUBCOMMANDS:")[2], re.M)]
        self.assertGreater(len(examples), 15)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for example, done in [(example, pool.submit(self.follow, example)) for example in examples]:
                with self.subTest(example):
                    done.result()

    @unittest.skipIf("KAFKA" in os.environ, "it is about the broker that compose/run starts")
    def test_3_a_consumer_with_its_defaults_reads_at_once(self):
        """Within 4 s, that is; without a hand the broker keeps a newcomer's first consumer waiting for 23."""
        self.bash(f"echo 'bonjour' | compose/local/kcat -b {self.kafka} -t recipes -P")
        read = self.bash(
            f"timeout 15 compose/local/kcat -b {self.kafka} -G recipes -q -X auto.offset.reset=earliest -c 1 recipes")
        self.assertEqual(read, "bonjour\n")

    def test_4_operations_guide(self):
        # Something for the commands about dead letters.
        self.bash(f"echo '{{' | compose/local/kcat -b {self.kafka} -t sentences -P")
        self.read("compose/OPERATIONS.md")


class LinkTests(unittest.TestCase):
    """What documents link to is there, headings too."""

    def anchors(self, document):
        text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
        headings = re.findall(r"^#+ (.*)$", text, re.M)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def test_links_lead_somewhere(self):
        for name in (
            "README.md", "compose/OPERATIONS.md", "compose/COOKBOOK.md", "schemas/README.md", "Sources/README.md", "Tests/README.md",
            "Tests/Benchmarks/README.md"):
            document = ROOT / name
            links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", document.read_text(encoding="utf-8"))
            for path, anchor in links:
                with self.subTest(f"{name}: {path}#{anchor}"):
                    target = document.parent / path if path else document
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, self.anchors(target))

    def test_files_named_are_there(self):
        for folder in ("Sources", "Tests"):
            text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
            for name in re.findall(r"`([\w+/.-]+\.(?:swift|json|yaml|py|md))`", text):
                with self.subTest(f"{folder}/README.md: {name}"):
                    is_path = any((ROOT / base / name).exists() for base in (".", folder))
                    self.assertTrue(is_path or "/" not in name and any((ROOT / folder).rglob(name)))


if __name__ == "__main__":
    unittest.main()
