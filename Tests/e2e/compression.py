"""Compression by the system's libraries, which the gateway is built with, too."""

import ctypes
import ctypes.util
import gzip
import zlib


def brotli(data: bytes) -> bytes:
    library = ctypes.CDLL(ctypes.util.find_library("brotlienc") or "libbrotlienc.so.1")
    size = ctypes.c_size_t(len(data) + 1024)
    output = ctypes.create_string_buffer(size.value)
    # quality 5, window 22, generic mode
    assert library.BrotliEncoderCompress(5, 22, 0, ctypes.c_size_t(len(data)), data, ctypes.byref(size), output)
    return output.raw[: size.value]


def zstd(data: bytes) -> bytes:
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    bound = library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    output = ctypes.create_string_buffer(bound)
    size = library.ZSTD_compress(output, ctypes.c_size_t(bound), data, ctypes.c_size_t(len(data)), 3)
    assert size <= bound
    return output.raw[:size]


CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli, "zstd": zstd}
