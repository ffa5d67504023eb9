/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The register tiles of AVX-512, for any way to count the ones in the lanes of a register.

   Tuned for rows of 2048 bits (4 registers) on a CPU with two 512-bit or four 256-bit pipes. A tile
   is 4 queries x 4 targets: 16 counters of 8 lanes stay in registers while the rows go by, 8 loads
   for 48 other operations. At the end 22 operations bring the 16 x 8 lanes to 16 counts: packing to
   16 bits puts four counters side by side, so most of the sums are done for four pairs at once. A
   pair of 2048 bits takes (4 + 4 + 3) + 22 / 16 = 12.4 operations, that is 6.2 cycles. A single
   query meets one target after another, so that memory is read in its order, and lines are asked
   for before their turn: 13 operations and 4 loads a pair, little slower than reading alone where
   the targets come from L2 or farther off. Rows are cut at PKN_TILE_AVX512_WORDS, up to which a count fits in 15 bits in any part of that
   sum. The addresses of a tile's rows are computed in it; through a table in memory the tile took a
   fifth longer. */
#ifndef PKN_SIMD_TILE_AVX512_H
#define PKN_SIMD_TILE_AVX512_H

#include "base/bits.h"
#include "simd/tile.h"

#if PKN_ARCH_X86

#define PKN_TILE_AVX512_WORDS 1016
/* The line 4 KiB ahead into L2. In the order of the addresses: out of order it cost a fifth of the
   bandwidth. */
#define PKN_TILE_PREFETCH(p) _mm_prefetch((const char *)((p) + 512), _MM_HINT_T1)

/* Masks of ones here and below cost nothing; without them gcc 12 warns of the intrinsics' own unset
   operands. */
#define PKN_TILE_LANES(a, b, selection) _mm512_maskz_shuffle_i32x4(0xffff, a, b, selection)

/* Distances of 4 queries to 4 targets, query major; rows are stride words apart. Of the targets n
   are there, 1 to 4; the rest of a row of the result repeats the last one's. */
typedef __m512i (*pkn_tile_avx512_fn)(const uint64_t *queries, const uint64_t *targets,
                                      size_t stride, size_t n, size_t words);

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_pack_avx512(__m512i a, __m512i b, __m512i c,
                                                                 __m512i d) {
    return _mm512_packus_epi32(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
}

/* In a.., 128-bit lane l holds two partial counts (16 bits) of each of 4 pairs; sums over lanes and
   halves: 16 counts of 32 bits. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_sum_avx512(__m512i a, __m512i b, __m512i c,
                                                                __m512i d) {
    __m512i ab = _mm512_add_epi16(PKN_TILE_LANES(a, b, 0x88), PKN_TILE_LANES(a, b, 0xdd));
    __m512i cd = _mm512_add_epi16(PKN_TILE_LANES(c, d, 0x88), PKN_TILE_LANES(c, d, 0xdd));
    __m512i abcd = _mm512_add_epi16(PKN_TILE_LANES(ab, cd, 0x88), PKN_TILE_LANES(ab, cd, 0xdd));
    return _mm512_madd_epi16(abcd, _mm512_set1_epi16(1));
}

#define PKN_TILE_LOAD(p) _mm512_loadu_si512(p)
#define PKN_TILE_LOAD_TAIL(p) _mm512_maskz_loadu_epi64(tail, p)

/* The counters of 4 queries for a register of one target; `first` sets them, `next` adds. */
#define PKN_TILE_FIRST(COUNT, sum, x, y) sum = COUNT(_mm512_xor_si512(x, y))
#define PKN_TILE_NEXT(COUNT, sum, x, y) sum = _mm512_add_epi64(sum, COUNT(_mm512_xor_si512(x, y)))
#define PKN_TILE_4X1(STEP, COUNT, target, s0, s1, s2, s3) \
    t = target; \
    STEP(COUNT, s0, q0, t); \
    STEP(COUNT, s1, q1, t); \
    STEP(COUNT, s2, q2, t); \
    STEP(COUNT, s3, q3, t)
#define PKN_TILE_4X4(STEP, COUNT, LOAD) \
    do { \
        __m512i q0 = LOAD(r0 + word), q1 = LOAD(r1 + word), q2 = LOAD(r2 + word), \
                q3 = LOAD(r3 + word), t; \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t0 + word), s0, s4, s8, s12); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t1 + word), s1, s5, s9, s13); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t2 + word), s2, s6, s10, s14); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t3 + word), s3, s7, s11, s15); \
    } while (0)
/* All words of the rows through SHAPE. */
#define PKN_TILE_ROWS(SHAPE, COUNT) \
    do { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        size_t word = 0; \
        if (PKN_LIKELY(words >= 8)) { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD); \
            for (word = 8; words - word >= 8; word += 8) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD); \
            } \
            if (PKN_UNLIKELY(tail)) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD_TAIL); \
            } \
        } else { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD_TAIL); \
        } \
    } while (0)

