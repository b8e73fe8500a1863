"""What the gateway says about itself: its metrics and its access log."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from harness.wire import wait_for
from stack import Stack

SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def metric(stack: Stack, name: str, **labels: str) -> float:
    """The sum of all series of a metric that have these labels."""
    with urllib.request.urlopen(f"{stack.base}/metrics", timeout=10) as response:
        text = response.read().decode()
    total = 0.0
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample is None or sample["name"] != name:
            continue
        found = dict(LABEL.findall(sample["labels"] or ""))
        if all(found.get(label) == value for label, value in labels.items()):
            total += float(sample["value"])
    return total


def access_lines(stack: Stack, request_id: str) -> list[dict]:
    """The access log's lines about a request; the log is a file below the data directory."""
    lines = []
    for path in stack.folder.glob("data/**/*access*"):
        for line in path.read_text(errors="replace").splitlines():
            if request_id in line:
                lines.append(json.loads(line))
    return lines


def error_lines(stack: Stack, request_id: str) -> list[dict]:
    """The error log's lines about an exchange."""
    text = (stack.folder / "data/logs/error.log").read_text()
    return [json.loads(line) for line in text.splitlines() if f'"gateway.id":"{request_id}"' in line]


@contextmanager
def one_failure(stack: Stack, code: str) -> Iterator[None]:
    """What runs inside makes exactly one exchange, which fails with this code."""

    def counts() -> tuple[float, float]:
        return metric(stack, "gateway_requests_failed_total", code=code), metric(stack, "gateway_requests_total")

    failed, finished = counts()
    yield
    wait_for(lambda: counts() == (failed + 1, finished + 1))
    assert counts() == (failed + 1, finished + 1), f"not counted as one failure with the code {code}"


def check_log(stack: Stack, request_id: str, code: str) -> None:
    """The access log has one line about the request, with this code, and no credential in it."""
    lines = wait_for(lambda: access_lines(stack, request_id))
    assert len(lines) == 1, f"{len(lines)} lines about {request_id}"
    assert lines[0]["code"] == code
    assert "agw_" not in json.dumps(lines[0])
