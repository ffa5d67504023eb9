/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Range search and joins: everything within a radius, listed in order though threads find it in any
   order. The grid of queries and splits of the targets is first counted, cell by cell; the sums tell
   where each cell's results go, and cells with results are compared again and written. In the usual
   case, a few results, that is next to nothing, and it needs memory for the counts alone. Queries
   are taken in stripes whose counts fit in 1 MiB, or on the stack. */
#ifndef PKN_HDC_RANGE_C
#define PKN_HDC_RANGE_C

#include "base/alloc.h"
#include "hdc/bounded.h"
#include "hdc/match_heap.h"
#include "hdc/exact_search.h"
#include "hdc/search_check.h"

#define PKN_RANGE_MAX_SPLITS 64
#define PKN_RANGE_SPLIT_LEN 1024
#define PKN_RANGE_STACK_CELLS 512
#define PKN_RANGE_HEAP_CELLS ((size_t)1 << 17)

typedef struct pkn_range {
    pkn_tiles tiles; /* with the queries of the stripe */
    size_t first;    /* the stripe's first query */
    const uint64_t *mask;
    uint64_t limit;
    int self; /* a join of a set with itself: targets behind the query only */
    int by_distance;
    size_t *cells; /* [n_queries x n_splits + 1]: counts, then where in the list they begin */
    pkern_hdc_match *matches; /* one of the two */
    pkern_hdc_pair *pairs;
    size_t capacity;
    double scale; /* 1 / bits */
    pkn_atomic_u64 read;
} pkn_range;

/* Keys of up to 4 queries from query on with targets [t, t + n); places are relative to first. */
PKN_INTERNAL void pkn_range_block(const pkn_range *range, pkn_bounded *bounded, size_t query,
                                  size_t n_queries, size_t t, size_t n, size_t first,
                                  uint64_t *keys, size_t *counts) {
    uint64_t limit = range->limit;
    uint64_t limits[PKN_PANEL_QUERIES] = {limit, limit, limit, limit};
    pkn_bounded_block(bounded, range->tiles.queries + query * range->tiles.words, n_queries, t, n,
                      limits, (uint32_t)(t - first), keys, counts);
    for (size_t i = 0; range->self && i < n_queries; i++) {
        uint64_t *row = keys + i * PKN_BLOCK_MAX_TARGETS;
        size_t skip = 0;
        while (skip < counts[i] &&
               first + (size_t)(row[skip] & UINT32_MAX) <= range->first + query + i) {
            skip++;
        }
        counts[i] -= skip;
        memmove(row, row + skip, counts[i] * sizeof *row);
    }
}

PKN_INTERNAL int pkn_range_count(size_t begin, size_t end, void *ctx) {
    pkn_range *range = (pkn_range *)ctx;
    const pkn_tiles *tiles = &range->tiles;
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, range->mask, tiles->words);
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t q = part.query; q < part.query_end; q++) {
            range->cells[q * tiles->n_splits + part.split] = 0;
        }
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q += PKN_PANEL_QUERIES) {
                size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q);
                uint64_t keys[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
                size_t counts[PKN_PANEL_QUERIES];
                if (range->self && t + n <= range->first + q + 1) {
                    break;
                }
                pkn_range_block(range, &bounded, q, n_queries, t, n, part.target, keys, counts);
                for (size_t i = 0; i < n_queries; i++) {
                    range->cells[(q + i) * tiles->n_splits + part.split] += counts[i];
                }
            }
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&range->read, bounded.read);
    return 0;
}

PKN_INTERNAL void pkn_range_put(const pkn_range *range, pkn_match_heap *row, size_t place,
                                size_t query, size_t index, uint32_t distance) {
    pkern_hdc_match match;
    match.index = index;
    match.distance = distance;
    match.similarity = pkn_similarity_of(distance, (uint64_t)range->tiles.words * 64, range->scale);
    if (range->by_distance) {
        pkn_match_heap_put(row, &match);
    } else if (place < range->capacity && range->pairs) {
        pkern_hdc_pair *pair = &range->pairs[place];
        pair->i = range->first + query;
        pair->j = index;
        pair->distance = distance;
        pair->similarity = match.similarity;
    } else if (place < range->capacity) {
        range->matches[place] = match;
    }
}

