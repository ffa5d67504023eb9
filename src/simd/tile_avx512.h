/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The register tiles of AVX-512, for any way to count the ones in the lanes of a register.

   Tuned for rows of 2048 bits (4 registers) on a CPU with two 512-bit or four 256-bit pipes. A tile is 4 queries x 4 targets, or 1
   query x 16 targets: 16 counters of 8 lanes stay in registers while the rows go by, 8 (17) loads for 48 other operations. At the
   end 22 operations bring the 16 x 8 lanes to 16 counts: packing to 16 bits puts four counters side by side, so most of the sums
   are done for four pairs at once. A pair of 2048 bits takes (4 + 4 + 3) + 22 / 16 = 12.4 operations, that is 6.2 cycles.
   Rows are cut at PKN_TILE_AVX512_WORDS, up to which a count fits in 15 bits in any part of that sum. */
#ifndef PKN_SIMD_TILE_AVX512_H
#define PKN_SIMD_TILE_AVX512_H

#include "base/bits.h"
#include "simd/tile.h"

#if PKN_ARCH_X86

#define PKN_TILE_AVX512_WORDS 1016

/* Masks of ones here and below cost nothing; without them gcc 12 warns of the intrinsics' own unset operands. */
#define PKN_TILE_LANES(a, b, selection) _mm512_maskz_shuffle_i32x4(0xffff, a, b, selection)

/* 16 distances of a tile; rows: the queries, then the targets, from word 0 on. Order: query major. */
typedef __m512i (*pkn_tile_avx512_fn)(const uint64_t *const *rows, size_t words);

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_pack_avx512(__m512i a, __m512i b, __m512i c, __m512i d) {
    return _mm512_packus_epi32(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
}

/* In a.., 128-bit lane l holds two partial counts (16 bits) of each of 4 pairs; sums over lanes and halves: 16 counts of 32 bits. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_sum_avx512(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_add_epi16(PKN_TILE_LANES(a, b, 0x88), PKN_TILE_LANES(a, b, 0xdd));
    __m512i cd = _mm512_add_epi16(PKN_TILE_LANES(c, d, 0x88), PKN_TILE_LANES(c, d, 0xdd));
    __m512i abcd = _mm512_add_epi16(PKN_TILE_LANES(ab, cd, 0x88), PKN_TILE_LANES(ab, cd, 0xdd));
    return _mm512_madd_epi16(abcd, _mm512_set1_epi16(1));
}

#define PKN_TILE_LOAD(p) _mm512_loadu_si512(p)
#define PKN_TILE_LOAD_TAIL(p) _mm512_maskz_loadu_epi64(tail, p)

/* One register of a target against 4 queries, or of 4 targets against the one query; `first` sets the counters, `next` adds. */
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
        __m512i q0 = LOAD(r0 + word), q1 = LOAD(r1 + word), q2 = LOAD(r2 + word), q3 = LOAD(r3 + word), t; \
        PKN_TILE_4X1(STEP, COUNT, LOAD(r4 + word), s0, s4, s8, s12); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(r5 + word), s1, s5, s9, s13); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(r6 + word), s2, s6, s10, s14); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(r7 + word), s3, s7, s11, s15); \
    } while (0)
#define PKN_TILE_1X4(STEP, COUNT, LOAD, base, s0, s1, s2, s3) \
    STEP(COUNT, s0, q, LOAD(rows[base] + word)); \
    STEP(COUNT, s1, q, LOAD(rows[base + 1] + word)); \
    STEP(COUNT, s2, q, LOAD(rows[base + 2] + word)); \
    STEP(COUNT, s3, q, LOAD(rows[base + 3] + word))
#define PKN_TILE_1X16(STEP, COUNT, LOAD) \
    do { \
        __m512i q = LOAD(rows[0] + word); \
        PKN_TILE_1X4(STEP, COUNT, LOAD, 1, s0, s1, s2, s3); \
        PKN_TILE_1X4(STEP, COUNT, LOAD, 5, s4, s5, s6, s7); \
        PKN_TILE_1X4(STEP, COUNT, LOAD, 9, s8, s9, s10, s11); \
        PKN_TILE_1X4(STEP, COUNT, LOAD, 13, s12, s13, s14, s15); \
    } while (0)

#define PKN_DEFINE_TILE_BODY(SHAPE, COUNT) \
    __m512i s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15; \
    __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
    size_t word = 0; \
    if (words >= 8) { \
        SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD); \
        for (word = 8; words - word >= 8; word += 8) { \
            SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD); \
        } \
        if (tail) { \
            SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD_TAIL); \
        } \
    } else { \
        SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD_TAIL); \
    } \
    return pkn_tile_sum_avx512(pkn_tile_pack_avx512(s0, s1, s2, s3), pkn_tile_pack_avx512(s4, s5, s6, s7), \
                               pkn_tile_pack_avx512(s8, s9, s10, s11), pkn_tile_pack_avx512(s12, s13, s14, s15));

