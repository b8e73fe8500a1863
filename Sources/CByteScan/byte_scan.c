#include "byte_scan.h"
#include "scan_blocks.h"

#include <string.h>

#if defined(__x86_64__) && defined(__SSE2__)
// Most of what goes through the gateway is the inside of a few long strings: 64 bytes at a time where the processor can.
static int has_avx2;

__attribute__((constructor)) static void look_at_processor(void) {
    __builtin_cpu_init();
    has_avx2 = __builtin_cpu_supports("avx2");
}

__attribute__((target("avx2"))) static inline __m256i ends_string(__m256i block) {
    __m256i quote = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('"'));
    __m256i backslash = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'));
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1F)), block);
    return _mm256_or_si256(_mm256_or_si256(quote, backslash), control);
}

// A place at or before the end of the string, which is at most 63 bytes further, or begins a block that has it.
__attribute__((target("avx2"))) static size_t long_string_end(const uint8_t *bytes, size_t start, size_t count) {
    while (start + 64 <= count) {
        __m256i first = ends_string(_mm256_loadu_si256((const __m256i *)(bytes + start)));
        __m256i second = ends_string(_mm256_loadu_si256((const __m256i *)(bytes + start + 32)));
        if (_mm256_movemask_epi8(_mm256_or_si256(first, second)) != 0) return start;
        start += 64;
    }
    return start;
}

// The same for a CR or LF.
__attribute__((target("avx2"))) static size_t long_line_end(const uint8_t *bytes, size_t start, size_t count) {
    const __m256i carriage_return = _mm256_set1_epi8('\r'), line_feed = _mm256_set1_epi8('\n');
    while (start + 64 <= count) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(bytes + start));
        __m256i second = _mm256_loadu_si256((const __m256i *)(bytes + start + 32));
        __m256i returns = _mm256_or_si256(_mm256_cmpeq_epi8(first, carriage_return), _mm256_cmpeq_epi8(second, carriage_return));
        __m256i feeds = _mm256_or_si256(_mm256_cmpeq_epi8(first, line_feed), _mm256_cmpeq_epi8(second, line_feed));
        if (_mm256_movemask_epi8(_mm256_or_si256(returns, feeds)) != 0) return start;
        start += 64;
    }
    return start;
}

// A place at or before the first one where two letters stand next to each other, which is at most 31 bytes further, or near
// the end.
__attribute__((target("avx2"))) static size_t long_pair(const uint8_t *bytes, size_t start, size_t count, uint8_t one, uint8_t two) {
    const __m256i first = _mm256_set1_epi8((char)one), second = _mm256_set1_epi8((char)two);
    while (start + 33 <= count) {
        __m256i begins = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(bytes + start)), first);
        __m256i goes_on = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(bytes + start + 1)), second);
        if (_mm256_movemask_epi8(_mm256_and_si256(begins, goes_on)) != 0) return start;
        start += 32;
    }
    return start;
}
#endif

size_t byte_scan_string_end(const uint8_t *bytes, size_t start, size_t count) {
#if defined(__x86_64__) && defined(__SSE2__)
    if (start + 256 <= count) {
        // Short strings end here.
        size_t whole = count;
        count = start + 64;
        SCAN_BLOCKS(_mm_or_si128(_mm_or_si128(IS('"'), IS('\\')), IS_CONTROL))
        count = whole;
        if (has_avx2) start = long_string_end(bytes, start, count);
    }
#endif
    SCAN_BLOCKS(_mm_or_si128(_mm_or_si128(IS('"'), IS('\\')), IS_CONTROL))
    while (start < count && bytes[start] != '"' && bytes[start] != '\\' && bytes[start] >= 0x20) start++;
    return start;
}

size_t byte_scan_line_end(const uint8_t *bytes, size_t start, size_t count) {
#if defined(__x86_64__) && defined(__SSE2__)
    if (has_avx2) start = long_line_end(bytes, start, count);
#endif
    SCAN_BLOCKS(_mm_or_si128(IS('\r'), IS('\n')))
    while (start < count && bytes[start] != '\r' && bytes[start] != '\n') start++;
    return start;
}

size_t byte_scan_control(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(IS(0x7F), IS_CONTROL))
    while (start < count && bytes[start] != 0x7F && bytes[start] >= 0x20) start++;
    return start;
}

