// For `memmem`.
#define _GNU_SOURCE

#include "byte_scan.h"

#include <string.h>

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

#if defined(__x86_64__)
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
#endif

size_t byte_scan_string_end(const uint8_t *bytes, size_t start, size_t count) {
#if defined(__x86_64__)
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
    SCAN_BLOCKS(_mm_or_si128(IS('\r'), IS('\n')))
    while (start < count && bytes[start] != '\r' && bytes[start] != '\n') start++;
    return start;
}

size_t byte_scan_control(const uint8_t *bytes, size_t start, size_t count) {
    SCAN_BLOCKS(_mm_or_si128(IS(0x7F), IS_CONTROL))
    while (start < count && bytes[start] != 0x7F && bytes[start] >= 0x20) start++;
    return start;
}

size_t byte_scan_unprintable(const uint8_t *bytes, size_t start, size_t count) {
#if defined(__SSE2__)
    // Signed, so that what is not ASCII is below a space too.
    const __m128i space = _mm_set1_epi8(0x20);
#endif
    SCAN_BLOCKS(_mm_or_si128(_mm_or_si128(IS('"'), IS('\\')), _mm_or_si128(IS(0x7F), _mm_cmplt_epi8(block, space))))
    while (start < count && bytes[start] >= 0x20 && bytes[start] < 0x7F && bytes[start] != '"' && bytes[start] != '\\') {
        start++;
    }
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

// Whether the name is `literal`, in lower case of letters and hyphens: setting the bit of lower case in every byte folds
// letters, and makes no character of a token look like a hyphen.
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

#if defined(__x86_64__)
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
#if defined(__x86_64__)
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

// JSON (RFC 8259) in one pass without states, for documents that are plain. Their last byte is a closing bracket: where a
// search begins at or before it and stops at brackets, it needs no other end.

// What a byte outside of strings is: 0 is no JSON; odd is what stands in and between values.
enum { BETWEEN = 1, SCALAR = 3, QUOTE = 2, OPEN = 4, CLOSE = 6 };
static const uint8_t json_kind[256] = {
    ['\t'] = BETWEEN, ['\n'] = BETWEEN, ['\r'] = BETWEEN, [' '] = BETWEEN, [','] = BETWEEN, [':'] = BETWEEN,
    ['"'] = QUOTE, ['{'] = OPEN, ['['] = OPEN, ['}'] = CLOSE, [']'] = CLOSE,
    ['+'] = SCALAR, ['-'] = SCALAR, ['.'] = SCALAR, ['E'] = SCALAR, ['0'] = SCALAR, ['1'] = SCALAR, ['2'] = SCALAR,
    ['3'] = SCALAR, ['4'] = SCALAR, ['5'] = SCALAR, ['6'] = SCALAR, ['7'] = SCALAR, ['8'] = SCALAR, ['9'] = SCALAR,
    ['a'] = SCALAR, ['b'] = SCALAR, ['c'] = SCALAR, ['d'] = SCALAR, ['e'] = SCALAR, ['f'] = SCALAR, ['g'] = SCALAR,
    ['h'] = SCALAR, ['i'] = SCALAR, ['j'] = SCALAR, ['k'] = SCALAR, ['l'] = SCALAR, ['m'] = SCALAR, ['n'] = SCALAR,
    ['o'] = SCALAR, ['p'] = SCALAR, ['q'] = SCALAR, ['r'] = SCALAR, ['s'] = SCALAR, ['t'] = SCALAR, ['u'] = SCALAR,
    ['v'] = SCALAR, ['w'] = SCALAR, ['x'] = SCALAR, ['y'] = SCALAR, ['z'] = SCALAR,
};
static const uint8_t is_escape[256] = {
    ['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1, ['u'] = 1,
};

static inline int is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

static inline size_t skip_space(const uint8_t *bytes, size_t start) {
    // One comparison where there is none, which is nearly everywhere.
    while (bytes[start] <= ' ' && is_space(bytes[start])) start++;
    return start;
}

// `byte_scan_string_end` for what is short, as names are, and most values.
static inline size_t short_string_end(const uint8_t *bytes, size_t start, size_t count) {
#if defined(__SSE2__)
    if (start + 16 <= count) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(IS('"'), IS('\\')), IS_CONTROL));
        if (mask != 0) return start + (size_t)__builtin_ctz((unsigned)mask);
        start += 16;
    }
#endif
    return byte_scan_string_end(bytes, start, count);
}

// Behind the quote that closes the string whose inside begins at `start`, or 0.
static inline size_t string_close(const uint8_t *bytes, size_t start, size_t count, int *hints) {
    for (;;) {
        start = short_string_end(bytes, start, count);
        if (start >= count) return 0;
        if (bytes[start] == '"') return start + 1;
        if (bytes[start] != '\\' || start + 1 >= count || !is_escape[bytes[start + 1]]) return 0;
        if (bytes[start + 1] == 'u' && start + 3 < count && bytes[start + 2] == '0' && bytes[start + 3] == '0') {
            *hints |= BYTE_SCAN_ESCAPED_ASCII;
        }
        start += 2;
    }
}

