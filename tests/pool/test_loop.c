/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#include <math.h>

/* Checks each piece as it comes. Items are offsets from begin. */
typedef struct loop_ledger {
    unsigned char *visits;
    size_t begin, n;
    size_t min_len, max_len;
    size_t pieces, wrong;
    size_t fail_every; /* items that fail, 0 for none */
    size_t fail_from;
    pkern_pool *pool;
} loop_ledger;

static int loop_visit(size_t begin, size_t end, void *ctx) {
    loop_ledger *ledger = (loop_ledger *)ctx;
    size_t first = begin - ledger->begin, last = end - ledger->begin;
    int is_last = last == ledger->n;
    __atomic_fetch_add(&ledger->pieces, 1, __ATOMIC_RELAXED);
    if (first >= last || last > ledger->n || (ledger->max_len != 0 && last - first > ledger->max_len) ||
        (last - first < ledger->min_len && !is_last)) {
        __atomic_fetch_add(&ledger->wrong, 1, __ATOMIC_RELAXED);
        return 0;
    }
    for (size_t i = first; i < last; i++) {
        ledger->visits[i]++;
        if (ledger->fail_every != 0 && i >= ledger->fail_from && (i - ledger->fail_from) % ledger->fail_every == 0) {
            return (int)i + 1;
        }
    }
    return 0;
}

static unsigned char loop_visits[100003];

static void loop_check(pkern_pool *pool, size_t begin, size_t n, const pkern_par_options *options) {
    loop_ledger ledger;
    memset(&ledger, 0, sizeof ledger);
    memset(loop_visits, 0, n);
    ledger.visits = loop_visits;
    ledger.begin = begin;
    ledger.n = n;
    ledger.min_len = options != 0 ? options->min_len : 0;
    ledger.max_len = options != 0 ? options->max_len : 0;
    cr_assert_eq(pkn_loop_run(pool, begin, begin + n, options, loop_visit, &ledger), PKERN_OK);
    cr_assert_eq(ledger.wrong, 0, "n %zu, min %zu, max %zu, cost %g", n, ledger.min_len, ledger.max_len,
                 options != 0 ? options->item_cost_ns : 0.0);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(loop_visits[i], 1);
    }
}

static int loop_never(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    (*(int *)ctx)++;
    return 0;
}

Test(pool_loop, bad_arguments_run_nothing_and_empty_loops_neither) {
    pkern_par_options options;
    int calls = 0;
    memset(&options, 0, sizeof options);
    options.min_len = 3;
    options.max_len = 2;
    cr_assert_eq(pkn_loop_run(0, 1, 0, 0, loop_never, &calls), PKERN_EINVAL);
    cr_assert_eq(pkn_loop_run(0, 0, 1, 0, 0, &calls), PKERN_EINVAL);
    cr_assert_eq(pkn_loop_run(0, 0, 1, &options, loop_never, &calls), PKERN_EINVAL);
    cr_assert_eq(pkn_loop_run(0, 5, 5, 0, loop_never, &calls), PKERN_OK);
    cr_assert_eq(pkn_loop_run(0, SIZE_MAX, SIZE_MAX, 0, loop_never, &calls), PKERN_OK);
    cr_assert_eq(calls, 0);
}

Test(pool_loop, any_hint_of_cost_covers_the_range_once) {
    static const double costs[] = {0, 1e-300, 1e-9, 0.01, 1, 37, 1000, 1e6, 1e9, 1e300, -1, -1e300};
    static const size_t sizes[] = {1, 2, 3, 17, 1009, 65535, 65536, 100003};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
            for (size_t c = 0; c < POOL_COUNT(costs) + 3; c++) {
                pkern_par_options options;
                memset(&options, 0, sizeof options);
                options.item_cost_ns = c < POOL_COUNT(costs) ? costs[c] : c == POOL_COUNT(costs) ? NAN : c % 2 ? INFINITY : -INFINITY;
                loop_check(pool, 1000, sizes[s], &options);
            }
            loop_check(pool, 0, sizes[s], 0);
        }
        pool_end(pool);
    }
}

