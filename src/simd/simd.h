/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* SIMD kernels over bits and floats: the best code for this CPU, chosen at run time, with the same
   result on all of them.

   Common to all functions here:
   - They take any n (`words`), 0 included, and pointers with their type's own alignment (8 bytes
     for words); an array that starts on a 64-byte line is fastest. Pointers are not looked at
     where n is 0.
   - They read and write the n elements alone, never a byte before or behind them.
   - `out` may be the same array as an input; any other overlap gives meaningless values.
   - They can't fail, allocate nothing, leave errno alone, and any number of threads may call at
     once.
   - Results have the same bits on every instruction set (scalar, AVX2, AVX-512, NEON), at every
     alignment and with every compiler option but -ffast-math and its parts. Two limits: the sign
     and payload of a NaN are unspecified (that a result is NaN is not), and the floating-point
     environment is the caller's (rounding mode, denormals flushed to zero).

   Bit i of a vector of words is bit i % 64 of word i / 64. */
#ifndef PKN_SIMD_SIMD_H
#define PKN_SIMD_SIMD_H

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* The name of the instruction set in use: "scalar", "popcnt" (scalar but for counts of ones),
   "avx2", "avx2_vnni" (with AVX-VNNI), "avx512_base" (F, BW, VL, DQ), "avx512_vnni" (these and
   VNNI), "avx512_vpopcnt" (these and VPOPCNTDQ) or "neon". The best one that CPU and operating system have
   is chosen at the first call of any function here and stays. The environment variable PKERN_ISA,
   read at that moment, forces one of these names, or "avx512" for the best AVX-512 there is; a name
   that is unknown or that this machine lacks is ignored. The text is constant. */
PKERN_API const char *pkern_simd_isa(void);

/* ---- Bits ---- */

/* Exclusive or: for (i = 0; i < words; i++) out[i] = a[i] ^ b[i]; */
PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* And: for (i = 0; i < words; i++) out[i] = a[i] & b[i]; */
PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* Or: for (i = 0; i < words; i++) out[i] = a[i] | b[i]; */
PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);

/* Complement: for (i = 0; i < words; i++) out[i] = ~a[i]; */
PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out);

/* The number of ones: for (i = 0; i < words; i++) count += popcount(a[i]);
   Source: W. Mula, N. Kurz, D. Lemire, "Faster Population Counts Using AVX2 Instructions", 2018
   (nibble table, Harley-Seal). */
PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words);

/* The Hamming distance, the number of bits that differ:
       for (i = 0; i < words; i++) count += popcount(a[i] ^ b[i]); */
PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words);

/* Rotates a vector of 64 * words bits: for each bit i, bit (i + shift) mod bits of out is bit i of
   in. Any shift, negative and beyond the length too. In place it takes up to three times as long.
   Source for the exchange in place: D. Gries, H. Mills, "Swapping Sections", 1981. */
PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out);

/* Majority of n_rows vectors: bit i of out is 1 where more than n_rows / 2 of the rows have a 1
   there, so a tie is 0, and so is everything where n_rows is 0. rows is [n_rows x words], a row
   every stride_words words (stride_words >= words, which lets a caller do a part of the columns);
   n_rows is at most 2^31. Here out must not overlap the rows. */
PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out);

/* ---- Floats ----
   Accuracy, elementwise functions: every operation rounds once, as IEEE 754 says; the result is
   exact to half an ulp. Denormals, infinities, NaN and -0 follow IEEE 754. */

/* Sum of two arrays: for (i = 0; i < n; i++) out[i] = a[i] + b[i]; */
PKERN_API void pkern_simd_add_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_add_f64(const double *a, const double *b, size_t n, double *out);

/* Product of two arrays: for (i = 0; i < n; i++) out[i] = a[i] * b[i]; */
PKERN_API void pkern_simd_multiply_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_multiply_f64(const double *a, const double *b, size_t n, double *out);

/* Square root: for (i = 0; i < n; i++) out[i] = sqrt(a[i]); below 0 it is NaN, of -0 it is -0. */
PKERN_API void pkern_simd_sqrt_f32(const float *a, size_t n, float *out);
PKERN_API void pkern_simd_sqrt_f64(const double *a, size_t n, double *out);

/* Adds a multiple: for (i = 0; i < n; i++) y[i] = y[i] + alpha * x[i]; the product is rounded, then
   the sum (two roundings, never a fused multiply-add). y may be x. */
PKERN_API void pkern_simd_axpy_f32(float alpha, const float *x, size_t n, float *y);
PKERN_API void pkern_simd_axpy_f64(double alpha, const double *x, size_t n, double *y);

/* The sum of an array, in this order: L accumulators begin as +0 (L = 64 for f32, 32 for f64), and
       for (i = 0; i < n; i++) sums[i % L] += x[i];
       for (half = L / 2; half > 0; half /= 2)
           for (i = 0; i < half; i++) sums[i] += sums[i + half];
       return sums[0];
   Accuracy: the error is at most (ceil(n / L) + log2 L) * u * (the sum of all |x[i]|) to first
   order, with u = 2^-24 for f32 and 2^-53 for f64: L times tighter than a plain loop's bound. n = 0
   gives +0; -0 is never returned. */
PKERN_API float pkern_simd_sum_f32(const float *x, size_t n);
PKERN_API double pkern_simd_sum_f64(const double *x, size_t n);

/* The inner product: each x[i] * y[i] is rounded, then summed in the order of pkern_simd_sum. The
   error bound is that of the sum with one more u: (ceil(n / L) + log2 L + 1) * u * (the sum of all
   |x[i] * y[i]|). */
PKERN_API float pkern_simd_dot_f32(const float *x, const float *y, size_t n);
PKERN_API double pkern_simd_dot_f64(const double *x, const double *y, size_t n);

PKERN_EXTERN_C_END

#endif
