/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Built twice, with another LIBRARY each time: two libraries with a static copy of pkern each, and a program. */
#define PKERN_STATIC
#include "pkern.h"

#include <stdio.h>

static int add(size_t begin, size_t end, void *ctx) {
    size_t i;
    for (i = begin; i < end; i++) ((int *)ctx)[i] += 1;
    return 0;
}

#ifdef __cplusplus
extern "C" {
#endif
int library_a(void);
int library_b(void);
#ifdef __cplusplus
}
#endif

int LIBRARY(void) {
    static int numbers[1000];
    int        sum = 0, i;
    if (pkern_par_for(0, 0, 1000, 0, add, numbers)) return -1;
    for (i = 0; i < 1000; i++) sum += numbers[i];
    pkern_pool_global_shutdown();
    return sum;
}

#ifdef WITH_MAIN
int main(void) { return library_a() != 1000 || library_b() != 1000; }
#endif
