"""Peers beside nginx: two proxies that only forward, and two AI gateways that do their own work; ../PEERS.md explains."""

import json
import os
import shutil
from pathlib import Path

from .peers import FORWARDS, OWN_WORK, PEERS, Peer
from .tools import ROOT
from .workload import SERVED_MODEL


class HAProxy(Peer):
    name = "haproxy"
    does = FORWARDS
    can = frozenset({"loops", "tls", "streams"})

    @classmethod
    def missing(cls, options):
        return None if _haproxy() else "haproxy is not installed (scripts/setup bench)"

    def arguments(self):
        bind = ""
        if self.setting.tls:
            both = self.folder / "both.pem"
            both.write_text("".join(Path(file).read_text() for file in self.setting.tls))
            bind = f"ssl crt {both} alpn h2,http/1.1"
        return [_haproxy(), "-db", "-f", self.write("haproxy.cfg", {
            "LOOPS": self.setting.loops, "PORT": self.port, "BIND": bind,
            "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
            # It has no buffered log file: a line is a write to the descriptor that `output.log` is.
            "LOG": "log stdout format raw local0" if self.setting.access_log else "no log",
        })]


class Envoy(Peer):
    name = "envoy"
    does = FORWARDS
    can = frozenset({"loops", "streams"})

    @classmethod
    def missing(cls, options):
        return _environment_missing("bench-envoy")

    def arguments(self):
        configuration = self.write("envoy.yaml", {
            "PORT": self.port, "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
            "ACCESS_LOG": f"[{self.access_log()}]" if self.setting.access_log else "[]",
        })
        return [
            _environment("bench-envoy") / "envoy", "-c", configuration, "--concurrency", self.setting.loops,
            "--use-dynamic-base-id", "--log-level", "warning", "--file-flush-interval-msec", 1000,
        ]

    def access_log(self) -> str:
        kind = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
        line = {
            "time": "%START_TIME%", "id": "%REQ(X-REQUEST-ID)%", "method": "%REQ(:METHOD)%", "path": "%REQ(:PATH)%",
            "status": "%RESPONSE_CODE%", "bytes": "%BYTES_SENT%", "duration": "%DURATION%", "upstream": "%UPSTREAM_HOST%",
        }
        return json.dumps({
            "name": "envoy.access_loggers.file",
            "typed_config": {"@type": kind, "path": str(self.log_file), "log_format": {"json_format": line}},
        })


class LiteLLM(Peer):
    """One worker. Its keys need a database; without one there is the master key, which is checked like a key."""

    name = "LiteLLM"
    does = OWN_WORK
    KEY = "sk-bench-master-0123456789abcdef"

    @classmethod
    def missing(cls, options):
        return _environment_missing("bench-litellm")

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "HOME": str(self.folder)}

    @property
    def keys_file(self) -> Path:
        file = self.folder / "keys.txt"
        file.write_text(f"{self.KEY} team-000 1\n")
        return file

    def arguments(self):
        configuration = self.write("litellm.yaml", {
            "KEY": self.KEY, "MODEL": SERVED_MODEL,
            "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
        })
        return [
            _environment("bench-litellm") / "litellm", "--config", configuration, "--host", "127.0.0.1",
            "--port", self.port, "--num_workers", 1, "--telemetry", "False",
            "--log_config", self.write("litellm-logs.json", {"LEVEL": "INFO" if self.setting.access_log else "CRITICAL"}),
        ]


class TensorZero(Peer):
    """The gateway that PyPI's package carries, embedded in a Python process that does nothing else. It knows no keys
    without a database."""

    name = "TensorZero"
    does = OWN_WORK
    path = "/openai/v1/chat/completions"
    checks_keys = False

    @classmethod
    def missing(cls, options):
        return _environment_missing("bench-tensorzero")

    def arguments(self):
        configuration = self.write("tensorzero.toml", {
            "MODEL": SERVED_MODEL, "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
        })
        self.port_file.unlink(missing_ok=True)
        return [_environment("bench-tensorzero") / "python", PEERS / "tensorzero-serve.py", configuration, self.port_file]

    @property
    def port_file(self) -> Path:
        return self.folder / "port.txt"

    def ready(self) -> bool:
        if not self.port_file.exists():
            return False
        self.port = int(self.port_file.read_text())
        return super().ready()

    @property
    def body_file(self) -> Path:
        file = self.folder / "body.json"
        call = json.loads(self.workload.body)
        file.write_text(json.dumps({**call, "model": f"tensorzero::model_name::{call['model']}"}))
        return file


def _haproxy():
    return shutil.which("haproxy") or ("/usr/sbin/haproxy" if os.access("/usr/sbin/haproxy", os.X_OK) else None)


def _environment(name: str) -> Path:
    return ROOT / ".venvs" / name / "bin"


def _environment_missing(name: str):
    if (_environment(name).parent / "installed.txt").exists():
        return None
    return f"there is no .venvs/{name} (scripts/venv {name})"
