"""The suite's own small programs in C: compiled once into the cache folder, again when their text changes."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .machine import Fault

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "benchmarks" / "tools"
CACHE = ROOT / ".build" / "bench-tools"


def tool(name: str) -> Path:
    """The program `benchmarks/tools/NAME.c`, ready to run."""
    return _built(name, f"{name}", ["-lm"])


def library(name: str) -> Path:
    """The same for what is preloaded into another process."""
    return _built(name, f"{name}.so", ["-shared", "-fPIC", "-ldl"])


def _built(name: str, product: str, flags: list) -> Path:
    source = SOURCES / f"{name}.c"
    text = source.read_bytes() + (SOURCES / "common.h").read_bytes()
    built = CACHE / hashlib.sha256(text).hexdigest()[:16] / product
    if built.exists():
        return built
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        raise Fault("there is no C compiler for the suite's own tools (scripts/setup bench)")
    built.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is whole, so that a run that is cut off leaves nothing half done.
    unfinished = built.with_suffix(".unfinished")
    command = [compiler, "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-o", unfinished, source, *flags]
    finished = subprocess.run([str(each) for each in command], stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        raise Fault(f"{source.name} does not compile: {finished.stderr.strip()[-600:]}")
    unfinished.rename(built)
    return built
