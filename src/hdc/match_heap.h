/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A row of matches that keeps the first `room` of all that are put in, in an order that says which
   of two comes first: a heap with the last one on top, sorted in the end. */
#ifndef PKN_HDC_MATCH_HEAP_H
#define PKN_HDC_MATCH_HEAP_H

#include "hdc/hdc.h"

typedef struct pkn_match_heap {
    pkern_hdc_match *matches;
    size_t count, room;
    int by_distance; /* then index; else by index */
} pkn_match_heap;

PKN_INLINE int pkn_match_before(const pkern_hdc_match *a, const pkern_hdc_match *b,
                                int by_distance) {
    return by_distance && a->distance != b->distance ? a->distance < b->distance
                                                     : a->index < b->index;
}

PKN_INTERNAL void pkn_match_heap_sift(pkn_match_heap *heap, size_t root, size_t n) {
    pkern_hdc_match match = heap->matches[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && pkn_match_before(&heap->matches[child], &heap->matches[child + 1],
                                                   heap->by_distance);
        if (pkn_match_before(&heap->matches[child], &match, heap->by_distance)) {
            break;
        }
        heap->matches[root] = heap->matches[child];
        root = child;
    }
    heap->matches[root] = match;
}

PKN_INTERNAL void pkn_match_heap_put(pkn_match_heap *heap, const pkern_hdc_match *match) {
    if (heap->count < heap->room) {
        heap->matches[heap->count++] = *match;
        if (heap->count == heap->room) {
            for (size_t root = heap->room / 2; root > 0; root--) {
                pkn_match_heap_sift(heap, root - 1, heap->room);
            }
        }
    } else if (heap->room > 0 && pkn_match_before(match, &heap->matches[0], heap->by_distance)) {
        heap->matches[0] = *match;
        pkn_match_heap_sift(heap, 0, heap->room);
    }
}

/* The matches in order. Only a full heap is one, so a row of `room` matches is expected. */
PKN_INTERNAL void pkn_match_heap_sort(pkn_match_heap *heap) {
    for (size_t last = heap->count; last > 1; last--) {
        pkern_hdc_match match = heap->matches[0];
        heap->matches[0] = heap->matches[last - 1];
        heap->matches[last - 1] = match;
        pkn_match_heap_sift(heap, 0, last - 1);
    }
}

#endif
