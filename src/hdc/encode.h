/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Encoders: from records, texts and structures to hypervectors, fused, so that no vector is written
   but the result.

   What hdc.h says of vectors, batches, errors, threads and memory holds here too. Every encoder
   here bundles terms, each the exclusive or (bind) of a few rows, as pkern_hdc_bundle would: a bit
   is 1 where more than half of the terms have a 1, and a tie is 0. Arrays of vectors that begin on
   a 64-byte line, with words a multiple of 8, are fastest. A set has at most 2^31 - 1 terms
   (PKERN_EOVERFLOW). */
#ifndef PKN_HDC_ENCODE_H
#define PKN_HDC_ENCODE_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Records of numbers to vectors: for each row r of values [n_rows x n_fields],
       out[r] = the bundle over all fields f of ids[f] ^ levels[level(values[r][f])]
       level(v) = the whole number nearest to
                  (v - low[f]) / (high[f] - low[f]) * (n_levels - 1), kept in 0 .. n_levels - 1
   so that values outside of [low[f], high[f]] count as the nearer bound, infinities too. A NaN is a
   missing value: its field is left out of the row's bundle (a row of nothing else is the zero
   vector). Where high[f] is not above low[f], or either is not finite, every number has level 0.
   Fractions are those of float arithmetic: v - low[f] rounded, times (n_levels - 1) / (high[f] -
   low[f]) rounded (a double quotient, to float), halves up.
   Shapes: ids [n_fields x words], levels [n_levels x words] (n_levels from 1 to 2^22, else
   PKERN_EINVAL and PKERN_EOVERFLOW), low and high [n_fields], out [n_rows x words]; out must not
   overlap an input. In parallel over rows and columns. Allocates 4 * n_fields bytes where there are
   more than 1024 fields.
   Source: A. Rahimi, P. Kanerva, J. Rabaey, "A robust and energy-efficient classifier using
   brain-inspired hyperdimensional computing", 2016 (ID bound with level); the order that keeps rows
   of ids in L1 for several records is own. */
PKERN_API pkern_status pkern_hdc_encode_records(pkern_pool *pool, const float *values,
                                                size_t n_rows, size_t n_fields, const uint64_t *ids,
                                                const uint64_t *levels, size_t n_levels,
                                                const float *low, const float *high, size_t words,
                                                uint64_t *out);

/* The same before the majority: out [n_rows x 64 * words], out[r][i] = ones less zeros that the
   row's terms have at bit i, so that out[r][i] > 0 is bit i of what pkern_hdc_encode_records gives.
   Sums of them are the counts of a pkern_hdc_accumulator. */
PKERN_API pkern_status pkern_hdc_encode_records_counts(pkern_pool *pool, const float *values,
                                                       size_t n_rows, size_t n_fields,
                                                       const uint64_t *ids, const uint64_t *levels,
                                                       size_t n_levels, const float *low,
                                                       const float *high, size_t words,
                                                       int32_t *out);

PKERN_EXTERN_C_END

#endif
