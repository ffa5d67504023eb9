/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every hypervector function does around its kernel: check the arguments, then run at once or
   share.

   The costs are nanoseconds per word or pair with data in L1 or L2, the fastest case, so that a
   call is shared only where it pays in that case too. They were measured for 32 words on one thread
   of a 3.7 GHz Zen 4, minimum of 200 calls: bind 1000, nearest 100 x 1000, a bundle of 1000 rows;
   the other instruction sets by the same calls with PKERN_ISA. NEON was not measured and counts as
   AVX2. */
#ifndef PKN_HDC_HDC_RUN_H
#define PKN_HDC_HDC_RUN_H

#include "base/bits.h"
#include "base/platform.h"
#include "pool/loop.c"
#include "pool/pool.h"
#include "simd/cpu.h"
#include "simd/dispatch.h"

#define PKN_HDC_MAX_WORDS ((size_t)1 << 26)

/* xor and rotate: 256 bytes in 4 ns, in 6.4 ns where the arrays exceed the caches of one core */
#define PKN_HDC_MOVE_NS_PER_WORD 0.125
#define PKN_HDC_MOVE_FAR_NS_PER_WORD 0.2
#define PKN_HDC_FAR_BYTES ((size_t)2 << 20)
/* two vectors compared: 1.9 ns, of which about 0.4 don't depend on the words */
#define PKN_HDC_PAIR_NS_PER_WORD 0.047
#define PKN_HDC_PAIR_NS 0.4
/* one row added to a majority: 2.4 ns */
#define PKN_HDC_COUNT_NS_PER_WORD 0.075

PKN_INLINE double pkn_hdc_pair_cost(size_t words) {
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & PKN_CPU_AVX512VPOPCNTDQ ? 1
                      : features & PKN_CPU_AVX512F       ? 3.1
                      : features != 0                    ? 3.7
                                                         : 29;
    return (PKN_HDC_PAIR_NS + PKN_HDC_PAIR_NS_PER_WORD * (double)words) * slowness;
}

/* Of an item of so many words, in a call that moves so many bytes. */
PKN_INLINE double pkn_hdc_move_cost(size_t words, size_t bytes) {
    return (bytes < PKN_HDC_FAR_BYTES ? PKN_HDC_MOVE_NS_PER_WORD : PKN_HDC_MOVE_FAR_NS_PER_WORD) *
           (double)words;
}

/* Per word of a row. */
PKN_INLINE double pkn_hdc_count_cost(void) {
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & PKN_CPU_AVX512F ? 1 : features != 0 ? 1.6 : 7;
    return PKN_HDC_COUNT_NS_PER_WORD * slowness;
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
PKN_INLINE int pkn_hdc_clashes(const void *input, size_t input_bytes, const void *out,
                               size_t out_bytes) {
    return (input != out || input_bytes != out_bytes) &&
           pkn_overlaps(input, input_bytes, out, out_bytes);
}

/* vectors + words. 0 stays 0: where nothing is read, vectors may be that. */
PKN_INLINE const uint64_t *pkn_hdc_at(const uint64_t *vectors, size_t words) {
    return vectors ? vectors + words : vectors;
}

/* Below this a call can't gain from a second thread: handing over and back takes 300 to 500 ns. */
#define PKN_HDC_DIRECT_NS 1000.0

/* body over [0, n), items of item_cost_ns each, in pieces of at least min_len items. */
PKN_INLINE pkern_status pkn_hdc_run(pkern_pool *pool, size_t n, size_t min_len, double item_cost_ns,
                                    pkern_range_fn body, void *ctx) {
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
