/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection in place, as an inline function of the element size and the comparison: with both
   constant the compiler makes a typed select of it, so the generic function and the typed macro
   share one algorithm.

   Tuned for arrays of 10^3 to 10^7 small elements. Invariants, whatever the comparison answers:
   every index is checked against the range and not against a sentinel's value; every round takes at
   least the pivot out of the range; elements only swap places. Of the comparison only "below 0 or
   not" is used. */
#ifndef PKN_PAR_INTROSELECT_H
#define PKN_PAR_INTROSELECT_H

#include "base/compiler.h"

#include <stddef.h>
#include <string.h>

typedef int (*pkn_compare)(const void *a, const void *b, void *ctx);

/* Ranges of at most this many elements are sorted by insertion. */
#define PKN_SELECT_SMALL 16
/* The pivot is the middle one of so many samples: odd, and at most PKN_SELECT_SMALL. */
#define PKN_SELECT_SAMPLES 9
/* Rounds that leave more than 7/8 of their range, before selection gives way to a heap sort: with
   good rounds at most 8 n element visits in all, such rounds add at most 8 n. */
#define PKN_SELECT_BAD_ROUNDS 8

/* a == b is fine. Two buffers, since memcpy may not overlap itself. */
PKN_ALWAYS_INLINE void pkn_swap_elements(unsigned char *a, unsigned char *b, size_t size) {
    unsigned char from_a[64];
    unsigned char from_b[64];
    while (size > sizeof from_a) {
        memcpy(from_a, a, sizeof from_a);
        memcpy(from_b, b, sizeof from_b);
        memcpy(a, from_b, sizeof from_a);
        memcpy(b, from_a, sizeof from_a);
        a += sizeof from_a;
        b += sizeof from_a;
        size -= sizeof from_a;
    }
    memcpy(from_a, a, size);
    memcpy(from_b, b, size);
    memcpy(a, from_b, size);
    memcpy(b, from_a, size);
}

PKN_ALWAYS_INLINE void pkn_insertion_sort(unsigned char *base, size_t n, size_t size,
                                          pkn_compare compare, void *ctx) {
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0; j--) {
            unsigned char *right = base + j * size;
            if (compare(right, right - size, ctx) >= 0) {
                break;
            }
            pkn_swap_elements(right, right - size, size);
        }
    }
}

PKN_INLINE void pkn_sift_down(unsigned char *base, size_t root, size_t n, size_t size,
                              pkn_compare compare, void *ctx) {
    while (root < n / 2) {
        size_t child = 2 * root + 1;
        if (child + 1 < n && compare(base + child * size, base + (child + 1) * size, ctx) < 0) {
            child++;
        }
        if (compare(base + root * size, base + child * size, ctx) >= 0) {
            return;
        }
        pkn_swap_elements(base + root * size, base + child * size, size);
        root = child;
    }
}

/* The end of all patience: 2 n log2 n comparisons whatever they answer. Never inlined into the
   typed code. */
PKN_INTERNAL PKN_NOINLINE void pkn_heap_sort(unsigned char *base, size_t n, size_t size,
                                             pkn_compare compare, void *ctx) {
    for (size_t root = n / 2; root-- > 0;) {
        pkn_sift_down(base, root, n, size, compare, ctx);
    }
    for (size_t last = n; last-- > 1;) {
        pkn_swap_elements(base, base + last * size, size);
        pkn_sift_down(base, 0, last, size, compare, ctx);
    }
}

/* Moves the elements below pivot (or_equal: not above pivot) to the front and returns how many;
   pivot lies outside of the range. Elements of up to 16 bytes move without a branch: one is held
   back, the others pass through the hole it leaves. A mispredicted branch costs more than the
   moves, and at a good pivot every second one would be. */
PKN_ALWAYS_INLINE size_t pkn_partition(unsigned char *base, size_t n, size_t size,
                                       const void *pivot, int or_equal, pkn_compare compare,
                                       void *ctx) {
#define PKN_GOES_LOW(x) (or_equal ? !(compare(pivot, (x), ctx) < 0) : compare((x), pivot, ctx) < 0)
    size_t low = 0;
    if (n == 0) {
        return 0;
    }
    if (size <= 16) {
        unsigned char held[16];
        unsigned char first_high[16];
        unsigned char moving[16];
        unsigned char *hole = base;
        int held_goes_low = PKN_GOES_LOW(base);
        memcpy(held, base, size);
        for (size_t i = 1; i < n; i++) {
            unsigned char *element = base + i * size;
            unsigned char *border = base + low * size;
            int goes_low = PKN_GOES_LOW(element);
            memcpy(moving, element, size);
            memcpy(first_high, border, size);
            memcpy(hole, first_high, size);
            memcpy(border, moving, size);
            hole = element;
            low += (size_t)goes_low;
        }
        memcpy(first_high, base + low * size, size);
        memcpy(hole, first_high, size);
        memcpy(base + low * size, held, size);
        return low + (size_t)held_goes_low;
    }
    for (size_t i = 0; i < n; i++) {
        if (PKN_GOES_LOW(base + i * size)) {
            if (low != i) {
                pkn_swap_elements(base + low * size, base + i * size, size);
            }
            low++;
        }
    }
    return low;
#undef PKN_GOES_LOW
}

/* Sorts samples from all over the range to its front and puts the middle one first. */
PKN_ALWAYS_INLINE void pkn_pivot_to_front(unsigned char *base, size_t n, size_t size,
                                          pkn_compare compare, void *ctx) {
    size_t step = n / PKN_SELECT_SAMPLES;
    for (size_t i = 1; i < PKN_SELECT_SAMPLES; i++) {
        pkn_swap_elements(base + i * size, base + (i * step + step / 2) * size, size);
    }
    pkn_insertion_sort(base, PKN_SELECT_SAMPLES, size, compare, ctx);
    pkn_swap_elements(base, base + PKN_SELECT_SAMPLES / 2 * size, size);
}

/* nth < n */
PKN_ALWAYS_INLINE void pkn_introselect(unsigned char *base, size_t n, size_t size, size_t nth,
                                       pkn_compare compare, void *ctx) {
    int bad_rounds = 0;
    while (n > PKN_SELECT_SMALL) {
        /* A copy that never changes can stay in a register where compare is inlined. */
        PKN_ALIGNED(64) unsigned char pivot_copy[64];
        const unsigned char *pivot = base;
        size_t low;
        size_t taken;
        pkn_pivot_to_front(base, n, size, compare, ctx);
        if (size <= sizeof pivot_copy) {
            memcpy(pivot_copy, base, size);
            pivot = pivot_copy;
        }
        low = pkn_partition(base + size, n - 1, size, pivot, 0, compare, ctx);
        pkn_swap_elements(base, base + low * size, size);
        if (nth == low) {
            return;
        }
        if (nth < low) {
            bad_rounds += low > n - n / 8;
            n = low;
        } else {
            unsigned char *rest = base + (low + 1) * size;
            taken = low + 1;
            /* Few below the pivot: many may equal it, and those are done with at once. */
            if (low < n / 8) {
                taken += pkn_partition(rest, n - taken, size, base + low * size, 1, compare, ctx);
                if (nth < taken) {
                    return;
                }
                bad_rounds += taken < n / 8;
            }
            base += taken * size;
            nth -= taken;
            n -= taken;
        }
        if (bad_rounds > PKN_SELECT_BAD_ROUNDS) {
            pkn_heap_sort(base, n, size, compare, ctx);
            return;
        }
    }
    pkn_insertion_sort(base, n, size, compare, ctx);
}

#endif
