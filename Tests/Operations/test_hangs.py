"""A test that hangs ends its run, with its name: the Swift tests' watch.py, and main.py of the tests here."""

import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]

MANIFEST = """\
// swift-tools-version: 6.2
import PackageDescription
let package = Package(name: "hanging", targets: [.testTarget(name: "HangingTests")])
"""
SWIFT_TESTS = """\
import Testing

@Test(.enabled(if: 1 == 2, "it is Sunday")) func rests() {}

@Suite struct Hanging {
    @Test func passes() {}
    @Test func fails() { #expect(1 == 2) }
    @Test func `hears of no end`() async {
        while true { try? await Task.sleep(for: .seconds(1)) }
    }
}
"""
PYTHON_TESTS = """\
import threading
import unittest

class Hanging(unittest.TestCase):
    def test_a_hangs(self):
        threading.Event().wait()

    def test_b_passes(self):
        pass

class HangingBefore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        threading.Event().wait()

    def test_is_not_reached(self):
        pass
"""


class HangTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="triage-hanging-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def watch(self, patience, *command):
        return subprocess.run(
            [ROOT / "Tests/watch.py", "--patience", patience, *command], cwd=self.folder, text=True, capture_output=True)

    def test_a_swift_test_that_hangs_is_named_and_killed(self):
        self.write("Package.swift", MANIFEST)
        self.write("Tests/HangingTests/HangingTests.swift", SWIFT_TESTS)
        built = subprocess.run(["swift", "build", "--build-tests"], cwd=self.folder, text=True, capture_output=True)
        self.assertEqual(built.returncode, 0, built.stdout + built.stderr)
        done = self.watch("5", "swift", "test", "--skip-build", "--disable-xctest")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        named = done.stderr.partition("these tests have begun and do not end:")[2]
        self.assertIn("HangingTests.Hanging/`hears of no end`()/HangingTests.swift:8:6", named)
        self.assertIn("HangingTests.Hanging/fails()/HangingTests.swift:7:6, line 7: Expectation failed: 1 == 2", named)
        self.assertNotIn("passes", named)
        self.assertEqual(processes.mentioning(f"{self.folder}/.build"), [])

        done = self.watch("60", "swift", "test", "--skip-build", "--disable-xctest", "--filter", "rests|passes")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stderr, "these tests were skipped:\n.*rests.*it is Sunday")

    def test_a_run_in_which_no_test_begins_is_ended(self):
        done = self.watch("1", "sh", "-c", "sleep 1000 & sleep 1000")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no test has begun", done.stderr)

    def test_a_run_that_ends_by_itself_is_left_alone(self):
        for status in (0, 3):
            started = time.monotonic()
            self.assertEqual(self.watch("60", "sh", "-c", f"exit {status}").returncode, status)
            self.assertLess(time.monotonic() - started, 30)

    def test_a_test_of_operations_that_hangs_is_named_and_the_rest_goes_on(self):
        self.write("test_hanging.py", PYTHON_TESTS)
        done = subprocess.run(
            ["env", "TRIAGE_TEST_SECONDS=1", sys.executable, ROOT / "Tests/Operations/main.py", "--start-directory", self.folder],
            text=True, capture_output=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("ERROR: test_a_hangs (test_hanging.Hanging", done.stderr)
        self.assertIn("ERROR: setUpClass (test_hanging.HangingBefore)", done.stderr)
        self.assertRegex(done.stderr, r"test_b_passes .* ok")
        self.assertIn("it has not come to its end in 1 s", done.stderr)


if __name__ == "__main__":
    unittest.main()
