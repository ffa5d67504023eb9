/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Every allocation and every thread creation fails in turn, once and for good, in every call: the
   right status, the right result where that is success, nothing leaked, and the next call works. */
#include "test.h"
#include "par_tools.h"

#define FAULTS_N 600

/* Counts allocations and blocks; fails those from fail_from on. */
typedef struct faults_heap {
    pkern_allocator allocator;
    size_t calls, fail_from, fail_count, live, wrong;
} faults_heap;

static void *faults_allocate(size_t bytes, size_t alignment, void *user) {
    faults_heap *heap = (faults_heap *)user;
    size_t call = __atomic_fetch_add(&heap->calls, 1, __ATOMIC_RELAXED);
    size_t from = __atomic_load_n(&heap->fail_from, __ATOMIC_RELAXED);
    size_t *block;
    if (call >= from && call - from < __atomic_load_n(&heap->fail_count, __ATOMIC_RELAXED)) {
        return 0;
    }
    block = (size_t *)pkn_allocate(0, bytes + 64, 64);
    cr_assert(block != 0 && alignment <= 64);
    *block = bytes;
    __atomic_fetch_add(&heap->live, 1, __ATOMIC_RELAXED);
    return (char *)block + 64;
}

static void faults_release(void *memory, size_t bytes, void *user) {
    faults_heap *heap = (faults_heap *)user;
    size_t *block = (size_t *)(void *)((char *)memory - 64);
    if (*block != bytes) {
        __atomic_fetch_add(&heap->wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&heap->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, block, bytes + 64);
}

static void faults_init(faults_heap *heap) {
    memset(heap, 0, sizeof *heap);
    heap->allocator.allocate = faults_allocate;
    heap->allocator.release = faults_release;
    heap->allocator.user = heap;
}

static void faults_fail(faults_heap *heap, size_t after, size_t count) {
    __atomic_store_n(&heap->fail_from, heap->calls + after, __ATOMIC_RELAXED);
    __atomic_store_n(&heap->fail_count, count, __ATOMIC_RELAXED);
}

/* ---- callbacks that count ---- */

static size_t faults_ran;

static size_t faults_count(void) {
    return __atomic_exchange_n(&faults_ran, 0, __ATOMIC_ACQ_REL);
}

static int faults_one(void *ctx) {
    PKN_UNUSED(ctx);
    __atomic_fetch_add(&faults_ran, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int faults_range(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    __atomic_fetch_add(&faults_ran, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static int faults_leaves(void *ctx) {
    size_t below = *(size_t *)ctx - 1;
    return below == (size_t)-1 ? faults_one(0) : pkern_join(0, faults_leaves, &below, faults_leaves, &below);
}

/* Longer than two segments of the deque. */
static int faults_chain(void *ctx) {
    size_t below = *(size_t *)ctx - 1;
    return below == (size_t)-1 ? 0 : pkern_join(0, faults_chain, &below, faults_one, 0);
}

PKERN_DEFINE_JOIN_TASK_1(size_t, faults_typed, size_t, depth) {
    size_t a, b;
    if (depth == 0) {
        return 1;
    }
    PKERN_JOIN(a = PKERN_CALL(faults_typed, depth - 1), b, faults_typed, 0);
    return a + b;
}

static const pkern_par_options *faults_dear(void) {
    static const pkern_par_options options = {0, 0, 1e5, 0, 0, 0, 0};
    return &options;
}

/* ---- the calls: PKERN_OK where all was done, PKERN_ENOMEM, or 1000 where the result is wrong ---- */

static int faults_join(pkern_pool *pool) {
    size_t depth = 7, length = 120;
    int status = pkern_pool_install(pool, faults_leaves, &depth);
    int chained = pkern_pool_install(pool, faults_chain, &length);
    return status || chained || faults_count() != 128 + 120 ? 1000 : PKERN_OK;
}

static int faults_typed_join(pkern_pool *pool) {
    return faults_typed(pool, 120) == 121 ? PKERN_OK : 1000;
}

static int faults_scope(pkern_pool *pool) {
    pkern_scope scope;
    int status = pkern_scope_begin(&scope, pool);
    for (int i = 0; i < 200; i++) {
        status = status != 0 ? status : pkern_scope_spawn(&scope, faults_one, 0);
    }
    int waited = pkern_scope_wait(&scope);
    return status || waited || faults_count() != 200 ? 1000 : PKERN_OK;
}

static int faults_spawn_in_task(void *ctx) {
    size_t *spawned = (size_t *)ctx;
    int status = PKERN_OK;
    for (int i = 0; i < 100 && status == PKERN_OK; i++) {
        status = pkern_spawn(0, faults_one, 0);
        *spawned += status == PKERN_OK;
    }
    return status;
}

/* The jobs are counted where the pool is known to have run them. */
static int faults_spawn_and_wait(pkern_pool *pool) {
    size_t spawned = 0;
    int status = pkern_pool_install(pool, faults_spawn_in_task, &spawned);
    for (int i = 0; i < 100000 && __atomic_load_n(&faults_ran, __ATOMIC_ACQUIRE) < spawned; i++) {
        struct timespec time = {0, 100000};
        nanosleep(&time, 0);
    }
    return faults_count() != spawned ? 1000 : status;
}

static int faults_index(int index, int count, void *ctx) {
    return index < count ? faults_one(ctx) : 1;
}

static int faults_broadcast(pkern_pool *pool) {
    int status = pkern_broadcast(pool, faults_index, 0);
    size_t ran = faults_count();
    return status || ran < 1 || ran > (size_t)pkern_pool_num_threads(pool) ? 1000 : PKERN_OK;
}

static int faults_for(pkern_pool *pool) {
    int status = pkern_par_for(pool, 0, FAULTS_N, faults_dear(), faults_range, 0);
    int unhinted = pkern_par_for(pool, 0, FAULTS_N, 0, faults_range, 0);
    return status || unhinted || faults_count() != 2 * FAULTS_N ? 1000 : PKERN_OK;
}

static int faults_inner(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        int status = pkern_par_for((pkern_pool *)ctx, 0, 10, faults_dear(), faults_range, 0);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int faults_nested(pkern_pool *pool) {
    int status = pkern_par_for(pool, 0, 8, faults_dear(), faults_inner, pool);
    return status || faults_count() != 80 ? 1000 : PKERN_OK;
}

static int faults_blocks(pkern_pool *pool) {
    int status = pkern_par_for_blocks(pool, 0, FAULTS_N, 0, faults_dear(), faults_range, 0);
    return status || faults_count() != FAULTS_N ? 1000 : PKERN_OK;
}

static int faults_double(const void *in, void *out, void *ctx) {
    *(int *)out = 2 * *(const int *)in;
    PKN_UNUSED(ctx);
    return 0;
}

static int faults_map(pkern_pool *pool) {
    static int in[FAULTS_N], out[FAULTS_N];
    int wrong = 0;
    for (int i = 0; i < FAULTS_N; i++) {
        in[i] = i;
        out[i] = -1;
    }
    int status = pkern_par_map(pool, in, sizeof *in, out, sizeof *out, FAULTS_N, faults_dear(), faults_double, 0);
    for (int i = 0; i < FAULTS_N; i++) {
        wrong |= out[i] != 2 * i;
    }
    return status || wrong ? 1000 : PKERN_OK;
}

static int faults_chunk(void *chunk, size_t len, size_t index, void *ctx) {
    PKN_UNUSED(chunk);
    PKN_UNUSED(index);
    return faults_range(0, len, ctx);
}

static int faults_chunks(pkern_pool *pool) {
    static char base[FAULTS_N];
    int status = pkern_par_chunks(pool, base, FAULTS_N, 1, 7, faults_dear(), faults_chunk, 0);
    return status || faults_count() != FAULTS_N ? 1000 : PKERN_OK;
}

typedef struct faults_wide {
    size_t sum;
    char fill[120];
} faults_wide;

static void faults_identity(void *acc, void *ctx) {
    PKN_UNUSED(ctx);
    ((faults_wide *)acc)->sum = 0;
}

static int faults_fold(void *acc, size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    for (size_t i = begin; i < end; i++) {
        ((faults_wide *)acc)->sum += i;
    }
    return 0;
}

static void faults_combine(void *acc, const void *right, void *ctx) {
    PKN_UNUSED(ctx);
    ((faults_wide *)acc)->sum += ((const faults_wide *)right)->sum;
}

static int faults_reduce(pkern_pool *pool) {
    pkern_reducer reducer = {sizeof(faults_wide), faults_identity, faults_fold, faults_combine, 0};
    faults_wide result;
    result.sum = 1;
    int status = pkern_par_reduce(pool, 0, 5000, faults_dear(), &reducer, &result);
    return result.sum != (status == PKERN_OK ? 4999u * 2500u : 1u) ? 1000 : status;
}

enum { FAULTS_ELEMENTS = 140000 }; /* fewer are selected from without a pool */

static double *faults_elements(void) {
    double *values = (double *)malloc(FAULTS_ELEMENTS * sizeof *values);
    cr_assert_not_null(values);
    for (size_t i = 0; i < FAULTS_ELEMENTS; i++) {
        values[i] = (double)(i * 7919 % FAULTS_ELEMENTS); /* a permutation */
    }
    return values;
}

static int faults_select(pkern_pool *pool) {
    double *values = faults_elements();
    int status = pkern_par_select_nth(pool, values, FAULTS_ELEMENTS, sizeof *values, 777, par_compare_double, 0);
    int wrong = values[777] < 777 || values[777] > 777;
    free(values);
    return status || wrong ? 1000 : PKERN_OK;
}

static int faults_top_k(pkern_pool *pool) {
    double *values = faults_elements();
    size_t indices[50];
    int wrong = 0;
    memset(indices, 0x5a, sizeof indices);
    int status = pkern_par_top_k(pool, values, FAULTS_ELEMENTS, sizeof *values, 50, par_compare_double, 0, indices);
    for (size_t i = 0; status == PKERN_OK && i < 50; i++) {
        wrong |= (size_t)values[indices[i]] != i;
    }
    for (size_t i = 0; status != PKERN_OK && i < 50; i++) {
        wrong |= indices[i] != (size_t)UINT64_C(0x5a5a5a5a5a5a5a5a);
    }
    free(values);
    return wrong ? 1000 : status;
}

static int faults_children(void *node, pkern_walk *walk, void *ctx) {
    uintptr_t number = (uintptr_t)node;
    PKN_UNUSED(ctx);
    /* 40 children at the root: more than a part keeps without memory of its own */
    for (uintptr_t i = 1; number == 1 ? i <= 40 : number < 300 && i <= 2; i++) {
        pkern_walk_push(walk, (void *)(number * 40 + i));
    }
    return 0;
}

static int faults_visit(void *node, void *ctx) {
    PKN_UNUSED(node);
    return faults_one(ctx);
}

static int faults_walk(pkern_pool *pool) {
    int status = pkern_walk_tree(pool, (void *)(uintptr_t)1, PKERN_WALK_POSTFIX, 0, faults_children, faults_visit, 0);
    size_t ran = faults_count();
    return (status == PKERN_OK && ran != 121) || ran > 121 ? 1000 : status;
}

typedef struct faults_part {
    size_t items;
    char fill[300];
} faults_part;

static int faults_cut(void *work, void *right, void *ctx) {
    faults_part *mine = (faults_part *)work, *other = (faults_part *)right;
    PKN_UNUSED(ctx);
    other->items = mine->items / 2;
    mine->items -= other->items;
    return other->items != 0;
}

static int faults_leaf(void *work, void *ctx) {
    return faults_range(0, ((faults_part *)work)->items, ctx);
}

static int faults_split(pkern_pool *pool) {
    faults_part part;
    part.items = FAULTS_N;
    int status = pkern_par_split(pool, &part, sizeof part, 0, faults_cut, faults_leaf, 0);
    return status || faults_count() != FAULTS_N ? 1000 : PKERN_OK;
}

static int faults_next(void *item, void *ctx) {
    size_t *given = (size_t *)ctx;
    PKN_UNUSED(item);
    return (*given)++ == 100 ? PKERN_EEMPTY : 0;
}

static int faults_body(void *item, void *ctx) {
    PKN_UNUSED(item);
    return faults_one(ctx);
}

static int faults_from(pkern_pool *pool) {
    pkern_source source;
    size_t given = 0;
    memset(&source, 0, sizeof source);
    source.item_size = 32;
    source.next = faults_next;
    source.body = faults_body;
    source.emit = faults_body;
    source.ctx = &given;
    int status = pkern_par_from(pool, &source, 0);
    size_t ran = faults_count();
    return ran != (status == PKERN_OK ? 200u : 0u) ? 1000 : status;
}

static int faults_borrow(pkern_pool *pool) {
    pkern_locals *locals = 0;
    int status = pkern_locals_create(pool, 100, 0, 0, 0, &locals);
    if (status != PKERN_OK) {
        return locals != 0 ? 1000 : status;
    }
    void *first = pkern_locals_acquire(locals), *second = pkern_locals_acquire(locals);
    int wrong = first != 0 && first == second;
    wrong |= pkern_locals_destroy(locals) != (first != 0 || second != 0 ? PKERN_EDEADLK : PKERN_OK);
    if (first != 0 || second != 0) {
        pkern_locals_release(locals, first);
        pkern_locals_release(locals, second);
        wrong |= pkern_locals_destroy(locals) != PKERN_OK;
    }
    return wrong ? 1000 : first == 0 || second == 0 ? PKERN_ENOMEM : PKERN_OK;
}

typedef struct faults_call {
    const char *name;
    int (*run)(pkern_pool *pool);
    int may_lack_memory; /* else the call is done in line */
} faults_call;

static const faults_call faults_calls[] = {
    {"join", faults_join, 0},       {"typed join", faults_typed_join, 0}, {"scope", faults_scope, 0},
    {"spawn", faults_spawn_and_wait, 1}, {"broadcast", faults_broadcast, 0},  {"for", faults_for, 0},
    {"nested", faults_nested, 0},   {"blocks", faults_blocks, 0},         {"map", faults_map, 0},
    {"chunks", faults_chunks, 0},   {"reduce", faults_reduce, 1},         {"select", faults_select, 0},
    {"top k", faults_top_k, 1},     {"walk", faults_walk, 1},             {"split", faults_split, 0},
    {"from", faults_from, 1},       {"locals", faults_borrow, 1},
};

/* ---- memory ---- */

/* Fails allocation k of a call on a fresh pool; returns how many the call asked for. */
static size_t faults_try_memory(const faults_call *call, int threads, size_t k, int for_good) {
    faults_heap heap;
    faults_init(&heap);
    pkern_pool *pool = par_pool_with(threads, &heap.allocator);
    size_t before = heap.calls;
    faults_fail(&heap, k, for_good ? SIZE_MAX : 1);
    int status = call->run(pool);
    size_t asked = heap.calls - before;
    cr_assert(status == PKERN_OK || (call->may_lack_memory && status == PKERN_ENOMEM && asked > k),
              "%s on %d threads, allocation %d: status %d", call->name, threads, (int)k, status);
    faults_fail(&heap, 0, 0);
    status = call->run(pool);
    cr_assert_eq(status, PKERN_OK, "%s on %d threads, after allocation %d failed: status %d", call->name, threads, (int)k,
                 status);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(heap.live, 0, "%s leaks", call->name);
    cr_assert_eq(heap.wrong, 0);
    return asked;
}

Test(par_faults, every_allocation_of_every_call_fails_once_and_for_good) {
    size_t tries = 0;
    for (size_t c = 0; c < PAR_COUNT(faults_calls); c++) {
        for (int threads = 1; threads <= 3; threads++) {
            for (int for_good = 0; for_good < 2; for_good++) {
                size_t asked = 1;
                for (size_t k = 0; k < asked && k < 40; k++) {
                    asked = pkn_max_size(asked, faults_try_memory(&faults_calls[c], threads, k, for_good));
                    tries++;
                }
            }
        }
    }
    cr_assert_gt(tries, 6 * PAR_COUNT(faults_calls));
}

Test(par_faults, every_allocation_of_the_global_pool_fails_once_and_for_good) {
    for (int for_good = 0; for_good < 2; for_good++) {
        for (size_t k = 0; k < 16; k++) {
            faults_heap heap;
            pkern_pool_config config;
            faults_init(&heap);
            memset(&config, 0, sizeof config);
            config.num_threads = 3;
            config.allocator = &heap.allocator;
            cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
            faults_fail(&heap, k, for_good ? SIZE_MAX : 1);
            pkern_status status = pkern_pool_global_init(&config);
            cr_assert_eq(status, k == 0 ? PKERN_ENOMEM : PKERN_OK);
            cr_assert_eq(faults_join(0), PKERN_OK);
            faults_fail(&heap, 0, 0);
            cr_assert_eq(faults_for(0), PKERN_OK);
            cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
            cr_assert_eq(heap.live, 0);
            cr_assert_eq(heap.wrong, 0);
        }
    }
}

/* ---- threads ---- */

#if PKN_THREADS

Test(par_faults, R34_every_thread_creation_fails_in_every_call_that_makes_the_global_pool) {
    cr_assert_eq(setenv("PKERN_NUM_THREADS", "4", 1), 0);
    for (size_t c = 0; c < PAR_COUNT(faults_calls); c++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            for (int k = 0; k < 4; k++) {
                cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
                test_failing_threads = (for_good ? UINT64_MAX : UINT64_C(1)) << k;
                cr_assert_eq(faults_calls[c].run(0), PKERN_OK, "%s, thread %d", faults_calls[c].name, k);
                test_failing_threads = 0;
                cr_assert_eq(pkern_pool_num_threads(0), k < 3 ? k + 1 : 4, "%s", faults_calls[c].name);
                cr_assert_eq(faults_calls[c].run(0), PKERN_OK);
            }
        }
    }
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    unsetenv("PKERN_NUM_THREADS");
}

#endif

/* ---- R12: large elements on small stacks ---- */

#if PKN_THREADS

#include <pthread.h>

enum { FAULTS_LARGE = 1 << 20, FAULTS_LARGE_N = 12 };

static int faults_compare_large(const void *a, const void *b, void *ctx) {
    return par_compare_double(a, b, ctx);
}

static void faults_large_identity(void *acc, void *ctx) {
    PKN_UNUSED(ctx);
    memset(acc, 0, FAULTS_LARGE);
}

static int faults_large_fold(void *acc, size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    ((unsigned char *)acc)[FAULTS_LARGE - 1] = (unsigned char)(((unsigned char *)acc)[FAULTS_LARGE - 1] + (end - begin));
    return 0;
}

static void faults_large_combine(void *acc, const void *right, void *ctx) {
    faults_large_fold(acc, 0, ((const unsigned char *)right)[FAULTS_LARGE - 1], ctx);
}

static int faults_large_map(const void *in, void *out, void *ctx) {
    PKN_UNUSED(ctx);
    memcpy(out, in, FAULTS_LARGE);
    return 0;
}

static int faults_large_cut(void *work, void *right, void *ctx) {
    size_t *mine = (size_t *)work, *other = (size_t *)right;
    PKN_UNUSED(ctx);
    *other = *mine / 2;
    *mine -= *other;
    return *other != 0;
}

static int faults_large_leaf(void *work, void *ctx) {
    return faults_range(0, *(size_t *)work, ctx);
}

/* On a thread of 64 KiB, with a pool whose workers have no more. */
static void *faults_use_large(void *ctx) {
    pkern_pool *pool = (pkern_pool *)ctx;
    size_t bytes = (size_t)FAULTS_LARGE * FAULTS_LARGE_N, indices[3], given = 0;
    char *in = (char *)calloc(1, bytes), *out = (char *)calloc(1, bytes), *part = (char *)calloc(1, FAULTS_LARGE);
    pkern_reducer reducer = {FAULTS_LARGE, faults_large_identity, faults_large_fold, faults_large_combine, 0};
    pkern_source source;
    cr_assert(in != 0 && out != 0 && part != 0);
    for (int i = 0; i < FAULTS_LARGE_N; i++) {
        double value = (i * 5) % FAULTS_LARGE_N;
        memcpy(in + (size_t)i * FAULTS_LARGE, &value, sizeof value);
    }
    cr_assert_eq(pkern_par_map(pool, in, FAULTS_LARGE, out, FAULTS_LARGE, FAULTS_LARGE_N, faults_dear(), faults_large_map, 0),
                 PKERN_OK);
    cr_assert_arr_eq(in, out, bytes);
    cr_assert_eq(pkern_par_top_k(pool, in, FAULTS_LARGE_N, FAULTS_LARGE, 3, faults_compare_large, 0, indices), PKERN_OK);
    cr_assert_eq(indices[1] * 5 % FAULTS_LARGE_N, 1);
    cr_assert_eq(pkern_par_select_nth(pool, out, FAULTS_LARGE_N, FAULTS_LARGE, 4, faults_compare_large, 0), PKERN_OK);
    cr_assert_float_eq(*(double *)(void *)(out + 4 * (size_t)FAULTS_LARGE), 4, 0);
    cr_assert_eq(pkern_par_reduce(pool, 0, 100, faults_dear(), &reducer, part), PKERN_OK);
    cr_assert_eq((unsigned char)part[FAULTS_LARGE - 1], 100);
    *(size_t *)(void *)part = 100;
    (void)faults_count();
    cr_assert_eq(pkern_par_split(pool, part, FAULTS_LARGE, 0, faults_large_cut, faults_large_leaf, 0), PKERN_OK);
    cr_assert_eq(faults_count(), 100);
    memset(&source, 0, sizeof source);
    source.item_size = FAULTS_LARGE;
    source.next = faults_next;
    source.body = faults_body;
    source.ctx = &given;
    cr_assert_eq(pkern_par_from(pool, &source, 0), PKERN_OK);
    cr_assert_eq(faults_count(), 100);
    free(in);
    free(out);
    free(part);
    return 0;
}

Test(par_faults, R12_elements_of_a_mebibyte_on_stacks_of_64_kib) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    pthread_attr_t attributes;
    pthread_t thread;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    config.stack_size = 65536;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, 65536), 0);
    cr_assert_eq(pthread_create(&thread, &attributes, faults_use_large, pool), 0);
    cr_assert_eq(pthread_join(thread, 0), 0);
    pthread_attr_destroy(&attributes);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

#endif
