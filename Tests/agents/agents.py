"""Where agents live: an environment for each, a home that is thrown away, and no way out of the machine."""

import os
import pathlib
import subprocess
import time

import pytest
from harness import processes

TIMEOUT = 60.0


def installed(name: str) -> pathlib.Path:
    """The folder of an agent's environment. Skips the test where its packages cannot be installed."""
    run = subprocess.run([processes.ROOT / "scripts/venv", f"agents-{name}"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        cause = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"{name} cannot be installed: {cause}")
    return pathlib.Path(run.stdout.strip()).parents[1]


def inside(environment: pathlib.Path, pattern: str) -> pathlib.Path:
    """The one file of the environment's packages that matches."""
    found = list(environment.glob(f"lib/python3*/site-packages/{pattern}"))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


class Home:
    """A home and a working folder of an agent's own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / "home"
        self.work = folder / "work"
        self.folder.mkdir()
        self.work.mkdir()

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *command: object, **variables: str) -> str:
        """Runs a command to its good end; what it printed to standard output."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            # Nothing but what runs on this machine can be reached.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            **variables,
        }
        started = time.monotonic()
        run = subprocess.run(
            [str(word) for word in command],
            cwd=self.work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        took = f"{time.monotonic() - started:.0f} s"
        assert run.returncode == 0, f"ended with {run.returncode} after {took}:\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
        return run.stdout
