"""Gateway, token service and config center as processes of their own, an upstream that notes what reaches it, and what
the ledger says about it in the end."""

import http.server
import json
import pathlib
import random
import threading
import time

from harness import processes
from harness.processes import Command
from harness.wire import call, post_json, request, wait_for

KEY = "agw_ledger00000000000000000000000000000000"
CHAT = {"model": "noted", "messages": [{"role": "user", "content": "count me"}]}
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "noted",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
}  # fmt: skip


class NotingUpstream:
    """Answers every chat after a random while, and keeps the id of every request that reached it."""

    def __init__(self, seed: int = 1) -> None:
        self.ids: list[str] = []
        chance = random.Random(seed)
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                # Noted before anything is answered: from here on it may have cost something.
                upstream.ids.append(self.headers["x-request-id"])
                self.rfile.read(int(self.headers["content-length"]))
                time.sleep(chance.random() * 0.05)
                body = json.dumps(ANSWER).encode()
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_: object) -> None:
                """A gateway that was killed breaks its connections."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def config(upstream: str) -> dict:
    """One namespace, one key, one model on the noting upstream."""
    return {
        "namespaces": [{"name": "crash"}],
        "keys": [{"name": "crash", "namespace": "crash", "value": KEY}],
        "upstreams": [{"name": "noting", "dialect": "openai", "baseURL": f"{upstream}/v1"}],
        "models": [{"name": "noted", "targets": [{"upstream": "noting"}]}],
    }


class Fleet:
    """The three processes; gateway and token service can be killed and come back on their ports."""

    def __init__(self, folder: pathlib.Path, upstream: str) -> None:
        self.folder = folder
        self.center = processes.start_config_center(folder / "center", config(upstream))
        self.center_url = self.center.ready["configCenter"]
        self.token = self.center.ready["enrolmentToken"]
        self.ports = {"gateway": processes.free_port(), "token-service": processes.free_port()}
        self.processes: dict[str, Command] = {}
        for name in ("token-service", "gateway"):
            self.start(name)
        self.admin = post_json(
            self.center_url, "/api/v1/login", None, {"name": "admin", "password": self.center.ready["adminPassword"]}
        ).json["token"]

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def ledger_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['token-service']}"

    def start(self, name: str) -> None:
        folder, port = self.folder / name, self.ports[name]
        if name == "gateway":
            more = ["--token-service", self.ledger_url]
            self.processes[name] = processes.start_gateway(folder, self.center_url, self.token, *more, port=port)
        else:
            self.processes[name] = processes.start_token_service(
                folder, self.center_url, "--enrolment-token", self.token, port=port
            )

    def kill(self, name: str) -> None:
        self.processes[name].kill()

    def stop(self) -> None:
        for command in [*self.processes.values(), self.center]:
            command.kill()

    def chat(self) -> bool:
        """Whether one call was answered with success."""
        try:
            return post_json(self.gateway_url, "/v1/chat/completions", KEY, CHAT, timeout=5).status == 200
        except (OSError, ValueError, AssertionError):
            return False

    def get(self, path: str) -> bytes:
        """What the ledger answers an administrator."""
        answer = call(self.ledger_url, request("GET", path, authorization=f"Bearer {self.admin}"), timeout=60)
        assert answer.status == 200, answer
        return answer.body

    def records(self) -> list[dict]:
        """Every record of the ledger."""
        lines = self.get("/api/v1/usage/records?format=jsonl&from=2020-01-01").splitlines()
        return [json.loads(line) for line in lines]

    def requests(self) -> int:
        """How many requests the sums know of."""
        rows = json.loads(self.get("/api/v1/usage?from=2020-01-01"))["rows"]
        return sum(row["requests"] for row in rows)

    def verify(self) -> str:
        """Proves that sums and records agree; what it printed."""
        run = processes.run_once("ledger", "verify", "--data-dir", str(self.folder / "token-service" / "data"), timeout=600)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


def round_of_crashes(folder: pathlib.Path, seconds: float, seed: int, callers: int = 6) -> dict:
    """Load and `kill -9` at random for a while; then every request that reached the upstream must have one record."""
    chance = random.Random(seed)
    upstream = NotingUpstream(seed)
    fleet = Fleet(folder, upstream.url)
    try:
        assert wait_for(fleet.chat, timeout=20), "the first snapshot did not arrive"
        is_over = threading.Event()
        answered = [0] * callers

        def load(caller: int) -> None:
            while not is_over.is_set():
                if fleet.chat():
                    answered[caller] += 1
                else:
                    time.sleep(0.02)

        threads = [threading.Thread(target=load, args=(index,)) for index in range(callers)]
        for thread in threads:
            thread.start()
        kills = {"gateway": 0, "token-service": 0}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.2, 3))
            name = chance.choice(list(kills))
            fleet.kill(name)
            kills[name] += 1
            time.sleep(chance.choice([0, 0, 0.5, 2]))
            fleet.start(name)
        is_over.set()
        for thread in threads:
            thread.join()
        wait_for(lambda: fleet.requests() >= len(set(upstream.ids)), timeout=60, pause=0.5)
        # What would come twice has had the time to come.
        time.sleep(2)
        return judge(fleet, upstream, kills, sum(answered))
    finally:
        fleet.stop()
        upstream.stop()


def judge(fleet: Fleet, upstream: NotingUpstream, kills: dict[str, int], answered: int) -> dict:
    """Compares what reached the upstream with what the ledger has."""
    records = fleet.records()
    ids = [record["id"] for record in records]
    reached = set(upstream.ids)
    lost = reached - set(ids)
    assert not lost, f"{len(lost)} requests that reached the upstream have no record, among them {sorted(lost)[:3]}"
    assert len(ids) == len(set(ids)), "a record is there twice"
    assert fleet.requests() == len(ids), "the sums do not count the records"
    known = [record for record in records if record["usage_source"] == "provider"]
    assert len(known) >= answered, "an answered call has no usage"
    assert all((record["input_tokens"], record["output_tokens"]) == (11, 7) for record in known)
    fleet.verify()
    return {
        "reached": len(reached), "records": len(ids), "answered": answered,
        # Begun, and killed before anything was sent: they have a record because it is written first.
        "unsent": len(set(ids) - reached), **{f"kills of {name}": count for name, count in kills.items()},
    }  # fmt: skip
