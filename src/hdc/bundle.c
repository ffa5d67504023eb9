/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bundling by majority. Usually an item of the parallel loop is a set, or some columns of one.
   Where that gives too few items for the threads and sets are long, each set's rows are cut into
   chunks; a chunk's column counts stay bit-sliced, and adding the chunks up is a few hundred
   operations a column word. Counts are exact, so cuts don't change the result. */
#ifndef PKN_HDC_BUNDLE_C
#define PKN_HDC_BUNDLE_C

#include "base/alloc.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "simd/majority.h"

#define PKN_BUNDLE_MAX_ROWS ((size_t)1 << 31)
/* Columns of an item, in words: four lines a row, what the kernel takes at a time. */
#define PKN_BUNDLE_PIECE_WORDS 32
/* With fewer items than this a thread, a set with twice PKN_BUNDLE_CHUNK_ROWS rows is cut by rows
   too. */
#define PKN_BUNDLE_ITEMS_PER_THREAD 4
/* A chunk's share of the sum at the end is about 200 operations a word, its rows take 2 a word. */
#define PKN_BUNDLE_CHUNK_ROWS 2048
#define PKN_BUNDLE_MAX_PLANES 32

typedef struct pkn_bundle {
    const uint64_t *vectors;
    const size_t *set_offsets;
    size_t n_sets, words;
    size_t n_pieces; /* of a set's columns */
    uint64_t *out;
} pkn_bundle;

/* Items are pieces of sets. */
PKN_INTERNAL int pkn_bundle_items(size_t begin, size_t end, void *ctx) {
    const pkn_bundle *bundle = (const pkn_bundle *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t set = item / bundle->n_pieces;
        size_t word = item % bundle->n_pieces * PKN_BUNDLE_PIECE_WORDS;
        size_t n_words = bundle->n_pieces == 1
                             ? bundle->words
                             : pkn_min_size(bundle->words - word, PKN_BUNDLE_PIECE_WORDS);
        size_t first = bundle->set_offsets[set];
        kernels->majority_u64(pkn_hdc_at(bundle->vectors, first * bundle->words + word),
                              bundle->set_offsets[set + 1] - first, bundle->words, n_words,
                              bundle->out + set * bundle->words + word);
    }
    return 0;
}

/* One set cut into chunks of rows. */
typedef struct pkn_bundle_set {
    const uint64_t *rows;
    size_t n_rows, words;
    size_t chunk_rows;
    unsigned n_planes;
    uint64_t *planes; /* [n_chunks x n_planes x words] */
} pkn_bundle_set;

PKN_INTERNAL int pkn_bundle_chunks(size_t begin, size_t end, void *ctx) {
    const pkn_bundle_set *set = (const pkn_bundle_set *)ctx;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t row = chunk * set->chunk_rows;
        pkn_simd()->count_u64(set->rows + row * set->words,
                              pkn_min_size(set->chunk_rows, set->n_rows - row), set->words,
                              set->words, 0, 0, set->n_planes, set->words,
                              set->planes + chunk * set->n_planes * set->words);
    }
    return 0;
}

/* Adds the chunks' counts to the majority's bias; its carry plane is the result. */
PKN_INTERNAL void pkn_bundle_add_chunks(const pkn_bundle_set *set, size_t n_chunks, uint64_t *out) {
    unsigned top = pkn_majority_plane(set->n_rows);
    uint64_t bias = pkn_majority_bias(set->n_rows);
    for (size_t word = 0; word < set->words; word++) {
        uint64_t sums[PKN_BUNDLE_MAX_PLANES];
        for (unsigned k = 0; k <= top; k++) {
            sums[k] = 0 - (bias >> k & 1);
        }
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            uint64_t carry = 0;
            for (unsigned k = 0; k <= top; k++) {
                uint64_t a = sums[k];
                uint64_t b = k < set->n_planes
                                 ? set->planes[(chunk * set->n_planes + k) * set->words + word]
                                 : 0;
                sums[k] = a ^ b ^ carry;
                carry = (a & b) | ((a ^ b) & carry);
            }
        }
        out[word] = sums[top];
    }
}

