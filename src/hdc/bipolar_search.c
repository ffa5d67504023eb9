/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Dot products of all queries with all targets, and the search for the largest. Work is a grid of
   groups of queries times splits of the targets; inside, targets are taken in blocks that fit in
   half of L1 and meet all queries of the group before the next block. A split keeps a list of its
   own for each query; results don't depend on the cut. */
#ifndef PKN_HDC_BIPOLAR_SEARCH_C
#define PKN_HDC_BIPOLAR_SEARCH_C

#include "base/alloc.h"
#include "hdc/best.h"
#include "hdc/bipolar.h"
#include "hdc/bipolar.c"
#include "hdc/hdc_run.h"

#define PKN_BIPOLAR_GROUP 16
#define PKN_BIPOLAR_BLOCK_BYTES 16384
#define PKN_BIPOLAR_MAX_BLOCK 128
#define PKN_BIPOLAR_ITEMS_PER_THREAD 8

/* A pair takes so long, and so long a byte with VNNI. */
#define PKN_BIPOLAR_DOT_NS 3.0
#define PKN_BIPOLAR_DOT_NS_PER_BYTE 0.012

typedef struct pkn_bipolar_search {
    const char *queries, *targets;
    size_t n_queries, n_targets, dims, size;
    size_t n_groups, n_splits, split_len, block_len;
    double item_cost_ns;
    int64_t *dots;           /* 0, or [n_queries x n_targets] */
    size_t k, row;           /* matches found and matches of a row of out, k <= row */
    pkn_best_entry *entries; /* [n_splits x n_queries x k] */
    size_t *counts;          /* [n_splits x n_queries] */
    pkern_hdc_map_match *out;
} pkn_bipolar_search;

/* Of a pair, in nanoseconds. */
PKN_INLINE double pkn_bipolar_pair_cost(size_t dims, size_t size) {
    uint32_t features = pkn_simd_current()->features;
    double byte_ns = features & PKN_CPU_AVX512VNNI ? PKN_BIPOLAR_DOT_NS_PER_BYTE
                     : features & PKN_CPU_AVX2     ? PKN_BIPOLAR_DOT_NS_PER_BYTE * 2
                     : features & PKN_CPU_NEON     ? PKN_BIPOLAR_DOT_NS_PER_BYTE * 2
                                                   : PKN_BIPOLAR_DOT_NS_PER_BYTE * 80;
    return PKN_BIPOLAR_DOT_NS + byte_ns * (double)(dims * size);
}

/* 0 splits count as 1. */
PKN_INTERNAL void pkn_bipolar_cut(pkn_bipolar_search *search, pkern_pool *pool, size_t max_splits) {
    double cost = pkn_bipolar_pair_cost(search->dims, search->size) * (double)search->n_targets;
    double worth = cost * (double)search->n_queries / 4000.0;
    size_t wanted = 1;
    search->n_groups = (search->n_queries + PKN_BIPOLAR_GROUP - 1) / PKN_BIPOLAR_GROUP;
    cost = cost * (double)search->n_queries / (double)search->n_groups;
    if (worth >= 1) {
        wanted = ((size_t)pkern_pool_num_threads(pool) * PKN_BIPOLAR_ITEMS_PER_THREAD +
                  search->n_groups - 1) /
                 search->n_groups;
        wanted = worth < (double)wanted ? (size_t)worth : wanted;
        wanted = pkn_max_size(pkn_min_size(wanted, max_splits), 1);
    }
    search->split_len = (search->n_targets + wanted - 1) / wanted;
    search->n_splits = (search->n_targets + search->split_len - 1) / search->split_len;
    search->block_len = pkn_min_size(PKN_BIPOLAR_BLOCK_BYTES / (search->dims * search->size),
                                     PKN_BIPOLAR_MAX_BLOCK);
    search->block_len = pkn_max_size(search->block_len / 4 * 4, 4);
    search->item_cost_ns = cost / (double)search->n_splits;
}

