"""Classification alone, no queue, everything held to one core and timed by the CPU time that it takes.

The command lines (fastText, `triage classify`) load a model and print text: the time of one sentence is subtracted
from the time of many. The libraries (scikit-learn in batches of 500, Triage's in batches of 256) are timed from
within.
"""

import json
import os
import subprocess

from .. import models, sentences, settings
from ..processes import Failure, run
from ..progress import say
from . import attempt

PART = "classification"
CORE = "0"
SCIKIT, FASTTEXT, COMMAND, LIBRARY = "scikit-learn", "fastText, command line", "triage classify", "triage, the library"
# Triage's library remembers words; here it never meets one twice.
HARDEST = "triage, the library, every word misspelt"
QUANTITY, UNIT = "throughput", "sentences/s"


def measure(results, trained):
    sizes = settings.SIZES
    many = sentences.write("many.txt", sentences.distinct(sizes.triage_sentences))
    some = sentences.write("some.txt", sentences.distinct(sizes.fasttext_sentences))
    few = sentences.write("few.txt", sentences.distinct(sizes.scikit_sentences))
    hard = sentences.write("hard.txt", sentences.misspelt(sizes.triage_sentences // 2))
    contestants = {
        SCIKIT: lambda: _scikit(trained, few),
        FASTTEXT: lambda: _fasttext(trained, some, sizes.fasttext_sentences),
        COMMAND: lambda: _triage_command(trained, many, sizes.triage_sentences),
        LIBRARY: lambda: library(trained.path(models.TRIAGE), many),
        HARDEST: lambda: library(trained.path(models.TRIAGE), hard),
    }
    for name, rate in contestants.items():
        with attempt(results, name):
            value = rate()
            results.add(PART, name, QUANTITY, value, UNIT)
            say(f"classification, {name}: {value:,.0f} sentences/s")


def library(model, file):
    printed = run(
        "Benchmarks", [settings.BENCHMARKS, "classification", "--model", model, "--sentences", file], cores=CORE
    )
    return json.loads(printed)["sentences_per_second"]


def _scikit(trained, file):
    script = settings.HERE / "rivals" / "classification.py"
    printed = run("scikit-learn", [settings.PYTHON, script, trained.path(models.SCIKIT), file, 500], cores=CORE)
    return json.loads(printed)["sentences_per_second"]


def _fasttext(trained, file, count):
    classes = str(len({label for label, _ in trained.examples}))
    command = ["fasttext", "predict-prob", str(trained.path(models.FASTTEXT)), "-", classes]
    return _command_rate("fastText", command, file, count)


def _triage_command(trained, file, count):
    command = [str(settings.TRIAGE), "classify", "--model", str(trained.path(models.TRIAGE))]
    return _command_rate("triage classify", command, file, count)


def _command_rate(name, command, file, count):
    one = settings.WORK / "one.txt"
    one.write_text("un seul mot\n")
    extra = min(_seconds(name, command, one) for _ in range(3))
    return count / (_seconds(name, command, file) - extra)


def _seconds(name, command, file):
    """The CPU time of the whole program."""
    with open(file, "rb") as lines:
        try:
            process = subprocess.Popen(
                ["taskset", "--cpu-list", CORE, *command], stdin=lines, stdout=subprocess.DEVNULL
            )
        except OSError as error:
            raise Failure(f"{name}: {error}") from None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"{name} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime
