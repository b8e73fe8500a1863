#!/usr/bin/env python3
"""check_ids.py PROBE TABLES [MEGABYTES [TEXT...]]: ours against the references, id by id; see scripts/test-tokenizer."""

import array
import itertools
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from references import VOCABULARIES, encoder, normalized

ALPHABETS = {
    "Latin": [*range(0x61, 0x7B), *range(0xE0, 0x180)], "Greek": range(0x391, 0x3CA), "Cyrillic": range(0x410, 0x450),
    "Arabic": range(0x620, 0x653), "Hebrew": range(0x5D0, 0x5EB), "Devanagari": range(0x900, 0x970),
    "Thai": range(0xE01, 0xE5C), "Japanese": [*range(0x3041, 0x3100), *range(0x4E00, 0x5200)],
    "Korean": range(0xAC00, 0xD7A4), "Chinese": range(0x4E00, 0x9FB0), "emoji": [*range(0x1F300, 0x1F650), 0x200D, 0xFE0F],
    "marks": [*range(0x300, 0x370), *range(0x61, 0x7B)],
}
TRIPPING = [
    *"abstmdlvreSTMDLVRE'/ \t\n\r!?.09\u017f\u01c5\u0301\u3042\u6f22\u30fb\u309b\u3099\0\x7f\xe9\u0663\xbd\u20ac\xa0\xaa\u2028",
    "  ", "\n\n", "'ll", "'s", "'RE", "<|endoftext|>", "...", "\r\n",
]
CODE = "def return if else for in while self None == != += -> ( ) [ ] { } : ; , . \n \n\n \t    // /* */ # \"\" '' 0x 12 3.14 _ __".split(" ")


def scalars(_: random.Random):
    """Every scalar value, at the start of a word, behind one, behind a space, before a contraction, beside a digit."""
    for code in itertools.chain(range(0xD800), range(0xE000, 0x110000)):
        character = chr(code)
        yield f"a{character}{character}b {character}'s{character}1"


def language(alphabet):
    letters = [chr(code) for code in alphabet]
    weights = [1 / (at + 1) for at in range(len(letters))]

    def words(source: random.Random):
        # The frequent letters are others every thousand words, so that many tokens are met.
        while True:
            source.shuffle(letters)
            for _ in range(1000):
                word = "".join(source.choices(letters, weights, k=source.randint(1, 12)))
                yield word + source.choice([" ", " ", " ", ", ", ". ", "\n", "", "! ", " 12", "-"])

    return words


def adversarial(source: random.Random):
    while True:
        yield source.choice(TRIPPING) * (1 if source.random() < 0.9 else source.randint(2, 60))


def code(source: random.Random):
    while True:
        name = "".join(source.choices("abcdefghijklmnoprstuvwxyzABCDEF_", k=source.randint(1, 9)))
        yield source.choice([*CODE, name, name.title(), " " * source.randint(1, 20), "\n" + "    " * source.randint(0, 4)]) + " "


def random_bytes(source: random.Random):
    while True:
        yield source.randbytes(4096).decode(errors="replace")


def runs(source: random.Random):
    while True:
        yield source.choice(["a", " ", "-=", "\u6f22", "A", "0", "'", "\n", "\xe9", "---=", "\u0301"]) * source.randint(1, 3000)


def texts(megabytes: int):
    """Kind and text; the same for the same size."""
    kinds = {"code": code, "adversarial": adversarial, "random bytes": random_bytes, "runs": runs}
    kinds |= {name: language(alphabet) for name, alphabet in ALPHABETS.items()}
    yield "every scalar", "".join(scalars(random.Random()))
    for name, make in kinds.items():
        kept, size, limit = [], 0, megabytes * 1_000_000 // len(kinds)
        for snippet in make(random.Random(name)):
            kept.append(snippet)
            size += len(snippet.encode())
            if size >= limit:
                break
        yield name, "".join(kept)


def ours(probe: str, vocabulary: str, text: str) -> array.array:
    ids = array.array("I")
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        ids.frombytes(subprocess.run([probe, "ids", vocabulary, file.name], capture_output=True, check=True).stdout)
    return ids


def main() -> int:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    probe, tables, megabytes = sys.argv[1], Path(sys.argv[2]), int((sys.argv[3:] or ["50"])[0])
    given = [(Path(path).name, Path(path).read_bytes().decode(errors="replace")) for path in sys.argv[4:]]
    encoders = {name: encoder(name, tables) for name in VOCABULARIES}
    differing = 0
    print(f"{'vocabulary':12} {'text':14} {'bytes':>10} {'tokens':>10} differences")
    for kind, text in itertools.chain(texts(megabytes), given):
        for name, encode in encoders.items():
            normal = normalized(name, text)
            expected, found = array.array("I", encode(normal)), ours(probe, name, normal)
            differences = sum(a != b for a, b in itertools.zip_longest(expected, found)) if expected != found else 0
            differing += differences
            print(f"{name:12} {kind:14} {len(normal.encode()):10} {len(expected):10} {differences}", flush=True)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
