"""The providers' own clients behind one face, so that one test can ask the same of each: a question, an answer, its errors."""

import base64
import dataclasses
import json
from collections.abc import Iterable

from offers import PIXEL, SCHEMA, TOOLS

# Well-formed, and no proof of any thought.
OTHER_PROOF = base64.b64encode(b"other").decode()
# A conversation, in the words of the client's own dialect.
Turns = list


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a request wants beside its conversation."""

    tools: bool = False
    schema: bool = False
    thinks: bool = False
    max_tokens: int | None = None
    stop: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    seed: int | None = None


@dataclasses.dataclass
class Call:
    id: str | None
    name: str
    arguments: dict


@dataclasses.dataclass
class Answer:
    """What a client has understood of an answer."""

    text: str
    # `end`, `length`, `tools`, `stop`, `refusal`.
    end: str
    # Tokens that were read and written.
    usage: tuple[int, int]
    # What the next request brings back of it.
    turn: Turns
    calls: list[Call] = dataclasses.field(default_factory=list)
    thoughts: str = ""
    thought_tokens: int | None = None
    losses: str | None = None


class ErrorEvent(Exception):
    """An error that came as an event which the library hands on without raising anything."""


class ChatClient:
    """`openai`, Chat Completions; both of its major versions."""

    can_stop = True
    # The header fields that a stream's answer came with cannot be seen after it.
    ENDS = {"stop": "end", "length": "length", "tool_calls": "tools", "content_filter": "refusal"}

    def __init__(self, base: str, key: str) -> None:
        import openai

        self.errors = (openai.APIError,)
        self.client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=20)

    def close(self) -> None:
        self.client.close()

    def user(self, text: str, image: bool = False) -> Turns:
        if not image:
            return [{"role": "user", "content": text}]
        url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
        return [{"role": "user", "content": parts}]

    def results(self, answer: Answer, texts: Iterable[str]) -> Turns:
        pairs = zip(answer.calls, texts, strict=True)
        return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in pairs]

    def altered(self, turn: Turns, upstream: str) -> Turns:
        """The turn with another thought, or, where the proof of a thought stands alone, another proof."""
        if upstream != "gemini":
            return [{**turn[0], "reasoning_content": "another thought"}]
        proof = {"extra_content": {"google": {"thought_signature": OTHER_PROOF}}}
        return [{**turn[0], "tool_calls": [{**call, **proof} for call in turn[0]["tool_calls"]]}]

    def options(self, model: str, turns: Turns, wish: Wish) -> dict:
        options = {"model": model, "messages": turns, "extra_headers": wish.headers}
        if wish.tools:
            options["tools"] = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in TOOLS]
        if wish.schema:
            schema = {"name": "city", "schema": SCHEMA, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        if wish.thinks:
            options["reasoning_effort"] = "low"
        if wish.max_tokens:
            options["max_tokens"] = wish.max_tokens
        if wish.stop:
            options["stop"] = [wish.stop]
        if wish.seed is not None:
            options["seed"] = wish.seed
        return options

    def ask(self, model: str, turns: Turns, wish: Wish) -> Answer:
        raw = self.client.chat.completions.with_raw_response.create(**self.options(model, turns, wish))
        answer = raw.parse()
        message = answer.choices[0].message.model_dump(exclude_none=True)
        return self.understood(message, answer.choices[0].finish_reason, answer.usage, raw.headers)

    def stream(self, model: str, turns: Turns, wish: Wish) -> Answer:
        options = self.options(model, turns, wish)
        options["stream_options"] = {"include_usage": True}
        message: dict = {"role": "assistant"}
        end, usage = "", None
        for chunk in self.client.chat.completions.create(stream=True, **options):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                self.add(message, choice.delta.model_dump(exclude_none=True))
                end = choice.finish_reason or end
        return self.understood(message, end, usage, {})

    @staticmethod
    def add(message: dict, delta: dict) -> None:
        for name in ("content", "refusal", "reasoning_content", "reasoning_signature"):
            if name in delta:
                message[name] = message.get(name, "") + delta[name]
        for call in delta.get("tool_calls", []):
            calls = message.setdefault("tool_calls", [])
            if call["index"] == len(calls):
                calls.append({"type": "function", "id": call["id"], "function": {"name": "", "arguments": ""}})
            for name, text in call["function"].items():
                calls[call["index"]]["function"][name] += text

    def understood(self, message: dict, end: str, usage, headers) -> Answer:
        calls = [
            Call(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ]
        details = usage.completion_tokens_details
        return Answer(
            text=message.get("content") or "",
            end="refusal" if message.get("refusal") else self.ENDS[end],
            usage=(usage.prompt_tokens, usage.completion_tokens),
            turn=[message],
            calls=calls,
            thoughts=message.get("reasoning_content") or "",
            thought_tokens=details.reasoning_tokens if details else None,
            losses=headers.get("x-gateway-loss"),
        )


class MessagesClient:
    """`anthropic`, Messages."""

    can_stop = True
    ENDS = {
        "end_turn": "end",
        "max_tokens": "length",
        "tool_use": "tools",
        "stop_sequence": "stop",
        "refusal": "refusal",
    }

    def __init__(self, base: str, key: str) -> None:
        import anthropic

        self.errors = (anthropic.APIError,)
        self.client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=20)

    def close(self) -> None:
        self.client.close()

    def user(self, text: str, image: bool = False) -> Turns:
        if not image:
            return [{"role": "user", "content": text}]
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()}
        return [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": text}]}]

    def results(self, answer: Answer, texts: Iterable[str]) -> Turns:
        pairs = zip(answer.calls, texts, strict=True)
        blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in pairs]
        return [{"role": "user", "content": blocks}]

    def altered(self, turn: Turns, upstream: str) -> Turns:
        content = [
            {**block, **({"signature": f"gemini:{OTHER_PROOF}"} if upstream == "gemini" else {"thinking": "another thought"})}
            if block["type"] == "thinking"
            else block
            for block in turn[0]["content"]
        ]
        return [{**turn[0], "content": content}]

    def options(self, model: str, turns: Turns, wish: Wish) -> dict:
        options = {"model": model, "messages": turns, "extra_headers": wish.headers}
        options["max_tokens"] = wish.max_tokens or 3000
        if wish.tools:
            options["tools"] = [{"name": name, "input_schema": SCHEMA} for name in TOOLS]
        if wish.schema:
            options["extra_body"] = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
        if wish.thinks:
            options["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        if wish.stop:
            options["stop_sequences"] = [wish.stop]
        if wish.seed is not None:
            options["extra_body"] = {"top_k": wish.seed}
        return options

    def ask(self, model: str, turns: Turns, wish: Wish) -> Answer:
        raw = self.client.messages.with_raw_response.create(**self.options(model, turns, wish))
        return self.understood(raw.parse(), raw.headers)

    def stream(self, model: str, turns: Turns, wish: Wish) -> Answer:
        with self.client.messages.stream(**self.options(model, turns, wish)) as stream:
            return self.understood(stream.get_final_message(), stream.response.headers)

    def understood(self, message, headers) -> Answer:
        blocks = [block.model_dump(exclude_none=True) for block in message.content]
        details = getattr(message.usage, "output_tokens_details", None)
        for block in blocks:
            block.pop("parsed_output", None)
        return Answer(
            text="".join(block["text"] for block in blocks if block["type"] == "text"),
            end=self.ENDS[message.stop_reason],
            usage=(message.usage.input_tokens, message.usage.output_tokens),
            turn=[{"role": "assistant", "content": blocks}],
            calls=[Call(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
            thoughts="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
            thought_tokens=details.thinking_tokens if details else None,
            losses=headers.get("x-gateway-loss"),
        )


class ResponsesClient:
    """`openai`, Responses; nothing is kept on the server."""

    can_stop = False

    def __init__(self, base: str, key: str) -> None:
        import openai

        self.errors = (openai.APIError, ErrorEvent)
        self.client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=20)

    def close(self) -> None:
        self.client.close()

    def user(self, text: str, image: bool = False) -> Turns:
        if not image:
            return [{"role": "user", "content": text}]
        url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
        picture = {"type": "input_image", "image_url": url, "detail": "auto"}
        return [{"role": "user", "content": [picture, {"type": "input_text", "text": text}]}]

    def results(self, answer: Answer, texts: Iterable[str]) -> Turns:
        pairs = zip(answer.calls, texts, strict=True)
        return [{"type": "function_call_output", "call_id": call.id, "output": text} for call, text in pairs]

    def altered(self, turn: Turns, upstream: str) -> Turns:
        other = {"summary": [{"type": "summary_text", "text": "another thought"}]}
        if upstream == "gemini":
            other = {"encrypted_content": f"gemini:{OTHER_PROOF}"}
        return [{**item, **other} if item["type"] == "reasoning" else item for item in turn]

    def options(self, model: str, turns: Turns, wish: Wish) -> dict:
        options = {"model": model, "input": turns, "store": False, "extra_headers": wish.headers}
        if wish.tools:
            options["tools"] = [
                {"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in TOOLS
            ]
        if wish.schema:
            form = {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}
            options["text"] = {"format": form}
        if wish.thinks:
            options["reasoning"] = {"effort": "low", "summary": "auto"}
            options["include"] = ["reasoning.encrypted_content"]
        if wish.max_tokens:
            options["max_output_tokens"] = wish.max_tokens
        if wish.seed is not None:
            options["truncation"] = "auto"
        return options

    def ask(self, model: str, turns: Turns, wish: Wish) -> Answer:
        raw = self.client.responses.with_raw_response.create(**self.options(model, turns, wish))
        return self.understood(raw.parse(), raw.headers)

    def stream(self, model: str, turns: Turns, wish: Wish) -> Answer:
        final = None
        for event in self.client.responses.create(stream=True, **self.options(model, turns, wish)):
            if event.type in ("error", "response.failed"):
                raise ErrorEvent(event.to_json())
            if event.type in ("response.completed", "response.incomplete"):
                final = event.response
        return self.understood(final, {})

    def understood(self, response, headers) -> Answer:
        items = [item.model_dump(exclude_none=True) for item in response.output]
        calls = [item for item in items if item["type"] == "function_call"]
        parts = [part for item in items if item["type"] == "message" for part in item["content"]]
        reason = response.incomplete_details.reason if response.incomplete_details else None
        end = {"max_output_tokens": "length", "content_filter": "refusal"}.get(reason, "tools" if calls else "end")
        summaries = [part for item in items if item["type"] == "reasoning" for part in item["summary"]]
        return Answer(
            text=response.output_text,
            end="refusal" if any(part["type"] == "refusal" for part in parts) else end,
            usage=(response.usage.input_tokens, response.usage.output_tokens),
            turn=items,
            calls=[Call(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls],
            thoughts="".join(part["text"] for part in summaries),
            thought_tokens=response.usage.output_tokens_details.reasoning_tokens,
            losses=headers.get("x-gateway-loss"),
        )


class GeminiClient:
    """`google-genai`, `generateContent` and `streamGenerateContent`."""

    can_stop = True
    REFUSALS = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION")

    def __init__(self, base: str, key: str) -> None:
        from google import genai
        from google.genai import errors

        self.errors = (errors.APIError,)
        options = {"base_url": base, "timeout": 20_000, "retry_options": {"attempts": 1}}
        self.client = genai.Client(api_key=key, http_options=options)

    def close(self) -> None:
        self.client.close()

    def user(self, text: str, image: bool = False) -> Turns:
        parts: list[dict] = [{"text": text}]
        if image:
            parts.insert(0, {"inline_data": {"mime_type": "image/png", "data": PIXEL}})
        return [{"role": "user", "parts": parts}]

    def results(self, answer: Answer, texts: Iterable[str]) -> Turns:
        pairs = zip(answer.calls, texts, strict=True)
        parts = [
            {"function_response": {"id": call.id, "name": call.name, "response": {"output": text}}} for call, text in pairs
        ]
        return [{"role": "user", "parts": parts}]

    def altered(self, turn: Turns, upstream: str) -> Turns:
        other = {"thought_signature": b"other"} if upstream == "gemini" else {"text": "another thought"}
        name = "thought_signature" if upstream == "gemini" else "thought"
        return [{**turn[0], "parts": [{**part, **other} if name in part else part for part in turn[0]["parts"]]}]

    def config(self, wish: Wish) -> dict:
        config: dict = {"http_options": {"headers": wish.headers}}
        if wish.tools:
            offered = [{"name": name, "parameters_json_schema": SCHEMA} for name in TOOLS]
            config["tools"] = [{"function_declarations": offered}]
            config["automatic_function_calling"] = {"disable": True}
        if wish.schema:
            config["response_mime_type"] = "application/json"
            config["response_json_schema"] = SCHEMA
        if wish.thinks:
            config["thinking_config"] = {"include_thoughts": True, "thinking_budget": 1024}
        if wish.max_tokens:
            config["max_output_tokens"] = wish.max_tokens
        if wish.stop:
            config["stop_sequences"] = [wish.stop]
        if wish.seed is not None:
            config["safety_settings"] = [
                {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}
            ]
        return config

    def ask(self, model: str, turns: Turns, wish: Wish) -> Answer:
        answer = self.client.models.generate_content(model=model, contents=turns, config=self.config(wish))
        return self.understood([answer])

    def stream(self, model: str, turns: Turns, wish: Wish) -> Answer:
        return self.understood(
            list(self.client.models.generate_content_stream(model=model, contents=turns, config=self.config(wish)))
        )

    def understood(self, chunks: list) -> Answer:
        candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
        parts = [part for candidate in candidates if candidate.content for part in candidate.content.parts or []]
        usage = chunks[-1].usage_metadata
        calls = [part.function_call for part in parts if part.function_call]
        word = str(candidates[-1].finish_reason.value) if candidates else "PROHIBITED_CONTENT"
        end = "length" if word == "MAX_TOKENS" else "refusal" if word in self.REFUSALS else "tools" if calls else "end"
        headers = chunks[0].sdk_http_response.headers if chunks[0].sdk_http_response else {}
        return Answer(
            text="".join(part.text for part in parts if part.text and not part.thought),
            end=end,
            usage=(
                (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            ),
            turn=[{"role": "model", "parts": [part.model_dump(exclude_none=True) for part in parts]}],
            calls=[Call(call.id, call.name, call.args) for call in calls],
            thoughts="".join(part.text for part in parts if part.text and part.thought),
            thought_tokens=usage.thoughts_token_count,
            losses={name.lower(): value for name, value in headers.items()}.get("x-gateway-loss"),
        )


CLIENTS = {
    "openai chat": ChatClient,
    "openai 2 chat": ChatClient,
    "openai responses": ResponsesClient,
    "anthropic": MessagesClient,
    "google-genai": GeminiClient,
}


def status_of(error: Exception) -> int | None:
    """The HTTP status that a client's error tells."""
    return getattr(error, "status_code", None) or getattr(error, "code", None)
