"""Forms that are passed on while they come."""

import hashlib
import os
import pathlib
import time
from collections.abc import Iterator

import pytest
from harness import processes
from harness.wire import Answer, Connection, wait_for
from observe import metric, one_failure
from stack import MAIN_KEY, TIMEOUTS, Stack, base_config, model, upstream
from uploads import END, FormServer, Pusher, field, file, head

pytestmark = pytest.mark.gateway_only

LARGE = os.urandom(1 << 20) * 50
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def server() -> Iterator[FormServer]:
    server = FormServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory, server: FormServer) -> Iterator[Stack]:
    folder: pathlib.Path = tmp_path_factory.mktemp("uploads")
    url = f"http://127.0.0.1:{server.port}"
    config = base_config(url)
    config["upstreams"].append(upstream("forms", f"{url}/v1", timeouts={**TIMEOUTS, "idle": "3s", "firstByte": "6s"}))
    config["models"] += [model("speech", "forms", target="speech-of-the-provider"), model("plain", "forms")]
    config["routes"].insert(0, {"name": "files", "match": {"paths": ["/v1/files*"]}, "upstream": "forms"})
    tiers = [{"upstream": "refused"}, {"upstream": "forms", "priority": 1}]
    config["upstreams"].append(upstream("refused", f"http://127.0.0.1:{processes.free_port()}/v1"))
    config["models"].append({"name": "second-tier", "targets": tiers})
    config["server"] = {"maxUpload": "60M"}
    with processes.start_run(folder, config) as gateway:
        yield Stack("gateway", gateway.ready["gateway"], url, folder, gateway)


@pytest.fixture(autouse=True)
def fresh(server: FormServer, uploads: Stack) -> Iterator[None]:
    server.reset()
    yield
    server.go_on.set()
    # Whatever ends an upload, nothing of it stays.
    assert wait_for(lambda: spool_files(uploads) == 0)
    assert wait_for(lambda: metric(uploads, "gateway_streams_open") == 0)
    assert wait_for(lambda: metric(uploads, "gateway_upstream_requests_in_flight", upstream="forms") == 0)


def spool_files(stack: Stack) -> int:
    """How many files of uploads the gateway holds open."""
    count = 0
    for entry in pathlib.Path(f"/proc/{stack.gateway.process.pid}/fd").iterdir():
        try:
            count += "/spool/" in os.readlink(entry)
        except FileNotFoundError:
            pass
    return count


def send(stack: Stack, form: bytes, path: str = TRANSCRIPTIONS, chunked: bool = False) -> Answer:
    with Connection(stack.base, timeout=60) as connection:
        if chunked:
            connection.send(head(path, MAIN_KEY, "transfer-encoding: chunked"))
            for start in range(0, len(form), 100_000):
                piece = form[start : start + 100_000]
                connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.send(b"0\r\n\r\n")
        else:
            connection.send(head(path, MAIN_KEY, f"content-length: {len(form)}") + form)
        answer = connection.answer()
        assert answer is not None
        return answer


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("name", ["speech", "plain"])
def test_large_form_arrives(uploads: Stack, server: FormServer, place: str, chunked: bool, name: str) -> None:
    parts = [field("model", name), file(LARGE)]
    form = b"".join(parts if place == "first" else reversed(parts)) + END
    answer = send(uploads, form, chunked=chunked)
    assert answer.status == 200, answer.body
    (received,) = server.requests
    assert received.complete
    assert received.digest == hashlib.sha256(LARGE).hexdigest()
    assert received.model == {"speech": "speech-of-the-provider", "plain": "plain"}[name]
    # Of a form that has come whole before it is sent, the length is known.
    assert received.is_chunked == (chunked and place == "first")


def test_small_forms_on_one_connection(uploads: Stack, server: FormServer) -> None:
    with Connection(uploads.base) as connection:
        for content in (b"one", b"two" * 100_000):
            form = field("model", "speech") + file(content) + END
            connection.send(head(TRANSCRIPTIONS, MAIN_KEY, f"content-length: {len(form)}") + form)
            answer = connection.answer()
            assert answer is not None and answer.status == 200
    assert [request.model for request in server.requests] == ["speech-of-the-provider"] * 2


