"""nginx, as server.conf has it, before gateways of a kind that take every request and answer none."""

import contextlib
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Whatever a gateway might take for a path that the proxy treats in a way of its own.
SPELLINGS = [
    "{path}/", "{path}//", "/{path}", "//{path}", "/.{path}", "/x/..{path}", "/x/%2e%2e{path}", "/%2e{path}", "/%2f{path}",
    "{path}/.", "{path}/x/..", "{path}/./", "{path};x", "{path};", "{path};/", "{path}%2f", "{path}%2F", "{path}/%2e",
    "{path}%3b", "{path}%23", "{path}#x", "{path}%3fx", "{path}%00", "{path}%0a", "{path}%5c", "{path}\\", "\\..{path}",
    "/;{path}", "/x;/..{path}", "http://x{path}/", "http://x/{path}", "{path}/?x", "{path};?x=/", "{path}%252f",
]


def spellings(path):
    """Other spellings of the path; each letter, dot, hyphen and slash of it percent-encoded too."""
    yield from (spelling.format(path=path) for spelling in SPELLINGS)
    for at, character in enumerate(path[1:], 1):
        yield f"{path[:at]}%{ord(character):02x}{path[at + 1:]}"
        yield f"{path[:at]}%{ord(character):02X}{path[at + 1:]}"


class Gateways:
    """Two servers that keep the request lines that they get, and end each connection without an answer."""

    def __init__(self):
        self.seen = []
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        for listener in self.listeners:
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener):
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as connection, connection.makefile("rb") as request:
                    line = request.readline().decode()
                    length = 0
                    while (field := request.readline()) not in (b"\r\n", b""):
                        name, _, value = field.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    request.read(length)
                    self.seen.append(line.split(" ")[1])

    def take(self):
        """The targets of the requests since the last time."""
        seen, self.seen = self.seen, []
        return seen

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


class ProxyTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="triage-proxy-")
        cls.addClassCleanup(folder.cleanup)
        cls.gateways = Gateways()
        cls.addClassCleanup(cls.gateways.close)
        cls.start(pathlib.Path(folder.name))

    @classmethod
    def start(cls, folder):
        with socket.create_server(("127.0.0.1", 0)) as server:
            cls.port = server.getsockname()[1]
        place = folder / "nginx"
        (place / "temporary").mkdir(parents=True)
        # The processes that serve are nobody's when root starts it.
        for path in (folder, place, place / "temporary"):
            path.chmod(0o777)
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        temporary = "\n".join(f"{kind}_temp_path {place}/temporary/{kind};" for kind in kinds)
        # A gateway that fails stays in use.
        upstream = "\n".join(f"server 127.0.0.1:{port} max_fails=0;" for port in cls.gateways.ports)
        (place / "nginx.conf").write_text(f"""
            daemon off; pid {place}/pid; error_log stderr crit;
            events {{ worker_connections 512; }}
            http {{
                include {ROOT}/compose/nginx/http.conf;
                {temporary}
                upstream gateways {{ {upstream} }}
                server {{ listen 127.0.0.1:{cls.port}; include {ROOT}/compose/nginx/server.conf; }}
            }}""")
        nginx = subprocess.Popen(
            [ROOT / ".deps/bin/nginx", "-e", "stderr", "-p", place, "-c", place / "nginx.conf"], stdout=subprocess.DEVNULL)
        cls.addClassCleanup(nginx.wait)
        cls.addClassCleanup(nginx.terminate)
        end = time.monotonic() + 20
        while cls.send(cls, "GET", "/health/proxy") != 200:
            if time.monotonic() > end:
                raise AssertionError("nginx does not answer")
            time.sleep(0.05)

    def send(self, method, target):
        """The status of the answer to a request with exactly this target."""
        body = b"" if method == "GET" else b"{}"
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
                connection.sendall(head.encode("utf-8") + body)
                with connection.makefile("rb") as answer:
                    return int(answer.readline().split(b" ")[1])
        except ConnectionRefusedError:
            return None

    def test_no_spelling_reaches_a_gateways_metrics(self):
        for target in ["/metrics", "/metrics?x", "http://x/metrics", *spellings("/metrics")]:
            with self.subTest(target):
                self.assertIn(self.send("GET", target), (400, 404))
                self.assertEqual(self.gateways.take(), [])

    def test_no_spelling_sends_bulk_sentences_twice(self):
        for target in ["/v1/sentences", "/v1/sentences?x"]:
            self.assertEqual(self.send("POST", target), 502)
            self.assertEqual(self.gateways.take(), [target])
        for target in [*spellings("/v1/sentences"), *spellings("/v1/classify/stream")]:
            with self.subTest(target):
                self.assertIn(self.send("POST", target), (400, 404))
                self.assertEqual(self.gateways.take(), [])

    def test_what_may_be_sent_twice_is_and_arrives_as_it_was_spelt(self):
        for target in [
            "/", "/?x=/../;%2f", "/v1/classify", "/v1/classify?a=b//c", "/docs/swagger-ui.css", "/v2/models/a.b-c_d~1/infer",
            "/v2/models/mod%C3%A8le%20%28fr%29@2,a:b/versions/0f/infer", "/api/intent?sentence=o%C3%B9%3F", "/..x/.y/z..",
            "/" + "a%20" * 4000,
        ]:
            with self.subTest(target[:80]):
                self.assertEqual(self.send("POST", target), 502)
                self.assertEqual(self.gateways.take(), [target, target])


if __name__ == "__main__":
    unittest.main()
