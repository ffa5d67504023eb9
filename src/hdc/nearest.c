/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Exact nearest and top-k search, selection fused into the tiles: a block of distances is looked at
   while it is in L1 and mostly thrown away at once, since after the first few blocks hardly any
   distance is below a query's k-th best.

   A query's list is of keys (nearest_list.h). Where the targets are split, each split makes a list
   of its own and the caller merges them; keys hold a target's place in its split, so 32 bits are
   enough. A list that is done tells the others of its query how near a target has to be. */
#ifndef PKN_HDC_NEAREST_C
#define PKN_HDC_NEAREST_C

#include "base/alloc.h"
#include "hdc/bounded.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "hdc/nearest_list.h"
#include "hdc/tiles.h"
#include "simd/tile.h"

/* Keys of all lists of a group of queries that pass over the targets together: 8 KiB of stack, and
   64 queries at most. */
#define PKN_NEAREST_STACK_KEYS 1024
#define PKN_NEAREST_GROUP 64
/* Keys of the splits' lists and bounds of a small call: 4 KiB of stack. */
#define PKN_NEAREST_STACK_PARTIAL 512
/* The heap may be larger: as much as leaves room for a block in a quarter of L2. */
#define PKN_NEAREST_HEAP_KEYS 32768
#define PKN_NEAREST_MAX_SPLITS 256
/* Places in a split fit in 32 bits, and UINT32_MAX stays free for PKN_NO_KEY. */
#define PKN_NEAREST_MAX_SPLIT_LEN ((size_t)1 << 31)

/* Conditions on what is found. */
typedef struct pkn_nearest_where {
    const uint64_t *mask;   /* 0: all targets */
    const uint64_t *limits; /* 0, or [n_queries]: distances from here on are not found */
    uint64_t limit;         /* where limits is 0 */
    size_t words;           /* of each vector compared, from its first on */
    pkn_atomic_u64 read;    /* words compared */
} pkn_nearest_where;

typedef struct pkn_nearest {
    pkn_tiles tiles;
    pkn_nearest_where *where; /* 0: no conditions */
    size_t k;                 /* at most n_targets */
    size_t row;               /* matches of a row of out, at least k */
    uint64_t *partial;        /* 0, or [n_queries x n_splits x k]: what the splits found */
    pkn_atomic_u64 *bounds;   /* 0, or behind that, [n_queries]: distances from here on are too far */
    pkern_hdc_match *out;
    pkern_pool *pool;
    uint64_t bits;
    double scale; /* 1 / bits */
} pkn_nearest;

PKN_INTERNAL void pkn_nearest_write_none(pkern_hdc_match *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i].index = SIZE_MAX;
        out[i].distance = UINT32_MAX;
        out[i].similarity = 0;
    }
}

PKN_INLINE void pkn_nearest_write(const pkn_nearest *search, uint64_t distance, size_t index,
                                  pkern_hdc_match *out) {
    out->index = index;
    out->distance = (uint32_t)distance;
    out->similarity = pkn_similarity_of((uint32_t)distance, search->bits, search->scale);
}

/* Where a list goes when it is done: to the partial lists or, where there are none, to out. */
typedef struct pkn_nearest_row {
    uint64_t *partial;
    pkern_hdc_match *out;
} pkn_nearest_row;

PKN_INLINE pkn_nearest_row pkn_nearest_row_of(const pkn_nearest *search, size_t query,
                                              size_t split) {
    pkn_nearest_row row;
    row.partial = search->partial
                      ? search->partial + (query * search->tiles.n_splits + split) * search->k
                      : 0;
    row.out = search->out + query * search->row;
    return row;
}

/* The key of place i of a list. */
PKN_INLINE void pkn_nearest_put(const pkn_nearest *search, pkn_nearest_row row, size_t i,
                                uint64_t key) {
    if (row.partial) {
        row.partial[i] = key;
    } else if (key == PKN_NO_KEY) {
        pkn_nearest_write_none(row.out + i, 1);
    } else {
        pkn_nearest_write(search, key >> 32, (size_t)(key & UINT32_MAX), row.out + i);
    }
}

