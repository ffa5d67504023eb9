/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A store of hypervectors that only grows: rows are appended, never move and never change, so many
   threads search while another one appends, and no reader waits for anything. It is saved to a file
   and loaded from it without a copy.

   A store keeps `words` words a row, and with PKERN_HDC_STORE_IDS a number of the user's beside
   each. Rows lie in a few segments, each at least as long as all before it together. Row i is the
   i-th that was appended.

   Readers (every function that takes a const store) work on the rows there are when they begin;
   appends go on meanwhile, and a row is seen whole or not at all. Statuses are those of hdc.h; also
   PKERN_EINVAL for a store that is null. */
#ifndef PKN_HDC_STORE_H
#define PKN_HDC_STORE_H

#include "hdc/hdc.h"

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_store pkern_hdc_store;

enum {
    PKERN_HDC_STORE_IDS = 1 /* each row has an id */
};

/* Makes an empty store of rows of words words. flags is 0 or PKERN_HDC_STORE_IDS. allocator 0 is
   malloc; its functions and user pointer must work until the store is destroyed. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_create(size_t words, unsigned flags,
                                              const pkern_allocator *allocator,
                                              pkern_hdc_store **store);

/* Releases a store and unmaps its file; 0 is a no-op. Nobody may use the store any more. */
PKERN_API void pkern_hdc_store_destroy(pkern_hdc_store *store);

/* Appends n rows: vectors [n x words] and ids [n], which must be 0 where the store has none. All of
   them or, on failure, none; readers see none before the call has copied all. *first, where first
   is not 0, is the row that the first one became. Any thread may append; appends wait for each
   other. Amortised O(n). Allocates a segment where the last one is full: 1 MiB or as much as there
   is already, whichever is more (after pkern_hdc_store_reserve less is possible). PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_append(pkern_hdc_store *store, const uint64_t *vectors,
                                              const uint64_t *ids, size_t n, size_t *first);

/* Makes room for n further rows, so that appending them allocates nothing. Of a store that is
   empty and new, the n rows will lie in one segment, which has room for no more. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_reserve(pkern_hdc_store *store, size_t n);

/* Rows that can be read now, words of a row, and flags as given to create. */
PKERN_API size_t pkern_hdc_store_count(const pkern_hdc_store *store);
PKERN_API size_t pkern_hdc_store_words(const pkern_hdc_store *store);
PKERN_API unsigned pkern_hdc_store_flags(const pkern_hdc_store *store);

/* The rows from `first` on that lie one after another: *vectors (where vectors is not 0) is row
   first, *ids its id (0 where the store has none), and the result says how many follow, itself
   included; 0 where first is no row. The arrays stay as they are until the store is destroyed. All
   rows in turn, for any function of this library:
       for (i = 0; (n = pkern_hdc_store_rows(store, i, &vectors, 0)) > 0; i += n) ... */
PKERN_API size_t pkern_hdc_store_rows(const pkern_hdc_store *store, size_t first,
                                      const uint64_t **vectors, const uint64_t **ids);

/* pkern_hdc_nearest and pkern_hdc_top_k with all rows of the store as memory; index is a row. The
   store's words count. Allocates scratch for n_queries * k matches where these are more than 256
   and the store has several segments. */
PKERN_API pkern_status pkern_hdc_store_nearest(pkern_pool *pool, const pkern_hdc_store *store,
                                               const uint64_t *queries, size_t n_queries,
                                               pkern_hdc_match *out);
PKERN_API pkern_status pkern_hdc_store_top_k(pkern_pool *pool, const pkern_hdc_store *store,
                                             const uint64_t *queries, size_t n_queries, size_t k,
                                             pkern_hdc_match *out);

/* Saves the rows there are to a file at path, which is replaced when the new one is whole and on
   the disk: an error, a crash or a cut of power before that leaves the old file. A process that
   ends in the middle may leave "<path>.<16 hex digits>.new". A link at path is replaced, too, and
   the new file has the permissions of a new file. Readers and appends may go on. The file holds the
   rows as they are, little-endian, with checksums; a machine of another byte order gets
   PKERN_EFORMAT. PKERN_EIO: the folder is missing, not writable, the disk is full. PKERN_ENOMEM. */
PKERN_API pkern_status pkern_hdc_store_save(const pkern_hdc_store *store, const char *path);

/* Makes a store of a saved file, also of one that an item memory saved. The file is checked as a
   whole, which reads it once, and stays mapped where the system can (else it is read into memory);
   appended rows go into memory behind it. The file must not be changed while it is mapped: to save
   over it is fine, to write into it or cut it is not. Failures leave *store 0:
       PKERN_ENOENT     there is no such file
       PKERN_EIO        the system can't read it
       PKERN_EFORMAT    something else than a file of rows
       PKERN_EVERSION   written by a newer pkern
       PKERN_ECORRUPT   damaged or cut off
       PKERN_ENOMEM */
PKERN_API pkern_status pkern_hdc_store_load(const char *path, const pkern_allocator *allocator,
                                            pkern_hdc_store **store);

PKERN_EXTERN_C_END

#endif
