/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binding sets, binding under a mask, complements. A set is cut like a bundle's: by columns, and by
   rows where that gives too few items; xor doesn't mind the cuts. */
#ifndef PKN_HDC_MULTIBIND_C
#define PKN_HDC_MULTIBIND_C

#include "base/alloc.h"
#include "hdc/bind.c"
#include "hdc/bundle.c"
#include "hdc/hdc_run.h"
#include "hdc/operations.h"

/* Columns of an item, in words: 4 KiB of the result stay in L1, where each row is xored to it: 7 ns
   for 256 bytes. */
#define PKN_MULTIBIND_PIECE_WORDS 512
#define PKN_MULTIBIND_CHUNK_ROWS 2048

typedef struct pkn_multibind {
    const uint64_t *vectors;
    const size_t *set_offsets; /* 0: one set, of n_rows rows in chunks of chunk_rows */
    size_t n_rows, chunk_rows;
    size_t words, n_pieces;
    uint64_t *out;
} pkn_multibind;

/* Items are pieces of sets, or of chunks of the one set. */
PKN_INTERNAL int pkn_multibind_items(size_t begin, size_t end, void *ctx) {
    const pkn_multibind *call = (const pkn_multibind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t set = item / call->n_pieces;
        size_t word = item % call->n_pieces * PKN_MULTIBIND_PIECE_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_MULTIBIND_PIECE_WORDS);
        size_t row = call->set_offsets ? call->set_offsets[set] : set * call->chunk_rows;
        size_t last = call->set_offsets ? call->set_offsets[set + 1]
                                        : pkn_min_size(row + call->chunk_rows, call->n_rows);
        const uint64_t *rows = pkn_hdc_at(call->vectors, word);
        uint64_t *out = call->out + set * call->words + word;
        if (row == last) {
            memset(out, 0, words * sizeof *out);
        } else if (row + 1 == last) {
            memcpy(out, rows + row * call->words, words * sizeof *out);
        } else {
            kernels->xor_u64(rows + row * call->words, rows + (row + 1) * call->words, words, out);
            for (row += 2; row < last; row++) {
                kernels->xor_u64(out, rows + row * call->words, words, out);
            }
        }
    }
    return 0;
}

