/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Adding rows into integer counters. Rows of one weight are counted bit-sliced over the whole call
   and the count is spread over the counters once; rows of different weights are added under masks,
   a tile that stays in L1 at a time. An item of the parallel loop is some columns, and where that
   gives too few items, some columns of some rows, whose sums are added up at the end. Sums are
   exact modulo 2^32 and the call's total fits, so cuts don't change the result. */
#ifndef PKN_HDC_ACCUMULATOR_C
#define PKN_HDC_ACCUMULATOR_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/accumulator.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "simd/counters.h"

#define PKN_ACCUMULATOR_MAX_WEIGHT ((uint64_t)INT32_MAX)
/* Columns of an item, in words: four lines a row, what the counting kernel takes at a time. */
#define PKN_ACCUMULATOR_PIECE_WORDS 32
/* Weighted rows of a tile: 16 KiB at PIECE_WORDS. */
#define PKN_ACCUMULATOR_TILE_ROWS 64
/* With fewer items than this a thread, rows are cut too, where there are twice CHUNK_ROWS. A
   chunk's sums take as long as about 200 rows to be written and added up. */
#define PKN_ACCUMULATOR_ITEMS_PER_THREAD 4
#define PKN_ACCUMULATOR_CHUNK_ROWS 2048
#define PKN_ACCUMULATOR_CHUNKS_PER_THREAD 8
/* Per word, measured as in hdc_run.h: adding to the counters, and spreading a plane before; a row
   with a weight of its own. */
#define PKN_ACCUMULATOR_COUNTER_NS 5.0
#define PKN_ACCUMULATOR_PLANE_NS 1.5
#define PKN_ACCUMULATOR_WEIGHTED_NS 1.2

typedef struct pkn_accumulate {
    const uint64_t *vectors;
    const int32_t *weights; /* 0: all are `weight` */
    int32_t weight;
    size_t n, words;
    size_t n_pieces;             /* of the columns */
    size_t n_chunks, chunk_rows; /* of the rows */
    int32_t *counts;             /* [n_chunks x 64 * words]; the counters, where n_chunks is 1 */
} pkn_accumulate;

/* Rows of one weight, into the counters of these columns. */
PKN_INTERNAL void pkn_accumulate_alike(const uint64_t *rows, size_t n, size_t stride, size_t words,
                                       int32_t weight, int32_t *counts) {
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t planes[32 * PKN_ACCUMULATOR_PIECE_WORDS];
    unsigned n_planes = 64 - pkn_clz_u64((uint64_t)n);
    int32_t offset = pkn_as_i32(0 - (uint32_t)weight * (uint32_t)n);
    if (n == 1) {
        kernels->add_counts_i32(rows, 1, words, words, weight, offset, counts);
        return;
    }
    kernels->count_u64(rows, n, stride, words, 0, 0, n_planes, words, planes);
    kernels->add_counts_i32(planes, n_planes, words, words, weight, offset, counts);
}

/* Rows of different weights. Only the call's total may meet the limits of the counters, so more
   than one tile is summed up aside. */
PKN_INTERNAL void pkn_accumulate_weighted(const uint64_t *rows, const int32_t *weights, size_t n,
                                          size_t stride, size_t words, int32_t *counts) {
    const pkn_simd_kernels *kernels = pkn_simd();
    int32_t sums[64 * PKN_ACCUMULATOR_PIECE_WORDS];
    if (n <= PKN_ACCUMULATOR_TILE_ROWS) {
        kernels->add_weighted_i32(rows, weights, n, stride, words, counts);
        return;
    }
    memset(sums, 0, 64 * words * sizeof *sums);
    for (size_t row = 0; row < n; row += PKN_ACCUMULATOR_TILE_ROWS) {
        kernels->add_weighted_i32(rows + row * stride, weights + row,
                                  pkn_min_size(n - row, PKN_ACCUMULATOR_TILE_ROWS), stride, words,
                                  sums);
    }
    kernels->add_saturated_i32(counts, sums, 64 * words, counts);
}

