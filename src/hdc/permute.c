/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation of every row. In place is the kernel's business and needs no memory. */
#ifndef PKN_HDC_PERMUTE_C
#define PKN_HDC_PERMUTE_C

#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "simd/simd.h"

typedef struct pkn_permute {
    const uint64_t *vectors;
    uint64_t *out;
    size_t words;
    int64_t shift;
} pkn_permute;

PKN_INTERNAL int pkn_permute_rows(size_t begin, size_t end, void *ctx) {
    const pkn_permute *permute = (const pkn_permute *)ctx;
    size_t words = permute->words;
    for (size_t row = begin; row < end; row++) {
        pkern_simd_rotate_u64(permute->vectors + row * words, words, permute->shift,
                              permute->out + row * words);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_permute(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                         size_t words, long shift, uint64_t *out) {
    pkn_permute permute;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    permute.vectors = vectors;
    permute.out = out;
    permute.words = words;
    permute.shift = shift;
    return pkn_hdc_run(pool, n, 1, pkn_hdc_move_cost(words, bytes) + 4, pkn_permute_rows, &permute);
}

#endif
