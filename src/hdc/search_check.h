/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the searches of exact_search.h check before they run. */
#ifndef PKN_HDC_SEARCH_CHECK_H
#define PKN_HDC_SEARCH_CHECK_H

#include "hdc/tiles.h"

PKN_INLINE void pkn_search_tiles(pkn_tiles *tiles, const uint64_t *queries, size_t n_queries,
                                 const uint64_t *targets, size_t n_targets, size_t words) {
    tiles->queries = queries;
    tiles->n_queries = n_queries;
    tiles->targets = targets;
    tiles->n_targets = n_targets;
    tiles->words = words;
}

/* Checks shapes, null pointers, and that out [out_bytes] overlaps no input. */
PKN_INTERNAL pkern_status pkn_search_check(const pkn_tiles *tiles, const void *out,
                                           size_t out_bytes) {
    size_t query_bytes, target_bytes;
    pkern_status status = pkn_hdc_check_rows(tiles->n_queries, tiles->words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(tiles->n_targets, tiles->words, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if ((!tiles->queries && query_bytes > 0) || (!tiles->targets && target_bytes > 0) ||
        (!out && out_bytes > 0) ||
        (out_bytes > 0 && (pkn_overlaps(tiles->queries, query_bytes, out, out_bytes) ||
                           pkn_overlaps(tiles->targets, target_bytes, out, out_bytes)))) {
        return PKERN_EINVAL;
    }
    return PKERN_OK;
}

/* 1 where out overlaps no word of the mask. */
PKN_INLINE int pkn_search_mask_is_apart(const uint64_t *mask, size_t n_targets, const void *out,
                                        size_t out_bytes) {
    size_t mask_bytes = (n_targets / 64 + (n_targets % 64 > 0)) * sizeof *mask;
    return !mask || out_bytes == 0 || !pkn_overlaps(mask, mask_bytes, out, out_bytes);
}

#endif
