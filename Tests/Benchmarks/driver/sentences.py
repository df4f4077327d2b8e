"""The sentences of a run: those of the data file, varied so that no two are the same."""

import csv
import json
import random
import urllib.parse

from . import settings

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def examples():
    """(label, text) of the data file: TSV with a header, or a JSON array as the exercise's."""
    if settings.DATA.suffix == ".json":
        rows = json.loads(settings.DATA.read_text(encoding="utf-8"))
    else:
        with open(settings.DATA, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    pairs = [
        (row.get("label") or row["intent"], " ".join((row.get("text") or row["sentence"]).split())) for row in rows
    ]
    return [(label, text) for label, text in pairs if text]


def parted():
    """The examples in two: four of five to train with, and the texts of the fifth, which such a model has not seen."""
    texts = _texts()
    kept = set(texts[::5])
    return [(label, text) for label, text in examples() if text not in kept], texts[::5]


def distinct(count):
    """So many sentences, all different: the data's own, then again and again with a slip of the hand in one word and a
    number behind. So about one word in ten is one that nobody has seen before, which matters to programs that remember
    words."""
    texts, chance = _texts(), random.Random(1)
    for number in range(count):
        repetition, place = divmod(number, len(texts))
        yield texts[place] if repetition == 0 else f"{_slip(texts[place], chance)} {repetition}"


def misspelt(count):
    """The hardest case: the same, but with a slip in every word of two letters or more."""
    texts, chance = _texts(), random.Random(2)
    for number in range(count):
        yield " ".join(_slip(word, chance) if len(word) > 1 else word for word in texts[number % len(texts)].split())


def _texts():
    return list(dict.fromkeys(text for _, text in examples()))


def _slip(text, chance):
    """The text with one of its characters, but not a space, replaced by a letter."""
    place = int(chance.random() * len(text))
    while text[place] == " ":
        place -= 1
    return text[:place] + _LETTERS[int(chance.random() * len(_LETTERS))] + text[place + 1 :]


def sized(count, length):
    """So many different sentences of about `length` bytes, strung together from the data's words."""
    words = " ".join(text for _, text in examples()).split()
    place = 0
    for number in range(count):
        text = str(number)
        while len(text.encode()) < length:
            text += " " + words[place % len(words)]
            place += 1
        yield text.encode()[: max(length, 8)].decode(errors="ignore")


def write(name, texts, form="plain"):
    """Writes the sentences into a file of the work folder, a line each, in one of four forms: `plain`, `request` (the
    JSON value of a record), `query` (for a URL), `infer` (a JSON string). Returns its path."""
    path = settings.WORK / name
    forms = {
        "plain": lambda text, _: text,
        "request": lambda text, number: _json({"id": f"s-{number}", "text": text}),
        "query": lambda text, _: urllib.parse.quote(text),
        "infer": lambda text, _: _json(text),
    }
    with open(path, "w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(forms[form](text, number) + "\n")
    return path


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
