/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A loop over runs of a fixed number of elements. */
#ifndef PKN_PAR_CHUNKS_C
#define PKN_PAR_CHUNKS_C

#include "par/par.h"
#include "par/units.h"

typedef struct pkn_chunks {
    unsigned char *base;
    size_t n;
    size_t size;
    size_t chunk_len;
    int (*fn)(void *chunk, size_t len, size_t chunk_index, void *ctx);
    void *ctx;
} pkn_chunks;

PKN_INTERNAL int pkn_chunks_range(size_t begin, size_t end, void *context) {
    const pkn_chunks *chunks = (const pkn_chunks *)context;
    size_t last = pkn_unit_count(end, chunks->chunk_len);
    for (size_t c = pkn_unit_count(begin, chunks->chunk_len); c < last; c++) {
        size_t first = c * chunks->chunk_len;
        size_t len = pkn_min_size(chunks->chunk_len, chunks->n - first);
        int status = chunks->fn(chunks->base + first * chunks->size, len, c, chunks->ctx);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_par_chunks(pkern_pool *pool, void *base, size_t n, size_t size,
                                        size_t chunk_len, const pkern_par_options *options,
                                        int (*fn)(void *chunk, size_t len, size_t chunk_index,
                                                  void *ctx),
                                        void *ctx) {
    pkn_chunks chunks;
    size_t bytes;
    if (chunk_len == 0 || size == 0 || fn == 0 || !pkn_options_valid(options) ||
        (n > 0 && base == 0)) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n, size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    chunks.base = (unsigned char *)base;
    chunks.n = n;
    chunks.size = size;
    chunks.chunk_len = chunk_len;
    chunks.fn = fn;
    chunks.ctx = ctx;
    return pkn_units_run(pool, n, chunk_len, options, pkn_chunks_range, &chunks, (size_t)fn);
}

#endif
