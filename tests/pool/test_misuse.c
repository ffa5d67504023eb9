/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What programs do wrong: each has a status, a defined result, or an assertion in debug builds. Destroying a pool in use is in
   test_pool.c, bad arguments are in each call's own file. */
#include "pool_tools.h"

Test(pool_misuse, a_second_wait_and_later_spawns_do_nothing) {
    static int codes[] = {0, 5, 0, 9};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_scope scope;
        size_t ran = 0;
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (size_t i = 0; i < POOL_COUNT(codes); i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, pool_return, &codes[i]), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), 5);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK); /* and it can be used again */
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(ran, 1);
        pool_end(pool);
    }
}

Test(pool_misuse, no_pool_has_more_threads_than_its_words_can_tell_apart) {
    static const int asked[] = {PKERN_MAX_THREADS + 1, 65535, 65536, 65537, INT32_MAX, -1, INT32_MIN};
    for (size_t i = 0; i < POOL_COUNT(asked); i++) {
        pkern_pool_config config;
        pkern_pool *pool = 0;
        memset(&config, 0, sizeof config);
        config.num_threads = asked[i];
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
        cr_assert_null(pool);
    }
    cr_assert_eq(pkn_threads_of_text("65536"), 0, "a bad value in the environment is ignored");
}

#if PKN_THREADS

#include <signal.h>
#include <sys/wait.h>

typedef struct misuse_foreign {
    pkern_scope *scope;
    size_t ran;
    int status;
} misuse_foreign;

static void *misuse_spawn(void *ctx) {
    misuse_foreign *foreign = (misuse_foreign *)ctx;
    foreign->status = pkern_scope_spawn(foreign->scope, pool_count_one, &foreign->ran);
    return (void *)pool_read(&foreign->ran);
}

Test(pool_misuse, R06_a_thread_outside_of_the_pool_pushes_to_nobody_else_s_deque) {
    pkern_pool *pool = pool_of(3);
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    for (int i = 0; i < 50; i++) {
        misuse_foreign foreign = {&scope, 0, 1};
        pthread_t thread;
        void *ran_inside = 0;
        cr_assert_eq(pthread_create(&thread, 0, misuse_spawn, &foreign), 0);
        cr_assert_eq(pthread_join(thread, &ran_inside), 0);
        cr_assert_eq(foreign.status, PKERN_OK);
        cr_assert_eq((size_t)ran_inside, 1);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    pool_end(pool);
}

/* A thread that waits for signals is a thread like any other; a handler may only ask for a cancel. */
static void *misuse_wait_for_signal(void *ctx) {
    sigset_t set;
    int signal_number = 0;
    size_t ran = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    cr_assert_eq(sigwait(&set, &signal_number), 0);
    cr_assert_eq(pkern_join((pkern_pool *)ctx, pool_count_one, &ran, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(ran, 2);
    return 0;
}

Test(pool_misuse, a_thread_that_takes_signals_may_join) {
    sigset_t set, before;
    pthread_t thread;
    pkern_pool *pool = pool_of(2);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    cr_assert_eq(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    cr_assert_eq(pthread_create(&thread, 0, misuse_wait_for_signal, pool), 0);
    cr_assert_eq(kill(getpid(), SIGUSR1), 0);
    cr_assert_eq(pthread_join(thread, 0), 0);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pool_end(pool);
}

#endif
