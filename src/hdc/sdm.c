/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sparse distributed memory. Addresses are taken in batches whose distances to all locations fit in
   a few MB: distances in parallel tiles, then a list of active locations for each address. A read
   adds up its list's counters. A write needs the lists the other way round, for each location its
   addresses: then every location is written by one thread, address by address, so that clipping
   happens as in the serial loop. */
#ifndef PKN_HDC_SDM_C
#define PKN_HDC_SDM_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "hdc/keys.h"
#include "hdc/sdm.h"
#include "hdc/similarity.c"
#include "simd/integer.h"

/* Pairs of a batch: 4 MiB of distances and keys. */
#define PKN_SDM_BATCH_PAIRS ((size_t)1 << 18)
#define PKN_SDM_BATCH 64
/* Columns of a read's item: 8 words. */
#define PKN_SDM_COLUMNS 512
/* Nanoseconds: to look at a distance, to add a counter. */
#define PKN_SDM_LOOK_NS 1.9
#define PKN_SDM_ADD_NS 0.06

struct pkern_hdc_sdm {
    pkern_allocator allocator;
    size_t n_locations, address_words, data_words, columns;
    uint32_t radius;
    size_t nearest; /* 0: by radius */
    size_t bytes;
    uint64_t *locations;
    int16_t *counters; /* [n_locations x columns] */
};

