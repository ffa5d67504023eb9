/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the CPU can do, as named bits. One pass of CPUID and XGETBV; on 64-bit ARM, NEON is part of
   the architecture. */
#ifndef PKN_SIMD_CPU_H
#define PKN_SIMD_CPU_H

#include "base/compiler.h"

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
