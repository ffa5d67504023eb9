/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sets of terms whose rows are looked up by number in a table each. */
#ifndef PKN_HDC_ENCODE_SETS_C
#define PKN_HDC_ENCODE_SETS_C

#include "hdc/encode.h"
#include "hdc/encode_terms.h"

/* Terms counted in one go, a multiple of 16. */
#define PKN_SETS_BLOCK 64

typedef struct pkn_sets {
    const uint32_t *indices;
    const size_t *offsets;
    size_t n_sets;
    const uint64_t *const *tables;
    const size_t *n_rows;
    size_t arity, words;
    uint64_t *out;
} pkn_sets;

PKN_INTERNAL void pkn_sets_one(const pkn_sets *sets, size_t set, size_t word) {
    PKN_ALIGNED(64) uint64_t planes[PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH)];
    const uint64_t *rows[PKN_SETS_BLOCK * PKERN_HDC_MAX_ARITY];
    size_t words = pkn_min_size(PKN_TERMS_WORDS, sets->words - word), arity = sets->arity;
    size_t term = sets->offsets[set], end = sets->offsets[set + 1], n_terms = end - term, n;
    pkn_terms terms = {rows, arity, arity, 0};
    pkn_terms_count count;
    pkn_terms_begin(&count, planes, pkn_terms_n_high(n_terms));
    do {
        n = pkn_min_size(end - term, PKN_SETS_BLOCK);
        for (size_t i = 0; i < n; i++) {
            const uint32_t *indices = sets->indices + (term + i) * arity;
            for (size_t j = 0; j < arity; j++) {
                rows[i * arity + j] = sets->tables[j] + indices[j] * sets->words + word;
            }
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
    for (size_t term = begin; term < end; term++) {
        for (size_t j = 0; j < sets->arity; j++) {
            is_bad |= sets->indices[term * sets->arity + j] >= sets->n_rows[j];
        }
    }
    return is_bad ? PKERN_EINVAL : PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_sets_check(const pkn_sets *sets) {
    size_t first, n_terms, term_bytes, bytes, out_bytes;
    const size_t *offsets = sets->offsets;
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
    term_bytes = sets->arity * sizeof *sets->indices;
    if (pkn_mul_overflows_size(offsets[sets->n_sets], term_bytes, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n_terms > 0 && (!sets->indices || !sets->tables || !sets->n_rows)) {
        return PKERN_EINVAL;
    }
    if (pkn_overlaps(offsets, (sets->n_sets + 1) * sizeof *offsets, sets->out, out_bytes) ||
        (n_terms > 0 && pkn_overlaps(sets->indices + first * sets->arity, n_terms * term_bytes,
                                     sets->out, out_bytes))) {
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

PKERN_API pkern_status pkern_hdc_encode_terms(pkern_pool *pool, const uint32_t *indices,
                                              const size_t *offsets, size_t n_sets,
                                              const uint64_t *const *tables, const size_t *n_rows,
                                              size_t arity, size_t words, uint64_t *out) {
    pkn_sets sets = {indices, offsets, n_sets, tables, n_rows, arity, words, out};
    pkern_status status = pkn_sets_check(&sets);
    size_t n_terms;
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    n_terms = offsets[n_sets] - offsets[0];
    if (n_terms > 0) {
        pkn_sets check = sets;
        check.indices = indices + offsets[0] * arity;
        status =
            pkn_hdc_run(pool, n_terms, 256, 0.5 * (double)arity, pkn_sets_check_indices, &check);
    }
    if (status != PKERN_OK) {
        return status;
    }
    return pkn_hdc_run(pool, n_sets * pkn_terms_blocks(words), 1,
                       pkn_terms_cost(arity, words) * ((double)n_terms / (double)n_sets + 20),
                       pkn_sets_items, &sets);
}

#endif
