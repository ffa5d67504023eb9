/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_pool_get_stats and pkern_pool_reset_stats: what is counted, by whom, and what is not. */
#include "pool_tools.h"

#include <sys/wait.h>

enum { STATS_SLOTS = 64 };

static pkern_pool_stats stats_of(pkern_pool *pool, pkern_slot_stats *slots) {
    pkern_pool_stats stats;
    cr_assert_eq(pkern_pool_get_stats(pool, &stats, slots, slots != 0 ? STATS_SLOTS : 0), PKERN_OK);
    return stats;
}

/* The sums are the slots', and no part is larger than its whole. */
static void stats_check(pkern_pool *pool) {
    pkern_slot_stats slots[STATS_SLOTS];
    pkern_slot_stats sum;
    memset(&sum, 0, sizeof sum);
    memset(slots, 0xff, sizeof slots);
    pkern_pool_stats stats = stats_of(pool, slots);
    cr_assert(stats.num_slots <= pkern_pool_num_slots(pool) && stats.num_slots <= STATS_SLOTS);
    for (int i = 0; i < stats.num_slots; i++) {
        const pkern_slot_stats *slot = &slots[i];
        cr_assert(slot->jobs_stolen + slot->jobs_injected <= slot->jobs);
        cr_assert(slot->steals_failed <= slot->steals_tried);
        cr_assert(slot->busy_ns + slot->idle_ns <= stats.elapsed_ns + 2000000, "slot %d: %llu + %llu of %llu ns", i,
                  (unsigned long long)slot->busy_ns, (unsigned long long)slot->idle_ns, (unsigned long long)stats.elapsed_ns);
        cr_assert(slot->asleep_ns <= slot->idle_ns + 2000000);
        sum.jobs += slot->jobs;
        sum.joins_stolen += slot->joins_stolen;
        sum.spawns += slot->spawns;
        sum.broadcasts += slot->broadcasts;
        sum.units_helped += slot->units_helped;
    }
    cr_assert_eq(stats.total.jobs, sum.jobs);
    cr_assert_eq(stats.total.joins_stolen, sum.joins_stolen);
    cr_assert_eq(stats.total.spawns, sum.spawns);
    cr_assert_eq(stats.total.broadcasts, sum.broadcasts);
    cr_assert_eq(stats.total.units_helped, sum.units_helped);
    cr_assert(stats.steal_ratio >= 0 && stats.steal_ratio <= 1);
    cr_assert_eq(slots[stats.num_slots].jobs, UINT64_MAX); /* not touched */
}

Test(pool_stats, bad_arguments_are_refused) {
    pkern_pool *pool = pool_of(2);
    pkern_pool_stats stats;
    pkern_slot_stats slot;
    cr_assert_eq(pkern_pool_get_stats(pool, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_pool_get_stats(pool, 0, &slot, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_pool_get_stats(pool, &stats, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_pool_get_stats(pool, &stats, &slot, -1), PKERN_EINVAL);
    cr_assert_eq(pkern_pool_get_stats(pool, &stats, &slot, 0), PKERN_OK);
    pool_end(pool);
}

Test(pool_stats, a_new_pool_has_done_nothing) {
    pkern_pool *pool = pool_of(PKN_THREADS ? 3 : 1);
    pkern_pool_stats stats = stats_of(pool, 0);
    cr_assert_eq(stats.num_slots, PKN_THREADS ? 2 : 0);
    cr_assert_eq(stats.total.jobs, 0);
    cr_assert_eq(stats.total.joins_stolen, 0);
    cr_assert_eq(stats.total.busy_ns, 0);
    cr_assert_eq(stats.trace, PKERN_OK);
    cr_assert_eq(stats.trace_events, 0);
    stats_check(pool);
    pool_end(pool);
}

Test(pool_stats, a_pool_that_could_not_be_made_counts_nothing) {
    pkern_pool_stats stats;
    memset(&stats, 0xff, sizeof stats);
    cr_assert_eq(pkern_pool_get_stats(&pkn_serial_pool, &stats, 0, 0), PKERN_OK);
    cr_assert_eq(stats.num_slots, 0);
    cr_assert_eq(stats.total.steals_tried, 0);
    cr_assert_eq(stats.elapsed_ns, 0);
    cr_assert_eq(pkern_pool_reset_stats(&pkn_serial_pool), PKERN_OK);
}

/* ---- what is counted ---- */

static void stats_run_scope(pkern_pool *pool, size_t tasks, int is_fifo) {
    size_t ran = 0;
    pkern_scope scope;
    cr_assert_eq(is_fifo ? pkern_scope_begin_fifo(&scope, pool) : pkern_scope_begin(&scope, pool), PKERN_OK);
    for (size_t i = 0; i < tasks; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pool_read(&ran), tasks);
}

Test(pool_stats, each_scope_task_is_one_spawn_and_one_job) {
    for (size_t i = 0; i < POOL_COUNT(pool_threads); i++) {
        pkern_pool *pool = pool_of(PKN_THREADS ? pool_threads[i] : 1);
        stats_run_scope(pool, 0, 0);
        cr_assert_eq(stats_of(pool, 0).total.jobs, 0);
        stats_run_scope(pool, 1009, 0);
        stats_run_scope(pool, 500, 1);
        pkern_pool_stats stats = stats_of(pool, 0);
        cr_assert_eq(stats.total.jobs, 1509);
        cr_assert_eq(stats.total.spawns, 1509);
        cr_assert_eq(stats.total.jobs_injected, 0);
        stats_check(pool);
        pool_end(pool);
    }
}

static int stats_nested(void *ctx) {
    stats_run_scope((pkern_pool *)ctx, 10, 0);
    return 0;
}

Test(pool_stats, a_pool_counts_what_other_pools_workers_do_in_it) {
    pkern_pool *outer = pool_of(PKN_THREADS ? 2 : 1);
    pkern_pool *inner = pool_of(PKN_THREADS ? 2 : 1);
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, outer), PKERN_OK);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, stats_nested, inner), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(stats_of(outer, 0).total.jobs, 20);
    cr_assert_eq(stats_of(inner, 0).total.jobs, 200);
    stats_check(outer);
    stats_check(inner);
    pool_end(inner);
    pool_end(outer);
}

