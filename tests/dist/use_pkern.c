/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A whole program on pkern.h, in the common part of C99 and C++11: one call of each layer, checked. */
#include <stdio.h> /* before pkern.h on purpose: no feature macro of the header can act any more */

#include "pkern.h"

static int fill(size_t begin, size_t end, void *ctx) {
    uint64_t *words = (uint64_t *)ctx;
    size_t    i;
    for (i = begin; i < end; i++) words[i] = (uint64_t)i;
    return 0;
}

static int one(void *ctx) {
    *(int *)ctx = 1;
    return 0;
}

static int compare(const void *a, const void *b, void *ctx) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    (void)ctx;
    return (x > y) - (x < y);
}

int main(void) {
    enum { n = 1024 };
    static uint64_t words[n], other[n];
    size_t          i, best[3];
    int             left = 0, right = 0;
    if (pkern_par_for(0, 0, n, 0, fill, words)) return 1;
    for (i = 0; i < n; i++)
        if (words[i] != i) return 2;
    if (pkern_join(0, one, &left, one, &right) || left + right != 2) return 3;
    pkern_simd_xor_u64(words, words, n, other);
    if (pkern_simd_popcount_u64(other, n) != 0) return 4;
    if (pkern_par_top_k(0, words, n, sizeof *words, 3, compare, 0, best) || best[0] != 0 || best[2] != 2) return 5;
#ifndef PKERN_NO_HDC
    {
        pkern_hdc_match match;
        pkern_hdc_random(1, other, n);
        if (pkern_hdc_nearest(0, other + 5 * PKERN_HV16_WORDS, 1, other, n / PKERN_HV16_WORDS, PKERN_HV16_WORDS, &match))
            return 6;
        if (match.index != 5 || match.distance != 0) return 7;
    }
#endif
    if (pkern_pool_global_shutdown()) return 8;
    printf("%s, %s\n", PKERN_VERSION, pkern_simd_isa());
    return 0;
}
