"""What `make load` runs, in this order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One run of Locust against a stack of its own."""

    name: str
    title: str
    users: str
    workers: int = 2
    gateways: int = 1
    cache: bool = True
    # Bulk sentences published meanwhile, and a worker removed and one added.
    backlog: int = 0


SCENARIOS = [
    Scenario("seed", "the seed's test: one sentence", "FixedSentence"),
    Scenario("seed-no-cache", "one sentence, no cache", "FixedSentence", cache=False),
    Scenario("mixed", "real sentences, mixed", "MixedSentences"),
    Scenario("distinct-1", "distinct sentences, no cache, 1 worker", "DistinctSentences", workers=1, cache=False),
    Scenario("distinct-2", "distinct sentences, no cache, 2 workers", "DistinctSentences", cache=False),
    Scenario("distinct-4", "distinct sentences, no cache, 4 workers", "DistinctSentences", workers=4, cache=False),
    Scenario(
        "two-gateways", "distinct sentences, no cache, 2 gateways behind nginx", "DistinctSentences",
        gateways=2, cache=False),
    Scenario("seeds-rate", "distinct sentences at the seed's rate, no cache", "SeedsRate", cache=False),
    Scenario(
        "scaling", "the same, a backlog of a million bulk sentences, a worker removed and one added", "SeedsRate",
        workers=3, gateways=2, cache=False, backlog=1_000_000),
]