// Notes a string between `start` and `end` that could be the name under which a call refers to a stored file.
static inline void note_name(const uint8_t *bytes, size_t start, size_t end, int *hints) {
    const uint8_t *name = bytes + start;
    switch (end - start) {
    case 7:
        if (memcmp(name, "file_id", 7) == 0) *hints |= BYTE_SCAN_NAMES_FILE;
        break;
    case 8:
        if (memcmp(name, "file_ids", 8) == 0) *hints |= BYTE_SCAN_NAMES_FILE;
        break;
    case 13:
        if (memcmp(name, "input_file_id", 13) == 0) *hints |= BYTE_SCAN_NAMES_FILE;
        break;
    }
}

// Behind the bracket that closes the container that begins at `start`, or 0.
static size_t container_close(const uint8_t *bytes, size_t start, size_t count, size_t depth_limit, int *hints) {
    size_t depth = 0;
    for (;;) {
        uint8_t kind;
        while ((kind = json_kind[bytes[start++]]) & 1) continue;
        if (kind == QUOTE) {
            size_t close = string_close(bytes, start, count, hints);
            if (close == 0) return 0;
            note_name(bytes, start, close - 1, hints);
            start = close;
        } else if (kind == OPEN) {
            if (++depth > depth_limit) return 0;
        } else if (kind == CLOSE) {
            if (--depth == 0) return start;
            if (start == count) return 0;
        } else {
            return 0;
        }
    }
}

static inline size_t scalar_close(const uint8_t *bytes, size_t start) {
    size_t end = start;
    while (json_kind[bytes[end]] == SCALAR) end++;
    switch (bytes[start]) {
    case 't': return end - start == 4 && memcmp(bytes + start, "true", 4) == 0 ? end : 0;
    case 'f': return end - start == 5 && memcmp(bytes + start, "false", 5) == 0 ? end : 0;
    case 'n': return end - start == 4 && memcmp(bytes + start, "null", 4) == 0 ? end : 0;
    case '-': return end;
    default: return bytes[start] >= '0' && bytes[start] <= '9' ? end : 0;
    }
}

static inline int is_equal_at(const uint8_t *text, const uint8_t *name, size_t index, size_t width) {
    uint64_t left = 0, right = 0;
    memcpy(&left, text + index, width);
    memcpy(&right, name + index, width);
    return left == right;
}

// Whether the bytes are equal; names are short, and mostly of eight bytes or more. The last ones overlap.
static inline int is_equal(const uint8_t *text, const uint8_t *name, size_t length) {
    size_t index = 0;
    if (length >= 8) {
        for (; index + 8 < length; index += 8) {
            if (!is_equal_at(text, name, index, 8)) return 0;
        }
        return is_equal_at(text, name, length - 8, 8);
    }
    if (length >= 4) return is_equal_at(text, name, 0, 4) && is_equal_at(text, name, length - 4, 4);
    for (; index < length; index++) {
        if (text[index] != name[index]) return 0;
    }
    return 1;
}

void byte_scan_index(byte_scan_name *parent, byte_scan_name *names) {
    memset(parent->by_length, 0, sizeof parent->by_length);
    // From the last one on, so that the first stands first.
    for (size_t offset = parent->child_count; offset > 0; offset--) {
        byte_scan_name *child = names + parent->first_child + offset - 1;
        uint8_t *place = parent->by_length + (child->length & 31);
        child->next = *place;
        *place = (uint8_t)offset;
    }
}

// The place of the name between `start` and `end` among the children of `parent`; -1 when it is none of them, -2 when it is
// one but for its case.
static inline int place_of(
    const uint8_t *bytes, size_t start, size_t end, const byte_scan_name *parent, const byte_scan_name *names
) {
    size_t length = end - start;
    for (size_t next = parent->by_length[length & 31]; next != 0;) {
        size_t place = parent->first_child + next - 1;
        next = names[place].next;
        if (names[place].length != length) continue;
        const uint8_t *name = names[place].bytes, *text = bytes + start;
        if (is_equal(text, name, length)) return (int)place;
        size_t index = 0;
        while (index < length && (text[index] == name[index] || (text[index] | 0x20) == name[index])) index++;
        if (index == length) return -2;
    }
    return -1;
}

