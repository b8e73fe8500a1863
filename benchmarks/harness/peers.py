"""The systems under test. Each one starts on a port of its own, does the same work, and stops."""

import json
import os
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from .machine import Fault, Server, free_ports, listens

PEERS = Path(__file__).resolve().parent.parent / "peers"


class Peer:
    """One system under test in one setting of the access log."""

    name = ""
    #: True for those that do the gateway's work; the plain proxy only forwards.
    pipeline = True

    def __init__(self, folder: Path, workload, upstream_ports, cores, access_log: bool, wrapper=()):
        self.folder, self.workload, self.upstream_ports = folder, workload, upstream_ports
        self.cores, self.access_log, self.wrapper = cores, access_log, list(wrapper)
        self.server = None
        self.port = 0

    @classmethod
    def missing(cls, options):
        """Why this peer cannot be measured here; None if it can."""
        return None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        self.server = Server([*self.wrapper, *self.arguments()], self.cores, self.folder / "output.log")
        self.server.wait_for(self.ready, 240 if self.wrapper else 60)

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None

    def ready(self) -> bool:
        return listens(self.port)

    @property
    def log_file(self) -> Path:
        return self.folder / "access.log"


class Nginx(Peer):
    name = "nginx"
    pipeline = False
    template = "nginx.conf"

    @classmethod
    def missing(cls, options):
        return None if nginx_binary() else "nginx is not installed (scripts/setup bench)"

    def arguments(self):
        configuration = self.folder / "nginx.conf"
        configuration.write_text(fill(self.template, self.values()))
        return [nginx_binary(), "-c", configuration, "-p", self.folder]

    def values(self):
        return {
            "USER": user_line(), "DIR": self.folder, "PORT": self.port,
            "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
            # A buffer, because ours has one: a write per line would be measured otherwise.
            "ACCESS_LOG": f"{self.log_file} line buffer=64k flush=1s" if self.access_log else "off",
            # Under an instrumenting wrapper the work has to happen in the process that the wrapper sees.
            "MASTER": "off" if self.wrapper else "on",
        }


class NginxLua(Nginx):
    name = "nginx + Lua"
    pipeline = True
    template = "nginx-lua.conf"

    @classmethod
    def missing(cls, options):
        if not nginx_binary():
            return Nginx.missing(options)
        if not (modules_folder() / "ngx_http_lua_module.so").exists():
            return "the Lua module of nginx is not installed (scripts/setup bench)"
        return None

    def values(self):
        return {
            **super().values(), "MODULES": modules_folder(), "PEERS": PEERS, "KEYS": self.workload.keys_file,
        }


class Gateway(Peer):
    name = "ai-gateway"
    binary = Path(".build/dist/ai-gateway")

    @classmethod
    def missing(cls, options):
        cls.binary = options.binary
        return None if os.access(options.binary, os.X_OK) else f"there is no {options.binary} (make release)"

    def arguments(self):
        configuration = self.folder / "gateway.yaml"
        configuration.write_text(self.workload.gateway_configuration(self.upstream_ports))
        self.ready_file.unlink(missing_ok=True)
        return [
            self.binary.resolve(), "run", "--data-dir", self.folder / "data", "--config", configuration,
            "--gateway-port", 0, "--config-center-port", 0, "--token-service-port", 0, "--console-port", 0,
            "--threads", 1, "--ready-file", self.ready_file,
            "--access-log", self.log_file if self.access_log else "off",
        ]

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready.json"

    def ready(self) -> bool:
        try:
            said = json.loads(self.ready_file.read_text())
        except (OSError, ValueError):
            return False
        self.port = urllib.parse.urlsplit(said["gateway"]).port
        return listens(self.port)


class Upstream(Nginx):
    """The provider behind all of them."""

    name = "upstream"
    template = "upstream.conf"

    def __init__(self, folder: Path, workload, cores):
        super().__init__(folder, workload, tuple(free_ports(2)), cores, access_log=False)

    def values(self):
        return {**super().values(), "ANSWER": self.workload.answer.decode()}

    def ready(self) -> bool:
        return all(listens(port) for port in self.upstream_ports)


ALL = (Nginx, NginxLua, Gateway)


def fill(template: str, values: dict) -> str:
    text = (PEERS / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def user_line() -> str:
    """As root nginx would drop to an account that cannot read this folder."""
    return "user root;" if os.geteuid() == 0 else ""


def nginx_binary():
    return shutil.which("nginx") or (
        "/usr/sbin/nginx" if os.access("/usr/sbin/nginx", os.X_OK) else None
    )


def modules_folder() -> Path:
    said = subprocess.run([nginx_binary(), "-V"], stderr=subprocess.PIPE, text=True, check=False).stderr
    for word in said.split():
        if word.startswith("--modules-path="):
            return Path(word.split("=", 1)[1])
    raise Fault("nginx -V names no modules path")
