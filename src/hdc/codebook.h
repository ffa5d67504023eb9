/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Codebooks: rows of vectors that stand for symbols, amounts or angles.

   What hdc.h says of batches, errors, threads and memory holds here too. The same arguments give
   the same bits on every machine, for any pool. Below, D is 64 * words. */
#ifndef PKN_HDC_CODEBOOK_H
#define PKN_HDC_CODEBOOK_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* n unrelated vectors for symbols: the bits of pkern_hdc_random(seed, out, n * words), so row 0 is
   pkern_hdc_random(seed, out, words) and a longer codebook begins with the shorter one. Two rows
   differ in D / 2 bits on average, with a standard deviation of sqrt(D) / 2. out is [n x words]. */
PKERN_API pkern_status pkern_hdc_codebook_random(pkern_pool *pool, uint64_t seed, size_t n,
                                                 size_t words, uint64_t *out);

/* n vectors whose bits are 1 with probability density, each independent of the others. The
   probability is exact where density is a multiple of 2^-64 (every double from 2^-11 up is), else
   rounded down to one. PKERN_EINVAL: density below 0, above 1 or NaN. Costs about 7 random words a
   word, fewer where density has few bits (1 for 0.5). Source: own; a comparison of 64 lazily drawn
   binary fractions with density at once, which ends when all are decided. */
PKERN_API pkern_status pkern_hdc_codebook_random_density(pkern_pool *pool, uint64_t seed,
                                                         double density, size_t n, size_t words,
                                                         uint64_t *out);

/* n_levels vectors for amounts, neighbours alike: row i is row 0 with floor(i * D / 2 / (n_levels -
   1)) bits flipped, each level flipping those of the one before and some more, at places drawn
   without repetition. So row i and row j differ in exactly the difference of these numbers, and the
   first and last row in D / 2 bits, as unrelated vectors do. Row 0 is pkern_hdc_random(seed).
   n_levels above 2^31 is PKERN_EOVERFLOW. Allocates 4 * D bytes for the call. Source: A. Rahimi, S.
   Benatti, P. Kanerva, L. Benini, J. Rabaey, "Hyperdimensional biosignal processing", 2016. */
PKERN_API pkern_status pkern_hdc_codebook_level(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                size_t words, uint64_t *out);

/* n_levels vectors without randomness: row i has its lowest floor(i * D / (n_levels - 1)) bits 1,
   the others 0, so distance is difference over the whole range from 0 to D. One level is all 0.
   n_levels above 2^31 is PKERN_EOVERFLOW. */
PKERN_API pkern_status pkern_hdc_codebook_thermometer(pkern_pool *pool, size_t n_levels,
                                                      size_t words, uint64_t *out);

/* n_levels vectors for what goes round, such as hours or angles: with t(i) = floor(i * D /
   n_levels), row i and row j differ in exactly min(d, D - d) bits, d = |t(i) - t(j)|. So the
   distance grows with the way round, up to D / 2 for opposite rows, and the last row is as near to
   the first as neighbours are. Row 0 is pkern_hdc_random(seed). n_levels above 2^31 is
   PKERN_EOVERFLOW. Allocates 4 * D bytes for the call. Source: I. Nunes, M. Heddes, T. Givargis, A.
   Nicolau, "An extension to basis-hypervectors for learning from circular data in hyperdimensional
   computing", 2022; without its restriction to even n_levels. */
PKERN_API pkern_status pkern_hdc_codebook_circular(pkern_pool *pool, uint64_t seed, size_t n_levels,
                                                   size_t words, uint64_t *out);

PKERN_EXTERN_C_END

#endif
