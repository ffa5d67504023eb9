/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Stores to and from files: the sections "shape" {words}, "vectors" and, where the store has them,
   "ids". Files of the same kind may have more, which a store leaves alone. */
#ifndef PKN_HDC_STORE_FILE_C
#define PKN_HDC_STORE_FILE_C

#include "hdc/file_read.h"
#include "hdc/file_write.h"
#include "hdc/hdc_run.h"
#include "hdc/store.h"
#include "hdc/store_rows.h"

#define PKN_STORE_KIND "vectors"
#define PKN_STORE_VERSION 1

PKERN_API pkern_status pkern_hdc_store_save(const pkern_hdc_store *store, const char *path) {
    pkn_file_writer writer;
    uint64_t shape[1];
    size_t count, n, with_ids;
    const uint64_t *rows, *ids;
    if (!store || !path) {
        return PKERN_EINVAL;
    }
    count = pkern_hdc_store_count(store);
    with_ids = store->flags & PKERN_HDC_STORE_IDS;
    shape[0] = store->words;
    pkn_file_create(&writer, path, PKN_STORE_KIND, PKN_STORE_VERSION, 2 + with_ids,
                    &store->allocator);
    pkn_file_put(&writer, "shape", shape, 8, 1);
    pkn_file_section(&writer, "vectors", 8, count * store->words);
    for (size_t i = 0; (n = pkn_store_rows_below(store, i, count, &rows, 0)) > 0; i += n) {
        pkn_file_write(&writer, rows, n * store->words * 8);
    }
    if (with_ids) {
        pkn_file_section(&writer, "ids", 8, count);
        for (size_t i = 0; (n = pkn_store_rows_below(store, i, count, 0, &ids)) > 0; i += n) {
            pkn_file_write(&writer, ids, n * 8);
        }
    }
    return pkn_file_commit(&writer);
}

/* The rows of a file of kind PKN_STORE_KIND, [*n x *words]; *ids is 0 where it has none. */
PKN_INTERNAL pkern_status pkn_store_rows_of_file(const pkn_file *file, const uint64_t **rows,
                                                 const uint64_t **ids, size_t *n, size_t *words) {
    size_t n_shape, n_words, n_ids, bytes;
    const uint64_t *shape = (const uint64_t *)pkn_file_get(file, "shape", 8, &n_shape);
    *rows = (const uint64_t *)pkn_file_get(file, "vectors", 8, &n_words);
    *ids = (const uint64_t *)pkn_file_get(file, "ids", 8, &n_ids);
    if (!shape || n_shape < 1 || !*rows || shape[0] > PKN_HDC_MAX_WORDS ||
        pkn_hdc_check_rows(1, (size_t)shape[0], &bytes) != PKERN_OK) {
        return PKERN_ECORRUPT;
    }
    *words = (size_t)shape[0];
    *n = n_words / *words;
    return n_words % *words != 0 || (*ids && n_ids != *n) ? PKERN_ECORRUPT : PKERN_OK;
}

/* A store around an open file, which it closes in the end, at once where it fails. */
PKN_INTERNAL pkern_status pkn_store_of_file(pkn_file *file, const pkern_allocator *allocator,
                                            pkern_hdc_store **store) {
    const uint64_t *rows, *ids;
    size_t n = 0, words = 0;
    pkern_status status = pkn_store_rows_of_file(file, &rows, &ids, &n, &words);
    if (status == PKERN_OK) {
        status = pkern_hdc_store_create(words, ids ? PKERN_HDC_STORE_IDS : 0, allocator, store);
    }
    if (status != PKERN_OK) {
        pkn_file_close(file);
        return status;
    }
    (*store)->file = *file;
    (*store)->file.allocator = &(*store)->allocator;
    if (n > 0) {
        pkn_store_segment *segment = &(*store)->segments[(*store)->n_segments++];
        segment->rows = rows;
        segment->ids = ids;
        segment->end = n;
        pkn_atomic_store_release_size(&(*store)->count, n);
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_store_load(const char *path, const pkern_allocator *allocator,
                                            pkern_hdc_store **store) {
    pkn_file file;
    pkern_status status;
    if (!path || !store || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    *store = 0;
    status = pkn_file_open(&file, path, PKN_STORE_KIND, PKN_STORE_VERSION, allocator);
    return status != PKERN_OK ? status : pkn_store_of_file(&file, allocator, store);
}

#endif
