"""What an embedded broker lacks, in front of it: TLS, SASL, and groups that are quick to join.

Listens on 127.0.0.1, ends TLS, lets clients log in (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) as Apache Kafka does
(SaslHandshake, SaslAuthenticate), and passes everything after that to the broker, which advertises this address.
For tests and trials on one machine: passwords come on the command line.

Tansu keeps whoever joins a group waiting for half of its session.timeout.ms, and clients' own default is 45 s. With
--longest-session the broker is told a shorter one, and clients go on sending heartbeats every 3 s, their default too.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import ssl
import struct

JOIN_GROUP, API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE = 11, 18, 17, 36
UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED = 33, 58
SCRAM = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
ITERATIONS = 4096
LARGEST_REQUEST = 1 << 16


class Refused(Exception):
    """The client may not log in; the text is for it to read."""


class Plain:
    """One message: who to be (unused), the name and the password, with zero bytes between."""

    def __init__(self, users):
        self.users = users

    def step(self, message):
        _, name, password = message.decode().split("\0")
        if not hmac.compare_digest(self.users.get(name, "").encode(), password.encode()) or name not in self.users:
            raise Refused("Invalid username or password")
        return b"", True


class Scram:
    """RFC 5802: the client proves that it knows the password, and so does the server, without sending it."""

    def __init__(self, users, digest):
        self.users, self.digest, self.first = users, digest, None

    def step(self, message):
        if self.first is None:
            return self.challenge(message.decode().split(",", 2)[2]), False
        return self.verify(message.decode()), True

    def challenge(self, bare):
        fields = dict(field.split("=", 1) for field in bare.split(","))
        password = self.users.get(fields["n"].replace("=2C", ",").replace("=3D", "="))
        if password is None:
            raise Refused("Invalid username or password")
        salt = os.urandom(16)
        self.nonce = fields["r"] + base64.b64encode(os.urandom(18)).decode()
        self.salted = hashlib.pbkdf2_hmac(self.digest, password.encode(), salt, ITERATIONS)
        answer = f"r={self.nonce},s={base64.b64encode(salt).decode()},i={ITERATIONS}"
        self.first = f"{bare},{answer}"
        return answer.encode()

    def sign(self, key, text):
        return hmac.digest(key, text.encode(), self.digest)

    def verify(self, message):
        without_proof, proof = message.rsplit(",p=", 1)
        fields = dict(field.split("=", 1) for field in without_proof.split(","))
        signed = f"{self.first},{without_proof}"
        client_key = self.sign(self.salted, "Client Key")
        signature = self.sign(hashlib.new(self.digest, client_key).digest(), signed)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if fields["r"] != self.nonce or not hmac.compare_digest(expected, base64.b64decode(proof)):
            raise Refused("Invalid username or password")
        return b"v=" + base64.b64encode(self.sign(self.sign(self.salted, "Server Key"), signed))


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


async def receive(reader):
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    if not 8 <= size <= LARGEST_REQUEST:
        raise ConnectionError("not Kafka's protocol, or not before a login")
    return await reader.readexactly(size)


def reply(writer, request, body):
    correlation = request[4:8]
    writer.write(struct.pack(">i", 4 + len(body)) + correlation + body)


def body_of(request):
    """What follows the header: key and version (2 bytes each), correlation id (4), the client's id."""
    (length,) = struct.unpack_from(">h", request, 8)
    return request[10 + max(length, 0):]