Test(pool_loop, pieces_keep_the_bounds_of_length) {
    static const double costs[] = {0, 0.05, 30, 1e5};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (uint64_t i = 0; i < 800; i++) {
            pkern_par_options options;
            memset(&options, 0, sizeof options);
            options.item_cost_ns = costs[i % 4];
            options.min_len = (size_t)pool_random(5 * i, 3) * (size_t)pool_random(5 * i + 1, 60);
            options.max_len = pool_random(5 * i + 2, 3) == 0 ? 0 : 1 + options.min_len + (size_t)pool_random(5 * i + 3, 40);
            loop_check(pool, (size_t)i, 1 + (size_t)pool_random(5 * i + 4, 3000), &options);
        }
        pool_end(pool);
    }
}

Test(pool_loop, ranges_at_the_end_of_size_t_do_not_wrap) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t n = 1; n < 100000; n = n * 5 + 3) {
            for (int costly = 0; costly < 2; costly++) {
                pkern_par_options options;
                memset(&options, 0, sizeof options);
                options.item_cost_ns = costly ? 1e5 : 0;
                loop_check(pool, SIZE_MAX - n, n, &options);
                options.min_len = SIZE_MAX;
                loop_check(pool, SIZE_MAX - n, n, &options);
                options.min_len = 7;
                options.max_len = SIZE_MAX;
                loop_check(pool, SIZE_MAX - n, n, &options);
            }
        }
        pool_end(pool);
    }
}

typedef struct loop_huge {
    size_t sum, pieces, wrong;
} loop_huge;

static int loop_add_length(size_t begin, size_t end, void *ctx) {
    loop_huge *huge = (loop_huge *)ctx;
    __atomic_fetch_add(&huge->sum, end - begin, __ATOMIC_RELAXED);
    __atomic_fetch_add(&huge->pieces, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&huge->wrong, begin >= end, __ATOMIC_RELAXED);
    return 0;
}

Test(pool_loop, the_longest_range_there_is) {
    static const double costs[] = {0, 1e-18, 1, 1e9};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t c = 0; c < POOL_COUNT(costs); c++) {
            for (int round = 0; round < 3; round++) { /* the cost of a body that returns at once is soon thought to be tiny */
                loop_huge huge = {0, 0, 0};
                pkern_par_options options;
                memset(&options, 0, sizeof options);
                options.item_cost_ns = costs[c];
                options.max_len = round == 2 ? SIZE_MAX / 1000 : 0;
                cr_assert_eq(pkn_loop_run(pool, 0, SIZE_MAX, &options, loop_add_length, &huge), PKERN_OK);
                cr_assert_eq(huge.sum, SIZE_MAX);
                cr_assert_eq(huge.wrong, 0);
                cr_assert_leq(huge.pieces, 200000);
            }
        }
        pool_end(pool);
    }
}

/* ---- failures ---- */

Test(pool_loop, the_lowest_failure_wins_and_what_is_below_is_finished) {
    static const double costs[] = {0, 1e5};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (uint64_t i = 0; i < 400; i++) {
            size_t n = 1 + (size_t)pool_random(3 * i, 5000);
            loop_ledger ledger;
            pkern_par_options options;
            memset(&ledger, 0, sizeof ledger);
            memset(&options, 0, sizeof options);
            memset(loop_visits, 0, n);
            ledger.visits = loop_visits;
            ledger.n = n;
            ledger.fail_from = (size_t)pool_random(3 * i + 1, n);
            ledger.fail_every = 1 + (size_t)pool_random(3 * i + 2, 50);
            options.item_cost_ns = costs[i % 2];
            options.max_len = i % 3 == 0 ? 1 + i % 7 : 0;
            cr_assert_eq(pkn_loop_run(pool, 0, n, &options, loop_visit, &ledger), (int)ledger.fail_from + 1);
            for (size_t k = 0; k <= ledger.fail_from; k++) {
                cr_assert_eq(loop_visits[k], 1);
            }
            for (size_t k = 0; k < n; k++) {
                cr_assert_leq(loop_visits[k], 1);
            }
        }
        pool_end(pool);
    }
}


