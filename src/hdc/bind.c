/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binding, a xor at memory speed. Short rows are bound several at a time with a key repeated on the
   stack, long ones are cut, so that a kernel call always has between 128 bytes and 32 KiB to do. */
#ifndef PKN_HDC_BIND_C
#define PKN_HDC_BIND_C

#include "hdc/hdc.h"
#include "hdc/hdc_run.h"

/* Words of the repeated key; from half of it on a row is long enough for a call of its own. */
#define PKN_BIND_KEY_WORDS 32
/* Up to this many words a row, a part of the key stays in registers for all rows; beyond, a row's neighbours would be too far off. */
#define PKN_BIND_ROWS_WORDS 512
/* Words of a piece of a long row. */
#define PKN_BIND_PIECE_WORDS 4096

typedef struct pkn_bind {
    const uint64_t *vectors, *key; /* key 0: the second operand is `pairs` */
    const uint64_t *pairs;
    uint64_t *out;
    size_t n, words;
    size_t n_pieces; /* of a row */
} pkn_bind;

PKN_INTERNAL int pkn_bind_short_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t keys[PKN_BIND_KEY_WORDS];
    size_t words = bind->words;
    size_t n_keys = pkn_min_size(PKN_BIND_KEY_WORDS / words, end - begin);
    for (size_t i = 0; i < n_keys; i++) {
        memcpy(keys + i * words, bind->key, words * 8);
    }
    for (size_t row = begin; row < end; row += n_keys) {
        size_t n = pkn_min_size(n_keys, end - row);
        kernels->xor_u64(bind->vectors + row * words, keys, n * words, bind->out + row * words);
    }
    return 0;
}

PKN_INTERNAL int pkn_bind_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = bind->words, first = begin * words;
    if (words <= PKN_BIND_ROWS_WORDS) {
        kernels->xor_rows_u64(bind->vectors + first, end - begin, bind->key, words,
                              bind->out + first);
        return 0;
    }
    for (; first < end * words; first += words) {
        kernels->xor_u64(bind->vectors + first, bind->key, words, bind->out + first);
    }
    return 0;
}

/* Items are pieces of rows. */
PKN_INTERNAL int pkn_bind_row_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    for (size_t item = begin; item < end; item++) {
        size_t row = item / bind->n_pieces;
        size_t column = item % bind->n_pieces * PKN_BIND_PIECE_WORDS;
        size_t first = row * bind->words + column;
        size_t words = pkn_min_size(PKN_BIND_PIECE_WORDS, bind->words - column);
        pkn_simd()->xor_u64(bind->vectors + first, bind->key + column, words, bind->out + first);
    }
    return 0;
}

/* Items are pieces of the whole arrays. */
PKN_INTERNAL int pkn_bind_pair_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bind *bind = (const pkn_bind *)ctx;
    size_t first = begin * PKN_BIND_KEY_WORDS;
    size_t last = pkn_min_size(end * PKN_BIND_KEY_WORDS, bind->words);
    pkn_simd()->xor_u64(bind->vectors + first, bind->pairs + first, last - first,
                        bind->out + first);
    return 0;
}

PKERN_API pkern_status pkern_hdc_bind(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                      const uint64_t *key, size_t words, uint64_t *out) {
    pkn_bind bind;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_hdc_clashes(key, words * 8, out, bytes)) {
        return PKERN_EINVAL;
    }
    bind.vectors = vectors;
    bind.key = key;
    bind.pairs = 0;
    bind.out = out;
    bind.n = n;
    bind.words = words;
    bind.n_pieces = (words + PKN_BIND_PIECE_WORDS - 1) / PKN_BIND_PIECE_WORDS;
    if (bind.n_pieces > 1) {
        return pkn_hdc_run(pool, n * bind.n_pieces, 1,
                           pkn_hdc_move_cost(PKN_BIND_PIECE_WORDS, bytes), pkn_bind_row_pieces,
                           &bind);
    }
    return pkn_hdc_run(pool, n, 1, pkn_hdc_move_cost(words, bytes),
                       words <= PKN_BIND_KEY_WORDS / 2 ? pkn_bind_short_rows : pkn_bind_rows,
                       &bind);
}

PKERN_API pkern_status pkern_hdc_bind_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                            size_t n, size_t words, uint64_t *out) {
    pkn_bind bind;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!a || !b || !out || pkn_hdc_clashes(a, bytes, out, bytes) ||
        pkn_hdc_clashes(b, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&bind, 0, sizeof bind);
    bind.vectors = a;
    bind.pairs = b;
    bind.out = out;
    bind.words = n * words;
    return pkn_hdc_run(pool, (bind.words + PKN_BIND_KEY_WORDS - 1) / PKN_BIND_KEY_WORDS, 1,
                       pkn_hdc_move_cost(PKN_BIND_KEY_WORDS, bytes), pkn_bind_pair_pieces, &bind);
}

#endif
