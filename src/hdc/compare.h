/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Distances and similarities of every kind, one vector with many or pairs row by row; and what
   theory says of them.

   What hdc.h says of batches, errors, threads and memory holds for the batch calls. Below, D is
   64 * words and h is the Hamming distance, the number of bits that differ; h = 2^32 counts as
   2^32 - 1. `out` must not overlap the vectors. */
#ifndef PKN_HDC_COMPARE_H
#define PKN_HDC_COMPARE_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Of one vector with many: for (i = 0; i < n; i++) out[i] = a measure of query and targets[i].
   pkern_hdc_similarity in hdc.h gives 1 - h / D.
       _hamming   h
       _cosine    1 - 2 h / D, the cosine of the angle between vectors of 1 and -1: 1 is the same
                  vector, 0 an unrelated one, -1 the complement. Accuracy: 2^-23; exact where words
                  is a power of two up to 2^18.
       _dot       D - 2 h, the scalar product of vectors of 1 and -1
   out is [n]. */
PKERN_API pkern_status pkern_hdc_hamming(pkern_pool *pool, const uint64_t *query,
                                         const uint64_t *targets, size_t n, size_t words,
                                         uint32_t *out);
PKERN_API pkern_status pkern_hdc_cosine(pkern_pool *pool, const uint64_t *query,
                                        const uint64_t *targets, size_t n, size_t words,
                                        float *out);
PKERN_API pkern_status pkern_hdc_dot(pkern_pool *pool, const uint64_t *query,
                                     const uint64_t *targets, size_t n, size_t words, int64_t *out);

/* Of pairs: for (i = 0; i < n; i++) out[i] = a measure of a[i] and b[i], the same measures. b may
   be a. */
PKERN_API pkern_status pkern_hdc_hamming_pairs(pkern_pool *pool, const uint64_t *a,
                                               const uint64_t *b, size_t n, size_t words,
                                               uint32_t *out);
PKERN_API pkern_status pkern_hdc_similarity_pairs(pkern_pool *pool, const uint64_t *a,
                                                  const uint64_t *b, size_t n, size_t words,
                                                  float *out);
PKERN_API pkern_status pkern_hdc_cosine_pairs(pkern_pool *pool, const uint64_t *a,
                                              const uint64_t *b, size_t n, size_t words,
                                              float *out);
PKERN_API pkern_status pkern_hdc_dot_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                           size_t n, size_t words, int64_t *out);

/* ---- what to expect; plain functions of numbers, NaN where words is 0 ---- */

/* The distance of two unrelated random vectors is D / 2 on average, their similarity 0.5, with this
   standard deviation: sqrt(D) / 2 bits. */
PKERN_API double pkern_hdc_expected_distance(size_t words);
PKERN_API double pkern_hdc_distance_deviation(size_t words);

/* How many standard deviations below that of unrelated vectors a distance is: (D / 2 - h) /
   (sqrt(D) / 2). Above 5 two vectors are alike by chance once in 3.5 million. */
PKERN_API double pkern_hdc_z_score(uint64_t distance, size_t words);

/* The probability that a normal variable is z deviations or more above its mean, so that N
   unrelated vectors have about N times this chance to hold one of that z-score. Accuracy: relative
   1e-12 for z up to 37, beyond which it is below 1e-299 and becomes 0 by 39. Source: the continued
   fraction of Laplace and the series of G. Marsaglia, "Evaluating the normal distribution", 2004. */
PKERN_API double pkern_hdc_chance(double z);

/* The expected similarity 1 - h / D of a bundle of n random vectors with one of them: 1/2 + C(n -
   1, floor(n / 2)) / 2^n, so 1, 0.75, 0.75, 0.6875, ..., about 1/2 + 1 / sqrt(2 pi n). It holds for
   ties that are zeros or random; 0.5 where n is 0. Accuracy: relative 1e-12. Source: own, by counting
   how often the other n - 1 bits leave the majority to the member. */
PKERN_API double pkern_hdc_bundle_similarity(size_t n);

/* A bound for how often a member of a bundle of n vectors is not found again: the probability that
   one of n_others unrelated vectors is nearer to the bundle than a given member, at most n_others *
   pkern_hdc_chance(D (s - 1/2) / sqrt(D (s (1 - s) + 1/4))), where s is
   pkern_hdc_bundle_similarity(n), and at most 1. By normal approximation of the distances.
   Source: own, the sum of the chances of each of the others. */
PKERN_API double pkern_hdc_bundle_error(size_t n, size_t n_others, size_t words);

/* The capacity of a bundle: the largest n for which pkern_hdc_bundle_error(n, n_others, words) is
   at most error_rate, such as 35 members of 2048 bits among 1000 others at 1 %; 0 where even one
   member is too much. An error_rate of 1 or more gives SIZE_MAX, NaN gives 0. */
PKERN_API size_t pkern_hdc_bundle_capacity(size_t n_others, double error_rate, size_t words);

PKERN_EXTERN_C_END

#endif
