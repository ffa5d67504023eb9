/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The shipped atomic.h with the compiler's builtins turned to the explorer. */
#ifndef PKN_EXPLORE_ATOMIC_H
#define PKN_EXPLORE_ATOMIC_H

#include "base/compiler.h"
#include "explore.h"

#define __atomic_load_n(p, order) ((__typeof__(*(p)))explore_load((p), sizeof *(p), order))
#define __atomic_store_n(p, x, order) explore_store((p), sizeof *(p), (uint64_t)(x), order)
#define __atomic_exchange_n(p, x, order) \
    ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), EXPLORE_EXCHANGE, (uint64_t)(x), order))
#define __atomic_fetch_add(p, x, order) ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), EXPLORE_ADD, (uint64_t)(x), order))
#define __atomic_fetch_sub(p, x, order) ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), EXPLORE_SUB, (uint64_t)(x), order))
#define __atomic_fetch_and(p, x, order) ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), EXPLORE_AND, (uint64_t)(x), order))
#define __atomic_fetch_or(p, x, order) ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), EXPLORE_OR, (uint64_t)(x), order))
#define __atomic_compare_exchange_n(p, expected, x, weak, success, failure) \
    explore_cas((p), sizeof *(p), (expected), (uint64_t)(x), success, failure)
#define __atomic_thread_fence(order) explore_fence(order)
#define __atomic_signal_fence(order) ((void)0)
#define pkn_cpu_relax pkn_cpu_relax_shipped

/* the fence is C11's, whatever stands in for it on this processor */
#undef PKN_ARCH_X86
#define PKN_ARCH_X86 0
#undef PKN_TSAN
#define PKN_TSAN 0
#include "base/shipped/atomic.h"

#undef pkn_cpu_relax
/* What the mutants put in the place of stronger calls, where the library has no use for it. */
#define PKN_DEFINE_RELAXED(suffix, type) \
    PKN_INLINE type pkn_atomic_exchange_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_exchange_n(&a->value, x, __ATOMIC_RELAXED); \
    }
PKN_DEFINE_RELAXED(u32, uint32_t)
PKN_DEFINE_RELAXED(u64, uint64_t)
PKN_DEFINE_RELAXED(size, size_t)
PKN_DEFINE_RELAXED(ptr, void *)
PKN_INLINE void explore_no_fence(void) {
}
#define EXPLORE_SITE(number, call, weaker) (explore_mutant == (number) ? weaker : call)

PKN_ALWAYS_INLINE void pkn_cpu_relax(void) {
    explore_relax();
}

#endif
