/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Reduction with the same bits at any number of threads.

   The tree over the leaves is fixed: the node of height h and number j covers leaves j * 2^h .. (j
   + 1) * 2^h - 1, as far as they exist, and is the left child's value combined with the right's, or
   the left child's alone where there is no right. A unit of the loop is a subtree of one height;
   how high is chosen by memory and threads, which the result can't show, since every unit and the
   nodes above them are nodes of that tree. A unit runs its leaves from left to right with a stack
   of finished subtrees (a binary counter), so it needs height + 1 accumulators. */
#ifndef PKN_PAR_REDUCE_C
#define PKN_PAR_REDUCE_C

#include "base/alloc.h"
#include "par/par.h"
#include "par/units.h"

#define PKN_REDUCE_LEAVES 512
/* Bytes of scratch on the caller's stack for units, and on each thread's for a unit's own
   accumulators. */
#define PKN_REDUCE_CALLER_BYTES 2048
#define PKN_REDUCE_UNIT_BYTES 1024

typedef struct pkn_reduction {
    const pkern_reducer *reducer;
    const pkern_allocator *allocator;
    size_t begin;
    size_t n;
    size_t leaf_len;
    size_t n_leaves;
    unsigned height;      /* of a unit */
    size_t scratch_bytes; /* of a unit */
    unsigned char *units; /* [n_units] accumulators */
} pkn_reduction;

/* Subtree number unit, into scratch's first accumulator. */
PKN_INTERNAL int pkn_reduce_unit(const pkn_reduction *reduction, size_t unit,
                                 unsigned char *scratch) {
    const pkern_reducer *reducer = reduction->reducer;
    size_t size = reducer->size;
    size_t leaf = unit << reduction->height;
    size_t leaf_end =
        leaf + pkn_min_size((size_t)1 << reduction->height, reduction->n_leaves - leaf);
    unsigned char *top = scratch; /* one past the finished subtrees */
    for (size_t count = 1; leaf < leaf_end; leaf++, count++) {
        size_t first = leaf * reduction->leaf_len;
        size_t len = pkn_min_size(reduction->leaf_len, reduction->n - first);
        int status;
        reducer->identity(top, reducer->ctx);
        status = reducer->fold(top, reduction->begin + first, reduction->begin + first + len,
                               reducer->ctx);
        if (status != 0) {
            return status;
        }
        top += size;
        for (size_t finished = count; (finished & 1) == 0; finished >>= 1) {
            top -= size;
            reducer->combine(top - size, top, reducer->ctx);
        }
    }
    while (top > scratch + size) {
        top -= size;
        reducer->combine(top - size, top, reducer->ctx);
    }
    return 0;
}

PKN_INTERNAL int pkn_reduce_range(size_t begin, size_t end, void *context) {
    const pkn_reduction *reduction = (const pkn_reduction *)context;
    PKN_ALIGNED(64) unsigned char local[PKN_REDUCE_UNIT_BYTES];
    unsigned char *scratch = local;
    size_t size = reduction->reducer->size;
    size_t unit = pkn_unit_count(begin, reduction->leaf_len << reduction->height);
    size_t last = pkn_unit_count(end, reduction->leaf_len << reduction->height);
    int status = 0;
    if (unit == last) {
        return 0;
    }
    if (reduction->scratch_bytes > sizeof local) {
        scratch = (unsigned char *)pkn_allocate(reduction->allocator, reduction->scratch_bytes,
                                                PKN_CACHE_LINE);
        if (scratch == 0) {
            return PKERN_ENOMEM;
        }
    }
    for (; unit < last && status == 0; unit++) {
        status = pkn_reduce_unit(reduction, unit, scratch);
        if (status == 0) {
            memcpy(reduction->units + unit * size, scratch, size);
        }
    }
    if (scratch != local) {
        pkn_release(reduction->allocator, scratch, reduction->scratch_bytes);
    }
    return status;
}