/* One long set, alone where there is no memory for parts. */
PKN_INTERNAL pkern_status pkn_multibind_long_set(const pkn_multibind *call, pkern_pool *pool,
                                                 size_t set, size_t n_threads) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    pkn_multibind parts = *call;
    size_t first = call->set_offsets[set], n_chunks, bytes;
    pkern_status status;
    parts.set_offsets = 0;
    parts.vectors = call->vectors + first * call->words;
    parts.n_rows = call->set_offsets[set + 1] - first;
    parts.chunk_rows = pkn_max_size(parts.n_rows / (n_threads * 8) + 1, PKN_MULTIBIND_CHUNK_ROWS);
    n_chunks = (parts.n_rows + parts.chunk_rows - 1) / parts.chunk_rows;
    bytes = n_chunks * call->words * sizeof *parts.out;
    parts.out = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!parts.out) {
        return pkn_multibind_items(set * call->n_pieces, (set + 1) * call->n_pieces,
                                   (void *)(uintptr_t)call);
    }
    status = pkn_hdc_run(pool, n_chunks * call->n_pieces, 1,
                         0.5 * pkn_hdc_move_cost(call->words, parts.n_rows * call->words * 8) *
                             (double)parts.chunk_rows / (double)call->n_pieces,
                         pkn_multibind_items, &parts);
    if (status == PKERN_OK) {
        pkn_multibind sum = parts;
        sum.vectors = parts.out;
        sum.n_rows = sum.chunk_rows = n_chunks;
        sum.out = call->out + set * call->words;
        status = pkn_multibind_items(0, call->n_pieces, &sum);
    }
    pkn_release(allocator, parts.out, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_multibind_run(const pkn_multibind *call, pkern_pool *pool,
                                            size_t n_sets) {
    size_t n_rows = call->set_offsets[n_sets] - call->set_offsets[0];
    size_t n_items = n_sets * call->n_pieces;
    double cost = 0.5 * pkn_hdc_move_cost(call->words, n_rows * call->words * 8) *
                  ((double)n_rows + (double)n_sets);
    if (n_rows / n_sets >= 2 * PKN_MULTIBIND_CHUNK_ROWS) {
        size_t n_threads = (size_t)pkern_pool_num_threads(pool);
        if (n_threads > 1 && n_items < n_threads * PKN_BUNDLE_ITEMS_PER_THREAD) {
            pkern_status status = PKERN_OK;
            for (size_t set = 0; set < n_sets && status == PKERN_OK; set++) {
                status = pkn_multibind_long_set(call, pool, set, n_threads);
            }
            return status;
        }
    }
    return pkn_hdc_run(pool, n_items, 1, cost / (double)n_items, pkn_multibind_items,
                       (void *)(uintptr_t)call);
}

PKERN_API pkern_status pkern_hdc_multibind(pkern_pool *pool, const uint64_t *vectors,
                                           const size_t *set_offsets, size_t n_sets, size_t words,
                                           uint64_t *out) {
    pkn_multibind call;
    size_t bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
    }
    status = pkn_hdc_check_rows(set_offsets[n_sets], words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    bytes = (set_offsets[n_sets] - set_offsets[0]) * words * sizeof *vectors;
    if ((bytes > 0 &&
         (!vectors || pkn_overlaps(vectors + set_offsets[0] * words, bytes, out, out_bytes))) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    memset(&call, 0, sizeof call);
    call.vectors = vectors;
    call.set_offsets = set_offsets;
    call.words = words;
    call.n_pieces = (words + PKN_MULTIBIND_PIECE_WORDS - 1) / PKN_MULTIBIND_PIECE_WORDS;
    call.out = out;
    return pkn_multibind_run(&call, pool, n_sets);
}

typedef struct pkn_bind_masked {
    const uint64_t *vectors, *key, *mask;
    size_t words, n_pieces;
    uint64_t *out;
} pkn_bind_masked;

/* Items are pieces of long rows. */
PKN_INTERNAL int pkn_bind_masked_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind_masked *call = (const pkn_bind_masked *)ctx;
    uint64_t key[PKN_MULTIBIND_PIECE_WORDS];
    for (size_t item = begin; item < end; item++) {
        size_t word = item % call->n_pieces * PKN_MULTIBIND_PIECE_WORDS;
        size_t words = pkn_min_size(call->words - word, PKN_MULTIBIND_PIECE_WORDS);
        size_t first = item / call->n_pieces * call->words + word;
        pkn_simd()->and_u64(call->key + word, call->mask + word, words, key);
        pkn_simd()->xor_u64(call->vectors + first, key, words, call->out + first);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_bind_masked(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             const uint64_t *key, const uint64_t *mask,
                                             size_t words, uint64_t *out) {
    pkn_bind_masked call;
    uint64_t masked[PKN_MULTIBIND_PIECE_WORDS];
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !mask || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_overlaps(key, words * 8, out, bytes) || pkn_overlaps(mask, words * 8, out, bytes)) {
        return PKERN_EINVAL;
    }
    if (words <= PKN_MULTIBIND_PIECE_WORDS) {
        pkn_simd()->and_u64(key, mask, words, masked);
        return pkern_hdc_bind(pool, vectors, n, masked, words, out);
    }
    call.vectors = vectors;
    call.key = key;
    call.mask = mask;
    call.words = words;
    call.n_pieces = (words + PKN_MULTIBIND_PIECE_WORDS - 1) / PKN_MULTIBIND_PIECE_WORDS;
    call.out = out;
    return pkn_hdc_run(pool, n * call.n_pieces, 1,
                       1.5 * pkn_hdc_move_cost(PKN_MULTIBIND_PIECE_WORDS, bytes),
                       pkn_bind_masked_pieces, &call);
}

typedef struct pkn_negate {
    const uint64_t *vectors;
    size_t words; /* of all vectors */
    uint64_t *out;
} pkn_negate;

/* Items are pieces of the whole array. */
PKN_INTERNAL int pkn_negate_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_negate *call = (const pkn_negate *)ctx;
    size_t first = begin * PKN_BIND_KEY_WORDS;
    size_t last = pkn_min_size(end * PKN_BIND_KEY_WORDS, call->words);
    pkn_simd()->not_u64(call->vectors + first, last - first, call->out + first);
    return 0;
}

PKERN_API pkern_status pkern_hdc_negate(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                        size_t words, uint64_t *out) {
    pkn_negate call;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.words = n * words;
    call.out = out;
    return pkn_hdc_run(pool, (call.words + PKN_BIND_KEY_WORDS - 1) / PKN_BIND_KEY_WORDS, 1,
                       pkn_hdc_move_cost(PKN_BIND_KEY_WORDS, bytes), pkn_negate_pieces, &call);
}

#endif