#if defined(__SSE2__)
// Fewer than sixteen bytes, at least one, and spaces behind them: read from both ends, never beyond.
static inline __m128i short_block(const uint8_t *bytes, size_t count) {
    const uint64_t spaces = 0x2020202020202020;
    uint64_t low = 0, high = 0;
    if (count >= 8) {
        memcpy(&low, bytes, 8);
        memcpy(&high, bytes + count - 8, 8);
        // In two steps, since of eight bytes the upper word gets none.
        high = high >> (8 * (15 - count)) >> 8 | spaces << (8 * (count - 8));
        return _mm_set_epi64x((long long)high, (long long)low);
    }
    if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + count - 4, 4);
        low = first | (uint64_t)last << (8 * (count - 4));
    } else {
        low = bytes[0] | (uint64_t)bytes[count / 2] << (8 * (count / 2)) | (uint64_t)bytes[count - 1] << (8 * (count - 1));
    }
    return _mm_set_epi64x((long long)spaces, (long long)(low | spaces << (8 * count)));
}

// Signed, so that what is not ASCII is below a space too.
static inline __m128i unprintable(__m128i block) {
    __m128i marks = _mm_or_si128(IS('"'), IS('\\'));
    return _mm_or_si128(marks, _mm_or_si128(IS(0x7F), _mm_cmplt_epi8(block, _mm_set1_epi8(0x20))));
}
#endif

int byte_scan_copy_printable(const uint8_t *bytes, size_t count, uint8_t *copy) {
    if (count == 0) return 1;
#if defined(__SSE2__)
    if (count < 16) {
        __m128i block = short_block(bytes, count);
        _mm_storeu_si128((__m128i *)copy, block);
        return _mm_movemask_epi8(unprintable(block)) == 0;
    }
    __m128i last = _mm_loadu_si128((const __m128i *)(bytes + count - 16));
    __m128i found = unprintable(last);
    for (size_t at = 0; at + 16 < count; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + at));
        _mm_storeu_si128((__m128i *)(copy + at), block);
        found = _mm_or_si128(found, unprintable(block));
    }
    _mm_storeu_si128((__m128i *)(copy + count - 16), last);
    return _mm_movemask_epi8(found) == 0;
#else
    int found = 0;
    for (size_t at = 0; at < count; at++) {
        copy[at] = bytes[at];
        found |= bytes[at] < 0x20 || bytes[at] >= 0x7F || bytes[at] == '"' || bytes[at] == '\\';
    }
    return !found;
#endif
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
#if defined(__SSE2__)
    // Names of fields are letters and hyphens, nearly always; what else a token may hold the table knows.
    while (start + 16 <= count) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));
        __m128i letter = _mm_sub_epi8(_mm_or_si128(block, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
        int other = ~_mm_movemask_epi8(_mm_or_si128(is_letter, IS('-'))) & 0xFFFF;
        if (other == 0) {
            start += 16;
            continue;
        }
        start += (size_t)__builtin_ctz((unsigned)other);
        if (!is_token[bytes[start]]) return start;
        start++;
    }
#endif
    while (start < count && is_token[bytes[start]]) start++;
    return start;
}

// Whether eight bytes or fewer are those of `literal`, in lower case of letters and hyphens: setting the bit of lower case in
// every byte folds letters, and makes no character of a token look like a hyphen.
static inline int folds(const uint8_t *name, const char *literal, size_t index, size_t width) {
    uint64_t found = 0, wanted = 0;
    memcpy(&found, name + index, width);
    memcpy(&wanted, literal + index, width);
    return (found | (0x2020202020202020u >> (64 - 8 * width))) == wanted;
}

static inline int is_name(const uint8_t *name, const char *literal, size_t length) {
    if (length < 4) return folds(name, literal, 0, length);
    // The last ones overlap.
    if (length < 8) return folds(name, literal, 0, 4) && folds(name, literal, length - 4, 4);
    for (size_t index = 0; index + 8 < length; index += 8) {
        if (!folds(name, literal, index, 8)) return 0;
    }
    return folds(name, literal, length - 8, 8);
}
#define NAMED(literal, number) \
    if (is_name(name, literal, sizeof(literal) - 1)) return number

