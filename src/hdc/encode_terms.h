/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the encoders share: limits, costs, column blocks, rotated columns. */
#ifndef PKN_HDC_ENCODE_TERMS_H
#define PKN_HDC_ENCODE_TERMS_H

#include "hdc/hdc_run.h"
#include "simd/rotate.h"
#include "simd/terms.h"

#define PKN_ENCODE_MAX_TERMS ((size_t)INT32_MAX)

/* Nanoseconds of a term of `arity` rows in a block of columns: with 32 words on a 3.7 GHz Zen 4 in
   a loop over rows in L1, 1.9 for one row, 2.8 for two, 3.8 for three. */
PKN_INLINE double pkn_terms_cost(size_t arity, size_t words) {
    return pkn_hdc_count_cost() * (double)pkn_min_size(words, PKN_TERMS_WORDS) *
           (0.5 + 0.4 * (double)arity);
}

PKN_INLINE size_t pkn_terms_blocks(size_t words) {
    return (words + PKN_TERMS_WORDS - 1) / PKN_TERMS_WORDS;
}

/* Nanoseconds of pkn_terms_rotate over a block of columns: 32 words from L1 take 10. */
PKN_INLINE double pkn_terms_rotate_cost(size_t words) {
    return pkn_hdc_move_cost(pkn_min_size(words, PKN_TERMS_WORDS), 0) + 6;
}

/* Words [word, word + words) of row [row_words] rotated by shift bits: one straight piece or, over
   the row's end, two. The kernel rotates a piece in itself, whose first word is then set right.
   shift is below 2^32. */
PKN_INLINE void pkn_terms_rotate(const uint64_t *row, size_t row_words, size_t shift, size_t word,
                                 size_t words, uint64_t *out) {
    unsigned bits = (unsigned)(shift % 64);
    size_t up = shift / 64 % row_words, from = word < up ? word + row_words - up : word - up;
    if (words == row_words) {
        pkn_simd()->rotate_u64(row, words, (int64_t)shift, out);
        return;
    }
    while (words > 0) {
        size_t n = pkn_min_size(words, row_words - from);
        uint64_t before = row[(from > 0 ? from : row_words) - 1];
        pkn_simd()->rotate_u64(row + from, n, (int64_t)bits, out);
        out[0] = pkn_funnel_word(row[from], before, bits);
        out += n;
        words -= n;
        from = 0;
    }
}

#endif
