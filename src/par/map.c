/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A map over two arrays of any element sizes. */
#ifndef PKN_PAR_MAP_C
#define PKN_PAR_MAP_C

#include "par/par.h"
#include "par/units.h"

typedef struct pkn_map {
    const unsigned char *in;
    unsigned char *out;
    size_t in_size;
    size_t out_size;
    int (*fn)(const void *in, void *out, void *ctx);
    void *ctx;
} pkn_map;

PKN_INLINE int pkn_map_range(size_t begin, size_t end, void *context) {
    const pkn_map map = *(const pkn_map *)context; /* a copy, which fn can't change: it stays in registers */
    const unsigned char *in = map.in + begin * map.in_size;
    unsigned char *out = map.out + begin * map.out_size;
    for (size_t left = end - begin; left != 0; left--) {
        int status = map.fn(in, out, map.ctx);
        if (status != 0) {
            return status;
        }
        in += map.in_size;
        out += map.out_size;
    }
    return 0;
}

PKERN_API pkern_status pkern_par_map(pkern_pool *pool, const void *in, size_t in_size, void *out,
                                     size_t out_size, size_t n, const pkern_par_options *options,
                                     int (*fn)(const void *in, void *out, void *ctx), void *ctx) {
    pkn_map map;
    pkern_status status = pkn_map_check(in, in_size, out, out_size, n);
    if (PKN_UNLIKELY(fn == 0 || !pkn_options_valid(options))) {
        return PKERN_EINVAL;
    }
    if (PKN_UNLIKELY(status != PKERN_OK)) {
        return status;
    }
    map.in = (const unsigned char *)in;
    map.out = (unsigned char *)out;
    map.in_size = in_size;
    map.out_size = out_size;
    map.fn = fn;
    map.ctx = ctx;
    return pkn_loop_run_keyed(pool, 0, n, options, pkn_map_range, &map, (size_t)fn);
}

#endif
