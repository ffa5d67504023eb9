/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/first.c -o first -pthread && ./first */
#include <stdio.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

static int square(size_t begin, size_t end, void *values) {
    for (size_t i = begin; i < end; i++) ((double *)values)[i] = (double)i * (double)i;
    return 0;
}

int main(void) {
    static double values[1000000];
    pkern_par_for(0, 0, 1000000, 0, square, values); /* on all cores */
    printf("%.0f\n", values[999999]);
    return 0;
}
