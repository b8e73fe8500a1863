"""The simulator as Gemini's API, through Google's own client."""

import json
import urllib.error
import urllib.request

import pytest
from dialects import CALL_BOTH, PIXEL, SCHEMA, TOOLS, Provider, started
from google import genai
from google.genai import errors, types

MODEL = "gemini-sim"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory):
    yield from started(tmp_path_factory.mktemp("gemini"))


@pytest.fixture(scope="module")
def client(provider: Provider) -> genai.Client:
    return provider.gemini()


def tools(**more: object) -> types.GenerateContentConfig:
    declarations = [types.FunctionDeclaration(name=name, parameters_json_schema=SCHEMA) for name in TOOLS]
    manual = types.AutomaticFunctionCallingConfig(disable=True)
    offered = [types.Tool(function_declarations=declarations)]
    return types.GenerateContentConfig(tools=offered, automatic_function_calling=manual, **more)


def post(provider: Provider, path: str, body: dict) -> tuple[int, object]:
    request = urllib.request.Request(
        f"{provider.url}{path}", json.dumps(body).encode(), {"x-goog-api-key": "any", "content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_content(client: genai.Client) -> None:
    config = types.GenerateContentConfig(system_instruction="be kind")
    answer = client.models.generate_content(model=MODEL, contents="one two three", config=config)
    assert answer.candidates[0].finish_reason == "STOP"
    assert answer.usage_metadata.prompt_token_count == 5
    assert answer.usage_metadata.candidates_token_count == len(answer.text.split())
    assert answer.usage_metadata.total_token_count == 5 + len(answer.text.split())
    assert answer.model_version == MODEL
    assert answer.response_id


def test_stream_is_the_answer_in_pieces(client: genai.Client) -> None:
    whole = client.models.generate_content(model=MODEL, contents="stream me")
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="stream me"))
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert [bool(chunk.candidates[0].finish_reason) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert {chunk.response_id for chunk in chunks} == {whole.response_id}


def test_stream_without_events_is_one_array(provider: Provider) -> None:
    body = {"contents": [{"parts": [{"text": "an array"}]}]}
    status, chunks = post(provider, f"/v1beta/models/{MODEL}:streamGenerateContent", body)
    assert status == 200
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    status, refused = post(provider, f"/v1beta/models/{MODEL}:streamGenerateContent", {})
    assert (status, refused[0]["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_limit_stop_and_candidates(client: genai.Client) -> None:
    limit = types.GenerateContentConfig(max_output_tokens=3, candidate_count=2)
    answer = client.models.generate_content(model=MODEL, contents="limits", config=limit)
    assert [candidate.finish_reason for candidate in answer.candidates] == ["MAX_TOKENS"] * 2
    assert answer.usage_metadata.candidates_token_count == 6
    word = client.models.generate_content(model=MODEL, contents="stop").text.split()[5]
    config = types.GenerateContentConfig(stop_sequences=[word])
    stopped = client.models.generate_content(model=MODEL, contents="stop", config=config)
    assert word not in stopped.text.split()


@pytest.mark.parametrize("streams", [False, True])
def test_parallel_tools_and_their_results(client: genai.Client, streams: bool) -> None:
    question = types.Content(role="user", parts=[types.Part(text=CALL_BOTH)])
    if streams:
        chunks = list(client.models.generate_content_stream(model=MODEL, contents=[question], config=tools()))
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
    else:
        parts = client.models.generate_content(model=MODEL, contents=[question], config=tools()).candidates[0].content.parts
    assert [part.function_call.name for part in parts] == TOOLS
    assert isinstance(parts[0].function_call.args["city"], str)
    assert parts[0].function_call.id is None
    calls = types.Content(role="model", parts=parts)
    results = [types.Part.from_function_response(name=name, response={"result": 1}) for name in TOOLS]
    turns = [question, calls, types.Content(role="user", parts=results)]
    assert client.models.generate_content(model=MODEL, contents=turns, config=tools()).text
    turns[2] = types.Content(role="user", parts=results[:1])
    with pytest.raises(errors.ClientError, match="number of function response parts"):
        client.models.generate_content(model=MODEL, contents=turns, config=tools())


def test_forced_and_forbidden_tools(client: genai.Client) -> None:
    def ask(mode: str, **more: object) -> types.GenerateContentResponse:
        calling = types.FunctionCallingConfig(mode=mode, **more)
        config = tools(tool_config=types.ToolConfig(function_calling_config=calling))
        return client.models.generate_content(model=MODEL, contents=CALL_BOTH, config=config)

    assert [call.name for call in ask("ANY", allowed_function_names=["get_time"]).function_calls] == ["get_time"]
    assert ask("NONE").function_calls is None


def test_thoughts(client: genai.Client) -> None:
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = client.models.generate_content(model=MODEL, contents="think", config=config)
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and not text.thought
    assert text.thought_signature
    assert answer.usage_metadata.thoughts_token_count == len(thought.text.split())
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="think", config=config))
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
    assert "".join(part.text for part in parts if part.thought) == thought.text
    assert parts[-1].thought_signature == text.thought_signature
    hidden = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=100))
    answer = client.models.generate_content(model=MODEL, contents="think", config=hidden)
    assert len(answer.candidates[0].content.parts) == 1
    assert answer.usage_metadata.thoughts_token_count > 0


