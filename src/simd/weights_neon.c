/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for NEON (64-bit ARM): as with AVX2, a widening multiply-add for 4 weights.
 */
#ifndef PKN_SIMD_WEIGHTS_NEON_C
#define PKN_SIMD_WEIGHTS_NEON_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/weights_scalar.c"

#if PKN_ARCH_ARM64

/* 8 lanes: value where the bit of `bits` is 1, else -value. */
PKN_ALWAYS_INLINE int16x8_t pkn_signed_neon(unsigned bits, int16_t value) {
    static const uint16_t lanes[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint16x8_t ones = vtstq_u16(vdupq_n_u16((uint16_t)bits), vld1q_u16(lanes));
    return vbslq_s16(ones, vdupq_n_s16(value), vdupq_n_s16((int16_t)-value));
}

PKN_INTERNAL void pkn_dot_i16_neon(const int16_t *weights, size_t n_rows, const uint64_t *bits,
                                   size_t words, int64_t *out) {
    int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 8 * n; i++) {
            vst1q_s16(signs + 8 * i,
                      pkn_signed_neon((unsigned)(bits[first + i / 8] >> (i % 8 * 8)) & 255u, 1));
        }
        for (size_t r = 0; r < n_rows; r++) {
            const int16_t *row = weights + (r * words + first) * 64;
            int32x4_t low = vdupq_n_s32(0), high = low;
            for (size_t i = 0; i < 64 * n; i += 8) {
                int16x8_t x = vld1q_s16(row + i), sign = vld1q_s16(signs + i);
                low = vmlal_s16(low, vget_low_s16(x), vget_low_s16(sign));
                high = vmlal_high_s16(high, x, sign);
            }
            out[r] += vaddvq_s32(vaddq_s32(low, high));
        }
    }
}

PKN_INTERNAL void pkn_add_i16_neon(const uint64_t *bits, size_t words, int rate, int16_t *weights) {
    for (size_t i = 0; i < 8 * words; i++) {
        int16x8_t change =
            pkn_signed_neon((unsigned)(bits[i / 8] >> (i % 8 * 8)) & 255u, (int16_t)rate);
        vst1q_s16(weights + 8 * i, vqaddq_s16(vld1q_s16(weights + 8 * i), change));
    }
}

PKN_INTERNAL void pkn_sign_i16_neon(const int16_t *weights, size_t words, uint64_t *out) {
    static const uint16_t lanes[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t lane = vld1q_u16(lanes);
    for (size_t i = 0; i < words; i++) {
        uint64_t bits = 0;
        for (size_t j = 0; j < 8; j++) {
            uint16x8_t ones = vcgtq_s16(vld1q_s16(weights + 64 * i + 8 * j), vdupq_n_s16(0));
            bits |= (uint64_t)vaddvq_u16(vandq_u16(ones, lane)) << (8 * j);
        }
        out[i] = bits;
    }
}

#endif

#endif
