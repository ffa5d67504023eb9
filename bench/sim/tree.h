/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The trees that both the model and the real scheduler run: a task of n leaves splits into two until n is 1. */
#ifndef PKN_BENCH_SIM_TREE_H
#define PKN_BENCH_SIM_TREE_H

#include <math.h>
#include <stdint.h>

enum { SIM_UNIFORM, SIM_SKEWED, SIM_RANDOM, SIM_KINDS };
static const char *const sim_kind_name[SIM_KINDS] = {"uniform", "skewed", "random"};

typedef struct sim_task {
    uint64_t seed;
    uint32_t n;
    uint32_t kind;
} sim_task;

static inline uint64_t sim_hash(uint64_t x) { /* SplitMix64 */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* uniform: halves; skewed: a tenth and the rest; random: any cut */
static inline void sim_split(const sim_task *task, sim_task *first, sim_task *second) {
    uint64_t hash = sim_hash(task->seed);
    uint32_t n = task->n, cut = n / 2;
    if (task->kind == SIM_SKEWED) {
        cut = n / 10 + 1;
        cut = (hash & 1) != 0 ? cut : n - cut;
    } else if (task->kind == SIM_RANDOM) {
        cut = 1 + (uint32_t)(hash % (n - 1));
    }
    *first = *second = *task;
    first->n = cut;
    second->n = n - cut;
    first->seed = hash;
    second->seed = hash + 1;
}

/* How many leaf times a leaf takes: 1, and in random trees a heavy tail from 0.25 to 64 with a mean near 1. */
static inline double sim_leaf_factor(const sim_task *task) {
    if (task->kind != SIM_RANDOM) {
        return 1;
    }
    double uniform = ((double)(sim_hash(task->seed ^ 77) >> 11) + 1.0) / 9007199254740992.0;
    double factor = 0.42 / pow(uniform, 0.6);
    return factor > 64 ? 64 : factor;
}

#endif
