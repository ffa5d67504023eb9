/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Opens the peers: build/bench/peers/<file>.so (or the folder in BENCH_PEERS), each with the functions of
 * peers/peer.h. A peer that is not there is counted and named, never an error.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "peers/peer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench_peer {
    const char *name, *version;
    void (*loop)(size_t n, peer_range_fn body, void *ctx);
    double (*sum)(size_t n, peer_fold_fn fold, void *ctx);
    void (*join)(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx);
    void (*items)(size_t n, peer_range_fn body, void *ctx);
    void (*broadcast)(peer_index_fn fn, void *ctx);
    void (*spawn)(peer_task_fn fn, void *ctx);
    void (*inside)(peer_task_fn fn, void *ctx);
    void (*fork)(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx);
    uint64_t (*fib)(unsigned n);
    uint64_t (*tree)(const peer_node *root);
    void *(*index_open)(const uint64_t *memory, size_t n, size_t words);
    void (*index_search)(void *index, const uint64_t *queries, size_t n, size_t k,
                         int32_t *distances, int64_t *labels);
    void (*index_close)(void *index);
} bench_peer;

typedef struct bench_plain {
    void (*bind)(const uint64_t *vectors, size_t n, const uint64_t *key, size_t words,
                 uint64_t *out);
    void (*similarity)(const uint64_t *query, const uint64_t *targets, size_t n, size_t words,
                       float *out);
    void (*bundle)(const uint64_t *vectors, size_t set_len, size_t n_sets, size_t words,
                   uint64_t *out);
    void (*nearest)(const uint64_t *queries, size_t n_queries, const uint64_t *memory,
                    size_t n_memory, size_t words, uint32_t *out_index, uint32_t *out_distance);
    double (*sum_squares)(const double *x, size_t n);
} bench_plain;

enum { BENCH_MAX_PEERS = 4 };

typedef struct bench_peers {
    bench_peer schedulers[BENCH_MAX_PEERS]; /* libgomp, Rayon, oneTBB */
    int n_schedulers;
    bench_peer faiss; /* name 0 where it is not there */
    bench_plain plain;
    int n_skipped;
    char skipped[128];
} bench_peers;

/* A function pointer out of dlsym without a cast that ISO C forbids. */
static void bench_symbol(void *library, const char *name, void *function_pointer) {
    void *symbol = dlsym(library, name);
    memcpy(function_pointer, &symbol, sizeof symbol);
}

static void *bench_library(bench_peers *peers, const char *file, const char *title) {
    const char *folder = getenv("BENCH_PEERS");
    char path[1024];
    void *library;
    snprintf(path, sizeof path, "%s/%s.so", folder != NULL ? folder : "./build/bench/peers", file);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        size_t used = strlen(peers->skipped);
        snprintf(peers->skipped + used, sizeof peers->skipped - used, "%s%s", used > 0 ? ", " : "",
                 title);
        peers->n_skipped++;
    }
    return library;
}

/* Keeps a thread busy for 2 ms, so that a pool that makes its threads on demand makes them all. */
static void bench_occupy(size_t begin, size_t end, void *ctx) {
    struct timespec start, now;
    (void)begin;
    (void)end;
    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000000000L + (now.tv_nsec - start.tv_nsec) < 2000000L);
}

static int bench_peer_load(bench_peers *peers, bench_peer *peer, const char *file,
                           const char *title, int threads) {
    void *library = bench_library(peers, file, title);
    int (*open)(int);
    const char *(*text)(void);
    memset(peer, 0, sizeof *peer);
    if (library == NULL) {
        return 0;
    }
    bench_symbol(library, "peer_open", &open);
    if (open == NULL || open(threads) != 0) {
        return 0;
    }
    bench_symbol(library, "peer_name", &text);
    peer->name = text();
    bench_symbol(library, "peer_version", &text);
    peer->version = text();
    bench_symbol(library, "peer_loop", &peer->loop);
    bench_symbol(library, "peer_sum", &peer->sum);
    bench_symbol(library, "peer_join", &peer->join);
    bench_symbol(library, "peer_items", &peer->items);
    bench_symbol(library, "peer_broadcast", &peer->broadcast);
    bench_symbol(library, "peer_spawn", &peer->spawn);
    bench_symbol(library, "peer_inside", &peer->inside);
    bench_symbol(library, "peer_fork", &peer->fork);
    bench_symbol(library, "peer_fib", &peer->fib);
    bench_symbol(library, "peer_tree", &peer->tree);
    bench_symbol(library, "peer_index_open", &peer->index_open);
    bench_symbol(library, "peer_index_search", &peer->index_search);
    bench_symbol(library, "peer_index_close", &peer->index_close);
    if (peer->loop != NULL) {
        for (int i = 0; i < 4; i++) {
            peer->loop((size_t)threads, bench_occupy, NULL);
        }
    }
    return 1;
}

/* The peers' threads inherit the caller's CPU mask: to be called before the caller is pinned. */
static void bench_peers_open(bench_peers *peers, int threads) {
    static const char *const files[][2] = {
        {"gomp", "libgomp"}, {"rayon", "Rayon"}, {"tbb", "oneTBB"}};
    void *library;
    memset(peers, 0, sizeof *peers);
    library = bench_library(peers, "plain", "plain C");
    if (library != NULL) {
        bench_symbol(library, "plain_bind", &peers->plain.bind);
        bench_symbol(library, "plain_similarity", &peers->plain.similarity);
        bench_symbol(library, "plain_bundle", &peers->plain.bundle);
        bench_symbol(library, "plain_nearest", &peers->plain.nearest);
        bench_symbol(library, "plain_sum_squares", &peers->plain.sum_squares);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        bench_peer *peer = &peers->schedulers[peers->n_schedulers];
        peers->n_schedulers += bench_peer_load(peers, peer, files[i][0], files[i][1], threads);
    }
    bench_peer_load(peers, &peers->faiss, "faiss", "FAISS", threads);
}

#endif /* BENCH_PEERS_H */
