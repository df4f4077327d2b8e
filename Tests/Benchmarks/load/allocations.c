// Counts what a program allocates: preloaded (LD_PRELOAD), it stands before the C library's functions, which Swift's
// runtime calls too. The program reads the count with dlsym("benchmark_allocation_count").

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

// glibc keeps its own functions under these names for allocators that stand before them, as this one does.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t allocations;

uint64_t benchmark_allocation_count(void) { return allocations; }

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = memalign(alignment, size);
    return *memory != NULL || size == 0 ? 0 : ENOMEM;
}
