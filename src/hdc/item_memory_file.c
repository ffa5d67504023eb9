/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Item memories to and from files: those of a store, with the sections "seed" {seed}, "lengths"
   [count] and "symbols", the bytes of all symbols in the rows' order. */
#ifndef PKN_HDC_ITEM_MEMORY_FILE_C
#define PKN_HDC_ITEM_MEMORY_FILE_C

#include "hdc/item_memory.c"
#include "hdc/store_file.c"

PKERN_API pkern_status pkern_hdc_item_memory_save(const pkern_hdc_item_memory *memory,
                                                  const char *path) {
    pkn_file_writer writer;
    uint64_t shape[1];
    const pkn_item *items;
    if (!memory || !path) {
        return PKERN_EINVAL;
    }
    shape[0] = memory->words;
    items = memory->rows.items;
    pkn_file_create(&writer, path, PKN_STORE_KIND, PKN_STORE_VERSION, 5, &memory->allocator);
    pkn_file_put(&writer, "shape", shape, 8, 1);
    pkn_file_put(&writer, "vectors", memory->rows.vectors, 8, memory->count * memory->words);
    pkn_file_put(&writer, "seed", &memory->seed, 8, 1);
    pkn_file_section(&writer, "lengths", 8, memory->count);
    for (size_t row = 0; row < memory->count; row++) {
        uint64_t bytes = items[row].bytes;
        pkn_file_write(&writer, &bytes, 8);
    }
    pkn_file_section(&writer, "symbols", 1, memory->symbols_used);
    for (size_t row = 0; row < memory->count; row++) {
        pkn_file_write(&writer, pkn_items_symbol(memory, &items[row]), items[row].bytes);
    }
    return pkn_file_commit(&writer);
}

/* What a file has beside a store's rows. */
typedef struct pkn_item_sections {
    const uint64_t *rows, *lengths;
    const unsigned char *symbols;
    size_t n, n_bytes;
} pkn_item_sections;

/* The items of a file into a memory that has none. */
PKN_INTERNAL pkern_status pkn_items_read(pkern_hdc_item_memory *memory,
                                         const pkn_item_sections *from) {
    const unsigned char *symbol = from->symbols;
    size_t left = from->n_bytes;
    pkern_status status = pkn_items_reserve_rows(memory, from->n);
    if (status == PKERN_OK) {
        status = pkn_items_reserve_bytes(memory, left);
    }
    for (size_t row = 0; status == PKERN_OK && row < from->n; row++) {
        size_t bytes = (size_t)from->lengths[row];
        if (from->lengths[row] > left ||
            pkern_hdc_item_memory_find(memory, symbol, bytes) != SIZE_MAX) {
            return PKERN_ECORRUPT;
        }
        pkn_items_put(memory, pkn_items_hash(memory, symbol, bytes), symbol, bytes,
                      from->rows + row * memory->words);
        symbol += bytes;
        left -= bytes;
    }
    return status == PKERN_OK && left > 0 ? PKERN_ECORRUPT : status;
}

/* The memory that an open file holds. */
PKN_INTERNAL pkern_status pkn_items_of_file(const pkn_file *file, const pkern_allocator *allocator,
                                            pkern_hdc_item_memory **memory) {
    pkn_item_sections from;
    size_t words = 0, n_lengths, n_seed;
    const uint64_t *ids, *seed = (const uint64_t *)pkn_file_get(file, "seed", 8, &n_seed);
    pkern_status status = pkn_store_rows_of_file(file, &from.rows, &ids, &from.n, &words);
    from.lengths = (const uint64_t *)pkn_file_get(file, "lengths", 8, &n_lengths);
    from.symbols = (const unsigned char *)pkn_file_get(file, "symbols", 1, &from.n_bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!seed || n_seed < 1 || !from.lengths || !from.symbols) {
        return PKERN_EFORMAT;
    }
    if (n_lengths != from.n) {
        return PKERN_ECORRUPT;
    }
    status = pkern_hdc_item_memory_create(words, seed[0], allocator, memory);
    if (status != PKERN_OK) {
        return status;
    }
    status = pkn_items_read(*memory, &from);
    if (status != PKERN_OK) {
        pkern_hdc_item_memory_destroy(*memory);
        *memory = 0;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_item_memory_load(const char *path,
                                                  const pkern_allocator *allocator,
                                                  pkern_hdc_item_memory **memory) {
    pkn_file file;
    pkern_status status;
    if (!path || !memory || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    *memory = 0;
    status = pkn_file_open(&file, path, PKN_STORE_KIND, PKN_STORE_VERSION, allocator);
    if (status == PKERN_OK) {
        status = pkn_items_of_file(&file, allocator, memory);
        pkn_file_close(&file);
    }
    return status;
}

#endif
