"""The benchmark harness: peers that do the same work, measured in the same run. Python's standard library only."""
