/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over terms, each the exclusive or of some rows, without writing a
   term to memory: the algorithm, for any vector type.

   An encoder names its terms by pointers: term i is the xor of the rows
       rows[i * step + j] + j * table_words        for j = 0 .. arity - 1.
   A record's fields are pairs (step 2, arity 2); n-grams slide over one pointer a symbol (step 1,
   arity n), where the j-th symbol is looked up in the j-th table.

   Counters are bit-sliced as in majority.h: 16 terms leave four low planes in registers and carry
   one plane of weight 16, which is paired with an earlier one of its level. All planes lie in
   memory between calls, PKN_TERMS_WORDS words each, so counting can stop after any group of 16
   terms and go on with another block of pointers; and several counts can take turns with the same
   rows while these are in L1. There is no bias: the threshold is compared at the end, bit by bit
   from the lowest plane up (above = plane & above where the threshold's bit is 1, plane | above where
   it is 0), so that n need not be known before.

   Bound of a 64-byte column, per term, for arity A: A loads of 64 bytes, one xor of up to three
   operands a VPTERNLOG and one full adder of two: on Zen 4 (one such load and two such operations a
   cycle) A cycles, but not less than 1 + ceil((A - 1) / 2) / 2; on Intel's server cores (two loads)
   half of A, but not less than the same.

   A file of an instruction set defines, with its suffix, pkn_terms_vector_*, pkn_terms_mask_*
   (which words of the last vector exist; not used where the scalar code does the rest) and
       load_(p, mask) keep_(v) zero_() get_(p) put_(p, v) store_(p, mask, v) xor_ xor3_ and_ or_
       full_(sum, b, c) half_(sum, b)
   and lets PKN_DEFINE_TERMS make the kernels. */
#ifndef PKN_SIMD_TERMS_H
#define PKN_SIMD_TERMS_H

#include "base/compiler.h"
#include "base/platform.h"
#include "simd/intrinsics.h"

#include <stddef.h>
#include <stdint.h>

/* Words of a column block, and the distance of planes. */
#define PKN_TERMS_WORDS 32
#define PKN_TERMS_MAX_HIGH 28 /* counts below 2^32 */
/* Words of the planes of a count whose high planes are n_high. */
#define PKN_TERMS_PLANES_WORDS(n_high) ((4 + 2 * (size_t)(n_high)) * PKN_TERMS_WORDS)

typedef struct pkn_terms {
    const uint64_t *const *rows;
    size_t step, arity, table_words;
} pkn_terms;

/* planes: 4 low ones, n_high high ones, n_high carries that wait for a second one. */
typedef struct pkn_terms_count {
    uint64_t *planes;
    unsigned n_high;
    size_t n_groups; /* of 16 terms, done */
} pkn_terms_count;

/* The high planes of a count of up to n terms. */
PKN_INLINE unsigned pkn_terms_n_high(size_t n) {
    return n < 16 ? 0 : 64 - (unsigned)__builtin_clzll((unsigned long long)(n / 16));
}

/* planes has PKN_TERMS_PLANES_WORDS(n_high) words. */
PKN_INLINE void pkn_terms_begin(pkn_terms_count *count, uint64_t *planes, unsigned n_high) {
    count->planes = planes;
    count->n_high = n_high;
    count->n_groups = 0;
    memset(planes, 0, (4 + (size_t)n_high) * PKN_TERMS_WORDS * sizeof *planes);
}

/* LANES words a vector; a step needs WHOLE of them to exist, the scalar code does what is left. */
#define PKN_DEFINE_TERMS(isa, TARGET, LANES, WHOLE) \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_term_##isa( \
        const uint64_t *const *rows, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask) { \
        pkn_terms_vector_##isa v = pkn_terms_load_##isa(rows[0] + word, mask); \
        size_t j = 1; \
        if (arity == 1) { \
            return pkn_terms_keep_##isa(v); \
        } \
        if (arity == 2) { \
            return pkn_terms_xor_##isa( \
                v, pkn_terms_load_##isa(rows[1] + (table_words + word), mask)); \
        } \
        for (; j + 1 < arity; j += 2) { \
            v = pkn_terms_xor3_##isa( \
                v, pkn_terms_load_##isa(rows[j] + (j * table_words + word), mask), \
                pkn_terms_load_##isa(rows[j + 1] + ((j + 1) * table_words + word), mask)); \
        } \
        if (j < arity) { \
            v = pkn_terms_xor_##isa( \
                v, pkn_terms_load_##isa(rows[j] + (j * table_words + word), mask)); \
        } \
        return v; \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_2_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = pkn_term_##isa(rows, arity, table_words, word, mask); \
        pkn_terms_vector_##isa b = pkn_term_##isa(rows + step, arity, table_words, word, mask); \
        return pkn_terms_full_##isa(&low[0], a, b); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_4_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = \
            pkn_terms_2_##isa(rows, step, arity, table_words, word, mask, low); \
        pkn_terms_vector_##isa b = \
            pkn_terms_2_##isa(rows + 2 * step, step, arity, table_words, word, mask, low); \
        return pkn_terms_full_##isa(&low[1], a, b); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_8_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = \
            pkn_terms_4_##isa(rows, step, arity, table_words, word, mask, low); \
        pkn_terms_vector_##isa b = \
            pkn_terms_4_##isa(rows + 4 * step, step, arity, table_words, word, mask, low); \
        return pkn_terms_full_##isa(&low[2], a, b); \
    } \
