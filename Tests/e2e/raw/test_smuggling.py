"""No request is hidden in another one: not from the gateway, and not from a front end before it."""

import collections
import concurrent.futures
import dataclasses
import json
import pathlib
import re
import time
from collections.abc import Iterator

import fronts
import pytest
from fronts import Front
from harness import processes
from harness.wire import wait_for
from smuggling import Arrival, Case, Recorder, cases, exchange
from stack import Stack, base_config, model, upstream

pytestmark = pytest.mark.gateway_only

CASES = cases()
# What the letters of the corpus mean: the statuses of the answers, and which of the two requests arrive.
ANSWERED = {"B": 400, "K": 400, "N": 404, "M": 405, "G": None}

# What a front end lets pass although the gateway would refuse it, by the beginning of the names, and why that is harmless:
# front end and gateway still agree on how many requests there are and whose they are.
DECIDED = {
    ("chunk: ", "extension", "trailer: "): "it takes the framing off, and frames what it has read anew",
    ("short length", "right length", "length of zero and"): "HAProxy drops the length beside chunks, as RFC 9112 says",
    ("length: ", "length name: ", "two length names: "): "it writes one length anew, or drops the field that it cannot read",
    ("coding: a ", "folded: "): "it writes folded lines and blanks anew, as one line",
    ("every line ends in LF", "the request line ends", "a field ends in LF", "a value ends", "the head ends in LF"):
        "it reads LF for CR LF and writes CR LF; what is behind is a request of its own to it, and to the gateway",
    ("field name: ",): "it drops the field, or passes it on and the gateway refuses it",
    ("host: twice the same", "host: in two cases"): "HAProxy makes one of equal hosts",
    ("target: absolute form", "target: https", "target: another scheme"): "it takes path and host from it and writes the origin form",
    ("line: a CR LF before",): "it skips it, and does not pass it on",
    ("connection with 600",): "nginx does not pass the field on",
    ("CONNECT",): "HAProxy passes it on, is refused, and takes what is behind for a request, as its client meant it",
}  # fmt: skip


@dataclasses.dataclass
class Outcome:
    """What became of one case."""

    statuses: list[int]
    closed: bool
    arrivals: list[Arrival]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


def start(folder: pathlib.Path, recorder: Recorder):
    config = base_config("http://127.0.0.1:9")
    config["upstreams"].append(upstream("recorder", f"http://127.0.0.1:{recorder.port}/v1"))
    config["models"].append(model("recorded", "recorder"))
    return processes.start_run(folder, config)


