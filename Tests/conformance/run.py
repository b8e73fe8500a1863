"""Runs the OpenAI package's own tests of its API against the gateway, with a simulator behind it.

The source distribution of the installed version brings the tests; its sources are renamed away, so that the installed
package is what they import. `exceptions.txt` lists what cannot pass.
"""

import argparse
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


def fetch_suite() -> pathlib.Path:
    """The unpacked source distribution of the installed `openai`; downloaded once."""
    version = importlib.metadata.version("openai")
    folder = pathlib.Path(sys.prefix) / "suite"
    suite = folder / f"openai-{version}"
    if (suite / "tests").is_dir() and not (suite / "src").exists():
        return suite
    folder.mkdir(exist_ok=True)
    download = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"openai=={version}"]
    subprocess.run([sys.executable, "-m", "pip", *download], check=True, stdout=sys.stderr)
    with tarfile.open(folder / f"openai-{version}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    (suite / "src").rename(suite / "src.away")
    return suite


def gateway_config(simulator: str) -> dict:
    """One key; every model, and every call that names none, is the simulator's."""
    return {
        "namespaces": [{"name": "conformance"}],
        "keys": [{"name": "suite", "namespace": "conformance", "value": KEY}],
        "upstreams": [
            {
                "name": "simulator",
                "dialect": "openai",
                "baseURL": f"{simulator}/v1",
                "credentials": [{"value": "sim-key"}],
            }
        ],
        "models": [{"name": "*", "targets": [{"upstream": "simulator"}]}],
        "routes": [{"name": "default", "match": {"paths": ["/v1/*"]}, "upstream": "simulator"}],
    }


def run_suite(target: str, base_url: str, suite: pathlib.Path, arguments: list[str]) -> int:
    """Runs pytest in the suite's folder; its summary is the last line printed."""
    environment = {
        **processes.clean_environment(),
        "TEST_API_BASE_URL": base_url,
        "CONFORMANCE_TARGET": target,
        "CONFORMANCE_KEY": KEY,
        "PYTHONPATH": str(HERE),
    }
    command = [sys.executable, "-m", "pytest", "-p", "conformance_plugin", "-p", "no:cacheprovider", "-q", "--tb=short"]
    # One at a time: the tests delete and read objects with the same ids.
    command += ["-o", "addopts=", "--rootdir", str(suite)]
    command += [f"tests/api_resources/{name}" for name in RESOURCES]
    return subprocess.run([*command, *arguments], cwd=suite, env=environment, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=["gateway", "simulator"], default="gateway")
    options, arguments = parser.parse_known_args()
    suite = fetch_suite()
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = pathlib.Path(name)
        with processes.start_simulator(folder, "--accept-placeholders") as simulator:
            url = simulator.ready["simulator"]
            if options.target == "simulator":
                return run_suite("simulator", f"{url}/v1", suite, arguments)
            with processes.start_run(folder, gateway_config(url)) as gateway:
                return run_suite("gateway", f"{gateway.ready['gateway']}/v1", suite, arguments)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
