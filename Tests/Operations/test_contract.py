"""The gateway is held to its specification, and to the protocol that it shares with others, by tools that know nothing of it."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".deps/tools/contract/bin"
sys.path.insert(0, str(ROOT / "Tests/Load"))

from stack import Stack  # noqa: E402

# In some runs with a seed of chance Schemathesis 4.32.5 took all memory while it made up requests (24 GB, usually 0.3).
SEED = os.environ.get("TRIAGE_CONTRACT_SEED", "1")


def limit_memory():
    """A tool that takes 4 GiB fails with an error of its own, rather than the whole machine."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


class ContractTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-contract-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.stack = Stack(cls.folder, workers=1, gateways=1)
        cls.stack.__enter__()
        cls.addClassCleanup(cls.stack.__exit__)

    def run_tool(self, *command):
        """What the tool wrote; the test fails if the tool does."""
        done = subprocess.run(
            command, cwd=self.folder, text=True, capture_output=True, preexec_fn=limit_memory)
        # Requests made up to be too large are printed whole.
        said = "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines())
        self.assertEqual(done.returncode, 0, said)
        return done.stdout

    def test_the_gateway_keeps_to_its_specification(self):
        """Requests that Schemathesis makes up, right and wrong ones."""
        said = self.run_tool(
            TOOLS / "schemathesis", "--config-file", ROOT / "Tests/Operations/schemathesis.toml",
            "run", f"{self.stack.http}/openapi.json", "--no-color", "--seed", SEED)
        self.assertIn("Tested: 20", said)

    def test_a_client_of_the_open_inference_protocol_works(self):
        said = self.run_tool(
            TOOLS / "python", ROOT / "Tests/Operations/inference_client.py", self.stack.http.removeprefix("http://"),
            "starter", "Trouve-moi un train pour Lyon demain matin", "Je cherche un hôtel à Nice")
        server, *results = map(json.loads, said.splitlines())
        self.assertEqual(server, {"live": True, "ready": True, "outputs": ["probabilities", "label"]})
        self.assertEqual(len(results), 4)
        for result in results:
            self.assertEqual(result["id"], "42")
            self.assertEqual(result["labels"], ["find-train", "find-hotel"])
            self.assertEqual(result["type"], "float32")
            self.assertEqual(result["shape"][0], 2)
            for total in result["sums"]:
                self.assertAlmostEqual(total, 1, places=3)


if __name__ == "__main__":
    unittest.main()
