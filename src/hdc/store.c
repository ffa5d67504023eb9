/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Stores: making, appending, reading. */
#ifndef PKN_HDC_STORE_C
#define PKN_HDC_STORE_C

#include "hdc/hdc_run.h"
#include "hdc/store.h"
#include "hdc/store_rows.h"

PKERN_API pkern_status pkern_hdc_store_create(size_t words, unsigned flags,
                                              const pkern_allocator *allocator,
                                              pkern_hdc_store **store) {
    pkern_hdc_store *made;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(1, words, &bytes);
    if (!store) {
        return PKERN_EINVAL;
    }
    *store = 0;
    if (status != PKERN_OK) {
        return status;
    }
    if ((flags & ~(unsigned)PKERN_HDC_STORE_IDS) != 0 || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    made = (pkern_hdc_store *)pkn_allocate(allocator, sizeof *made, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    memset(made, 0, sizeof *made);
    made->words = words;
    made->flags = flags;
    if (allocator) {
        made->allocator = *allocator;
    }
    if (pkn_mutex_init(&made->appending) != 0) {
        pkn_release(allocator, made, sizeof *made);
        return PKERN_ENOMEM;
    }
    *store = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_store_destroy(pkern_hdc_store *store) {
    pkern_allocator allocator;
    if (!store) {
        return;
    }
    allocator = store->allocator;
    for (size_t i = 0; i < store->n_segments; i++) {
        pkn_release(&allocator, store->segments[i].memory, store->segments[i].bytes);
    }
    pkn_file_close(&store->file);
    pkn_mutex_destroy(&store->appending);
    pkn_release(&allocator, store, sizeof *store);
}

/* Under the mutex: room for n rows behind the count, in a segment of at least so many bytes where
   one is needed. */
PKN_INTERNAL pkern_status pkn_store_make_room(pkern_hdc_store *store, size_t n,
                                              size_t least_bytes) {
    size_t count = pkn_atomic_load_relaxed_size(&store->count);
    size_t capacity = store->n_segments > 0 ? store->segments[store->n_segments - 1].end : 0;
    size_t row_bytes = (store->words + (store->flags & PKERN_HDC_STORE_IDS)) * 8;
    pkn_store_segment *segment = &store->segments[store->n_segments];
    size_t rows;
    if (n <= capacity - count) {
        return PKERN_OK;
    }
    rows = pkn_max_size(n - (capacity - count), least_bytes / row_bytes);
    rows = pkn_max_size(rows, capacity);
    if (pkn_mul_overflows_size(rows, row_bytes, &segment->bytes) || capacity + rows < rows ||
        store->n_segments == PKN_STORE_MAX_SEGMENTS) {
        return PKERN_EOVERFLOW;
    }
    segment->memory = (uint64_t *)pkn_allocate(&store->allocator, segment->bytes, PKN_CACHE_LINE);
    if (!segment->memory) {
        return PKERN_ENOMEM;
    }
    segment->rows = segment->memory;
    segment->ids = store->flags & PKERN_HDC_STORE_IDS ? segment->memory + rows * store->words : 0;
    segment->first = capacity;
    segment->end = capacity + rows;
    store->n_segments++;
    return PKERN_OK;
}

/* Under the mutex: into room that is there. */
PKN_INTERNAL void pkn_store_copy_in(pkern_hdc_store *store, const uint64_t *vectors,
                                    const uint64_t *ids, size_t n) {
    size_t words = store->words;
    size_t row = pkn_atomic_load_relaxed_size(&store->count);
    while (n > 0) {
        const pkn_store_segment *segment = pkn_store_segment_of(store, row);
        size_t part = pkn_min_size(n, segment->end - row);
        memcpy(segment->memory + (row - segment->first) * words, vectors, part * words * 8);
        if (ids) {
            memcpy(segment->memory + (segment->end - segment->first) * words +
                       (row - segment->first),
                   ids, part * 8);
            ids += part;
        }
        vectors += part * words;
        row += part;
        n -= part;
    }
    /* pairs with the acquire of readers: these rows and their segments */
    pkn_atomic_store_release_size(&store->count, row);
}

PKERN_API pkern_status pkern_hdc_store_append(pkern_hdc_store *store, const uint64_t *vectors,
                                              const uint64_t *ids, size_t n, size_t *first) {
    size_t bytes;
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    status = pkn_hdc_check_rows(n, store->words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (n > 0 && (!vectors || !ids != !(store->flags & PKERN_HDC_STORE_IDS))) {
        return PKERN_EINVAL;
    }
    pkn_mutex_lock(&store->appending);
    status = pkn_store_make_room(store, n, PKN_STORE_LEAST_BYTES);
    if (status == PKERN_OK) {
        if (first) {
            *first = pkn_atomic_load_relaxed_size(&store->count);
        }
        pkn_store_copy_in(store, vectors, ids, n);
    }
    pkn_mutex_unlock(&store->appending);
    return status;
}

PKERN_API pkern_status pkern_hdc_store_reserve(pkern_hdc_store *store, size_t n) {
    pkern_status status;
    if (!store) {
        return PKERN_EINVAL;
    }
    pkn_mutex_lock(&store->appending);
    status = pkn_store_make_room(store, n, 0);
    pkn_mutex_unlock(&store->appending);
    return status;
}

PKERN_API size_t pkern_hdc_store_count(const pkern_hdc_store *store) {
    return store ? pkn_atomic_load_acquire_size(&store->count) : 0;
}

PKERN_API size_t pkern_hdc_store_words(const pkern_hdc_store *store) {
    return store ? store->words : 0;
}

PKERN_API unsigned pkern_hdc_store_flags(const pkern_hdc_store *store) {
    return store ? store->flags : 0;
}

PKERN_API size_t pkern_hdc_store_rows(const pkern_hdc_store *store, size_t first,
                                      const uint64_t **vectors, const uint64_t **ids) {
    return store ? pkn_store_rows_below(store, first, pkern_hdc_store_count(store), vectors, ids)
                 : 0;
}

#endif
