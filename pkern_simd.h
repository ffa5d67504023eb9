/* GENERATED from src/pkern_simd.in.h, do not edit: change the files under src/, then run
   `make headers`.  vi: set readonly: -*- mode: c; buffer-read-only: t -*- */
#if defined(PKERN_SOURCE_ID) && PKERN_SOURCE_ID != 0x60acaf2100dd79a6u
#error "two different versions of pkern in one translation unit"
#endif
#undef PKERN_SOURCE_ID
#define PKERN_SOURCE_ID 0x60acaf2100dd79a6u /* a hash of the sources */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_simd: the kernels of pkern alone, each for every instruction set, chosen at run time.

   Do this:
       #define PKERN_SIMD_IMPLEMENTATION
       #include "pkern_simd.h"
   in exactly one C or C++ file, and plainly #include "pkern_simd.h" wherever else it is used. It
   may stand beside pkern_pool.h and pkern.h, in any order; PKERN_IMPLEMENTATION stands for the
   code of all of them. No -m flag is needed: each kernel carries its own target.

   Options: PKERN_SIMD_IMPLEMENTATION, PKERN_STATIC (all functions static in this file, with the
   code), PKERN_DEBUG (1 checks the library's own assumptions while it runs). They have to be the
   same in every file of a program. In the environment PKERN_ISA=scalar|popcnt|avx2|avx512|neon forces an
   instruction set.

   Threads: the kernels run on the calling thread and may be called from any number of them. */

/* Public headers. */
/* ==== src/base/base.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every layer's public header shares: version, status, allocator. */
#ifndef PKN_BASE_BASE_H
#define PKN_BASE_BASE_H

/* ==== src/base/version.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The version of the sources. Two different copies of pkern in one translation unit are refused. */
#ifndef PKN_BASE_VERSION_H
#define PKN_BASE_VERSION_H

#define PKERN_VERSION_MAJOR 0
#define PKERN_VERSION_MINOR 1
#define PKERN_VERSION_PATCH 0
#define PKERN_VERSION "0.1.0"

#endif
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/config.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Every option that a user may define before including pkern, with its default and what it costs. No other file reads an
   undefined option, and no option changes a public type. */
#ifndef PKN_BASE_CONFIG_H
#define PKN_BASE_CONFIG_H

/* PKERN_STATIC: all functions are static, so several libraries may carry a copy each; implies the implementation. */
#ifdef PKERN_STATIC
#ifndef PKERN_IMPLEMENTATION
#define PKERN_IMPLEMENTATION
#endif
#endif

#ifdef PKERN_IMPLEMENTATION
#ifndef PKERN_POOL_IMPLEMENTATION
#define PKERN_POOL_IMPLEMENTATION
#endif
#ifndef PKERN_SIMD_IMPLEMENTATION
#define PKERN_SIMD_IMPLEMENTATION
#endif
#endif

/* PKERN_NUM_THREADS: threads of a pool whose config and environment name no number; 0 = the usable CPUs. */
#ifndef PKERN_NUM_THREADS
#define PKERN_NUM_THREADS 0
#endif

/* PKERN_MAX_THREADS: bound of a pool's threads; costs 8 bytes each. */
#ifndef PKERN_MAX_THREADS
#define PKERN_MAX_THREADS 1024
#endif

/* PKERN_MAX_GUESTS: how many outside threads can work in one pool at once; a further one runs its calls serially. */
#ifndef PKERN_MAX_GUESTS
#define PKERN_MAX_GUESTS 32
#endif

/* The scheduler's words hold a member's index and its call's in 16 bits each, with a few values beside them. */
#if PKERN_MAX_THREADS < 1 || PKERN_MAX_GUESTS < 1 || PKERN_MAX_THREADS + PKERN_MAX_GUESTS > 65000
#error "pkern: PKERN_MAX_THREADS and PKERN_MAX_GUESTS must be at least 1 each and at most 65000 together"
#endif
#if PKERN_NUM_THREADS > PKERN_MAX_THREADS
#error "pkern: PKERN_NUM_THREADS is above PKERN_MAX_THREADS"
#endif

/* PKERN_TRACE_EVENTS: how many events a traced pool keeps of each slot, at least 1; 32 bytes each, taken as they come. */
#ifndef PKERN_TRACE_EVENTS
#define PKERN_TRACE_EVENTS 262144
#endif

/* PKERN_DEBUG: 1 checks the library's own assumptions while it runs. */
#ifndef PKERN_DEBUG
#define PKERN_DEBUG 0
#endif

/* PKERN_NO_THREADS: defined, everything runs on the caller; needs no pthreads. */
#ifdef PKERN_NO_THREADS
#define PKN_THREADS 0
#else
#define PKN_THREADS 1
#endif

/* PKERN_NO_POSIX_FILES: defined, files are read into memory instead of mapped, and saved without waiting for the disk, as on
   systems without POSIX. */

/* PKERN_NO_FUTEX: defined, sleeping uses a condition variable on Linux too. */

#endif
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/compiler.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What differs between compilers and between C and C++: linkage, attributes, hints. */
#ifndef PKN_BASE_COMPILER_H
#define PKN_BASE_COMPILER_H

/* #include "base/config.h": above */

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
/* ==== src/base/base.h, continued ==== */
/* ==== src/base/status.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The status that every call returns, and its text. One list makes both. */
#ifndef PKN_BASE_STATUS_H
#define PKN_BASE_STATUS_H

/* #include "base/compiler.h": above */

/* 0 is success, below 0 the library's own codes, above 0 what a callback returned. */
typedef int pkern_status;

#define PKN_STATUS_LIST(X) \
    X(PKERN_OK, 0, "success") \
    X(PKERN_EINVAL, -1, "invalid argument; nothing was done") \
    X(PKERN_ENOMEM, -2, "out of memory") \
    X(PKERN_ETHREAD, -3, "threads could not be created") \
    X(PKERN_ECANCELED, -4, "canceled") \
    X(PKERN_EDEADLK, -5, "the call would wait for itself") \
    X(PKERN_EOVERFLOW, -6, "a size does not fit; nothing was done") \
    X(PKERN_EIO, -7, "input or output failed") \
    X(PKERN_EFORMAT, -8, "data is not of the expected format") \
    X(PKERN_ETIMEDOUT, -9, "timed out") \
    X(PKERN_ECLOSED, -10, "closed") \
    X(PKERN_EFULL, -11, "full") \
    X(PKERN_EEMPTY, -12, "empty") \
    X(PKERN_EVERSION, -13, "a newer version wrote this") \
    X(PKERN_ECORRUPT, -14, "data is damaged or cut off") \
    X(PKERN_ENOENT, -15, "not found")

#define PKN_STATUS_ENUM(name, value, text) name = (value),
enum { PKN_STATUS_LIST(PKN_STATUS_ENUM) PKN_STATUS_END = 1 };
#undef PKN_STATUS_ENUM

/* The text of a status: never 0. Codes above 0 are "the callback's own code". Any thread; no allocation. */
PKN_INLINE const char *pkern_status_text(pkern_status status) {
#define PKN_STATUS_CASE(name, value, text) \
    case value: \
        return text;
    switch (status) {
        PKN_STATUS_LIST(PKN_STATUS_CASE)
    default:
        return status > 0 ? "the callback's own code" : "unknown status";
    }
#undef PKN_STATUS_CASE
}

#endif
/* ==== src/base/base.h, continued ==== */

#include <stddef.h>
#include <stdint.h>

/* Where the library gets its memory: both functions or neither, else who takes it says PKERN_EINVAL. Calls may come from several threads at once. */
typedef struct pkern_allocator {
    /* bytes aligned to alignment, a power of two; 0 where there is none */
    void *(*allocate)(size_t bytes, size_t alignment, void *user);
    /* gives back what allocate returned, with the same bytes */
    void (*release)(void *memory, size_t bytes, void *user);
    void *user;
} pkern_allocator;

/* One function without the other: every function that takes an allocator refuses it. */
PKN_INLINE int pkn_allocator_is_half(const pkern_allocator *allocator) {
    return allocator != 0 && (allocator->allocate != 0) != (allocator->release != 0);
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/simd.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* SIMD kernels over bits and floats: the best code for this CPU, chosen at run time, with the same
   result on all of them.

   Common to all functions here:
   - They take any n (`words`), 0 included, and pointers with their type's own alignment (8 bytes
     for words); an array that starts on a 64-byte line is fastest. Pointers are not looked at
     where n is 0.
   - They read and write the n elements alone, never a byte before or behind them.
   - `out` may be the same array as an input; any other overlap gives meaningless values.
   - They can't fail, allocate nothing, leave errno alone, and any number of threads may call at
     once.
   - Results have the same bits on every instruction set (scalar, AVX2, AVX-512, NEON), at every
     alignment and with every compiler option but -ffast-math and its parts. Two limits: the sign
     and payload of a NaN are unspecified (that a result is NaN is not), and the floating-point
     environment is the caller's (rounding mode, denormals flushed to zero).

   Bit i of a vector of words is bit i % 64 of word i / 64. */
#ifndef PKN_SIMD_SIMD_H
#define PKN_SIMD_SIMD_H

/* #include "base/base.h": above */

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* The name of the instruction set in use: "scalar", "popcnt" (scalar but for counts of ones),
   "avx2", "avx2_vnni" (with AVX-VNNI), "avx512_base" (F, BW, VL, DQ), "avx512_vnni" (these and
   VNNI), "avx512_vpopcnt" (these and VPOPCNTDQ) or "neon". The best one that CPU and operating system have
   is chosen at the first call of any function here and stays. The environment variable PKERN_ISA,
   read at that moment, forces one of these names, or "avx512" for the best AVX-512 there is; a name
   that is unknown or that this machine lacks is ignored. The text is constant. */
PKERN_API const char *pkern_simd_isa(void);

/* ---- Bits ---- */

/* Exclusive or: for (i = 0; i < words; i++) out[i] = a[i] ^ b[i]; */
PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* And: for (i = 0; i < words; i++) out[i] = a[i] & b[i]; */
PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out);

/* Or: for (i = 0; i < words; i++) out[i] = a[i] | b[i]; */
PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);

/* Complement: for (i = 0; i < words; i++) out[i] = ~a[i]; */
PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out);

/* The number of ones: for (i = 0; i < words; i++) count += popcount(a[i]);
   Source: W. Mula, N. Kurz, D. Lemire, "Faster Population Counts Using AVX2 Instructions", 2018
   (nibble table, Harley-Seal). */
PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words);

/* The Hamming distance, the number of bits that differ:
       for (i = 0; i < words; i++) count += popcount(a[i] ^ b[i]); */
PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words);

/* Rotates a vector of 64 * words bits: for each bit i, bit (i + shift) mod bits of out is bit i of
   in. Any shift, negative and beyond the length too. In place it takes up to three times as long.
   Source for the exchange in place: D. Gries, H. Mills, "Swapping Sections", 1981. */
PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out);

/* Majority of n_rows vectors: bit i of out is 1 where more than n_rows / 2 of the rows have a 1
   there, so a tie is 0, and so is everything where n_rows is 0. rows is [n_rows x words], a row
   every stride_words words (stride_words >= words, which lets a caller do a part of the columns);
   n_rows is at most 2^31. Here out must not overlap the rows. */
PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out);

/* ---- Floats ----
   Accuracy, elementwise functions: every operation rounds once, as IEEE 754 says; the result is
   exact to half an ulp. Denormals, infinities, NaN and -0 follow IEEE 754. */

/* Sum of two arrays: for (i = 0; i < n; i++) out[i] = a[i] + b[i]; */
PKERN_API void pkern_simd_add_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_add_f64(const double *a, const double *b, size_t n, double *out);

/* Product of two arrays: for (i = 0; i < n; i++) out[i] = a[i] * b[i]; */
PKERN_API void pkern_simd_multiply_f32(const float *a, const float *b, size_t n, float *out);
PKERN_API void pkern_simd_multiply_f64(const double *a, const double *b, size_t n, double *out);

/* Square root: for (i = 0; i < n; i++) out[i] = sqrt(a[i]); below 0 it is NaN, of -0 it is -0. */
PKERN_API void pkern_simd_sqrt_f32(const float *a, size_t n, float *out);
PKERN_API void pkern_simd_sqrt_f64(const double *a, size_t n, double *out);

/* Adds a multiple: for (i = 0; i < n; i++) y[i] = y[i] + alpha * x[i]; the product is rounded, then
   the sum (two roundings, never a fused multiply-add). y may be x. */
PKERN_API void pkern_simd_axpy_f32(float alpha, const float *x, size_t n, float *y);
PKERN_API void pkern_simd_axpy_f64(double alpha, const double *x, size_t n, double *y);

/* The sum of an array, in this order: L accumulators begin as +0 (L = 64 for f32, 32 for f64), and
       for (i = 0; i < n; i++) sums[i % L] += x[i];
       for (half = L / 2; half > 0; half /= 2)
           for (i = 0; i < half; i++) sums[i] += sums[i + half];
       return sums[0];
   Accuracy: the error is at most (ceil(n / L) + log2 L) * u * (the sum of all |x[i]|) to first
   order, with u = 2^-24 for f32 and 2^-53 for f64: L times tighter than a plain loop's bound. n = 0
   gives +0; -0 is never returned. */
PKERN_API float pkern_simd_sum_f32(const float *x, size_t n);
PKERN_API double pkern_simd_sum_f64(const double *x, size_t n);

/* The inner product: each x[i] * y[i] is rounded, then summed in the order of pkern_simd_sum. The
   error bound is that of the sum with one more u: (ceil(n / L) + log2 L + 1) * u * (the sum of all
   |x[i] * y[i]|). */
PKERN_API float pkern_simd_dot_f32(const float *x, const float *y, size_t n);
PKERN_API double pkern_simd_dot_f64(const double *x, const double *y, size_t n);

PKERN_EXTERN_C_END

#endif
/* ==== src/pkern_simd.in.h, continued ==== */

/* The code. */
#if defined(PKERN_SIMD_IMPLEMENTATION) || defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
/* ==== src/simd/cpu.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* CPUID and XGETBV, read once by the dispatcher. */
#ifndef PKN_SIMD_CPU_C
#define PKN_SIMD_CPU_C

/* ==== src/simd/cpu.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the CPU can do, as named bits. One pass of CPUID and XGETBV; on 64-bit ARM, NEON is part of
   the architecture. */
#ifndef PKN_SIMD_CPU_H
#define PKN_SIMD_CPU_H

/* #include "base/compiler.h": above */

#include <stdint.h>

/* The AVX bits are set only where the operating system saves the registers too. */
#define PKN_CPU_POPCNT 0x01u
#define PKN_CPU_AVX2 0x02u
#define PKN_CPU_AVX512F 0x04u
#define PKN_CPU_AVX512BW 0x08u
#define PKN_CPU_AVX512VL 0x10u
#define PKN_CPU_AVX512DQ 0x20u
#define PKN_CPU_AVX512VPOPCNTDQ 0x40u
#define PKN_CPU_NEON 0x80u
#define PKN_CPU_AVX512VNNI 0x100u
#define PKN_CPU_AVXVNNI 0x200u

/* The PKN_CPU_* bits of this machine; asks the CPU each time (some 100 ns, under a hypervisor
   10,000). */
PKN_INTERNAL uint32_t pkn_cpu_features(void);

#endif
/* ==== src/simd/cpu.c, continued ==== */
/* ==== src/simd/intrinsics.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The compilers' intrinsics, included from here alone, and the target features that each
   instruction set's functions carry. */
#ifndef PKN_SIMD_INTRINSICS_H
#define PKN_SIMD_INTRINSICS_H

/* #include "base/compiler.h": above */

#include <stdint.h>
#if PKN_ARCH_X86
#include <cpuid.h>
#include <immintrin.h>
#endif
#if PKN_ARCH_ARM64
#include <arm_neon.h>
#endif

/* gcc 12 finds the deliberately undefined operands inside of its own AVX-512 header uninitialised
   (its bug 105593). The files with such kernels stand between these two, which works too where the
   user included the header first. */
#if defined(__clang__)
#define PKN_AVX512_BEGIN
#define PKN_AVX512_END
#else
#define PKN_AVX512_BEGIN \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wuninitialized\"") \
        _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
#define PKN_AVX512_END _Pragma("GCC diagnostic pop")
#endif

#if PKN_ARCH_X86
/* A comparison's mask as a number. gcc 12 may spill a mask of 8 or 16 lanes as 1 or 2 bytes and read 4 or
   8 back (seen with -O1 -fsanitize=undefined): at the empty statement it has to be a number of 32 bits. */
PKN_ALWAYS_INLINE uint64_t pkn_mask_bits(uint32_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
}
#endif

#define PKN_TARGET_POPCNT PKN_TARGET("popcnt")
#define PKN_TARGET_AVX2 PKN_TARGET("avx2,popcnt")
#define PKN_TARGET_AVX512 PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq")
#define PKN_TARGET_AVX2_VNNI PKN_TARGET("avx2,popcnt,avxvnni")
#define PKN_TARGET_AVX512_VNNI \
    PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#define PKN_TARGET_AVX512_VPOPCNT \
    PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq")

#endif
/* ==== src/simd/cpu.c, continued ==== */

#if PKN_ARCH_X86

/* Which register files the operating system saves: bits of XCR0. Only valid where CPUID says
   OSXSAVE. */
PKN_INTERNAL uint32_t pkn_cpu_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

PKN_INTERNAL uint32_t pkn_cpu_features(void) {
    const uint32_t xcr0_ymm = 0x06; /* SSE and AVX halves */
    const uint32_t xcr0_zmm = 0xe6; /* these, the mask registers, and both parts of ZMM */
    uint32_t eax, ebx, ecx, edx, xcr0 = 0, features = 0;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
        return 0;
    }
    features |= ecx >> 23 & 1u ? PKN_CPU_POPCNT : 0;
    if (ecx >> 27 & 1u) { /* OSXSAVE */
        xcr0 = pkn_cpu_xcr0();
    }
    if ((xcr0 & xcr0_ymm) != xcr0_ymm || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return features;
    }
    features |= ebx >> 5 & 1u ? PKN_CPU_AVX2 : 0;
    if ((xcr0 & xcr0_zmm) == xcr0_zmm) {
        features |= ebx >> 16 & 1u ? PKN_CPU_AVX512F : 0;
        features |= ebx >> 17 & 1u ? PKN_CPU_AVX512DQ : 0;
        features |= ebx >> 30 & 1u ? PKN_CPU_AVX512BW : 0;
        features |= ebx >> 31 & 1u ? PKN_CPU_AVX512VL : 0;
        features |= ecx >> 14 & 1u ? PKN_CPU_AVX512VPOPCNTDQ : 0;
        features |= ecx >> 11 & 1u ? PKN_CPU_AVX512VNNI : 0;
    }
    if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
        features |= eax >> 4 & 1u ? PKN_CPU_AVXVNNI : 0;
    }
    return features;
}

#else

PKN_INTERNAL uint32_t pkn_cpu_features(void) {
    return PKN_ARCH_ARM64 ? PKN_CPU_NEON : 0;
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels' definition: one word at a time, on any CPU. */
#ifndef PKN_SIMD_BITS_SCALAR_C
#define PKN_SIMD_BITS_SCALAR_C

/* ==== src/base/bits.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bit counts, checked size arithmetic, overlap of two arrays. */
#ifndef PKN_BASE_BITS_H
#define PKN_BASE_BITS_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

PKN_INLINE unsigned pkn_popcount_u64(uint64_t x) {
    return (unsigned)__builtin_popcountll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_ctz_u64(uint64_t x) {
    return (unsigned)__builtin_ctzll(x);
}

/* x is not 0 */
PKN_INLINE unsigned pkn_clz_u64(uint64_t x) {
    return (unsigned)__builtin_clzll(x);
}

PKN_INLINE uint64_t pkn_rotl_u64(uint64_t x, unsigned count) {
    return x << (count & 63u) | x >> ((64u - count) & 63u);
}

/* 1 where a * b (a + b) does not fit; *out then has no meaning */
PKN_INLINE int pkn_mul_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_mul_overflow(a, b, out);
}

PKN_INLINE int pkn_add_overflows_size(size_t a, size_t b, size_t *out) {
    return __builtin_add_overflow(a, b, out);
}

PKN_INLINE size_t pkn_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

PKN_INLINE size_t pkn_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* 1 where the two byte ranges share a byte */
PKN_INLINE int pkn_overlaps(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    uintptr_t a_first = (uintptr_t)a;
    uintptr_t b_first = (uintptr_t)b;
    int one_begins_in_other = (b_first - a_first < a_bytes) | (a_first - b_first < b_bytes);
    return one_begins_in_other & (a_bytes != 0) & (b_bytes != 0);
}

#endif
/* ==== src/simd/bits_scalar.c, continued ==== */
/* ==== src/simd/kernels.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The list of all SIMD kernels, and the table of function pointers that is made from it.

   This is the only place that names the kernels: the tables of the instruction sets (dispatch.c),
   the loops of the tests and those of the benches are made from it. The scalar kernel is the
   definition of what a kernel does, and simd.h says it in words. docs/adding_a_kernel.md lists the
   steps to a new one. */
#ifndef PKN_SIMD_KERNELS_H
#define PKN_SIMD_KERNELS_H

/* #include "base/compiler.h": above */
/* ==== src/simd/terms.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over terms, each the exclusive or of some rows, without writing a
   term to memory: the algorithm, for any vector type.

   An encoder names its terms by pointers: term i is the xor of the rows
       rows[i * step + j] + j * table_words        for j = 0 .. arity - 1.
   A record's fields are pairs (step 2, arity 2); n-grams slide over one pointer a symbol (step 1,
   arity n), where the j-th symbol is looked up in the j-th table.

   Counters are bit-sliced as in majority.h: 16 terms leave four low planes in registers and carry
   one plane of weight 16, which is paired with an earlier one of its level. All planes lie in
   memory between calls, PKN_TERMS_WORDS words each, so counting can stop after any group of 16
   terms and go on with another block of pointers; and several counts can take turns with the same
   rows while these are in L1. There is no bias: the threshold is compared at the end, bit by bit
   from the lowest plane up (above = plane & above where the threshold's bit is 1, plane | above where
   it is 0), so that n need not be known before.

   Bound of a 64-byte column, per term, for arity A: A loads of 64 bytes, one xor of up to three
   operands a VPTERNLOG and one full adder of two: on Zen 4 (one such load and two such operations a
   cycle) A cycles, but not less than 1 + ceil((A - 1) / 2) / 2; on Intel's server cores (two loads)
   half of A, but not less than the same.

   A file of an instruction set defines, with its suffix, pkn_terms_vector_*, pkn_terms_mask_*
   (which words of the last vector exist; not used where the scalar code does the rest) and
       load_(p, mask) keep_(v) zero_() get_(p) put_(p, v) store_(p, mask, v) xor_ xor3_ and_ or_
       full_(sum, b, c) half_(sum, b)
   and lets PKN_DEFINE_TERMS make the kernels. */
#ifndef PKN_SIMD_TERMS_H
#define PKN_SIMD_TERMS_H

/* #include "base/compiler.h": above */
/* ==== src/base/platform.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The system's headers and the few calls that a strict -std=c99 hides although libc has them. Only base includes them, and
   only the implementation includes this file. */
#ifndef PKN_BASE_PLATFORM_H
#define PKN_BASE_PLATFORM_H

/* #include "base/compiler.h": above */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <errno.h>
#include <signal.h>

#if PKN_THREADS
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

#if (defined(__unix__) || defined(__APPLE__)) && !defined(PKERN_NO_POSIX_FILES)
#define PKN_POSIX_FILES 1
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#else
#define PKN_POSIX_FILES 0
#endif

#if defined(__linux__)
#define PKN_LINUX 1
#include <sys/syscall.h>
#include <unistd.h>
#else
#define PKN_LINUX 0
#endif

/* The user may have included <stdio.h> under -std=c99 before us, and then no feature macro of ours comes in time. C allows
   to declare a function again; C++ compilers on Linux define _GNU_SOURCE and need none of it. */
#if PKN_LINUX && !defined(__cplusplus)
extern long syscall(long number, ...);
#endif
#if PKN_POSIX_FILES && !defined(__cplusplus) && defined(__STRICT_ANSI__)
extern int fileno(FILE *stream);
extern int fsync(int descriptor);
#endif
#if PKN_THREADS && !defined(__cplusplus) && defined(__STRICT_ANSI__)
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif
#ifndef CLOCK_REALTIME
#define CLOCK_REALTIME 0
#endif
extern int clock_gettime(int clock, struct timespec *time);
extern int nanosleep(const struct timespec *time, struct timespec *left);
#endif

/* Of this process; 0 where the system has none. */
PKN_INLINE long pkn_process_number(void) {
#if PKN_THREADS || PKN_LINUX
    return (long)getpid();
#else
    return 0;
#endif
}

#endif
/* ==== src/simd/terms.h, continued ==== */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

/* Words of a column block, and the distance of planes. */
#define PKN_TERMS_WORDS 32
#define PKN_TERMS_MAX_HIGH 28 /* counts below 2^32 */
/* Words of the planes of a count whose high planes are n_high. */
#define PKN_TERMS_PLANES_WORDS(n_high) ((4 + 2 * (size_t)(n_high)) * PKN_TERMS_WORDS)

typedef struct pkn_terms {
    const uint64_t *const *rows;
    size_t step, arity, table_words;
} pkn_terms;

/* planes: 4 low ones, n_high high ones, n_high carries that wait for a second one. */
typedef struct pkn_terms_count {
    uint64_t *planes;
    unsigned n_high;
    size_t n_groups; /* of 16 terms, done */
} pkn_terms_count;

/* The high planes of a count of up to n terms. */
PKN_INLINE unsigned pkn_terms_n_high(size_t n) {
    return n < 16 ? 0 : 64 - (unsigned)__builtin_clzll((unsigned long long)(n / 16));
}

/* planes has PKN_TERMS_PLANES_WORDS(n_high) words. */
PKN_INLINE void pkn_terms_begin(pkn_terms_count *count, uint64_t *planes, unsigned n_high) {
    count->planes = planes;
    count->n_high = n_high;
    count->n_groups = 0;
    memset(planes, 0, (4 + (size_t)n_high) * PKN_TERMS_WORDS * sizeof *planes);
}

/* LANES words a vector; a step needs WHOLE of them to exist, the scalar code does what is left. */
#define PKN_DEFINE_TERMS(isa, TARGET, LANES, WHOLE) \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_term_##isa( \
        const uint64_t *const *rows, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask) { \
        pkn_terms_vector_##isa v = pkn_terms_load_##isa(rows[0] + word, mask); \
        size_t j = 1; \
        if (arity == 1) { \
            return pkn_terms_keep_##isa(v); \
        } \
        if (arity == 2) { \
            return pkn_terms_xor_##isa( \
                v, pkn_terms_load_##isa(rows[1] + (table_words + word), mask)); \
        } \
        for (; j + 1 < arity; j += 2) { \
            v = pkn_terms_xor3_##isa( \
                v, pkn_terms_load_##isa(rows[j] + (j * table_words + word), mask), \
                pkn_terms_load_##isa(rows[j + 1] + ((j + 1) * table_words + word), mask)); \
        } \
        if (j < arity) { \
            v = pkn_terms_xor_##isa( \
                v, pkn_terms_load_##isa(rows[j] + (j * table_words + word), mask)); \
        } \
        return v; \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_2_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = pkn_term_##isa(rows, arity, table_words, word, mask); \
        pkn_terms_vector_##isa b = pkn_term_##isa(rows + step, arity, table_words, word, mask); \
        return pkn_terms_full_##isa(&low[0], a, b); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_4_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = \
            pkn_terms_2_##isa(rows, step, arity, table_words, word, mask, low); \
        pkn_terms_vector_##isa b = \
            pkn_terms_2_##isa(rows + 2 * step, step, arity, table_words, word, mask, low); \
        return pkn_terms_full_##isa(&low[1], a, b); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_8_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, size_t word, \
        pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa a = \
            pkn_terms_4_##isa(rows, step, arity, table_words, word, mask, low); \
        pkn_terms_vector_##isa b = \
            pkn_terms_4_##isa(rows + 4 * step, step, arity, table_words, word, mask, low); \
        return pkn_terms_full_##isa(&low[2], a, b); \
    } \
