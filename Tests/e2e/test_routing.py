"""Which upstream a call reaches: weights, tiers, retries."""

import json
import pathlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import processes
from harness.faults import FAULTS, FaultServer
from harness.wire import Answer, post_json
from stack import MAIN_KEY, Stack, base_config, upstream

pytestmark = pytest.mark.gateway_only


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway whose models have several targets."""
    folder: pathlib.Path = tmp_path_factory.mktemp("routing")
    refused, failing, saturated = (FaultServer(FAULTS[name]) for name in ("refused", "500", "429"))
    with processes.start_simulator(folder) as simulator:
        url = simulator.ready["simulator"]
        config = base_config(url)
        for name, server in {"refused": refused, "failing": failing, "saturated": saturated}.items():
            config["upstreams"].append(upstream(name, f"http://127.0.0.1:{server.port}/v1"))
            tiers = [{"upstream": name}, {"upstream": "simulator", "model": "sim-chat", "priority": 1}]
            config["models"].append({"name": f"{name}-then-simulator", "targets": tiers})
            config["models"].append({"name": f"only-{name}", "targets": [{"upstream": name}]})
        narrow = {"connections": 1, "requestsInFlight": 1000, "queue": 100, "queueTimeout": "20s"}
        config["upstreams"].append(upstream("narrow", f"{url}/v1", limits=narrow))
        config["models"].append({"name": "narrow", "targets": [{"upstream": "narrow", "model": "sim-chat"}]})
        shares = [("heavy", 80), ("light", 20)]
        targets = [{"upstream": "simulator", "model": f"sim-{name}", "weight": weight} for name, weight in shares]
        config["models"].append({"name": "shared", "targets": targets})
        retry = {"attempts": 2, "on": ["connect", "429", "5xx"], "backoff": "10ms"}
        config["routes"][0]["retry"] = retry
        # One event loop, so that all calls share the one connection of the narrow upstream.
        with processes.start_run(folder, config, "--threads", "1") as gateway:
            yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)
    for server in (refused, failing, saturated):
        server.close()


def chat(stack: Stack, model: str, stream: bool = False) -> Answer:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": f"route {model}"}]}
    return post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)


@pytest.mark.parametrize("fault", ["refused", "failing", "saturated"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_next_tier_serves_when_the_first_fails(routed: Stack, fault: str, stream: bool) -> None:
    before = routed.count()["received"]
    answer = chat(routed, f"{fault}-then-simulator", stream)
    assert answer.status == 200
    assert answer.headers["x-gateway-upstream"] == "simulator"
    assert answer.headers["x-gateway-attempts"] == "2"
    assert routed.count()["received"] == before + 1


@pytest.mark.parametrize(("fault", "status"), [("refused", 502), ("failing", 500), ("saturated", 429)])
def test_last_failure_is_told(routed: Stack, fault: str, status: int) -> None:
    assert chat(routed, f"only-{fault}").status == status


def test_errors_are_retried(routed: Stack) -> None:
    before = routed.count()["received"]
    answers = [chat(routed, "sim-error-0.5") for _ in range(10)]
    assert {answer.status for answer in answers} == {200}
    assert routed.count()["received"] > before + 10, "nothing failed, so nothing was retried"


def test_weights_share_the_calls(routed: Stack) -> None:
    count = 200
    for _ in range(count):
        assert chat(routed, "shared").status == 200
    received = [json.loads(request["body"])["model"] for request in routed.received_with("route shared")]
    shares = Counter(received)
    assert shares.keys() == {"sim-heavy", "sim-light"}
    # Six standard deviations around 80 %.
    assert 0.63 < shares["sim-heavy"] / len(received) < 0.97


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_calls_that_wait_for_a_connection_get_their_own_answers(routed: Stack, stream: bool) -> None:
    """Upstream connections are lent from call to call; nobody may see a byte of another's."""

    def one(number: int) -> tuple[Answer, Answer]:
        body = {"stream": stream, "messages": [{"role": "user", "content": f"mine is {number}"}]}
        through = post_json(routed.base, "/v1/chat/completions", MAIN_KEY, {**body, "model": "narrow"}, timeout=30)
        return through, post_json(routed.simulator, "/v1/chat/completions", "any", {**body, "model": "sim-chat"})

    with ThreadPoolExecutor(24) as pool:
        pairs = list(pool.map(one, range(72)))
    for through, direct in pairs:
        assert through.status == 200 and through.complete
        assert texts(through) == texts(direct)


def texts(answer: Answer) -> list[str]:
    """What the model said, piece by piece."""
    parts = [json.loads(data) for _, data in answer.events if data != "[DONE]"] or [answer.json]
    choices = [choice for part in parts for choice in part["choices"]]
    return [choice.get("delta", choice.get("message")).get("content", "") for choice in choices]


@pytest.fixture(scope="module")
def two_loops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two event loops, and an upstream that may be sent one request at a time."""
    folder: pathlib.Path = tmp_path_factory.mktemp("loops")
    with processes.start_simulator(folder) as simulator:
        url = simulator.ready["simulator"]
        config = base_config(url)
        narrow = {"connections": 1, "requestsInFlight": 1000, "queue": 100, "queueTimeout": "3s"}
        config["upstreams"].append(upstream("narrow", f"{url}/v1", limits=narrow))
        config["models"].append({"name": "narrow", "targets": [{"upstream": "narrow", "model": "sim-chat"}]})
        with processes.start_run(folder, config, "--threads", "2") as gateway:
            yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)


def test_one_connection_serves_all_loops(two_loops: Stack) -> None:
    """The kernel spreads connections over the loops; none of them may keep the upstream's only connection to itself."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: chat(two_loops, "narrow"), range(120)))
    assert Counter(answer.status for answer in answers) == {200: 120}


def test_idle_connection_of_another_loop_is_given_up_at_once(two_loops: Stack) -> None:
    slowest = 0.0
    for _ in range(30):
        begun = time.monotonic()
        assert chat(two_loops, "narrow").status == 200
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 1.0
