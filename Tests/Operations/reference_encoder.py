"""What a model with an encoder should answer, one sentence at a time, by numpy and OpenVINO's Python interface.

    reference_encoder.py MODEL LINEAR-REPLIES < SENTENCES

Reads a cascade's folder, and what its linear model alone replies to the same sentences (`triage classify --model
MODEL/linear.model`); or a finished classifier's folder, and nothing else. Prints a JSON array of probabilities a line.
"""

import json
import pathlib
import sys

import numpy as np
import openvino as ov
import openvino_tokenizers  # noqa: F401 - its operations are those of the tokenizer


def main(model, replies):
    core = ov.Core()
    cascade = json.loads((model / "model.json").read_text()) if (model / "model.json").exists() else None
    folder = model / "encoder" if cascade else model
    description = {}
    if (folder / "encoder.json").exists():
        description = json.loads((folder / "encoder.json").read_text())
    tokenizer = core.compile_model(folder / "openvino_tokenizer.xml", "CPU")
    network = core.compile_model(folder / "openvino_model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    if cascade:
        labels, blend = cascade["labels"], cascade["blend"]
        numbers = np.fromfile(model / "head.bin", "<f4").reshape(-1, len(labels))
        weights, biases = numbers[:-1], numbers[-1]

    most = cascade["maximumTokens"] if cascade else 128

    def row(text):
        tokens = tokenizer([description.get("prefix", "") + text])
        tokens = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        if tokens["input_ids"].shape[1] > most:
            # The last token ends every sentence.
            tokens = {name: np.delete(values, slice(most - 1, -1), axis=1) for name, values in tokens.items()}
        return network(tokens)[0][0]

    def softmax(scores):
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    linear = pathlib.Path(replies).read_text().splitlines() if replies else []
    for number, text in enumerate(sys.stdin.read().splitlines()):
        if not cascade:
            print(json.dumps(softmax(row(text)).tolist()))
            continue
        probabilities = json.loads(linear[number])["probabilities"]
        probabilities = np.array([probabilities[label] for label in labels])
        if probabilities.max() < blend["askBelow"]:
            head = softmax((row(text) @ weights + biases) / blend["headTemperature"])
            weight, least = blend["encoderWeight"], 5e-7
            mean = (1 - weight) * np.log(np.maximum(probabilities, least)) + weight * np.log(np.maximum(head, least))
            probabilities = softmax(mean / blend["temperature"])
        print(json.dumps(probabilities.tolist()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
