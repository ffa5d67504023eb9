/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random hypervectors. */
#ifndef PKN_HDC_HDC_RANDOM_C
#define PKN_HDC_HDC_RANDOM_C

#include "base/rng.h"
#include "hdc/hdc.h"

PKERN_API void pkern_hdc_random(uint64_t seed, uint64_t *out, size_t words) {
    for (size_t i = 0; i < words; i++) {
        out[i] = pkn_random_at(seed, i);
    }
}

#endif
