/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The vote of the nearest examples. */
#ifndef PKN_HDC_CLASSIFIER_KNN_C
#define PKN_HDC_CLASSIFIER_KNN_C

#include "base/alloc.h"
#include "hdc/classifier.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"

/* Queries whose neighbours are kept at a time. */
#define PKN_KNN_QUERIES 256

typedef struct pkn_knn_votes {
    uint32_t label;
    uint32_t votes;
} pkn_knn_votes;

/* votes has room for k labels; they come in the order of their nearest row. */
PKN_INTERNAL pkern_hdc_prediction pkn_knn_vote(const pkern_hdc_match *nearest, size_t k,
                                               const uint32_t *labels, pkn_knn_votes *votes) {
    pkern_hdc_prediction prediction;
    size_t n_labels = 0, best = 0;
    uint32_t second = 0;
    for (size_t i = 0; i < k; i++) {
        uint32_t label = labels[nearest[i].index];
        size_t at = 0;
        while (at < n_labels && votes[at].label != label) {
            at++;
        }
        if (at == n_labels) {
            votes[n_labels].label = label;
            votes[n_labels++].votes = 0;
        }
        votes[at].votes++;
    }
    for (size_t at = 1; at < n_labels; at++) {
        best = votes[at].votes > votes[best].votes ? at : best;
    }
    for (size_t at = 0; at < n_labels; at++) {
        second = at != best && votes[at].votes > second ? votes[at].votes : second;
    }
    prediction.label = votes[best].label;
    prediction.score = (float)((double)votes[best].votes / (double)k);
    prediction.margin = second == 0 ? 2 : (float)((double)(votes[best].votes - second) / (double)k);
    return prediction;
}

PKERN_API pkern_status pkern_hdc_knn(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                     const uint64_t *memory, const uint32_t *labels,
                                     size_t n_memory, size_t words, size_t k,
                                     pkern_hdc_prediction *out) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t query_bytes, memory_bytes, out_bytes, bytes,
        block = pkn_min_size(n_queries, PKN_KNN_QUERIES);
    pkern_hdc_match *matches;
    pkn_knn_votes *votes;
    pkern_status status = pkn_hdc_check_rows(n_queries, words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_memory, words, &memory_bytes);
    }
    k = pkn_min_size(k, n_memory);
    if (status == PKERN_OK &&
        (pkn_mul_overflows_size(n_queries, sizeof *out, &out_bytes) ||
         pkn_mul_overflows_size(block * sizeof *matches + sizeof *votes, k, &bytes))) {
        status = PKERN_EOVERFLOW;
    }
    if (status != PKERN_OK || n_queries == 0) {
        return status;
    }
    if (!queries || !out || (n_memory > 0 && (!memory || !labels)) ||
        pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        (n_memory > 0 && (pkn_overlaps(memory, memory_bytes, out, out_bytes) ||
                          pkn_overlaps(labels, n_memory * sizeof *labels, out, out_bytes)))) {
        return PKERN_EINVAL;
    }
    if (k == 0) {
        for (size_t q = 0; q < n_queries; q++) {
            out[q].label = SIZE_MAX;
            out[q].score = 0;
            out[q].margin = 0;
        }
        return PKERN_OK;
    }
    matches = (pkern_hdc_match *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!matches) {
        return PKERN_ENOMEM;
    }
    votes = (pkn_knn_votes *)(void *)(matches + block * k);
    for (size_t first = 0; first < n_queries && status == PKERN_OK; first += block) {
        size_t n = pkn_min_size(block, n_queries - first);
        status =
            pkern_hdc_top_k(pool, queries + first * words, n, memory, n_memory, words, k, matches);
        for (size_t q = 0; q < n && status == PKERN_OK; q++) {
            out[first + q] = pkn_knn_vote(matches + q * k, k, labels, votes);
        }
    }
    pkn_release(allocator, matches, bytes);
    return status;
}

#endif