def test_signatures_come_back_as_they_were_sent(client: genai.Client) -> None:
    question = types.Content(role="user", parts=[types.Part(text=CALL_BOTH)])
    answer = client.models.generate_content(model="gemini-3-sim", contents=[question], config=tools())
    parts = answer.candidates[0].content.parts
    assert [bool(part.thought_signature) for part in parts] == [True, False]
    assert len({part.function_call.id for part in parts}) == 2
    results = [types.Part.from_function_response(name=name, response={"result": 1}) for name in TOOLS]

    def follow(parts: list[types.Part]) -> str:
        turns = [question, types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
        return client.models.generate_content(model="gemini-3-sim", contents=turns, config=tools()).text

    assert follow(parts)
    for signature, message in [(None, "missing a thought_signature"), (b"altered", "signature is not valid")]:
        altered = [parts[0].model_copy(update={"thought_signature": signature}), parts[1]]
        with pytest.raises(errors.ClientError, match=message):
            follow(altered)
    assert follow([parts[0].model_copy(update={"thought_signature": b"skip_thought_signature_validator"}), parts[1]])


@pytest.mark.parametrize("field", ["response_schema", "response_json_schema"])
def test_structured_output(client: genai.Client, field: str) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", **{field: SCHEMA})
    answer = client.models.generate_content(model=MODEL, contents="a city", config=config)
    assert list(json.loads(answer.text)) == ["city"]


def test_images(client: genai.Client) -> None:
    image = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
    answer = client.models.generate_content(model=MODEL, contents=[image, "what is this"])
    assert answer.usage_metadata.prompt_token_count == 103


def test_refusal(client: genai.Client) -> None:
    answer = client.models.generate_content(model="sim-refuse", contents="no")
    assert answer.candidates[0].finish_reason == "SAFETY"
    assert answer.candidates[0].content.parts is None


def test_models_tokens_and_embeddings(client: genai.Client) -> None:
    assert "models/sim-chat" in [model.name for model in client.models.list(config={"page_size": 2, "query_base": True})]
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"
    assert client.models.count_tokens(model=MODEL, contents="one two").total_tokens == 2
    embeddings = client.models.embed_content(
        model="sim-embedding", contents=["a", "b"], config=types.EmbedContentConfig(output_dimensionality=8)
    ).embeddings
    assert [len(embedding.values) for embedding in embeddings] == [8, 8]
    assert embeddings[0].values != embeddings[1].values


def test_both_spellings_of_names(provider: Provider) -> None:
    body = {
        "system_instruction": {"parts": {"text": "be kind"}},
        "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, {"text": "one"}]}],
        "generation_config": {"max_output_tokens": "2"},
    }
    status, answer = post(provider, f"/v1beta/models/{MODEL}:generateContent", body)
    assert status == 200
    assert answer["usageMetadata"]["promptTokenCount"] == 103
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"


CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "contents is not specified"),
        ({"contents": CONTENTS, "foo": 1}, 'Unknown name "foo": Cannot find field.'),
        ({"contents": CONTENTS, "messages": []}, 'Unknown name "messages": Cannot find field.'),
        (
            {"contents": CONTENTS, "generationConfig": {"max_tokens": 1}},
            "Unknown name \"max_tokens\" at 'generation_config': Cannot find field.",
        ),
        (
            {
                "contents": CONTENTS,
                "tools": [{"functionDeclarations": [{"name": "a", "parameters": {"additionalProperties": False}}]}],
            },
            "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
        ),
        (
            {"contents": CONTENTS, "generationConfig": {"maxOutputTokens": "many"}},
            "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), \"many\"",
        ),
        ({"contents": [{"role": "assistant", "parts": [{"text": "hi"}]}]}, "Please use a valid role: user, model."),
        ({"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        ({"contents": [{"role": "user", "parts": [{}]}]}, "must have one initialized field"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "*"}}]}]}, "Base64 decoding failed"),
    ],
)
def test_refuses_what_google_refuses(provider: Provider, body: dict, message: str) -> None:
    status, refused = post(provider, f"/v1beta/models/{MODEL}:generateContent", body)
    assert (status, refused["error"]["code"], refused["error"]["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert message in refused["error"]["message"]


def test_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    for provider in started(tmp_path_factory.mktemp("keys"), "--key", "right", "--model", "gemini-known"):
        wrong, right = provider.gemini("wrong"), provider.gemini("right")
        with pytest.raises(errors.ClientError) as refusal:
            wrong.models.generate_content(model=MODEL, contents="hi")
        assert refusal.value.code == 400
        assert refusal.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"
        with pytest.raises(errors.ClientError) as refusal:
            right.models.generate_content(model=MODEL, contents="hi")
        assert (refusal.value.code, refusal.value.status) == (404, "NOT_FOUND")
        assert right.models.generate_content(model="gemini-known", contents="hi").text
        body = {"contents": CONTENTS}
        assert post(provider, "/v1beta/models/gemini-known:generateContent?key=right", body)[0] == 400
        request = urllib.request.Request(
            f"{provider.url}/v1beta/models/gemini-known:generateContent?key=right", json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.status == 200
