"""What the simulator's OpenAI and Anthropic dialects owe to translations, and the dials in every dialect."""

import base64
import json
import time
import urllib.error
import urllib.request

import anthropic
import openai
import pytest
from dialects import CALL_BOTH, PIXEL, SCHEMA, TOOLS, Provider, started

THINKING = {"type": "enabled", "budget_tokens": 1024}
ANTHROPIC_TOOLS = [{"name": name, "input_schema": SCHEMA} for name in TOOLS]
OPENAI_TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in TOOLS]
RESPONSES_TOOLS = [{"type": "function", "name": name, "parameters": SCHEMA} for name in TOOLS]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory):
    yield from started(tmp_path_factory.mktemp("dialects"))


@pytest.fixture(scope="module")
def claude(provider: Provider) -> anthropic.Anthropic:
    return provider.anthropic()


@pytest.fixture(scope="module")
def gpt(provider: Provider) -> openai.OpenAI:
    return provider.openai()


def ask(content: object) -> list[dict]:
    return [{"role": "user", "content": content}]


# Anthropic


def message(client: anthropic.Anthropic, messages: list[dict], **more: object) -> anthropic.types.Message:
    return client.messages.create(model="claude-sim", max_tokens=2000, messages=messages, **more)


def test_thoughts_are_streamed_and_signed(claude: anthropic.Anthropic) -> None:
    whole = message(claude, ask("think"), thinking=THINKING)
    assert [block.type for block in whole.content] == ["thinking", "text"]
    with claude.messages.stream(model="m", max_tokens=2000, messages=ask("think"), thinking=THINKING) as stream:
        kinds = {event.delta.type for event in stream if event.type == "content_block_delta"}
        final = stream.get_final_message()
    assert kinds == {"thinking_delta", "signature_delta", "text_delta"}
    assert [block.model_dump(exclude_none=True) for block in final.content] == [
        block.model_dump(exclude_none=True) for block in whole.content
    ]
    words = sum(len(text.split()) for text in (whole.content[0].thinking, whole.content[1].text))
    assert final.usage.output_tokens == whole.usage.output_tokens == words
    assert final.usage.output_tokens_details == whole.usage.output_tokens_details
    assert whole.usage.output_tokens_details.thinking_tokens == len(whole.content[0].thinking.split())
    hidden = message(claude, ask("think"), thinking={"type": "adaptive", "display": "omitted"})
    assert (hidden.content[0].thinking, bool(hidden.content[0].signature)) == ("", True)


def test_signatures_come_back_as_they_were_sent(claude: anthropic.Anthropic) -> None:
    question = ask("call tool get_time")
    answer = message(claude, question, thinking=THINKING, tools=ANTHROPIC_TOOLS)
    blocks = [block.model_dump() for block in answer.content]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": blocks[1]["id"], "content": "noon"}

    def follow(blocks: list[dict]) -> anthropic.types.Message:
        turns = [*question, {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
        return message(claude, turns, thinking=THINKING, tools=ANTHROPIC_TOOLS)

    assert follow(blocks).stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="messages.1.content.0: Invalid `signature` in `thinking` block"):
        follow([{**blocks[0], "thinking": "another"}, blocks[1]])
    with pytest.raises(anthropic.BadRequestError, match="Expected `thinking` or `redacted_thinking`"):
        follow(blocks[1:])
    with pytest.raises(anthropic.BadRequestError, match="Invalid `data` in `redacted_thinking` block"):
        follow([{"type": "redacted_thinking", "data": "b3RoZXI="}, blocks[1]])


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "must be greater than `thinking.budget_tokens`"),
        ({"thinking": THINKING, "tool_choice": {"type": "any"}, "tools": ANTHROPIC_TOOLS}, "forces tool use"),
        ({"thinking": THINKING, "extra_body": {"temperature": 0.5}}, "`temperature` may only be set to 1"),
        ({"extra_body": {"max_completion_tokens": 1}}, "max_completion_tokens: Extra inputs are not permitted"),
        ({"extra_body": {"output_format": {"type": "json_schema", "schema": SCHEMA}}}, "Extra inputs are not permitted"),
    ],
)
def test_refuses_what_anthropic_refuses(claude: anthropic.Anthropic, more: dict, text: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=text):
        message(claude, ask("hi"), **more)


