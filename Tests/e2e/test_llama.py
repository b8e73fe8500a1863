"""A real inference server behind the gateway: llama.cpp's, with a tiny model of random weights."""

import json
import pathlib
import subprocess
import time
from collections.abc import Iterator

import anthropic
import openai
import pytest
from conftest import TARGET
from harness import processes
from stack import MAIN_KEY, model, upstream

MODEL = "llama-tiny"
ASK = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp's server."""
    folder = tmp_path_factory.mktemp("llama")
    python = subprocess.run(
        [processes.ROOT / "scripts/venv", "llama"], check=True, capture_output=True, text=True
    ).stdout.strip()
    script = pathlib.Path(__file__).with_name("llama") / "serve.py"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([python, "-B", script, folder], stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not (folder / "llama.json").exists():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield json.loads((folder / "llama.json").read_text())["url"]
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def base(llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway before it, or of the server itself."""
    if TARGET == "simulator":
        yield llama
        return
    config = {
        "namespaces": [{"name": "main"}],
        "keys": [{"name": "main", "namespace": "main", "value": MAIN_KEY}],
        "upstreams": [upstream("llama", f"{llama}/v1"), upstream("messages", f"{llama}/v1", dialect="anthropic")],
        "models": [model(MODEL, "llama"), model("llama-messages", "messages", target=MODEL)],
        "routes": [{"name": "default", "match": {"paths": ["/v1/*"]}, "upstream": "llama"}],
    }
    with processes.start_run(tmp_path_factory.mktemp("gateway"), config) as gateway:
        yield gateway.ready["gateway"]


@pytest.fixture(scope="module")
def client(base: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base}/v1", api_key=MAIN_KEY, max_retries=0, timeout=20) as client:
        yield client


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=8, temperature=0)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 8
    again = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=8, temperature=0)
    assert again.choices[0].message.content == answer.choices[0].message.content


def test_stream(client: openai.OpenAI) -> None:
    options = {"model": MODEL, "messages": ASK, "max_tokens": 12, "temperature": 0}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert all(chunk.usage is None for chunk in chunks), "usage was not asked for"


def test_stream_with_usage(client: openai.OpenAI) -> None:
    options = {"model": MODEL, "messages": ASK, "max_tokens": 7, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**options, stream=True))
    assert chunks[-1].usage.completion_tokens == 7


def test_models(client: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]


def test_messages(base: str) -> None:
    name = MODEL if TARGET == "simulator" else "llama-messages"
    with anthropic.Anthropic(base_url=base, api_key=MAIN_KEY, max_retries=0, timeout=20) as client:
        answer = client.messages.create(model=name, max_tokens=6, messages=ASK)
        assert answer.stop_reason == "max_tokens"
        assert answer.usage.output_tokens == 6
        with client.messages.stream(model=name, max_tokens=6, messages=ASK) as stream:
            assert stream.get_final_message().usage.output_tokens == 6
