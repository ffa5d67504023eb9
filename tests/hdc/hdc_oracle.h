/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the tests of hypervectors share: naive oracles, pools of several sizes, an allocator that
   fails. */
#ifndef PKN_TEST_HDC_ORACLE_H
#define PKN_TEST_HDC_ORACLE_H

#include "test.h"

/* Sizes of rows that meet every tail of every register width; 1017 is longer than a tile's part of
   a row. */
static const size_t hdc_words[] = {1, 2, 3, 7, 8, 31, 32, 33, 128, 160, 1017};
enum { HDC_N_WORDS = sizeof hdc_words / sizeof hdc_words[0] };

/* A null pool stands for the global one. */
static const int hdc_threads[] = {1, 2, 3, 8};
enum { HDC_N_POOLS = sizeof hdc_threads / sizeof hdc_threads[0] };

static inline pkern_pool *hdc_pool_new(int num_threads, const pkern_allocator *allocator) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
    config.allocator = allocator;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
    return pool;
}

/* n words, malloc'ed `offset` words behind the start of a block, so that any alignment can be had;
   free with hdc_free. */
static inline uint64_t *hdc_new(size_t n, size_t offset, uint64_t seed) {
    uint64_t *block = (uint64_t *)malloc((n + offset + 1) * 8);
    cr_assert_not_null(block);
    block[offset] = offset;
    for (size_t i = 0; i < n; i++) block[offset + 1 + i] = pkn_random_at(seed, i);
    return block + offset + 1;
}

static inline void hdc_free(uint64_t *words) {
    if (words) free(words - 1 - words[-1]);
}

static inline uint32_t hdc_oracle_distance(const uint64_t *a, const uint64_t *b, size_t words) {
    uint32_t count = 0;
    for (size_t i = 0; i < words; i++) {
        for (uint64_t bits = a[i] ^ b[i]; bits != 0; bits &= bits - 1) count++;
    }
    return count;
}

/* An allocator that gives `left` blocks, then none, and counts what is out. */
typedef struct hdc_allocator_state {
    int left;
    pkn_atomic_u32 used, out;
} hdc_allocator_state;

static inline void *hdc_allocate(size_t bytes, size_t alignment, void *user) {
    hdc_allocator_state *state = (hdc_allocator_state *)user;
    void *memory = 0;
    if ((int)pkn_atomic_fetch_add_relaxed_u32(&state->used, 1) >= state->left) return 0;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes) !=
        0)
        return 0;
    (void)pkn_atomic_fetch_add_relaxed_u32(&state->out, 1);
    return memory;
}

static inline void hdc_release(void *memory, size_t bytes, void *user) {
    hdc_allocator_state *state = (hdc_allocator_state *)user;
    (void)bytes;
    (void)pkn_atomic_fetch_sub_relaxed_u32(&state->out, 1);
    free(memory);
}

/* What every function that takes an allocator refuses. */
static const pkern_allocator hdc_half_allocator PKN_MAYBE_UNUSED = {hdc_allocate, 0, 0};

/* The next set of kernels that runs on this CPU (first: 0), made the active one; 0 after the last,
   and the choice is free again. */
static inline const pkn_simd_set *hdc_next_set(const pkn_simd_set *set) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    uint32_t features = pkn_cpu_features();
    const pkn_simd_set *found = 0;
    void *value;
    for (set = set ? set + 1 : sets; !found && set < sets + n_sets; set++) {
        if ((set->features & ~features) == 0) found = set;
    }
    memcpy(&value, &found, sizeof value);
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, value);
    return found;
}

#endif
