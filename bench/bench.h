/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Timing for the benches. A case is one piece of work with several implementations; bench_measure times them
 * interleaved (A B C, A B C, ...) and gives the median and the quartiles of all samples of each.
 *
 * How it measures:
 *   - Threads of pools and peers are created first; then the calling thread is pinned to one CPU. Pool threads are
 *     pinned only with --pin.
 *   - Before each block the process waits until the threads of the implementation before it have stopped spinning
 *     (libgomp's spin for about 8 ms, on the core that the next one needs).
 *   - A hot block: untimed calls for `warm_ns` (which also find how many calls make a sample), then BENCH_SUBS samples
 *     of back-to-back calls. The column "CPUs" is CPU time by wall time in the timed part: near T means that helpers
 *     really ran or spun, near 1 that the caller was alone.
 *   - A cold block: the caller is busy with something else for 5 ms, so that every helper sleeps, then one timed call.
 *   - Every implementation writes its own output; outputs are compared with the first implementation's.
 *   - "sequential again" is the first implementation a second time: its ratio is the noise of the run.
 *   - Calls go through a pointer that the compiler can't see through, so that no body is inlined into one loop alone.
 *
 * Include this first in a bench: it brings pkern, with BENCH_OWN_PKERN also its implementation, whose insides can be used then.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifdef BENCH_OWN_PKERN
#define PKERN_IMPLEMENTATION
#endif
#include "pkern.h"

#include "peers.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
    BENCH_MAX_ROUNDS = 31,
    BENCH_SUBS = 5,
    BENCH_MAX_IMPLS = 16,
    BENCH_MAX_THREADS = 4096,
    BENCH_MAX_SAMPLES = BENCH_MAX_ROUNDS * BENCH_SUBS
};

typedef struct bench_options {
    int quick, threads, rounds, pin, no_peers;
    const char *only; /* run only the cases whose "topic/case" contains this */
    FILE *csv;        /* 0 = none */
    int table;        /* print for people */
    double warm_ns, sample_ns;
    int cold_subs;     /* samples of a cold block */
    double end_ns;     /* by bench_now, when to leave the rest out; 0 = never */
    double long_ns;    /* a call longer than this: one sample a block */
    double no_warm_ns; /* a call longer than this: no warm-up after the first round */
} bench_options;

typedef struct bench_impl {
    const char *name;
    int threads;
    void (*call)(void *ctx); /* one call of the case; 0 = this implementation has no such thing */
    void *ctx;
    void (*inside)(peer_task_fn fn,
                   void *ctx); /* runs whole blocks inside a pool; 0 = on the caller */
    const void *out;           /* compared with the first implementation's; 0 = not compared */
    size_t out_bytes;
} bench_impl;

typedef struct bench_stat {
    int n_samples; /* 0 = not run */
    double median_ns, iqr_ns, busy_cpus, cycle_ns;
} bench_stat;

typedef enum bench_mode { BENCH_HOT, BENCH_COLD } bench_mode;

typedef struct bench_state {
    bench_options options;
    bench_peers peers;
    pkern_pool *pool_one, *pool_all;
    int threads;                  /* of pool_all and the peers */
    double ns_per_tick;           /* of the time stamp counter; 0 = clock_gettime is used */
    double now_ns;                /* what reading the clock costs */
    double cycle_ns;              /* one cycle of the caller's core at the start, 0 = unknown */
    int n_wrong, n_cases, n_late; /* n_late: left out since the time was up */
    cpu_set_t usable;
    int n_threads, thread_ids[BENCH_MAX_THREADS]; /* of the process, pools' and peers' */
} bench_state;

static bench_state bench;

/* ---- clocks ---- */

static double bench_clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t bench_ticks(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return ((uint64_t)high << 32) | low;
#else
    return 0;
#endif
}

/* CPU time of all threads so far. The clock of the process counts other threads' time by the tick only (1 to 4 ms); the clock of
   each thread is exact. */