\
    /* Groups of 16 terms in one column. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_terms_groups_##isa( \
        const uint64_t *const *rows, size_t step, size_t arity, size_t table_words, \
        size_t n_groups, size_t word, pkn_terms_mask_##isa mask, const pkn_terms_count *count) { \
        uint64_t *planes = count->planes + word; \
        uint64_t *high = planes + 4 * PKN_TERMS_WORDS; \
        uint64_t *pending = high + count->n_high * PKN_TERMS_WORDS; \
        pkn_terms_vector_##isa low[4], carry, sum, first, wait; \
        if (n_groups == 0) { \
            return; \
        } \
        first = pkn_terms_get_##isa(high); \
        wait = pkn_terms_get_##isa(pending); \
        low[0] = pkn_terms_get_##isa(planes); \
        low[1] = pkn_terms_get_##isa(planes + PKN_TERMS_WORDS); \
        low[2] = pkn_terms_get_##isa(planes + 2 * PKN_TERMS_WORDS); \
        low[3] = pkn_terms_get_##isa(planes + 3 * PKN_TERMS_WORDS); \
        for (size_t group = count->n_groups; group < count->n_groups + n_groups; group++) { \
            size_t bits = group, level = 0; \
            carry = pkn_terms_8_##isa(rows, step, arity, table_words, word, mask, low); \
            carry = pkn_terms_full_##isa( \
                &low[3], carry, \
                pkn_terms_8_##isa(rows + 8 * step, step, arity, table_words, word, mask, low)); \
            if (!(group & 1)) { \
                wait = carry; \
                rows += 16 * step; \
                continue; \
            } \
            carry = pkn_terms_full_##isa(&first, wait, carry); \
            bits >>= 1; \
            level = 1; \
            for (; bits & 1; bits >>= 1, level++) { \
                sum = pkn_terms_get_##isa(high + level * PKN_TERMS_WORDS); \
                carry = pkn_terms_full_##isa( \
                    &sum, pkn_terms_get_##isa(pending + level * PKN_TERMS_WORDS), carry); \
                pkn_terms_put_##isa(high + level * PKN_TERMS_WORDS, sum); \
            } \
            pkn_terms_put_##isa(pending + level * PKN_TERMS_WORDS, carry); \
            rows += 16 * step; \
        } \
        pkn_terms_put_##isa(high, first); \
        pkn_terms_put_##isa(pending, wait); \
        pkn_terms_put_##isa(planes, low[0]); \
        pkn_terms_put_##isa(planes + PKN_TERMS_WORDS, low[1]); \
        pkn_terms_put_##isa(planes + 2 * PKN_TERMS_WORDS, low[2]); \
        pkn_terms_put_##isa(planes + 3 * PKN_TERMS_WORDS, low[3]); \
    } \
\
    /* Less than 16 terms; returns what the four planes carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_terms_vector_##isa pkn_terms_rest_##isa( \
        const uint64_t *const *rows, size_t n, size_t step, size_t arity, size_t table_words, \
        size_t word, pkn_terms_mask_##isa mask, pkn_terms_vector_##isa *low) { \
        pkn_terms_vector_##isa out = pkn_terms_zero_##isa(), carry; \
        for (; n >= 4; n -= 4, rows += 4 * step) { \
            carry = pkn_terms_4_##isa(rows, step, arity, table_words, word, mask, low); \
            carry = pkn_terms_half_##isa(&low[2], carry); \
            out = pkn_terms_or_##isa(out, pkn_terms_half_##isa(&low[3], carry)); \
        } \
        for (; n > 0; n--, rows += step) { \
            carry = pkn_terms_half_##isa(&low[0], \
                                         pkn_term_##isa(rows, arity, table_words, word, mask)); \
            carry = pkn_terms_half_##isa(&low[1], carry); \
            carry = pkn_terms_half_##isa(&low[2], carry); \
            out = pkn_terms_or_##isa(out, pkn_terms_half_##isa(&low[3], carry)); \
        } \
        return out; \
    } \
\
    /* The last terms and all that is pending: the planes become the counts, or out becomes count > \
       threshold. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_terms_end_##isa( \
        const uint64_t *const *rows, size_t n, size_t step, size_t arity, size_t table_words, \
        size_t word, pkn_terms_mask_##isa mask, const pkn_terms_count *count, uint64_t threshold, \
        uint64_t *out) { \
        uint64_t *planes = count->planes + word; \
        const uint64_t *pending = planes + (4 + count->n_high) * PKN_TERMS_WORDS; \
        pkn_terms_vector_##isa low[4], carry, sum, above = pkn_terms_zero_##isa(); \
        low[0] = pkn_terms_get_##isa(planes); \
        low[1] = pkn_terms_get_##isa(planes + PKN_TERMS_WORDS); \
        low[2] = pkn_terms_get_##isa(planes + 2 * PKN_TERMS_WORDS); \
        low[3] = pkn_terms_get_##isa(planes + 3 * PKN_TERMS_WORDS); \
        carry = pkn_terms_rest_##isa(rows, n, step, arity, table_words, word, mask, low); \
        for (unsigned plane = 0; plane < 4 + count->n_high; plane++) { \
            if (plane < 4) { \
                sum = low[plane]; \
            } else { \
                sum = pkn_terms_get_##isa(planes + plane * PKN_TERMS_WORDS); \
                carry = \
                    count->n_groups >> (plane - 4) & 1 \
                        ? pkn_terms_full_##isa( \
                              &sum, pkn_terms_get_##isa(pending + (plane - 4) * PKN_TERMS_WORDS), \
                              carry) \
                        : pkn_terms_half_##isa(&sum, carry); \
            } \
            above = threshold >> plane & 1 ? pkn_terms_and_##isa(sum, above) \
                                           : pkn_terms_or_##isa(sum, above); \
            if (!out) { \
                pkn_terms_put_##isa(planes + plane * PKN_TERMS_WORDS, sum); \
            } \
        } \
        if (out) { \
            pkn_terms_store_##isa(out + word, mask, above); \
        } \
    } \
\
    /* Whole groups in columns [word, words), as far as this set's vectors reach; returns the first \
       word not done. The arities that are usual get code of their own. */ \
    TARGET PKN_INTERNAL size_t pkn_terms_columns_##isa(const pkn_terms *terms, size_t n_groups, \
                                                       size_t word, size_t words, \
                                                       const pkn_terms_count *count) { \
        const uint64_t *const *rows = terms->rows; \
        size_t step = terms->step, arity = terms->arity, table = terms->table_words; \
        for (; word + WHOLE <= words; word += LANES) { \
            pkn_terms_mask_##isa mask = pkn_terms_make_mask_##isa(words - word); \
            if (arity == 3 && step == 1) { \
                pkn_terms_groups_##isa(rows, 1, 3, table, n_groups, word, mask, count); \
            } else if (arity == 2 && step == 2 && table == 0) { \
                pkn_terms_groups_##isa(rows, 2, 2, 0, n_groups, word, mask, count); \
            } else if (arity == 1) { \
                pkn_terms_groups_##isa(rows, step, 1, 0, n_groups, word, mask, count); \
            } else { \
                pkn_terms_groups_##isa(rows, step, arity, table, n_groups, word, mask, count); \
            } \
        } \
        return word; \
    } \
    TARGET PKN_INTERNAL size_t pkn_terms_ends_##isa(const pkn_terms *terms, size_t n, size_t word, \
                                                    size_t words, const pkn_terms_count *count, \
                                                    uint64_t threshold, uint64_t *out) { \
        const uint64_t *const *rows = terms->rows; \
        size_t step = terms->step, arity = terms->arity, table = terms->table_words; \
        for (; word + WHOLE <= words; word += LANES) { \
            pkn_terms_mask_##isa mask = pkn_terms_make_mask_##isa(words - word); \
            if (arity == 3 && step == 1) { \
                pkn_terms_end_##isa(rows, n, 1, 3, table, word, mask, count, threshold, out); \
            } else { \
                pkn_terms_end_##isa(rows, n, step, arity, table, word, mask, count, threshold, \
                                    out); \
            } \
        } \
        return word; \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_terms_u64_##isa(const pkn_terms *terms, size_t n_groups, \
                                                       size_t words, pkn_terms_count *count) { \
        size_t word = pkn_terms_columns_##isa(terms, n_groups, 0, words, count); \
        if (word < words) { \
            (void)pkn_terms_columns_scalar(terms, n_groups, word, words, count); \
        } \
        count->n_groups += n_groups; \
    } \
    TARGET PKN_INTERNAL void pkn_end_terms_u64_##isa(const pkn_terms *terms, size_t n, \
                                                     size_t words, const pkn_terms_count *count, \
                                                     uint64_t threshold, uint64_t *out) { \
        size_t word = pkn_terms_ends_##isa(terms, n, 0, words, count, threshold, out); \
        if (word < words) { \
            (void)pkn_terms_ends_scalar(terms, n, word, words, count, threshold, out); \
        } \
    }

#endif
/* ==== src/simd/kernels.h, continued ==== */

#include <stddef.h>
#include <stdint.h>

/* X(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon)

   The last five columns say whose code the table of that set uses: pkn_<name>_<column>. A set that
   has nothing better of its own names a lower one, down to scalar. pkn_<name>_scalar always exists
   and is what the scalar table uses. */
