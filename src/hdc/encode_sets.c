/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sets of terms whose rows are looked up by number in a table each. Rows that a structure wants
   rotated are rotated into L1 on the way. */
#ifndef PKN_HDC_ENCODE_SETS_C
#define PKN_HDC_ENCODE_SETS_C

#include "hdc/encode.h"
#include "hdc/encode_terms.h"

/* Terms counted in one go, a multiple of 16. */
#define PKN_SETS_BLOCK 64

/* Which rows are rotated: none; the last one of each term, by 1; a sequence's, by the number of
   terms behind. */
enum { PKN_SETS_PLAIN, PKN_SETS_LAST, PKN_SETS_BY_PLACE };

typedef struct pkn_sets {
    const uint8_t *bytes; /* either these indices, of arity 1 */
    const uint32_t *indices;
    const size_t *offsets;
    size_t n_sets;
    const uint64_t *const *tables;
    const size_t *n_rows;
    size_t arity, words;
    uint64_t *out;
    int rotation;
} pkn_sets;

/* The indices of at most PKN_SETS_BLOCK terms: where they stand, or widened into buffer. */
PKN_INLINE const uint32_t *pkn_sets_indices(const pkn_sets *sets, size_t term, size_t n,
                                            uint32_t *buffer) {
    if (!sets->bytes) {
        return n > 0 ? sets->indices + term * sets->arity : 0;
    }
    for (size_t i = 0; i < n; i++) {
        buffer[i] = sets->bytes[term + i];
    }
    return buffer;
}

/* Puts the rotated rows of n terms in place of the last ones of rows [n x arity], whose columns
   begin at `word`; `behind` terms come after the last of them. */
PKN_INTERNAL void pkn_sets_rotate(const pkn_sets *sets, size_t word, size_t words, size_t n,
                                  size_t behind, const uint64_t **rows, uint64_t *rotated) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t **row = &rows[(i + 1) * sets->arity - 1];
        size_t shift = sets->rotation == PKN_SETS_LAST ? 1 : behind + n - 1 - i;
        uint64_t *out = rotated + i * PKN_TERMS_WORDS;
        pkn_terms_rotate(*row - word, sets->words, shift, word, words, out);
        *row = out;
    }
}

PKN_INTERNAL void pkn_sets_one(const pkn_sets *sets, size_t set, size_t word) {
    PKN_ALIGNED(64) uint64_t planes[PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH)];
    PKN_ALIGNED(64) uint64_t rotated[PKN_SETS_BLOCK * PKN_TERMS_WORDS];
    const uint64_t *rows[PKN_SETS_BLOCK * PKERN_HDC_MAX_ARITY];
    uint32_t buffer[PKN_SETS_BLOCK];
    size_t words = pkn_min_size(PKN_TERMS_WORDS, sets->words - word), arity = sets->arity;
    size_t term = sets->offsets[set], end = sets->offsets[set + 1], n_terms = end - term, n;
    pkn_terms terms = {rows, arity, arity, 0};
    pkn_terms_count count;
    pkn_terms_begin(&count, planes, pkn_terms_n_high(n_terms));
    do {
        const uint32_t *indices;
        n = pkn_min_size(end - term, PKN_SETS_BLOCK);
        indices = pkn_sets_indices(sets, term, n, buffer);
        for (size_t i = 0; i < n; i++, indices += arity) {
            for (size_t j = 0; j < arity; j++) {
                rows[i * arity + j] = sets->tables[j] + indices[j] * sets->words + word;
            }
        }
        if (sets->rotation != PKN_SETS_PLAIN) {
            pkn_sets_rotate(sets, word, words, n, end - term - n, rows, rotated);
        }
        pkn_simd()->count_terms_u64(&terms, n / 16, words, &count);
        term += n;
    } while (term < end);
    terms.rows = rows + n / 16 * 16 * arity;
    pkn_simd()->end_terms_u64(&terms, n % 16, words, &count, n_terms / 2,
                              sets->out + set * sets->words + word);
}

/* Items are sets in a block of columns. */
PKN_INTERNAL int pkn_sets_items(size_t begin, size_t end, void *ctx) {
    const pkn_sets *sets = (const pkn_sets *)ctx;
    for (size_t item = begin; item < end; item++) {
        pkn_sets_one(sets, item % sets->n_sets, item / sets->n_sets * PKN_TERMS_WORDS);
    }
    return 0;
}

