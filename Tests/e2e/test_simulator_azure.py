"""The simulator as Azure OpenAI, through OpenAI's client for it."""

import openai
import pytest
from dialects import API_VERSION, CALL_BOTH, SCHEMA, TOOLS, Provider, started

DEPLOYMENT = "our-deployment"
CLEAN = {"filtered": False, "severity": "safe"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory):
    yield from started(tmp_path_factory.mktemp("azure"))


@pytest.fixture(scope="module")
def client(provider: Provider) -> openai.AzureOpenAI:
    return provider.azure()


def ask(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def test_chat_carries_what_the_filters_found(client: openai.AzureOpenAI) -> None:
    answer = client.chat.completions.create(model=DEPLOYMENT, messages=ask("one two"))
    assert answer.model == DEPLOYMENT
    assert answer.usage.prompt_tokens == 2
    assert answer.prompt_filter_results[0]["content_filter_results"]["hate"] == CLEAN
    assert answer.choices[0].content_filter_results["violence"] == CLEAN


def test_stream_begins_with_the_prompts_filter(client: openai.AzureOpenAI) -> None:
    whole = client.chat.completions.create(model=DEPLOYMENT, messages=ask("stream"))
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=DEPLOYMENT, messages=ask("stream"), stream=True, stream_options=options))
    assert (chunks[0].choices, chunks[0].id, chunks[0].prompt_filter_results[0]["prompt_index"]) == ([], "", 0)
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert all(hasattr(choice, "content_filter_results") for chunk in chunks for choice in chunk.choices)
    assert chunks[-1].usage == whole.usage


def test_parallel_tools(client: openai.AzureOpenAI) -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in TOOLS]
    answer = client.chat.completions.create(model=DEPLOYMENT, messages=ask(CALL_BOTH), tools=tools)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == TOOLS


def test_other_endpoints(client: openai.AzureOpenAI) -> None:
    assert client.completions.create(model=DEPLOYMENT, prompt="hi").choices[0].text
    assert len(client.embeddings.create(model=DEPLOYMENT, input=["a", "b"], dimensions=4).data) == 2
    stored = client.responses.create(model=DEPLOYMENT, input="hi")
    assert client.responses.retrieve(stored.id).output_text == stored.output_text
    assert "sim-chat" in [model.id for model in client.models.list()]


def test_unversioned_paths_and_tokens(provider: Provider) -> None:
    client = openai.OpenAI(base_url=f"{provider.url}/openai/v1", api_key="any", max_retries=0, timeout=20)
    answer = client.chat.completions.create(model=DEPLOYMENT, messages=ask("hi"))
    assert answer.choices[0].content_filter_results["hate"] == CLEAN
    assert client.responses.create(model=DEPLOYMENT, input="hi").output_text
    token = openai.AzureOpenAI(
        azure_endpoint=provider.url, azure_ad_token="token", api_version=API_VERSION, max_retries=0, timeout=20
    )
    assert token.chat.completions.create(model=DEPLOYMENT, messages=ask("hi")).choices


@pytest.mark.parametrize("version", ["", "2024-10", "yesterday", "2024-10-21-beta"])
def test_version_is_needed(provider: Provider, version: str) -> None:
    client = provider.azure(version=version or "none")
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model=DEPLOYMENT, messages=ask("hi"))
    assert refusal.value.body == {"code": "404", "message": "Resource not found"}


def test_refusals(provider: Provider, client: openai.AzureOpenAI, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="sim-status-429-retry-7", messages=ask("hi"))
    assert limited.value.body["code"] == "429"
    assert limited.value.response.headers["retry-after-ms"] == "7000"
    with pytest.raises(openai.BadRequestError) as filtered:
        client.chat.completions.create(model="sim-refuse", messages=ask("hi"))
    assert filtered.value.code == "content_filter"
    assert filtered.value.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    with pytest.raises(openai.BadRequestError) as malformed:
        client.chat.completions.create(model=DEPLOYMENT, messages=[])
    assert malformed.value.type == "invalid_request_error"
    for other in started(tmp_path_factory.mktemp("key"), "--key", "right", "--model", DEPLOYMENT):
        with pytest.raises(openai.AuthenticationError) as denied:
            other.azure("wrong").chat.completions.create(model=DEPLOYMENT, messages=ask("hi"))
        assert denied.value.body["code"] == "401"
        with pytest.raises(openai.NotFoundError) as unknown:
            other.azure("right").chat.completions.create(model="other", messages=ask("hi"))
        assert unknown.value.body["code"] == "DeploymentNotFound"