/* Items are pieces of columns of chunks of rows. */
PKN_INTERNAL int pkn_accumulate_items(size_t begin, size_t end, void *ctx) {
    const pkn_accumulate *call = (const pkn_accumulate *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t chunk = item / call->n_pieces;
        size_t row = chunk * call->chunk_rows;
        size_t word = item % call->n_pieces * PKN_ACCUMULATOR_PIECE_WORDS;
        size_t n = pkn_min_size(call->chunk_rows, call->n - row);
        size_t words = pkn_min_size(call->words - word, PKN_ACCUMULATOR_PIECE_WORDS);
        const uint64_t *rows = call->vectors + row * call->words + word;
        int32_t *counts = call->counts + (chunk * call->words + word) * 64;
        if (call->weights) {
            pkn_accumulate_weighted(rows, call->weights + row, n, call->words, words, counts);
        } else {
            pkn_accumulate_alike(rows, n, call->words, words, call->weight, counts);
        }
    }
    return 0;
}

PKN_INTERNAL double pkn_accumulate_item_cost(const pkn_accumulate *call) {
    double slowness = pkn_hdc_count_cost() / PKN_HDC_COUNT_NS_PER_WORD;
    double planes = 64 - pkn_clz_u64((uint64_t)call->chunk_rows);
    double rows = (double)call->chunk_rows;
    double word = call->weights
                      ? PKN_ACCUMULATOR_WEIGHTED_NS * rows
                      : PKN_HDC_COUNT_NS_PER_WORD * rows + PKN_ACCUMULATOR_PLANE_NS * planes;
    return (word + PKN_ACCUMULATOR_COUNTER_NS) * slowness * (double)call->words /
           (double)call->n_pieces;
}

/* The rows in chunks, each with sums of its own; 0 where there is no memory for them. */
PKN_INTERNAL int pkn_accumulate_in_chunks(pkn_accumulate *call, pkern_pool *pool, size_t n_threads,
                                          pkern_status *status) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    int32_t *counts = call->counts;
    size_t n_counts = 64 * call->words, bytes;
    size_t n_chunks = n_threads * PKN_ACCUMULATOR_CHUNKS_PER_THREAD;
    size_t chunk_rows = pkn_max_size(call->n / n_chunks + 1, PKN_ACCUMULATOR_CHUNK_ROWS);
    n_chunks = (call->n + chunk_rows - 1) / chunk_rows;
    bytes = n_chunks * n_counts * sizeof *counts; /* less than the rows have */
    call->counts = (int32_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!call->counts) {
        call->counts = counts;
        return 0;
    }
    memset(call->counts, 0, bytes);
    call->chunk_rows = chunk_rows;
    call->n_chunks = n_chunks;
    *status = pkn_hdc_run(pool, call->n_pieces * n_chunks, 1, pkn_accumulate_item_cost(call),
                          pkn_accumulate_items, call);
    if (*status == PKERN_OK) {
        for (size_t chunk = 1; chunk < n_chunks; chunk++) {
            pkn_simd()->add_saturated_i32(call->counts, call->counts + chunk * n_counts, n_counts,
                                          call->counts);
        }
        pkn_simd()->add_saturated_i32(counts, call->counts, n_counts, counts);
    }
    pkn_release(allocator, call->counts, bytes);
    return 1;
}

PKN_INTERNAL pkern_status pkn_accumulate_run(pkn_accumulate *call, pkern_pool *pool) {
    double cost;
    pkern_status status = PKERN_OK;
    call->n_pieces = (call->words + PKN_ACCUMULATOR_PIECE_WORDS - 1) / PKN_ACCUMULATOR_PIECE_WORDS;
    call->n_chunks = 1;
    call->chunk_rows = call->n;
    cost = pkn_accumulate_item_cost(call);
    if (call->n >= 2 * PKN_ACCUMULATOR_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && call->n_pieces < n_threads * PKN_ACCUMULATOR_ITEMS_PER_THREAD &&
            pkn_accumulate_in_chunks(call, pool, n_threads, &status)) {
            return status;
        }
    }
    return pkn_hdc_run(pool, call->n_pieces, 1, cost, pkn_accumulate_items, call);
}

/* The sum of the weights, or a status. One weight for all rows becomes call->weight. */
PKN_INTERNAL pkern_status pkn_accumulate_weigh(pkn_accumulate *call, const int32_t *weights,
                                               int64_t *sum) {
    uint64_t size = 0;
    int differ = 0;
    call->weights = 0;
    call->weight = weights ? weights[0] : 1;
    *sum = (int64_t)call->n;
    if (!weights) {
        return PKERN_OK;
    }
    *sum = 0;
    for (size_t row = 0; row < call->n; row++) {
        int64_t weight = weights[row];
        *sum += weight;
        size += (uint64_t)(weight < 0 ? -weight : weight);
        differ |= weights[row] != call->weight;
    }
    call->weights = differ ? weights : 0;
    return size > PKN_ACCUMULATOR_MAX_WEIGHT ? PKERN_EOVERFLOW : PKERN_OK;
}

