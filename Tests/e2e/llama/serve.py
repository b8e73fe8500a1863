"""llama.cpp's server with a tiny model of random weights, made here: real inference, and nothing to download.

Usage: serve.py FOLDER; writes the model and `llama.json` (`{"url": …}`) there, and serves until its input ends.
"""

import json
import pathlib
import sys

import gguf
import numpy
import xllamacpp

WIDTH, HEADS, LAYERS, CONTEXT = 64, 4, 2, 2048
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}assistant: "
)


def vocabulary() -> tuple[list[bytes], list[float], list[int]]:
    """A byte-level vocabulary: unknown, begin, end, the 256 bytes, and the space sign."""
    kinds = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)] + ["▁".encode()]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256 + [kinds.NORMAL]
    letters = [bytes([byte]) for byte in range(ord("a"), ord("z") + 1)]
    tokens += letters
    types += [kinds.NORMAL] * len(letters)
    return tokens, [0.0] * len(tokens), [int(kind) for kind in types]


def write_model(path: pathlib.Path) -> None:
    """A Llama of two layers; the weights are random, but the same every time."""
    tokens, scores, types = vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDTH * 2)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    random = numpy.random.default_rng(1)

    def add(name: str, *shape: int) -> None:
        values = numpy.ones(shape) if len(shape) == 1 else random.normal(0, 0.1, shape)
        writer.add_tensor(name, values.astype(numpy.float32))

    add("token_embd.weight", len(tokens), WIDTH)
    add("output_norm.weight", WIDTH)
    # Only letters are ever likely: half a character as the first token makes the server leave out its first event.
    output = numpy.zeros((len(tokens), WIDTH), numpy.float32)
    output[-26:] = random.normal(0, 1, (26, WIDTH))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        prefix = f"blk.{layer}"
        add(f"{prefix}.attn_norm.weight", WIDTH)
        add(f"{prefix}.ffn_norm.weight", WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{prefix}.{name}.weight", WIDTH, WIDTH)
        add(f"{prefix}.ffn_gate.weight", WIDTH * 2, WIDTH)
        add(f"{prefix}.ffn_up.weight", WIDTH * 2, WIDTH)
        add(f"{prefix}.ffn_down.weight", WIDTH, WIDTH * 2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    model = folder / "tiny.gguf"
    write_model(model)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = ["llama-tiny"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 2
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    ready = folder / "llama.json.new"
    ready.write_text(json.dumps({"url": server.listening_address}) + "\n")
    ready.rename(folder / "llama.json")
    sys.stdin.read()


if __name__ == "__main__":
    main()
