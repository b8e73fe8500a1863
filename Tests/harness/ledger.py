"""Gateway, token service and config center as processes of their own, an upstream that notes what reaches it, and what
the ledger says about it in the end."""

import http.server
import json
import pathlib
import random
import threading
import time

from harness import processes
from harness.mariadb import Database
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
    """A config center with gateways and token services as processes of their own, which can be killed and come back on their
    ports. On a shared database there are two of each, which ship to one ledger."""

    def __init__(self, folder: pathlib.Path, upstream: str, database: Database | None = None) -> None:
        self.folder = folder
        self.database = database
        self.center = processes.start_config_center(folder / "center", config(upstream))
        self.center_url = self.center.ready["configCenter"]
        self.token = self.center.ready["enrolmentToken"]
        numbers = [1, 2] if database else [1]
        self.services = [f"token-service-{number}" for number in numbers]
        self.gateways = [f"gateway-{number}" for number in numbers]
        self.names = self.services + self.gateways + (["database"] if database else [])
        self.ports = {name: processes.free_port() for name in self.services + self.gateways}
        self.processes: dict[str, Command] = {}
        for name in self.services + self.gateways:
            self.start(name)
        self.admin = post_json(
            self.center_url, "/api/v1/login", None, {"name": "admin", "password": self.center.ready["adminPassword"]}
        ).json["token"]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self, name: str) -> None:
        if name == "database":
            self.database.start()
            return
        folder, port = self.folder / name, self.ports[name]
        if name in self.gateways:
            ledger = self.url(name.replace("gateway", "token-service"))
            self.processes[name] = processes.start_gateway(
                folder, self.center_url, self.token, "--token-service", ledger, port=port, name=name
            )
            return
        store = ["--store", self.database.url] if self.database else []
        try:
            self.processes[name] = processes.start_token_service(
                folder, self.center_url, "--enrolment-token", self.token, *store, port=port, name=name
            )
        except processes.StartFailure:
            # Without its database it does not start; whoever runs it tries again.
            if not self.database or name not in self.processes:
                raise

    def kill(self, name: str) -> None:
        if name == "database":
            self.database.kill()
        else:
            self.processes[name].kill()

    def revive(self) -> None:
        """Starts again what has ended by itself, for want of something else."""
        for name, command in list(self.processes.items()):
            if not command.is_running:
                self.start(name)

    def stop(self) -> None:
        for command in [*self.processes.values(), self.center]:
            command.kill()
        if self.database:
            self.database.kill()

    def chat(self, caller: int = 0) -> bool:
        """Whether one call was answered with success."""
        try:
            gateway = self.url(self.gateways[caller % len(self.gateways)])
            return post_json(gateway, "/v1/chat/completions", KEY, CHAT, timeout=5).status == 200
        except (OSError, ValueError, AssertionError):
            return False

    def get(self, path: str) -> bytes:
        """What the ledger answers an administrator."""
        ask = request("GET", path, authorization=f"Bearer {self.admin}")
        answer = call(self.url(self.services[-1]), ask, timeout=60)
        assert answer.status == 200, answer
        return answer.body

    def records(self) -> list[dict]:
        """Every record of the ledger."""
        lines = self.get("/api/v1/usage/records?format=jsonl&from=2020-01-01").splitlines()
        return [json.loads(line) for line in lines]

    def requests(self) -> int:
        """How many requests the sums know of; -1 when the ledger does not answer."""
        try:
            rows = json.loads(self.get("/api/v1/usage?from=2020-01-01"))["rows"]
        except (OSError, AssertionError):
            return -1
        return sum(row["requests"] for row in rows)

    def verify(self) -> str:
        """Proves that sums and records agree; what it printed."""
        store = ["--store", self.database.url] if self.database else []
        folder = self.folder / self.services[0] / "data"
        run = processes.run_once("ledger", "verify", "--data-dir", str(folder), *store, timeout=600)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


def round_of_crashes(folder: pathlib.Path, seconds: float, seed: int, callers: int = 6, on_mariadb: bool = False) -> dict:
    """Load and `kill -9` at random for a while; then every request that reached the upstream must have one record."""
    chance = random.Random(seed)
    upstream = NotingUpstream(seed)
    fleet = Fleet(folder, upstream.url, Database(folder / "database") if on_mariadb else None)
    is_over = threading.Event()
    try:
        assert wait_for(lambda: all(fleet.chat(number) for number in range(2)), timeout=20), "no snapshot arrived"
        answered = [0] * callers

        def load(caller: int) -> None:
            while not is_over.is_set():
                if fleet.chat(caller):
                    answered[caller] += 1
                else:
                    time.sleep(0.02)

        threads = [threading.Thread(target=load, args=(index,), daemon=True) for index in range(callers)]
        for thread in threads:
            thread.start()
        kills = dict.fromkeys(fleet.names, 0)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.2, 3))
            name = chance.choice(fleet.names)
            fleet.kill(name)
            kills[name] += 1
            time.sleep(chance.choice([0, 0, 0.5, 2]))
            fleet.start(name)
            fleet.revive()
        is_over.set()
        for thread in threads:
            thread.join()
        wait_for(lambda: fleet.requests() >= len(set(upstream.ids)), timeout=90, pause=0.5)
        # What would come twice has had the time to come.
        time.sleep(2)
        return judge(fleet, upstream, kills, sum(answered))
    finally:
        is_over.set()
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
