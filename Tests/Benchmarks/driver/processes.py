"""Processes under measurement: started, held to cores, asked for their CPU time and memory, ended by their number."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from . import settings


class Failure(Exception):
    """A contestant that could not be measured, and why."""


class Process:
    """One started program with all the processes that it starts itself. A context manager: it ends with its block."""

    def __init__(self, name, command, *, cores=None, share=None, environment=None, folder=None):
        self.name = name
        self.log_path = settings.WORK / f"{name.replace(' ', '-')}.log"
        command = [str(word) for word in command]
        if cores is not None:
            command = ["taskset", "--cpu-list", cores, *command]
        self._log = open(self.log_path, "wb")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            preexec_fn=share.join if share else None,
        )
        self.pid = self._process.pid
        # Where it says whether it can work, if it does.
        self.ready_address = None
        # Where it says what it has done, if it does.
        self.metrics_address = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def running(self):
        return self._process.poll() is None

    def check(self):
        """Raises if the process has ended by itself."""
        if self._process.poll() is not None:
            raise Failure(f"{self.name} ended with {self._process.returncode}: {self.last_line()}")

    def last_line(self):
        lines = self.log_path.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def family(self):
        """The numbers of this process and of all that it started."""
        parents = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    with open(f"/proc/{entry.name}/stat") as file:
                        fields = file.read().rpartition(")")[2].split()
                except OSError:
                    continue
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
        family, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            family.append(pid)
            queue += parents.get(pid, [])
        return family

    def cpu_seconds(self):
        """User and system time of the whole family, all threads, in seconds: read from each process's own CPU clock,
        which counts nanoseconds where /proc counts ticks of 10 ms."""
        total = 0.0
        for pid in self.family():
            try:
                # How Linux names the CPU clock of another process (clock_getcpuclockid(3)).
                total += time.clock_gettime((~pid << 3) | 2)
            except OSError:
                continue
        return total

    def peak_memory(self):
        """The largest resident sets that the family's processes have had, added up, in MiB."""
        total = 0
        for pid in self.family():
            try:
                with open(f"/proc/{pid}/status") as file:
                    total += next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
            except OSError:
                continue
        return total / 1024

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in reversed(self.family()):
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()


def run(name, command, *, cores=None, environment=None, timeout=1800, standard_input=None):
    """Runs a program to its end and returns what it printed. Raises Failure when it fails."""
    command = [str(word) for word in command]
    if cores is not None:
        command = ["taskset", "--cpu-list", cores, *command]
    try:
        finished = subprocess.run(
            command,
            stdin=standard_input or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{name} took longer than {timeout} s") from None
    except OSError as error:
        raise Failure(f"{name}: {error}") from None
    if finished.returncode != 0:
        lines = (finished.stderr or finished.stdout).strip().splitlines()
        raise Failure(f"{name} ended with {finished.returncode}: {lines[-1] if lines else 'it said nothing'}")
    return finished.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_http(process, url, seconds=60):
    """Waits until the address answers 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.check()
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    raise Failure(f"{process.name} did not answer {url} within {seconds} s: {process.last_line()}")
