"""Records of other clients and serializers are read as they come, and replies in Avro by others' deserializer."""

import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from schema_registry import SchemaRegistry

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "Tests/Operations"
TRIAGE = ROOT / ".build/release/triage"
MODEL = ROOT / ".deps/models/starter.model"
PYTHON = ROOT / ".deps/tools/kafka/bin/python"

TRAIN = "trouve-moi un train pour Lyon demain matin"
HOTEL = "je cherche un hôtel à Nice"
SCHEMA = {"type": "record", "name": "Ticket", "namespace": "shop", "fields": [
    {"name": "number", "type": "long"}, {"name": "body", "type": ["null", "string"], "default": None},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
    {"name": "by", "type": {"type": "record", "name": "Person", "fields": [{"name": "name", "type": "string"}]}},
    {"name": "price", "type": "double"}]}
JSON_SCHEMA = {"title": "Ticket", "type": "object", "properties": {"number": {"type": "integer"}, "body": {"type": "string"}}}
POINTERS = ["--text-field", "/body", "--id-field", "/number"]


def ticket(number, body):
    return {"number": number, "body": body, "tags": ["a", "b"], "by": {"name": "Ada"}, "price": 1.5}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class RegistryTests(unittest.TestCase):
    """A broker and a registry for all; each test has topics and a worker of its own."""

    number = 0

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-registry-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.kafka = os.environ.get("TRIAGE_TEST_BOOTSTRAP_SERVERS")
        if not cls.kafka:
            broker = [ROOT / "compose/local/broker"]
            cls.kafka = subprocess.run(
                [*broker, "start", "--kind", "noida", "--port", "0"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
            cls.addClassCleanup(subprocess.run, [*broker, "stop", "--port", cls.kafka.rpartition(":")[2]])
        cls.registry = SchemaRegistry()
        cls.addClassCleanup(cls.registry.stop)

    def setUp(self):
        RegistryTests.number += 1
        self.prefix = f"registry{os.getpid()}-{self.number}"
        names = {"requests": "in", "interactive": "now", "replies": "out", "gateway-replies": "answers", "dead-letters": "dead"}
        self.topics = [part for name, end in names.items() for part in (f"--topic-{name}", f"{self.prefix}.{end}")]
        self.run_triage("topics", "create", "--partitions", "1", *self.topics)

    def run_triage(self, *arguments, status=0, **options):
        done = subprocess.run(
            [TRIAGE, *arguments, "--bootstrap-servers", self.kafka], text=True, capture_output=True, timeout=60, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def start_worker(self, *arguments, registry=None):
        """A worker that is ready; it is stopped after the test."""
        worker = self.start_worker_without_waiting(*arguments, registry=registry)
        self.until(lambda: self.readiness()[0] == 200 or worker.poll() is not None)
        self.assertIsNone(worker.poll(), worker.poll() is not None and worker.stderr.read())
        return worker

    def start_worker_without_waiting(self, *arguments, registry=None):
        self.admin = free_port()
        worker = subprocess.Popen(
            [TRIAGE, "worker", "--model", MODEL, "--bootstrap-servers", self.kafka, "--group", self.prefix,
             "--schema-registry-url", (registry or self.registry).url, "--admin-port", str(self.admin), *self.topics, *arguments],
            text=True, stderr=subprocess.PIPE)
        self.addCleanup(worker.stderr.close)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.send_signal, signal.SIGTERM)
        return worker

    def until(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, "this took too long")
            time.sleep(0.05)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def readiness(self):
        return self.get("/health/ready")

    def clients(self, *arguments, lines=()):
        done = subprocess.run(
            [PYTHON, HERE / "kafka_clients.py", *arguments], text=True, capture_output=True, timeout=120,
            input="".join(json.dumps(line) + "\n" for line in lines))
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return done.stdout.splitlines()

    def produce(self, serializer, values, schema=None, registry=None):
        """The values as bytes, as the client wrote them."""
        lines = [{"schema": schema, "value": value} for value in values]
        written = self.clients(
            "produce", self.kafka, f"{self.prefix}.in", serializer, (registry or self.registry).url, lines=lines)
        return [base64.b64decode(line) for line in written]

    def consume(self, topic, count, *registry):
        records = [json.loads(line) for line in self.clients("consume", self.kafka, f"{self.prefix}.{topic}", str(count), *registry)]
        return [record | {"value": base64.b64decode(record["value"])} for record in records]

    def test_avro_in_and_avro_out(self):
        self.start_worker(*POINTERS, "--reply-encoding", "avro", "--unsure-below", "0.6")
        self.produce("avro", [ticket(7, TRAIN), ticket(8, HOTEL), ticket(9, "東京")], SCHEMA)
        replies = self.consume("out", 3, self.registry.url)
        self.assertEqual([reply["headers"]["content-type"] for reply in replies], ["avro/binary"] * 3)
        decoded = [reply["decoded"] for reply in replies]
        self.assertEqual([(reply["id"], reply["label"], reply["best"]) for reply in decoded[:2]],
                         [("7", "find-train", None), ("8", "find-hotel", None)])
        self.assertEqual((decoded[2]["id"], decoded[2]["label"]), ("9", "unsure"))
        self.assertIsNotNone(decoded[2]["best"])
        self.assertTrue(all(0 < reply["confidence"] <= 1 and reply["model"].startswith("starter@") for reply in decoded))
        # confluent-kafka reads timestamp-millis as a time.
        self.assertTrue(all(reply["classified_at"].startswith("20") for reply in decoded), decoded)
        self.assertIn(f"{self.prefix}.out-value", self.registry.versions)

    def test_avro_as_an_enriched_reply_is_its_json_encoding(self):
        self.start_worker(*POINTERS, "--reply-format", "enriched")
        self.produce("avro", [ticket(7, TRAIN)], SCHEMA)
        text = self.consume("out", 1)[0]["value"].decode()
        self.assertEqual(text.partition(',"classification":')[0],
                         '{"number":7,"body":{"string":"' + TRAIN + '"},"tags":["a","b"],"by":{"name":"Ada"},"price":1.5')
        self.assertEqual(json.loads(text)["classification"]["label"], "find-train")

    def test_json_with_a_schema_kafka_python_and_envelopes(self):
        self.start_worker("--text-field", "/body,/payload/after/body,/payload/body", "--id-field", "/number", "--reply-format", "enriched")
        envelope = {"schema": {"type": "struct"}, "payload": {"op": "c", "before": None, "after": {"body": TRAIN}}}
        connect = {"schema": {"type": "struct"}, "payload": {"body": HOTEL}}
        written = self.produce("json", [{"number": 7, "body": TRAIN}], JSON_SCHEMA)
        self.assertEqual(written[0][0], 0)
        written += self.produce("kafka-python", [{"number": 8, "body": HOTEL}, envelope, connect])
        replies = self.consume("out", 4)
        labels = []
        for value, reply in zip(written, replies):
            request = value[5:] if value[0] == 0 else value
            self.assertTrue(reply["value"].startswith(request[:-1] + b',"classification":{'), reply["value"])
            labels.append(json.loads(reply["value"])["classification"]["label"])
        self.assertEqual(labels, ["find-train", "find-hotel", "find-train", "find-hotel"])

    def test_records_that_cannot_be_read_are_dead_letters_to_the_byte_and_can_be_sent_again(self):
        worker = self.start_worker(*POINTERS)
        good = self.produce("avro", [ticket(7, TRAIN)], SCHEMA)[0]
        # Of the last but one id the registry knows nothing; the last is none that a registry can have.
        bad = [good[:-3], good + b"\0", b"\0\0\0\xff\xff" + good[5:], b"\0\xff\xff\xff\xff" + good[5:]]
        self.clients("produce", self.kafka, f"{self.prefix}.in", "plain", lines=[{"value": "{"}])
        self.produce_bytes(bad)
        replies = self.consume("out", 6)
        self.assertEqual([reply["headers"]["triage-status"] for reply in replies],
                         ["ok", "malformed_json", "malformed_avro", "malformed_avro", "unknown_schema", "unknown_schema"])
        dead = self.consume("dead", 5)
        self.assertEqual([letter["value"] for letter in dead], [b"{", *bad])
        self.assertEqual(dead[3]["headers"]["__dlq.errors.code"], "unknown_schema")
        self.run_triage("dead-letters", "replay", "--code", "unknown_schema", *self.topics)
        again = self.consume("in", 8)
        self.assertEqual([record["value"] for record in again[6:]], bad[2:])
        self.assertIsNone(worker.poll())

    def produce_bytes(self, values):
        """Through the shell's own client, which takes a file as one value."""
        for number, value in enumerate(values):
            path = self.folder / f"value-{number}"
            path.write_bytes(value)
            subprocess.run(
                [ROOT / "compose/local/kcat", "-b", self.kafka, "-t", f"{self.prefix}.in", "-P", "-k", "k", str(path)], check=True)

    def test_references_protobuf_and_a_reference_that_is_gone(self):
        self.start_worker("--text-field", "/by/says", "--id-field", "/number")
        person = {"type": "record", "name": "Person", "namespace": "shop", "fields": [{"name": "says", "type": "string"}]}
        order = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
            {"name": "number", "type": "int"}, {"name": "by", "type": "Person"}]}
        self.registry.answer("POST", "/subjects/person/versions", {"schema": json.dumps(person)})

        def register(**schema):
            return self.registry.answer("POST", f"/subjects/{self.prefix}/versions", schema)[1]["id"].to_bytes(4, "big")

        known = register(schema=json.dumps(order), references=[{"name": "shop.Person", "subject": "person", "version": 1}])
        gone = register(schema=json.dumps(order), references=[{"name": "shop.Person", "subject": "nobody", "version": 1}])
        protobuf = register(schema='syntax = "proto3";', schemaType="PROTOBUF")
        value = b"\x0e" + bytes([len(TRAIN) * 2]) + TRAIN.encode()
        self.produce_bytes([b"\0" + identifier + value for identifier in (known, gone, protobuf)])
        replies = self.consume("out", 3)
        self.assertEqual([reply["headers"]["triage-status"] for reply in replies],
                         ["ok", "unsupported_content_type", "unsupported_content_type"])
        self.assertEqual(json.loads(replies[0]["value"])["id"], "7")
        self.assertIn("refers to one that the schema registry does not have", replies[1]["value"].decode())
        self.assertIn("is of type PROTOBUF", replies[2]["value"].decode())

    def test_while_the_registry_does_not_answer_records_wait(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        self.start_worker(*POINTERS, registry=registry)
        self.produce("avro", [ticket(number, TRAIN) for number in range(5)], SCHEMA, registry)
        self.assertEqual(len(self.consume("out", 5)), 5)
        other = json.loads(json.dumps(SCHEMA).replace("Ticket", "Order"))
        self.produce("avro", [ticket(100, HOTEL)], other, registry)
        self.consume("out", 6)
        third = json.loads(json.dumps(SCHEMA).replace("Ticket", "Claim"))
        self.registry_of(third, registry)
        registry.stop()
        value = self.framed(third, registry, ticket(200, HOTEL))
        self.produce_bytes([value])
        self.until(lambda: self.readiness()[0] == 503)
        self.assertIn("the schema registry http://127.0.0.1:", self.readiness()[1])
        self.assertIn("triage_worker_schema_registry_up 0", self.get("/metrics")[1])
        self.assertEqual(self.get("/health/live")[0], 200)
        # Past what an idle lane would wait to pause, and the interval of its commits.
        time.sleep(3)
        registry.is_broken = True
        registry.start()
        time.sleep(2)
        self.assertEqual(self.readiness()[0], 503)
        registry.is_broken = False
        reply = self.consume("out", 7)[6]
        self.assertEqual(json.loads(reply["value"])["id"], "200")
        self.until(lambda: self.readiness()[0] == 200)
        self.assertIn("triage_worker_schema_registry_up 1", self.get("/metrics")[1])
        self.assertIn('{lane="bulk",outcome="unknown_schema"} 0', self.get("/metrics")[1])
        self.assertIn('{lane="bulk",outcome="ok"} 7', self.get("/metrics")[1])

    def test_a_worker_that_waits_for_the_registry_stops_at_once(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        worker = self.start_worker(*POINTERS, registry=registry)
        self.registry_of(SCHEMA, registry)
        value = self.framed(SCHEMA, registry, ticket(1, TRAIN))
        registry.is_broken = True
        self.produce_bytes([value])
        self.until(lambda: self.readiness()[0] == 503)
        start = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(30), 0)
        self.assertLess(time.monotonic() - start, 5, "it has nothing in hand that it could finish")
        self.assertNotIn("unanswered", worker.stderr.read())
        registry.is_broken = False
        self.start_worker(*POINTERS, registry=registry)
        self.assertEqual(json.loads(self.consume("out", 1)[0]["value"])["id"], "1")

    def test_a_worker_that_waits_for_the_registry_at_its_start_stops_at_once(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        registry.is_broken = True
        worker = subprocess.Popen(
            [TRIAGE, "worker", "--model", MODEL, "--bootstrap-servers", self.kafka, "--group", self.prefix,
             "--schema-registry-url", registry.url, *self.topics], text=True, stderr=subprocess.PIPE)
        self.addCleanup(worker.stderr.close)
        self.until(lambda: registry.requests)
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(10), 0)

    def test_a_record_that_is_gone_to_another_worker_is_not_waited_for(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        self.start_worker(*POINTERS, registry=registry)
        self.registry_of(SCHEMA, registry)
        value = self.framed(SCHEMA, registry, ticket(1, TRAIN))
        registry.is_broken = True
        self.produce_bytes([value])
        self.until(lambda: self.readiness()[0] == 503)
        first = self.admin
        # The topic has one partition: one of the two has nothing then, and is ready.
        self.start_worker_without_waiting(*POINTERS, registry=registry)
        second = self.admin

        def states():
            found = []
            for self.admin in (first, second):
                found.append(self.readiness()[0])
            return sorted(found)

        registry.is_broken = False
        self.until(lambda: states() == [200, 200])
        self.assertEqual(json.loads(self.consume("out", 1)[0]["value"])["id"], "1")

    def test_an_answer_that_is_no_registrys_holds_the_record(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        self.start_worker(*POINTERS, registry=registry)
        registry.answer_of_schemas = 404, {"status": 404, "error": "Not Found"}
        self.produce_bytes([b"\0\0\0\0\x07" + b"\x02"])
        self.until(lambda: self.readiness()[0] == 503)
        self.assertIn("is the URL right?", self.readiness()[1])
        registry.answer_of_schemas = None
        self.assertEqual(self.consume("out", 1)[0]["headers"]["triage-status"], "unknown_schema")

    def registry_of(self, schema, registry):
        """Registers a schema, and returns its id."""
        return registry.answer("POST", f"/subjects/{self.prefix}.in-value/versions", {"schema": json.dumps(schema)})[1]["id"]

    def framed(self, schema, registry, value):
        """A value as the serializer writes it, with the help of another registry that answers."""
        helper = SchemaRegistry()
        try:
            lines = [{"schema": schema, "value": value}]
            written = self.clients("produce", self.kafka, f"{self.prefix}.answers", "avro", helper.url, lines=lines)
            identifier = next(number for number, known in registry.schemas.items() if json.loads(known["schema"]) == schema)
            return b"\0" + identifier.to_bytes(4, "big") + base64.b64decode(written[0])[5:]
        finally:
            helper.stop()

    def test_a_login_that_is_needed_wrong_or_right(self):
        registry = SchemaRegistry(login="me:secret")
        self.addCleanup(registry.stop)
        arguments = ["worker", "--model", MODEL, "--schema-registry-url", registry.url, *self.topics, "--start-timeout", "2s"]
        self.assertIn("asks for a login; --schema-registry-auth", self.run_triage(*arguments, status=69).stderr)
        login = self.folder / "login"
        login.write_text("me:wrong\n")
        arguments += ["--schema-registry-auth", str(login)]
        self.assertIn("refuses the login in --schema-registry-auth", self.run_triage(*arguments, status=69).stderr)
        login.write_text("me:secret\n")
        self.start_worker("--schema-registry-auth", str(login), registry=registry)

    def test_a_registry_that_is_not_there_ends_the_start(self):
        url = f"http://127.0.0.1:{free_port()}"
        done = self.run_triage(
            "worker", "--model", MODEL, "--schema-registry-url", url, *self.topics, "--start-timeout", "1s", status=69)
        self.assertIn(f"the schema registry {url} cannot be reached: Connection refused", done.stderr)

    def test_a_check_asks_the_registry_only_if_a_sample_needs_it(self):
        done = subprocess.run(
            [TRIAGE, "worker", "--model", MODEL, "--schema-registry-url", f"http://127.0.0.1:{free_port()}", "--check", "-"],
            input='{\n"text": "un train", "n": 1e999\n}\n', text=True, capture_output=True, timeout=10)
        self.assertEqual((done.returncode, done.stdout.splitlines()[:2]), (0, ["standard input", "  text   un train"]), done.stderr)

    def test_a_registry_that_sends_elsewhere_or_is_slow(self):
        registry = SchemaRegistry()
        self.addCleanup(registry.stop)
        self.start_worker(*POINTERS, registry=registry)
        registry.answer_of_schemas = 302, {"see": "http://127.0.0.1:99999/"}
        self.produce_bytes([b"\0\0\0\0\x07" + b"\x02"])
        self.until(lambda: "answers 302" in self.readiness()[1])
        registry.drips = True
        self.until(lambda: "does not answer in time" in self.readiness()[1])
        registry.drips, registry.answer_of_schemas = False, None
        self.assertEqual(self.consume("out", 1)[0]["headers"]["triage-status"], "unknown_schema")

    def test_tls_with_an_authority_of_its_own(self):
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", certificate,
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        registry = SchemaRegistry(certificate=(certificate, key))
        self.addCleanup(registry.stop)
        done = self.run_triage(
            "worker", "--model", MODEL, "--schema-registry-url", registry.url, *self.topics, "--start-timeout", "1s", status=69)
        self.assertIn("--schema-registry-ca names a file of its authority", done.stderr)
        done = self.run_triage(
            "worker", "--model", MODEL, "--schema-registry-url", registry.url, *self.topics, "--schema-registry-ca", str(key),
            status=64)
        self.assertIn("--schema-registry-ca: ", done.stderr)
        self.start_worker("--schema-registry-ca", str(certificate), registry=registry)

    def test_a_check_reads_avro_without_a_broker(self):
        value = self.folder / "ticket.avro"
        value.write_bytes(self.produce("avro", [ticket(7, TRAIN)], SCHEMA)[0])
        done = subprocess.run(
            [TRIAGE, "worker", "--model", MODEL, "--schema-registry-url", self.registry.url, *POINTERS, "--reply-encoding", "avro",
             "--check", str(value)], text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"  text   {TRAIN}\n  id     7\n  reply  classifications, as Avro: {{\"id\":\"7\",\"label\":\"find-train\"", done.stdout)


if __name__ == "__main__":
    unittest.main()