def test_every_use_of_a_tool_has_its_result(claude: anthropic.Anthropic) -> None:
    question = ask(CALL_BOTH)
    uses = message(claude, question, tools=ANTHROPIC_TOOLS).content
    assert [use.name for use in uses] == TOOLS
    result = {"type": "tool_result", "tool_use_id": uses[0].id, "content": "noon"}
    turns = [*question, {"role": "assistant", "content": [use.model_dump() for use in uses]}, *ask([result])]
    with pytest.raises(anthropic.BadRequestError, match=f"without `tool_result` blocks immediately after: {uses[1].id}"):
        message(claude, turns, tools=ANTHROPIC_TOOLS)
    with pytest.raises(anthropic.BadRequestError, match="unexpected `tool_use_id`"):
        message(claude, [*question, {"role": "assistant", "content": "hi"}, *ask([result])], tools=ANTHROPIC_TOOLS)


def test_structured_output_in_both_forms(claude: anthropic.Anthropic) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    beta = {"anthropic-beta": "structured-outputs-2025-11-13"}
    answers = [
        message(claude, ask("a city"), extra_body={"output_config": {"format": form}}),
        message(claude, ask("a city"), extra_body={"output_format": form}, extra_headers=beta),
    ]
    assert [list(json.loads(answer.content[0].text)) for answer in answers] == [["city"]] * 2


def test_anthropic_refusals(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="sim-refuse", max_tokens=99, messages=ask("no"))
    assert (answer.stop_reason, answer.stop_details.type) == ("refusal", "refusal")


def test_anthropic_images(claude: anthropic.Anthropic) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()}
    text = {"type": "text", "text": "what is this"}
    assert message(claude, ask([{"type": "image", "source": source}, text])).usage.input_tokens == 103
    with pytest.raises(anthropic.BadRequestError, match="media_type"):
        message(claude, ask([{"type": "image", "source": {**source, "media_type": "image/bmp"}}, text]))


# OpenAI


def test_log_probabilities(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model="m", messages=ask("odds"), logprobs=True, top_logprobs=3, n=2)
    for choice in answer.choices:
        assert "".join(entry.token for entry in choice.logprobs.content) == choice.message.content
        assert [len(entry.top_logprobs) for entry in choice.logprobs.content] == [3] * len(choice.logprobs.content)
        assert choice.logprobs.content[0].top_logprobs[0].token == choice.logprobs.content[0].token
    chunks = gpt.chat.completions.create(model="m", messages=ask("odds"), logprobs=True, stream=True)
    tokens = [e.token for chunk in chunks for c in chunk.choices if c.logprobs for e in c.logprobs.content]
    assert "".join(tokens) == answer.choices[0].message.content
    with pytest.raises(openai.BadRequestError, match="logprobs must be set to true"):
        gpt.chat.completions.create(model="m", messages=ask("odds"), top_logprobs=3)


def test_openai_refusals(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model="sim-refuse", messages=ask("no")).choices[0]
    assert (answer.message.content, answer.finish_reason) == (None, "stop")
    chunks = gpt.chat.completions.create(model="sim-refuse", messages=ask("no"), stream=True)
    assert "".join(c.delta.refusal or "" for chunk in chunks for c in chunk.choices) == answer.message.refusal
    item = gpt.responses.create(model="sim-refuse", input="no").output[0]
    assert (item.content[0].type, item.content[0].refusal) == ("refusal", answer.message.refusal)
    with gpt.responses.stream(model="sim-refuse", input="no") as stream:
        assert "".join(e.delta for e in stream if e.type == "response.refusal.delta") == answer.message.refusal


def test_openai_images(gpt: openai.OpenAI) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    text = {"type": "text", "text": "what is this"}
    image = {"type": "image_url", "image_url": {"url": url}}
    assert gpt.chat.completions.create(model="m", messages=ask([image, text])).usage.prompt_tokens == 103
    image["image_url"]["url"] = "data:image/bmp;base64,AAAA"
    with pytest.raises(openai.BadRequestError) as refusal:
        gpt.chat.completions.create(model="m", messages=ask([image, text]))
    assert refusal.value.code == "invalid_image_format"
    with pytest.raises(openai.BadRequestError, match="Invalid value: 'image'"):
        gpt.chat.completions.create(model="m", messages=ask([{"type": "image", "source": {}}]))


