/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of NEON. Rests shorter than a register go to the scalar kernel, those of dot
   products through a padded copy. 16-bit products are added pairwise into 64-bit lanes, so that no
   magnitude is too much. */
#ifndef PKN_SIMD_INTEGER_NEON_C
#define PKN_SIMD_INTEGER_NEON_C

#include "simd/integer.h"
#include "simd/integer_scalar.c"

#if PKN_ARCH_ARM64

PKN_INTERNAL void pkn_multiply_i8_neon(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t product = vmaxq_s16(vmull_s8(vld1_s8(a + i), vld1_s8(b + i)), vdupq_n_s16(-127));
        vst1_s8(out + i, vqmovn_s16(product));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_multiply_i16_neon(const int16_t *a, const int16_t *b, size_t n,
                                        int16_t *out) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        int32x4_t product =
            vmaxq_s32(vmull_s16(vld1_s16(a + i), vld1_s16(b + i)), vdupq_n_s32(-32767));
        vst1_s16(out + i, vqmovn_s32(product));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_add_saturated_i16_neon(const int16_t *x, size_t n, int16_t *y) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        vst1q_s16(y + i,
                  vmaxq_s16(vqaddq_s16(vld1q_s16(y + i), vld1q_s16(x + i)), vdupq_n_s16(-32767)));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL void pkn_accumulate_i8_neon(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t wide = vmovl_s8(vld1_s8(x + i));
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vget_low_s16(wide)));
        vst1q_s32(sums + i + 4, vaddw_s16(vld1q_s32(sums + i + 4), vget_high_s16(wide)));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_accumulate_i16_neon(const int16_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vld1_s16(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_dot_tile_i8_neon(const int8_t *query, const int8_t *targets, size_t n_targets,
                                       size_t n, int64_t *out) {
    enum { CHUNK = 1 << 16 }; /* a lane adds 4 products of at most 2^14 a step: 2^28 */
    for (size_t t = 0; t < n_targets; t++) {
        const int8_t *target = targets + t * n;
        int64_t rest;
        size_t i = 0;
        out[t] = 0;
        while (i + 16 <= n) {
            size_t end = i + pkn_min_size((n - i) / 16 * 16, CHUNK);
            int32x4_t sum = vdupq_n_s32(0);
            for (; i < end; i += 16) {
                int8x16_t q = vld1q_s8(query + i), x = vld1q_s8(target + i);
                sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(q), vget_low_s8(x)));
                sum = vpadalq_s16(sum, vmull_high_s8(q, x));
            }
            out[t] += vaddlvq_s32(sum);
        }
        pkn_dot_tile_i8_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] += rest;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_neon(const int16_t *query, const int16_t *targets,
                                        size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        const int16_t *target = targets + t * n;
        int64x2_t sum = vdupq_n_s64(0);
        int64_t rest;
        size_t i = 0;
        for (; i + 8 <= n; i += 8) {
            int16x8_t q = vld1q_s16(query + i), x = vld1q_s16(target + i);
            sum = vpadalq_s32(sum, vmull_s16(vget_low_s16(q), vget_low_s16(x)));
            sum = vpadalq_s32(sum, vmull_high_s16(q, x));
        }
        pkn_dot_tile_i16_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] = vaddvq_s64(sum) + rest;
    }
}

#endif

#endif
