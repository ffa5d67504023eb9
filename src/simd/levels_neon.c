/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, four at a time. */
#ifndef PKN_SIMD_LEVELS_NEON_C
#define PKN_SIMD_LEVELS_NEON_C

#include "simd/intrinsics.h"
#include "simd/levels_scalar.c"

#if PKN_ARCH_ARM64

PKN_INTERNAL size_t pkn_level_f32_neon(const float *values, const float *low, const float *scale,
                                       size_t n, uint32_t n_levels, uint32_t *out) {
    const float32x4_t top = vdupq_n_f32((float)(n_levels - 1));
    const uint32x4_t none = vdupq_n_u32(n_levels);
    size_t n_nan = 0, i = 0;
    for (; n - i >= 4; i += 4) {
        float32x4_t v = vld1q_f32(values + i);
        uint32x4_t number = vceqq_f32(v, v);
        float32x4_t t = vmulq_f32(vsubq_f32(v, vld1q_f32(low + i)), vld1q_f32(scale + i));
        t = vminq_f32(vmaxnmq_f32(t, vdupq_n_f32(0)), top); /* a NaN becomes 0 */
        vst1q_u32(out + i, vbslq_u32(number, vcvtq_u32_f32(vaddq_f32(t, vdupq_n_f32(0.5f))), none));
        n_nan += 4 - vaddvq_u32(vshrq_n_u32(number, 31));
    }
    return n_nan + pkn_level_f32_scalar(values + i, low + i, scale + i, n - i, n_levels, out + i);
}

/* Horner's scheme from the highest plane down: 3 operations a plane. */
PKN_INTERNAL void pkn_spread_i32_neon(const uint64_t *planes, unsigned n_planes,
                                      size_t stride_words, size_t words, int32_t first,
                                      int32_t *out) {
    static const uint32_t lane_bits[4] = {1, 2, 4, 8};
    const uint32x4_t bits = vld1q_u32(lane_bits);
    for (size_t word = 0; word < words; word++) {
        for (unsigned nibble = 0; nibble < 16; nibble++) {
            uint32x4_t sum = vdupq_n_u32(0);
            for (unsigned k = n_planes; k > 0; k--) {
                uint64_t plane = planes[(k - 1) * stride_words + word];
                uint32x4_t ones = vtstq_u32(vdupq_n_u32((uint32_t)(plane >> (4 * nibble))), bits);
                sum = vsubq_u32(vaddq_u32(sum, sum), ones);
            }
            sum = vaddq_u32(vaddq_u32(sum, sum), vdupq_n_u32((uint32_t)first));
            vst1q_s32(out + word * 64 + nibble * 4, vreinterpretq_s32_u32(sum));
        }
    }
}

#endif

#endif
