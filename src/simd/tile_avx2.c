/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX2: 1 query x 4 targets, ones counted by nibble table into bytes, which are summed
   up once a pair. Rows are cut at 124 words, after which a byte could overflow (31 blocks of at
   most 8). */
#ifndef PKN_SIMD_TILE_AVX2_C
#define PKN_SIMD_TILE_AVX2_C

#include "base/bits.h"
#include "simd/tile.h"
#include "simd/tile_scalar.c"

#if PKN_ARCH_X86

#define PKN_TILE_AVX2_WORDS 124

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_load_avx2(const uint64_t *p, size_t words) {
    __m256i lanes;
    if (words >= 4) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    lanes =
        _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)words), _mm256_setr_epi64x(0, 1, 2, 3));
    return _mm256_maskload_epi64((const long long *)(const void *)p, lanes);
}

/* The ones of each byte. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_count_avx2(__m256i x) {
    __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

/* Distances of one query to 4 targets. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_avx2(const uint64_t *query,
                                                            const uint64_t *const *targets,
                                                            size_t words) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    __m256i zero = _mm256_setzero_si256();
    __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero, s0123;
    for (size_t word = 0; word < words; word += 4) {
        size_t n = words - word;
        __m256i q = pkn_tile_load_avx2(query + word, n);
        s0 = _mm256_add_epi8(
            s0, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t0 + word, n))));
        s1 = _mm256_add_epi8(
            s1, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t1 + word, n))));
        s2 = _mm256_add_epi8(
            s2, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t2 + word, n))));
        s3 = _mm256_add_epi8(
            s3, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t3 + word, n))));
    }
    s0 = _mm256_packus_epi32(_mm256_sad_epu8(s0, zero), _mm256_sad_epu8(s1, zero));
    s2 = _mm256_packus_epi32(_mm256_sad_epu8(s2, zero), _mm256_sad_epu8(s3, zero));
    s0123 = _mm256_packus_epi32(s0, s2);
    return _mm_madd_epi16(
        _mm_add_epi16(_mm256_castsi256_si128(s0123), _mm256_extracti128_si256(s0123, 1)),
        _mm_set1_epi16(1));
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_part_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t stride, size_t words, uint32_t *out,
                          size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_AVX2_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_AVX2_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q++) {
                __m128i counts = pkn_tile_1x4_avx2(queries + q * stride + word, rows, n_words);
                uint32_t *place = out + q * out_stride + t;
                if (n == 4 && word == 0) {
                    _mm_storeu_si128((__m128i *)(void *)place, counts);
                } else {
                    uint32_t part[4];
                    _mm_storeu_si128((__m128i *)(void *)part, counts);
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_avx2(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_nearest_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                          uint32_t *indices) {
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_avx2(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            __m128i *best_place = (__m128i *)(void *)(distances + q * PKN_NEAREST_LANES);
            __m128i *place_place = (__m128i *)(void *)(indices + q * PKN_NEAREST_LANES);
            __m128i best = _mm_loadu_si128(best_place), place = _mm_loadu_si128(place_place);
            __m128i now = _mm_add_epi32(_mm_set1_epi32((int)(first + (uint32_t)i)),
                                        _mm_setr_epi32(0, 1, 2, 3));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                __m128i counts = _mm_loadu_si128((const __m128i *)(const void *)(from + t));
                __m128i not_nearer = _mm_cmpeq_epi32(_mm_max_epu32(counts, best), counts);
                best = _mm_min_epu32(counts, best);
                place = _mm_blendv_epi8(now, place, not_nearer);
                now = _mm_add_epi32(now, _mm_set1_epi32(4));
            }
            _mm_storeu_si128(best_place, best);
            _mm_storeu_si128(place_place, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_below_u32_avx2(const uint32_t *values, size_t n,
                                                       uint32_t threshold, uint32_t first,
                                                       uint64_t *keys) {
    /* AVX2 compares signed numbers only. */
    __m256i sign = _mm256_set1_epi32(INT32_MIN);
    __m256i threshold_i32x8 = _mm256_xor_si256(_mm256_set1_epi32((int)threshold), sign);
    size_t count = 0, i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i values_i32x8 =
            _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(values + i)), sign);
        __m256i below_i32x8 = _mm256_cmpgt_epi32(threshold_i32x8, values_i32x8);
        unsigned below = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(below_i32x8));
        for (; PKN_UNLIKELY(below != 0); below &= below - 1) {
            size_t place = i + (size_t)__builtin_ctz(below);
            keys[count++] = (uint64_t)values[place] << 32 | (first + (uint32_t)place);
        }
    }
    for (; i < n; i++) {
        if (values[i] < threshold) {
            keys[count++] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        }
    }
    return count;
}

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_count_below_u64_avx2(const uint64_t *keys, size_t n,
                                                             uint64_t threshold) {
    /* AVX2 compares signed numbers only. */
    __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    __m256i threshold_i64x4 = _mm256_xor_si256(_mm256_set1_epi64x((long long)threshold), sign);
    __m256i count_u64x4 = _mm256_setzero_si256();
    uint64_t counts[4];
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        __m256i keys_i64x4 =
            _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(keys + i)), sign);
        count_u64x4 =
            _mm256_sub_epi64(count_u64x4, _mm256_cmpgt_epi64(threshold_i64x4, keys_i64x4));
    }
    _mm256_storeu_si256((__m256i *)(void *)counts, count_u64x4);
    return (size_t)(counts[0] + counts[1] + counts[2] + counts[3]) +
           pkn_count_below_u64_scalar(keys + i, n - i, threshold);
}

/* bits - distance as a double: both are exact, and so is their difference. */
PKN_TARGET_AVX2 PKN_INTERNAL void pkn_similarity_u32_avx2(const uint32_t *distances, size_t n,
                                                          uint64_t bits, float *out) {
    double scale = 1.0 / (double)bits;
    size_t i = 0;
    if (bits < (UINT64_C(1) << 31)) {
        __m256d scale_f64x4 = _mm256_set1_pd(scale);
        __m128i bits_i32x4 = _mm_set1_epi32((int)bits);
        for (; n - i >= 4; i += 4) {
            __m128i distances_i32x4 =
                _mm_loadu_si128((const __m128i *)(const void *)(distances + i));
            __m256d same_f64x4 = _mm256_cvtepi32_pd(_mm_sub_epi32(bits_i32x4, distances_i32x4));
            _mm_storeu_ps(out + i, _mm256_cvtpd_ps(_mm256_mul_pd(same_f64x4, scale_f64x4)));
        }
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
