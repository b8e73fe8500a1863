#ifndef HEX_DIGITS_H
#define HEX_DIGITS_H

#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Writes two words as 32 hexadecimal digits in ASCII, the highest first. In C because Swift's vectors cannot interleave bytes;
// here, in the header, because a call would cost as much as it does.
static inline void hex_digits(uint64_t first, uint64_t second, uint8_t *digits) {
#if defined(__SSE2__)
    const __m128i nibble = _mm_set1_epi8(0x0F);
    __m128i bytes = _mm_set_epi64x((long long)__builtin_bswap64(second), (long long)__builtin_bswap64(first));
    __m128i high = _mm_and_si128(_mm_srli_epi64(bytes, 4), nibble), low = _mm_and_si128(bytes, nibble);
    __m128i halves[2] = {_mm_unpacklo_epi8(high, low), _mm_unpackhi_epi8(high, low)};
    for (int half = 0; half < 2; half++) {
        // Behind the nine come the letters, 39 places further.
        __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(halves[half], _mm_set1_epi8(9)), _mm_set1_epi8(39));
        __m128i ascii = _mm_add_epi8(_mm_add_epi8(halves[half], _mm_set1_epi8('0')), letters);
        _mm_storeu_si128((__m128i *)(digits + 16 * half), ascii);
    }
#else
    for (int place = 0; place < 16; place++) {
        digits[place] = (uint8_t)"0123456789abcdef"[first >> (60 - 4 * place) & 15];
        digits[16 + place] = (uint8_t)"0123456789abcdef"[second >> (60 - 4 * place) & 15];
    }
#endif
}

#endif
