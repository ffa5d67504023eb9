/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Clustering. The members of each cluster are copied side by side, so that the kernels of nearest.c
   and bundle.c do all the work; a pass over the vectors costs little beside k comparisons each. */
#ifndef PKN_HDC_K_MAJORITY_C
#define PKN_HDC_K_MAJORITY_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/bundle.c"
#include "hdc/cluster.h"
#include "hdc/hdc_run.h"
#include "hdc/nearest.c"

typedef struct pkn_clusters {
    pkern_pool *pool;
    const uint64_t *vectors;
    size_t n, words, k;
    uint64_t *centroids;
    size_t *assignment;
    pkern_hdc_match *nearest; /* [n] */
    size_t *offsets;          /* [k + 1] rows of each cluster */
    size_t *ends;             /* [k] ends of its members */
    size_t *sources;          /* [n + k] a row is that vector, or from n on a centroid */
    uint64_t *rows;           /* [(n + k) x words] */
} pkn_clusters;

PKN_INTERNAL int pkn_clusters_gather(size_t begin, size_t end, void *ctx) {
    const pkn_clusters *clusters = (const pkn_clusters *)ctx;
    size_t words = clusters->words;
    for (size_t row = begin; row < end; row++) {
        size_t source = clusters->sources[row];
        memcpy(clusters->rows + row * words,
               source < clusters->n ? clusters->vectors + source * words
                                    : clusters->centroids + (source - clusters->n) * words,
               words * sizeof(uint64_t));
    }
    return 0;
}

/* Lays out the rows: members by index; a cluster without any gets its centroid, one with an even
   number its first once more, which decides ties. */
PKN_INTERNAL void pkn_clusters_order(pkn_clusters *clusters) {
    size_t *offsets = clusters->offsets, *ends = clusters->ends;
    size_t begin = 0;
    memset(ends, 0, clusters->k * sizeof *ends);
    for (size_t i = 0; i < clusters->n; i++) {
        ends[clusters->assignment[i]]++;
    }
    for (size_t c = 0; c < clusters->k; c++) {
        offsets[c] = begin;
        begin += ends[c] + (ends[c] % 2 == 0);
        ends[c] = offsets[c];
    }
    offsets[clusters->k] = begin;
    for (size_t i = 0; i < clusters->n; i++) {
        clusters->sources[ends[clusters->assignment[i]]++] = i;
    }
    for (size_t c = 0; c < clusters->k; c++) {
        if (ends[c] < offsets[c + 1]) {
            clusters->sources[ends[c]] =
                ends[c] == offsets[c] ? clusters->n + c : clusters->sources[offsets[c]];
        }
    }
}

PKN_INTERNAL pkern_status pkn_clusters_update(pkn_clusters *clusters) {
    size_t n_rows;
    pkern_status status;
    pkn_clusters_order(clusters);
    n_rows = clusters->offsets[clusters->k];
    status = pkn_hdc_run(clusters->pool, n_rows, 16,
                         pkn_hdc_move_cost(clusters->words, n_rows * clusters->words * 16),
                         pkn_clusters_gather, clusters);
    return status != PKERN_OK ? status
                              : pkern_hdc_bundle(clusters->pool, clusters->rows, clusters->offsets,
                                                 clusters->k, clusters->words, clusters->centroids);
}

PKN_INTERNAL pkern_status pkn_clusters_assign(pkn_clusters *clusters, int *changed) {
    pkern_status status =
        pkern_hdc_nearest(clusters->pool, clusters->vectors, clusters->n, clusters->centroids,
                          clusters->k, clusters->words, clusters->nearest);
    *changed = 0;
    for (size_t i = 0; status == PKERN_OK && i < clusters->n; i++) {
        *changed |= clusters->assignment[i] != clusters->nearest[i].index;
        clusters->assignment[i] = clusters->nearest[i].index;
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_clusters_run(pkn_clusters *clusters, size_t iterations,
                                           uint64_t seed) {
    size_t n = clusters->n, k = clusters->k, words = clusters->words;
    int changed;
    pkern_status status;
    for (size_t c = 0; c < k; c++) {
        /* stretch c has len or len + 1 vectors */
        size_t len = n / k, longer = n % k;
        size_t first = c * len + pkn_min_size(c, longer);
        size_t chosen = first + (size_t)(pkn_random_at(seed, c) % (len + (c < longer)));
        memcpy(clusters->centroids + c * words, clusters->vectors + chosen * words,
               words * sizeof(uint64_t));
    }
    status = pkn_clusters_assign(clusters, &changed);
    changed = 1;
    for (size_t i = 0; i < iterations && changed && status == PKERN_OK; i++) {
        status = pkn_clusters_update(clusters);
        if (status == PKERN_OK) {
            status = pkn_clusters_assign(clusters, &changed);
        }
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_k_majority(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                            size_t words, size_t k, size_t iterations,
                                            uint64_t seed, uint64_t *centroids,
                                            size_t *assignment) {
    pkn_clusters clusters;
    const pkern_allocator *allocator;
    size_t vector_bytes, centroid_bytes, rows_bytes, bytes, n_rows;
    unsigned char *memory;
    pkern_status status = pkn_hdc_check_rows(n, words, &vector_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(k, words, &centroid_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((k == 0 && n > 0) || (!vectors && n > 0) || (!centroids && k > 0) ||
        (!assignment && n > 0) || pkn_overlaps(vectors, vector_bytes, centroids, centroid_bytes) ||
        pkn_overlaps(vectors, vector_bytes, assignment, n * sizeof *assignment) ||
        pkn_overlaps(centroids, centroid_bytes, assignment, n * sizeof *assignment)) {
        return PKERN_EINVAL;
    }
    clusters.k = pkn_min_size(k, n);
    if (k > clusters.k) {
        memset(centroids + clusters.k * words, 0, (k - clusters.k) * words * sizeof(uint64_t));
    }
    if (n == 0) {
        return PKERN_OK;
    }
    n_rows = n + clusters.k;
    if (pkn_mul_overflows_size(n_rows, words * 8 + 64, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    rows_bytes = n_rows * words * 8;
    bytes =
        rows_bytes + n * sizeof *clusters.nearest + (n_rows + 2 * clusters.k + 1) * sizeof(size_t);
    allocator = pkn_pool_allocator(pool);
    memory = (unsigned char *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!memory) {
        return PKERN_ENOMEM;
    }
    clusters.pool = pool;
    clusters.vectors = vectors;
    clusters.n = n;
    clusters.words = words;
    clusters.centroids = centroids;
    clusters.assignment = assignment;
    clusters.rows = (uint64_t *)(void *)memory;
    clusters.nearest = (pkern_hdc_match *)(void *)(memory + rows_bytes);
    clusters.sources = (size_t *)(void *)(clusters.nearest + n);
    clusters.ends = clusters.sources + n_rows;
    clusters.offsets = clusters.ends + clusters.k;
    status = pkn_clusters_run(&clusters, iterations, seed);
    pkn_release(allocator, memory, bytes);
    return status;
}

#endif
