/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bit counts, checked size arithmetic, overlap of two arrays. */
#ifndef PKN_BASE_BITS_H
#define PKN_BASE_BITS_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

PKN_INLINE unsigned pkn_popcount_u64(uint64_t x) {
    return (unsigned)__builtin_popcountll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_ctz_u64(uint64_t x) {
    return (unsigned)__builtin_ctzll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_clz_u64(uint64_t x) {
    return (unsigned)__builtin_clzll(x);
}

PKN_INLINE uint64_t pkn_rotl_u64(uint64_t x, unsigned count) {
    return x << (count & 63u) | x >> ((64u - count) & 63u);
}

/* 1 where a * b (a + b) does not fit; *out then has no meaning */
PKN_INLINE int pkn_mul_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_mul_overflow(a, b, out);
}

PKN_INLINE int pkn_add_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_add_overflow(a, b, out);
}

PKN_INLINE size_t pkn_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

PKN_INLINE size_t pkn_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* 1 where the two byte ranges share a byte */
PKN_INLINE int pkn_overlaps(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    uintptr_t a_first = (uintptr_t)a;
    uintptr_t b_first = (uintptr_t)b;
    int one_begins_in_other = (b_first - a_first < a_bytes) | (a_first - b_first < b_bytes);
    return one_begins_in_other & (a_bytes != 0) & (b_bytes != 0);
}

#endif