/* Sorts a buffer's keys into the row: each goes to its place, once the distances are counted. */
PKN_INTERNAL void pkn_nearest_put_buffered(const pkn_nearest *search, pkn_nearest_list *list,
                                           pkn_nearest_row row) {
    uint32_t counts[PKN_KEYS_SPAN];
    uint64_t lowest;
    if (list->count > search->k) {
        pkn_nearest_shrink(list, search->k);
    }
    if (list->count < PKN_KEYS_COUNTED ||
        !pkn_keys_places(list->keys, list->count, counts, &lowest)) {
        pkn_keys_sort(list->keys, list->count);
        for (size_t i = 0; i < pkn_min_size(list->count, search->k); i++) {
            pkn_nearest_put(search, row, i, list->keys[i]);
        }
    } else {
        for (size_t i = 0; i < list->count; i++) {
            size_t place = counts[(list->keys[i] >> 32) - lowest]++;
            if (PKN_LIKELY(place < search->k)) {
                pkn_nearest_put(search, row, place, list->keys[i]);
            }
        }
    }
    for (size_t i = list->count; i < search->k; i++) {
        pkn_nearest_put(search, row, i, PKN_NO_KEY);
    }
}

PKN_INTERNAL void pkn_nearest_finish(const pkn_nearest *search, pkn_nearest_list *list,
                                     pkn_nearest_row row) {
    if (search->k > PKN_NEAREST_SORTED) {
        pkn_nearest_put_buffered(search, list, row);
        return;
    }
    for (size_t i = 0; i < search->k; i++) {
        pkn_nearest_put(search, row, i, list->keys[i]);
    }
}

/* pkn_nearest_scan under conditions. */
PKN_INTERNAL void pkn_nearest_scan_where(const pkn_nearest *search, const pkn_tiles_part *part,
                                         pkn_nearest_list *lists) {
    const pkn_tiles *tiles = &search->tiles;
    uint64_t keys[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    pkn_bounded bounded;
    pkn_bounded_init(&bounded, tiles, search->where->mask, search->where->words);
    for (size_t t = part->target; t < part->target_end; t += tiles->block_len) {
        size_t n = pkn_min_size(tiles->block_len, part->target_end - t);
        for (size_t q = part->query; q < part->query_end; q += PKN_PANEL_QUERIES) {
            size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part->query_end - q);
            uint64_t limits[PKN_PANEL_QUERIES];
            size_t counts[PKN_PANEL_QUERIES];
            for (size_t i = 0; i < n_queries; i++) {
                limits[i] = lists[q - part->query + i].limit;
            }
            pkn_bounded_block(&bounded, tiles->queries + q * tiles->words, n_queries, t, n, limits,
                              (uint32_t)(t - part->target), keys, counts);
            for (size_t i = 0; i < n_queries; i++) {
                pkn_nearest_list *list = &lists[q - part->query + i];
                const uint64_t *found = keys + i * PKN_BLOCK_MAX_TARGETS;
                if (search->k <= PKN_NEAREST_SORTED) {
                    pkn_nearest_insert(list, search->k, found, counts[i]);
                    continue;
                }
                memcpy(list->keys + list->count, found, counts[i] * sizeof(uint64_t));
                list->count += counts[i];
                if (list->count >= 2 * search->k) {
                    pkn_nearest_shrink(list, search->k);
                }
            }
        }
    }
    (void)pkn_atomic_fetch_add_relaxed_u64(&search->where->read, bounded.read);
}

/* Runs a group's lists over the part's targets. */
PKN_INTERNAL void pkn_nearest_scan(const pkn_nearest *search, const pkn_tiles_part *part,
                                   pkn_nearest_list *lists) {
    const pkn_tiles *tiles = &search->tiles;
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    if (search->where) {
        pkn_nearest_scan_where(search, part, lists);
        return;
    }
    for (size_t t = part->target; t < part->target_end; t += tiles->block_len) {
        size_t n = pkn_min_size(tiles->block_len, part->target_end - t);
        uint32_t first = (uint32_t)(t - part->target);
        for (size_t q = part->query; q < part->query_end; q += PKN_PANEL_QUERIES) {
            size_t n_queries = pkn_min_size(PKN_PANEL_QUERIES, part->query_end - q);
            pkn_simd()->hamming_tile_u64(tiles->queries + q * tiles->words, n_queries,
                                         tiles->targets + t * tiles->words, n, tiles->words,
                                         distances, PKN_BLOCK_MAX_TARGETS);
            for (size_t i = 0; i < n_queries; i++) {
                pkn_nearest_list *list = &lists[q - part->query + i];
                if (search->k <= PKN_NEAREST_SORTED) {
                    pkn_nearest_look_sorted(list, search->k, distances + i * PKN_BLOCK_MAX_TARGETS,
                                            n, first);
                } else {
                    pkn_nearest_look_buffered(list, search->k,
                                              distances + i * PKN_BLOCK_MAX_TARGETS, n, first);
                }
            }
        }
    }
}

