/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels' definition: one word at a time, on any CPU. */
#ifndef PKN_SIMD_BITS_SCALAR_C
#define PKN_SIMD_BITS_SCALAR_C

#include "base/bits.h"
#include "simd/kernels.h"
#include "simd/rotate.h"

PKN_INTERNAL void pkn_xor_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/* out[r] = rows[r] ^ key, for n_rows rows of words words. out may be rows. */
PKN_INTERNAL void pkn_xor_rows_u64_scalar(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                          size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_scalar(rows + row * words, key, words, out + row * words);
    }
}

PKN_INTERNAL void pkn_and_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] & b[i];
    }
}

PKN_INTERNAL void pkn_or_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                    uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] | b[i];
    }
}

PKN_INTERNAL void pkn_not_u64_scalar(const uint64_t *a, size_t words, uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = ~a[i];
    }
}

PKN_INTERNAL uint64_t pkn_popcount_u64_scalar(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i]);
    }
    return count;
}

PKN_INTERNAL uint64_t pkn_hamming_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i] ^ b[i]);
    }
    return count;
}

PKN_INTERNAL void pkn_rotate_u64_scalar(const uint64_t *in, size_t words, int64_t shift,
                                        uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_scalar(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_scalar(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

#endif
