"""The simulator as Amazon Bedrock, through AWS's own client, with signatures that it verifies."""

import datetime
import json

import botocore.exceptions
import pytest
from dialects import CALL_BOTH, PIXEL, SCHEMA, TOOLS, Provider, started

MODEL = "eu.anthropic.claude-sim-20251101-v1:0"
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
TOOL_CONFIG = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMA}}} for name in TOOLS]}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory):
    yield from started(tmp_path_factory.mktemp("bedrock"))


@pytest.fixture(scope="module")
def client(provider: Provider):
    return provider.bedrock()


def ask(*content: dict | str) -> list[dict]:
    return [{"role": "user", "content": [{"text": part} if isinstance(part, str) else part for part in content]}]


def gather(events) -> tuple[list[dict], str, dict]:
    """The content, stop reason and usage of a stream."""
    blocks: dict[int, dict] = {}
    stop, usage = "", {}
    for event in events["stream"]:
        for name, value in event.items():
            block = blocks.setdefault(value["contentBlockIndex"], {}) if "contentBlockIndex" in value else {}
            if name == "contentBlockStart":
                block["toolUse"] = {**value["start"]["toolUse"], "input": ""}
            elif name == "contentBlockDelta":
                add(block, value["delta"])
            elif name == "messageStop":
                stop = value["stopReason"]
            elif name == "metadata":
                usage = value["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return [blocks[index] for index in sorted(blocks)], stop, usage


def add(block: dict, delta: dict) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    else:
        thought = block.setdefault("reasoningContent", {"reasoningText": {}})["reasoningText"]
        for name, text in delta["reasoningContent"].items():
            thought[name] = thought.get(name, "") + text


def refusal(call) -> tuple[str, int, str]:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call()
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_converse(client) -> None:
    answer = client.converse(modelId=MODEL, messages=ask("one two three"), system=[{"text": "be kind"}])
    text = answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["inputTokens"] == 5
    assert answer["usage"]["outputTokens"] == len(text.split())
    assert answer["usage"]["totalTokens"] == 5 + len(text.split())
    assert answer["ResponseMetadata"]["RequestId"]


def test_stream_is_the_answer_in_pieces(client) -> None:
    whole = client.converse(modelId=MODEL, messages=ask("stream me"))
    content, stop, usage = gather(client.converse_stream(modelId=MODEL, messages=ask("stream me")))
    assert content == whole["output"]["message"]["content"]
    assert (stop, usage) == ("end_turn", whole["usage"])


@pytest.mark.parametrize("name", [MODEL, "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/a.b-v1:0", "a b~c"])
def test_model_identifiers_survive_escaping(client, name: str) -> None:
    assert client.converse(modelId=name, messages=ask("hi"))["stopReason"] == "end_turn"


def test_limit_and_stop(client) -> None:
    answer = client.converse(modelId=MODEL, messages=ask("limits"), inferenceConfig={"maxTokens": 3})
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("max_tokens", 3)
    words = client.converse(modelId=MODEL, messages=ask("stop"))["output"]["message"]["content"][0]["text"].split()
    answer = client.converse(
        modelId=MODEL,
        messages=ask("stop"),
        inferenceConfig={"stopSequences": [words[5]]},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )
    assert answer["stopReason"] == "stop_sequence"
    assert answer["additionalModelResponseFields"] == {"stop_sequence": words[5]}


@pytest.mark.parametrize("streams", [False, True])
def test_parallel_tools_and_their_results(client, streams: bool) -> None:
    question = ask(CALL_BOTH)
    if streams:
        content, stop, _ = gather(client.converse_stream(modelId=MODEL, messages=question, toolConfig=TOOL_CONFIG))
    else:
        answer = client.converse(modelId=MODEL, messages=question, toolConfig=TOOL_CONFIG)
        content, stop = answer["output"]["message"]["content"], answer["stopReason"]
    assert stop == "tool_use"
    assert [block["toolUse"]["name"] for block in content] == TOOLS
    assert isinstance(content[0]["toolUse"]["input"]["city"], str)
    identifiers = [block["toolUse"]["toolUseId"] for block in content]
    results = [{"toolResult": {"toolUseId": name, "content": [{"json": {"result": 1}}]}} for name in identifiers]
    turns = [*question, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    assert client.converse(modelId=MODEL, messages=turns, toolConfig=TOOL_CONFIG)["stopReason"] == "end_turn"
    turns[2]["content"] = results[:1]
    code, status, message = refusal(lambda: client.converse(modelId=MODEL, messages=turns, toolConfig=TOOL_CONFIG))
    assert (code, status) == ("ValidationException", 400)
    assert identifiers[1] in message


@pytest.mark.parametrize("choice", [{"any": {}}, {"tool": {"name": "get_time"}}])
def test_forced_tools(client, choice: dict) -> None:
    config = {**TOOL_CONFIG, "toolChoice": choice}
    answer = client.converse(modelId=MODEL, messages=ask("hi"), toolConfig=config)
    assert answer["output"]["message"]["content"][0]["toolUse"]["name"] == ("get_time" if "tool" in choice else TOOLS[0])


def test_thoughts_come_back_as_they_were_sent(client) -> None:
    def converse(messages: list[dict]) -> dict:
        return client.converse(
            modelId=MODEL, messages=messages, toolConfig=TOOL_CONFIG, additionalModelRequestFields=THINKING
        )

    question = ask("call tool get_time")
    content = converse(question)["output"]["message"]["content"]
    streamed, _, _ = gather(
        client.converse_stream(
            modelId=MODEL, messages=question, toolConfig=TOOL_CONFIG, additionalModelRequestFields=THINKING
        )
    )
    assert streamed == content
    assert [list(block)[0] for block in content] == ["reasoningContent", "toolUse"]
    result = {"toolResult": {"toolUseId": content[1]["toolUse"]["toolUseId"], "content": [{"text": "noon"}]}}
    turns = [*question, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    assert converse(turns)["stopReason"] == "end_turn"
    content[0]["reasoningContent"]["reasoningText"]["text"] += "!"
    code, _, message = refusal(lambda: converse(turns))
    assert (code, "Invalid `signature`" in message) == ("ValidationException", True)


def test_structured_output(client) -> None:
    schema = {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "place"}}
    config = {"textFormat": {"type": "json_schema", "structure": schema}}
    answer = client.converse(modelId=MODEL, messages=ask("a city"), outputConfig=config)
    assert list(json.loads(answer["output"]["message"]["content"][0]["text"])) == ["city"]


def test_images(client) -> None:
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert client.converse(modelId=MODEL, messages=ask(image, "what is this"))["usage"]["inputTokens"] == 103


def test_refusal(client) -> None:
    assert client.converse(modelId="sim-refuse", messages=ask("no"))["stopReason"] == "content_filtered"


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "at least one message is required"),
        ([{"role": "assistant", "content": [{"text": "hi"}]}], "must start with a user message"),
        (ask("a") + ask("b"), "roles must alternate"),
        (ask(" "), "is blank"),
        (ask({"toolResult": {"toolUseId": "a", "content": []}}), "toolConfig field must be defined"),
        (ask({"image": {"format": "bmp", "source": {"bytes": b"a"}}}), "enum value set"),
    ],
)
def test_refuses_what_bedrock_refuses(client, messages: list[dict], message: str) -> None:
    code, status, text = refusal(lambda: client.converse(modelId=MODEL, messages=messages))
    assert (code, status) == ("ValidationException", 400)
    assert message in text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_injected_errors_have_their_names(client, status: int, code: str) -> None:
    model = f"sim-status-{status}"
    assert refusal(lambda: client.converse(modelId=model, messages=ask("hi")))[:2] == (code, status)
    assert refusal(lambda: client.converse_stream(modelId=model, messages=ask("hi")))[:2] == (code, status)


