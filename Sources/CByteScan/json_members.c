#include "byte_scan.h"
#include "scan_blocks.h"

#include <string.h>

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
