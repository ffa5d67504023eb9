/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* An item memory: symbols, each with its hypervector, and the way back from a vector that is near
   one of them to its symbol.

   A symbol is any run of bytes: a text without its zero, a number as its 8 bytes, none at all.
   Items stand in rows 0 to count - 1 of one array, in the order in which they were added until one
   is removed: then the last item takes its row.

   Functions that take a const memory may run at the same time in any number of threads; the others
   need the memory to themselves. (For search while another thread adds, see the store.) Statuses
   are those of hdc.h; also PKERN_EINVAL for a memory that is null, or a symbol that is null and has
   bytes, and PKERN_ENOENT for a symbol that isn't there. After any failure the memory is as it
   was. */
#ifndef PKN_HDC_ITEM_MEMORY_H
#define PKN_HDC_ITEM_MEMORY_H

#include "hdc/hdc.h"

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_item_memory pkern_hdc_item_memory;

/* The vector that a seed gives a symbol: pkern_hdc_random(hash(seed, symbol), out, words), random
   and unrelated for different symbols, the same on every machine. words 0 writes nothing. */
PKERN_API void pkern_hdc_symbol_vector(uint64_t seed, const void *symbol, size_t symbol_bytes,
                                       uint64_t *out, size_t words);

/* Makes an empty memory for vectors of words words. seed makes the vectors that are not given.
   allocator 0 is malloc; its functions and user pointer must work until the memory is destroyed.
   PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_item_memory_create(size_t words, uint64_t seed,
                                                    const pkern_allocator *allocator,
                                                    pkern_hdc_item_memory **memory);

/* Releases a memory; 0 is a no-op. */
PKERN_API void pkern_hdc_item_memory_destroy(pkern_hdc_item_memory *memory);

/* Adds a symbol with a copy of vector [words], or, where vector is 0, with that of
   pkern_hdc_symbol_vector and the memory's seed. A symbol that is there already keeps its vector.
   *row, where row is not 0, is the symbol's row in both cases. vector may be one of the memory's
   own; symbol may not be part of one that is there, or of a vector (PKERN_EINVAL). Amortised O(symbol_bytes +
   words). Allocates where memory is full. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_item_memory_add(pkern_hdc_item_memory *memory, const void *symbol,
                                                 size_t symbol_bytes, const uint64_t *vector,
                                                 size_t *row);

/* Gives a symbol that is there a copy of vector [words], or, where vector is 0, its seed's vector
   again. */
PKERN_API pkern_status pkern_hdc_item_memory_update(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes,
                                                    const uint64_t *vector);

/* Removes a symbol; the last item moves into its row. */
PKERN_API pkern_status pkern_hdc_item_memory_remove(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes);

/* The row of a symbol, SIZE_MAX where it isn't there. O(symbol_bytes). */
PKERN_API size_t pkern_hdc_item_memory_find(const pkern_hdc_item_memory *memory, const void *symbol,
                                            size_t symbol_bytes);

/* Number of items, words of a vector. */
PKERN_API size_t pkern_hdc_item_memory_count(const pkern_hdc_item_memory *memory);
PKERN_API size_t pkern_hdc_item_memory_words(const pkern_hdc_item_memory *memory);

/* All vectors, [count x words], for any function of this library; 0 where there are none. Valid
   until the memory changes. */
PKERN_API const uint64_t *pkern_hdc_item_memory_vectors(const pkern_hdc_item_memory *memory);

/* The symbol in a row below count, *symbol_bytes long, without a zero behind it; 0 and no bytes for
   any other row. Valid until the memory changes. */
PKERN_API const void *pkern_hdc_item_memory_symbol(const pkern_hdc_item_memory *memory, size_t row,
                                                   size_t *symbol_bytes);

/* Cleans up: out[q] [n_queries] is the nearest item (index is its row; ties: the lowest row) where
   at most max_distance bits differ, else {SIZE_MAX, UINT32_MAX, 0}. A similarity s is a distance of
   (1 - s) * 64 * words. An exact search, in parallel over queries and items. */
PKERN_API pkern_status pkern_hdc_item_memory_cleanup(pkern_pool *pool,
                                                     const pkern_hdc_item_memory *memory,
                                                     const uint64_t *queries, size_t n_queries,
                                                     uint32_t max_distance, pkern_hdc_match *out);

/* Saves to a file and loads from it, with the promises and statuses of pkern_hdc_store_save and
   pkern_hdc_store_load. The file is a store's with the symbols beside the rows, so a store can map
   it, too; a store's own file has no symbols and is PKERN_EFORMAT here. A loaded memory is a copy:
   the file may go. */
PKERN_API pkern_status pkern_hdc_item_memory_save(const pkern_hdc_item_memory *memory,
                                                  const char *path);
PKERN_API pkern_status pkern_hdc_item_memory_load(const char *path,
                                                  const pkern_allocator *allocator,
                                                  pkern_hdc_item_memory **memory);

PKERN_EXTERN_C_END

#endif
