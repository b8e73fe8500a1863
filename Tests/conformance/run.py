"""Runs the providers' own tests of their packages against the gateway, with a simulator behind it.

The source distribution of the installed version brings the tests; its sources are renamed away, so that the installed
package is what they import. `exceptions.txt` lists what cannot pass.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import processes  # noqa: E402

KEY = "agw_conformance_0123456789abcdef"
RESOURCES = [
    "chat",
    "responses",
    "audio/test_speech.py",
    "audio/test_transcriptions.py",
    "audio/test_translations.py",
    "test_batches.py",
    "test_completions.py",
    "test_embeddings.py",
    "test_files.py",
    "test_images.py",
    "test_models.py",
    "test_moderations.py",
    "test_responses.py",
]


@dataclasses.dataclass(frozen=True)
class Target:
    """What is tested: a package's own tests, and the dialect of the upstream that the gateway sends them to."""

    package: str
    resources: list[str]
    # None: no gateway, the simulator alone.
    dialect: str | None
    model: str | None = None
    # A part of the names of the tests that are meant; the others are about objects that a provider keeps.
    only: str | None = None


CLAUDE_ON_BEDROCK = "eu.anthropic.claude-sim-20251101-v1:0"
MESSAGES = ["test_messages.py", "beta/test_messages.py"]
TARGETS = {
    "gateway": Target("openai", RESOURCES, "openai"),
    "simulator": Target("openai", RESOURCES, None),
    "messages-on-openai": Target("anthropic", MESSAGES, "openai", "gpt-sim"),
    "messages-on-bedrock": Target("anthropic", MESSAGES, "bedrock", CLAUDE_ON_BEDROCK),
    "chat-on-anthropic": Target("openai", ["chat/test_completions.py"], "anthropic", "claude-sim", "create"),
    "chat-on-bedrock": Target("openai", ["chat/test_completions.py"], "bedrock", CLAUDE_ON_BEDROCK, "create"),
    # Responses are missing: every example of theirs has no input, or builds on a response that is kept.
}
AWS = {"accessKey": "AKIASIMULATEDACCESS0", "secretKey": "simulated/secret", "region": "eu-central-1"}


def fetch_suite(package: str) -> pathlib.Path:
    """The unpacked source distribution of the installed package; downloaded once."""
    version = importlib.metadata.version(package)
    folder = pathlib.Path(sys.prefix) / "suite"
    suite = folder / f"{package}-{version}"
    if (suite / "tests").is_dir() and not (suite / "src").exists():
        return suite
    folder.mkdir(exist_ok=True)
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"{package}=={version}"]
    subprocess.run([sys.executable, "-m", "pip", "download", *options], check=True, stdout=sys.stderr)
    with tarfile.open(folder / f"{package}-{version}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    (suite / "src").rename(suite / "src.away")
    return suite


def gateway_config(simulator: str, target: Target) -> dict:
    """One key; every model, and every call that names none, is the simulator's."""
    is_bedrock = target.dialect == "bedrock"
    upstream = {
        "name": "simulator",
        "dialect": target.dialect,
        "baseURL": simulator if is_bedrock else f"{simulator}/v1",
        "credentials": [{"aws": AWS} if is_bedrock else {"value": "sim-key"}],
    }
    model = {"upstream": "simulator", **({"model": target.model} if target.model else {})}
    return {
        "namespaces": [{"name": "conformance"}],
        "keys": [{"name": "suite", "namespace": "conformance", "value": KEY}],
        "upstreams": [upstream],
        "models": [{"name": "*", "targets": [model]}],
        "routes": [{"name": "default", "match": {"paths": ["/v1/*"]}, "upstream": "simulator"}],
    }


def run_suite(name: str, base_url: str, arguments: list[str]) -> int:
    """Runs pytest in the suite's folder; its summary is the last line printed."""
    target = TARGETS[name]
    suite = fetch_suite(target.package)
    # Anthropic's paths begin with the version, OpenAI's behind it.
    base_url += "/v1" if target.package == "openai" else ""
    environment = {
        **processes.clean_environment(),
        "TEST_API_BASE_URL": base_url,
        "CONFORMANCE_TARGET": name,
        "CONFORMANCE_KEY": KEY,
        "PYTHONPATH": str(HERE),
    }
    command = [sys.executable, "-m", "pytest", "-p", "conformance_plugin", "-p", "no:cacheprovider", "-q", "--tb=short"]
    # One at a time: the tests delete and read objects with the same ids.
    command += ["-o", "addopts=", "--rootdir", str(suite)]
    command += [f"tests/api_resources/{name}" for name in target.resources]
    command += ["-k", target.only] if target.only else []
    return subprocess.run([*command, *arguments], cwd=suite, env=environment, check=False).returncode


def run(name: str, arguments: list[str]) -> int:
    """Starts what one target needs, and runs its suite."""
    print(f"== {name}", flush=True)
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        folder = pathlib.Path(temporary)
        with processes.start_simulator(folder, "--accept-placeholders") as simulator:
            url = simulator.ready["simulator"]
            if target.dialect is None:
                return run_suite(name, url, arguments)
            with processes.start_run(folder, gateway_config(url, target)) as gateway:
                return run_suite(name, gateway.ready["gateway"], arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=TARGETS, help="one of them; without it all that have a gateway, in turn")
    options, arguments = parser.parse_known_args()
    if options.target:
        return run(options.target, arguments)
    names = [name for name, target in TARGETS.items() if target.dialect]
    return max(run(name, arguments) for name in names)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