static int stats_broadcast(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return pool_count_one(ctx);
}

Test(pool_stats, a_broadcast_counts_once_for_each_thread) {
    for (size_t i = 0; i < POOL_COUNT(pool_threads); i++) {
        int threads = PKN_THREADS ? pool_threads[i] : 1;
        pkern_pool *pool = pool_of(threads);
        pkern_slot_stats slots[STATS_SLOTS];
        size_t ran = 0;
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(pkern_broadcast(pool, stats_broadcast, &ran), PKERN_OK);
        }
        cr_assert_eq(stats_of(pool, slots).total.broadcasts, (uint64_t)(3 * threads));
        for (int slot = 0; slot < threads; slot++) {
            cr_assert_eq(slots[slot].broadcasts, 3);
        }
        stats_check(pool);
        pool_end(pool);
    }
}

static int stats_empty_piece(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    PKN_UNUSED(ctx);
    return 0;
}

static int stats_yield(void *ctx) {
    pkern_scope scope;
    size_t ran = 0;
    int status = pkern_scope_begin(&scope, (pkern_pool *)ctx);
    for (int i = 0; i < 3 && status == 0; i++) {
        status = pkern_scope_spawn(&scope, pool_count_one, &ran);
    }
    while (pkern_yield_now((pkern_pool *)ctx) == PKERN_YIELD_EXECUTED) {
    }
    return status != 0 ? status : pkern_scope_wait(&scope);
}

Test(pool_stats, a_callers_watches_stand_still_between_its_calls) {
    for (size_t i = 0; i < POOL_COUNT(pool_threads); i++) {
        int threads = PKN_THREADS ? pool_threads[i] : 1;
        pkern_pool *pool = pool_of(threads);
        pkern_future future;
        size_t ran = 0;
        stats_run_scope(pool, 100, 0);
        cr_assert_eq(pkern_pool_install(pool, stats_yield, pool), PKERN_OK);
        cr_assert_eq(pkn_loop_run(pool, 0, 100000, 0, stats_empty_piece, 0), PKERN_OK);
        cr_assert_eq(pkern_broadcast(pool, stats_broadcast, &ran), PKERN_OK);
        cr_assert_eq(pkern_future_spawn(&future, pool, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_future_wait(&future), PKERN_OK);
        cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_spawn_urgent(pool, pool_count_one, &ran), PKERN_OK);
        pkern_slot_stats before[STATS_SLOTS], after[STATS_SLOTS];
        const pkern_slot_stats *first = &before[threads - 1], *second = &after[threads - 1];
        (void)stats_of(pool, before);
        uint64_t start_ns = pkn_now_ns();
        while (pkn_now_ns() - start_ns < 3000000) {
        }
        (void)stats_of(pool, after);
        /* the clocks are compared anew at each look */
        cr_assert(second->busy_ns <= first->busy_ns + first->busy_ns / 100 + 100000, "%d threads: busy %llu, then %llu ns", threads,
                  (unsigned long long)first->busy_ns, (unsigned long long)second->busy_ns);
        cr_assert(second->idle_ns <= first->idle_ns + first->idle_ns / 100 + 100000, "%d threads: idle %llu, then %llu ns", threads,
                  (unsigned long long)first->idle_ns, (unsigned long long)second->idle_ns);
        pool_end(pool);
    }
}

