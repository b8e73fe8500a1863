#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

// The check of Castagnoli's polynomial over `count` bytes (RFC 3720 appendix B.4 has test values), which finds every burst
// of up to 32 wrong bits. In C because processors have an instruction for it that Swift does not reach: eight bytes at a
// time; without it a table does the same work.
uint32_t crc32c(const uint8_t *bytes, size_t count);

// The same without the instruction: what a test compares with.
uint32_t crc32c_by_table(const uint8_t *bytes, size_t count);

#endif
