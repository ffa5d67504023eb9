/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

typedef struct blocks_run {
    unsigned char *visits; /* [n] */
    size_t begin;
    size_t n;
    size_t block_len; /* 0: exponential from first_len */
    size_t first_len;
    size_t fail_at;
    size_t n_bad; /* pieces across a border, or begun before the block before was done */
    size_t n_done;
} blocks_run;

/* The block that holds item i of a run: its first item and its end. */
static void blocks_block_of(const blocks_run *run, size_t i, size_t *first, size_t *last) {
    size_t len = run->block_len != 0 ? run->block_len : run->first_len;
    *first = 0;
    while (i - *first >= len) {
        *first += len;
        len *= run->block_len != 0 ? 1 : 2;
    }
    *last = pkn_min_size(run->n, *first + len);
}

static int blocks_visit(size_t begin, size_t end, void *ctx) {
    blocks_run *run = (blocks_run *)ctx;
    size_t first;
    size_t last;
    blocks_block_of(run, begin - run->begin, &first, &last);
    if (begin >= end || end - run->begin > last ||
        __atomic_load_n(&run->n_done, __ATOMIC_RELAXED) < first) {
        __atomic_fetch_add(&run->n_bad, 1, __ATOMIC_RELAXED);
    }
    for (size_t i = begin - run->begin; i < end - run->begin; i++) {
        run->visits[i]++;
        if (i >= run->fail_at) {
            return (int)i + 1;
        }
    }
    __atomic_fetch_add(&run->n_done, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static blocks_run blocks_new(unsigned char *visits, size_t n, size_t block_len, size_t threads) {
    blocks_run run;
    memset(&run, 0, sizeof run);
    memset(visits, 0, n);
    run.visits = visits;
    run.begin = 17;
    run.n = n;
    run.block_len = block_len;
    run.first_len = threads;
    run.fail_at = SIZE_MAX;
    return run;
}

Test(par_blocks, visits_each_item_once_and_one_block_after_another) {
    static unsigned char visits[5003];
    static const size_t sizes[] = {0, 1, 2, 97, 5003};
    static const size_t lengths[] = {0, 1, 7, 1000, SIZE_MAX};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes) * PAR_COUNT(lengths); s++) {
            size_t n = sizes[s % PAR_COUNT(sizes)];
            blocks_run run = blocks_new(visits, n, lengths[s / PAR_COUNT(sizes)],
                                        (size_t)pkern_pool_num_threads(pool));
            run.block_len = run.block_len == SIZE_MAX ? n + 1 : run.block_len;
            cr_assert_eq(pkern_par_for_blocks(pool, run.begin, run.begin + n, run.block_len, 0,
                                              blocks_visit, &run),
                         PKERN_OK);
            cr_assert_eq(run.n_bad, 0);
            cr_assert_eq(run.n_done, n);
            for (size_t i = 0; i < n; i++) {
                cr_assert_eq(visits[i], 1);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_blocks, a_failure_ends_it_before_the_next_block) {
    static unsigned char visits[5003];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t fail_at = 0; fail_at < 5003; fail_at = 3 * fail_at + 1) {
            for (size_t len = 0; len < 100; len += 33) {
                blocks_run run =
                    blocks_new(visits, 5003, len, (size_t)pkern_pool_num_threads(pool));
                size_t first;
                size_t last;
                run.fail_at = fail_at;
                cr_assert_eq(pkern_par_for_blocks(pool, 17, 17 + 5003, len, 0, blocks_visit, &run),
                             (int)fail_at + 1);
                blocks_block_of(&run, fail_at, &first, &last);
                for (size_t i = 0; i < 5003; i++) {
                    cr_assert(i <= fail_at ? visits[i] == 1 : i < last || visits[i] == 0);
                }
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_blocks, a_block_can_end_at_the_largest_index) {
    unsigned char visits[100];
    blocks_run run = blocks_new(visits, 100, 0, (size_t)pkern_pool_num_threads(0));
    run.begin = SIZE_MAX - 100;
    cr_assert_eq(pkern_par_for_blocks(0, SIZE_MAX - 100, SIZE_MAX, 0, 0, blocks_visit, &run),
                 PKERN_OK);
    cr_assert_eq(run.n_done, 100);
    run = blocks_new(visits, 100, 90, 0);
    run.begin = SIZE_MAX - 100;
    cr_assert_eq(pkern_par_for_blocks(0, SIZE_MAX - 100, SIZE_MAX, 90, 0, blocks_visit, &run),
                 PKERN_OK);
    cr_assert_eq(run.n_done, 100);
}

static int blocks_count(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

Test(par_blocks, bad_arguments_run_nothing) {
    size_t calls = 0;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 2;
    options.max_len = 1;
    cr_assert_eq(pkern_par_for_blocks(0, 1, 0, 1, 0, blocks_count, &calls), PKERN_EINVAL);
    cr_assert_eq(pkern_par_for_blocks(0, 0, 1, 1, 0, 0, &calls), PKERN_EINVAL);
    cr_assert_eq(pkern_par_for_blocks(0, 0, 1, 1, &options, blocks_count, &calls), PKERN_EINVAL);
    cr_assert_eq(calls, 0);
}

static int blocks_cancel(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(end);
    if (begin == 100) {
        pkern_cancel_request((pkern_cancel *)ctx);
    }
    return begin > 100 ? 5 : 0;
}

Test(par_blocks, a_cancel_in_a_block_ends_it) {
    pkern_cancel cancel;
    pkern_par_options options;
    memset(&cancel, 0, sizeof cancel);
    memset(&options, 0, sizeof options);
    options.cancel = &cancel;
    cr_assert_eq(pkern_par_for_blocks(0, 0, 1000, 1, &options, blocks_cancel, &cancel),
                 PKERN_ECANCELED);
}

typedef struct blocks_reports {
    size_t last;
    size_t total;
    size_t n;
    size_t stop_at;
    int fell;
} blocks_reports;

static int blocks_progress(size_t done, size_t total, void *user) {
    blocks_reports *reports = (blocks_reports *)user;
    reports->fell |= done < reports->last;
    reports->last = done;
    reports->total = total;
    reports->n++;
    return done >= reports->stop_at;
}

/* 4 ms on the clock that progress is throttled by */
static int blocks_slow(size_t begin, size_t end, void *ctx) {
    uint64_t start = pkn_now_ns();
    while (pkn_now_ns() - start < 4000000) {
    }
    return blocks_count(begin, end, ctx);
}

Test(par_blocks, progress_counts_over_all_blocks_and_can_stop) {
    for (size_t t = 0; t < 2; t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        pkern_par_options options;
        blocks_reports reports;
        size_t done = 0;
        memset(&options, 0, sizeof options);
        memset(&reports, 0, sizeof reports);
        options.progress = blocks_progress;
        options.progress_user = &reports;
        reports.stop_at = SIZE_MAX;
        uint64_t start_ns = pkn_now_ns();
        cr_assert_eq(pkern_par_for_blocks(pool, 5, 25, 1, &options, blocks_slow, &done), PKERN_OK);
        cr_assert_eq(done, 20);
        uint64_t tens_of_ms = (pkn_now_ns() - start_ns) / 10000000;
        cr_assert(reports.n > 1 && reports.n <= tens_of_ms + 1, "%zu reports", reports.n);
        cr_assert(!reports.fell && reports.last == 20 && reports.total == 20);

        memset(&reports, 0, sizeof reports);
        reports.stop_at = 4;
        done = 0;
        cr_assert_eq(pkern_par_for_blocks(pool, 5, 25, 1, &options, blocks_slow, &done),
                     PKERN_ECANCELED);
        cr_assert(done >= 4 && done < 20);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
