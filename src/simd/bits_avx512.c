/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX-512 without VPOPCNTDQ (F, BW, VL, DQ). Rests shorter than a register are
   masked.

   xor, and, or, not: one 64-byte store a cycle is the bound (two cycles where the CPU splits it, as
   Zen 4 does), as for memcpy; a store that crosses a line costs twice that, so long outputs begin
   with a masked step up to a line. Counts: a full adder is two VPTERNLOG here, so Harley-Seal from
   1 KiB on costs 15 adders of 2 operations and 1/16 of an 8-operation lookup, 2.4 operations a
   register; below, the lookup by half bytes alone. */
#ifndef PKN_SIMD_BITS_AVX512_C
#define PKN_SIMD_BITS_AVX512_C

#include "simd/align.h"
#include "simd/intrinsics.h"
#include "simd/kernels.h"
#include "simd/rotate.h"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 8; n < 8. */
PKN_ALWAYS_INLINE __mmask8 pkn_first_lanes_u64x8(size_t n) {
    return (__mmask8)((1u << n) - 1u);
}

#define PKN_DEFINE_BITWISE_AVX512(name, operation_u64x8) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_u64_avx512( \
        const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out) { \
        size_t i = pkn_align_head(out, 8, words, 64); \
        __mmask8 mask = pkn_first_lanes_u64x8(i); \
        if (i > 0) { \
            _mm512_mask_storeu_epi64(out, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a), \
                                                     _mm512_maskz_loadu_epi64(mask, b))); \
        } \
        for (; i + 8 <= words; i += 8) { \
            _mm512_storeu_si512( \
                out + i, operation_u64x8(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i))); \
        } \
        if (i < words) { \
            mask = pkn_first_lanes_u64x8(words - i); \
            _mm512_mask_storeu_epi64(out + i, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a + i), \
                                                     _mm512_maskz_loadu_epi64(mask, b + i))); \
        } \
    }

PKN_DEFINE_BITWISE_AVX512(xor, _mm512_xor_si512)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX512 void pkn_xor_rows_u64_avx512(const uint64_t *rows, size_t n_rows,
                                                            const uint64_t *key, size_t words,
                                                            uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m512i k0 = _mm512_loadu_si512(key + word), k1 = _mm512_loadu_si512(key + word + 8);
        __m512i k2 = _mm512_loadu_si512(key + word + 16), k3 = _mm512_loadu_si512(key + word + 24);
        const uint64_t *in = rows + word;
        uint64_t *to = out + word;
        for (size_t row = 0; row < n_rows; row++) {
            _mm512_storeu_si512(to, _mm512_xor_si512(k0, _mm512_loadu_si512(in)));
            _mm512_storeu_si512(to + 8, _mm512_xor_si512(k1, _mm512_loadu_si512(in + 8)));
            _mm512_storeu_si512(to + 16, _mm512_xor_si512(k2, _mm512_loadu_si512(in + 16)));
            _mm512_storeu_si512(to + 24, _mm512_xor_si512(k3, _mm512_loadu_si512(in + 24)));
            in += words;
            to += words;
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx512(rows + row * words + word, key + word, words - word,
                           out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX512(and, _mm512_and_si512)
PKN_DEFINE_BITWISE_AVX512(or, _mm512_or_si512)

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_not_u64_avx512(const uint64_t *a, size_t words,
                                                       uint64_t *out) {
    const __m512i ones = _mm512_set1_epi64(-1);
    size_t i = pkn_align_head(out, 8, words, 64);
    __mmask8 mask = pkn_first_lanes_u64x8(i);
    if (i > 0) {
        _mm512_mask_storeu_epi64(out, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a), ones));
    }
    for (; i + 8 <= words; i += 8) {
        _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(a + i), ones));
    }
    if (i < words) {
        mask = pkn_first_lanes_u64x8(words - i);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a + i), ones));
    }
}

