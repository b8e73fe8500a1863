"""The agents' tier: its modules, and those that it shares with the end-to-end tests."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in (TESTS, TESTS / "e2e", TESTS / "agents"):
    sys.path.insert(0, str(folder))
