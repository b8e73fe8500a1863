"""A change of configuration fails nothing that is in flight."""

import asyncio
import pathlib
import signal

import pytest
from harness import load, processes
from harness.wire import post_json, wait_for
from stack import MAIN_KEY, base_config, model

pytestmark = pytest.mark.gateway_only

STREAMS = 1000
CHANGES = 5


def knows(url: str, name: str) -> bool:
    body = {"model": name, "messages": [{"role": "user", "content": "known?"}]}
    return post_json(url, "/v1/chat/completions", MAIN_KEY, body).status == 200


async def test_changes_under_open_streams_and_load(tmp_path: pathlib.Path) -> None:
    processes.raise_descriptor_limit()
    with processes.start_simulator(tmp_path) as simulator:
        config = base_config(simulator.ready["simulator"])
        with processes.start_run(tmp_path, config) as gateway:
            url = gateway.ready["gateway"]
            stop = asyncio.Event()
            steady = asyncio.create_task(load.steady(url, MAIN_KEY, 4, "sim-chat", stop))
            streams = asyncio.create_task(load.streams(url, MAIN_KEY, STREAMS, "sim-rate-1-tokens-10"))
            await asyncio.sleep(2)
            for number in range(CHANGES):
                name = f"added-{number}"
                assert not await asyncio.to_thread(knows, url, name)
                config["models"].append(model(name, "simulator"))
                processes.write_config(tmp_path / "gateway.yaml", config)
                gateway.process.send_signal(signal.SIGHUP)
                applied = await asyncio.to_thread(wait_for, lambda name=name: knows(url, name))
                assert applied, f"change {number} was not applied:\n{gateway.tail()}"
            assert not streams.done(), "the streams ended before the changes did"
            outcomes = await streams
            stop.set()
            calls = await steady
            assert gateway.stop() == 0
    failed = [outcome for outcome in outcomes if not (outcome.status == 200 and outcome.body.endswith(b"[DONE]\n\n"))]
    assert not failed, f"{len(failed)} of {STREAMS} streams failed, such as {failed[0]}"
    assert {outcome.body.count(b'"content":"') for outcome in outcomes} == {11}, "a stream lost or doubled an event"
    assert len(calls) > 50
    assert not [call for call in calls if call.status != 200 or not call.complete]


def logged(folder: pathlib.Path, gateway: processes.Command) -> str:
    """All that the process has printed or written to its logs."""
    logs = [path.read_text(errors="replace") for path in folder.glob("data/logs/*")]
    return gateway.tail() + "".join(logs)


def test_a_wrong_file_changes_nothing(tmp_path: pathlib.Path) -> None:
    with processes.start_simulator(tmp_path) as simulator:
        config = base_config(simulator.ready["simulator"])
        with processes.start_run(tmp_path, config) as gateway:
            broken = {**config, "models": [{"name": "x", "targets": [{"upstream": "nobody"}]}]}
            processes.write_config(tmp_path / "gateway.yaml", broken)
            gateway.process.send_signal(signal.SIGHUP)
            assert wait_for(lambda: "nobody" in logged(tmp_path, gateway)), "the refusal names nothing"
            assert knows(gateway.ready["gateway"], "sim-chat")
            assert gateway.is_running
