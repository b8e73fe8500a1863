"""The usage ledger: what gateways ship arrives once, whatever dies in between, and questions about it are answered."""

import csv
import io
import json
import pathlib
import time
from collections.abc import Iterator

import pytest
from harness import ledger, processes
from harness.processes import Command
from harness.wire import Answer, call, post_json, request, wait_for
from stack import MAIN_KEY, base_config

pytestmark = pytest.mark.gateway_only

CHAT = {"model": "sim-chat", "messages": [{"role": "user", "content": "count me"}]}


class Run:
    """One process with everything, and an administrator's token."""

    def __init__(self, folder: pathlib.Path, command: Command) -> None:
        self.folder = folder
        self.command = command
        self.gateway = command.ready["gateway"]
        self.ledger = command.ready["tokenService"]
        login = {"name": "admin", "password": command.ready["adminPassword"]}
        self.token = post_json(command.ready["configCenter"], "/api/v1/login", None, login).json["token"]

    def ask(self, path: str, token: str | None = None) -> Answer:
        return call(self.ledger, request("GET", path, authorization=f"Bearer {token or self.token}"))

    def rows(self, query: str) -> list[dict]:
        answer = self.ask(f"/api/v1/usage?{query}")
        assert answer.status == 200, answer.body
        return answer.json["rows"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("ledger")
    with (
        processes.start_simulator(folder) as simulator,
        processes.start_run(folder, base_config(simulator.ready["simulator"])) as command,
    ):
        run = Run(folder, command)
        tags = {"x-gateway-tags": "team=search, ticket=42"}
        for body in [{**CHAT, "user": "u-1", "metadata": {"job": "nightly"}}, {**CHAT, "stream": True}]:
            assert post_json(run.gateway, "/v1/chat/completions", MAIN_KEY, body, **tags).status == 200
        message = {"model": "claude-sim", "max_tokens": 5, "metadata": {"user_id": "u-2"}, "messages": CHAT["messages"]}
        assert post_json(run.gateway, "/v1/messages", MAIN_KEY, message).status == 200
        assert wait_for(lambda: sum(row["requests"] for row in run.rows("")) == 3)
        yield run


def test_sums_are_grouped_ordered_and_cut(run: Run) -> None:
    by_model = run.rows("group=model,day&order=requests")
    assert [(row["model"], row["requests"]) for row in by_model] == [("sim-chat", 2), ("claude-sim", 1)]
    assert len(by_model[0]["day"]) == 10 and by_model[0]["output_tokens"] > 0
    assert len(run.rows("group=model&limit=1")) == 1
    assert run.rows("model=claude-sim")[0]["requests"] == 1
    assert run.rows("from=2020-01-01&to=2020-01-02") == []
    total = run.rows("group=hour")
    assert sum(row["tokens"] for row in total) == sum(row["tokens"] for row in by_model)


def test_records_say_who_and_why_and_never_what(run: Run) -> None:
    items = run.ask("/api/v1/usage/records").json["items"]
    by_user = {item["end_user"]: item for item in items}
    assert by_user["u-1"]["tags"] == {"job": "nightly", "team": "search", "ticket": "42"}
    assert (by_user["u-2"]["caller_dialect"], by_user["u-2"]["path"]) == ("anthropic", "/v1/messages")
    assert all(item["first_byte_after"] >= item["sent_after"] > 0 for item in items)
    assert "count me" not in json.dumps(items) and MAIN_KEY not in json.dumps(items)


def test_pages_and_exports_hold_the_same(run: Run) -> None:
    ids: list[str] = []
    after = ""
    while True:
        page = run.ask(f"/api/v1/usage/records?limit=2{after}").json
        ids += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    lines = run.ask("/api/v1/usage/records?format=jsonl").body.splitlines()
    table = list(csv.DictReader(io.StringIO(run.ask("/api/v1/usage/records?format=csv").body.decode())))
    assert ids == [json.loads(line)["id"] for line in lines] == [row["id"] for row in table]
    assert len(ids) == len(set(ids)) == 3
    sums = list(csv.DictReader(io.StringIO(run.ask("/api/v1/usage?group=key&format=csv").body.decode())))
    assert [row["requests"] for row in sums] == ["3"]
    for path, count in [("usage/records?format=csv", len(table[0])), ("usage?group=key&format=csv", len(sums[0]))]:
        empty = run.ask(f"/api/v1/{path}&from=2020-01-01&to=2020-01-02").body.decode()
        assert empty.count("\r\n") == 1 and empty.count(",") == count - 1, "a heading stands over no rows, too"


@pytest.mark.parametrize(
    "query",
    ["group=color", "group=day,hour", "order=size", "limit=0", "from=yesterday", "from=2026-01-02&to=2026-01-01", "format=xml"],
)
def test_a_bad_question_is_answered_with_what_is_allowed(run: Run, query: str) -> None:
    answer = run.ask(f"/api/v1/usage?{query}")
    assert (answer.status, answer.json["code"]) == (400, "malformed_request"), answer.body


def test_who_may_ask_and_who_may_bring(run: Run) -> None:
    assert call(run.ledger, request("GET", "/api/v1/usage")).status == 401
    assert run.ask("/api/v1/usage", token="agt_nobody").status == 401
    gateway = run.command.ready["enrolmentToken"]
    assert run.ask("/api/v1/usage", token=gateway).status == 403
    record = {"id": "req_" + "0" * 31 + "7", "started_at": time.time_ns(), "model": "brought", "outcome": "complete"}
    long = {**record, "id": "req_" + "0" * 31 + "8", "end_user": "x" * 40_000}
    lines = [json.dumps(record), "no record", json.dumps({**record, "status": "high"}), json.dumps(long)]
    body = "\n".join(lines).encode()
    for expected in [(1, 0, 3), (0, 1, 3)]:
        bring = request("POST", "/api/v1/usage/ingest", body, authorization=f"Bearer {gateway}")
        report = call(run.ledger, bring).json
        assert (report["stored"], report["duplicates"], report["refused"]) == expected
    assert [problem["path"] for problem in report["problems"]] == ["[1]", "[2].status", "[3]"]


def test_costs_are_exact_and_say_by_which_price(run: Run) -> None:
    usage = {"input_tokens": 1000, "cached_input_tokens": 500, "output_tokens": 250, "reasoning_tokens": 250}
    questions = [
        {"provider": "openai", "model": "gpt-4o", "usage": usage},
        {"provider": "openai", "model": "no-such-model", "usage": usage},
        {"upstream": "simulator", "model": "sim-chat", "usage": usage},
    ]
    ask = request("POST", "/v1/cost", json.dumps(questions).encode(), authorization=f"Bearer {run.token}")
    known, unknown, simulated = call(run.ledger, ask).json
    # $2.50, $1.25 cached and $10 for a million: by hand.
    assert known["cost"] == "0.008125" and known["price_version"].endswith("/openai/gpt-4o")
    assert unknown["cost"] is None and simulated["cost"] is None
    bad = request("POST", "/v1/cost", b'{"model": "m", "usage": {"tokens": 1}}', authorization=f"Bearer {run.token}")
    answer = call(run.ledger, bad)
    assert answer.status == 422 and {"upstream", "usage.tokens"} <= {problem["path"] for problem in answer.json["problems"]}


def test_tokens_come_with_their_pieces_and_places(run: Run) -> None:
    def tokenize(question: dict) -> Answer:
        ask = request("POST", "/v1/tokenize", json.dumps(question).encode(), authorization=f"Bearer {run.token}")
        return call(run.ledger, ask)

    answer = tokenize({"encoding": "cl100k_base", "input": "Hello, world! 🙂"}).json
    # tiktoken.get_encoding("cl100k_base").encode("Hello, world! 🙂")
    assert answer["ids"] == [9906, 11, 1917, 0, 28584] and answer["count"] == 5
    assert answer["pieces"][:4] == ["Hello", ",", " world", "!"] and answer["offsets"] == [0, 5, 6, 12, 13]
    assert [entry["count"] for entry in tokenize({"model": "gpt-4o", "input": ["a", "a b"]}).json] == [1, 2]
    special = {"encoding": "cl100k_base", "input": "<|endoftext|>"}
    assert tokenize({**special, "special": "allow"}).json["ids"] == [100257]
    assert tokenize({**special, "special": "refuse"}).status == 400
    assert tokenize(special).json["count"] > 1
    assert tokenize({"encoding": "morse", "input": "a"}).status == 422


def test_texts_and_whole_calls_are_counted(run: Run) -> None:
    def count(question: object) -> dict:
        ask = request("POST", "/v1/count", json.dumps(question).encode(), authorization=f"Bearer {run.token}")
        answer = call(run.ledger, ask)
        assert answer.status == 200, answer.body
        return answer.json

    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    assert count({"encoding": "o200k_base", "input": "hello"})["count"] == 1
    # 3 for the answer, 3 for the message, its role and its word.
    assert (count(chat)["count"], count(chat)["source"]) == (8, "exact")
    assert count({"body": chat})["count"] == 8
    message = {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": "be brief", "messages": chat["messages"]}
    assert count(message)["source"] == "estimated" and count(message)["encoding"] == "claude"
    gemini = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    assert count({"body": gemini, "model": "gemini-2.5-pro"})["count"] == 1


def test_the_ledger_proves_itself(run: Run) -> None:
    verdict = processes.run_once("ledger", "verify", "--json", "--data-dir", str(run.folder / "data"))
    lines = [json.loads(line) for line in verdict.stdout.splitlines()]
    assert verdict.returncode == 0, verdict.stdout
    assert lines[0]["missing"] == [] and lines[0]["journal_records"] == 3
    assert all(line["differences"] == 0 for line in lines[1:])


def test_without_a_ledger_records_stay_in_the_journal(tmp_path: pathlib.Path) -> None:
    with (
        processes.start_simulator(tmp_path) as simulator,
        processes.start_run(tmp_path, base_config(simulator.ready["simulator"]), "--ledger", "off") as command,
    ):
        assert "tokenService" not in command.ready
        assert post_json(command.ready["gateway"], "/v1/chat/completions", MAIN_KEY, CHAT).status == 200
        assert wait_for(lambda: len(processes.usage_records(tmp_path)) == 1)
        metrics = call(command.ready["gateway"], request("GET", "/metrics")).body.decode()
        assert "gateway_usage_records_shipped_total" not in metrics
    assert not (tmp_path / "data/ledger.sqlite").exists()


def test_every_request_has_one_record_whatever_is_killed(tmp_path: pathlib.Path) -> None:
    result = ledger.round_of_crashes(tmp_path, seconds=8, seed=1)
    assert result["reached"] > 50 and result["kills of gateway-1"] + result["kills of token-service-1"] > 1, result


def test_a_gateway_serves_and_forgets_nothing_without_its_token_service(tmp_path: pathlib.Path) -> None:
    upstream = ledger.NotingUpstream()
    fleet = ledger.Fleet(tmp_path, upstream.url)
    try:
        assert wait_for(fleet.chat, timeout=20)
        fleet.kill("token-service-1")
        assert all(fleet.chat() for _ in range(20))
        assert fleet.processes["gateway-1"].stop() == 0
        for name in ("token-service-1", "gateway-1"):
            fleet.start(name)
        assert wait_for(lambda: fleet.requests() == len(upstream.ids), timeout=20)
        assert {record["id"] for record in fleet.records()} == set(upstream.ids)
    finally:
        fleet.stop()
        upstream.stop()
