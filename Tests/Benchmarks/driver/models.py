"""The model of each contestant, all trained from the same sentences, kept until those (or the trainer) change."""

import csv
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from . import sentences, settings
from .processes import Failure, run
from .progress import say

SCIKIT = "scikit-learn"
FASTTEXT = "fastText"
TRIAGE = "triage"

# Character n-grams of 2 to 5, pairs of words, 50 dimensions.
FASTTEXT_OPTIONS = "-dim 50 -minn 2 -maxn 5 -wordNgrams 2 -epoch 25 -lr 0.5 -thread 1".split()


@dataclass
class TrainedModel:
    path: Path
    seconds: float


class Models:
    """Trains on first use. Models of one set of sentences lie in one folder, named by its digest."""

    def __init__(self):
        self.examples = sentences.examples()
        digest = hashlib.sha256(json.dumps(self.examples).encode()).hexdigest()[:12]
        self.folder = settings.BENCH / "models" / digest
        self.folder.mkdir(parents=True, exist_ok=True)
        self.table = self.folder / "sentences.tsv"
        write_table(self.table, self.examples)

    def path(self, kind):
        """The trained model of that kind."""
        return self._model(kind, fresh=False).path

    def cascade(self, when):
        """The folder with the model that asks the encoder so, as `--cascade` says it; None for as seldom as training finds
        right. It is trained with four fifths of the sentences: how often it asks tells only on others."""
        path, table = self.folder / f"{settings.ENCODER.name}-{when or 'cascade'}", self.folder / "four-fifths.tsv"
        made = path / "model.json"
        if not made.exists() or settings.TRIAGE.stat().st_mtime > made.stat().st_mtime:
            say(f"training {path.name}")
            write_table(table, sentences.parted()[0])
            command = [settings.TRIAGE, "train", "--data", table, "--output", path, "--name", "bench"]
            when_flags = ["--cascade", when] if when else []
            run("triage train", [*command, "--encoder", settings.ENCODER, *when_flags])
        return path

    def train(self, kind):
        """Trains it anew, for the time that it takes."""
        return self._model(kind, fresh=True)

    def _model(self, kind, fresh):
        path = {
            SCIKIT: self.folder / "scikit.pickle",
            FASTTEXT: self.folder / "fasttext.bin",
            TRIAGE: self.folder / "triage.model",
        }[kind]
        # Triage's trainer changes with the code; the others are pinned.
        stale = kind == TRIAGE and path.exists() and settings.TRIAGE.stat().st_mtime > path.stat().st_mtime
        if path.exists() and not fresh and not stale:
            return TrainedModel(path, 0.0)
        say(f"training {kind}")
        new = path.with_name("new-" + path.name)
        seconds = train(kind, self.table, new)
        os.replace(new, path)
        return TrainedModel(path, seconds)


def write_table(path, examples):
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(("label", "text"))
        rows.writerows(examples)


def write_fasttext(path, examples):
    with open(path, "w", encoding="utf-8") as file:
        for label, text in examples:
            file.write(f"__label__{label} {text}\n")


def train(kind, table, path):
    """Trains one model and returns the seconds: of the fit alone for scikit-learn, whose imports take longer than the
    rest, of the whole program for the others."""
    if kind == SCIKIT:
        printed = run(
            "scikit-learn's training", [settings.PYTHON, settings.HERE / "rivals" / "training.py", "fit", table, path]
        )
        return json.loads(printed)["seconds"]
    if kind == FASTTEXT:
        rows = [line.split("\t", 1) for line in table.read_text(encoding="utf-8").splitlines()[1:]]
        examples = path.with_suffix(".txt")
        write_fasttext(examples, rows)
        start = time.monotonic()
        run(
            "fastText's training",
            ["fasttext", "supervised", "-input", examples, "-output", path.with_suffix(""), *FASTTEXT_OPTIONS],
        )
        path.with_suffix(".vec").unlink(missing_ok=True)
        return time.monotonic() - start
    if not settings.TRIAGE.exists():
        raise Failure("triage is not built")
    start = time.monotonic()
    # Without the cross-validation that its scores come from: the others do none either.
    run("triage train", [settings.TRIAGE, "train", "--data", table, "--output", path, "--name", "bench", "--folds", 0])
    return time.monotonic() - start
