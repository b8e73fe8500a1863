"""Where instructions go: callgrind's output read function by function, and summed up by area."""

import functools
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import measure
from .machine import Fault
from .tools import ROOT

# Area, and what the names of its functions look like; the first that fits counts. `$s` begins a mangled Swift name, and
# the module follows with its length in front. Specialisations of a generic function belong to the generic's module.
SYMBOL_AREAS = (
    ("retain/release", r"swift_(un|bridgeObject|unknownObject|weak|nonatomic_)?_?(retain|release|retainCount)|swift_.*[Rr]e(tain|lease)|RefCounts"),
    ("exclusivity checks", r"swift_(begin|end)Access"),
    ("casts and metadata", r"swift_(dynamicCast|getWitness|getGeneric|getAssociated|conformsTo|getTypeByMangled|checkMetadata|project|getCanonical|getObjectType)"),
    ("allocation", r"^_*(libc_)?(malloc|free|calloc|realloc|posix_memalign|aligned_alloc|cfree|int_malloc|int_free|tcache\w*)|^swift_(slow)?(Alloc|Dealloc)|swift_(alloc|dealloc|destroy|init)\w*Object|swift_slow|unlink_chunk|sysmalloc"),
    ("copying", r"^_*(mem(cpy|move|set|cmp|chr)|bcmp)"),
    ("system calls", r"^_*(libc_)?(epoll_\w+|recv\w*|send\w*|read|write\w*|accept4?|close|clock_gettime|gettimeofday|timerfd_\w+|fcntl\w*|getsockopt|setsockopt)$"),
)
# Modules of ours keep their names; of the packages, those that a request meets.
MODULE_AREAS = (
    ("NIO", ("NIOCore", "NIOPosix", "_NIOBase64", "NIOConcurrencyHelpers", "_NIODataStructures", "NIOEmbedded", "NIO", "CNIOLinux",
             "CNIOPosix", "DequeModule", "Atomics", "CAtomics", "NIOFoundationCompat")),
    ("TLS and HTTP/2", ("NIOSSL", "CNIOBoringSSL", "NIOHTTP2", "NIOHPACK", "NIOHTTP1", "NIOTLS")),
    ("Swift standard library", ("Swift", "Synchronization", "_Concurrency", "_StringProcessing")),
    ("Foundation", ("Foundation", "FoundationEssentials", "CoreFoundation")),
)


#: What is counted by calls: the names as regular expressions over whole function names.
COUNTED_CALLS = {
    "retain": r"_*swift_(bridgeObject|unknownObject|nonatomic_)?_?[rR]etain(_n)?_*",
    "release": r"_*swift_(bridgeObject|unknownObject|nonatomic_)?_?[rR]elease(_n)?_*",
    "malloc": r"(__libc_)?malloc|(__libc_)?calloc|(__libc_)?realloc|posix_memalign|aligned_alloc",
}


@dataclass
class Profile:
    """Instructions and calls, by function."""

    instructions: Counter = field(default_factory=Counter)
    calls: Counter = field(default_factory=Counter)
    #: Calls by (caller, called).
    edges: Counter = field(default_factory=Counter)

    def less(self, other: "Profile", by: float) -> "Profile":
        """What this has more than `other`, divided: the cost of one request out of runs of many and of few."""
        def difference(more: Counter, less: Counter) -> Counter:
            return Counter({name: (count - less[name]) / by for name, count in more.items() if count != less[name]})

        pairs = ((self.instructions, other.instructions), (self.calls, other.calls), (self.edges, other.edges))
        return Profile(*(difference(more, less) for more, less in pairs))

    def called(self, pattern: str) -> float:
        return sum(count for name, count in self.calls.items() if re.fullmatch(pattern, name))

    def callers(self, pattern: str) -> Counter:
        """Who calls the functions of this name, and how often."""
        callers = Counter()
        for (caller, called), count in self.edges.items():
            if re.fullmatch(pattern, called):
                callers[caller] += count
        return callers

    def areas(self) -> Counter:
        areas = Counter()
        for name, count in self.instructions.items():
            areas[area(name)] += count
        return areas


