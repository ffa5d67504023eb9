/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * What the benches of "never slower" share: data, and points that are measured, judged and reported.
 *
 * A point is a case at one n: pkern with all threads against the sequential side, at most 1.05x of it plus 100 ns. The
 * second copy of the sequential side is the control: where it misses the limit itself, the machine was disturbed and the
 * measurement is repeated without counting. A point fails if it fails in 3 of 3 repeats.
 */
#ifndef BENCH_NEVER_SLOWER_H
#define BENCH_NEVER_SLOWER_H

#include "bench.h"

#include "spin.h"

enum { WORDS = PKERN_HV16_WORDS, SET_LEN = 10, SEARCH_MEMORY = 1000, SEARCH_K = 10, REPEATS = 3 };

typedef struct work {
    pkern_pool *pool;
    size_t n;
    const uint64_t *vectors, *key;
    const size_t *offsets;
    size_t steps;
    void *out;
} work;

static uint64_t *data_vectors, *data_key;
static size_t *data_offsets;
static size_t data_rows;

typedef struct ratio_case {
    const char *name;
    void (*sequential)(void *ctx); /* 0 = pkern on a pool of one thread */
    void (*pkern)(void *ctx);
    double item_ns;    /* about what an item takes: leaves out the calls that are too long */
    double body_ns;    /* loops: work an item */
    size_t rows;       /* vectors that an item reads, 0 = one word */
    size_t item_bytes; /* of output, for each item */
    size_t call_bytes; /* of output, for the call */
} ratio_case;

static const char *const mode_names[] = {"hot", "cold"};
static int n_points, n_failed, n_noisy, n_left_out;

static double limit_of(double sequential_ns) {
    return 1.05 * sequential_ns + 100.0;
}

typedef enum verdict { PASSED, FAILED, NOISY } verdict;

static verdict measure_point(const char *what, bench_mode mode, const bench_impl *impls,
                             bench_stat *stats, int *tries) {
    int failed = 0, noisy = 0;
    for (*tries = 1; failed < REPEATS && noisy < REPEATS; ++*tries) {
        double limit;
        bench_measure(what, mode, impls, 3, stats);
        limit = limit_of(stats[0].median_ns);
        if (stats[2].median_ns <= limit) {
            return PASSED;
        }
        if (stats[1].median_ns > limit || stats[0].median_ns > limit_of(stats[1].median_ns)) {
            noisy++;
        } else {
            failed++;
        }
    }
    --*tries;
    return failed == REPEATS ? FAILED : NOISY;
}

static void report_point(const char *full, size_t n, const bench_impl *impls,
                         const bench_stat *stats, verdict result, int tries) {
    static const char *const words[] = {"", "TOO SLOW", "not decided: noise"};
    char sequential[16], pkern[16];
    bench_note("  %-24s %8zu %10s %10s %6.2fx %+9.0f ns %8.2fx %6.2f %5d  %s\n", full, n,
               bench_time_text(stats[0].median_ns, sequential),
               bench_time_text(stats[2].median_ns, pkern), stats[2].median_ns / stats[0].median_ns,
               stats[2].median_ns - stats[0].median_ns, stats[1].median_ns / stats[0].median_ns,
               stats[2].busy_cpus, tries, words[result]);
    for (int i = 0; i < 3; i++) {
        bench_csv_row("never_slower", full, impls[i].name, impls[i].threads, n, stats[i].median_ns,
                      stats[i].iqr_ns);
    }
    n_points++;
    n_failed += result == FAILED;
    n_noisy += result == NOISY;
}

static void run_point(const ratio_case *c, bench_mode mode, size_t n) {
    static const char *const names[] = {"sequential", "sequential again", "pkern"};
    work works[3];
    bench_impl impls[3];
    bench_stat stats[3];
    char full[64];
    int count = 0, tries = 0;
    size_t out_bytes = n * c->item_bytes + c->call_bytes;
    verdict result;
    snprintf(full, sizeof full, "%s:%s", c->name, mode_names[mode]);
    memset(works, 0, sizeof works);
    for (int i = 0; i < 3; i++) {
        int is_pkern = i == 2;
        works[i].pool = is_pkern ? bench.pool_all : bench.pool_one;
        works[i].n = n;
        works[i].vectors = data_vectors;
        works[i].key = data_key;
        works[i].offsets = data_offsets;
        works[i].steps = (size_t)(c->body_ns * spin_steps_per_ns + 0.5);
        works[i].steps = works[i].steps == 0 ? 1 : works[i].steps;
        works[i].out = bench_allocate(out_bytes);
        bench_add(impls, &count, names[i], is_pkern ? bench.threads : 1,
                  is_pkern || c->sequential == NULL ? c->pkern : c->sequential, &works[i],
                  works[i].out, out_bytes);
    }
    result = measure_point(full, mode, impls, stats, &tries);
    report_point(full, n, impls, stats, result, tries);
    for (int i = 0; i < 3; i++) {
        free(works[i].out);
    }
}

static void run_case(const ratio_case *c, bench_mode mode) {
    const double longest_ns = bench.options.quick ? 1.5e6 : 1.3e9;
    size_t n = 1;
    for (int step = 0; n <= 1000000; step++) {
        size_t rows = c->rows > 0 ? n * c->rows : n / WORDS;
        if ((double)n * c->item_ns > longest_ns || rows > data_rows) {
            n_left_out++;
        } else if ((!bench.options.quick || step % 2 == 0) && !bench_late()) {
            run_point(c, mode, n);
        }
        n = step % 2 == 0 ? n * 3 : n / 3 * 10;
    }
}

/* As many vectors as a sixteenth of the memory holds, at most 10^6: the largest cases have four such arrays. */
static void never_slower_data(void) {
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    data_rows = bench.options.quick ? 100000 : 1000000;
    while ((double)data_rows * WORDS * 8.0 > memory / 16.0 && data_rows > 1000) {
        data_rows /= 10;
    }
    data_vectors = (uint64_t *)bench_allocate(data_rows * WORDS * sizeof(uint64_t));
    data_key = (uint64_t *)bench_allocate(SEARCH_MEMORY * WORDS * sizeof(uint64_t));
    data_offsets = (size_t *)bench_allocate((data_rows + 1) * sizeof(size_t));
    pkern_hdc_random(1, data_vectors, data_rows * WORDS);
    pkern_hdc_random(2, data_key, SEARCH_MEMORY * WORDS);
    for (size_t s = 0; s <= data_rows; s++) {
        data_offsets[s] = s * SET_LEN;
    }
}

/* Every case at every n, hot and then cold; 0, or the exit status. */
static int never_slower(const ratio_case *cases, size_t n_cases) {
    for (int mode = BENCH_HOT; mode <= BENCH_COLD; mode++) {
        bench_note("\nnever slower, pool %s: at most 1.05x of the sequential loop + 100 ns\n",
                   mode_names[mode]);
        bench_note("  %-24s %8s %10s %10s %7s %12s %9s %6s %5s\n", "case", "n", "sequential",
                   "pkern", "ratio", "difference", "control", "CPUs", "tries");
        for (size_t i = 0; i < n_cases; i++) {
            char full[64];
            snprintf(full, sizeof full, "%s:%s", cases[i].name, mode_names[mode]);
            if (bench_wanted("never_slower", full)) {
                run_case(&cases[i], (bench_mode)mode);
            }
        }
    }
    bench_note(
        "\n%d points: %d too slow, %d not decided for noise; %d left out (too long or too large)\n",
        n_points, n_failed, n_noisy, n_left_out);
    free(data_vectors);
    free(data_key);
    free(data_offsets);
    return bench_end();
}

#endif
