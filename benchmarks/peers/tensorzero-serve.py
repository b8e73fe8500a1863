"""Serves the gateway that the `tensorzero` package carries, and writes its port: tensorzero-serve.py CONFIG PORT_FILE."""

import os
import signal
import sys
from pathlib import Path

os.environ["BENCH_PROVIDER_KEY"] = "sk-benchmark"
os.environ.setdefault("RUST_LOG", "warn")

import tensorzero  # noqa: E402 (it reads the environment when it is loaded)

gateway = tensorzero._start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
unfinished = Path(sys.argv[2] + ".unfinished")
unfinished.write_text(gateway.base_url.rsplit(":", 1)[1].split("/")[0])
unfinished.rename(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.pause()
