"""Config center and gateway as two processes, and each without the other."""

import pathlib
from collections.abc import Iterator

import pytest
from harness import processes
from harness.processes import Command
from harness.wire import call, post_json, request, wait_for
from stack import MAIN_KEY, base_config, model

pytestmark = pytest.mark.gateway_only


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with processes.start_simulator(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator.ready["simulator"]


def serves(gateway: Command, name: str = "sim-chat") -> bool:
    body = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
    return post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, body).status == 200


def status(gateway: Command, path: str) -> int:
    return call(gateway.ready["gateway"], request("GET", path)).status


def test_each_survives_the_other(tmp_path: pathlib.Path, simulator: str) -> None:
    config = base_config(simulator)
    port = processes.free_port()
    center = processes.start_config_center(tmp_path / "center", config, port)
    url, token = center.ready["configCenter"], center.ready["enrolmentToken"]
    with processes.start_gateway(tmp_path / "gateway", url, token) as gateway:
        assert wait_for(lambda: serves(gateway)), "the first snapshot did not arrive"
        assert status(gateway, "/readyz") == 200
        center.kill()
        assert all(serves(gateway) for _ in range(10)), "serving depends on the config center"
        assert gateway.stop() == 0
    with processes.start_gateway(tmp_path / "gateway", url, token, name="restarted") as gateway:
        assert serves(gateway), "the last good snapshot was not used"
        assert gateway.is_running
        config["models"].append(model("added-later", "simulator"))
        with processes.start_config_center(tmp_path / "center", config, port, name="restarted-center"):
            assert wait_for(lambda: serves(gateway, "added-later"), timeout=15), "the gateway did not reconnect"
        assert gateway.stop() == 0


def test_secrets_are_not_on_disk_in_clear(tmp_path: pathlib.Path, simulator: str) -> None:
    with processes.start_config_center(tmp_path / "center", base_config(simulator)) as center:
        url, token = center.ready["configCenter"], center.ready["enrolmentToken"]
        with processes.start_gateway(tmp_path / "gateway", url, token) as gateway:
            assert wait_for(lambda: serves(gateway))
            gateway.stop()
        center.stop()
    secrets = [b"sim-upstream-credential", MAIN_KEY.encode()]
    for path in [*tmp_path.glob("center/data/**/*"), *tmp_path.glob("gateway/data/**/*")]:
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], f"{path.name} has a secret in clear"
    for path in tmp_path.glob("*/*.log"):
        assert MAIN_KEY not in path.read_text(errors="replace")


def test_without_any_configuration(tmp_path: pathlib.Path) -> None:
    nowhere = f"http://127.0.0.1:{processes.free_port()}"
    with processes.start_gateway(tmp_path, nowhere, "agt_nothing") as gateway:
        body = {"model": "sim-chat", "messages": []}
        answer = post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, body)
        assert (answer.status, answer.code) == (503, "not_ready"), "our own fault must not look like the caller's"
        assert status(gateway, "/healthz") == 200
        assert status(gateway, "/readyz") == 503


def test_a_wrong_enrolment_token_gets_nothing(tmp_path: pathlib.Path, simulator: str) -> None:
    with processes.start_config_center(tmp_path / "center", base_config(simulator)) as center:
        try:
            gateway = processes.start_gateway(tmp_path / "gateway", center.ready["configCenter"], "wrong")
        except processes.StartFailure as failure:
            assert "enrolment" in str(failure)
            return
        with gateway:
            assert not wait_for(lambda: serves(gateway), timeout=1)
            assert status(gateway, "/readyz") == 503
