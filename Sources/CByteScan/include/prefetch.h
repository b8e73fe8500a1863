#ifndef PREFETCH_H
#define PREFETCH_H

#include <stdint.h>

// Asks the processor for the cache lines of some places: addresses whose four lowest bits say how many lines to fetch from there
// on. It goes on without waiting, and an address that is nobody's any more does no harm. In C because Swift has no word for it.
static inline void prefetch(const uintptr_t *places, unsigned count) {
    for (unsigned index = 0; index < count; index++) {
        uintptr_t line = places[index] & ~(uintptr_t)15, end = line + (places[index] & 15) * 64;
        for (; line < end; line += 64) __builtin_prefetch((const void *)line);
    }
}

#endif
