/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Nearest vectors under conditions, the radius of a similarity, and the share that an approximate
   search found. The search is that of nearest.c with a mask and first limits. */
#ifndef PKN_HDC_TOP_K_WHERE_C
#define PKN_HDC_TOP_K_WHERE_C

#include "hdc/nearest.c"
#include "hdc/exact_search.h"
#include "hdc/search_check.h"

/* The first pass for queries that expect near targets compares 1 / 16 of the words, 8 at least (512
   bits tell a near vector from others), and is left out where that is more than a quarter. */
#define PKN_WHERE_PREFIX_MIN 8
#define PKN_WHERE_PREFIX_SHARE 16

typedef struct pkn_where_call {
    const uint64_t *queries, *memory;
    size_t n_queries, n_memory, words, k;
    pkern_hdc_match *out;
    uint64_t *limits;
} pkn_where_call;

/* The candidates of the first pass bound the k-th distance from above. */
PKN_INTERNAL int pkn_where_limits(size_t begin, size_t end, void *ctx) {
    const pkn_where_call *call = (const pkn_where_call *)ctx;
    for (size_t query = begin; query < end; query++) {
        const pkern_hdc_match *row = call->out + query * call->k;
        uint64_t farthest = 0;
        for (size_t i = 0; i < call->k && farthest <= UINT32_MAX; i++) {
            uint64_t distance = row[i].index == SIZE_MAX
                                    ? PKN_BOUNDED_ALL
                                    : pkn_simd()->hamming_u64(
                                          call->queries + query * call->words,
                                          call->memory + row[i].index * call->words, call->words);
            farthest = distance > farthest ? distance : farthest;
        }
        farthest++;
        call->limits[query] = farthest < call->limits[query] ? farthest : call->limits[query];
    }
    return 0;
}

/* Gives each query its first limit by a search over the first words of all vectors, with out as
   scratch. */
PKN_INTERNAL pkern_status pkn_where_first_pass(const pkn_where_call *call, pkern_pool *pool,
                                               pkn_nearest_where *where) {
    size_t words =
        call->words / PKN_WHERE_PREFIX_SHARE / PKN_BOUNDED_STEP_WORDS * PKN_BOUNDED_STEP_WORDS;
    pkern_status status;
    where->words = pkn_max_size(words, PKN_WHERE_PREFIX_MIN);
    status = pkn_nearest_checked(pool, call->queries, call->n_queries, call->memory, call->n_memory,
                                 call->words, call->k, where, call->out);
    where->words = call->words;
    if (status != PKERN_OK) {
        return status;
    }
    for (size_t query = 0; query < call->n_queries; query++) {
        call->limits[query] = where->limit;
    }
    where->limits = call->limits;
    return pkn_hdc_run(pool, call->n_queries, 1, pkn_hdc_pair_cost(call->words) * (double)call->k,
                       pkn_where_limits, (void *)(uintptr_t)call);
}

PKN_INTERNAL pkern_status pkn_where_run(pkn_where_call *call, pkern_pool *pool,
                                        const pkern_hdc_search_options *options) {
    const pkern_allocator *allocator = 0;
    pkn_nearest_where where;
    pkern_status status = PKERN_OK;
    where.mask = options->mask;
    where.limits = 0;
    where.limit =
        options->flags & PKERN_HDC_WITHIN ? (uint64_t)options->radius + 1 : PKN_BOUNDED_ALL;
    where.words = call->words;
    pkn_atomic_store_relaxed_u64(&where.read, 0);
    call->limits = 0;
    if ((options->flags & PKERN_HDC_EXPECT_NEAR) && call->words >= 4 * PKN_WHERE_PREFIX_MIN &&
        call->k < call->n_memory) {
        allocator = pkn_pool_allocator(pool);
        call->limits =
            (uint64_t *)pkn_allocate(allocator, call->n_queries * sizeof(uint64_t), PKN_CACHE_LINE);
        status = call->limits ? pkn_where_first_pass(call, pool, &where) : PKERN_ENOMEM;
    }
    if (status == PKERN_OK) {
        status = pkn_nearest_checked(pool, call->queries, call->n_queries, call->memory,
                                     call->n_memory, call->words, call->k, &where, call->out);
    }
    if (options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&where.read);
    }
    pkn_release(allocator, call->limits, call->n_queries * sizeof(uint64_t));
    return status;
}

PKERN_API pkern_status pkern_hdc_top_k_where(pkern_pool *pool, const uint64_t *queries,
                                             size_t n_queries, const uint64_t *memory,
                                             size_t n_memory, size_t words, size_t k,
                                             const pkern_hdc_search_options *options,
                                             pkern_hdc_match *out) {
    pkn_where_call call;
    pkn_tiles tiles;
    size_t out_bytes;
    pkern_status status;
    if (!options) {
        return pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, k, out);
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    pkn_search_tiles(&tiles, queries, n_queries, memory, n_memory, words);
    status = pkn_search_check(&tiles, out, out_bytes);
    if (status == PKERN_OK && !pkn_search_mask_is_apart(options->mask, n_memory, out, out_bytes)) {
        status = PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (options->words_read) {
        *options->words_read = 0;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    call.queries = queries;
    call.n_queries = n_queries;
    call.memory = memory;
    call.n_memory = n_memory;
    call.words = words;
    call.k = k;
    call.out = out;
    return pkn_where_run(&call, pool, options);
}

/* The division gives a place near the edge, where the float that matches hold decides. */
PKERN_API pkern_status pkern_hdc_radius(float similarity, size_t words, uint32_t *radius) {
    uint64_t bits = (uint64_t)words * 64, distance;
    double scale = 1.0 / (double)bits, guess;
    if (words == 0 || !radius || !(similarity <= 1)) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS) {
        return PKERN_EOVERFLOW;
    }
    if (similarity <= 0) {
        *radius = bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits;
        return PKERN_OK;
    }
    guess = (1 - (double)similarity) * (double)bits;
    distance = guess < (double)UINT32_MAX ? (uint64_t)guess : UINT32_MAX;
    while (distance < bits && distance < UINT32_MAX &&
           pkn_similarity_of((uint32_t)distance + 1, bits, scale) >= similarity) {
        distance++;
    }
    while (distance > 0 && pkn_similarity_of((uint32_t)distance, bits, scale) < similarity) {
        distance--;
    }
    *radius = (uint32_t)distance;
    return PKERN_OK;
}

PKERN_API double pkern_hdc_recall(const pkern_hdc_match *exact, const pkern_hdc_match *found,
                                  size_t n_queries, size_t k) {
    uint64_t hits = 0, all = 0;
    for (size_t row = 0; row < n_queries; row++) {
        size_t n_exact = 0, n_found = 0;
        while (n_exact < k && exact[row * k + n_exact].index != SIZE_MAX) {
            n_exact++;
        }
        for (size_t i = 0; n_exact > 0 && i < k; i++) {
            n_found += found[row * k + i].index != SIZE_MAX &&
                       found[row * k + i].distance <= exact[row * k + n_exact - 1].distance;
        }
        hits += pkn_min_size(n_found, n_exact);
        all += n_exact;
    }
    return all == 0 ? 1 : (double)hits / (double)all;
}

#endif
