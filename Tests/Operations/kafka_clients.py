"""Other people's clients and serializers: kafka_clients.py COMMAND BOOTSTRAP TOPIC …, with .deps/tools/kafka.

    produce BOOTSTRAP TOPIC SERIALIZER REGISTRY    writes the lines of standard input, each {"schema": …, "value": …}, all with
                                                   the key k; SERIALIZER is avro or json (confluent-kafka's), kafka-python or
                                                   plain (the value as it is); prints each record's value as Base64
    consume BOOTSTRAP TOPIC COUNT [REGISTRY]       prints so many records, each as JSON; with a registry their values as
                                                   confluent-kafka's AvroDeserializer reads them
"""

import base64
import json
import sys

import confluent_kafka
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def serializer(name, registry, schema, topic):
    """What makes bytes of a value."""
    context = SerializationContext(topic, MessageField.VALUE)
    if name == "plain":
        return lambda value: value.encode()
    if name == "kafka-python":
        return lambda value: json.dumps(value).encode()
    kind = {"avro": AvroSerializer, "json": JSONSerializer}[name]
    client = SchemaRegistryClient({"url": registry})
    made = kind(client, json.dumps(schema)) if name == "avro" else kind(json.dumps(schema), client)
    return lambda value: made(value, context)


def produce(bootstrap, topic, name, registry=""):
    lines = [json.loads(line) for line in sys.stdin]
    values = [serializer(name, registry, line.get("schema"), topic)(line["value"]) for line in lines]
    if name == "kafka-python":
        import kafka

        producer = kafka.KafkaProducer(bootstrap_servers=bootstrap)
        for value in values:
            producer.send(topic, key=b"k", value=value).get(30)
        producer.close()
    else:
        failures = []
        producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
        for value in values:
            producer.produce(topic, value, key=b"k", on_delivery=lambda error, _: error and failures.append(error))
        if producer.flush(30) or failures:
            sys.exit(f"not delivered: {failures}")
    for value in values:
        print(base64.b64encode(value).decode())


def consume(bootstrap, topic, count, registry=None):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "none", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions])
    read = AvroDeserializer(SchemaRegistryClient({"url": registry})) if registry else None
    for _ in range(int(count)):
        message = consumer.poll(30)
        if message is None or message.error():
            sys.exit(f"no record of {topic}: {message and message.error()}")
        value = message.value()
        record = {
            "value": base64.b64encode(value).decode(),
            "headers": {name: (content or b"").decode("utf-8", "replace") for name, content in message.headers() or []},
        }
        if read:
            record["decoded"] = read(value, SerializationContext(topic, MessageField.VALUE))
        print(json.dumps(record, default=str))
    consumer.close()


{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
