"""`compose/run`, as a newcomer and an operator meet it."""

import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIAGE = ROOT / ".build/release/triage"
# KAFKA stays: with it these tests too are about that one.
SETTINGS = {"ONCE", "WORKERS", "GATEWAYS", "PORT", "MODEL", "ENCODER", "BROKER", "PROXY", "MONITORING"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class RunTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="triage-run-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self.environment = inherited | {"RUNTIME_DIRECTORY": folder.name}
        self.port = free_port()

    def run_once(self, *settings, **environment):
        return subprocess.run(
            [ROOT / "compose/run", f"PORT={self.port}", *settings], env=self.environment | environment, text=True,
            capture_output=True, timeout=200)

    @contextlib.contextmanager
    def serving(self, *settings):
        """`compose/run` until it serves, and after the block until Ctrl-C has ended it; yields its lines of either kind."""
        output, errors, serves = [], [], threading.Event()
        run = subprocess.Popen(
            [ROOT / "compose/run", f"PORT={self.port}", *settings], env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

        def read(stream, lines):
            for line in stream:
                lines.append(line.rstrip("\n"))
                if line.startswith("Try:"):
                    serves.set()
            serves.set()

        readers = [threading.Thread(target=read, args=pair) for pair in ((run.stdout, output), (run.stderr, errors))]
        for reader in readers:
            reader.start()
        try:
            self.assertTrue(serves.wait(200))
            self.assertIsNone(run.poll(), errors)
            yield output, errors
        finally:
            # As a terminal does it: to everything in the foreground.
            os.killpg(run.pid, signal.SIGINT)
            run.wait(60)
            for reader in readers:
                reader.join()
            run.stdout.close()
            run.stderr.close()

    def assert_nothing_is_left(self):
        self.assertEqual(sorted(os.listdir(self.folder)), ["lock", "logs"])
        self.assertEqual(processes.mentioning(f"{self.folder}/"), [])

    def test_once_shows_results_and_leaves_nothing_but_logs(self):
        done = self.run_once("ONCE=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if "Trouve-moi un train pour Lyon demain matin" in line]
        self.assertEqual(len(rows), 2, done.stdout)
        for row in rows:
            self.assertIn("find-train", row)
        self.assert_nothing_is_left()

    def test_with_an_encoder_the_starter_model_has_it(self):
        done = self.run_once("ONCE=1", "ENCODER=use")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if "je cherche un hôtel avec piscine à Nice" in line]
        self.assertEqual(["find-hotel" in row for row in rows], [True, True], done.stdout)
        # A model's version is the start of a digest: of this file, where there is an encoder.
        description = (ROOT / ".deps/models/starter-use/model.json").read_bytes()
        version = hashlib.sha256(description).hexdigest()[:12]
        self.assertIn(f" model=starter@{version} ", (self.folder / "logs/worker-1.log").read_text())
        self.assert_nothing_is_left()

    def test_a_part_that_is_killed_is_told_in_words_of_ours_and_logs_outlive_the_end(self):
        with self.serving() as (output, errors):
            self.assertIn(f"http://127.0.0.1:{self.port} ", "\n".join(output))
            subprocess.run([ROOT / "compose/local/stack", "kill", "worker", "1"], env=self.environment, check=True)
            told = threading.Event()
            for _ in range(100):
                if any(line.startswith("worker-1 has ended") for line in errors):
                    break
                told.wait(0.1)
            self.assertTrue(any(line.startswith("worker-1 has ended") for line in errors), errors)
        self.assertEqual(errors[-1], f"stopped; the logs are in {self.folder}/logs")
        self.assertEqual([line for line in errors if "Killed" in line or "line " in line], [])
        kept = sorted(os.listdir(self.folder / "logs"))
        brokers = [] if "KAFKA" in self.environment else ["broker.log"]
        self.assertEqual(kept, [*brokers, "gateway-1.log", "worker-1.log", "worker-2.log"])
        self.assertIn("ready", (self.folder / "logs/gateway-1.log").read_text())
        self.assert_nothing_is_left()

    def test_a_port_that_is_taken_is_told_before_anything_starts(self):
        with socket.create_server(("127.0.0.1", self.port)):
            done = self.run_once("ONCE=1")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(
            done.stderr, f"run: port {self.port} is taken by another program; PORT={self.port + 1}, say, serves on another\n")

    def test_another_kafka_and_another_model(self):
        """The stack does not claim to start a broker; sentences whose classes the model lacks are left out. Settings come from
        the environment as well as from arguments."""
        broker = [ROOT / "compose/local/broker"]
        if "KAFKA" not in self.environment:
            # What the stack sets for a Tansu of its own (`settle_for_broker`): with the usual session of Kafka's consumers,
            # a worker that comes after others went waits for up to 90 s.
            for name, value in {
                "PARTITION_ASSIGNMENT_STRATEGY": "roundrobin", "SESSION_TIMEOUT_MS": "2000", "HEARTBEAT_INTERVAL_MS": "250",
                "FETCH_WAIT_MAX_MS": "50",
            }.items():
                self.environment[f"TRIAGE_KAFKA_{name}"] = value
            self.environment["TRIAGE_REQUEST_TIMEOUT"] = "20s"
        address = self.environment.get("KAFKA") or subprocess.run(
            [*broker, "start", "--port", "0", "--while", str(os.getpid())], env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE).stdout.strip()
        subprocess.run(
            [TRIAGE, "topics", "create", "--bootstrap-servers", address, "--partitions", "1"], check=True, capture_output=True)
        try:
            model = self.folder / "colours.model"
            rows = [("find-hotel", f"un hotel {n}") for n in range(20)] + [("red", f"red {n}") for n in range(20)]
            data = self.folder / "colours.tsv"
            data.write_text("label\ttext\n" + "".join(f"{name}\t{text}\n" for name, text in rows))
            self.train(data, model)
            done = self.run_once(ONCE="1", GATEWAYS="2", KAFKA=address, MODEL=str(model))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"starting 2 worker(s) and 2 gateway(s) on the Kafka at {address}\n", done.stderr)
            # Its topics have as many partitions as their owner likes.
            self.assertNotIn("partitions have no worker", done.stderr)
            self.assertNotIn("tansu", done.stderr)
            shown = [line for line in done.stdout.splitlines() if line.startswith("  ")]
            self.assertEqual(len(shown), 2, done.stdout)
            self.assertIn("je cherche un hôtel avec piscine à Nice", shown[0])

            data.write_text(data.read_text().replace("find-hotel", "blue"))
            self.train(data, model)
            # In a group of its own: Tansu may keep those who come to one that others have just left waiting for a minute.
            self.environment["TRIAGE_GROUP"] = "another"
            done = self.run_once("ONCE=1", f"KAFKA={address}", f"MODEL={model}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("no sample sentences for the classes of this model (blue, red)", done.stderr)
            self.assertEqual(done.stdout, "")
        finally:
            subprocess.run([*broker, "stop", "--port", address.split(":")[1]], env=self.environment, check=True)

    def train(self, data, model):
        done = subprocess.run([TRIAGE, "train", "--data", data, "--output", model], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_settings_that_mean_nothing_are_refused(self):
        for setting, said in {
            "WORKER=3": "unknown setting 'WORKER=3'; there are ONCE WORKERS GATEWAYS",
            "3": "unknown setting '3'",
            "WORKERS=many": "WORKERS is a number from 1 to 99, not 'many'",
            "PORT=0": "PORT is a number from 1 to 65535, not '0'",
            "ONCE=yes": "ONCE is 1 or 0, not 'yes'",
            "ENCODER=e6": "ENCODER is use or e5, not 'e6'",
        }.items():
            done = self.run_once(setting)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn(said, done.stderr)
        for pair in (("KAFKA=127.0.0.1:1", "BROKER=noida"), ("MODEL=my.model", "ENCODER=use")):
            done = self.run_once(*pair)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn("only one of them", done.stderr)
        done = self.run_once("MODEL=/nowhere/there.model")
        self.assertEqual((done.returncode, done.stderr), (66, "run: there is no model at /nowhere/there.model\n"))


class SetupTests(unittest.TestCase):
    """`compose/local/setup`: what does not fit is told before anything is installed, and nothing is done twice."""

    def set_up(self, *parts, **environment):
        return subprocess.run(
            [ROOT / "compose/local/setup", *parts], env=os.environ | environment, text=True, capture_output=True, timeout=500)

    def test_an_old_swift_is_told_before_anything_is_installed(self):
        with tempfile.TemporaryDirectory(prefix="triage-setup-") as folder:
            for name, does in {"swift": "echo 'Swift version 5.10.1 (swift-5.10.1-RELEASE)'", "apt-get": f"touch {folder}/asked"}.items():
                program = pathlib.Path(folder) / name
                program.write_text(f"#!/bin/sh\n{does}\n")
                program.chmod(0o755)
            done = self.set_up(PATH=f"{folder}:/usr/bin:/bin")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"needs Swift 6\.\d or newer, and in PATH is 5\.10\.1; swift\.org/install")
            self.assertFalse((pathlib.Path(folder) / "asked").exists())

    def test_an_encoder_that_nobody_knows_is_told_before_anything_is_installed(self):
        done = self.set_up("encoder", ENCODER="e6", PATH="/usr/bin:/bin")
        self.assertEqual((done.returncode, done.stderr), (64, "setup: ENCODER is use or e5, not 'e6'\n"))

    def test_an_encoder_that_is_there_is_not_made_again(self):
        def made():
            files = [path for name in ("encoders/use", "openvino") for path in (ROOT / ".deps" / name).iterdir()]
            return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}

        # `use` is what comes without a name.
        self.assertEqual(self.set_up("encoder", ENCODER="").returncode, 0)
        before = made()
        self.assertIn("openvino_model.xml", before)
        self.assertIn("libopenvino_tokenizers.so", before)
        done = self.set_up("encoder", ENCODER="use")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(made(), before)


if __name__ == "__main__":
    unittest.main()