static int loop_fail_first(size_t begin, size_t end, void *ctx) {
    size_t *late = (size_t *)ctx;
    PKN_UNUSED(end);
    if (begin == 0) {
        return 9;
    }
    pool_nap_us(200);
    __atomic_fetch_add(late, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Once a failure is known no piece above it is begun: with short pieces neither. */
Test(pool_loop, a_failure_stops_the_pieces_above_it) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int i = 0; i < 5; i++) {
            size_t late = 0;
            pkern_par_options options;
            memset(&options, 0, sizeof options);
            options.item_cost_ns = 1000;
            options.max_len = 1;
            cr_assert_eq(pkn_loop_run(pool, 0, 100000, &options, loop_fail_first, &late), 9);
            cr_assert_leq(late, 100);
        }
        pool_end(pool);
    }
}

/* ---- cancel ---- */

typedef struct loop_stop {
    pkern_cancel cancel;
    size_t ran, at;
    int code;
} loop_stop;

static int loop_cancel_at(size_t begin, size_t end, void *ctx) {
    loop_stop *stop = (loop_stop *)ctx;
    if (stop->at >= begin && stop->at < end) {
        pkern_cancel_request(&stop->cancel);
        return stop->code;
    }
    pool_nap_us(50);
    __atomic_fetch_add(&stop->ran, 1, __ATOMIC_RELAXED);
    return 0;
}

Test(pool_loop, a_cancel_stops_it_soon_and_a_failure_beats_it) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int i = 0; i < 20; i++) {
            loop_stop stop;
            pkern_par_options options;
            memset(&stop, 0, sizeof stop);
            memset(&options, 0, sizeof options);
            options.cancel = &stop.cancel;
            options.max_len = 1;
            stop.code = i % 2 ? 5 : 0;
            cr_assert_eq(pkn_loop_run(pool, 0, 1000000, &options, loop_cancel_at, &stop), i % 2 ? 5 : PKERN_ECANCELED);
            cr_assert_leq(stop.ran, 2000);
        }
        pool_end(pool);
    }
}

Test(pool_loop, a_cancel_in_the_last_piece_does_not_undo_a_loop_that_is_done) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        loop_stop stop;
        pkern_par_options options;
        memset(&stop, 0, sizeof stop);
        memset(&options, 0, sizeof options);
        options.cancel = &stop.cancel;
        cr_assert_eq(pkn_loop_run(pool, 0, 1, &options, loop_cancel_at, &stop), PKERN_OK);
        cr_assert_eq(pkn_loop_run(pool, 0, 1, &options, loop_cancel_at, &stop), PKERN_ECANCELED);
        pool_end(pool);
    }
}

/* ---- progress ---- */

typedef struct loop_progress {
    size_t calls, last, total, inside, wrong;
    size_t stop_after; /* calls, 0 = never */
    uint64_t last_ns;
} loop_progress;

static int loop_on_progress(size_t done, size_t total, void *user) {
    loop_progress *progress = (loop_progress *)user;
    uint64_t now_ns = pkn_now_ns();
    progress->wrong += __atomic_fetch_add(&progress->inside, 1, __ATOMIC_ACQ_REL) != 0; /* serialized */
    progress->wrong += total != progress->total || done > total || (done == total && progress->last == total);
    /* throttled, but for the last; a little less than 10 ms, since the clock here is read after theirs */
    progress->wrong += done != total && now_ns - progress->last_ns < 9000000;
    progress->last = done;
    progress->last_ns = now_ns;
    progress->calls++;
    __atomic_fetch_sub(&progress->inside, 1, __ATOMIC_ACQ_REL);
    return progress->stop_after != 0 && progress->calls >= progress->stop_after;
}

static int loop_nap(size_t begin, size_t end, void *ctx) {
    uint64_t start_ns = pkn_now_ns();
    PKN_UNUSED(ctx);
#if PKN_THREADS
    pool_nap_us(100 * (unsigned)(end - begin));
#endif
    while (pkn_now_ns() - start_ns < 100000 * (end - begin)) { /* without threads the clock only runs while we do */
    }
    return 0;
}

