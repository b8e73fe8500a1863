"""One usage record for every exchange that went upstream, whatever ends it."""

import asyncio
import json
import pathlib
import socket
import time
from collections.abc import Iterator

import pytest
from harness import load, processes
from harness.processes import Command, usage_records
from harness.wire import post_json, wait_for
from stack import MAIN_KEY, Stack, add_faults, base_config, fetch_json, start_faults

pytestmark = pytest.mark.gateway_only

CHAT = {"model": "sim-chat", "messages": [{"role": "user", "content": "count me"}]}


@pytest.fixture
def simulator(tmp_path: pathlib.Path) -> Iterator[Command]:
    with processes.start_simulator(tmp_path) as simulator:
        yield simulator


def count(simulator: Command) -> dict:
    return fetch_json(f"{simulator.ready['simulator']}/-/count")


def start(folder: pathlib.Path, simulator: Command) -> Command:
    return processes.start_run(folder, base_config(simulator.ready["simulator"]))


def test_one_record_per_exchange(tmp_path: pathlib.Path, simulator: Command) -> None:
    with start(tmp_path, simulator) as gateway:
        url = gateway.ready["gateway"]
        for body in [CHAT, {**CHAT, "stream": True}, {**CHAT, "model": "sim-status-500"}]:
            post_json(url, "/v1/chat/completions", MAIN_KEY, body)
        message = {"model": "claude-sim", "max_tokens": 5, "messages": CHAT["messages"]}
        post_json(url, "/v1/messages", MAIN_KEY, message)
        embedding = {"model": "sim-embedding", "input": "three words here"}
        post_json(url, "/v1/embeddings", MAIN_KEY, embedding)
        for refused in [{"model": "nobody", "messages": []}, {"messages": []}]:
            post_json(url, "/v1/chat/completions", MAIN_KEY, refused)
        received = count(simulator)["received"]
        records = wait_for(lambda: found if len(found := usage_records(tmp_path)) >= received else None)
        assert records is not None and len(records) == received
    assert len({record["id"] for record in records}) == len(records)
    assert [record["outcome"] for record in records].count("complete") == 4
    assert MAIN_KEY not in str(records)


def test_records_survive_a_stop(tmp_path: pathlib.Path, simulator: Command) -> None:
    with start(tmp_path, simulator) as gateway:
        for _ in range(20):
            assert post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, CHAT).status == 200
        assert gateway.stop() == 0
    assert len(usage_records(tmp_path)) == 20
    with start(tmp_path, simulator) as gateway:
        assert post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, CHAT).status == 200
        assert gateway.stop() == 0
    assert len(usage_records(tmp_path)) == 21


async def test_records_survive_kill_under_load(tmp_path: pathlib.Path, simulator: Command) -> None:
    workers = 24
    with start(tmp_path, simulator) as gateway:
        stop = asyncio.Event()
        url = gateway.ready["gateway"]
        calls = asyncio.create_task(load.steady(url, MAIN_KEY, workers, "sim-ttft-5ms-rate-2000", stop))
        open_streams = asyncio.create_task(load.streams(url, MAIN_KEY, 50, "sim-rate-2-tokens-100"))
        await asyncio.sleep(2.5)
        gateway.kill()
        stop.set()
        outcomes = await calls
        assert len([outcome for outcome in outcomes if outcome.status == 200]) > 100, "there was no load"
        assert not any(outcome.complete for outcome in await open_streams)
    received = count(simulator)["received"]
    with start(tmp_path, simulator) as gateway:
        assert gateway.stop() == 0
    records = usage_records(tmp_path)
    assert len({record["id"] for record in records}) == len(records), "an exchange has two records"
    # A record is written before its request leaves, so at the kill each connection may have one that never arrived.
    assert received <= len(records) <= received + workers
    assert len([record for record in records if record["outcome"] != "complete"]) >= 50


def test_upstream_faults_leave_one_record_each(tmp_path: pathlib.Path, simulator: Command) -> None:
    faults = start_faults()
    config = add_faults(base_config(simulator.ready["simulator"]), faults)
    names = ["reset", "garbage", "cut-json", "cut-stream", "500", "401"]
    with processes.start_run(tmp_path, config) as gateway:
        for name in names:
            body = {**CHAT, "model": f"fault-{name}", "stream": name == "cut-stream"}
            post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, body)
        gateway.stop()
    for server in faults.values():
        server.close()
    records = usage_records(tmp_path)
    assert len(records) == len(names)
    assert "complete" not in [record["outcome"] for record in records]


def test_usage_of_the_shared_stack_matches(stack: Stack) -> None:
    """Usage counts what the provider says, and a stream's usage although its caller did not ask."""
    marker = "a prompt of exactly seven words here"
    body = {"model": "sim-tokens-12", "stream": True, "messages": [{"role": "user", "content": marker}]}
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
    record = wait_for(
        lambda: next((r for r in usage_records(stack.folder) if r["id"] == answer.headers["x-request-id"]), None)
    )
    assert record is not None
    assert record["usage_source"] == "provider"
    assert (record["input_tokens"], record["output_tokens"]) == (7, 12)
    assert (record["namespace"], record["key"], record["upstream"]) == ("main", "main", "simulator")


def test_a_call_that_is_given_up_has_no_usage_of_the_one_before(stack: Stack) -> None:
    """Both calls come on one connection; the second client leaves before any answer."""
    host, port = stack.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(chat_bytes("sim-tokens-12"))
        received = b""
        while b'"usage"' not in received:
            received += connection.recv(65536)
        connection.sendall(chat_bytes("sim-ttft-5s-tokens-3"))
        time.sleep(0.5)
    record = wait_for(
        lambda: next((r for r in usage_records(stack.folder) if r["model"] == "sim-ttft-5s-tokens-3"), None)
    )
    assert record is not None
    assert (record["outcome"], record["usage_source"]) == ("client_gone", "none")


def chat_bytes(model: str) -> bytes:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MAIN_KEY}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
