/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the encoders share: limits, costs, column blocks. */
#ifndef PKN_HDC_ENCODE_TERMS_H
#define PKN_HDC_ENCODE_TERMS_H

#include "hdc/hdc_run.h"
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

#endif
