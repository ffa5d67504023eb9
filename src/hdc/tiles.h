/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How a comparison of all queries with all targets is cut.

   Work is a grid of panels of 4 queries (what a tile keeps in registers) times splits of the
   targets. A grid point is an item of the parallel loop; items that follow one another share the
   split, so a thread stays with its part of the targets. Inside, targets are taken in blocks that
   fit in half of L1 and meet all queries at hand before the next block. Results don't depend on the
   cut. */
#ifndef PKN_HDC_TILES_H
#define PKN_HDC_TILES_H

#include "hdc/hdc_run.h"

#define PKN_PANEL_QUERIES 4
#define PKN_BLOCK_WORDS 2048 /* 16 KiB */
#define PKN_BLOCK_MAX_TARGETS 128
#define PKN_BLOCK_MIN_TARGETS 16
/* An item of less than 2 us is not worth a hand-over; 32 items a thread leave at most 1/32 of the
   time to imbalance. */
#define PKN_TILES_ITEM_NS 2000.0
#define PKN_TILES_ITEMS_PER_THREAD 32

typedef struct pkn_tiles {
    const uint64_t *queries, *targets;
    size_t n_queries, n_targets, words;
    size_t n_panels;
    size_t n_splits, split_len; /* the last split may be shorter */
    size_t block_len;
    double item_cost_ns;
} pkn_tiles;

/* max_splits bounds what a caller can merge. */
PKN_INLINE void pkn_tiles_cut(pkn_tiles *tiles, size_t n_threads, size_t max_splits) {
    double cost = pkn_hdc_pair_cost(tiles->words) * (double)tiles->n_targets;
    double worthwhile;
    size_t wanted;
    tiles->n_panels = (tiles->n_queries + PKN_PANEL_QUERIES - 1) / PKN_PANEL_QUERIES;
    cost = cost * (double)tiles->n_queries / (double)tiles->n_panels;
    worthwhile = cost / PKN_TILES_ITEM_NS;
    wanted = n_threads > 1
                 ? (n_threads * PKN_TILES_ITEMS_PER_THREAD + tiles->n_panels - 1) / tiles->n_panels
                 : 1;
    wanted = worthwhile < (double)wanted ? (size_t)worthwhile : wanted;
    wanted = pkn_max_size(pkn_min_size(wanted, max_splits), 1);
    tiles->split_len = (tiles->n_targets + wanted - 1) / wanted;
    tiles->n_splits = (tiles->n_targets + tiles->split_len - 1) / tiles->split_len;
    tiles->block_len = pkn_min_size(PKN_BLOCK_WORDS / tiles->words, PKN_BLOCK_MAX_TARGETS);
    tiles->block_len = pkn_max_size(tiles->block_len, PKN_BLOCK_MIN_TARGETS);
    tiles->item_cost_ns = cost / (double)tiles->n_splits;
}

/* Part of the grid: queries [query, query_end) with targets [target, target_end), inside one
   split. */
typedef struct pkn_tiles_part {
    size_t split;
    size_t query, query_end;
    size_t target, target_end;
} pkn_tiles_part;

/* The part that items [item, end) begin with: of one split, of at most max_panels panels. Returns
   the first item behind it. */
PKN_INLINE size_t pkn_tiles_next(const pkn_tiles *tiles, size_t item, size_t end, size_t max_panels,
                                 pkn_tiles_part *part) {
    size_t panel = item % tiles->n_panels;
    size_t n = pkn_min_size(pkn_min_size(tiles->n_panels - panel, end - item), max_panels);
    part->split = item / tiles->n_panels;
    part->query = panel * PKN_PANEL_QUERIES;
    part->query_end = pkn_min_size((panel + n) * PKN_PANEL_QUERIES, tiles->n_queries);
    part->target = part->split * tiles->split_len;
    part->target_end = pkn_min_size(part->target + tiles->split_len, tiles->n_targets);
    return item + n;
}

PKN_INLINE pkern_status pkn_tiles_run(const pkn_tiles *tiles, pkern_pool *pool, pkern_range_fn body,
                                      void *ctx) {
    return pkn_hdc_run(pool, tiles->n_panels * tiles->n_splits, 1, tiles->item_cost_ns, body, ctx);
}

/* Threads that could help: not asked for, and so no pool made, where the work is short. */
PKN_INLINE size_t pkn_tiles_threads(const pkn_tiles *tiles, pkern_pool *pool) {
    double cost =
        pkn_hdc_pair_cost(tiles->words) * (double)tiles->n_queries * (double)tiles->n_targets;
    return cost < 2 * PKN_TILES_ITEM_NS ? 1 : (size_t)pkern_pool_num_threads(pool);
}

#endif
