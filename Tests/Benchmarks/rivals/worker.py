"""What most people would write: a Kafka worker of confluent-kafka and scikit-learn, in batches.

    worker.py BOOTSTRAP GROUP INPUT-TOPIC OUTPUT-TOPIC MODEL BATCH

At least once, as Triage's worker is: offsets are committed after the replies are acknowledged. Runs until SIGTERM.
"""

import json
import pickle
import signal
import sys

from confluent_kafka import Consumer, Producer

bootstrap, group, input_topic, output_topic, model_path, batch_size = sys.argv[1:]
batch_size = int(batch_size)
with open(model_path, "rb") as file:
    model = pickle.load(file)
labels = model.classes_.tolist()

running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "session.timeout.ms": 6000,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
consumer.subscribe([input_topic])

while running:
    records = [record for record in consumer.consume(batch_size, timeout=0.05) if record.error() is None]
    if not records:
        continue
    requests = [json.loads(record.value()) for record in records]
    distributions = model.predict_proba([request["text"] for request in requests]).tolist()
    for record, request, probabilities in zip(records, requests, distributions):
        reply = {
            "id": request.get("id"),
            "label": labels[max(range(len(labels)), key=probabilities.__getitem__)],
            "probabilities": dict(zip(labels, probabilities)),
        }
        while True:
            try:
                producer.produce(output_topic, json.dumps(reply), record.key(), record.partition())
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()
    consumer.commit(asynchronous=True)

producer.flush()
consumer.close()