uint8_t byte_scan_known_field(const uint8_t *name, size_t length) {
    switch (length) {
    case 2: NAMED("te", BYTE_SCAN_TE); break;
    case 4: NAMED("host", BYTE_SCAN_HOST); break;
    case 6: NAMED("expect", BYTE_SCAN_EXPECT); break;
    case 7:
        NAMED("upgrade", BYTE_SCAN_UPGRADE);
        NAMED("trailer", BYTE_SCAN_TRAILER);
        NAMED("api-key", BYTE_SCAN_API_KEY);
        break;
    case 9: NAMED("x-api-key", BYTE_SCAN_X_API_KEY); break;
    case 10:
        NAMED("connection", BYTE_SCAN_CONNECTION);
        NAMED("keep-alive", BYTE_SCAN_KEEP_ALIVE);
        break;
    case 11: NAMED("retry-after", BYTE_SCAN_RETRY_AFTER); break;
    case 12:
        NAMED("content-type", BYTE_SCAN_CONTENT_TYPE);
        NAMED("x-request-id", BYTE_SCAN_X_REQUEST_ID);
        break;
    case 13: NAMED("authorization", BYTE_SCAN_AUTHORIZATION); break;
    case 14:
        NAMED("content-length", BYTE_SCAN_CONTENT_LENGTH);
        NAMED("x-goog-api-key", BYTE_SCAN_X_GOOG_API_KEY);
        NAMED("x-gateway-tags", BYTE_SCAN_X_GATEWAY_TAGS);
        break;
    case 15: NAMED("accept-encoding", BYTE_SCAN_ACCEPT_ENCODING); break;
    case 16:
        NAMED("content-encoding", BYTE_SCAN_CONTENT_ENCODING);
        NAMED("proxy-connection", BYTE_SCAN_PROXY_CONNECTION);
        break;
    case 17: NAMED("transfer-encoding", BYTE_SCAN_TRANSFER_ENCODING); break;
    case 18: NAMED("proxy-authenticate", BYTE_SCAN_PROXY_AUTHENTICATE); break;
    case 19: NAMED("proxy-authorization", BYTE_SCAN_PROXY_AUTHORIZATION); break;
    }
    return 0;
}

// One comparison for nearly every byte.
static inline int is_blank(uint8_t byte) { return byte <= ' ' && (byte == ' ' || byte == '\t'); }

typedef size_t scan(const uint8_t *bytes, size_t start, size_t count);

// `byte_scan_fields` with the searches for the end of a name and of a value.
static inline __attribute__((always_inline)) size_t scan_fields(
    const uint8_t *bytes, size_t count, size_t *cursor, byte_scan_field *fields, size_t capacity, scan name_end_of,
    scan value_end_of
) {
    size_t read = 0, start = *cursor;
    while (read < capacity && start < count) {
        size_t name_end = name_end_of(bytes, start, count);
        if (name_end == start || name_end >= count || bytes[name_end] != ':') break;
        size_t value = name_end + 1, end = value;
        for (;;) {
            end = value_end_of(bytes, end, count);
            if (end >= count || bytes[end] != '\t') break;
            end++;
        }
        if (end + 1 >= count || bytes[end] != '\r' || bytes[end + 1] != '\n') break;
        byte_scan_field *field = fields + read++;
        field->name_start = (uint32_t)start;
        field->name_end = (uint32_t)name_end;
        field->known = byte_scan_known_field(bytes + start, name_end - start);
        start = end + 2;
        while (value < end && is_blank(bytes[value])) value++;
        while (end > value && is_blank(bytes[end - 1])) end--;
        field->value_start = (uint32_t)value;
        field->value_end = (uint32_t)end;
    }
    *cursor = start;
    return read;
}

#if defined(__x86_64__) && defined(__SSE2__)
// Thirty-two bytes at a time: nearly every name and most values end in the first block.
__attribute__((target("avx2"))) static inline size_t long_token_end(const uint8_t *bytes, size_t start, size_t count) {
    if (start + 32 <= count) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(bytes + start));
        __m256i letter = _mm256_sub_epi8(_mm256_or_si256(block, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('a'));
        __m256i is_letter = _mm256_cmpeq_epi8(_mm256_min_epu8(letter, _mm256_set1_epi8(25)), letter);
        __m256i is_hyphen = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('-'));
        unsigned other = ~(unsigned)_mm256_movemask_epi8(_mm256_or_si256(is_letter, is_hyphen));
        if (other != 0) {
            start += (size_t)__builtin_ctz(other);
            if (!is_token[bytes[start]]) return start;
        }
    }
    return byte_scan_token_end(bytes, start, count);
}

