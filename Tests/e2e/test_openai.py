"""The official OpenAI client. The same file runs with both of its major versions."""

import time
import uuid

import openai
import pytest
from stack import LIMITED_KEY, MAIN_KEY, Stack

MODEL = "sim-chat"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def ask(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def client(stack: Stack) -> openai.OpenAI:
    with openai.OpenAI(base_url=stack.openai_url, api_key=MAIN_KEY, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture
async def async_client(stack: Stack) -> openai.AsyncOpenAI:
    async with openai.AsyncOpenAI(base_url=stack.openai_url, api_key=MAIN_KEY, max_retries=0, timeout=20) as client:
        yield client


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ask("one two three"))
    text = answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 3
    assert answer.usage.completion_tokens == len(text.split())
    assert answer.model == MODEL
    again = client.chat.completions.create(model=MODEL, messages=ask("one two three"))
    assert again.choices[0].message.content == text


def test_chat_limits_and_choices(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ask("limits"), max_completion_tokens=4, n=3)
    assert [choice.finish_reason for choice in answer.choices] == ["length"] * 3
    assert all(len(choice.message.content.split()) == 4 for choice in answer.choices)
    assert len({choice.message.content for choice in answer.choices}) == 3


def test_chat_unicode_round_trip(client: openai.OpenAI, stack: Stack) -> None:
    text = f"你好 \U0001f600 \u0001 \\ \" {uuid.uuid4()}"
    client.chat.completions.create(model=MODEL, messages=ask(text))
    assert any(text in str(json_of(request)) or text == last_text(request) for request in stack.received())


def json_of(request: dict) -> dict:
    import json

    try:
        return json.loads(request["body"] or "{}")
    except ValueError:
        return {}


def last_text(request: dict) -> str:
    messages = json_of(request).get("messages") or [{}]
    return messages[-1].get("content", "")


def test_stream_equals_unstreamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=ask("stream me")).choices[0].message.content
    chunks = list(client.chat.completions.create(model=MODEL, messages=ask("stream me"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks), "usage was not asked for"
    assert all(chunk.choices for chunk in chunks), "the event with the usage alone was not asked for"


def test_stream_with_usage(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=ask("a b"), stream=True, stream_options={"include_usage": True}, max_tokens=5
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == 2
    assert chunks[-1].usage.completion_tokens == 5
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_stream_arrives_as_it_is_produced(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="sim-rate-20-tokens-10", messages=ask("slowly"), stream=True)
    times = [time.monotonic() for chunk in stream if chunk.choices[0].delta.content]
    assert len(times) == 10
    assert times[-1] - times[0] > 0.35, "events were held back and sent together"


def test_tool_forced(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=ask("weather?"),
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert call.function.name == "get_weather"
    assert '"city"' in call.function.arguments


def test_tools_parallel_and_result(client: openai.OpenAI) -> None:
    messages = ask("call tool get_weather and call tool get_time")
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, TIME])
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    messages.append(answer.choices[0].message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in calls]
    final = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, TIME])
    assert final.choices[0].finish_reason == "stop"
    assert final.choices[0].message.content


def test_tools_streamed(client: openai.OpenAI) -> None:
    messages = ask("call tool get_weather and call tool get_time")
    whole = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, TIME])
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    finish = None
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, TIME], stream=True):
        finish = chunk.choices[0].finish_reason or finish
        for call in chunk.choices[0].delta.tool_calls or []:
            names.setdefault(call.index, call.function.name)
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    calls = whole.choices[0].message.tool_calls
    assert finish == "tool_calls"
    assert [names[index] for index in sorted(names)] == [call.function.name for call in calls]
    assert [arguments[index] for index in sorted(arguments)] == [call.function.arguments for call in calls]