def test_every_call_has_its_result(gpt: openai.OpenAI) -> None:
    question = ask(CALL_BOTH)
    answer = gpt.chat.completions.create(model="m", messages=question, tools=OPENAI_TOOLS).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "noon"} for call in answer.tool_calls]
    turns = [*question, answer.model_dump(exclude_none=True), *results]
    assert gpt.chat.completions.create(model="m", messages=turns, tools=OPENAI_TOOLS).choices[0].message.content
    with pytest.raises(openai.BadRequestError, match=answer.tool_calls[1].id):
        gpt.chat.completions.create(model="m", messages=turns[:-1], tools=OPENAI_TOOLS)
    with pytest.raises(openai.BadRequestError, match="must be a response to a preceeding message"):
        gpt.chat.completions.create(model="m", messages=[*question, *results], tools=OPENAI_TOOLS)


def test_unknown_fields(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Unrecognized request argument supplied: top_k"):
        gpt.chat.completions.create(model="m", messages=ask("hi"), extra_body={"top_k": 1})
    with pytest.raises(openai.BadRequestError) as refusal:
        gpt.responses.create(model="m", input="hi", extra_body={"max_tokens": 1})
    assert (refusal.value.code, refusal.value.param) == ("unknown_parameter", "max_tokens")


def test_reasoning_is_counted(gpt: openai.OpenAI) -> None:
    usage = gpt.chat.completions.create(model="m", messages=ask("think"), reasoning_effort="high").usage
    assert 0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens


def test_reasoning_items(gpt: openai.OpenAI) -> None:
    options = {
        "model": "m",
        "tools": RESPONSES_TOOLS,
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    question = [{"type": "message", "role": "user", "content": "call tool get_time"}]
    answer = gpt.responses.create(input=question, **options)
    assert [item.type for item in answer.output] == ["reasoning", "function_call"]
    assert answer.usage.output_tokens_details.reasoning_tokens > 0
    with gpt.responses.stream(input=question, **options) as stream:
        events = list(stream)
    summary = "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta")
    assert summary == answer.output[0].summary[0].text
    assert [item.model_dump() for item in events[-1].response.output] != []
    assert [event.output_index for event in events if event.type == "response.output_item.done"] == [0, 1]
    items = [item.model_dump(exclude_none=True) for item in answer.output]
    result = {"type": "function_call_output", "call_id": items[1]["call_id"], "output": "noon"}
    assert gpt.responses.create(input=[*question, *items, result], **options).output_text
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
        gpt.responses.create(input=[*question, *items], **options)
    items[0]["encrypted_content"] = "b3RoZXI="
    with pytest.raises(openai.BadRequestError) as refusal:
        gpt.responses.create(input=[*question, *items, result], **options)
    assert refusal.value.code == "invalid_encrypted_content"


def test_scripted_tools(provider: Provider) -> None:
    gpt, claude = provider.openai(**{"x-sim-tool": "get_time"}), provider.anthropic()
    call = gpt.chat.completions.create(model="m", messages=ask("hi"), tools=OPENAI_TOOLS).choices[0].message.tool_calls[0]
    assert call.function.name == "get_time"
    assert gpt.chat.completions.create(model="m", messages=ask("hi")).choices[0].message.content
    question = ask('call tool get_time {"city": "a {\\"b}"}')
    use = claude.messages.create(model="m", max_tokens=9, messages=question, tools=ANTHROPIC_TOOLS).content[0]
    assert use.input == {"city": 'a {"b}'}
    turns = [*ask("hi"), {"role": "assistant", "content": [use.model_dump()]}]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "noon"}
    turns += ask([result, {"type": "text", "text": "call tool get_time"}])
    answer = claude.messages.create(model="sim-tool-get_time", max_tokens=9, messages=turns, tools=ANTHROPIC_TOOLS)
    assert answer.content[0].type == "text"
    noted = [*ask("call tool get_time"), {"role": "system", "content": "A note of the agent's own."}]
    assert message(claude, noted, tools=ANTHROPIC_TOOLS).stop_reason == "tool_use"


# Every dialect

