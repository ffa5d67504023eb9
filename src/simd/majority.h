/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over many rows with bit-sliced counters: the algorithm, for any
   vector type.

   A vector column (LANES words wide) keeps plane k of its counters, bit 2^k of each count, in one
   register. A full adder (carry-save adder) takes three vectors of equal weight to a sum of that
   weight and a carry of twice the weight, so n rows cost about n full adders: two a pair of rows at
   weight 1, half as many at weight 2, and so on. 64 rows leave the six low planes in registers and
   give one carry of weight 64. Carries of weight 64 and more are paired too: every second one finds
   an earlier one pending at its level and goes up with it, like a binary counter of the groups
   done, so the high planes in memory cost two additions in 64 rows however many planes there are.

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

/* Planes in registers, and those above: counts up to 2^31 and the carry out of them. */
#define PKN_COUNT_LOW_PLANES 6
#define PKN_COUNT_HIGH_PLANES 26
/* Rows that the low planes take before they carry. */
#define PKN_COUNT_GROUP_ROWS 64
/* Many rows are counted in this many columns of 64 bytes at once, so that a row's lines are read
   together. */
#define PKN_COUNT_COLUMNS_BYTES 256

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
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        pkn_count_vector_##isa high[PKN_COUNT_HIGH_PLANES], pending[PKN_COUNT_HIGH_PLANES]; \
    } pkn_count_column_##isa; \
\
    /* The next two rows into plane 0; the carry has weight 2. Then twice as many each. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_2_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        const uint64_t *row = *rows; \
        *rows += 2 * stride; \
        return pkn_count_full_##isa(&low[0], pkn_count_load_##isa(row, lanes), \
                                    pkn_count_load_##isa(row + stride, lanes)); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_4_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_2_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_2_##isa(rows, stride, lanes, low); \
        /* gcc would compute the addresses of all rows beforehand and keep them in memory */ \
        __asm__("" : "+r"(*rows)); \
        return pkn_count_full_##isa(&low[1], a, b); \
    } \
    PKN_DEFINE_COUNT(isa, TARGET, 8, 4, 2) \
    PKN_DEFINE_COUNT(isa, TARGET, 16, 8, 3) \
    PKN_DEFINE_COUNT(isa, TARGET, 32, 16, 4) \
    PKN_DEFINE_COUNT(isa, TARGET, 64, 32, 5) \
