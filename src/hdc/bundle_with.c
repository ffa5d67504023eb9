/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bundling with weights and a choice for ties.

   Without weights a piece of a set is counted bit-sliced from the majority's bias on, plane 0 to
   plane p: plane p is the majority, and a count that is a tie has all lower planes 1 and plane p 0,
   since it is one short of the carry. With weights a piece is summed up in integers. */
#ifndef PKN_HDC_BUNDLE_WITH_C
#define PKN_HDC_BUNDLE_WITH_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/accumulator.c"
#include "hdc/bundle.c"
#include "hdc/hdc_run.h"
#include "hdc/operations.h"
#include "simd/majority.h"

#define PKN_BUNDLE_WITH_WORDS PKN_ACCUMULATOR_PIECE_WORDS

typedef struct pkn_bundle_with {
    const uint64_t *vectors;
    const size_t *set_offsets;
    size_t n_sets, words, n_pieces;
    pkern_hdc_bundle_options options;
    uint64_t *out;
} pkn_bundle_with;

/* What ties become in words [word, word + n) of a set with rows; 0 for zeros. */
PKN_INTERNAL const uint64_t *pkn_bundle_ties(const pkn_bundle_with *call, size_t set, size_t word,
                                             size_t n, uint64_t *seeded) {
    switch (call->options.tie) {
    case PKERN_HDC_TIE_FIRST:
        return call->vectors + call->set_offsets[set] * call->words + word;
    case PKERN_HDC_TIE_VECTOR:
        return call->options.tie_vector + word;
    case PKERN_HDC_TIE_SEEDED:
        for (size_t i = 0; i < n; i++) {
            seeded[i] = pkn_random_at(call->options.seed + set, word + i);
        }
        return seeded;
    default:
        return 0;
    }
}

PKN_INTERNAL void pkn_bundle_alike(const uint64_t *rows, size_t n, size_t stride, size_t words,
                                   const uint64_t *ties, uint64_t *out) {
    uint64_t planes[33 * PKN_BUNDLE_WITH_WORDS];
    unsigned top = pkn_majority_plane(n);
    pkn_simd()->count_u64(rows, n, stride, words, pkn_majority_bias(n), 0, top + 1, words, planes);
    for (unsigned k = 1; k < top; k++) {
        pkn_simd()->and_u64(planes, planes + k * words, words, planes);
    }
    for (size_t i = 0; i < words; i++) {
        uint64_t above = planes[top * words + i];
        out[i] = above | (planes[i] & ~above & ties[i]);
    }
}

PKN_INTERNAL void pkn_bundle_weighted(const uint64_t *rows, const int32_t *weights, size_t n,
                                      size_t stride, size_t words, const uint64_t *ties,
                                      uint64_t *out) {
    int32_t counts[64 * PKN_BUNDLE_WITH_WORDS];
    memset(counts, 0, 64 * words * sizeof *counts);
    pkn_accumulate_weighted(rows, weights, n, stride, words, counts);
    pkn_simd()->threshold_i32(counts, words, ties, out);
}

/* Items are pieces of sets. */
PKN_INTERNAL int pkn_bundle_with_items(size_t begin, size_t end, void *ctx) {
    const pkn_bundle_with *call = (const pkn_bundle_with *)ctx;
    uint64_t seeded[PKN_BUNDLE_WITH_WORDS];
    for (size_t item = begin; item < end; item++) {
        size_t set = item / call->n_pieces;
        size_t word = item % call->n_pieces * PKN_BUNDLE_WITH_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_BUNDLE_WITH_WORDS);
        size_t first = call->set_offsets[set], n = call->set_offsets[set + 1] - first;
        const uint64_t *rows = pkn_hdc_at(call->vectors, first * call->words + word);
        uint64_t *out = call->out + set * call->words + word;
        if (n == 0) {
            memset(out, 0, words * sizeof *out);
        } else if (call->options.weights) {
            pkn_bundle_weighted(rows, call->options.weights + first, n, call->words, words,
                                pkn_bundle_ties(call, set, word, words, seeded), out);
        } else if (n % 2 == 1) { /* no ties */
            pkn_simd()->majority_u64(rows, n, call->words, words, out);
        } else {
            pkn_bundle_alike(rows, n, call->words, words,
                             pkn_bundle_ties(call, set, word, words, seeded), out);
        }
    }
    return 0;
}

