/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the kernels over 8- and 16-bit integers share: the clip, and the loop of dot products over
   four targets at a time.

   Values are clipped to -127 .. 127 and -32767 .. 32767, the same on both sides, so that a negated
   vector gives negated results. Inputs may hold -128 and -32768 nevertheless, and every sum is
   exact. */
#ifndef PKN_SIMD_INTEGER_H
#define PKN_SIMD_INTEGER_H

#include "base/bits.h"
#include "base/compiler.h"
#include "simd/intrinsics.h"

#include <stddef.h>
#include <stdint.h>

PKN_ALWAYS_INLINE int8_t pkn_clip_i8(int32_t x) {
    return (int8_t)(x > 127 ? 127 : x < -127 ? -127 : x);
}

PKN_ALWAYS_INLINE int16_t pkn_clip_i16(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32767 ? -32767 : x);
}

/* The largest |x[i]|. Blocks of constant length are what gcc's -O2 makes vectors of. */
PKN_INLINE uint32_t pkn_magnitude_i16(const int16_t *x, size_t n) {
    enum { BLOCK = 32 };
    int16_t low[BLOCK] = {0}, high[BLOCK] = {0};
    int32_t min = 0, max = 0;
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (size_t j = 0; j < BLOCK; j++) {
            low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
            high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
        }
    }
    for (size_t j = 0; j < BLOCK; j++) {
        min = low[j] < min ? low[j] : min;
        max = high[j] > max ? high[j] : max;
    }
    for (; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
    }
    return (uint32_t)(max > -min ? max : -min);
}

/* Elements whose products a 32-bit lane can sum up, a multiple of lanes. Bytes: a step adds at most
   4 * 255 * 128 < 2^17 to a lane. 16 bits: at most 2 * 32768 times the query's largest magnitude,
   0 where that is too much at once. */
PKN_INLINE size_t pkn_dot_chunk_i8(const int8_t *query, size_t n, size_t lanes) {
    PKN_UNUSED(query);
    PKN_UNUSED(n);
    return ((size_t)1 << 13) * lanes;
}

PKN_INLINE size_t pkn_dot_chunk_i16(const int16_t *query, size_t n, size_t lanes) {
    uint32_t magnitude = pkn_magnitude_i16(query, n);
    uint32_t steps = magnitude < 32 ? 1024 : (uint32_t)INT32_MAX / (65536u * magnitude);
    return magnitude > 32767 ? 0 : (size_t)steps * lanes;
}

/* Defines pkn_dot_tile_<type>_<isa>, LANES elements a step, from
       pkn_dot_load_<type>_<isa>(const T *query, size_t n)           the first n <= LANES elements
       pkn_dot_step_<type>_<isa>(sum, query, const T *target, n)     sum + products, 32-bit lanes
       pkn_dot_sum_<isa>(sum)                                        the lanes' sum as int64_t
       pkn_dot_excess_<type>_<isa>(query, n)     what the steps give above the dot product
   and, for queries whose products don't fit, the scalar kernel. */
#define PKN_DEFINE_DOT_TILE(isa, type, T, vector, LANES, TARGET) \
    TARGET PKN_ALWAYS_INLINE void pkn_dot_4_##type##_##isa( \
        const T *query, const T *const *targets, size_t begin, size_t end, int64_t *sums) { \
        vector s0 = pkn_dot_zero_##isa(), s1 = s0, s2 = s0, s3 = s0; \
        for (size_t i = begin; i < end; i += (LANES)) { \
            size_t n = pkn_min_size(end - i, (LANES)); \
            vector q = pkn_dot_load_##type##_##isa(query + i, n); \
            s0 = pkn_dot_step_##type##_##isa(s0, q, targets[0] + i, n); \
            s1 = pkn_dot_step_##type##_##isa(s1, q, targets[1] + i, n); \
            s2 = pkn_dot_step_##type##_##isa(s2, q, targets[2] + i, n); \
            s3 = pkn_dot_step_##type##_##isa(s3, q, targets[3] + i, n); \
        } \
        sums[0] += pkn_dot_sum_##isa(s0); \
        sums[1] += pkn_dot_sum_##isa(s1); \
        sums[2] += pkn_dot_sum_##isa(s2); \
        sums[3] += pkn_dot_sum_##isa(s3); \
    } \
\
    TARGET PKN_INTERNAL void pkn_dot_tile_##type##_##isa( \
        const T *query, const T *targets, size_t n_targets, size_t n, int64_t *out) { \
        size_t chunk = pkn_dot_chunk_##type(query, n, (LANES)); \
        size_t whole = n / (LANES) * (LANES); \
        int64_t excess; \
        if (chunk == 0) { \
            pkn_dot_tile_##type##_scalar(query, targets, n_targets, n, out); \
            return; \
        } \
        excess = pkn_dot_excess_##type##_##isa(query, n); \
        for (size_t t = 0; t < n_targets; t += 4) { \
            size_t left = pkn_min_size(n_targets - t, 4); \
            const T *rows[4]; \
            int64_t sums[4]; \
            for (size_t k = 0; k < 4; k++) { \
                rows[k] = targets + (t + pkn_min_size(k, left - 1)) * n; \
                sums[k] = -excess; \
            } \
            for (size_t i = 0; i < whole; i += chunk) { \
                pkn_dot_4_##type##_##isa(query, rows, i, i + pkn_min_size(chunk, whole - i), \
                                         sums); \
            } \
            if (whole < n) { \
                pkn_dot_4_##type##_##isa(query, rows, whole, n, sums); \
            } \
            for (size_t k = 0; k < left; k++) { \
                out[t + k] = sums[k]; \
            } \
        } \
    }

#endif
