"""Writes the classifier of `tiny_encoder.py` as ONNX, as others would bring it: run by the Python that has ONNX.

    tiny_onnx.py FOLDER

onnx         model.onnx
onnx-beside  the same with its weights in a file beside, as large models have them
"""

import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def network(table, weights):
    shape = ["sentences", "tokens"]
    tokens = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")]
    scores = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["sentences", weights.shape[1]])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["present"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["present", "last"], ["column"]),
        helper.make_node("Mul", ["embedded", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "second"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["present", "second"], ["count"], keepdims=1),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
    ]
    constants = {"table": table, "weights": weights, "last": np.array([2]), "second": np.array([1])}
    graph = helper.make_graph(
        nodes, "tiny", tokens, [scores], [numpy_helper.from_array(values, name) for name, values in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def main(target):
    model = network(**np.load(target / "weights.npz"))
    onnx.save(model, target / "onnx/model.onnx")
    shutil.copytree(target / "onnx", target / "onnx-beside")
    onnx.save(
        model, target / "onnx-beside/model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