def send_all(url: str) -> dict[str, tuple[list[int], bool]]:
    """Every case on a connection of its own, a few at a time."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return dict(zip([case.ident for case in CASES], pool.map(lambda case: exchange(url, case.data), CASES)))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> dict[str, Outcome]:
    """What becomes of the corpus that is sent to the gateway itself."""
    folder = tmp_path_factory.mktemp("smuggling")
    with start(folder, recorder) as gateway:
        answers = send_all(gateway.ready["gateway"])
        assert gateway.is_running
    arrived = collections.defaultdict(list)
    for arrival in recorder.arrivals:
        arrived[arrival.ident.removesuffix("-behind").removesuffix("-smuggled")].append(arrival)
    assert set(arrived) <= answers.keys(), "requests that belong to no case"
    return {ident: Outcome(*answer, arrived[ident]) for ident, answer in answers.items()}


def expectation(case: Case) -> tuple[list[str], bool | None, list[str]]:
    """Statuses by their pattern, whether the connection is closed, and what arrives."""
    behind = f"{case.ident}-behind"
    if case.verdict == "A":
        return ["200", "200"], False, [case.ident, behind]
    if case.verdict == "O":
        return ["200"], True, [case.ident]
    if case.verdict == "R":
        return ["refused"], True, []
    if case.verdict == "H":
        return [], True, []
    if case.verdict == "W":
        return [], False, []
    return [str(ANSWERED[case.verdict] or 200), "200"], False, [behind]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.verdict} {case.name}" for case in CASES])
def test_gateway_reads_one_request_and_no_other(outcomes: dict[str, Outcome], case: Case) -> None:
    statuses, closed, arrivals = expectation(case)
    outcome = outcomes[case.ident]
    found = ["refused" if statuses == ["refused"] and status in REFUSALS else str(status) for status in outcome.statuses]
    assert (found, outcome.closed) == (statuses, closed)
    assert [arrival.ident or case.ident for arrival in outcome.arrivals] == arrivals


REFUSALS = (400, 413, 417, 431, 501, 505)


def test_what_arrives_is_well_formed(outcomes: dict[str, Outcome], recorder: Recorder) -> None:
    assert recorder.faults == []
    for case in CASES:
        named = re.search(rb"\r\nConnection:[^\r]*(X-Extra|HTTP2-Settings)", case.data)
        for arrival in outcomes[case.ident].arrivals if named else []:
            assert not arrival.values(named[1].decode().lower()), f"named by the connection field: {case.name}"
    assert sum(len(outcome.arrivals) for outcome in outcomes.values()) > 100


def gateway_lines(stack: Stack) -> list[dict]:
    return [json.loads(line) for line in (stack.folder / "data/logs/access.log").read_text().splitlines()]


@pytest.mark.parametrize("kind", ["nginx", "nginx-lax", "haproxy", "haproxy-lax"])
def test_front_end_and_gateway_agree(tmp_path: pathlib.Path, kind: str) -> None:
    """The gateway sees exactly the requests that the front end has passed on, and each answer goes back to its own."""
    if (fronts.NGINX if kind.startswith("nginx") else fronts.HAPROXY) is None:
        pytest.skip(f"{kind.split('-')[0]} is not installed")
    recorder = Recorder()
    with start(tmp_path / "gateway", recorder) as gateway:
        stack = Stack("gateway", gateway.ready["gateway"], "", tmp_path / "gateway", gateway)
        (tmp_path / "front").mkdir()
        front = Front(kind, tmp_path / "front", stack.base)
        try:
            answers = send_all(front.url)
            time.sleep(1.5)  # what waits for more of a body is given up by the front end
            agreed = wait_for(lambda: agree(front, stack), timeout=5)
        finally:
            front.close()
            recorder.close()
        seen = front.seen()
        lines = gateway_lines(stack)
        known = {request.ident: request for request in seen if request.is_passed}
        counted = collections.Counter(line["request_id"] for line in lines if line.get("request_id") in known)
        unknown = [line for line in lines if line.get("request_id") not in known and line.get("code") not in MALFORMED]
        assert unknown == [], "not sent by the front end"
        assert max(counted.values()) == 1, "one request of the front end's is two at the gateway"
        assert agreed, f"missing at the gateway, and nameless there: {unmatched(front, stack)}"
        assert recorder.faults == []
        for arrival in recorder.arrivals:
            assert arrival.values("x-front-id") and arrival.values("x-front-id")[0] in known, arrival
            assert [arrival.target] == arrival.values("x-front-target"), "another target than the front end saw"
        assert len({arrival.values("x-front-id")[0] for arrival in recorder.arrivals}) == len(recorder.arrivals)
        for request in known.values():
            assert request.echo in ("", "-", request.ident), f"an answer that belongs to another request: {request}"
        passed_idents = {arrival.ident.partition(" ")[0] for arrival in recorder.arrivals}
        for case in CASES:
            if case.verdict in ("R", "H") and passed_idents & {case.ident, f"{case.ident}-smuggled"}:
                assert any(case.name.startswith(names) for names in DECIDED), f"{kind} lets pass: {case.name}"
        print(f"{kind}: {len(answers)} cases, {len(seen)} requests seen, {len(known)} passed on, "
              f"{len(lines)} at the gateway, {len(recorder.arrivals)} at the upstream")  # fmt: skip
        assert len(recorder.arrivals) > 100


# Of a head that cannot be read, nothing is known that the front end has put into it.
MALFORMED = ("malformed_request", "head_too_large", "unsupported_http_version", "unsupported_expectation")


def agree(front: Front, stack: Stack) -> bool:
    """Each request that was passed on and is not known by its id is one of those whose head could not be read. A client that leaves
    while nginx is about to pass its request on (499) leaves a connection in nginx's log, and perhaps not a byte at the gateway."""
    missing, nameless = unmatched(front, stack)
    return sum(request.status != "499" for request in missing) <= nameless <= len(missing)


def unmatched(front: Front, stack: Stack) -> tuple[list, int]:
    """Requests that the gateway has not logged by their ids, and how many it has logged without an id."""
    lines = gateway_lines(stack)
    idents = {line.get("request_id") for line in lines}
    missing = [request for request in front.seen() if request.is_passed and request.ident not in idents]
    return missing, sum("request_id" not in line for line in lines)
