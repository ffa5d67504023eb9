/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Fibonacci as a plain function and as a typed join task, under the same rules: neither is inlined into itself, copied
 * for known arguments, or turned into a loop (-fno-optimize-sibling-calls). The Makefile builds this file once with
 * each compiler that is there, as FORK_TYPED.
 */
#include "fork_typed.h"

FORK_NOINLINE static uint64_t fib_plain(unsigned n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
    a = fib_plain(n - 1);
    b = fib_plain(n - 2);
    return a + b;
}

FORK_NOINLINE static uint64_t fib_typed_task(pkn_slot *pkern_end, unsigned n);
FORK_NOINLINE static uint64_t fib_typed_in_line(uint32_t pkern_in_line, unsigned n);
FORK_NOINLINE static uint64_t fib_typed_inside(uint32_t pkern_in_line, unsigned n);
FORK_NOINLINE static uint64_t fib_typed_innermost(uint32_t pkern_in_line, unsigned n);

PKERN_DEFINE_JOIN_TASK_1(uint64_t, fib_typed, unsigned, n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(fib_typed, n - 1), b, fib_typed, n - 2);
    return a + b;
}

FORK_NOINLINE static int call_both(pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    int a_status = a(a_ctx), b_status = b(b_ctx);
    return a_status != 0 ? a_status : b_status;
}

const fork_typed FORK_TYPED = {"fib_35_" FORK_COMPILER, "fib_25_" FORK_COMPILER, fib_plain,
                               fib_typed, call_both};
