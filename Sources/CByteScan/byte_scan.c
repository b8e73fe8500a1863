#include "byte_scan.h"

#if defined(__SSE2__)
#include <emmintrin.h>

// Sixteen bytes at a time while they last; `TEST` turns a block into a mask of the bytes that are looked for.
#define SCAN_BLOCKS(TEST)                                                                  \
    while (start + 16 <= count) {                                                          \
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));                 \
        int mask = _mm_movemask_epi8(TEST);                                                \
        if (mask != 0) return start + (size_t)__builtin_ctz((unsigned)mask);               \
        start += 16;                                                                       \
    }
#define IS(character) _mm_cmpeq_epi8(block, _mm_set1_epi8(character))
// Unsigned "at most 0x1F": the smaller of the byte and 0x1F is the byte.
#define IS_CONTROL _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block)
#else
#define SCAN_BLOCKS(TEST)
#endif

size_t byte_scan_string_end(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(_mm_or_si128(IS('"'), IS('\\')), IS_CONTROL))
    while (start < count && bytes[start] != '"' && bytes[start] != '\\' && bytes[start] >= 0x20) start++;
    return start;
}

size_t byte_scan_line_end(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(IS('\r'), IS('\n')))
    while (start < count && bytes[start] != '\r' && bytes[start] != '\n') start++;
    return start;
}

size_t byte_scan_control(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(IS(0x7F), IS_CONTROL))
    while (start < count && bytes[start] != 0x7F && bytes[start] >= 0x20) start++;
    return start;
}

size_t byte_scan_underscore(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(IS('_'), IS('\\')))
    while (start < count && bytes[start] != '_' && bytes[start] != '\\') start++;
    return start;
}

// One entry per byte; 0x80 and above stay 0.
static const uint8_t is_token[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0,
};

size_t byte_scan_token_end(const uint8_t *bytes, size_t start, size_t count) {
    while (start < count && is_token[bytes[start]]) start++;
    return start;
}
