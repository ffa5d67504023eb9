/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The parts of bench_fork.c that are built once by each compiler; see fork_typed.c. */
#ifndef BENCH_FORK_TYPED_H
#define BENCH_FORK_TYPED_H

#include "pkern.h"

typedef struct fork_typed {
    const char *fib_case, *fib_case_quick;
    uint64_t (*fib_plain)(unsigned n);
    uint64_t (*fib)(pkern_pool *pool, unsigned n);
    int (*call_both)(pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);
} fork_typed;

/* Weak: what is not linked in has address 0. */
extern const fork_typed fork_typed_gcc __attribute__((weak));
extern const fork_typed fork_typed_clang __attribute__((weak));

#endif /* BENCH_FORK_TYPED_H */
