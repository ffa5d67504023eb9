/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The inside of an item memory: parallel arrays of rows, a hash table from symbols to rows, and
   the symbols' bytes.

   The table has twice as many slots as there is room for rows, a power of two; a slot holds row +
   1, 0 is empty, and a symbol is in the first free slot from its hash on. Removal moves later
   entries of the run forward, so there are no marks of removed ones and a search ends at the first
   empty slot. Bytes of removed symbols stay until the bytes are full and are copied. */
#ifndef PKN_HDC_ITEM_TABLE_H
#define PKN_HDC_ITEM_TABLE_H

#include "base/alloc.h"
#include "hdc/checksum.h"
#include "hdc/item_memory.h"

#define PKN_ITEMS_FIRST_ROWS 16
#define PKN_ITEMS_FIRST_BYTES 256

typedef struct pkn_item {
    uint64_t hash;
    size_t start, bytes; /* of the symbol */
} pkn_item;

/* One block of memory: vectors, items, slots. */
typedef struct pkn_item_rows {
    uint64_t *vectors;
    pkn_item *items;
    size_t *slots;
    size_t capacity; /* 0 or a power of two; slots are twice as many */
    size_t bytes;
} pkn_item_rows;

struct pkern_hdc_item_memory {
    size_t words, count;
    uint64_t seed;
    pkn_item_rows rows;
    unsigned char *symbols;
    size_t symbols_capacity, symbols_end; /* end: where the next symbol goes */
    size_t symbols_used;                  /* of those that are there */
    pkern_allocator allocator;
};

/* Of an item that is there; one without bytes has its own place, too. */
PKN_INLINE const void *pkn_items_symbol(const pkern_hdc_item_memory *memory, const pkn_item *item) {
    return item->bytes > 0 ? (const void *)(memory->symbols + item->start) : (const void *)"";
}

PKN_INLINE size_t pkn_items_next_slot(const pkn_item_rows *rows, size_t slot) {
    return (slot + 1) & (2 * rows->capacity - 1);
}

/* The symbol's slot, or the empty one where it would be; there must be slots. */
PKN_INTERNAL size_t pkn_items_slot(const pkern_hdc_item_memory *memory, uint64_t hash,
                                   const void *symbol, size_t bytes) {
    const pkn_item_rows *rows = &memory->rows;
    size_t slot = (size_t)hash & (2 * rows->capacity - 1);
    for (; rows->slots[slot] != 0; slot = pkn_items_next_slot(rows, slot)) {
        const pkn_item *item = &rows->items[rows->slots[slot] - 1];
        if (item->hash == hash && item->bytes == bytes &&
            (bytes == 0 || memcmp(pkn_items_symbol(memory, item), symbol, bytes) == 0)) {
            break;
        }
    }
    return slot;
}

/* Empties a slot and moves the run behind it together: an entry may go forward into the gap unless
   its own first slot lies between gap and entry. */
PKN_INTERNAL void pkn_items_clear_slot(pkn_item_rows *rows, size_t gap) {
    size_t mask = 2 * rows->capacity - 1;
    for (size_t slot = pkn_items_next_slot(rows, gap); rows->slots[slot] != 0;
         slot = pkn_items_next_slot(rows, slot)) {
        size_t wanted = (size_t)rows->items[rows->slots[slot] - 1].hash & mask;
        if (((slot - wanted) & mask) >= ((slot - gap) & mask)) {
            rows->slots[gap] = rows->slots[slot];
            gap = slot;
        }
    }
    rows->slots[gap] = 0;
}

/* Sets the slots of all rows, which have different symbols. */
PKN_INTERNAL void pkn_items_fill_slots(pkn_item_rows *rows, size_t count) {
    size_t mask = 2 * rows->capacity - 1;
    memset(rows->slots, 0, 2 * rows->capacity * sizeof *rows->slots);
    for (size_t row = 0; row < count; row++) {
        size_t slot = (size_t)rows->items[row].hash & mask;
        while (rows->slots[slot] != 0) {
            slot = pkn_items_next_slot(rows, slot);
        }
        rows->slots[slot] = row + 1;
    }
}

/* Room for n rows. */
PKN_INTERNAL pkern_status pkn_items_reserve_rows(pkern_hdc_item_memory *memory, size_t n) {
    pkn_item_rows *old = &memory->rows, rows;
    size_t words = memory->words;
    size_t per_row = words * 8 + sizeof(pkn_item) + 2 * sizeof *rows.slots;
    size_t capacity = pkn_max_size(old->capacity, PKN_ITEMS_FIRST_ROWS);
    if (n <= old->capacity) {
        return PKERN_OK;
    }
    while (capacity < n && capacity <= SIZE_MAX / 4) {
        capacity *= 2;
    }
    if (capacity < n || pkn_mul_overflows_size(capacity, per_row, &rows.bytes)) {
        return PKERN_EOVERFLOW;
    }
    rows.capacity = capacity;
    rows.vectors = (uint64_t *)pkn_allocate(&memory->allocator, rows.bytes, PKN_CACHE_LINE);
    if (!rows.vectors) {
        return PKERN_ENOMEM;
    }
    /* all three are of 8 bytes' alignment at most, and whole multiples of it */
    rows.items = (pkn_item *)(void *)(rows.vectors + capacity * words);
    rows.slots = (size_t *)(void *)(rows.items + capacity);
    if (memory->count > 0) {
        memcpy(rows.vectors, old->vectors, memory->count * words * 8);
        memcpy(rows.items, old->items, memory->count * sizeof(pkn_item));
    }
    pkn_items_fill_slots(&rows, memory->count);
    pkn_release(&memory->allocator, old->vectors, old->bytes);
    *old = rows;
    return PKERN_OK;
}

/* Room for a symbol of n bytes. Where there is none, what is used moves to a block of at least
   twice its size, so a byte is moved O(1) times a byte that was added. */
PKN_INTERNAL pkern_status pkn_items_reserve_bytes(pkern_hdc_item_memory *memory, size_t n) {
    size_t capacity, end = 0;
    unsigned char *symbols;
    if (n <= memory->symbols_capacity - memory->symbols_end) {
        return PKERN_OK;
    }
    if (pkn_add_overflows_size(memory->symbols_used, n, &capacity) ||
        pkn_mul_overflows_size(capacity, 2, &capacity)) {
        return PKERN_EOVERFLOW;
    }
    capacity = pkn_max_size(capacity, PKN_ITEMS_FIRST_BYTES);
    symbols = (unsigned char *)pkn_allocate(&memory->allocator, capacity, 8);
    if (!symbols) {
        return PKERN_ENOMEM;
    }
    for (size_t row = 0; row < memory->count; row++) {
        pkn_item *item = &memory->rows.items[row];
        if (item->bytes > 0) {
            memcpy(symbols + end, memory->symbols + item->start, item->bytes);
        }
        item->start = end;
        end += item->bytes;
    }
    pkn_release(&memory->allocator, memory->symbols, memory->symbols_capacity);
    memory->symbols = symbols;
    memory->symbols_capacity = capacity;
    memory->symbols_end = end;
    return PKERN_OK;
}

#endif