/* COUNT(x): the ones of each 64-bit lane. */
#define PKN_DEFINE_TILES_AVX512(isa, TARGET, COUNT) \
    TARGET PKN_NOINLINE PKN_INTERNAL __m512i pkn_tile_4x4_##isa( \
        const uint64_t *queries, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *r0 = queries, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride; \
        const uint64_t *t0 = targets, *t1 = n > 1 ? t0 + stride : t0, \
                       *t2 = n > 2 ? t1 + stride : t1; \
        const uint64_t *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15; \
        PKN_TILE_ROWS(PKN_TILE_4X4, COUNT); \
        return pkn_tile_sum_avx512( \
            pkn_tile_pack_avx512(s0, s1, s2, s3), pkn_tile_pack_avx512(s4, s5, s6, s7), \
            pkn_tile_pack_avx512(s8, s9, s10, s11), pkn_tile_pack_avx512(s12, s13, s14, s15)); \
    } \
    /* Counters of 8 words of 1 query and 1 target. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_8_words_##isa(const uint64_t *query, \
                                                            const uint64_t *target) { \
        return COUNT(_mm512_xor_si512(_mm512_loadu_si512(query), _mm512_loadu_si512(target))); \
    } \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_##isa(const uint64_t *query, \
                                                        const uint64_t *target, size_t words) { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        __m512i even = _mm512_setzero_si512(), odd = even; \
        size_t word = 0; \
        for (; words - word >= 16; word += 16) { \
            PKN_TILE_PREFETCH(target + word); \
            PKN_TILE_PREFETCH(target + word + 8); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            odd = _mm512_add_epi64(odd, \
                                   pkn_tile_8_words_##isa(query + word + 8, target + word + 8)); \
        } \
        if (words - word >= 8) { \
            PKN_TILE_PREFETCH(target + word); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            word += 8; \
        } \
        if (PKN_UNLIKELY(tail)) { \
            odd = _mm512_add_epi64( \
                odd, COUNT(_mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, query + word), \
                                            _mm512_maskz_loadu_epi64(tail, target + word)))); \
        } \
        return _mm512_add_epi64(even, odd); \
    } \
    /* The same for 32 words, so that the query stays in registers. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_of_32_##isa(const uint64_t *query, \
                                                              const uint64_t *target) { \
        return _mm512_add_epi64( \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query, target), \
                             pkn_tile_8_words_##isa(query + 8, target + 8)), \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query + 16, target + 16), \
                             pkn_tile_8_words_##isa(query + 24, target + 24))); \
    } \
    /* 1 query with 4 targets; n as above. */ \
    TARGET PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_##isa( \
        const uint64_t *query, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *t1 = n > 1 ? targets + stride : targets; \
        const uint64_t *t2 = n > 2 ? t1 + stride : t1, *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3; \
        if (PKN_LIKELY(words == 32)) { \
            s0 = pkn_tile_1x1_of_32_##isa(query, targets); \
            s1 = pkn_tile_1x1_of_32_##isa(query, t1); \
            s2 = pkn_tile_1x1_of_32_##isa(query, t2); \
            s3 = pkn_tile_1x1_of_32_##isa(query, t3); \
        } else { \
            s0 = pkn_tile_1x1_##isa(query, targets, words); \
            s1 = pkn_tile_1x1_##isa(query, t1, words); \
            s2 = pkn_tile_1x1_##isa(query, t2, words); \
            s3 = pkn_tile_1x1_##isa(query, t3, words); \
        } \
        return pkn_tile_sum_row_avx512(pkn_tile_pack_avx512(s0, s1, s2, s3)); \
    } \
    TARGET PKN_INTERNAL void pkn_tile_row_##isa(const uint64_t *query, const uint64_t *targets, \
                                                size_t n_targets, size_t stride, size_t words, \
                                                int add, uint32_t *out) { \
        for (size_t i = 0; i < n_targets; i += 4) { \
            size_t n = n_targets - i; \
            pkn_tile_store_avx512( \
                pkn_tile_1x4_##isa(query, targets + i * stride, stride, n, words), n, add, \
                out + i); \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_part_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t stride, size_t words, uint32_t *out, size_t out_stride) { \
        for (size_t word = 0; word < words; word += PKN_TILE_AVX512_WORDS) { \
            size_t n = pkn_min_size(words - word, PKN_TILE_AVX512_WORDS); \
            size_t q = 0; \
            for (; n_queries - q >= 4; q += 4) { \
                pkn_tile_panel_avx512(pkn_tile_4x4_##isa, queries + q * stride + word, \
                                      targets + word, n_targets, stride, n, word > 0, \
                                      out + q * out_stride, out_stride); \
            } \
            for (; q < n_queries; q++) { \
                pkn_tile_row_##isa(queries + q * stride + word, targets + word, n_targets, stride, \
                                   n, word > 0, out + q * out_stride); \
            } \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t *out, size_t out_stride) { \
        pkn_hamming_part_u64_##isa(queries, n_queries, targets, n_targets, words, words, out, \
                                   out_stride); \
    } \
    TARGET PKN_INTERNAL void pkn_nearest_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t first, uint32_t *distances, uint32_t *indices) { \
        if (n_queries == 4 && words <= PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_avx512(pkn_tile_4x4_##isa, queries, targets, n_targets, words, first, \
                                    distances, indices); \
            return; \
        } \
        for (size_t q = 0; q < n_queries && words <= PKN_TILE_AVX512_WORDS; q++) { \
            pkn_tile_nearest_row_avx512( \
                pkn_tile_1x4_##isa, queries + q * words, targets, n_targets, words, first, \
                distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES); \
        } \
        if (words > PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_long_avx512(pkn_hamming_tile_u64_##isa, queries, n_queries, targets, \
                                         n_targets, words, first, distances, indices); \
        } \
    }

