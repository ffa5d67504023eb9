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
