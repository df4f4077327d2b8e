"""What an application does that was written for MLServer: inference_client.py HOST:PORT MODEL TEXT….

Triton's client library, which MLServer's own command line uses too, asks in each of the forms that it has. A line of
JSON on the standard output tells what came of each.
"""

import json
import sys

import numpy
import tritonclient.http


def infer(client, model, texts, *, binary, names):
    tensor = tritonclient.http.InferInput("text", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(numpy.array(texts, dtype=object), binary_data=binary)
    outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in names] or None
    result = client.infer(model, [tensor], outputs=outputs, request_id="42")
    labels, probabilities = result.as_numpy("label"), result.as_numpy("probabilities")
    return {
        "id": result.get_response()["id"],
        "labels": [label.decode() if isinstance(label, bytes) else label for label in labels.tolist()],
        "type": str(probabilities.dtype),
        "shape": list(probabilities.shape),
        "sums": probabilities.sum(axis=1).tolist(),
    }


def main():
    address, model, *texts = sys.argv[1:]
    client = tritonclient.http.InferenceServerClient(address)
    print(json.dumps({
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready(model),
        "outputs": [output["name"] for output in client.get_model_metadata(model)["outputs"]],
    }))
    for binary in (False, True):
        for names in ([], ["label", "probabilities"]):
            print(json.dumps(infer(client, model, texts, binary=binary, names=names)))


main()
