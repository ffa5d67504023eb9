/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Float arithmetic that the compiler leaves as written, so that every instruction set gives the
   same bits.

   gcc fuses a * b + c into one rounding wherever the target has FMA (-march=native, arm64), across
   intrinsics too, and neither a pragma nor an attribute stops it in gcc and clang alike. An empty
   asm statement between product and sum does, and costs no instruction. */
#ifndef PKN_SIMD_EXACT_H
#define PKN_SIMD_EXACT_H

#include "base/compiler.h"
#include "simd/intrinsics.h"

/* The value (float, double or a vector of them) is rounded here, whatever is done with it
   afterwards. */
#if PKN_ARCH_X86
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+v"(value))
#elif PKN_ARCH_ARM64
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+w"(value))
#else
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+m"(value))
#endif

PKN_ALWAYS_INLINE float pkn_product_f32(float a, float b) {
    float product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE double pkn_product_f64(double a, double b) {
    double product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* Square root without libm: sqrtf as a function sets errno and needs -lm. */
#if PKN_ARCH_X86
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    __m128d x_f64x2 = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(x_f64x2, x_f64x2));
}
#elif PKN_ARCH_ARM64
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return vget_lane_f64(vsqrt_f64(vdup_n_f64(x)), 0);
}
#else
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return __builtin_sqrtf(x);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return __builtin_sqrt(x);
}
#endif

/* Sums run in this many accumulators: element i goes to accumulator i mod PKN_SUM_LANES_*. 256
   bytes either way: 4 registers of 64 bytes, 8 of 32 or 16 of 16, enough to hide an addition's
   latency (3 to 4 cycles, 2 a cycle). */
#define PKN_SUM_LANES_F32 64
#define PKN_SUM_LANES_F64 32

#endif
