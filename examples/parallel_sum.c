/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/parallel_sum.c -o parallel_sum -pthread && ./parallel_sum */
/*
 * A sum of floating-point numbers that is the same to the last bit on any number of threads. Where the terms are cut
 * depends on their number alone, and the parts are added in their order, whichever thread made them.
 */
#include <stdio.h>
#include <string.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

enum { N_TERMS = 20000000 };

static void zero(void *sum, void *ctx) {
    (void)ctx;
    *(double *)sum = 0;
}

static int add_terms(void *sum, size_t begin, size_t end, void *ctx) {
    double part = 0;
    (void)ctx;
    for (size_t i = begin; i < end; i++) part += 1.0 / ((double)(i + 1) * (double)(i + 1));
    *(double *)sum += part;
    return 0;
}

static void add_sums(void *sum, const void *right, void *ctx) {
    (void)ctx;
    *(double *)sum += *(const double *)right;
}

int main(void) {
    pkern_reducer reducer = {sizeof(double), zero, add_terms, add_sums, 0};
    double first = 0;
    for (int threads = 1; threads <= 4; threads++) {
        pkern_pool_config config = {0};
        pkern_pool *pool;
        pkern_status status;
        double sum;
        config.num_threads = threads;
        status = pkern_pool_create(&config, &pool);
        if (status == PKERN_OK) status = pkern_par_reduce(pool, 0, N_TERMS, 0, &reducer, &sum);
        if (status != PKERN_OK) {
            fprintf(stderr, "parallel_sum: %s\n", pkern_status_text(status));
            return 1;
        }
        pkern_pool_destroy(pool);
        first = threads == 1 ? sum : first;
        printf("%d threads: %.17g, %s\n", threads, sum,
               memcmp(&sum, &first, sizeof sum) ? "DIFFERENT" : "the same bits");
        if (memcmp(&sum, &first, sizeof sum) != 0) return 1;
    }
    return 0;
}
