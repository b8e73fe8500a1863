"""Agents do a scripted task through the gateway, on upstreams of other dialects than their own.

The simulator plays the model: it calls the tool that the task names, and answers with text once it has the result. A task
is done when the tool has had its effect, the agent has ended well, and the upstream was asked in its own dialect.
"""

import json
import pathlib
import subprocess
from collections.abc import Iterator

import agents
import pytest
from cells import missing
from stack import MAIN_KEY
from translated import Gateway, started

# The path that each upstream's dialect is asked at.
PATHS = {
    # Chat completions, or responses where those are the client's own dialect.
    "openai": ("/v1/chat/completions", "/v1/responses"),
    "azure-openai": "/openai/deployments/",
    "anthropic": "/v1/messages",
    "bedrock": "/model/",
    "gemini": "/v1/models/",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from started(tmp_path_factory.mktemp("agents"))


@pytest.fixture
def home(tmp_path: pathlib.Path) -> agents.Home:
    return agents.Home(tmp_path)


def asked(gateway: Gateway, upstream: str, before: int) -> list[dict]:
    """The calls that reached the upstream since there were `before`, all of them answered and in its dialect."""
    calls = [call for call in gateway.received()[before:] if call["method"] == "POST"]
    assert calls
    assert all(call["path"].startswith(PATHS[upstream]) for call in calls), [call["path"] for call in calls]
    assert all(call["status"] == 200 for call in calls), [call["status"] for call in calls]
    return calls


def skip_if_missing(client: str, upstream: str) -> None:
    if reason := missing(client, upstream):
        pytest.skip(reason)


@pytest.mark.parametrize("upstream", ["openai", "azure-openai", "bedrock", "gemini"])
def test_claude_code(gateway: Gateway, home: agents.Home, upstream: str) -> None:
    skip_if_missing("anthropic", upstream)
    claude = agents.inside(agents.installed("claude"), "claude_agent_sdk/_bundled/claude")
    before = len(gateway.received())
    arguments = json.dumps({"file_path": str(home.work / "note.txt"), "content": "written by an agent\n"})
    printed = home.run(
        *(claude, "-p", f"call tool Write {arguments}", "--output-format", "json"),
        *("--permission-mode", "bypassPermissions"),
        ANTHROPIC_BASE_URL=gateway.base,
        ANTHROPIC_API_KEY=MAIN_KEY,
        ANTHROPIC_MODEL=f"m-{upstream}",
        ANTHROPIC_SMALL_FAST_MODEL=f"m-{upstream}",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        # It acts without asking as root only where it believes itself to be locked in.
        IS_SANDBOX="1",
    )
    result = json.loads(printed.splitlines()[-1])
    assert (result["is_error"], result["num_turns"]) == (False, 2)
    assert result["result"]
    assert (home.work / "note.txt").read_text() == "written by an agent\n"
    assert len(asked(gateway, upstream, before)) >= 2


CODEX_CONFIG = """
model = "m-{upstream}"
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "{base}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


# OpenAI's own upstream too, which shows whether a failure is the agent's.
@pytest.mark.parametrize("upstream", ["openai", "anthropic", "bedrock", "gemini"])
def test_codex(gateway: Gateway, home: agents.Home, upstream: str) -> None:
    skip_if_missing("openai responses", upstream)
    codex = agents.inside(agents.installed("codex"), "codex_cli_bin/bin/codex")
    settings = home.write("codex/config.toml", CODEX_CONFIG.format(upstream=upstream, base=gateway.base))
    before = len(gateway.received())
    arguments = json.dumps({"cmd": "echo written by an agent > note.txt"})
    printed = home.run(
        *(codex, "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
        f"call tool exec_command {arguments}",
        CODEX_HOME=str(settings.parent),
        GATEWAY_KEY=MAIN_KEY,
    )
    events = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    assert [item["exit_code"] for item in items if item["type"] == "command_execution"] == [0]
    assert items[-1]["type"] == "agent_message" and items[-1]["text"]
    assert events[-1]["type"] == "turn.completed"
    assert (home.work / "note.txt").read_text() == "written by an agent\n"
    assert len(asked(gateway, upstream, before)) >= 2


LLM_MODEL = """
- model_id: {model}
  model_name: {model}
  api_base: {base}/v1
  api_key_name: gateway
  supports_tools: true
"""
LLM_TOOL = '''
def leave_note(text: str) -> str:
    """Leaves a note."""
    with open("note.txt", "w") as file:
        file.write(text)
    return "done"
'''


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", ["anthropic", "bedrock", "gemini"])
def test_llm(gateway: Gateway, home: agents.Home, upstream: str, streams: bool) -> None:
    skip_if_missing("openai chat", upstream)
    llm = agents.installed("llm") / "bin/llm"
    model = f"m-{upstream}"
    models = home.write("llm/extra-openai-models.yaml", LLM_MODEL.format(model=model, base=gateway.base))
    before = len(gateway.received())
    printed = home.run(
        *(llm, "--model", model, "--key", MAIN_KEY, *([] if streams else ["--no-stream"])),
        *("--functions", LLM_TOOL, 'call tool leave_note {"text": "noted"}'),
        LLM_USER_PATH=str(models.parent),
    )
    assert printed.strip()
    assert (home.work / "note.txt").read_text() == "noted"
    assert len(asked(gateway, upstream, before)) == 2


@pytest.mark.parametrize(
    ("client", "upstream"),
    [("openai", "anthropic"), ("openai", "bedrock"), ("anthropic", "openai"), ("anthropic", "bedrock")],
)
def test_aider(gateway: Gateway, home: agents.Home, client: str, upstream: str) -> None:
    """It has no tools: what it is told, it writes as text."""
    skip_if_missing({"openai": "openai chat"}.get(client, client), upstream)
    aider = agents.installed("aider") / "bin/aider"
    for command in (["init", "-q"], ["config", "user.name", "aider"], ["config", "user.email", "aider@localhost"]):
        subprocess.run(["git", *command], cwd=home.work, check=True)
    before = len(gateway.received())
    printed = home.run(
        *(aider, "--model", f"{client}/m-{upstream}", "--message", "say something", "--yes-always", "--no-pretty"),
        *("--no-show-model-warnings", "--no-check-update", "--no-show-release-notes", "--analytics-disable"),
        *("--map-tokens", "0", "--no-gitignore"),
        OPENAI_API_BASE=f"{gateway.base}/v1",
        OPENAI_API_KEY=MAIN_KEY,
        ANTHROPIC_API_BASE=gateway.base,
        ANTHROPIC_API_KEY=MAIN_KEY,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    assert "received." in printed, printed
    asked(gateway, upstream, before)
