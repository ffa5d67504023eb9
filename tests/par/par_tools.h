/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the tests of par share: pools, an allocator that fails on demand, guarded memory, hostile
   comparisons. */
#ifndef PKN_TESTS_PAR_TOOLS_H
#define PKN_TESTS_PAR_TOOLS_H

#include "test.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAR_SEED UINT64_C(20240607)
#define PAR_COUNT(array) (sizeof(array) / sizeof *(array))

static const int par_threads[] = {1, 2, 3, 8};

static pkern_pool *par_pool_with(int num_threads, const pkern_allocator *allocator) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
    config.allocator = allocator;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK, "seed %llu",
                 (unsigned long long)PAR_SEED);
    return pool;
}

static pkern_pool *par_pool(int num_threads) {
    return par_pool_with(num_threads, 0);
}

static size_t par_random(size_t index, size_t below) {
    return (size_t)(pkn_random_at(PAR_SEED, index) % below);
}

/* Counts blocks; fails while armed. */
typedef struct par_heap {
    int armed;
    int refused;
    int live;
} par_heap;

static void *par_heap_allocate(size_t bytes, size_t alignment, void *user) {
    par_heap *heap = (par_heap *)user;
    if (__atomic_load_n(&heap->armed, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&heap->refused, 1, __ATOMIC_RELAXED);
        return 0;
    }
    __atomic_fetch_add(&heap->live, 1, __ATOMIC_RELAXED);
    return pkn_allocate(0, bytes, alignment);
}

static void par_heap_release(void *memory, size_t bytes, void *user) {
    par_heap *heap = (par_heap *)user;
    __atomic_fetch_sub(&heap->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, memory, bytes);
}

static pkern_allocator par_heap_allocator(par_heap *heap) {
    pkern_allocator allocator;
    memset(heap, 0, sizeof *heap);
    allocator.allocate = par_heap_allocate;
    allocator.release = par_heap_release;
    allocator.user = heap;
    return allocator;
}

/* bytes of memory that end (at_end) or begin exactly at a page nobody may touch */
static void *par_guarded(size_t bytes, int at_end) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    char *memory = (char *)mmap(0, inner + 2 * page, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(memory != (char *)MAP_FAILED);
    cr_assert_eq(mprotect(memory, page, PROT_NONE), 0);
    cr_assert_eq(mprotect(memory + page + inner, page, PROT_NONE), 0);
    return at_end ? memory + page + inner - bytes : memory + page;
}

static void par_unguard(void *memory, size_t bytes, int at_end) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    char *first = at_end ? (char *)memory + bytes - inner : (char *)memory;
    cr_assert_eq(munmap(first - page, inner + 2 * page), 0);
}

/* Twelve comparisons of doubles that no sort should survive by luck. ctx is a par_hostile. */
#define PAR_HOSTILE_KINDS 12
typedef struct par_hostile {
    int kind;
    size_t calls;
} par_hostile;

static int par_hostile_compare(const void *a, const void *b, void *ctx) {
    par_hostile *hostile = (par_hostile *)ctx;
    size_t call = __atomic_fetch_add(&hostile->calls, 1, __ATOMIC_RELAXED);
    double x;
    double y;
    int honest;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    honest = (x > y) - (x < y);
    switch (hostile->kind) {
    case 0:
        return (int)(pkn_mix_u64(call) % 3) - 1; /* random */
    case 1:
        return -1; /* everything is less */
    case 2:
        return 1; /* everything is greater */
    case 3:
        return 0; /* all equal */
    case 4:
        return (int)((uint32_t)(int64_t)x * 77777u -
                     (uint32_t)(int64_t)y * 77777u); /* a difference that wraps */
    case 5:
        return x < y ? -1 : 1; /* never equal */
    case 6:
        return call % 2 ? honest : -honest; /* changes its mind each time */
    case 7:
        return call < 1000 ? honest : -honest; /* changes its mind once */
    case 8:
        return (int)(((int64_t)x - (int64_t)y) % 3); /* rock, paper, scissors */
    case 9:
        return call % 10 ? honest : 1; /* lies every tenth time */
    case 10:
        return x <= y ? -1 : 0; /* equal is less, greater is equal */
    default:
        return call % 64 < 32 ? -1 : 1; /* runs */
    }
}

/* Honest comparisons. */
static int par_compare_double(const void *a, const void *b, void *ctx) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    PKN_UNUSED(ctx);
    return (x > y) - (x < y);
}

/* Bytes in order; *ctx is the size. */
static int par_compare_bytes(const void *a, const void *b, void *ctx) {
    return memcmp(a, b, *(const size_t *)ctx);
}

/* Patterns of n doubles. */
#define PAR_PATTERNS 7
static void par_fill(double *values, size_t n, int pattern, size_t seed) {
    for (size_t i = 0; i < n; i++) {
        size_t random = par_random(seed * 100003 + i, 1000003);
        switch (pattern) {
        case 0:
            values[i] = (double)random;
            break;
        case 1:
            values[i] = (double)i;
            break;
        case 2:
            values[i] = (double)(n - i);
            break;
        case 3:
            values[i] = (double)(random % 4);
            break;
        case 4:
            values[i] = 5.0;
            break;
        case 5:
            values[i] = (double)(i < n / 2 ? i : n - i);
            break;
        default:
            values[i] = (double)(i % 16 == 0 ? i : n + random);
            break; /* a period */
        }
    }
}

static int par_qsort_double(const void *a, const void *b) {
    return par_compare_double(a, b, 0);
}

#endif
