"""Processes and what they cost: pinned to cores, accounted in nanoseconds on the CPU, ended when the run ends."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class Fault(Exception):
    """Something that makes the run meaningless; its text says what and what to do."""


class Server:
    """A process that we started, and its children."""

    def __init__(self, arguments, cores, log: Path, environment=None):
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=lambda: _prepare(cores), start_new_session=True, env={**_environment(), **(environment or {})},
            )

    def wait_for(self, ready, seconds: float):
        """Waits until `ready()` returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Fault(f"{self.process.args[0]} ended with {self.process.returncode}: {self.last_words()}")
            answer = ready()
            if answer:
                return answer
            time.sleep(0.02)
        raise Fault(f"{self.process.args[0]} was not ready within {seconds:.0f} s: {self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-5:]) or f"nothing in {self.log}"

    def cpu_nanoseconds(self) -> int:
        """Time on a CPU of all threads of the process and its descendants."""
        return sum(_thread_time(pid) for pid in family(self.process.pid))

    def cpu_split(self) -> tuple:
        """(user, kernel) time of the same, in the kernel's ticks: good for shares over seconds, not for small spans."""
        user = kernel = 0
        for pid in family(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user, kernel = user + int(fields[11]), kernel + int(fields[12])
        return user, kernel

    def memory_bytes(self) -> int:
        """Resident memory that only the process and its descendants have, and their part of what they share."""
        return sum(_proportional_bytes(pid) for pid in family(self.process.pid))

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _environment() -> dict:
    """Ours without what would configure the gateway: its own options, providers' keys, proxies."""
    dropped = ("AI_GATEWAY_", "OPENAI_", "ANTHROPIC_", "GEMINI_")
    return {
        name: value for name, value in os.environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy")
    }


def _prepare(cores):
    os.sched_setaffinity(0, cores)


def family(pid: int):
    """The process and its descendants."""
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
            for child in children:
                yield from family(int(child))
    except OSError:
        return


def _thread_time(pid: int) -> int:
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            # Fields: nanoseconds on a CPU, nanoseconds waiting for one, timeslices.
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    except OSError:
        return total
    return total


def _proportional_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise Fault(f"/proc/{pid}/smaps_rollup has no Pss line")


def core_busy_nanoseconds(core: int) -> int:
    """Time that a core spent on anything but idling, in the kernel's ticks of 10 ms."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
            ticks = user + nice + system + irq + softirq + steal
            return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    raise Fault(f"/proc/stat does not list cpu{core}")


def run_pinned(arguments, cores, seconds: float) -> str:
    """Runs a load generator to its end and returns what it printed."""
    try:
        finished = subprocess.run(
            [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False, preexec_fn=lambda: _prepare(cores),
        )
    except subprocess.TimeoutExpired as error:
        raise Fault(f"{arguments[0]} did not end within {seconds:.0f} s") from error
    if finished.returncode != 0:
        raise Fault(f"{arguments[0]} ended with {finished.returncode}: {finished.stdout.strip()[-400:]}")
    return finished.stdout


def free_ports(count: int) -> list:
    """Ports of the loopback address that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def description() -> str:
    """The machine in one line, for the head of the results."""
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        os.uname().machine,
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // (1024 * 1024)
    return f"{os.cpu_count()} × {model}, {memory} GiB, Linux {os.uname().release.split('-')[0]}"
