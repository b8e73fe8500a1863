"""A pytest plugin for the suites of the providers' packages: known exceptions, and the objects that its tests name.

The suite replays documented examples, whose ids are placeholders such as `file_id`. A gateway lets a caller reach only
objects that its namespace has created, so each test that names one finds it freshly created, through the same base URL.
"""

import fnmatch
import json
import os
import pathlib
import urllib.request

import pytest

EXCEPTIONS = pathlib.Path(__file__).with_name("exceptions.txt")
TARGET = os.environ["CONFORMANCE_TARGET"]
BASE_URL = os.environ["TEST_API_BASE_URL"]
KEY = os.environ["CONFORMANCE_KEY"]
# The others run the part of a suite that is translated, in which nothing is kept.
IS_WHOLE_SUITE = TARGET in ("gateway", "simulator")

RESPONSE_IDS = ["response_id", "resp_677efb5139a88190b512bc3fef8e535d", "resp_123", "previous_response_id"]


def read_exceptions() -> list[tuple[str, str]]:
    """The patterns and reasons that hold for this target."""
    exceptions = []
    for number, line in enumerate(EXCEPTIONS.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not fields[2]:
            raise pytest.UsageError(f"{EXCEPTIONS.name}:{number}: expected TARGET | TEST | REASON")
        if TARGET in fields[0].split() or (fields[0] == "any" and IS_WHOLE_SUITE):
            exceptions.append((fields[1], fields[2]))
    return exceptions


def pytest_plugin_registered(plugin: object) -> None:
    """The suites' own keys are none of a gateway's: they get one that is."""
    if getattr(plugin, "api_key", None) in ("My API Key", "my-anthropic-api-key"):
        plugin.api_key = KEY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for pattern, reason in read_exceptions():
        escaped = pattern.replace("[", "[[]")
        matching = [item for item in items if fnmatch.fnmatchcase(item.nodeid, escaped)]
        if not matching:
            raise pytest.UsageError(f"{EXCEPTIONS.name}: no test is called {pattern}")
        for item in matching:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(autouse=True)
def stored_objects(request: pytest.FixtureRequest) -> None:
    """Creates the objects that the test names."""
    if not IS_WHOLE_SUITE:
        return
    name = request.node.nodeid
    if "test_files.py" in name:
        create("/files", "file_id", multipart=True)
    elif "test_batches.py" in name:
        create("/files", "input_file_id", multipart=True)
        create("/batches", "batch_id", {"input_file_id": "input_file_id", "endpoint": "/v1/responses"})
    elif "/responses/" in name or "test_responses.py" in name:
        for identifier in RESPONSE_IDS:
            create("/responses", identifier, {"model": "gpt-5", "input": "An example."})
    elif "/chat/" in name:
        # The package types every stored message as the assistant's.
        messages = [{"role": "assistant", "content": "An example."}]
        create("/chat/completions", "completion_id", {"model": "gpt-5", "store": True, "messages": messages})


def create(path: str, identifier: str, body: dict | None = None, multipart: bool = False) -> None:
    """Creates one object with an id of our choice, which the simulator grants."""
    headers = {"authorization": f"Bearer {KEY}", "x-sim-id": identifier}
    if multipart:
        data = (
            '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            '--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\r\n--b--\r\n'
        ).encode()
        headers["content-type"] = "multipart/form-data; boundary=b"
    else:
        data = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    request = urllib.request.Request(BASE_URL + path, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        created = json.load(response)["id"]
    if created != identifier:
        raise AssertionError(f"POST {path} created {created} instead of {identifier}")