static long stats_fib_plain(long n) {
    return n < 2 ? n : stats_fib_plain(n - 1) + stats_fib_plain(n - 2);
}

PKERN_DEFINE_JOIN_TASK_1(long, stats_fib, long, n) {
    long a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(stats_fib, n - 1), b, stats_fib, n - 2);
    return a + b;
}

Test(pool_stats, joins_and_loops_that_nobody_takes_are_not_counted) {
    pkern_pool *pool = pool_of(1);
    size_t ran = 0;
    cr_assert_eq(stats_fib(pool, 20), stats_fib_plain(20));
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), PKERN_OK);
    pkern_slot_stats slots[STATS_SLOTS];
    pkern_pool_stats stats = stats_of(pool, slots);
    pkern_slot_stats none;
    memset(&none, 0, sizeof none);
    cr_assert_eq(stats.num_slots, 1);
    cr_assert_arr_eq(&stats.total, &none, sizeof none);
    cr_assert_arr_eq(&slots[0], &none, sizeof none);
    pool_end(pool);
}

/* ---- reset ---- */

Test(pool_stats, a_reset_starts_all_counts_anew) {
    pkern_pool *pool = pool_of(PKN_THREADS ? 3 : 1);
    for (int i = 0; i < 3; i++) {
        stats_run_scope(pool, 500, 0);
        cr_assert_eq(stats_of(pool, 0).total.jobs, 500);
        cr_assert_eq(pkern_pool_reset_stats(pool), PKERN_OK);
        pkern_pool_stats stats = stats_of(pool, 0);
        cr_assert_eq(stats.total.jobs, 0);
        cr_assert_eq(stats.total.spawns, 0);
        cr_assert(stats.elapsed_ns < UINT64_C(5000000000));
        stats_check(pool);
    }
    pool_end(pool);
}

Test(pool_stats, zero_is_the_current_or_the_global_pool) {
    cr_assert_eq(pkern_pool_reset_stats(0), PKERN_OK);
    stats_run_scope(0, 7, 0);
    pkern_pool_stats stats;
    cr_assert_eq(pkern_pool_get_stats(0, &stats, 0, 0), PKERN_OK);
    cr_assert_eq(stats.total.jobs, 7);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
}

#if PKN_THREADS

/* ---- between threads ---- */

typedef struct stats_pair {
    size_t here, there;
} stats_pair;

static int stats_meet_here(void *ctx) {
    stats_pair *pair = (stats_pair *)ctx;
    pool_count_one(&pair->here);
    return !pool_reaches(&pair->there, 1);
}

static int stats_meet_there(void *ctx) {
    stats_pair *pair = (stats_pair *)ctx;
    pool_count_one(&pair->there);
    return !pool_reaches(&pair->here, 1);
}

Test(pool_stats, a_side_that_must_run_elsewhere_is_a_stolen_join) {
    pkern_pool *pool = pool_of(2);
    pkern_slot_stats slots[STATS_SLOTS];
    for (int i = 0; i < 20; i++) {
        stats_pair pair = {0, 0};
        cr_assert_eq(pkern_join(pool, stats_meet_here, &pair, stats_meet_there, &pair), PKERN_OK);
    }
    pkern_pool_stats stats = stats_of(pool, slots);
    cr_assert_eq(stats.total.joins_stolen, 20);
    cr_assert_eq(slots[0].joins_stolen, 20);
    cr_assert_eq(slots[1].joins_stolen, 0);
    cr_assert(slots[0].steals_tried - slots[0].steals_failed == 20);
    cr_assert(stats.steal_ratio > 0);
    stats_check(pool);
    pool_end(pool);
}

