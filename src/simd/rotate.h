/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How a rotation of a bit vector splits into two straight pieces.

   Rotating by 64 q + r bits sends the top q words to the bottom and the others up by q; within each
   piece every output word is a funnel of an input word and the one before it:
   in[i] << r | in[i - 1] >> (64 - r). Every instruction set has its own funnel and calls it for
   both pieces. A funnel works from the last word down, so it may write over its input. */
#ifndef PKN_SIMD_ROTATE_H
#define PKN_SIMD_ROTATE_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pkn_rotation {
    const uint64_t *high; /* the top words of the input, which become the bottom ones */
    size_t n_high;        /* q, less than words */
    unsigned bits;        /* r, 0 to 63 */
    uint64_t before_high; /* the input words before the pieces, read before any is written */
    uint64_t before_low;
} pkn_rotation;

/* words is not 0. */
PKN_INLINE pkn_rotation pkn_rotation_of(const uint64_t *in, size_t words, int64_t shift) {
    pkn_rotation rotation;
    int64_t bits = (int64_t)((uint64_t)shift & 63u);
    int64_t word_shift = (shift - bits) / 64; /* exact: rounds down for negative shifts too */
    /* usually false, which spares the division */
    if (word_shift >= (int64_t)words || -word_shift > (int64_t)words) {
        word_shift %= (int64_t)words;
    }
    rotation.n_high = (size_t)(word_shift < 0 ? word_shift + (int64_t)words : word_shift);
    rotation.high = in + (words - rotation.n_high);
    rotation.bits = (unsigned)bits;
    rotation.before_high = in[words - rotation.n_high - 1];
    rotation.before_low = in[words - 1];
    return rotation;
}

PKN_ALWAYS_INLINE uint64_t pkn_funnel_word(uint64_t word, uint64_t before, unsigned bits) {
    return word << bits | before >> 1 >> (63u - bits); /* two steps, since >> 64 is undefined */
}

/* out[i] = word i of in, shifted up by bits, with the top bits of the word before. bits < 64; out
   may be in. */
PKN_INLINE void pkn_funnel_scalar(const uint64_t *in, size_t words, unsigned bits, uint64_t before,
                                  uint64_t *out) {
    if (words == 0) {
        return;
    }
    for (size_t i = words - 1; i > 0; i--) {
        out[i] = pkn_funnel_word(in[i], in[i - 1], bits);
    }
    out[0] = pkn_funnel_word(in[0], before, bits);
}

#endif
