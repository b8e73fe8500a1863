"""The gateway's own port over TLS: what is negotiated, certificates that are replaced while it runs, handshakes that fail."""

import contextlib
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator

import httpx
import openai
import pytest
from harness import processes
from harness.tls import Authority, Certificate
from harness.wire import wait_for
from stack import MAIN_KEY, Stack, base_config

pytestmark = pytest.mark.gateway_only


class Secure:
    """A gateway that speaks TLS, with the authority that its clients trust."""

    def __init__(self, stack: Stack, authority: Authority, used: Certificate):
        self.stack = stack
        self.authority = authority
        self.used = used
        self.port = int(stack.base.rsplit(":", 1)[1])

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def context(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def connect(self, *protocols: str) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return self.context(*protocols).wrap_socket(plain, server_hostname="localhost")

    def serial(self) -> str:
        with self.connect() as connection:
            return connection.getpeercert()["serialNumber"]

    def replace(self, chain: pathlib.Path, key: pathlib.Path) -> None:
        for source, target in ((chain, self.used.chain), (key, self.used.key)):
            shutil.copy(source, target.with_suffix(".new"))
            target.with_suffix(".new").rename(target)

    def metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics", verify=self.context()).text

    def metric(self, name: str) -> float:
        line = next(line for line in self.metrics().splitlines() if line.startswith(name + " ") or line.startswith(name + "{"))
        return float(line.rsplit(" ", 1)[1])

    def log(self) -> str:
        return (self.stack.folder / "data/logs/error.log").read_text()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls-clients")
    authority = Authority(folder)
    first = authority.certificate("first", "DNS:localhost", "IP:127.0.0.1")
    used = Certificate(folder / "used.pem", folder / "used.key")
    shutil.copy(first.chain, used.chain)
    shutil.copy(first.key, used.key)
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(processes.start_simulator(folder)).ready["simulator"]
        options = ("--tls-certificate", str(used.chain), "--tls-key", str(used.key))
        gateway = running.enter_context(processes.start_run(folder, base_config(simulator), *options))
        yield Secure(Stack("gateway", gateway.ready["gateway"], simulator, folder, gateway), authority, used)


def test_the_address_is_told_with_its_scheme(secure: Secure) -> None:
    assert secure.stack.base.startswith("https://")


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None), (("h2",), "h2")],
)
def test_the_protocol_is_negotiated(secure: Secure, offered: tuple[str, ...], agreed: str | None) -> None:
    with secure.connect(*offered) as connection:
        assert connection.selected_alpn_protocol() == agreed
        assert connection.version() == "TLSv1.3"


