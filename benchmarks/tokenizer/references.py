"""The publishers' own tokenizers, from the published files; names of special tokens are text."""

import base64
import json
import unicodedata
from pathlib import Path

QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
OPENAI = ("cl100k_base", "o200k_base", "p50k_base")
HUGGING_FACE = {"claude": "anthropic_tokenizer.json", "deepseek": "deepseek_tokenizer.json"}
VOCABULARIES = (*OPENAI, *HUGGING_FACE, "qwen", "tekken")


def ranks(path: Path) -> dict[bytes, int]:
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def encoder(name: str, tables: Path):
    """A function from text to ids."""
    import tiktoken
    import tokenizers
    from tiktoken_ext import openai_public

    if name in OPENAI:
        openai_public.load_tiktoken_bpe = lambda *_, **__: ranks(tables / f"{name}.tiktoken")
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]()).encode_ordinary
    if name == "qwen":
        merges = ranks(tables / "qwen.tiktoken")
        return tiktoken.Encoding(name, pat_str=QWEN, mergeable_ranks=merges, special_tokens={}).encode_ordinary
    if name == "tekken":
        document = json.loads((tables / "tekken_240911.json").read_bytes())
        config = document["config"]
        first = config["default_num_special_tokens"]
        vocabulary = document["vocab"][: config["default_vocab_size"] - first]
        merges = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in vocabulary}
        inner = tiktoken.Encoding(name, pat_str=config["pattern"], mergeable_ranks=merges, special_tokens={})
        return lambda text: [rank + first for rank in inner.encode_ordinary(text)]
    document = json.loads((tables / HUGGING_FACE[name]).read_bytes())
    document["added_tokens"] = []
    inner = tokenizers.Tokenizer.from_str(json.dumps(document))
    return lambda text: inner.encode(text, add_special_tokens=False).ids


def normalized(name: str, text: str) -> str:
    """Claude's normalises first and ours does not: they are compared on text that is normal already."""
    return unicodedata.normalize("NFKC", text) if name == "claude" else text
