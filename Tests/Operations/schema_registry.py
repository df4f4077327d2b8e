"""A schema registry for tests: the part of Confluent's API that serializers and Triage use, in memory.

Each request is kept in `requests`. `login` is user:password, if one is needed; `is_broken` answers 503 to everything;
`answer_of_schemas` is the status and the body of every answer to a question for a schema, if there is to be one;
`stop` and `start` take it from its port and back.
"""

import base64
import contextlib
import http.server
import json
import re
import socket
import ssl
import threading
import time


class SchemaRegistry:
    def __init__(self, port=0, login=None, certificate=None):
        self.schemas, self.versions, self.connections = {}, {}, set()
        self.requests, self.login, self.is_broken = [], login, False
        self.certificate, self.port = certificate, port
        self.answer_of_schemas, self.drips = None, False
        self.start()

    def start(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                registry.connections.add(self.connection)

            def log_message(self, *_):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or "null")
                registry.requests.append(f"{self.command} {self.path}")
                wanted = registry.login and "Basic " + base64.b64encode(registry.login.encode()).decode()
                if registry.is_broken:
                    status, answer = 503, {"error_code": 50301, "message": "not now"}
                elif wanted and self.headers.get("Authorization") != wanted:
                    status, answer = 401, {"error_code": 401, "message": "Unauthorized"}
                else:
                    status, answer = registry.answer(self.command, self.path.partition("?")[0], body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(text)))
                if status == 302:
                    self.send_header("Location", answer["see"])
                self.end_headers()
                if not registry.drips:
                    return self.wfile.write(text)
                with contextlib.suppress(OSError):  # until nobody waits for the rest
                    for byte in text:
                        self.wfile.write(bytes([byte]))
                        time.sleep(1)

            do_GET = do_POST = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        while self.connections:
            with contextlib.suppress(OSError):
                self.connections.pop().shutdown(socket.SHUT_RDWR)

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def answer(self, method, path, body):
        if path == "/schemas/types":
            return 200, ["JSON", "PROTOBUF", "AVRO"]
        if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
            if self.answer_of_schemas:
                return self.answer_of_schemas
            schema = self.schemas.get(int(found[1]))
            return (200, schema) if schema else (404, {"error_code": 40403, "message": f"Schema {found[1]} not found"})
        if found := re.fullmatch(r"/subjects/([^/]+)/versions/(\d+|latest)", path):
            versions = self.versions.get(found[1], [])
            number = len(versions) if found[2] == "latest" else int(found[2])
            if not 1 <= number <= len(versions):
                return 404, {"error_code": 40402, "message": "Version not found"}
            identifier = versions[number - 1]
            return 200, {"subject": found[1], "version": number, "id": identifier, **self.schemas[identifier]}
        if found := re.fullmatch(r"/subjects/([^/]+)(/versions)?", path):
            if method != "POST":
                return 405, {"error_code": 405, "message": "Method not allowed"}
            schema = {name: body[name] for name in ("schema", "schemaType", "references") if body.get(name)}
            if schema.get("schemaType") == "AVRO":
                del schema["schemaType"]
            identifier = next((known for known, other in self.schemas.items() if other == schema), None)
            versions = self.versions.setdefault(found[1], [])
            if found[2] is None and identifier not in versions:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            if identifier is None:
                identifier = len(self.schemas) + 1
                self.schemas[identifier] = schema
            if identifier not in versions:
                versions.append(identifier)
            return 200, {"id": identifier, "subject": found[1], "version": versions.index(identifier) + 1, **schema}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
