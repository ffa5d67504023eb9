/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The resonator network. An entry's weight is how many bits it is closer than the threshold, so a few
   percent of a codebook take part in a bundle, and the comparison with the codebook is most of the
   work. Where nothing passes the threshold, the factor gets a fresh estimate; where no estimate
   changes any more and the product is not found, all do. */
#ifndef PKN_HDC_RESONATOR_C
#define PKN_HDC_RESONATOR_C

#include "base/alloc.h"
#include "base/rng.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "hdc/resonator.h"
#include "hdc/weigh.h"
#include "simd/exact.h"

#define PKN_RESONATOR_ITERATIONS 1000
#define PKN_RESONATOR_THRESHOLD 2.5
#define PKN_RESONATOR_MAX_ENTRIES ((size_t)1 << 20)
/* Comparisons with each codebook entry that a product costs: 12 us for two codebooks of 50 entries. */
#define PKN_RESONATOR_USUAL 50.0

typedef struct pkn_resonator {
    const uint64_t *products, *codebooks;
    const size_t *offsets;
    size_t n_factors, words, largest;
    uint32_t max_iterations, max_distance, limit; /* entries below this distance take part */
    uint64_t seed;
    const pkern_allocator *allocator;
    size_t *indices;
    pkern_hdc_resonance *resonances;
} pkn_resonator;

/* The search for one product. */
typedef struct pkn_resonator_state {
    uint64_t *estimates; /* [n_factors x words] */
    uint64_t *rest;      /* [words] */
    uint64_t *product_of_entries;
    uint64_t *before;      /* [words]: all estimates bound together, an iteration ago */
    uint32_t *distances;   /* [largest] */
    pkn_weighed_row *rows; /* [largest] */
    size_t nearest[PKERN_HDC_MAX_FACTORS];
    uint64_t n_drawn; /* estimates, so far */
} pkn_resonator_state;

/* A fresh estimate of factor f: the bundle of its entries, the first time all alike, later with
   random weights. A random vector would do no good: what it leaves of the product tells nothing. */
PKN_INTERNAL void pkn_resonator_draw(const pkn_resonator *resonator, pkn_resonator_state *state,
                                     size_t f) {
    size_t words = resonator->words;
    size_t n_entries = resonator->offsets[f + 1] - resonator->offsets[f];
    uint64_t total = 0;
    for (size_t i = 0; i < n_entries; i++) {
        uint64_t random = pkn_random_at(resonator->seed + state->n_drawn, i);
        state->rows[i].row = resonator->codebooks + (resonator->offsets[f] + i) * words;
        state->rows[i].weight = state->n_drawn < resonator->n_factors ? 1 : random % 256 + 1;
        total += state->rows[i].weight;
    }
    state->rows[0].weight += 1 - (total & 1);
    state->n_drawn++;
    pkn_weigh(state->rows, n_entries, words, state->estimates + f * words);
}

PKN_INTERNAL void pkn_resonator_restart(const pkn_resonator *resonator,
                                        pkn_resonator_state *state) {
    for (size_t f = 0; f < resonator->n_factors; f++) {
        pkn_resonator_draw(resonator, state, f);
    }
}

/* Renews the estimate of factor f. */
PKN_INTERNAL void pkn_resonator_renew(const pkn_resonator *resonator, pkn_resonator_state *state,
                                      const uint64_t *product, size_t f) {
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = resonator->words, n_rows = 0, nearest = 0;
    size_t n_entries = resonator->offsets[f + 1] - resonator->offsets[f];
    const uint64_t *codebook = resonator->codebooks + resonator->offsets[f] * words;
    uint64_t total = 0;
    size_t heaviest = 0;
    memcpy(state->rest, product, words * 8);
    for (size_t other = 0; other < resonator->n_factors; other++) {
        if (other != f) {
            kernels->xor_u64(state->rest, state->estimates + other * words, words, state->rest);
        }
    }
    kernels->hamming_tile_u64(state->rest, 1, codebook, n_entries, words, state->distances, 0);
    for (size_t i = 0; i < n_entries; i++) {
        uint32_t distance = state->distances[i];
        nearest = distance < state->distances[nearest] ? i : nearest;
        if (distance < resonator->limit) {
            state->rows[n_rows].row = codebook + i * words;
            state->rows[n_rows].weight = resonator->limit - distance;
            total += state->rows[n_rows].weight;
            heaviest =
                state->rows[n_rows].weight > state->rows[heaviest].weight ? n_rows : heaviest;
            n_rows++;
        }
    }
    state->nearest[f] = nearest;
    if (n_rows == 0) {
        pkn_resonator_draw(resonator, state, f);
        return;
    }
    /* an odd sum has no ties */
    state->rows[heaviest].weight += 1 - (total & 1);
    pkn_weigh(state->rows, n_rows, words, state->estimates + f * words);
}

