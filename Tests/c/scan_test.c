// Compares every search of `byte_scan.c`, the check of `crc32c.c` and the digits of `hex_digits.h` with plain ones, byte by byte,
// with the bytes right against a page that must not be touched: before them, or behind them. `scripts/test-scan` builds it for
// each way that the sources can be compiled, with the compiler's checks on, and compares what the builds say of the same random
// documents.

#define _GNU_SOURCE
#include "byte_scan.h"
#include "crc32c.h"
#include "hex_digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

static const size_t page_bytes = 1 << 16;
// Readable and writable; the pages around it are neither.
static uint8_t *page;
static long flaws;

#define EXPECT(condition, ...)                                       \
    do {                                                             \
        if (!(condition) && flaws++ < 20) {                          \
            printf("%s:%d: ", __FILE__, __LINE__);                   \
            printf(__VA_ARGS__);                                     \
            printf("\n");                                            \
        }                                                            \
    } while (0)

// The last or the first `count` bytes of the page.
static uint8_t *place(size_t count, int at_its_end) { return at_its_end ? page + page_bytes - count : page; }

// The same on every machine: a linear congruential generator (Knuth's constants for 64 bits).
static uint64_t state = 1;
static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

// MARK: searches for a byte

static int ends_string(uint8_t byte) { return byte == '"' || byte == '\\' || byte < 0x20; }
static int ends_line(uint8_t byte) { return byte == '\r' || byte == '\n'; }
static int is_control(uint8_t byte) { return byte < 0x20 || byte == 0x7F; }
static int is_unprintable(uint8_t byte) { return byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\'; }
static int is_underscore(uint8_t byte) { return byte == '_' || byte == '\\'; }
static int is_letter_or_digit(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}
static int ends_token(uint8_t byte) {
    return !(is_letter_or_digit(byte) || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL));
}

static const struct {
    const char *name;
    size_t (*search)(const uint8_t *, size_t, size_t);
    int (*is_found)(uint8_t);
} searches[] = {
    {"string_end", byte_scan_string_end, ends_string}, {"line_end", byte_scan_line_end, ends_line},
    {"control", byte_scan_control, is_control},        {"underscore", byte_scan_underscore, is_underscore},
    {"token_end", byte_scan_token_end, ends_token},
};

static void check_search(unsigned which, const uint8_t *bytes, size_t start, size_t count) {
    size_t wanted = start;
    while (wanted < count && !searches[which].is_found(bytes[wanted])) wanted++;
    size_t found = searches[which].search(bytes, start, count);
    EXPECT(found == wanted, "%s: %zu instead of %zu of %zu, from %zu", searches[which].name, found, wanted, count, start);
}

static void check_searches(void) {
    static const uint8_t remarkable[] = {0, 9, 10, 13, 31, 32, '"', '\\', '_', ':', '-', '[', '`', 0x7E, 0x7F, 0x80, 0xFF};
    for (unsigned which = 0; which < sizeof searches / sizeof *searches; which++) {
        // One remarkable byte at each place, the search from each start: also what stands before the start.
        for (size_t count = 0; count <= 70; count++) {
            uint8_t *bytes = place(count, count & 1);
            memset(bytes, 'a', count);
            for (size_t start = 0; start <= count; start++) {
                check_search(which, bytes, start, count);
                for (size_t at = 0; at < count; at++) {
                    for (unsigned byte = 0; byte < sizeof remarkable; byte++) {
                        bytes[at] = remarkable[byte];
                        check_search(which, bytes, start, count);
                    }
                    bytes[at] = 'a';
                }
            }
        }
        for (unsigned byte = 0; byte < 256; byte++) {
            for (size_t at = 0; at < 40; at++) {
                uint8_t *bytes = place(40, 1);
                memset(bytes, 'a', 40);
                bytes[at] = (uint8_t)byte;
                check_search(which, bytes, 0, 40);
            }
        }
        for (int round = 0; round < 20000; round++) {
            size_t count = draw(400);
            uint8_t *bytes = place(count, round & 1);
            unsigned rarity = 1 + draw(100);
            for (size_t at = 0; at < count; at++) bytes[at] = draw(rarity) == 0 ? (uint8_t)draw(256) : 'a';
            check_search(which, bytes, count == 0 ? 0 : draw((unsigned)count), count);
        }
    }
}