/* Writes the results of queries [begin, end). */
PKN_INTERNAL int pkn_range_fill(size_t begin, size_t end, void *ctx) {
    pkn_range *range = (pkn_range *)ctx;
    const pkn_tiles *tiles = &range->tiles;
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, range->mask, tiles->words);
    for (size_t q = begin; q < end; q++) {
        const size_t *cells = range->cells + q * tiles->n_splits;
        size_t row_begin = pkn_min_size(cells[0], range->capacity);
        pkn_match_heap row;
        row.matches = range->matches ? range->matches + row_begin : 0;
        row.count = 0;
        row.room = pkn_min_size(cells[tiles->n_splits], range->capacity) - row_begin;
        row.by_distance = 1;
        for (size_t split = 0; split < tiles->n_splits && row.room > 0; split++) {
            size_t place = cells[split];
            size_t target = split * tiles->split_len;
            size_t target_end = pkn_min_size(target + tiles->split_len, tiles->n_targets);
            if (place == cells[split + 1] || (!range->by_distance && place >= range->capacity)) {
                continue;
            }
            for (size_t t = target; t < target_end; t += tiles->block_len) {
                uint64_t keys[PKN_BLOCK_MAX_TARGETS];
                size_t count;
                pkn_range_block(range, &bounded, q, 1, t,
                                pkn_min_size(tiles->block_len, target_end - t), target, keys,
                                &count);
                for (size_t i = 0; i < count; i++) {
                    pkn_range_put(range, &row, place++, q, target + (size_t)(keys[i] & UINT32_MAX),
                                  (uint32_t)(keys[i] >> 32));
                }
            }
        }
        if (range->by_distance) {
            pkn_match_heap_sort(&row);
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&range->read, bounded.read);
    return 0;
}

/* Makes the stripe's counts places in the list, of which *total were before; returns how many of its
   cells have results that are to be written. */
PKN_INTERNAL size_t pkn_range_sum(pkn_range *range, size_t *total) {
    size_t n_cells = range->tiles.n_queries * range->tiles.n_splits, wanted = 0;
    for (size_t i = 0; i < n_cells; i++) {
        size_t count = range->cells[i];
        wanted += count > 0 && *total < range->capacity;
        range->cells[i] = *total;
        *total += count;
    }
    range->cells[n_cells] = *total;
    return wanted;
}

/* The queries of range in stripes of at most n_cells cells. offsets: 0, or that of a range
   search. */
PKN_INTERNAL pkern_status pkn_range_stripes(pkn_range *range, pkern_pool *pool, size_t n_cells,
                                            size_t *offsets, size_t *total) {
    const uint64_t *queries = range->tiles.queries;
    size_t n_queries = range->tiles.n_queries;
    size_t stripe = (n_cells - 1) / range->tiles.n_splits;
    double item_cost_ns = range->tiles.item_cost_ns;
    pkern_status status = PKERN_OK;
    stripe = stripe > PKN_PANEL_QUERIES ? stripe / PKN_PANEL_QUERIES * PKN_PANEL_QUERIES : stripe;
    for (size_t first = 0; first < n_queries && status == PKERN_OK; first += stripe) {
        pkn_tiles *tiles = &range->tiles;
        size_t wanted;
        range->first = first;
        tiles->queries = queries + first * tiles->words;
        tiles->n_queries = pkn_min_size(stripe, n_queries - first);
        tiles->n_panels = (tiles->n_queries + PKN_PANEL_QUERIES - 1) / PKN_PANEL_QUERIES;
        tiles->item_cost_ns = item_cost_ns;
        status = pkn_tiles_run(tiles, pool, pkn_range_count, range);
        wanted = pkn_range_sum(range, total);
        if (status == PKERN_OK && wanted > 0) {
            double cost = pkn_hdc_pair_cost(tiles->words) * (double)tiles->split_len;
            status = pkn_hdc_run(pool, tiles->n_queries, 1,
                                 cost * (double)wanted / (double)tiles->n_queries, pkn_range_fill,
                                 range);
        }
        for (size_t q = 0; offsets && q < tiles->n_queries; q++) {
            offsets[first + q + 1] = range->cells[(q + 1) * tiles->n_splits];
        }
    }
    return status;
}

