/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* CPUID and XGETBV, read once by the dispatcher. */
#ifndef PKN_SIMD_CPU_C
#define PKN_SIMD_CPU_C

#include "simd/cpu.h"
#include "simd/intrinsics.h"

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
