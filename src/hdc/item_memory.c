/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Item memories: making, changing, asking. */
#ifndef PKN_HDC_ITEM_MEMORY_C
#define PKN_HDC_ITEM_MEMORY_C

#include "hdc/hdc_run.h"
#include "hdc/item_memory.h"
#include "hdc/item_table.h"

PKERN_API void pkern_hdc_symbol_vector(uint64_t seed, const void *symbol, size_t symbol_bytes,
                                       uint64_t *out, size_t words) {
    pkern_hdc_random(pkn_checksum_of(seed, symbol, symbol_bytes), out, words);
}

PKERN_API pkern_status pkern_hdc_item_memory_create(size_t words, uint64_t seed,
                                                    const pkern_allocator *allocator,
                                                    pkern_hdc_item_memory **memory) {
    pkern_hdc_item_memory *made;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(1, words, &bytes);
    if (!memory) {
        return PKERN_EINVAL;
    }
    *memory = 0;
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    made = (pkern_hdc_item_memory *)pkn_allocate(allocator, sizeof *made, PKN_CACHE_LINE);
    if (!made) {
        return PKERN_ENOMEM;
    }
    memset(made, 0, sizeof *made);
    made->words = words;
    made->seed = seed;
    if (allocator) {
        made->allocator = *allocator;
    }
    *memory = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_item_memory_destroy(pkern_hdc_item_memory *memory) {
    pkern_allocator allocator;
    if (!memory) {
        return;
    }
    allocator = memory->allocator;
    pkn_release(&allocator, memory->rows.vectors, memory->rows.bytes);
    pkn_release(&allocator, memory->symbols, memory->symbols_capacity);
    pkn_release(&allocator, memory, sizeof *memory);
}

PKN_INLINE uint64_t pkn_items_hash(const pkern_hdc_item_memory *memory, const void *symbol,
                                   size_t symbol_bytes) {
    return pkn_checksum_of(memory->seed, symbol, symbol_bytes);
}

/* vector, or the seed's */
PKN_INLINE void pkn_items_set(pkern_hdc_item_memory *memory, size_t row, const uint64_t *vector) {
    uint64_t *out = memory->rows.vectors + row * memory->words;
    if (vector) {
        memmove(out, vector, memory->words * 8);
    } else {
        /* the hash is made of the same seed, so this is pkern_hdc_symbol_vector */
        pkern_hdc_random(memory->rows.items[row].hash, out, memory->words);
    }
}

/* A symbol that is not there, with room made for it. */
PKN_INTERNAL void pkn_items_put(pkern_hdc_item_memory *memory, uint64_t hash, const void *symbol,
                                size_t symbol_bytes, const uint64_t *vector) {
    size_t row = memory->count;
    pkn_item *item = &memory->rows.items[row];
    memory->rows.slots[pkn_items_slot(memory, hash, symbol, symbol_bytes)] = row + 1;
    item->hash = hash;
    item->start = memory->symbols_end;
    item->bytes = symbol_bytes;
    if (symbol_bytes > 0) {
        memcpy(memory->symbols + item->start, symbol, symbol_bytes);
    }
    memory->symbols_end += symbol_bytes;
    memory->symbols_used += symbol_bytes;
    memory->count++;
    pkn_items_set(memory, row, vector);
}

/* Room for one item more. *vector may be one of the memory's own, and stays so. */
PKN_INTERNAL pkern_status pkn_items_reserve(pkern_hdc_item_memory *memory, size_t symbol_bytes,
                                            const uint64_t **vector) {
    size_t from = (size_t)((uintptr_t)*vector - (uintptr_t)memory->rows.vectors) / 8;
    int own = *vector != 0 && from < memory->count * memory->words;
    pkern_status status = pkn_items_reserve_bytes(memory, symbol_bytes);
    if (status == PKERN_OK) {
        status = pkn_items_reserve_rows(memory, memory->count + 1);
    }
    if (own) {
        *vector = memory->rows.vectors + from;
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_item_memory_add(pkern_hdc_item_memory *memory, const void *symbol,
                                                 size_t symbol_bytes, const uint64_t *vector,
                                                 size_t *row) {
    size_t found;
    pkern_status status;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    found = pkern_hdc_item_memory_find(memory, symbol, symbol_bytes);
    if (found == SIZE_MAX) {
        if (pkn_overlaps(memory->symbols, memory->symbols_capacity, symbol, symbol_bytes) ||
            pkn_overlaps(memory->rows.vectors, memory->rows.bytes, symbol, symbol_bytes)) {
            return PKERN_EINVAL;
        }
        status = pkn_items_reserve(memory, symbol_bytes, &vector);
        if (status != PKERN_OK) {
            return status;
        }
        found = memory->count;
        pkn_items_put(memory, pkn_items_hash(memory, symbol, symbol_bytes), symbol, symbol_bytes,
                      vector);
    }
    if (row) {
        *row = found;
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_item_memory_update(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes,
                                                    const uint64_t *vector) {
    size_t row;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    row = pkern_hdc_item_memory_find(memory, symbol, symbol_bytes);
    if (row == SIZE_MAX) {
        return PKERN_ENOENT;
    }
    pkn_items_set(memory, row, vector);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_item_memory_remove(pkern_hdc_item_memory *memory,
                                                    const void *symbol, size_t symbol_bytes) {
    size_t slot, row, last;
    pkn_item_rows *rows;
    if (!memory || (!symbol && symbol_bytes > 0)) {
        return PKERN_EINVAL;
    }
    rows = &memory->rows;
    if (memory->count == 0) {
        return PKERN_ENOENT;
    }
    slot =
        pkn_items_slot(memory, pkn_items_hash(memory, symbol, symbol_bytes), symbol, symbol_bytes);
    if (rows->slots[slot] == 0) {
        return PKERN_ENOENT;
    }
    row = rows->slots[slot] - 1;
    last = memory->count - 1;
    memory->symbols_used -= rows->items[row].bytes;
    pkn_items_clear_slot(rows, slot);
    if (row != last) {
        const pkn_item *item = &rows->items[last];
        slot = pkn_items_slot(memory, item->hash, pkn_items_symbol(memory, item), item->bytes);
        rows->slots[slot] = row + 1;
        rows->items[row] = *item;
        memcpy(rows->vectors + row * memory->words, rows->vectors + last * memory->words,
               memory->words * 8);
    }
    memory->count = last;
    return PKERN_OK;
}

PKERN_API size_t pkern_hdc_item_memory_find(const pkern_hdc_item_memory *memory, const void *symbol,
                                            size_t symbol_bytes) {
    if (!memory || memory->count == 0 || (!symbol && symbol_bytes > 0)) {
        return SIZE_MAX;
    }
    /* an empty slot holds 0, and 0 - 1 is SIZE_MAX */
    return memory->rows.slots[pkn_items_slot(memory, pkn_items_hash(memory, symbol, symbol_bytes),
                                             symbol, symbol_bytes)] -
           1;
}

PKERN_API size_t pkern_hdc_item_memory_count(const pkern_hdc_item_memory *memory) {
    return memory ? memory->count : 0;
}

PKERN_API size_t pkern_hdc_item_memory_words(const pkern_hdc_item_memory *memory) {
    return memory ? memory->words : 0;
}

PKERN_API const uint64_t *pkern_hdc_item_memory_vectors(const pkern_hdc_item_memory *memory) {
    return memory && memory->count > 0 ? memory->rows.vectors : 0;
}

PKERN_API const void *pkern_hdc_item_memory_symbol(const pkern_hdc_item_memory *memory, size_t row,
                                                   size_t *symbol_bytes) {
    int there = memory && row < memory->count;
    if (symbol_bytes) {
        *symbol_bytes = there ? memory->rows.items[row].bytes : 0;
    }
    return there ? pkn_items_symbol(memory, &memory->rows.items[row]) : 0;
}

PKERN_API pkern_status pkern_hdc_item_memory_cleanup(pkern_pool *pool,
                                                     const pkern_hdc_item_memory *memory,
                                                     const uint64_t *queries, size_t n_queries,
                                                     uint32_t max_distance, pkern_hdc_match *out) {
    pkern_status status;
    if (!memory) {
        return PKERN_EINVAL;
    }
    status = pkern_hdc_nearest(pool, queries, n_queries, pkern_hdc_item_memory_vectors(memory),
                               memory->count, memory->words, out);
    for (size_t i = 0; status == PKERN_OK && i < n_queries; i++) {
        if (out[i].distance > max_distance) {
            out[i].index = SIZE_MAX;
            out[i].distance = UINT32_MAX;
            out[i].similarity = 0;
        }
    }
    return status;
}

#endif
