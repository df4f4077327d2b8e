"""Clients that others' generators make of the specification work as they come, and so does Java's own HTTP client."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "Tests/Operations"
TOOLS = ROOT / ".deps/tools/contract/bin"
SPECIFICATION = ROOT / "schemas/openapi.json"
# A compiler that starts at once is worth more here than one that makes fast code.
JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
CALLS = 10_000 if os.environ.get("TRIAGE_TEST_SOAK") else 1_000
sys.path.insert(0, str(ROOT / "Tests/Load"))

from stack import Stack  # noqa: E402


class ClientTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-clients-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.stack = Stack(cls.folder, workers=1, gateways=1)
        cls.stack.__enter__()
        cls.addClassCleanup(cls.stack.__exit__)

    def run_tool(self, *command, **environment):
        """What the tool wrote, to its standard output and as errors; the test fails if the tool does."""
        done = subprocess.run(
            command, cwd=self.folder, env=os.environ | environment, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-8_000:])
        return done.stdout, done.stderr

    def check(self, said, _):
        """What came of the calls that the programs here make with a generated client, each with sentences of its own."""
        result = json.loads(said.splitlines()[-1])
        self.assertEqual(result["intent"], "find-train")
        self.assertEqual(result["classify"], {"id": "order-17", "label": "find-train", "cache": ["miss", "hit", "miss"]})
        # Of the bodies that a route may have, the Java generator knows the first alone.
        self.assertEqual(result.get("event", "event-1 find-hotel"), "event-1 find-hotel")
        self.assertEqual(result["batch"], {
            "status": 207, "labels": ["find-hotel", None], "errors": [None, "empty_text"], "ids": ["0", "1"]})
        self.assertEqual(result["publish"], {"one": ["order-18"], "many": ["a", "2", "c"]})
        for outputs in (result["infer"], result["infer version"]):
            self.assertEqual(outputs["id"], "42")
            self.assertEqual(outputs["label"], ["find-train", "find-hotel"])
            self.assertEqual(len(outputs["probabilities"]), 16)
            self.assertAlmostEqual(sum(outputs["probabilities"]), 2, places=3)
        self.assertEqual(result["models"], {
            "ready": True, "input": "text", "classes": 8, "index": [["starter", "READY"]], "counted": True})
        self.assertEqual(result["refusal"], {"status": 422, "code": "empty_text"})

    def test_a_generated_python_client_works(self):
        (self.folder / "python.yaml").write_text("post_hooks: []\n")
        _, said = self.run_tool(
            TOOLS / "openapi-python-client", "generate", "--path", SPECIFICATION, "--meta", "none",
            "--config", self.folder / "python.yaml", "--output-path", self.folder / "triage_client")
        # It knows no type for streams of lines.
        self.assertEqual([line for line in said.splitlines() if line.startswith(("WARNING", "ERROR", "Unable"))],
                         ["WARNING parsing POST /v1/classify/stream within classification. Endpoint will not be generated."])
        self.check(*self.run_tool(
            TOOLS / "python", HERE / "generated_client.py", self.stack.http, PYTHONPATH=str(self.folder)))

    def test_a_generated_java_client_works(self):
        """The generator's own package has the libraries that its clients need, but for one of annotations."""
        generator, = TOOLS.parent.glob("lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar")
        client, classes = self.folder / "java", self.folder / "classes"
        self.run_tool(
            "java", *JVM, "-jar", generator, "generate", "--generator-name", "java", "--library", "native",
            "--input-spec", SPECIFICATION, "--output", client,
            "--additional-properties", "openApiNullable=false,useJakartaEe=true",
            "--global-property", "models,apis,supportingFiles,modelDocs=false,apiDocs=false,modelTests=false,apiTests=false")
        path = f"{classes}:{generator}:/usr/share/java/jakarta-annotation-api.jar"
        self.run_tool("javac", *(f"-J{option}" for option in JVM), "-nowarn", "-cp", path, "-d", classes,
                      HERE / "java/GeneratedClient.java", *client.glob("src/main/java/**/*.java"))
        self.check(*self.run_tool("java", *JVM, "-cp", path, "GeneratedClient", self.stack.http))

    def test_no_call_of_the_http_client_of_java_fails(self):
        """It offers HTTP/2 with each new connection that has no TLS, and goes on with HTTP/1.1."""
        said, _ = self.run_tool("java", *JVM, HERE / "java/Calls.java", self.stack.http,
                                f"http://{self.stack.addresses['worker-1']}", str(CALLS))
        self.assertEqual(said.splitlines(), [f"{CALLS} answered, 0 failed"])


if __name__ == "__main__":
    unittest.main()
