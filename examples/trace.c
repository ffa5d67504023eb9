/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/trace.c -o trace -pthread && ./trace trace.json */
/*
 * What the threads did: runs a loop with even items, one whose last items are long, a tree of joins and a few tasks, prints
 * each thread's statistics, and leaves a trace that ui.perfetto.dev and chrome://tracing open.
 */
#include <stdio.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

/* Some work that the compiler can't leave out. */
static double spin(long rounds) {
    volatile double x = 1;
    for (long i = 0; i < rounds; i++) x = x * 0.999 + 1;
    return x;
}

static int even_items(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) spin(2000);
    return 0;
}

static int long_items_last(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) spin(i < 990 ? 200 : 50000);
    return 0;
}

PKERN_DEFINE_JOIN_TASK_1(long, leaves, long, height) {
    long left, right;
    if (height == 0) {
        spin(2000);
        return 1;
    }
    PKERN_JOIN(left = PKERN_CALL(leaves, height - 1), right, leaves, height - 1);
    return left + right;
}

static int task(void *ctx) {
    (void)ctx;
    spin(100000);
    return 0;
}

static void print_slot(const char *name, int number, const pkern_slot_stats *s) {
    printf("%s %-2d %8.2f ms busy %8.2f ms idle %8.2f ms asleep  %4llu jobs %4llu stolen joins %4llu loops helped %4llu sleeps\n", name,
           number, (double)s->busy_ns / 1e6, (double)s->idle_ns / 1e6, (double)s->asleep_ns / 1e6, (unsigned long long)s->jobs,
           (unsigned long long)s->joins_stolen, (unsigned long long)s->loops_helped, (unsigned long long)s->sleeps);
}

int main(int argc, char **argv) {
    pkern_pool_config config = {0};
    pkern_pool_stats stats;
    pkern_slot_stats slots[64];
    pkern_scope scope;
    int i;
    config.trace = argc > 1 ? argv[1] : "trace.json"; /* or PKERN_TRACE in the environment of any program */
    if (pkern_pool_global_init(&config) != PKERN_OK) return 1;

    pkern_par_for(0, 0, 1000, 0, even_items, 0);
    pkern_par_for(0, 0, 1000, 0, long_items_last, 0);
    printf("%ld leaves\n", leaves(0, 10));
    pkern_scope_begin(&scope, 0);
    for (i = 0; i < 5; i++) pkern_scope_spawn(&scope, task, 0);
    pkern_scope_wait(&scope);

    pkern_pool_get_stats(0, &stats, slots, 64);
    for (i = 0; i < stats.num_slots && i < 64; i++) print_slot("slot ", i, &slots[i]);
    print_slot("all  ", stats.num_slots, &stats.total);
    if (stats.trace != PKERN_OK) {
        fprintf(stderr, "%s: %s\n", config.trace, pkern_status_text(stats.trace));
        return 1;
    }
    printf("%.2f ms; the trace will be in %s\n", (double)stats.elapsed_ns / 1e6, config.trace);
    return 0; /* the pool lives on: the trace is written at exit */
}
