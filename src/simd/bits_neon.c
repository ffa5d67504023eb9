/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for NEON (64-bit ARM).

   xor, and, or, not: bound by loads and stores, as memcpy is. Counts: CNT gives the ones of each
   byte, bytes add up for at most 31 registers (31 * 8 = 248), then UADALP widens: 3 operations a
   16-byte register for hamming, 2 for popcount. */
#ifndef PKN_SIMD_BITS_NEON_C
#define PKN_SIMD_BITS_NEON_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/kernels.h"
#include "simd/rotate.h"

#if PKN_ARCH_ARM64

#define PKN_DEFINE_BITWISE_NEON(name, operation_u64x2, operator) \
    PKN_INTERNAL void pkn_##name##_u64_neon(const uint64_t *a, const uint64_t *b, size_t words, \
                                            uint64_t *out) { \
        size_t i = 0; \
        for (; i + 4 <= words; i += 4) { \
            uint64x2_t low = operation_u64x2(vld1q_u64(a + i), vld1q_u64(b + i)); \
            uint64x2_t high = operation_u64x2(vld1q_u64(a + i + 2), vld1q_u64(b + i + 2)); \
            vst1q_u64(out + i, low); \
            vst1q_u64(out + i + 2, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_NEON(xor, veorq_u64, ^)
PKN_INTERNAL void pkn_xor_rows_u64_neon(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                        size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_neon(rows + row * words, key, words, out + row * words);
    }
}

PKN_DEFINE_BITWISE_NEON(and, vandq_u64, &)
PKN_DEFINE_BITWISE_NEON(or, vorrq_u64, |)

PKN_INTERNAL void pkn_not_u64_neon(const uint64_t *a, size_t words, uint64_t *out) {
    const uint64x2_t ones = vdupq_n_u64(~(uint64_t)0);
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        uint64x2_t low = veorq_u64(vld1q_u64(a + i), ones);
        uint64x2_t high = veorq_u64(vld1q_u64(a + i + 2), ones);
        vst1q_u64(out + i, low);
        vst1q_u64(out + i + 2, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte of words i and i + 1 of a, or of a ^ b where b is not 0: the count serves
   popcount and hamming. */
PKN_ALWAYS_INLINE uint8x16_t pkn_popcount_u8x16_neon(const uint64_t *a, const uint64_t *b,
                                                     size_t i) {
    uint64x2_t x = b ? veorq_u64(vld1q_u64(a + i), vld1q_u64(b + i)) : vld1q_u64(a + i);
    return vcntq_u8(vreinterpretq_u8_u64(x));
}

PKN_ALWAYS_INLINE uint64_t pkn_count_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64x2_t sum_u64x2 = vdupq_n_u64(0);
    uint64_t count = 0;
    size_t i = 0;
    while (i + 2 <= words) {
        size_t end = i + pkn_min_size((words - i) / 2, 62) *
                             2; /* 62 registers, half of them in each byte sum */
        uint8x16_t even_u8x16 = vdupq_n_u8(0);
        uint8x16_t odd_u8x16 = even_u8x16;
        for (; i + 4 <= end; i += 4) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            odd_u8x16 = vaddq_u8(odd_u8x16, pkn_popcount_u8x16_neon(a, b, i + 2));
        }
        if (i < end) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            i += 2;
        }
        sum_u64x2 =
            vpadalq_u32(sum_u64x2, vpaddlq_u16(vpadalq_u8(vpaddlq_u8(even_u8x16), odd_u8x16)));
    }
    if (i < words) {
        count = pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count + vaddvq_u64(sum_u64x2);
}

PKN_INTERNAL uint64_t pkn_popcount_u64_neon(const uint64_t *a, size_t words) {
    return pkn_count_neon(a, 0, words);
}

PKN_INTERNAL uint64_t pkn_hamming_u64_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    return b ? pkn_count_neon(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_ALWAYS_INLINE void pkn_funnel_neon(const uint64_t *in, size_t words, unsigned bits,
                                       uint64_t before, uint64_t *out) {
    const int64x2_t left = vdupq_n_s64((int64_t)bits);
    const int64x2_t right =
        vdupq_n_s64((int64_t)bits - 64); /* negative counts shift right, by 64 gives 0 */
    size_t i = words;
    for (; i >= 3; i -= 2) {
        uint64x2_t high = vshlq_u64(vld1q_u64(in + i - 2), left);
        uint64x2_t low = vshlq_u64(vld1q_u64(in + i - 3), right);
        vst1q_u64(out + i - 2, vorrq_u64(high, low));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL void pkn_rotate_u64_neon(const uint64_t *in, size_t words, int64_t shift,
                                      uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_neon(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_neon(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
