/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Multi-index hashing. A table lists the vectors by a hash of one piece; buckets are ranges of one
   array of indices. For a radius r = m * a + b, the first b + 1 tables are probed for pieces within a
   bits of the query's and the others within a - 1 (none where a is 0): a vector that is in none of
   those differs in (b + 1)(a + 1) + (m - b - 1) a > r bits at least.

   A vector may be met in several tables. It counts in the first one that must have it, which its
   pieces tell, so nothing has to be remembered. Everything is one block of memory. */
#ifndef PKN_HDC_MIH_C
#define PKN_HDC_MIH_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/match_heap.h"
#include "hdc/mih.h"
#include "hdc/range.c"

/* A probe is a miss or two of the caches, a candidate one more and a comparison. */
#define PKN_MIH_PROBE_NS 20.0
#define PKN_MIH_CANDIDATE_NS 60.0
/* A query gives up after 64 candidates and a 32nd of all, about when it has cost what comparing all
   does. */
#define PKN_MIH_FEW_CANDIDATES 64
#define PKN_MIH_CANDIDATE_SHARE 32

struct pkern_hdc_mih {
    pkern_allocator allocator;
    const uint64_t *vectors;
    size_t n, words, bytes;
    uint32_t max_radius;
    unsigned key_bits, bucket_bits;
    size_t n_pieces, n_tables;
    uint32_t *starts; /* [n_tables x (2^bucket_bits + 1)] */
    uint32_t *ids;    /* [n_tables x n] */
};

PKN_INLINE uint64_t pkn_mih_key(const uint64_t *vector, size_t piece, unsigned key_bits) {
    size_t per_word = 64 / key_bits;
    uint64_t bits = vector[piece / per_word] >> (piece % per_word * key_bits);
    return bits & (UINT64_MAX >> (64 - key_bits));
}

/* No distance is larger than the bits; all of 2^26 words are one more than a radius can be. */
PKN_INLINE uint32_t pkn_mih_radius(uint32_t radius, size_t words) {
    return (uint64_t)words * 64 < radius ? (uint32_t)words * 64 : radius;
}

PKN_INLINE size_t pkn_mih_bucket(const pkern_hdc_mih *mih, uint64_t key) {
    return (size_t)(mih->bucket_bits == mih->key_bits
                        ? key
                        : pkn_mix_u64(key) >> (64 - mih->bucket_bits));
}

/* In how many bits table `piece` is probed, -1 not at all. */
PKN_INLINE int pkn_mih_flips(size_t n_pieces, uint32_t radius, size_t piece) {
    return (int)(radius / n_pieces) - (piece > radius % n_pieces);
}

/* ---- build ---- */

/* The number of keys within `flips` bits of one. */
PKN_INTERNAL double pkn_mih_ball(unsigned key_bits, int flips) {
    double count = 0, of_weight = 1;
    for (int weight = 0; weight <= flips && weight <= (int)key_bits; weight++) {
        count += of_weight;
        of_weight = of_weight * (double)((int)key_bits - weight) / (double)(weight + 1);
    }
    return count;
}

/* What a query costs in ns: probes, and candidates as there are for random vectors. */
PKN_INTERNAL double pkn_mih_cost(size_t n, size_t words, unsigned key_bits, uint32_t radius) {
    size_t n_pieces = words * 64 / key_bits;
    size_t n_full = radius % n_pieces + 1;
    int flips = pkn_mih_flips(n_pieces, radius, 0);
    double probes = (double)n_full * pkn_mih_ball(key_bits, flips) +
                    (double)(n_pieces - n_full) * pkn_mih_ball(key_bits, flips - 1);
    double keys = (double)(UINT64_MAX >> (64 - key_bits)) + 1;
    return probes * (PKN_MIH_PROBE_NS + PKN_MIH_CANDIDATE_NS * (double)n / keys);
}

/* What comparing a query with all costs: most pairs end at the first step. */
PKN_INTERNAL double pkn_mih_scan_cost(size_t n, size_t words, uint32_t radius) {
    return pkn_hdc_pair_cost(pkn_bounded_step((uint64_t)radius + 1, words)) * (double)n;
}

/* 0 where comparing all is cheaper than any. */
PKN_INTERNAL unsigned pkn_mih_choose(size_t n, size_t words, uint32_t radius) {
    double least = pkn_mih_scan_cost(n, words, radius);
    unsigned chosen = 0;
    for (unsigned key_bits = 8; key_bits <= 64; key_bits *= 2) {
        double cost = pkn_mih_cost(n, words, key_bits, radius);
        if (cost < least) {
            least = cost;
            chosen = key_bits;
        }
    }
    return chosen;
}

