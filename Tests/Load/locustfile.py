"""Users of Triage over HTTP, for Locust. `Tests/Load/run` starts it; by hand:

    locust -f Tests/Load/locustfile.py FixedSentence --host http://127.0.0.1:8080

A user sends its next request as soon as it has the answer to the last, unless its class says otherwise.
"""

import itertools
import os
import pathlib
import random

from locust import FastHttpUser, constant_throughput, task
from stack import starter_sentences

SENTENCE = "Trouve-moi un train pour Lyon demain matin"


def real_sentences():
    """The sentences of the file SENTENCES (one a line), or else those that the starter model is made of."""
    path = os.environ.get("SENTENCES")
    if path:
        return pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return starter_sentences()


class Client(FastHttpUser):
    """Asks for the distribution of a sentence, and checks that it is one."""

    abstract = True
    connection_timeout = 30.0
    network_timeout = 30.0

    def classify(self, sentence):
        with self.client.get(
            "/api/intent", params={"sentence": sentence}, name="GET /api/intent", catch_response=True
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif not response.content.startswith(b'{"'):
                response.failure("the answer is no distribution")


class FixedSentence(Client):
    """The seed's test: one sentence, again and again."""

    @task
    def ask(self):
        self.classify(SENTENCE)


class MixedSentences(Client):
    """Real sentences, each user from another place in the list; about one in two hundred has a word of its own."""

    sentences = real_sentences()
    numbers = itertools.count()

    def on_start(self):
        self.position = random.Random(next(self.numbers)).randrange(len(self.sentences))

    @task
    def ask(self):
        self.position = (self.position + 1) % len(self.sentences)
        self.classify(self.sentences[self.position])


class DistinctSentences(MixedSentences):
    """Sentences that nobody has asked before, so that no cache can answer."""

    serial = itertools.count()

    @task
    def ask(self):
        self.position = (self.position + 1) % len(self.sentences)
        self.classify(f"{self.sentences[self.position]} {next(self.serial)}")


class SeedsRate(DistinctSentences):
    """The rate that the seed reached, 556 requests a second by 100 users: how long does an answer take then?"""

    wait_time = constant_throughput(5.56)