def test_form_without_model_goes_where_its_route_says(uploads: Stack, server: FormServer) -> None:
    answer = send(uploads, field("purpose", "batch") + file(LARGE) + END, "/v1/files")
    assert answer.status == 200
    assert answer.headers["x-gateway-upstream"] == "forms"
    assert server.requests[0].digest == hashlib.sha256(LARGE).hexdigest()


def test_nothing_waits_that_need_not(uploads: Stack, server: FormServer) -> None:
    """The upstream has the beginning long before the client has sent the end."""
    form = field("model", "speech") + file(b"x" * 3_000_000) + END
    with Connection(uploads.base) as connection:
        connection.send(head(TRANSCRIPTIONS, MAIN_KEY, f"content-length: {len(form)}") + form[:1000])
        assert wait_for(lambda: server.requests and server.requests[0].size > 500)
        for start in range(1000, len(form), 600_000):
            connection.send(form[start : start + 600_000])
            time.sleep(0.1)
        answer = connection.answer()
    assert answer is not None and answer.status == 200


# What may stand between a client and an upstream that reads nothing: the buffers of four sockets, of which this test fixes two
# and the gateway's own grow with what is read, and the gateway's, which is 64 kB.
HELD_BACK = 8 << 20


def test_slow_upstream_slows_its_client(uploads: Stack, server: FormServer) -> None:
    server.pause_after = 100_000
    form = field("model", "speech") + file(LARGE) + END
    pusher = Pusher(uploads.base, head(TRANSCRIPTIONS, MAIN_KEY, f"content-length: {len(form)}") + form)
    assert pusher.stops()
    print(f"held at {pusher.sent} bytes")
    assert pusher.sent < HELD_BACK
    server.go_on.set()
    answer = pusher.finish()
    assert answer is not None and answer.status == 200
    assert server.requests[0].digest == hashlib.sha256(LARGE).hexdigest()


def test_too_large_form_is_not_held_back(uploads: Stack, server: FormServer) -> None:
    """It is refused by its announced length, and then read away, so that its client finds the answer."""
    form = field("model", "speech") + file(LARGE + LARGE) + END
    pusher = Pusher(uploads.base, head(TRANSCRIPTIONS, MAIN_KEY, f"content-length: {len(form)}") + form)
    answer = pusher.finish()
    assert answer is not None and (answer.status, answer.code) == (413, "body_too_large")
    assert not server.requests


def test_upstream_that_takes_nothing_is_a_timeout(uploads: Stack, server: FormServer) -> None:
    server.pause_after = 100_000
    with one_failure(uploads, "upstream_timeout"):
        answer = send(uploads, field("model", "speech") + file(LARGE) + END)
    assert answer.status == 504


@pytest.mark.parametrize("place", ["first", "last"])
def test_client_that_goes_away_leaves_nothing(uploads: Stack, server: FormServer, place: str) -> None:
    start = field("model", "speech") if place == "first" else b""
    with one_failure(uploads, "client_gone"):
        with Connection(uploads.base) as connection:
            connection.send(head(TRANSCRIPTIONS, MAIN_KEY, "content-length: 9000000") + start + file(LARGE[:5 << 20]))
            if place == "first":
                assert wait_for(lambda: server.requests and server.requests[0].size > 4 << 20)
            else:
                assert wait_for(lambda: spool_files(uploads) == 1)
    if place == "first":
        assert wait_for(lambda: server.requests[0].closed)
        assert not server.requests[0].complete
    else:
        assert not server.requests


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_second_model_does_not_pass(uploads: Stack, server: FormServer, chunked: bool) -> None:
    form = field("model", "speech") + file(LARGE[: 5 << 20]) + field("model", "plain") + END
    with one_failure(uploads, "invalid_multipart"):
        answer = send(uploads, form, chunked=chunked)
    assert answer.status == 400
    assert answer.code == "invalid_multipart"
    assert wait_for(lambda: not server.requests or server.requests[0].closed)
    assert not any(request.complete for request in server.requests)


def test_upstream_that_refuses_early_is_relayed(uploads: Stack, server: FormServer) -> None:
    server.refusal_after = 1 << 20
    with one_failure(uploads, "upstream_rejected"):
        answer = send(uploads, field("model", "speech") + file(LARGE) + END)
    assert answer.status == 413
    assert b"told_to" in answer.body
    assert answer.headers["connection"] == "close"


