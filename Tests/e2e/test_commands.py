"""The commands as a person uses them: apply, export, usage, wrong words, ports that are taken."""

import pathlib
import re
import signal
import socket
from collections.abc import Iterator

import pytest
from harness import processes
from harness.processes import Command, run_once
from harness.wire import post_json, wait_for
from stack import MAIN_KEY, UPSTREAM_KEY, base_config

pytestmark = pytest.mark.gateway_only

PORTS = ["--gateway-port", "0", "--config-center-port", "0"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("commands")
    with processes.start_simulator(folder) as simulator:
        with processes.start_run(folder, base_config(simulator.ready["simulator"])) as gateway:
            gateway.folder = folder
            yield gateway


def command(gateway: Command, *arguments: str):
    access = ["--config-center", gateway.ready["configCenter"], "--password", gateway.ready["adminPassword"]]
    return run_once(*arguments, *access)


def audit(gateway: Command) -> str:
    return (gateway.folder / "data/logs/audit.log").read_text()


def test_what_was_exported_changes_nothing_when_applied(gateway: Command, tmp_path: pathlib.Path) -> None:
    exported = command(gateway, "export")
    assert exported.returncode == 0
    assert MAIN_KEY not in exported.stdout and UPSTREAM_KEY not in exported.stdout
    file = tmp_path / "exported.yaml"
    file.write_text(exported.stdout)
    applied = command(gateway, "apply", "-f", str(file))
    assert (applied.returncode, applied.stderr) == (0, "")
    assert re.fullmatch(r"nothing changed; version \d+\n", applied.stdout)
    assert command(gateway, "export").stdout == exported.stdout
    body = {"model": "sim-chat", "messages": [{"role": "user", "content": "still there"}]}
    assert post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, body).status == 200


def test_apply_tells_what_it_did(gateway: Command, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("namespaces: [{name: more}]\nkeys: [{name: generated, namespace: more}]\n")
    applied = command(gateway, "apply", "-f", str(file))
    lines = applied.stdout.splitlines()
    assert "added namespace more" in lines and "added key generated" in lines
    key = re.search(r"^key generated: (agw_\w+) ", applied.stdout, re.M)[1]
    body = {"model": "sim-chat", "messages": [{"role": "user", "content": "hello"}]}
    assert wait_for(lambda: post_json(gateway.ready["gateway"], "/v1/chat/completions", key, body).status == 200)
    assert wait_for(lambda: '"name":"generated"' in audit(gateway)), "no line in the audit log"
    assert key not in audit(gateway)


def test_every_wrong_field_is_told(gateway: Command, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("models: [{name: x, target: y}, {nam: z}]\n")
    run = command(gateway, "apply", "-f", str(file))
    assert run.returncode == 1
    assert "models[0].target: unknown field" in run.stderr and "models[1].nam: unknown field" in run.stderr


def test_a_wrong_password_is_told_and_audited(gateway: Command) -> None:
    run = run_once("export", "--config-center", gateway.ready["configCenter"], "--user", "nobody", "--password", "wrong")
    assert run.returncode == 1
    assert "password is wrong" in run.stderr and len(run.stderr.splitlines()) == 1
    assert wait_for(lambda: '"actor":"nobody"' in audit(gateway))
    line = next(line for line in audit(gateway).splitlines() if '"actor":"nobody"' in line)
    assert '"action":"refuse"' in line and '"id"' not in line


def test_logs_are_opened_anew_on_hangup(gateway: Command) -> None:
    moved = {}
    for name in ("access", "audit", "error"):
        path = gateway.folder / f"data/logs/{name}.log"
        moved[name] = path.rename(path.with_suffix(".log.1"))
    gateway.process.send_signal(signal.SIGHUP)
    assert wait_for(lambda: all((gateway.folder / f"data/logs/{name}.log").exists() for name in moved))
    command(gateway, "export")
    assert wait_for(lambda: '"action":"login"' in audit(gateway))


def test_no_config_center(tmp_path: pathlib.Path) -> None:
    url = f"http://127.0.0.1:{processes.free_port()}"
    run = run_once("export", "--config-center", url, "--password", "x", timeout=10)
    assert run.returncode == 1
    assert run.stderr == f"ai-gateway: {url}/api/v1/login cannot be reached: Connection refused\n"


WRONG = {
    "unknown option": (["run", "--bogus"], "--bogus"),
    "unknown command": (["walk"], "walk"),
    "wrong number": (["run", "--threads", "0"], "--threads: `0` is not a number from 1 to 256"),
    "missing file": (["apply"], "--file"),
    "no config center": (["gateway"], "--config-center"),
    "wrong dial": (["simulate", "--dials", "zzz"], "zzz"),
    "no password": (["export"], "AI_GATEWAY_PASSWORD"),
}


@pytest.mark.parametrize(("arguments", "named"), WRONG.values(), ids=WRONG.keys())
def test_wrong_words_are_one_line_and_exit_code_2(arguments: list[str], named: str) -> None:
    run = run_once(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert named in run.stderr
    assert run.stderr.startswith("ai-gateway: ") and len(run.stderr.splitlines()) == 1, run.stderr


@pytest.mark.parametrize("service", ["gateway", "config-center"])
def test_a_first_run_without_its_port_spoils_nothing(tmp_path: pathlib.Path, service: str) -> None:
    data = ["--data-dir", str(tmp_path / "data")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = run_once("run", *data, *PORTS, f"--{service}-port", port)
    assert run.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use; choose another port with --{service}-port" in run.stderr
    with Command(tmp_path, "second", ["run", *data, *PORTS]) as second:
        assert second.ready["adminPassword"] and second.ready["demoKey"], "the password went with the first attempt"


def test_a_gateway_refuses_resources_of_its_own(tmp_path: pathlib.Path) -> None:
    path = processes.write_config(tmp_path / "gateway.yaml", {"namespaces": [{"name": "main"}]})
    options = ["--config-center", "http://127.0.0.1:1", "--enrolment-token", "x", "--data-dir", str(tmp_path / "data")]
    run = run_once("gateway", "--config", str(path), *options)
    assert run.returncode == 2 and "takes its resources from the config center" in run.stderr


def test_usage_of_a_finished_call(gateway: Command) -> None:
    body = {"model": "sim-chat", "messages": [{"role": "user", "content": "count me"}]}
    post_json(gateway.ready["gateway"], "/v1/chat/completions", MAIN_KEY, body)
    record = wait_for(lambda: processes.usage_records(gateway.folder))[-1]
    assert (record["outcome"], record["code"], record["model_served"]) == ("complete", "", "sim-chat")
    assert record["time"].endswith("Z")
    run = run_once("usage", "tail", "--data-dir", str(gateway.folder / "nowhere"))
    assert run.returncode == 1 and "there is no journal" in run.stderr and run.stdout == ""
