"""The HTTP services under measurement, each a context manager that yields (address, processes) once it answers."""

from contextlib import contextmanager

from . import models, settings, workers
from .processes import Failure, Process, free_port, wait_for_http

FASTAPI = "FastAPI + scikit-learn, 1 process"
FASTAPI_2 = "FastAPI + scikit-learn, 2 processes"
MLSERVER = "MLServer + scikit-learn"
ENCODER_FASTAPI = "FastAPI + the encoder, one sentence at a time"
ENCODER_MLSERVER = "MLServer + the encoder, in batches"
CONSTANT = "Hummingbird, a constant"
TRIAGE = "triage gateway, no cache"
TRIAGE_CACHED = "triage gateway, cache"


def fastapi(trained, processes=1):
    environment = {"MODEL": str(trained.path(models.SCIKIT)), "OMP_NUM_THREADS": "1"}
    return _fastapi(settings.HERE / "rivals", environment, processes)


def encoder_fastapi():
    # What OpenVINO advises for many requests of one sentence: it runs as many at once as there are cores.
    return _fastapi(settings.HERE / "rivals" / "encoder", _encoder_environment("THROUGHPUT"))


@contextmanager
def _fastapi(folder, environment, processes=1):
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
        environment=environment,
        folder=folder,
    ) as server:
        address = f"http://127.0.0.1:{port}"
        wait_for_http(server, address + "/api/intent?sentence=bonjour")
        yield address, [server]


def mlserver(trained):
    environment = {"MODEL": str(trained.path(models.SCIKIT)), "OMP_NUM_THREADS": "1"}
    return _mlserver(settings.HERE / "rivals" / "mlserver", environment)


def encoder_mlserver():
    # It runs one batch after the other, each on all cores.
    return _mlserver(settings.HERE / "rivals" / "encoder" / "mlserver", _encoder_environment("LATENCY"))


def _encoder_environment(hint):
    path = f"{settings.OPENVINO_PYTHON}:{settings.HERE / 'rivals' / 'encoder'}"
    return {"ENCODER": str(settings.ENCODER), "HINT": hint, "PYTHONPATH": path}


@contextmanager
def _mlserver(folder, environment):
    http, grpc = free_port(), free_port()
    with Process(
        "mlserver",
        [settings.MLSERVER, "start", folder],
        environment={
            **environment,
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
def triage(trained, broker, *, gateway_flags=(), worker_flags=((),), model=None, lanes=None):
    """A gateway and its workers, one for each of `worker_flags`, on topics of their own unless `lanes` names others. The first
    of the processes is the gateway."""
    if not settings.TRIAGE.exists():
        raise Failure("triage is not built")
    lanes, group, started = lanes or workers.Lanes.create(broker), workers.new_group(), []
    model = model or trained.path(models.TRIAGE)
    try:
        for number, flags in enumerate(worker_flags):
            started.append(
                workers.start_triage(broker, model, lanes, group, name=f"triage worker {number}", flags=flags)
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