async def log_in(client, to_client, broker, to_broker, users):
    """Serves a client until it has logged in."""
    exchange = None
    while True:
        request = await receive(client)
        key, version = struct.unpack_from(">hh", request)
        if key == API_VERSIONS:
            to_broker.write(struct.pack(">i", len(request)) + request)
            answer = await receive(broker)
            to_client.write(struct.pack(">i", len(answer)) + answer)
        elif key == SASL_HANDSHAKE:
            mechanism = body_of(request)[2:].decode()
            exchange = Plain(users) if mechanism == "PLAIN" else Scram(users, SCRAM.get(mechanism))
            known = mechanism == "PLAIN" or mechanism in SCRAM
            names = b"".join(text(name) for name in ["PLAIN", *SCRAM])
            reply(to_client, request, struct.pack(">hi", 0 if known else UNSUPPORTED_MECHANISM, 3) + names)
        elif key == SASL_AUTHENTICATE and exchange is not None and version <= 1:
            lifetime = struct.pack(">q", 0) if version == 1 else b""
            try:
                answer, done = exchange.step(body_of(request)[4:])
            except Refused as refusal:
                answer = struct.pack(">h", AUTHENTICATION_FAILED) + text(str(refusal)) + struct.pack(">i", 0)
                reply(to_client, request, answer + lifetime)
                await to_client.drain()
                raise
            reply(to_client, request, struct.pack(">hhi", 0, -1, len(answer)) + answer + lifetime)
            if done:
                await to_client.drain()
                return
        else:
            raise ConnectionError("a request before the login")
        await to_client.drain()


async def pass_on(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


def variable_length(data, at):
    """An unsigned number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def shorten_session(request, version, longest):
    """`request` is a JoinGroup without its size, key and version: correlation id, the client's id, the group, the session, …"""
    (length,) = struct.unpack_from(">h", request, 4)
    at = 6 + max(length, 0)
    if version >= 6:
        tags, at = variable_length(request, at)
        for _ in range(tags):
            _, at = variable_length(request, at)
            size, at = variable_length(request, at)
            at += size
        length, at = variable_length(request, at)
        at += length - 1
    else:
        (length,) = struct.unpack_from(">h", request, at)
        at += 2 + length
    (session,) = struct.unpack_from(">i", request, at)
    struct.pack_into(">i", request, at, min(session, longest))


async def pass_requests_on(reader, writer, longest_session):
    try:
        while head := await reader.read(1):
            head += await reader.readexactly(7)
            size, key, version = struct.unpack(">ihh", head)
            rest = size - 4
            writer.write(head)
            if key == JOIN_GROUP:
                request, rest = bytearray(await reader.readexactly(rest)), 0
                shorten_session(request, version, longest_session)
                writer.write(request)
            while rest > 0 and (data := await reader.read(min(rest, 1 << 16))):
                writer.write(data)
                rest -= len(data)
                await writer.drain()
            await writer.drain()
    except (ConnectionError, EOFError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def serve(client, to_client, arguments, users):
    to_broker = None
    try:
        broker, to_broker = await asyncio.open_connection("127.0.0.1", arguments.broker_port)
        if users:
            await log_in(client, to_client, broker, to_broker, users)
        longest = arguments.longest_session
        requests = pass_requests_on(client, to_broker, longest) if longest else pass_on(client, to_broker)
        await asyncio.gather(requests, pass_on(broker, to_client))
    except (Refused, OSError, EOFError, ValueError, KeyError, IndexError, struct.error) as reason:
        print(f"a client was turned away: {reason}", flush=True)
    finally:
        for writer in (to_client, to_broker):
            if writer is not None:
                writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--broker-port", type=int, required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca", help="clients must show a certificate that this one signed")
    parser.add_argument("--user", action="append", default=[], help="NAME:PASSWORD; may be repeated")
    parser.add_argument("--longest-session", type=int, metavar="MS")
    arguments = parser.parse_args()
    users = dict(user.split(":", 1) for user in arguments.user)
    tls = None
    if arguments.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.cert, arguments.key)
        if arguments.client_ca:
            tls.load_verify_locations(arguments.client_ca)
            tls.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(
        lambda client, to_client: serve(client, to_client, arguments, users), "127.0.0.1", arguments.port, ssl=tls)
    async with server:
        await server.serve_forever()


asyncio.run(main())
