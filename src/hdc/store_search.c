/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Search in a store: segment after segment by the flat search, the lists merged as they come. Most
   of the rows are in the last segments, so there is little of the rest to lose time with. */
#ifndef PKN_HDC_STORE_SEARCH_C
#define PKN_HDC_STORE_SEARCH_C

#include "hdc/hdc_run.h"
#include "hdc/store.h"
#include "hdc/store_rows.h"

/* One match of two lists taken, and one put in its place. */
#define PKN_STORE_MERGE_NS 4.0
/* Matches of a segment that may wait on the stack: 6 KiB. */
#define PKN_STORE_STACK_MATCHES 256

typedef struct pkn_store_merge {
    pkern_hdc_match *out;   /* [n_queries x k], the best of the segments before */
    pkern_hdc_match *found; /* [n_queries x k], of a segment that begins at row first */
    size_t k, first;
} pkn_store_merge;

PKN_INLINE int pkn_store_better(const pkern_hdc_match *a, const pkern_hdc_match *b) {
    return a->distance < b->distance || (a->distance == b->distance && a->index < b->index);
}

/* How many of out's k are among the k best of out and found, both sorted; then these from the back,
   which never overwrites one that is still to come. */
PKN_INTERNAL void pkn_store_merge_lists(pkern_hdc_match *out, const pkern_hdc_match *found,
                                        size_t k) {
    size_t n_out = 0, n_found = 0;
    while (n_out + n_found < k) {
        if (pkn_store_better(&found[n_found], &out[n_out])) {
            n_found++;
        } else {
            n_out++;
        }
    }
    while (n_found > 0) {
        if (n_out > 0 && pkn_store_better(&found[n_found - 1], &out[n_out - 1])) {
            out[n_out + n_found - 1] = out[n_out - 1];
            n_out--;
        } else {
            out[n_out + n_found - 1] = found[n_found - 1];
            n_found--;
        }
    }
}

PKN_INTERNAL int pkn_store_merge_queries(size_t begin, size_t end, void *ctx) {
    const pkn_store_merge *merge = (const pkn_store_merge *)ctx;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_match *found = merge->found + query * merge->k;
        for (size_t i = 0; i < merge->k && found[i].index != SIZE_MAX; i++) {
            found[i].index += merge->first;
        }
        pkn_store_merge_lists(merge->out + query * merge->k, found, merge->k);
    }
    return 0;
}

/* The rest of a search whose first segment is in out already. */
PKN_INTERNAL pkern_status pkn_store_search_on(pkern_pool *pool, const pkern_hdc_store *store,
                                              const uint64_t *queries, size_t n_queries, size_t k,
                                              size_t first, size_t count, pkern_hdc_match *out) {
    pkn_store_merge merge;
    pkern_hdc_match stack_found[PKN_STORE_STACK_MATCHES];
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes = n_queries * k * sizeof *out; /* fits, as out does */
    const uint64_t *rows;
    pkern_status status = PKERN_OK;
    merge.out = out;
    merge.found = bytes <= sizeof stack_found
                      ? stack_found
                      : (pkern_hdc_match *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    merge.k = k;
    if (!merge.found) {
        return PKERN_ENOMEM;
    }
    for (size_t n;
         status == PKERN_OK && (n = pkn_store_rows_below(store, first, count, &rows, 0)) > 0;
         first += n) {
        merge.first = first;
        status = pkern_hdc_top_k(pool, queries, n_queries, rows, n, store->words, k, merge.found);
        if (status == PKERN_OK) {
            status = pkn_hdc_run(pool, n_queries, 1, PKN_STORE_MERGE_NS * (double)k,
                                 pkn_store_merge_queries, &merge);
        }
    }
    if (merge.found != stack_found) {
        pkn_release(allocator, merge.found, bytes);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_store_top_k(pkern_pool *pool, const pkern_hdc_store *store,
                                             const uint64_t *queries, size_t n_queries, size_t k,
                                             pkern_hdc_match *out) {
    const uint64_t *rows = 0;
    size_t count, n;
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    count = pkern_hdc_store_count(store);
    n = pkn_store_rows_below(store, 0, count, &rows, 0);
    status = pkern_hdc_top_k(pool, queries, n_queries, rows, n, store->words, k, out);
    if (status != PKERN_OK || n == count || n_queries == 0 || k == 0) {
        return status;
    }
    return pkn_store_search_on(pool, store, queries, n_queries, k, n, count, out);
}

PKERN_API pkern_status pkern_hdc_store_nearest(pkern_pool *pool, const pkern_hdc_store *store,
                                               const uint64_t *queries, size_t n_queries,
                                               pkern_hdc_match *out) {
    return pkern_hdc_store_top_k(pool, store, queries, n_queries, 1, out);
}

#endif
