/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of NEON: 2 queries x 4 targets, ones counted into bytes, which are summed up once a
   pair. Rows are cut at 62 words, after which a byte could overflow (31 blocks of at most 8). */
#ifndef PKN_SIMD_TILE_NEON_C
#define PKN_SIMD_TILE_NEON_C

#include "base/bits.h"
#include "simd/tile.h"

#if PKN_ARCH_ARM64

#define PKN_TILE_NEON_WORDS 62

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_load_neon(const uint64_t *p, size_t words) {
    return vreinterpretq_u8_u64(words >= 2 ? vld1q_u64(p)
                                           : vcombine_u64(vld1_u64(p), vdup_n_u64(0)));
}

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_step_neon(uint8x16_t sum, uint8x16_t a, uint8x16_t b) {
    return vaddq_u8(sum, vcntq_u8(veorq_u8(a, b)));
}

/* Distances of queries q0 and q1 to 4 targets: counts[0 .. 3] and counts[4 .. 7]. */
PKN_ALWAYS_INLINE void pkn_tile_2x4_neon(const uint64_t *q0, const uint64_t *q1,
                                         const uint64_t *const *targets, size_t words,
                                         uint32_t *counts) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    uint8x16_t zero = vdupq_n_u8(0);
    uint8x16_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero,
               b3 = zero;
    for (size_t word = 0; word < words; word += 2) {
        size_t n = words - word;
        uint8x16_t a = pkn_tile_load_neon(q0 + word, n), b = pkn_tile_load_neon(q1 + word, n);
        uint8x16_t t = pkn_tile_load_neon(t0 + word, n);
        a0 = pkn_tile_step_neon(a0, a, t);
        b0 = pkn_tile_step_neon(b0, b, t);
        t = pkn_tile_load_neon(t1 + word, n);
        a1 = pkn_tile_step_neon(a1, a, t);
        b1 = pkn_tile_step_neon(b1, b, t);
        t = pkn_tile_load_neon(t2 + word, n);
        a2 = pkn_tile_step_neon(a2, a, t);
        b2 = pkn_tile_step_neon(b2, b, t);
        t = pkn_tile_load_neon(t3 + word, n);
        a3 = pkn_tile_step_neon(a3, a, t);
        b3 = pkn_tile_step_neon(b3, b, t);
    }
    counts[0] = vaddlvq_u8(a0);
    counts[1] = vaddlvq_u8(a1);
    counts[2] = vaddlvq_u8(a2);
    counts[3] = vaddlvq_u8(a3);
    counts[4] = vaddlvq_u8(b0);
    counts[5] = vaddlvq_u8(b1);
    counts[6] = vaddlvq_u8(b2);
    counts[7] = vaddlvq_u8(b3);
}

PKN_INTERNAL void pkn_hamming_part_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets,
                                            size_t stride, size_t words, uint32_t *out,
                                            size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_NEON_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_NEON_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q += 2) {
                size_t second = q + 1 < n_queries ? q + 1 : q;
                uint32_t counts[8];
                pkn_tile_2x4_neon(queries + q * stride + word, queries + second * stride + word,
                                  rows, n_words, counts);
                for (size_t row = q; row <= second; row++) {
                    uint32_t *place = out + row * out_stride + t;
                    const uint32_t *part = counts + (row - q) * 4;
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_neon(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_INTERNAL void pkn_nearest_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t first, uint32_t *distances,
                                            uint32_t *indices) {
    static const uint32_t steps[4] = {0, 1, 2, 3};
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_neon(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            uint32x4_t best = vld1q_u32(distances + q * PKN_NEAREST_LANES);
            uint32x4_t place = vld1q_u32(indices + q * PKN_NEAREST_LANES);
            uint32x4_t now = vaddq_u32(vdupq_n_u32(first + (uint32_t)i), vld1q_u32(steps));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                uint32x4_t counts = vld1q_u32(from + t);
                place = vbslq_u32(vcltq_u32(counts, best), now, place);
                best = vminq_u32(counts, best);
                now = vaddq_u32(now, vdupq_n_u32(4));
            }
            vst1q_u32(distances + q * PKN_NEAREST_LANES, best);
            vst1q_u32(indices + q * PKN_NEAREST_LANES, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_INTERNAL size_t pkn_below_u32_neon(const uint32_t *values, size_t n, uint32_t threshold,
                                       uint32_t first, uint64_t *keys) {
    uint32x4_t threshold_u32x4 = vdupq_n_u32(threshold);
    size_t count = 0, i = 0;
    for (; i < n; i += 16) {
        size_t end = pkn_min_size(i + 16, n);
        if (n - i >= 16) {
            uint32x4_t low = vminq_u32(vld1q_u32(values + i), vld1q_u32(values + i + 4));
            uint32x4_t high = vminq_u32(vld1q_u32(values + i + 8), vld1q_u32(values + i + 12));
            if (PKN_LIKELY(vmaxvq_u32(vcltq_u32(vminq_u32(low, high), threshold_u32x4)) == 0)) {
                continue;
            }
        }
        for (size_t j = i; j < end; j++) {
            if (values[j] < threshold) {
                keys[count++] = (uint64_t)values[j] << 32 | (first + (uint32_t)j);
            }
        }
    }
    return count;
}

PKN_INTERNAL void pkn_similarity_u32_neon(const uint32_t *distances, size_t n, uint64_t bits,
                                          float *out) {
    double scale = 1.0 / (double)bits;
    uint64x2_t bits_u64x2 = vdupq_n_u64(bits);
    size_t i = 0;
    for (; n - i >= 2; i += 2) {
        uint64x2_t same_u64x2 = vsubq_u64(bits_u64x2, vmovl_u32(vld1_u32(distances + i)));
        vst1_f32(out + i, vcvt_f32_f64(vmulq_n_f64(vcvtq_f64_u64(same_u64x2), scale)));
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
