/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* More ways to combine and change batches of vectors: bind whole sets, bind under a mask, bundle
   with weights and a choice for ties, complement, noise, and permutations of bits.

   What hdc.h says of batches, errors, threads and memory holds here too. The inverse of a rotation
   is pkern_hdc_permute with -shift. Below, D is 64 * words. */
#ifndef PKN_HDC_OPERATIONS_H
#define PKN_HDC_OPERATIONS_H

#include "base/base.h"
#include "hdc/accumulator.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Binds sets of vectors: for each set s, out[s] = the exclusive or of the rows [set_offsets[s],
   set_offsets[s + 1]) of vectors; no rows give the zero vector. set_offsets is [n_sets + 1] and
   must not decrease (PKERN_EINVAL); out is [n_sets x words] and must not overlap vectors or
   set_offsets. Runs in parallel over sets and columns, and over the rows of a long set where these
   are few; then it allocates 8 * words bytes for each of at most 8 parts a thread, and where there
   is no memory for them one thread does the set. */
PKERN_API pkern_status pkern_hdc_multibind(pkern_pool *pool, const uint64_t *vectors,
                                           const size_t *set_offsets, size_t n_sets, size_t words,
                                           uint64_t *out);

/* Binds where mask has a 1: for (i = 0; i < n; i++) out[i] = vectors[i] ^ (key & mask), so bits
   outside of mask stay as they are. The same call again gives the vectors back. out [n x words] may
   be vectors; it must not overlap key or mask, both [words]. */
PKERN_API pkern_status pkern_hdc_bind_masked(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             const uint64_t *key, const uint64_t *mask,
                                             size_t words, uint64_t *out);

/* The complement: for (i = 0; i < n; i++) out[i] = ~vectors[i]. Its similarity to anything is 1
   less that of the vector. out [n x words] may be vectors. */
PKERN_API pkern_status pkern_hdc_negate(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                        size_t words, uint64_t *out);

/* How to bundle; 0 or all zero is what pkern_hdc_bundle does. */
typedef struct pkern_hdc_bundle_options {
    int tie;       /* PKERN_HDC_TIE_* */
    uint64_t seed; /* of PKERN_HDC_TIE_SEEDED: set s takes pkern_hdc_random(seed + s) */
    const uint64_t *tie_vector; /* [words], of PKERN_HDC_TIE_VECTOR */
    const int32_t *weights;     /* one for each row of vectors, 0: all are 1 */
} pkern_hdc_bundle_options;

/* pkern_hdc_bundle with options: bit i of out[s] is 1 where the sum over the set's rows of weight *
   (bit i is 1 ? 1 : -1) is above 0, 0 where it is below, and where it is 0 what options->tie says:
   PKERN_HDC_TIE_FIRST takes the set's own first row. A set without rows gives the zero vector
   whatever tie is. PKERN_EINVAL: an unknown tie, no tie_vector where one is needed, out overlapping
   vectors, set_offsets, tie_vector or weights. PKERN_EOVERFLOW: a set of more than 2^31 - 1 rows or
   weights whose magnitudes sum to more. Runs in parallel over sets and columns, and over the rows
   of a long set where these are few; then it allocates 256 * words bytes, and as much for each of
   at most 8 parts a thread, and where there is no memory for them one thread does the set. */
PKERN_API pkern_status pkern_hdc_bundle_with(pkern_pool *pool, const uint64_t *vectors,
                                             const size_t *set_offsets, size_t n_sets, size_t words,
                                             const pkern_hdc_bundle_options *options,
                                             uint64_t *out);

/* Noise: each bit of the n vectors is flipped with this probability, independent of the others; how
   exact that is and what it costs is said at pkern_hdc_codebook_random_density. Word i of the batch
   depends on (seed, i) alone. out [n x words] may be vectors. PKERN_EINVAL: a probability below 0,
   above 1 or NaN. */
PKERN_API pkern_status pkern_hdc_noise(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                       size_t words, double probability, uint64_t seed,
                                       uint64_t *out);

/* Noise of an exact amount: in each of the n vectors n_flips different bits are flipped, every set
   of bits being as probable as any other. Row i depends on (seed, i) alone. n_flips above D is
   PKERN_EINVAL. out [n x words] must not overlap vectors. Takes about as long as min(n_flips, D -
   n_flips) random numbers. Source: R. Floyd's sampling without repetition, in J. Bentley,
   "Programming pearls", 1987. */
PKERN_API pkern_status pkern_hdc_noise_flips(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                             size_t words, size_t n_flips, uint64_t seed,
                                             uint64_t *out);

/* A random permutation of D bits, every one as probable as any other up to the generator's 2^64
   seeds: permutation [64 * words] gets each number below D once. About 3 ns a bit, on the caller.
   Source: R. Durstenfeld, "Algorithm 235: random permutation", 1964. */
PKERN_API pkern_status pkern_hdc_permutation_random(uint64_t seed, size_t words,
                                                    uint32_t *permutation);

/* The inverse permutation: for (i = 0; i < 64 * words; i++) inverse[permutation[i]] = i. Both are
   [64 * words] and must not overlap. PKERN_EINVAL where permutation does not have each number once;
   inverse then has no meaning. */
PKERN_API pkern_status pkern_hdc_permutation_invert(const uint32_t *permutation, size_t words,
                                                    uint32_t *inverse);

/* Permutes the bits of each vector: bit i of out[r] = bit permutation[i] of vectors[r], for n rows
   and permutation [64 * words] (with the inverse permutation, that takes them back). Any table of
   numbers below D will do (else PKERN_EINVAL); out [n x words] must not overlap vectors or
   permutation. Far dearer than a rotation: each bit is fetched by itself, or for all of 64 vectors
   at once where there are at least 8 and words is at most 64. */
PKERN_API pkern_status pkern_hdc_permute_bits(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                              size_t words, const uint32_t *permutation,
                                              uint64_t *out);

PKERN_EXTERN_C_END

#endif
