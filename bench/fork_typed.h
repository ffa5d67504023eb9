/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The parts of bench_fork.c that are built once by each compiler; see fork_typed.c and fork_tree.c. */
#ifndef BENCH_FORK_TYPED_H
#define BENCH_FORK_TYPED_H

#include "peers/peer.h"
#include "pkern.h"

#if defined(__clang__)
#define FORK_COMPILER "clang"
#define FORK_NOINLINE __attribute__((noinline))
#else
#define FORK_COMPILER "gcc"
#define FORK_NOINLINE __attribute__((noinline, noclone))
#endif

typedef struct fork_typed {
    const char *fib_case, *fib_case_quick;
    uint64_t (*fib_plain)(unsigned n);
    uint64_t (*fib)(pkern_pool *pool, unsigned n);
    int (*call_both)(pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);
} fork_typed;

typedef struct fork_tree {
    uint64_t (*sum)(const peer_node *node);
    uint64_t (*sum_by_calls)(const peer_node *node);
    uint64_t (*typed)(pkern_pool *pool, const peer_node *node);
} fork_tree;

/* Weak: what is not linked in has address 0. */
extern const fork_typed fork_typed_gcc __attribute__((weak));
extern const fork_typed fork_typed_clang __attribute__((weak));
extern const fork_tree fork_tree_gcc __attribute__((weak));
extern const fork_tree fork_tree_clang __attribute__((weak));

#endif /* BENCH_FORK_TYPED_H */