def test_exception_in_a_stream(client) -> None:
    with pytest.raises(botocore.exceptions.EventStreamError) as error:
        gather(client.converse_stream(modelId="sim-fault-3", messages=ask("hi")))
    assert error.value.response["Error"]["Code"] == "serviceUnavailableException"


def test_wrong_credentials(provider: Provider) -> None:
    wrong = [provider.bedrock(key="AKIAUNKNOWN"), provider.bedrock(secret="wrong")]
    found = [refusal(lambda client=client: client.converse(modelId=MODEL, messages=ask("hi")))[:2] for client in wrong]
    assert found == [("UnrecognizedClientException", 403), ("InvalidSignatureException", 403)]


def test_altered_requests(provider: Provider) -> None:
    def converse(client) -> tuple[str, int, str]:
        return refusal(lambda: client.converse(modelId=MODEL, messages=ask("hi")))

    body = provider.bedrock()
    body.meta.events.register("before-send.*", lambda request, **_: setattr(request, "body", request.body.replace(b"hi", b"ho")))
    path = provider.bedrock()
    path.meta.events.register(
        "before-send.*", lambda request, **_: setattr(request, "url", request.url.replace("claude-sim", "claude-sin"))
    )
    for client in (body, path):
        code, status, message = converse(client)
        assert (code, status) == ("InvalidSignatureException", 403)
        assert "does not match the signature you provided" in message
    bare = provider.bedrock()
    bare.meta.events.register("before-send.*", lambda request, **_: request.headers.__delitem__("Authorization"))
    assert converse(bare)[0] == "MissingAuthenticationTokenException"
    torn = provider.bedrock()
    torn.meta.events.register(
        "before-send.*", lambda request, **_: request.headers.update({"Authorization": "AWS4-HMAC-SHA256 Credential=a"})
    )
    assert converse(torn)[0] == "IncompleteSignatureException"


@pytest.mark.parametrize(("minutes", "message"), [(-6, "Signature expired"), (6, "Signature not yet current")])
def test_clocks(provider: Provider, monkeypatch: pytest.MonkeyPatch, minutes: int, message: str) -> None:
    shift = datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: datetime.datetime.now(datetime.UTC) + shift)
    code, status, text = refusal(lambda: provider.bedrock().converse(modelId=MODEL, messages=ask("hi")))
    assert (code, status, message in text) == ("InvalidSignatureException", 403, True)
