"""The classifier of all scikit-learn rivals, the best one in reach of a few lines: TF-IDF of word 1-2-grams and of
character 2-5-grams inside word bounds, logistic regression.

    training.py fit DATA MODEL       trains and pickles it; prints the seconds it took
    training.py evaluate DATA FOLDS  cross-validates it; prints accuracy and macro F1

DATA is a TSV file with a header, `label` and `text`. Results are one line of JSON.
"""

import csv
import json
import pickle
import sys
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, Pipeline


def classifier():
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, strip_accents="unicode")
    return Pipeline(
        [
            ("features", FeatureUnion([("words", words), ("characters", characters)])),
            ("regression", LogisticRegression(C=30, max_iter=1000)),
        ]
    )


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def main(action, data, argument):
    texts, labels = read(data)
    if action == "fit":
        start = time.perf_counter()
        model = classifier().fit(texts, labels)
        seconds = time.perf_counter() - start
        with open(argument, "wb") as file:
            pickle.dump(model, file)
        print(json.dumps({"seconds": seconds}))
    else:
        folds = StratifiedKFold(int(argument), shuffle=True, random_state=1)
        predicted = cross_val_predict(classifier(), texts, labels, cv=folds)
        print(
            json.dumps(
                {
                    "accuracy": accuracy_score(labels, predicted),
                    "macro_f1": f1_score(labels, predicted, average="macro"),
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
