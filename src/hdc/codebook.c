/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Codebooks. Levels and circles are rows of one kind: row 0 with the places [low, high) of a random
   order of bits flipped, where low and high never fall from row to row. A piece of rows makes its
   first one from row 0 and each other from the one before. */
#ifndef PKN_HDC_CODEBOOK_C
#define PKN_HDC_CODEBOOK_C

#include "base/alloc.h"
#include "hdc/codebook.h"
#include "hdc/hdc.h"
#include "hdc/hdc_chance.h"
#include "hdc/hdc_run.h"

#define PKN_CODEBOOK_MAX_LEVELS ((size_t)1 << 31)
/* measured like the costs in hdc_run.h */
#define PKN_FLIP_NS 1.0

typedef struct pkn_codebook {
    uint64_t seed;
    pkn_chance chance;
    size_t words;
    uint64_t *out;
} pkn_codebook;

PKN_INTERNAL int pkn_codebook_random_words(size_t begin, size_t end, void *ctx) {
    const pkn_codebook *codebook = (const pkn_codebook *)ctx;
    for (size_t i = begin; i < end; i++) {
        codebook->out[i] = pkn_random_at(codebook->seed, i);
    }
    return 0;
}

PKN_INTERNAL int pkn_codebook_biased_words(size_t begin, size_t end, void *ctx) {
    const pkn_codebook *codebook = (const pkn_codebook *)ctx;
    for (size_t i = begin; i < end; i++) {
        codebook->out[i] = pkn_chance_word(codebook->chance, codebook->seed, i);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_codebook_random(pkern_pool *pool, uint64_t seed, size_t n,
                                                 size_t words, uint64_t *out) {
    pkn_codebook codebook;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    memset(&codebook, 0, sizeof codebook);
    codebook.seed = seed;
    codebook.out = out;
    return pkn_hdc_run(pool, n * words, 16, PKN_CHANCE_WORD_NS, pkn_codebook_random_words,
                       &codebook);
}

PKERN_API pkern_status pkern_hdc_codebook_random_density(pkern_pool *pool, uint64_t seed,
                                                         double density, size_t n, size_t words,
                                                         uint64_t *out) {
    pkn_codebook codebook;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!(density >= 0 && density <= 1)) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    codebook.seed = seed ^ PKN_CHANCE_BIASED;
    codebook.chance = pkn_chance_of(density);
    codebook.words = words;
    codebook.out = out;
    return pkn_hdc_run(pool, n * words, 16, pkn_chance_cost(codebook.chance),
                       pkn_codebook_biased_words, &codebook);
}

typedef struct pkn_level_book {
    const uint32_t *order; /* [half]: bits in the order of their flips */
    uint64_t half, n_levels;
    size_t words;
    int is_circular;
    uint64_t *out;
} pkn_level_book;

typedef struct pkn_level {
    uint64_t low, high; /* places of the order that are flipped */
} pkn_level;

PKN_INTERNAL pkn_level pkn_level_at(const pkn_level_book *book, uint64_t row) {
    pkn_level level;
    uint64_t flips = book->is_circular     ? row * 2 * book->half / book->n_levels
                     : book->n_levels == 1 ? 0
                                           : row * book->half / (book->n_levels - 1);
    level.high = flips < book->half ? flips : book->half;
    level.low = flips - level.high;
    return level;
}

PKN_INTERNAL void pkn_level_flip(const pkn_level_book *book, uint64_t begin, uint64_t end,
                                 uint64_t *row) {
    for (uint64_t i = begin; i < end; i++) {
        row[book->order[i] / 64] ^= (uint64_t)1 << (book->order[i] % 64);
    }
}

/* Item i is row i + 1. */
PKN_INTERNAL int pkn_level_rows(size_t begin, size_t end, void *ctx) {
    const pkn_level_book *book = (const pkn_level_book *)ctx;
    const uint64_t *before = book->out;
    pkn_level last = {0, 0};
    for (size_t i = begin + 1; i < end + 1; i++) {
        uint64_t *row = book->out + i * book->words;
        pkn_level level = pkn_level_at(book, i);
        memcpy(row, before, book->words * sizeof *row);
        if (level.low < last.high) {
            pkn_level_flip(book, last.low, level.low, row);
            pkn_level_flip(book, last.high, level.high, row);
        } else {
            pkn_level_flip(book, last.low, last.high, row);
            pkn_level_flip(book, level.low, level.high, row);
        }
        before = row;
        last = level;
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_level_book_make(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                              size_t words, int is_circular, uint64_t *out) {
    pkn_level_book book;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    uint64_t bits = (uint64_t)words * 64;
    size_t bytes, min_len;
    uint32_t *order;
    double cost;
    pkern_status status = pkn_hdc_check_rows(n_levels, words, &bytes);
    if (status != PKERN_OK || n_levels == 0) {
        return status;
    }
    if (n_levels > PKN_CODEBOOK_MAX_LEVELS) {
        return PKERN_EOVERFLOW;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    order = (uint32_t *)pkn_allocate(allocator, (size_t)bits * sizeof *order, PKN_CACHE_LINE);
    if (!order) {
        return PKERN_ENOMEM;
    }
    pkn_chance_order(seed ^ PKN_CHANCE_ORDER, bits, bits / 2, order);
    pkern_hdc_random(seed, out, words);
    book.order = order;
    book.half = bits / 2;
    book.n_levels = n_levels;
    book.words = words;
    book.is_circular = is_circular;
    book.out = out;
    /* a piece begins with up to half of the bits to flip: its rows should be worth 8 times that */
    cost = pkn_hdc_move_cost(words, bytes) + PKN_FLIP_NS * (double)bits / (double)n_levels;
    min_len = (size_t)(8 * PKN_FLIP_NS * (double)book.half / cost) + 1;
    if (n_levels > 1) {
        status = pkn_hdc_run(pool, n_levels - 1, min_len, cost, pkn_level_rows, &book);
    }
    pkn_release(allocator, order, (size_t)bits * sizeof *order);
    return status;
}

PKERN_API pkern_status pkern_hdc_codebook_level(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                size_t words, uint64_t *out) {
    return pkn_level_book_make(pool, seed, n_levels, words, 0, out);
}

PKERN_API pkern_status pkern_hdc_codebook_circular(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                   size_t words, uint64_t *out) {
    return pkn_level_book_make(pool, seed, n_levels, words, 1, out);
}

PKN_INTERNAL int pkn_thermometer_rows(size_t begin, size_t end, void *ctx) {
    const pkn_level_book *book = (const pkn_level_book *)ctx;
    for (size_t i = begin; i < end; i++) {
        uint64_t *row = book->out + i * book->words;
        uint64_t ones = book->n_levels == 1 ? 0 : i * 2 * book->half / (book->n_levels - 1);
        size_t full = (size_t)(ones / 64);
        memset(row, 0xff, full * sizeof *row);
        memset(row + full, 0, (book->words - full) * sizeof *row);
        if (ones % 64 != 0) {
            row[full] = ((uint64_t)1 << (ones % 64)) - 1;
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_codebook_thermometer(pkern_pool *pool, size_t n_levels,
                                                      size_t words, uint64_t *out) {
    pkn_level_book book;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n_levels, words, &bytes);
    if (status != PKERN_OK || n_levels == 0) {
        return status;
    }
    if (n_levels > PKN_CODEBOOK_MAX_LEVELS) {
        return PKERN_EOVERFLOW;
    }
    if (!out) {
        return PKERN_EINVAL;
    }
    memset(&book, 0, sizeof book);
    book.half = (uint64_t)words * 32;
    book.n_levels = n_levels;
    book.words = words;
    book.out = out;
    return pkn_hdc_run(pool, n_levels, 1, pkn_hdc_move_cost(words, bytes) + 2, pkn_thermometer_rows,
                       &book);
}

#endif
