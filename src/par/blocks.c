/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Blocks one after another, each a parallel loop. */
#ifndef PKN_PAR_BLOCKS_C
#define PKN_PAR_BLOCKS_C

#include "base/time.h"
#include "par/flow.h"
#include "par/units.h"

#define PKN_BLOCKS_PROGRESS_NS 10000000 /* as in a single loop */

/* The user's progress over all blocks. A loop's own reports are serialized, and so are the loops. */
typedef struct pkn_blocks_progress {
    int (*fn)(size_t done, size_t total, void *user);
    void *user;
    size_t before; /* items of the blocks that have ended */
    size_t total;
    uint64_t reported_ns;
    int stopped;
} pkn_blocks_progress;

PKN_INTERNAL int pkn_blocks_report(size_t done, size_t total, void *user) {
    pkn_blocks_progress *progress = (pkn_blocks_progress *)user;
    uint64_t now_ns = pkn_now_ns();
    PKN_UNUSED(total);
    done += progress->before;
    if (done == progress->total || now_ns - progress->reported_ns >= PKN_BLOCKS_PROGRESS_NS) {
        progress->reported_ns = now_ns;
        progress->stopped = progress->fn(done, progress->total, progress->user) != 0;
    }
    return progress->stopped;
}

PKERN_API pkern_status pkern_par_for_blocks(pkern_pool *pool, size_t begin, size_t end,
                                            size_t block_len, const pkern_par_options *options,
                                            pkern_range_fn body, void *ctx) {
    pkn_blocks_progress progress = {0, 0, 0, 0, 0, 0};
    pkern_par_options inner;
    size_t len = block_len;
    if (begin > end || body == 0 || !pkn_options_valid(options)) {
        return PKERN_EINVAL;
    }
    if (options != 0 && options->progress != 0) {
        inner = *options;
        inner.progress = pkn_blocks_report;
        inner.progress_user = &progress;
        progress.fn = options->progress;
        progress.user = options->progress_user;
        progress.total = end - begin;
        progress.reported_ns = pkn_now_ns();
        options = &inner;
    }
    if (block_len == 0) {
        len = (size_t)pkern_pool_num_threads(pool);
    }
    while (begin < end) {
        size_t block = pkn_min_size(len, end - begin);
        pkern_status status = pkern_par_for(pool, begin, begin + block, options, body, ctx);
        if (status != PKERN_OK) {
            return status;
        }
        begin += block;
        progress.before += block;
        if (progress.stopped && begin < end) {
            return PKERN_ECANCELED;
        }
        if (block_len == 0 && len <= SIZE_MAX / 2) {
            len *= 2;
        }
    }
    return PKERN_OK;
}

#endif