Test(pool_loop, progress_is_serialized_throttled_and_ends_with_the_total) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_par_options options;
        loop_progress progress;
        memset(&options, 0, sizeof options);
        memset(&progress, 0, sizeof progress);
        options.max_len = 3;
        options.progress = loop_on_progress;
        options.progress_user = &progress;
        progress.total = 1009;
        progress.last_ns = pkn_now_ns();
        cr_assert_eq(pkn_loop_run(pool, 5, 5 + 1009, &options, loop_nap, 0), PKERN_OK);
        cr_assert_eq(progress.wrong, 0);
        cr_assert_eq(progress.last, 1009);
        cr_assert_geq(progress.calls, 2);
        progress.calls = progress.last = 0;
        progress.stop_after = 1;
        progress.total = 10007;
        progress.last_ns = pkn_now_ns();
        cr_assert_eq(pkn_loop_run(pool, 0, 10007, &options, loop_nap, 0), PKERN_ECANCELED);
        cr_assert_eq(progress.calls, 1);
        cr_assert_lt(progress.last, 10007);
        cr_assert_eq(progress.wrong, 0);
        progress.calls = progress.last = progress.stop_after = 0;
        progress.total = 1;
        cr_assert_eq(pkn_loop_run(pool, 0, 1, &options, loop_nap, 0), PKERN_OK);
        cr_assert_eq(progress.calls, 1);
        pool_end(pool);
    }
}

/* ---- nested ---- */

static int loop_nest(size_t begin, size_t end, void *ctx) {
    loop_ledger *outer = (loop_ledger *)ctx;
    for (size_t i = begin; i < end; i++) {
        pkern_par_options options;
        loop_ledger inner;
        memset(&options, 0, sizeof options);
        memset(&inner, 0, sizeof inner);
        options.item_cost_ns = i % 3 == 0 ? 0 : 1e5;
        options.max_len = i % 2 ? 0 : 4;
        inner.visits = outer->visits + i * 101;
        inner.n = 101;
        inner.fail_every = outer->fail_every;
        inner.fail_from = i == 50 ? 70 : SIZE_MAX;
        int status = pkn_loop_run(outer->pool, 0, 101, &options, loop_visit, &inner);
        if (status != 0 || inner.wrong != 0) {
            return status != 0 ? status : 1000;
        }
    }
    return 0;
}

Test(pool_loop, nests_and_hands_up_the_failure_of_an_inner_loop) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 20; round++) {
            pkern_par_options options;
            loop_ledger outer;
            memset(&options, 0, sizeof options);
            memset(&outer, 0, sizeof outer);
            memset(loop_visits, 0, 97 * 101);
            options.item_cost_ns = 1e5;
            outer.visits = loop_visits;
            outer.pool = round % 2 ? pool : 0;
            outer.fail_every = round % 4 == 3;
            cr_assert_eq(pkn_loop_run(pool, 0, 97, &options, loop_nest, &outer), outer.fail_every ? 71 : 0);
            for (size_t i = 0; i < 97 * 101; i++) {
                cr_assert(loop_visits[i] == 1 || (outer.fail_every && i > 50 * 101 && loop_visits[i] == 0));
            }
        }
        pool_end(pool);
    }
}

/* A loop body that joins and spawns: its waits take pieces of other loops. */
static int loop_mixed(size_t begin, size_t end, void *ctx) {
    size_t *ran = (size_t *)ctx;
    pkern_scope scope;
    for (size_t i = begin; i < end; i++) {
        int status = pkern_scope_begin(&scope, 0);
        status = status != 0 ? status : pkern_scope_spawn(&scope, pool_count_one, ran);
        status = status != 0 ? status : pkern_join(0, pool_count_one, ran, pool_count_one, ran);
        int waited = pkern_scope_wait(&scope);
        if (status != 0 || waited != 0) {
            return status != 0 ? status : waited;
        }
    }
    return 0;
}

Test(pool_loop, bodies_may_join_and_spawn) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        size_t ran = 0;
        pkern_par_options options;
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e4;
        for (int i = 0; i < 20; i++) {
            cr_assert_eq(pkn_loop_run(pool, 0, 211, &options, loop_mixed, &ran), PKERN_OK);
        }
        cr_assert_eq(ran, 20 * 633);
        pool_end(pool);
    }
}

#if PKN_THREADS

typedef struct loop_caller {
    pkern_pool *pool;
    size_t ran;
} loop_caller;

