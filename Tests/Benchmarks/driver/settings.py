"""What a run measures with: folders, the caller's wishes, and how much of everything."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = ROOT / "Tests" / "Benchmarks"
BENCH = ROOT / ".bench"
BUILD = ROOT / ".build" / "release"
REPORT = BENCH / "report"
WORK = BENCH / "work"

PYTHON = BENCH / "python" / "bin" / "python"
MLSERVER = BENCH / "mlserver" / "bin" / "mlserver"
LOCUST = BENCH / "python" / "bin" / "locust"
TRIAGE = BUILD / "triage"
BENCHMARKS = BUILD / "Benchmarks"
CONSTANT_SERVER = BUILD / "ConstantServer"
# OpenVINO's libraries, and the folder that has it as a Python package.
OPENVINO = ROOT / ".deps" / "openvino"
OPENVINO_PYTHON = BENCH / "openvino"

QUICK = os.environ.get("QUICK", "") not in ("", "0")
REPEATS = int(os.environ.get("REPEATS") or (1 if QUICK else 3))
DATA = Path(os.environ.get("DATA") or ROOT / "compose" / "starter" / "sentences.fr.tsv")
BROKER = os.environ.get("BROKER") or "tansu"
LATENCY_BROKER = os.environ.get("LATENCY_BROKER") or "noida"
ENCODER = ROOT / ".deps" / "encoders" / (os.environ.get("ENCODER") or "use")
EXTERNAL_BROKER = os.environ.get("KAFKA") or None
EXTERNAL_NAME = os.environ.get("KAFKA_NAME") or "external"
PARTITIONS = 12


@dataclass(frozen=True)
class Sizes:
    """Counts of records and seconds of load."""

    # Worker: records answered before the clock starts, and after it has.
    warm_up: int = 50_000
    triage_records: int = 1_000_000
    echo_records: int = 2_000_000
    python_warm_up: int = 1_000
    python_records: int = 20_000
    # Classification alone, per contestant.
    triage_sentences: int = 1_000_000
    fasttext_sentences: int = 200_000
    scikit_sentences: int = 10_000
    # HTTP: seconds of warm-up and of load; distinct sentences in turn.
    http_warm_up: int = 3
    http_seconds: int = 15
    http_sentences: int = 200_000
    # Interactive lane: calls a second, for so long on an idle worker; the backlog, and what is left of it at the end.
    calls_per_second: int = 500
    idle_seconds: int = 15
    backlog: int = 4_000_000
    backlog_left: int = 1_000_000
    # The seed's test.
    users: int = 100
    users_per_second: int = 5
    locust_seconds: int = 60
    # Growth: records for each point, and the backlogs to compare.
    growth_records: int = 300_000
    backlogs: tuple[int, ...] = (100_000, 1_000_000, 4_000_000)
    folds: int = 5
    # With an encoder: records answered before the clock starts, and after it has; calls a second through a gateway, for
    # so long, and the backlog that waits meanwhile.
    encoder_warm_up: int = 3_000
    cascade_records: int = 60_000
    encoder_records: int = 30_000
    encoder_calls_per_second: int = 50
    encoder_call_seconds: int = 30
    encoder_backlog: int = 150_000


SIZES = (
    Sizes()
    if not QUICK
    else Sizes(
        warm_up=5_000,
        triage_records=100_000,
        echo_records=100_000,
        python_warm_up=500,
        python_records=2_000,
        triage_sentences=50_000,
        fasttext_sentences=10_000,
        scikit_sentences=1_000,
        http_warm_up=1,
        http_seconds=3,
        http_sentences=20_000,
        idle_seconds=3,
        backlog=300_000,
        backlog_left=50_000,
        users=50,
        users_per_second=25,
        locust_seconds=6,
        growth_records=30_000,
        backlogs=(20_000, 100_000),
        folds=3,
        encoder_warm_up=1_000,
        cascade_records=8_000,
        encoder_records=4_000,
        encoder_call_seconds=5,
        encoder_backlog=30_000,
    )
)
if os.environ.get("BACKLOG"):
    _backlog = int(os.environ["BACKLOG"])
    SIZES = replace(SIZES, backlog=_backlog, backlog_left=_backlog // 4)