static void check_copy(size_t count, int at_its_end, size_t at, uint8_t byte) {
    uint8_t *bytes = place(count, at_its_end);
    memset(bytes, 'a', count);
    if (at < count) bytes[at] = byte;
    // Right before a page that must not be touched: behind the copy only up to the sixteen bytes that there always are.
    size_t room = count < 16 ? 16 : count;
    static uint8_t kept[64];
    memcpy(kept, bytes, count);
    uint8_t *copy = place(room, !at_its_end);
    int wanted = at >= count || !is_unprintable(byte);
    int said = byte_scan_copy_printable(bytes, count, copy);
    EXPECT(said == wanted, "copy_printable says %d of %zu bytes with %d at %zu", said, count, byte, at);
    EXPECT(memcmp(copy, kept, count) == 0, "copy_printable: another copy of %zu bytes", count);
}

static void check_copies(void) {
    for (size_t count = 0; count <= 64; count++) {
        for (size_t at = 0; at <= count; at++) {
            for (unsigned byte = 0; byte < 256; byte++) check_copy(count, byte & 1, at, (uint8_t)byte);
        }
    }
    EXPECT(byte_scan_copy_printable(NULL, 0, page) == 1, "copy_printable of nothing");
}

// Few letters, so that words are often found, and often begun.
static void check_find(void) {
    for (int round = 0; round < 300000; round++) {
        uint8_t needle[12];
        size_t count = draw(80), length = 1 + draw(sizeof needle), wanted;
        unsigned letters = 2 + draw(3);
        uint8_t *bytes = place(count, round & 1);
        for (size_t at = 0; at < count; at++) bytes[at] = (uint8_t)('a' + draw(letters));
        for (size_t at = 0; at < length; at++) needle[at] = (uint8_t)('a' + draw(letters));
        for (wanted = 0; wanted + length <= count && memcmp(bytes + wanted, needle, length) != 0; wanted++) {}
        if (wanted + length > count) wanted = count;
        size_t found = byte_scan_find(bytes, count, needle, length);
        EXPECT(found == wanted, "find: %zu instead of %zu of %zu, %zu bytes", found, wanted, count, length);
    }
    EXPECT(byte_scan_find(NULL, 0, (const uint8_t *)"a", 1) == 0, "find in nothing");
}

static void check_paths(void) {
    for (int round = 0; round < 200000; round++) {
        size_t count = draw(60), wanted = 0;
        uint8_t *bytes = place(count, round & 1);
        unsigned rarity = 1 + draw(30);
        for (size_t at = 0; at < count; at++) bytes[at] = draw(rarity) == 0 ? (uint8_t)draw(256) : (uint8_t)"az/AZ09-_~:."[draw(12)];
        size_t start = count == 0 ? 0 : draw((unsigned)count);
        for (wanted = start; wanted < count; wanted++) {
            uint8_t byte = bytes[wanted];
            if (!is_letter_or_digit(byte) && (byte == 0 || strchr("-_~:/", byte) == NULL)) break;
            if (byte == '/' && wanted > start && bytes[wanted - 1] == '/') break;
        }
        size_t found = byte_scan_plain_path_end(bytes, start, count);
        EXPECT(found == wanted, "plain_path_end: %zu instead of %zu of %zu, from %zu", found, wanted, count, start);
    }
}

// MARK: heads

// In the order of their numbers.
static const char *const known[] = {
    "connection", "content-length", "transfer-encoding", "host", "keep-alive", "te", "trailer", "upgrade", "expect",
    "proxy-connection", "proxy-authorization", "proxy-authenticate", "authorization", "x-api-key", "x-goog-api-key",
    "api-key", "content-type", "content-encoding", "accept-encoding", "x-request-id", "retry-after", "x-gateway-tags",
};
enum { KNOWN = sizeof known / sizeof *known };

static uint8_t number_of(const uint8_t *name, size_t length) {
    for (unsigned which = 0; which < KNOWN; which++) {
        if (strlen(known[which]) == length && strncasecmp((const char *)name, known[which], length) == 0) return (uint8_t)(which + 1);
    }
    return 0;
}

static void check_known_fields(void) {
    EXPECT(KNOWN == BYTE_SCAN_KNOWN_FIELDS, "%d known fields here, %d there", KNOWN, BYTE_SCAN_KNOWN_FIELDS);
    for (unsigned which = 0; which < KNOWN; which++) {
        size_t length = strlen(known[which]);
        uint8_t *bytes = place(length, 1);
        for (size_t at = 0; at < length; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                if (ends_token((uint8_t)byte)) continue;
                memcpy(bytes, known[which], length);
                bytes[at] = (uint8_t)byte;
                uint8_t found = byte_scan_known_field(bytes, length);
                EXPECT(found == number_of(bytes, length), "known_field: %.*s is %d", (int)length, (char *)bytes, found);
            }
        }
    }
}

