#ifndef BYTE_SCAN_H
#define BYTE_SCAN_H

#include <stddef.h>
#include <stdint.h>

// The searches that nearly every byte of a request or an answer goes through. Each returns the first place from `start`
// on at which a byte of its kind stands, or `count` when there is none. `bytes` may be NULL when `count` is 0.
//
// In C because the sixteen-byte comparisons need the processor's move-mask instruction, which Swift's SIMD types do not
// reach: 0.7 instructions per byte instead of 2.5. On other processors a plain loop does the same work.

// A quote, a backslash or a control character: where a JSON string cannot simply be run over (RFC 8259 section 7).
size_t byte_scan_string_end(const uint8_t *bytes, size_t start, size_t count);

// A CR or LF.
size_t byte_scan_line_end(const uint8_t *bytes, size_t start, size_t count);

// A control character, tab included, or DEL: where the value of a header field may end (RFC 9110 section 5.5).
size_t byte_scan_control(const uint8_t *bytes, size_t start, size_t count);

// Copies the bytes and says whether a JSON string of a log can take them as they are: 1 when there is no quote, no backslash, no
// control character, no DEL, and nothing that is not ASCII among them. `copy` has room for 16 bytes at least; behind the copy
// anything may be left in them.
int byte_scan_copy_printable(const uint8_t *bytes, size_t count, uint8_t *copy);

// An underscore or a backslash: rare in prose, part of every name of a file's id, or of an escape that hides it.
size_t byte_scan_underscore(const uint8_t *bytes, size_t start, size_t count);

// Where `needle`, of at least one byte, begins, or `count`: the searches for words of our own, which most bodies do not hold.
size_t byte_scan_find(const uint8_t *bytes, size_t count, const uint8_t *needle, size_t length);

// The first byte that is no `tchar` (RFC 9110 section 5.6.2): where the name of a header field ends.
size_t byte_scan_token_end(const uint8_t *bytes, size_t start, size_t count);

// A header field: where its name and its value, without the blanks around it, stand.
typedef struct {
    uint32_t name_start, name_end, value_start, value_end;
    // One of the numbers below, or 0.
    uint8_t known;
} byte_scan_field;

// The fields that the gateway acts on, in the order of `KnownField`, whose raw values these are.
enum {
    BYTE_SCAN_CONNECTION = 1, BYTE_SCAN_CONTENT_LENGTH, BYTE_SCAN_TRANSFER_ENCODING, BYTE_SCAN_HOST, BYTE_SCAN_KEEP_ALIVE,
    BYTE_SCAN_TE, BYTE_SCAN_TRAILER, BYTE_SCAN_UPGRADE, BYTE_SCAN_EXPECT, BYTE_SCAN_PROXY_CONNECTION,
    BYTE_SCAN_PROXY_AUTHORIZATION, BYTE_SCAN_PROXY_AUTHENTICATE, BYTE_SCAN_AUTHORIZATION, BYTE_SCAN_X_API_KEY,
    BYTE_SCAN_X_GOOG_API_KEY, BYTE_SCAN_API_KEY, BYTE_SCAN_CONTENT_TYPE, BYTE_SCAN_CONTENT_ENCODING,
    BYTE_SCAN_ACCEPT_ENCODING, BYTE_SCAN_X_REQUEST_ID, BYTE_SCAN_RETRY_AFTER, BYTE_SCAN_X_GATEWAY_TAGS,
    // How many there are.
    BYTE_SCAN_KNOWN_FIELDS = BYTE_SCAN_X_GATEWAY_TAGS
};

// The number of a field's name, whatever the case of its letters; 0 for any other name. The bytes are a token.
uint8_t byte_scan_known_field(const uint8_t *name, size_t length);

// Reads field lines, token ":" OWS value OWS CR LF (RFC 9112 section 5), from `*cursor` on into `fields`, at most `capacity`
// of them, and moves `*cursor` behind them. Stops at the empty line, and at any line that is not complete or not as it must
// be, for whoever asked to look at closely. Returns how many were read.
size_t byte_scan_fields(
    const uint8_t *bytes, size_t count, size_t *cursor, byte_scan_field *fields, size_t capacity
);

// The end of a run of letters, digits, "-", "_", "~", ":" and single slashes: a path that all readers resolve alike, as
// far as it goes.
size_t byte_scan_plain_path_end(const uint8_t *bytes, size_t start, size_t count);

// The name of a member that is looked for, in lower case. When its value is an object, `child_count` names from `first_child`
// on are looked for in that object: at most 255, which whoever makes the names must hold to.
typedef struct {
    const uint8_t *bytes;
    size_t length, first_child, child_count;
    // By the length of a name, modulo 32: one more than the place among the children of the first that is so long; 0 for none.
    uint8_t by_length[32];
    // The same of the next sibling that is as long, modulo 32.
    uint8_t next;
} byte_scan_name;

// Fills in `by_length` of a name, and `next` of its children, which are among `names`.
void byte_scan_index(byte_scan_name *parent, byte_scan_name *names);

// Where the value of the member of the name at the same place stands; `end` is 0 when there is none.
typedef struct {
    size_t start, end;
} byte_scan_member;

// What a document holds that somebody should look at closely.
enum {
    // A name under which a call refers to a stored file.
    BYTE_SCAN_NAMES_FILE = 1,
    // An escape that stands for an ASCII character, and could hide such a name.
    BYTE_SCAN_ESCAPED_ASCII = 2
};

// Finds members of the JSON object (RFC 8259) that the bytes are, in one pass: some 2 500 instructions for a prompt of 1 kB.
// `root` has as its children those of the `name_count` names that are the object's own. 1 when all went well; 0 when the object
// is not plain (a flaw at its own level, bytes missing or left over, an escape in a name, a name that is there twice or is one
// that is looked for but for its case, nesting deeper than `depth_limit`), and whoever asked must look closely. `hints` is
// added to.
//
// Not looked at, because it decides nothing here and whoever reads the document will: what stands between the brackets of
// values that nothing is looked for in, so long as strings end and as many brackets close as open; how a number goes on behind
// its first character; the digits of `\u`.
int byte_scan_members(
    const uint8_t *bytes, size_t count, size_t depth_limit, const byte_scan_name *root, const byte_scan_name *names,
    size_t name_count, byte_scan_member *members, int *hints
);

// Finds the first of the names, and those within its value, which must be an object, without reading what stands before it:
// providers put their account of a call last. 1 when the last place where the name stands is a member of the document's own
// object, so that it is the one that counts; 0 when that cannot be seen. The document is taken to be well-formed JSON.
int byte_scan_last_object(
    const uint8_t *bytes, size_t count, size_t depth_limit, const byte_scan_name *names, size_t name_count,
    byte_scan_member *members
);

#endif
