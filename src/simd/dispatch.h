/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The kernel table in use. Layers above call kernels through it: pkn_simd()->hamming_u64(a, b,
   words). */
#ifndef PKN_SIMD_DISPATCH_H
#define PKN_SIMD_DISPATCH_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "simd/kernels.h"

#include <stddef.h>
#include <stdint.h>

/* An instruction set: its names, what it needs, its kernels. */
typedef struct pkn_simd_set {
    const char *name;   /* what PKERN_ISA and pkern_simd_isa call it */
    const char *family; /* PKERN_ISA may also name the family: its best set */
    uint32_t features;  /* PKN_CPU_* bits, all of which it needs */
    pkn_simd_kernels kernels;
} pkn_simd_set;

/* The set in use, 0 before the first call. All sets are constants, so the pointer publishes nothing
   but itself. */
static pkn_atomic_ptr pkn_simd_active = {0};

/* All sets of this architecture, best first; the last one is scalar. */
PKN_INTERNAL const pkn_simd_set *pkn_simd_sets(size_t *n_sets);

/* The best set that features allow, or the best of those called `wanted` (a name or a family; may
   be 0). */
PKN_INTERNAL const pkn_simd_set *pkn_simd_choose(uint32_t features, const char *wanted);

/* Chooses by CPU and environment and remembers it. Threads that come here at once choose the same.
 */
PKN_INTERNAL const pkn_simd_set *pkn_simd_resolve(void);

PKN_INLINE const pkn_simd_set *pkn_simd_current(void) {
    const pkn_simd_set *set = (const pkn_simd_set *)pkn_atomic_load_relaxed_ptr(&pkn_simd_active);
    return PKN_LIKELY(set != 0) ? set : pkn_simd_resolve();
}

PKN_INLINE const pkn_simd_kernels *pkn_simd(void) {
    return &pkn_simd_current()->kernels;
}

#endif
