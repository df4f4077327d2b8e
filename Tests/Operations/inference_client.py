"""What applications do that were written for other servers: inference_client.py CLIENT HOST:PORT MODEL TEXT….

CLIENT is the library that they use: that of Triton, which MLServer's own command line uses too, KServe's, or MLServer's
codecs. Each asks in the forms that it has. A line of JSON on the standard output tells what came of each.
"""

import asyncio
import importlib.util
import json
import sys
import types

import numpy

# What Triton's client may ask of the server beside the content.
COMPRESSIONS = ("gzip", "deflate")


def without_server(package):
    """Makes the modules of a package importable without the package itself, which would import a whole server."""
    module = types.ModuleType(package)
    module.__path__ = list(importlib.util.find_spec(package).submodule_search_locations)
    sys.modules[package] = module


def tell(form, **facts):
    print(json.dumps({"form": form} | facts))


def tell_result(form, labels, probabilities, **facts):
    labels = [label.decode() if isinstance(label, bytes) else label for label in numpy.ravel(labels).tolist()]
    probabilities = numpy.asarray(probabilities)
    tell(form, labels=labels, type=str(probabilities.dtype), shape=list(probabilities.shape),
         sums=probabilities.sum(axis=1, dtype=float).tolist(), **facts)


def triton(address, model, texts):
    import tritonclient.http as triton_http
    from tritonclient.utils import InferenceServerException

    client = triton_http.InferenceServerClient(address)

    def text(name="text", binary=True):
        tensor = triton_http.InferInput(name, [len(texts)], "BYTES")
        tensor.set_data_from_numpy(numpy.array(texts, dtype=object), binary_data=binary)
        return tensor

    def output(name, **options):
        return triton_http.InferRequestedOutput(name, **options)

    def infer(form, inputs, outputs, **options):
        result = client.infer(model, inputs, outputs=outputs, request_id="42", **options)
        tell_result(form, result.as_numpy("label"), result.as_numpy("probabilities"), id=result.get_response()["id"])

    metadata, config = client.get_model_metadata(model), client.get_model_config(model)
    index, version = client.get_model_repository_index(), metadata["versions"][0]
    ready = client.is_server_ready() and client.is_model_ready(model) and client.is_model_ready(model, version)
    tell("server", live=client.is_server_live(), ready=ready,
         outputs=[output["name"] for output in metadata["outputs"]],
         config=[config["name"], config["input"][0]["name"], config["output"][0]["dims"][0]],
         index=[[entry["name"], entry["version"] == version, entry["state"]] for entry in index])
    for binary_in in (False, True):
        infer(f"binary in {binary_in}, all outputs", [text(binary=binary_in)], None)
        for binary_out in (False, True):
            infer(f"binary in {binary_in}, out {binary_out}", [text(binary=binary_in)],
                  [output("label", binary_data=binary_out), output("probabilities", binary_data=binary_out)])
    for algorithm in COMPRESSIONS:
        infer(f"request in {algorithm}", [text()], None, request_compression_algorithm=algorithm)
        infer(f"response in {algorithm}", [text()], None, response_compression_algorithm=algorithm)

    for binary in (False, True):
        result = client.infer(model, [text()], outputs=[output("probabilities", binary_data=binary, class_count=2)])
        classes = result.as_numpy("probabilities")
        tell(f"classification, binary {binary}", shape=list(classes.shape),
             first=[(entry.decode() if isinstance(entry, bytes) else entry).split(":") for entry in classes[:, 0]])
    try:
        client.infer(model, [text("ids"), text()])
    except InferenceServerException as error:
        tell("refusal", status=error.status(), error=error.message())
    stats = client.get_inference_statistics(model, version)["model_stats"]
    tell("statistics", names=[entry["name"] for entry in stats], sentences=stats[0]["inference_count"],
         failures=stats[0]["inference_stats"]["fail"]["count"],
         all=[entry["name"] for entry in client.get_inference_statistics()["model_stats"]])


def kserve(address, model, texts):
    without_server("kserve")
    import httpx
    from kserve.inference_client import InferenceRESTClient, RESTConfig
    from kserve.protocol.infer_type import InferInput, InferRequest

    base, array = f"http://{address}", numpy.array(texts, dtype=object)

    def request(fill, names=("text",)):
        inputs = [InferInput(name, [len(texts)], "BYTES") for name in names]
        for tensor in inputs:
            fill(tensor)
        return InferRequest(model, inputs, request_id="42", parameters={"binary_data_output": fill is binary})

    def plain(tensor):
        tensor.data = texts

    def binary(tensor):
        tensor.set_data_from_numpy(array, binary_data=True)

    async def run():
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            tell("server", live=await client.is_server_live(base), ready=await client.is_server_ready(base)
                 and await client.is_model_ready(base, model))
            for form, fill in {"JSON": plain, "binary": binary}.items():
                response = await client.infer(base, request(fill), model_name=model)
                outputs = {output.name: output.as_numpy() for output in response.outputs}
                tell_result(form, outputs["label"], outputs["probabilities"], id=response.id)
            try:
                await client.infer(base, request(plain, ("ids", "text")), model_name=model)
            except httpx.HTTPStatusError as error:
                tell("refusal", status=str(error.response.status_code), error=str(error))

    asyncio.run(run())


def mlserver(address, model, texts):
    without_server("mlserver")
    import pandas
    import requests
    from mlserver.codecs import Base64Codec, NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec, StringRequestCodec
    from mlserver.codecs.json import encode_to_json_bytes
    from mlserver.types import InferenceRequest, InferenceResponse

    def ask(request):
        # As MLServer's own server and workers write it, with null for all that is not set.
        body = encode_to_json_bytes(request.model_dump())
        answer = requests.post(f"http://{address}/v2/models/{model}/infer", data=body,
                               headers={"content-type": "application/json"}, timeout=30)
        answer.raise_for_status()
        return InferenceResponse.model_validate(answer.json())

    frame = pandas.DataFrame({"text": texts})
    for form, request in {
        "StringCodec": InferenceRequest(inputs=[StringCodec.encode_input("text", texts)]),
        "StringRequestCodec": StringRequestCodec.encode_request(texts, use_bytes=False),
        "NumpyCodec": InferenceRequest(inputs=[NumpyCodec.encode_input("text", numpy.array(texts))]),
        "NumpyRequestCodec": NumpyRequestCodec.encode_request(numpy.array(texts, dtype=object)),
        "Base64Codec": InferenceRequest(inputs=[Base64Codec.encode_input("text", [text.encode() for text in texts])]),
        "PandasCodec": PandasCodec.encode_request(frame),
    }.items():
        response = ask(request)
        probabilities, label = response.outputs
        tell_result(form, StringCodec.decode_output(label), NumpyCodec.decode_output(probabilities),
                    types=[probabilities.parameters.content_type, label.parameters.content_type])
    table = PandasCodec.decode_response(ask(PandasCodec.encode_request(frame)))
    tell_result("a table", table["label"].tolist(), numpy.array(table["probabilities"].tolist(), dtype="float32"),
                columns=list(table.columns))


def main():
    client, address, model, *texts = sys.argv[1:]
    {"triton": triton, "kserve": kserve, "mlserver": mlserver}[client](address, model, texts)


main()