// One head in `out`, mostly good; returns its length.
static size_t make_head(uint8_t *out) {
    size_t count = 0;
    for (unsigned field = draw(5); field > 0; field--) {
        if (draw(2)) {
            const char *name = known[draw(KNOWN)];
            for (size_t at = 0; name[at] != 0; at++) out[count++] = (uint8_t)name[at];
        } else {
            for (unsigned left = 1 + draw(40); left > 0; left--) out[count++] = (uint8_t)"abcXYZ-_.09"[draw(11)];
        }
        out[count++] = ':';
        for (unsigned left = draw(40); left > 0; left--) {
            out[count++] = draw(3) ? (uint8_t)('a' + draw(26)) : (uint8_t)" \t\t  ~\x80\xFF"[draw(8)];
        }
        out[count++] = '\r';
        out[count++] = '\n';
    }
    if (draw(3)) {
        out[count++] = '\r';
        out[count++] = '\n';
    }
    for (unsigned left = draw(2) ? draw(60) : 0; left > 0; left--) out[count++] = (uint8_t)"ab: \r\n"[draw(6)];
    for (unsigned left = count > 0 ? draw(3) : 0; left > 0; left--) {
        out[draw((unsigned)count)] = (uint8_t)"\0\r\n\t :\x7F\x80z\x1F"[draw(10)];
    }
    return draw(3) == 0 && count > 0 ? draw((unsigned)count) : count;
}

