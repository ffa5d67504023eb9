/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inverted file. Lists lie one after another in one array, members by ascending index, so that a
   list is scanned by tiles. A key (keys.h) holds a distance and the index at build time: the order of
   keys is the order of results, whatever lists they come from. Everything is one block of memory. */
#ifndef PKN_HDC_IVF_C
#define PKN_HDC_IVF_C

#include "base/alloc.h"
#include "hdc/cluster.h"
#include "hdc/k_majority.c"
#include "hdc/keys.h"
#include "hdc/nearest.c"
#include "hdc/search_check.h"

#define PKN_IVF_TRAINING_PER_LIST 64
#define PKN_IVF_QUERIES 256
#define PKN_IVF_STACK_KEYS 512
#define PKN_IVF_BLOCK 128

struct pkern_hdc_ivf {
    pkern_allocator allocator;
    size_t n, words, n_lists, bytes;
    size_t *offsets;     /* [n_lists + 1] */
    uint64_t *centroids; /* [n_lists x words] */
    uint64_t *rows;      /* [n x words] */
    uint32_t *ids;       /* [n] */
};

/* ---- build ---- */

typedef struct pkn_ivf_copy {
    const uint64_t *from;
    const uint32_t *ids; /* 0: evenly taken, row i is i * n_from / n */
    size_t n_from, n, words;
    uint64_t *to;
} pkn_ivf_copy;

