#include "crc32c.h"

#include <string.h>

// What the processor's instruction makes of eight bytes, and of one.
#if defined(__x86_64__) && defined(__SSE2__)
#include <nmmintrin.h>
#define TARGET __attribute__((target("sse4.2")))
#define STEP_WORD(state, word) (uint32_t)_mm_crc32_u64(state, word)
#define STEP_BYTE(state, byte) _mm_crc32_u8(state, byte)
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define TARGET
#define STEP_WORD(state, word) __crc32cd(state, word)
#define STEP_BYTE(state, byte) __crc32cb(state, byte)
#endif

// What four bits at the low end become: 0x82F63B78 is the polynomial with its bits reversed.
static const uint32_t of_nibble[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t crc32c_by_table(const uint8_t *bytes, size_t count) {
    uint32_t state = ~0u;
    for (size_t place = 0; place < count; place++) {
        state ^= bytes[place];
        state = state >> 4 ^ of_nibble[state & 15];
        state = state >> 4 ^ of_nibble[state & 15];
    }
    return ~state;
}

#if defined(STEP_WORD)
TARGET static uint32_t by_instruction(const uint8_t *bytes, size_t count) {
    uint32_t state = ~0u;
    size_t place = 0;
    for (; place + 8 <= count; place += 8) {
        uint64_t word;
        memcpy(&word, bytes + place, 8);
        state = STEP_WORD(state, word);
    }
    for (; place < count; place++) state = STEP_BYTE(state, bytes[place]);
    return ~state;
}
#endif

#if defined(__x86_64__) && defined(__SSE2__)
static int has_instruction;

__attribute__((constructor)) static void look_at_processor(void) {
    __builtin_cpu_init();
    has_instruction = __builtin_cpu_supports("sse4.2");
}

uint32_t crc32c(const uint8_t *bytes, size_t count) {
    return has_instruction ? by_instruction(bytes, count) : crc32c_by_table(bytes, count);
}
#elif defined(STEP_WORD)
uint32_t crc32c(const uint8_t *bytes, size_t count) { return by_instruction(bytes, count); }
#else
uint32_t crc32c(const uint8_t *bytes, size_t count) { return crc32c_by_table(bytes, count); }
#endif
