"""The gateway is tried against its own specification, with requests that Schemathesis makes up, right and wrong ones."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Load"))

from stack import Stack  # noqa: E402


class ContractTests(unittest.TestCase):
    def test_the_gateway_keeps_to_its_specification(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-contract-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with Stack(folder, workers=1, gateways=1) as stack:
            done = subprocess.run(
                [ROOT / ".deps/tools/contract/bin/schemathesis",
                 "--config-file", ROOT / "Tests/Operations/schemathesis.toml",
                 "run", f"{stack.http}/openapi.json", "--no-color"],
                cwd=folder, text=True, capture_output=True)
        # Requests made up to be too large are printed whole.
        said = "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines())
        self.assertEqual(done.returncode, 0, said)
        self.assertIn("Tested: 20", done.stdout)


if __name__ == "__main__":
    unittest.main()
