/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The list of all SIMD kernels, and the table of function pointers that is made from it.

   This is the only place that names the kernels: the tables of the instruction sets (dispatch.c),
   the loops of the tests and those of the benches are made from it. The scalar kernel is the
   definition of what a kernel does, and simd.h says it in words. docs/adding_a_kernel.md lists the
   steps to a new one. */
#ifndef PKN_SIMD_KERNELS_H
#define PKN_SIMD_KERNELS_H

#include "base/compiler.h"
#include "simd/terms.h"

#include <stddef.h>
#include <stdint.h>

/* X(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon)

   The last five columns say whose code the table of that set uses: pkn_<name>_<column>. A set that
   has nothing better of its own names a lower one, down to scalar. pkn_<name>_scalar always exists
   and is what the scalar table uses. */
/* clang-format off */
#define PKN_SIMD_KERNELS(X) \
    X(xor_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(xor_rows_u64, void, (const uint64_t *rows, size_t n_rows, const uint64_t *key, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(and_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(or_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(not_u64, void, (const uint64_t *a, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(popcount_u64, uint64_t, (const uint64_t *a, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_u64, uint64_t, (const uint64_t *a, const uint64_t *b, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(rotate_u64, void, (const uint64_t *in, size_t words, int64_t shift, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(majority_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, \
      uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(count_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
      unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_counts_i32, void, (const uint64_t *planes, unsigned n_planes, size_t plane_stride, size_t words, \
      int32_t weight, int32_t offset, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_weighted_i32, void, (const uint64_t *rows, const int32_t *weights, size_t n_rows, size_t stride_words, \
      size_t words, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_saturated_i32, void, (const int32_t *a, const int32_t *b, size_t n, int32_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(threshold_i32, void, (const int32_t *counts, size_t words, const uint64_t *ties, uint64_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(count_terms_u64, void, (const pkn_terms *terms, size_t n_groups, size_t words, pkn_terms_count *count), \
      scalar, avx2, avx512, avx512, neon) \
    X(end_terms_u64, void, (const pkn_terms *terms, size_t n, size_t words, const pkn_terms_count *count, \
      uint64_t threshold, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(spread_i32, void, (const uint64_t *planes, unsigned n_planes, size_t stride_words, size_t words, \
      int32_t first, int32_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(level_f32, size_t, (const float *values, const float *low, const float *scale, size_t n, \
      uint32_t n_levels, uint32_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(hamming_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_part_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t stride, size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(nearest_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t first, uint32_t *distances, uint32_t *indices), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(below_u32, size_t, (const uint32_t *values, size_t n, uint32_t threshold, uint32_t first, uint64_t *keys), \
      scalar, avx2, avx512, avx512, neon) \
    X(count_below_u64, size_t, (const uint64_t *keys, size_t n, uint64_t threshold), \
      scalar, avx2, avx512, avx512, scalar) \
    X(keep_below_u64, size_t, (uint64_t *keys, size_t n, uint64_t threshold), \
      scalar, scalar, avx512, avx512, scalar) \
    X(similarity_u32, void, (const uint32_t *distances, size_t n, uint64_t bits, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_i16, void, (const int16_t *weights, size_t n_rows, const uint64_t *bits, size_t words, int64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_i16, void, (const uint64_t *bits, size_t words, int rate, int16_t *weights), \
      scalar, avx2, avx512, avx512, neon) \
    X(sign_i16, void, (const int16_t *weights, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f32, void, (const float *a, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f64, void, (const double *a, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f32, void, (float alpha, const float *x, size_t n, float *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f64, void, (double alpha, const double *x, size_t n, double *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f32, float, (const float *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f64, double, (const double *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f32, float, (const float *x, const float *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f64, double, (const double *x, const double *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i8, void, (const int8_t *a, const int8_t *b, size_t n, int8_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i16, void, (const int16_t *a, const int16_t *b, size_t n, int16_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_saturated_i16, void, (const int16_t *x, size_t n, int16_t *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i8, void, (const int8_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i16, void, (const int16_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon)

/* Kernels that the dot product instructions (VNNI) serve: the sets come with and without these.
   X(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) */
#define PKN_SIMD_VNNI_KERNELS(X) \
    X(dot_tile_i8, void, (const int8_t *query, const int8_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    X(dot_tile_i16, void, (const int16_t *query, const int16_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon)
/* clang-format on */

#define PKN_SIMD_MEMBER(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    result(*name) parameters;
#define PKN_SIMD_VNNI_MEMBER(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    result(*name) parameters;

/* The kernels of one instruction set. Their contracts are those of the public functions in simd.h,
   but for one: a table's rotate_u64 takes out == in only for 0 <= shift < 64, where no word leaves
   its place; rotate.c does the rest. */
typedef struct pkn_simd_kernels {
    PKN_SIMD_KERNELS(PKN_SIMD_MEMBER)
    PKN_SIMD_VNNI_KERNELS(PKN_SIMD_VNNI_MEMBER)
} pkn_simd_kernels;

#endif