PKN_INTERNAL int pkn_mih_fill_tables(size_t begin, size_t end, void *ctx) {
    const pkern_hdc_mih *mih = (const pkern_hdc_mih *)ctx;
    size_t n_buckets = (size_t)1 << mih->bucket_bits;
    for (size_t table = begin; table < end; table++) {
        uint32_t *starts = mih->starts + table * (n_buckets + 1);
        uint32_t *ids = mih->ids + table * mih->n;
        uint32_t place = 0;
        memset(starts, 0, (n_buckets + 1) * sizeof *starts);
        for (size_t i = 0; i < mih->n; i++) {
            starts[pkn_mih_bucket(
                mih, pkn_mih_key(mih->vectors + i * mih->words, table, mih->key_bits))]++;
        }
        for (size_t bucket = 0; bucket < n_buckets; bucket++) {
            uint32_t count = starts[bucket];
            starts[bucket] = place;
            place += count;
        }
        for (size_t i = 0; i < mih->n; i++) {
            size_t bucket = pkn_mih_bucket(
                mih, pkn_mih_key(mih->vectors + i * mih->words, table, mih->key_bits));
            ids[starts[bucket]++] = (uint32_t)i;
        }
        /* each begin is now its end */
        memmove(starts + 1, starts, n_buckets * sizeof *starts);
        starts[0] = 0;
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_mih_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t max_radius, unsigned key_bits,
                                           pkern_hdc_mih **out) {
    pkern_hdc_mih mih, *made;
    const pkern_allocator *allocator;
    size_t row_bytes, table_bytes;
    pkern_status status;
    if (!out) {
        return PKERN_EINVAL;
    }
    *out = 0;
    status = pkn_hdc_check_rows(n, words, &row_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if ((!vectors && n > 0) ||
        (key_bits != 0 && key_bits != 8 && key_bits != 16 && key_bits != 32 && key_bits != 64)) {
        return PKERN_EINVAL;
    }
    if (n >= UINT32_MAX) {
        return PKERN_EOVERFLOW;
    }
    memset(&mih, 0, sizeof mih);
    mih.vectors = vectors;
    mih.n = n;
    mih.words = words;
    max_radius = pkn_mih_radius(max_radius, words);
    mih.max_radius = max_radius;
    mih.key_bits = key_bits != 0 ? key_bits : pkn_mih_choose(n, words, max_radius);
    if (mih.key_bits != 0) {
        mih.n_pieces = words * 64 / mih.key_bits;
        mih.n_tables = max_radius < mih.n_pieces ? (size_t)max_radius + 1 : mih.n_pieces;
        mih.bucket_bits = 1;
        while (mih.bucket_bits < mih.key_bits && (uint64_t)1 << mih.bucket_bits < n) {
            mih.bucket_bits++;
        }
    }
    table_bytes = (((size_t)1 << mih.bucket_bits) + 1 + n) * sizeof(uint32_t);
    if (pkn_mul_overflows_size(mih.n_tables, table_bytes, &mih.bytes) ||
        mih.bytes > SIZE_MAX - sizeof mih) {
        return PKERN_EOVERFLOW;
    }
    mih.bytes += sizeof mih;
    allocator = pkn_pool_allocator(pool);
    if (allocator) {
        mih.allocator = *allocator;
    }
    made = (pkern_hdc_mih *)pkn_allocate(allocator, mih.bytes, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    mih.starts = (uint32_t *)(void *)(made + 1);
    mih.ids = mih.starts + mih.n_tables * (((size_t)1 << mih.bucket_bits) + 1);
    *made = mih;
    status = pkn_hdc_run(pool, mih.n_tables, 1, 20.0 * (double)n, pkn_mih_fill_tables, made);
    if (status != PKERN_OK) {
        pkn_release(allocator, made, mih.bytes);
        return status;
    }
    *out = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_mih_free(pkern_hdc_mih *mih) {
    if (mih) {
        pkern_allocator allocator = mih->allocator;
        pkn_release(&allocator, mih, mih->bytes);
    }
}

PKERN_API size_t pkern_hdc_mih_bytes(const pkern_hdc_mih *mih) {
    return mih->bytes;
}

/* ---- search ---- */

typedef struct pkn_mih_search {
    const pkern_hdc_mih *mih;
    const uint64_t *queries;
    uint32_t radius;
    const uint64_t *mask;
    int by_distance;
    size_t *offsets; /* while counting: query q's count at q + 1 */
    pkern_hdc_match *out;
    size_t capacity;
    double scale;
    pkn_atomic_u64 read;
} pkn_mih_search;

/* One query's search. */
typedef struct pkn_mih_visit {
    const uint64_t *query;
    pkn_match_heap *heap; /* 0: only count */
    size_t count;         /* found */
    size_t n_compared, max_compared;
} pkn_mih_visit;

PKN_INLINE void pkn_mih_found(const pkn_mih_search *search, pkn_mih_visit *visit, size_t index,
                              uint32_t distance) {
    visit->count++;
    if (visit->heap) {
        pkern_hdc_match match;
        match.index = index;
        match.distance = distance;
        match.similarity =
            pkn_similarity_of(distance, (uint64_t)search->mih->words * 64, search->scale);
        pkn_match_heap_put(visit->heap, &match);
    }
}

/* 1 where a table before this one has the vector among its candidates. */
PKN_INTERNAL int pkn_mih_met_before(const pkn_mih_search *search, const uint64_t *query,
                                    const uint64_t *vector, size_t table) {
    const pkern_hdc_mih *mih = search->mih;
    for (size_t piece = 0; piece < table; piece++) {
        uint64_t difference =
            pkn_mih_key(query, piece, mih->key_bits) ^ pkn_mih_key(vector, piece, mih->key_bits);
        if ((int)pkn_popcount_u64(difference) <=
            pkn_mih_flips(mih->n_pieces, search->radius, piece)) {
            return 1;
        }
    }
    return 0;
}

/* All candidates with this key; 0 where they become too many. */
PKN_INTERNAL int pkn_mih_probe(const pkn_mih_search *search, pkn_mih_visit *visit, size_t table,
                               uint64_t key) {
    const pkern_hdc_mih *mih = search->mih;
    const uint32_t *starts =
        mih->starts + table * (((size_t)1 << mih->bucket_bits) + 1) + pkn_mih_bucket(mih, key);
    const uint32_t *ids = mih->ids + table * mih->n;
    if (starts[1] - starts[0] > visit->max_compared - visit->n_compared) {
        return 0;
    }
    visit->n_compared += starts[1] - starts[0];
    for (uint32_t i = starts[0]; i < starts[1]; i++) {
        size_t index = ids[i];
        const uint64_t *vector = mih->vectors + index * mih->words;
        uint64_t distance;
        if (pkn_mih_key(vector, table, mih->key_bits) != key ||
            (search->mask && !pkn_bounded_allows(search->mask, index))) {
            continue;
        }
        distance = pkn_simd()->hamming_u64(visit->query, vector, mih->words);
        distance = distance > UINT32_MAX ? UINT32_MAX : distance;
        if (distance <= search->radius &&
            !pkn_mih_met_before(search, visit->query, vector, table)) {
            pkn_mih_found(search, visit, index, (uint32_t)distance);
        }
    }
    return 1;
}

/* The next larger number with as many ones below bit key_bits; 0 after the last (Gosper). */
PKN_INLINE uint64_t pkn_mih_next_mask(uint64_t mask, unsigned key_bits) {
    uint64_t lowest = mask & (0 - mask), ripple = mask + lowest;
    if (mask == 0 || ripple < mask) {
        return 0;
    }
    mask = ((mask ^ ripple) >> 2) / lowest | ripple;
    return key_bits < 64 && mask >> key_bits != 0 ? 0 : mask;
}

/* All tables; 0 where the candidates become too many. */
PKN_INTERNAL int pkn_mih_tables(const pkn_mih_search *search, pkn_mih_visit *visit) {
    const pkern_hdc_mih *mih = search->mih;
    for (size_t table = 0; table < mih->n_tables; table++) {
        uint64_t key = pkn_mih_key(visit->query, table, mih->key_bits);
        int flips = pkn_mih_flips(mih->n_pieces, search->radius, table);
        for (int weight = 0; weight <= flips && weight <= (int)mih->key_bits; weight++) {
            uint64_t mask = weight == 0 ? 0 : UINT64_MAX >> (64 - weight);
            do {
                if (!pkn_mih_probe(search, visit, table, key ^ mask)) {
                    return 0;
                }
                mask = pkn_mih_next_mask(mask, mih->key_bits);
            } while (mask != 0);
        }
    }
    return 1;
}

PKN_INTERNAL void pkn_mih_compare_all(const pkn_mih_search *search, pkn_mih_visit *visit,
                                      pkn_bounded *bounded) {
    const pkern_hdc_mih *mih = search->mih;
    uint64_t limit = (uint64_t)search->radius + 1;
    for (size_t t = 0; t < mih->n; t += PKN_BLOCK_MIN_TARGETS) {
        uint64_t keys[PKN_BLOCK_MAX_TARGETS];
        size_t count;
        pkn_bounded_block(bounded, visit->query, 1, t,
                          pkn_min_size(PKN_BLOCK_MIN_TARGETS, mih->n - t), &limit, (uint32_t)t,
                          keys, &count);
        for (size_t i = 0; i < count; i++) {
            pkn_mih_found(search, visit, (size_t)(keys[i] & UINT32_MAX), (uint32_t)(keys[i] >> 32));
        }
    }
}

/* Returns how many were found; heap 0 only counts. */
PKN_INTERNAL size_t pkn_mih_query(pkn_mih_search *search, const uint64_t *query,
                                  pkn_match_heap *heap) {
    const pkern_hdc_mih *mih = search->mih;
    uint64_t read;
    pkn_mih_visit visit;
    visit.query = query;
    visit.heap = heap;
    visit.count = 0;
    visit.n_compared = 0;
    visit.max_compared = mih->n / PKN_MIH_CANDIDATE_SHARE + PKN_MIH_FEW_CANDIDATES;
    if (!pkn_mih_tables(search, &visit)) {
        pkn_tiles tiles;
        pkn_bounded bounded;
        pkn_search_tiles(&tiles, query, 1, mih->vectors, mih->n, mih->words);
        pkn_bounded_init(&bounded, &tiles, search->mask, mih->words);
        visit.count = 0;
        if (heap) {
            heap->count = 0;
        }
        pkn_mih_compare_all(search, &visit, &bounded);
        visit.n_compared += (size_t)(bounded.read / mih->words);
    }
    read = (uint64_t)visit.n_compared * mih->words;
    (void)pkn_atomic_fetch_add_relaxed_u64(&search->read, read);
    return visit.count;
}

PKN_INTERNAL int pkn_mih_count(size_t begin, size_t end, void *ctx) {
    pkn_mih_search *search = (pkn_mih_search *)ctx;
    for (size_t q = begin; q < end; q++) {
        search->offsets[q + 1] = pkn_mih_query(search, search->queries + q * search->mih->words, 0);
    }
    return 0;
}

PKN_INTERNAL int pkn_mih_fill(size_t begin, size_t end, void *ctx) {
    pkn_mih_search *search = (pkn_mih_search *)ctx;
    for (size_t q = begin; q < end; q++) {
        size_t first = pkn_min_size(search->offsets[q], search->capacity);
        pkn_match_heap heap;
        heap.matches = search->out ? search->out + first : 0;
        heap.count = 0;
        heap.room = pkn_min_size(search->offsets[q + 1], search->capacity) - first;
        heap.by_distance = search->by_distance;
        if (heap.room > 0) {
            (void)pkn_mih_query(search, search->queries + q * search->mih->words, &heap);
            pkn_match_heap_sort(&heap);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_mih_search(const pkern_hdc_mih *mih, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries,
                                            uint32_t radius,
                                            const pkern_hdc_search_options *options,
                                            size_t *offsets, pkern_hdc_match *out,
                                            size_t capacity) {
    pkn_mih_search search;
    pkn_tiles tiles;
    double cost;
    pkern_status status;
    if (!mih || pkn_mih_radius(radius, mih->words) > mih->max_radius) {
        return PKERN_EINVAL;
    }
    radius = pkn_mih_radius(radius, mih->words);
    cost = mih->n_tables > 0 ? pkn_mih_cost(mih->n, mih->words, mih->key_bits, radius) : 0;
    if (mih->n_tables == 0 || cost > pkn_mih_scan_cost(mih->n, mih->words, radius)) {
        return pkern_hdc_range_search(pool, queries, n_queries, mih->vectors, mih->n, mih->words,
                                      radius, options, offsets, out, capacity);
    }
    memset(&search, 0, sizeof search);
    search.mih = mih;
    search.queries = queries;
    search.radius = radius;
    search.mask = options ? options->mask : 0;
    search.by_distance = options && (options->flags & PKERN_HDC_BY_DISTANCE);
    search.offsets = offsets;
    search.out = out;
    search.capacity = capacity;
    search.scale = 1.0 / ((double)mih->words * 64);
    pkn_search_tiles(&tiles, queries, n_queries, mih->vectors, mih->n, mih->words);
    status = pkn_range_check(&tiles, search.mask, offsets, out, capacity);
    if (status != PKERN_OK) {
        return status;
    }
    offsets[0] = 0;
    status = pkn_hdc_run(pool, n_queries, 1, cost, pkn_mih_count, &search);
    for (size_t q = 0; q < n_queries && status == PKERN_OK; q++) {
        offsets[q + 1] += offsets[q];
    }
    if (status == PKERN_OK && capacity > 0 && offsets[n_queries] > 0) {
        status = pkn_hdc_run(pool, n_queries, 1, cost, pkn_mih_fill, &search);
    }
    if (options && options->words_read) {
        *options->words_read = pkn_atomic_load_relaxed_u64(&search.read);
    }
    return status;
}

#endif