PKN_INTERNAL int pkn_ivf_copy_rows(size_t begin, size_t end, void *ctx) {
    const pkn_ivf_copy *copy = (const pkn_ivf_copy *)ctx;
    size_t whole = copy->n_from / copy->n, rest = copy->n_from % copy->n;
    for (size_t i = begin; i < end; i++) {
        size_t from = copy->ids ? copy->ids[i] : i * whole + i * rest / copy->n;
        memcpy(copy->to + i * copy->words, copy->from + from * copy->words,
               copy->words * sizeof(uint64_t));
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_ivf_copy_run(pkern_pool *pool, pkn_ivf_copy *copy) {
    return pkn_hdc_run(pool, copy->n, 16,
                       pkn_hdc_move_cost(copy->words, copy->n * copy->words * 16),
                       pkn_ivf_copy_rows, copy);
}

/* The nearest centroid of all vectors, in stripes whose matches are on the stack. */
PKN_INTERNAL pkern_status pkn_ivf_assign(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                         const uint64_t *vectors, size_t *assignment) {
    pkern_hdc_match nearest[PKN_IVF_QUERIES];
    for (size_t first = 0; first < ivf->n; first += PKN_IVF_QUERIES) {
        size_t n = pkn_min_size(PKN_IVF_QUERIES, ivf->n - first);
        pkern_status status = pkern_hdc_nearest(pool, vectors + first * ivf->words, n,
                                                ivf->centroids, ivf->n_lists, ivf->words, nearest);
        if (status != PKERN_OK) {
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            assignment[first + i] = nearest[i].index;
        }
    }
    return PKERN_OK;
}

/* Lists by counting; assignment [n]. */
PKN_INTERNAL void pkn_ivf_fill_lists(pkern_hdc_ivf *ivf, const size_t *assignment) {
    size_t *offsets = ivf->offsets, begin = 0;
    memset(offsets, 0, (ivf->n_lists + 1) * sizeof *offsets);
    for (size_t i = 0; i < ivf->n; i++) {
        offsets[assignment[i]]++;
    }
    for (size_t list = 0; list < ivf->n_lists; list++) {
        size_t len = offsets[list];
        offsets[list] = begin;
        begin += len;
    }
    for (size_t i = 0; i < ivf->n; i++) {
        ivf->ids[offsets[assignment[i]]++] = (uint32_t)i;
    }
    /* each begin is now its end */
    memmove(offsets + 1, offsets, ivf->n_lists * sizeof *offsets);
    offsets[0] = 0;
}

/* Centroids from a part of the vectors, then the lists of all. The training rows are laid out where
   the lists' rows go later. */
PKN_INTERNAL pkern_status pkn_ivf_train(pkern_hdc_ivf *ivf, pkern_pool *pool,
                                        const uint64_t *vectors, size_t iterations, uint64_t seed,
                                        size_t *assignment) {
    pkn_ivf_copy copy;
    pkern_status status;
    memset(&copy, 0, sizeof copy);
    copy.from = vectors;
    copy.n_from = ivf->n;
    copy.n = ivf->n / PKN_IVF_TRAINING_PER_LIST < ivf->n_lists
                 ? ivf->n
                 : ivf->n_lists * PKN_IVF_TRAINING_PER_LIST;
    copy.words = ivf->words;
    copy.to = ivf->rows;
    status = pkn_ivf_copy_run(pool, &copy);
    if (status == PKERN_OK) {
        status = pkern_hdc_k_majority(pool, ivf->rows, copy.n, ivf->words, ivf->n_lists, iterations,
                                      seed, ivf->centroids, assignment);
    }
    if (status == PKERN_OK && copy.n < ivf->n) {
        status = pkn_ivf_assign(ivf, pool, vectors, assignment);
    }
    if (status == PKERN_OK) {
        pkn_ivf_fill_lists(ivf, assignment);
        copy.n = ivf->n;
        copy.ids = ivf->ids;
        status = pkn_ivf_copy_run(pool, &copy);
    }
    return status;
}

PKN_INTERNAL size_t pkn_ivf_root(size_t n) {
    size_t root = 1;
    while (root < n / root + (n % root > 0)) {
        root++;
    }
    return root;
}

PKERN_API pkern_status pkern_hdc_ivf_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, size_t n_lists, size_t iterations,
                                           uint64_t seed, pkern_hdc_ivf **out) {
    const pkern_allocator *allocator;
    pkern_hdc_ivf *ivf;
    size_t bytes, row_bytes, assignment_bytes, *assignment;
    size_t head = (sizeof *ivf + PKN_CACHE_LINE - 1) / PKN_CACHE_LINE * PKN_CACHE_LINE;
    pkern_status status;
    if (!out) {
        return PKERN_EINVAL;
    }
    *out = 0;
    status = pkn_hdc_check_rows(n, words, &row_bytes);
    if (status != PKERN_OK || (!vectors && n > 0)) {
        return status != PKERN_OK ? status : PKERN_EINVAL;
    }
    if (n >= UINT32_MAX) {
        return PKERN_EOVERFLOW;
    }
    n_lists = pkn_min_size(n_lists == 0 ? pkn_ivf_root(n) : n_lists, n);
    if (row_bytes > SIZE_MAX / 4) {
        return PKERN_EOVERFLOW;
    }
    bytes = head + (n + n_lists) * words * 8 + (n_lists + 1) * sizeof(size_t) + n * 4;
    assignment_bytes = n * sizeof *assignment;
    allocator = pkn_pool_allocator(pool);
    ivf = (pkern_hdc_ivf *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    assignment = (size_t *)pkn_allocate(allocator, assignment_bytes + 1, PKN_CACHE_LINE);
    if (ivf && assignment) {
        memset(ivf, 0, sizeof *ivf);
        if (allocator) {
            ivf->allocator = *allocator;
        }
        ivf->n = n;
        ivf->words = words;
        ivf->n_lists = n_lists;
        ivf->bytes = bytes;
        ivf->rows = (uint64_t *)(void *)((unsigned char *)ivf + head);
        ivf->centroids = ivf->rows + n * words;
        ivf->offsets = (size_t *)(void *)(ivf->centroids + n_lists * words);
        ivf->ids = (uint32_t *)(void *)(ivf->offsets + n_lists + 1);
        ivf->offsets[0] = 0;
        status = n > 0 ? pkn_ivf_train(ivf, pool, vectors, iterations, seed, assignment) : PKERN_OK;
    } else {
        status = PKERN_ENOMEM;
    }
    pkn_release(allocator, assignment, assignment_bytes + 1);
    if (status != PKERN_OK) {
        pkn_release(allocator, ivf, bytes);
        return status;
    }
    *out = ivf;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_ivf_free(pkern_hdc_ivf *ivf) {
    if (ivf) {
        pkern_allocator allocator = ivf->allocator;
        pkn_release(&allocator, ivf, ivf->bytes);
    }
}

PKERN_API size_t pkern_hdc_ivf_lists(const pkern_hdc_ivf *ivf) {
    return ivf->n_lists;
}

PKERN_API size_t pkern_hdc_ivf_bytes(const pkern_hdc_ivf *ivf) {
    return ivf->bytes;
}

/* ---- search ---- */

typedef struct pkn_ivf_search {
    const pkern_hdc_ivf *ivf;
    const uint64_t *queries;       /* of the stripe, as all below */
    size_t k, row, n_probe;        /* k found of a row of out */
    const pkern_hdc_match *probes; /* [n x n_probe], 0: all lists */
    pkern_hdc_match *out;
    pkern_pool *pool;
} pkn_ivf_search;

/* The smallest keys so far, in any order, and a bound: keys from it on can't get in. */
typedef struct pkn_ivf_list {
    uint64_t *keys; /* [2 * k + PKN_IVF_BLOCK] */
    size_t count, k;
    uint64_t bound;
} pkn_ivf_list;

PKN_INTERNAL void pkn_ivf_shrink(pkn_ivf_list *list) {
    pkn_keys_select(list->keys, list->count, list->k);
    list->count = list->k;
    list->bound = 0;
    for (size_t i = 0; i < list->k; i++) {
        list->bound = list->keys[i] > list->bound ? list->keys[i] : list->bound;
    }
}

/* Rows [row, row + n) of the file, n up to PKN_IVF_BLOCK. */
PKN_INTERNAL void pkn_ivf_block(const pkern_hdc_ivf *ivf, const uint64_t *query, size_t row,
                                size_t n, pkn_ivf_list *list) {
    uint32_t distances[PKN_IVF_BLOCK];
    uint64_t keys[PKN_IVF_BLOCK];
    /* equal distances may have a lower index */
    uint64_t limit = list->bound == PKN_NO_KEY ? UINT32_MAX : (list->bound >> 32) + 1;
    size_t count = n;
    pkn_simd()->hamming_tile_u64(query, 1, ivf->rows + row * ivf->words, n, ivf->words, distances,
                                 0);
    if (limit < UINT32_MAX) {
        count = pkn_simd()->below_u32(distances, n, (uint32_t)limit, 0, keys);
    } else {
        for (size_t i = 0; i < n; i++) {
            keys[i] = (uint64_t)distances[i] << 32 | i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t key = (keys[i] >> 32) << 32 | ivf->ids[row + (size_t)(keys[i] & UINT32_MAX)];
        list->keys[list->count] = key;
        list->count += key < list->bound;
    }
    if (list->count >= 2 * list->k) {
        pkn_ivf_shrink(list);
    }
}

PKN_INTERNAL void pkn_ivf_write(const pkern_hdc_ivf *ivf, pkn_ivf_list *list,
                                pkern_hdc_match *out) {
    uint64_t bits = (uint64_t)ivf->words * 64;
    double scale = 1.0 / (double)bits;
    if (list->count > list->k) {
        pkn_ivf_shrink(list);
    }
    pkn_keys_sort(list->keys, list->count);
    for (size_t i = 0; i < list->count; i++) {
        out[i].index = (size_t)(list->keys[i] & UINT32_MAX);
        out[i].distance = (uint32_t)(list->keys[i] >> 32);
        out[i].similarity = pkn_similarity_of(out[i].distance, bits, scale);
    }
}

PKN_INTERNAL void pkn_ivf_queries(const pkn_ivf_search *search, size_t begin, size_t end,
                                  uint64_t *keys) {
    const pkern_hdc_ivf *ivf = search->ivf;
    for (size_t query = begin; query < end; query++) {
        pkern_hdc_match *out = search->out + query * search->row;
        pkn_ivf_list list;
        list.keys = keys;
        list.count = 0;
        list.k = search->k;
        list.bound = PKN_NO_KEY;
        for (size_t i = 0; i < search->n_probe; i++) {
            size_t probe = search->probes ? search->probes[query * search->n_probe + i].index : i;
            size_t last = ivf->offsets[probe + 1];
            for (size_t row = ivf->offsets[probe]; row < last; row += PKN_IVF_BLOCK) {
                pkn_ivf_block(ivf, search->queries + query * ivf->words, row,
                              pkn_min_size(PKN_IVF_BLOCK, last - row), &list);
            }
        }
        pkn_ivf_write(ivf, &list, out);
        pkn_nearest_write_none(out + list.count, search->row - list.count);
    }
}

PKN_INTERNAL int pkn_ivf_items(size_t begin, size_t end, void *ctx) {
    const pkn_ivf_search *search = (const pkn_ivf_search *)ctx;
    size_t n_keys = 2 * search->k + PKN_IVF_BLOCK;
    if (n_keys <= PKN_IVF_STACK_KEYS) {
        uint64_t keys[PKN_IVF_STACK_KEYS];
        pkn_ivf_queries(search, begin, end, keys);
    } else {
        const pkern_allocator *allocator = pkn_pool_allocator(search->pool);
        uint64_t *keys =
            (uint64_t *)pkn_allocate(allocator, n_keys * sizeof(uint64_t), PKN_CACHE_LINE);
        if (!keys) {
            return PKERN_ENOMEM;
        }
        pkn_ivf_queries(search, begin, end, keys);
        pkn_release(allocator, keys, n_keys * sizeof(uint64_t));
    }
    return 0;
}

/* search: all but the stripe's members is set. */
PKN_INTERNAL pkern_status pkn_ivf_run(pkn_ivf_search *search, pkern_pool *pool, size_t n_queries) {
    const pkern_hdc_ivf *ivf = search->ivf;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    const uint64_t *queries = search->queries;
    pkern_hdc_match *out = search->out, *probes = 0;
    size_t bytes = pkn_min_size(n_queries, PKN_IVF_QUERIES) * search->n_probe * sizeof *probes;
    double cost = pkn_hdc_pair_cost(ivf->words) * (double)ivf->n * (double)search->n_probe /
                  (double)ivf->n_lists;
    pkern_status status = PKERN_OK;
    if (search->n_probe < ivf->n_lists) {
        probes = (pkern_hdc_match *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        if (!probes) {
            return PKERN_ENOMEM;
        }
    }
    search->probes = probes;
    for (size_t first = 0; first < n_queries && status == PKERN_OK; first += PKN_IVF_QUERIES) {
        size_t n = pkn_min_size(PKN_IVF_QUERIES, n_queries - first);
        search->queries = queries + first * ivf->words;
        search->out = out + first * search->row;
        if (probes) {
            status = pkern_hdc_top_k(pool, search->queries, n, ivf->centroids, ivf->n_lists,
                                     ivf->words, search->n_probe, probes);
        }
        if (status == PKERN_OK) {
            status = pkn_hdc_run(pool, n, 1, cost, pkn_ivf_items, search);
        }
    }
    pkn_release(allocator, probes, bytes);
    return status;
}

PKERN_API pkern_status pkern_hdc_ivf_search(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries, size_t k,
                                            size_t n_probe, pkern_hdc_match *out) {
    pkn_ivf_search search;
    pkn_tiles tiles;
    size_t out_bytes;
    pkern_status status;
    if (!ivf || n_probe == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n_queries, k, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    pkn_search_tiles(&tiles, queries, n_queries, ivf->rows, ivf->n, ivf->words);
    status = pkn_search_check(&tiles, out, out_bytes);
    if (status != PKERN_OK || out_bytes == 0) {
        return status;
    }
    if (ivf->n == 0) {
        pkn_nearest_write_none(out, n_queries * k);
        return PKERN_OK;
    }
    search.ivf = ivf;
    search.queries = queries;
    search.k = pkn_min_size(k, ivf->n);
    search.row = k;
    search.n_probe = pkn_min_size(n_probe, ivf->n_lists);
    search.out = out;
    search.pool = pool;
    return pkn_ivf_run(&search, pool, n_queries);
}

#endif
