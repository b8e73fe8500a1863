"""Compressed request bodies."""

import json
import uuid

import pytest
from compression import CODINGS
from harness.wire import post_json
from stack import MAIN_KEY, Stack

pytestmark = pytest.mark.gateway_only

CHAT = "/v1/chat/completions"
LIMIT = 32 << 20


def body_with(text: str, model: str = "sim-alias") -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [1, 200_000], ids=["small", "large"])
def test_body_is_read_and_forwarded_decompressed(stack: Stack, coding: str, size: int) -> None:
    mark = uuid.uuid4().hex
    body = CODINGS[coding](body_with(mark + " word" * size))
    answer = post_json(stack.base, CHAT, MAIN_KEY, body, content_encoding=coding.upper() if size == 1 else coding)
    assert answer.status == 200, answer.body
    assert answer.headers["x-gateway-model"] == "sim-renamed"
    if size == 1:
        (received,) = stack.received_with(mark)
        assert json.loads(received["body"])["model"] == "sim-renamed"
        assert "content-encoding" not in {name.lower() for name, _ in received["headers"]}


@pytest.mark.parametrize("coding", CODINGS)
def test_bomb_is_refused(stack: Stack, coding: str) -> None:
    bomb = CODINGS[coding](body_with("0" * (LIMIT + (8 << 20))))
    assert len(bomb) < 1 << 20
    answer = post_json(stack.base, CHAT, MAIN_KEY, bomb, content_encoding=coding)
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("damage", ["cut", "trailing", "other", "empty-ish"])
def test_damaged_body_is_refused(stack: Stack, coding: str, damage: str) -> None:
    whole = CODINGS[coding](body_with("words " * 1000))
    damaged = {
        "cut": whole[:-5],
        "trailing": whole + b"and something else",
        "other": body_with("not compressed at all"),
        "empty-ish": b"\x00",
    }[damage]
    answer = post_json(stack.base, CHAT, MAIN_KEY, damaged, content_encoding=coding)
    assert (answer.status, answer.code) == (400, "invalid_encoding")


@pytest.mark.parametrize("coding", ["compress", "gzip, br", "gzip,gzip", "exi", "", "*"])
def test_other_encodings_are_refused(stack: Stack, coding: str) -> None:
    answer = post_json(stack.base, CHAT, MAIN_KEY, body_with("hello"), content_encoding=coding)
    assert (answer.status, answer.code) == (415, "unsupported_encoding")


def test_identity_is_no_encoding(stack: Stack) -> None:
    assert post_json(stack.base, CHAT, MAIN_KEY, body_with("hello"), content_encoding="identity").status == 200
