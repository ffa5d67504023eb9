/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inside of a store: segments that never move, and a count that publishes.

   Who appends holds the mutex, fills rows behind the count, makes segments where needed, and stores
   the count with release. Who reads loads the count with acquire; it has then everything that lies
   before it, the entries of those segments included, and touches nothing behind it. So entries are
   plain words although a further one may be written at the same time.

   A new segment is as long as all before it, so 64 entries are enough for any count, and at most
   half of the room is empty. */
#ifndef PKN_HDC_STORE_ROWS_H
#define PKN_HDC_STORE_ROWS_H

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/thread.h"
#include "hdc/file_read.h"
#include "hdc/store.h"

#define PKN_STORE_MAX_SEGMENTS 64
/* Of a segment that an append makes. Each further segment costs a search of k = 10 about 0.8 us a
   query, since every list begins anew: with 64 KiB, 1000 rows of 256 bytes took 1.47 times as long
   as flat ones (100 queries, 2-core Zen 4), with one segment as long. */
#define PKN_STORE_LEAST_BYTES ((size_t)1 << 20)

typedef struct pkn_store_segment {
    const uint64_t *rows, *ids;
    size_t first, end; /* rows that it has room for */
    uint64_t *memory;  /* 0 for the file's */
    size_t bytes;
} pkn_store_segment;

struct pkern_hdc_store {
    pkn_atomic_size count;
    char padding[PKN_CACHE_LINE - sizeof(pkn_atomic_size)];
    size_t words;
    unsigned flags;
    pkn_file file; /* of the first segment, where the store was loaded */
    pkern_allocator allocator;
    pkn_mutex appending; /* and all below is changed under it */
    size_t n_segments;
    pkn_store_segment segments[PKN_STORE_MAX_SEGMENTS];
};

/* The segment that has row, which is below a count that was loaded with acquire. */
PKN_INLINE const pkn_store_segment *pkn_store_segment_of(const pkern_hdc_store *store, size_t row) {
    const pkn_store_segment *segment = store->segments;
    while (row >= segment->end) {
        segment++;
    }
    return segment;
}

/* Rows [first, ...) of one segment, below count; 0 where there are none. */
PKN_INLINE size_t pkn_store_rows_below(const pkern_hdc_store *store, size_t first, size_t count,
                                       const uint64_t **vectors, const uint64_t **ids) {
    const pkn_store_segment *segment;
    if (first >= count) {
        return 0;
    }
    segment = pkn_store_segment_of(store, first);
    if (vectors) {
        *vectors = segment->rows + (first - segment->first) * store->words;
    }
    if (ids) {
        *ids = segment->ids ? segment->ids + (first - segment->first) : 0;
    }
    return pkn_min_size(segment->end, count) - first;
}

#endif