// The whole lines at the beginning of `bytes`, as RFC 9112 section 5 has them.
static size_t plain_fields(const uint8_t *bytes, size_t count, size_t *cursor, byte_scan_field *fields, size_t limit) {
    size_t found = 0;
    while (found < limit && *cursor < count) {
        size_t name_end = *cursor;
        while (name_end < count && !ends_token(bytes[name_end])) name_end++;
        if (name_end == *cursor || name_end >= count || bytes[name_end] != ':') break;
        size_t start = name_end + 1, end = start;
        while (end < count && (bytes[end] == '\t' || !is_control(bytes[end]))) end++;
        if (end + 1 >= count || bytes[end] != '\r' || bytes[end + 1] != '\n') break;
        size_t next = end + 2;
        while (start < end && (bytes[start] == ' ' || bytes[start] == '\t')) start++;
        while (end > start && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t')) end--;
        fields[found++] = (byte_scan_field){
            (uint32_t)*cursor, (uint32_t)name_end, (uint32_t)start, (uint32_t)end,
            byte_scan_known_field(bytes + *cursor, name_end - *cursor),
        };
        *cursor = next;
    }
    return found;
}

static void check_heads(void) {
    static uint8_t head[2000];
    for (int round = 0; round < 300000; round++) {
        size_t count = make_head(head);
        uint8_t *bytes = place(count, round & 1);
        memcpy(bytes, head, count);
        byte_scan_field found[4], wanted[4];
        size_t limit = 1 + draw(4), cursor = 0, wanted_cursor = 0;
        size_t fields = byte_scan_fields(bytes, count, &cursor, found, limit);
        size_t wanted_fields = plain_fields(bytes, count, &wanted_cursor, wanted, limit);
        EXPECT(fields == wanted_fields && cursor == wanted_cursor, "fields: %zu instead of %zu", fields, wanted_fields);
        for (size_t field = 0; field < fields && fields == wanted_fields; field++) {
            byte_scan_field left = found[field], right = wanted[field];
            EXPECT(
                left.name_start == right.name_start && left.name_end == right.name_end && left.known == right.known
                    && left.value_start == right.value_start && left.value_end == right.value_end,
                "fields: the %zuth of %zu", field, fields);
        }
    }
}

// MARK: documents

static char document[1 << 15];
static size_t length;

static void text(const char *part) {
    while (*part != 0 && length < sizeof document - 1) document[length++] = *part++;
}
static void blank(void) {
    if (draw(8) == 0) text((const char *[]){" ", "\n", "\t", "\r\n", "  "}[draw(5)]);
}
static void string(void) {
    text("\"");
    for (unsigned left = draw(4) ? draw(12) : draw(300); left > 0; left--) {
        static const char *const parts[] = {"\\\"", "\\u00e9", "\\n", "{", "\xC3\xA9", "\\\\", "]"};
        unsigned part = draw(40);
        text(part < 7 ? parts[part] : (char[]){(char)('a' + draw(26)), 0});
    }
    text("\"");
}

// The first one is an object whose members are looked for, too.
static const char *const names[] = {
    "usage", "id", "model", "stream", "stream_options", "user", "metadata", "a_name_that_is_longer_than_32_bytes_x",
    "prompt_tokens", "output_tokens", "a", "completion_tokens_details", "bcd",
};
enum { NAMES = sizeof names / sizeof *names, TOP = 8 };

static void value(unsigned depth);
static void member(unsigned depth) {
    char name[64];
    strcpy(name, draw(10) == 0 ? "file_id" : names[draw(NAMES)]);
    if (draw(8) == 0) name[draw((unsigned)strlen(name))] ^= 0x20;
    blank();
    text("\"");
    text(name);
    text("\"");
    blank();
    text(":");
    blank();
    value(depth);
    blank();
}
static void object(unsigned depth) {
    text("{");
    for (unsigned left = draw(6), first = 1; left > 0; left--, first = 0) {
        if (!first) text(",");
        member(depth + 1);
    }
    text("}");
}
static void value(unsigned depth) {
    static const char *const scalars[] = {"true", "null", "-12.5E+3", "4711", "false"};
    unsigned kind = draw(depth > 5 ? 6 : 9);
    if (kind < 5) return text(scalars[kind]);
    if (kind == 5) return string();
    if (kind < 8) return object(depth);
    text("[");
    for (unsigned left = draw(4); left > 0; left--) {
        value(depth + 1);
        if (left > 1) text(",");
    }
    text("]");
}

static uint64_t digest = 14695981039346656037u;
static void mix(uint64_t number) { digest = (digest ^ number) * 1099511628211u; }

static void mix_members(int result, const byte_scan_member *members, int hints) {
    mix((uint64_t)result);
    if (result == 0) return;
    mix((uint64_t)hints);
    for (size_t place = 0; place < NAMES; place++) {
        mix(members[place].end);
        if (members[place].end != 0) mix(members[place].start);
    }
}

// What is right is told by the tests of the scanner in Swift; here, that every build says the same.
static void digest_documents(void) {
    byte_scan_name all[NAMES] = {0}, root = {0};
    for (size_t name = 0; name < NAMES; name++) {
        all[name].bytes = (const uint8_t *)names[name];
        all[name].length = strlen(names[name]);
    }
    all[0].first_child = TOP;
    all[0].child_count = NAMES - TOP;
    root.bytes = all[0].bytes;
    root.child_count = TOP;
    byte_scan_index(&all[0], all);
    byte_scan_index(&root, all);
    long plain = 0;
    for (int round = 0; round < 100000; round++) {
        length = 0;
        object(0);
        for (unsigned left = draw(3) ? 0 : 1 + draw(3); left > 0 && length > 0; left--) {
            size_t at = draw((unsigned)length);
            if (draw(2)) document[at] = "{}[]\",:\\ tfn-0u\0\x1F\x80"[draw(18)];
            else length = at;
        }
        uint8_t *bytes = place(length, round & 1);
        memcpy(bytes, document, length);
        byte_scan_member members[NAMES];
        size_t depth_limit = draw(4) ? 256 : 1 + draw(6);
        int hints = 0;
        int result = byte_scan_members(bytes, length, depth_limit, &root, all, NAMES, members, &hints);
        plain += result;
        mix_members(result, members, hints);
        mix_members(byte_scan_last_object(bytes, length, depth_limit, all, NAMES, members), members, 0);
    }
    EXPECT(plain > 10000, "only %ld documents were plain", plain);
}

// MARK: the check, and digits

static void check_crc32c(void) {
    EXPECT(crc32c((const uint8_t *)"123456789", 9) == 0xE3069283, "crc32c of the digits");
    for (size_t count = 0; count < 300; count++) {
        uint8_t *bytes = place(count, 1);
        for (size_t at = 0; at < count; at++) bytes[at] = (uint8_t)draw(256);
        EXPECT(crc32c(bytes, count) == crc32c_by_table(bytes, count), "crc32c of %zu bytes", count);
    }
}

static void check_hex_digits(void) {
    for (int count = 0; count < 10000; count++) {
        uint64_t words[2];
        for (int word = 0; word < 2; word++) words[word] = (uint64_t)draw(1 << 22) << 42 | (uint64_t)draw(1 << 21) << 21 | draw(1 << 21);
        char plain[33];
        snprintf(plain, sizeof plain, "%016llx%016llx", (unsigned long long)words[0], (unsigned long long)words[1]);
        uint8_t *digits = place(32, count & 1);
        hex_digits(words[0], words[1], digits);
        EXPECT(memcmp(digits, plain, 32) == 0, "digits of %s", plain);
    }
}

int main(void) {
    uint8_t *memory = mmap(NULL, 3 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 2;
    page = memory + page_bytes;
    if (mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0) return 2;
    check_searches();
    check_copies();
    check_find();
    check_paths();
    check_known_fields();
    check_heads();
    check_crc32c();
    check_hex_digits();
    digest_documents();
    printf("%016llx\n", (unsigned long long)digest);
    return flaws != 0;
}