/* The ones of each 64-bit lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_popcount_u64x8_avx512(__m512i x) {
    const __m512i counts = _mm512_set4_epi32(0x04030302, 0x03020201, 0x03020201, 0x02010100);
    const __m512i half = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(counts, _mm512_and_si512(x, half));
    __m512i high = _mm512_shuffle_epi8(counts, _mm512_and_si512(_mm512_srli_epi16(x, 4), half));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

/* Words i to i + 7 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_avx512(const uint64_t *a,
                                                                  const uint64_t *b, size_t i) {
    __m512i a_u64x8 = _mm512_loadu_si512(a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_loadu_si512(b + i)) : a_u64x8;
}

/* The same for the lanes of the mask; the others are 0. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_rest_avx512(const uint64_t *a,
                                                                       const uint64_t *b, size_t i,
                                                                       size_t words) {
    __mmask8 mask = pkn_first_lanes_u64x8(words - i);
    __m512i a_u64x8 = _mm512_maskz_loadu_epi64(mask, a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_maskz_loadu_epi64(mask, b + i)) : a_u64x8;
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add_avx512(__m512i *sum, __m512i a,
                                                                __m512i b) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, a, b, 0xe8); /* two of three */
    *sum = _mm512_ternarylogic_epi64(*sum, a, b, 0x96);          /* exclusive or of three */
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add4_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i two = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i),
                                      pkn_difference_avx512(a, b, i + 8));
    __m512i too = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i + 16),
                                      pkn_difference_avx512(a, b, i + 24));
    return pkn_full_add_avx512(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add8_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i four = pkn_full_add4_avx512(planes, a, b, i);
    return pkn_full_add_avx512(planes + 2, four, pkn_full_add4_avx512(planes, a, b, i + 32));
}

/* The ones, in each lane, of the first words / 128 * 128 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_count_blocks_avx512(const uint64_t *a,
                                                                    const uint64_t *b,
                                                                    size_t words) {
    __m512i zero = _mm512_setzero_si512();
    __m512i planes[4] = {zero, zero, zero, zero};
    __m512i sum_u64x8 = zero;
    for (size_t i = 0; i + 128 <= words; i += 128) {
        __m512i eight = pkn_full_add8_avx512(planes, a, b, i);
        __m512i sixteen =
            pkn_full_add_avx512(planes + 3, eight, pkn_full_add8_avx512(planes, a, b, i + 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x8 = _mm512_add_epi64(_mm512_add_epi64(sum_u64x8, sum_u64x8),
                                     pkn_popcount_u64x8_avx512(planes[plane]));
    }
    return sum_u64x8;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 uint64_t pkn_count_avx512(const uint64_t *a, const uint64_t *b,
                                                              size_t words) {
    __m512i sum_u64x8 = _mm512_setzero_si512();
    size_t i = 0;
    if (words >= 128) {
        sum_u64x8 = pkn_count_blocks_avx512(a, b, words);
        i = words / 128 * 128;
    }
    for (; i + 8 <= words; i += 8) {
        sum_u64x8 =
            _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum_u64x8 = _mm512_add_epi64(
            sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(sum_u64x8);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_popcount_u64_avx512(const uint64_t *a, size_t words) {
    return pkn_count_avx512(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_hamming_u64_avx512(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    return b ? pkn_count_avx512(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* in << left | before >> right in each lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_funnel_u64x8(__m512i in, __m512i before,
                                                             __m128i left, __m128i right) {
    return _mm512_or_si512(_mm512_sll_epi64(in, left), _mm512_srl_epi64(before, right));
}

/* The words from the last down, until at most 15 are left; returns how many. Stores are aligned,
   and a register's low words serve as the next one's words before, so each word is loaded once: 2.5
   cycles per 64 bytes instead of 3.6 with two loads. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 size_t pkn_funnel_long_avx512(const uint64_t *in, size_t words,
                                                                  __m128i left, __m128i right,
                                                                  uint64_t *out) {
    size_t top = (uintptr_t)(out + words) / 8 & 7u; /* words behind the last line's begin */
    size_t i = words - top;
    __m512i current = _mm512_loadu_si512(in + i - 8);
    if (top > 0) {
        __mmask8 mask = pkn_first_lanes_u64x8(top);
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in + i);
        __m512i before_u64x8 = _mm512_alignr_epi64(words_u64x8, current, 7);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    for (; i >= 16; i -= 8) {
        __m512i below = _mm512_loadu_si512(in + i - 16);
        __m512i before_u64x8 = _mm512_alignr_epi64(current, below, 7);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(current, before_u64x8, left, right));
        current = below;
    }
    return i;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void
pkn_funnel_avx512(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words * 8 < PKN_ALIGN_FROM_BYTES
                   ? words
                   : pkn_funnel_long_avx512(in, words, left, right, out);
    for (; i >= 9; i -= 8) {
        __m512i words_u64x8 = _mm512_loadu_si512(in + i - 8);
        __m512i before_u64x8 = _mm512_loadu_si512(in + i - 9);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    if (i > 0) { /* the first 1 to 8 words */
        __mmask8 mask = (__mmask8)(0xffu >> (8 - i));
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in);
        __m512i before_u64x8 =
            _mm512_alignr_epi64(words_u64x8, _mm512_set1_epi64((long long)before), 7);
        _mm512_mask_storeu_epi64(out, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_rotate_u64_avx512(const uint64_t *in, size_t words,
                                                          int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx512(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx512(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

PKN_AVX512_END
#endif

#endif
