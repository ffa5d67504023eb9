/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Clusters of vectors, and search that looks at a part of them: an inverted file, approximate, with a
   number that says how much is looked at. */
#ifndef PKN_HDC_CLUSTER_H
#define PKN_HDC_CLUSTER_H

#include "hdc/hdc.h"

PKERN_EXTERN_C_BEGIN

/* Clusters n vectors around k centroids by Lloyd's algorithm with majorities for means:
       centroids = one vector of each of k equal stretches of vectors, chosen by seed
       assignment[i] = the centroid nearest to vectors[i] (ties: the lowest)
       repeat at most `iterations` times, until no assignment changes:
           centroids[c] = the majority of the vectors that are assigned to c, where a tie takes the
           bit of the first of them; a centroid that has none stays as it is
           assignment[i] = the centroid nearest to vectors[i]
   centroids is [k x words], assignment [n]. Where k > n, n centroids are made; the others are zero and
   are assigned nothing. PKERN_EINVAL where k is 0 and n is not. No step increases the sum of the
   distances. Runs in parallel; allocates a copy of the vectors and k more, and 40 bytes a vector.
   Source: S. Lloyd, "Least squares quantization in PCM", 1982; for binary vectors C. Grana et al., "A
   fast approach for integrating ORB descriptors in the bag of words model", 2013. */
PKERN_API pkern_status pkern_hdc_k_majority(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                            size_t words, size_t k, size_t iterations,
                                            uint64_t seed, uint64_t *centroids, size_t *assignment);

/* An inverted file: vectors in lists, each with those that are nearest to its centroid. */
typedef struct pkern_hdc_ivf pkern_hdc_ivf;

/* Makes an inverted file of vectors [n x words] with n_lists lists (0: the square root of n; more
   than n: n). The centroids come from pkern_hdc_k_majority over at most 64 vectors a list, evenly
   taken. It keeps a copy of the vectors, so these may go: 8 * words + 4 bytes a vector and 8 * words
   + 8 a list, see pkern_hdc_ivf_bytes; while it is made twice that and 24 bytes a vector. n is at
   most 2^32 - 2 (PKERN_EOVERFLOW). On any error *ivf is 0. */
PKERN_API pkern_status pkern_hdc_ivf_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, size_t n_lists, size_t iterations,
                                           uint64_t seed, pkern_hdc_ivf **ivf);

/* The k nearest of each query among the vectors of the n_probe lists whose centroids are nearest to it:
   row q of out [n_queries x k] is what pkern_hdc_top_k would give for these vectors alone, with the
   indices that they had at build time. n_probe >= the number of lists is the exact search, and with
   less the result may lack near vectors: how many is measured by pkern_hdc_recall against an exact
   result of some queries. For vectors without clusters (random ones, queries far from all) the recall
   is about the share of lists that is probed. The work is n_lists + n_probe * n / n_lists pairs a
   query. PKERN_EINVAL where n_probe is 0. Any threads may search at once. Allocates 16 * n_probe
   bytes a query for up to 256 queries, and scratch of 16 * k bytes a thread. */
PKERN_API pkern_status pkern_hdc_ivf_search(const pkern_hdc_ivf *ivf, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries, size_t k,
                                            size_t n_probe, pkern_hdc_match *out);

PKERN_API size_t pkern_hdc_ivf_lists(const pkern_hdc_ivf *ivf); /* the number of lists */
PKERN_API size_t pkern_hdc_ivf_bytes(const pkern_hdc_ivf *ivf); /* the memory that it holds */
PKERN_API void pkern_hdc_ivf_free(pkern_hdc_ivf *ivf);          /* 0 is fine */

PKERN_EXTERN_C_END

#endif