static void *loop_outside(void *ctx) {
    loop_caller *caller = (loop_caller *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    for (int i = 0; i < 300; i++) {
        loop_huge huge = {0, 0, 0};
        options.item_cost_ns = i % 3 == 0 ? 0 : (double)(i % 5) * 500;
        cr_assert_eq(pkn_loop_run(caller->pool, 0, 1009, &options, loop_add_length, &huge), PKERN_OK);
        cr_assert_eq(huge.sum, 1009);
        cr_assert_eq(pkn_loop_run(caller->pool, 0, 11, &options, loop_mixed, &caller->ran), PKERN_OK);
    }
    return 0;
}

Test(pool_loop, several_outside_threads_loop_at_once) {
    for (int threads = 1; threads <= 5; threads += 2) {
        pool_outside outside = {{0}, 0};
        loop_caller caller = {0, 0};
        caller.pool = pool_of(threads);
        for (int i = 0; i < 5; i++) {
            pool_go(&outside, loop_outside, &caller);
        }
        pool_come_back(&outside);
        pool_end(caller.pool);
        cr_assert_eq(caller.ran, 5 * 300 * 33);
    }
}

#endif

Test(pool_loop, without_memory_for_a_board_it_still_runs) {
    pool_heap heap;
    pkern_pool *pool = pool_of_heap(&heap, 3);
    size_t ran = 0;
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    for (int i = 0; i < 20; i++) {
        pkern_par_options options;
        memset(&options, 0, sizeof options);
        options.item_cost_ns = i % 2 ? 1e5 : 0;
        loop_check(pool, 0, 10007, &options);
    }
    pool_end(pool);
    pool_heap_check(&heap);
}

/* ---- short calls: bodies that run without a place in the pool until they ask for one ---- */

typedef struct loop_short {
    pkern_pool *pool;
    int ask; /* what the body asks for */
    int index, threads;
    pkern_status status;
    size_t items;
} loop_short;

enum { LOOP_ASK_NOTHING, LOOP_ASK_INDEX, LOOP_ASK_THREADS, LOOP_ASK_DESTROY, LOOP_ASK_LOOP, LOOP_ASK_SCOPE, LOOP_ASKS };

static int loop_short_inner(size_t begin, size_t end, void *ctx) {
    loop_short *seen = (loop_short *)ctx;
    (void)begin;
    (void)end;
    seen->threads = pkern_pool_num_threads(0);
    return 0;
}

static int loop_short_task(void *ctx) {
    ((loop_short *)ctx)->threads = pkern_pool_num_threads(0);
    return 0;
}

static int loop_short_body(size_t begin, size_t end, void *ctx) {
    loop_short *seen = (loop_short *)ctx;
    pkern_scope scope;
    seen->items += end - begin;
    switch (seen->ask) {
    case LOOP_ASK_INDEX:
        seen->index = pkern_worker_index(seen->pool);
        break;
    case LOOP_ASK_THREADS:
        seen->threads = pkern_pool_num_threads(0);
        break;
    case LOOP_ASK_DESTROY:
        seen->status = pkern_pool_destroy(seen->pool);
        break;
    case LOOP_ASK_LOOP:
        seen->status = pkern_par_for(0, 0, 1, 0, loop_short_inner, seen);
        break;
    case LOOP_ASK_SCOPE:
        seen->status = pkern_scope_begin(&scope, 0);
        pkern_scope_spawn(&scope, loop_short_task, seen);
        seen->status |= pkern_scope_wait(&scope);
        break;
    default:
        break;
    }
    return 0;
}

Test(pool_loop, a_short_body_finds_itself_inside_its_pool) {
    pkern_pool *pool = pool_of(3);
    int threads = pkern_pool_num_threads(pool);
    for (int ask = LOOP_ASK_NOTHING; ask < LOOP_ASKS; ask++) {
        /* 200 calls: most of them short, one in 64 the long way */
        for (int call = 0; call < 200; call++) {
            loop_short seen = {0, 0, -2, -2, PKERN_OK, 0};
            seen.pool = pool;
            seen.ask = ask;
            cr_assert_eq(pkern_par_for(pool, 0, 1, 0, loop_short_body, &seen), PKERN_OK); /* one item is never shared */
            cr_assert_eq(seen.items, 1u);
            if (ask == LOOP_ASK_INDEX) {
                cr_assert_geq(seen.index, 0);
                cr_assert_lt(seen.index, pkern_pool_num_slots(pool));
            }
            if (ask == LOOP_ASK_THREADS || ask == LOOP_ASK_LOOP || ask == LOOP_ASK_SCOPE) {
                cr_assert_eq(seen.threads, threads, "ask %d, call %d: %d threads", ask, call, seen.threads);
            }
            if (ask == LOOP_ASK_DESTROY) {
                cr_assert_eq(seen.status, PKERN_EDEADLK);
            }
            cr_assert_eq(pkern_worker_index(pool), -1); /* and is outside again */
        }
    }
    pool_end(pool);
}

static int loop_short_fails(size_t begin, size_t end, void *ctx) {
    (void)begin;
    (void)end;
    return *(int *)ctx;
}

Test(pool_loop, a_short_body_returns_its_failure) {
    pkern_pool *pool = pool_of(2);
    int code = 0;
    for (int call = 0; call < 100; call++) {
        code = call % 3 == 2 ? call : 0;
        cr_assert_eq(pkern_par_for(pool, 0, 4, 0, loop_short_fails, &code), code);
    }
    pool_end(pool);
}

/* The body calls its own loop once more: inside a short call, and inside of the pool, the way is the long one. */
static int loop_short_again(size_t begin, size_t end, void *ctx) {
    loop_short *seen = (loop_short *)ctx;
    seen->items += end - begin;
    if (seen->ask-- > 0) {
        seen->status |= pkern_par_for(seen->pool, 0, 1, 0, loop_short_again, seen);
    }
    return 0;
}

static int loop_short_installed(void *ctx) {
    loop_short *seen = (loop_short *)ctx;
    return pkern_par_for(seen->pool, 0, 1, 0, loop_short_again, seen);
}

Test(pool_loop, a_short_body_calls_its_own_loop) {
    pkern_pool *pool = pool_of(2);
    for (int call = 0; call < 200; call++) {
        loop_short seen = {0, 0, -2, -2, PKERN_OK, 0};
        seen.pool = pool;
        seen.ask = call % 4;
        cr_assert_eq(call % 3 == 0 ? pkern_pool_install(pool, loop_short_installed, &seen)
                                   : pkern_par_for(pool, 0, 1, 0, loop_short_again, &seen), PKERN_OK);
        cr_assert_eq(seen.items, (size_t)(call % 4) + 1);
        cr_assert_eq(seen.status, PKERN_OK);
        cr_assert_eq(pkern_worker_index(pool), -1);
    }
    pool_end(pool);
}

#if PKN_THREADS
/* Long for once: its first piece takes 5 us, and as it seems so would all the others. */
static int loop_surprises(size_t begin, size_t end, void *ctx) {
    uint64_t since = pkn_now_ns();
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED); /* shared after all where the machine stops meanwhile */
    while (begin == 0 && pkn_now_ns() - since < 5000) {
    }
    return 0;
}