/* clang-format off */
#define PKN_SIMD_KERNELS(X) \
    X(xor_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(xor_rows_u64, void, (const uint64_t *rows, size_t n_rows, const uint64_t *key, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(and_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(or_u64, void, (const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(not_u64, void, (const uint64_t *a, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(popcount_u64, uint64_t, (const uint64_t *a, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_u64, uint64_t, (const uint64_t *a, const uint64_t *b, size_t words), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(rotate_u64, void, (const uint64_t *in, size_t words, int64_t shift, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(majority_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, \
      uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(count_u64, void, (const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
      unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_counts_i32, void, (const uint64_t *planes, unsigned n_planes, size_t plane_stride, size_t words, \
      int32_t weight, int32_t offset, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_weighted_i32, void, (const uint64_t *rows, const int32_t *weights, size_t n_rows, size_t stride_words, \
      size_t words, int32_t *counts), \
      scalar, avx2, avx512, avx512, scalar) \
    X(add_saturated_i32, void, (const int32_t *a, const int32_t *b, size_t n, int32_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(threshold_i32, void, (const int32_t *counts, size_t words, const uint64_t *ties, uint64_t *out), \
      scalar, avx2, avx512, avx512, scalar) \
    X(count_terms_u64, void, (const pkn_terms *terms, size_t n_groups, size_t words, pkn_terms_count *count), \
      scalar, avx2, avx512, avx512, neon) \
    X(end_terms_u64, void, (const pkn_terms *terms, size_t n, size_t words, const pkn_terms_count *count, \
      uint64_t threshold, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(spread_i32, void, (const uint64_t *planes, unsigned n_planes, size_t stride_words, size_t words, \
      int32_t first, int32_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(level_f32, size_t, (const float *values, const float *low, const float *scale, size_t n, \
      uint32_t n_levels, uint32_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(hamming_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(hamming_part_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t stride, size_t words, uint32_t *out, size_t out_stride), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(nearest_tile_u64, void, (const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
      size_t words, uint32_t first, uint32_t *distances, uint32_t *indices), \
      popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    X(below_u32, size_t, (const uint32_t *values, size_t n, uint32_t threshold, uint32_t first, uint64_t *keys), \
      scalar, avx2, avx512, avx512, neon) \
    X(count_below_u64, size_t, (const uint64_t *keys, size_t n, uint64_t threshold), \
      scalar, avx2, avx512, avx512, scalar) \
    X(keep_below_u64, size_t, (uint64_t *keys, size_t n, uint64_t threshold), \
      scalar, scalar, avx512, avx512, scalar) \
    X(similarity_u32, void, (const uint32_t *distances, size_t n, uint64_t bits, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_i16, void, (const int16_t *weights, size_t n_rows, const uint64_t *bits, size_t words, int64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_i16, void, (const uint64_t *bits, size_t words, int rate, int16_t *weights), \
      scalar, avx2, avx512, avx512, neon) \
    X(sign_i16, void, (const int16_t *weights, size_t words, uint64_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f32, void, (const float *a, const float *b, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_f64, void, (const double *a, const double *b, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f32, void, (const float *a, size_t n, float *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(sqrt_f64, void, (const double *a, size_t n, double *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f32, void, (float alpha, const float *x, size_t n, float *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(axpy_f64, void, (double alpha, const double *x, size_t n, double *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f32, float, (const float *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(sum_f64, double, (const double *x, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f32, float, (const float *x, const float *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(dot_f64, double, (const double *x, const double *y, size_t n), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i8, void, (const int8_t *a, const int8_t *b, size_t n, int8_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(multiply_i16, void, (const int16_t *a, const int16_t *b, size_t n, int16_t *out), \
      scalar, avx2, avx512, avx512, neon) \
    X(add_saturated_i16, void, (const int16_t *x, size_t n, int16_t *y), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i8, void, (const int8_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon) \
    X(accumulate_i16, void, (const int16_t *x, size_t n, int32_t *sums), \
      scalar, avx2, avx512, avx512, neon)

/* Kernels that the dot product instructions (VNNI) serve: the sets come with and without these.
   X(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) */
#define PKN_SIMD_VNNI_KERNELS(X) \
    X(dot_tile_i8, void, (const int8_t *query, const int8_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    X(dot_tile_i16, void, (const int16_t *query, const int16_t *targets, size_t n_targets, size_t n, int64_t *out), \
      avx2, avx2_vnni, avx512, avx512_vnni, neon)
/* clang-format on */

#define PKN_SIMD_MEMBER(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    result(*name) parameters;
#define PKN_SIMD_VNNI_MEMBER(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, neon) \
    result(*name) parameters;

/* The kernels of one instruction set. Their contracts are those of the public functions in simd.h,
   but for one: a table's rotate_u64 takes out == in only for 0 <= shift < 64, where no word leaves
   its place; rotate.c does the rest. */
typedef struct pkn_simd_kernels {
    PKN_SIMD_KERNELS(PKN_SIMD_MEMBER)
    PKN_SIMD_VNNI_KERNELS(PKN_SIMD_VNNI_MEMBER)
} pkn_simd_kernels;

#endif
/* ==== src/simd/bits_scalar.c, continued ==== */
/* ==== src/simd/rotate.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* How a rotation of a bit vector splits into two straight pieces.

   Rotating by 64 q + r bits sends the top q words to the bottom and the others up by q; within each
   piece every output word is a funnel of an input word and the one before it:
   in[i] << r | in[i - 1] >> (64 - r). Every instruction set has its own funnel and calls it for
   both pieces. A funnel works from the last word down, so it may write over its input. */
#ifndef PKN_SIMD_ROTATE_H
#define PKN_SIMD_ROTATE_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

typedef struct pkn_rotation {
    const uint64_t *high; /* the top words of the input, which become the bottom ones */
    size_t n_high;        /* q, less than words */
    unsigned bits;        /* r, 0 to 63 */
    uint64_t before_high; /* the input words before the pieces, read before any is written */
    uint64_t before_low;
} pkn_rotation;

/* words is not 0. */
PKN_INLINE pkn_rotation pkn_rotation_of(const uint64_t *in, size_t words, int64_t shift) {
    pkn_rotation rotation;
    int64_t bits = (int64_t)((uint64_t)shift & 63u);
    int64_t word_shift = (shift - bits) / 64; /* exact: rounds down for negative shifts too */
    /* usually false, which spares the division */
    if (word_shift >= (int64_t)words || -word_shift > (int64_t)words) {
        word_shift %= (int64_t)words;
    }
    rotation.n_high = (size_t)(word_shift < 0 ? word_shift + (int64_t)words : word_shift);
    rotation.high = in + (words - rotation.n_high);
    rotation.bits = (unsigned)bits;
    rotation.before_high = in[words - rotation.n_high - 1];
    rotation.before_low = in[words - 1];
    return rotation;
}

PKN_ALWAYS_INLINE uint64_t pkn_funnel_word(uint64_t word, uint64_t before, unsigned bits) {
    return word << bits | before >> 1 >> (63u - bits); /* two steps, since >> 64 is undefined */
}

/* out[i] = word i of in, shifted up by bits, with the top bits of the word before. bits < 64; out
   may be in. */
PKN_INLINE void pkn_funnel_scalar(const uint64_t *in, size_t words, unsigned bits, uint64_t before,
                                  uint64_t *out) {
    if (words == 0) {
        return;
    }
    for (size_t i = words - 1; i > 0; i--) {
        out[i] = pkn_funnel_word(in[i], in[i - 1], bits);
    }
    out[0] = pkn_funnel_word(in[0], before, bits);
}

#endif
/* ==== src/simd/bits_scalar.c, continued ==== */

PKN_INTERNAL void pkn_xor_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/* out[r] = rows[r] ^ key, for n_rows rows of words words. out may be rows. */
PKN_INTERNAL void pkn_xor_rows_u64_scalar(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                          size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_scalar(rows + row * words, key, words, out + row * words);
    }
}

PKN_INTERNAL void pkn_and_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                     uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] & b[i];
    }
}

PKN_INTERNAL void pkn_or_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words,
                                    uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] | b[i];
    }
}

PKN_INTERNAL void pkn_not_u64_scalar(const uint64_t *a, size_t words, uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        out[i] = ~a[i];
    }
}

PKN_INTERNAL uint64_t pkn_popcount_u64_scalar(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i]);
    }
    return count;
}

PKN_INTERNAL uint64_t pkn_hamming_u64_scalar(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += pkn_popcount_u64(a[i] ^ b[i]);
    }
    return count;
}

PKN_INTERNAL void pkn_rotate_u64_scalar(const uint64_t *in, size_t words, int64_t shift,
                                        uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_scalar(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_scalar(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_popcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counts of ones with the POPCNT instruction alone, for x86 CPUs without AVX2: one word a cycle on Intel's, up to four on AMD's.
   Without it a compiler counts by arithmetic, about 12 operations a word. */
#ifndef PKN_SIMD_BITS_POPCNT_C
#define PKN_SIMD_BITS_POPCNT_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_popcount_u64_popcnt(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i]);
    }
    return count;
}

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_hamming_u64_popcnt(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i] ^ b[i]);
    }
    return count;
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX2.

   xor, and, or, not: one 32-byte store a cycle is the bound, as for memcpy.
   Counts: a byte's ones are looked up by its two halves (pshufb), 7 operations a 32-byte register.
   From 1 KiB on, Harley-Seal carry-save adders first reduce 16 registers to one: 15 adders of 5
   operations and 1/16 of a lookup, 5.2 operations a register. */
#ifndef PKN_SIMD_BITS_AVX2_C
#define PKN_SIMD_BITS_AVX2_C

/* #include "base/bits.h": above */
/* ==== src/simd/align.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Where a long output's stores become aligned. A store that crosses a 64-byte line takes twice as
   long; unaligned loads cost less and are left alone. */
#ifndef PKN_SIMD_ALIGN_H
#define PKN_SIMD_ALIGN_H

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* Shorter outputs are written as they lie: there an extra step costs more than the crossings. */
#define PKN_ALIGN_FROM_BYTES 512

/* How many of the n elements of size bytes at p lie before the first multiple of `alignment` bytes.
 */
PKN_ALWAYS_INLINE size_t pkn_align_head(const void *p, size_t size, size_t n, size_t alignment) {
    return n * size < PKN_ALIGN_FROM_BYTES
               ? 0
               : ((size_t)0 - (size_t)(uintptr_t)p / size) & (alignment / size - 1);
}

#endif
/* ==== src/simd/bits_avx2.c, continued ==== */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_avx2(const uint64_t *words) {
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_store_avx2(uint64_t *words, __m256i value) {
    _mm256_storeu_si256((__m256i *)(void *)words, value);
}

#define PKN_DEFINE_BITWISE_AVX2(name, operation_u64x4, operator) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_u64_avx2(const uint64_t *a, const uint64_t *b, \
                                                            size_t words, uint64_t *out) { \
        const size_t head = pkn_align_head(out, 8, words, 32); \
        size_t i = 0; \
        for (; i < head; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
        for (; i + 8 <= words; i += 8) { \
            __m256i low = operation_u64x4(pkn_load_avx2(a + i), pkn_load_avx2(b + i)); \
            __m256i high = operation_u64x4(pkn_load_avx2(a + i + 4), pkn_load_avx2(b + i + 4)); \
            pkn_store_avx2(out + i, low); \
            pkn_store_avx2(out + i + 4, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_AVX2(xor, _mm256_xor_si256, ^)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX2 void pkn_xor_rows_u64_avx2(const uint64_t *rows, size_t n_rows,
                                                        const uint64_t *key, size_t words,
                                                        uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m256i keys[8];
        for (size_t i = 0; i < 8; i++) {
            keys[i] = pkn_load_avx2(key + word + 4 * i);
        }
        for (size_t row = 0; row < n_rows; row++) {
            const uint64_t *in = rows + row * words + word;
            uint64_t *to = out + row * words + word;
            for (size_t i = 0; i < 8; i++) {
                pkn_store_avx2(to + 4 * i, _mm256_xor_si256(keys[i], pkn_load_avx2(in + 4 * i)));
            }
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx2(rows + row * words + word, key + word, words - word,
                         out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX2(and, _mm256_and_si256, &)
PKN_DEFINE_BITWISE_AVX2(or, _mm256_or_si256, |)

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_not_u64_avx2(const uint64_t *a, size_t words, uint64_t *out) {
    const __m256i ones = _mm256_set1_epi64x(-1);
    const size_t head = pkn_align_head(out, 8, words, 32);
    size_t i = 0;
    for (; i < head; i++) {
        out[i] = ~a[i];
    }
    for (; i + 8 <= words; i += 8) {
        __m256i low = _mm256_xor_si256(pkn_load_avx2(a + i), ones);
        __m256i high = _mm256_xor_si256(pkn_load_avx2(a + i + 4), ones);
        pkn_store_avx2(out + i, low);
        pkn_store_avx2(out + i + 4, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u8x32_avx2(__m256i x) {
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, half));
    __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_add_epi8(low, high);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_popcount_u64x4_avx2(__m256i x) {
    return _mm256_sad_epu8(pkn_popcount_u8x32_avx2(x), _mm256_setzero_si256());
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_sum_u64x4_avx2(__m256i x) {
    __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
}

/* Words i to i + 3 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_difference_avx2(const uint64_t *a, const uint64_t *b,
                                                              size_t i) {
    return b ? _mm256_xor_si256(pkn_load_avx2(a + i), pkn_load_avx2(b + i)) : pkn_load_avx2(a + i);
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add_avx2(__m256i *sum, __m256i a, __m256i b) {
    __m256i either = _mm256_xor_si256(a, b); /* first, since *sum is late */
    __m256i carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(either, *sum));
    *sum = _mm256_xor_si256(*sum, either);
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add4_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i two =
        pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i), pkn_difference_avx2(a, b, i + 4));
    __m256i too = pkn_full_add_avx2(planes, pkn_difference_avx2(a, b, i + 8),
                                    pkn_difference_avx2(a, b, i + 12));
    return pkn_full_add_avx2(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_full_add8_avx2(__m256i *planes, const uint64_t *a,
                                                             const uint64_t *b, size_t i) {
    __m256i four = pkn_full_add4_avx2(planes, a, b, i);
    return pkn_full_add_avx2(planes + 2, four, pkn_full_add4_avx2(planes, a, b, i + 16));
}

/* The ones of the first words / 64 * 64 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_blocks_avx2(const uint64_t *a,
                                                                 const uint64_t *b, size_t words) {
    __m256i zero = _mm256_setzero_si256();
    __m256i planes[4] = {zero, zero, zero, zero};
    __m256i sum_u64x4 = zero;
    for (size_t i = 0; i + 64 <= words; i += 64) {
        __m256i eight = pkn_full_add8_avx2(planes, a, b, i);
        __m256i sixteen =
            pkn_full_add_avx2(planes + 3, eight, pkn_full_add8_avx2(planes, a, b, i + 32));
        sum_u64x4 = _mm256_add_epi64(sum_u64x4, pkn_popcount_u64x4_avx2(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x4 = _mm256_add_epi64(_mm256_slli_epi64(sum_u64x4, 1),
                                     pkn_popcount_u64x4_avx2(planes[plane]));
    }
    return pkn_sum_u64x4_avx2(sum_u64x4);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 uint64_t pkn_count_avx2(const uint64_t *a, const uint64_t *b,
                                                          size_t words) {
    __m256i sum_u8x32 = _mm256_setzero_si256();
    uint64_t count = 0;
    size_t i = 0;
    if (words >= 128) {
        count = pkn_count_blocks_avx2(a, b, words);
        i = words / 64 * 64;
    }
    for (; i + 4 <= words; i += 4) { /* at most 31 times, so a byte holds at most 248 */
        sum_u8x32 =
            _mm256_add_epi8(sum_u8x32, pkn_popcount_u8x32_avx2(pkn_difference_avx2(a, b, i)));
    }
    count += pkn_sum_u64x4_avx2(_mm256_sad_epu8(sum_u8x32, _mm256_setzero_si256()));
    for (; i < words; i++) {
        count += pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count;
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_popcount_u64_avx2(const uint64_t *a, size_t words) {
    return pkn_count_avx2(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX2 uint64_t pkn_hamming_u64_avx2(const uint64_t *a, const uint64_t *b,
                                                           size_t words) {
    return b ? pkn_count_avx2(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* The four words that end before `end`, shifted up with the top bits of the words before them. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_funnel_u64x4(const uint64_t *end, __m128i left,
                                                           __m128i right) {
    return _mm256_or_si256(_mm256_sll_epi64(pkn_load_avx2(end - 4), left),
                           _mm256_srl_epi64(pkn_load_avx2(end - 5), right));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void
pkn_funnel_avx2(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words;
    if (words * 8 >= PKN_ALIGN_FROM_BYTES) {
        for (; (uintptr_t)(out + i) % 32 != 0; i--) {
            out[i - 1] = pkn_funnel_word(in[i - 1], in[i - 2], bits);
        }
    }
    for (; i >= 9; i -= 8) {
        __m256i top = pkn_funnel_u64x4(in + i, left, right);
        __m256i below = pkn_funnel_u64x4(in + i - 4, left, right);
        pkn_store_avx2(out + i - 4, top);
        pkn_store_avx2(out + i - 8, below);
    }
    for (; i >= 5; i -= 4) {
        pkn_store_avx2(out + i - 4, pkn_funnel_u64x4(in + i, left, right));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_rotate_u64_avx2(const uint64_t *in, size_t words,
                                                      int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx2(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx2(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for AVX-512 without VPOPCNTDQ (F, BW, VL, DQ). Rests shorter than a register are
   masked.

   xor, and, or, not: one 64-byte store a cycle is the bound (two cycles where the CPU splits it, as
   Zen 4 does), as for memcpy; a store that crosses a line costs twice that, so long outputs begin
   with a masked step up to a line. Counts: a full adder is two VPTERNLOG here, so Harley-Seal from
   1 KiB on costs 15 adders of 2 operations and 1/16 of an 8-operation lookup, 2.4 operations a
   register; below, the lookup by half bytes alone. */
#ifndef PKN_SIMD_BITS_AVX512_C
#define PKN_SIMD_BITS_AVX512_C

/* #include "simd/align.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 8; n < 8. */
PKN_ALWAYS_INLINE __mmask8 pkn_first_lanes_u64x8(size_t n) {
    return (__mmask8)((1u << n) - 1u);
}

#define PKN_DEFINE_BITWISE_AVX512(name, operation_u64x8) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_u64_avx512( \
        const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out) { \
        size_t i = pkn_align_head(out, 8, words, 64); \
        __mmask8 mask = pkn_first_lanes_u64x8(i); \
        if (i > 0) { \
            _mm512_mask_storeu_epi64(out, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a), \
                                                     _mm512_maskz_loadu_epi64(mask, b))); \
        } \
        for (; i + 8 <= words; i += 8) { \
            _mm512_storeu_si512( \
                out + i, operation_u64x8(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i))); \
        } \
        if (i < words) { \
            mask = pkn_first_lanes_u64x8(words - i); \
            _mm512_mask_storeu_epi64(out + i, mask, \
                                     operation_u64x8(_mm512_maskz_loadu_epi64(mask, a + i), \
                                                     _mm512_maskz_loadu_epi64(mask, b + i))); \
        } \
    }

PKN_DEFINE_BITWISE_AVX512(xor, _mm512_xor_si512)
/* 32 words of the key stay in registers for all rows. */
PKN_INTERNAL PKN_TARGET_AVX512 void pkn_xor_rows_u64_avx512(const uint64_t *rows, size_t n_rows,
                                                            const uint64_t *key, size_t words,
                                                            uint64_t *out) {
    size_t word = 0;
    for (; words - word >= 32; word += 32) {
        __m512i k0 = _mm512_loadu_si512(key + word), k1 = _mm512_loadu_si512(key + word + 8);
        __m512i k2 = _mm512_loadu_si512(key + word + 16), k3 = _mm512_loadu_si512(key + word + 24);
        const uint64_t *in = rows + word;
        uint64_t *to = out + word;
        for (size_t row = 0; row < n_rows; row++) {
            _mm512_storeu_si512(to, _mm512_xor_si512(k0, _mm512_loadu_si512(in)));
            _mm512_storeu_si512(to + 8, _mm512_xor_si512(k1, _mm512_loadu_si512(in + 8)));
            _mm512_storeu_si512(to + 16, _mm512_xor_si512(k2, _mm512_loadu_si512(in + 16)));
            _mm512_storeu_si512(to + 24, _mm512_xor_si512(k3, _mm512_loadu_si512(in + 24)));
            in += words;
            to += words;
        }
    }
    for (size_t row = 0; row < n_rows && word < words; row++) {
        pkn_xor_u64_avx512(rows + row * words + word, key + word, words - word,
                           out + row * words + word);
    }
}

PKN_DEFINE_BITWISE_AVX512(and, _mm512_and_si512)
PKN_DEFINE_BITWISE_AVX512(or, _mm512_or_si512)

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_not_u64_avx512(const uint64_t *a, size_t words,
                                                       uint64_t *out) {
    const __m512i ones = _mm512_set1_epi64(-1);
    size_t i = pkn_align_head(out, 8, words, 64);
    __mmask8 mask = pkn_first_lanes_u64x8(i);
    if (i > 0) {
        _mm512_mask_storeu_epi64(out, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a), ones));
    }
    for (; i + 8 <= words; i += 8) {
        _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(a + i), ones));
    }
    if (i < words) {
        mask = pkn_first_lanes_u64x8(words - i);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, a + i), ones));
    }
}

/* The ones of each 64-bit lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_popcount_u64x8_avx512(__m512i x) {
    const __m512i counts = _mm512_set4_epi32(0x04030302, 0x03020201, 0x03020201, 0x02010100);
    const __m512i half = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(counts, _mm512_and_si512(x, half));
    __m512i high = _mm512_shuffle_epi8(counts, _mm512_and_si512(_mm512_srli_epi16(x, 4), half));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

/* Words i to i + 7 of a, or of a ^ b where b is not 0: the counts below serve popcount and hamming
   alike. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_avx512(const uint64_t *a,
                                                                  const uint64_t *b, size_t i) {
    __m512i a_u64x8 = _mm512_loadu_si512(a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_loadu_si512(b + i)) : a_u64x8;
}

/* The same for the lanes of the mask; the others are 0. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_difference_rest_avx512(const uint64_t *a,
                                                                       const uint64_t *b, size_t i,
                                                                       size_t words) {
    __mmask8 mask = pkn_first_lanes_u64x8(words - i);
    __m512i a_u64x8 = _mm512_maskz_loadu_epi64(mask, a + i);
    return b ? _mm512_xor_si512(a_u64x8, _mm512_maskz_loadu_epi64(mask, b + i)) : a_u64x8;
}

/* A full adder in each bit: *sum becomes *sum + a + b, and the carry is returned. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add_avx512(__m512i *sum, __m512i a,
                                                                __m512i b) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, a, b, 0xe8); /* two of three */
    *sum = _mm512_ternarylogic_epi64(*sum, a, b, 0x96);          /* exclusive or of three */
    return carry;
}

/* Adds 4 (8) registers into the binary counter planes[0], planes[1] (planes[2]) and returns what
   carries out of it. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add4_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i two = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i),
                                      pkn_difference_avx512(a, b, i + 8));
    __m512i too = pkn_full_add_avx512(planes, pkn_difference_avx512(a, b, i + 16),
                                      pkn_difference_avx512(a, b, i + 24));
    return pkn_full_add_avx512(planes + 1, two, too);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_full_add8_avx512(__m512i *planes, const uint64_t *a,
                                                                 const uint64_t *b, size_t i) {
    __m512i four = pkn_full_add4_avx512(planes, a, b, i);
    return pkn_full_add_avx512(planes + 2, four, pkn_full_add4_avx512(planes, a, b, i + 32));
}

/* The ones, in each lane, of the first words / 128 * 128 words by Harley-Seal. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_count_blocks_avx512(const uint64_t *a,
                                                                    const uint64_t *b,
                                                                    size_t words) {
    __m512i zero = _mm512_setzero_si512();
    __m512i planes[4] = {zero, zero, zero, zero};
    __m512i sum_u64x8 = zero;
    for (size_t i = 0; i + 128 <= words; i += 128) {
        __m512i eight = pkn_full_add8_avx512(planes, a, b, i);
        __m512i sixteen =
            pkn_full_add_avx512(planes + 3, eight, pkn_full_add8_avx512(planes, a, b, i + 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(sixteen));
    }
    for (int plane = 3; plane >= 0; plane--) {
        sum_u64x8 = _mm512_add_epi64(_mm512_add_epi64(sum_u64x8, sum_u64x8),
                                     pkn_popcount_u64x8_avx512(planes[plane]));
    }
    return sum_u64x8;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 uint64_t pkn_count_avx512(const uint64_t *a, const uint64_t *b,
                                                              size_t words) {
    __m512i sum_u64x8 = _mm512_setzero_si512();
    size_t i = 0;
    if (words >= 128) {
        sum_u64x8 = pkn_count_blocks_avx512(a, b, words);
        i = words / 128 * 128;
    }
    for (; i + 8 <= words; i += 8) {
        sum_u64x8 =
            _mm512_add_epi64(sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum_u64x8 = _mm512_add_epi64(
            sum_u64x8, pkn_popcount_u64x8_avx512(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(sum_u64x8);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_popcount_u64_avx512(const uint64_t *a, size_t words) {
    return pkn_count_avx512(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512 uint64_t pkn_hamming_u64_avx512(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    return b ? pkn_count_avx512(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

/* in << left | before >> right in each lane. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_funnel_u64x8(__m512i in, __m512i before,
                                                             __m128i left, __m128i right) {
    return _mm512_or_si512(_mm512_sll_epi64(in, left), _mm512_srl_epi64(before, right));
}

/* The words from the last down, until at most 15 are left; returns how many. Stores are aligned,
   and a register's low words serve as the next one's words before, so each word is loaded once: 2.5
   cycles per 64 bytes instead of 3.6 with two loads. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 size_t pkn_funnel_long_avx512(const uint64_t *in, size_t words,
                                                                  __m128i left, __m128i right,
                                                                  uint64_t *out) {
    size_t top = (uintptr_t)(out + words) / 8 & 7u; /* words behind the last line's begin */
    size_t i = words - top;
    __m512i current = _mm512_loadu_si512(in + i - 8);
    if (top > 0) {
        __mmask8 mask = pkn_first_lanes_u64x8(top);
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in + i);
        __m512i before_u64x8 = _mm512_alignr_epi64(words_u64x8, current, 7);
        _mm512_mask_storeu_epi64(out + i, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    for (; i >= 16; i -= 8) {
        __m512i below = _mm512_loadu_si512(in + i - 16);
        __m512i before_u64x8 = _mm512_alignr_epi64(current, below, 7);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(current, before_u64x8, left, right));
        current = below;
    }
    return i;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void
pkn_funnel_avx512(const uint64_t *in, size_t words, unsigned bits, uint64_t before, uint64_t *out) {
    const __m128i left = _mm_cvtsi32_si128((int)bits);
    const __m128i right = _mm_cvtsi32_si128(64 - (int)bits); /* a shift by 64 gives 0 */
    size_t i = words * 8 < PKN_ALIGN_FROM_BYTES
                   ? words
                   : pkn_funnel_long_avx512(in, words, left, right, out);
    for (; i >= 9; i -= 8) {
        __m512i words_u64x8 = _mm512_loadu_si512(in + i - 8);
        __m512i before_u64x8 = _mm512_loadu_si512(in + i - 9);
        _mm512_storeu_si512(out + i - 8, pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
    if (i > 0) { /* the first 1 to 8 words */
        __mmask8 mask = (__mmask8)(0xffu >> (8 - i));
        __m512i words_u64x8 = _mm512_maskz_loadu_epi64(mask, in);
        __m512i before_u64x8 =
            _mm512_alignr_epi64(words_u64x8, _mm512_set1_epi64((long long)before), 7);
        _mm512_mask_storeu_epi64(out, mask,
                                 pkn_funnel_u64x8(words_u64x8, before_u64x8, left, right));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_rotate_u64_avx512(const uint64_t *in, size_t words,
                                                          int64_t shift, uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_avx512(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_avx512(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                      out + rotation.n_high);
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_avx512_vpopcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counts for AVX-512 with VPOPCNTDQ: one instruction counts 8 words, so loads are the bound: a
   64-byte load a cycle on Zen 4 (two on Intel), 1 cycle per 64 bytes for popcount and 2 for
   hamming, which reads both rows. */
#ifndef PKN_SIMD_BITS_AVX512_VPOPCNT_C
#define PKN_SIMD_BITS_AVX512_VPOPCNT_C

/* #include "simd/bits_avx512.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* As pkn_difference_avx512: a ^ b, or a where b is 0. Four sums, so that no addition waits for the
   one before. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_count_avx512_vpopcnt(const uint64_t *a,
                                                                              const uint64_t *b,
                                                                              size_t words) {
    __m512i sum0 = _mm512_setzero_si512();
    __m512i sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;
    for (; i + 32 <= words; i += 32) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
        sum1 = _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 8)));
        sum2 = _mm512_add_epi64(sum2, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 16)));
        sum3 = _mm512_add_epi64(sum3, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 24)));
    }
    for (; i + 8 <= words; i += 8) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum1 =
            _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3)));
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_popcount_u64_avx512_vpopcnt(const uint64_t *a,
                                                                                size_t words) {
    return pkn_count_avx512_vpopcnt(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_hamming_u64_avx512_vpopcnt(const uint64_t *a,
                                                                               const uint64_t *b,
                                                                               size_t words) {
    return b ? pkn_count_avx512_vpopcnt(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/bits_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The bit kernels for NEON (64-bit ARM).

   xor, and, or, not: bound by loads and stores, as memcpy is. Counts: CNT gives the ones of each
   byte, bytes add up for at most 31 registers (31 * 8 = 248), then UADALP widens: 3 operations a
   16-byte register for hamming, 2 for popcount. */
#ifndef PKN_SIMD_BITS_NEON_C
#define PKN_SIMD_BITS_NEON_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */
/* #include "simd/rotate.h": above */

#if PKN_ARCH_ARM64

#define PKN_DEFINE_BITWISE_NEON(name, operation_u64x2, operator) \
    PKN_INTERNAL void pkn_##name##_u64_neon(const uint64_t *a, const uint64_t *b, size_t words, \
                                            uint64_t *out) { \
        size_t i = 0; \
        for (; i + 4 <= words; i += 4) { \
            uint64x2_t low = operation_u64x2(vld1q_u64(a + i), vld1q_u64(b + i)); \
            uint64x2_t high = operation_u64x2(vld1q_u64(a + i + 2), vld1q_u64(b + i + 2)); \
            vst1q_u64(out + i, low); \
            vst1q_u64(out + i + 2, high); \
        } \
        for (; i < words; i++) { \
            out[i] = a[i] operator b[i]; \
        } \
    }

PKN_DEFINE_BITWISE_NEON(xor, veorq_u64, ^)
PKN_INTERNAL void pkn_xor_rows_u64_neon(const uint64_t *rows, size_t n_rows, const uint64_t *key,
                                        size_t words, uint64_t *out) {
    for (size_t row = 0; row < n_rows; row++) {
        pkn_xor_u64_neon(rows + row * words, key, words, out + row * words);
    }
}

PKN_DEFINE_BITWISE_NEON(and, vandq_u64, &)
PKN_DEFINE_BITWISE_NEON(or, vorrq_u64, |)

PKN_INTERNAL void pkn_not_u64_neon(const uint64_t *a, size_t words, uint64_t *out) {
    const uint64x2_t ones = vdupq_n_u64(~(uint64_t)0);
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        uint64x2_t low = veorq_u64(vld1q_u64(a + i), ones);
        uint64x2_t high = veorq_u64(vld1q_u64(a + i + 2), ones);
        vst1q_u64(out + i, low);
        vst1q_u64(out + i + 2, high);
    }
    for (; i < words; i++) {
        out[i] = ~a[i];
    }
}

/* The ones of each byte of words i and i + 1 of a, or of a ^ b where b is not 0: the count serves
   popcount and hamming. */
PKN_ALWAYS_INLINE uint8x16_t pkn_popcount_u8x16_neon(const uint64_t *a, const uint64_t *b,
                                                     size_t i) {
    uint64x2_t x = b ? veorq_u64(vld1q_u64(a + i), vld1q_u64(b + i)) : vld1q_u64(a + i);
    return vcntq_u8(vreinterpretq_u8_u64(x));
}

PKN_ALWAYS_INLINE uint64_t pkn_count_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64x2_t sum_u64x2 = vdupq_n_u64(0);
    uint64_t count = 0;
    size_t i = 0;
    while (i + 2 <= words) {
        size_t end = i + pkn_min_size((words - i) / 2, 62) *
                             2; /* 62 registers, half of them in each byte sum */
        uint8x16_t even_u8x16 = vdupq_n_u8(0);
        uint8x16_t odd_u8x16 = even_u8x16;
        for (; i + 4 <= end; i += 4) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            odd_u8x16 = vaddq_u8(odd_u8x16, pkn_popcount_u8x16_neon(a, b, i + 2));
        }
        if (i < end) {
            even_u8x16 = vaddq_u8(even_u8x16, pkn_popcount_u8x16_neon(a, b, i));
            i += 2;
        }
        sum_u64x2 =
            vpadalq_u32(sum_u64x2, vpaddlq_u16(vpadalq_u8(vpaddlq_u8(even_u8x16), odd_u8x16)));
    }
    if (i < words) {
        count = pkn_popcount_u64(b ? a[i] ^ b[i] : a[i]);
    }
    return count + vaddvq_u64(sum_u64x2);
}

PKN_INTERNAL uint64_t pkn_popcount_u64_neon(const uint64_t *a, size_t words) {
    return pkn_count_neon(a, 0, words);
}

PKN_INTERNAL uint64_t pkn_hamming_u64_neon(const uint64_t *a, const uint64_t *b, size_t words) {
    return b ? pkn_count_neon(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_ALWAYS_INLINE void pkn_funnel_neon(const uint64_t *in, size_t words, unsigned bits,
                                       uint64_t before, uint64_t *out) {
    const int64x2_t left = vdupq_n_s64((int64_t)bits);
    const int64x2_t right =
        vdupq_n_s64((int64_t)bits - 64); /* negative counts shift right, by 64 gives 0 */
    size_t i = words;
    for (; i >= 3; i -= 2) {
        uint64x2_t high = vshlq_u64(vld1q_u64(in + i - 2), left);
        uint64x2_t low = vshlq_u64(vld1q_u64(in + i - 3), right);
        vst1q_u64(out + i - 2, vorrq_u64(high, low));
    }
    pkn_funnel_scalar(in, i, bits, before, out);
}

PKN_INTERNAL void pkn_rotate_u64_neon(const uint64_t *in, size_t words, int64_t shift,
                                      uint64_t *out) {
    pkn_rotation rotation = pkn_rotation_of(in, words, shift);
    pkn_funnel_neon(rotation.high, rotation.n_high, rotation.bits, rotation.before_high, out);
    pkn_funnel_neon(in, words - rotation.n_high, rotation.bits, rotation.before_low,
                    out + rotation.n_high);
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/majority_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts, one word of 64 columns at a time, on any CPU. */
#ifndef PKN_SIMD_MAJORITY_SCALAR_C
#define PKN_SIMD_MAJORITY_SCALAR_C

/* ==== src/simd/majority.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counting ones per bit column over many rows with bit-sliced counters: the algorithm, for any
   vector type.

   A vector column (LANES words wide) keeps plane k of its counters, bit 2^k of each count, in one
   register. A full adder (carry-save adder) takes three vectors of equal weight to a sum of that
   weight and a carry of twice the weight, so n rows cost about n full adders: two a pair of rows at
   weight 1, half as many at weight 2, and so on. 64 rows leave the six low planes in registers and
   give one carry of weight 64. Carries of weight 64 and more are paired too: every second one finds
   an earlier one pending at its level and goes up with it, like a binary counter of the groups
   done, so the high planes in memory cost two additions in 64 rows however many planes there are.

   Majority needs no comparison: counters that begin at 2^p - 1 - floor(n / 2), with 2^p > floor(n /
   2), have plane p set at the end exactly where the count is above floor(n / 2), and never reach
   plane p + 1.

   A file of an instruction set defines, with its suffix,
       pkn_count_vector_*     the vector type
       pkn_count_load_*       (p, lanes)     the first `lanes` words at p, the rest 0
       pkn_count_store_*      (p, lanes, v)  the first `lanes` words only
       pkn_count_fill_*       (bit)          all ones or all zeros
       pkn_count_full_*       (sum, b, c)    full adder: *sum = *sum ^ b ^ c, returns the carry
       pkn_count_half_*       (sum, b)       half adder: *sum = *sum ^ b, returns the carry
       pkn_count_or_*         (a, b)
   and lets PKN_DEFINE_MAJORITY make the kernels. */
#ifndef PKN_SIMD_MAJORITY_H
#define PKN_SIMD_MAJORITY_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

/* Planes in registers, and those above: counts up to 2^31 and the carry out of them. */
#define PKN_COUNT_LOW_PLANES 6
#define PKN_COUNT_HIGH_PLANES 26
/* Rows that the low planes take before they carry. */
#define PKN_COUNT_GROUP_ROWS 64
/* Many rows are counted in this many columns of 64 bytes at once, so that a row's lines are read
   together. */
#define PKN_COUNT_COLUMNS_BYTES 256

/* Number of the carry plane of a majority of n rows: the smallest p with 2^p > floor(n / 2). */
PKN_INLINE unsigned pkn_majority_plane(size_t n_rows) {
    return n_rows < 2 ? 0 : 64 - pkn_clz_u64((uint64_t)(n_rows / 2));
}

PKN_INLINE uint64_t pkn_majority_bias(size_t n_rows) {
    return (UINT64_C(1) << pkn_majority_plane(n_rows)) - 1 - (uint64_t)(n_rows / 2);
}

#define PKN_DEFINE_MAJORITY(isa, TARGET, LANES) \
    /* What a column has counted: low planes, high planes, carries that wait for a second one. */ \
    typedef struct pkn_count_column_##isa { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        pkn_count_vector_##isa high[PKN_COUNT_HIGH_PLANES], pending[PKN_COUNT_HIGH_PLANES]; \
    } pkn_count_column_##isa; \
\
    /* The next two rows into plane 0; the carry has weight 2. Then twice as many each. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_2_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        const uint64_t *row = *rows; \
        *rows += 2 * stride; \
        return pkn_count_full_##isa(&low[0], pkn_count_load_##isa(row, lanes), \
                                    pkn_count_load_##isa(row + stride, lanes)); \
    } \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_4_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_2_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_2_##isa(rows, stride, lanes, low); \
        /* gcc would compute the addresses of all rows beforehand and keep them in memory */ \
        __asm__("" : "+r"(*rows)); \
        return pkn_count_full_##isa(&low[1], a, b); \
    } \
    PKN_DEFINE_COUNT(isa, TARGET, 8, 4, 2) \
    PKN_DEFINE_COUNT(isa, TARGET, 16, 8, 3) \
    PKN_DEFINE_COUNT(isa, TARGET, 32, 16, 4) \
    PKN_DEFINE_COUNT(isa, TARGET, 64, 32, 5) \
\
    /* A carry into the planes from this one to `last`; returns what they carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_ripple_##isa( \
        pkn_count_vector_##isa *low, int plane, int last, pkn_count_vector_##isa carry) { \
        PKN_COUNT_RIPPLE(isa, 0) \
        PKN_COUNT_RIPPLE(isa, 1) \
        PKN_COUNT_RIPPLE(isa, 2) \
        PKN_COUNT_RIPPLE(isa, 3) \
        PKN_COUNT_RIPPLE(isa, 4) \
        PKN_COUNT_RIPPLE(isa, 5) \
        return carry; \
    } \
\
    /* Less than 2^(last + 1) rows; returns what the planes up to `last` carry out. */ \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_rest_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, int last, \
        pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa out = pkn_count_fill_##isa(0); \
        PKN_COUNT_REST(isa, 32, 5) \
        PKN_COUNT_REST(isa, 16, 4) \
        PKN_COUNT_REST(isa, 8, 3) \
        PKN_COUNT_REST(isa, 4, 2) \
        PKN_COUNT_REST(isa, 2, 1) \
        if (n_rows & 1) { \
            out = pkn_count_or_##isa( \
                out, pkn_count_ripple_##isa(low, 0, last, pkn_count_load_##isa(rows, lanes))); \
        } \
        return out; \
    } \
\
    /* A group of rows, after groups_done earlier ones. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_group_##isa(const uint64_t *rows, size_t groups_done, \
                                                        size_t stride, size_t lanes, \
                                                        pkn_count_column_##isa *column) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], carry; \
        unsigned level = 0; \
        PKN_COUNT_COPY(low, column->low) \
        carry = pkn_count_64_##isa(&rows, stride, lanes, low); \
        for (; groups_done & 1; groups_done >>= 1, level++) { \
            carry = pkn_count_full_##isa(&column->high[level], column->pending[level], carry); \
        } \
        column->pending[level] = carry; \
        PKN_COUNT_COPY(column->low, low) \
    } \
\
    /* The last rows, less than a group, and all that is pending; then n_planes planes go to out. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_finish_##isa( \
        const uint64_t *rows, size_t n_rows, size_t groups_done, size_t stride, size_t lanes, \
        pkn_count_column_##isa *column, unsigned first, unsigned n_planes, size_t out_stride, \
        uint64_t *out) { \
        pkn_count_vector_##isa carry = \
            pkn_count_rest_##isa(rows, n_rows, stride, lanes, 5, column->low); \
        for (unsigned plane = 0; plane < first + n_planes; plane++) { \
            pkn_count_vector_##isa *place = plane < PKN_COUNT_LOW_PLANES \
                                                ? &column->low[plane] \
                                                : &column->high[plane - PKN_COUNT_LOW_PLANES]; \
            if (plane >= PKN_COUNT_LOW_PLANES) { \
                carry = groups_done >> (plane - PKN_COUNT_LOW_PLANES) & 1 \
                            ? pkn_count_full_##isa( \
                                  place, column->pending[plane - PKN_COUNT_LOW_PLANES], carry) \
                            : pkn_count_half_##isa(place, carry); \
            } \
            if (plane >= first) { \
                pkn_count_store_##isa(out + (plane - first) * out_stride, lanes, *place); \
            } \
        } \
    } \
\
    /* The column that begins at word `word` of a row, whole or not, begins, goes on and ends. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_count_begin_##isa(pkn_count_column_##isa *column, \
                                                        uint64_t bias, unsigned n_planes) { \
        PKN_COUNT_FILL(isa, column->low, bias) \
        for (unsigned k = PKN_COUNT_LOW_PLANES; k < n_planes; k++) { \
            column->high[k - PKN_COUNT_LOW_PLANES] = \
                pkn_count_fill_##isa((unsigned)(bias >> k & 1)); \
        } \
    } \
\
    TARGET PKN_INTERNAL void pkn_count_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t bias, \
        unsigned first_plane, unsigned n_planes, size_t out_stride, uint64_t *out) { \
        enum { COLUMNS = PKN_COUNT_COLUMNS_BYTES / 8 / LANES }; \
        pkn_count_column_##isa columns[COLUMNS]; \
        size_t n_groups = n_rows / PKN_COUNT_GROUP_ROWS; \
        size_t n_rest = n_rows % PKN_COUNT_GROUP_ROWS; \
        for (size_t word = 0; word < words; word += COLUMNS * LANES) { \
            size_t n_whole = pkn_min_size((words - word) / LANES, COLUMNS); \
            size_t lanes = n_whole < COLUMNS ? (words - word) % LANES : 0; \
            const uint64_t *place = rows + word; \
            for (size_t c = 0; c < n_whole + (lanes != 0); c++) { \
                pkn_count_begin_##isa(&columns[c], bias, first_plane + n_planes); \
            } \
            for (size_t group = 0; group < n_groups; group++) { \
                for (size_t c = 0; c < n_whole; c++) { \
                    pkn_count_group_##isa(place + c * LANES, group, stride_words, LANES, \
                                          &columns[c]); \
                } \
                if (lanes != 0) { \
                    pkn_count_group_##isa(place + n_whole * LANES, group, stride_words, lanes, \
                                          &columns[n_whole]); \
                } \
                place += PKN_COUNT_GROUP_ROWS * stride_words; \
            } \
            for (size_t c = 0; c < n_whole; c++) { \
                pkn_count_finish_##isa(place + c * LANES, n_rest, n_groups, stride_words, LANES, \
                                       &columns[c], first_plane, n_planes, out_stride, \
                                       out + word + c * LANES); \
            } \
            if (lanes != 0) { \
                pkn_count_finish_##isa(place + n_whole * LANES, n_rest, n_groups, stride_words, \
                                       lanes, &columns[n_whole], first_plane, n_planes, \
                                       out_stride, out + word + n_whole * LANES); \
            } \
        } \
    } \
\
    /* Less than 16, and less than 128 rows stay in registers altogether. */ \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_16_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES]; \
        PKN_COUNT_FILL(isa, low, bias) \
        (void)pkn_count_rest_##isa(rows, n_rows, stride, lanes, 3, low); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 2   ? low[3] \
                              : plane > 1 ? low[2] \
                              : plane > 0 ? low[1] \
                                          : low[0]); \
    } \
    TARGET PKN_ALWAYS_INLINE void pkn_majority_128_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride, size_t lanes, uint64_t bias, \
        unsigned plane, uint64_t *out) { \
        pkn_count_vector_##isa low[PKN_COUNT_LOW_PLANES], top = pkn_count_fill_##isa(0); \
        PKN_COUNT_FILL(isa, low, bias) \
        if (n_rows >= PKN_COUNT_GROUP_ROWS) { \
            top = pkn_count_64_##isa(&rows, stride, lanes, low); \
        } \
        top = pkn_count_or_##isa(top, pkn_count_rest_##isa(rows, n_rows % PKN_COUNT_GROUP_ROWS, \
                                                           stride, lanes, 5, low)); \
        pkn_count_store_##isa(out, lanes, \
                              plane > 5   ? top \
                              : plane > 4 ? low[5] \
                              : plane > 3 ? low[4] \
                                          : low[3]); \
    } \
\
    TARGET PKN_INTERNAL void pkn_majority_u64_##isa( \
        const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words, uint64_t *out) { \
        unsigned plane = pkn_majority_plane(n_rows); \
        uint64_t bias = pkn_majority_bias(n_rows); \
        size_t word = 0; \
        if (n_rows >= 2 * PKN_COUNT_GROUP_ROWS) { \
            pkn_count_u64_##isa(rows, n_rows, stride_words, words, bias, plane, 1, words, out); \
            return; \
        } \
        if (n_rows < 16) { \
            PKN_MAJORITY_COLUMNS(pkn_majority_16_##isa, LANES) \
        } else { \
            PKN_MAJORITY_COLUMNS(pkn_majority_128_##isa, LANES) \
        } \
    }

#define PKN_MAJORITY_COLUMNS(majority, LANES) \
    for (; words - word >= LANES; word += LANES) { \
        majority(rows + word, n_rows, stride_words, LANES, bias, plane, out + word); \
    } \
    if (word < words) { \
        majority(rows + word, n_rows, stride_words, words - word, bias, plane, out + word); \
    }

/* Written out: a loop would keep the planes in memory with gcc. */
#define PKN_COUNT_COPY(to, from) \
    to[0] = from[0], to[1] = from[1], to[2] = from[2]; \
    to[3] = from[3], to[4] = from[4], to[5] = from[5];
#define PKN_COUNT_FILL(isa, planes, bias) \
    planes[0] = pkn_count_fill_##isa((unsigned)(bias & 1)); \
    planes[1] = pkn_count_fill_##isa((unsigned)(bias >> 1 & 1)); \
    planes[2] = pkn_count_fill_##isa((unsigned)(bias >> 2 & 1)); \
    planes[3] = pkn_count_fill_##isa((unsigned)(bias >> 3 & 1)); \
    planes[4] = pkn_count_fill_##isa((unsigned)(bias >> 4 & 1)); \
    planes[5] = pkn_count_fill_##isa((unsigned)(bias >> 5 & 1));

/* n rows, twice n_half, into the planes up to `plane`; the carry has weight n. */
#define PKN_DEFINE_COUNT(isa, TARGET, n, n_half, plane) \
    TARGET PKN_ALWAYS_INLINE pkn_count_vector_##isa pkn_count_##n##_##isa( \
        const uint64_t **rows, size_t stride, size_t lanes, pkn_count_vector_##isa *low) { \
        pkn_count_vector_##isa a = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        pkn_count_vector_##isa b = pkn_count_##n_half##_##isa(rows, stride, lanes, low); \
        return pkn_count_full_##isa(&low[plane], a, b); \
    }

#define PKN_COUNT_RIPPLE(isa, k) \
    if (plane <= k && k <= last) { \
        carry = pkn_count_half_##isa(&low[k], carry); \
    }

/* n rows, if the number of rows has that bit. */
#define PKN_COUNT_REST(isa, n, plane) \
    if (plane <= last && (n_rows & n) != 0) { \
        out = pkn_count_or_##isa( \
            out, pkn_count_ripple_##isa(low, plane, last, \
                                        pkn_count_##n##_##isa(&rows, stride, lanes, low))); \
    }

#endif
/* ==== src/simd/majority_scalar.c, continued ==== */

typedef uint64_t pkn_count_vector_scalar;

PKN_ALWAYS_INLINE uint64_t pkn_count_load_scalar(const uint64_t *p, size_t lanes) {
    PKN_UNUSED(lanes);
    return *p;
}

PKN_ALWAYS_INLINE void pkn_count_store_scalar(uint64_t *p, size_t lanes, uint64_t v) {
    PKN_UNUSED(lanes);
    *p = v;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_fill_scalar(unsigned bit) {
    return 0 - (uint64_t)bit;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_full_scalar(uint64_t *sum, uint64_t b, uint64_t c) {
    uint64_t a = *sum;
    uint64_t differ = a ^ b;
    *sum = differ ^ c;
    return (a & b) | (differ & c);
}

PKN_ALWAYS_INLINE uint64_t pkn_count_half_scalar(uint64_t *sum, uint64_t b) {
    uint64_t a = *sum;
    *sum = a ^ b;
    return a & b;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_or_scalar(uint64_t a, uint64_t b) {
    return a | b;
}

#define PKN_COUNT_ANY_TARGET
PKN_DEFINE_MAJORITY(scalar, PKN_COUNT_ANY_TARGET, 1)

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/majority_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 256-bit columns. */
#ifndef PKN_SIMD_MAJORITY_AVX2_C
#define PKN_SIMD_MAJORITY_AVX2_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_X86

typedef __m256i pkn_count_vector_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_mask_avx2(size_t lanes) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)lanes), _mm256_setr_epi64x(0, 1, 2, 3));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_load_avx2(const uint64_t *p, size_t lanes) {
    return lanes >= 4 ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                      : _mm256_maskload_epi64((const long long *)(const void *)p,
                                              pkn_count_mask_avx2(lanes));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_count_store_avx2(uint64_t *p, size_t lanes, __m256i v) {
    if (lanes >= 4) {
        _mm256_storeu_si256((__m256i *)(void *)p, v);
    } else {
        _mm256_maskstore_epi64((long long *)(void *)p, pkn_count_mask_avx2(lanes), v);
    }
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_fill_avx2(unsigned bit) {
    return _mm256_set1_epi64x(-(long long)bit);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_full_avx2(__m256i *sum, __m256i b, __m256i c) {
    __m256i a = *sum;
    __m256i differ = _mm256_xor_si256(a, b);
    *sum = _mm256_xor_si256(differ, c);
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(differ, c));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_half_avx2(__m256i *sum, __m256i b) {
    __m256i carry = _mm256_and_si256(*sum, b);
    *sum = _mm256_xor_si256(*sum, b);
    return carry;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_or_avx2(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
}

PKN_DEFINE_MAJORITY(avx2, PKN_TARGET_AVX2, 4)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/majority_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 512-bit columns; a full adder is two VPTERNLOGs. */
#ifndef PKN_SIMD_MAJORITY_AVX512_C
#define PKN_SIMD_MAJORITY_AVX512_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_X86

typedef __m512i pkn_count_vector_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_load_avx512(const uint64_t *p, size_t lanes) {
    __m512i v = lanes >= 8 ? _mm512_loadu_si512(p)
                           : _mm512_maskz_loadu_epi64((__mmask8)((1u << lanes) - 1), p);
    /* gcc would load it twice, once for each VPTERNLOG, and loads are what limits this kernel */
    __asm__("" : "+v"(v));
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_count_store_avx512(uint64_t *p, size_t lanes,
                                                                __m512i v) {
    if (lanes >= 8) {
        _mm512_storeu_si512(p, v);
    } else {
        _mm512_mask_storeu_epi64(p, (__mmask8)((1u << lanes) - 1), v);
    }
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_fill_avx512(unsigned bit) {
    return _mm512_set1_epi64(-(long long)bit);
}

/* 0x96 is the parity of three bits, 0xe8 their majority. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_full_avx512(__m512i *sum, __m512i b,
                                                                  __m512i c) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, b, c, 0xe8);
    *sum = _mm512_ternarylogic_epi64(*sum, b, c, 0x96);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_half_avx512(__m512i *sum, __m512i b) {
    __m512i carry = _mm512_and_si512(*sum, b);
    *sum = _mm512_xor_si512(*sum, b);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_or_avx512(__m512i a, __m512i b) {
    return _mm512_or_si512(a, b);
}

PKN_DEFINE_MAJORITY(avx512, PKN_TARGET_AVX512, 8)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/majority_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 128-bit columns; the carry of a full adder is a bit select. */
#ifndef PKN_SIMD_MAJORITY_NEON_C
#define PKN_SIMD_MAJORITY_NEON_C

/* #include "simd/majority.h": above */

#if PKN_ARCH_ARM64

typedef uint64x2_t pkn_count_vector_neon;

PKN_ALWAYS_INLINE uint64x2_t pkn_count_load_neon(const uint64_t *p, size_t lanes) {
    return lanes >= 2 ? vld1q_u64(p) : vcombine_u64(vld1_u64(p), vdup_n_u64(0));
}

PKN_ALWAYS_INLINE void pkn_count_store_neon(uint64_t *p, size_t lanes, uint64x2_t v) {
    if (lanes >= 2) {
        vst1q_u64(p, v);
    } else {
        vst1_u64(p, vget_low_u64(v));
    }
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_fill_neon(unsigned bit) {
    return vdupq_n_u64(0 - (uint64_t)bit);
}

/* Where a and b differ the carry is c, else it is a. */
PKN_ALWAYS_INLINE uint64x2_t pkn_count_full_neon(uint64x2_t *sum, uint64x2_t b, uint64x2_t c) {
    uint64x2_t a = *sum;
    uint64x2_t differ = veorq_u64(a, b);
    *sum = veorq_u64(differ, c);
    return vbslq_u64(differ, c, a);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_half_neon(uint64x2_t *sum, uint64x2_t b) {
    uint64x2_t carry = vandq_u64(*sum, b);
    *sum = veorq_u64(*sum, b);
    return carry;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_or_neon(uint64x2_t a, uint64x2_t b) {
    return vorrq_u64(a, b);
}

#define PKN_COUNT_NEON_TARGET
PKN_DEFINE_MAJORITY(neon, PKN_COUNT_NEON_TARGET, 2)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/counters_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counters' definition: one counter at a time, on any CPU. */
#ifndef PKN_SIMD_COUNTERS_SCALAR_C
#define PKN_SIMD_COUNTERS_SCALAR_C

/* ==== src/simd/counters.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters of 32 bits, one for each bit of a vector: the kernels' contracts. Counter i belongs to
   bit i % 64 of word i / 64.

   add_counts_i32     for each bit i of `words` words: counts[i] = clamp(counts[i] + 2 * weight * c +
                      offset), where c is the number whose binary digit k is bit i of
                      planes[k * plane_stride ..], k < n_planes <= 32
   add_weighted_i32   for each bit i: counts[i] = clamp(counts[i] + the sum over r < n_rows of
                      weights[r] * (bit i of row r is 1 ? 1 : -1))
   add_saturated_i32  out[i] = clamp(a[i] + b[i]), i < n; out may be a or b
   threshold_i32      bit i of out [words] = counts[i] > 0, or, where counts[i] is 0, bit i of ties,
                      which may be 0 for zeros, and may be out

   clamp is to the range of int32_t. What is added is taken modulo 2^32, so the caller sees to it
   that it fits: n_rows and the sum of the weights' magnitudes stay below 2^31. */
#ifndef PKN_SIMD_COUNTERS_H
#define PKN_SIMD_COUNTERS_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number with these bits: a conversion of a large unsigned value is the compiler's choice. */
PKN_ALWAYS_INLINE int32_t pkn_as_i32(uint32_t bits) {
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

PKN_ALWAYS_INLINE int32_t pkn_add_clamped_i32(int32_t a, int32_t b) {
    int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

#endif
/* ==== src/simd/counters_scalar.c, continued ==== */

PKN_INTERNAL void pkn_add_counts_i32_scalar(const uint64_t *planes, unsigned n_planes,
                                            size_t plane_stride, size_t words, int32_t weight,
                                            int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64];
        for (unsigned bit = 0; bit < 64; bit++) {
            added[bit] = (uint32_t)offset;
        }
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + word];
            uint32_t step = (uint32_t)weight * 2 << k;
            for (unsigned bit = 0; bit < 64; bit++) {
                added[bit] += (0 - (uint32_t)(plane >> bit & 1)) & step;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_weighted_i32_scalar(const uint64_t *rows, const int32_t *weights,
                                              size_t n_rows, size_t stride_words, size_t words,
                                              int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64] = {0};
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + word];
            uint32_t weight = (uint32_t)weights[row];
            for (unsigned bit = 0; bit < 64; bit++) {
                uint32_t zero = (uint32_t)(bits >> bit & 1) - 1; /* all ones where the bit is 0 */
                added[bit] += (weight ^ zero) - zero;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_saturated_i32_scalar(const int32_t *a, const int32_t *b, size_t n,
                                               int32_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_add_clamped_i32(a[i], b[i]);
    }
}

PKN_INTERNAL void pkn_threshold_i32_scalar(const int32_t *counts, size_t words,
                                           const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++) {
        uint64_t above = 0, equal = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t count = counts[word * 64 + bit];
            above |= (uint64_t)(count > 0) << bit;
            equal |= (uint64_t)(count == 0) << bit;
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/counters_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 8 at a time. A byte of a word is spread over 8 lanes by shifting lane i left by 31 - i:
   then the lane's sign is its bit.

   Bounds: a row (plane) takes 4 operations for each 8 counters: shift, spread of the sign, and,
   add; at 3 vector ports 11 cycles a word and row. */
#ifndef PKN_SIMD_COUNTERS_AVX2_C
#define PKN_SIMD_COUNTERS_AVX2_C

/* #include "simd/counters.h": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_add_clamped_avx2(__m256i a, __m256i b) {
    __m256i sum = _mm256_add_epi32(a, b);
    __m256i outside = _mm256_andnot_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, sum));
    __m256i limit = _mm256_xor_si256(_mm256_srai_epi32(a, 31), _mm256_set1_epi32(INT32_MAX));
    return _mm256_castps_si256(_mm256_blendv_ps(
        _mm256_castsi256_ps(sum), _mm256_castsi256_ps(limit), _mm256_castsi256_ps(outside)));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_load_i32_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx2(int32_t *counts, __m256i added) {
    _mm256_storeu_si256((__m256i *)(void *)counts,
                        pkn_add_clamped_avx2(pkn_load_i32_avx2(counts), added));
}

/* Of half a word, all ones in lane i where bit 8 * byte + i is 1. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_spread_avx2(__m256i half, int byte) {
    __m256i shifts = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    shifts = _mm256_sub_epi32(shifts, _mm256_set1_epi32(8 * byte));
    return _mm256_srai_epi32(_mm256_sllv_epi32(half, shifts), 31);
}

/* Counters of half a word: step is added where the bit is 1. */
typedef struct pkn_half_avx2 {
    __m256i a, b, c, d;
} pkn_half_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_add_avx2(pkn_half_avx2 *sums, uint32_t bits,
                                                         __m256i step) {
    __m256i half = _mm256_set1_epi32(pkn_as_i32(bits));
    sums->a = _mm256_add_epi32(sums->a, _mm256_and_si256(pkn_spread_avx2(half, 0), step));
    sums->b = _mm256_add_epi32(sums->b, _mm256_and_si256(pkn_spread_avx2(half, 1), step));
    sums->c = _mm256_add_epi32(sums->c, _mm256_and_si256(pkn_spread_avx2(half, 2), step));
    sums->d = _mm256_add_epi32(sums->d, _mm256_and_si256(pkn_spread_avx2(half, 3), step));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE pkn_half_avx2 pkn_half_begin_avx2(int32_t offset) {
    pkn_half_avx2 sums;
    sums.a = sums.b = sums.c = sums.d = _mm256_set1_epi32(offset);
    return sums;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_end_avx2(const pkn_half_avx2 *sums,
                                                         int32_t *counts) {
    pkn_add_clamped_to_avx2(counts, sums->a);
    pkn_add_clamped_to_avx2(counts + 8, sums->b);
    pkn_add_clamped_to_avx2(counts + 16, sums->c);
    pkn_add_clamped_to_avx2(counts + 24, sums->d);
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_counts_i32_avx2(const uint64_t *planes, unsigned n_planes,
                                                          size_t plane_stride, size_t words,
                                                          int32_t weight, int32_t offset,
                                                          int32_t *counts) {
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        __m256i step = _mm256_set1_epi32(pkn_as_i32((uint32_t)weight * 2));
        pkn_half_avx2 sums = pkn_half_begin_avx2(offset);
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(plane >> (half % 2 * 32)), step);
            step = _mm256_add_epi32(step, step);
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_weighted_i32_avx2(const uint64_t *rows,
                                                            const int32_t *weights, size_t n_rows,
                                                            size_t stride_words, size_t words,
                                                            int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        pkn_half_avx2 sums = pkn_half_begin_avx2(pkn_as_i32(0 - all));
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(bits >> (half % 2 * 32)),
                              _mm256_set1_epi32(pkn_as_i32((uint32_t)weights[row] * 2)));
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_saturated_i32_avx2(const int32_t *a, const int32_t *b,
                                                             size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i sum = pkn_add_clamped_avx2(pkn_load_i32_avx2(a + i), pkn_load_i32_avx2(b + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), sum);
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE uint64_t pkn_signs_avx2(__m256i values) {
    return (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(values));
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_threshold_i32_avx2(const int32_t *counts, size_t words,
                                                         const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t above = 0, equal = 0;
        for (int byte = 0; byte < 8; byte++) {
            __m256i values = pkn_load_i32_avx2(counts + 8 * byte), zero = _mm256_setzero_si256();
            above |= pkn_signs_avx2(_mm256_cmpgt_epi32(values, zero)) << (8 * byte);
            equal |= pkn_signs_avx2(_mm256_cmpeq_epi32(values, zero)) << (8 * byte);
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/counters_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 16 at a time: a quarter of a word is the mask under which its counters are added to.

   Bounds: add_weighted_i32 takes 4 masked additions a word and row, 2 cycles on two 512-bit ports.
   add_counts_i32 takes 4 a word and plane, and at the end 6 operations, a load and a store for each
   16 counters. */
#ifndef PKN_SIMD_COUNTERS_AVX512_C
#define PKN_SIMD_COUNTERS_AVX512_C

/* #include "simd/counters.h": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/intrinsics.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* Where both have the sign that the sum has not, it is out of range on a's side. 0x42: a and b
   agree, and differ from the sum. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_clamped_avx512(__m512i a, __m512i b) {
    __m512i sum = _mm512_add_epi32(a, b);
    __mmask16 outside = _mm512_movepi32_mask(_mm512_ternarylogic_epi32(a, b, sum, 0x42));
    __m512i limit = _mm512_xor_si512(_mm512_srai_epi32(a, 31), _mm512_set1_epi32(INT32_MAX));
    return _mm512_mask_mov_epi32(sum, outside, limit);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx512(int32_t *counts, __m512i added) {
    _mm512_storeu_si512(counts, pkn_add_clamped_avx512(_mm512_loadu_si512(counts), added));
}

typedef uint16_t PKN_MAY_ALIAS pkn_quarter_avx512;

/* sums + added where the quarter's bits are 1. The mask comes straight from memory: from a general
   register, which compilers prefer, it takes twice as long. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_masked_avx512(__m512i sums,
                                                                  const uint64_t *word, int quarter,
                                                                  __m512i added) {
    const pkn_quarter_avx512 *bits = (const pkn_quarter_avx512 *)(const void *)word + quarter;
    __mmask16 mask;
    __asm__("kmovw %1, %0" : "=k"(mask) : "m"(*bits));
    return _mm512_mask_add_epi32(sums, mask, sums, added);
}

/* The counters of a word. */
typedef struct pkn_sums_avx512 {
    __m512i a, b, c, d;
} pkn_sums_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_add_avx512(pkn_sums_avx512 *sums,
                                                             const uint64_t *word, __m512i added) {
    sums->a = pkn_add_masked_avx512(sums->a, word, 0, added);
    sums->b = pkn_add_masked_avx512(sums->b, word, 1, added);
    sums->c = pkn_add_masked_avx512(sums->c, word, 2, added);
    sums->d = pkn_add_masked_avx512(sums->d, word, 3, added);
}

/* Twice the sums and offset into the counters. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_end_avx512(const pkn_sums_avx512 *sums,
                                                             __m512i offset, int32_t *counts) {
    pkn_add_clamped_to_avx512(counts, _mm512_add_epi32(_mm512_add_epi32(sums->a, sums->a), offset));
    pkn_add_clamped_to_avx512(counts + 16,
                              _mm512_add_epi32(_mm512_add_epi32(sums->b, sums->b), offset));
    pkn_add_clamped_to_avx512(counts + 32,
                              _mm512_add_epi32(_mm512_add_epi32(sums->c, sums->c), offset));
    pkn_add_clamped_to_avx512(counts + 48,
                              _mm512_add_epi32(_mm512_add_epi32(sums->d, sums->d), offset));
}

PKN_TARGET_AVX512 PKN_INTERNAL void
pkn_add_counts_i32_avx512(const uint64_t *planes, unsigned n_planes, size_t plane_stride,
                          size_t words, int32_t weight, int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        __m512i step = _mm512_set1_epi32(weight);
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (unsigned k = 0; k < n_planes; k++) {
            pkn_sums_add_avx512(&sums, planes + k * plane_stride + word, step);
            step = _mm512_add_epi32(step, step);
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(offset), counts);
    }
}

/* Twice the weight where the bit is 1, less all weights. */
PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_weighted_i32_avx512(const uint64_t *rows,
                                                                const int32_t *weights,
                                                                size_t n_rows, size_t stride_words,
                                                                size_t words, int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t word = 0; word < words; word++, counts += 64) {
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (size_t row = 0; row < n_rows; row++) {
            pkn_sums_add_avx512(&sums, rows + row * stride_words + word,
                                _mm512_set1_epi32(weights[row]));
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(pkn_as_i32(0 - all)), counts);
    }
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_saturated_i32_avx512(const int32_t *a, const int32_t *b,
                                                                 size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        _mm512_storeu_si512(
            out + i, pkn_add_clamped_avx512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_above_avx512(const int32_t *counts,
                                                              uint64_t *equal) {
    __m512i values = _mm512_loadu_si512(counts);
    *equal = pkn_mask_bits(_mm512_testn_epi32_mask(values, values));
    return pkn_mask_bits(_mm512_cmpgt_epi32_mask(values, _mm512_setzero_si512()));
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_threshold_i32_avx512(const int32_t *counts, size_t words,
                                                             const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t equal[4];
        uint64_t above = pkn_above_avx512(counts, &equal[0]);
        above |= pkn_above_avx512(counts + 16, &equal[1]) << 16;
        above |= pkn_above_avx512(counts + 32, &equal[2]) << 32;
        above |= pkn_above_avx512(counts + 48, &equal[3]) << 48;
        if (ties) {
            above |= (equal[0] | equal[1] << 16 | equal[2] << 32 | equal[3] << 48) & ties[word];
        }
        out[word] = above;
    }
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/levels_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Floats to level numbers, and bit-sliced counts to plain ones: the definitions. */
#ifndef PKN_SIMD_LEVELS_SCALAR_C
#define PKN_SIMD_LEVELS_SCALAR_C

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* out[i] = the number of the nearest of n_levels levels, or n_levels for a NaN; returns how many
   are NaN. low and scale are finite, n_levels is 1 to 2^22. The clamp stands between product and
   sum, so that no compiler can fuse them. */
PKN_INTERNAL size_t pkn_level_f32_scalar(const float *values, const float *low, const float *scale,
                                         size_t n, uint32_t n_levels, uint32_t *out) {
    size_t n_nan = 0;
    float top = (float)(n_levels - 1);
    for (size_t i = 0; i < n; i++) {
        float t = (values[i] - low[i]) * scale[i];
        t = t > 0 ? t : 0;
        t = t < top ? t : top;
        out[i] = (uint32_t)(t + 0.5f);
        if (values[i] != values[i]) {
            out[i] = n_levels;
            n_nan++;
        }
    }
    return n_nan;
}

/* out[64 * w + b] = first + the sum over k of 2^(k + 1) where bit b of word w of plane k is 1; with
   first = -n for counts of n terms that is ones less zeros. Planes are stride_words apart. */
PKN_INTERNAL void pkn_spread_i32_scalar(const uint64_t *planes, unsigned n_planes,
                                        size_t stride_words, size_t words, int32_t first,
                                        int32_t *out) {
    for (size_t i = 0; i < words * 64; i++) {
        uint32_t sum = (uint32_t)first;
        for (unsigned k = 0; k < n_planes; k++) {
            sum += (uint32_t)(planes[k * stride_words + i / 64] >> (i % 64) & 1) << (k + 1);
        }
        out[i] = (int32_t)sum;
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/levels_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, eight at a time. */
#ifndef PKN_SIMD_LEVELS_AVX2_C
#define PKN_SIMD_LEVELS_AVX2_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/levels_scalar.c": above */

#if PKN_ARCH_X86

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_level_f32_avx2(const float *values, const float *low,
                                                       const float *scale, size_t n,
                                                       uint32_t n_levels, uint32_t *out) {
    const __m256 top = _mm256_set1_ps((float)(n_levels - 1));
    const __m256i none = _mm256_set1_epi32((int)n_levels);
    size_t n_nan = 0, i = 0;
    for (; n - i >= 8; i += 8) {
        __m256 v = _mm256_loadu_ps(values + i);
        __m256 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
        __m256 t =
            _mm256_mul_ps(_mm256_sub_ps(v, _mm256_loadu_ps(low + i)), _mm256_loadu_ps(scale + i));
        __m256i level;
        t = _mm256_min_ps(_mm256_max_ps(t, _mm256_setzero_ps()), top); /* a NaN becomes 0 */
        level = _mm256_cvttps_epi32(_mm256_add_ps(t, _mm256_set1_ps(0.5f)));
        level = _mm256_blendv_epi8(level, none, _mm256_castps_si256(nan));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), level);
        n_nan += pkn_popcount_u64((uint64_t)(unsigned)_mm256_movemask_ps(nan));
    }
    return n_nan + pkn_level_f32_scalar(values + i, low + i, scale + i, n - i, n_levels, out + i);
}

/* Horner's scheme from the highest plane down: 4 operations a plane. */
PKN_TARGET_AVX2 PKN_INTERNAL void pkn_spread_i32_avx2(const uint64_t *planes, unsigned n_planes,
                                                      size_t stride_words, size_t words,
                                                      int32_t first, int32_t *out) {
    const __m256i start = _mm256_set1_epi32(first);
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    for (size_t word = 0; word < words; word++) {
        for (unsigned byte = 0; byte < 8; byte++) {
            __m256i sum = _mm256_setzero_si256();
            for (unsigned k = n_planes; k > 0; k--) {
                uint64_t plane = planes[(k - 1) * stride_words + word];
                __m256i ones =
                    _mm256_and_si256(_mm256_set1_epi32((int)(plane >> (8 * byte) & 255)), bits);
                sum = _mm256_sub_epi32(_mm256_add_epi32(sum, sum), _mm256_cmpeq_epi32(ones, bits));
            }
            sum = _mm256_add_epi32(_mm256_add_epi32(sum, sum), start);
            _mm256_storeu_si256((__m256i *)(void *)(out + word * 64 + byte * 8), sum);
        }
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/levels_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, sixteen at a time; a plane's bits are the masks of its additions. */
#ifndef PKN_SIMD_LEVELS_AVX512_C
#define PKN_SIMD_LEVELS_AVX512_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/levels_scalar.c": above */

#if PKN_ARCH_X86

PKN_AVX512_BEGIN

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_level_f32_avx512(const float *values, const float *low,
                                                           const float *scale, size_t n,
                                                           uint32_t n_levels, uint32_t *out) {
    const __m512 top = _mm512_set1_ps((float)(n_levels - 1));
    const __m512i none = _mm512_set1_epi32((int)n_levels);
    size_t n_nan = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512 v = _mm512_maskz_loadu_ps(mask, values + i);
        __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        __m512 t = _mm512_mul_ps(_mm512_sub_ps(v, _mm512_maskz_loadu_ps(mask, low + i)),
                                 _mm512_maskz_loadu_ps(mask, scale + i));
        __m512i level;
        t = _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), top); /* a NaN becomes 0 */
        level = _mm512_cvttps_epi32(_mm512_add_ps(t, _mm512_set1_ps(0.5f)));
        _mm512_mask_storeu_epi32(out + i, mask, _mm512_mask_mov_epi32(level, nan, none));
        n_nan += pkn_popcount_u64(pkn_mask_bits(nan));
    }
    return n_nan;
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_spread_i32_avx512(const uint64_t *planes, unsigned n_planes,
                                                          size_t stride_words, size_t words,
                                                          int32_t first, int32_t *out) {
    for (size_t word = 0; word < words; word++) {
        __m512i a = _mm512_set1_epi32(first), b = a, c = a, d = a;
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * stride_words + word];
            __m512i weight = _mm512_set1_epi32((int)(2u << k));
            a = _mm512_mask_add_epi32(a, (__mmask16)(plane & 0xffff), a, weight);
            b = _mm512_mask_add_epi32(b, (__mmask16)(plane >> 16 & 0xffff), b, weight);
            c = _mm512_mask_add_epi32(c, (__mmask16)(plane >> 32 & 0xffff), c, weight);
            d = _mm512_mask_add_epi32(d, (__mmask16)(plane >> 48), d, weight);
        }
        _mm512_storeu_si512(out + word * 64, a);
        _mm512_storeu_si512(out + word * 64 + 16, b);
        _mm512_storeu_si512(out + word * 64 + 32, c);
        _mm512_storeu_si512(out + word * 64 + 48, d);
    }
}

PKN_AVX512_END

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/levels_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, four at a time. */
#ifndef PKN_SIMD_LEVELS_NEON_C
#define PKN_SIMD_LEVELS_NEON_C

/* #include "simd/intrinsics.h": above */
/* #include "simd/levels_scalar.c": above */

#if PKN_ARCH_ARM64

PKN_INTERNAL size_t pkn_level_f32_neon(const float *values, const float *low, const float *scale,
                                       size_t n, uint32_t n_levels, uint32_t *out) {
    const float32x4_t top = vdupq_n_f32((float)(n_levels - 1));
    const uint32x4_t none = vdupq_n_u32(n_levels);
    size_t n_nan = 0, i = 0;
    for (; n - i >= 4; i += 4) {
        float32x4_t v = vld1q_f32(values + i);
        uint32x4_t number = vceqq_f32(v, v);
        float32x4_t t = vmulq_f32(vsubq_f32(v, vld1q_f32(low + i)), vld1q_f32(scale + i));
        t = vminq_f32(vmaxnmq_f32(t, vdupq_n_f32(0)), top); /* a NaN becomes 0 */
        vst1q_u32(out + i, vbslq_u32(number, vcvtq_u32_f32(vaddq_f32(t, vdupq_n_f32(0.5f))), none));
        n_nan += 4 - vaddvq_u32(vshrq_n_u32(number, 31));
    }
    return n_nan + pkn_level_f32_scalar(values + i, low + i, scale + i, n - i, n_levels, out + i);
}

/* Horner's scheme from the highest plane down: 3 operations a plane. */
PKN_INTERNAL void pkn_spread_i32_neon(const uint64_t *planes, unsigned n_planes,
                                      size_t stride_words, size_t words, int32_t first,
                                      int32_t *out) {
    static const uint32_t lane_bits[4] = {1, 2, 4, 8};
    const uint32x4_t bits = vld1q_u32(lane_bits);
    for (size_t word = 0; word < words; word++) {
        for (unsigned nibble = 0; nibble < 16; nibble++) {
            uint32x4_t sum = vdupq_n_u32(0);
            for (unsigned k = n_planes; k > 0; k--) {
                uint64_t plane = planes[(k - 1) * stride_words + word];
                uint32x4_t ones = vtstq_u32(vdupq_n_u32((uint32_t)(plane >> (4 * nibble))), bits);
                sum = vsubq_u32(vaddq_u32(sum, sum), ones);
            }
            sum = vaddq_u32(vaddq_u32(sum, sum), vdupq_n_u32((uint32_t)first));
            vst1q_s32(out + word * 64 + nibble * 4, vreinterpretq_s32_u32(sum));
        }
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/terms_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms, one word of 64 columns at a time, on any CPU. */
#ifndef PKN_SIMD_TERMS_SCALAR_C
#define PKN_SIMD_TERMS_SCALAR_C

/* #include "simd/terms.h": above */

typedef uint64_t pkn_terms_vector_scalar;
typedef int pkn_terms_mask_scalar;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_scalar(size_t lanes) {
    return lanes != 0;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_load_scalar(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return *p;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_keep_scalar(uint64_t v) {
    return v;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_zero_scalar(void) {
    return 0;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_get_scalar(const uint64_t *p) {
    return *p;
}

PKN_ALWAYS_INLINE void pkn_terms_put_scalar(uint64_t *p, uint64_t v) {
    *p = v;
}

PKN_ALWAYS_INLINE void pkn_terms_store_scalar(uint64_t *p, int mask, uint64_t v) {
    PKN_UNUSED(mask);
    *p = v;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_xor_scalar(uint64_t a, uint64_t b) {
    return a ^ b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_xor3_scalar(uint64_t a, uint64_t b, uint64_t c) {
    return a ^ b ^ c;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_and_scalar(uint64_t a, uint64_t b) {
    return a & b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_or_scalar(uint64_t a, uint64_t b) {
    return a | b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_full_scalar(uint64_t *sum, uint64_t b, uint64_t c) {
    uint64_t a = *sum;
    uint64_t differ = a ^ b;
    *sum = differ ^ c;
    return (a & b) | (differ & c);
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_half_scalar(uint64_t *sum, uint64_t b) {
    uint64_t a = *sum;
    *sum = a ^ b;
    return a & b;
}

#define PKN_TERMS_ANY_TARGET
PKN_DEFINE_TERMS(scalar, PKN_TERMS_ANY_TARGET, 1, 1)

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/terms_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in 256-bit columns. */
#ifndef PKN_SIMD_TERMS_AVX2_C
#define PKN_SIMD_TERMS_AVX2_C

/* #include "simd/majority_avx2.c": above */
/* #include "simd/terms.h": above */
/* #include "simd/terms_scalar.c": above */

#if PKN_ARCH_X86

typedef __m256i pkn_terms_vector_avx2;
typedef int pkn_terms_mask_avx2;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_avx2(size_t lanes) {
    return lanes != 0;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_load_avx2(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_keep_avx2(__m256i v) {
    return v;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_zero_avx2(void) {
    return _mm256_setzero_si256();
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_get_avx2(const uint64_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_terms_put_avx2(uint64_t *p, __m256i v) {
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_terms_store_avx2(uint64_t *p, int mask, __m256i v) {
    PKN_UNUSED(mask);
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_xor_avx2(__m256i a, __m256i b) {
    return _mm256_xor_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_xor3_avx2(__m256i a, __m256i b, __m256i c) {
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_and_avx2(__m256i a, __m256i b) {
    return _mm256_and_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_or_avx2(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_full_avx2(__m256i *sum, __m256i b, __m256i c) {
    return pkn_count_full_avx2(sum, b, c);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_half_avx2(__m256i *sum, __m256i b) {
    return pkn_count_half_avx2(sum, b);
}

PKN_DEFINE_TERMS(avx2, PKN_TARGET_AVX2, 4, 4)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/terms_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in two columns of 512 bits at once, so that a pointer is read once for both; a xor of
   three and each half of a full adder are one VPTERNLOG. Words behind the end are masked. */
#ifndef PKN_SIMD_TERMS_AVX512_C
#define PKN_SIMD_TERMS_AVX512_C

/* #include "simd/majority_avx512.c": above */
/* #include "simd/terms.h": above */
/* #include "simd/terms_scalar.c": above */

#if PKN_ARCH_X86

PKN_AVX512_BEGIN

typedef struct pkn_terms_vector_avx512 {
    __m512i a, b;
} pkn_terms_vector_avx512;

typedef struct pkn_terms_mask_avx512 {
    __mmask8 a, b;
} pkn_terms_mask_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_mask_avx512 pkn_terms_make_mask_avx512(size_t lanes) {
    pkn_terms_mask_avx512 mask;
    mask.a = (__mmask8)(lanes >= 8 ? 0xff : (1u << lanes) - 1);
    mask.b = (__mmask8)(lanes >= 16 ? 0xff : lanes <= 8 ? 0 : (1u << (lanes - 8)) - 1);
    return mask;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_load_avx512(const uint64_t *p, pkn_terms_mask_avx512 mask) {
    pkn_terms_vector_avx512 v;
    v.a = _mm512_maskz_loadu_epi64(mask.a, p);
    v.b = _mm512_maskz_loadu_epi64(mask.b, p + 8);
    return v;
}

/* gcc would load it twice, once for each VPTERNLOG */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_keep_avx512(pkn_terms_vector_avx512 v) {
    __asm__("" : "+v"(v.a));
    __asm__("" : "+v"(v.b));
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_zero_avx512(void) {
    pkn_terms_vector_avx512 v;
    v.a = v.b = _mm512_setzero_si512();
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_get_avx512(const uint64_t *p) {
    pkn_terms_vector_avx512 v;
    v.a = _mm512_loadu_si512(p);
    v.b = _mm512_loadu_si512(p + 8);
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_terms_put_avx512(uint64_t *p,
                                                              pkn_terms_vector_avx512 v) {
    _mm512_storeu_si512(p, v.a);
    _mm512_storeu_si512(p + 8, v.b);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_terms_store_avx512(uint64_t *p, pkn_terms_mask_avx512 mask, pkn_terms_vector_avx512 v) {
    _mm512_mask_storeu_epi64(p, mask.a, v.a);
    _mm512_mask_storeu_epi64(p + 8, mask.b, v.b);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_xor_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_xor_si512(x.a, y.a);
    x.b = _mm512_xor_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_and_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_and_si512(x.a, y.a);
    x.b = _mm512_and_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_or_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_or_si512(x.a, y.a);
    x.b = _mm512_or_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_xor3_avx512(
    pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y, pkn_terms_vector_avx512 z) {
    x.a = _mm512_ternarylogic_epi64(x.a, y.a, z.a, 0x96);
    x.b = _mm512_ternarylogic_epi64(x.b, y.b, z.b, 0x96);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_full_avx512(
    pkn_terms_vector_avx512 *sum, pkn_terms_vector_avx512 y, pkn_terms_vector_avx512 z) {
    y.a = pkn_count_full_avx512(&sum->a, y.a, z.a);
    y.b = pkn_count_full_avx512(&sum->b, y.b, z.b);
    return y;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_half_avx512(pkn_terms_vector_avx512 *sum, pkn_terms_vector_avx512 y) {
    y.a = pkn_count_half_avx512(&sum->a, y.a);
    y.b = pkn_count_half_avx512(&sum->b, y.b);
    return y;
}

PKN_DEFINE_TERMS(avx512, PKN_TARGET_AVX512, 16, 1)

PKN_AVX512_END

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/terms_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in 128-bit columns. */
#ifndef PKN_SIMD_TERMS_NEON_C
#define PKN_SIMD_TERMS_NEON_C

/* #include "simd/majority_neon.c": above */
/* #include "simd/terms.h": above */
/* #include "simd/terms_scalar.c": above */

#if PKN_ARCH_ARM64

typedef uint64x2_t pkn_terms_vector_neon;
typedef int pkn_terms_mask_neon;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_neon(size_t lanes) {
    return lanes != 0;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_load_neon(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return vld1q_u64(p);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_keep_neon(uint64x2_t v) {
    return v;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_zero_neon(void) {
    return vdupq_n_u64(0);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_get_neon(const uint64_t *p) {
    return vld1q_u64(p);
}

PKN_ALWAYS_INLINE void pkn_terms_put_neon(uint64_t *p, uint64x2_t v) {
    vst1q_u64(p, v);
}

PKN_ALWAYS_INLINE void pkn_terms_store_neon(uint64_t *p, int mask, uint64x2_t v) {
    PKN_UNUSED(mask);
    vst1q_u64(p, v);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_xor_neon(uint64x2_t a, uint64x2_t b) {
    return veorq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_xor3_neon(uint64x2_t a, uint64x2_t b, uint64x2_t c) {
    return veorq_u64(veorq_u64(a, b), c);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_and_neon(uint64x2_t a, uint64x2_t b) {
    return vandq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_or_neon(uint64x2_t a, uint64x2_t b) {
    return vorrq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_full_neon(uint64x2_t *sum, uint64x2_t b, uint64x2_t c) {
    return pkn_count_full_neon(sum, b, c);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_half_neon(uint64x2_t *sum, uint64x2_t b) {
    return pkn_count_half_neon(sum, b);
}

#define PKN_TERMS_NEON_TARGET
PKN_DEFINE_TERMS(neon, PKN_TERMS_NEON_TARGET, 2, 2)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels for comparing many vectors with many: a block of Hamming distances,
   the search for small ones among them, and similarities from them. */
#ifndef PKN_SIMD_TILE_SCALAR_C
#define PKN_SIMD_TILE_SCALAR_C

/* #include "base/bits.h": above */
/* ==== src/simd/tile.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Arithmetic that all tile kernels share. */
#ifndef PKN_SIMD_TILE_H
#define PKN_SIMD_TILE_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

/* One product of exact operands, no sum that a compiler could fuse: the same bits everywhere. scale
   = 1 / bits. */
PKN_ALWAYS_INLINE float pkn_similarity_of(uint32_t distance, uint64_t bits, double scale) {
    return (float)((double)(int64_t)(bits - distance) * scale);
}

/* Sum of two counts, 2^32 given as the largest: a vector has at most 2^32 bits, so only the very
   last sum can get there. */
PKN_ALWAYS_INLINE uint32_t pkn_add_counts(uint32_t a, uint32_t b) {
    uint32_t sum = a + b;
    return sum < a ? UINT32_MAX : sum;
}

/* A query's nearest target so far is kept in this many candidates, candidate t % 4 for target t: a
   tile updates them without a look at what is in them. */
#define PKN_NEAREST_LANES 4

/* Where a set has no tile of its own for it, distances of this many targets are made, then looked
   at. */
#define PKN_NEAREST_BLOCK 64

/* Takes distances [n] of targets first, first + 1, ... into a query's candidates. */
PKN_ALWAYS_INLINE void pkn_nearest_update(const uint32_t *from, size_t n, uint32_t first,
                                          uint32_t *distances, uint32_t *indices) {
    for (size_t i = 0; i < n; i++) {
        if (from[i] < distances[i % PKN_NEAREST_LANES]) {
            distances[i % PKN_NEAREST_LANES] = from[i];
            indices[i % PKN_NEAREST_LANES] = first + (uint32_t)i;
        }
    }
}

#endif
/* ==== src/simd/tile_scalar.c, continued ==== */

/* out[q * out_stride + t] = hamming(row q of queries, row t of targets), 2^32 as UINT32_MAX; of
   rows that are stride words apart the first words are compared. */
PKN_INTERNAL void pkn_hamming_part_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t stride, size_t words, uint32_t *out,
                                              size_t out_stride) {
    for (size_t q = 0; q < n_queries; q++) {
        for (size_t t = 0; t < n_targets; t++) {
            const uint64_t *query = queries + q * stride;
            const uint64_t *target = targets + t * stride;
            uint64_t count = 0;
            for (size_t i = 0; i < words; i++) {
                count += pkn_popcount_u64(query[i] ^ target[i]);
            }
            out[q * out_stride + t] = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_scalar(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

/* Keeps each query's nearest targets. For targets t ascending and each query q, with lane = 4 * q +
   t % 4: if hamming(q, t) < distances[lane], then distances[lane] becomes it and indices[lane] =
   first + t. At most 4 queries. */
PKN_INTERNAL void pkn_nearest_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t first, uint32_t *distances,
                                              uint32_t *indices) {
    for (size_t t = 0; t < n_targets; t++) {
        for (size_t q = 0; q < n_queries; q++) {
            size_t lane = q * PKN_NEAREST_LANES + t % PKN_NEAREST_LANES;
            uint32_t distance;
            pkn_hamming_tile_u64_scalar(queries + q * words, 1, targets + t * words, 1, words,
                                        &distance, 0);
            pkn_nearest_update(&distance, 1, first + (uint32_t)t, distances + lane, indices + lane);
        }
    }
}

/* Appends the key value << 32 | (first + i) of every values[i] < threshold to keys, i ascending,
   and returns how many. keys has room for n, all of which may be written. */
PKN_INTERNAL size_t pkn_below_u32_scalar(const uint32_t *values, size_t n, uint32_t threshold,
                                         uint32_t first, uint64_t *keys) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        keys[count] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        count += values[i] < threshold;
    }
    return count;
}

/* How many keys are below the threshold. */
PKN_INTERNAL size_t pkn_count_below_u64_scalar(const uint64_t *keys, size_t n, uint64_t threshold) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += keys[i] < threshold;
    }
    return count;
}

/* Moves the keys below the threshold to the front, in their order, and returns how many. All n may
   be overwritten. */
PKN_INTERNAL size_t pkn_keep_below_u64_scalar(uint64_t *keys, size_t n, uint64_t threshold) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += key < threshold;
    }
    return count;
}

/* out[i] = (bits - distances[i]) / bits. bits is a multiple of 64, at most 2^32, and no distance is
   larger. */
PKN_INTERNAL void pkn_similarity_u32_scalar(const uint32_t *distances, size_t n, uint64_t bits,
                                            float *out) {
    double scale = 1.0 / (double)bits;
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_popcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of POPCNT: 1 query x 2 targets, so that a query's word is loaded once for two. */
#ifndef PKN_SIMD_TILE_POPCNT_C
#define PKN_SIMD_TILE_POPCNT_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE uint32_t pkn_count_of_u32(uint64_t count) {
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_part_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t stride, size_t words, uint32_t *out,
                            size_t out_stride) {
    for (size_t t = 0; t < n_targets; t += 2) {
        const uint64_t *even = targets + t * stride;
        const uint64_t *odd = t + 1 < n_targets ? even + stride : even;
        for (size_t q = 0; q < n_queries; q++) {
            const uint64_t *query = queries + q * stride;
            uint32_t *place = out + q * out_stride + t;
            uint64_t n_even = 0, n_odd = 0;
            for (size_t i = 0; i < words; i++) {
                n_even += (uint64_t)__builtin_popcountll(query[i] ^ even[i]);
                n_odd += (uint64_t)__builtin_popcountll(query[i] ^ odd[i]);
            }
            place[0] = pkn_count_of_u32(n_even);
            if (odd != even) {
                place[1] = pkn_count_of_u32(n_odd);
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_popcnt(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_nearest_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                            uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            pkn_hamming_tile_u64_popcnt(queries + q * words, 1, targets + i * words, n, words,
                                        block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX2: 1 query x 4 targets, ones counted by nibble table into bytes, which are summed
   up once a pair. Rows are cut at 124 words, after which a byte could overflow (31 blocks of at
   most 8). */
#ifndef PKN_SIMD_TILE_AVX2_C
#define PKN_SIMD_TILE_AVX2_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */
/* #include "simd/tile_scalar.c": above */

#if PKN_ARCH_X86

#define PKN_TILE_AVX2_WORDS 124

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_load_avx2(const uint64_t *p, size_t words) {
    __m256i lanes;
    if (words >= 4) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    lanes =
        _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)words), _mm256_setr_epi64x(0, 1, 2, 3));
    return _mm256_maskload_epi64((const long long *)(const void *)p, lanes);
}

/* The ones of each byte. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_tile_count_avx2(__m256i x) {
    __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

/* Distances of one query to 4 targets. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_avx2(const uint64_t *query,
                                                            const uint64_t *const *targets,
                                                            size_t words) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    __m256i zero = _mm256_setzero_si256();
    __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero, s0123;
    for (size_t word = 0; word < words; word += 4) {
        size_t n = words - word;
        __m256i q = pkn_tile_load_avx2(query + word, n);
        s0 = _mm256_add_epi8(
            s0, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t0 + word, n))));
        s1 = _mm256_add_epi8(
            s1, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t1 + word, n))));
        s2 = _mm256_add_epi8(
            s2, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t2 + word, n))));
        s3 = _mm256_add_epi8(
            s3, pkn_tile_count_avx2(_mm256_xor_si256(q, pkn_tile_load_avx2(t3 + word, n))));
    }
    s0 = _mm256_packus_epi32(_mm256_sad_epu8(s0, zero), _mm256_sad_epu8(s1, zero));
    s2 = _mm256_packus_epi32(_mm256_sad_epu8(s2, zero), _mm256_sad_epu8(s3, zero));
    s0123 = _mm256_packus_epi32(s0, s2);
    return _mm_madd_epi16(
        _mm_add_epi16(_mm256_castsi256_si128(s0123), _mm256_extracti128_si256(s0123, 1)),
        _mm_set1_epi16(1));
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_part_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t stride, size_t words, uint32_t *out,
                          size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_AVX2_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_AVX2_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q++) {
                __m128i counts = pkn_tile_1x4_avx2(queries + q * stride + word, rows, n_words);
                uint32_t *place = out + q * out_stride + t;
                if (n == 4 && word == 0) {
                    _mm_storeu_si128((__m128i *)(void *)place, counts);
                } else {
                    uint32_t part[4];
                    _mm_storeu_si128((__m128i *)(void *)part, counts);
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_hamming_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_avx2(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_TARGET_AVX2 PKN_INTERNAL void
pkn_nearest_tile_u64_avx2(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                          size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                          uint32_t *indices) {
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_avx2(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            __m128i *best_place = (__m128i *)(void *)(distances + q * PKN_NEAREST_LANES);
            __m128i *place_place = (__m128i *)(void *)(indices + q * PKN_NEAREST_LANES);
            __m128i best = _mm_loadu_si128(best_place), place = _mm_loadu_si128(place_place);
            __m128i now = _mm_add_epi32(_mm_set1_epi32((int)(first + (uint32_t)i)),
                                        _mm_setr_epi32(0, 1, 2, 3));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                __m128i counts = _mm_loadu_si128((const __m128i *)(const void *)(from + t));
                __m128i not_nearer = _mm_cmpeq_epi32(_mm_max_epu32(counts, best), counts);
                best = _mm_min_epu32(counts, best);
                place = _mm_blendv_epi8(now, place, not_nearer);
                now = _mm_add_epi32(now, _mm_set1_epi32(4));
            }
            _mm_storeu_si128(best_place, best);
            _mm_storeu_si128(place_place, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_below_u32_avx2(const uint32_t *values, size_t n,
                                                       uint32_t threshold, uint32_t first,
                                                       uint64_t *keys) {
    /* AVX2 compares signed numbers only. */
    __m256i sign = _mm256_set1_epi32(INT32_MIN);
    __m256i threshold_i32x8 = _mm256_xor_si256(_mm256_set1_epi32((int)threshold), sign);
    size_t count = 0, i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i values_i32x8 =
            _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(values + i)), sign);
        __m256i below_i32x8 = _mm256_cmpgt_epi32(threshold_i32x8, values_i32x8);
        unsigned below = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(below_i32x8));
        for (; PKN_UNLIKELY(below != 0); below &= below - 1) {
            size_t place = i + (size_t)__builtin_ctz(below);
            keys[count++] = (uint64_t)values[place] << 32 | (first + (uint32_t)place);
        }
    }
    for (; i < n; i++) {
        if (values[i] < threshold) {
            keys[count++] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        }
    }
    return count;
}

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_count_below_u64_avx2(const uint64_t *keys, size_t n,
                                                             uint64_t threshold) {
    /* AVX2 compares signed numbers only. */
    __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    __m256i threshold_i64x4 = _mm256_xor_si256(_mm256_set1_epi64x((long long)threshold), sign);
    __m256i count_u64x4 = _mm256_setzero_si256();
    uint64_t counts[4];
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        __m256i keys_i64x4 =
            _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(keys + i)), sign);
        count_u64x4 =
            _mm256_sub_epi64(count_u64x4, _mm256_cmpgt_epi64(threshold_i64x4, keys_i64x4));
    }
    _mm256_storeu_si256((__m256i *)(void *)counts, count_u64x4);
    return (size_t)(counts[0] + counts[1] + counts[2] + counts[3]) +
           pkn_count_below_u64_scalar(keys + i, n - i, threshold);
}

/* bits - distance as a double: both are exact, and so is their difference. */
PKN_TARGET_AVX2 PKN_INTERNAL void pkn_similarity_u32_avx2(const uint32_t *distances, size_t n,
                                                          uint64_t bits, float *out) {
    double scale = 1.0 / (double)bits;
    size_t i = 0;
    if (bits < (UINT64_C(1) << 31)) {
        __m256d scale_f64x4 = _mm256_set1_pd(scale);
        __m128i bits_i32x4 = _mm_set1_epi32((int)bits);
        for (; n - i >= 4; i += 4) {
            __m128i distances_i32x4 =
                _mm_loadu_si128((const __m128i *)(const void *)(distances + i));
            __m256d same_f64x4 = _mm256_cvtepi32_pd(_mm_sub_epi32(bits_i32x4, distances_i32x4));
            _mm_storeu_ps(out + i, _mm256_cvtpd_ps(_mm256_mul_pd(same_f64x4, scale_f64x4)));
        }
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX-512 without VPOPCNTDQ, and the search of their results. */
#ifndef PKN_SIMD_TILE_AVX512_C
#define PKN_SIMD_TILE_AVX512_C

/* ==== src/simd/tile_avx512.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The register tiles of AVX-512, for any way to count the ones in the lanes of a register.

   Tuned for rows of 2048 bits (4 registers) on a CPU with two 512-bit or four 256-bit pipes. A tile
   is 4 queries x 4 targets: 16 counters of 8 lanes stay in registers while the rows go by, 8 loads
   for 48 other operations. At the end 22 operations bring the 16 x 8 lanes to 16 counts: packing to
   16 bits puts four counters side by side, so most of the sums are done for four pairs at once. A
   pair of 2048 bits takes (4 + 4 + 3) + 22 / 16 = 12.4 operations, that is 6.2 cycles. A single
   query meets one target after another, so that memory is read in its order, and lines are asked
   for before their turn: 13 operations and 4 loads a pair, little slower than reading alone where
   the targets come from L2 or farther off. Rows are cut at PKN_TILE_AVX512_WORDS, up to which a count fits in 15 bits in any part of that
   sum. The addresses of a tile's rows are computed in it; through a table in memory the tile took a
   fifth longer. */
#ifndef PKN_SIMD_TILE_AVX512_H
#define PKN_SIMD_TILE_AVX512_H

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_X86

#define PKN_TILE_AVX512_WORDS 1016
/* The line 4 KiB ahead into L2. In the order of the addresses: out of order it cost a fifth of the
   bandwidth. */
#define PKN_TILE_PREFETCH(p) _mm_prefetch((const char *)((p) + 512), _MM_HINT_T1)

/* Masks of ones here and below cost nothing; without them gcc 12 warns of the intrinsics' own unset
   operands. */
#define PKN_TILE_LANES(a, b, selection) _mm512_maskz_shuffle_i32x4(0xffff, a, b, selection)

/* Distances of 4 queries to 4 targets, query major; rows are stride words apart. Of the targets n
   are there, 1 to 4; the rest of a row of the result repeats the last one's. */
typedef __m512i (*pkn_tile_avx512_fn)(const uint64_t *queries, const uint64_t *targets,
                                      size_t stride, size_t n, size_t words);

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_pack_avx512(__m512i a, __m512i b, __m512i c,
                                                                 __m512i d) {
    return _mm512_packus_epi32(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
}

/* In a.., 128-bit lane l holds two partial counts (16 bits) of each of 4 pairs; sums over lanes and
   halves: 16 counts of 32 bits. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_sum_avx512(__m512i a, __m512i b, __m512i c,
                                                                __m512i d) {
    __m512i ab = _mm512_add_epi16(PKN_TILE_LANES(a, b, 0x88), PKN_TILE_LANES(a, b, 0xdd));
    __m512i cd = _mm512_add_epi16(PKN_TILE_LANES(c, d, 0x88), PKN_TILE_LANES(c, d, 0xdd));
    __m512i abcd = _mm512_add_epi16(PKN_TILE_LANES(ab, cd, 0x88), PKN_TILE_LANES(ab, cd, 0xdd));
    return _mm512_madd_epi16(abcd, _mm512_set1_epi16(1));
}

#define PKN_TILE_LOAD(p) _mm512_loadu_si512(p)
#define PKN_TILE_LOAD_TAIL(p) _mm512_maskz_loadu_epi64(tail, p)

/* The counters of 4 queries for a register of one target; `first` sets them, `next` adds. */
#define PKN_TILE_FIRST(COUNT, sum, x, y) sum = COUNT(_mm512_xor_si512(x, y))
#define PKN_TILE_NEXT(COUNT, sum, x, y) sum = _mm512_add_epi64(sum, COUNT(_mm512_xor_si512(x, y)))
#define PKN_TILE_4X1(STEP, COUNT, target, s0, s1, s2, s3) \
    t = target; \
    STEP(COUNT, s0, q0, t); \
    STEP(COUNT, s1, q1, t); \
    STEP(COUNT, s2, q2, t); \
    STEP(COUNT, s3, q3, t)
#define PKN_TILE_4X4(STEP, COUNT, LOAD) \
    do { \
        __m512i q0 = LOAD(r0 + word), q1 = LOAD(r1 + word), q2 = LOAD(r2 + word), \
                q3 = LOAD(r3 + word), t; \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t0 + word), s0, s4, s8, s12); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t1 + word), s1, s5, s9, s13); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t2 + word), s2, s6, s10, s14); \
        PKN_TILE_4X1(STEP, COUNT, LOAD(t3 + word), s3, s7, s11, s15); \
    } while (0)
/* All words of the rows through SHAPE. */
#define PKN_TILE_ROWS(SHAPE, COUNT) \
    do { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        size_t word = 0; \
        if (PKN_LIKELY(words >= 8)) { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD); \
            for (word = 8; words - word >= 8; word += 8) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD); \
            } \
            if (PKN_UNLIKELY(tail)) { \
                SHAPE(PKN_TILE_NEXT, COUNT, PKN_TILE_LOAD_TAIL); \
            } \
        } else { \
            SHAPE(PKN_TILE_FIRST, COUNT, PKN_TILE_LOAD_TAIL); \
        } \
    } while (0)

/* COUNT(x): the ones of each 64-bit lane. */
#define PKN_DEFINE_TILES_AVX512(isa, TARGET, COUNT) \
    TARGET PKN_NOINLINE PKN_INTERNAL __m512i pkn_tile_4x4_##isa( \
        const uint64_t *queries, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *r0 = queries, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride; \
        const uint64_t *t0 = targets, *t1 = n > 1 ? t0 + stride : t0, \
                       *t2 = n > 2 ? t1 + stride : t1; \
        const uint64_t *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15; \
        PKN_TILE_ROWS(PKN_TILE_4X4, COUNT); \
        return pkn_tile_sum_avx512( \
            pkn_tile_pack_avx512(s0, s1, s2, s3), pkn_tile_pack_avx512(s4, s5, s6, s7), \
            pkn_tile_pack_avx512(s8, s9, s10, s11), pkn_tile_pack_avx512(s12, s13, s14, s15)); \
    } \
    /* Counters of 8 words of 1 query and 1 target. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_8_words_##isa(const uint64_t *query, \
                                                            const uint64_t *target) { \
        return COUNT(_mm512_xor_si512(_mm512_loadu_si512(query), _mm512_loadu_si512(target))); \
    } \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_##isa(const uint64_t *query, \
                                                        const uint64_t *target, size_t words) { \
        __mmask8 tail = (__mmask8)((1u << (words % 8)) - 1); \
        __m512i even = _mm512_setzero_si512(), odd = even; \
        size_t word = 0; \
        for (; words - word >= 16; word += 16) { \
            PKN_TILE_PREFETCH(target + word); \
            PKN_TILE_PREFETCH(target + word + 8); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            odd = _mm512_add_epi64(odd, \
                                   pkn_tile_8_words_##isa(query + word + 8, target + word + 8)); \
        } \
        if (words - word >= 8) { \
            PKN_TILE_PREFETCH(target + word); \
            even = _mm512_add_epi64(even, pkn_tile_8_words_##isa(query + word, target + word)); \
            word += 8; \
        } \
        if (PKN_UNLIKELY(tail)) { \
            odd = _mm512_add_epi64( \
                odd, COUNT(_mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, query + word), \
                                            _mm512_maskz_loadu_epi64(tail, target + word)))); \
        } \
        return _mm512_add_epi64(even, odd); \
    } \
    /* The same for 32 words, so that the query stays in registers. */ \
    TARGET PKN_ALWAYS_INLINE __m512i pkn_tile_1x1_of_32_##isa(const uint64_t *query, \
                                                              const uint64_t *target) { \
        return _mm512_add_epi64( \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query, target), \
                             pkn_tile_8_words_##isa(query + 8, target + 8)), \
            _mm512_add_epi64(pkn_tile_8_words_##isa(query + 16, target + 16), \
                             pkn_tile_8_words_##isa(query + 24, target + 24))); \
    } \
    /* 1 query with 4 targets; n as above. */ \
    TARGET PKN_ALWAYS_INLINE __m128i pkn_tile_1x4_##isa( \
        const uint64_t *query, const uint64_t *targets, size_t stride, size_t n, size_t words) { \
        const uint64_t *t1 = n > 1 ? targets + stride : targets; \
        const uint64_t *t2 = n > 2 ? t1 + stride : t1, *t3 = n > 3 ? t2 + stride : t2; \
        __m512i s0, s1, s2, s3; \
        if (PKN_LIKELY(words == 32)) { \
            s0 = pkn_tile_1x1_of_32_##isa(query, targets); \
            s1 = pkn_tile_1x1_of_32_##isa(query, t1); \
            s2 = pkn_tile_1x1_of_32_##isa(query, t2); \
            s3 = pkn_tile_1x1_of_32_##isa(query, t3); \
        } else { \
            s0 = pkn_tile_1x1_##isa(query, targets, words); \
            s1 = pkn_tile_1x1_##isa(query, t1, words); \
            s2 = pkn_tile_1x1_##isa(query, t2, words); \
            s3 = pkn_tile_1x1_##isa(query, t3, words); \
        } \
        return pkn_tile_sum_row_avx512(pkn_tile_pack_avx512(s0, s1, s2, s3)); \
    } \
    TARGET PKN_INTERNAL void pkn_tile_row_##isa(const uint64_t *query, const uint64_t *targets, \
                                                size_t n_targets, size_t stride, size_t words, \
                                                int add, uint32_t *out) { \
        for (size_t i = 0; i < n_targets; i += 4) { \
            size_t n = n_targets - i; \
            pkn_tile_store_avx512( \
                pkn_tile_1x4_##isa(query, targets + i * stride, stride, n, words), n, add, \
                out + i); \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_part_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t stride, size_t words, uint32_t *out, size_t out_stride) { \
        for (size_t word = 0; word < words; word += PKN_TILE_AVX512_WORDS) { \
            size_t n = pkn_min_size(words - word, PKN_TILE_AVX512_WORDS); \
            size_t q = 0; \
            for (; n_queries - q >= 4; q += 4) { \
                pkn_tile_panel_avx512(pkn_tile_4x4_##isa, queries + q * stride + word, \
                                      targets + word, n_targets, stride, n, word > 0, \
                                      out + q * out_stride, out_stride); \
            } \
            for (; q < n_queries; q++) { \
                pkn_tile_row_##isa(queries + q * stride + word, targets + word, n_targets, stride, \
                                   n, word > 0, out + q * out_stride); \
            } \
        } \
    } \
    TARGET PKN_INTERNAL void pkn_hamming_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t *out, size_t out_stride) { \
        pkn_hamming_part_u64_##isa(queries, n_queries, targets, n_targets, words, words, out, \
                                   out_stride); \
    } \
    TARGET PKN_INTERNAL void pkn_nearest_tile_u64_##isa( \
        const uint64_t *queries, size_t n_queries, const uint64_t *targets, size_t n_targets, \
        size_t words, uint32_t first, uint32_t *distances, uint32_t *indices) { \
        if (n_queries == 4 && words <= PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_avx512(pkn_tile_4x4_##isa, queries, targets, n_targets, words, first, \
                                    distances, indices); \
            return; \
        } \
        for (size_t q = 0; q < n_queries && words <= PKN_TILE_AVX512_WORDS; q++) { \
            pkn_tile_nearest_row_avx512( \
                pkn_tile_1x4_##isa, queries + q * words, targets, n_targets, words, first, \
                distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES); \
        } \
        if (words > PKN_TILE_AVX512_WORDS) { \
            pkn_tile_nearest_long_avx512(pkn_hamming_tile_u64_##isa, queries, n_queries, targets, \
                                         n_targets, words, first, distances, indices); \
        } \
    }

/* The same for one such register: 4 counts. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m128i pkn_tile_sum_row_avx512(__m512i a) {
    __m256i half = _mm256_add_epi16(_mm512_maskz_extracti64x4_epi64(0xf, a, 0),
                                    _mm512_maskz_extracti64x4_epi64(0xf, a, 1));
    __m128i quarter =
        _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    return _mm_madd_epi16(quarter, _mm_set1_epi16(1));
}

/* The first n of 4 counts, which are distances or (add) those of a further part of long rows. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_tile_store_avx512(__m128i counts, size_t n, int add,
                                                               uint32_t *out) {
    if (PKN_LIKELY(n >= 4 && !add)) {
        _mm_storeu_si128((__m128i *)(void *)out, counts);
    } else {
        __mmask8 mask = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __m128i before = _mm_maskz_loadu_epi32((__mmask8)(add ? mask : 0), out);
        __m128i sum = _mm_add_epi32(counts, before);
        sum = _mm_mask_set1_epi32(sum, _mm_cmplt_epu32_mask(sum, before), -1);
        _mm_mask_storeu_epi32(out, mask, sum);
    }
}

/* 4 queries with n_targets targets. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_panel_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries, const uint64_t *targets,
                      size_t n_targets, size_t stride, size_t words, int add, uint32_t *out,
                      size_t out_stride) {
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        uint32_t *place = out + i;
        __m512i counts = tile_4x4(queries, targets + i * stride, stride, n, words);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 0), n, add, place);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 1), n, add,
                              place + out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 2), n, add,
                              place + 2 * out_stride);
        pkn_tile_store_avx512(_mm512_maskz_extracti32x4_epi32(0xf, counts, 3), n, add,
                              place + 3 * out_stride);
    }
}

/* The nearest of 4 queries: a tile's 16 distances are 4 candidates of each query. Lanes that repeat
   the last target (n < 4) are masked. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_avx512(pkn_tile_avx512_fn tile_4x4, const uint64_t *queries,
                        const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                        uint32_t *distances, uint32_t *indices) {
    __m512i best = _mm512_loadu_si512(distances);
    __m512i place = _mm512_loadu_si512(indices);
    __m512i now =
        _mm512_add_epi32(_mm512_set1_epi32((int)first),
                         _mm512_maskz_broadcast_i32x4(0xffff, _mm_setr_epi32(0, 1, 2, 3)));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m512i counts = tile_4x4(queries, targets + i * words, words, n, words);
        __mmask16 lanes = (__mmask16)(n >= 4 ? 0xffff : ((1u << n) - 1) * 0x1111u);
        __mmask16 nearer = _mm512_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm512_mask_mov_epi32(best, nearer, counts);
        place = _mm512_mask_mov_epi32(place, nearer, now);
        now = _mm512_add_epi32(now, _mm512_set1_epi32(4));
    }
    _mm512_storeu_si512(distances, best);
    _mm512_storeu_si512(indices, place);
}

typedef __m128i (*pkn_tile_row_avx512_fn)(const uint64_t *query, const uint64_t *targets,
                                          size_t stride, size_t n, size_t words);

/* The same for one query. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_tile_nearest_row_avx512(pkn_tile_row_avx512_fn tile_1x4, const uint64_t *query,
                            const uint64_t *targets, size_t n_targets, size_t words, uint32_t first,
                            uint32_t *distances, uint32_t *indices) {
    __m128i best = _mm_loadu_si128((const __m128i *)(const void *)distances);
    __m128i place = _mm_loadu_si128((const __m128i *)(const void *)indices);
    __m128i now = _mm_add_epi32(_mm_set1_epi32((int)first), _mm_setr_epi32(0, 1, 2, 3));
    for (size_t i = 0; i < n_targets; i += 4) {
        size_t n = n_targets - i;
        __m128i counts = tile_1x4(query, targets + i * words, words, n, words);
        __mmask8 lanes = (__mmask8)(n >= 4 ? 15 : (1u << n) - 1);
        __mmask8 nearer = _mm_mask_cmplt_epu32_mask(lanes, counts, best);
        best = _mm_mask_mov_epi32(best, nearer, counts);
        place = _mm_mask_mov_epi32(place, nearer, now);
        now = _mm_add_epi32(now, _mm_set1_epi32(4));
    }
    _mm_storeu_si128((__m128i *)(void *)distances, best);
    _mm_storeu_si128((__m128i *)(void *)indices, place);
}

typedef void (*pkn_hamming_tile_fn)(const uint64_t *queries, size_t n_queries,
                                    const uint64_t *targets, size_t n_targets, size_t words,
                                    uint32_t *out, size_t out_stride);

/* Rows so long that a distance is a sum over parts. */
PKN_INTERNAL void pkn_tile_nearest_long_avx512(pkn_hamming_tile_fn hamming, const uint64_t *queries,
                                               size_t n_queries, const uint64_t *targets,
                                               size_t n_targets, size_t words, uint32_t first,
                                               uint32_t *distances, uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            hamming(queries + q * words, 1, targets + i * words, n, words, block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
/* ==== src/simd/tile_avx512.c, continued ==== */
/* #include "simd/tile_scalar.c": above */

#if PKN_ARCH_X86

/* Ones of each nibble from a table, summed over the 8 bytes of a lane. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_count_avx512(__m512i x) {
    /* with a mask of ones, since gcc 12 warns of the plain form's unset operand */
    __m512i table = _mm512_maskz_broadcast_i32x4(
        0xffff, _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m512i nibble = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble));
    __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

PKN_DEFINE_TILES_AVX512(avx512, PKN_TARGET_AVX512, pkn_tile_count_avx512)

/* Bit i: values[i] < threshold, i < 64. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_below_64_avx512(const uint32_t *values,
                                                                 __m512i threshold_u32x16) {
    __mmask16 a = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values), threshold_u32x16);
    __mmask16 b = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 16), threshold_u32x16);
    __mmask16 c = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 32), threshold_u32x16);
    __mmask16 d = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 48), threshold_u32x16);
    return _mm512_kunpackd(_mm512_kunpackw(d, c), _mm512_kunpackw(b, a));
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_below_key_avx512(const uint32_t *values,
                                                                  uint64_t below, uint32_t first) {
    unsigned place = (unsigned)pkn_ctz_u64(below);
    return (uint64_t)values[place] << 32 | (first + place);
}

/* In 64 values there are none below or, most often, one to four: four keys are written without a
   look at how many there are, since a branch on that would go wrong every other time. */
PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_below_u32_avx512(const uint32_t *values, size_t n,
                                                           uint32_t threshold, uint32_t first,
                                                           uint64_t *keys) {
    const uint64_t guard = UINT64_C(1) << 63;
    __m512i threshold_u32x16 = _mm512_set1_epi32((int)threshold);
    uint64_t *to = keys;
    for (; n >= 64; n -= 64, values += 64, first += 64) {
        uint64_t below = pkn_below_64_avx512(values, threshold_u32x16);
        uint64_t *end = to + pkn_popcount_u64(below);
        if (PKN_LIKELY(below == 0)) {
            continue;
        }
        to[0] = pkn_below_key_avx512(values, below, first);
        below &= below - 1;
        to[1] = pkn_below_key_avx512(values, below | guard, first);
        below &= below - 1;
        to[2] = pkn_below_key_avx512(values, below | guard, first);
        below &= below - 1;
        to[3] = pkn_below_key_avx512(values, below | guard, first);
        for (to += 3; to < end; to++) {
            *to = pkn_below_key_avx512(values, below, first);
            below &= below - 1;
        }
        to = end;
    }
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i values_u32x16 = _mm512_maskz_loadu_epi32(lanes, values + i);
        uint64_t below =
            pkn_mask_bits(_mm512_mask_cmplt_epu32_mask(lanes, values_u32x16, threshold_u32x16));
        for (; below != 0; below &= below - 1) {
            *to++ = pkn_below_key_avx512(values + i, below, first + (uint32_t)i);
        }
    }
    return (size_t)(to - keys);
}

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_count_below_u64_avx512(const uint64_t *keys, size_t n,
                                                                 uint64_t threshold) {
    __m512i threshold_u64x8 = _mm512_set1_epi64((long long)threshold);
    size_t count = 0, i = 0;
    for (; n - i >= 16; i += 16) {
        __mmask8 low = _mm512_cmplt_epu64_mask(_mm512_loadu_si512(keys + i), threshold_u64x8);
        __mmask8 high = _mm512_cmplt_epu64_mask(_mm512_loadu_si512(keys + i + 8), threshold_u64x8);
        count += pkn_popcount_u64(pkn_mask_bits(_mm512_kunpackb(high, low)));
    }
    return count + pkn_count_below_u64_scalar(keys + i, n - i, threshold);
}

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_keep_below_u64_avx512(uint64_t *keys, size_t n,
                                                                uint64_t threshold) {
    __m512i threshold_u64x8 = _mm512_set1_epi64((long long)threshold);
    size_t count = 0;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m512i keys_u64x8 = _mm512_loadu_si512(keys + i);
        __mmask8 below = _mm512_cmplt_epu64_mask(keys_u64x8, threshold_u64x8);
        /* Compressed in a register and stored whole: straight to memory is slow on Zen 4. */
        _mm512_storeu_si512(keys + count, _mm512_maskz_compress_epi64(below, keys_u64x8));
        count += pkn_popcount_u64(pkn_mask_bits(below));
    }
    for (; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += key < threshold;
    }
    return count;
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_similarity_u32_avx512(const uint32_t *distances, size_t n,
                                                              uint64_t bits, float *out) {
    __m512d scale_f64x8 = _mm512_set1_pd(1.0 / (double)bits);
    __m512i bits_u64x8 = _mm512_set1_epi64((long long)bits);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 mask = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);
        __m512i distances_u64x8 =
            _mm512_maskz_cvtepu32_epi64(mask, _mm256_maskz_loadu_epi32(mask, distances + i));
        __m512d same_f64x8 =
            _mm512_maskz_cvtepi64_pd(mask, _mm512_sub_epi64(bits_u64x8, distances_u64x8));
        _mm256_mask_storeu_ps(out + i, mask,
                              _mm512_maskz_cvtpd_ps(mask, _mm512_mul_pd(same_f64x8, scale_f64x8)));
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_avx512_vpopcnt.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles where the CPU counts the ones of 64-bit lanes by itself. */
#ifndef PKN_SIMD_TILE_AVX512_VPOPCNT_C
#define PKN_SIMD_TILE_AVX512_VPOPCNT_C

/* #include "simd/tile_avx512.h": above */

#if PKN_ARCH_X86

PKN_DEFINE_TILES_AVX512(avx512_vpopcnt, PKN_TARGET_AVX512_VPOPCNT, _mm512_popcnt_epi64)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/tile_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of NEON: 2 queries x 4 targets, ones counted into bytes, which are summed up once a
   pair. Rows are cut at 62 words, after which a byte could overflow (31 blocks of at most 8). */
#ifndef PKN_SIMD_TILE_NEON_C
#define PKN_SIMD_TILE_NEON_C

/* #include "base/bits.h": above */
/* #include "simd/tile.h": above */

#if PKN_ARCH_ARM64

#define PKN_TILE_NEON_WORDS 62

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_load_neon(const uint64_t *p, size_t words) {
    return vreinterpretq_u8_u64(words >= 2 ? vld1q_u64(p)
                                           : vcombine_u64(vld1_u64(p), vdup_n_u64(0)));
}

PKN_ALWAYS_INLINE uint8x16_t pkn_tile_step_neon(uint8x16_t sum, uint8x16_t a, uint8x16_t b) {
    return vaddq_u8(sum, vcntq_u8(veorq_u8(a, b)));
}

/* Distances of queries q0 and q1 to 4 targets: counts[0 .. 3] and counts[4 .. 7]. */
PKN_ALWAYS_INLINE void pkn_tile_2x4_neon(const uint64_t *q0, const uint64_t *q1,
                                         const uint64_t *const *targets, size_t words,
                                         uint32_t *counts) {
    const uint64_t *t0 = targets[0], *t1 = targets[1], *t2 = targets[2], *t3 = targets[3];
    uint8x16_t zero = vdupq_n_u8(0);
    uint8x16_t a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero,
               b3 = zero;
    for (size_t word = 0; word < words; word += 2) {
        size_t n = words - word;
        uint8x16_t a = pkn_tile_load_neon(q0 + word, n), b = pkn_tile_load_neon(q1 + word, n);
        uint8x16_t t = pkn_tile_load_neon(t0 + word, n);
        a0 = pkn_tile_step_neon(a0, a, t);
        b0 = pkn_tile_step_neon(b0, b, t);
        t = pkn_tile_load_neon(t1 + word, n);
        a1 = pkn_tile_step_neon(a1, a, t);
        b1 = pkn_tile_step_neon(b1, b, t);
        t = pkn_tile_load_neon(t2 + word, n);
        a2 = pkn_tile_step_neon(a2, a, t);
        b2 = pkn_tile_step_neon(b2, b, t);
        t = pkn_tile_load_neon(t3 + word, n);
        a3 = pkn_tile_step_neon(a3, a, t);
        b3 = pkn_tile_step_neon(b3, b, t);
    }
    counts[0] = vaddlvq_u8(a0);
    counts[1] = vaddlvq_u8(a1);
    counts[2] = vaddlvq_u8(a2);
    counts[3] = vaddlvq_u8(a3);
    counts[4] = vaddlvq_u8(b0);
    counts[5] = vaddlvq_u8(b1);
    counts[6] = vaddlvq_u8(b2);
    counts[7] = vaddlvq_u8(b3);
}

PKN_INTERNAL void pkn_hamming_part_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets,
                                            size_t stride, size_t words, uint32_t *out,
                                            size_t out_stride) {
    for (size_t word = 0; word < words; word += PKN_TILE_NEON_WORDS) {
        size_t n_words = pkn_min_size(words - word, PKN_TILE_NEON_WORDS);
        for (size_t t = 0; t < n_targets; t += 4) {
            size_t n = pkn_min_size(n_targets - t, 4);
            const uint64_t *rows[4];
            for (size_t i = 0; i < 4; i++) {
                rows[i] = targets + (t + (i < n ? i : n - 1)) * stride + word;
            }
            for (size_t q = 0; q < n_queries; q += 2) {
                size_t second = q + 1 < n_queries ? q + 1 : q;
                uint32_t counts[8];
                pkn_tile_2x4_neon(queries + q * stride + word, queries + second * stride + word,
                                  rows, n_words, counts);
                for (size_t row = q; row <= second; row++) {
                    uint32_t *place = out + row * out_stride + t;
                    const uint32_t *part = counts + (row - q) * 4;
                    for (size_t i = 0; i < n; i++) {
                        place[i] = word == 0 ? part[i] : pkn_add_counts(place[i], part[i]);
                    }
                }
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_neon(queries, n_queries, targets, n_targets, words, words, out,
                              out_stride);
}

PKN_INTERNAL void pkn_nearest_tile_u64_neon(const uint64_t *queries, size_t n_queries,
                                            const uint64_t *targets, size_t n_targets, size_t words,
                                            uint32_t first, uint32_t *distances,
                                            uint32_t *indices) {
    static const uint32_t steps[4] = {0, 1, 2, 3};
    uint32_t block[4 * PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        pkn_hamming_tile_u64_neon(queries, n_queries, targets + i * words, n, words, block,
                                  PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            const uint32_t *from = block + q * PKN_NEAREST_BLOCK;
            uint32x4_t best = vld1q_u32(distances + q * PKN_NEAREST_LANES);
            uint32x4_t place = vld1q_u32(indices + q * PKN_NEAREST_LANES);
            uint32x4_t now = vaddq_u32(vdupq_n_u32(first + (uint32_t)i), vld1q_u32(steps));
            size_t t = 0;
            for (; n - t >= 4; t += 4) {
                uint32x4_t counts = vld1q_u32(from + t);
                place = vbslq_u32(vcltq_u32(counts, best), now, place);
                best = vminq_u32(counts, best);
                now = vaddq_u32(now, vdupq_n_u32(4));
            }
            vst1q_u32(distances + q * PKN_NEAREST_LANES, best);
            vst1q_u32(indices + q * PKN_NEAREST_LANES, place);
            pkn_nearest_update(from + t, n - t, first + (uint32_t)(i + t),
                               distances + q * PKN_NEAREST_LANES, indices + q * PKN_NEAREST_LANES);
        }
    }
}

PKN_INTERNAL size_t pkn_below_u32_neon(const uint32_t *values, size_t n, uint32_t threshold,
                                       uint32_t first, uint64_t *keys) {
    uint32x4_t threshold_u32x4 = vdupq_n_u32(threshold);
    size_t count = 0, i = 0;
    for (; i < n; i += 16) {
        size_t end = pkn_min_size(i + 16, n);
        if (n - i >= 16) {
            uint32x4_t low = vminq_u32(vld1q_u32(values + i), vld1q_u32(values + i + 4));
            uint32x4_t high = vminq_u32(vld1q_u32(values + i + 8), vld1q_u32(values + i + 12));
            if (PKN_LIKELY(vmaxvq_u32(vcltq_u32(vminq_u32(low, high), threshold_u32x4)) == 0)) {
                continue;
            }
        }
        for (size_t j = i; j < end; j++) {
            if (values[j] < threshold) {
                keys[count++] = (uint64_t)values[j] << 32 | (first + (uint32_t)j);
            }
        }
    }
    return count;
}

PKN_INTERNAL void pkn_similarity_u32_neon(const uint32_t *distances, size_t n, uint64_t bits,
                                          float *out) {
    double scale = 1.0 / (double)bits;
    uint64x2_t bits_u64x2 = vdupq_n_u64(bits);
    size_t i = 0;
    for (; n - i >= 2; i += 2) {
        uint64x2_t same_u64x2 = vsubq_u64(bits_u64x2, vmovl_u32(vld1_u32(distances + i)));
        vst1_f32(out + i, vcvt_f32_f64(vmulq_n_f64(vcvtq_f64_u64(same_u64x2), scale)));
    }
    for (; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/weights_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels for integer vectors met by bits: weights of 16 bits, one for each
   bit of a hypervector, where a 1 stands for +1 and a 0 for -1. They are the inner loops of a
   classifier with integer prototypes. */
#ifndef PKN_SIMD_WEIGHTS_SCALAR_C
#define PKN_SIMD_WEIGHTS_SCALAR_C

/* #include "base/compiler.h": above */

#include <stddef.h>
#include <stdint.h>

/* The vector sets expand so many words of bits at a time, and sum within them in 32 bits: 32 * 64 *
   2^15 = 2^26. */
#define PKN_WEIGHTS_BLOCK_WORDS 32

/* out[r] = the sum over i < 64 * words of weights[r][i] where bit i is 1, -weights[r][i] where it is
   0, for n_rows rows of 64 * words weights. words is at most 2^26. */
PKN_INTERNAL void pkn_dot_i16_scalar(const int16_t *weights, size_t n_rows, const uint64_t *bits,
                                     size_t words, int64_t *out) {
    for (size_t r = 0; r < n_rows; r++) {
        int64_t sum = 0;
        for (size_t i = 0; i < words; i++) {
            const int16_t *row = weights + (r * words + i) * 64;
            for (unsigned j = 0; j < 64; j++) {
                sum += row[j] * ((int)(bits[i] >> j & 1) * 2 - 1);
            }
        }
        out[r] = sum;
    }
}

/* Adds rate to weights[i] where bit i is 1, takes it away where it is 0, for i < 64 * words;
   what leaves -32768 .. 32767 stays at the end. rate is -32767 .. 32767. */
PKN_INTERNAL void pkn_add_i16_scalar(const uint64_t *bits, size_t words, int rate,
                                     int16_t *weights) {
    for (size_t i = 0; i < words; i++) {
        for (unsigned j = 0; j < 64; j++) {
            int sum = weights[i * 64 + j] + rate * ((int)(bits[i] >> j & 1) * 2 - 1);
            weights[i * 64 + j] = (int16_t)(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum);
        }
    }
}

/* Bit i of out is 1 where weights[i] > 0, for i < 64 * words. */
PKN_INTERNAL void pkn_sign_i16_scalar(const int16_t *weights, size_t words, uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        uint64_t bits = 0;
        for (unsigned j = 0; j < 64; j++) {
            bits |= (uint64_t)(weights[i * 64 + j] > 0) << j;
        }
        out[i] = bits;
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/weights_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for AVX2.

   dot: the bits of a block become 1 and -1 once, 4 KiB on the stack, then each row is one
   multiply-add (VPMADDWD) and one addition for 16 weights; four rows share a load of the ones, so it
   is bound by 5 loads for 4 * 16 weights, two a cycle. add: a saturating addition and a store for 16
   weights, after a broadcast, two operations and a comparison that make the rate's sign. */
#ifndef PKN_SIMD_WEIGHTS_AVX2_C
#define PKN_SIMD_WEIGHTS_AVX2_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/weights_scalar.c": above */

#if PKN_ARCH_X86

/* 16 lanes: -1 where the bit of `bits` is 1, else 0. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_bit_lanes_avx2(unsigned bits) {
    const __m256i lane_i16x16 = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048,
                                                  4096, 8192, 16384, -32768);
    return _mm256_cmpeq_epi16(
        _mm256_and_si256(_mm256_set1_epi16((short)(unsigned short)bits), lane_i16x16), lane_i16x16);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 int pkn_sum_lanes_avx2(__m256i sum_i32x8) {
    __m128i sum =
        _mm_add_epi32(_mm256_castsi256_si128(sum_i32x8), _mm256_extracti128_si256(sum_i32x8, 1));
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 1)));
}

/* The sum of a row's products so far and of the next 16. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_avx2(__m256i sum_i32x8, const void *row,
                                                            __m256i signs_i16x16) {
    return _mm256_add_epi32(
        sum_i32x8, _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)row), signs_i16x16));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_signs_avx2(const int16_t *signs) {
    return _mm256_load_si256((const __m256i *)(const void *)signs);
}

/* Adds to out the sums of four rows over one block of n signs; written out, since gcc at -O2 leaves
   a loop over the rows as it is and their sums in memory. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_dot_rows4_avx2(const int16_t *row, size_t stride,
                                                          const int16_t *signs, size_t n,
                                                          int64_t *out) {
    const int16_t *row1 = row + stride, *row2 = row1 + stride, *row3 = row2 + stride;
    __m256i sum0 = _mm256_setzero_si256(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t i = 0; i < n; i += 16) {
        __m256i signs_i16x16 = pkn_load_signs_avx2(signs + i);
        sum0 = pkn_dot_step_avx2(sum0, row + i, signs_i16x16);
        sum1 = pkn_dot_step_avx2(sum1, row1 + i, signs_i16x16);
        sum2 = pkn_dot_step_avx2(sum2, row2 + i, signs_i16x16);
        sum3 = pkn_dot_step_avx2(sum3, row3 + i, signs_i16x16);
    }
    out[0] += pkn_sum_lanes_avx2(sum0);
    out[1] += pkn_sum_lanes_avx2(sum1);
    out[2] += pkn_sum_lanes_avx2(sum2);
    out[3] += pkn_sum_lanes_avx2(sum3);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_dot_row_avx2(const int16_t *row, const int16_t *signs,
                                                        size_t n, int64_t *out) {
    __m256i even = _mm256_setzero_si256(), odd = even; /* n is a multiple of 64 */
    for (size_t i = 0; i < n; i += 32) {
        even = pkn_dot_step_avx2(even, row + i, pkn_load_signs_avx2(signs + i));
        odd = pkn_dot_step_avx2(odd, row + i + 16, pkn_load_signs_avx2(signs + i + 16));
    }
    *out += pkn_sum_lanes_avx2(_mm256_add_epi32(even, odd));
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_dot_i16_avx2(const int16_t *weights, size_t n_rows,
                                                   const uint64_t *bits, size_t words,
                                                   int64_t *out) {
    PKN_ALIGNED(32) int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    const __m256i minus_one = _mm256_set1_epi16(-1);
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 4 * n; i++) {
            __m256i ones = pkn_bit_lanes_avx2((unsigned)(bits[first + i / 4] >> (i % 4 * 16)));
            _mm256_store_si256((__m256i *)(void *)(signs + 16 * i),
                               _mm256_sub_epi16(minus_one, _mm256_add_epi16(ones, ones)));
        }
        size_t r = 0;
        const int16_t *block = weights + 64 * first;
        for (; r + 4 <= n_rows; r += 4) {
            pkn_dot_rows4_avx2(block + r * words * 64, words * 64, signs, 64 * n, out + r);
        }
        for (; r < n_rows; r++) {
            pkn_dot_row_avx2(block + r * words * 64, signs, 64 * n, out + r);
        }
    }
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_add_i16_avx2(const uint64_t *bits, size_t words, int rate,
                                                   int16_t *weights) {
    const __m256i minus_rate = _mm256_set1_epi16((short)-rate);
    for (size_t i = 0; i < 4 * words; i++) {
        __m256i ones = pkn_bit_lanes_avx2((unsigned)(bits[i / 4] >> (i % 4 * 16)));
        __m256i *at = (__m256i *)(void *)(weights + 16 * i);
        /* x ^ -1, then minus -1, is -x */
        __m256i change = _mm256_sub_epi16(_mm256_xor_si256(minus_rate, ones), ones);
        _mm256_storeu_si256(at, _mm256_adds_epi16(_mm256_loadu_si256(at), change));
    }
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_sign_i16_avx2(const int16_t *weights, size_t words,
                                                    uint64_t *out) {
    const __m256i zero = _mm256_setzero_si256();
    for (size_t i = 0; i < words; i++) {
        uint64_t bits[2];
        for (size_t half = 0; half < 2; half++) {
            const void *at = weights + 64 * i + 32 * half,
                       *behind = weights + 64 * i + 32 * half + 16;
            __m256i low = _mm256_cmpgt_epi16(_mm256_loadu_si256((const __m256i *)at), zero);
            __m256i high = _mm256_cmpgt_epi16(_mm256_loadu_si256((const __m256i *)behind), zero);
            /* packing goes by halves of a register: put the quarters back in order */
            __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
            bits[half] = (uint32_t)_mm256_movemask_epi8(bytes);
        }
        out[i] = bits[0] | bits[1] << 32;
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/weights_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for AVX-512: as with AVX2, but that bits are masks already, and 32 weights
   are a step. */
#ifndef PKN_SIMD_WEIGHTS_AVX512_C
#define PKN_SIMD_WEIGHTS_AVX512_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/weights_scalar.c": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The sum of a row's products so far and of the next 32. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_avx512(__m512i sum_i32x16,
                                                                const int16_t *row,
                                                                __m512i signs_i16x32) {
    return _mm512_add_epi32(sum_i32x16, _mm512_madd_epi16(_mm512_loadu_si512(row), signs_i16x32));
}

/* Adds to out the sums of four rows over one block of n signs; written out, since gcc at -O2 leaves
   a loop over the rows as it is and their sums in memory. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_dot_rows4_avx512(const int16_t *row, size_t stride,
                                                              const int16_t *signs, size_t n,
                                                              int64_t *out) {
    const int16_t *row1 = row + stride, *row2 = row1 + stride, *row3 = row2 + stride;
    __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t i = 0; i < n; i += 32) {
        __m512i signs_i16x32 = _mm512_load_si512(signs + i);
        sum0 = pkn_dot_step_avx512(sum0, row + i, signs_i16x32);
        sum1 = pkn_dot_step_avx512(sum1, row1 + i, signs_i16x32);
        sum2 = pkn_dot_step_avx512(sum2, row2 + i, signs_i16x32);
        sum3 = pkn_dot_step_avx512(sum3, row3 + i, signs_i16x32);
    }
    out[0] += _mm512_reduce_add_epi32(sum0);
    out[1] += _mm512_reduce_add_epi32(sum1);
    out[2] += _mm512_reduce_add_epi32(sum2);
    out[3] += _mm512_reduce_add_epi32(sum3);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void
pkn_dot_row_avx512(const int16_t *row, const int16_t *signs, size_t n, int64_t *out) {
    __m512i even = _mm512_setzero_si512(), odd = even; /* n is a multiple of 64 */
    for (size_t i = 0; i < n; i += 64) {
        even = pkn_dot_step_avx512(even, row + i, _mm512_load_si512(signs + i));
        odd = pkn_dot_step_avx512(odd, row + i + 32, _mm512_load_si512(signs + i + 32));
    }
    *out += _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_dot_i16_avx512(const int16_t *weights, size_t n_rows,
                                                       const uint64_t *bits, size_t words,
                                                       int64_t *out) {
    PKN_ALIGNED(64) int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    const __m512i one = _mm512_set1_epi16(1), minus_one = _mm512_set1_epi16(-1);
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 2 * n; i++) {
            __mmask32 ones = (__mmask32)(bits[first + i / 2] >> (i % 2 * 32));
            _mm512_store_si512(signs + 32 * i, _mm512_mask_blend_epi16(ones, minus_one, one));
        }
        size_t r = 0;
        const int16_t *block = weights + 64 * first;
        for (; r + 4 <= n_rows; r += 4) {
            pkn_dot_rows4_avx512(block + r * words * 64, words * 64, signs, 64 * n, out + r);
        }
        for (; r < n_rows; r++) {
            pkn_dot_row_avx512(block + r * words * 64, signs, 64 * n, out + r);
        }
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_add_i16_avx512(const uint64_t *bits, size_t words, int rate,
                                                       int16_t *weights) {
    const __m512i plus = _mm512_set1_epi16((short)rate), minus = _mm512_set1_epi16((short)-rate);
    for (size_t i = 0; i < 2 * words; i++) {
        __mmask32 ones = (__mmask32)(bits[i / 2] >> (i % 2 * 32));
        __m512i row_i16x32 = _mm512_loadu_si512(weights + 32 * i);
        _mm512_storeu_si512(
            weights + 32 * i,
            _mm512_adds_epi16(row_i16x32, _mm512_mask_blend_epi16(ones, minus, plus)));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_sign_i16_avx512(const int16_t *weights, size_t words,
                                                        uint64_t *out) {
    const __m512i zero = _mm512_setzero_si512();
    for (size_t i = 0; i < words; i++) {
        __mmask32 low = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(weights + 64 * i), zero);
        __mmask32 high = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(weights + 64 * i + 32), zero);
        out[i] = pkn_mask_bits(low) | pkn_mask_bits(high) << 32;
    }
}

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/weights_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for NEON (64-bit ARM): as with AVX2, a widening multiply-add for 4 weights.
 */
#ifndef PKN_SIMD_WEIGHTS_NEON_C
#define PKN_SIMD_WEIGHTS_NEON_C

/* #include "base/bits.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/weights_scalar.c": above */

#if PKN_ARCH_ARM64

/* 8 lanes: value where the bit of `bits` is 1, else -value. */
PKN_ALWAYS_INLINE int16x8_t pkn_signed_neon(unsigned bits, int16_t value) {
    static const uint16_t lanes[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint16x8_t ones = vtstq_u16(vdupq_n_u16((uint16_t)bits), vld1q_u16(lanes));
    return vbslq_s16(ones, vdupq_n_s16(value), vdupq_n_s16((int16_t)-value));
}

PKN_INTERNAL void pkn_dot_i16_neon(const int16_t *weights, size_t n_rows, const uint64_t *bits,
                                   size_t words, int64_t *out) {
    int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 8 * n; i++) {
            vst1q_s16(signs + 8 * i,
                      pkn_signed_neon((unsigned)(bits[first + i / 8] >> (i % 8 * 8)) & 255u, 1));
        }
        for (size_t r = 0; r < n_rows; r++) {
            const int16_t *row = weights + (r * words + first) * 64;
            int32x4_t low = vdupq_n_s32(0), high = low;
            for (size_t i = 0; i < 64 * n; i += 8) {
                int16x8_t x = vld1q_s16(row + i), sign = vld1q_s16(signs + i);
                low = vmlal_s16(low, vget_low_s16(x), vget_low_s16(sign));
                high = vmlal_high_s16(high, x, sign);
            }
            out[r] += vaddvq_s32(vaddq_s32(low, high));
        }
    }
}

PKN_INTERNAL void pkn_add_i16_neon(const uint64_t *bits, size_t words, int rate, int16_t *weights) {
    for (size_t i = 0; i < 8 * words; i++) {
        int16x8_t change =
            pkn_signed_neon((unsigned)(bits[i / 8] >> (i % 8 * 8)) & 255u, (int16_t)rate);
        vst1q_s16(weights + 8 * i, vqaddq_s16(vld1q_s16(weights + 8 * i), change));
    }
}

PKN_INTERNAL void pkn_sign_i16_neon(const int16_t *weights, size_t words, uint64_t *out) {
    static const uint16_t lanes[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t lane = vld1q_u16(lanes);
    for (size_t i = 0; i < words; i++) {
        uint64_t bits = 0;
        for (size_t j = 0; j < 8; j++) {
            uint16x8_t ones = vcgtq_s16(vld1q_s16(weights + 64 * i + 8 * j), vdupq_n_s16(0));
            bits |= (uint64_t)vaddvq_u16(vandq_u16(ones, lane)) << (8 * j);
        }
        out[i] = bits;
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/float_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels' definition: one element at a time, sums in the fixed order of simd.h. */
#ifndef PKN_SIMD_FLOAT_SCALAR_C
#define PKN_SIMD_FLOAT_SCALAR_C

/* ==== src/simd/exact.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Float arithmetic that the compiler leaves as written, so that every instruction set gives the
   same bits.

   gcc fuses a * b + c into one rounding wherever the target has FMA (-march=native, arm64), across
   intrinsics too, and neither a pragma nor an attribute stops it in gcc and clang alike. An empty
   asm statement between product and sum does, and costs no instruction. */
#ifndef PKN_SIMD_EXACT_H
#define PKN_SIMD_EXACT_H

/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

/* The value (float, double or a vector of them) is rounded here, whatever is done with it
   afterwards. */
#if PKN_ARCH_X86
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+v"(value))
#elif PKN_ARCH_ARM64
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+w"(value))
#else
#define PKN_KEEP_ROUNDED(value) __asm__("" : "+m"(value))
#endif

PKN_ALWAYS_INLINE float pkn_product_f32(float a, float b) {
    float product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE double pkn_product_f64(double a, double b) {
    double product = a * b;
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* Square root without libm: sqrtf as a function sets errno and needs -lm. */
#if PKN_ARCH_X86
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    __m128d x_f64x2 = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(x_f64x2, x_f64x2));
}
#elif PKN_ARCH_ARM64
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return vget_lane_f64(vsqrt_f64(vdup_n_f64(x)), 0);
}
#else
PKN_ALWAYS_INLINE float pkn_sqrt_one_f32(float x) {
    return __builtin_sqrtf(x);
}

PKN_ALWAYS_INLINE double pkn_sqrt_one_f64(double x) {
    return __builtin_sqrt(x);
}
#endif

/* Sums run in this many accumulators: element i goes to accumulator i mod PKN_SUM_LANES_*. 256
   bytes either way: 4 registers of 64 bytes, 8 of 32 or 16 of 16, enough to hide an addition's
   latency (3 to 4 cycles, 2 a cycle). */
#define PKN_SUM_LANES_F32 64
#define PKN_SUM_LANES_F64 32

#endif
/* ==== src/simd/float_scalar.c, continued ==== */
/* #include "simd/kernels.h": above */

/* The accumulators fold in half until one is left. */
#define PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL type pkn_fold_##suffix##_scalar(type *sums) { \
        for (unsigned half = (lanes) / 2; half > 0; half /= 2) { \
            for (unsigned i = 0; i < half; i++) { \
                sums[i] += sums[i + half]; \
            } \
        } \
        return sums[0]; \
    }

#define PKN_DEFINE_FLOAT_SCALAR(suffix, type, lanes) \
    PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] + b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                     type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] * b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_scalar(const type *a, size_t n, type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = pkn_sqrt_one_##suffix(a[i]); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_scalar(type alpha, const type *x, size_t n, type *y) { \
        for (size_t i = 0; i < n; i++) { \
            y[i] += pkn_product_##suffix(alpha, x[i]); \
        } \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_scalar(const type *x, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += x[i]; \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_scalar(const type *x, const type *y, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += pkn_product_##suffix(x[i], y[i]); \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    }

PKN_DEFINE_FLOAT_SCALAR(f32, float, PKN_SUM_LANES_F32)
PKN_DEFINE_FLOAT_SCALAR(f64, double, PKN_SUM_LANES_F64)

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/float_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX2, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 32 bytes, one cycle. sum: a load per 32 bytes,
   half a cycle; dot: two, one cycle; eight sums in flight cover the addition's latency of 3 to 4
   cycles. sqrt: bound by the divider. The rest of a sum is masked: a masked lane adds +0, which
   changes no sum, since one that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX2_C
#define PKN_SIMD_FLOAT_AVX2_C

/* #include "simd/align.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_product_f32x8(__m256 a, __m256 b) {
    __m256 product = _mm256_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_product_f64x4(__m256d a, __m256d b) {
    __m256d product = _mm256_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The first n elements; the other lanes are 0 and not read. n may be 0 or less, or more than there
   are lanes. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_load_first_f32x8(const float *x, int n) {
    return _mm256_maskload_ps(
        x, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_load_first_f64x4(const double *x, int n) {
    return _mm256_maskload_pd(
        x, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)));
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 float pkn_fold_f32x8(__m256 sum) {
    __m128 sum_f32x4 = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 double pkn_fold_f64x4(__m256d sum) {
    __m128d sum_f64x2 = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: the scalar kernel up to the first aligned output and for the rest, whole
   registers between; two a turn, since a loop of one cycle needs luck with its place in the
   instruction cache. */
#define PKN_DEFINE_PAIRWISE_AVX2(name, operation, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_##suffix##_avx2(const type *a, const type *b, \
                                                                   size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_##name##_##suffix##_scalar(a, b, i, out); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            const size_t j = i + (lanes); \
            _mm256_storeu_##ps(out + i, \
                               operation(_mm256_loadu_##ps(a + i), _mm256_loadu_##ps(b + i))); \
            _mm256_storeu_##ps(out + j, \
                               operation(_mm256_loadu_##ps(a + j), _mm256_loadu_##ps(b + j))); \
        } \
        if (i < n) { \
            pkn_##name##_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX2(suffix, type, vector, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(add, _mm256_add_##ps, suffix, type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(multiply, _mm256_mul_##ps, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_sqrt_##suffix##_avx2(const type *a, size_t n, \
                                                               type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm256_storeu_##ps(out + i, _mm256_sqrt_##ps(_mm256_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_axpy_one_##suffix##_avx2(vector alphas, \
                                                                        const type *x, type *y) { \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm256_loadu_##ps(x)); \
        _mm256_storeu_##ps(y, _mm256_add_##ps(_mm256_loadu_##ps(y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_axpy_##suffix##_avx2(type alpha, const type *x, \
                                                               size_t n, type *y) { \
        const vector alphas = _mm256_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_axpy_##suffix##_scalar(alpha, x, i, y); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i, y + i); \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i + (lanes), y + i + (lanes)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_ELEMENTWISE_AVX2(f64, double, __m256d, pd, 4)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the eight holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_ADD_TERM_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps(sum##k, pkn_term_##suffix##_avx2(x, y, i + (k) * (lanes)))
#define PKN_ADD_REST_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps( \
        sum##k, pkn_rest_##suffix##_avx2(x, y, i + (k) * (lanes), rest - (k) * (lanes)))
#define PKN_ADD_EIGHT_AVX2(add, suffix, ps, lanes) \
    add(0, suffix, ps, lanes); \
    add(1, suffix, ps, lanes); \
    add(2, suffix, ps, lanes); \
    add(3, suffix, ps, lanes); \
    add(4, suffix, ps, lanes); \
    add(5, suffix, ps, lanes); \
    add(6, suffix, ps, lanes); \
    add(7, suffix, ps, lanes)

#define PKN_DEFINE_REDUCTION_AVX2(suffix, type, vector, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_term_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t i) { \
        vector term = _mm256_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm256_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_rest_##suffix##_avx2( \
        const type *x, const type *y, size_t i, int n) { \
        vector term = pkn_load_first_##suffix##x##lanes(x + i, n); \
        return y ? pkn_product_##suffix##x##lanes(term, \
                                                  pkn_load_first_##suffix##x##lanes(y + i, n)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 type pkn_reduce_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t n) { \
        vector sum0 = _mm256_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        vector sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0; \
        size_t i = 0; \
        for (; i + 8 * (lanes) <= n; i += 8 * (lanes)) { \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_TERM_AVX2, suffix, ps, lanes); \
        } \
        if (i < n) { \
            int rest = (int)(n - i); \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_REST_AVX2, suffix, ps, lanes); \
        } \
        sum0 = _mm256_add_##ps(_mm256_add_##ps(sum0, sum4), _mm256_add_##ps(sum2, sum6)); \
        sum1 = _mm256_add_##ps(_mm256_add_##ps(sum1, sum5), _mm256_add_##ps(sum3, sum7)); \
        return pkn_fold_##suffix##x##lanes(_mm256_add_##ps(sum0, sum1)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_sum_##suffix##_avx2(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx2(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_dot_##suffix##_avx2(const type *x, const type *y, \
                                                              size_t n) { \
        return y ? pkn_reduce_##suffix##_avx2(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_REDUCTION_AVX2(f64, double, __m256d, pd, 4)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/float_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX-512, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 64 bytes, two cycles where the CPU splits them
   (Zen 4), one elsewhere. sum: a load per 64 bytes, dot: two; four sums in flight. sqrt: bound by
   the divider. Rests are masked; in a sum a masked lane adds +0, which changes nothing, since a sum
   that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX512_C
#define PKN_SIMD_FLOAT_AVX512_C

/* #include "simd/align.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512 pkn_product_f32x16(__m512 a, __m512 b) {
    __m512 product = _mm512_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512d pkn_product_f64x8(__m512d a, __m512d b) {
    __m512d product = _mm512_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 float pkn_fold_f32x16(__m512 sum) {
    __m256 sum_f32x8 = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    __m128 sum_f32x4 =
        _mm_add_ps(_mm256_castps256_ps128(sum_f32x8), _mm256_extractf128_ps(sum_f32x8, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 double pkn_fold_f64x8(__m512d sum) {
    __m256d sum_f64x4 = _mm256_add_pd(_mm512_castpd512_pd256(sum), _mm512_extractf64x4_pd(sum, 1));
    __m128d sum_f64x2 =
        _mm_add_pd(_mm256_castpd256_pd128(sum_f64x4), _mm256_extractf128_pd(sum_f64x4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: a masked register up to the first aligned output and for the rest, whole
   registers between. */
#define PKN_DEFINE_PAIRWISE_AVX512(name, operation, suffix, type, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_##name##_part_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        _mm512_mask_storeu_##ps( \
            out, mask, \
            operation(_mm512_maskz_loadu_##ps(mask, a), _mm512_maskz_loadu_##ps(mask, b))); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_##name##_part_##suffix##_avx512(a, b, i, out); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, \
                               operation(_mm512_loadu_##ps(a + i), _mm512_loadu_##ps(b + i))); \
        } \
        if (i < n) { \
            pkn_##name##_part_##suffix##_avx512(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(add, _mm512_add_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(multiply, _mm512_mul_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_sqrt_##suffix##_avx512(const type *a, size_t n, \
                                                                   type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, _mm512_sqrt_##ps(_mm512_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            mask_type mask = (mask_type)((1u << (n - i)) - 1u); \
            _mm512_mask_storeu_##ps(out + i, mask, \
                                    _mm512_sqrt_##ps(_mm512_maskz_loadu_##ps(mask, a + i))); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_axpy_part_##suffix##_avx512( \
        vector alphas, const type *x, size_t n, type *y) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_maskz_loadu_##ps(mask, x)); \
        _mm512_mask_storeu_##ps(y, mask, \
                                _mm512_add_##ps(_mm512_maskz_loadu_##ps(mask, y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_axpy_##suffix##_avx512(type alpha, const type *x, \
                                                                   size_t n, type *y) { \
        const vector alphas = _mm512_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x, i, y); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_loadu_##ps(x + i)); \
            _mm512_storeu_##ps(y + i, _mm512_add_##ps(_mm512_loadu_##ps(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_ELEMENTWISE_AVX512(f64, double, __m512d, __mmask8, pd, 8)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the four holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_DEFINE_REDUCTION_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_term_##suffix##_avx512( \
        const type *x, const type *y, size_t i) { \
        vector term = _mm512_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm512_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_rest_##suffix##_avx512( \
        const type *x, const type *y, size_t i, uint64_t lanes_left) { \
        vector term = _mm512_maskz_loadu_##ps((mask_type)lanes_left, x + i); \
        return y ? pkn_product_##suffix##x##lanes( \
                       term, _mm512_maskz_loadu_##ps((mask_type)lanes_left, y + i)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 type pkn_reduce_##suffix##_avx512( \
        const type *x, const type *y, size_t n) { \
        vector sum0 = _mm512_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        size_t i = 0; \
        for (; i + 4 * (lanes) <= n; i += 4 * (lanes)) { \
            sum0 = _mm512_add_##ps(sum0, pkn_term_##suffix##_avx512(x, y, i)); \
            sum1 = _mm512_add_##ps(sum1, pkn_term_##suffix##_avx512(x, y, i + (lanes))); \
            sum2 = _mm512_add_##ps(sum2, pkn_term_##suffix##_avx512(x, y, i + 2 * (lanes))); \
            sum3 = _mm512_add_##ps(sum3, pkn_term_##suffix##_avx512(x, y, i + 3 * (lanes))); \
        } \
        if (i < n) { \
            uint64_t left = ((uint64_t)1 << (n - i)) - 1u; \
            sum0 = _mm512_add_##ps(sum0, pkn_rest_##suffix##_avx512(x, y, i, left)); \
            sum1 = _mm512_add_##ps( \
                sum1, pkn_rest_##suffix##_avx512(x, y, i + (lanes), left >> (lanes))); \
            sum2 = _mm512_add_##ps( \
                sum2, pkn_rest_##suffix##_avx512(x, y, i + 2 * (lanes), left >> 2 * (lanes))); \
            sum3 = _mm512_add_##ps( \
                sum3, pkn_rest_##suffix##_avx512(x, y, i + 3 * (lanes), left >> 3 * (lanes))); \
        } \
        sum0 = _mm512_add_##ps(_mm512_add_##ps(sum0, sum2), _mm512_add_##ps(sum1, sum3)); \
        return pkn_fold_##suffix##x##lanes(sum0); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_sum_##suffix##_avx512(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx512(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_dot_##suffix##_avx512(const type *x, const type *y, \
                                                                  size_t n) { \
        return y ? pkn_reduce_##suffix##_avx512(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_REDUCTION_AVX512(f64, double, __m512d, __mmask8, pd, 8)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/float_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for NEON (64-bit ARM), with the bits of float_scalar.c.

   Elementwise kernels and sums are bound by loads and stores; sixteen sums in flight, half of the
   registers. The rest of a sum is copied into a block of zeros: +0 changes no sum, since one that
   began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_NEON_C
#define PKN_SIMD_FLOAT_NEON_C

/* #include "base/platform.h": above */
/* #include "simd/exact.h": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/intrinsics.h": above */
/* #include "simd/kernels.h": above */

#if PKN_ARCH_ARM64

PKN_ALWAYS_INLINE float32x4_t pkn_product_f32x4(float32x4_t a, float32x4_t b) {
    float32x4_t product = vmulq_f32(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE float64x2_t pkn_product_f64x2(float64x2_t a, float64x2_t b) {
    float64x2_t product = vmulq_f64(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE float pkn_fold_f32x4(float32x4_t sum) {
    float32x2_t sum_f32x2 = vadd_f32(vget_low_f32(sum), vget_high_f32(sum));
    return vget_lane_f32(sum_f32x2, 0) + vget_lane_f32(sum_f32x2, 1);
}

PKN_ALWAYS_INLINE double pkn_fold_f64x2(float64x2_t sum) {
    return vgetq_lane_f64(sum, 0) + vgetq_lane_f64(sum, 1);
}

/* The elementwise kernels: whole registers, then the scalar kernel for the rest. */
#define PKN_DEFINE_ELEMENTWISE_NEON(suffix, type, vector, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_neon(const type *a, const type *b, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vaddq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_add_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_neon(const type *a, const type *b, size_t n, \
                                                   type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vmulq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_multiply_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_neon(const type *a, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vsqrtq_##suffix(vld1q_##suffix(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_neon(type alpha, const type *x, size_t n, type *y) { \
        const vector alphas = vdupq_n_##suffix(alpha); \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, vld1q_##suffix(x + i)); \
            vst1q_##suffix(y + i, vaddq_##suffix(vld1q_##suffix(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_ELEMENTWISE_NEON(f64, double, float64x2_t, 2)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the sixteen holds
   the accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. The loops over k have a constant
   end and unroll. */
#define PKN_DEFINE_REDUCTION_NEON(suffix, type, vector, lanes) \
    PKN_ALWAYS_INLINE void pkn_add_terms_##suffix##_neon(vector *sums, const type *x, \
                                                         const type *y) { \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            vector term = vld1q_##suffix(x + k * (lanes)); \
            if (y) { \
                term = pkn_product_##suffix##x##lanes(term, vld1q_##suffix(y + k * (lanes))); \
            } \
            sums[k] = vaddq_##suffix(sums[k], term); \
        } \
    } \
    PKN_ALWAYS_INLINE type pkn_reduce_##suffix##_neon(const type *x, const type *y, size_t n) { \
        vector sums[16]; \
        size_t i = 0; \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            sums[k] = vdupq_n_##suffix(0); \
        } \
        for (; i + 16 * (lanes) <= n; i += 16 * (lanes)) { \
            pkn_add_terms_##suffix##_neon(sums, x + i, y ? y + i : 0); \
        } \
        if (i < n) { \
            type last_x[16 * (lanes)] = {0}; \
            type last_y[16 * (lanes)] = {0}; \
            memcpy(last_x, x + i, (n - i) * sizeof(type)); \
            if (y) { \
                memcpy(last_y, y + i, (n - i) * sizeof(type)); \
            } \
            pkn_add_terms_##suffix##_neon(sums, last_x, y ? last_y : 0); \
        } \
        _Pragma("GCC unroll 4") for (size_t half = 8; half > 0; half /= 2) { \
            _Pragma("GCC unroll 8") for (size_t k = 0; k < half; k++) { \
                sums[k] = vaddq_##suffix(sums[k], sums[k + half]); \
            } \
        } \
        return pkn_fold_##suffix##x##lanes(sums[0]); \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_neon(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_neon(x, 0, n); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_neon(const type *x, const type *y, size_t n) { \
        return y ? pkn_reduce_##suffix##_neon(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_REDUCTION_NEON(f64, double, float64x2_t, 2)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/integer_scalar.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels over 8- and 16-bit integers. */
#ifndef PKN_SIMD_INTEGER_SCALAR_C
#define PKN_SIMD_INTEGER_SCALAR_C

/* #include "simd/counters.h": above */
/* ==== src/simd/integer.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the kernels over 8- and 16-bit integers share: the clip, and the loop of dot products over
   four targets at a time.

   Values are clipped to -127 .. 127 and -32767 .. 32767, the same on both sides, so that a negated
   vector gives negated results. Inputs may hold -128 and -32768 nevertheless, and every sum is
   exact. */
#ifndef PKN_SIMD_INTEGER_H
#define PKN_SIMD_INTEGER_H

/* #include "base/bits.h": above */
/* #include "base/compiler.h": above */
/* #include "simd/intrinsics.h": above */

#include <stddef.h>
#include <stdint.h>

PKN_ALWAYS_INLINE int8_t pkn_clip_i8(int32_t x) {
    return (int8_t)(x > 127 ? 127 : x < -127 ? -127 : x);
}

PKN_ALWAYS_INLINE int16_t pkn_clip_i16(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32767 ? -32767 : x);
}

/* The largest |x[i]|. Blocks of constant length are what gcc's -O2 makes vectors of. */
PKN_INLINE uint32_t pkn_magnitude_i16(const int16_t *x, size_t n) {
    enum { BLOCK = 32 };
    int16_t low[BLOCK] = {0}, high[BLOCK] = {0};
    int32_t min = 0, max = 0;
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (size_t j = 0; j < BLOCK; j++) {
            low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
            high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
        }
    }
    for (size_t j = 0; j < BLOCK; j++) {
        min = low[j] < min ? low[j] : min;
        max = high[j] > max ? high[j] : max;
    }
    for (; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
    }
    return (uint32_t)(max > -min ? max : -min);
}

/* Elements whose products a 32-bit lane can sum up, a multiple of lanes. Bytes: a step adds at most
   4 * 255 * 128 < 2^17 to a lane. 16 bits: at most 2 * 32768 times the query's largest magnitude,
   0 where that is too much at once. */
PKN_INLINE size_t pkn_dot_chunk_i8(const int8_t *query, size_t n, size_t lanes) {
    PKN_UNUSED(query);
    PKN_UNUSED(n);
    return ((size_t)1 << 13) * lanes;
}

PKN_INLINE size_t pkn_dot_chunk_i16(const int16_t *query, size_t n, size_t lanes) {
    uint32_t magnitude = pkn_magnitude_i16(query, n);
    uint32_t steps = magnitude < 32 ? 1024 : (uint32_t)INT32_MAX / (65536u * magnitude);
    return magnitude > 32767 ? 0 : (size_t)steps * lanes;
}

/* Defines pkn_dot_tile_<type>_<isa>, LANES elements a step, from
       pkn_dot_load_<type>_<isa>(const T *query, size_t n)           the first n <= LANES elements
       pkn_dot_step_<type>_<isa>(sum, query, const T *target, n)     sum + products, 32-bit lanes
       pkn_dot_sum_<isa>(sum)                                        the lanes' sum as int64_t
       pkn_dot_excess_<type>_<isa>(query, n)     what the steps give above the dot product
   and, for queries whose products don't fit, the scalar kernel. */
#define PKN_DEFINE_DOT_TILE(isa, type, T, vector, LANES, TARGET) \
    TARGET PKN_ALWAYS_INLINE void pkn_dot_4_##type##_##isa( \
        const T *query, const T *const *targets, size_t begin, size_t end, int64_t *sums) { \
        vector s0 = pkn_dot_zero_##isa(), s1 = s0, s2 = s0, s3 = s0; \
        for (size_t i = begin; i < end; i += (LANES)) { \
            size_t n = pkn_min_size(end - i, (LANES)); \
            vector q = pkn_dot_load_##type##_##isa(query + i, n); \
            s0 = pkn_dot_step_##type##_##isa(s0, q, targets[0] + i, n); \
            s1 = pkn_dot_step_##type##_##isa(s1, q, targets[1] + i, n); \
            s2 = pkn_dot_step_##type##_##isa(s2, q, targets[2] + i, n); \
            s3 = pkn_dot_step_##type##_##isa(s3, q, targets[3] + i, n); \
        } \
        sums[0] += pkn_dot_sum_##isa(s0); \
        sums[1] += pkn_dot_sum_##isa(s1); \
        sums[2] += pkn_dot_sum_##isa(s2); \
        sums[3] += pkn_dot_sum_##isa(s3); \
    } \
\
    TARGET PKN_INTERNAL void pkn_dot_tile_##type##_##isa( \
        const T *query, const T *targets, size_t n_targets, size_t n, int64_t *out) { \
        size_t chunk = pkn_dot_chunk_##type(query, n, (LANES)); \
        size_t whole = n / (LANES) * (LANES); \
        int64_t excess; \
        if (chunk == 0) { \
            pkn_dot_tile_##type##_scalar(query, targets, n_targets, n, out); \
            return; \
        } \
        excess = pkn_dot_excess_##type##_##isa(query, n); \
        for (size_t t = 0; t < n_targets; t += 4) { \
            size_t left = pkn_min_size(n_targets - t, 4); \
            const T *rows[4]; \
            int64_t sums[4]; \
            for (size_t k = 0; k < 4; k++) { \
                rows[k] = targets + (t + pkn_min_size(k, left - 1)) * n; \
                sums[k] = -excess; \
            } \
            for (size_t i = 0; i < whole; i += chunk) { \
                pkn_dot_4_##type##_##isa(query, rows, i, i + pkn_min_size(chunk, whole - i), \
                                         sums); \
            } \
            if (whole < n) { \
                pkn_dot_4_##type##_##isa(query, rows, whole, n, sums); \
            } \
            for (size_t k = 0; k < left; k++) { \
                out[t + k] = sums[k]; \
            } \
        } \
    }

#endif
/* ==== src/simd/integer_scalar.c, continued ==== */

/* out[i] = clip(a[i] * b[i]). out may be a or b. */
PKN_INTERNAL void pkn_multiply_i8_scalar(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i8(a[i] * b[i]);
    }
}

PKN_INTERNAL void pkn_multiply_i16_scalar(const int16_t *a, const int16_t *b, size_t n,
                                          int16_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i16(a[i] * b[i]);
    }
}

/* y[i] = clip(y[i] + x[i]). */
PKN_INTERNAL void pkn_add_saturated_i16_scalar(const int16_t *x, size_t n, int16_t *y) {
    for (size_t i = 0; i < n; i++) {
        y[i] = pkn_clip_i16(y[i] + x[i]);
    }
}

/* sums[i] += x[i], modulo 2^32. */
PKN_INTERNAL void pkn_accumulate_i8_scalar(const int8_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] = pkn_as_i32((uint32_t)sums[i] + (uint32_t)x[i]);
    }
}

PKN_INTERNAL void pkn_accumulate_i16_scalar(const int16_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] = pkn_as_i32((uint32_t)sums[i] + (uint32_t)x[i]);
    }
}

/* out[t] = the sum of query[i] * targets[t * n + i] over i < n, for t < n_targets. */
PKN_INTERNAL void pkn_dot_tile_i8_scalar(const int8_t *query, const int8_t *targets,
                                         size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_scalar(const int16_t *query, const int16_t *targets,
                                          size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/integer_avx2.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX2. Rests shorter than a register go to the scalar kernel.

   Dot products of 32 bytes: two sign extensions of the target, two multiply-adds, two adds (the
   query's extensions are shared by four targets), 6 to 7 operations; of 16 16-bit values: a
   multiply-add and an add. The clips of packs are to -128 and -32768, so a maximum goes before. */
#ifndef PKN_SIMD_INTEGER_AVX2_C
#define PKN_SIMD_INTEGER_AVX2_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i8x16_avx2(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i16x8_avx2(const int16_t *p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i32x8_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i8_avx2(const int8_t *a, const int8_t *b, size_t n,
                                                       int8_t *out) {
    const __m256i least = _mm256_set1_epi16(-127);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i product_i16x16 =
            _mm256_mullo_epi16(pkn_load_i8x16_avx2(a + i), pkn_load_i8x16_avx2(b + i));
        product_i16x16 = _mm256_max_epi16(product_i16x16, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi16(_mm256_castsi256_si128(product_i16x16),
                                         _mm256_extracti128_si256(product_i16x16, 1)));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i16_avx2(const int16_t *a, const int16_t *b,
                                                        size_t n, int16_t *out) {
    const __m256i least = _mm256_set1_epi32(-32767);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i product_i32x8 =
            _mm256_mullo_epi32(pkn_load_i16x8_avx2(a + i), pkn_load_i16x8_avx2(b + i));
        product_i32x8 = _mm256_max_epi32(product_i32x8, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi32(_mm256_castsi256_si128(product_i32x8),
                                         _mm256_extracti128_si256(product_i32x8, 1)));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_add_saturated_i16_avx2(const int16_t *x, size_t n,
                                                             int16_t *y) {
    const __m256i least = _mm256_set1_epi16(-32767);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i *place = (__m256i *)(void *)(y + i);
        __m256i sum_i16x16 = _mm256_adds_epi16(
            _mm256_loadu_si256(place), _mm256_loadu_si256((const __m256i *)(const void *)(x + i)));
        _mm256_storeu_si256(place, _mm256_max_epi16(sum_i16x16, least));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i8_avx2(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i x_i32x8 =
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(x + i)));
        _mm256_storeu_si256((__m256i *)(void *)(sums + i),
                            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), x_i32x8));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i16_avx2(const int16_t *x, size_t n,
                                                          int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_si256(
            (__m256i *)(void *)(sums + i),
            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), pkn_load_i16x8_avx2(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_zero_avx2(void) {
    return _mm256_setzero_si256();
}

/* Rests come from a padded copy. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i8_avx2(const int8_t *p, size_t n) {
    int8_t rest[16] = {0};
    if (n == 16) {
        return pkn_load_i8x16_avx2(p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return pkn_load_i8x16_avx2(rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i16_avx2(const int16_t *p, size_t n) {
    int16_t rest[16] = {0};
    if (n == 16) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i8_avx2(__m256i sum, __m256i query,
                                                               const int8_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i8_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i16_avx2(__m256i sum, __m256i query,
                                                                const int16_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i16_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 int64_t pkn_dot_sum_avx2(__m256i sum) {
    __m256i sum_i64x4 = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)),
                                         _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1)));
    __m128i sum_i64x2 =
        _mm_add_epi64(_mm256_castsi256_si128(sum_i64x4), _mm256_extracti128_si256(sum_i64x4, 1));
    return _mm_cvtsi128_si64(_mm_add_epi64(sum_i64x2, _mm_unpackhi_epi64(sum_i64x2, sum_i64x2)));
}

#define pkn_dot_excess_i8_avx2(query, n) 0
#define pkn_dot_excess_i16_avx2(query, n) 0

PKN_DEFINE_DOT_TILE(avx2, i8, int8_t, __m256i, 16, PKN_TARGET_AVX2)
PKN_DEFINE_DOT_TILE(avx2, i16, int16_t, __m256i, 16, PKN_TARGET_AVX2)

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/integer_avx512.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX-512 (F, BW, VL, DQ). Rests shorter than a register are masked. The
   operations are those of AVX2, on twice the lanes. */
#ifndef PKN_SIMD_INTEGER_AVX512_C
#define PKN_SIMD_INTEGER_AVX512_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 32, or all. */
PKN_ALWAYS_INLINE __mmask32 pkn_first_lanes_x32(size_t n) {
    return (__mmask32)(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
}

PKN_ALWAYS_INLINE __mmask16 pkn_first_lanes_x16(size_t n) {
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i8_avx512(const int8_t *a, const int8_t *b,
                                                           size_t n, int8_t *out) {
    const __m512i least = _mm512_set1_epi16(-127);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i product_i16x32 =
            _mm512_mullo_epi16(_mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, a + i)),
                               _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, b + i)));
        product_i16x32 = _mm512_max_epi16(product_i16x32, least);
        _mm256_mask_storeu_epi8(out + i, mask, _mm512_cvtsepi16_epi8(product_i16x32));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i16_avx512(const int16_t *a, const int16_t *b,
                                                            size_t n, int16_t *out) {
    const __m512i least = _mm512_set1_epi32(-32767);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i product_i32x16 =
            _mm512_mullo_epi32(_mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, a + i)),
                               _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, b + i)));
        product_i32x16 = _mm512_max_epi32(product_i32x16, least);
        _mm256_mask_storeu_epi16(out + i, mask, _mm512_cvtsepi32_epi16(product_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_add_saturated_i16_avx512(const int16_t *x, size_t n,
                                                                 int16_t *y) {
    const __m512i least = _mm512_set1_epi16(-32767);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i sum_i16x32 = _mm512_adds_epi16(_mm512_maskz_loadu_epi16(mask, y + i),
                                               _mm512_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi16(y + i, mask, _mm512_max_epi16(sum_i16x32, least));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i8_avx512(const int8_t *x, size_t n,
                                                             int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask, _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i16_avx512(const int16_t *x, size_t n,
                                                              int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask, _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_zero_avx512(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i8_avx512(const int8_t *p, size_t n) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(pkn_first_lanes_x32(n), p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i16_avx512(const int16_t *p, size_t n) {
    return _mm512_maskz_loadu_epi16(pkn_first_lanes_x32(n), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i8_avx512(__m512i sum, __m512i query,
                                                                   const int8_t *target, size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i8_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i16_avx512(__m512i sum, __m512i query,
                                                                    const int16_t *target,
                                                                    size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i16_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 int64_t pkn_dot_sum_avx512(__m512i sum) {
    return _mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)),
                         _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1))));
}

#define pkn_dot_excess_i8_avx512(query, n) 0
#define pkn_dot_excess_i16_avx512(query, n) 0

PKN_DEFINE_DOT_TILE(avx512, i8, int8_t, __m512i, 32, PKN_TARGET_AVX512)
PKN_DEFINE_DOT_TILE(avx512, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/integer_vnni.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Dot products by the instructions made for them: VNNI, in its AVX-512 and its AVX encoding.

   VPDPBUSD adds four products of an unsigned and a signed byte to a 32-bit lane. The targets are
   made unsigned by adding 128 (a xor), which gives 128 times the sum of the query too much; that
   sum is taken once a query. A step of a target is a load, a xor and a VPDPBUSD, 64 bytes (32) at a
   time, half of what AVX2 needs for 16. VPDPWSSD is a multiply-add and an add in one. */
#ifndef PKN_SIMD_INTEGER_VNNI_C
#define PKN_SIMD_INTEGER_VNNI_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_avx2.c": above */
/* #include "simd/integer_avx512.c": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* ---- 512 bits */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_zero_avx512_vnni(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i8_avx512_vnni(const int8_t *p,
                                                                             size_t n) {
    return n == 64 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi8((__mmask64)((UINT64_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i16_avx512_vnni(const int16_t *p,
                                                                              size_t n) {
    return n == 32 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi16((__mmask32)((UINT32_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_step_i8_avx512_vnni(__m512i sum,
                                                                             __m512i query,
                                                                             const int8_t *target,
                                                                             size_t n) {
    __m512i target_u8x64 =
        _mm512_xor_si512(pkn_dot_load_i8_avx512_vnni(target, n), _mm512_set1_epi8(-128));
    return _mm512_dpbusd_epi32(sum, target_u8x64, query);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_step_i16_avx512_vnni(__m512i sum,
                                                                              __m512i query,
                                                                              const int16_t *target,
                                                                              size_t n) {
    return _mm512_dpwssd_epi32(sum, query, pkn_dot_load_i16_avx512_vnni(target, n));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_sum_avx512_vnni(__m512i sum) {
    return pkn_dot_sum_avx512(sum);
}

/* 128 times the sum of the query. Its bytes plus 128 are summed up; a rest's padding adds 128 each. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_excess_i8_avx512_vnni(const int8_t *query,
                                                                               size_t n) {
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    __m512i sum_u64x8 = zero;
    size_t i = 0;
    for (; i < n; i += 64) {
        __m512i query_i8x64 = pkn_dot_load_i8_avx512_vnni(query + i, pkn_min_size(n - i, 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8,
                                     _mm512_sad_epu8(_mm512_xor_si512(query_i8x64, offset), zero));
    }
    return (_mm512_reduce_add_epi64(sum_u64x8) - (int64_t)i * 128) * 128;
}

#define pkn_dot_excess_i16_avx512_vnni(query, n) 0

PKN_DEFINE_DOT_TILE(avx512_vnni, i8, int8_t, __m512i, 64, PKN_TARGET_AVX512_VNNI)
PKN_DEFINE_DOT_TILE(avx512_vnni, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512_VNNI)

/* ---- 256 bits. A macro over the two intrinsics, so that a CPU with either encoding can test it. */

#define PKN_DEFINE_DOT_TILES_256(isa, TARGET, dpbusd, dpwssd) \
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_zero_##isa(void) { \
        return _mm256_setzero_si256(); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i8_##isa(const int8_t *p, size_t n) { \
        int8_t rest[32] = {0}; \
        if (n == 32) { \
            return _mm256_loadu_si256((const __m256i *)(const void *)p); \
        } \
        for (size_t i = 0; i < n; i++) { \
            rest[i] = p[i]; \
        } \
        return _mm256_loadu_si256((const __m256i *)(const void *)rest); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i16_##isa(const int16_t *p, size_t n) { \
        return pkn_dot_load_i16_avx2(p, n); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i8_##isa(__m256i sum, __m256i query, \
                                                           const int8_t *target, size_t n) { \
        __m256i target_u8x32 = \
            _mm256_xor_si256(pkn_dot_load_i8_##isa(target, n), _mm256_set1_epi8(-128)); \
        return dpbusd(sum, target_u8x32, query); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i16_##isa(__m256i sum, __m256i query, \
                                                            const int16_t *target, size_t n) { \
        return dpwssd(sum, query, pkn_dot_load_i16_avx2(target, n)); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_sum_##isa(__m256i sum) { \
        return pkn_dot_sum_avx2(sum); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_excess_i8_##isa(const int8_t *query, size_t n) { \
        const __m256i zero = _mm256_setzero_si256(), offset = _mm256_set1_epi8(-128); \
        __m256i sum_u64x4 = zero; \
        __m128i sum_u64x2; \
        size_t i = 0; \
        for (; i < n; i += 32) { \
            __m256i query_i8x32 = pkn_dot_load_i8_##isa(query + i, pkn_min_size(n - i, 32)); \
            sum_u64x4 = _mm256_add_epi64( \
                sum_u64x4, _mm256_sad_epu8(_mm256_xor_si256(query_i8x32, offset), zero)); \
        } \
        sum_u64x2 = _mm_add_epi64(_mm256_castsi256_si128(sum_u64x4), \
                                  _mm256_extracti128_si256(sum_u64x4, 1)); \
        sum_u64x2 = _mm_add_epi64(sum_u64x2, _mm_unpackhi_epi64(sum_u64x2, sum_u64x2)); \
        return (_mm_cvtsi128_si64(sum_u64x2) - (int64_t)i * 128) * 128; \
    } \
\
    PKN_DEFINE_DOT_TILE(isa, i8, int8_t, __m256i, 32, TARGET) \
    PKN_DEFINE_DOT_TILE(isa, i16, int16_t, __m256i, 16, TARGET)

#define pkn_dot_excess_i16_avx2_vnni(query, n) 0

PKN_DEFINE_DOT_TILES_256(avx2_vnni, PKN_TARGET_AVX2_VNNI, _mm256_dpbusd_avx_epi32,
                         _mm256_dpwssd_avx_epi32)

PKN_AVX512_END
#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/integer_neon.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of NEON. Rests shorter than a register go to the scalar kernel, those of dot
   products through a padded copy. 16-bit products are added pairwise into 64-bit lanes, so that no
   magnitude is too much. */
#ifndef PKN_SIMD_INTEGER_NEON_C
#define PKN_SIMD_INTEGER_NEON_C

/* #include "simd/integer.h": above */
/* #include "simd/integer_scalar.c": above */

#if PKN_ARCH_ARM64

PKN_INTERNAL void pkn_multiply_i8_neon(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t product = vmaxq_s16(vmull_s8(vld1_s8(a + i), vld1_s8(b + i)), vdupq_n_s16(-127));
        vst1_s8(out + i, vqmovn_s16(product));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_multiply_i16_neon(const int16_t *a, const int16_t *b, size_t n,
                                        int16_t *out) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        int32x4_t product =
            vmaxq_s32(vmull_s16(vld1_s16(a + i), vld1_s16(b + i)), vdupq_n_s32(-32767));
        vst1_s16(out + i, vqmovn_s32(product));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL void pkn_add_saturated_i16_neon(const int16_t *x, size_t n, int16_t *y) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        vst1q_s16(y + i,
                  vmaxq_s16(vqaddq_s16(vld1q_s16(y + i), vld1q_s16(x + i)), vdupq_n_s16(-32767)));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL void pkn_accumulate_i8_neon(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x8_t wide = vmovl_s8(vld1_s8(x + i));
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vget_low_s16(wide)));
        vst1q_s32(sums + i + 4, vaddw_s16(vld1q_s32(sums + i + 4), vget_high_s16(wide)));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_accumulate_i16_neon(const int16_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vst1q_s32(sums + i, vaddw_s16(vld1q_s32(sums + i), vld1_s16(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL void pkn_dot_tile_i8_neon(const int8_t *query, const int8_t *targets, size_t n_targets,
                                       size_t n, int64_t *out) {
    enum { CHUNK = 1 << 16 }; /* a lane adds 4 products of at most 2^14 a step: 2^28 */
    for (size_t t = 0; t < n_targets; t++) {
        const int8_t *target = targets + t * n;
        int64_t rest;
        size_t i = 0;
        out[t] = 0;
        while (i + 16 <= n) {
            size_t end = i + pkn_min_size((n - i) / 16 * 16, CHUNK);
            int32x4_t sum = vdupq_n_s32(0);
            for (; i < end; i += 16) {
                int8x16_t q = vld1q_s8(query + i), x = vld1q_s8(target + i);
                sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(q), vget_low_s8(x)));
                sum = vpadalq_s16(sum, vmull_high_s8(q, x));
            }
            out[t] += vaddlvq_s32(sum);
        }
        pkn_dot_tile_i8_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] += rest;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_neon(const int16_t *query, const int16_t *targets,
                                        size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        const int16_t *target = targets + t * n;
        int64x2_t sum = vdupq_n_s64(0);
        int64_t rest;
        size_t i = 0;
        for (; i + 8 <= n; i += 8) {
            int16x8_t q = vld1q_s16(query + i), x = vld1q_s16(target + i);
            sum = vpadalq_s32(sum, vmull_s16(vget_low_s16(q), vget_low_s16(x)));
            sum = vpadalq_s32(sum, vmull_high_s16(q, x));
        }
        pkn_dot_tile_i16_scalar(query + i, target + i, 1, n - i, &rest);
        out[t] = vaddvq_s64(sum) + rest;
    }
}

#endif

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/dispatch.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tables of the instruction sets, the choice between them, and the public functions that go
   through it. */
#ifndef PKN_SIMD_DISPATCH_C
#define PKN_SIMD_DISPATCH_C

/* #include "base/platform.h": above */
/* #include "simd/bits_avx2.c": above */
/* #include "simd/bits_avx512.c": above */
/* #include "simd/bits_avx512_vpopcnt.c": above */
/* #include "simd/bits_neon.c": above */
/* #include "simd/bits_popcnt.c": above */
/* #include "simd/bits_scalar.c": above */
/* #include "simd/counters_avx2.c": above */
/* #include "simd/counters_avx512.c": above */
/* #include "simd/counters_scalar.c": above */
/* #include "simd/cpu.c": above */
/* ==== src/simd/dispatch.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The kernel table in use. Layers above call kernels through it: pkn_simd()->hamming_u64(a, b,
   words). */
#ifndef PKN_SIMD_DISPATCH_H
#define PKN_SIMD_DISPATCH_H

/* ==== src/base/atomic.h ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Atomic words. The type keeps plain accesses out, the call's name carries the memory order. The compilers' builtins serve C99 to C23
   and C++ alike, with one layout in all of them, so there is no second path through <stdatomic.h>.
   An explorer or a sanitizer replaces this file's functions and sees every access of the library. */
#ifndef PKN_BASE_ATOMIC_H
#define PKN_BASE_ATOMIC_H

/* #include "base/compiler.h": above */

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
/* ==== src/simd/dispatch.h, continued ==== */
/* #include "base/compiler.h": above */
/* #include "simd/kernels.h": above */

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
/* ==== src/simd/dispatch.c, continued ==== */
/* #include "simd/float_avx2.c": above */
/* #include "simd/float_avx512.c": above */
/* #include "simd/float_neon.c": above */
/* #include "simd/float_scalar.c": above */
/* #include "simd/integer_avx2.c": above */
/* #include "simd/integer_avx512.c": above */
/* #include "simd/integer_neon.c": above */
/* #include "simd/integer_scalar.c": above */
/* #include "simd/integer_vnni.c": above */
/* #include "simd/kernels.h": above */
/* #include "simd/levels_avx2.c": above */
/* #include "simd/levels_avx512.c": above */
/* #include "simd/levels_neon.c": above */
/* #include "simd/levels_scalar.c": above */
/* #include "simd/majority_avx2.c": above */
/* #include "simd/majority_avx512.c": above */
/* #include "simd/majority_neon.c": above */
/* #include "simd/majority_scalar.c": above */
/* #include "simd/simd.h": above */
/* #include "simd/terms_avx2.c": above */
/* #include "simd/terms_avx512.c": above */
/* #include "simd/terms_neon.c": above */
/* #include "simd/terms_scalar.c": above */
/* #include "simd/tile_avx2.c": above */
/* #include "simd/tile_avx512.c": above */
/* #include "simd/tile_avx512_vpopcnt.c": above */
/* #include "simd/tile_neon.c": above */
/* #include "simd/tile_popcnt.c": above */
/* #include "simd/tile_scalar.c": above */
/* #include "simd/weights_avx2.c": above */
/* #include "simd/weights_avx512.c": above */
/* #include "simd/weights_neon.c": above */
/* #include "simd/weights_scalar.c": above */

#define PKN_SIMD_USE_SCALAR(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_POPCNT(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##popcnt,
#define PKN_SIMD_USE_AVX2(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_AVX512(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_AVX512_VPOPCNT(name, result, parameters, popcnt, avx2, avx512, \
                                    avx512_vpopcnt, neon) \
    pkn_##name##_##avx512_vpopcnt,
#define PKN_SIMD_USE_NEON(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##neon,

#define PKN_SIMD_USE_VNNI_SCALAR(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_VNNI_AVX2(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_VNNI_AVX2_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                    avx512_vnni, neon) \
    pkn_##name##_##avx2_vnni,
#define PKN_SIMD_USE_VNNI_AVX512(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_VNNI_AVX512_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                      avx512_vnni, neon) \
    pkn_##name##_##avx512_vnni,
#define PKN_SIMD_USE_VNNI_NEON(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##neon,

#define PKN_CPU_NEEDS_AVX2 (PKN_CPU_AVX2 | PKN_CPU_POPCNT)
#define PKN_CPU_NEEDS_AVX512 \
    (PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVX512F | PKN_CPU_AVX512BW | PKN_CPU_AVX512VL | PKN_CPU_AVX512DQ)

static const pkn_simd_set pkn_simd_all_sets[] = {
#if PKN_ARCH_X86
    /* no CPU has VPOPCNTDQ and BW without VNNI */
    {"avx512_vpopcnt",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VPOPCNTDQ | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512_VPOPCNT)
          PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_vnni",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_base",
     "avx512",
     PKN_CPU_NEEDS_AVX512,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512)}},
    {"avx2_vnni",
     "avx2_vnni",
     PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVXVNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2_VNNI)}},
    {"avx2",
     "avx2",
     PKN_CPU_NEEDS_AVX2,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2)}},
    {"popcnt",
     "popcnt",
     PKN_CPU_POPCNT,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_POPCNT) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
#elif PKN_ARCH_ARM64
    {"neon",
     "neon",
     PKN_CPU_NEON,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_NEON) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_NEON)}},
#endif
    {"scalar",
     "scalar",
     0,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_SCALAR) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
};

PKN_INTERNAL const pkn_simd_set *pkn_simd_sets(size_t *n_sets) {
    *n_sets = sizeof pkn_simd_all_sets / sizeof pkn_simd_all_sets[0];
    return pkn_simd_all_sets;
}

PKN_INTERNAL const pkn_simd_set *pkn_simd_choose(uint32_t features, const char *wanted) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    const pkn_simd_set *best = 0;
    for (size_t i = 0; i < n_sets; i++) {
        if ((sets[i].features & ~features) != 0) {
            continue;
        }
        if (wanted && (strcmp(wanted, sets[i].name) == 0 || strcmp(wanted, sets[i].family) == 0)) {
            return &sets[i];
        }
        if (!best) {
            best = &sets[i];
        }
    }
    return best;
}

PKN_INTERNAL PKN_COLD const pkn_simd_set *pkn_simd_resolve(void) {
    const pkn_simd_set *set = pkn_simd_choose(pkn_cpu_features(), getenv("PKERN_ISA"));
    void *value;
    memcpy(&value, &set, sizeof value);
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, value);
    return set;
}

PKERN_API const char *pkern_simd_isa(void) {
    return pkn_simd_current()->name;
}

PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->xor_u64(a, b, words, out);
}

PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->and_u64(a, b, words, out);
}

PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                 uint64_t *out) {
    pkn_simd()->or_u64(a, b, words, out);
}

PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out) {
    pkn_simd()->not_u64(a, words, out);
}

PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words) {
    return pkn_simd()->popcount_u64(a, words);
}

PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words) {
    return pkn_simd()->hamming_u64(a, b, words);
}

PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out) {
    pkn_simd()->majority_u64(rows, n_rows, stride_words, words, out);
}

#define PKN_DEFINE_SIMD_FLOAT(suffix, type) \
    PKERN_API void pkern_simd_add_##suffix(const type *a, const type *b, size_t n, type *out) { \
        pkn_simd()->add_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_multiply_##suffix(const type *a, const type *b, size_t n, \
                                                type *out) { \
        pkn_simd()->multiply_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_sqrt_##suffix(const type *a, size_t n, type *out) { \
        pkn_simd()->sqrt_##suffix(a, n, out); \
    } \
    PKERN_API void pkern_simd_axpy_##suffix(type alpha, const type *x, size_t n, type *y) { \
        pkn_simd()->axpy_##suffix(alpha, x, n, y); \
    } \
    PKERN_API type pkern_simd_sum_##suffix(const type *x, size_t n) { \
        return pkn_simd()->sum_##suffix(x, n); \
    } \
    PKERN_API type pkern_simd_dot_##suffix(const type *x, const type *y, size_t n) { \
        return pkn_simd()->dot_##suffix(x, y, n); \
    }

PKN_DEFINE_SIMD_FLOAT(f32, float)
PKN_DEFINE_SIMD_FLOAT(f64, double)

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
/* ==== src/simd/rotate.c ==== */
/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation in place. Short vectors go through a copy on the stack; in long ones the bits are
   shifted within the words first, then the words change places block by block, so no memory is
   allocated. */
#ifndef PKN_SIMD_ROTATE_C
#define PKN_SIMD_ROTATE_C

/* #include "base/bits.h": above */
/* #include "base/platform.h": above */
/* #include "simd/dispatch.h": above */
/* #include "simd/rotate.h": above */
/* #include "simd/simd.h": above */

/* 1 KiB of stack: up to 8,192 bits are rotated by copy and one pass. */
#define PKN_ROTATE_BUFFER_WORDS 128

PKN_INTERNAL void pkn_swap_words(uint64_t *a, uint64_t *b, size_t words, uint64_t *buffer) {
    while (words > 0) {
        size_t n = pkn_min_size(words, PKN_ROTATE_BUFFER_WORDS);
        memcpy(buffer, a, n * 8);
        memcpy(a, b, n * 8);
        memcpy(b, buffer, n * 8);
        a += n;
        b += n;
        words -= n;
    }
}

/* [low high] becomes [high low]. While both are long, the shorter one is swapped to its place
   against an equal part of the other, which leaves a smaller problem of the same kind (Gries and
   Mills). */
PKN_INTERNAL void pkn_exchange_blocks(uint64_t *words, size_t n_low, size_t n_high,
                                      uint64_t *buffer) {
    while (pkn_min_size(n_low, n_high) > PKN_ROTATE_BUFFER_WORDS) {
        if (n_low <= n_high) {
            pkn_swap_words(words, words + n_low, n_low, buffer);
            words += n_low;
            n_high -= n_low;
        } else {
            n_low -= n_high;
            pkn_swap_words(words + n_low, words + n_low + n_high, n_high, buffer);
        }
    }
    if (n_low <= n_high) {
        memcpy(buffer, words, n_low * 8);
        memmove(words, words + n_low, n_high * 8);
        memcpy(words + n_high, buffer, n_low * 8);
    } else {
        memcpy(buffer, words + n_low, n_high * 8);
        memmove(words + n_high, words, n_low * 8);
        memcpy(words, buffer, n_high * 8);
    }
}

PKERN_API void pkern_simd_rotate_u64(const uint64_t *in, size_t words, int64_t shift,
                                     uint64_t *out) {
    const pkn_simd_kernels *kernels = pkn_simd();
    uint64_t buffer[PKN_ROTATE_BUFFER_WORDS];
    pkn_rotation rotation;
    if (words == 0) {
        return;
    }
    if (in != out) {
        kernels->rotate_u64(in, words, shift, out);
        return;
    }
    if (words <= PKN_ROTATE_BUFFER_WORDS) {
        kernels->rotate_u64(in, words, shift, buffer);
        memcpy(out, buffer, words * 8);
        return;
    }
    rotation = pkn_rotation_of(in, words, shift);
    if (rotation.bits != 0) {
        kernels->rotate_u64(in, words, (int64_t)rotation.bits, out);
    }
    if (rotation.n_high != 0) {
        pkn_exchange_blocks(out, words - rotation.n_high, rotation.n_high, buffer);
    }
}

#endif
/* ==== src/pkern_simd.in.h, continued ==== */
#endif