PKN_INTERNAL int pkn_sets_check_indices(size_t begin, size_t end, void *ctx) {
    const pkn_sets *sets = (const pkn_sets *)ctx;
    int is_bad = 0;
    for (size_t term = begin; sets->bytes && term < end; term++) {
        is_bad |= sets->bytes[term] >= sets->n_rows[0];
    }
    for (size_t term = begin; !sets->bytes && term < end; term++) {
        for (size_t j = 0; j < sets->arity; j++) {
            is_bad |= sets->indices[term * sets->arity + j] >= sets->n_rows[j];
        }
    }
    return is_bad ? PKERN_EINVAL : PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_sets_check(const pkn_sets *sets) {
    size_t first, n_terms, term_bytes, bytes, out_bytes;
    const size_t *offsets = sets->offsets;
    const char *indices = sets->bytes ? (const char *)sets->bytes : (const char *)sets->indices;
    pkern_status status = pkn_hdc_check_rows(sets->n_sets, sets->words, &out_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (sets->arity == 0 || sets->arity > PKERN_HDC_MAX_ARITY) {
        return PKERN_EINVAL;
    }
    if (sets->n_sets == 0) {
        return PKERN_OK;
    }
    if (!offsets || !sets->out) {
        return PKERN_EINVAL;
    }
    for (size_t set = 0; set < sets->n_sets; set++) {
        if (offsets[set + 1] < offsets[set]) {
            return PKERN_EINVAL;
        }
        if (offsets[set + 1] - offsets[set] > PKN_ENCODE_MAX_TERMS) {
            return PKERN_EOVERFLOW;
        }
    }
    first = offsets[0];
    n_terms = offsets[sets->n_sets] - first;
    term_bytes = sets->arity * (sets->bytes ? 1 : sizeof *sets->indices);
    if (pkn_mul_overflows_size(offsets[sets->n_sets], term_bytes, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n_terms > 0 && (!indices || !sets->tables || !sets->n_rows)) {
        return PKERN_EINVAL;
    }
    if (pkn_overlaps(offsets, (sets->n_sets + 1) * sizeof *offsets, sets->out, out_bytes) ||
        (n_terms > 0 &&
         pkn_overlaps(indices + first * term_bytes, n_terms * term_bytes, sets->out, out_bytes))) {
        return PKERN_EINVAL;
    }
    for (size_t j = 0; n_terms > 0 && j < sets->arity; j++) {
        if (pkn_hdc_check_rows(sets->n_rows[j], sets->words, &bytes) != PKERN_OK) {
            return PKERN_EOVERFLOW;
        }
        if (!sets->tables[j] || pkn_overlaps(sets->tables[j], bytes, sets->out, out_bytes)) {
            return PKERN_EINVAL;
        }
    }
    return PKERN_OK;
}

/* Checks everything and runs items, columns of sets that cost so much a term and block. */
PKN_INTERNAL pkern_status pkn_sets_run(const pkn_sets *sets, pkern_pool *pool, double cost,
                                       pkern_range_fn items) {
    pkern_status status = pkn_sets_check(sets);
    size_t n_terms, first;
    if (status != PKERN_OK || sets->n_sets == 0) {
        return status;
    }
    first = sets->offsets[0];
    n_terms = sets->offsets[sets->n_sets] - first;
    if (n_terms > 0) {
        pkn_sets check = *sets;
        check.bytes = sets->bytes ? sets->bytes + first * sets->arity : 0;
        check.indices = sets->indices ? sets->indices + first * sets->arity : 0;
        status = pkn_hdc_run(pool, n_terms, 256, 0.5 * (double)sets->arity, pkn_sets_check_indices,
                             &check);
    }
    return status != PKERN_OK ? status
                              : pkn_hdc_run(pool, sets->n_sets * pkn_terms_blocks(sets->words), 1,
                                            cost * ((double)n_terms / (double)sets->n_sets + 20),
                                            items, (void *)(uintptr_t)sets);
}

/* The bundles. */
PKN_INTERNAL pkern_status pkn_sets_encode(const pkn_sets *sets, pkern_pool *pool) {
    double cost = pkn_terms_cost(sets->arity, sets->words);
    if (sets->rotation != PKN_SETS_PLAIN) {
        cost += pkn_terms_rotate_cost(sets->words);
    }
    return pkn_sets_run(sets, pool, cost, pkn_sets_items);
}

PKERN_API pkern_status pkern_hdc_encode_terms(pkern_pool *pool, const uint32_t *indices,
                                              const size_t *offsets, size_t n_sets,
                                              const uint64_t *const *tables, const size_t *n_rows,
                                              size_t arity, size_t words, uint64_t *out) {
    pkn_sets sets = {0,      indices, offsets, n_sets, tables,
                     n_rows, arity,   words,   out,    PKN_SETS_PLAIN};
    return pkn_sets_encode(&sets, pool);
}

#endif
