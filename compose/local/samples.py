"""The sentences that compose/run shows.

    samples.py choose REPLY                  those whose classes the model has that wrote the reply; says so if there is none
    samples.py show WAY SENTENCES REPLIES    a table of sentences and what became of them, through `kafka` or `http`

A reply is a line of JSON: a reply record (with "probabilities"), or the classes and their probabilities alone.
"""

import json
import sys

SAMPLES = [
    ("find-train", "Trouve-moi un train pour Lyon demain matin"),
    ("find-flight", "un vol pas cher paris lisbonne en mars"),
    ("find-hotel", "je cherche un hôtel avec piscine à Nice"),
    ("find-restaurant", "Réserve une table pour deux ce soir, plutôt italien"),
    ("provide-showtimes", "qu'est-ce qui passe au cinéma à Lille"),
    ("find-around-me", "y a une pharmacie ouverte près d'ici ?"),
    ("purchase", "je voudrais acheter un casque audio"),
    ("irrelevant", "quelle est la capitale du Pérou"),
]
WAYS = {"kafka": "through Kafka (triage pipe)", "http": "through HTTP (GET /api/intent)"}


def choose(reply):
    with open(reply, encoding="utf-8") as lines:
        classes = json.loads(lines.readline())["probabilities"]
    chosen = [sentence for name, sentence in SAMPLES if name in classes]
    if not chosen:
        some = ", ".join(list(classes)[:8]) + (", …" if len(classes) > 8 else "")
        print(f"there are no sample sentences for the classes of this model ({some})", file=sys.stderr)
    for sentence in chosen:
        print(sentence)


def row(sentence, line):
    reply = json.loads(line)
    if "error" in reply:
        return f"  {sentence:<52}  {reply['error']['code']}: {reply['error']['message']}"
    classes = sorted(reply.get("probabilities", reply).items(), key=lambda pair: -pair[1])
    (best, probability), (second, next_probability) = classes[:2]
    bar = "█" * round(probability * 10)
    return f"  {sentence:<52}  {best:<17} {probability:6.1%} {bar:<10}  then {second} {next_probability:.1%}"


def show(way, sentences, replies):
    print(WAYS[way])
    with open(sentences, encoding="utf-8") as texts, open(replies, encoding="utf-8") as lines:
        rows = [row(text.rstrip("\n"), line) for text, line in zip(texts, lines, strict=True)]
    print("\n".join(rows), end="\n\n")


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stderr.reconfigure(encoding="utf-8")
    {"choose": choose, "show": show}[sys.argv[1]](*sys.argv[2:])


main()
