#ifndef TOKENIZER_TABLES_H
#define TOKENIZER_TABLES_H

#include <stddef.h>

// A table in the read-only part of the binary: the kernel maps its pages when they are read first.
struct tokenizer_table {
    const unsigned char *bytes;
    size_t count;
};

// The vocabularies in the order of `Vocabulary.allCases`; an empty table beyond them.
struct tokenizer_table tokenizer_vocabulary(int index);
// The classes of all scalar values, by both regular-expression engines that the references use.
struct tokenizer_table tokenizer_classes(void);

// Begins to load what lies at an address, which Swift has no word for.
static inline void tokenizer_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