/* One long set by an accumulator, or alone where there is no memory for one. */
PKN_INTERNAL pkern_status pkn_bundle_with_long_set(const pkn_bundle_with *call, pkern_pool *pool,
                                                   size_t set) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    pkern_hdc_accumulator sum;
    size_t first = call->set_offsets[set], n = call->set_offsets[set + 1] - first;
    size_t bytes = 256 * call->words; /* less than the rows have */
    int tie = call->options.tie;
    const uint64_t *rows = call->vectors + first * call->words;
    int32_t *counts = (int32_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    pkern_status status;
    if (!counts) {
        return pkn_bundle_with_items(set * call->n_pieces, (set + 1) * call->n_pieces,
                                     (void *)(uintptr_t)call);
    }
    (void)pkern_hdc_accumulator_init(&sum, counts, call->words);
    sum.seed = call->options.seed + set;
    status = pkern_hdc_accumulator_add(pool, &sum, rows, n,
                                       call->options.weights ? call->options.weights + first : 0);
    if (status == PKERN_OK) {
        status = pkern_hdc_accumulator_threshold(
            &sum, tie, tie == PKERN_HDC_TIE_FIRST ? rows : call->options.tie_vector,
            call->out + set * call->words);
    }
    pkn_release(allocator, counts, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bundle_with_run(const pkn_bundle_with *call, pkern_pool *pool) {
    size_t n_rows = call->set_offsets[call->n_sets] - call->set_offsets[0];
    size_t n_items = call->n_sets * call->n_pieces;
    double row = call->options.weights ? PKN_ACCUMULATOR_WEIGHTED_NS : PKN_HDC_COUNT_NS_PER_WORD;
    double set = call->options.weights                       ? PKN_ACCUMULATOR_COUNTER_NS
                 : call->options.tie == PKERN_HDC_TIE_SEEDED ? 4.0
                                                             : 2.5;
    double cost = pkn_hdc_count_cost() / PKN_HDC_COUNT_NS_PER_WORD * (double)call->words *
                  (row * (double)n_rows + set * (double)call->n_sets);
    if (n_rows / call->n_sets >= 2 * PKN_ACCUMULATOR_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && n_items < n_threads * PKN_ACCUMULATOR_ITEMS_PER_THREAD) {
            pkern_status status = PKERN_OK;
            for (size_t i = 0; i < call->n_sets && status == PKERN_OK; i++) {
                status = call->set_offsets[i] == call->set_offsets[i + 1]
                             ? pkn_bundle_with_items(i * call->n_pieces, (i + 1) * call->n_pieces,
                                                     (void *)(uintptr_t)call)
                             : pkn_bundle_with_long_set(call, pool, i);
            }
            return status;
        }
    }
    return pkn_hdc_run(pool, n_items, 1, cost / (double)n_items, pkn_bundle_with_items,
                       (void *)(uintptr_t)call);
}

/* Each set's weights sum to what a counter holds. */
PKN_INTERNAL pkern_status pkn_bundle_with_check_weights(const size_t *set_offsets, size_t n_sets,
                                                        const int32_t *weights) {
    for (size_t set = 0; set < n_sets; set++) {
        uint64_t size = set_offsets[set + 1] - set_offsets[set];
        if (weights && size <= PKN_ACCUMULATOR_MAX_WEIGHT) {
            size = 0;
            for (size_t row = set_offsets[set]; row < set_offsets[set + 1]; row++) {
                int64_t weight = weights[row];
                size += (uint64_t)(weight < 0 ? -weight : weight);
            }
        }
        if (size > PKN_ACCUMULATOR_MAX_WEIGHT) {
            return PKERN_EOVERFLOW;
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_bundle_with(pkern_pool *pool, const uint64_t *vectors,
                                             const size_t *set_offsets, size_t n_sets, size_t words,
                                             const pkern_hdc_bundle_options *options,
                                             uint64_t *out) {
    pkn_bundle_with call;
    size_t bytes, out_bytes;
    const int32_t *weights = options ? options->weights : 0;
    int tie = options ? options->tie : PKERN_HDC_TIE_ZERO;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (tie < PKERN_HDC_TIE_ZERO || tie > PKERN_HDC_TIE_SEEDED ||
        (tie == PKERN_HDC_TIE_VECTOR && !options->tie_vector)) {
        return PKERN_EINVAL;
    }
    if (!weights && tie == PKERN_HDC_TIE_ZERO) {
        return pkern_hdc_bundle(pool, vectors, set_offsets, n_sets, words, out);
    }
    if (n_sets == 0) {
        return PKERN_OK;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    status = pkn_bundle_check_sets(set_offsets, n_sets, words, &bytes);
    if (status == PKERN_OK) {
        status = pkn_bundle_with_check_weights(set_offsets, n_sets, weights);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((bytes > 0 &&
         (!vectors || pkn_overlaps(vectors + set_offsets[0] * words, bytes, out, out_bytes))) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (tie == PKERN_HDC_TIE_VECTOR &&
         pkn_overlaps(options->tie_vector, words * 8, out, out_bytes)) ||
        (weights && pkn_overlaps(weights, set_offsets[n_sets] * sizeof *weights, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.set_offsets = set_offsets;
    call.n_sets = n_sets;
    call.words = words;
    call.n_pieces = (words + PKN_BUNDLE_WITH_WORDS - 1) / PKN_BUNDLE_WITH_WORDS;
    call.options = *options;
    call.out = out;
    return pkn_bundle_with_run(&call, pool);
}

#endif
