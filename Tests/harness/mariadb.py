"""A MariaDB of one's own, in a folder, that can be killed and comes back on its port."""

import pathlib
import shutil
import subprocess
import time

from harness.processes import free_port

PROGRAM = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/bin")


class Database:
    """Listens on 127.0.0.1 only; its one database is `gateway`, its user `gateway` without a password."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True)
        # Whoever runs the tests owns the files, root included.
        self._common = ["--no-defaults", f"--datadir={folder}/data", "--user=root"]
        subprocess.run(
            ["mariadb-install-db", *self._common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        script = folder / "init.sql"
        script.write_text(
            # One statement on a line: the server reads it so.
            "CREATE DATABASE IF NOT EXISTS gateway;\n"
            "CREATE USER IF NOT EXISTS gateway@'127.0.0.1';\nGRANT ALL ON gateway.* TO gateway@'127.0.0.1';\n"
        )
        self._more = [
            "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
            f"--init-file={script}", f"--log-error={folder}/log.err", "--skip-log-bin", "--skip-name-resolve",
        ]  # fmt: skip
        self.process: subprocess.Popen | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mysql://gateway@127.0.0.1:{self.port}/gateway?tls=off"

    def start(self) -> None:
        log = self.folder / "log.err"
        seen = log.stat().st_size if log.exists() else 0
        self.process = subprocess.Popen([PROGRAM, *self._common, *self._more], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if log.exists() and b"ready for connections" in log.read_bytes()[seen:]:
                return
            assert self.process.poll() is None, log.read_text(errors="replace")[-2000:]
            time.sleep(0.05)
        raise AssertionError("the database was not ready in time")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