/* Keys that a list needs room for. */
PKN_INLINE size_t pkn_nearest_room(const pkn_nearest *search) {
    return search->k <= PKN_NEAREST_SORTED ? search->k : 2 * search->k + search->tiles.block_len;
}

PKN_INLINE uint64_t pkn_nearest_first_limit(const pkn_nearest *search, size_t query) {
    uint64_t bound =
        search->bounds ? pkn_atomic_load_relaxed_u64(&search->bounds[query]) : PKN_BOUNDED_ALL;
    uint64_t limit = search->where == 0           ? PKN_BOUNDED_ALL
                     : search->where->limits != 0 ? search->where->limits[query]
                                                  : search->where->limit;
    return limit < bound ? limit : bound;
}

/* Of the same distance as a list's last one, another list may have a target that comes before it. */
PKN_INLINE void pkn_nearest_tell(const pkn_nearest *search, size_t query, uint64_t limit) {
    if (search->bounds && limit <= UINT32_MAX) {
        uint64_t bound = pkn_atomic_load_relaxed_u64(&search->bounds[query]);
        while (limit + 1 < bound &&
               !pkn_atomic_cas_relaxed_u64(&search->bounds[query], &bound, limit + 1)) {
        }
    }
}

PKN_INTERNAL void pkn_nearest_groups(const pkn_nearest *search, size_t begin, size_t end,
                                     uint64_t *keys, size_t n_keys) {
    size_t room = pkn_nearest_room(search);
    size_t group = pkn_min_size(n_keys / room, PKN_NEAREST_GROUP) / PKN_PANEL_QUERIES;
    pkn_nearest_list lists[PKN_NEAREST_GROUP];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(&search->tiles, begin, end, group, &part);
        for (size_t i = 0; i < part.query_end - part.query; i++) {
            lists[i].keys = keys + i * room;
            lists[i].count = 0;
            lists[i].limit = pkn_nearest_first_limit(search, part.query + i);
            for (size_t j = 0; j < search->k && search->k <= PKN_NEAREST_SORTED; j++) {
                lists[i].keys[j] = PKN_NO_KEY;
            }
        }
        pkn_nearest_scan(search, &part, lists);
        for (size_t i = 0; i < part.query_end - part.query; i++) {
            pkn_nearest_finish(search, &lists[i],
                               pkn_nearest_row_of(search, part.query + i, part.split));
            pkn_nearest_tell(search, part.query + i, lists[i].limit);
        }
    }
}

/* k = 1: the kernel keeps a few candidates a query, and no list is needed. */
PKN_INTERNAL void pkn_nearest_groups_of_one(const pkn_nearest *search, size_t begin, size_t end) {
    const pkn_tiles *tiles = &search->tiles;
    uint32_t distances[PKN_NEAREST_GROUP * PKN_NEAREST_LANES],
        indices[PKN_NEAREST_GROUP * PKN_NEAREST_LANES];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, PKN_NEAREST_GROUP / PKN_PANEL_QUERIES, &part);
        /* Where all distances are UINT32_MAX, none is below it, and the first target is the
           nearest. */
        memset(distances, 0xff, sizeof distances);
        memset(indices, 0, sizeof indices);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q += PKN_PANEL_QUERIES) {
                size_t lane = (q - part.query) * PKN_NEAREST_LANES;
                pkn_simd()->nearest_tile_u64(tiles->queries + q * tiles->words,
                                             pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q),
                                             tiles->targets + t * tiles->words, n, tiles->words,
                                             (uint32_t)(t - part.target), distances + lane,
                                             indices + lane);
            }
        }
        for (size_t q = part.query; q < part.query_end; q++) {
            uint64_t key = PKN_NO_KEY;
            for (size_t i = 0; i < PKN_NEAREST_LANES; i++) {
                size_t lane = (q - part.query) * PKN_NEAREST_LANES + i;
                uint64_t candidate = (uint64_t)distances[lane] << 32 | indices[lane];
                key = candidate < key ? candidate : key;
            }
            pkn_nearest_put(search, pkn_nearest_row_of(search, q, part.split), 0, key);
        }
    }
}