typedef struct loop_surprise_tally {
    size_t in_time, woken; /* calls that ended before a wake was worth it, and those of them after which the helper was awake */
} loop_surprise_tally;

static int loop_surprise(void *ctx) {
    pkn_member *self = pkn_current();
    loop_surprise_tally *tally = (loop_surprise_tally *)ctx;
    int code = 7;
    pkn_loop_cost_of(self, (size_t)loop_short_fails)->item_ns = 0.01f;
    cr_assert_eq(pkn_loop_run(0, 0, 10, 0, loop_short_fails, &code), 7);
    for (int call = 0; call < 1000 && tally->in_time < 20; call++) {
        size_t ran = 0;
        pkn_loop_cost_of(self, (size_t)loop_surprises)->item_ns = 0.01f;
        pkn_this_thread.cold_ns = 0; /* no calls before this one that together would be worth a wake */
        pool_wait_asleep(self->pool, 1);
        uint64_t since = pkn_now_ns();
        cr_assert_eq(pkn_loop_run(0, 0, 10000000, 0, loop_surprises, &ran), PKERN_OK);
        int in_time = (double)(pkn_now_ns() - since) < PKN_SURPRISE_NS;
        cr_assert_eq(ran, 10000000);
        tally->in_time += (size_t)in_time;
        tally->woken += (size_t)(in_time && pkn_sleeping_workers(self->pool) == 0);
    }
    return 0;
}

