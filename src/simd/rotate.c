/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation in place. Short vectors go through a copy on the stack; in long ones the bits are
   shifted within the words first, then the words change places block by block, so no memory is
   allocated. */
#ifndef PKN_SIMD_ROTATE_C
#define PKN_SIMD_ROTATE_C

#include "base/bits.h"
#include "base/platform.h"
#include "simd/dispatch.h"
#include "simd/rotate.h"
#include "simd/simd.h"

/* 1 KiB of stack: up to 8,192 bits are rotated by copy and one pass. */
#define PKN_ROTATE_BUFFER_WORDS 128

PKN_INTERNAL void pkn_swap_words(uint64_t *a, uint64_t *b, size_t words, uint64_t *buffer) {
    while (words > 0) {
        size_t n = pkn_min_size(words, PKN_ROTATE_BUFFER_WORDS);
        memcpy(buffer, a, n * 8);
        memcpy(a, b, n * 8);
        memcpy(b, buffer, n * 8);
        a += n;
        b += n;
        words -= n;
    }
}

/* [low high] becomes [high low]. While both are long, the shorter one is swapped to its place
   against an equal part of the other, which leaves a smaller problem of the same kind (Gries and
   Mills). */
PKN_INTERNAL void pkn_exchange_blocks(uint64_t *words, size_t n_low, size_t n_high,
                                      uint64_t *buffer) {
    while (pkn_min_size(n_low, n_high) > PKN_ROTATE_BUFFER_WORDS) {
        if (n_low <= n_high) {
            pkn_swap_words(words, words + n_low, n_low, buffer);
            words += n_low;
            n_high -= n_low;
        } else {
            n_low -= n_high;
            pkn_swap_words(words + n_low, words + n_low + n_high, n_high, buffer);
        }
    }
    if (n_low <= n_high) {
        memcpy(buffer, words, n_low * 8);
        memmove(words, words + n_low, n_high * 8);
        memcpy(words + n_high, buffer, n_low * 8);
    } else {
        memcpy(buffer, words + n_low, n_high * 8);
        memmove(words + n_high, words, n_low * 8);
        memcpy(words, buffer, n_high * 8);
    }
}

PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out) {
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t buffer[PKN_ROTATE_BUFFER_WORDS];
    pkn_rotation rotation;
    if (words == 0) {
        return;
    }
    if (in != out) {
        kernels->rotate_u64(in, words, shift, out);
        return;
    }
    if (words <= PKN_ROTATE_BUFFER_WORDS) {
        kernels->rotate_u64(in, words, shift, buffer);
        memcpy(out, buffer, words * 8);
        return;
    }
    rotation = pkn_rotation_of(in, words, shift);
    if (rotation.bits != 0) {
        kernels->rotate_u64(in, words, (int64_t)rotation.bits, out);
    }
    if (rotation.n_high != 0) {
        pkn_exchange_blocks(out, words - rotation.n_high, rotation.n_high, buffer);
    }
}

#endif
