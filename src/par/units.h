/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A loop over fixed runs of items ("units"), given to the pool as a loop over the items: what it
   learns of an item's cost then holds for every length, and progress counts items. A piece runs the
   units that begin in it: with pkn_unit_count, from pkn_unit_count(begin, unit_len) up to
   pkn_unit_count(end, unit_len). So pieces need not meet the units' borders, and units keep the
   order of their pieces, so that the lowest failure is the lowest unit's. */
#ifndef PKN_PAR_UNITS_H
#define PKN_PAR_UNITS_H

#include "base/bits.h"
#include "par/par.h"
#include "pool/loop.c"

PKN_INLINE int pkn_options_valid(const pkern_par_options *options) {
    return PKN_LIKELY(options == 0) || options->max_len == 0 || options->min_len <= options->max_len;
}

/* How many runs of len cover n, which is also how many units begin below item n. len > 0 */
PKN_INLINE size_t pkn_unit_count(size_t n, size_t len) {
    return n / len + (n % len != 0);
}

/* unit_len > 0, options are valid. key names the user's code for what is remembered of its cost. */
PKN_INTERNAL pkern_status pkn_units_run(pkern_pool *pool, size_t n, size_t unit_len,
                                        const pkern_par_options *options, pkern_range_fn body,
                                        void *ctx, size_t key) {
    pkern_par_options unit_options;
    memset(&unit_options, 0, sizeof unit_options);
    if (options != 0) {
        unit_options = *options;
    }
    unit_options.min_len = pkn_max_size(unit_options.min_len, unit_len);
    if (unit_options.max_len != 0) {
        unit_options.min_len = pkn_min_size(unit_options.min_len, unit_options.max_len);
    }
    return pkn_loop_run_keyed(pool, 0, n, &unit_options, body, ctx, key);
}

#endif
