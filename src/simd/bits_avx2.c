/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX2.

   xor, and, or, not: one 32-byte store a cycle is the bound, as for memcpy.
   Counts: a byte's ones are looked up by its two halves (pshufb), 7 operations a 32-byte register.
   From 1 KiB on, Harley-Seal carry-save adders first reduce 16 registers to one: 15 adders of 5
   operations and 1/16 of a lookup, 5.2 operations a register. */
#ifndef PKN_SIMD_BITS_AVX2_C
#define PKN_SIMD_BITS_AVX2_C

#include "base/bits.h"
#include "simd/align.h"
#include "simd/intrinsics.h"
#include "simd/kernels.h"
#include "simd/rotate.h"

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_avx2(const uint64_t *words) {
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_store_avx2(uint64_t *words, __m256i value) {
    _mm256_storeu_si256((__m256i *)(void *)words, value);
}

#define PKN_DEFINE_BITWISE_AVX2(name, operation_u64x4, operator) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_u64_avx2(const uint64_t *a, const uint64_t *b, \
                                                            size_t words, uint64_t *out) { \
        const size_t head = pkn_align_head(out, 8, words, 32); \
        size_t i = 0; \
        for (; i < head; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
        for (; i + 8 <= words; i += 8) { \
            __m256i low = operation_u64x4(pkn_load_avx2(a + i), pkn_load_avx2(b + i)); \
            __m256i high = operation_u64x4(pkn_load_avx2(a + i + 4), pkn_load_avx2(b + i + 4)); \
            pkn_store_avx2(out + i, low); \
            pkn_store_avx2(out + i + 4, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_AVX2(xor, _mm256_xor_si256, ^)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX2 void pkn_xor_rows_u64_avx2(const uint64_t *rows, size_t n_rows,
                                                        const uint64_t *key, size_t words,
                                                        uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m256i keys[8];
        for (size_t i = 0; i < 8; i++) {
            keys[i] = pkn_load_avx2(key + word + 4 * i);
        }
        for (size_t row = 0; row < n_rows; row++) {
            const uint64_t *in = rows + row * words + word;
            uint64_t *to = out + row * words + word;
            for (size_t i = 0; i < 8; i++) {
                pkn_store_avx2(to + 4 * i, _mm256_xor_si256(keys[i], pkn_load_avx2(in + 4 * i)));
            }
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx2(rows + row * words + word, key + word, words - word,
                         out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX2(and, _mm256_and_si256, &)
PKN_DEFINE_BITWISE_AVX2(or, _mm256_or_si256, |)

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_not_u64_avx2(const uint64_t *a, size_t words, uint64_t *out) {
    const __m256i ones = _mm256_set1_epi64x(-1);
    const size_t head = pkn_align_head(out, 8, words, 32);
    size_t i = 0;
    for (; i < head; i++) {
        out[i] = ~a[i];
    }
    for (; i + 8 <= words; i += 8) {
        __m256i low = _mm256_xor_si256(pkn_load_avx2(a + i), ones);
        __m256i high = _mm256_xor_si256(pkn_load_avx2(a + i + 4), ones);
        pkn_store_avx2(out + i, low);
        pkn_store_avx2(out + i + 4, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u8x32_avx2(__m256i x) {
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, half));
    __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_add_epi8(low, high);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u64x4_avx2(__m256i x) {
    return _mm256_sad_epu8(pkn_popcount_u8x32_avx2(x), _mm256_setzero_si256());
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_sum_u64x4_avx2(__m256i x) {
    __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
}

/* Words i to i + 3 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_difference_avx2(const uint64_t *a, const uint64_t *b,
                                                              size_t i) {
    return b ? _mm256_xor_si256(pkn_load_avx2(a + i), pkn_load_avx2(b + i)) : pkn_load_avx2(a + i);
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add_avx2(__m256i *sum, __m256i a, __m256i b) {
    __m256i either = _mm256_xor_si256(a, b); /* first, since *sum is late */
    __m256i carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(either, *sum));
    *sum = _mm256_xor_si256(*sum, either);
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add4_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i two =
        pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i), pkn_difference_avx2(a, b, i + 4));
    __m256i too = pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i + 8),
                                    pkn_difference_avx2(a, b, i + 12));
    return pkn_full_add_avx2(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add8_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i four = pkn_full_add4_avx2(planes, a, b, i);
    return pkn_full_add_avx2(planes + 2, four, pkn_full_add4_avx2(planes, a, b, i + 16));
}

/* The ones of the first words / 64 * 64 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_blocks_avx2(const uint64_t *a,
                                                                 const uint64_t *b, size_t words) {
    __m256i zero = _mm256_setzero_si256();
    __m256i planes[4] = {zero, zero, zero, zero};
    __m256i sum_u64x4 = zero;
    for (size_t i = 0; i + 64 <= words; i += 64) {
        __m256i eight = pkn_full_add8_avx2(planes, a, b, i);
        __m256i sixteen =
            pkn_full_add_avx2(planes + 3, eight, pkn_full_add8_avx2(planes, a, b, i + 32));
        sum_u64x4 = _mm256_add_epi64(sum_u64x4, pkn_popcount_u64x4_avx2(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x4 = _mm256_add_epi64(_mm256_slli_epi64(sum_u64x4, 1),
                                     pkn_popcount_u64x4_avx2(planes[plane]));
    }
    return pkn_sum_u64x4_avx2(sum_u64x4);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_avx2(const uint64_t *a, const uint64_t *b,
                                                          size_t words) {
    __m256i sum_u8x32 = _mm256_setzero_si256();
    uint64_t count = 0;
    size_t i = 0;
    if (words >= 128) {
        count = pkn_count_blocks_avx2(a, b, words);
        i = words / 64 * 64;
    }
    for (; i + 4 <= words; i += 4) { /* at most 31 times, so a byte holds at most 248 */
        sum_u8x32 =
            _mm256_add_epi8(sum_u8x32, pkn_popcount_u8x32_avx2(pkn_difference_avx2(a, b, i)));
    }
    count += pkn_sum_u64x4_avx2(_mm256_sad_epu8(sum_u8x32, _mm256_setzero_si256()));
    for (; i < words; i++) {
        count += pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count;
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_popcount_u64_avx2(const uint64_t *a, size_t words) {
    return pkn_count_avx2(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_hamming_u64_avx2(const uint64_t *a, const uint64_t *b,
                                                           size_t words) {
    return b ? pkn_count_avx2(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* The four words that end before `end`, shifted up with the top bits of the words before them. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_funnel_u64x4(const uint64_t *end, __m128i left,
                                                           __m128i right) {
    return _mm256_or_si256(_mm256_sll_epi64(pkn_load_avx2(end - 4), left),
                           _mm256_srl_epi64(pkn_load_avx2(end - 5), right));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void
pkn_funnel_avx2(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words;
    if (words * 8 >= PKN_ALIGN_FROM_BYTES) {
        for (; (uintptr_t)(out + i) % 32 != 0; i--) {
            out[i - 1] = pkn_funnel_word(in[i - 1], in[i - 2], bits);
        }
    }
    for (; i >= 9; i -= 8) {
        __m256i top = pkn_funnel_u64x4(in + i, left, right);
        __m256i below = pkn_funnel_u64x4(in + i - 4, left, right);
        pkn_store_avx2(out + i - 4, top);
        pkn_store_avx2(out + i - 8, below);
    }
    for (; i >= 5; i -= 4) {
        pkn_store_avx2(out + i - 4, pkn_funnel_u64x4(in + i, left, right));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_rotate_u64_avx2(const uint64_t *in, size_t words,
                                                      int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx2(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx2(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