PKN_INTERNAL void pkn_bipolar_dots(const pkn_bipolar_search *search, size_t query, size_t target,
                                   size_t n_targets, int64_t *out) {
    size_t row_bytes = search->dims * search->size;
    const void *q = search->queries + query * row_bytes;
    const void *t = search->targets + target * row_bytes;
    if (search->size == 1) {
        pkn_simd()->dot_tile_i8((const int8_t *)q, (const int8_t *)t, n_targets, search->dims, out);
    } else {
        pkn_simd()->dot_tile_i16((const int16_t *)q, (const int16_t *)t, n_targets, search->dims,
                                 out);
    }
}

/* One query with one block of the split's targets. */
PKN_INTERNAL void pkn_bipolar_block(const pkn_bipolar_search *search, size_t split, size_t query,
                                    size_t target, size_t n_targets) {
    int64_t dots[PKN_BIPOLAR_MAX_BLOCK];
    size_t list = split * search->n_queries + query;
    pkn_best best;
    if (search->dots) {
        pkn_bipolar_dots(search, query, target, n_targets,
                         search->dots + query * search->n_targets + target);
        return;
    }
    pkn_bipolar_dots(search, query, target, n_targets, dots);
    best.entries = search->entries + list * search->k;
    best.count = search->counts[list];
    best.k = search->k;
    for (size_t i = 0; i < n_targets; i++) {
        pkn_best_offer(&best, pkn_rank_of_i64(dots[i]), target + i, target + i);
    }
    search->counts[list] = best.count;
}

PKN_INTERNAL int pkn_bipolar_search_items(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_search *search = (const pkn_bipolar_search *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t split = item / search->n_groups;
        size_t first = item % search->n_groups * PKN_BIPOLAR_GROUP;
        size_t last = pkn_min_size(first + PKN_BIPOLAR_GROUP, search->n_queries);
        size_t target_end = pkn_min_size((split + 1) * search->split_len, search->n_targets);
        for (size_t t = split * search->split_len; t < target_end; t += search->block_len) {
            for (size_t q = first; q < last; q++) {
                pkn_bipolar_block(search, split, q, t,
                                  pkn_min_size(search->block_len, target_end - t));
            }
        }
    }
    return 0;
}

/* Takes the lists of the other splits into the first split's, for queries [begin, end). */
PKN_INTERNAL int pkn_bipolar_merge(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_search *search = (const pkn_bipolar_search *)ctx;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_map_match *out = search->out + query * search->row;
        pkn_best best;
        best.entries = search->entries + query * search->k;
        best.count = search->counts[query];
        best.k = search->k;
        for (size_t split = 1; split < search->n_splits; split++) {
            size_t list = split * search->n_queries + query;
            const pkn_best_entry *from = search->entries + list * search->k;
            for (size_t i = 0; i < search->counts[list]; i++) {
                pkn_best_offer(&best, from[i].rank, from[i].id, from[i].place);
            }
        }
        pkn_best_sort(&best);
        for (size_t i = 0; i < search->row; i++) {
            out[i].index = i < best.count ? best.entries[i].place : SIZE_MAX;
            out[i].dot = i < best.count ? pkn_i64_of_rank(best.entries[i].rank) : INT64_MIN;
        }
    }
    return 0;
}

/* Bytes of the splits' lists, 0 where they don't fit in a size_t. */
PKN_INTERNAL size_t pkn_bipolar_lists_bytes(const pkn_bipolar_search *search) {
    size_t lists, bytes;
    if (pkn_mul_overflows_size(search->n_queries, search->n_splits, &lists) ||
        pkn_mul_overflows_size(search->k, sizeof(pkn_best_entry), &bytes) ||
        pkn_add_overflows_size(bytes, sizeof(size_t), &bytes) ||
        pkn_mul_overflows_size(bytes, lists, &bytes)) {
        return 0;
    }
    return bytes;
}

