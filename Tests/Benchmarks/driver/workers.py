"""The worker of each contestant: how it is started on given topics, and how many records a measurement takes."""

import itertools
from dataclasses import dataclass

from . import models, settings
from .processes import Process, free_port, wait_for_http

_numbers = itertools.count(1)

# As the manifests run workers, see compose/OPERATIONS.md.
ALLOCATOR = {"LD_PRELOAD": "libmimalloc.so"}

C_ECHO = "C echo"
PYTHON_WORKER = "Python worker"
TRIAGE = "triage worker"
TRIAGE_EXACTLY_ONCE = "triage worker, exactly once"


@dataclass(frozen=True)
class Lanes:
    """The topics of one worker group."""

    requests: str
    replies: str
    interactive: str
    gateway_replies: str
    dead_letters: str

    @classmethod
    def create(cls, broker, requests=None, partitions=settings.PARTITIONS):
        return cls(
            requests=requests or broker.topic("requests", partitions),
            replies=broker.topic("replies", partitions),
            interactive=broker.topic("interactive"),
            gateway_replies=broker.topic("gateway-replies"),
            dead_letters=broker.topic("dead-letters"),
        )

    @property
    def flags(self):
        return [
            "--topic-requests",
            self.requests,
            "--topic-replies",
            self.replies,
            "--topic-interactive",
            self.interactive,
            "--topic-gateway-replies",
            self.gateway_replies,
            "--topic-dead-letters",
            self.dead_letters,
        ]


def start_triage(broker, model, lanes, group, *, name="triage worker", flags=(), ready=True, session="6s", **limits):
    """Starts one `triage worker`; returns when it says that it is ready, if asked to wait for that. Tansu makes all
    members of a group wait for half of `session`. `limits` are those of `Process`."""
    port = free_port()
    worker = Process(
        name,
        [
            settings.TRIAGE,
            "worker",
            "--bootstrap-servers",
            broker.address,
            "--model",
            model,
            "--group",
            group,
            *lanes.flags,
            "--admin-port",
            port,
            "--session-timeout",
            session,
            *flags,
        ],
        environment=ALLOCATOR,
        **limits,
    )
    worker.ready_address = f"http://127.0.0.1:{port}/health/ready"
    worker.metrics_address = f"http://127.0.0.1:{port}/metrics"
    if ready:
        try:
            wait_for_http(worker, worker.ready_address)
        except BaseException:
            worker.stop()
            raise
    return worker


def new_group():
    return f"bench-group-{next(_numbers)}"


class Contestant:
    """Something that reads one topic and writes another."""

    def __init__(self, name, warm_up, records):
        self.name, self.warm_up, self.records = name, warm_up, records

    def start(self, broker, trained, lanes):
        group = new_group()
        if self.name == C_ECHO:
            return Process(
                self.name, [settings.BENCH / "bin" / "echo", broker.address, group, lanes.requests, lanes.replies]
            )
        if self.name == PYTHON_WORKER:
            return Process(
                self.name,
                [
                    settings.PYTHON,
                    settings.HERE / "rivals" / "worker.py",
                    broker.address,
                    group,
                    lanes.requests,
                    lanes.replies,
                    trained.path(models.SCIKIT),
                    500,
                ],
            )
        flags = ["--delivery", "exactly-once", "--instance-id", group] if self.name == TRIAGE_EXACTLY_ONCE else []
        return start_triage(broker, trained.path(models.TRIAGE), lanes, group, flags=flags, ready=False)


def contestants():
    sizes = settings.SIZES
    return [
        Contestant(C_ECHO, sizes.warm_up, sizes.echo_records),
        Contestant(PYTHON_WORKER, sizes.python_warm_up, sizes.python_records),
        Contestant(TRIAGE, sizes.warm_up, sizes.triage_records),
        Contestant(TRIAGE_EXACTLY_ONCE, sizes.warm_up, sizes.triage_records),
    ]
