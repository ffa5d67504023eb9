/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The k best of a stream of scored candidates: the larger rank first, among equals the lower id. No
   two candidates have both alike, so which ones are the best depends on nothing else. A heap whose
   root is the worst that is still in: a candidate that gets in costs O(log k), any other one
   comparison. */
#ifndef PKN_HDC_BEST_H
#define PKN_HDC_BEST_H

#include "base/bits.h"
#include "base/compiler.h"
#include "base/platform.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pkn_best_entry {
    uint64_t rank;
    uint64_t id;
    size_t place;
} pkn_best_entry;

typedef struct pkn_best {
    pkn_best_entry *entries; /* [k] */
    size_t count, k;
} pkn_best;

/* Ranks in the order of the scores. */
PKN_INLINE uint64_t pkn_rank_of_i64(int64_t score) {
    return (uint64_t)score ^ UINT64_C(1) << 63;
}

PKN_INLINE int64_t pkn_i64_of_rank(uint64_t rank) {
    return (int64_t)(rank ^ UINT64_C(1) << 63);
}

/* The score is a number; -0 counts as 0. */
PKN_INLINE uint64_t pkn_rank_of_f64(double score) {
    uint64_t bits;
    score += 0.0;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

PKN_INLINE double pkn_f64_of_rank(uint64_t rank) {
    uint64_t bits = rank >> 63 ? rank & ~(UINT64_C(1) << 63) : ~rank;
    double score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

PKN_INLINE int pkn_best_before(const pkn_best_entry *a, const pkn_best_entry *b) {
    return a->rank != b->rank ? a->rank > b->rank : a->id < b->id;
}

/* Puts entry where the root was. */
PKN_INLINE void pkn_best_sift(pkn_best_entry *entries, size_t n, pkn_best_entry entry) {
    size_t root = 0;
    for (size_t child = 1; child < n; child = 2 * root + 1) {
        child += child + 1 < n && pkn_best_before(&entries[child], &entries[child + 1]);
        if (!pkn_best_before(&entry, &entries[child])) {
            break;
        }
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = entry;
}

PKN_INLINE void pkn_best_offer(pkn_best *best, uint64_t rank, uint64_t id, size_t place) {
    pkn_best_entry entry;
    entry.rank = rank;
    entry.id = id;
    entry.place = place;
    if (best->count < best->k) {
        size_t i = best->count++;
        while (i > 0 && pkn_best_before(&best->entries[(i - 1) / 2], &entry)) {
            best->entries[i] = best->entries[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        best->entries[i] = entry;
    } else if (best->k > 0 && pkn_best_before(&entry, &best->entries[0])) {
        pkn_best_sift(best->entries, best->k, entry);
    }
}

/* Sorts what is in, the best first; the list is no heap any more. */
PKN_INLINE void pkn_best_sort(pkn_best *best) {
    for (size_t n = best->count; n > 1; n--) {
        pkn_best_entry last = best->entries[n - 1];
        best->entries[n - 1] = best->entries[0];
        pkn_best_sift(best->entries, n - 1, last);
    }
}

#endif