/* COUNT(x): the ones of each 64-bit lane. */
#define PKN_DEFINE_TILES_AVX512(isa, TARGET, COUNT) \
    TARGET PKN_NOINLINE PKN_INTERNAL __m512i pkn_tile_4x4_##isa(const uint64_t *const *rows, size_t words) { \
        const uint64_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3]; \
        const uint64_t *r4 = rows[4], *r5 = rows[5], *r6 = rows[6], *r7 = rows[7]; \
        PKN_DEFINE_TILE_BODY(PKN_TILE_4X4, COUNT) \
    } \
    TARGET PKN_NOINLINE PKN_INTERNAL __m512i pkn_tile_1x16_##isa(const uint64_t *const *rows, size_t words) { \
        PKN_DEFINE_TILE_BODY(PKN_TILE_1X16, COUNT) \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_tile_u64_##isa(const uint64_t *queries, size_t n_queries, const uint64_t *targets, \
                                                        size_t n_targets, size_t words, uint32_t *out, size_t out_stride) { \
        pkn_hamming_tile_avx512(pkn_tile_4x4_##isa, pkn_tile_1x16_##isa, queries, n_queries, targets, n_targets, words, out, \
                                out_stride); \
    }

/* Columns [n] of one row of out: counts' lanes from lane on. add: they are the distances of a further part of long rows. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_store_avx512(__m512i counts, size_t n, int add, uint32_t *out) {
    __mmask16 mask = (__mmask16)((1u << n) - 1);
    if (add) {
        __m512i sum = _mm512_add_epi32(counts, _mm512_maskz_loadu_epi32(mask, out));
        __mmask16 over = _mm512_cmplt_epu32_mask(sum, counts);
        counts = _mm512_mask_set1_epi32(sum, over, -1);
    }
    _mm512_mask_storeu_epi32(out, mask, counts);
}

/* 4 queries with n_targets targets, words of the rows from `word` on. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_panel_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries,
                                                               const uint64_t *targets, size_t n_targets, size_t stride,
                                                               size_t words, int add, uint32_t *out, size_t out_stride) {
    const uint64_t *rows[8];
    for (size_t i = 0; i < 4; i++) {
        rows[i] = queries + i * stride;
    }
    for (size_t t = 0; t < n_targets; t += 4) {
        size_t n = pkn_min_size(n_targets - t, 4);
        uint32_t *place = out + t;
        __m512i counts;
        for (size_t i = 0; i < 4; i++) {
            rows[4 + i] = targets + (t + (i < n ? i : n - 1)) * stride;
        }
        counts = tile_4x4(rows, words);
        if (PKN_LIKELY(n == 4 && !add)) {
            _mm_storeu_si128((__m128i *)(void *)place, _mm512_maskz_extracti32x4_epi32(0xf, counts, 0));
            _mm_storeu_si128((__m128i *)(void *)(place + out_stride), _mm512_maskz_extracti32x4_epi32(0xf, counts, 1));
            _mm_storeu_si128((__m128i *)(void *)(place + 2 * out_stride), _mm512_maskz_extracti32x4_epi32(0xf, counts, 2));
            _mm_storeu_si128((__m128i *)(void *)(place + 3 * out_stride), _mm512_maskz_extracti32x4_epi32(0xf, counts, 3));
        } else {
            pkn_tile_store_avx512(counts, n, add, place);
            pkn_tile_store_avx512(PKN_TILE_LANES(counts, counts, 0x01), n, add, place + out_stride);
            pkn_tile_store_avx512(PKN_TILE_LANES(counts, counts, 0x02), n, add, place + 2 * out_stride);
            pkn_tile_store_avx512(PKN_TILE_LANES(counts, counts, 0x03), n, add, place + 3 * out_stride);
        }
    }
}

/* 1 query with n_targets targets. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_row_avx512(pkn_tile_avx512_fn tile_1x16, const uint64_t *query,
                                                             const uint64_t *targets, size_t n_targets, size_t stride,
                                                             size_t words, int add, uint32_t *out) {
    const uint64_t *rows[17];
    rows[0] = query;
    for (size_t t = 0; t < n_targets; t += 16) {
        size_t n = pkn_min_size(n_targets - t, 16);
        for (size_t i = 0; i < n; i++) {
            rows[1 + i] = targets + (t + i) * stride;
        }
        for (size_t i = n; i < 16; i++) {
            rows[1 + i] = rows[n];
        }
        pkn_tile_store_avx512(tile_1x16(rows, words), n, add, out + t);
    }
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_hamming_tile_avx512(pkn_tile_avx512_fn tile_4x4, pkn_tile_avx512_fn tile_1x16,
                                                                 const uint64_t *queries, size_t n_queries,
                                                                 const uint64_t *targets, size_t n_targets, size_t words,
                                                                 uint32_t *out, size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_AVX512_WORDS) {
        size_t n = pkn_min_size(words - word, PKN_TILE_AVX512_WORDS);
        size_t q = 0;
        for (; n_queries - q >= 4; q += 4) {
            pkn_tile_panel_avx512(tile_4x4, queries + q * words + word, targets + word, n_targets, words, n, word > 0,
                                  out + q * out_stride, out_stride);
        }
        for (; q < n_queries; q++) {
            pkn_tile_row_avx512(tile_1x16, queries + q * words + word, targets + word, n_targets, words, n, word > 0,
                                out + q * out_stride);
        }
    }
}

#endif

#endif
