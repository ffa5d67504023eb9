/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Noise of a given probability and of a given amount. */
#ifndef PKN_HDC_NOISE_C
#define PKN_HDC_NOISE_C

#include "hdc/hdc_chance.h"
#include "hdc/hdc_run.h"
#include "hdc/operations.h"

/* Streams of a seed that must not meet those of other functions with the same seed. */
#define PKN_NOISE_STREAM UINT64_C(0x6e6f697365206f66)
#define PKN_FLIPS_STREAM UINT64_C(0x666c697073206f66)
/* measured like the costs in hdc_run.h: one flip */
#define PKN_NOISE_FLIP_NS 3.0

typedef struct pkn_noise {
    const uint64_t *vectors;
    uint64_t seed;
    pkn_chance chance;
    size_t words, n_flips;
    uint64_t *out;
} pkn_noise;

PKN_INTERNAL int pkn_noise_words(size_t begin, size_t end, void *ctx) {
    const pkn_noise *noise = (const pkn_noise *)ctx;
    for (size_t i = begin; i < end; i++) {
        noise->out[i] = noise->vectors[i] ^ pkn_chance_word(noise->chance, noise->seed, i);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_noise(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                       size_t words, double probability, uint64_t seed,
                                       uint64_t *out) {
    pkn_noise noise;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!(probability >= 0 && probability <= 1)) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!vectors || !out || pkn_hdc_clashes(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&noise, 0, sizeof noise);
    noise.vectors = vectors;
    noise.seed = seed ^ PKN_NOISE_STREAM;
    noise.chance = pkn_chance_of(probability);
    noise.out = out;
    return pkn_hdc_run(pool, n * words, 16, pkn_chance_cost(noise.chance), pkn_noise_words, &noise);
}

/* Floyd's sample: of 0 .. last one is drawn, and if it has been already, last itself is taken, for
   `last` up to the largest number. What has been drawn is what differs from the start. */
PKN_INTERNAL int pkn_noise_flip_rows(size_t begin, size_t end, void *ctx) {
    const pkn_noise *noise = (const pkn_noise *)ctx;
    uint64_t bits = (uint64_t)noise->words * 64;
    int is_most = noise->n_flips > bits / 2;
    uint64_t base = 0 - (uint64_t)is_most;
    uint64_t n = is_most ? bits - noise->n_flips : noise->n_flips;
    for (size_t r = begin; r < end; r++) {
        const uint64_t *vector = noise->vectors + r * noise->words;
        uint64_t *out = noise->out + r * noise->words;
        uint64_t seed = pkn_random_at(noise->seed, r);
        for (size_t i = 0; i < noise->words; i++) {
            out[i] = vector[i] ^ base;
        }
        for (uint64_t last = bits - n; last < bits; last++) {
            uint64_t bit = pkn_chance_below(seed, last, last + 1);
            if ((vector[bit / 64] ^ base ^ out[bit / 64]) >> (bit % 64) & 1) {
                bit = last;
            }
            out[bit / 64] ^= (uint64_t)1 << (bit % 64);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_noise_flips(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             size_t words, size_t n_flips, uint64_t seed,
                                             uint64_t *out) {
    pkn_noise noise;
    size_t bytes;
    double flips;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (n_flips > words * 64) {
        return PKERN_EINVAL;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (!vectors || !out || pkn_overlaps(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    memset(&noise, 0, sizeof noise);
    noise.vectors = vectors;
    noise.seed = seed ^ PKN_FLIPS_STREAM;
    noise.words = words;
    noise.n_flips = n_flips;
    noise.out = out;
    flips = (double)pkn_min_size(n_flips, words * 64 - n_flips);
    return pkn_hdc_run(pool, n, 1, (double)words * 0.4 + flips * PKN_NOISE_FLIP_NS,
                       pkn_noise_flip_rows, &noise);
}

#endif
