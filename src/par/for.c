/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The loop itself belongs to the pool; this is its public edge. */
#ifndef PKN_PAR_FOR_C
#define PKN_PAR_FOR_C

#include "par/par.h"
#include "pool/loop.c"

PKERN_API pkern_status pkern_par_for(pkern_pool *pool, size_t begin, size_t end,
                                     const pkern_par_options *options, pkern_range_fn body,
                                     void *ctx) {
    return pkn_loop_run_keyed(pool, begin, end, options, body, ctx, (size_t)body);
}

#endif
