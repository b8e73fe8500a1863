"""What is sent and what comes back: a chat request of some size, one answer of about 1 kB, and who may send it."""

import json
from dataclasses import dataclass
from pathlib import Path

ASKED_MODEL = "gpt-4o"
SERVED_MODEL = "gpt-4o-2024-11-20"
CHAT_PATH = "/v1/chat/completions"
NAMESPACES = 100
# High enough never to refuse: the limit is counted, not reached. `tiny` is for checking that it is enforced at all.
REQUESTS_PER_MINUTE = 100_000_000
TINY_LIMIT = 1
HEADLINE_BYTES = 1000

# The default stops at 1 024 connections to one upstream; idle streams are measured by the thousand.
_LIMITS = "limits: { connections: 16384 }"

_PROMPT = (
    "Summarise the following incident report for the on-call channel in three sentences, keep every number, and say "
    "which team has to act next. At 09:14 the checkout service began to answer 503 for one request in forty; by 09:21 "
    "it was one in six. The cause was a connection pool of 32 towards the price database whose members waited 4.2 s on "
    "average for a lock that a nightly export held beyond its window. The export was cancelled at 09:33, the pool "
    "recovered within 40 s, and no order was lost, but 1 812 customers saw an error page at least once. The export had "
    "grown from 11 to 47 minutes over six weeks without anybody noticing, because its alert watches failures and not "
    "duration; the lock it takes is exclusive although it only reads."
)


