"""Requests that the gateway itself refuses: each with its status and code, in the caller's dialect, logged and counted."""

import json
import socket

import pytest
from harness.wire import Answer, call, post_json, request
from observe import check_log, one_failure
from stack import EXPIRED_KEY, LISTED_KEY, MAIN_KEY, OTHER_KEY, Stack

pytestmark = pytest.mark.gateway_only

MESSAGES = [{"role": "user", "content": "hello"}]
CHAT = {"model": "sim-chat", "messages": MESSAGES}
MESSAGE = {"model": "claude-sim", "max_tokens": 5, "messages": MESSAGES}


def raw(text: str) -> bytes:
    return text.encode()


BODIES = {
    "no model": ({"messages": MESSAGES}, 400, "missing_model"),
    "empty model": ({"model": "", "messages": MESSAGES}, 400, "missing_model"),
    "unknown model": ({"model": "nobody", "messages": MESSAGES}, 404, "model_not_found"),
    "no words in another dialect": ({"model": "claude-sim", "messages": MESSAGES, "n": 2}, 400, "untranslatable"),
    "duplicate model": (raw('{"model":"sim-chat","model":"nobody","messages":[]}'), 400, "ambiguous_json"),
    "escaped duplicate": (raw('{"model":"sim-chat","mod\\u0065l":"nobody","messages":[]}'), 400, "ambiguous_json"),
    "escaped model": (raw('{"mod\\u0065l":"sim-chat","messages":[]}'), 400, "ambiguous_json"),
    "duplicate stream": (raw('{"model":"sim-chat","stream":true,"stream":false}'), 400, "ambiguous_json"),
    "not JSON": (raw("model=sim-chat"), 400, "invalid_json"),
    "half JSON": (raw('{"model":"sim-chat","messages":['), 400, "invalid_json"),
    "text behind JSON": (raw('{"model":"sim-chat"} {}'), 400, "invalid_json"),
    "array": (raw('[{"model":"sim-chat"}]'), 400, "invalid_json"),
    "empty body": (raw(" "), 400, "invalid_json"),
    "not UTF-8": (b'{"model":"sim-\xff\xfe","messages":[]}', 400, "invalid_json"),
    "model is a number": (raw('{"model":5,"messages":[]}'), 400, None),
    "deep nesting": (raw('{"model":"sim-chat","a":' + "[" * 100_000), 400, "invalid_json"),
}


def check(stack: Stack, answer: Answer, status: int, code: str | None) -> None:
    assert answer.status == status, answer.body
    assert answer.complete
    error = answer.json["error"]
    assert error["message"] and error["type"]
    if code is not None:
        assert error["code"] == code
        check_log(stack, answer.headers["x-request-id"], code)


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
def test_body(stack: Stack, body: object, status: int, code: str | None) -> None:
    before = stack.count()["received"]
    if code is None:
        check(stack, post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body), status, None)
    else:
        with one_failure(stack, code):
            check(stack, post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body), status, code)
    assert stack.count()["received"] == before, "a refused request reached the upstream"


CALLERS = {
    "no key": ({}, 401, "missing_key"),
    "unknown key": ({"authorization": "Bearer agw_unknown"}, 401, "invalid_key"),
    "unknown x-api-key": ({"x_api_key": "agw_unknown"}, 401, "invalid_key"),
    "expired key": ({"authorization": f"Bearer {EXPIRED_KEY}"}, 401, "expired_key"),
    "empty bearer": ({"authorization": "Bearer "}, 401, None),
    "basic": ({"authorization": "Basic YWJjOmRlZg=="}, 401, None),
    "two keys": ({"authorization": f"Bearer {MAIN_KEY}", "x_api_key": OTHER_KEY}, 400, "conflicting_credentials"),
    "known and unknown": ({"authorization": f"Bearer {MAIN_KEY}", "x_api_key": "x"}, 400, "conflicting_credentials"),
    "model not allowed": ({"authorization": f"Bearer {LISTED_KEY}"}, 403, "model_not_allowed"),
}


@pytest.mark.parametrize(("headers", "status", "code"), CALLERS.values(), ids=CALLERS.keys())
def test_caller(stack: Stack, headers: dict[str, str], status: int, code: str | None) -> None:
    before = stack.count()["received"]
    answer = post_json(stack.base, "/v1/chat/completions", None, CHAT, **headers)
    check(stack, answer, status, code)
    assert stack.count()["received"] == before, "a refused request reached the upstream"


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key", "api-key"])
def test_key_in_other_headers(stack: Stack, header: str) -> None:
    assert post_json(stack.base, "/v1/chat/completions", None, CHAT, **{header: MAIN_KEY}).status == 200


def test_same_key_twice_is_one_credential(stack: Stack) -> None:
    assert post_json(stack.base, "/v1/chat/completions", MAIN_KEY, CHAT, x_api_key=MAIN_KEY).status == 200


