"""What the figures were taken on."""

import os
import platform
import re
import subprocess
import time
from importlib.metadata import version

import confluent_kafka

from . import settings


def describe():
    cpu = open("/proc/cpuinfo").read()
    model = re.search(r"model name\s*: (.*)", cpu)
    memory = int(re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read())[1]) / 2**20
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "system": f"{_system_name()}, Linux {'.'.join(platform.release().split('.')[:2])}",
        "autogroup": _autogroup(),
        "commit": _output("git", "-C", str(settings.ROOT), "rev-parse", "--short=12", "HEAD"),
        "swift": _output("swift", "--version").partition("\n")[0],
        "librdkafka": confluent_kafka.libversion()[0],
        "scikit-learn": version("scikit-learn"),
        "fastapi": version("fastapi"),
        "brokers": settings.EXTERNAL_NAME
        if settings.EXTERNAL_BROKER
        else f"{settings.BROKER} for backlogs, {settings.LATENCY_BROKER} for the gateway",
        "data": settings.DATA.name,
        "repetitions": settings.REPEATS,
        "load before": f"{os.getloadavg()[0]:.2f}",
        "quick": settings.QUICK,
    }


def _system_name():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _autogroup():
    """Whether Linux shares the processor among login sessions first. Priorities then hold within each alone, and the broker's
    is another than the workers'."""
    try:
        with open("/proc/sys/kernel/sched_autogroup_enabled") as file:
            return "on" if file.read().strip() == "1" else "off"
    except OSError:
        return "none"


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return "unknown"
