"""What the end-to-end tests talk to: a gateway with a simulator and faulty upstreams behind it, or the simulator alone."""

import dataclasses
import json
import pathlib
import urllib.request

from harness import processes
from harness.faults import FAULTS, FaultServer

MAIN_KEY = "agw_e2e_main_0123456789abcdef"
OTHER_KEY = "agw_e2e_other_0123456789abcdef"
LIMITED_KEY = "agw_e2e_limited_0123456789abcdef"
EXPIRED_KEY = "agw_e2e_expired_0123456789abcdef"
LISTED_KEY = "agw_e2e_listed_0123456789abcdef"
UPSTREAM_KEY = "sim-upstream-credential-0123456789"
TIMEOUTS = {"connect": "1s", "firstByte": "1500ms", "idle": "1500ms", "total": "60s"}


@dataclasses.dataclass
class Stack:
    """The addresses of one running set of servers, and what they have seen."""

    kind: str
    base: str
    simulator: str
    folder: pathlib.Path
    gateway: processes.Command | None

    @property
    def openai_url(self) -> str:
        return f"{self.base}/v1"

    def count(self) -> dict:
        """How many requests reached the simulator, by how they ended."""
        return fetch_json(f"{self.simulator}/-/count")

    def received(self) -> list[dict]:
        """The last requests that reached the simulator."""
        return fetch_json(f"{self.simulator}/-/requests")["requests"]

    def received_with(self, text: str) -> list[dict]:
        """Those of them whose body contains `text`."""
        return [request for request in self.received() if text in (request["body"] or "")]


def fetch_json(url: str, **headers: str) -> dict:
    """GET of a JSON document."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return json.load(response)


def upstream(name: str, base_url: str, dialect: str = "openai", **more: object) -> dict:
    """An upstream as the configuration file writes it."""
    return {
        "name": name,
        "dialect": dialect,
        "baseURL": base_url,
        "credentials": [{"value": UPSTREAM_KEY}],
        **more,
    }


def model(name: str, upstream_name: str, target: str | None = None) -> dict:
    """A model with one target."""
    return {"name": name, "targets": [{"upstream": upstream_name, **({"model": target} if target else {})}]}


def base_config(simulator: str) -> dict:
    """Namespaces and keys of every kind, and the simulator in both dialects."""
    return {
        "namespaces": [
            {"name": "main"},
            {"name": "other", "match": {"pathPrefix": "/other"}},
            {"name": "limited"},
        ],
        "keys": [
            {"name": "main", "namespace": "main", "value": MAIN_KEY},
            {"name": "other", "namespace": "other", "value": OTHER_KEY},
            {"name": "limited", "namespace": "limited", "value": LIMITED_KEY},
            {"name": "expired", "namespace": "main", "value": EXPIRED_KEY, "expires": "2020-01-01T00:00:00Z"},
            {"name": "listed", "namespace": "main", "value": LISTED_KEY, "models": ["sim-embedding"]},
        ],
        "upstreams": [
            upstream("simulator", f"{simulator}/v1"),
            upstream("simulator-anthropic", f"{simulator}/v1", dialect="anthropic"),
        ],
        "models": [
            model("sim-*", "simulator"),
            model("sim-embedding", "simulator"),
            model("sim-alias", "simulator", target="sim-renamed"),
            model("whisper-*", "simulator"),
            model("claude-*", "simulator-anthropic"),
        ],
        "routes": [{"name": "default", "match": {"paths": ["/v1/*"]}, "upstream": "simulator"}],
        "policies": [
            {"name": "limited", "scope": {"namespace": "limited"}, "rateLimit": {"requests": 3, "per": "24h"}}
        ],
    }


def add_faults(config: dict, faults: dict[str, FaultServer]) -> dict:
    """Adds an upstream and a model for every fault, in both dialects; none is retried, so that a fault is seen once."""
    for name, server in faults.items():
        base = f"http://127.0.0.1:{server.port}/v1"
        config["upstreams"].append(upstream(f"fault-{name}", base, timeouts=TIMEOUTS))
        config["upstreams"].append(upstream(f"afault-{name}", base, dialect="anthropic", timeouts=TIMEOUTS))
        config["models"].append(model(f"fault-{name}", f"fault-{name}"))
        config["models"].append(model(f"afault-{name}", f"afault-{name}"))
    once = {"name": "faults", "match": {"models": ["fault-*", "afault-*"]}, "retry": {"attempts": 1}}
    config["routes"].insert(0, once)
    return config


def start_faults() -> dict[str, FaultServer]:
    """One faulty upstream of each kind."""
    return {name: FaultServer(behaviour) for name, behaviour in FAULTS.items()}
