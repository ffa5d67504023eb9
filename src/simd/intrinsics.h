/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The compilers' intrinsics, included from here alone, and the target features that each
   instruction set's functions carry. */
#ifndef PKN_SIMD_INTRINSICS_H
#define PKN_SIMD_INTRINSICS_H

#include "base/compiler.h"

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
