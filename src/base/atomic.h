/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Atomic words. The type keeps plain accesses out, the call's name carries the memory order. The compilers' builtins serve C99 to C23
   and C++ alike, with one layout in all of them, so there is no second path through <stdatomic.h>.
   An explorer or a sanitizer replaces this file's functions and sees every access of the library. */
#ifndef PKN_BASE_ATOMIC_H
#define PKN_BASE_ATOMIC_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* One set of functions a type. `suffix` names the type in the calls. */
#define PKN_DEFINE_ATOMIC_WORD(suffix, type) \
    typedef struct pkn_atomic_##suffix { \
        type value PKN_ALIGNED(sizeof(type)); \
    } pkn_atomic_##suffix; \
    PKN_ALWAYS_INLINE type pkn_atomic_load_relaxed_##suffix(const pkn_atomic_##suffix *a) { \
        return __atomic_load_n(&a->value, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_load_acquire_##suffix(const pkn_atomic_##suffix *a) { \
        return __atomic_load_n(&a->value, __ATOMIC_ACQUIRE); \
    } \
    PKN_ALWAYS_INLINE void pkn_atomic_store_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        __atomic_store_n(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE void pkn_atomic_store_release_##suffix(pkn_atomic_##suffix *a, type x) { \
        __atomic_store_n(&a->value, x, __ATOMIC_RELEASE); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_exchange_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_exchange_n(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_relaxed_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_acq_rel_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); \
    } \
    PKN_ALWAYS_INLINE int pkn_atomic_cas_seq_cst_##suffix(pkn_atomic_##suffix *a, type *expected, type x) { \
        return __atomic_compare_exchange_n(&a->value, expected, x, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); \
    }

/* Arithmetic, for the integer types only. */
#define PKN_DEFINE_ATOMIC_INTEGER(suffix, type) \
    PKN_DEFINE_ATOMIC_WORD(suffix, type) \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_add_seq_cst_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_add(&a->value, x, __ATOMIC_SEQ_CST); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_sub_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_sub(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_sub_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_sub(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_or_relaxed_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_or(&a->value, x, __ATOMIC_RELAXED); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_or_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_or(&a->value, x, __ATOMIC_ACQ_REL); \
    } \
    PKN_ALWAYS_INLINE type pkn_atomic_fetch_and_acq_rel_##suffix(pkn_atomic_##suffix *a, type x) { \
        return __atomic_fetch_and(&a->value, x, __ATOMIC_ACQ_REL); \
    }

PKN_DEFINE_ATOMIC_INTEGER(u32, uint32_t)
PKN_DEFINE_ATOMIC_INTEGER(u64, uint64_t)
PKN_DEFINE_ATOMIC_INTEGER(size, size_t)
PKN_DEFINE_ATOMIC_WORD(ptr, void *)

/* Orders that a fence or a barrier on all threads makes needless. The ThreadSanitizer sees neither, and is told of them here. */
#if PKN_TSAN
#define PKN_FENCED_LOAD __ATOMIC_ACQUIRE
#define PKN_FENCED_CAS __ATOMIC_ACQ_REL
#else
#define PKN_FENCED_LOAD __ATOMIC_RELAXED
#define PKN_FENCED_CAS __ATOMIC_RELAXED
#endif

/* Relaxed: a fence stands between it and what its value promises. */
PKN_ALWAYS_INLINE uint32_t pkn_atomic_load_fenced_u32(const pkn_atomic_u32 *a) {
    return __atomic_load_n(&a->value, PKN_FENCED_LOAD);
}

/* Relaxed: a barrier on all threads stands between it and what it promises. */
PKN_ALWAYS_INLINE int pkn_atomic_cas_fenced_u64(pkn_atomic_u64 *a, uint64_t *expected, uint64_t x) {
    return __atomic_compare_exchange_n(&a->value, expected, x, 0, PKN_FENCED_CAS, __ATOMIC_RELAXED);
}

/* A full fence. The ThreadSanitizer does not model fences; a read-modify-write on a word that nobody else
   has says the same to the processor, and the sanitizer sees the orders of the accesses around it. */
PKN_ALWAYS_INLINE void pkn_fence_seq_cst(void) {
#if PKN_TSAN || PKN_ARCH_X86
    uint32_t own = 0;
    __atomic_fetch_add(&own, 0, __ATOMIC_SEQ_CST);
    __asm__ volatile("" : : "r"(&own) : "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Keeps the compiler from moving accesses across; the processor may still. */
PKN_ALWAYS_INLINE void pkn_fence_compiler(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Tells the core that this is a waiting loop. */
PKN_ALWAYS_INLINE void pkn_cpu_relax(void) {
#if PKN_ARCH_X86
    __builtin_ia32_pause();
#elif PKN_ARCH_ARM64
    __asm__ volatile("isb" : : : "memory");
#else
    __asm__ volatile("" : : : "memory");
#endif
}

#endif
