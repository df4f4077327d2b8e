"""The HTTP services under measurement, each a context manager that yields (address, processes) once it answers."""

from contextlib import contextmanager

from . import models, settings, workers
from .processes import Failure, Process, free_port, wait_for_http

FASTAPI = "FastAPI + scikit-learn, 1 process"
FASTAPI_2 = "FastAPI + scikit-learn, 2 processes"
MLSERVER = "MLServer + scikit-learn"
CONSTANT = "Hummingbird, a constant"
TRIAGE = "triage gateway, no cache"
TRIAGE_CACHED = "triage gateway, cache"


@contextmanager
def fastapi(trained, processes=1):
    port = free_port()
    with Process(
        "fastapi",
        [
            settings.PYTHON.with_name("uvicorn"),
            "api:app",
            "--port",
            port,
            "--workers",
            processes,
            "--log-level",
            "warning",
        ],
        environment={"MODEL": str(trained.path(models.SCIKIT)), "OMP_NUM_THREADS": "1"},
        folder=settings.HERE / "rivals",
    ) as server:
        address = f"http://127.0.0.1:{port}"
        wait_for_http(server, address + "/api/intent?sentence=bonjour")
        yield address, [server]


@contextmanager
def mlserver(trained):
    http, grpc = free_port(), free_port()
    with Process(
        "mlserver",
        [settings.MLSERVER, "start", settings.HERE / "rivals" / "mlserver"],
        environment={
            "MODEL": str(trained.path(models.SCIKIT)),
            "OMP_NUM_THREADS": "1",
            "MLSERVER_HTTP_PORT": str(http),
            "MLSERVER_GRPC_PORT": str(grpc),
            "PYTHONWARNINGS": "ignore",
        },
        folder=settings.WORK,
    ) as server:
        address = f"http://127.0.0.1:{http}"
        wait_for_http(server, address + "/v2/models/intent/ready")
        yield address, [server]


@contextmanager
def constant():
    if not settings.CONSTANT_SERVER.exists():
        raise Failure("ConstantServer is not built")
    port = free_port()
    with Process("constant", [settings.CONSTANT_SERVER, "--port", port]) as server:
        address = f"http://127.0.0.1:{port}"
        wait_for_http(server, address + "/api/intent")
        yield address, [server]


@contextmanager
def triage(trained, broker, *, gateway_flags=(), worker_count=1):
    """A gateway and its workers on topics of their own. The first of the processes is the gateway."""
    if not settings.TRIAGE.exists():
        raise Failure("triage is not built")
    lanes, group, started = workers.Lanes.create(broker), workers.new_group(), []
    try:
        for number in range(worker_count):
            started.append(
                workers.start_triage(broker, trained.path(models.TRIAGE), lanes, group, name=f"triage worker {number}")
            )
        port = free_port()
        gateway = Process(
            "triage gateway",
            [
                settings.TRIAGE,
                "gateway",
                "--bootstrap-servers",
                broker.address,
                "--port",
                port,
                "--topic-requests",
                lanes.requests,
                "--topic-interactive",
                lanes.interactive,
                "--topic-gateway-replies",
                lanes.gateway_replies,
                *gateway_flags,
            ],
        )
        started.append(gateway)
        address = f"http://127.0.0.1:{port}"
        wait_for_http(gateway, address + "/health/ready")
        wait_for_http(gateway, address + "/api/intent?sentence=bonjour")
        yield address, started[::-1]
    finally:
        for process in reversed(started):
            process.stop()
