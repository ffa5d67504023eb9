/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over many rows with bit-sliced counters: the algorithm, for any
   vector type.

   A vector column (LANES words wide) keeps plane k of its counters, bit 2^k of each count, in one
   register. A full adder (carry-save adder) takes three vectors of equal weight to a sum of that
   weight and a carry of twice the weight, so n rows cost about n full adders: two a pair of rows at
   weight 1, half as many at weight 2, and so on. 16 rows leave the four low planes in registers and
   give one carry of weight 16. Carries of weight 16 and more are paired too: every second one finds
   an earlier one pending at its level and goes up with it, like a binary counter of the groups
   done, so the high planes in memory cost two additions in 16 rows however many planes there are.

   Majority needs no comparison: counters that begin at 2^p - 1 - floor(n / 2), with 2^p > floor(n /
   2), have plane p set at the end exactly where the count is above floor(n / 2), and never reach
   plane p + 1.

   A file of an instruction set defines, with its suffix,
       pkn_count_vector_*     the vector type
       pkn_count_load_*       (p, lanes)     the first `lanes` words at p, the rest 0
       pkn_count_store_*      (p, lanes, v)  the first `lanes` words only
       pkn_count_fill_*       (bit)          all ones or all zeros
       pkn_count_full_*       (sum, b, c)    full adder: *sum = *sum ^ b ^ c, returns the carry
       pkn_count_half_*       (sum, b)       half adder: *sum = *sum ^ b, returns the carry
       pkn_count_or_*         (a, b)
   and lets PKN_DEFINE_MAJORITY make the kernels. */
#ifndef PKN_SIMD_MAJORITY_H
#define PKN_SIMD_MAJORITY_H

#include "base/bits.h"
#include "base/compiler.h"
#include "simd/intrinsics.h"

#include <stddef.h>
#include <stdint.h>

/* Planes above the four in registers: counts up to 2^31 and the carry out of them. */
#define PKN_COUNT_HIGH_PLANES 28
/* Many rows are counted in this many columns of 64 bytes at once, so that a row's lines are read
   together. */
#define PKN_COUNT_COLUMNS_BYTES 256
/* Rows that one column takes before the next column has its turn. */
#define PKN_COUNT_TURN_ROWS 64

/* Number of the carry plane of a majority of n rows: the smallest p with 2^p > floor(n / 2). */
PKN_INLINE unsigned pkn_majority_plane(size_t n_rows) {
    return n_rows < 2 ? 0 : 64 - pkn_clz_u64((uint64_t)(n_rows / 2));
}

PKN_INLINE uint64_t pkn_majority_bias(size_t n_rows) {
    return (UINT64_C(1) << pkn_majority_plane(n_rows)) - 1 - (uint64_t)(n_rows / 2);
}

#define PKN_DEFINE_MAJORITY(isa, TARGET, LANES) \
    /* What a column has counted: low planes, high planes, carries that wait for a second one. */ \
    typedef struct pkn_count_column_##isa { \
        pkn_count_vector_##isa low[4]; \
        pkn_count_vector_##isa high[PKN_COUNT_HIGH_PLANES], pending[PKN_COUNT_HIGH_PLANES]; \
    } pkn_count_column_##isa; \
