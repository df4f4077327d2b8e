"""The broker of a measurement: the embedded one, fresh for each, or the one that KAFKA names."""

import itertools
import os
import time

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from . import settings
from .processes import Failure, run

_names = itertools.count(1)


class Broker:
    """A context manager: started on a free port, stopped at the end of the block."""

    def __init__(self, kind):
        self.kind = kind if settings.EXTERNAL_BROKER is None else settings.EXTERNAL_BROKER
        self._port = None
        self.address = settings.EXTERNAL_BROKER
        if self.address is None:
            # `--while`: it goes with this program, however that ends.
            self.address = run(
                "the broker", [self._script(), "start", "--kind", kind, "--port", "0", "--while", os.getpid()]
            ).split()[-1]
            self._port = self.address.rpartition(":")[2]
        self._admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    @staticmethod
    def _script():
        return settings.ROOT / "compose" / "local" / "broker"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._port is not None:
            run("the broker", [self._script(), "stop", "--port", self._port])

    def topic(self, purpose, partitions=settings.PARTITIONS):
        """Creates a topic that nobody else uses and returns its name."""
        name = f"bench-{os.getpid()}-{next(_names)}-{purpose}"
        try:
            self._admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        except KafkaException as error:
            raise Failure(f"the topic {name} could not be created: {error}") from None
        return name

    def count(self, topic, partitions=settings.PARTITIONS):
        """How many records the topic holds, at least: Tansu says where the last batch of a partition begins, the others
        where it ends. So compare two counts, and wait for no more than what lies well before the end of a backlog."""
        wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in range(partitions)}
        deadline = time.monotonic() + 30
        while True:
            try:
                return sum(max(result.result(30).offset, 0) for result in self._admin.list_offsets(wanted).values())
            except KafkaException as error:
                # Apache Kafka has no leaders yet for a topic that was made just now.
                if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                if time.monotonic() > deadline:
                    raise Failure(f"{topic} cannot be counted: {error}") from None
                time.sleep(0.2)

    def fill(self, topic, count, file, partitions=settings.PARTITIONS):
        run("publish", [settings.BENCH / "bin" / "publish", self.address, topic, partitions, count, file])

    def wait_for(self, topic, count, process, seconds, partitions=settings.PARTITIONS, interval=0.05):
        """Waits until the topic holds so many records; returns (monotonic time, the process's CPU seconds, records)."""
        deadline = time.monotonic() + seconds
        while True:
            records = self.count(topic, partitions)
            moment = (time.monotonic(), process.cpu_seconds(), records)
            if records >= count:
                return moment
            process.check()
            if moment[0] > deadline:
                raise Failure(f"{process.name} wrote {records} of {count} replies within {seconds} s")
            time.sleep(interval)