\
    /* A carry into the planes from this one to `last`; returns what they carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_ripple_##isa( \
        pkn_count_vector_##isa *low, int plane, int last, pkn_count_vector_##isa carry) { \
        PKN_COUNT_RIPPLE(isa, 0) \
        PKN_COUNT_RIPPLE(isa, 1) \
        PKN_COUNT_RIPPLE(isa, 2) \
        PKN_COUNT_RIPPLE(isa, 3) \
        PKN_COUNT_RIPPLE(isa, 4) \
        PKN_COUNT_RIPPLE(isa, 5) \
        return carry; \
    } \
\
    /* Less than 2^(last + 1) rows; returns what the planes up to `last` carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_rest_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, int last, \
        pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa out = pkn_count_fill_##isa(0); \
        PKN_COUNT_REST(isa, 32, 5) \
        PKN_COUNT_REST(isa, 16, 4) \
        PKN_COUNT_REST(isa, 8, 3) \
        PKN_COUNT_REST(isa, 4, 2) \
        PKN_COUNT_REST(isa, 2, 1) \
        if (n_rows & 1) { \
            out = pkn_count_or_##isa( \
                out, pkn_count_ripple_##isa(low, 0, last, pkn_count_load_##isa(rows, lanes))); \
        } \
        return out; \
    } \
\
    /* A group of rows, after groups_done earlier ones. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_group_##isa(const uint64_t *rows, size_t groups_done, \
                                                        size_t stride, size_t lanes, \
                                                        pkn_count_column_##isa *column) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], carry; \
        unsigned level = 0; \
        PKN_COUNT_COPY(low, column->low) \
        carry = pkn_count_64_##isa(&rows, stride, lanes, low); \
        for (; groups_done & 1; groups_done >>= 1, level++) { \
            carry = pkn_count_full_##isa(&column->high[level], column->pending[level], carry); \
        } \
        column->pending[level] = carry; \
        PKN_COUNT_COPY(column->low, low) \
    } \
\
    /* The last rows, less than a group, and all that is pending; then n_planes planes go to out. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_finish_##isa( \
        const uint64_t *rows, size_t n_rows, size_t groups_done, size_t stride, size_t lanes, \
        pkn_count_column_##isa *column, unsigned first, unsigned n_planes, size_t out_stride, \
        uint64_t *out) { \
        pkn_count_vector_##isa carry = \
            pkn_count_rest_##isa(rows, n_rows, stride, lanes, 5, column->low); \
        for (unsigned plane = 0; plane < first + n_planes; plane++) { \
            pkn_count_vector_##isa *place = plane < PKN_COUNT_LOW_PLANES \
                                                ? &column->low[plane] \
                                                : &column->high[plane - PKN_COUNT_LOW_PLANES]; \
            if (plane >= PKN_COUNT_LOW_PLANES) { \
                carry = groups_done >> (plane - PKN_COUNT_LOW_PLANES) & 1 \
                            ? pkn_count_full_##isa( \
                                  place, column->pending[plane - PKN_COUNT_LOW_PLANES], carry) \
                            : pkn_count_half_##isa(place, carry); \
            } \
            if (plane >= first) { \
                pkn_count_store_##isa(out + (plane - first) * out_stride, lanes, *place); \
            } \
        } \
    } \
\
    /* The column that begins at word `word` of a row, whole or not, begins, goes on and ends. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_begin_##isa(pkn_count_column_##isa *column, \
                                                        uint64_t bias, unsigned n_planes) { \
        PKN_COUNT_FILL(isa, column->low, bias) \
        for (unsigned k = PKN_COUNT_LOW_PLANES; k < n_planes; k++) { \
            column->high[k - PKN_COUNT_LOW_PLANES] = \
                pkn_count_fill_##isa((unsigned)(bias >> k & 1)); \
        } \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
        unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out) { \
        enum { COLUMNS = PKN_COUNT_COLUMNS_BYTES / 8 / LANES }; \
        pkn_count_column_##isa columns[COLUMNS]; \
        size_t n_groups = n_rows / PKN_COUNT_GROUP_ROWS; \
        size_t n_rest = n_rows % PKN_COUNT_GROUP_ROWS; \
        for (size_t word = 0; word < words; word += COLUMNS * LANES) { \
            size_t n_whole = pkn_min_size((words - word) / LANES, COLUMNS); \
            size_t lanes = n_whole < COLUMNS ? (words - word) % LANES : 0; \
            const uint64_t *place = rows + word; \
            for (size_t c = 0; c < n_whole + (lanes != 0); c++) { \
                pkn_count_begin_##isa(&columns[c], bias, first_plane + n_planes); \
            } \
            for (size_t group = 0; group < n_groups; group++) { \
                for (size_t c = 0; c < n_whole; c++) { \
                    pkn_count_group_##isa(place + c * LANES, group, stride_words, LANES, \
                                          &columns[c]); \
                } \
                if (lanes != 0) { \
                    pkn_count_group_##isa(place + n_whole * LANES, group, stride_words, lanes, \
                                          &columns[n_whole]); \
                } \
                place += PKN_COUNT_GROUP_ROWS * stride_words; \
            } \
            for (size_t c = 0; c < n_whole; c++) { \
                pkn_count_finish_##isa(place + c * LANES, n_rest, n_groups, stride_words, LANES, \
                                       &columns[c], first_plane, n_planes, out_stride, \
                                       out + word + c * LANES); \
            } \
            if (lanes != 0) { \
                pkn_count_finish_##isa(place + n_whole * LANES, n_rest, n_groups, stride_words, \
                                       lanes, &columns[n_whole], first_plane, n_planes, \
                                       out_stride, out + word + n_whole * LANES); \
            } \
        } \
    } \
\
    /* Less than 16, and less than 128 rows stay in registers altogether. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_16_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        PKN_COUNT_FILL(isa, low, bias) \
        (void)pkn_count_rest_##isa(rows, n_rows, stride, lanes, 3, low); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 2   ? low[3] \
                              : plane > 1 ? low[2] \
                              : plane > 0 ? low[1] \
                                          : low[0]); \
    } \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_128_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], top = pkn_count_fill_##isa(0); \
        PKN_COUNT_FILL(isa, low, bias) \
        if (n_rows >= PKN_COUNT_GROUP_ROWS) { \
            top = pkn_count_64_##isa(&rows, stride, lanes, low); \
        } \
        top = pkn_count_or_##isa(top, pkn_count_rest_##isa(rows, n_rows % PKN_COUNT_GROUP_ROWS, \
                                                           stride, lanes, 5, low)); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 5   ? top \
                              : plane > 4 ? low[5] \
                              : plane > 3 ? low[4] \
                                          : low[3]); \
    } \
\
    TARGET PKN_INTERNAL void pkn_majority_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t *out) { \
        unsigned plane = pkn_majority_plane(n_rows); \
        uint64_t bias = pkn_majority_bias(n_rows); \
        size_t word = 0; \
        if (n_rows >= 2 * PKN_COUNT_GROUP_ROWS) { \
            pkn_count_u64_##isa(rows, n_rows, stride_words, words, bias, plane, 1, words, out); \
            return; \
        } \
        if (n_rows < 16) { \
            PKN_MAJORITY_COLUMNS(pkn_majority_16_##isa, LANES) \
        } else { \
            PKN_MAJORITY_COLUMNS(pkn_majority_128_##isa, LANES) \
        } \
    }

#define PKN_MAJORITY_COLUMNS(majority, LANES) \
    for (; words - word >= LANES; word += LANES) { \
        majority(rows + word, n_rows, stride_words, LANES, bias, plane, out + word); \
    } \
    if (word < words) { \
        majority(rows + word, n_rows, stride_words, words - word, bias, plane, out + word); \
    }

/* Written out: a loop would keep the planes in memory with gcc. */
#define PKN_COUNT_COPY(to, from) \
    to[0] = from[0], to[1] = from[1], to[2] = from[2]; \
    to[3] = from[3], to[4] = from[4], to[5] = from[5];
