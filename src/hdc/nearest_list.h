/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A query's list of the k nearest targets so far.

   Its keys are those of keys.h. Up to PKN_NEAREST_SORTED it is kept sorted, by insertion. Above,
   keys are appended to a buffer of 2 k; when it is full, a selection halves it: amortised O(1) a key
   for any k. Targets come by ascending index. */
#ifndef PKN_HDC_NEAREST_LIST_H
#define PKN_HDC_NEAREST_LIST_H

#include "hdc/keys.h"
#include "hdc/tiles.h"
#include "simd/dispatch.h"

#define PKN_NEAREST_SORTED 4

/* The list of one query. */
typedef struct pkn_nearest_list {
    uint64_t *keys;
    size_t count;
    uint64_t limit; /* distances from here on can't get in; above UINT32_MAX while all can */
} pkn_nearest_list;

/* keys [n] ascend by index, so of two with the same distance the one in the list stays: below the
   limit is exact. */
PKN_INLINE void pkn_nearest_insert(pkn_nearest_list *list, size_t k, const uint64_t *keys,
                                   size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (keys[i] < list->keys[k - 1]) {
            pkn_keys_insert(list->keys, k, keys[i]);
        }
    }
    if (list->keys[k - 1] != PKN_NO_KEY) {
        list->limit = list->keys[k - 1] >> 32;
    }
}

/* All distances as keys, for a list that is not full yet. */
PKN_INLINE void pkn_nearest_all(const uint32_t *distances, size_t n, uint32_t first,
                                uint64_t *keys) {
    for (size_t i = 0; i < n; i++) {
        keys[i] = (uint64_t)distances[i] << 32 | (first + (uint32_t)i);
    }
}

PKN_INLINE void pkn_nearest_look_sorted(pkn_nearest_list *list, size_t k, const uint32_t *distances,
                                        size_t n, uint32_t first) {
    uint64_t keys[PKN_BLOCK_MAX_TARGETS];
    while (list->limit > UINT32_MAX && n > 0) {
        size_t head = pkn_min_size(n, k);
        pkn_nearest_all(distances, head, first, keys);
        pkn_nearest_insert(list, k, keys, head);
        distances += head;
        first += (uint32_t)head;
        n -= head;
    }
    if (n > 0) {
        size_t count = pkn_simd()->below_u32(distances, n, (uint32_t)list->limit, first, keys);
        if (PKN_UNLIKELY(count > 0)) {
            pkn_nearest_insert(list, k, keys, count);
        }
    }
}

/* The keys keep their order, which is that of the targets. */
PKN_INTERNAL void pkn_nearest_shrink(pkn_nearest_list *list, size_t k) {
    if (list->limit > UINT32_MAX) {
        uint64_t farthest = 0;
        for (size_t i = 0; i < list->count; i++) {
            farthest = list->keys[i] > farthest ? list->keys[i] : farthest;
        }
        list->limit = farthest >> 32;
    }
    list->count = pkn_keys_shrink(list->keys, list->count, k, &list->limit);
}

PKN_INLINE void pkn_nearest_look_buffered(pkn_nearest_list *list, size_t k,
                                          const uint32_t *distances, size_t n, uint32_t first) {
    if (list->limit > UINT32_MAX) {
        pkn_nearest_all(distances, n, first, list->keys + list->count);
        list->count += n;
    } else {
        list->count += pkn_simd()->below_u32(distances, n, (uint32_t)list->limit, first,
                                             list->keys + list->count);
    }
    if (list->count >= 2 * k) {
        pkn_nearest_shrink(list, k);
    }
}

#endif
