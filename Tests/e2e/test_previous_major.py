"""The tests of the OpenAI client once more, with its previous major version, in an environment of its own."""

import os
import pathlib
import subprocess

from conftest import TARGET
from harness import processes

HERE = pathlib.Path(__file__).resolve().parent


def test_previous_major_of_openai() -> None:
    python = subprocess.run(
        [processes.ROOT / "scripts/venv", "e2e-openai2"], check=True, capture_output=True, text=True
    ).stdout.strip()
    version = subprocess.run(
        [python, "-c", "import openai; print(openai.__version__)"], check=True, capture_output=True, text=True
    ).stdout
    assert version.startswith("2."), version
    command = [python, "-B", "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE / "test_openai.py")]
    # Without the variables of this run's worker, which would make the inner run think that it is one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        command, cwd=HERE, env={**environment, "E2E_TARGET": TARGET}, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout[-6000:]
    assert " passed" in run.stdout
