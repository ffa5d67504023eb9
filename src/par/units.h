/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A loop over fixed runs of items: the user's options speak of items, the loop below counts runs ("units"). */
#ifndef PKN_PAR_UNITS_H
#define PKN_PAR_UNITS_H

#include "base/bits.h"
#include "par/par.h"

typedef struct pkn_unit_progress {
    size_t n_items;
    size_t n_units;
    size_t unit_len;
    int (*progress)(size_t done, size_t total, void *user);
    void *user;
} pkn_unit_progress;

PKN_INLINE int pkn_options_valid(const pkern_par_options *options) {
    return options == 0 || options->max_len == 0 || options->min_len <= options->max_len;
}

/* Runs of len that cover n; len > 0. */
PKN_INLINE size_t pkn_unit_count(size_t n, size_t len) {
    return n / len + (n % len != 0);
}

PKN_INTERNAL int pkn_unit_progress_report(size_t done, size_t total, void *user) {
    const pkn_unit_progress *units = (const pkn_unit_progress *)user;
    PKN_UNUSED(total);
    return units->progress(done >= units->n_units ? units->n_items : done * units->unit_len, units->n_items, units->user);
}

/* body gets ranges of units 0 .. ceil(n_items / unit_len) - 1. unit_len > 0, options are valid. */
PKN_INTERNAL pkern_status pkn_units_run(pkern_pool *pool, size_t n_items, size_t unit_len, const pkern_par_options *options,
                                        pkern_range_fn body, void *ctx) {
    size_t n_units = pkn_unit_count(n_items, unit_len);
    pkern_par_options unit_options;
    pkn_unit_progress units;
    if (options == 0) {
        return pkn_loop_run(pool, 0, n_units, 0, body, ctx);
    }
    unit_options = *options;
    unit_options.min_len = pkn_unit_count(options->min_len, unit_len);
    if (options->max_len != 0) {
        unit_options.max_len = pkn_max_size(1, options->max_len / unit_len);
        unit_options.min_len = pkn_min_size(unit_options.min_len, unit_options.max_len);
    }
    unit_options.item_cost_ns = options->item_cost_ns * (double)unit_len;
    if (options->progress != 0) {
        units.n_items = n_items;
        units.n_units = n_units;
        units.unit_len = unit_len;
        units.progress = options->progress;
        units.user = options->progress_user;
        unit_options.progress = pkn_unit_progress_report;
        unit_options.progress_user = &units;
    }
    return pkn_loop_run(pool, 0, n_units, &unit_options, body, ctx);
}

#endif