Test(pool_stats, jobs_from_outside_are_injected) {
    pkern_pool *pool = pool_of(2);
    size_t ran = 0;
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
    }
    cr_assert(pool_reaches(&ran, 50));
    pkern_pool_stats stats = stats_of(pool, 0);
    cr_assert_eq(stats.total.jobs, 50);
    cr_assert_eq(stats.total.jobs_injected, 50);
    cr_assert_eq(stats.total.spawns, 50);
    stats_check(pool);
    pool_end(pool);
}

static int stats_slow_piece(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    pool_nap_us((unsigned)(end - begin) * 200);
    return 0;
}

Test(pool_stats, a_shared_loop_counts_for_its_owner_and_its_helpers) {
    pkern_pool *pool = pool_of(2);
    pkern_slot_stats slots[STATS_SLOTS];
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(pkn_loop_run(pool, 0, 40, 0, stats_slow_piece, 0), PKERN_OK);
    }
    pkern_pool_stats stats = stats_of(pool, slots);
    cr_assert_eq(slots[1].loops_shared, 5);
    cr_assert_eq(slots[0].loops_shared, 0);
    cr_assert_eq(slots[1].loops_helped, 0);
    cr_assert(slots[0].loops_helped >= 1, "%llu of 5 loops were helped", (unsigned long long)slots[0].loops_helped);
    cr_assert(slots[0].units_helped >= slots[0].loops_helped && slots[0].units_helped < 5 * 40);
    cr_assert(slots[1].busy_ns > 4000000 && stats.total.busy_ns > 8000000);
    stats_check(pool);
    pool_end(pool);
}

Test(pool_stats, sleeps_wakes_and_their_times_are_counted) {
    pkern_pool *pool = pool_of(2);
    pkern_slot_stats slots[STATS_SLOTS];
    size_t ran = 0;
    pool_wait_asleep(pool, 1);
    pool_nap_us(30000);
    (void)stats_of(pool, slots);
    cr_assert_eq(slots[0].sleeps, 1);
    cr_assert(slots[0].asleep_ns >= 20000000, "%llu ns", (unsigned long long)slots[0].asleep_ns); /* it still sleeps */
    cr_assert(slots[0].idle_ns >= slots[0].asleep_ns);
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
    cr_assert(pool_reaches(&ran, 1));
    pool_wait_asleep(pool, 1);
    pkern_pool_stats stats = stats_of(pool, slots);
    for (int i = 0; i < 1000 && slots[0].sleeps < 2; i++) { /* counted a moment after it is known as asleep */
        pool_nap_us(1000);
        stats = stats_of(pool, slots);
    }
    cr_assert(slots[0].sleeps >= 2);
    cr_assert(slots[1].wakes >= 1 && stats.total.wakes >= 1);
    stats_check(pool);

    cr_assert_eq(pkern_pool_reset_stats(pool), PKERN_OK);
    pool_nap_us(5000);
    stats = stats_of(pool, slots);
    cr_assert_eq(slots[0].sleeps, 0);
    cr_assert(slots[0].asleep_ns >= 4000000 && slots[0].asleep_ns <= stats.elapsed_ns + 1000000);
    pool_end(pool);
}

typedef struct stats_task {
    size_t started, go, ended;
} stats_task;

static int stats_long_task(void *ctx) {
    stats_task *task = (stats_task *)ctx;
    pool_count_one(&task->started);
    int failed = !pool_reaches(&task->go, 1);
    pool_count_one(&task->ended);
    return failed;
}

Test(pool_stats, a_task_that_runs_is_busy_time_already) {
    pkern_pool *pool = pool_of(2);
    pkern_slot_stats slots[STATS_SLOTS];
    stats_task task = {0, 0, 0};
    cr_assert_eq(pkern_spawn(pool, stats_long_task, &task), PKERN_OK);
    cr_assert(pool_reaches(&task.started, 1));
    pool_nap_us(20000);
    (void)stats_of(pool, slots);
    cr_assert_eq(slots[0].jobs, 1);
    cr_assert(slots[0].busy_ns >= 15000000, "%llu ns", (unsigned long long)slots[0].busy_ns);
    cr_assert_eq(pkern_pool_reset_stats(pool), PKERN_OK);
    pool_nap_us(5000);
    (void)stats_of(pool, slots);
    cr_assert(slots[0].busy_ns >= 4000000 && slots[0].busy_ns < UINT64_C(5000000000));
    pool_count_one(&task.go);
    cr_assert(pool_reaches(&task.ended, 1));
    stats_check(pool);
    pool_end(pool);
}