/* The distance between the product and that of the nearest entries. */
PKN_INTERNAL uint32_t pkn_resonator_distance(const pkn_resonator *resonator,
                                             pkn_resonator_state *state, const uint64_t *product) {
    size_t words = resonator->words;
    uint64_t distance;
    memcpy(state->product_of_entries, product, words * 8);
    for (size_t f = 0; f < resonator->n_factors; f++) {
        size_t row = resonator->offsets[f] + state->nearest[f];
        pkn_simd()->xor_u64(state->product_of_entries, resonator->codebooks + row * words, words,
                            state->product_of_entries);
    }
    distance = pkn_simd()->popcount_u64(state->product_of_entries, words);
    return distance > UINT32_MAX ? UINT32_MAX : (uint32_t)distance;
}

/* Are the estimates those of an iteration ago? Their product says so but for accidents, which cost a
   restart. */
PKN_INTERNAL int pkn_resonator_is_stuck(const pkn_resonator *resonator,
                                        pkn_resonator_state *state) {
    size_t words = resonator->words;
    int stuck;
    memcpy(state->rest, state->estimates, words * 8);
    for (size_t f = 1; f < resonator->n_factors; f++) {
        pkn_simd()->xor_u64(state->rest, state->estimates + f * words, words, state->rest);
    }
    stuck = memcmp(state->rest, state->before, words * 8) == 0;
    memcpy(state->before, state->rest, words * 8);
    return stuck;
}

PKN_INTERNAL void pkn_resonator_search(const pkn_resonator *resonator, pkn_resonator_state *state,
                                       size_t at) {
    const uint64_t *product = resonator->products + at * resonator->words;
    size_t *indices = resonator->indices + at * resonator->n_factors;
    pkern_hdc_resonance best;
    best.iterations = 0;
    best.distance = UINT32_MAX;
    best.converged = 0;
    state->n_drawn = 0;
    memset(state->before, 0, resonator->words * 8);
    memset(indices, 0, resonator->n_factors * sizeof *indices);
    pkn_resonator_restart(resonator, state);
    while (best.iterations < resonator->max_iterations && !best.converged) {
        uint32_t distance;
        for (size_t f = 0; f < resonator->n_factors; f++) {
            pkn_resonator_renew(resonator, state, product, f);
        }
        best.iterations++;
        distance = pkn_resonator_distance(resonator, state, product);
        if (distance < best.distance) {
            best.distance = distance;
            memcpy(indices, state->nearest, resonator->n_factors * sizeof *indices);
        }
        best.converged = best.distance <= resonator->max_distance;
        if (pkn_resonator_is_stuck(resonator, state)) {
            pkn_resonator_restart(resonator, state);
        }
    }
    if (resonator->resonances) {
        resonator->resonances[at] = best;
    }
}

PKN_INTERNAL int pkn_resonator_items(size_t begin, size_t end, void *ctx) {
    const pkn_resonator *resonator = (const pkn_resonator *)ctx;
    pkn_resonator_state state;
    size_t vector = resonator->words * 8;
    size_t bytes = (resonator->n_factors + 3) * vector +
                   resonator->largest * (sizeof(pkn_weighed_row) + sizeof(uint32_t));
    char *memory = (char *)pkn_allocate(resonator->allocator, bytes, PKN_CACHE_LINE);
    if (!memory) {
        return PKERN_ENOMEM;
    }
    state.estimates = (uint64_t *)(void *)memory;
    state.rest = state.estimates + resonator->n_factors * resonator->words;
    state.product_of_entries = state.rest + resonator->words;
    state.before = state.product_of_entries + resonator->words;
    state.rows = (pkn_weighed_row *)(void *)(state.before + resonator->words);
    state.distances = (uint32_t *)(void *)(state.rows + resonator->largest);
    for (size_t at = begin; at < end; at++) {
        pkn_resonator_search(resonator, &state, at);
    }
    pkn_release(resonator->allocator, memory, bytes);
    return 0;
}

