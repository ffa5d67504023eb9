/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters that one thread writes and any thread reads: an addition is a load and a store, no locked instruction. */
#ifndef PKN_BASE_COUNT_H
#define PKN_BASE_COUNT_H

#include "base/atomic.h"

typedef struct pkn_count {
    pkn_atomic_u64 word;
} pkn_count;

PKN_INLINE uint64_t pkn_count_read(const pkn_count *count) {
    return pkn_atomic_load_relaxed_u64(&count->word);
}

PKN_INLINE void pkn_count_set(pkn_count *count, uint64_t value) {
    pkn_atomic_store_relaxed_u64(&count->word, value);
}

PKN_INLINE void pkn_count_add(pkn_count *count, uint64_t n) {
    pkn_count_set(count, pkn_count_read(count) + n);
}

/* A count of things written: who reads it so sees those things. */
PKN_INLINE void pkn_count_publish(pkn_count *count, uint64_t value) {
    pkn_atomic_store_release_u64(&count->word, value);
}

PKN_INLINE uint64_t pkn_count_read_published(const pkn_count *count) {
    return pkn_atomic_load_acquire_u64(&count->word);
}

#endif
