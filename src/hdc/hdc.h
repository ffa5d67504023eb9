/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Binary hypervectors: bind, bundle, permute, compare and search batches of them, in parallel and
   exactly.

   A vector is `words` 64-bit words, that is 64 * words bits; bit i is bit i % 64 of word i / 64,
   and 1 stands for +1, 0 for -1. A batch of n vectors is n * words words, one row after another.

   Common to all functions here:
   - Any words from 1 to 2^26, any n, 0 included. Arrays need their type's own alignment; 64 bytes
     is fastest.
   - Results are exact and have the same bits for every number of threads, pool and instruction set.
   - Any thread may call, inside tasks too; the call returns when all is done. `pool` 0 is the pool
     of the running task, else the global one. A call whose work is too short to share runs on the
     caller alone, without touching another thread.
   - PKERN_EINVAL: words is 0, a pointer is null though its array has elements, or `out` overlaps an
     input without being the same array of the same shape. PKERN_EOVERFLOW: words > 2^26, or a size
     in bytes is beyond size_t. Both mean that nothing was read or written.
   - Memory is allocated only where it is said; then PKERN_ENOMEM is possible too, and out has no
     meaning.

   Source of the operations: P. Kanerva, "Hyperdimensional Computing", 2009 (binary spatter
   code). */
#ifndef PKN_HDC_HDC_H
#define PKN_HDC_HDC_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Words of a vector of 2048 bits, the size that the kernels are tuned for. */
#define PKERN_HV16_WORDS 32

/* One found vector. Where there is none: {SIZE_MAX, UINT32_MAX, 0}. */
typedef struct pkern_hdc_match {
    size_t index;
    uint32_t distance; /* bits that differ; 2^32 is given as UINT32_MAX */
    float similarity;  /* 1 - distance / bits */
} pkern_hdc_match;

/* A random vector: each bit of out [words] is 1 with probability 1/2, independent of the others.
   Word i depends on (seed, i) alone, so a longer vector of a seed begins with its shorter ones.
   words 0 writes nothing. Source: SplitMix64 as a counter-based generator (Steele, Lea, Flood,
   2014). */
PKERN_API void pkern_hdc_random(uint64_t seed, uint64_t *out, size_t words);

/* Binds each vector with one key: for (i = 0; i < n; i++) out[i] = vectors[i] ^ key, rows of words
   words. Binding with the same key again gives the vectors back. out [n x words] may be vectors (or
   the key, where n is 1). */
PKERN_API pkern_status pkern_hdc_bind(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                      const uint64_t *key, size_t words, uint64_t *out);

/* Binds pairs: for (i = 0; i < n; i++) out[i] = a[i] ^ b[i], rows of words words. out [n x words]
   may be a or b. */
PKERN_API pkern_status pkern_hdc_bind_pairs(pkern_pool *pool, const uint64_t *a, const uint64_t *b,
                                            size_t n, size_t words, uint64_t *out);

/* Similarity of one vector with many: for (i = 0; i < n; i++) out[i] = 1 - hamming(query,
   targets[i]) / (64 * words). 1 is the same vector, 0 its complement, unrelated ones are near 0.5.
   out is [n]. Accuracy: (bits - distance) / bits within one ulp; exact where words is a power of
   two up to 2^18. */
PKERN_API pkern_status pkern_hdc_similarity(pkern_pool *pool, const uint64_t *query,
                                            const uint64_t *targets, size_t n, size_t words,
                                            float *out);

/* All Hamming distances: out[q * n_targets + t] = the number of bits in which queries[q] and
   targets[t] differ, [n_queries x n_targets]. A distance of 2^32 (words = 2^26 and all bits differ)
   is given as UINT32_MAX. Runs in parallel over queries and targets. To find the nearest ones,
   pkern_hdc_top_k needs no such matrix. */
PKERN_API pkern_status pkern_hdc_distances(pkern_pool *pool, const uint64_t *queries,
                                           size_t n_queries, const uint64_t *targets,
                                           size_t n_targets, size_t words, uint32_t *out);

/* Bundles sets of vectors by majority: for each set s and bit i,
       count = how many of the rows [set_offsets[s], set_offsets[s + 1]) of vectors have a 1 at bit
       i bit i of out[s] = count > rows / 2     (rows / 2 exactly, a tie, is 0; no rows give the
       zero vector, one row itself)
   set_offsets is [n_sets + 1] and must not decrease (PKERN_EINVAL); a set has at most 2^31 rows
   (PKERN_EOVERFLOW). out is [n_sets x words]. Runs in parallel over sets, and where these are few,
   over columns and rows of a set. Allocates where a long set is cut into parts, and where out is
   vectors. Source: M. Klarqvist, W. Mula, D. Lemire, "Efficient computation of positional
   population counts using SIMD instructions", 2019; the threshold as the carry of biased counters
   is own. */
PKERN_API pkern_status pkern_hdc_bundle(pkern_pool *pool, const uint64_t *vectors,
                                        const size_t *set_offsets, size_t n_sets, size_t words,
                                        uint64_t *out);

/* Rotates each vector by shift bits: bit i of vectors[r] becomes bit (i + shift) mod (64 * words)
   of out[r], for n rows of words words. Any shift; -shift undoes it. out [n x words] may be
   vectors. */
PKERN_API pkern_status pkern_hdc_permute(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                         size_t words, long shift, uint64_t *out);

/* For each query the nearest vector in memory: out[q] = the match with the smallest distance, among
   equals the one with the lowest index, for memory [n_memory x words] and out [n_queries]. n_memory
   0 gives {SIZE_MAX, UINT32_MAX, 0}. An exact search, in parallel over queries and memory. */
PKERN_API pkern_status pkern_hdc_nearest(pkern_pool *pool, const uint64_t *queries,
                                         size_t n_queries, const uint64_t *memory, size_t n_memory,
                                         size_t words, pkern_hdc_match *out);

/* For each query the k nearest vectors in memory, best first: row q of out [n_queries x k] is what
   a stable sort of memory's indices by distance to queries[q] would put first. Where k > n_memory
   the rest of a row is {SIZE_MAX, UINT32_MAX, 0}; k = 0 writes nothing. An exact search, in
   parallel over queries and memory; distances are never stored for more than a small block.
   Allocates scratch of about 16 * k bytes a query in work where k is above 16 (released on
   return). */
PKERN_API pkern_status pkern_hdc_top_k(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                       const uint64_t *memory, size_t n_memory, size_t words,
                                       size_t k, pkern_hdc_match *out);

PKERN_EXTERN_C_END

#endif
