/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every hypervector function does around its kernel: check the arguments, then run at once or share.

   The costs are nanoseconds per word or pair with data in L1 or L2, the fastest case, so that a call is shared only where it pays
   in that case too. Measured with bench/bench_hdc.c on one thread of a 3.7 GHz Zen 4, minimum of many calls; the factor of an
   instruction set is its time for 100 x 1000 nearest over that of AVX-512 with VPOPCNTDQ. */
#ifndef PKN_HDC_HDC_RUN_H
#define PKN_HDC_HDC_RUN_H

#include "base/bits.h"
#include "base/platform.h"
#include "pool/guest.h"
#include "pool/loop_board.h"
#include "pool/pool.h"
#include "simd/cpu.h"
#include "simd/dispatch.h"

#define PKN_HDC_MAX_WORDS ((size_t)1 << 26)

/* xor and rotate, by memory speed: 256 bytes in 4 ns */
#define PKN_HDC_MOVE_NS_PER_WORD 0.125
/* one vector compared with another: 2 ns of 32 words, and a row's share of the tile's overhead */
#define PKN_HDC_PAIR_NS_PER_WORD 0.05
#define PKN_HDC_PAIR_NS 0.4
/* one row added to a majority: 2 ns of 32 words */
#define PKN_HDC_COUNT_NS_PER_WORD 0.06

/* What this CPU's kernels that count bits take over the best there is. */
PKN_INLINE double pkn_hdc_slowness(void) {
    uint32_t features = pkn_simd_current()->features;
    return features & PKN_CPU_AVX512VPOPCNTDQ ? 1 : features & PKN_CPU_AVX512F ? 1.8 : features != 0 ? 2.5 : 10;
}

PKN_INLINE double pkn_hdc_pair_cost(size_t words) {
    return (PKN_HDC_PAIR_NS + PKN_HDC_PAIR_NS_PER_WORD * (double)words) * pkn_hdc_slowness();
}

/* The bytes of n rows, or a status. */
PKN_INLINE pkern_status pkn_hdc_check_rows(size_t n, size_t words, size_t *bytes) {
    if (words == 0) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS || pkn_mul_overflows_size(n, words * 8, bytes)) {
        return PKERN_EOVERFLOW;
    }
    return PKERN_OK;
}

/* 1 where out overlaps an input and is not the same array. */
PKN_INLINE int pkn_hdc_clashes(const void *input, size_t input_bytes, const void *out, size_t out_bytes) {
    return (input != out || input_bytes != out_bytes) && pkn_overlaps(input, input_bytes, out, out_bytes);
}

/* Below this a call can't gain from a second thread: handing over and back takes 300 to 500 ns. */
#define PKN_HDC_DIRECT_NS 1000.0

/* body over [0, n), items of item_cost_ns each, in pieces of at least min_len items. */
PKN_INLINE pkern_status pkn_hdc_run(pkern_pool *pool, size_t n, size_t min_len, double item_cost_ns, pkern_range_fn body,
                                    void *ctx) {
    pkern_par_options options;
    if (item_cost_ns * (double)n < PKN_HDC_DIRECT_NS) {
        return body(0, n, ctx);
    }
    memset(&options, 0, sizeof options);
    options.min_len = min_len;
    options.item_cost_ns = item_cost_ns;
    return pkn_loop_run(pool, 0, n, &options, body, ctx);
}

#endif