/* The same for one such register: 4 counts. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m128i pkn_tile_sum_row_avx512(__m512i a) {
    __m256i half = _mm256_add_epi16(_mm512_maskz_extracti64x4_epi64(0xf, a, 0),
                                    _mm512_maskz_extracti64x4_epi64(0xf, a, 1));
    __m128i quarter =
        _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    return _mm_madd_epi16(quarter, _mm_set1_epi16(1));
}

/* The first n of 4 counts, which are distances or (add) those of a further part of long rows. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_store_avx512(__m128i counts, size_t n, int add,
                                                               uint32_t *out) {
    if (PKN_LIKELY(n >= 4 && !add)) {
        _mm_storeu_si128((__m128i *)(void *)out, counts);
    } else {
        __mmask8 mask = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __m128i before = _mm_maskz_loadu_epi32((__mmask8)(add ? mask : 0), out);
        __m128i sum = _mm_add_epi32(counts, before);
        sum = _mm_mask_set1_epi32(sum, _mm_cmplt_epu32_mask(sum, before), -1);
        _mm_mask_storeu_epi32(out, mask, sum);
    }
}

/* 4 queries with n_targets targets. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_panel_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries, const uint64_t *targets,
                      size_t n_targets, size_t stride, size_t words, int add, uint32_t *out,
                      size_t out_stride) {
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        uint32_t *place = out + i;
        __m512i counts = tile_4x4(queries, targets + i * stride, stride, n, words);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 0), n, add, place);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 1), n, add,
                              place + out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 2), n, add,
                              place + 2 * out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 3), n, add,
                              place + 3 * out_stride);
    }
}

/* The nearest of 4 queries: a tile's 16 distances are 4 candidates of each query. Lanes that repeat
   the last target (n < 4) are masked. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries,
                        const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                        uint32_t *distances, uint32_t *indices) {
    __m512i best = _mm512_loadu_si512(distances);
    __m512i place = _mm512_loadu_si512(indices);
    __m512i now =
        _mm512_add_epi32(_mm512_set1_epi32((int)first),
                         _mm512_maskz_broadcast_i32x4(0xffff, _mm_setr_epi32(0, 1, 2, 3)));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m512i counts = tile_4x4(queries, targets + i * words, words, n, words);
        __mmask16 lanes = (__mmask16)(n >= 4 ? 0xffff : ((1u << n) - 1) * 0x1111u);
        __mmask16 nearer = _mm512_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm512_mask_mov_epi32(best, nearer, counts);
        place = _mm512_mask_mov_epi32(place, nearer, now);
        now = _mm512_add_epi32(now, _mm512_set1_epi32(4));
    }
    _mm512_storeu_si512(distances, best);
    _mm512_storeu_si512(indices, place);
}

typedef __m128i (*pkn_tile_row_avx512_fn)(const uint64_t *query, const uint64_t *targets,
                                          size_t stride, size_t n, size_t words);

/* The same for one query. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_row_avx512(pkn_tile_row_avx512_fn tile_1x4, const uint64_t *query,
                            const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                            uint32_t *distances, uint32_t *indices) {
    __m128i best = _mm_loadu_si128((const __m128i *)(const void *)distances);
    __m128i place = _mm_loadu_si128((const __m128i *)(const void *)indices);
    __m128i now = _mm_add_epi32(_mm_set1_epi32((int)first), _mm_setr_epi32(0, 1, 2, 3));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m128i counts = tile_1x4(query, targets + i * words, words, n, words);
        __mmask8 lanes = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __mmask8 nearer = _mm_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm_mask_mov_epi32(best, nearer, counts);
        place = _mm_mask_mov_epi32(place, nearer, now);
        now = _mm_add_epi32(now, _mm_set1_epi32(4));
    }
    _mm_storeu_si128((__m128i *)(void *)distances, best);
    _mm_storeu_si128((__m128i *)(void *)indices, place);
}

typedef void (*pkn_hamming_tile_fn)(const uint64_t *queries, size_t n_queries,
                                    const uint64_t *targets, size_t n_targets, size_t words,
                                    uint32_t *out, size_t out_stride);

/* Rows so long that a distance is a sum over parts. */
PKN_INTERNAL void pkn_tile_nearest_long_avx512(pkn_hamming_tile_fn hamming, const uint64_t *queries,
                                               size_t n_queries, const uint64_t *targets,
                                               size_t n_targets, size_t words, uint32_t first,
                                               uint32_t *distances, uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            hamming(queries + q * words, 1, targets + i * words, n, words, block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
