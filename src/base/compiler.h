/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What differs between compilers and between C and C++: linkage, attributes, hints. */
#ifndef PKN_BASE_COMPILER_H
#define PKN_BASE_COMPILER_H

#include "base/config.h"

#if !defined(__GNUC__)
#error "pkern needs gcc, clang or a compiler with GNU C's builtins and attributes"
#endif

#ifdef __cplusplus
#define PKERN_EXTERN_C_BEGIN extern "C" {
#define PKERN_EXTERN_C_END }
#else
#define PKERN_EXTERN_C_BEGIN
#define PKERN_EXTERN_C_END
#endif

#ifdef PKERN_STATIC
#define PKERN_API static __attribute__((unused))
#else
#define PKERN_API extern
#endif

#define PKERN_RESTRICT __restrict__

#define PKN_INTERNAL static __attribute__((unused))
#define PKN_INLINE static inline __attribute__((unused))
#ifndef PKN_ALWAYS_INLINE /* make coverage has its own: one copy of each, whose branches can be counted */
#define PKN_ALWAYS_INLINE static inline __attribute__((unused, always_inline))
#endif
#define PKN_NOINLINE __attribute__((noinline))
#define PKN_COLD __attribute__((noinline, cold))
#define PKN_MAYBE_UNUSED __attribute__((unused))
#define PKN_ASSUME(x) ((x) ? (void)0 : __builtin_unreachable())
#define PKN_LIKELY(x) __builtin_expect(!!(x), 1)
#define PKN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PKN_ALIGNED(n) __attribute__((aligned(n)))
#define PKN_MAY_ALIAS __attribute__((may_alias))
#define PKN_TARGET(features) __attribute__((target(features)))
#define PKN_UNUSED(x) ((void)(x))
#if PKN_THREADS
#define PKN_THREAD_LOCAL __thread
#else
#define PKN_THREAD_LOCAL
#endif

/* What one core moves at a time, and the distance at which two cores' data don't disturb each other. */
#define PKN_CACHE_LINE 64

#if PKERN_DEBUG
#define PKN_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#else
#define PKN_ASSERT(x) ((void)0)
#endif

#if defined(__x86_64__)
#define PKN_ARCH_X86 1
#else
#define PKN_ARCH_X86 0
#endif
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#define PKN_ARCH_ARM64 1
#else
#define PKN_ARCH_ARM64 0
#endif

/* Asks for a cache line that will be written soon. gcc's own prefetch for writing is one for reading on plain x86-64. */
PKN_ALWAYS_INLINE void pkn_prefetch_to_write(const void *address) {
#if PKN_ARCH_X86
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1, 3);
#endif
}

#if defined(__SANITIZE_THREAD__)
#define PKN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PKN_TSAN 1
#endif
#endif
#ifndef PKN_TSAN
#define PKN_TSAN 0
#endif

#endif
