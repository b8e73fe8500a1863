"""Start, first run, wrong starts, and stop."""

import asyncio
import pathlib
import socket
import stat

import pytest
from harness import load, processes
from harness.wire import call, post_json, request, wait_for
from stack import MAIN_KEY, base_config

pytestmark = pytest.mark.gateway_only

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
PORTS = ["--gateway-port", "0", "--config-center-port", "0", "--token-service-port", "0", "--console-port", "0"]


def test_first_run_serves_from_the_simulator(tmp_path: pathlib.Path) -> None:
    data = ["--data-dir", str(tmp_path / "data")]
    with processes.Command(tmp_path, "first", ["run", *data, *PORTS]) as gateway:
        key, password = gateway.ready["demoKey"], gateway.ready["adminPassword"]
        assert key.startswith("agw_") and len(password) >= 12
        printed = gateway.tail()
        assert key in printed and password in printed and "curl" in printed
        url = gateway.ready["gateway"]
        names = call(url, request("GET", "/v1/models", authorization=f"Bearer {key}")).json["data"]
        body = {**CHAT, "model": names[0]["id"]}
        assert post_json(url, "/v1/chat/completions", key, body).status == 200
        assert gateway.stop() == 0
    with processes.Command(tmp_path, "second", ["run", *data, *PORTS]) as gateway:
        assert "adminPassword" not in gateway.ready
        assert password not in gateway.tail()
        assert post_json(gateway.ready["gateway"], "/v1/chat/completions", key, body).status == 200
    assert not (tmp_path / "data").stat().st_mode & (stat.S_IRWXO | stat.S_IRWXG), "others can read the data"


def test_port_in_use(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = processes.run_once(
            "run", "--data-dir", str(tmp_path), *PORTS[2:], "--gateway-port", port
        )
    assert run.returncode == 1
    assert port in run.stderr


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"models": [{"name": "x", "target": []}]}', "target"), ("models: [", "gateway.yaml"), ("{nonsense: 1}", "nonsense")],
    ids=["unknown field", "not YAML", "unknown section"],
)
def test_wrong_file(tmp_path: pathlib.Path, text: str, named: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    run = processes.run_once("run", "--config", str(path), "--data-dir", str(tmp_path / "data"), *PORTS)
    assert run.returncode in (1, 2)
    assert named in run.stderr
    assert len(run.stderr.strip().splitlines()) <= 3, run.stderr


def test_unreadable_file(tmp_path: pathlib.Path) -> None:
    run = processes.run_once("run", "--config", str(tmp_path / "none.yaml"), "--data-dir", str(tmp_path), *PORTS)
    assert run.returncode in (1, 2)
    assert "none.yaml" in run.stderr


async def test_stop_drains(tmp_path: pathlib.Path) -> None:
    with processes.start_simulator(tmp_path) as simulator:
        with processes.start_run(tmp_path, base_config(simulator.ready["simulator"])) as gateway:
            url = gateway.ready["gateway"]
            streams = asyncio.create_task(load.streams(url, MAIN_KEY, 20, "sim-rate-10-tokens-30"))
            await asyncio.sleep(1.5)
            gateway.process.terminate()
            refused = await asyncio.to_thread(wait_for, lambda: not accepts(url))
            assert refused, "new connections are still accepted"
            outcomes = await streams
            assert all(outcome.status == 200 and b"[DONE]" in outcome.body for outcome in outcomes)
            assert await asyncio.to_thread(gateway.process.wait, 10) == 0


def accepts(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
