"""The table of clients, upstreams and features: which cells there are, which are missing and why, and how a run's is printed."""

import os

import pytest

CLIENTS = os.environ.get("E2E_CLIENTS", "openai chat,openai responses,anthropic,google-genai").split(",")
UPSTREAMS = ["openai", "azure-openai", "anthropic", "bedrock", "gemini"]

# Cells that are not there yet: (client, upstream), where `*` is any. One that answers after all makes the run fail.
MISSING: dict[tuple[str, str], str] = {}


# What a pair of dialects has no words for: (client, upstream, feature), where `*` is any.
WORDLESS: dict[tuple[str, str, str], str] = {
    ("openai responses", "*", "stop sequence"): "responses have no stop sequences",
    ("openai responses", "*", "stop sequence, streamed"): "responses have no stop sequences",
}

PROPERTY = "cell"
# By client, upstream and feature: the outcome, and why it was skipped.
Results = dict[tuple[str, str, str], tuple[str, str]]


def _looked_up(table: dict[tuple[str, ...], str], *names: str) -> str | None:
    for pattern, reason in table.items():
        if all(wanted in ("*", name) for wanted, name in zip(pattern, names, strict=True)):
            return reason
    return None


def missing(client: str, upstream: str) -> str | None:
    """Why this cell is not there yet; None when it is."""
    return _looked_up(MISSING, client, upstream)


def wordless(client: str, upstream: str, feature: str) -> str | None:
    """Why a feature cannot be asked for, or seen, in this cell."""
    return _looked_up(WORDLESS, client.replace("openai 2 chat", "openai chat"), upstream, feature)


# An upstream of OpenAI's that knows chat alone: another one for clients of responses only.
CHAT_ALONE = "chat-only"
ALL = [(client, upstream) for client in CLIENTS for upstream in UPSTREAMS]
ALL += [(client, CHAT_ALONE) for client in CLIENTS if client == "openai responses"]
every_cell = pytest.mark.parametrize("cell", ALL, ids=[f"{client} to {upstream}" for client, upstream in ALL], indirect=True)


def table(results: Results) -> list[str]:
    """The lines of a run's table: a mark for each upstream, and the reasons below."""
    if not results:
        return []
    upstreams = [name for name in [*UPSTREAMS, CHAT_ALONE] if any(key[1] == name for key in results)]
    reasons: list[str] = []
    lines = [f"{'client':<18}{'feature':<34}" + "".join(f"{name:<14}" for name in upstreams)]
    for client, feature in sorted({(client, feature) for client, _, feature in results}):
        marks = []
        for upstream in upstreams:
            outcome, reason = results.get((client, upstream, feature), ("-", ""))
            if outcome == "passed":
                marks.append("ok")
            elif outcome == "skipped":
                if reason not in reasons:
                    reasons.append(reason)
                marks.append(f"skip [{reasons.index(reason) + 1}]")
            else:
                marks.append(outcome.upper())
        lines.append(f"{client:<18}{feature:<34}" + "".join(f"{mark:<14}" for mark in marks).rstrip())
    return lines + [f"[{number}] {reason}" for number, reason in enumerate(reasons, 1)]


def results_of(reports: list) -> Results:
    """The outcomes that reports of pytest carry, whichever worker made them. Of several tests of one cell a failure counts."""
    results: Results = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name != PROPERTY:
                continue
            client, upstream, feature, *known = value.split("|")
            if known:
                outcome, reason = known
            elif report.when == "call" or report.outcome != "passed":
                outcome = report.outcome
                reason = report.longrepr[2].removeprefix("Skipped: ") if outcome == "skipped" else ""
            else:
                continue
            if results.get((client, upstream, feature), ("", ""))[0] != "failed":
                results[client, upstream, feature] = (outcome, reason)
    return results
