"""Writes into files of requirements the digests of what they pin: hashes.py FILE…, after a version was changed by hand.

There is one for each wheel that pip takes on the machines Triage is for: both processors, the Pythons of Debian 12 and
Ubuntu 24.04 and newer. It needs pip 22.2 or newer, which downloads all of them.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from pip._vendor.packaging.markers import Marker

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MACHINES = ["x86_64", "aarch64"]


def platforms(machine):
    tags = [f"manylinux_2_{minor}" for minor in range(35, 4, -1)] + ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
    return [f"--platform={tag}_{machine}" for tag in tags]


def digests(pins, python, machine):
    """The digest of each pin that is for this Python and has a wheel for it and the processor."""
    lines = {}
    for line in pins:
        pin, _, marker = (part.strip() for part in line.partition(";"))
        if not marker or Marker(marker).evaluate({"python_version": python}):
            lines[pin] = line
    pins = set(lines)
    with tempfile.TemporaryDirectory() as folder:
        while pins:
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps",
                 "--only-binary=:all:", f"--python-version={python}", *platforms(machine), f"--target={folder}",
                 f"--report={folder}/report", *sorted(pins)], text=True, capture_output=True)
            if done.returncode == 0:
                break
            missing = re.search(r"No matching distribution found for (\S+)", done.stderr)
            if not missing:
                sys.exit(done.stderr)
            pins.remove(missing[1])
        else:
            return {}
        report = json.loads(pathlib.Path(folder, "report").read_text(encoding="utf-8"))
    names = {plain(pin): lines[pin] for pin in pins}
    return {names[plain(f"{item['metadata']['name']}=={item['metadata']['version']}")]:
            item["download_info"]["archive_info"]["hashes"]["sha256"] for item in report["install"]}


def plain(pin):
    """Names are the same that differ only in case and punctuation."""
    name, version = pin.split("==")
    return re.sub(r"[-_.]+", "-", name).lower() + "==" + version


def main():
    for path in map(pathlib.Path, sys.argv[1:]):
        lines = [line.removesuffix(" \\") for line in path.read_text(encoding="utf-8").splitlines() if "--hash=" not in line]
        found = {line.strip(): set() for line in lines if "==" in line and line[0] != "#"}
        for python in PYTHONS:
            for machine in MACHINES:
                for pin, digest in digests(found, python, machine).items():
                    found[pin].add(digest)
        for pin in (pin for pin, digests in found.items() if not digests):
            print(f"{path}: {pin} has no wheel at all", file=sys.stderr)
        with path.open("w", encoding="utf-8") as file:
            for line in lines:
                pinned = sorted(found.get(line.strip(), ()))
                file.write(" \\\n    ".join([line, *(f"--hash=sha256:{digest}" for digest in pinned)]) + "\n")


main()
