"""Before a peer is measured it has to show that it does the work: who is let in, who is refused, what goes upstream."""

import http.client
import http.server
import json
import threading

from .machine import Fault, free_ports
from .workload import ASKED_MODEL, SERVED_MODEL, TINY_LIMIT


class Recorder:
    """An upstream that keeps what it was sent."""

    def __init__(self, answer: bytes):
        recorder = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                recorder.requests.append((dict((k.lower(), v) for k, v in self.headers.items()), body))
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) for port in free_ports(2)]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.ports = tuple(server.server_address[1] for server in self.servers)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


def check(peer_type, folder, workload, cores):
    """Raises `Fault` naming what the peer got wrong."""
    recorder = Recorder(workload.answer)
    peer = peer_type(folder, workload, recorder.ports, cores, access_log=True)
    try:
        peer.start()
        _check_answers(peer, recorder, workload)
    finally:
        peer.stop()
        recorder.close()


def _check_answers(peer, recorder, workload):
    key, namespace = workload.sample_key()
    good = {"authorization": f"Bearer {key}", "x-namespace": namespace}
    for _ in range(20):
        status, answer = _post(peer.port, good, workload.body)
        _expect(peer, "a good request", 200, status)
        if answer != workload.answer:
            raise Fault(f"{peer.name} changed the answer: {answer[:200]!r}")
    headers, body = recorder.requests[-1]
    if not peer.pipeline:
        return
    call, original = json.loads(body), json.loads(workload.body)
    if call != {**original, "model": SERVED_MODEL}:
        raise Fault(f"{peer.name} did not rewrite {ASKED_MODEL} to {SERVED_MODEL} alone: {body[:200]!r}")
    if headers.get("authorization") != "Bearer sk-benchmark":
        raise Fault(f"{peer.name} sent the caller's key upstream, or no credential")
    unknown = json.dumps({**original, "model": "no-such-model"}).encode()
    tiny = {"authorization": "Bearer agw_bench_tiny_0123456789abcdef", "x-namespace": "tiny"}
    sent_before = len(recorder.requests)
    _expect(peer, "no key", 401, _post(peer.port, {}, workload.body)[0])
    _expect(peer, "an unknown key", 401, _post(peer.port, {**good, "authorization": "Bearer nobody"}, workload.body)[0])
    _expect(peer, "the namespace of another", 403, _post(peer.port, {**good, "x-namespace": "other"}, workload.body)[0])
    _expect(peer, "an unknown model", 404, _post(peer.port, good, unknown)[0])
    _expect(peer, "no JSON", 400, _post(peer.port, good, b"no json")[0])
    if len(recorder.requests) != sent_before:
        raise Fault(f"{peer.name} sent a refused request upstream")
    # One window may end in the middle of this, so of three windows' worth one request more must be refused.
    statuses = [_post(peer.port, tiny, workload.body)[0] for _ in range(2 * TINY_LIMIT + 1)]
    if 429 not in statuses or 200 not in statuses or not set(statuses) <= {200, 429}:
        raise Fault(f"{peer.name} does not enforce its rate limit: {statuses}")


def _expect(peer, what: str, wanted: int, status: int):
    if status != wanted:
        raise Fault(f"{peer.name} answers {what} with {status} instead of {wanted}; its output: {peer.folder}")


def _post(port: int, headers: dict, body: bytes) -> tuple:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            "POST", "/v1/chat/completions", body, {"content-type": "application/json", **headers}
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
