// The formats are described in scripts/make-tokenizer-tables, which writes these files; README.md says where they are from.
#include "tokenizer_tables.h"

// Swift's clang has #embed, which is of C23, in every mode; it says so once per file.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char cl100k_base[] = {
#embed "tables/cl100k_base.bin"
};
static const unsigned char o200k_base[] = {
#embed "tables/o200k_base.bin"
};
static const unsigned char p50k_base[] = {
#embed "tables/p50k_base.bin"
};
static const unsigned char claude[] = {
#embed "tables/claude.bin"
};
static const unsigned char qwen[] = {
#embed "tables/qwen.bin"
};
static const unsigned char deepseek[] = {
#embed "tables/deepseek.bin"
};
static const unsigned char tekken[] = {
#embed "tables/tekken.bin"
};
static const unsigned char classes[] = {
#embed "tables/classes.bin"
};

#define TABLE(name) {name, sizeof name}

struct tokenizer_table tokenizer_vocabulary(int index) {
    static const struct tokenizer_table all[] = {
        TABLE(cl100k_base), TABLE(o200k_base), TABLE(p50k_base), TABLE(claude),
        TABLE(qwen),        TABLE(deepseek),   TABLE(tekken),
    };
    static const struct tokenizer_table none = {0, 0};
    return index >= 0 && (size_t)index < sizeof all / sizeof all[0] ? all[index] : none;
}

struct tokenizer_table tokenizer_classes(void) {
    return (struct tokenizer_table)TABLE(classes);
}
