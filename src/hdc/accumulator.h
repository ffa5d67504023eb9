/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters behind a bundle: add vectors, take them out again, merge, and cut off to bits.

   What hdc.h says of batches, errors, threads and memory holds here too. An accumulator is plain
   data of the caller's: one thread at a time may change it, any number may read it meanwhile
   unchanged. */
#ifndef PKN_HDC_ACCUMULATOR_H
#define PKN_HDC_ACCUMULATOR_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* What a bit becomes where as many rows have a 1 as have a 0 (or the weights say so). */
enum {
    PKERN_HDC_TIE_ZERO = 0,   /* 0 */
    PKERN_HDC_TIE_FIRST = 1,  /* the bit of the first row */
    PKERN_HDC_TIE_VECTOR = 2, /* the bit of a vector of the caller's */
    PKERN_HDC_TIE_SEEDED = 3  /* the bit of pkern_hdc_random(seed) */
};

/* counts[i], for bit i, is the sum over the added rows of weight * (the row's bit i is 1 ? 1 : -1).
   A program may also fill the fields itself, to go on from counters that it saved. */
typedef struct pkern_hdc_accumulator {
    int32_t *counts; /* [64 * words], the caller's */
    size_t words;
    int64_t weight; /* sum of all weights: rows added less rows removed, where each is 1 or -1 */
    uint64_t seed;  /* of PKERN_HDC_TIE_SEEDED; 0 after init, the caller may set it */
} pkern_hdc_accumulator;

/* Begins on the caller's memory, counts [64 * words], and sets it to 0. PKERN_EINVAL: a null
   pointer, words 0; PKERN_EOVERFLOW: words > 2^26. */
PKERN_API pkern_status pkern_hdc_accumulator_init(pkern_hdc_accumulator *accumulator,
                                                  int32_t *counts, size_t words);

/* Adds n vectors: for (r = 0; r < n; r++) for each bit i
       counts[i] += weights[r] * (bit i of vectors[r] is 1 ? 1 : -1)
   weights [n] may be 0: all are 1; a negative weight takes a vector out again. The sum over the
   call is exact and then added with saturation, so a counter stays at INT32_MAX or INT32_MIN
   instead of wrapping; taking out what was added after that does not restore the count.
   PKERN_EOVERFLOW, and nothing is done, where the weights' magnitudes (or n) sum to more than
   2^31 - 1. PKERN_EINVAL where vectors or weights overlap the counters. Runs in parallel over
   columns, and over rows where there are few columns and many rows; then it allocates 256 * words
   bytes for each of at most 8 parts a thread, and where there is no memory for them one thread does
   it all. Source: as pkern_hdc_bundle. */
PKERN_API pkern_status pkern_hdc_accumulator_add(pkern_pool *pool,
                                                 pkern_hdc_accumulator *accumulator,
                                                 const uint64_t *vectors, size_t n,
                                                 const int32_t *weights);

/* for (i = 0; i < 64 * words; i++) into->counts[i] += from->counts[i], saturating; the weights are
   added too. PKERN_EINVAL where words differ or the counters overlap without being the same. */
PKERN_API pkern_status pkern_hdc_accumulator_merge(pkern_hdc_accumulator *into,
                                                   const pkern_hdc_accumulator *from);

/* The majority as a vector: bit i of out [words] is 1 where counts[i] > 0, 0 where it is below, and
   where it is 0 what tie says (PKERN_HDC_TIE_*). tie_vector [words] is read for
   PKERN_HDC_TIE_VECTOR and PKERN_HDC_TIE_FIRST alone; for the latter it is the first row, which the
   accumulator does not keep. It may be out. PKERN_EINVAL: an unknown tie, a tie_vector that is
   needed and null, out inside the counters. */
PKERN_API pkern_status pkern_hdc_accumulator_threshold(const pkern_hdc_accumulator *accumulator,
                                                       int tie, const uint64_t *tie_vector,
                                                       uint64_t *out);

PKERN_EXTERN_C_END

#endif