def test_too_large_form_is_refused(uploads: Stack, server: FormServer) -> None:
    answer = send(uploads, field("model", "speech") + file(LARGE + LARGE[: 12 << 20]) + END)
    assert (answer.status, answer.code) == (413, "body_too_large")
    answer = send(uploads, file(LARGE + LARGE[: 12 << 20]) + END, chunked=True)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert not any(request.complete for request in server.requests)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (file(LARGE[: 2 << 20]) + END, "missing_model"),
        (field("model", "unknown") + file(LARGE[: 2 << 20]) + END, "model_not_found"),
        (file(LARGE[: 2 << 20]), "invalid_multipart"),
        (b"no form at all" * 10_000, "invalid_multipart"),
        (END.replace(b"--\r\n", b"\r\n") + b'Content-Disposition: form-data; name=model\r\n\r\n' + END, "invalid_multipart"),
    ],
    ids=["no-model", "unknown-model", "open-end", "no-form", "overlapping-boundary"],
)
def test_bad_forms_are_refused(uploads: Stack, server: FormServer, form: bytes, code: str) -> None:
    answer = send(uploads, form)
    assert answer.code == code
    assert not any(request.complete for request in server.requests)


def test_compressed_forms_are_refused(uploads: Stack) -> None:
    with Connection(uploads.base) as connection:
        connection.send(head(TRANSCRIPTIONS, MAIN_KEY, "content-encoding: gzip", "content-length: 5") + b"12345")
        answer = connection.answer()
    assert answer is not None
    assert (answer.status, answer.code) == (415, "unsupported_encoding")


@pytest.mark.parametrize("place", ["first", "last"])
def test_next_tier_gets_the_whole_form(uploads: Stack, server: FormServer, place: str) -> None:
    parts = [field("model", "second-tier"), file(LARGE)]
    answer = send(uploads, b"".join(parts if place == "first" else reversed(parts)) + END)
    assert answer.status == 200
    assert answer.headers["x-gateway-attempts"] == "2"
    assert server.requests[0].digest == hashlib.sha256(LARGE).hexdigest()


def test_form_that_is_kept_is_sent_again(uploads: Stack, server: FormServer) -> None:
    server.closes_after = 3 << 20
    answer = send(uploads, file(LARGE) + field("model", "speech") + END)
    assert answer.status == 200
    assert answer.headers["x-gateway-attempts"] == "2"
    assert [request.complete for request in server.requests] == [False, True]
    assert server.requests[1].digest == hashlib.sha256(LARGE).hexdigest()


def test_form_that_is_passed_on_is_not_sent_again(uploads: Stack, server: FormServer) -> None:
    server.closes_after = 3 << 20
    with one_failure(uploads, "upstream_broken"):
        answer = send(uploads, field("model", "speech") + file(LARGE) + END)
    assert answer.status == 502
    assert len(server.requests) == 1


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, "/v1/files"])
def test_client_that_waits_for_continue(uploads: Stack, server: FormServer, path: str) -> None:
    form = field("model", "speech") + file(LARGE[: 3 << 20]) + END
    with Connection(uploads.base) as connection:
        connection.send(head(path, MAIN_KEY, f"content-length: {len(form)}", "expect: 100-continue"))
        assert connection.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(form)
        answer = connection.answer()
    assert answer is not None and answer.status == 200


def test_slow_form_arrives(uploads: Stack, server: FormServer) -> None:
    """Pieces of odd sizes, some within a boundary, with pauses; then another request on the same connection."""
    content = LARGE[:50_000]
    with Connection(uploads.base) as connection:
        for model_first in (False, True):
            form = file(content) + field("model", "speech") + END
            if model_first:
                form = field("model", "speech") + file(content) + END
            connection.send(head(TRANSCRIPTIONS, MAIN_KEY, f"content-length: {len(form)}"))
            for start in range(0, len(form), 1499):
                connection.send(form[start : start + 1499])
                time.sleep(0.01)
            answer = connection.answer()
            assert answer is not None and answer.status == 200
    assert [request.model for request in server.requests] == ["speech-of-the-provider"] * 2
    assert {request.digest for request in server.requests} == {hashlib.sha256(content).hexdigest()}


def test_usage_record_has_the_size_of_the_form(uploads: Stack, server: FormServer) -> None:
    form = field("model", "speech") + file(LARGE[:4_000_000]) + END
    assert send(uploads, form, chunked=True).status == 200
    assert wait_for(lambda: any(r["request_bytes"] == len(form) for r in processes.usage_records(uploads.folder)))
