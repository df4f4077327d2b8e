"""Calls the gateway with the client that openapi-python-client made: generated_client.py URL. Prints what came of it as JSON."""

import importlib
import json
import pkgutil
import sys

import triage_client
from triage_client import Client
from triage_client.api.bulk import publish
from triage_client.api.classification import classify, classify_batch, intent
from triage_client.api.open_inference_protocol import (
    infer,
    infer_version,
    model,
    model_configuration,
    model_ready,
    model_statistics,
    repository_index,
)
from triage_client.models import (
    Batch,
    BulkRequest,
    BulkSentence,
    CloudEvent,
    CloudEventSpecversion,
    InferenceInput,
    InferenceInputDatatype,
    InferenceRequest,
    Sentence,
)
from triage_client.types import UNSET

TEXTS = ["Trouve-moi un train pour Lyon demain matin", "Je cherche un hôtel à Nice"]


def without_unset(values):
    return [None if value is UNSET else value for value in values]


def outputs(response):
    by_name = {output.name.value: output.data for output in response.outputs}
    return {"id": response.id, "label": by_name["label"], "probabilities": by_name["probabilities"]}


def main():
    for module in pkgutil.walk_packages(triage_client.__path__, "triage_client."):
        importlib.import_module(module.name)
    client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)

    def ask(**headers):
        return classify.sync_detailed(
            client=client, body=Sentence(text="un train pour Python, s'il vous plaît", id="order-17"), **headers)

    probabilities = intent.sync(client=client, sentence=TEXTS[0]).additional_properties
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    asked = [ask(x_request_timeout_ms=20_000, traceparent=trace, tracestate="a=b"), ask(), ask(cache_control="no-cache")]
    event = classify.sync(client=client, body=CloudEvent(
        specversion=CloudEventSpecversion.VALUE_0, id="event-1", source="urn:test", type_="test", data={"text": TEXTS[1]}))
    batch = classify_batch.sync_detailed(client=client, body=Batch(texts=[TEXTS[1], ""]))
    one = publish.sync(client=client, body=BulkRequest(text=TEXTS[0], id="order-18"))
    many = publish.sync(client=client, body=BulkRequest(sentences=[
        BulkSentence(text=TEXTS[0], id="a", key="customer-3"), BulkSentence(text=TEXTS[1], id=2, key=17),
        BulkSentence(text=TEXTS[1], id="c", key=None)]))

    tensor = InferenceInput(name="text", datatype=InferenceInputDatatype.BYTES, shape=[2], data=TEXTS)
    request = InferenceRequest(id="42", inputs=[tensor])
    version = model.sync("starter", client=client).versions[0]
    configuration = model_configuration.sync("starter", client=client)
    inferred = infer.sync("starter", client=client, body=request)
    inferred_version = infer_version.sync("starter", version, client=client, body=request, cache_control="no-cache")
    statistics = model_statistics.sync("starter", client=client).model_stats[0]
    index = repository_index.sync(client=client)
    refusal = classify.sync_detailed(client=client, body=Sentence(text=" "))

    print(json.dumps({
        "intent": max(probabilities, key=probabilities.get),
        "classify": {"id": asked[0].parsed.id, "label": asked[0].parsed.label,
                     "cache": [answer.headers["X-Cache"] for answer in asked]},
        "event": f"{event.id} {event.label}",
        "batch": {"status": int(batch.status_code), "ids": [item.id for item in batch.parsed],
                  "labels": without_unset(item.label for item in batch.parsed),
                  "errors": [item.error.code if item.error else None for item in batch.parsed]},
        "publish": {"one": one.ids, "many": many.ids},
        "infer": outputs(inferred), "infer version": outputs(inferred_version),
        "models": {"ready": model_ready.sync_detailed("starter", client=client).status_code == 200,
                   "input": configuration.input_[0].name, "classes": configuration.output[0].dims[0],
                   "index": [[entry.name, entry.state.value] for entry in index],
                   "counted": statistics.inference_count >= 4 and statistics.last_inference > 1_700_000_000_000},
        "refusal": {"status": int(refusal.status_code), "code": refusal.parsed.code}}))


main()
