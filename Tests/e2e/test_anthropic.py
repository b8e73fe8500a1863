"""The official Anthropic client."""

import uuid

import anthropic
import pytest
from stack import MAIN_KEY, Stack
from test_openai import wait_for_end

MODEL = "claude-sim"
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def ask(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def client(stack: Stack) -> anthropic.Anthropic:
    with anthropic.Anthropic(base_url=stack.base, api_key=MAIN_KEY, max_retries=0, timeout=20) as client:
        yield client


def test_message(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(model=MODEL, max_tokens=100, system="be kind", messages=ask("one two three"))
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens == 5
    assert answer.usage.output_tokens == len(answer.content[0].text.split())


def test_message_limit(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(model=MODEL, max_tokens=3, messages=ask("limits"))
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 3


def test_stream(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model=MODEL, max_tokens=100, messages=ask("stream me"))
    with client.messages.stream(model=MODEL, max_tokens=100, messages=ask("stream me")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == whole.content[0].text
    assert final.usage == whole.usage or final.usage.output_tokens == whole.usage.output_tokens
    assert final.stop_reason == "end_turn"


def test_stop_sequence(client: anthropic.Anthropic) -> None:
    words = client.messages.create(model=MODEL, max_tokens=100, messages=ask("stop")).content[0].text.split()
    answer = client.messages.create(model=MODEL, max_tokens=100, messages=ask("stop"), stop_sequences=[words[5]])
    assert answer.stop_reason == "stop_sequence"
    assert answer.stop_sequence == words[5]


def test_tool_and_result(client: anthropic.Anthropic) -> None:
    messages = ask("weather?")
    answer = client.messages.create(
        model=MODEL,
        max_tokens=100,
        messages=messages,
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather"},
    )
    assert answer.stop_reason == "tool_use"
    block = answer.content[0]
    assert block.name == "get_weather" and set(block.input) == {"city"}
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True)]})
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
    messages.append({"role": "user", "content": [result]})
    final = client.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=[WEATHER])
    assert final.stop_reason == "end_turn"


def test_tool_streamed(client: anthropic.Anthropic) -> None:
    options = {"model": MODEL, "max_tokens": 100, "messages": ask("call tool get_weather"), "tools": [WEATHER]}
    whole = client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == whole.content[0].input
    assert final.stop_reason == "tool_use"


def test_count_tokens(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(model=MODEL, messages=ask("one two three")).input_tokens == 3


@pytest.mark.gateway_only
def test_models(client: anthropic.Anthropic) -> None:
    names = [model.id for model in client.models.list()]
    assert "sim-embedding" in names


@pytest.mark.gateway_only
def test_unknown_key(stack: Stack) -> None:
    with anthropic.Anthropic(base_url=stack.base, api_key="agw_nobody", max_retries=0) as stranger:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            stranger.messages.create(model=MODEL, max_tokens=5, messages=ask("x"))
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == "authentication_error"


@pytest.mark.gateway_only
def test_unknown_model(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="nobody-serves-this", max_tokens=5, messages=ask("x"))
    assert caught.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
def test_upstream_errors(client: anthropic.Anthropic, status: int, error: type[anthropic.APIStatusError]) -> None:
    headers = {"x-sim-status": str(status)}
    with pytest.raises(error) as caught:
        client.messages.create(model=MODEL, max_tokens=5, messages=ask("x"), extra_headers=headers)
    assert caught.value.body["type"] == "error"


def test_cancellation_reaches_the_upstream(client: anthropic.Anthropic, stack: Stack) -> None:
    marker = f"cancel {uuid.uuid4()}"
    headers = {"x-sim-rate": "5", "x-sim-tokens": "500"}
    options = {"model": MODEL, "max_tokens": 5000, "messages": ask(marker), "extra_headers": headers}
    with client.messages.stream(**options) as stream:
        next(iter(stream.text_stream))
    assert wait_for_end(stack, marker) == "client_gone"


async def test_async_stream(stack: Stack) -> None:
    async with anthropic.AsyncAnthropic(base_url=stack.base, api_key=MAIN_KEY, max_retries=0) as client:
        async with client.messages.stream(model=MODEL, max_tokens=9, messages=ask("async")) as stream:
            text = "".join([piece async for piece in stream.text_stream])
    assert len(text.split()) == 9
