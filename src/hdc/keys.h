/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The k smallest of a stream of keys. A key is distance << 32 | index, so that the order of keys is
   by distance and then by index, all keys differ, and which k are the smallest depends on nothing
   else. */
#ifndef PKN_HDC_KEYS_H
#define PKN_HDC_KEYS_H

#include "base/bits.h"
#include "base/compiler.h"
#include "simd/dispatch.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* "no key"; greater than all, since an index is at most 2^32 - 2 */
#define PKN_NO_KEY UINT64_MAX

PKN_INLINE void pkn_keys_swap(uint64_t *a, uint64_t *b) {
    uint64_t key = *a;
    *a = *b;
    *b = key;
}

/* Inserts key into the sorted keys [k], where it is smaller than the last one, which drops out. */
PKN_INLINE void pkn_keys_insert(uint64_t *keys, size_t k, uint64_t key) {
    size_t i = k - 1;
    for (; i > 0 && keys[i - 1] > key; i--) {
        keys[i] = keys[i - 1];
    }
    keys[i] = key;
}

PKN_INLINE void pkn_keys_insertion_sort(uint64_t *keys, size_t n) {
    for (size_t i = 1; i < n; i++) {
        pkn_keys_insert(keys, i + 1, keys[i]);
    }
}

PKN_INLINE void pkn_keys_sift(uint64_t *keys, size_t n, size_t root) {
    uint64_t key = keys[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && keys[child + 1] > keys[child];
        if (keys[child] <= key) {
            break;
        }
        keys[root] = keys[child];
        root = child;
    }
    keys[root] = key;
}

PKN_INTERNAL void pkn_keys_heap_sort(uint64_t *keys, size_t n) {
    for (size_t root = n / 2; root > 0; root--) {
        pkn_keys_sift(keys, n, root - 1);
    }
    for (size_t last = n; last > 1; last--) {
        pkn_keys_swap(keys, keys + last - 1);
        pkn_keys_sift(keys, last - 1, 0);
    }
}

/* Splits keys [n], n >= 3, by the median of three: all before the result are at most keys[result],
   all behind at least. The loop is without branches on data: keys below the pivot are swapped to
   the front one after another. */
PKN_INLINE size_t pkn_keys_partition(uint64_t *keys, size_t n) {
    size_t front = 0;
    uint64_t pivot;
    if (keys[n / 2] < keys[0]) {
        pkn_keys_swap(keys, keys + n / 2);
    }
    if (keys[n - 1] < keys[n / 2]) {
        pkn_keys_swap(keys + n / 2, keys + n - 1);
        if (keys[n / 2] < keys[0]) {
            pkn_keys_swap(keys, keys + n / 2);
        }
    }
    pkn_keys_swap(keys + n / 2, keys + n - 1);
    pivot = keys[n - 1];
    for (size_t i = 0; i < n - 1; i++) {
        uint64_t key = keys[i];
        keys[i] = keys[front];
        keys[front] = key;
        front += key < pivot;
    }
    pkn_keys_swap(keys + front, keys + n - 1);
    return front;
}

/* Moves the k smallest of keys [n] to the front, in any order; k < n. Expected O(n); a bad run of
   pivots ends in a sort. */
PKN_INTERNAL void pkn_keys_select(uint64_t *keys, size_t n, size_t k) {
    for (int rounds = 0; n > 16; rounds++) {
        size_t middle;
        if (rounds == 64) {
            pkn_keys_heap_sort(keys, n);
            return;
        }
        middle = pkn_keys_partition(keys, n);
        if (k <= middle) {
            n = middle;
        } else {
            keys += middle + 1;
            n -= middle + 1;
            k -= middle + 1;
        }
        if (k == 0 || k == n) {
            return;
        }
    }
    pkn_keys_insertion_sort(keys, n);
}

/* Quicksort whose larger parts wait on a stack of their own (at most log2 n of them). Partitions
   that have cost 64 passes over all keys came from bad pivots; heap sort does the rest. */
