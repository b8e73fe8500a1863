"""Fixtures of the end-to-end tier: one set of servers for each pytest process."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from cells import results_of, table  # noqa: E402
from harness import processes  # noqa: E402
from stack import Stack, add_faults, base_config, start_faults  # noqa: E402

TARGET = os.environ.get("E2E_TARGET", "gateway")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if TARGET == "gateway":
        return
    for item in items:
        if item.get_closest_marker("gateway_only"):
            item.add_marker(pytest.mark.skip(reason="needs the gateway"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = table(results_of([report for reports in terminalreporter.stats.values() for report in reports]))
    if lines:
        terminalreporter.section("clients through translation")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway with its upstreams, or the simulator alone."""
    folder = tmp_path_factory.mktemp("stack")
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder))
        url = simulator.ready["simulator"]
        if TARGET == "simulator":
            yield Stack("simulator", url, url, folder, None)
            return
        faults = start_faults()
        for server in faults.values():
            running.callback(server.close)
        config = add_faults(base_config(url), faults)
        gateway = running.enter_context(processes.start_run(folder, config))
        yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)
        if not gateway.is_running:
            raise AssertionError(f"the gateway ended by itself:\n{gateway.tail()}")
