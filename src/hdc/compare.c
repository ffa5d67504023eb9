/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Measures of similarity: distances of a block wait on the stack for their conversion. */
#ifndef PKN_HDC_COMPARE_C
#define PKN_HDC_COMPARE_C

#include "hdc/compare.h"
#include "hdc/hdc_run.h"

/* 1 KiB of distances */
#define PKN_COMPARE_BLOCK 256
/* measured like the costs in hdc_run.h: a pair that is a call of its own, and its conversion */
#define PKN_COMPARE_PAIR_NS 4.0
#define PKN_COMPARE_CONVERT_NS 0.4

enum { PKN_COMPARE_HAMMING, PKN_COMPARE_SIMILARITY, PKN_COMPARE_COSINE, PKN_COMPARE_DOT };

typedef struct pkn_measures {
    int measure;
    const uint64_t *a, *b; /* pairs; or a is the query */
    size_t words;
    uint32_t *distances; /* one of these three is the result */
    float *similarities;
    int64_t *products;
} pkn_measures;

PKN_INTERNAL void pkn_measures_convert(const pkn_measures *call, const uint32_t *distances,
                                       size_t n, size_t first) {
    int64_t bits = (int64_t)call->words * 64;
    if (call->measure == PKN_COMPARE_DOT) {
        for (size_t i = 0; i < n; i++) {
            call->products[first + i] = bits - 2 * (int64_t)distances[i];
        }
    } else if (call->measure != PKN_COMPARE_HAMMING) {
        float *out = call->similarities + first;
        pkn_simd()->similarity_u32(distances, n, (uint64_t)bits, out);
        for (size_t i = 0; i < n && call->measure == PKN_COMPARE_COSINE; i++) {
            out[i] = out[i] * 2 - 1; /* doubling is exact, so fusing changes nothing */
        }
    }
}

PKN_INTERNAL int pkn_measures_with_one(size_t begin, size_t end, void *ctx) {
    const pkn_measures *call = (const pkn_measures *)ctx;
    uint32_t block[PKN_COMPARE_BLOCK];
    while (begin < end) {
        size_t n = pkn_min_size(end - begin, PKN_COMPARE_BLOCK);
        uint32_t *distances = block;
        if (call->measure == PKN_COMPARE_HAMMING) {
            distances = call->distances + begin;
        }
        pkn_simd()->hamming_tile_u64(call->a, 1, call->b + begin * call->words, n, call->words,
                                     distances, 0);
        pkn_measures_convert(call, distances, n, begin);
        begin += n;
    }
    return 0;
}

PKN_INTERNAL int pkn_measures_pairs(size_t begin, size_t end, void *ctx) {
    const pkn_measures *call = (const pkn_measures *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    uint32_t block[PKN_COMPARE_BLOCK];
    while (begin < end) {
        size_t n = pkn_min_size(end - begin, PKN_COMPARE_BLOCK);
        uint32_t *distances = block;
        if (call->measure == PKN_COMPARE_HAMMING) {
            distances = call->distances + begin;
        }
        for (size_t i = 0; i < n; i++) {
            size_t first = (begin + i) * call->words;
            uint64_t distance = kernels->hamming_u64(call->a + first, call->b + first, call->words);
            distances[i] = distance > UINT32_MAX ? UINT32_MAX : (uint32_t)distance;
        }
        pkn_measures_convert(call, distances, n, begin);
        begin += n;
    }
    return 0;
}

/* out [n] has elements of out_size bytes; n_a is 1 or n. */
PKN_INTERNAL pkern_status pkn_measures_run(pkn_measures *call, pkern_pool *pool, int measure,
                                           const uint64_t *a, size_t n_a, const uint64_t *b,
                                           size_t n, size_t words, const void *out,
                                           size_t out_size) {
    size_t bytes, out_bytes;
    double convert = measure == PKN_COMPARE_HAMMING ? 0 : PKN_COMPARE_CONVERT_NS;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    out_bytes = n * out_size; /* a row has 8 bytes at least, an element 8 at most */
    if (!a || !b || !out || pkn_overlaps(a, n_a * words * 8, out, out_bytes) ||
        pkn_overlaps(b, bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    call->measure = measure;
    call->a = a;
    call->b = b;
    call->words = words;
    if (n_a == 1 && n > 1) {
        return pkn_hdc_run(pool, n, 16, pkn_hdc_pair_cost(words) + convert, pkn_measures_with_one,
                           call);
    }
    return pkn_hdc_run(pool, n, 16, pkn_hdc_pair_cost(words) + PKN_COMPARE_PAIR_NS + convert,
                       pkn_measures_pairs, call);
}

PKERN_API pkern_status pkern_hdc_hamming(pkern_pool *pool, const uint64_t *query,
                                         const uint64_t *targets, size_t n, size_t words,
                                         uint32_t *out) {
    pkn_measures call;
    call.distances = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_HAMMING, query, 1, targets, n, words, out,
                            sizeof *out);
}

PKERN_API pkern_status pkern_hdc_cosine(pkern_pool *pool, const uint64_t *query,
                                        const uint64_t *targets, size_t n, size_t words,
                                        float *out) {
    pkn_measures call;
    call.similarities = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_COSINE, query, 1, targets, n, words, out,
                            sizeof *out);
}

PKERN_API pkern_status pkern_hdc_dot(pkern_pool *pool, const uint64_t *query,
                                     const uint64_t *targets, size_t n, size_t words,
                                     int64_t *out) {
    pkn_measures call;
    call.products = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_DOT, query, 1, targets, n, words, out,
                            sizeof *out);
}

PKERN_API pkern_status pkern_hdc_hamming_pairs(pkern_pool *pool, const uint64_t *a,
                                               const uint64_t *b, size_t n, size_t words,
                                               uint32_t *out) {
    pkn_measures call;
    call.distances = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_HAMMING, a, n, b, n, words, out, sizeof *out);
}

PKERN_API pkern_status pkern_hdc_similarity_pairs(pkern_pool *pool, const uint64_t *a,
                                                  const uint64_t *b, size_t n, size_t words,
                                                  float *out) {
    pkn_measures call;
    call.similarities = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_SIMILARITY, a, n, b, n, words, out,
                            sizeof *out);
}

PKERN_API pkern_status pkern_hdc_cosine_pairs(pkern_pool *pool, const uint64_t *a,
                                              const uint64_t *b, size_t n, size_t words,
                                              float *out) {
    pkn_measures call;
    call.similarities = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_COSINE, a, n, b, n, words, out, sizeof *out);
}

PKERN_API pkern_status pkern_hdc_dot_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                           size_t n, size_t words, int64_t *out) {
    pkn_measures call;
    call.products = out;
    return pkn_measures_run(&call, pool, PKN_COMPARE_DOT, a, n, b, n, words, out, sizeof *out);
}

#endif
