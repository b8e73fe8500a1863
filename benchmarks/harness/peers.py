"""The systems under test. Each one starts on a port of its own, does the same work, and stops."""

import json
import os
import shutil
import subprocess
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from .machine import Fault, Server, free_ports, listens

PEERS = Path(__file__).resolve().parent.parent / "peers"

#: What a peer does with a request; ../PEERS.md says more.
FORWARDS, GATEWAY_WORK, OWN_WORK = "forwards", "does the work", "does its own work"


@dataclass(frozen=True)
class Setting:
    """In which way a peer is run; the same for all that are compared."""

    access_log: bool = False
    loops: int = 1
    #: Certificate and key, as PEM files, for TLS on the client's side.
    tls: tuple = ()
    #: Long answers in small pieces: passed on at once, with the least memory that the peer needs for it.
    streams: bool = False
    #: The gateway without its work: one anonymous namespace, no key, no policy, no rewriting.
    bare: bool = False


class Peer:
    """One system under test in one setting."""

    name = ""
    does = GATEWAY_WORK
    #: Settings that the peer can be run in beyond plain HTTP on one loop.
    can = frozenset()
    path = "/v1/chat/completions"
    checks_keys = True

    def __init__(self, folder: Path, workload, upstream_ports, cores, setting=Setting(), wrapper=(), environment=None):
        self.folder, self.workload, self.upstream_ports = folder, workload, upstream_ports
        self.cores, self.setting, self.wrapper, self.environment = cores, setting, list(wrapper), environment
        self.server = None
        self.port = 0

    @classmethod
    def missing(cls, options):
        """Why this peer cannot be measured here; None if it can."""
        return None

    @classmethod
    def lacks(cls, options, setting: Setting):
        """Why this peer cannot be run in this setting; None if it can."""
        wanted = {name for name in ("loops", "tls", "streams") if getattr(setting, name) not in ((), False, 1)}
        return f"is not set up for: {', '.join(sorted(wanted - cls.can))}" if wanted - cls.can else None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        command = [*self.wrapper, *self.arguments()]
        self.server = Server(command, self.cores, self.folder / "output.log", self.environment)
        self.server.wait_for(self.ready, 240 if self.wrapper else 120)

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None

    def ready(self) -> bool:
        return listens(self.port)

    @property
    def log_file(self) -> Path:
        return self.folder / "access.log"

    @property
    def keys_file(self) -> Path:
        """Lines of `key namespace limit`, whose keys callers use in turn."""
        return self.workload.keys_file

    @property
    def body_file(self) -> Path:
        return self.workload.body_file

    def write(self, template: str, values: dict, name: str = "") -> Path:
        """A configuration in this peer's folder: the template with every `@NAME@` filled in."""
        text = (PEERS / template).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        file = self.folder / (name or template)
        file.write_text(text)
        return file


class Nginx(Peer):
    name = "nginx"
    does = FORWARDS
    can = frozenset({"loops", "tls", "streams"})
    template = "nginx.conf"

    @classmethod
    def missing(cls, options):
        return None if nginx_binary() else "nginx is not installed (scripts/setup bench)"

    def arguments(self):
        return [nginx_binary(), "-c", self.write(self.template, self.values()), "-p", self.folder]

    def values(self):
        tls = "".join(
            f"ssl_certificate{suffix} {file}; " for suffix, file in zip(("", "_key"), self.setting.tls)
        )
        return {
            "USER": "user root;" if os.geteuid() == 0 else "",  # else it drops to an account that cannot read this
            "DIR": self.folder, "PORT": self.port, "LOOPS": self.setting.loops,
            "LISTEN": "ssl http2" if self.setting.tls else "", "TLS": tls,
            "PORT_A": self.upstream_ports[0], "PORT_B": self.upstream_ports[1],
            # A buffer, because ours has one: a write per line would be measured otherwise.
            "ACCESS_LOG": f"{self.log_file} line buffer=64k flush=1s" if self.setting.access_log else "off",
            # Under an instrumenting wrapper the work has to happen in the process that the wrapper sees.
            "MASTER": "off" if self.wrapper else "on",
            "BUFFERS": "proxy_buffering off; proxy_buffer_size 4k;" if self.setting.streams
            else "proxy_buffers 8 16k; proxy_buffer_size 16k;",
        }


class NginxLua(Nginx):
    name = "nginx + Lua"
    does = GATEWAY_WORK
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
    can = frozenset({"loops", "tls", "streams"})
    binary = Path(".build/dist/ai-gateway")

    @classmethod
    def missing(cls, options):
        cls.binary = options.binary
        return None if os.access(options.binary, os.X_OK) else f"there is no {options.binary} (make release)"

    @classmethod
    def lacks(cls, options, setting: Setting):
        if setting.tls and "--tls-certificate" not in _help(options.binary):
            return "has no option --tls-certificate"
        return super().lacks(options, setting)

    def arguments(self):
        configuration = self.folder / "gateway.yaml"
        write = self.workload.bare_configuration if self.setting.bare else self.workload.gateway_configuration
        configuration.write_text(write(self.upstream_ports))
        self.ready_file.unlink(missing_ok=True)
        tls = [part for pair in zip(("--tls-certificate", "--tls-key"), self.setting.tls) for part in pair]
        return [
            self.binary.resolve(), "run", "--data-dir", self.folder / "data", "--config", configuration,
            "--gateway-port", 0, "--config-center-port", 0, "--token-service-port", 0, "--console-port", 0,
            "--threads", self.setting.loops, "--ready-file", self.ready_file, *tls,
            "--access-log", self.log_file if self.setting.access_log else "off",
            # Records stay in the journal: to store them is another service's work, which no peer has.
            *(["--ledger", "off"] if "--ledger" in _help(self.binary) else []),
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


def _help(binary: Path) -> str:
    return subprocess.run([str(binary.resolve()), "run", "--help"], stdout=subprocess.PIPE, text=True, check=False).stdout
