// Counts a process's heap allocations: LD_PRELOAD this library and name a file in COUNT_MALLOC_FILE.
//
// The file is mapped and shared, so that whoever started the process reads the counters while it runs: the difference
// of two readings around a number of requests is what those requests cost. It holds native 64-bit integers:
//   allocations (malloc, calloc, posix_memalign, aligned_alloc), reallocations, frees, bytes asked for
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct counters {
    _Atomic uint64_t allocations, reallocations, frees, bytes;
};

static struct counters nobody_reads;
static struct counters *counters = &nobody_reads;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);

// dlsym may allocate before the real functions are known; this serves it, and is never given back.
static _Alignas(16) char early[16384];
static size_t early_used;

static void *early_memory(size_t size) {
    size_t at = early_used;
    early_used += (size + 15) & ~(size_t)15;
    if (early_used > sizeof early) _exit(97);
    return early + at;
}

static int is_early(const void *memory) { return (const char *)memory >= early && (const char *)memory < early + sizeof early; }

static void count(size_t size) {
    atomic_fetch_add_explicit(&counters->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->bytes, size, memory_order_relaxed);
}

// At the first call, which may come before any constructor of ours; what dlsym itself allocates meanwhile is early.
static void resolve(void) {
    static int resolving;
    if (resolving) return;
    resolving = 1;
    real_calloc = dlsym(RTLD_NEXT, "calloc");
    real_realloc = dlsym(RTLD_NEXT, "realloc");
    real_free = dlsym(RTLD_NEXT, "free");
    real_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real_malloc = dlsym(RTLD_NEXT, "malloc");
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("COUNT_MALLOC_FILE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, sizeof *counters)) return;
    void *mapped = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) counters = mapped;
    close(fd);
}

void *malloc(size_t size) {
    count(size);
    if (!real_malloc) resolve();
    return real_malloc ? real_malloc(size) : early_memory(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    if (!real_malloc) resolve();
    return real_calloc ? real_calloc(number, size) : early_memory(number * size);
}

void *realloc(void *memory, size_t size) {
    atomic_fetch_add_explicit(&counters->reallocations, 1, memory_order_relaxed);
    if (!real_malloc) resolve();
    return real_realloc && !is_early(memory) ? real_realloc(memory, size) : early_memory(size);
}

void free(void *memory) {
    if (!memory || is_early(memory)) return;
    atomic_fetch_add_explicit(&counters->frees, 1, memory_order_relaxed);
    if (real_free) real_free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count(size);
    if (!real_malloc) resolve();
    return real_posix_memalign ? real_posix_memalign(memory, alignment, size) : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(size);
    if (!real_malloc) resolve();
    return real_aligned_alloc ? real_aligned_alloc(alignment, size) : NULL;
}
