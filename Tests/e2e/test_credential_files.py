"""Credentials that are kept in files of the gateway's machine."""

import pathlib
import shutil
from collections.abc import Iterator

import pytest
from harness import processes
from harness.wire import post_json, wait_for
from stack import MAIN_KEY, Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

SECRET = "sim-credential-from-a-file"


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: pathlib.Path = tmp_path_factory.mktemp("credentials")
    secrets = folder / "data" / "secrets"
    secrets.mkdir(parents=True)
    (folder / "data").chmod(0o700)
    outside = folder / "outside"
    outside.write_text("root-of-all-evil\n")
    (secrets / "inside").write_text(f"{SECRET}\n")
    (secrets / "mounted").symlink_to("inside")
    (secrets / "link").symlink_to(outside)
    (folder / "data" / "secrets-of-others").mkdir()
    shutil.copy(outside, folder / "data" / "secrets-of-others" / "file")
    paths = {
        "inside": secrets / "inside",
        "mounted": secrets / "mounted",
        "link": secrets / "link",
        "outside": outside,
        "dots": secrets / ".." / ".." / "outside",
        "prefix": folder / "data" / "secrets-of-others" / "file",
        "missing": secrets / "missing",
        "directory": secrets,
    }
    with processes.start_simulator(folder) as simulator:
        url = simulator.ready["simulator"]
        config = base_config(url)
        for name, path in paths.items():
            config["upstreams"].append({**upstream(name, f"{url}/v1"), "credentials": [{"file": str(path)}]})
            config["models"].append(model(f"by-{name}", name, target="sim-chat"))
        with processes.start_run(folder, config) as gateway:
            yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)


def credential(stack: Stack, name: str) -> str | None:
    """What the upstream is shown."""
    body = {"model": f"by-{name}", "messages": [{"role": "user", "content": f"shown by {name}"}]}
    post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
    (request,) = stack.received_with(f"shown by {name}")
    return {name.lower(): value for name, value in request["headers"]}.get("authorization")


@pytest.mark.parametrize("name", ["inside", "mounted"])
def test_file_in_the_directory_is_read(filed: Stack, name: str) -> None:
    shown = credential(filed, name)
    assert shown is not None and shown.startswith("Bearer ")


@pytest.mark.parametrize("name", ["link", "outside", "dots", "prefix", "missing", "directory"])
def test_any_other_file_is_not(filed: Stack, name: str) -> None:
    assert credential(filed, name) is None
    log = filed.folder / "data" / "logs" / "error.log"
    assert wait_for(lambda: f"upstream `{name}`: no credential in the file" in log.read_text())
    assert "root-of-all-evil" not in log.read_text()
