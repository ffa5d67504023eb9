/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bipolar hypervectors of small integers (MAP: multiply, add, permute): the same operations as on
   bits, for vectors whose elements carry a weight.

   A vector is dims elements of int8_t or int16_t, usually -1 and 1, after bundling any integer. A
   batch of n vectors is n * dims elements, one row after another. Results are clipped to -127 ..
   127 and -32767 .. 32767; inputs may hold -128 and -32768.

   What hdc.h says in common of all functions holds here too, with dims in place of words: dims is 1
   to 2^32, 0 is PKERN_EINVAL, more PKERN_EOVERFLOW. Results are exact.

   Source: R. Gayler, "Multiplicative binding, representation operators and analogy", 1998. */
#ifndef PKN_HDC_BIPOLAR_H
#define PKN_HDC_BIPOLAR_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* One found vector. Where there is none: {SIZE_MAX, INT64_MIN}. */
typedef struct pkern_hdc_map_match {
    size_t index;
    int64_t dot;
} pkern_hdc_map_match;

/* A random vector of -1 and 1: out[i] is 1 where bit i of pkern_hdc_random(seed) is. dims 0 writes
   nothing. */
PKERN_API void pkern_hdc_map_random_i8(uint64_t seed, int8_t *out, size_t dims);
PKERN_API void pkern_hdc_map_random_i16(uint64_t seed, int16_t *out, size_t dims);

/* Binds each vector with one key: out[r][i] = clip(vectors[r][i] * key[i]) for n rows. With a key of
   -1 and 1, binding again gives the vectors back. out [n x dims] may be vectors (or the key, where n
   is 1). */
PKERN_API pkern_status pkern_hdc_map_bind_i8(pkern_pool *pool, const int8_t *vectors, size_t n,
                                             const int8_t *key, size_t dims, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_bind_i16(pkern_pool *pool, const int16_t *vectors, size_t n,
                                              const int16_t *key, size_t dims, int16_t *out);

/* Bundles sets of vectors: out[s][i] = clip(the sum of vectors[r][i] over set_offsets[s] <= r <
   set_offsets[s + 1]). The sum is exact, the clip comes once at the end, so the order of rows does
   not matter. set_offsets is [n_sets + 1] and must not decrease (PKERN_EINVAL); no rows give zeros.
   out is [n_sets x dims] and overlaps nothing. Runs in parallel over sets and columns. */
PKERN_API pkern_status pkern_hdc_map_bundle_i8(pkern_pool *pool, const int8_t *vectors,
                                               const size_t *set_offsets, size_t n_sets,
                                               size_t dims, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_bundle_i16(pkern_pool *pool, const int16_t *vectors,
                                                const size_t *set_offsets, size_t n_sets,
                                                size_t dims, int16_t *out);

/* Rotates each vector: element i of vectors[r] becomes element (i + shift) mod dims of out[r], for n
   rows. Any shift; -shift undoes it. out [n x dims] overlaps nothing. */
PKERN_API pkern_status pkern_hdc_map_permute_i8(pkern_pool *pool, const int8_t *vectors, size_t n,
                                                size_t dims, long shift, int8_t *out);
PKERN_API pkern_status pkern_hdc_map_permute_i16(pkern_pool *pool, const int16_t *vectors, size_t n,
                                                 size_t dims, long shift, int16_t *out);

/* All dot products: out[q * n_targets + t] = the sum of queries[q][i] * targets[t][i] over i, exact.
   Runs in parallel over queries and targets. On CPUs with VNNI by its instructions. 16-bit queries
   whose values reach -32768 are computed element by element on x86. */
PKERN_API pkern_status pkern_hdc_map_dots_i8(pkern_pool *pool, const int8_t *queries,
                                             size_t n_queries, const int8_t *targets,
                                             size_t n_targets, size_t dims, int64_t *out);
PKERN_API pkern_status pkern_hdc_map_dots_i16(pkern_pool *pool, const int16_t *queries,
                                              size_t n_queries, const int16_t *targets,
                                              size_t n_targets, size_t dims, int64_t *out);

/* For each query the k vectors in memory with the largest dot products, best first, ties by lower
   index: row q of out [n_queries x k]. Where k > n_memory the rest of a row is {SIZE_MAX,
   INT64_MIN}; k = 0 writes nothing. An exact search, in parallel over queries and memory. Allocates
   scratch of 24 * k bytes a query, and for few queries some times that. */
PKERN_API pkern_status pkern_hdc_map_top_k_i8(pkern_pool *pool, const int8_t *queries,
                                              size_t n_queries, const int8_t *memory,
                                              size_t n_memory, size_t dims, size_t k,
                                              pkern_hdc_map_match *out);
PKERN_API pkern_status pkern_hdc_map_top_k_i16(pkern_pool *pool, const int16_t *queries,
                                               size_t n_queries, const int16_t *memory,
                                               size_t n_memory, size_t dims, size_t k,
                                               pkern_hdc_map_match *out);

PKERN_EXTERN_C_END

#endif