PKN_INTERNAL void pkn_keys_sort(uint64_t *keys, size_t n) {
    size_t waiting_n[64];
    uint64_t *waiting[64];
    int depth = 0;
    uint64_t budget = (uint64_t)n * 64;
    for (;;) {
        while (n > 24 && budget >= n) {
            size_t middle = pkn_keys_partition(keys, n);
            size_t right = n - middle - 1;
            budget -= n;
            if (middle > right) {
                waiting[depth] = keys;
                waiting_n[depth++] = middle;
                keys += middle + 1;
                n = right;
            } else {
                waiting[depth] = keys + middle + 1;
                waiting_n[depth++] = right;
                n = middle;
            }
        }
        if (n > 24) {
            pkn_keys_heap_sort(keys, n);
        } else {
            pkn_keys_insertion_sort(keys, n);
        }
        if (depth == 0) {
            return;
        }
        keys = waiting[--depth];
        n = waiting_n[depth];
    }
}

/* The smallest bound, above low and up to high, of which k keys [n] are below bound << shift; there
   are k below high << shift, but not below low << shift. In steps that double, from high downwards,
   then by halving. */
PKN_INLINE uint64_t pkn_keys_bound(const uint64_t *keys, size_t n, size_t k, uint64_t low,
                                   uint64_t high, unsigned shift) {
    uint64_t step = 16;
    while (high - low > 1) {
        uint64_t middle = step != 0 && high - low > step ? high - step : low + (high - low) / 2;
        if (pkn_simd()->count_below_u64(keys, n, middle << shift) < k) {
            low = middle;
            step = 0;
        } else {
            high = middle;
            step *= 2;
        }
    }
    return high;
}

/* Drops keys [n], n >= k > 0, that are not among the k smallest; the others keep their order. Of keys as far as
   the k-th up to k / 2 too many may stay. No key is farther than *limit, which becomes the distance
   of the k-th. Returns how many are left. */
PKN_INTERNAL size_t pkn_keys_shrink(uint64_t *keys, size_t n, size_t k, uint64_t *limit) {
    uint64_t last = pkn_keys_bound(keys, n, k, 0, *limit + 1, 32) - 1;
    n = pkn_simd()->keep_below_u64(keys, n, last << 32 | UINT32_MAX);
    if (n - k > k / 2) {
        uint64_t bound = pkn_keys_bound(keys, n, k, last << 32, last << 32 | UINT32_MAX, 0);
        n = pkn_simd()->keep_below_u64(keys, n, bound);
    }
    *limit = last;
    return n;
}

/* Distances of the same memory are close together, so sorting by counting them is faster than by comparing
   keys: where there are so many that clearing the counters pays, and the distances don't span too much. */
#define PKN_KEYS_COUNTED 32
#define PKN_KEYS_SPAN 1024

/* counts[d - *lowest] becomes the number of keys [n] nearer than d, n > 0. 0 where the distances
   span too much and nothing was done. */
PKN_INLINE int pkn_keys_places(const uint64_t *keys, size_t n, uint32_t *counts, uint64_t *lowest) {
    uint64_t low = UINT64_MAX, high = 0;
    uint32_t place = 0;
    size_t span;
    for (size_t i = 0; i < n; i++) {
        low = keys[i] < low ? keys[i] : low;
        high = keys[i] > high ? keys[i] : high;
    }
    *lowest = low >> 32;
    if (n > UINT32_MAX || (high >> 32) - *lowest >= PKN_KEYS_SPAN) {
        return 0;
    }
    span = (size_t)((high >> 32) - *lowest) + 1;
    memset(counts, 0, span * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        counts[(keys[i] >> 32) - *lowest]++;
    }
    for (size_t i = 0; i < span; i++) {
        uint32_t count = counts[i];
        counts[i] = place;
        place += count;
    }
    return 1;
}

#endif