PKN_INTERNAL pkern_status pkn_sdm_sizes(const pkern_hdc_sdm_config *config, size_t data_words,
                                        size_t *location_bytes, size_t *counter_bytes,
                                        size_t *bytes) {
    pkern_status status =
        pkn_hdc_check_rows(config->n_locations, config->address_words, location_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    /* a location's index is half of a key */
    if (data_words > PKN_HDC_MAX_WORDS || config->n_locations >= UINT32_MAX ||
        pkn_mul_overflows_size(config->n_locations, data_words * 128, counter_bytes) ||
        pkn_add_overflows_size(*location_bytes, *counter_bytes, bytes) ||
        pkn_add_overflows_size(*bytes, 2 * PKN_CACHE_LINE + sizeof(pkern_hdc_sdm), bytes)) {
        return PKERN_EOVERFLOW;
    }
    return PKERN_OK;
}

typedef struct pkn_sdm_fill {
    pkern_hdc_sdm *sdm;
    const uint64_t *locations;
    uint64_t seed;
} pkn_sdm_fill;

PKN_INTERNAL int pkn_sdm_fill_locations(size_t begin, size_t end, void *ctx) {
    const pkn_sdm_fill *fill = (const pkn_sdm_fill *)ctx;
    pkern_hdc_sdm *sdm = fill->sdm;
    size_t words = sdm->address_words;
    memset(sdm->counters + begin * sdm->columns, 0,
           (end - begin) * sdm->columns * sizeof *sdm->counters);
    if (fill->locations) {
        memcpy(sdm->locations + begin * words, fill->locations + begin * words,
               (end - begin) * words * 8);
        return 0;
    }
    for (size_t i = begin * words; i < end * words; i++) {
        sdm->locations[i] = pkn_random_at(fill->seed, i);
    }
    return 0;
}

/* A memory whose locations and counters are still to be filled. */
PKN_INTERNAL pkern_status pkn_sdm_allocate(const pkern_hdc_sdm_config *config,
                                           pkern_hdc_sdm **sdm_out) {
    pkern_hdc_sdm *sdm;
    size_t data_words, location_bytes, counter_bytes, bytes;
    pkern_status status;
    if (config->n_locations == 0 || (config->radius > 0 && config->nearest > 0)) {
        return PKERN_EINVAL;
    }
    data_words = config->data_words ? config->data_words : config->address_words;
    status = pkn_sdm_sizes(config, data_words, &location_bytes, &counter_bytes, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    sdm = (pkern_hdc_sdm *)pkn_allocate(config->allocator, bytes, PKN_CACHE_LINE);
    if (!sdm) {
        return PKERN_ENOMEM;
    }
    memset(sdm, 0, sizeof *sdm);
    if (config->allocator) {
        sdm->allocator = *config->allocator;
    }
    sdm->n_locations = config->n_locations;
    sdm->address_words = config->address_words;
    sdm->data_words = data_words;
    sdm->columns = data_words * 64;
    sdm->radius = config->radius;
    sdm->nearest = config->radius > 0    ? 0
                   : config->nearest > 0 ? pkn_min_size(config->nearest, config->n_locations)
                                         : (config->n_locations + 99) / 100;
    sdm->bytes = bytes;
    sdm->counters = (int16_t *)(void *)((char *)sdm + (sizeof *sdm + PKN_CACHE_LINE - 1) /
                                                          PKN_CACHE_LINE * PKN_CACHE_LINE);
    sdm->locations = (uint64_t *)(void *)(sdm->counters + counter_bytes / sizeof(int16_t));
    *sdm_out = sdm;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_sdm_create(pkern_pool *pool, const pkern_hdc_sdm_config *config,
                                            pkern_hdc_sdm **sdm) {
    pkn_sdm_fill fill;
    pkern_status status;
    if (!sdm || !config || pkn_allocator_is_half(config->allocator)) {
        return PKERN_EINVAL;
    }
    status = pkn_sdm_allocate(config, &fill.sdm);
    if (status != PKERN_OK) {
        return status;
    }
    fill.locations = config->locations;
    fill.seed = config->seed;
    status = pkn_hdc_run(pool, fill.sdm->n_locations, 1, 20.0 * (double)fill.sdm->data_words,
                         pkn_sdm_fill_locations, &fill);
    if (status != PKERN_OK) {
        pkern_hdc_sdm_destroy(fill.sdm);
        return status;
    }
    *sdm = fill.sdm;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_sdm_destroy(pkern_hdc_sdm *sdm) {
    if (sdm) {
        pkern_allocator allocator = sdm->allocator;
        pkn_release(&allocator, sdm, sdm->bytes);
    }
}

/* ---- which locations an address activates */

typedef struct pkn_sdm_batch {
    const pkern_hdc_sdm *sdm;
    size_t max_len, n;    /* addresses */
    uint32_t *distances;  /* [max_len x n_locations] */
    uint64_t *keys;       /* [max_len x n_locations], in each row the active ones first */
    size_t *counts;       /* [max_len], of each row */
    size_t *ends;         /* [n_locations], writes: where a location's addresses end */
    uint32_t *writers;    /* [max_len x n_locations], writes: the addresses, by location */
    int16_t *deltas;      /* [max_len x columns], writes */
    const uint64_t *data; /* of the batch */
    const int16_t *weights;
    uint64_t *out;
    int32_t *sums;
    size_t n_pieces;
    const pkern_allocator *allocator; /* of memory */
    void *memory;
    size_t bytes;
} pkn_sdm_batch;

PKN_INTERNAL pkern_status pkn_sdm_batch_begin(pkn_sdm_batch *batch, const pkern_hdc_sdm *sdm,
                                              pkern_pool *pool, size_t n, int is_write) {
    size_t locations = sdm->n_locations, pairs;
    char *place;
    memset(batch, 0, sizeof *batch);
    batch->sdm = sdm;
    batch->max_len = pkn_min_size(pkn_max_size(PKN_SDM_BATCH_PAIRS / locations, 1), PKN_SDM_BATCH);
    batch->max_len = pkn_min_size(batch->max_len, n);
    pairs = batch->max_len * locations;
    batch->bytes = pairs * 12 + batch->max_len * sizeof(size_t);
    if (is_write) {
        batch->bytes += pairs * 4 + locations * sizeof(size_t) +
                        batch->max_len * sdm->columns * sizeof(int16_t);
    }
    batch->allocator = pkn_pool_allocator(pool);
    batch->memory = pkn_allocate(batch->allocator, batch->bytes, PKN_CACHE_LINE);
    if (!batch->memory) {
        return PKERN_ENOMEM;
    }
    place = (char *)batch->memory;
    batch->keys = (uint64_t *)(void *)place;
    place += pairs * 8;
    batch->counts = (size_t *)(void *)place;
    place += batch->max_len * sizeof(size_t);
    if (is_write) {
        batch->ends = (size_t *)(void *)place;
        place += locations * sizeof(size_t);
    }
    batch->distances = (uint32_t *)(void *)place;
    place += pairs * 4;
    if (is_write) {
        batch->writers = (uint32_t *)(void *)place;
        place += pairs * 4;
        batch->deltas = (int16_t *)(void *)place;
    }
    return PKERN_OK;
}

PKN_INTERNAL int pkn_sdm_list_rows(size_t begin, size_t end, void *ctx) {
    const pkn_sdm_batch *batch = (const pkn_sdm_batch *)ctx;
    const pkern_hdc_sdm *sdm = batch->sdm;
    for (size_t row = begin; row < end; row++) {
        uint64_t *keys = batch->keys + row * sdm->n_locations;
        const uint32_t *distances = batch->distances + row * sdm->n_locations;
        int takes_all = sdm->nearest > 0 || sdm->radius == UINT32_MAX;
        size_t count = pkn_simd()->below_u32(distances, sdm->n_locations,
                                             takes_all ? UINT32_MAX : sdm->radius + 1, 0, keys);
        if (takes_all && count < sdm->n_locations) {
            /* no limit is above the greatest distance */
            for (count = 0; count < sdm->n_locations; count++) {
                keys[count] = (uint64_t)distances[count] << 32 | count;
            }
        }
        if (sdm->nearest > 0 && sdm->nearest < count) {
            pkn_keys_select(keys, count, sdm->nearest);
            count = sdm->nearest;
        }
        batch->counts[row] = count;
    }
    return 0;
}

/* The lists of the addresses [n x address_words] of a batch. */
PKN_INTERNAL pkern_status pkn_sdm_activate(pkn_sdm_batch *batch, pkern_pool *pool,
                                           const uint64_t *addresses, size_t n) {
    const pkern_hdc_sdm *sdm = batch->sdm;
    pkern_status status = pkern_hdc_distances(pool, addresses, n, sdm->locations, sdm->n_locations,
                                              sdm->address_words, batch->distances);
    batch->n = n;
    return status != PKERN_OK ? status
                              : pkn_hdc_run(pool, n, 1, PKN_SDM_LOOK_NS * (double)sdm->n_locations,
                                            pkn_sdm_list_rows, batch);
}

PKN_INTERNAL size_t pkn_sdm_total_active(const pkn_sdm_batch *batch) {
    size_t total = 0;
    for (size_t row = 0; row < batch->n; row++) {
        total += batch->counts[row];
    }
    return total;
}

/* ---- write */

PKN_INTERNAL int pkn_sdm_make_deltas(size_t begin, size_t end, void *ctx) {
    const pkn_sdm_batch *batch = (const pkn_sdm_batch *)ctx;
    const pkern_hdc_sdm *sdm = batch->sdm;
    for (size_t row = begin; row < end; row++) {
        const uint64_t *data = batch->data + row * sdm->data_words;
        int16_t *deltas = batch->deltas + row * sdm->columns;
        int16_t weight = pkn_clip_i16(batch->weights ? batch->weights[row] : 1);
        for (size_t i = 0; i < sdm->columns; i++) {
            deltas[i] = (int16_t)(data[i / 64] >> i % 64 & 1 ? weight : -weight);
        }
    }
    return 0;
}

/* Sorts the pairs of address and location by location; the addresses of one ascend. */
PKN_INTERNAL void pkn_sdm_transpose(pkn_sdm_batch *batch) {
    size_t locations = batch->sdm->n_locations, place = 0;
    memset(batch->ends, 0, locations * sizeof *batch->ends);
    for (size_t row = 0; row < batch->n; row++) {
        for (size_t i = 0; i < batch->counts[row]; i++) {
            batch->ends[batch->keys[row * locations + i] & UINT32_MAX]++;
        }
    }
    for (size_t l = 0; l < locations; l++) {
        size_t count = batch->ends[l];
        batch->ends[l] = place;
        place += count;
    }
    for (size_t row = 0; row < batch->n; row++) {
        for (size_t i = 0; i < batch->counts[row]; i++) {
            size_t location = (size_t)(batch->keys[row * locations + i] & UINT32_MAX);
            batch->writers[batch->ends[location]++] = (uint32_t)row;
        }
    }
}

PKN_INTERNAL int pkn_sdm_write_locations(size_t begin, size_t end, void *ctx) {
    const pkn_sdm_batch *batch = (const pkn_sdm_batch *)ctx;
    const pkern_hdc_sdm *sdm = batch->sdm;
    for (size_t location = begin; location < end; location++) {
        int16_t *counters = sdm->counters + location * sdm->columns;
        for (size_t i = location > 0 ? batch->ends[location - 1] : 0; i < batch->ends[location];
             i++) {
            pkn_simd()->add_saturated_i16(batch->deltas + batch->writers[i] * sdm->columns,
                                          sdm->columns, counters);
        }
    }
    return 0;
}

/* What both directions ask of n addresses; *bytes is theirs. */
PKN_INTERNAL pkern_status pkn_sdm_check(const pkern_hdc_sdm *sdm, const uint64_t *addresses,
                                        size_t n, size_t *bytes, size_t *data_bytes) {
    pkern_status status;
    if (!sdm) {
        return PKERN_EINVAL;
    }
    status = pkn_hdc_check_rows(n, sdm->address_words, bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n, sdm->data_words, data_bytes);
    }
    return status != PKERN_OK ? status : !addresses && n > 0 ? PKERN_EINVAL : PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_sdm_write(pkern_pool *pool, pkern_hdc_sdm *sdm,
                                           const uint64_t *addresses, const uint64_t *data,
                                           const int16_t *weights, size_t n) {
    pkn_sdm_batch batch;
    size_t bytes, data_bytes;
    pkern_status status = pkn_sdm_check(sdm, addresses, n, &bytes, &data_bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!data) {
        return PKERN_EINVAL;
    }
    status = pkn_sdm_batch_begin(&batch, sdm, pool, n, 1);
    for (size_t first = 0; status == PKERN_OK && first < n; first += batch.max_len) {
        size_t len = pkn_min_size(batch.max_len, n - first);
        batch.data = data + first * sdm->data_words;
        batch.weights = weights ? weights + first : 0;
        status = pkn_sdm_activate(&batch, pool, addresses + first * sdm->address_words, len);
        if (status == PKERN_OK) {
            status = pkn_hdc_run(pool, len, 1, (double)sdm->columns, pkn_sdm_make_deltas, &batch);
        }
        if (status == PKERN_OK) {
            double adds;
            pkn_sdm_transpose(&batch);
            adds = (double)pkn_sdm_total_active(&batch) * (double)sdm->columns;
            status = pkn_hdc_run(pool, sdm->n_locations, 1,
                                 adds * PKN_SDM_ADD_NS / (double)sdm->n_locations + 1,
                                 pkn_sdm_write_locations, &batch);
        }
    }
    pkn_release(batch.allocator, batch.memory, batch.bytes);
    return status;
}

PKERN_API pkern_status pkern_hdc_sdm_active(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                            const uint64_t *addresses, size_t n, size_t *counts) {
    pkn_sdm_batch batch;
    size_t bytes, data_bytes;
    pkern_status status = pkn_sdm_check(sdm, addresses, n, &bytes, &data_bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!counts || pkn_overlaps(addresses, bytes, counts, n * sizeof *counts)) {
        return PKERN_EINVAL;
    }
    status = pkn_sdm_batch_begin(&batch, sdm, pool, n, 0);
    for (size_t first = 0; status == PKERN_OK && first < n; first += batch.max_len) {
        size_t len = pkn_min_size(batch.max_len, n - first);
        status = pkn_sdm_activate(&batch, pool, addresses + first * sdm->address_words, len);
        if (status == PKERN_OK) {
            memcpy(counts + first, batch.counts, len * sizeof *counts);
        }
    }
    pkn_release(batch.allocator, batch.memory, batch.bytes);
    return status;
}

#endif
