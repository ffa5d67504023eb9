/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sparse distributed memory: many fixed random addresses ("hard locations"), each with a counter a
   bit of data. A write goes to all locations near its address, a read adds up those near its own
   address and takes the signs: data comes back from an address with errors, and several similar
   writes come back as what they have in common.

   Counters are 16 bits and saturate at -32767 and 32767. Eight bits would halve memory and reading
   time, but a pattern that is written 127 times, or once with such a weight, fills them, and what
   was written before is then lost without a sign; with 16 bits a memory of 2048-bit data and 10,000
   locations has 41 MB. A distance of 2^32 bits counts as 2^32 - 1.

   Writes need the memory for themselves, any number of reads may run at once. What hdc.h says in
   common of all functions holds here too: results have the same bits for every number of threads.

   Source: P. Kanerva, "Sparse Distributed Memory", 1988; the k nearest locations in place of a
   radius: L. Jaeckel, "An alternative design for a sparse distributed memory", 1989. */
#ifndef PKN_HDC_SDM_H
#define PKN_HDC_SDM_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_sdm pkern_hdc_sdm;

typedef struct pkern_hdc_sdm_config {
    size_t n_locations;
    size_t address_words;
    size_t data_words;         /* 0 = address_words */
    const uint64_t *locations; /* [n_locations x address_words], copied; 0 = random ones of seed */
    uint64_t seed;             /* location i is pkern_hdc_random words i * address_words onwards */
    uint32_t radius; /* locations at most so many bits from an address are active; 0: nearest */
    size_t nearest; /* ... or so many nearest ones, ties by lower index; 0 = 1 of 100, at least 1 */
    const pkern_allocator *allocator; /* 0 = malloc */
} pkern_hdc_sdm_config;

/* Makes a memory of zeros. n_locations or address_words 0, both radius and nearest given, or half an
   allocator is PKERN_EINVAL. Allocates about n_locations * (8 * address_words + 128 * data_words) bytes. */
PKERN_API pkern_status pkern_hdc_sdm_create(pkern_pool *pool, const pkern_hdc_sdm_config *config,
                                            pkern_hdc_sdm **sdm);

/* 0 is a no-op. */
PKERN_API void pkern_hdc_sdm_destroy(pkern_hdc_sdm *sdm);

/* Writes n vectors: for (i = 0; i < n; i++) for each location l that addresses[i] activates, for
   each bit b, counters[l][b] = clip(counters[l][b] + (bit b of data[i] ? w : -w)), where w is
   weights[i], or 1 where weights is 0. Weights may be negative, which takes a write back (where no
   counter was clipped); -32768 counts as -32767. addresses is [n x address_words], data [n x data_words], weights [n]. Runs
   in parallel over addresses, then over locations. Allocates scratch: 128 * data_words bytes an
   address in work and about 12 bytes a location and address, a few MB; PKERN_ENOMEM means that
   the first part of the addresses may have been written. */
PKERN_API pkern_status pkern_hdc_sdm_write(pkern_pool *pool, pkern_hdc_sdm *sdm,
                                           const uint64_t *addresses, const uint64_t *data,
                                           const int16_t *weights, size_t n);

/* Reads n addresses: sums[i][b] = the sum of counters[l][b] over the locations l that addresses[i]
   activates, and bit b of out[i] = sums[i][b] > 0. out is [n x data_words], sums [n x 64 *
   data_words]; either may be 0. A sum that exceeds 32 bits (more than 65,536 locations) wraps. Runs in
   parallel over addresses, then over addresses and columns. Allocates scratch as a write. */
PKERN_API pkern_status pkern_hdc_sdm_read(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                          const uint64_t *addresses, size_t n, uint64_t *out,
                                          int32_t *sums);

/* Reads n addresses over and over, what was read being the next address, until it does not change
   any more or max_reads reads are done: for a memory whose data are addresses (data_words ==
   address_words, else PKERN_EINVAL), such as one that was written with addresses == data. out [n x
   data_words] is what the last read gave, n_reads [n] (may be 0) how many reads each took; max_reads
   itself where it did not settle. max_reads 0 copies the addresses. */
PKERN_API pkern_status pkern_hdc_sdm_read_iterated(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                                   const uint64_t *addresses, size_t n,
                                                   size_t max_reads, uint64_t *out,
                                                   size_t *n_reads);

/* How many locations each of n addresses activates, counts [n]. */
PKERN_API pkern_status pkern_hdc_sdm_active(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                            const uint64_t *addresses, size_t n, size_t *counts);

/* What the memory was made with; data_words is not 0. */
PKERN_API size_t pkern_hdc_sdm_locations(const pkern_hdc_sdm *sdm);
PKERN_API size_t pkern_hdc_sdm_address_words(const pkern_hdc_sdm *sdm);
PKERN_API size_t pkern_hdc_sdm_data_words(const pkern_hdc_sdm *sdm);

/* Saves to a file and loads from it: a loaded memory reads and is written as the saved one would be.
   The promises are those of pkern_hdc_store_save and pkern_hdc_store_load: a save that fails or is
   interrupted leaves the old file as it was, and every byte is under a checksum. The file has the
   locations and the counters, little-endian. A loaded memory is a copy, made on the calling thread:
   the file may go. Nobody may write to the memory during a save. A save allocates twice the path.
   Statuses of a load, which leaves *sdm 0 where it fails:
       PKERN_ENOENT     there is no such file
       PKERN_EIO        the system can't read it
       PKERN_EFORMAT    not the file of such a memory
       PKERN_EVERSION   written by a newer pkern
       PKERN_ECORRUPT   damaged, cut off, or its contents can't be a memory's
       PKERN_ENOMEM */
PKERN_API pkern_status pkern_hdc_sdm_save(const pkern_hdc_sdm *sdm, const char *path);
PKERN_API pkern_status pkern_hdc_sdm_load(const char *path, const pkern_allocator *allocator,
                                          pkern_hdc_sdm **sdm);

PKERN_EXTERN_C_END

#endif