PKN_INTERNAL int pkn_nearest_items(size_t begin, size_t end, void *ctx) {
    const pkn_nearest *search = (const pkn_nearest *)ctx;
    size_t room = pkn_nearest_room(search);
    if (search->k == 1 && !search->where) {
        pkn_nearest_groups_of_one(search, begin, end);
    } else if (room <= PKN_NEAREST_STACK_KEYS / PKN_PANEL_QUERIES) {
        uint64_t stack_keys[PKN_NEAREST_STACK_KEYS];
        pkn_nearest_groups(search, begin, end, stack_keys, PKN_NEAREST_STACK_KEYS);
    } else {
        const pkern_allocator *allocator = pkn_pool_allocator(search->pool);
        size_t n_keys = pkn_max_size(PKN_NEAREST_HEAP_KEYS, room * PKN_PANEL_QUERIES);
        uint64_t *heap_keys =
            (uint64_t *)pkn_allocate(allocator, n_keys * sizeof(uint64_t), PKN_CACHE_LINE);
        if (!heap_keys) {
            return PKERN_ENOMEM;
        }
        pkn_nearest_groups(search, begin, end, heap_keys, n_keys);
        pkn_release(allocator, heap_keys, n_keys * sizeof(uint64_t));
    }
    return 0;
}

/* Merges the lists of the splits, queries [begin, end): the smallest head next, among equal
   distances that of the first split. */
PKN_INTERNAL int pkn_nearest_merge(size_t begin, size_t end, void *ctx) {
    const pkn_nearest *search = (const pkn_nearest *)ctx;
    size_t n_splits = search->tiles.n_splits;
    for (size_t query = begin; query < end; query++) {
        const uint64_t *heads[PKN_NEAREST_MAX_SPLITS];
        size_t left[PKN_NEAREST_MAX_SPLITS];
        pkern_hdc_match *out = search->out + query * search->row;
        for (size_t split = 0; split < n_splits; split++) {
            heads[split] = search->partial + (query * n_splits + split) * search->k;
            left[split] = search->k;
        }
        for (size_t i = 0; i < search->k; i++) {
            uint64_t best = PKN_NO_KEY;
            size_t from = 0;
            for (size_t split = 0; split < n_splits; split++) {
                if (left[split] > 0 && (*heads[split] >> 32 < best >> 32 ||
                                        (best == PKN_NO_KEY && *heads[split] != best))) {
                    best = *heads[split];
                    from = split;
                }
            }
            if (best == PKN_NO_KEY) {
                pkn_nearest_write_none(out + i, search->k - i);
                break;
            }
            heads[from]++;
            left[from]--;
            pkn_nearest_write(search, best >> 32,
                              from * search->tiles.split_len + (size_t)(best & UINT32_MAX),
                              out + i);
        }
    }
    return 0;
}

/* A split's list costs k insertions and a merge of k keys, so a split should have several times as
   many targets, and many times where panels alone keep all threads busy. */
PKN_INTERNAL size_t pkn_nearest_max_splits(const pkn_nearest *search, size_t n_threads) {
    size_t enough = n_threads * PKN_PANEL_QUERIES * 4;
    size_t by_k = search->tiles.n_targets / search->k / (search->tiles.n_queries < enough ? 8 : 64);
    return pkn_max_size(pkn_min_size(by_k, PKN_NEAREST_MAX_SPLITS), 1);
}

