"""A gateway with one upstream of each dialect, all of them on one simulator, and a model for each."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator

from cells import CHAT_ALONE, UPSTREAMS
from clients import Answer
from harness import processes
from offers import AWS_KEY, AWS_SECRET
from stack import MAIN_KEY, fetch_json, upstream

CLAUDE_ON_BEDROCK = "eu.anthropic.claude-sim-20251101-v1:0"


@dataclasses.dataclass
class Gateway:
    base: str
    simulator: str
    # A simulator that is no upstream, and verifies no signatures.
    unsigned: str
    folder: pathlib.Path

    def received(self) -> list[dict]:
        """The last requests that reached the upstreams."""
        return fetch_json(f"{self.simulator}/-/requests")["requests"]

    def records(self, model: str) -> dict[str, dict]:
        """The records of usage of one model, by their ids."""
        records = processes.usage_records(self.folder)
        return {record["id"]: record for record in records if record["model"] == model}

    def next_record(self, model: str, ask: Callable[[], Answer]) -> tuple[Answer, dict]:
        """An answer, with the record of its usage. It is written when the exchange has ended, a moment later."""
        before = self.records(model)
        answer = ask()
        deadline = time.monotonic() + 10
        new: dict[str, dict] = {}
        while not new and time.monotonic() < deadline:
            new = {name: record for name, record in self.records(model).items() if name not in before}
        assert len(new) == 1
        return answer, next(iter(new.values()))


def config(simulator: str) -> dict:
    """One upstream of each dialect, all on the simulator, and for each a model on a route of every kind of `losses`."""
    aws = {"accessKey": AWS_KEY, "secretKey": AWS_SECRET, "region": "eu-central-1"}
    upstreams = [
        upstream("openai", f"{simulator}/v1"),
        upstream("azure-openai", f"{simulator}/openai", "azure-openai"),
        upstream("anthropic", f"{simulator}/v1", "anthropic"),
        upstream("bedrock", simulator, "bedrock", credentials=[{"aws": aws}]),
        upstream("gemini", f"{simulator}/v1", "gemini"),
        upstream(CHAT_ALONE, f"{simulator}/v1", responses=False),
    ]
    kinds = {"m": "warn", "strict": "strict", "allow": "allow"}
    targets = {"bedrock": CLAUDE_ON_BEDROCK, "anthropic": "claude-sim", "gemini": "gemini-sim"}
    return {
        "namespaces": [{"name": "main"}],
        "keys": [{"name": "main", "namespace": "main", "value": MAIN_KEY}],
        "upstreams": upstreams,
        "models": [
            {"name": f"{kind}-{name}", "targets": [{"upstream": name, "model": targets.get(name, "gpt-sim")}]}
            for kind in kinds
            for name in [*UPSTREAMS, CHAT_ALONE]
        ],
        # One attempt, so that an error of the upstream's is seen once.
        "routes": [
            {"name": kind, "match": {"models": [f"{kind}-*"]}, "retry": {"attempts": 1}, "losses": losses}
            for kind, losses in kinds.items()
        ],
    }


def started(folder: pathlib.Path) -> Iterator[Gateway]:
    """Such a gateway, until the tests of a module end."""
    aws = ["--aws-access-key", AWS_KEY, "--aws-secret-key", AWS_SECRET]
    with (
        processes.start_simulator(folder, *aws) as simulator,
        processes.start_simulator(folder, name="unsigned") as unsigned,
        processes.start_run(folder, config(simulator.ready["simulator"])) as running,
    ):
        ready = (running.ready["gateway"], simulator.ready["simulator"], unsigned.ready["simulator"])
        yield Gateway(*ready, folder)
        assert running.is_running, running.tail()
