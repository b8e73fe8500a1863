"""Many calls at once, cheaply: one coroutine and one socket each, no client library in the way."""

import asyncio
import dataclasses
import json


@dataclasses.dataclass
class Outcome:
    """How one call ended: its status, and whether the whole answer came."""

    status: int
    complete: bool
    body: bytes = b""


class Client:
    """A connection that is kept from call to call."""

    def __init__(self, url: str, key: str):
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        self._address = (host, int(port))
        self._key = key
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def chat(self, model: str, text: str, stream: bool = False) -> Outcome:
        """One chat completion; a connection that breaks is an outcome with status 0 or an incomplete answer."""
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
        data = json.dumps(body).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self._key}\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        status = 0
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection(*self._address)
            self._writer.write(head.encode() + data)
            status, headers = await self._head()
            return Outcome(status, True, await self._body(headers))
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
            self.close()
            return Outcome(status, False)

    async def _head(self) -> tuple[int, dict[str, str]]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        body = b""
        while True:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            body += (await self._reader.readexactly(size + 2))[:-2]
            if size == 0:
                return body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def streams(url: str, key: str, count: int, model: str) -> list[Outcome]:
    """`count` streams at the same time, opened over about a second."""

    async def one(index: int) -> Outcome:
        await asyncio.sleep(index / count)
        client = Client(url, key)
        try:
            return await client.chat(model, f"stream {index}", stream=True)
        finally:
            client.close()

    return list(await asyncio.gather(*(one(index) for index in range(count))))


async def steady(url: str, key: str, workers: int, model: str, until: asyncio.Event) -> list[Outcome]:
    """Calls one after the other on each of `workers` connections, until told to stop."""
    outcomes: list[Outcome] = []

    async def work(number: int) -> None:
        client = Client(url, key)
        count = 0
        while not until.is_set():
            outcome = await client.chat(model, f"steady {number} {count}", stream=count % 3 == 2)
            outcomes.append(outcome)
            count += 1
            if outcome.status == 0:
                await asyncio.sleep(0.01)
        client.close()

    await asyncio.gather(*(work(number) for number in range(workers)))
    return outcomes
