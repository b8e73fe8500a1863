"""Upstreams that fail in every way a network can: the caller gets the right status and code, and never waits for ever."""

import gzip
import json

import pytest
from harness.wire import Answer, post_json, wait_for
from observe import access_lines, check_log, error_lines, one_failure
from stack import MAIN_KEY, UPSTREAM_KEY, Stack

pytestmark = pytest.mark.gateway_only

MESSAGES = [{"role": "user", "content": "hello"}]

BEFORE_THE_ANSWER = {
    "refused": (502, "upstream_unreachable"),
    "reset": (502, "upstream_broken"),
    "close": (502, "upstream_broken"),
    "garbage": (502, "upstream_broken"),
    "two-lengths": (502, "upstream_broken"),
    "stall-head": (504, "upstream_timeout"),
    "401": (502, "upstream_credentials_exhausted"),
}


def chat(stack: Stack, fault: str, **more: object) -> Answer:
    body = {"model": f"fault-{fault}", "messages": MESSAGES, **more}
    return post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)


def message(stack: Stack, fault: str, **more: object) -> Answer:
    body = {"model": f"afault-{fault}", "max_tokens": 5, "messages": MESSAGES, **more}
    return post_json(stack.base, "/v1/messages", MAIN_KEY, body)


@pytest.mark.parametrize(("fault", "expected"), BEFORE_THE_ANSWER.items(), ids=BEFORE_THE_ANSWER.keys())
def test_no_answer_came(stack: Stack, fault: str, expected: tuple[int, str]) -> None:
    status, code = expected
    with one_failure(stack, code):
        answer = chat(stack, fault)
    assert (answer.status, answer.code) == (status, code)
    assert UPSTREAM_KEY not in answer.body.decode()
    check_log(stack, answer.headers["x-request-id"], code)


@pytest.mark.parametrize(("fault", "expected"), BEFORE_THE_ANSWER.items(), ids=BEFORE_THE_ANSWER.keys())
def test_no_answer_came_in_anthropics_dialect(stack: Stack, fault: str, expected: tuple[int, str]) -> None:
    answer = message(stack, fault, stream=True)
    assert answer.status == expected[0]
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] in ("api_error", "timeout_error", "overloaded_error")


@pytest.mark.parametrize(("status", "code"), [(429, None), (500, "upstream_failed"), (400, "upstream_rejected")])
def test_answers_of_the_upstream_pass(stack: Stack, status: int, code: str | None) -> None:
    answer = chat(stack, str(status))
    assert answer.status == status
    assert answer.json["error"]["message"] == "told to"
    if status == 429:
        assert answer.headers["retry-after"] == "7"
    if code is not None:
        check_log(stack, answer.headers["x-request-id"], code)


def test_compressed_answer(stack: Stack) -> None:
    answer = chat(stack, "gzip")
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    assert answer.complete
    assert json.loads(body)["choices"][0]["message"]["content"] == "hello there"


@pytest.mark.parametrize("fault", ["cut-json", "cut-chunked-json", "reset-json"])
def test_cut_json_is_noticed(stack: Stack, fault: str) -> None:
    with one_failure(stack, "upstream_cut"):
        answer = chat(stack, fault)
    if answer.status == 200:
        assert not answer.complete, "half an answer looks like a whole one"
    else:
        assert (answer.status, answer.code) == (502, "upstream_cut")


CAUSES = {
    "refused": "connection refused",
    "reset": "connection reset by peer",
    "close": "closed before an answer came",
    "garbage": "not HTTP",
    "stall-head": "did not answer in time",
    "401": "it answered 401",
    "cut-json": "broke off",
}


@pytest.mark.parametrize(("fault", "cause"), CAUSES.items(), ids=CAUSES.keys())
def test_operators_are_told_the_cause(stack: Stack, fault: str, cause: str) -> None:
    body = {"model": f"fault-{fault}", "messages": MESSAGES}
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body, x_request_id=f"my-{fault}")
    assert answer.headers["x-request-id"] == f"my-{fault}"
    line = wait_for(lambda: access_lines(stack, f"my-{fault}"))[0]
    assert line["request_id"] == f"my-{fault}"
    lines = wait_for(lambda: error_lines(stack, line["id"]))
    assert [told["gateway.attempt"] for told in lines] == [str(number + 1) for number in range(line["attempts"])]
    assert all(told["gateway.upstream"] == f"fault-{fault}" and cause in told["gateway.cause"] for told in lines)
    assert "agw_" not in json.dumps(lines[0]) and UPSTREAM_KEY not in json.dumps(lines[0])


BROKEN_STREAMS = {
    "cut-stream": "upstream_cut",
    "cut-inside-event": "upstream_cut",
    "bad-chunk": "upstream_broken",
    "stall-stream": "upstream_stalled",
}


@pytest.mark.parametrize(("fault", "code"), BROKEN_STREAMS.items(), ids=BROKEN_STREAMS.keys())
def test_broken_stream_ends_with_one_error_event(stack: Stack, fault: str, code: str) -> None:
    with one_failure(stack, code):
        answer = chat(stack, fault, stream=True)
    assert answer.status == 200
    datas = [data for _, data in answer.events]
    errors = [json.loads(data)["error"] for data in datas if '"error"' in data]
    assert len(errors) == 1, datas
    assert errors[0]["code"] == code
    assert '"content":"hello"' in datas[0]
    assert "[DONE]" not in datas, "a broken stream must not look finished"
    assert '"error"' in datas[-1]
    check_log(stack, answer.headers["x-request-id"], code)


@pytest.mark.parametrize("fault", BROKEN_STREAMS)
def test_broken_stream_in_anthropics_dialect(stack: Stack, fault: str) -> None:
    answer = message(stack, fault, stream=True)
    assert answer.status == 200
    names = [name for name, _ in answer.events]
    assert names.count("error") == 1 and names[-1] == "error", names
    assert "message_stop" not in names
    assert json.loads(answer.events[-1][1])["type"] == "error"


def test_simulated_cuts_at_every_place(stack: Stack) -> None:
    """Wherever a stream is cut, the caller sees whole events and one error at the end."""
    for offset in (0, 1, 100, 283, 284, 300, 700):
        body = {"model": f"sim-cut-{offset}", "stream": True, "messages": MESSAGES}
        answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
        if answer.status != 200:
            assert answer.status == 502
            continue
        datas = [json.loads(data) for _, data in answer.events]
        assert ["error" in data for data in datas].count(True) == 1
        assert "error" in datas[-1]
