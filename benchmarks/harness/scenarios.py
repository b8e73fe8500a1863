"""The matrix: which work is measured, beside which peers."""

from dataclasses import dataclass, field, replace

from .other_peers import Envoy, HAProxy, LiteLLM, TensorZero
from .peers import Gateway, Nginx, NginxLua, Setting
from .workload import HEADLINE_BYTES

#: Those that a request is compared with everywhere, in the order in which they take turns: ours beside those that bars
#: compare it with, since ten seconds can change the machine. The two AI gateways are measured beside ours in `gateways`.
PROXIES = (HAProxy, Envoy, Nginx, NginxLua, Gateway)
FORWARDING = (HAProxy, Envoy, Nginx, Gateway)
ALL_PEERS = (*PROXIES, LiteLLM, TensorZero)

#: Who use the keys in turn where their number is what is measured: so many, however few the keys.
CALLERS = 100_000


@dataclass(frozen=True)
class Scenario:
    """One kind of work."""

    name: str
    what: str
    peers: tuple = PROXIES
    load: str = "wrk"  # wrk, close (a connection for every request), h2, streams, turns (of CALLERS)
    body: int = HEADLINE_BYTES
    keys: int = 0  # 0: as the command line says
    setting: Setting = field(default_factory=Setting)
    stream: tuple = ()  # events of an answer, milliseconds between them
    streams: int = 0
    translated: bool = False  # the client speaks another dialect than the upstream
    connections: int = 64
    seconds: int = 0  # at least; for peers that take their time
    #: Times as many rounds as others have, where a few parts in a hundred decide: a virtual machine can be a fifth slower for the
    #: next ten seconds (seen: 16.5 and 20 µs for the same requests), and a change may come between the two that are compared.
    rounds: int = 1

    @property
    def unit(self) -> str:
        return "event" if self.load == "streams" else "request"


_STREAMS = Setting(streams=True)
CHAT = Scenario("chat-1k", "1 kB chat, keep-alive", rounds=2)
CHAT_LOG = replace(CHAT, name="chat-1k-log", what="the same, access log on", setting=Setting(access_log=True))
SSE = Scenario(
    "sse-paced", "500 streams, an event every 10 ms", load="streams", peers=FORWARDING, setting=_STREAMS,
    stream=(100, 10), streams=500, rounds=2,
)
TRANSLATED = replace(SSE, name="sse-translated", what="the same, translated", peers=(Gateway,), translated=True)
BODY_1M = Scenario("body-1m", "1 MB request", body=1_000_000, connections=16)
KEYS = (
    Scenario("keys-10", "10 keys", peers=(NginxLua, Gateway), keys=10, load="turns", rounds=2),
    Scenario("keys-100000", "100 000 keys, used in turn", peers=(NginxLua, Gateway), keys=CALLERS, load="turns", rounds=2),
)
GATEWAYS = Scenario("gateways", "beside other AI gateways", peers=(Gateway, LiteLLM, TensorZero), connections=16, seconds=5)

#: Measured by the sections that bars belong to; those of `MATRIX` stand beside them.
HEADLINE = (CHAT, CHAT_LOG, SSE, TRANSLATED, BODY_1M, *KEYS, GATEWAYS)
MATRIX = (
    Scenario("body-0.2k", "0.2 kB request", body=200),
    Scenario("body-2k", "2 kB request", body=2000),
    Scenario("body-50k", "50 kB request", body=50_000, connections=32),
    Scenario(
        "sse-unpaced", "50 streams, events as fast as they go", load="streams", peers=FORWARDING, setting=_STREAMS,
        stream=(100, 0), streams=50,
    ),
    Scenario("new-connections", "a connection for every request", load="close"),
    Scenario("tls", "HTTPS, keep-alive", peers=(Nginx, HAProxy, Gateway), setting=Setting(tls=("certificate", "key"))),
    Scenario(
        "h2", "HTTPS, HTTP/2, 8 × 8 streams", load="h2", peers=(Nginx, HAProxy, Gateway),
        setting=Setting(tls=("certificate", "key")),
    ),
    Scenario("loops-2", "two loops on both cores", setting=Setting(loops=2)),
    Scenario("bare", "the gateway without its work", peers=(Nginx, Gateway), setting=Setting(bare=True)),
)
BY_NAME = {each.name: each for each in (*HEADLINE, *MATRIX)}
