"""Every client against an upstream of every dialect: the answer is the one that the upstream's own client would have got.

One test for each feature, run in each cell of clients and upstreams; `cells.py` says which cells are missing and why, and
prints the table. The same file runs with the previous major version of the OpenAI client.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import xml.etree.ElementTree
from collections.abc import Iterator

import httpx
import pytest
from cells import CHAT_ALONE, PROPERTY, every_cell, missing, wordless
from clients import CLIENTS, Answer, Turns, Wish, status_of
from harness import processes
from offers import CALL_BOTH, TOOLS
from stack import MAIN_KEY
from translated import CLAUDE_ON_BEDROCK, Gateway, started

pytestmark = pytest.mark.gateway_only
HERE = pathlib.Path(__file__).resolve().parent
NO_WISH = Wish()


@dataclasses.dataclass
class Cell:
    """One client of a gateway, and a model whose upstream speaks one dialect."""

    client_name: str
    upstream: str
    client: object
    gateway: Gateway

    @property
    def model(self) -> str:
        return f"m-{self.upstream}"

    @property
    def is_translated(self) -> bool:
        """Whether the client's dialect is another than the upstream's."""
        own = {"anthropic": ["anthropic"], "google-genai": ["gemini"]}
        return self.upstream not in own.get(self.client_name, ["openai", "azure-openai"])

    def ask(self, turns: Turns | str, wish: Wish = NO_WISH, streams: bool = False, model: str | None = None) -> Answer:
        turns = self.client.user(turns) if isinstance(turns, str) else turns
        return (self.client.stream if streams else self.client.ask)(model or self.model, turns, wish)

    def error(self, *arguments: object, **options: object) -> Exception:
        """The one error that the client raises."""
        with pytest.raises(self.client.errors) as caught:
            self.ask(*arguments, **options)
        return caught.value


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from started(tmp_path_factory.mktemp("translation"))


@pytest.fixture(scope="module")
def clients(gateway: Gateway) -> Iterator[dict]:
    """A client of each kind, made when it is first needed, because not every environment has them all."""
    made: dict = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def cell(request: pytest.FixtureRequest, record_property, gateway: Gateway, clients: dict) -> Cell:
    name, upstream_name = request.param
    feature = request.node.get_closest_marker("feature").args[0]
    streams = request.node.callspec.params.get("streams", False)
    feature += ", streamed" if streams else ""
    record_property(PROPERTY, f"{name}|{upstream_name}|{feature}")
    if name not in clients:
        clients[name] = CLIENTS[name](gateway.base, MAIN_KEY)
    cell = Cell(name, upstream_name, clients[name], gateway)
    if reason := missing(name, upstream_name):
        if feature == "chat":
            with contextlib.suppress(*cell.client.errors):
                cell.ask("are you there")
                pytest.fail(f"{name} reaches {upstream_name}: take the cell off the list of missing ones")
        pytest.skip(reason)
    if reason := wordless(name, upstream_name, feature):
        pytest.skip(reason)
    return cell


both_ways = pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])


def answer_to(cell: Cell, text: str) -> str:
    """What the upstream answers to `text` when it is asked directly, in its own dialect."""
    turn = {"role": "user", "content": text}
    if cell.upstream == "bedrock":
        path, body = f"/model/{CLAUDE_ON_BEDROCK}/converse", {"messages": [{**turn, "content": [{"text": text}]}]}
    elif cell.upstream == "gemini":
        path, body = "/v1beta/models/m:generateContent", {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        if not cell.is_translated:
            # The order of the members, too, is part of what the simulator's text follows from.
            body = {"contents": [{"parts": [{"text": text}], "role": "user"}]}
    elif cell.client_name == "openai responses" and not cell.is_translated:
        path, body = "/v1/responses", {"model": "m", "input": [turn]}
    else:
        path, body = "/v1/chat/completions", {"model": "m", "messages": [turn]}
    answer = httpx.post(cell.gateway.unsigned + path, json=body, headers={"authorization": "Bearer any"}).json()
    if cell.upstream == "bedrock":
        return answer["output"]["message"]["content"][0]["text"]
    if cell.upstream == "gemini":
        return answer["candidates"][0]["content"]["parts"][0]["text"]
    return answer["output"][0]["content"][0]["text"] if "output" in answer else answer["choices"][0]["message"]["content"]


@every_cell
@both_ways
@pytest.mark.feature("chat")
def test_chat(cell: Cell, streams: bool) -> None:
    answer = cell.ask("one two three", streams=streams)
    expected = answer_to(cell, "one two three")
    assert (answer.text, answer.end) == (expected, "end")
    assert answer.usage == (3, len(expected.split()))
    assert answer.losses is None


@every_cell
@both_ways
@pytest.mark.feature("unicode")
def test_unicode(cell: Cell, streams: bool) -> None:
    question = 'grüße "你好" \\ \u2028 🎉 \t end'
    assert cell.ask(question, streams=streams).text == answer_to(cell, question)


@every_cell
@pytest.mark.feature("usage in the journal")
def test_usage_is_recorded(cell: Cell) -> None:
    usages = []
    for streams in (False, True):
        answer, record = cell.gateway.next_record(cell.model, lambda: cell.ask("count these five words", streams=streams))
        assert (record["input_tokens"], record["output_tokens"]) == answer.usage
        usages.append(answer.usage)
    assert usages[0] == usages[1]


@every_cell
@both_ways
@pytest.mark.feature("max tokens")
def test_max_tokens(cell: Cell, streams: bool) -> None:
    answer = cell.ask("limits", Wish(max_tokens=3), streams)
    assert (answer.end, answer.usage[1]) == ("length", 3)
    assert answer.text.split() == answer_to(cell, "limits").split()[:3]


@every_cell
@both_ways
@pytest.mark.feature("stop sequence")
def test_stop_sequence(cell: Cell, streams: bool) -> None:
    words = answer_to(cell, "stop there").split()
    answer = cell.ask("stop there", Wish(stop=words[5]), streams)
    assert answer.text.split() == words[:5]
    assert answer.end in ("end", "stop")


@every_cell
@both_ways
@pytest.mark.feature("tool")
def test_tool(cell: Cell, streams: bool) -> None:
    answer = cell.ask('call tool get_time {"city": "a {\\"b} é"}', Wish(tools=True), streams)
    assert answer.end == "tools"
    assert [(call.name, call.arguments) for call in answer.calls] == [("get_time", {"city": 'a {"b} é'})]


@every_cell
@both_ways
@pytest.mark.feature("parallel tools, loop")
def test_parallel_tools_and_their_results(cell: Cell, streams: bool) -> None:
    wish = Wish(tools=True)
    question = cell.client.user(CALL_BOTH)
    answer = cell.ask(question, wish, streams)
    assert [call.name for call in answer.calls] == TOOLS
    assert all(isinstance(call.arguments["city"], str) for call in answer.calls)
    turns = [*question, *answer.turn, *cell.client.results(answer, ["sunny", "noon"])]
    final = cell.ask(turns, wish, streams)
    assert (final.end, final.calls) == ("end", [])
    assert final.text
    # A third turn, so that an answer of text comes back too.
    assert cell.ask([*turns, *final.turn, *cell.client.user("and now")], wish, streams).text


@every_cell
@both_ways
@pytest.mark.feature("structured output")
def test_structured_output(cell: Cell, streams: bool) -> None:
    answer = cell.ask("a city", Wish(schema=True), streams)
    assert list(json.loads(answer.text)) == ["city"]
    assert answer.end == "end"


@every_cell
@pytest.mark.feature("image")
def test_image(cell: Cell) -> None:
    answer = cell.ask(cell.client.user("what is this", image=True))
    # The simulator counts a picture as 100 tokens.
    assert answer.usage[0] == 103


@every_cell
@both_ways
@pytest.mark.feature("thoughts")
def test_thoughts(cell: Cell, streams: bool) -> None:
    answer = cell.ask("think about it", Wish(thinks=True), streams)
    written = len(answer.text.split())
    assert answer.text
    if cell.upstream in ("openai", "azure-openai", CHAT_ALONE):
        assert answer.usage[1] > written
    else:
        assert answer.thoughts
        assert answer.usage[1] == len(answer.thoughts.split()) + written


@every_cell
@both_ways
@pytest.mark.feature("thoughts come back")
def test_thoughts_come_back(cell: Cell, streams: bool) -> None:
    """The proof of a thought survives the client, and one that was tampered with is refused: it does arrive."""
    wish = Wish(tools=True, thinks=True)
    question = cell.client.user("call tool get_time")
    answer = cell.ask(question, wish, streams)
    results = cell.client.results(answer, ["noon"])
    final = cell.ask([*question, *answer.turn, *results], wish, streams)
    assert (final.end, bool(final.text)) == ("end", True)
    if cell.upstream in ("anthropic", "bedrock", "gemini"):
        refused = cell.error([*question, *cell.client.altered(answer.turn, cell.upstream), *results], wish, streams)
        assert status_of(refused) == 400


@every_cell
@both_ways
@pytest.mark.feature("refusal")
def test_refusal(cell: Cell, streams: bool) -> None:
    wish = Wish(headers={"x-sim-refuse": "1"})
    if cell.upstream == "azure-openai":
        # Its filter answers for the model.
        error = cell.error("no", wish, streams)
        assert status_of(error) == 400
        assert "content management policy" in str(error)
    else:
        assert cell.ask("no", wish, streams).end == "refusal"


# Errors


@every_cell
@pytest.mark.feature("error: our key")
def test_unknown_key(cell: Cell) -> None:
    with contextlib.closing(CLIENTS[cell.client_name](cell.gateway.base, "agw_nobody")) as stranger:
        with pytest.raises(stranger.errors) as caught:
            stranger.ask(cell.model, stranger.user("hi"), NO_WISH)
    assert status_of(caught.value) == 401


@every_cell
@pytest.mark.feature("error: unknown model")
def test_unknown_model(cell: Cell) -> None:
    assert status_of(cell.error("hi", model="nobody-serves-this")) == 404


@every_cell
@both_ways
@pytest.mark.parametrize("status", [400, 429, 500, 529])
@pytest.mark.feature("error: of the upstream")
def test_upstream_errors(cell: Cell, streams: bool, status: int) -> None:
    error = cell.error("hi", Wish(headers={"x-sim-status": str(status)}), streams)
    assert status_of(error) == status
    # The provider's own words, not a text about an unreadable body.
    assert str(status) in str(error)


@every_cell
@pytest.mark.feature("error: inside a stream")
def test_error_inside_a_stream(cell: Cell) -> None:
    cell.error("hi", Wish(headers={"x-sim-fault": "2"}), streams=True)


@every_cell
@pytest.mark.feature("error: cut stream")
def test_cut_stream(cell: Cell) -> None:
    cell.error("hi", Wish(headers={"x-sim-tokens": "500", "x-sim-cut": "3000"}, max_tokens=1000), streams=True)


@every_cell
@pytest.mark.feature("error: cut answer")
def test_cut_answer(cell: Cell) -> None:
    if not cell.is_translated:
        pytest.skip("what goes through as it came breaks off as it came")
    # Twice, because the second call comes on the connection of the first.
    for _ in range(2):
        assert status_of(cell.error("hi", Wish(headers={"x-sim-cut": "50"}))) == 502


# Losses

# What each client asks for that the other dialects lack.
LOST = {
    "openai chat": "seed",
    "openai 2 chat": "seed",
    "openai responses": "truncation",
    "anthropic": "top_k",
    "google-genai": "safetySettings",
}
KEEPS = {
    ("anthropic", "gemini"): "Gemini takes top_k",
    ("openai chat", "gemini"): "Gemini takes seed",
    ("openai 2 chat", "gemini"): "Gemini takes seed",
}


@every_cell
@pytest.mark.feature("losses")
def test_losses(cell: Cell) -> None:
    if not cell.is_translated:
        pytest.skip("nothing is lost where nothing is translated")
    if reason := KEEPS.get((cell.client_name, cell.upstream)):
        pytest.skip(reason)
    field = LOST[cell.client_name]
    wish = Wish(seed=7)
    assert cell.ask("hi", wish).losses == f"{field};dropped"
    assert cell.ask("hi", wish, model=f"allow-{cell.upstream}").losses is None
    assert cell.ask("hi", model=f"strict-{cell.upstream}").text
    error = cell.error("hi", wish, model=f"strict-{cell.upstream}")
    assert status_of(error) == 400
    assert field in str(error)


# The previous major version


@pytest.mark.skipif("E2E_CLIENTS" in os.environ, reason="this is that run")
def test_previous_major_of_openai(record_property, tmp_path: pathlib.Path) -> None:
    python = subprocess.run(
        [processes.ROOT / "scripts/venv", "e2e-openai2"], check=True, capture_output=True, text=True
    ).stdout.strip()
    junit = tmp_path / "cells.xml"
    command = [python, "-B", "-m", "pytest", "-c", str(HERE / "pytest.ini"), f"--junitxml={junit}", str(HERE / __file__)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        command, cwd=HERE, env={**environment, "E2E_CLIENTS": "openai 2 chat"}, capture_output=True, text=True, timeout=300
    )
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        for entry in case.iter("property"):
            record_property(PROPERTY, f"{entry.get('value')}|{_outcome(case)}")
    assert run.returncode == 0, run.stdout[-6000:]
    assert " passed" in run.stdout


def _outcome(case: xml.etree.ElementTree.Element) -> str:
    skipped = case.find("skipped")
    if skipped is not None:
        return f"skipped|{skipped.get('message')}"
    failed = case.find("failure") is not None or case.find("error") is not None
    return "failed|" if failed else "passed|"


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_responses_of_a_server_that_knows_chat_alone(gateway: Gateway, streams: bool) -> None:
    client = CLIENTS["openai responses"](gateway.base, MAIN_KEY)
    with contextlib.closing(client):
        answer = (client.stream if streams else client.ask)(f"m-{CHAT_ALONE}", client.user("hello"), NO_WISH)
    assert answer.text
    assert gateway.received()[-1]["path"].endswith("/chat/completions")