def test_json_schema(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = client.chat.completions.create(model=MODEL, messages=ask("json"), response_format=form)
    import json

    assert isinstance(json.loads(answer.choices[0].message.content)["a"], int)


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=MODEL, prompt="once upon a time", max_tokens=6)
    assert len(answer.choices[0].text.split()) == 6
    chunks = list(client.completions.create(model=MODEL, prompt="once upon a time", max_tokens=6, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == answer.choices[0].text


def test_embeddings(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="sim-embedding", input=["first text", "second"], dimensions=64)
    assert [len(item.embedding) for item in answer.data] == [64, 64]
    assert answer.usage.prompt_tokens == 3
    plain = client.embeddings.create(
        model="sim-embedding", input="first text", dimensions=64, encoding_format="float"
    )
    assert plain.data[0].embedding == pytest.approx(answer.data[0].embedding, abs=1e-6)


def test_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert "sim-embedding" in names
    assert client.models.retrieve("sim-embedding").id == "sim-embedding"


def test_files(client: openai.OpenAI) -> None:
    content = b'{"a": 1}\n' * 2000
    created = client.files.create(file=("data.jsonl", content), purpose="batch")
    assert created.bytes == len(content)
    assert client.files.retrieve(created.id).filename == "data.jsonl"
    assert created.id in [file.id for file in client.files.list()]
    assert client.files.content(created.id).read() == content
    assert client.files.delete(created.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(created.id)


def test_large_file(client: openai.OpenAI) -> None:
    content = bytes(range(256)) * 4096 * 8
    created = client.files.create(file=("large.bin", content), purpose="user_data")
    assert client.files.content(created.id).read() == content


def test_batch(client: openai.OpenAI) -> None:
    line = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "sim-chat"}}\n'
    file = client.files.create(file=("in.jsonl", line), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    done = client.batches.retrieve(batch.id)
    assert done.status == "completed"
    assert done.request_counts.completed == 1
    assert batch.id in [item.id for item in client.batches.list()]


def test_responses(client: openai.OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="hello world")
    assert answer.status == "completed"
    assert answer.usage.input_tokens == 2
    assert answer.usage.output_tokens == len(answer.output_text.split())
    assert client.responses.retrieve(answer.id).output_text == answer.output_text
    assert client.responses.input_items.list(answer.id).data[0].content[0].text == "hello world"
    client.responses.delete(answer.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


def test_responses_stream(client: openai.OpenAI) -> None:
    whole = client.responses.create(model=MODEL, input="stream world", store=False)
    events = list(client.responses.create(model=MODEL, input="stream world", store=False, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens == len(text.split())


def test_responses_tool(client: openai.OpenAI) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    answer = client.responses.create(model=MODEL, input="call tool f", tools=[tool], store=False)
    assert [item.type for item in answer.output] == ["function_call"]
    assert answer.output[0].name == "f"


def test_stored_completion(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ask("keep"), store=True, metadata={"k": "v"})
    assert client.chat.completions.retrieve(answer.id).id == answer.id
    assert client.chat.completions.delete(answer.id).deleted


def test_moderations(client: openai.OpenAI) -> None:
    answer = client.moderations.create(model="sim-moderation", input=["kind words", "violence"])
    assert [result.flagged for result in answer.results] == [False, True]


def test_images(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="sim-image", prompt="a cat", n=2)
    assert len(answer.data) == 2


@pytest.mark.parametrize("model", ["whisper-1", "sim-small"])
def test_transcription(client: openai.OpenAI, model: str) -> None:
    sound = b"RIFF" + bytes(5000)
    answer = client.audio.transcriptions.create(model=model, file=("a.wav", sound))
    assert answer.text
    again = client.audio.transcriptions.create(model=model, file=("a.wav", sound))
    assert again.text == answer.text


def test_speech(client: openai.OpenAI) -> None:
    assert client.audio.speech.create(model="sim-speech", voice="alloy", input="hello").read()[:4] == b"RIFF"


def test_unknown_key(stack: Stack) -> None:
    if stack.kind == "simulator":
        pytest.skip("the simulator accepts any key")
    with openai.OpenAI(base_url=stack.openai_url, api_key="agw_nobody", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            stranger.chat.completions.create(model=MODEL, messages=ask("x"))
    assert caught.value.code == "invalid_key"


@pytest.mark.gateway_only
def test_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nobody-serves-this", messages=ask("x"))
    assert caught.value.code == "model_not_found"


def test_upstream_rate_limit(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="sim-status-429-retry-7", messages=ask("x"))
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.gateway_only
def test_gateway_rate_limit(stack: Stack) -> None:
    with openai.OpenAI(base_url=stack.openai_url, api_key=LIMITED_KEY, max_retries=0) as limited:
        with pytest.raises(openai.RateLimitError) as caught:
            for _ in range(4):
                limited.chat.completions.create(model=MODEL, messages=ask("x"))
    assert caught.value.code == "rate_limited"
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=[])


def test_server_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="sim-status-500", messages=ask("x"))


def test_cancellation_reaches_the_upstream(client: openai.OpenAI, stack: Stack) -> None:
    marker = f"cancel {uuid.uuid4()}"
    stream = client.chat.completions.create(model="sim-rate-5-tokens-500", messages=ask(marker), stream=True)
    next(iter(stream))
    stream.close()
    assert wait_for_end(stack, marker) == "client_gone"


async def test_async_chat_and_stream(async_client: openai.AsyncOpenAI) -> None:
    whole = await async_client.chat.completions.create(model=MODEL, messages=ask("async"))
    stream = await async_client.chat.completions.create(model=MODEL, messages=ask("async"), stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content


async def test_async_timeout_reaches_the_upstream(async_client: openai.AsyncOpenAI, stack: Stack) -> None:
    marker = f"timeout {uuid.uuid4()}"
    with pytest.raises(openai.APITimeoutError):
        await async_client.with_options(timeout=0.3).chat.completions.create(
            model="sim-ttft-30s", messages=ask(marker)
        )
    assert wait_for_end(stack, marker) == "client_gone"


def wait_for_end(stack: Stack, marker: str) -> str:
    """How the upstream's answer to the request with `marker` ended; waits a moment for it to end."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        ends = [request["end"] for request in stack.received_with(marker)]
        assert len(ends) <= 1, "the request was sent more than once"
        if ends and ends[0] != "open":
            return ends[0]
        time.sleep(0.05)
    return "open"