def read(file: Path) -> Profile:
    """Format: `fn=(id) name` begins a function, whose name is written once; lines of numbers are its own cost;
    `cfn=` and `calls=` announce a call, and the one line after `calls=` is the cost of the called, not its own."""
    profile, names = Profile(), {}
    current, called, skip = "", "", False
    with open(file, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            first = line[:1]
            if first.isdigit() or first in "+-*":
                if skip:
                    skip = False
                else:
                    profile.instructions[current] += int(line.split()[1])
            elif line.startswith("fn="):
                current = _name(line[3:], names)
            elif line.startswith("cfn="):
                called = _name(line[4:], names)
            elif line.startswith("calls="):
                count = int(line[6:].split()[0])
                profile.calls[called] += count
                profile.edges[current, called] += count
                skip = True
    return profile


def _name(text: str, names: dict) -> str:
    """`(12) name` the first time, `(12)` from then on. A recursion level (`name'2`) is the same function."""
    number, _, name = text.strip().partition(" ")
    if name:
        names[number] = name.split("'")[0]
    return names.get(number, number)


def module(symbol: str):
    """The module of a mangled Swift name; None for other names."""
    found = re.match(r"\$s(\d+)", symbol)
    if found:
        start = found.end()
        return symbol[start: start + int(found[1])]
    if re.match(r"\$s[Ss]", symbol) or symbol.startswith("$sS"):
        return "Swift"
    return "Swift" if symbol.startswith("$s") else None


def area(symbol: str) -> str:
    for name, pattern in SYMBOL_AREAS:
        if re.search(pattern, symbol):
            return name
    found = module(symbol)
    if found is None:
        return _c_area(symbol)
    for name, modules in MODULE_AREAS:
        if found in modules:
            return name
    return found


@functools.cache
def _own_c_functions() -> frozenset:
    """The functions of the byte scanner, which carry no module in their names; JSONScan is who calls most of them."""
    attribute = re.compile(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)\s*")
    texts = (attribute.sub("", file.read_text()) for file in sorted((ROOT / "Sources" / "CByteScan").glob("*.c")))
    return frozenset(name for text in texts for name in re.findall(r"^\w[\w *]*?\b(\w+)\(", text, re.MULTILINE))


def _c_area(symbol: str) -> str:
    if symbol.startswith("byte_scan_") or symbol in _own_c_functions():
        return "JSONScan"
    if symbol.startswith(("swift_", "_swift", "_ZN5swift", "_ZNK5swift", "swift::")):
        return "Swift runtime"
    if symbol.startswith(("CNIOBoringSSL", "nghttp2")):
        return "TLS and HTTP/2"
    return "other C"


def with_symbols(binary: Path, folder: Path) -> Path:
    """A copy of the binary with its names and without its debug information, which valgrind fails to read."""
    copy = folder / binary.name
    finished = subprocess.run(["strip", "--strip-debug", "-o", copy, binary], stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        raise Fault(f"strip {binary}: {finished.stderr.strip()}")
    names = subprocess.run(["nm", copy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    if "swift_retain" not in names:
        raise Fault(f"{binary} has no symbols; `make release` leaves one that has them in .build/release")
    return copy


def per_request(start_peer, cores, few: int, many: int, connections: int = 16) -> Profile:
    """Two runs under callgrind, `many` less `few`. `start_peer(wrapper)` makes a peer that is started through it."""
    profiles = [_profile(start_peer, cores, count, connections) for count in (few, many)]
    return profiles[1].less(profiles[0], many - few)


def _profile(start_peer, cores, requests: int, connections: int) -> Profile:
    peer = start_peer(["valgrind", "--tool=callgrind", "--callgrind-out-file=callgrind.%p", "--fair-sched=yes"])
    peer.wrapper[2] = f"--callgrind-out-file={peer.folder}/callgrind.out"
    try:
        peer.start()
        measure.send(peer, cores, requests, connections)
    finally:
        peer.stop()
    return read(peer.folder / "callgrind.out")
