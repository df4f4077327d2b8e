"""Training and cross-validation of all classifiers on the same sentences."""

import json
import random

from .. import models, sentences, settings
from ..processes import run
from ..progress import say
from . import attempt

PART = "training"


def measure(results, trained):
    for kind in (models.SCIKIT, models.FASTTEXT, models.TRIAGE):
        with attempt(results, f"training {kind}"):
            model = trained.train(kind)
            results.add(PART, kind, "training", model.seconds, "s")
            results.add(PART, kind, "model file", model.path.stat().st_size / 2**20, "MiB")
            say(f"training {kind}: {model.seconds:.2f} s")
    if results.median(PART, models.TRIAGE, "accuracy") is not None:
        # The folds are the same in every round.
        return
    for kind, evaluate in ((models.SCIKIT, _scikit), (models.FASTTEXT, _fasttext), (models.TRIAGE, _triage)):
        with attempt(results, f"cross-validation of {kind}"):
            scores = evaluate(trained)
            for quantity, value in scores.items():
                results.add(PART, kind, quantity, value, "")
            say(f"cross-validation of {kind}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))


def _scikit(trained):
    script = settings.HERE / "rivals" / "training.py"
    scores = json.loads(run("scikit-learn", [settings.PYTHON, script, "evaluate", trained.table, settings.SIZES.folds]))
    return {"accuracy": scores["accuracy"], "macro F1": scores["macro_f1"]}


def _fasttext(trained):
    """The folds are random ones; fastText brings no cross-validation of its own."""
    examples = list(trained.examples)
    random.Random(1).shuffle(examples)
    folds, pairs = settings.SIZES.folds, []
    for fold in range(folds):
        train, test = settings.WORK / "fold.train", settings.WORK / "fold.test"
        models.write_fasttext(train, (example for i, example in enumerate(examples) if i % folds != fold))
        held_out = [example for i, example in enumerate(examples) if i % folds == fold]
        sentences.write(test.name, (text for _, text in held_out))
        run(
            "fastText",
            ["fasttext", "supervised", "-input", train, "-output", settings.WORK / "fold", *models.FASTTEXT_OPTIONS],
        )
        predicted = run("fastText", ["fasttext", "predict", settings.WORK / "fold.bin", test]).splitlines()
        pairs += zip((label for label, _ in held_out), (label.removeprefix("__label__") for label in predicted))
    return {"accuracy": sum(a == b for a, b in pairs) / len(pairs), "macro F1": _macro_f1(pairs)}


def _macro_f1(pairs):
    scores = []
    for label in {label for label, _ in pairs}:
        right = sum(a == b == label for a, b in pairs)
        claimed = sum(b == label for _, b in pairs)
        actual = sum(a == label for a, _ in pairs)
        scores.append(2 * right / (claimed + actual))
    return sum(scores) / len(scores)


def _triage(trained):
    printed = run(
        "triage evaluate",
        [settings.TRIAGE, "evaluate", "--data", trained.table, "--folds", settings.SIZES.folds, "--json"],
    )
    scores = json.loads(printed)
    names = {
        "accuracy": "accuracy",
        "macroF1": "macro F1",
        "logLoss": "log loss",
        "calibrationError": "calibration error",
    }
    return {name: scores[key] for key, name in names.items()}
