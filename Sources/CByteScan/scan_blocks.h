#ifndef SCAN_BLOCKS_H
#define SCAN_BLOCKS_H

// Comparisons of sixteen bytes at a time, for processors that have them; nothing for others, which run plain loops.

#if defined(__SSE2__)
#include <immintrin.h>

// Sixteen bytes at a time; `TEST` turns a block into a mask of the bytes that are looked for. What is left at the end is looked
// at with what stands before it, when there is so much.
#define SCAN_BLOCKS(TEST)                                                                  \
    while (start + 16 <= count) {                                                          \
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));                 \
        int mask = _mm_movemask_epi8(TEST);                                                \
        if (mask != 0) return start + (size_t)__builtin_ctz((unsigned)mask);               \
        start += 16;                                                                       \
    }                                                                                      \
    if (start < count && count >= 16) {                                                    \
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + count - 16));            \
        unsigned mask = (unsigned)_mm_movemask_epi8(TEST) >> (16 - (count - start));       \
        return mask != 0 ? start + (size_t)__builtin_ctz(mask) : count;                    \
    }
#define IS(character) _mm_cmpeq_epi8(block, _mm_set1_epi8(character))
// Unsigned: the smaller of the byte and the limit is the byte.
#define IS_AT_MOST(bytes, limit) _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit)), bytes)
#define IS_CONTROL IS_AT_MOST(block, 0x1F)
#else
#define SCAN_BLOCKS(TEST)
#endif

#endif