@dataclass(frozen=True)
class Workload:
    """The files of one run or scenario, written once into its folder."""

    folder: Path
    keys: int
    body: bytes
    answer: bytes
    path: str

    @staticmethod
    def write(
        folder: Path, keys: int, body_bytes: int = HEADLINE_BYTES, stream: bool = False, translated: bool = False
    ) -> "Workload":
        """`translated` asks in Anthropic's dialect what the upstream answers in OpenAI's."""
        folder.mkdir(parents=True, exist_ok=True)
        body = messages_body() if translated else request_body(body_bytes, stream)
        workload = Workload(folder, keys, body, _answer(), "/v1/messages" if translated else CHAT_PATH)
        workload.body_file.write_bytes(workload.body)
        workload.answer_file.write_bytes(workload.answer)
        workload.event_file.write_bytes(_event())
        workload.keys_file.write_text("".join(f"{key} {name} {limit}\n" for key, name, limit in workload.key_lines()))
        workload.request_file.write_bytes(workload.request(*workload.sample_key()))
        return workload

    @property
    def body_file(self) -> Path:
        return self.folder / "body.json"

    @property
    def answer_file(self) -> Path:
        return self.folder / "answer.json"

    @property
    def event_file(self) -> Path:
        return self.folder / "event.txt"

    @property
    def keys_file(self) -> Path:
        return self.folder / "keys.txt"

    @property
    def request_file(self) -> Path:
        return self.folder / "request.http"

    def key_lines(self):
        """(key, namespace, requests per minute) of every key, and of one whose namespace may do nearly nothing."""
        for number in range(self.keys):
            yield f"agw_bench_{number:07d}_0123456789abcdef", f"team-{number % NAMESPACES:03d}", REQUESTS_PER_MINUTE
        yield "agw_bench_tiny_0123456789abcdef", "tiny", TINY_LIMIT

    def sample_key(self) -> tuple:
        """A key from the middle, and its namespace."""
        key, namespace, _ = list(self.key_lines())[self.keys // 2]
        return key, namespace

    def request(self, key: str, namespace: str) -> bytes:
        """The whole HTTP request, as the generators send it."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {key}\r\nx-namespace: {namespace}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: OpenAI/Python 3.0.0\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body

    def gateway_configuration(self, upstream_ports: tuple) -> str:
        """The same rules for `ai-gateway`, in its declarative form."""
        lines = ["namespaces:"]
        names = sorted({name for _, name, _ in self.key_lines()})
        lines += [f"  - {{ name: {name}, match: {{ headers: {{ x-namespace: {name} }} }} }}" for name in names]
        lines.append("keys:")
        for number, (key, name, _) in enumerate(self.key_lines()):
            lines.append(f"  - {{ name: key-{number:07d}, namespace: {name}, value: {key} }}")
        lines.append("upstreams:")
        for name, port in zip("ab", upstream_ports):
            lines.append(
                f"  - {{ name: {name}, dialect: openai, baseURL: 'http://127.0.0.1:{port}/v1', "
                f"credentials: [{{ value: sk-benchmark }}], {_LIMITS} }}"
            )
        lines += [
            "models:",
            f"  - name: {ASKED_MODEL}",
            "    targets:",
            f"      - {{ upstream: a, model: {SERVED_MODEL}, weight: 90 }}",
            f"      - {{ upstream: b, model: {SERVED_MODEL}, weight: 10 }}",
            "routes:",
            "  - name: default",
            "    match: { paths: ['/v1/*'] }",
            "policies:",
        ]
        limits = sorted({(name, limit) for _, name, limit in self.key_lines()})
        for name, limit in limits:
            lines.append(
                f"  - {{ name: {name}-requests, scope: {{ namespace: {name} }}, "
                f"rateLimit: {{ requests: {limit}, per: 1m }} }}"
            )
        return "\n".join(lines) + "\n"


    def bare_configuration(self, upstream_ports: tuple) -> str:
        """One namespace that admits everybody, and no rule: what the gateway costs when it only forwards."""
        targets = "".join(f"      - {{ upstream: {name}, weight: {weight} }}\n" for name, weight in (("a", 90), ("b", 10)))
        upstreams = "".join(
            f"  - {{ name: {name}, dialect: openai, baseURL: 'http://127.0.0.1:{port}/v1', {_LIMITS} }}\n"
            for name, port in zip("ab", upstream_ports)
        )
        return (
            "namespaces:\n  - { name: everybody, anonymous: true, match: { hosts: ['127.0.0.1'] } }\n"
            f"upstreams:\n{upstreams}models:\n  - name: '*'\n    targets:\n{targets}"
            "routes:\n  - { name: default, match: { paths: ['/v1/*'] } }\n"
        )


def request_body(size: int, stream: bool = False) -> bytes:
    """A chat call of about `size` bytes: up to 100 kB a longer conversation, beyond a picture as a data URL."""
    if size == HEADLINE_BYTES:
        return _encoded(_call([_SYSTEM, _user(_PROMPT)], stream))
    rest = max(0, size - len(_encoded(_call([_SYSTEM, _user("")], stream))))
    if size < HEADLINE_BYTES:
        call = {"model": ASKED_MODEL, "messages": [_user(_PROMPT[: max(0, size - 70)])]}
        return _encoded({**call, "stream": True} if stream else call)
    if size > 100_000:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo+/AAB" * (rest // 16)}}
        return _encoded(_call([_SYSTEM, _user([{"type": "text", "text": "What is on this?"}, picture])], stream))
    turns, length = [], 0
    while length + len(_PROMPT) < rest:
        turns.append({"role": ("user", "assistant")[len(turns) % 2], "content": _PROMPT + "\n\nAnd: \"why?\""})
        length += len(_encoded(turns[-1])) + 1
    return _encoded(_call([_SYSTEM, *turns, _user(_PROMPT[: rest - length])], stream))


def messages_body() -> bytes:
    """The headline's call as a stream in Anthropic's dialect."""
    return _encoded({
        "model": ASKED_MODEL, "system": _SYSTEM["content"], "messages": [_user(_PROMPT)], "temperature": 0.2,
        "max_tokens": 256, "stream": True,
    })


_SYSTEM = {"role": "system", "content": "You are a precise assistant of a platform team. Answer in plain text."}


def _user(content) -> dict:
    return {"role": "user", "content": content}


def _call(messages: list, stream: bool = False) -> dict:
    return {
        "model": ASKED_MODEL, "messages": messages, "temperature": 0.2, "max_tokens": 256, "stream": stream,
        "user": "user-4711",
    }


def _encoded(call) -> bytes:
    return json.dumps(call, separators=(",", ":")).encode()


def _event() -> bytes:
    """One event of a stream; the upstream writes the time over the zeros."""
    event = {
        "id": "chatcmpl-Bq7d9hQ2kF5m8s1t4v6x", "object": "chat.completion.chunk", "created": 1735689600,
        "model": SERVED_MODEL, "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": {"content": f"@{0:019d} "}, "logprobs": None, "finish_reason": None}],
    }
    return b"data: " + _encoded(event) + b"\n\n"


def _answer() -> bytes:
    text = (
        "Checkout answered 503 for up to one request in six between 09:14 and 09:33 because a nightly export held a lock "
        "in the price database beyond its window and the connection pool of 32 waited 4.2 s on average. The export was "
        "cancelled, the pool recovered within 40 s, no order was lost, and 1 812 customers saw an error page. The data "
        "platform team has to act next: the export needs a deadline and a lower lock priority before tonight."
    )
    answer = {
        "id": "chatcmpl-Bq7d9hQ2kF5m8s1t4v6x", "object": "chat.completion", "created": 1735689600, "model": SERVED_MODEL,
        "choices": [
            {
                "index": 0, "logprobs": None, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": 182, "completion_tokens": 97, "total_tokens": 279,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default", "system_fingerprint": "fp_0123456789",
    }
    return json.dumps(answer, separators=(",", ":")).encode()