REQUESTS = {
    "openai": ("/v1/chat/completions", {"model": "MODEL", "messages": ask("hi")}, "/v1/chat/completions"),
    "responses": ("/v1/responses", {"model": "MODEL", "input": "hi", "store": False}, "/v1/responses"),
    "anthropic": ("/v1/messages", {"model": "MODEL", "max_tokens": 99, "messages": ask("hi")}, "/v1/messages"),
    "gemini": (
        "/v1beta/models/MODEL:generateContent",
        {"contents": [{"parts": [{"text": "hi"}]}]},
        "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
    ),
    "gemini array": (
        "/v1beta/models/MODEL:generateContent",
        {"contents": [{"parts": [{"text": "hi"}]}]},
        "/v1beta/models/MODEL:streamGenerateContent",
    ),
    "bedrock": ("/model/MODEL/converse", {"messages": ask([{"text": "hi"}])}, "/model/MODEL/converse-stream"),
    "azure": (
        "/openai/deployments/MODEL/chat/completions?api-version=2024-10-21",
        {"messages": ask("hi")},
        "/openai/deployments/MODEL/chat/completions?api-version=2024-10-21",
    ),
}


def send(provider: Provider, name: str, model: str, streams: bool, timeout: float = 10, **headers: str):
    path, body, stream_path = REQUESTS[name]
    body = {key: model if value == "MODEL" else value for key, value in body.items()}
    if streams and path == stream_path:
        body["stream"] = True
    url = provider.url + (stream_path if streams else path).replace("MODEL", model)
    headers = {"authorization": "Bearer any", "content-type": "application/json", **headers}
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=timeout)


every_request = pytest.mark.parametrize(("name", "streams"), [(name, s) for name in REQUESTS for s in (False, True)])


@every_request
def test_dials_that_change_the_body(provider: Provider, name: str, streams: bool) -> None:
    with send(provider, name, "sim-m", streams) as response:
        plain = response.read()
    with send(provider, name, "sim-m", streams, **{"x-sim-malformed": "20"}) as response:
        damaged = response.read()
    assert damaged == plain[:20] + b"\xff\x00\x7b\xfe" + plain[24:]
    with send(provider, name, "sim-gzip", streams) as response:
        assert (response.headers["content-encoding"], response.read(2)) == ("gzip", b"\x1f\x8b")
    with send(provider, name, "sim-cut-30", streams) as response:
        with pytest.raises(Exception, match="IncompleteRead") as cut:
            response.read()
    assert len(cut.value.partial) == 30
    with send(provider, name, "sim-stall-30", streams, timeout=0.5) as response:
        assert response.read(30) == plain[:30] or name == "responses"
        with pytest.raises(TimeoutError):
            response.read(1)
    with send(provider, name, "sim-tokens-2", streams) as response:
        assert len(response.read()) < len(plain)


@every_request
def test_dials_that_take_time(provider: Provider, name: str, streams: bool) -> None:
    start = time.monotonic()
    with send(provider, name, "sim-ttft-200ms-rate-20-tokens-3", streams) as response:
        first = response.read(1)
        after_first = time.monotonic() - start
        assert first and response.read()
    whole = time.monotonic() - start
    assert after_first >= 0.2
    assert whole >= 0.3


@every_request
def test_dials_that_refuse(provider: Provider, name: str, streams: bool) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        send(provider, name, "sim-status-429-retry-7", streams)
    body = json.loads(refusal.value.read())
    assert (refusal.value.code, refusal.value.headers["retry-after"]) == (429, "7")
    if name == "gemini array" and streams:
        body = body[0]
    message = body["message"] if name == "bedrock" else body["error"]["message"]
    assert "429" in message
    if name.startswith("gemini"):
        assert body["error"]["status"] == "RESOURCE_EXHAUSTED"
        assert body["error"]["details"][0]["retryDelay"] == "7s"


FAULTS = {
    "openai": b'data: {"error":{"message"',
    "responses": b"event: error\n",
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"',
    "gemini": b'data: {"error":{"code":503',
    "gemini array": b',\r\n{"error":{"code":503',
    "bedrock": b":exception-type\x07\x00\x1bserviceUnavailableException",
    "azure": b'data: {"error":{"code":"503"',
}


@pytest.mark.parametrize("name", REQUESTS)
def test_streams_that_end_with_an_error(provider: Provider, name: str) -> None:
    with send(provider, name, "sim-fault-2", True) as response:
        body = response.read()
    assert body.count(FAULTS[name]) == 1
    assert b"[DONE]" not in body
    if name == "gemini array":
        with send(provider, name, "sim-fault-0", True) as response:
            assert [list(element) for element in json.loads(response.read())] == [["error"]]
        assert len(json.loads(body)) == 3
    with send(provider, name, "sim-fault-2", False) as response:
        assert response.status == 200
