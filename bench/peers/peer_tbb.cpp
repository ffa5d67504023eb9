/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Peer: oneTBB, parallel_for with its default (automatic) partitioner inside an arena of the asked-for size.
 */
#include "peer.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>

#include <functional>

namespace tbb1 = oneapi::tbb;

static tbb1::task_arena *arena;
static int arena_threads = 1;

extern "C" int peer_open(int threads) {
    static tbb1::global_control limit(tbb1::global_control::max_allowed_parallelism,
                                      (size_t)threads);
    /* its waits take other tasks on top, and UTS T3 overflows a worker's 4 MB */
    static tbb1::global_control stack(tbb1::global_control::thread_stack_size, (size_t)256 << 20);
    static tbb1::task_arena made(threads);
    arena = &made;
    arena_threads = threads;
    return 0;
}

extern "C" const char *peer_name(void) {
    return "oneTBB";
}

extern "C" const char *peer_version(void) {
    return "oneTBB " TBB_VERSION_STRING ", automatic partitioner";
}

extern "C" void peer_loop(size_t n, peer_range_fn body, void *ctx) {
    arena->execute([=] {
        tbb1::parallel_for(
            tbb1::blocked_range<size_t>(0, n),
            [=](const tbb1::blocked_range<size_t> &r) { body(r.begin(), r.end(), ctx); });
    });
}

extern "C" void peer_items(size_t n, peer_range_fn body, void *ctx) {
    peer_loop(n, body, ctx);
}

extern "C" double peer_sum(size_t n, peer_fold_fn fold, void *ctx) {
    return arena->execute([=] {
        return tbb1::parallel_reduce(
            tbb1::blocked_range<size_t>(0, n), 0.0,
            [=](const tbb1::blocked_range<size_t> &r, double acc) {
                return acc + fold(r.begin(), r.end(), ctx);
            },
            std::plus<double>());
    });
}

extern "C" void peer_join(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx) {
    arena->execute([=] { tbb1::parallel_invoke([=] { a(a_ctx); }, [=] { b(b_ctx); }); });
}

extern "C" void peer_spawn(peer_task_fn fn, void *ctx) {
    arena->enqueue([=] { fn(ctx); });
}

extern "C" void peer_fork(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx) {
    tbb1::parallel_invoke([=] { a(a_ctx); }, [=] { b(b_ctx); });
}

extern "C" void peer_inside(peer_task_fn fn, void *ctx) {
    arena->execute([=] { fn(ctx); });
}

static uint64_t fib_task(unsigned n) {
    if (n < 2) {
        return n;
    }
    uint64_t a, b;
    tbb1::parallel_invoke([&] { a = fib_task(n - 1); }, [&] { b = fib_task(n - 2); });
    return a + b;
}

extern "C" uint64_t peer_fib(unsigned n) {
    return arena->execute([=] { return fib_task(n); });
}

static uint64_t tree_task(const peer_node *node) {
    if (node->left == nullptr) {
        return node->value;
    }
    uint64_t left, right;
    tbb1::parallel_invoke([&] { left = tree_task(node->left); },
                          [&] { right = tree_task(node->right); });
    return node->value + left + right;
}

extern "C" uint64_t peer_tree(const peer_node *root) {
    return arena->execute([=] { return tree_task(root); });
}
