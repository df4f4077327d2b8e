"""Callers who ask for classifications over HTTP, one after the other, while something is done to the stack."""

import contextlib
import http.client
import itertools
import threading
import time
import urllib.parse


class Callers:
    """Calls as long as the `with` block lasts; afterwards tells how many calls were answered, and what went wrong."""

    def __init__(self, address, count=4):
        self.host = address.removeprefix("http://")
        self.answered = 0
        self.failures = []
        self._serial = itertools.count()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=35)

    def wait_for(self, more):
        """Waits until so many more calls were answered."""
        goal, end = self.answered + more, time.time() + 60
        while self.answered < goal:
            if time.time() > end:
                raise AssertionError(f"no {more} more calls were answered in 60 s; {self.failures[:3]}")
            time.sleep(0.05)

    def _call(self):
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=30)) as connection:
            while not self._stop.is_set():
                sentence = urllib.parse.urlencode({"sentence": f"un train pour Brest {next(self._serial)}"})
                problem = self._ask(connection, f"/api/intent?{sentence}")
                with self._lock:
                    if problem:
                        self.failures.append(problem)
                    else:
                        self.answered += 1

    def _ask(self, connection, path):
        """Asks once; what went wrong, or None."""
        reused = connection.sock is not None
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            right = response.status == 200 and body.startswith(b"{")
            return None if right else f"{response.status} {body[:200]}"
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            # A kept connection may be closed at any time, as a proxy does that reads its configuration again; who sent
            # a GET just then asks again on a new one (RFC 9112, 9.3.1).
            return self._ask(connection, path) if reused else repr(error)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error)