/* The leaves of the range and the height of a unit: as many units as are good for balance, few
   where accumulators are large. */
PKN_INTERNAL void pkn_reduce_cut(pkn_reduction *reduction, const pkern_par_options *options,
                                 size_t n_threads) {
    size_t size = reduction->reducer->size;
    size_t max_units =
        size <= 64 ? pkn_max_size(128, 16 * n_threads) : pkn_max_size(16, 8 * n_threads);
    reduction->leaf_len = pkn_unit_count(reduction->n, PKN_REDUCE_LEAVES);
    if (options != 0) {
        reduction->leaf_len = pkn_max_size(reduction->leaf_len, options->min_len);
        if (options->max_len != 0) {
            reduction->leaf_len = pkn_min_size(reduction->leaf_len, options->max_len);
        }
    }
    reduction->leaf_len = pkn_min_size(reduction->leaf_len, reduction->n);
    reduction->n_leaves = pkn_unit_count(reduction->n, reduction->leaf_len);
    reduction->height = 0;
    while (((reduction->n_leaves - 1) >> reduction->height) + 1 > max_units) {
        reduction->height++;
    }
}

PKN_INTERNAL pkern_status pkn_reduce_run(pkern_pool *pool, pkn_reduction *reduction, size_t n_units,
                                         const pkern_par_options *options) {
    const pkern_reducer *reducer = reduction->reducer;
    size_t size = reducer->size;
    pkern_par_options unit_options;
    pkern_status status;
    if (options != 0) {
        unit_options = *options;
        unit_options.min_len = 0; /* the leaves have them already */
        unit_options.max_len = 0;
        options = &unit_options;
    }
    status = pkn_units_run(pool, reduction->n, reduction->leaf_len << reduction->height, options,
                           pkn_reduce_range, reduction, (size_t)reducer->fold);
    if (status != PKERN_OK) {
        return status;
    }
    for (size_t step = 1; step < n_units; step *= 2) {
        for (size_t unit = 0; unit + step < n_units; unit += 2 * step) {
            reducer->combine(reduction->units + unit * size,
                             reduction->units + (unit + step) * size, reducer->ctx);
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_par_reduce(pkern_pool *pool, size_t begin, size_t end,
                                        const pkern_par_options *options,
                                        const pkern_reducer *reducer, void *result) {
    PKN_ALIGNED(64) unsigned char local[PKN_REDUCE_CALLER_BYTES];
    pkn_reduction reduction;
    size_t n_units;
    size_t bytes;
    pkern_status status;
    if (begin > end || reducer == 0 || result == 0 || !pkn_options_valid(options) ||
        reducer->size == 0 || reducer->identity == 0 || reducer->fold == 0 ||
        reducer->combine == 0) {
        return PKERN_EINVAL;
    }
    reduction.reducer = reducer;
    reduction.allocator = pkn_pool_allocator(pool);
    reduction.begin = begin;
    reduction.n = end - begin;
    reduction.units = local;
    if (reduction.n == 0) {
        reducer->identity(result, reducer->ctx);
        return PKERN_OK;
    }
    pkn_reduce_cut(&reduction, options, (size_t)pkern_pool_num_threads(pool));
    n_units = ((reduction.n_leaves - 1) >> reduction.height) + 1;
    if (pkn_mul_overflows_size(n_units, reducer->size, &bytes) ||
        pkn_mul_overflows_size(reduction.height + 1, reducer->size, &reduction.scratch_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (bytes > sizeof local) {
        reduction.units = (unsigned char *)pkn_allocate(reduction.allocator, bytes, PKN_CACHE_LINE);
        if (reduction.units == 0) {
            return PKERN_ENOMEM;
        }
    }
    status = pkn_reduce_run(pool, &reduction, n_units, options);
    if (status == PKERN_OK) {
        memcpy(result, reduction.units, reducer->size);
    }
    if (reduction.units != local) {
        pkn_release(reduction.allocator, reduction.units, bytes);
    }
    return status;
}

#endif
