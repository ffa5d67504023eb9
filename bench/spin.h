/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Work of a chosen length: a chain of dependent multiplications, whose speed no thread changes for another. */
#ifndef BENCH_SPIN_H
#define BENCH_SPIN_H

#include <stddef.h>
#include <stdint.h>

static double spin_steps_per_ns;

__attribute__((noinline)) static uint64_t spin_steps(uint64_t x, size_t steps) {
    for (size_t i = 0; i < steps; i++) {
        x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) + 1;
    }
    return x;
}

static void spin_init(void) {
    double best = 1e18;
    volatile uint64_t sink = 1;
    for (int i = 0; i < 20; i++) {
        double start = bench_now(), spent;
        sink = spin_steps(sink, 10000);
        spent = bench_now() - start - bench.now_ns;
        best = spent < best ? spent : best;
    }
    spin_steps_per_ns = 10000.0 / best;
}

#endif /* BENCH_SPIN_H */
