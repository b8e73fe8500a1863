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

// An underscore or a backslash: rare in prose, part of every name of a file's id, or of an escape that hides it.
size_t byte_scan_underscore(const uint8_t *bytes, size_t start, size_t count);

// The first byte that is no `tchar` (RFC 9110 section 5.6.2): where the name of a header field ends.
size_t byte_scan_token_end(const uint8_t *bytes, size_t start, size_t count);

#endif