Test(pool_loop, a_surprise_must_last_before_a_sleeper_is_woken) {
    pkern_pool *pool = pool_of(2);
    loop_surprise_tally tally = {0, 0};
    cr_assert_eq(pkern_pool_install(pool, loop_surprise, &tally), 0);
    cr_assert_gt(tally.in_time, 0);
    cr_assert_eq(tally.woken, 0, "%zu of %zu woke the helper", tally.woken, tally.in_time);
    pool_end(pool);
}

/* Too long to be short beside a helper that is awake, but not beside one that sleeps, until it has cost as much as many wakes. */
typedef struct loop_cold {
    size_t items, short_calls, held, leave;
} loop_cold;

static int loop_cold_body(size_t begin, size_t end, void *ctx) {
    loop_cold *cold = (loop_cold *)ctx;
    __atomic_fetch_add(&cold->items, end - begin, __ATOMIC_RELAXED);
    __atomic_fetch_add(&cold->short_calls, pkn_this_thread.short_call != 0, __ATOMIC_RELAXED);
    return 0;
}

static int loop_cold_hold(void *ctx) {
    loop_cold *cold = (loop_cold *)ctx;
    pool_count_one(&cold->held);
    return !pool_reaches(&cold->leave, 1);
}

/* 1 where the call ran as a short one. */
static int loop_cold_call(pkern_pool *pool, loop_cold *cold) {
    const pkern_pool *called = pool != 0 ? pool : pkern_pool_global();
    cold->items = cold->short_calls = 0;
    pkn_loop_remember_short(pool, (size_t)loop_cold_body, 1.0, called->ticks_per_ns);
    cr_assert_eq(pkn_loop_run(pool, 0, 5000, 0, loop_cold_body, cold), PKERN_OK);
    cr_assert_eq(cold->items, 5000);
    return cold->short_calls != 0;
}

Test(pool_loop, a_longer_call_is_short_while_all_sleep) {
    pkern_pool *pools[] = {pool_of(2), 0};
    for (size_t i = 0; i < POOL_COUNT(pools); i++) {
        pkern_pool *called = pools[i] != 0 ? pools[i] : pkern_pool_global();
        loop_cold cold;
        int calls = 0;
        memset(&cold, 0, sizeof cold);
        pool_wait_asleep(called, called->helpers);
        pkn_this_thread.cold_ns = 0;
        cr_assert(loop_cold_call(pools[i], &cold));
        while (loop_cold_call(pools[i], &cold)) {
            cr_assert_lt(++calls, 10000);
        }
        if (called->helpers == 1) {
            cr_assert_eq(pkern_spawn(called, loop_cold_hold, &cold), PKERN_OK);
            cr_assert(pool_reaches(&cold.held, 1));
            pkn_this_thread.cold_ns = 0;
            cr_assert_not(loop_cold_call(pools[i], &cold));
            __atomic_store_n(&cold.leave, 1, __ATOMIC_RELEASE);
            cr_assert_eq(pkern_pool_wait_idle(called, -1), PKERN_OK);
        }
    }
    pool_end(pools[0]);
}

static int loop_turns_dear(size_t begin, size_t end, void *ctx) {
    uint64_t since = *(int *)ctx ? pkn_now_ns() : 0;
    (void)begin;
    (void)end;
    while (since != 0 && pkn_now_ns() - since < 200000) {
    }
    return 0;
}

Test(pool_loop, a_short_body_that_turns_dear_is_looked_at_again) {
    pkern_pool *pool = pool_of(2);
    int dear = 0;
    pkn_loop_forget_short(&pkn_this_thread);
    /* again, where the machine stops in the call that is looked at */
    for (int call = 0; call < 10000 && pkn_this_thread.short_items == 0; call++) {
        cr_assert_eq(pkern_par_for(pool, 0, 1, 0, loop_turns_dear, &dear), PKERN_OK);
    }
    cr_assert_neq(pkn_this_thread.short_items, 0u);
    dear = 1;
    cr_assert_eq(pkern_par_for(pool, 0, 1, 0, loop_turns_dear, &dear), PKERN_OK);
    cr_assert_eq(pkn_this_thread.short_items, 0u);
    pool_end(pool);
}
#endif
