/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Parallel work that is no plain range: trees, work that the user knows how to divide, blocks one
   after another, items that a serial source gives; and state that tasks borrow.

   What par.h says of pools, callbacks, failures and memory holds here too. Of the options only
   cancel has a meaning, but for pkern_par_for_blocks, which takes all of them. */
#ifndef PKN_PAR_FLOW_H
#define PKN_PAR_FLOW_H

#include "base/base.h"
#include "par/par.h"

PKERN_EXTERN_C_BEGIN

/* ---- blocks ---- */

/* pkern_par_for on one block after another: the next begins when the last has ended. Equals
       for (i = begin; i < end; i += len)
           if ((status = body(i, min(end, i + len), ctx)) != 0) return status;
   with len = block_len, or, where block_len is 0, T, 2 T, 4 T ... for a pool of T threads. Within a
   block, body gets pieces as in pkern_par_for. For searches that should end soon after the first
   hit (body returns a code of its own) and for work that should stay in the caches. No block is
   begun after one that failed. options are those of pkern_par_for; progress counts the items of all
   blocks. begin > end, body 0 or bad options are PKERN_EINVAL. Allocates nothing.
   Source: Rayon's by_uniform_blocks and by_exponential_blocks. */
PKERN_API pkern_status pkern_par_for_blocks(pkern_pool *pool, size_t begin, size_t end,
                                            size_t block_len, const pkern_par_options *options,
                                            pkern_range_fn body, void *ctx);

PKERN_EXTERN_C_END

#endif