\
    /* Groups of 16 terms in one column. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_terms_groups_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, \
        size_t n_groups, size_t word, pkn_terms_mask_##isa mask, const pkn_terms_count *count) { \
        uint64_t *planes = count->planes + word; \
        uint64_t *high = planes + 4 * PKN_TERMS_WORDS; \
        uint64_t *pending = high + count->n_high * PKN_TERMS_WORDS; \
        pkn_terms_vector_##isa low[4], carry, sum, first, wait; \
        if (n_groups == 0) { \
            return; \
        } \
        first = pkn_terms_get_##isa(high); \
        wait = pkn_terms_get_##isa(pending); \
        low[0] = pkn_terms_get_##isa(planes); \
        low[1] = pkn_terms_get_##isa(planes + PKN_TERMS_WORDS); \
        low[2] = pkn_terms_get_##isa(planes + 2 * PKN_TERMS_WORDS); \
        low[3] = pkn_terms_get_##isa(planes + 3 * PKN_TERMS_WORDS); \
        for (size_t group = count->n_groups; group < count->n_groups + n_groups; group++) { \
            size_t bits = group, level = 0; \
            carry = pkn_terms_8_##isa(rows, step, arity, table_words, word, mask, low); \
            carry = pkn_terms_full_##isa( \
                &low[3], carry, \
                pkn_terms_8_##isa(rows + 8 * step, step, arity, table_words, word, mask, low)); \
            if (!(group & 1)) { \
                wait = carry; \
                rows += 16 * step; \
                continue; \
            } \
            carry = pkn_terms_full_##isa(&first, wait, carry); \
            bits >>= 1; \
            level = 1; \
            for (; bits & 1; bits >>= 1, level++) { \
                sum = pkn_terms_get_##isa(high + level * PKN_TERMS_WORDS); \
                carry = pkn_terms_full_##isa( \
                    &sum, pkn_terms_get_##isa(pending + level * PKN_TERMS_WORDS), carry); \
                pkn_terms_put_##isa(high + level * PKN_TERMS_WORDS, sum); \
            } \
            pkn_terms_put_##isa(pending + level * PKN_TERMS_WORDS, carry); \
            rows += 16 * step; \
        } \
        pkn_terms_put_##isa(high, first); \
        pkn_terms_put_##isa(pending, wait); \
        pkn_terms_put_##isa(planes, low[0]); \
        pkn_terms_put_##isa(planes + PKN_TERMS_WORDS, low[1]); \
        pkn_terms_put_##isa(planes + 2 * PKN_TERMS_WORDS, low[2]); \
        pkn_terms_put_##isa(planes + 3 * PKN_TERMS_WORDS, low[3]); \
    } \
\
    /* Less than 16 terms; returns what the four planes carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_rest_##isa( \
        const uint64_t *const *rows, size_t n, size_t step, size_t arity, size_t table_words, \
        size_t word, pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa out = pkn_terms_zero_##isa(), carry; \
        for (; n >= 4; n -= 4, rows += 4 * step) { \
            carry = pkn_terms_4_##isa(rows, step, arity, table_words, word, mask, low); \
            carry = pkn_terms_half_##isa(&low[2], carry); \
            out = pkn_terms_or_##isa(out, pkn_terms_half_##isa(&low[3], carry)); \
        } \
        for (; n > 0; n--, rows += step) { \
            carry = pkn_terms_half_##isa(&low[0], \
                                         pkn_term_##isa(rows, arity, table_words, word, mask)); \
            carry = pkn_terms_half_##isa(&low[1], carry); \
            carry = pkn_terms_half_##isa(&low[2], carry); \
            out = pkn_terms_or_##isa(out, pkn_terms_half_##isa(&low[3], carry)); \
        } \
        return out; \
    } \
\
    /* The last terms and all that is pending: the planes become the counts, or out becomes count > \
       threshold. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_terms_end_##isa( \
        const uint64_t *const *rows, size_t n, size_t step, size_t arity, size_t table_words, \
        size_t word, pkn_terms_mask_##isa mask, const pkn_terms_count *count, uint64_t threshold, \
        uint64_t *out) { \
        uint64_t *planes = count->planes + word; \
        const uint64_t *pending = planes + (4 + count->n_high) * PKN_TERMS_WORDS; \
        pkn_terms_vector_##isa low[4], carry, sum, above = pkn_terms_zero_##isa(); \
        low[0] = pkn_terms_get_##isa(planes); \
        low[1] = pkn_terms_get_##isa(planes + PKN_TERMS_WORDS); \
        low[2] = pkn_terms_get_##isa(planes + 2 * PKN_TERMS_WORDS); \
        low[3] = pkn_terms_get_##isa(planes + 3 * PKN_TERMS_WORDS); \
        carry = pkn_terms_rest_##isa(rows, n, step, arity, table_words, word, mask, low); \
        for (unsigned plane = 0; plane < 4 + count->n_high; plane++) { \
            if (plane < 4) { \
                sum = low[plane]; \
            } else { \
                sum = pkn_terms_get_##isa(planes + plane * PKN_TERMS_WORDS); \
                carry = \
                    count->n_groups >> (plane - 4) & 1 \
                        ? pkn_terms_full_##isa( \
                              &sum, pkn_terms_get_##isa(pending + (plane - 4) * PKN_TERMS_WORDS), \
                              carry) \
                        : pkn_terms_half_##isa(&sum, carry); \
            } \
            above = threshold >> plane & 1 ? pkn_terms_and_##isa(sum, above) \
                                           : pkn_terms_or_##isa(sum, above); \
            if (!out) { \
                pkn_terms_put_##isa(planes + plane * PKN_TERMS_WORDS, sum); \
            } \
        } \
        if (out) { \
            pkn_terms_store_##isa(out + word, mask, above); \
        } \
    } \
\
    /* Whole groups in columns [word, words), as far as this set's vectors reach; returns the first \
       word not done. The arities that are usual get code of their own. */ \
    TARGET PKN_INTERNAL size_t pkn_terms_columns_##isa(const pkn_terms *terms, size_t n_groups, \
                                                       size_t word, size_t words, \
                                                       const pkn_terms_count *count) { \
        const uint64_t *const *rows = terms->rows; \
        size_t step = terms->step, arity = terms->arity, table = terms->table_words; \
        for (; word + WHOLE <= words; word += LANES) { \
            pkn_terms_mask_##isa mask = pkn_terms_make_mask_##isa(words - word); \
            if (arity == 3 && step == 1) { \
                pkn_terms_groups_##isa(rows, 1, 3, table, n_groups, word, mask, count); \
            } else if (arity == 2 && step == 2 && table == 0) { \
                pkn_terms_groups_##isa(rows, 2, 2, 0, n_groups, word, mask, count); \
            } else if (arity == 1) { \
                pkn_terms_groups_##isa(rows, step, 1, 0, n_groups, word, mask, count); \
            } else { \
                pkn_terms_groups_##isa(rows, step, arity, table, n_groups, word, mask, count); \
            } \
        } \
        return word; \
    } \
    TARGET PKN_INTERNAL size_t pkn_terms_ends_##isa(const pkn_terms *terms, size_t n, size_t word, \
                                                    size_t words, const pkn_terms_count *count, \
                                                    uint64_t threshold, uint64_t *out) { \
        const uint64_t *const *rows = terms->rows; \
        size_t step = terms->step, arity = terms->arity, table = terms->table_words; \
        for (; word + WHOLE <= words; word += LANES) { \
            pkn_terms_mask_##isa mask = pkn_terms_make_mask_##isa(words - word); \
            if (arity == 3 && step == 1) { \
                pkn_terms_end_##isa(rows, n, 1, 3, table, word, mask, count, threshold, out); \
            } else { \
                pkn_terms_end_##isa(rows, n, step, arity, table, word, mask, count, threshold, \
                                    out); \
            } \
        } \
        return word; \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_terms_u64_##isa(const pkn_terms *terms, size_t n_groups, \
                                                       size_t words, pkn_terms_count *count) { \
        size_t word = pkn_terms_columns_##isa(terms, n_groups, 0, words, count); \
        if (word < words) { \
            (void)pkn_terms_columns_scalar(terms, n_groups, word, words, count); \
        } \
        count->n_groups += n_groups; \
    } \
    TARGET PKN_INTERNAL void pkn_end_terms_u64_##isa(const pkn_terms *terms, size_t n, \
                                                     size_t words, const pkn_terms_count *count, \
                                                     uint64_t threshold, uint64_t *out) { \
        size_t word = pkn_terms_ends_##isa(terms, n, 0, words, count, threshold, out); \
        if (word < words) { \
            (void)pkn_terms_ends_scalar(terms, n, word, words, count, threshold, out); \
        } \
    }

#endif