/* Fills in what the options say. */
PKN_INTERNAL pkern_status pkn_resonator_set_options(pkn_resonator *resonator,
                                                    const pkern_hdc_resonator_options *options) {
    double bits = (double)resonator->words * 64;
    double threshold = options ? options->threshold : 0;
    double limit;
    if (!(threshold >= 0)) {
        return PKERN_EINVAL;
    }
    threshold = threshold > 0 ? threshold : PKN_RESONATOR_THRESHOLD;
    /* unrelated vectors: bits / 2 on average, deviation sqrt(bits) / 2 */
    limit = bits / 2 - pkn_product_f64(threshold, pkn_sqrt_one_f64(bits) / 2);
    resonator->limit = limit < 1 ? 1 : (uint32_t)limit;
    resonator->max_iterations =
        options && options->max_iterations ? options->max_iterations : PKN_RESONATOR_ITERATIONS;
    resonator->max_distance = options && options->max_distance ? options->max_distance
                                                               : (uint32_t)(resonator->words * 16);
    resonator->seed = options ? options->seed : 0;
    return PKERN_OK;
}

/* The codebooks' rows and the largest of them. */
PKN_INTERNAL pkern_status pkn_resonator_check_codebooks(pkn_resonator *resonator, size_t *n_rows) {
    const size_t *offsets = resonator->offsets;
    resonator->largest = 0;
    for (size_t f = 0; f < resonator->n_factors; f++) {
        if (offsets[f + 1] <= offsets[f]) {
            return PKERN_EINVAL;
        }
        resonator->largest = pkn_max_size(resonator->largest, offsets[f + 1] - offsets[f]);
    }
    *n_rows = offsets[resonator->n_factors];
    return resonator->largest > PKN_RESONATOR_MAX_ENTRIES ? PKERN_EOVERFLOW : PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_resonator_factor(
    pkern_pool *pool, const uint64_t *products, size_t n, const uint64_t *codebooks,
    const size_t *codebook_offsets, size_t n_factors, size_t words,
    const pkern_hdc_resonator_options *options, size_t *indices, pkern_hdc_resonance *resonances) {
    pkn_resonator resonator;
    size_t product_bytes, codebook_bytes, offset_bytes, index_bytes, resonance_bytes, n_rows;
    double cost;
    pkern_status status = pkn_hdc_check_rows(n, words, &product_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (n_factors < 2 || n_factors > PKERN_HDC_MAX_FACTORS || !codebook_offsets || !codebooks) {
        return PKERN_EINVAL;
    }
    memset(&resonator, 0, sizeof resonator);
    resonator.products = products;
    resonator.codebooks = codebooks;
    resonator.offsets = codebook_offsets;
    resonator.n_factors = n_factors;
    resonator.words = words;
    resonator.allocator = pkn_pool_allocator(pool);
    resonator.indices = indices;
    resonator.resonances = resonances;
    status = pkn_resonator_check_codebooks(&resonator, &n_rows);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_rows, words, &codebook_bytes);
    }
    if (status == PKERN_OK) {
        status = pkn_resonator_set_options(&resonator, options);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n, n_factors * sizeof *indices, &index_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    resonance_bytes = resonances ? n * sizeof *resonances : 0;
    offset_bytes = (n_factors + 1) * sizeof *codebook_offsets;
    if (!products || !indices || pkn_overlaps(products, product_bytes, indices, index_bytes) ||
        pkn_overlaps(codebooks, codebook_bytes, indices, index_bytes) ||
        pkn_overlaps(codebook_offsets, offset_bytes, indices, index_bytes) ||
        pkn_overlaps(products, product_bytes, resonances, resonance_bytes) ||
        pkn_overlaps(codebooks, codebook_bytes, resonances, resonance_bytes) ||
        pkn_overlaps(codebook_offsets, offset_bytes, resonances, resonance_bytes) ||
        pkn_overlaps(indices, index_bytes, resonances, resonance_bytes)) {
        return PKERN_EINVAL;
    }
    cost = pkn_hdc_pair_cost(words) * (double)(n_rows - codebook_offsets[0]) * PKN_RESONATOR_USUAL;
    return pkn_hdc_run(pool, n, 1, cost, pkn_resonator_items, &resonator);
}

#endif
