/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Memory between two forbidden pages, and the sets of kernels that this CPU can run. */
#ifndef PKN_TEST_SIMD_FENCE_H
#define PKN_TEST_SIMD_FENCE_H

#include <sys/mman.h>
#include <unistd.h>

enum {
    FENCE_BYTES = 32768
}; /* usable bytes of a fenced array; a multiple of 4, 16 and 32 KiB pages' common sizes */
enum { FENCE_FILL = 0xa5 };

/* FENCE_BYTES bytes; touching the byte before or behind them is a crash. */
static inline unsigned char *fence_new(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((size_t)FENCE_BYTES + page - 1) / page * page;
    unsigned char *all = (unsigned char *)mmap(0, bytes + 2 * page, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(all != MAP_FAILED);
    cr_assert_eq(mprotect(all, page, PROT_NONE), 0);
    cr_assert_eq(mprotect(all + page + bytes, page, PROT_NONE), 0);
    cr_assert_eq(bytes, (size_t)FENCE_BYTES);
    return all + page;
}

/* Where an array of n elements of size bytes begins: `place` 0 ends at the upper fence; 1 .. 8
   begin 0 .. 7 words above the lower one. So both fences and all offsets to a 64-byte line are met.
 */
enum { FENCE_PLACES = 9 };
static inline void *fence_place(unsigned char *fence, size_t n, size_t size, int place) {
    memset(fence, FENCE_FILL, FENCE_BYTES);
    return place == 0 ? fence + FENCE_BYTES - n * size : fence + 8 * (place - 1);
}

/* The bytes outside of the array still have what fence_place wrote. */
static inline int fence_is_untouched(const unsigned char *fence, const void *array, size_t bytes) {
    size_t begin = (size_t)((const unsigned char *)array - fence);
    for (size_t i = 0; i < FENCE_BYTES; i++) {
        if ((i < begin || i >= begin + bytes) && fence[i] != FENCE_FILL) return 0;
    }
    return 1;
}

/* The next set of kernels that runs on this CPU, the first after 0; 0 after the last. */
static inline const pkn_simd_set *fence_next_set(const pkn_simd_set *set) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    uint32_t features = pkn_cpu_features();
    for (set = set ? set + 1 : sets; set < sets + n_sets; set++) {
        if ((set->features & ~features) == 0) return set;
    }
    return 0;
}

/* What the dispatched functions use from now on; 0: they choose again. */
static inline void fence_use_set(const pkn_simd_set *set) {
    void *value;
    memcpy(&value, &set, sizeof value);
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, value);
}

#endif