/* One long set. Where there is no memory for the counts the caller does it alone. */
PKN_INTERNAL pkern_status pkn_bundle_long_set(const pkn_bundle *bundle, pkern_pool *pool,
                                              size_t index, size_t n_threads) {
    pkn_bundle_set set;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t n_chunks, bytes;
    pkern_status status;
    set.rows = bundle->vectors + bundle->set_offsets[index] * bundle->words;
    set.n_rows = bundle->set_offsets[index + 1] - bundle->set_offsets[index];
    set.words = bundle->words;
    set.chunk_rows = pkn_max_size(set.n_rows / (n_threads * 8) + 1, PKN_BUNDLE_CHUNK_ROWS);
    n_chunks = (set.n_rows + set.chunk_rows - 1) / set.chunk_rows;
    set.n_planes = 64 - pkn_clz_u64((uint64_t)set.chunk_rows);
    bytes = n_chunks * set.n_planes * set.words *
            sizeof(uint64_t); /* less than the rows themselves have */
    set.planes = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!set.planes) {
        return pkn_bundle_items(index * bundle->n_pieces, (index + 1) * bundle->n_pieces,
                                (void *)(uintptr_t)bundle);
    }
    status = pkn_hdc_run(pool, n_chunks, 1,
                         pkn_hdc_count_cost() * (double)set.words * (double)set.chunk_rows,
                         pkn_bundle_chunks, &set);
    if (status == PKERN_OK) {
        pkn_bundle_add_chunks(&set, n_chunks, bundle->out + index * set.words);
    }
    pkn_release(allocator, set.planes, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_bundle_run(pkn_bundle *bundle, pkern_pool *pool) {
    size_t n_rows = bundle->set_offsets[bundle->n_sets] - bundle->set_offsets[0];
    double words = (double)n_rows + 2.0 * (double)bundle->n_sets;
    double cost = pkn_hdc_count_cost() * words * (double)bundle->words;
    size_t few;
    bundle->n_pieces = 1;
    if (cost < PKN_HDC_DIRECT_NS) {
        return pkn_bundle_items(0, bundle->n_sets, bundle);
    }
    few = (size_t)pkern_pool_num_threads(pool) * PKN_BUNDLE_ITEMS_PER_THREAD;
    if (bundle->n_sets < few) {
        bundle->n_pieces = (bundle->words + PKN_BUNDLE_PIECE_WORDS - 1) / PKN_BUNDLE_PIECE_WORDS;
    }
    if (few > PKN_BUNDLE_ITEMS_PER_THREAD && bundle->n_sets * bundle->n_pieces < few &&
        n_rows / bundle->n_sets >= 2 * PKN_BUNDLE_CHUNK_ROWS) {
        for (size_t set = 0; set < bundle->n_sets; set++) {
            pkern_status status;
            if (bundle->set_offsets[set + 1] - bundle->set_offsets[set] >=
                2 * PKN_BUNDLE_CHUNK_ROWS) {
                status = pkn_bundle_long_set(bundle, pool, set, few / PKN_BUNDLE_ITEMS_PER_THREAD);
            } else {
                status =
                    pkn_bundle_items(set * bundle->n_pieces, (set + 1) * bundle->n_pieces, bundle);
            }
            if (status != PKERN_OK) {
                return status;
            }
        }
        return PKERN_OK;
    }
    return pkn_hdc_run(pool, bundle->n_sets * bundle->n_pieces, 1,
                       cost / (double)(bundle->n_sets * bundle->n_pieces), pkn_bundle_items,
                       bundle);
}

/* out is the array of the rows: sets may read what others write, so they write elsewhere first. */
PKN_INTERNAL pkern_status pkn_bundle_in_place(pkn_bundle *bundle, pkern_pool *pool) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes = bundle->n_sets * bundle->words * sizeof(uint64_t);
    uint64_t *out = bundle->out;
    pkern_status status;
    bundle->out = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!bundle->out) {
        return PKERN_ENOMEM;
    }
    status = pkn_bundle_run(bundle, pool);
    if (status == PKERN_OK) {
        memcpy(out, bundle->out, bytes);
    }
    pkn_release(allocator, bundle->out, bytes);
    return status;
}

/* 0 or a status; *bytes is that of the rows from set_offsets[0] on. */
PKN_INTERNAL pkern_status pkn_bundle_check_sets(const size_t *set_offsets, size_t n_sets,
                                                size_t words, size_t *bytes) {
    size_t longest = 0;
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
        longest = pkn_max_size(longest, set_offsets[set + 1] - set_offsets[set]);
    }
    if (longest > PKN_BUNDLE_MAX_ROWS ||
        pkn_hdc_check_rows(set_offsets[n_sets], words, bytes) != PKERN_OK) {
        return PKERN_EOVERFLOW;
    }
    *bytes = (set_offsets[n_sets] - set_offsets[0]) * words * sizeof(uint64_t);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_bundle(pkern_pool *pool, const uint64_t *vectors,
                                        const size_t *set_offsets, size_t n_sets, size_t words,
                                        uint64_t *out) {
    pkn_bundle bundle;
    const uint64_t *rows;
    size_t bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_sets, words, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    status = pkn_bundle_check_sets(set_offsets, n_sets, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!vectors && bytes > 0) {
        return PKERN_EINVAL;
    }
    rows = bytes > 0 ? vectors + set_offsets[0] * words : out;
    if (pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (bytes > 0 && pkn_hdc_clashes(rows, bytes, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    bundle.vectors = vectors;
    bundle.set_offsets = set_offsets;
    bundle.n_sets = n_sets;
    bundle.words = words;
    bundle.out = out;
    return bytes > 0 && rows == out ? pkn_bundle_in_place(&bundle, pool)
                                    : pkn_bundle_run(&bundle, pool);
}

#endif
