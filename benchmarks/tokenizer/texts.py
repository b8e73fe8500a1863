"""Fresh texts to measure with: another on each run, since a repeated text flatters caches."""

import bisect
import itertools
import random
import sysconfig
from pathlib import Path

import wordfreq

SIZE = 4_000_000
# In both, a sentence has about ten words.
ENGLISH = ([" "] * 8 + [", ", ". "], ".\n\n")
CHINESE = ([""] * 6 + ["，", "。", "的", "、"], "。\n")


def prose(language: str, separators: list[str], end: str, source: random.Random, size: int = SIZE) -> str:
    """Words as often as they are in the language (wordfreq's lists, which were counted in books, news and the web)."""
    frequencies = wordfreq.get_frequency_dict(language, "best")
    words = list(frequencies)
    weights = list(itertools.accumulate(frequencies.values()))
    text, length = [], 0
    while length < size:
        word = words[bisect.bisect(weights, source.random() * weights[-1])]
        separator = end if source.random() < 0.01 else source.choice(separators)
        if language == "en" and text and text[-1] in (". ", ENGLISH[1]):
            word = word.capitalize()
        text += [word, separator]
        length += len(word.encode()) + len(separator.encode())
    return "".join(text)


def code(source: random.Random, size: int = SIZE) -> str:
    """Stretches of Python's own library."""
    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    source.shuffle(files)
    text, length = [], 0
    for file in itertools.cycle(files):
        if length >= size:
            break
        whole = file.read_text(errors="replace")
        start = source.randrange(max(1, len(whole) - 20_000))
        text.append(whole[start : start + 20_000])
        length += len(text[-1].encode())
    return "".join(text)


def make() -> dict[str, str]:
    source = random.Random()
    return {
        "code": code(source), "English": prose("en", *ENGLISH, source), "Chinese": prose("zh", *CHINESE, source),
    }
