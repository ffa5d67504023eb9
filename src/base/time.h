/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Two clocks: nanoseconds of the system's monotonic clock, and ticks of the core's own counter where it has one. */
#ifndef PKN_BASE_TIME_H
#define PKN_BASE_TIME_H

#include "base/platform.h"

PKN_INLINE uint64_t pkn_now_ns(void) {
#if PKN_THREADS
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
#else
    return (uint64_t)clock() * (UINT64_C(1000000000) / CLOCKS_PER_SEC); /* all that a target without POSIX must have */
#endif
}

/* Constant-rate ticks; pkn_ticks_per_ns of the pool converts. Elsewhere a tick is a nanosecond. */
PKN_INLINE uint64_t pkn_ticks(void) {
#if PKN_ARCH_X86
    return __builtin_ia32_rdtsc();
#elif PKN_ARCH_ARM64
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return pkn_now_ns();
#endif
}

#endif
