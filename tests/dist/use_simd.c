/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_simd.h in the common part of C99 and C++11: a program, or a part of use_pool.c's. */
#include <stdio.h>

#include "pkern_simd.h"

#ifdef __cplusplus
extern "C"
#endif
int use_simd(void);

int use_simd(void) {
    uint64_t a[5], b[5];
    size_t   i;
    for (i = 0; i < 5; i++) {
        a[i] = (uint64_t)i;
        b[i] = ~(uint64_t)i;
    }
    return pkern_simd_hamming_u64(a, b, 5) != 320;
}

#ifndef WITH_POOL
int main(void) {
    puts(pkern_simd_isa());
    return use_simd();
}
#endif
