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
        self.assertIn("Tested: 26", said)

    TEXTS = ["Trouve-moi un train pour Lyon demain matin", "Je cherche un hôtel à Nice"]

    def inferences(self, client):
        """What came of each form in which a client asks, by the form. All that are classifications are right."""
        if client != "triton" and not list(TOOLS.parent.glob(f"lib/python*/site-packages/{client}")):
            self.skipTest(f"the package {client} is not for this Python")
        said = self.run_tool(
            TOOLS / "python", ROOT / "Tests/Operations/inference_client.py", client,
            self.stack.http.removeprefix("http://"), "starter", *self.TEXTS)
        results = [json.loads(line) for line in said.splitlines()]
        for result in results:
            if "labels" in result:
                self.assertEqual(result["labels"], ["find-train", "find-hotel"], result)
                self.assertEqual(result["type"], "float32", result)
                self.assertEqual(result["shape"], [2, 8], result)
                self.assertEqual(result.get("id", "42"), "42", result)
                for total in result["sums"]:
                    self.assertAlmostEqual(total, 1, places=3)
        return {result.pop("form"): result for result in results}

    def test_the_client_of_triton_works(self):
        results = self.inferences("triton")
        self.assertEqual(results.pop("server"), {
            "live": True, "ready": True, "outputs": ["probabilities", "label", "confidence"],
            "config": ["starter", "text", 8], "index": [["starter", True, "READY"]]})
        for binary in (False, True):
            classes = results.pop(f"classification, binary {binary}")
            self.assertEqual(classes["shape"], [2, 2])
            self.assertEqual([entry[1:] for entry in classes["first"]], [["4", "find-train"], ["2", "find-hotel"]])
            for probability, _, _ in classes["first"]:
                self.assertGreater(float(probability), 0.5)
        refusal = results.pop("refusal")
        self.assertEqual(refusal["status"], "400")
        self.assertIn("there is no input ids", refusal["error"])
        statistics = results.pop("statistics")
        self.assertEqual(statistics["names"], ["starter"])
        self.assertEqual(statistics["all"], ["starter"])
        self.assertGreaterEqual(statistics["sentences"], 2 * len(results))
        self.assertGreaterEqual(statistics["failures"], 1)
        for binary in (False, True):
            self.assertLessEqual({f"binary in {binary}, {out}" for out in ("all outputs", "out False", "out True")},
                                 set(results))

    def test_the_client_of_kserve_works(self):
        results = self.inferences("kserve")
        self.assertEqual(results.pop("server"), {"live": True, "ready": True})
        refusal = results.pop("refusal")
        self.assertEqual(refusal["status"], "400")
        self.assertIn("there is no input ids", refusal["error"])
        self.assertEqual(list(results), ["JSON", "binary"])

    def test_the_codecs_of_mlserver_work(self):
        results = self.inferences("mlserver")
        self.assertEqual(results.pop("a table")["columns"], ["probabilities", "label"])
        self.assertEqual(list(results), [
            "StringCodec", "StringRequestCodec", "NumpyCodec", "NumpyRequestCodec", "Base64Codec", "PandasCodec"])
        for result in results.values():
            self.assertEqual(result["types"], ["np", "str"])


if __name__ == "__main__":
    unittest.main()