/* stack_partial has room for PKN_NEAREST_STACK_PARTIAL keys. */
PKN_INTERNAL pkern_status pkn_nearest_run(pkn_nearest *search, pkern_pool *pool,
                                          uint64_t *stack_partial) {
    pkn_tiles *tiles = &search->tiles;
    size_t n_threads = pkn_tiles_threads(tiles, pool);
    size_t forced = (tiles->n_targets - 1) / PKN_NEAREST_MAX_SPLIT_LEN + 1;
    const pkern_allocator *allocator = 0; /* of partial, where it is not on the stack */
    size_t has_bounds = search->k > 1 || search->where, keys = 0, bytes = 0;
    pkern_status status;
    search->partial = 0;
    search->bounds = 0;
    pkn_tiles_cut(tiles, n_threads, pkn_nearest_max_splits(search, n_threads));
    if (tiles->n_splits < forced) {
        tiles->split_len = PKN_NEAREST_MAX_SPLIT_LEN;
        tiles->n_splits = forced;
    }
    if (tiles->n_splits > 1) {
        if (pkn_mul_overflows_size(tiles->n_splits, search->k, &keys) ||
            pkn_mul_overflows_size(tiles->n_queries * sizeof(uint64_t), keys + has_bounds, &bytes)) {
            bytes = SIZE_MAX;
        }
        if (bytes <= PKN_NEAREST_STACK_PARTIAL * sizeof(uint64_t)) {
            search->partial = stack_partial;
        } else {
            allocator = pkn_pool_allocator(pool);
            search->partial = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        }
        if (!search->partial && forced > 1) {
            return PKERN_ENOMEM;
        }
        if (!search->partial) {
            pkn_tiles_cut(tiles, 1, 1);
        } else if (has_bounds) {
            search->bounds = (pkn_atomic_u64 *)(void *)(search->partial + tiles->n_queries * keys);
            for (size_t query = 0; query < tiles->n_queries; query++) {
                pkn_atomic_store_relaxed_u64(&search->bounds[query], PKN_BOUNDED_ALL);
            }
        }
    }
    status = pkn_tiles_run(tiles, pool, pkn_nearest_items, search);
    if (search->partial) {
        if (status == PKERN_OK) {
            status =
                pkn_hdc_run(pool, tiles->n_queries, 1, 2.0 * (double)(search->k * tiles->n_splits),
                            pkn_nearest_merge, search);
        }
        if (search->partial != stack_partial) {
            pkn_release(allocator, search->partial, bytes);
        }
    }
    return status;
}

PKN_INTERNAL pkern_status pkn_nearest_checked(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, size_t k,
                                              pkn_nearest_where *where, pkern_hdc_match *out) {
    pkn_nearest search;
    uint64_t stack_partial[PKN_NEAREST_STACK_PARTIAL] PKN_ALIGNED(8);
    pkern_status status = PKERN_OK;
    search.k = pkn_min_size(k, n_memory);
    if (search.k > 0) {
        search.tiles.queries = queries;
        search.tiles.n_queries = n_queries;
        search.tiles.targets = memory;
        search.tiles.n_targets = n_memory;
        search.tiles.words = words;
        search.where = where;
        search.row = k;
        search.out = out;
        search.pool = pool;
        search.bits = (uint64_t)words * 64;
        search.scale = 1.0 / (double)search.bits;
        status = pkn_nearest_run(&search, pool, stack_partial);
    }
    for (size_t query = 0; search.k < k && query < n_queries; query++) {
        pkn_nearest_write_none(out + query * k + search.k, k - search.k);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_top_k(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                       const uint64_t *memory, size_t n_memory, size_t words,
                                       size_t k, pkern_hdc_match *out) {
    size_t query_bytes, memory_bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_queries, words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_memory, words, &memory_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!memory && n_memory > 0) || (!out && out_bytes > 0)) {
        return PKERN_EINVAL;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    if (pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(memory, memory_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    return pkn_nearest_checked(pool, queries, n_queries, memory, n_memory, words, k, 0, out);
}

PKERN_API pkern_status pkern_hdc_nearest(pkern_pool *pool, const uint64_t *queries,
                                         size_t n_queries, const uint64_t *memory, size_t n_memory,
                                         size_t words, pkern_hdc_match *out) {
    return pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, 1, out);
}

#endif