def test_sdk_over_tls(secure: Secure) -> None:
    with httpx.Client(verify=secure.context()) as http:
        client = openai.OpenAI(base_url=f"{secure.url}/v1", api_key=MAIN_KEY, http_client=http, max_retries=0)
        answer = client.chat.completions.create(model="sim-a", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content
        stream = client.chat.completions.create(
            model="sim-a", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


@pytest.mark.parametrize(("flag", "is_taken"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_versions(secure: Secure, flag: str, is_taken: bool) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-CAfile", str(secure.authority.file), flag]
    command += ["-cipher", "DEFAULT@SECLEVEL=0"] if flag == "-tls1_1" else []
    run = subprocess.run(command, input="", capture_output=True, text=True, timeout=20, check=False)
    assert (run.returncode == 0 and "Verification: OK" in run.stdout) == is_taken, run.stdout + run.stderr


def test_sessions_are_resumed(secure: Secure, tmp_path: pathlib.Path) -> None:
    """A client that comes back need not go through the whole handshake."""
    session = tmp_path / "session"
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2", "-CAfile", str(secure.authority.file)]
    first = subprocess.run([*command, "-sess_out", str(session)], input="", capture_output=True, text=True, timeout=20)
    assert "New, TLSv1.2" in first.stdout
    second = subprocess.run([*command, "-sess_in", str(session)], input="", capture_output=True, text=True, timeout=20)
    assert "Reused, TLSv1.2" in second.stdout


def test_plain_http_is_not_understood(secure: Secure) -> None:
    before = secure.metrics().count("gateway_tls_handshake_failures_total{")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        try:
            answer = connection.recv(1000)
        except ConnectionResetError:
            answer = b""
        assert not answer.startswith(b"HTTP/")
    assert wait_for(lambda: 'gateway_tls_handshake_failures_total{reason="refused"}' in secure.metrics()), before


def test_who_goes_away_is_counted(secure: Secure) -> None:
    socket.create_connection(("127.0.0.1", secure.port), timeout=5).close()
    assert wait_for(lambda: 'gateway_tls_handshake_failures_total{reason="closed"}' in secure.metrics())


def test_connections_are_counted_once(secure: Secure) -> None:
    assert wait_for(lambda: secure.metric("gateway_client_connections_open") == 1)
    with secure.connect(), secure.connect("h2"):
        idle = socket.create_connection(("127.0.0.1", secure.port), timeout=5)
        assert wait_for(lambda: secure.metric("gateway_client_connections_open") == 4)
        idle.close()
    assert wait_for(lambda: secure.metric("gateway_client_connections_open") == 1)


def test_a_replaced_certificate_is_used_without_a_restart(secure: Secure) -> None:
    before = secure.serial()
    expiry = secure.metric("gateway_tls_certificate_expiry_timestamp_seconds")
    assert time.time() < expiry < time.time() + 3 * 86400
    with secure.connect("http/1.1") as held:
        fresh = secure.authority.certificate("fresh", "DNS:localhost", "IP:127.0.0.1")
        secure.replace(fresh.chain, fresh.key)
        assert wait_for(lambda: secure.serial() != before, timeout=10)
        # The connection from before is not disturbed.
        held.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert held.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_broken_certificate_changes_nothing_and_is_told_once(secure: Secure) -> None:
    before = secure.serial()
    told = secure.log().count("new certificate cannot be used")
    other = secure.authority.certificate("unfit", "DNS:localhost")
    secure.replace(other.chain, secure.authority.certificate("unfit-key", "DNS:localhost").key)
    assert wait_for(lambda: secure.log().count("new certificate cannot be used") > told, timeout=10)
    time.sleep(5)
    assert secure.log().count("new certificate cannot be used") == told + 1
    assert "is not the key of the certificate" in secure.log()
    assert secure.serial() == before
    secure.replace(other.chain, other.key)
    assert wait_for(lambda: secure.serial() != before, timeout=10)


def test_hangup_reloads_at_once(secure: Secure) -> None:
    before = secure.serial()
    fresh = secure.authority.certificate("hup", "DNS:localhost", "IP:127.0.0.1")
    secure.replace(fresh.chain, fresh.key)
    assert secure.stack.gateway is not None
    secure.stack.gateway.process.send_signal(signal.SIGHUP)
    assert wait_for(lambda: secure.serial() != before, timeout=1.5)


PORTS = ["--gateway-port", "0", "--config-center-port", "0"]


def wrong_start(folder: pathlib.Path, *options: str) -> subprocess.CompletedProcess[str]:
    return processes.run_once("run", "--data-dir", str(folder / "data"), *PORTS, *options)


def test_wrong_starts(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    one, two = authority.certificate("one", "DNS:localhost"), authority.certificate("two", "DNS:localhost")
    junk = tmp_path / "junk.pem"
    junk.write_text("nothing of the kind\n")
    cases = {
        "needs --tls-key": ("--tls-certificate", str(one.chain)),
        "needs --tls-certificate": ("--tls-key", str(one.key)),
        "cannot be read: No such file": ("--tls-certificate", str(tmp_path / "none.pem"), "--tls-key", str(one.key)),
        "no unencrypted private key": ("--tls-certificate", str(one.chain), "--tls-key", str(junk)),
        "no certificate in PEM form": ("--tls-certificate", str(junk), "--tls-key", str(one.key)),
        "is not the key of the certificate": ("--tls-certificate", str(one.chain), "--tls-key", str(two.key)),
    }
    for reason, options in cases.items():
        run = wrong_start(tmp_path, *options)
        assert run.returncode == 2, (reason, run)
        assert reason in run.stderr and len(run.stderr.strip().splitlines()) == 1, run.stderr
        assert not (tmp_path / "data").exists()
