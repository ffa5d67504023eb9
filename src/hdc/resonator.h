/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Resonator network: factors a product of hypervectors into the entries of codebooks that were bound
   to make it, without trying all combinations.

   Each factor has an estimate. In turn each is renewed: the product is unbound with the others'
   estimates, what is left is compared with the factor's codebook, and the entries that are closer
   than chance are bundled with their similarities as weights. What hdc.h says in common of all
   functions holds here too.

   Source: E. Frady, S. Kent, B. Olshausen, F. Sommer, "Resonator networks", 2020; the threshold and
   the fresh start where nothing passes it: J. Langenegger et al., "In-memory factorization of
   holographic perceptual representations", 2023. The binary form is own. */
#ifndef PKN_HDC_RESONATOR_H
#define PKN_HDC_RESONATOR_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

#define PKERN_HDC_MAX_FACTORS 5

typedef struct pkern_hdc_resonator_options {
    uint32_t max_iterations; /* 0 = 1000; an iteration renews each estimate once */
    uint32_t max_distance;   /* bits of a product that may be wrong; 0 = a quarter of them */
    double threshold; /* how far beyond chance an entry must be to count, in standard deviations
                                of the distance of unrelated vectors; 0 = 2.5 */
    uint64_t seed;    /* of what a search begins again from */
} pkern_hdc_resonator_options;

typedef struct pkern_hdc_resonance {
    uint32_t iterations;
    uint32_t distance; /* between the product and the product of the entries found */
    int converged;     /* distance is at most max_distance */
} pkern_hdc_resonance;

/* Factors n products [n x words]. There are n_factors codebooks, 2 to 5, one behind the other in
   codebooks: codebook f is the rows [codebook_offsets[f], codebook_offsets[f + 1]), at least one
   and at most 2^20, so codebook_offsets is [n_factors + 1]. indices [n x n_factors] gets the entry of each
   codebook, counted from its first row, resonances [n] (may be 0) how it went. A search stops as soon as the
   product of the nearest entries is within max_distance of the product given; without that, after
   max_iterations, with the best entries seen. The same codebook may be given for two factors, but
   then either order is a solution.
   options 0 is a zeroed one; a threshold that is negative or not a number is PKERN_EINVAL, and so
   are indices or resonances that overlap an input or each other.
   Runs in parallel over products; what is found for one depends on it, the codebooks and the options
   alone, not on its place. Allocates (n_factors + 3) * 8 * words bytes a thread and product in work,
   and 12 bytes an entry. No solution is promised: with 2048 bits and three random codebooks of 40
   entries nearly all products are found; the measured rates stand in tests/hdc/test_resonator.c. */
PKERN_API pkern_status pkern_hdc_resonator_factor(pkern_pool *pool, const uint64_t *products,
                                                  size_t n, const uint64_t *codebooks,
                                                  const size_t *codebook_offsets, size_t n_factors,
                                                  size_t words,
                                                  const pkern_hdc_resonator_options *options,
                                                  size_t *indices, pkern_hdc_resonance *resonances);

PKERN_EXTERN_C_END

#endif
