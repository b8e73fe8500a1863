"""Starts the binary's commands on free ports, reads the ready file that they write, and stops them again."""

import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("AI_GATEWAY_BINARY", ROOT / ".build/debug/ai-gateway"))
START_TIMEOUT = 30.0


class StartFailure(AssertionError):
    """A process ended, or did not become ready; carries the end of what it printed."""


class Command:
    """One running command of the binary: its ready file, its output, its end."""

    def __init__(self, folder: pathlib.Path, name: str, arguments: list[str], environment: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.output_path = folder / f"{name}.log"
        self._ready_path = folder / f"{name}.ready.json"
        self._ready_path.unlink(missing_ok=True)
        self._output = self.output_path.open("ab")
        self.process = subprocess.Popen(
            [str(BINARY), *arguments, "--ready-file", str(self._ready_path)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**clean_environment(), **(environment or {})},
            cwd=folder,
        )
        try:
            self.ready = self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> dict[str, str]:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._ready_path.exists():
                text = self._ready_path.read_text()
                if text.endswith("\n"):
                    return json.loads(text)
            if self.process.poll() is not None:
                raise StartFailure(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            time.sleep(0.02)
        raise StartFailure(f"{self.name} was not ready after {START_TIMEOUT} s:\n{self.tail()}")

    def tail(self, characters: int = 4000) -> str:
        """The end of what the process has printed."""
        return self.output_path.read_text(errors="replace")[-characters:]

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self, timeout: float = 35.0) -> int:
        """Asks the process to finish, as an operator does; returns its exit code."""
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout} s") from error
        finally:
            self._output.close()

    def kill(self) -> None:
        """Ends the process without giving it a chance to tidy up."""
        if self.is_running:
            self.process.kill()
        self.process.wait()
        self._output.close()

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change the gateway: providers' keys and the gateway's own options."""
    dropped = ("OPENAI_", "ANTHROPIC_", "GEMINI_", "AI_GATEWAY_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def run_once(*arguments: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Runs a command of the binary to its end."""
    return subprocess.run(
        [str(BINARY), *arguments], capture_output=True, text=True, timeout=timeout, env=clean_environment(), check=False
    )


def start_simulator(folder: pathlib.Path, *arguments: str, name: str = "simulator") -> Command:
    """A simulator of its own on a free port."""
    return Command(folder, name, ["simulate", "--port", "0", *arguments])


def start_run(folder: pathlib.Path, config: dict, *arguments: str, name: str = "run") -> Command:
    """`ai-gateway run` on free ports with this configuration; its data directory is `folder/data`."""
    return Command(folder, name, ["run", *_common(folder, config), *_free_ports(), *arguments])


def _free_ports() -> list[str]:
    ports = ["--gateway-port", "--config-center-port", "--token-service-port", "--console-port"]
    return [word for port in ports for word in (port, "0")]


def _common(folder: pathlib.Path, config: dict) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = write_config(folder / "gateway.yaml", config)
    return ["--config", str(path), "--data-dir", str(folder / "data")]


def write_config(path: pathlib.Path, config: dict) -> pathlib.Path:
    """Writes a configuration; JSON is YAML."""
    path.write_text(json.dumps(config, indent=2) + "\n")
    return path


def start_config_center(folder: pathlib.Path, config: dict, port: int = 0, name: str = "config-center") -> Command:
    """`ai-gateway config-center` with this configuration; its ready file also names its `enrolmentToken`."""
    arguments = ["config-center", *_common(folder, config), "--config-center-port", str(port)]
    return Command(folder, name, arguments)


def start_gateway(
    folder: pathlib.Path, config_center: str, token: str, *arguments: str, port: int = 0, name: str = "gateway"
) -> Command:
    """`ai-gateway gateway` that takes its configuration from a config center."""
    data = ["--data-dir", str(folder / "data"), "--gateway-port", str(port)]
    follow = ["--config-center", config_center, "--enrolment-token", token]
    return Command(folder, name, ["gateway", *data, *follow, *arguments])


def start_token_service(
    folder: pathlib.Path, config_center: str, *arguments: str, port: int = 0, name: str = "token-service"
) -> Command:
    """`ai-gateway token-service` that asks a config center whose a token is."""
    data = ["--data-dir", str(folder / "data"), "--token-service-port", str(port)]
    return Command(folder, name, ["token-service", *data, "--config-center", config_center, *arguments])


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_descriptor_limit() -> None:
    """Lets this process, and those that it starts, open as many sockets as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def usage_records(folder: pathlib.Path) -> list[dict]:
    """What `ai-gateway usage tail` prints of the data directory `folder/data`, whose gateway may be running or not."""
    run = run_once("usage", "tail", "--json", "--data-dir", str(folder / "data"))
    if run.returncode != 0:
        raise AssertionError(f"usage tail ended with {run.returncode}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines() if line]
