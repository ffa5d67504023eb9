/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters as plain words: no scenario reads another thread's, so they are no points of choice, and a second writer is a race that the
   explorer reports. */
#ifndef PKN_EXPLORE_COUNT_H
#define PKN_EXPLORE_COUNT_H

#include "base/atomic.h"

typedef struct pkn_count {
    uint64_t word;
} pkn_count;

PKN_INLINE uint64_t pkn_count_read(const pkn_count *count) {
    return count->word;
}

PKN_INLINE void pkn_count_set(pkn_count *count, uint64_t value) {
    count->word = value;
}

PKN_INLINE void pkn_count_add(pkn_count *count, uint64_t n) {
    count->word += n;
}

PKN_INLINE void pkn_count_publish(pkn_count *count, uint64_t value) {
    count->word = value;
}

PKN_INLINE uint64_t pkn_count_read_published(const pkn_count *count) {
    return count->word;
}

#endif
