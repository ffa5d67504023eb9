/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The one interface of all peers. Each peer is a shared object with C functions of these names, opened by
 * bench/peers.h, so that every implementation runs in one process, in one interleaved run, on the kernels that
 * the bench hands over. A peer leaves out what it does not have; the bench then prints "-".
 *
 *   int         peer_open(int threads)       start the pool with that many threads; 0 is success
 *   const char *peer_name(void)              column in the table, without a comma
 *   const char *peer_version(void)           one line for the report
 *   void        peer_loop(n, body, ctx)      body over disjoint pieces of [0, n)
 *   double      peer_sum(n, fold, ctx)       the sum of fold over disjoint pieces of [0, n)
 *   void        peer_join(a, a_ctx, b, b_ctx)
 *   void        peer_items(n, body, ctx)     as peer_loop, in the way that suits items of unequal cost
 *   void        peer_broadcast(fn, ctx)      fn(i, ctx) once on each thread i
 *   void        peer_spawn(fn, ctx)          fn some time later on one of the pool's threads; returns at once
 *   void        peer_inside(fn, ctx)         fn on one of the pool's threads
 *   void        peer_fork(a, a_ctx, b, b_ctx)  as peer_join, at any depth inside peer_inside
 *   uint64_t    peer_fib(n)                  naive Fibonacci, one fork for each call with n >= 2
 *   uint64_t    peer_tree(root)              the sum over a tree, one fork for each node with children
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*peer_range_fn)(size_t begin, size_t end, void *ctx);
typedef double (*peer_fold_fn)(size_t begin, size_t end, void *ctx);
typedef void (*peer_task_fn)(void *ctx);
typedef void (*peer_index_fn)(int index, void *ctx);

/* A node has two children or none. */
typedef struct peer_node {
    uint64_t value;
    struct peer_node *left, *right;
} peer_node;

int peer_open(int threads);
const char *peer_name(void);
const char *peer_version(void);
void peer_loop(size_t n, peer_range_fn body, void *ctx);
double peer_sum(size_t n, peer_fold_fn fold, void *ctx);
void peer_join(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx);
void peer_items(size_t n, peer_range_fn body, void *ctx);
void peer_broadcast(peer_index_fn fn, void *ctx);
void peer_spawn(peer_task_fn fn, void *ctx);
void peer_inside(peer_task_fn fn, void *ctx);
void peer_fork(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx);
uint64_t peer_fib(unsigned n);
uint64_t peer_tree(const peer_node *root);

/* FAISS only: exact search in bits, k matches a query, row by row */
void *peer_index_open(const uint64_t *memory, size_t n, size_t words);
void peer_index_search(void *index, const uint64_t *queries, size_t n, size_t k, int32_t *distances,
                       int64_t *labels);
void peer_index_close(void *index);

/* the plain C loops of peer_plain.c, one thread */
void plain_bind(const uint64_t *vectors, size_t n, const uint64_t *key, size_t words,
                uint64_t *out);
void plain_similarity(const uint64_t *query, const uint64_t *targets, size_t n, size_t words,
                      float *out);
void plain_bundle(const uint64_t *vectors, size_t set_len, size_t n_sets, size_t words,
                  uint64_t *out);
void plain_nearest(const uint64_t *queries, size_t n_queries, const uint64_t *memory,
                   size_t n_memory, size_t words, uint32_t *out_index, uint32_t *out_distance);
double plain_sum_squares(const double *x, size_t n);

#ifdef __cplusplus
}
#endif

#endif /* BENCH_PEER_H */
