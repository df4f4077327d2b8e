#!/usr/bin/env python3
"""Holds answers against the contracts: check-replies.py < ANSWERS, with jsonschema-rs (compose/local/setup contract).

Each line is an answer: what it answers, a tab, its JSON. What it answers is either of

    ok                                             the triage-status of a record: reply.schema.json for ok, or by its fields
                                                   flat-reply or enriched-reply.schema.json; else
    empty_text                                     error.schema.json with this code
    POST /v1/classify 200 application/json         a call: what openapi.json says of it

Prints the first few that are wrong, and ends with 1 if there is one.
"""

import functools
import json
import pathlib
import sys

import jsonschema_rs

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = 10
# A field that no other format has.
FORMATS = {
    "classification": "enriched-reply.schema.json",
    "classified_at": "flat-reply.schema.json",
    "probabilities": "reply.schema.json",
}


def read(name):
    return json.loads((HERE / name).read_bytes())


def escaped(key):
    """A key as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def of_call(method, path, status, content_type):
    """What openapi.json says of the answer to a call."""
    api = read("openapi.json")
    steps = ["paths", path, method.lower(), "responses", status]
    response = functools.reduce(dict.__getitem__, steps, api)
    if "$ref" in response:
        steps = response["$ref"].removeprefix("#/").split("/")
    pointer = "#/" + "/".join(map(escaped, [*steps, "content", content_type, "schema"]))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **api, "$ref": pointer}


@functools.cache
def validator(what):
    """Checks the answers to WHAT."""
    if what.count(" ") == 3:
        return jsonschema_rs.validator_for(of_call(*what.split(" ")))
    if what in FORMATS.values():
        return jsonschema_rs.validator_for(read(what))
    # The header is the same code, says the schema.
    code = {"properties": {"error": {"properties": {"code": {"const": what}}}}}
    return jsonschema_rs.validator_for({**read("error.schema.json"), "allOf": [code]})


def schema_of(what, answer):
    """The format of a classification shows in its fields."""
    if what != "ok":
        return what
    formats = [name for field, name in FORMATS.items() if isinstance(answer, dict) and field in answer]
    return formats[0] if formats else "reply.schema.json"


def problem_of_distribution(answer):
    """What the descriptions of the replies' schemas ask for, and no schema can say."""
    if not isinstance(answer, dict):
        return None
    answer = answer.get("classification", answer)
    if "probabilities" not in answer:
        return None
    probabilities = answer["probabilities"]
    if abs(sum(probabilities.values()) - 1) > 1e-5:
        return f"the probabilities add up to {sum(probabilities.values()):f}"
    largest = max(probabilities.values())
    # Of several classes that look alike in six decimals, any may be the most probable.
    return None if probabilities.get(answer.get("best", answer["label"])) == largest else f"the label's probability is not {largest}, the largest"


def problem(line):
    """What is wrong with an answer, or None."""
    try:
        what, text = line.decode().rstrip("\n").split("\t", 1)
        answer = json.loads(text)
        checks = validator(schema_of(what, answer))
        if not checks.is_valid(answer):
            error = next(checks.iter_errors(answer))
            return f"{error.message} (at /{'/'.join(map(str, error.instance_path))})"
        return problem_of_distribution(answer)
    except (KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def main():
    wrong = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        said = problem(line)
        if said is None:
            continue
        wrong += 1
        if wrong <= SHOWN:
            print(f"answer {number}: {said}\n  {line.decode(errors='replace').strip()[:500]}")
    if wrong > SHOWN:
        print(f"and {wrong - SHOWN} more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
