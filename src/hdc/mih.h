/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Multi-index hashing: all vectors within a radius, exactly, without a look at most of them. */
#ifndef PKN_HDC_MIH_H
#define PKN_HDC_MIH_H

#include "hdc/exact_search.h"

PKERN_EXTERN_C_BEGIN

/* An index of vectors by pieces of their bits: two vectors that differ in at most r of bits cut into m
   pieces have a piece in which they differ in at most r / m, so it is enough to look at vectors whose
   pieces are, or are nearly, the query's. It pays for duplicates and near copies, where the pieces are
   longer than log2 n bits and r / m is 0 (up to 63 of 2048 bits), less or not at all above, and least
   where the vectors lie in clusters. Unrelated vectors, half of whose bits differ, are out of any such
   index's reach. */
typedef struct pkern_hdc_mih pkern_hdc_mih;

/* Makes an index of vectors [n x words] for searches within radii up to max_radius. The vectors are
   not copied: they must stay, unchanged, while the index is used. key_bits, the length of a piece,
   is 8, 16, 32 or 64; 0 takes the one with the least expected work for random vectors, and makes no
   tables at all where that is more than comparing all. With m = 64 * words / key_bits pieces it
   holds max_radius + 1 tables where max_radius < m, else m; a table has 4 bytes a vector and 4 a
   bucket, of which there are n rounded up to a power of two at most: see pkern_hdc_mih_bytes. n is at
   most 2^32 - 2 (PKERN_EOVERFLOW). Parallel over tables. On any error *mih is 0. Source: M. Norouzi,
   A. Punjani, D. Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014. */
PKERN_API pkern_status pkern_hdc_mih_build(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                           size_t words, uint32_t max_radius, unsigned key_bits,
                                           pkern_hdc_mih **mih);

/* What pkern_hdc_range_search gives for the indexed vectors, in the same order and with the same
   options (words_read counts the vectors that were compared). A query that
   would look at more than 64 vectors and a 32nd of all is compared with all of them instead, and so
   are all queries where the probes alone would cost more. Vectors in clusters share more pieces than
   random ones and give more candidates. A query that finds something is searched twice, to count and
   to write. PKERN_EINVAL where radius is above that of the index. Any threads may
   search at once. Parallel over queries; allocates nothing, but for what pkern_hdc_range_search does
   where that takes over. */
PKERN_API pkern_status pkern_hdc_mih_search(const pkern_hdc_mih *mih, pkern_pool *pool,
                                            const uint64_t *queries, size_t n_queries,
                                            uint32_t radius,
                                            const pkern_hdc_search_options *options,
                                            size_t *offsets, pkern_hdc_match *out, size_t capacity);

PKERN_API size_t pkern_hdc_mih_bytes(const pkern_hdc_mih *mih); /* the memory that it holds */
PKERN_API void pkern_hdc_mih_free(pkern_hdc_mih *mih);          /* 0 is fine */

PKERN_EXTERN_C_END

#endif
