"""The encoder of the rivals over HTTP, in OpenVINO's Python API, and a head in numpy. ENCODER names the encoder's folder.

The head's weights are random: it takes the time of one that was trained.
"""

import json
import os
import pathlib
import threading

import numpy as np
import openvino
import openvino_tokenizers  # noqa: F401  (gives OpenVINO the operations of tokenizers)

CLASSES = 8
TOKENS = 128
# In the precision that Triage computes in. HINT is what it is tuned for: THROUGHPUT or LATENCY.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": os.environ["HINT"]}

_folder = pathlib.Path(os.environ["ENCODER"])
_prefix = json.loads((_folder / "encoder.json").read_text(encoding="utf-8")).get("prefix", "")
_core = openvino.Core()
_models = [
    _core.compile_model(_folder / name, "CPU", SETTINGS) for name in ("openvino_tokenizer.xml", "openvino_model.xml")
]
_random = np.random.default_rng(1)
_weights = _random.normal(size=(_models[1].outputs[0].partial_shape[1].get_length(), CLASSES))
_bias = _random.normal(size=CLASSES)
_own = threading.local()


def probabilities(texts):
    if not hasattr(_own, "requests"):
        _own.requests = [model.create_infer_request() for model in _models]
    tokenizer, network = _own.requests
    tokens = tokenizer.infer([openvino.Tensor([_prefix + text for text in texts])])
    inputs = {name: tokens[name][:, :TOKENS] for name in ("input_ids", "attention_mask")}
    embeddings = network.infer(inputs)[0]
    scores = np.exp(embeddings @ _weights + _bias)
    return scores / scores.sum(axis=1, keepdims=True)