\
    /* Two rows into plane 1; the carry has weight 2. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_2_##isa( \
        const uint64_t *rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        return pkn_count_full_##isa(&low[0], pkn_count_load_##isa(rows, lanes), \
                                    pkn_count_load_##isa(rows + stride, lanes)); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_4_##isa( \
        const uint64_t *rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_2_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_2_##isa(rows + 2 * stride, stride, lanes, low); \
        return pkn_count_full_##isa(&low[1], a, b); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_8_##isa( \
        const uint64_t *rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_4_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_4_##isa(rows + 4 * stride, stride, lanes, low); \
        return pkn_count_full_##isa(&low[2], a, b); \
    } \
\
    /* Less than 16 rows; returns what the four planes carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_rest_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, \
        pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa out = pkn_count_fill_##isa(0), carry; \
        if (n_rows & 8) { \
            carry = pkn_count_8_##isa(rows, stride, lanes, low); \
            out = pkn_count_or_##isa(out, pkn_count_half_##isa(&low[3], carry)); \
            rows += 8 * stride; \
        } \
        if (n_rows & 4) { \
            carry = pkn_count_4_##isa(rows, stride, lanes, low); \
            carry = pkn_count_half_##isa(&low[2], carry); \
            out = pkn_count_or_##isa(out, pkn_count_half_##isa(&low[3], carry)); \
            rows += 4 * stride; \
        } \
        if (n_rows & 2) { \
            carry = pkn_count_2_##isa(rows, stride, lanes, low); \
            carry = pkn_count_half_##isa(&low[1], carry); \
            carry = pkn_count_half_##isa(&low[2], carry); \
            out = pkn_count_or_##isa(out, pkn_count_half_##isa(&low[3], carry)); \
            rows += 2 * stride; \
        } \
        if (n_rows & 1) { \
            carry = pkn_count_half_##isa(&low[0], pkn_count_load_##isa(rows, lanes)); \
            carry = pkn_count_half_##isa(&low[1], carry); \
            carry = pkn_count_half_##isa(&low[2], carry); \
            out = pkn_count_or_##isa(out, pkn_count_half_##isa(&low[3], carry)); \
        } \
        return out; \
    } \
\
    /* n_groups of 16 rows, after groups_done earlier ones. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_groups_##isa( \
        const uint64_t *rows, size_t n_groups, size_t groups_done, size_t stride, size_t lanes, \
        pkn_count_column_##isa *column) { \
        pkn_count_vector_##isa low[4], carry; \
        for (int k = 0; k < 4; k++) { \
            low[k] = column->low[k]; \
        } \
        for (size_t group = groups_done; group < groups_done + n_groups; group++) { \
            size_t bits = group; \
            unsigned level = 0; \
            carry = pkn_count_8_##isa(rows, stride, lanes, low); \
            carry = pkn_count_full_##isa( \
                &low[3], carry, pkn_count_8_##isa(rows + 8 * stride, stride, lanes, low)); \
            for (; bits & 1; bits >>= 1, level++) { \
                carry = pkn_count_full_##isa(&column->high[level], column->pending[level], carry); \
            } \
            column->pending[level] = carry; \
            rows += 16 * stride; \
        } \
        for (int k = 0; k < 4; k++) { \
            column->low[k] = low[k]; \
        } \
    } \
\
    /* The last rows, less than 16, and all that is pending; then n_planes planes go to out. */ \
    TARGET PKN_INTERNAL void pkn_count_finish_##isa( \
        const uint64_t *rows, size_t n_rows, size_t groups_done, size_t stride, size_t lanes, \
        pkn_count_column_##isa *column, unsigned first, unsigned n_planes, size_t out_stride, \
        uint64_t *out) { \
        pkn_count_vector_##isa carry = \
            pkn_count_rest_##isa(rows, n_rows, stride, lanes, column->low); \
        for (unsigned plane = 0; plane < first + n_planes; plane++) { \
            pkn_count_vector_##isa *place = \
                plane < 4 ? &column->low[plane] : &column->high[plane - 4]; \
            if (plane >= 4) { \
                carry = groups_done >> (plane - 4) & 1 \
                            ? pkn_count_full_##isa(place, column->pending[plane - 4], carry) \
                            : pkn_count_half_##isa(place, carry); \
            } \
            if (plane >= first) { \
                pkn_count_store_##isa(out + (plane - first) * out_stride, lanes, *place); \
            } \
        } \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
        unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out) { \
        enum { COLUMNS = PKN_COUNT_COLUMNS_BYTES / 8 / LANES }; \
        pkn_count_column_##isa columns[COLUMNS]; \
        for (size_t word = 0; word < words; word += COLUMNS * LANES) { \
            size_t n_columns = (pkn_min_size(words - word, COLUMNS * LANES) + LANES - 1) / LANES; \
            for (size_t c = 0; c < n_columns; c++) { \
                for (unsigned k = 0; k < 4; k++) { \
                    columns[c].low[k] = pkn_count_fill_##isa((unsigned)(bias >> k & 1)); \
                } \
                for (unsigned k = 4; k < first_plane + n_planes; k++) { \
                    columns[c].high[k - 4] = pkn_count_fill_##isa((unsigned)(bias >> k & 1)); \
                } \
            } \
            for (size_t row = 0; n_rows - row >= 16;) { \
                size_t n_groups = pkn_min_size(n_rows - row, PKN_COUNT_TURN_ROWS) / 16; \
                for (size_t c = 0; c < n_columns; c++) { \
                    size_t column_word = word + c * LANES; \
                    const uint64_t *place = rows + row * stride_words + column_word; \
                    if (words - column_word >= LANES) { \
                        pkn_count_groups_##isa(place, n_groups, row / 16, stride_words, LANES, \
                                               &columns[c]); \
                    } else { \
                        pkn_count_groups_##isa(place, n_groups, row / 16, stride_words, \
                                               words - column_word, &columns[c]); \
                    } \
                } \
                row += n_groups * 16; \
            } \
            for (size_t c = 0; c < n_columns; c++) { \
                size_t column_word = word + c * LANES; \
                pkn_count_finish_##isa(rows + n_rows / 16 * 16 * stride_words + column_word, \
                                       n_rows % 16, n_rows / 16, stride_words, \
                                       pkn_min_size(words - column_word, LANES), &columns[c], \
                                       first_plane, n_planes, out_stride, out + column_word); \
            } \
        } \
    } \
\
    /* Less than 32 rows stay in registers altogether. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_few_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[4], top = pkn_count_fill_##isa(0); \
        low[0] = pkn_count_fill_##isa((unsigned)(bias & 1)); \
        low[1] = pkn_count_fill_##isa((unsigned)(bias >> 1 & 1)); \
        low[2] = pkn_count_fill_##isa((unsigned)(bias >> 2 & 1)); \
        low[3] = pkn_count_fill_##isa((unsigned)(bias >> 3 & 1)); \
        if (n_rows & 16) { \
            top = pkn_count_8_##isa(rows, stride, lanes, low); \
            top = pkn_count_full_##isa(&low[3], top, \
                                       pkn_count_8_##isa(rows + 8 * stride, stride, lanes, low)); \
            rows += 16 * stride; \
        } \
        top = \
            pkn_count_or_##isa(top, pkn_count_rest_##isa(rows, n_rows & 15, stride, lanes, low)); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 3   ? top \
                              : plane > 2 ? low[3] \
                              : plane > 1 ? low[2] \
                              : plane > 0 ? low[1] \
                                          : low[0]); \
    } \
\
    TARGET PKN_INTERNAL void pkn_majority_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t *out) { \
        unsigned plane = pkn_majority_plane(n_rows); \
        uint64_t bias = pkn_majority_bias(n_rows); \
        size_t word = 0; \
        if (n_rows >= 32) { \
            pkn_count_u64_##isa(rows, n_rows, stride_words, words, bias, plane, 1, words, out); \
            return; \
        } \
        for (; words - word >= LANES; word += LANES) { \
            pkn_majority_few_##isa(rows + word, n_rows, stride_words, LANES, bias, plane, \
                                   out + word); \
        } \
        if (word < words) { \
            pkn_majority_few_##isa(rows + word, n_rows, stride_words, words - word, bias, plane, \
                                   out + word); \
        } \
    }

#endif
