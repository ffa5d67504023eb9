/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the tests of the pool share: pools, an allocator that counts and fails, waiting with a bound, made-up files, outside threads. */
#ifndef PKN_TESTS_POOL_TOOLS_H
#define PKN_TESTS_POOL_TOOLS_H

#include "test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || PKN_TSAN
#define POOL_SANITIZER 1
#else
#define POOL_SANITIZER 0
#endif

/* Not every build has the tests that use each of these. */
#define POOL_TOOL static __attribute__((unused))

#define POOL_SEED UINT64_C(20240611)
#define POOL_COUNT(array) (sizeof(array) / sizeof *(array))

static const int pool_threads[] = {1, 2, 3, 8};

/* A pool of n threads; without threads in the build it has one, whatever was asked for. */
POOL_TOOL pkern_pool *pool_with(const pkern_pool_config *config) {
    pkern_pool *pool = 0;
    cr_assert_eq(pkern_pool_create(config, &pool), PKERN_OK, "seed %llu", (unsigned long long)POOL_SEED);
    cr_assert_eq(pkern_pool_num_threads(pool), PKN_THREADS ? config->num_threads : 1);
    return pool;
}

POOL_TOOL pkern_pool *pool_of(int num_threads) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
    return pool_with(&config);
}

POOL_TOOL void pool_end(pkern_pool *pool) {
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

POOL_TOOL uint64_t pool_random(uint64_t index, uint64_t below) {
    return pkn_random_at(POOL_SEED, index) % below;
}

/* ---- memory ---- */

/* Checks that each block is given back once and with its size; fails the allocations [fail_from, fail_from + fail_count). */
typedef struct pool_heap {
    pkern_allocator allocator;
    size_t calls, fail_from, fail_count;
    size_t live, wrong;
} pool_heap;

typedef struct pool_block {
    uint64_t magic;
    size_t bytes;
} pool_block;

#define POOL_LIVE UINT64_C(0x1bad5eed0b10cced)

POOL_TOOL void *pool_heap_allocate(size_t bytes, size_t alignment, void *user) {
    pool_heap *heap = (pool_heap *)user;
    size_t call = __atomic_fetch_add(&heap->calls, 1, __ATOMIC_RELAXED);
    pool_block *block;
    size_t from = __atomic_load_n(&heap->fail_from, __ATOMIC_RELAXED);
    if (call >= from && call - from < __atomic_load_n(&heap->fail_count, __ATOMIC_RELAXED)) {
        return 0;
    }
    cr_assert(alignment <= 64 && (alignment & (alignment - 1)) == 0);
    block = (pool_block *)pkn_allocate(0, bytes + 64, 64);
    if (block == 0) {
        return 0;
    }
    block->magic = POOL_LIVE;
    block->bytes = bytes;
    memset((char *)block + 64, 0xdb, bytes);
    __atomic_fetch_add(&heap->live, 1, __ATOMIC_RELAXED);
    return (char *)block + 64;
}

POOL_TOOL void pool_heap_release(void *memory, size_t bytes, void *user) {
    pool_heap *heap = (pool_heap *)user;
    pool_block *block = (pool_block *)(void *)((char *)memory - 64);
    if (block->magic != POOL_LIVE || block->bytes != bytes) {
        __atomic_fetch_add(&heap->wrong, 1, __ATOMIC_RELAXED);
    }
    block->magic = 0;
    __atomic_fetch_sub(&heap->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, block, bytes + 64);
}

POOL_TOOL void pool_heap_init(pool_heap *heap) {
    memset(heap, 0, sizeof *heap);
    heap->allocator.allocate = pool_heap_allocate;
    heap->allocator.release = pool_heap_release;
    heap->allocator.user = heap;
}

POOL_TOOL void pool_heap_fail(pool_heap *heap, size_t after, size_t count) {
    __atomic_store_n(&heap->fail_from, __atomic_load_n(&heap->calls, __ATOMIC_RELAXED) + after, __ATOMIC_RELAXED);
    __atomic_store_n(&heap->fail_count, count, __ATOMIC_RELAXED);
}

/* The heap made ready, and a pool on it. */
POOL_TOOL pkern_pool *pool_of_heap(pool_heap *heap, int num_threads) {
    pkern_pool_config config;
    pool_heap_init(heap);
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
    config.allocator = &heap->allocator;
    return pool_with(&config);
}

POOL_TOOL void pool_heap_check(const pool_heap *heap) {
    cr_assert_eq(heap->wrong, 0);
    cr_assert_eq(heap->live, 0);
}

/* ---- children ---- */

#ifdef PKN_TEST_COVERAGE
void __gcov_dump(void);
#endif

/* Ends a forked child without exit handlers, what it covered is kept. */
POOL_TOOL __attribute__((noreturn)) void pool_child_ends(int status) {
#ifdef PKN_TEST_COVERAGE
    __gcov_dump();
#endif
    _exit(status);
}

/* ---- counting and waiting ---- */

POOL_TOOL int pool_count_one(void *ctx) {
    __atomic_fetch_add((size_t *)ctx, 1, __ATOMIC_ACQ_REL);
    return 0;
}

POOL_TOOL int pool_return(void *ctx) {
    return *(const int *)ctx;
}

POOL_TOOL void pool_nap_us(unsigned us) {
    struct timespec time;
    time.tv_sec = us / 1000000;
    time.tv_nsec = (long)(us % 1000000) * 1000;
    (void)nanosleep(&time, 0);
}

POOL_TOOL size_t pool_read(const size_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* 1 once *counter is at least value, 0 after ten seconds. */
POOL_TOOL int pool_reaches(const size_t *counter, size_t value) {
    for (int i = 0; i < 100000; i++) {
        if (pool_read(counter) >= value) {
            return 1;
        }
        pool_nap_us(100);
    }
    return 0;
}

#if PKN_THREADS
/* Returns when `count` of the pool's threads sleep. */
POOL_TOOL void pool_wait_asleep(pkern_pool *pool, uint32_t count) {
    for (int i = 0; pkn_sleeping_workers(pool) != count; i++) {
        cr_assert(i < 100000, "%u of %u sleep", pkn_sleeping_workers(pool), count);
        pool_nap_us(100);
    }
}
#endif

#if PKN_THREADS
/* ---- a system without membarrier ---- */

/* The threads of at most two such pools at once. */
static pthread_t pool_unfenced[2][64];

POOL_TOOL void *pool_unfenced_run(void *argument) {
    pkn_worker_run(argument);
    return 0;
}

/* Before there is a thread that reads the field. */
POOL_TOOL int pool_unfenced_start(const pkern_thread_start *start, void *user) {
    ((pkn_member *)start->argument)->pool->has_membarrier = 0;
    return pthread_create((pthread_t *)user + start->index, 0, pool_unfenced_run, start->argument);
}

POOL_TOOL void pool_unfenced_join(int index, void *user) {
    cr_assert_eq(pthread_join(((pthread_t *)user)[index], 0), 0);
}

/* Pools of this config are as on such a system. place: 0 or 1, for two pools at once. */
POOL_TOOL void pool_without_membarrier(pkern_pool_config *config, int place) {
    config->start_thread = pool_unfenced_start;
    config->join_thread = pool_unfenced_join;
    config->user = pool_unfenced[place];
}
#endif

/* ---- files that stand for the system's ---- */

/* Made by the first write; all zero is ready. */
typedef struct pool_files {
    char root[64];
} pool_files;

/* Writes text to root + path and makes the folders on the way; path begins with a slash. */
POOL_TOOL void pool_files_write(pool_files *files, const char *path, const char *text) {
    char whole[512];
    if (files->root[0] == 0) {
        strcpy(files->root, "/tmp/pkern_files_XXXXXX");
        cr_assert_not_null(mkdtemp(files->root));
    }
    snprintf(whole, sizeof whole, "%s%s", files->root, path);
    for (char *slash = whole + strlen(files->root) + 1; (slash = strchr(slash, '/')) != 0; slash++) {
        *slash = 0;
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

POOL_TOOL void pool_files_remove(pool_files *files) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", files->root);
    cr_assert_eq(system(command), 0);
    files->root[0] = 0;
}

/* ---- outside threads ---- */

typedef struct pool_outside {
    pthread_t threads[64];
    int count;
} pool_outside;

POOL_TOOL void pool_go(pool_outside *outside, void *(*run)(void *), void *ctx) {
    cr_assert(outside->count < 64);
    cr_assert_eq(pthread_create(&outside->threads[outside->count++], 0, run, ctx), 0);
}

POOL_TOOL void pool_come_back(pool_outside *outside) {
    while (outside->count != 0) {
        pthread_join(outside->threads[--outside->count], 0);
    }
}

#endif