/* Neither queries nor targets are empty. */
PKN_INTERNAL pkern_status pkn_range_run(pkn_range *range, pkern_pool *pool, size_t *offsets,
                                        size_t *total) {
    pkn_tiles *tiles = &range->tiles;
    size_t stack_cells[PKN_RANGE_STACK_CELLS];
    size_t *heap_cells = 0;
    size_t n_cells = PKN_RANGE_STACK_CELLS, bytes = 0;
    const pkern_allocator *allocator = 0;
    pkern_status status;
    range->scale = 1.0 / ((double)tiles->words * 64);
    pkn_atomic_store_relaxed_u64(&range->read, 0);
    pkn_tiles_cut(tiles, 1, 1);
    tiles->split_len =
        pkn_max_size(PKN_RANGE_SPLIT_LEN, tiles->n_targets / PKN_RANGE_MAX_SPLITS + 1);
    tiles->n_splits = (tiles->n_targets + tiles->split_len - 1) / tiles->split_len;
    tiles->item_cost_ns /= (double)tiles->n_splits * (range->self ? 2 : 1);
    if (tiles->n_queries > (n_cells - 1) / tiles->n_splits) {
        n_cells = PKN_RANGE_HEAP_CELLS;
        if (tiles->n_queries <= n_cells / tiles->n_splits - 1) {
            n_cells = tiles->n_queries * tiles->n_splits + 1;
        }
        bytes = n_cells * sizeof(size_t);
        allocator = pkn_pool_allocator(pool);
        heap_cells = (size_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        n_cells = heap_cells ? n_cells : PKN_RANGE_STACK_CELLS;
    }
    range->cells = heap_cells ? heap_cells : stack_cells;
    status = pkn_range_stripes(range, pool, n_cells, offsets, total);
    pkn_release(allocator, heap_cells, bytes);
    return status;
}

/* Checks the arguments of a search that lists all within a radius. */
PKN_INTERNAL pkern_status pkn_range_check(const pkn_tiles *tiles, const uint64_t *mask,
                                          const size_t *offsets, const pkern_hdc_match *out,
                                          size_t capacity) {
    size_t out_bytes, offset_bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(capacity, sizeof *out, &out_bytes) || tiles->n_queries == SIZE_MAX ||
        pkn_mul_overflows_size(tiles->n_queries + 1, sizeof *offsets, &offset_bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(tiles, out, out_bytes);
    if (status == PKERN_OK) {
        status = pkn_search_check(tiles, offsets, offset_bytes);
    }
    if (status == PKERN_OK &&
        (pkn_overlaps(out, out_bytes, offsets, offset_bytes) ||
         !pkn_search_mask_is_apart(mask, tiles->n_targets, out, out_bytes) ||
         !pkn_search_mask_is_apart(mask, tiles->n_targets, offsets, offset_bytes))) {
        status = PKERN_EINVAL;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_range_search(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, uint32_t radius,
                                              const pkern_hdc_search_options *options,
                                              size_t *offsets, pkern_hdc_match *out,
                                              size_t capacity) {
    pkn_range range;
    size_t total = 0;
    pkern_status status;
    memset(&range, 0, sizeof range);
    pkn_search_tiles(&range.tiles, queries, n_queries, memory, n_memory, words);
    range.mask = options ? options->mask : 0;
    status = pkn_range_check(&range.tiles, range.mask, offsets, out, capacity);
    if (status != PKERN_OK) {
        return status;
    }
    range.limit = (uint64_t)radius + 1;
    range.by_distance = options && (options->flags & PKERN_HDC_BY_DISTANCE);
    range.matches = out;
    range.capacity = capacity;
    memset(offsets, 0, (n_queries + 1) * sizeof *offsets);
    if (n_queries > 0 && n_memory > 0) {
        status = pkn_range_run(&range, pool, offsets, &total);
    }
    if (options && options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&range.read);
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_range_join(pkn_range *range, pkern_pool *pool, uint32_t radius,
                                         pkern_hdc_pair *out, size_t capacity, size_t *count) {
    size_t out_bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(capacity, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(&range->tiles, out, out_bytes);
    if (status != PKERN_OK || !count) {
        return status != PKERN_OK ? status : PKERN_EINVAL;
    }
    *count = 0;
    if (range->tiles.n_queries == 0 || range->tiles.n_targets == 0) {
        return PKERN_OK;
    }
    range->limit = (uint64_t)radius + 1;
    range->pairs = out;
    range->capacity = capacity;
    return pkn_range_run(range, pool, 0, count);
}

PKERN_API pkern_status pkern_hdc_join(pkern_pool *pool, const uint64_t *a, size_t n_a,
                                      const uint64_t *b, size_t n_b, size_t words, uint32_t radius,
                                      pkern_hdc_pair *out, size_t capacity, size_t *count) {
    pkn_range range;
    memset(&range, 0, sizeof range);
    pkn_search_tiles(&range.tiles, a, n_a, b, n_b, words);
    return pkn_range_join(&range, pool, radius, out, capacity, count);
}

PKERN_API pkern_status pkern_hdc_self_join(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t radius, pkern_hdc_pair *out,
                                           size_t capacity, size_t *count) {
    pkn_range range;
    memset(&range, 0, sizeof range);
    range.self = 1;
    pkn_search_tiles(&range.tiles, vectors, n, vectors, n, words);
    return pkn_range_join(&range, pool, radius, out, capacity, count);
}

#endif
