"""What operators do, done to a local stack under load: no call may fail, and nothing may be left behind."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Load"))

from callers import Callers  # noqa: E402
from stack import Stack  # noqa: E402


class OperationsTests(unittest.TestCase):
    """Three workers and two gateways behind nginx, with Prometheus."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-operations-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if "KAFKA" in os.environ:
            # A killed worker is missed after its session, which a broker with its defaults has last 6 s at least; callers have to
            # wait for longer. The stack sees to both for embedded brokers.
            patient = {"TRIAGE_SESSION_TIMEOUT": "6s", "TRIAGE_REQUEST_TIMEOUT": "20s"}
            cls.enterClassContext(unittest.mock.patch.dict(os.environ, patient))
        cls.model = cls.folder / "current"
        cls.model.symlink_to(ROOT / ".deps/models/starter.model")
        cls.stack = Stack(cls.folder, workers=3, gateways=2, cache=False, model=cls.model)
        cls.stack.__enter__()
        cls.addClassCleanup(cls.stack.__exit__)

    def assert_undisturbed(self, act):
        """Callers call before, while and after something is done, and every call is answered."""
        with Callers(self.stack.http) as callers:
            callers.wait_for(50)
            act()
            callers.wait_for(50)
        self.assertEqual(callers.failures, [])

    def test_a_worker_is_added_and_one_removed(self):
        def act():
            added = self.stack.command("add", "worker").strip()
            self.assertIn(f"worker-{added} ", self.stack.command("status"))
            self.stack.command("remove", "worker", "1")
            self.assertNotIn("worker-1 ", self.stack.command("status"))

        self.assert_undisturbed(act)

    def test_a_gateway_is_added_and_one_removed(self):
        def act():
            added = self.stack.command("add", "gateway").strip()
            self.stack.command("remove", "gateway", added)

        self.assert_undisturbed(act)

    def test_a_gateway_is_killed(self):
        self.assert_undisturbed(lambda: self.stack.command("kill", "gateway", "1"))
        self.stack.command("add", "gateway")

    def test_a_worker_is_killed(self):
        """What it held when it died is answered by another, later but in time."""
        self.assert_undisturbed(lambda: self.stack.command("kill", "worker", "2"))
        self.stack.command("add", "worker")

    def test_a_model_is_replaced(self):
        """By a link that points elsewhere."""
        second = self.folder / "second.model"
        subprocess.run(
            [ROOT / ".build/release/triage", "train", "--data", ROOT / "compose/starter/sentences.fr.tsv", "--output", second,
             "--name", "second"], check=True, capture_output=True)

        def names():
            return {dict(labels)["model"].split("@")[0] for labels in self.stack.query("triage_worker_model_info")}

        def act():
            for target, name in ((second, "second"), (ROOT / ".deps/models/starter.model", "starter")):
                following = self.folder / "next"
                following.symlink_to(target)
                following.replace(self.model)
                end = time.time() + 30
                while names() != {name}:
                    self.assertLess(time.time(), end, names())
                    time.sleep(0.2)

        self.assert_undisturbed(act)

    def test_prometheus_answers_what_dashboard_and_alerts_ask(self):
        self.stack.publish(5_000)
        with Callers(self.stack.http) as callers:
            callers.wait_for(50)
            done = subprocess.run(
                [ROOT / "compose/local/queries"], env=self.stack.environment, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_proxy_hides_metrics(self):
        status = subprocess.run(
            ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"{self.stack.http}/metrics"],
            text=True, capture_output=True)
        self.assertEqual(status.stdout, "404")


if __name__ == "__main__":
    unittest.main()