// Behind the bracket that closes the object that begins at `index`, or 0; looks for the children of `parent`.
static size_t object_close(
    const uint8_t *bytes, size_t index, size_t count, size_t depth_limit, const byte_scan_name *parent,
    const byte_scan_name *names, byte_scan_member *members, int *hints
) {
    index = skip_space(bytes, index + 1);
    if (bytes[index] == '}') return index + 1;
    for (;;) {
        if (bytes[index] != '"') return 0;
        size_t name = index + 1, name_end = short_string_end(bytes, name, count);
        if (name_end >= count || bytes[name_end] != '"') return 0;
        int place = place_of(bytes, name, name_end, parent, names);
        note_name(bytes, name, name_end, hints);
        if (place == -2 || (place >= 0 && members[place].end != 0)) return 0;
        index = skip_space(bytes, name_end + 1);
        if (bytes[index] != ':') return 0;
        index = skip_space(bytes, index + 1);
        size_t end;
        switch (json_kind[bytes[index]]) {
        case QUOTE: end = string_close(bytes, index + 1, count, hints); break;
        case OPEN:
            if (place >= 0 && names[place].child_count > 0 && bytes[index] == '{') {
                end = object_close(bytes, index, count, depth_limit - 1, names + place, names, members, hints);
            } else {
                end = container_close(bytes, index, count, depth_limit, hints);
            }
            break;
        default: end = scalar_close(bytes, index); break;
        }
        // What closes with the last byte has taken the bracket that closes this object.
        if (end == 0 || end == count) return 0;
        if (place >= 0) {
            members[place].start = index;
            members[place].end = end;
        }
        index = skip_space(bytes, end);
        if (bytes[index] == '}') return index + 1;
        if (bytes[index] != ',') return 0;
        index = skip_space(bytes, index + 1);
    }
}

int byte_scan_members(
    const uint8_t *bytes, size_t count, size_t depth_limit, const byte_scan_name *root, const byte_scan_name *names,
    size_t name_count, byte_scan_member *members, int *hints
) {
    for (size_t place = 0; place < name_count; place++) members[place].end = 0;
    while (count > 0 && is_space(bytes[count - 1])) count--;
    if (count < 2 || bytes[count - 1] != '}') return 0;
    size_t index = skip_space(bytes, 0);
    if (bytes[index] != '{') return 0;
    return object_close(bytes, index, count, depth_limit, root, names, members, hints) == count;
}

// The last place before `end` at which the name stands between quotes, or `end` when there is none.
static size_t last_quoted(const uint8_t *bytes, size_t end, const uint8_t *name, size_t length) {
    if (end < length + 2) return end;
    // Behind the last place at which it could begin.
    size_t left = end - length - 1;
#if defined(__SSE2__)
    while (left >= 16) {
        size_t start = left - 16;
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + start));
        __m128i next = _mm_loadu_si128((const __m128i *)(bytes + start + 1));
        __m128i begins = _mm_and_si128(IS('"'), _mm_cmpeq_epi8(next, _mm_set1_epi8((char)name[0])));
        unsigned mask = (unsigned)_mm_movemask_epi8(begins);
        while (mask != 0) {
            unsigned bit = 31 - (unsigned)__builtin_clz(mask);
            const uint8_t *place = bytes + start + bit;
            if (place[length + 1] == '"' && is_equal(place + 1, name, length)) return start + bit;
            mask &= ~(1u << bit);
        }
        left = start;
    }
#endif
    while (left > 0) {
        left--;
        if (bytes[left] == '"' && bytes[left + length + 1] == '"' && is_equal(bytes + left + 1, name, length)) return left;
    }
    return end;
}

int byte_scan_last_object(
    const uint8_t *bytes, size_t count, size_t depth_limit, const byte_scan_name *names, size_t name_count,
    byte_scan_member *members
) {
    int hints = 0;
    for (size_t place = 0; place < name_count; place++) members[place].end = 0;
    while (count > 0 && is_space(bytes[count - 1])) count--;
    if (count < 2 || bytes[count - 1] != '}' || bytes[0] != '{') return 0;
    size_t start = last_quoted(bytes, count, names[0].bytes, names[0].length);
    // A string that ends in what looks like the name has a backslash there.
    if (start == count || bytes[start - 1] == '\\') return 0;
    size_t index = skip_space(bytes, start + names[0].length + 2);
    if (bytes[index] != ':') return 0;
    index = skip_space(bytes, index + 1);
    if (bytes[index] != '{') return 0;
    members[0].start = index;
    index = object_close(bytes, index, count, depth_limit - 1, names, names, members, &hints);
    if (index == 0 || index == count) return 0;
    members[0].end = index;
    // What follows are members of the object that it stands in: when that closes with the document, it is the document.
    for (;;) {
        index = skip_space(bytes, index);
        if (bytes[index] == '}') return index + 1 == count;
        if (bytes[index] != ',') return 0;
        index = skip_space(bytes, index + 1);
        if (bytes[index] != '"') return 0;
        index = string_close(bytes, index + 1, count, &hints);
        if (index == 0) return 0;
        index = skip_space(bytes, index);
        if (bytes[index] != ':') return 0;
        index = skip_space(bytes, index + 1);
        switch (json_kind[bytes[index]]) {
        case QUOTE: index = string_close(bytes, index + 1, count, &hints); break;
        case OPEN: index = container_close(bytes, index, count, depth_limit, &hints); break;
        default: index = scalar_close(bytes, index); break;
        }
        if (index == 0 || index == count) return 0;
    }
}

size_t byte_scan_find(const uint8_t *bytes, size_t count, const uint8_t *needle, size_t length) {
    const uint8_t *found = count == 0 ? NULL : memmem(bytes, count, needle, length);
    return found == NULL ? count : (size_t)(found - bytes);
}