/* Reads and resets while others work; for the thread sanitizer above all. */
static void *stats_read_all_the_time(void *ctx) {
    pkern_pool *pool = (pkern_pool *)ctx;
    pkern_slot_stats slots[STATS_SLOTS];
    for (int i = 0; i < 300; i++) {
        pkern_pool_stats stats = stats_of(pool, slots);
        cr_assert(stats.num_slots >= 2);
        cr_assert(stats.elapsed_ns < UINT64_C(60000000000));
        cr_assert(stats.total.busy_ns < UINT64_C(8) * 60000000000u);
        if (i % 10 == 9) {
            cr_assert_eq(pkern_pool_reset_stats(pool), PKERN_OK);
        }
        pool_nap_us(20);
    }
    return 0;
}

Test(pool_stats, anybody_may_look_while_the_pool_works) {
    pkern_pool *pool = pool_of(3);
    pool_outside outside;
    outside.count = 0;
    pool_go(&outside, stats_read_all_the_time, pool);
    pool_go(&outside, stats_read_all_the_time, pool);
    for (int i = 0; i < 100; i++) {
        stats_run_scope(pool, 50, 0);
        cr_assert_eq(stats_fib(pool, 15), 610);
        cr_assert_eq(pkn_loop_run(pool, 0, 4, 0, stats_slow_piece, 0), PKERN_OK);
    }
    pool_come_back(&outside);
    stats_check(pool);
    pool_end(pool);
}

Test(pool_stats, a_forked_child_may_look_at_its_parents_pools) {
    pkern_pool *pool = pool_of(2);
    stats_run_scope(pool, 10, 0);
    fflush(0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        pkern_pool_stats stats;
        alarm(10);
        _exit(pkern_pool_get_stats(pool, &stats, 0, 0) == PKERN_OK && stats.total.jobs == 10 &&
                      pkern_pool_reset_stats(pool) == PKERN_OK && pkern_pool_get_stats(pool, &stats, 0, 0) == PKERN_OK &&
                      stats.total.jobs == 0
                  ? 17
                  : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    cr_assert_eq(stats_of(pool, 0).total.jobs, 10);
    pool_end(pool);
}

#endif

/* ---- a watch ---- */

Test(pool_tally, a_watch_shows_the_time_it_ran) {
    pkn_count watch;
    pkn_count_set(&watch, 0);
    cr_assert_eq(pkn_watch_read(&watch, 100), 0);
    pkn_watch_start(&watch, 100);
    cr_assert_eq(pkn_watch_read(&watch, 100), 0);
    cr_assert_eq(pkn_watch_read(&watch, 150), 50);
    cr_assert_eq(pkn_watch_read(&watch, 90), 0); /* a core whose clock is a little behind */
    pkn_watch_stop(&watch, 160);
    cr_assert_eq(pkn_watch_read(&watch, 500), 60);
    pkn_watch_stop(&watch, 170);
    cr_assert_eq(pkn_watch_read(&watch, 500), 60);
    pkn_watch_start(&watch, 1000);
    cr_assert_eq(pkn_watch_read(&watch, 1001), 61);
    pkn_watch_stop(&watch, 999);
    cr_assert_eq(pkn_watch_read(&watch, 2000), 59);
    pkn_watch_start(&watch, 10); /* earlier than the time it shows: at the start of the counter */
    cr_assert_eq(pkn_watch_read(&watch, 11), 60);
}

Test(pool_tally, one_mode_at_a_time_runs) {
    pkn_tally tally;
    memset(&tally, 0, sizeof tally);
    pkn_tally_become(&tally, PKN_TALLY_BUSY, 10);
    pkn_tally_become(&tally, PKN_TALLY_BUSY, 20);
    pkn_tally_idle(&tally, 30);
    pkn_tally_idle(&tally, 45);
    pkn_tally_turn(&tally, PKN_TALLY_BUSY); /* from the last look at the clock on */
    pkn_tally_become(&tally, PKN_TALLY_AWAY, 50);
    cr_assert_eq(pkn_watch_read(&tally.watch[PKN_TALLY_BUSY], 99), 25);
    cr_assert_eq(pkn_watch_read(&tally.watch[PKN_TALLY_IDLE], 99), 15);
    cr_assert_eq(pkn_watch_read(&tally.watch[PKN_TALLY_AWAY], 99), 49);
}