PKN_INTERNAL int64_t pkn_add_clamped_i64(int64_t a, int64_t b) {
    return b > 0 && a > INT64_MAX - b ? INT64_MAX : b < 0 && a < INT64_MIN - b ? INT64_MIN : a + b;
}

PKN_INTERNAL pkern_status pkn_accumulator_check(const pkern_hdc_accumulator *accumulator,
                                                size_t *bytes) {
    if (!accumulator || !accumulator->counts || accumulator->words == 0) {
        return PKERN_EINVAL;
    }
    return pkn_hdc_check_rows(32, accumulator->words, bytes); /* 4 bytes a bit */
}

PKERN_API pkern_status pkern_hdc_accumulator_init(pkern_hdc_accumulator *accumulator,
                                                  int32_t *counts, size_t words) {
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes);
    if (!accumulator || !counts) {
        return PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    accumulator->counts = counts;
    accumulator->words = words;
    accumulator->weight = 0;
    accumulator->seed = 0;
    memset(counts, 0, bytes);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_accumulator_add(pkern_pool *pool,
                                                 pkern_hdc_accumulator *accumulator,
                                                 const uint64_t *vectors, size_t n,
                                                 const int32_t *weights) {
    pkn_accumulate call;
    size_t bytes, count_bytes;
    int64_t sum;
    pkern_status status = pkn_accumulator_check(accumulator, &count_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    status = pkn_hdc_check_rows(n, accumulator->words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (n > PKN_ACCUMULATOR_MAX_WEIGHT) {
        return PKERN_EOVERFLOW;
    }
    if (!vectors || pkn_overlaps(vectors, bytes, accumulator->counts, count_bytes) ||
        (weights && pkn_overlaps(weights, n * sizeof *weights, accumulator->counts, count_bytes))) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.n = n;
    call.words = accumulator->words;
    call.counts = accumulator->counts;
    status = pkn_accumulate_weigh(&call, weights, &sum);
    if (status == PKERN_OK) {
        status = pkn_accumulate_run(&call, pool);
    }
    if (status == PKERN_OK) {
        accumulator->weight = pkn_add_clamped_i64(accumulator->weight, sum);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_accumulator_merge(pkern_hdc_accumulator *into,
                                                   const pkern_hdc_accumulator *from) {
    size_t bytes, from_bytes;
    pkern_status status = pkn_accumulator_check(into, &bytes);
    if (status == PKERN_OK) {
        status = pkn_accumulator_check(from, &from_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (into->words != from->words || pkn_hdc_clashes(from->counts, bytes, into->counts, bytes)) {
        return PKERN_EINVAL;
    }
    pkn_simd()->add_saturated_i32(into->counts, from->counts, 64 * into->words, into->counts);
    into->weight = pkn_add_clamped_i64(into->weight, from->weight);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_accumulator_threshold(const pkern_hdc_accumulator *accumulator,
                                                       int tie, const uint64_t *tie_vector,
                                                       uint64_t *out) {
    uint64_t ties[PKN_ACCUMULATOR_PIECE_WORDS];
    size_t bytes, words;
    int is_given = tie == PKERN_HDC_TIE_VECTOR || tie == PKERN_HDC_TIE_FIRST;
    pkern_status status = pkn_accumulator_check(accumulator, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    words = accumulator->words;
    if (!out || tie < PKERN_HDC_TIE_ZERO || tie > PKERN_HDC_TIE_SEEDED ||
        (is_given && (!tie_vector || pkn_hdc_clashes(tie_vector, words * 8, out, words * 8))) ||
        pkn_overlaps(accumulator->counts, bytes, out, words * 8)) {
        return PKERN_EINVAL;
    }
    if (tie != PKERN_HDC_TIE_SEEDED) {
        pkn_simd()->threshold_i32(accumulator->counts, words, is_given ? tie_vector : 0, out);
        return PKERN_OK;
    }
    for (size_t word = 0; word < words; word += PKN_ACCUMULATOR_PIECE_WORDS) {
        size_t n = pkn_min_size(words - word, PKN_ACCUMULATOR_PIECE_WORDS);
        for (size_t i = 0; i < n; i++) {
            ties[i] = pkn_random_at(accumulator->seed, word + i);
        }
        pkn_simd()->threshold_i32(accumulator->counts + word * 64, n, ties, out + word);
    }
    return PKERN_OK;
}

#endif