def test_namespace_prefix(stack: Stack) -> None:
    assert post_json(stack.base, "/other/v1/chat/completions", OTHER_KEY, CHAT).status == 200
    answer = post_json(stack.base, "/other/v1/chat/completions", MAIN_KEY, CHAT)
    check(stack, answer, 403, "namespace_mismatch")


def test_unknown_endpoint_and_method(stack: Stack) -> None:
    check(stack, post_json(stack.base, "/v1/nothing", MAIN_KEY, CHAT), 404, "unknown_endpoint")
    data = request("PUT", "/v1/chat/completions", b"{}", authorization=f"Bearer {MAIN_KEY}")
    answer = call(stack.base, data)
    check(stack, answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_media_type_and_encoding(stack: Stack) -> None:
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, CHAT, content_type="text/plain")
    check(stack, answer, 415, "unsupported_media_type")
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, CHAT, content_encoding="unheard-of")
    check(stack, answer, 415, "unsupported_encoding")


def test_ten_megabytes(stack: Stack) -> None:
    body = {"model": "sim-chat", "messages": [{"role": "user", "content": "word " * 2_000_000}]}
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body, timeout=30)
    assert answer.status == 200
    assert answer.json["usage"]["prompt_tokens"] == 2_000_000


def test_alias_is_spliced_into_the_body(stack: Stack) -> None:
    text = '{ "messages":[{"role":"user","content":"splice me \\u00e9"}],  "model" : "sim-alias" ,"seed":1e2}'
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, text.encode())
    assert answer.status == 200
    received = stack.received_with("splice me")[-1]["body"]
    assert received == text.replace("sim-alias", "sim-renamed"), "more than the name was changed"


def test_usage_is_asked_for_upstream(stack: Stack) -> None:
    body = {**CHAT, "stream": True, "messages": [{"role": "user", "content": "hidden usage"}]}
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
    assert answer.complete and answer.events[-1][1] == "[DONE]"
    assert '"usage":{' not in answer.body.decode().replace(" ", "")
    received = json.loads(stack.received_with("hidden usage")[-1]["body"])
    assert received["stream_options"]["include_usage"] is True


def test_errors_in_the_dialect_of_the_endpoint(stack: Stack) -> None:
    for body, status, kind in [
        ({**MESSAGE, "model": "nobody"}, 404, "not_found_error"),
        ({"max_tokens": 5, "messages": MESSAGES}, 400, "invalid_request_error"),
    ]:
        answer = post_json(stack.base, "/v1/messages", MAIN_KEY, body)
        assert answer.status == status
        assert answer.json["type"] == "error"
        assert answer.json["error"]["type"] == kind
    answer = post_json(stack.base, "/v1/messages", "agw_unknown", MESSAGE)
    assert (answer.status, answer.json["error"]["type"]) == (401, "authentication_error")


def test_objects_belong_to_their_namespace(stack: Stack) -> None:
    answer = post_json(stack.base, "/v1/responses", MAIN_KEY, {"model": "sim-chat", "input": "mine"})
    identifier = answer.json["id"]
    path = f"/v1/responses/{identifier}"
    assert call(stack.base, request("GET", path, authorization=f"Bearer {MAIN_KEY}")).status == 200
    stranger = call(stack.base, request("GET", path, authorization=f"Bearer {OTHER_KEY}"))
    check(stack, stranger, 404, "object_not_found")


def test_the_answer_says_who_served_it(stack: Stack) -> None:
    body = {**CHAT, "model": "sim-alias"}
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, body)
    assert answer.headers["x-request-id"]
    assert answer.headers["x-gateway-namespace"] == "main"
    assert answer.headers["x-gateway-upstream"] == "simulator"
    assert answer.headers["x-gateway-model"] == "sim-renamed"
    assert answer.headers["x-gateway-attempts"] == "1"


def test_the_callers_request_id_is_kept(stack: Stack) -> None:
    answer = post_json(stack.base, "/v1/chat/completions", MAIN_KEY, CHAT, x_request_id="caller-17")
    assert answer.headers["x-request-id"] == "caller-17"


def test_models_of_a_key(stack: Stack) -> None:
    answer = call(stack.base, request("GET", "/v1/models", authorization=f"Bearer {LISTED_KEY}"))
    assert [model["id"] for model in answer.json["data"]] == ["sim-embedding"]


def test_head_has_no_body(stack: Stack) -> None:
    """Bytes behind the head of an answer to HEAD would be read as the next answer."""
    host, port = stack.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"HEAD /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        first = read_until(connection, b"\r\n\r\n")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        second = read_until(connection, b"ok\n")
    assert first.startswith(b"HTTP/1.1 405 ") or first.startswith(b"HTTP/1.1 401 ")
    assert first.endswith(b"\r\n\r\n")
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def read_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return received


def test_a_key_with_a_list_of_models_makes_no_batches(stack: Stack) -> None:
    """A batch names its models in a file, where the list would not hold."""
    answer = post_json(stack.base, "/v1/batches", LISTED_KEY, {"input_file_id": "file-1", "endpoint": "/v1/embeddings"})
    assert (answer.status, answer.json["error"]["code"]) == (403, "model_not_allowed")
