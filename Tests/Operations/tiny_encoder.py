"""Makes tiny encoders and classifiers, as others would bring them: run by the Python that has OpenVINO.

    tiny_encoder.py FOLDER

encoder     an embedding of each sentence; `encoder.json` with a prefix
tokens      an embedding of each token, with token_type_ids, as Hugging Face's models have it
classifier  a finished classifier of three classes, with its config.json
onnx        the same but for its network, which `tiny_onnx.py` writes from weights.npz
ending      the classifier with a tokenizer that puts a token behind each sentence, and none before
nan         an encoder whose numbers are none
fixed       a classifier for one sentence of 128 tokens
tokenizer   the tokenizer of all of them as Hugging Face's library keeps it
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import openvino as ov
import openvino.opset13 as op

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "compose/local"))

import encoder  # noqa: E402

CHARACTERS = "abcdefghijklmnopqrstuvwxyzéèêàçùôîï0123456789'?!.,:-"
WORDS = ["train", "hotel", "vol", "acheter", "query:"]
PIECES = (
    [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -3.0)]
    + [(character, -6.0) for character in CHARACTERS] + [("\u2581" + word, -2.0) for word in WORDS])
WIDTH = 24


def table():
    return np.random.default_rng(7).standard_normal((len(PIECES), WIDTH)).astype(np.float32)


def inputs(types=False):
    ids, mask, present = encoder.inputs()
    nodes = [ids, mask]
    if types:
        node = op.parameter(ov.PartialShape([-1, -1]), np.int64, name="token_type_ids")
        node.output(0).tensor.set_names({"token_type_ids"})
        nodes.append(node)
    embedded = op.gather(encoder.constant(table()), ids, encoder.constant(0, np.int64))
    if types:
        weight = encoder.constant(np.ones((2, WIDTH), np.float32))
        embedded = op.add(embedded, op.gather(weight, nodes[2], encoder.constant(0, np.int64)))
    return nodes, embedded, present


def mean(embedded, present):
    total = op.reduce_sum(op.multiply(embedded, op.unsqueeze(present, encoder.axes(2))), encoder.axes(1), False)
    return op.divide(total, op.reduce_sum(present, encoder.axes(1), True))


def save(folder, output, name, nodes, tokenizer):
    folder.mkdir(parents=True)
    result = op.result(output)
    result.output(0).tensor.set_names({name})
    ov.save_model(ov.Model([result], nodes, name), folder / "openvino_model.xml", compress_to_fp16=False)
    ov.save_model(tokenizer, folder / "openvino_tokenizer.xml", compress_to_fp16=False)


def main(target):
    target.mkdir(parents=True, exist_ok=True)
    description, names = encoder.tokenizer(PIECES, [{"type": "Lowercase"}], begin=0, end=2, unknown=3, padding=1)
    tokenizer = encoder.convert(description, names, target)

    nodes, embedded, present = inputs(types=False)
    save(target / "encoder", encoder.of_length_one(mean(embedded, present)), "embedding", nodes, tokenizer)
    (target / "encoder/encoder.json").write_text(
        json.dumps({"name": "tiny", "dimensions": WIDTH, "prefix": "query: ", "license": "CC0-1.0"}))

    nodes, embedded, _ = inputs(types=True)
    save(target / "tokens", embedded, "last_hidden_state", nodes, tokenizer)

    nodes, embedded, present = inputs(types=False)
    weights = np.random.default_rng(8).standard_normal((WIDTH, 3)).astype(np.float32) * 2
    logits = op.matmul(mean(embedded, present), encoder.constant(weights), False, False)
    save(target / "classifier", logits, "logits", nodes, tokenizer)
    (target / "classifier/config.json").write_text(
        json.dumps({"_name_or_path": "someone/tiny-intents", "id2label": {"0": "travel", "1": "stay", "2": "other"}}))

    ending = json.loads(json.dumps(description))
    for kind in ("single", "pair"):
        ending["post_processor"][kind] = ending["post_processor"][kind][1:]
    shutil.copytree(target / "classifier", target / "ending")
    ov.save_model(
        encoder.convert(ending, names, target), target / "ending/openvino_tokenizer.xml", compress_to_fp16=False)

    nodes, embedded, present = inputs()
    nothing = op.divide(mean(embedded, present), encoder.constant(np.zeros(WIDTH, np.float32)))
    save(target / "nan", op.subtract(nothing, nothing), "embedding", nodes, tokenizer)

    shutil.copytree(target / "classifier", target / "fixed")
    fixed = ov.Core().read_model(target / "classifier/openvino_model.xml")
    fixed.reshape({"input_ids": [1, 128], "attention_mask": [1, 128]})
    ov.save_model(fixed, target / "fixed/openvino_model.xml", compress_to_fp16=False)

    # As OpenVINO has it a tokenizer cuts at MOST_TOKENS; in this layout it says nothing of that.
    (target / "tokenizer").mkdir()
    (target / "tokenizer/tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    (target / "tokenizer/tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": names["begin"], "eos_token": names["end"],
        "unk_token": names["unknown"], "pad_token": names["padding"]}))

    shutil.copytree(target / "classifier", target / "onnx")
    for name in ("openvino_model.xml", "openvino_model.bin"):
        (target / "onnx" / name).unlink()
    np.savez(target / "weights.npz", table=table(), weights=weights)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