static double bench_cpu_ns(void) {
    double sum = 0.0;
    for (int i = 0; i < bench.n_threads; i++) {
        struct timespec t;
        if (clock_gettime((clockid_t)(~(unsigned)bench.thread_ids[i] << 3 | 6), &t) == 0) {
            sum += (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
        }
    }
    return sum;
}

static void bench_find_threads(void) {
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    bench.n_threads = 0;
    while (folder != NULL && (entry = readdir(folder)) != NULL &&
           bench.n_threads < BENCH_MAX_THREADS) {
        if (entry->d_name[0] != '.') {
            bench.thread_ids[bench.n_threads++] = atoi(entry->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* Nanoseconds from an arbitrary point; about 15 ns a read. */
static double bench_now(void) {
    return bench.ns_per_tick > 0.0 ? (double)bench_ticks() * bench.ns_per_tick
                                   : bench_clock_ns(CLOCK_MONOTONIC);
}

static void bench_clock_init(void) {
    double best = 1e9;
#if defined(__x86_64__)
    double t0 = bench_clock_ns(CLOCK_MONOTONIC), t1;
    uint64_t ticks = bench_ticks();
    do {
        t1 = bench_clock_ns(CLOCK_MONOTONIC);
    } while (t1 - t0 < 50e6);
    bench.ns_per_tick = (t1 - t0) / (double)(bench_ticks() - ticks);
#endif
    for (int i = 0; i < 1000; i++) {
        double start = bench_now(), cost = bench_now() - start;
        best = cost < best ? cost : best;
    }
    bench.now_ns = best;
}

/* The length of one core cycle, from a chain of dependent additions; 0 where this file can't tell. */
static double bench_cycle_once(void) {
#if defined(__x86_64__) || defined(__aarch64__)
    uint64_t x = 1, y = 3;
    double start = bench_now();
    for (int i = 0; i < 1000; i++) {
#if defined(__x86_64__)
        __asm__ volatile(".rept 20\n\taddq %1, %0\n\t.endr" : "+r"(x) : "r"(y) : "cc");
#else
        __asm__ volatile(".rept 20\n\tadd %0, %0, %1\n\t.endr" : "+r"(x) : "r"(y));
#endif
    }
    return (bench_now() - start) / 20000.0;
#else
    return 0.0;
#endif
}

/* ---- statistics ---- */

static int bench_compare_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear interpolation between the sorted samples. */
static double bench_quantile(const double *sorted, int n, double q) {
    double position = q * (double)(n - 1);
    int low = (int)position;
    int high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (sorted[high] - sorted[low]) * (position - (double)low);
}

static double bench_median(double *samples, int n) {
    qsort(samples, (size_t)n, sizeof *samples, bench_compare_double);
    return bench_quantile(samples, n, 0.5);
}

/* ---- one block of calls ---- */

typedef struct bench_block {
    const bench_impl *impl;
    bench_mode mode;
    double *samples; /* where to put them */
    int n_samples;
    double known_ns; /* a sample of the round before, 0 = none */
    double busy_cpus;
    double cycle_ns; /* of this core, right after the samples */
} bench_block;

/* Untimed calls until warm_ns have passed and a sample's number of calls is known. */
static size_t bench_warm_up(void (*call)(void *), void *ctx) {
    const double warm_ns = bench.options.warm_ns, sample_ns = bench.options.sample_ns;
    double total = 0.0;
    size_t repeats = 1;
    for (;;) {
        double start = bench_now(), spent;
        for (size_t i = 0; i < repeats; i++) {
            call(ctx);
        }
        spent = bench_now() - start;
        total += spent;
        if (spent < sample_ns / 2.0) {
            repeats *= 2;
        } else if (total >= warm_ns) {
            return repeats;
        } else if (repeats > 1 && spent > sample_ns * 2.0) {
            repeats /= 2;
        }
    }
}

static void bench_hot_block(bench_block *block, void (*call)(void *), void *ctx) {
    size_t repeats = block->known_ns > bench.options.no_warm_ns ? 1 : bench_warm_up(call, ctx);
    double cpu = bench_cpu_ns(), begin = bench_now(), end = begin;
    while (block->n_samples < BENCH_SUBS) {
        double start = end;
        for (size_t i = 0; i < repeats; i++) {
            call(ctx);
        }
        end = bench_now();
        block->samples[block->n_samples++] = (end - start - bench.now_ns) / (double)repeats;
        if (end - start > bench.options.long_ns) {
            break;
        }
    }
    block->busy_cpus = (bench_cpu_ns() - cpu) / (end - begin);
}

static void bench_cold_block(bench_block *block, void (*call)(void *), void *ctx) {
    double cpu, start;
    do {
        if (block->known_ns <= bench.options.no_warm_ns) {
            call(ctx); /* code and data in the cache; then nothing for 5 ms */
        }
        start = bench_now();
        while (bench_now() - start < 5e6) {
        }
        cpu = bench_cpu_ns();
        start = bench_now();
        call(ctx);
        block->samples[block->n_samples] = bench_now() - start - bench.now_ns;
        block->busy_cpus = (bench_cpu_ns() - cpu) / (bench_now() - start);
    } while (block->samples[block->n_samples++] < 1e6 &&
             block->n_samples < bench.options.cold_subs);
}

/* noinline and the opaque pointer keep the bodies out of this loop, the baseline's too */
__attribute__((noinline)) static void bench_run_block(void *ctx) {
    bench_block *block = (bench_block *)ctx;
    void (*call)(void *) = block->impl->call;
    __asm__ volatile("" : "+r"(call) : : "memory");
    if (block->mode == BENCH_HOT) {
        bench_hot_block(block, call, block->impl->ctx);
    } else {
        bench_cold_block(block, call, block->impl->ctx);
    }
    block->cycle_ns = bench_cycle_once();
}

/* Sleeps until no other thread of the process uses a CPU any more. */
static void bench_settle(void) {
    struct timespec pause = {0, 250000};
    for (int i = 0; i < 200; i++) {
        double cpu = bench_cpu_ns();
        nanosleep(&pause, NULL);
        if (bench_cpu_ns() - cpu < 0.03e6) {
            return;
        }
    }
}

static void bench_check_output(const char *what, const bench_impl *impl,
                               const bench_impl *reference) {
    if (impl->out == NULL || reference->out == NULL || impl->out == reference->out) {
        return;
    }
    if (impl->out_bytes != reference->out_bytes ||
        memcmp(impl->out, reference->out, impl->out_bytes) != 0) {
        fprintf(stderr, "%s: WRONG: %s's output differs from %s's\n", what, impl->name,
                reference->name);
        bench.n_wrong++;
    }
}

/* Times all implementations of one case. The order changes from round to round, forwards and backwards. */
static void bench_measure(const char *what, bench_mode mode, const bench_impl *impls, int count,
                          bench_stat *stats) {
    static double samples[BENCH_MAX_IMPLS][BENCH_MAX_SAMPLES];
    static double cycles[BENCH_MAX_IMPLS][BENCH_MAX_ROUNDS];
    memset(stats, 0, sizeof *stats * (size_t)count);
    bench_find_threads();
    for (int round = 0; round < bench.options.rounds; round++) {
        for (int step = 0; step < count; step++) {
            int i = round % 2 == 0 ? step : count - 1 - step;
            bench_block block = {&impls[i], mode, samples[i] + stats[i].n_samples, 0, 0.0,
                                 0.0,       0.0};
            if (impls[i].call == NULL) {
                continue;
            }
            block.known_ns = stats[i].n_samples > 0 ? block.samples[-1] : 0.0;
            bench_settle();
            if (impls[i].inside != NULL) {
                impls[i].inside(bench_run_block, &block);
            } else {
                bench_run_block(&block);
            }
            cycles[i][round] = block.cycle_ns;
            stats[i].n_samples += block.n_samples;
            stats[i].busy_cpus += block.busy_cpus / (double)bench.options.rounds;
        }
    }
    for (int i = 0; i < count; i++) {
        if (stats[i].n_samples > 0) {
            stats[i].cycle_ns = bench_median(cycles[i], bench.options.rounds);
            stats[i].median_ns = bench_median(samples[i], stats[i].n_samples);
            stats[i].iqr_ns = bench_quantile(samples[i], stats[i].n_samples, 0.75) -
                              bench_quantile(samples[i], stats[i].n_samples, 0.25);
            bench_check_output(what, &impls[i], &impls[0]);
        }
    }
}

#include "report.h"
#include "setup.h"

#endif /* BENCH_BENCH_H */
