/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#include <signal.h>

Test(pool_cancel, a_zeroed_token_waits_for_a_request) {
    pkern_cancel cancel;
    memset(&cancel, 0, sizeof cancel);
    cr_assert_eq(pkern_cancel_requested(&cancel), 0);
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_cancel_requested(&cancel), 1);
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_cancel_requested(&cancel), 1);
}

Test(pool_cancel, a_null_token_is_never_requested) {
    pkern_cancel_request(0);
    cr_assert_eq(pkern_cancel_requested(0), 0);
}

static pkern_cancel cancel_of_signal;

static void cancel_on_signal(int number) {
    PKN_UNUSED(number);
    pkern_cancel_request(&cancel_of_signal);
}

static int cancel_spin(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    if (begin == 0) {
        raise(SIGUSR1);
    }
    return 0;
}

Test(pool_cancel, a_signal_handler_stops_a_loop) {
    pkern_par_options options;
    size_t done = 0;
    pkern_pool *pool = pool_of(2);
    memset(&options, 0, sizeof options);
    options.cancel = &cancel_of_signal;
    options.max_len = 1;
    signal(SIGUSR1, cancel_on_signal);
    cr_assert_eq(pkn_loop_run(pool, 0, SIZE_MAX, &options, cancel_spin, &done), PKERN_ECANCELED);
    cr_assert(done != 0 && done < SIZE_MAX);
    pool_end(pool);
}

/* ---- deadlines ---- */

#define CANCEL_MS INT64_C(1000000)

Test(pool_cancel, a_deadline_counts_as_a_request_once_it_has_passed) {
    pkern_cancel cancel;
    memset(&cancel, 0, sizeof cancel);
    pkern_cancel_after(0, 1);
    cr_assert_eq(pkern_cancel_status(0), PKERN_OK);
    pkern_cancel_after(&cancel, 1000000 * CANCEL_MS);
    cr_assert_eq(pkern_cancel_requested(&cancel), 0);
    cr_assert_eq(pkern_cancel_status(&cancel), PKERN_OK);
    pkern_cancel_after(&cancel, INT64_MAX);
    cr_assert_eq(pkern_cancel_requested(&cancel), 0);
    pkern_cancel_after(&cancel, 0);
    cr_assert_eq(pkern_cancel_requested(&cancel), 1);
    cr_assert_eq(pkern_cancel_status(&cancel), PKERN_ETIMEDOUT);
    pkern_cancel_after(&cancel, -1);
    cr_assert_eq(pkern_cancel_requested(&cancel), 0);
    pkern_cancel_after(&cancel, 0);
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_cancel_status(&cancel), PKERN_ECANCELED);
}

static int cancel_busy(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

Test(pool_cancel, a_deadline_stops_a_loop) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_par_options options;
        pkern_cancel cancel;
        size_t done = 0;
        pkern_pool *pool = pool_of(pool_threads[t]);
        memset(&options, 0, sizeof options);
        memset(&cancel, 0, sizeof cancel);
        options.cancel = &cancel;
        options.max_len = 1;
        pkern_cancel_after(&cancel, 5 * CANCEL_MS);
        cr_assert_eq(pkn_loop_run(pool, 0, SIZE_MAX, &options, cancel_busy, &done), PKERN_ECANCELED);
        cr_assert_eq(pkern_cancel_status(&cancel), PKERN_ETIMEDOUT);
        cr_assert(done != 0 && done < SIZE_MAX);
        pool_end(pool);
    }
}

/* ---- scopes ---- */

typedef struct cancel_scope {
    pkern_cancel cancel;
    size_t ran;
} cancel_scope;

static int cancel_request_it(void *ctx) {
    cancel_scope *it = (cancel_scope *)ctx;
    pkern_cancel_request(&it->cancel);
    return 0;
}

static int cancel_count(void *ctx) {
    return pool_count_one(&((cancel_scope *)ctx)->ran);
}

static int cancel_count_everywhere(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return cancel_count(ctx);
}

Test(pool_cancel, a_scopes_tasks_that_have_not_begun_are_skipped) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int how = 0; how < 4; how++) {
            cancel_scope it;
            pkern_scope scope;
            memset(&it, 0, sizeof it);
            cr_assert_eq(how % 2 ? pkern_scope_begin_fifo(&scope, pool) : pkern_scope_begin(&scope, pool), PKERN_OK);
            cr_assert_eq(pkern_scope_set_cancel(&scope, &it.cancel), PKERN_OK);
            if (how < 2) {
                pkern_cancel_request(&it.cancel);
            } else {
                pkern_cancel_after(&it.cancel, 0);
            }
            for (int i = 0; i < 100; i++) {
                cr_assert_eq(pkern_scope_spawn(&scope, cancel_count, &it), PKERN_OK);
                cr_assert_eq(pkern_scope_spawn_urgent(&scope, cancel_count, &it), PKERN_OK);
                cr_assert_eq(pkern_scope_spawn_broadcast(&scope, cancel_count_everywhere, &it), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_ECANCELED);
            cr_assert_eq(it.ran, 0);
            /* the scope begins anew, without the token */
            cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
            cr_assert_eq(pkern_scope_spawn(&scope, cancel_count, &it), PKERN_OK);
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            cr_assert_eq(it.ran, 1);
        }
        pool_end(pool);
    }
}

Test(pool_cancel, a_task_cancels_those_behind_it) {
    pkern_pool *pool = pool_of(1);
    cancel_scope it;
    pkern_scope scope;
    memset(&it, 0, sizeof it);
    cr_assert_eq(pkern_scope_begin_fifo(&scope, pool), PKERN_OK);
    cr_assert_eq(pkern_scope_set_cancel(&scope, &it.cancel), PKERN_OK);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, i == 5 ? cancel_request_it : cancel_count, &it), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_ECANCELED);
    cr_assert_eq(it.ran, 5);
    pool_end(pool);
}