__attribute__((target("avx2"))) static inline size_t long_control(const uint8_t *bytes, size_t start, size_t count) {
    while (start + 32 <= count) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(bytes + start));
        __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1F)), block);
        __m256i delete = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(0x7F));
        unsigned mask = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(control, delete));
        if (mask != 0) return start + (size_t)__builtin_ctz(mask);
        start += 32;
    }
    return byte_scan_control(bytes, start, count);
}

__attribute__((target("avx2"))) static size_t scan_long_fields(
    const uint8_t *bytes, size_t count, size_t *cursor, byte_scan_field *fields, size_t capacity
) {
    return scan_fields(bytes, count, cursor, fields, capacity, long_token_end, long_control);
}
#endif

size_t byte_scan_fields(
    const uint8_t *bytes, size_t count, size_t *cursor, byte_scan_field *fields, size_t capacity
) {
#if defined(__x86_64__) && defined(__SSE2__)
    if (has_avx2) return scan_long_fields(bytes, count, cursor, fields, capacity);
#endif
    return scan_fields(bytes, count, cursor, fields, capacity, byte_scan_token_end, byte_scan_control);
}

// 1: a character that a path may hold and that means nothing in it; 2: a slash.
static const uint8_t path_kind[256] = {
    ['-'] = 1, ['_'] = 1, ['~'] = 1, [':'] = 1, ['/'] = 2,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1,
    ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
    ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
};

size_t byte_scan_plain_path_end(const uint8_t *bytes, size_t start, size_t count) {
    uint8_t before = 0;
#if defined(__SSE2__)
    unsigned slash_before = 0;
    while (start + 16 <= count) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));
        __m128i letter = _mm_sub_epi8(_mm_or_si128(block, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        // From the hyphen to the colon all is plain but the dot.
        __m128i digit = _mm_sub_epi8(block, _mm_set1_epi8('-'));
        __m128i plain = _mm_or_si128(
            _mm_or_si128(IS_AT_MOST(letter, 'z' - 'a'), _mm_andnot_si128(IS('.'), IS_AT_MOST(digit, ':' - '-'))),
            _mm_or_si128(IS('_'), IS('~')));
        unsigned slashes = (unsigned)_mm_movemask_epi8(IS('/'));
        unsigned ends = (~(unsigned)_mm_movemask_epi8(plain) & 0xFFFF) | (slashes & (slashes << 1 | slash_before));
        if (ends != 0) return start + (size_t)__builtin_ctz(ends);
        slash_before = slashes >> 15;
        start += 16;
    }
    before = slash_before != 0 ? 2 : 0;
#endif
    while (start < count) {
        uint8_t kind = path_kind[bytes[start]];
        // Two slashes beside each other enclose an empty segment.
        if (kind == 0 || (kind & before) == 2) return start;
        before = kind;
        start++;
    }
    return start;
}

size_t byte_scan_find(const uint8_t *bytes, size_t count, const uint8_t *needle, size_t length) {
    if (count < length) return count;
    // The last place where it can begin.
    const size_t last = count - length;
    size_t at = 0;
#if defined(__SSE2__)
    // Two letters at once: words of ours begin with a quote, as every name does, and what stands behind it is rarer.
    if (length >= 2) {
#if defined(__x86_64__)
        if (has_avx2) at = long_pair(bytes, 0, count, needle[0], needle[1]);
#endif
        const __m128i first = _mm_set1_epi8((char)needle[0]), second = _mm_set1_epi8((char)needle[1]);
        for (; at + 17 <= count && at <= last; at += 16) {
            __m128i begins = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(bytes + at)), first);
            __m128i goes_on = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(bytes + at + 1)), second);
            unsigned mask = (unsigned)_mm_movemask_epi8(_mm_and_si128(begins, goes_on));
            for (; mask != 0; mask &= mask - 1) {
                size_t place = at + (size_t)__builtin_ctz(mask);
                if (place > last) return count;
                if (memcmp(bytes + place, needle, length) == 0) return place;
            }
        }
    }
#endif
    for (; at <= last; at++) {
        if (bytes[at] == needle[0] && memcmp(bytes + at, needle, length) == 0) return at;
    }
    return count;
}
