"""Before a peer is measured it has to show that it does the work: who is let in, who is refused, what goes upstream."""

import http.client
import http.server
import json
import threading

from .machine import Fault, free_ports
from .peers import FORWARDS, OWN_WORK, Setting
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
    peer = peer_type(folder, workload, recorder.ports, cores, Setting(access_log=True))
    try:
        peer.start()
        if peer.does == OWN_WORK:
            _check_own_work(peer, recorder, workload)
        else:
            _check_answers(peer, recorder, workload)
    finally:
        peer.stop()
        recorder.close()


def _check_answers(peer, recorder, workload):
    key, namespace = workload.sample_key()
    good = {"authorization": f"Bearer {key}", "x-namespace": namespace}
    for _ in range(20):
        status, answer = _post(peer, good, workload.body)
        _expect(peer, "a good request", 200, status)
        if answer != workload.answer:
            raise Fault(f"{peer.name} changed the answer: {answer[:200]!r}")
    headers, body = recorder.requests[-1]
    if peer.does == FORWARDS:
        return
    call, original = json.loads(body), json.loads(workload.body)
    if call != {**original, "model": SERVED_MODEL}:
        raise Fault(f"{peer.name} did not rewrite {ASKED_MODEL} to {SERVED_MODEL} alone: {body[:200]!r}")
    if headers.get("authorization") != "Bearer sk-benchmark":
        raise Fault(f"{peer.name} sent the caller's key upstream, or no credential")
    unknown = json.dumps({**original, "model": "no-such-model"}).encode()
    tiny = {"authorization": "Bearer agw_bench_tiny_0123456789abcdef", "x-namespace": "tiny"}
    sent_before = len(recorder.requests)
    _expect(peer, "no key", 401, _post(peer, {}, workload.body)[0])
    _expect(peer, "an unknown key", 401, _post(peer, {**good, "authorization": "Bearer nobody"}, workload.body)[0])
    _expect(peer, "the namespace of another", 403, _post(peer, {**good, "x-namespace": "other"}, workload.body)[0])
    _expect(peer, "an unknown model", 404, _post(peer, good, unknown)[0])
    _expect(peer, "no JSON", 400, _post(peer, good, b"no json")[0])
    if len(recorder.requests) != sent_before:
        raise Fault(f"{peer.name} sent a refused request upstream")
    # One window may end in the middle of this, so of three windows' worth one request more must be refused.
    statuses = [_post(peer, tiny, workload.body)[0] for _ in range(2 * TINY_LIMIT + 1)]
    if 429 not in statuses or 200 not in statuses or not set(statuses) <= {200, 429}:
        raise Fault(f"{peer.name} does not enforce its rate limit: {statuses}")


def _check_own_work(peer, recorder, workload):
    """An AI gateway that reads and writes calls itself: the model, the credential and the text have to be right."""
    key = peer.keys_file.read_text().split()[0]
    status, answer = _post(peer, {"authorization": f"Bearer {key}"}, peer.body_file.read_bytes())
    _expect(peer, "a good request", 200, status)
    wanted, given = json.loads(workload.answer), json.loads(answer)
    if given["choices"][0]["message"]["content"] != wanted["choices"][0]["message"]["content"]:
        raise Fault(f"{peer.name} changed the answer: {answer[:200]!r}")
    headers, body = recorder.requests[-1]
    call, original = json.loads(body), json.loads(workload.body)
    if call["model"] != SERVED_MODEL or not _same_texts(call["messages"], original["messages"]):
        raise Fault(f"{peer.name} did not send the call on: {body[:200]!r}")
    if headers.get("authorization") != "Bearer sk-benchmark":
        raise Fault(f"{peer.name} sent the caller's key upstream, or no credential")
    if peer.checks_keys:
        status, _ = _post(peer, {"authorization": "Bearer sk-nobody"}, peer.body_file.read_bytes())
        if status not in (400, 401, 403):
            raise Fault(f"{peer.name} answers an unknown key with {status}")


def _same_texts(one: list, other: list) -> bool:
    """Whether the messages say the same, as a plain string or as a list of text parts."""
    def text(message):
        content = message["content"]
        return content if isinstance(content, str) else "".join(part["text"] for part in content)

    return [text(each) for each in one] == [text(each) for each in other]


def _expect(peer, what: str, wanted: int, status: int):
    if status != wanted:
        raise Fault(f"{peer.name} answers {what} with {status} instead of {wanted}; its output: {peer.folder}")


def _post(peer, headers: dict, body: bytes) -> tuple:
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=20)
    try:
        connection.request(
            "POST", peer.path, body, {"content-type": "application/json", **headers}
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