PKN_INTERNAL pkern_status pkn_bipolar_find(pkn_bipolar_search *search, pkern_pool *pool) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes, n_lists;
    pkern_status status;
    void *memory;
    pkn_bipolar_cut(search, pool, search->n_targets / search->k / 8);
    bytes = pkn_bipolar_lists_bytes(search);
    memory = bytes > 0 ? pkn_allocate(allocator, bytes, PKN_CACHE_LINE) : 0;
    if (!memory) {
        return PKERN_ENOMEM;
    }
    n_lists = search->n_queries * search->n_splits;
    search->entries = (pkn_best_entry *)memory;
    search->counts = (size_t *)(void *)(search->entries + n_lists * search->k);
    memset(search->counts, 0, n_lists * sizeof *search->counts);
    status = pkn_hdc_run(pool, search->n_groups * search->n_splits, 1, search->item_cost_ns,
                         pkn_bipolar_search_items, search);
    if (status == PKERN_OK) {
        status = pkn_hdc_run(pool, search->n_queries, 1,
                             20.0 * (double)search->k * (double)search->n_splits, pkn_bipolar_merge,
                             search);
    }
    pkn_release(allocator, memory, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bipolar_check_search(pkn_bipolar_search *search, const void *queries,
                                                   size_t n_queries, const void *targets,
                                                   size_t n_targets, size_t dims, size_t size,
                                                   const void *out, size_t row, size_t out_size) {
    size_t query_bytes, target_bytes, out_bytes;
    pkern_status status = pkn_bipolar_check(n_queries, dims, size, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_bipolar_check(n_targets, dims, size, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, row, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, out_size, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!targets && n_targets > 0) || (!out && out_bytes > 0) ||
        pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(targets, target_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    memset(search, 0, sizeof *search);
    search->queries = (const char *)queries;
    search->targets = (const char *)targets;
    search->n_queries = n_queries;
    search->n_targets = n_targets;
    search->dims = dims;
    search->size = size;
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_bipolar_all_dots(pkern_pool *pool, const void *queries,
                                               size_t n_queries, const void *targets,
                                               size_t n_targets, size_t dims, size_t size,
                                               int64_t *out) {
    pkn_bipolar_search search;
    pkern_status status = pkn_bipolar_check_search(&search, queries, n_queries, targets, n_targets,
                                                   dims, size, out, n_targets, sizeof *out);
    if (status != PKERN_OK || n_queries == 0 || n_targets == 0) {
        return status;
    }
    search.dots = out;
    pkn_bipolar_cut(&search, pool, n_targets);
    return pkn_hdc_run(pool, search.n_groups * search.n_splits, 1, search.item_cost_ns,
                       pkn_bipolar_search_items, &search);
}

PKN_INTERNAL pkern_status pkn_bipolar_top_k(pkern_pool *pool, const void *queries, size_t n_queries,
                                            const void *memory, size_t n_memory, size_t dims,
                                            size_t size, size_t k, pkern_hdc_map_match *out) {
    pkn_bipolar_search search;
    pkern_status status = pkn_bipolar_check_search(&search, queries, n_queries, memory, n_memory,
                                                   dims, size, out, k, sizeof *out);
    if (status != PKERN_OK || n_queries == 0 || k == 0) {
        return status;
    }
    for (size_t i = 0; n_memory == 0 && i < n_queries * k; i++) {
        out[i].index = SIZE_MAX;
        out[i].dot = INT64_MIN;
    }
    if (n_memory == 0) {
        return PKERN_OK;
    }
    search.out = out;
    search.row = k;
    search.k = pkn_min_size(k, n_memory);
    return pkn_bipolar_find(&search, pool);
}

#define PKN_DEFINE_BIPOLAR_SEARCH(suffix, type) \
    PKERN_API pkern_status pkern_hdc_map_dots_##suffix( \
        pkern_pool *pool, const type *queries, size_t n_queries, const type *targets, \
        size_t n_targets, size_t dims, int64_t *out) { \
        return pkn_bipolar_all_dots(pool, queries, n_queries, targets, n_targets, dims, \
                                    sizeof(type), out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_top_k_##suffix( \
        pkern_pool *pool, const type *queries, size_t n_queries, const type *memory, \
        size_t n_memory, size_t dims, size_t k, pkern_hdc_map_match *out) { \
        return pkn_bipolar_top_k(pool, queries, n_queries, memory, n_memory, dims, sizeof(type), \
                                 k, out); \
    }

PKN_DEFINE_BIPOLAR_SEARCH(i8, int8_t)
PKN_DEFINE_BIPOLAR_SEARCH(i16, int16_t)

#endif
