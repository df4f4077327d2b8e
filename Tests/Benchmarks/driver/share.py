"""A share of a core for a process, kept by the kernel (cgroups, version 1 or 2), so that the growth with the number of
workers can be seen on a machine with few cores. Needs root; `Share.available` tells."""

import os
from pathlib import Path

_CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
_VERSION_1 = Path("/sys/fs/cgroup/cpu")
_PERIOD = 20_000


class Share:
    """`fraction` of one core, for the processes that join. A context manager: the group is removed at its end."""

    def __init__(self, name, fraction):
        quota = int(_PERIOD * fraction)
        if _CONTROLLERS.exists():
            self._folder = _CONTROLLERS.parent / f"triage-bench-{os.getpid()}-{name}"
            limits = {"cpu.max": f"{quota} {_PERIOD}"}
        else:
            self._folder = _VERSION_1 / f"triage-bench-{os.getpid()}-{name}"
            limits = {"cpu.cfs_period_us": _PERIOD, "cpu.cfs_quota_us": quota}
        self._folder.mkdir()
        for file, value in limits.items():
            (self._folder / file).write_text(str(value))

    @staticmethod
    def available():
        try:
            with Share("trial", 0.5):
                return True
        except OSError:
            return False

    def join(self):
        """Called by the process that is to be limited, before it becomes the program."""
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The processes have ended by then; a group with processes cannot be removed.
        self._folder.rmdir()
