/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The compilers' intrinsics, included from here alone, and the target features that each instruction set's functions carry. */
#ifndef PKN_SIMD_INTRINSICS_H
#define PKN_SIMD_INTRINSICS_H

#include "base/compiler.h"

#if PKN_ARCH_X86
#include <cpuid.h>
#include <immintrin.h>
#endif
#if PKN_ARCH_ARM64
#include <arm_neon.h>
#endif

#define PKN_TARGET_AVX2 PKN_TARGET("avx2,popcnt")
#define PKN_TARGET_AVX512 PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq")
#define PKN_TARGET_AVX512_VPOPCNT PKN_TARGET("avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq")

#endif
