/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Exact search with conditions: nearest vectors under a mask and within a radius, all vectors within
   a radius, all close pairs of one set or two; and the matrices of all distances and similarities.

   What is said in hdc.h of arrays, threads, exactness and errors holds here. Nothing here makes a
   matrix but the two functions that are named so.

   Where a radius or the k-th best so far is known, a pair is given up as soon as the bits compared
   so far can't lead below it any more: for the radius of near copies (clean-up, duplicates) most
   pairs cost a quarter of their words or less. Results are the same as without. */
#ifndef PKN_HDC_EXACT_SEARCH_H
#define PKN_HDC_EXACT_SEARCH_H

#include "hdc/hdc.h"

PKERN_EXTERN_C_BEGIN

enum {
    PKERN_HDC_WITHIN = 1,      /* options.radius holds: targets farther away are not found */
    PKERN_HDC_EXPECT_NEAR = 2, /* see pkern_hdc_top_k_where */
    PKERN_HDC_BY_DISTANCE = 4  /* range search: rows by distance, then index, not by index */
};

/* All zero is the default: no condition. */
typedef struct pkern_hdc_search_options {
    const uint64_t *mask; /* [ceil(n_targets / 64)] words: target t may be found where bit t % 64 of
                             word t / 64 is 1; 0: all may. A predicate is a mask filled by a loop. */
    uint32_t radius;      /* with PKERN_HDC_WITHIN: the largest distance that is found */
    unsigned flags;       /* PKERN_HDC_..., added */
    uint64_t *words_read; /* 0, or gets how many words of targets were compared, over all pairs. It
                             depends on how the work was cut and on which part was done first, so with several threads
                             it differs from call to call. */
} pkern_hdc_search_options;

/* A pair of close vectors: i of the first set, j of the second. */
typedef struct pkern_hdc_pair {
    size_t i, j;
    uint32_t distance;
    float similarity; /* 1 - distance / bits */
} pkern_hdc_pair;

/* The radius of a similarity: the largest distance of vectors of words words that are at least so
   similar, for (d = bits; (float)(1 - d / bits) < similarity; d--); with the float that matches
   hold. PKERN_EINVAL where similarity is NaN or above 1 (nothing is so similar). */
PKERN_API pkern_status pkern_hdc_radius(float similarity, size_t words, uint32_t *radius);

/* All distances as 16-bit numbers: out[q * n_targets + t] = hamming(queries[q], targets[t]),
   [n_queries x n_targets]. PKERN_EOVERFLOW where 64 * words > 65535, that is words > 1023. With 32
   bits it is pkern_hdc_distances. */
PKERN_API pkern_status pkern_hdc_distance_matrix_u16(pkern_pool *pool, const uint64_t *queries,
                                                     size_t n_queries, const uint64_t *targets,
                                                     size_t n_targets, size_t words, uint16_t *out);

/* All similarities: out[q * n_targets + t] = 1 - hamming(queries[q], targets[t]) / (64 * words),
   [n_queries x n_targets], with the accuracy of pkern_hdc_similarity. */
PKERN_API pkern_status pkern_hdc_similarity_matrix(pkern_pool *pool, const uint64_t *queries,
                                                   size_t n_queries, const uint64_t *targets,
                                                   size_t n_targets, size_t words, float *out);

/* pkern_hdc_top_k under conditions: row q of out [n_queries x k] is what a stable sort by distance
   of those targets that the mask allows and the radius reaches would put first; where these are
   fewer than k, the rest of the row is {SIZE_MAX, UINT32_MAX, 0}. options 0 is pkern_hdc_top_k. k 1
   with a radius is the clean-up of noisy vectors.
   PKERN_HDC_EXPECT_NEAR says that most queries have k near targets: then a first pass over the first
   words of all vectors (1/4 of 2048 bits, 1/16 of long ones) finds them, and the pass proper gives
   most other pairs up early. Queries without near targets pay for the first pass.
   Allocates scratch of about 16 * k bytes a query in work where k is above 16, and with
   PKERN_HDC_EXPECT_NEAR 8 bytes a query. Source of the early end of a comparison: C.-D. Bei, R. M. Gray, "An
   improvement of the minimum distortion encoding algorithm for vector quantization", 1985. */
PKERN_API pkern_status pkern_hdc_top_k_where(pkern_pool *pool, const uint64_t *queries,
                                             size_t n_queries, const uint64_t *memory,
                                             size_t n_memory, size_t words, size_t k,
                                             const pkern_hdc_search_options *options,
                                             pkern_hdc_match *out);

/* All targets within a radius of each query: for each q in order, for t = 0, 1, ...: a match where
   hamming(queries[q], memory[t]) <= radius and the mask allows t. Row q has the places [offsets[q],
   offsets[q + 1]) of the list of all matches; offsets is [n_queries + 1]. out gets the list's first
   capacity matches and is not touched behind them, so offsets[n_queries] > capacity tells that there
   are more, and capacity 0 (out may be 0) only counts. PKERN_HDC_BY_DISTANCE orders each row by
   distance, among equals by index; a row that is cut by the capacity then keeps its nearest. The
   radius is the one given here; PKERN_HDC_WITHIN is ignored.
   A query's part of the memory where something was found is compared a second time to write it.
   Allocates at most 1 MiB, and works without it too. */
PKERN_API pkern_status pkern_hdc_range_search(pkern_pool *pool, const uint64_t *queries,
                                              size_t n_queries, const uint64_t *memory,
                                              size_t n_memory, size_t words, uint32_t radius,
                                              const pkern_hdc_search_options *options,
                                              size_t *offsets, pkern_hdc_match *out,
                                              size_t capacity);

/* All close pairs of two sets: for each i in order, for j = 0, 1, ...: a pair where hamming(a[i],
   b[j]) <= radius. out gets the list's first capacity pairs and is not touched behind them; *count
   is how many there are. Work and memory are those of pkern_hdc_range_search. */
PKERN_API pkern_status pkern_hdc_join(pkern_pool *pool, const uint64_t *a, size_t n_a,
                                      const uint64_t *b, size_t n_b, size_t words, uint32_t radius,
                                      pkern_hdc_pair *out, size_t capacity, size_t *count);

/* All close pairs of one set, each once: for each i in order, for j = i + 1, i + 2, ...: a pair
   where hamming(vectors[i], vectors[j]) <= radius. Else as pkern_hdc_join. */
PKERN_API pkern_status pkern_hdc_self_join(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t radius, pkern_hdc_pair *out,
                                           size_t capacity, size_t *count);

/* How many of the nearest an approximate search found: the share, over all rows of exact and found
   [n_queries x k], of exact's matches that have one as near in found:
       hits += min(exact's matches in the row, found's matches no farther than exact's last match)
   divided by the number of exact's matches; 1 where there are none. Matches without an index (the
   rest of short rows) count on neither side; a row of found must not hold a target twice. */
PKERN_API double pkern_hdc_recall(const pkern_hdc_match *exact, const pkern_hdc_match *found,
                                  size_t n_queries, size_t k);

PKERN_EXTERN_C_END

#endif