#define PKN_COUNT_FILL(isa, planes, bias) \
    planes[0] = pkn_count_fill_##isa((unsigned)(bias & 1)); \
    planes[1] = pkn_count_fill_##isa((unsigned)(bias >> 1 & 1)); \
    planes[2] = pkn_count_fill_##isa((unsigned)(bias >> 2 & 1)); \
    planes[3] = pkn_count_fill_##isa((unsigned)(bias >> 3 & 1)); \
    planes[4] = pkn_count_fill_##isa((unsigned)(bias >> 4 & 1)); \
    planes[5] = pkn_count_fill_##isa((unsigned)(bias >> 5 & 1));

/* n rows, twice n_half, into the planes up to `plane`; the carry has weight n. */
#define PKN_DEFINE_COUNT(isa, TARGET, n, n_half, plane) \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_##n##_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        return pkn_count_full_##isa(&low[plane], a, b); \
    }

#define PKN_COUNT_RIPPLE(isa, k) \
    if (plane <= k && k <= last) { \
        carry = pkn_count_half_##isa(&low[k], carry); \
    }

/* n rows, if the number of rows has that bit. */
#define PKN_COUNT_REST(isa, n, plane) \
    if (plane <= last && (n_rows & n) != 0) { \
        out = pkn_count_or_##isa( \
            out, pkn_count_ripple_##isa(low, plane, last, \
                                        pkn_count_##n##_##isa(&rows, stride, lanes, low))); \
    }

#endif
