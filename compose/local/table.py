"""Prints sentences and what became of them as a table: table.py TITLE SENTENCES REPLIES.

A reply is a line of JSON: a reply record (with "probabilities"), or the classes and their probabilities alone.
"""

import json
import sys


def row(sentence, line):
    reply = json.loads(line)
    if "error" in reply:
        return f"  {sentence:<52}  {reply['error']['code']}: {reply['error']['message']}"
    classes = sorted(reply.get("probabilities", reply).items(), key=lambda pair: -pair[1])
    (best, probability), (second, next_probability) = classes[:2]
    bar = "█" * round(probability * 10)
    return f"  {sentence:<52}  {best:<17} {probability:6.1%} {bar:<10}  then {second} {next_probability:.1%}"


def main():
    title, sentences, replies = sys.argv[1:]
    sys.stdout.reconfigure(encoding="utf-8")
    print(title)
    with open(sentences, encoding="utf-8") as texts, open(replies, encoding="utf-8") as lines:
        rows = [row(text.rstrip("\n"), line) for text, line in zip(texts, lines, strict=True)]
    print("\n".join(rows), end="\n\n")


main()
