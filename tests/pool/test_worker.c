/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#if PKN_THREADS

#include <signal.h>
#include <sys/syscall.h>

typedef struct worker_log {
    size_t started[64], exited[64], wrong, tasks;
} worker_log;

static void worker_started(int index, void *user) {
    worker_log *log = (worker_log *)user;
    __atomic_fetch_add(&log->started[index], 1, __ATOMIC_RELAXED);
}

static void worker_exited(int index, void *user) {
    worker_log *log = (worker_log *)user;
    if (__atomic_load_n(&log->started[index], __ATOMIC_RELAXED) != 1) {
        __atomic_fetch_add(&log->wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&log->exited[index], 1, __ATOMIC_RELAXED);
}

static int worker_check_started(int index, int count, void *ctx) {
    worker_log *log = (worker_log *)ctx;
    if (index < count - 1 && (log->started[index] != 1 || log->exited[index] != 0)) {
        __atomic_fetch_add(&log->wrong, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

Test(pool_worker, the_hooks_run_once_on_each_worker_around_its_tasks) {
    for (int threads = 1; threads <= 8; threads++) {
        static worker_log log;
        pkern_pool_config config;
        memset(&log, 0, sizeof log);
        memset(&config, 0, sizeof config);
        config.num_threads = threads;
        config.on_thread_start = worker_started;
        config.on_thread_exit = worker_exited;
        config.user = &log;
        pkern_pool *pool = pool_with(&config);
        cr_assert_eq(pkern_broadcast(pool, worker_check_started, &log), PKERN_OK);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(pkern_spawn(pool, pool_count_one, &log.tasks), PKERN_OK);
        }
        pool_end(pool);
        cr_assert_eq(log.tasks, 100);
        cr_assert_eq(log.wrong, 0);
        for (int i = 0; i < 64; i++) {
            cr_assert_eq(log.started[i], i < threads - 1);
            cr_assert_eq(log.exited[i], i < threads - 1);
        }
    }
}

#if PKN_LINUX

static int worker_check_name(int index, int count, void *ctx) {
    char expected[40], name[32] = "";
    const char *prefix = (const char *)ctx;
    FILE *file;
    if (index == count - 1) {
        return 0;
    }
    snprintf(name, sizeof name, "/proc/self/task/%ld/comm", (long)syscall(SYS_gettid));
    file = fopen(name, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(name, sizeof name, file));
    fclose(file);
    snprintf(expected, sizeof expected, "%.*s-%d\n", 13, prefix, index);
    cr_assert_str_eq(name, expected);
    return 0;
}

Test(pool_worker, threads_are_named_after_pool_and_index) {
    static char names[][40] = {"x", "render", "a_name_far_too_long_for_this", ""};
    for (size_t i = 0; i < POOL_COUNT(names); i++) {
        pkern_pool_config config;
        memset(&config, 0, sizeof config);
        config.num_threads = 3;
        config.name = names[i];
        pkern_pool *pool = pool_with(&config);
        cr_assert_eq(pkern_broadcast(pool, worker_check_name, names[i]), PKERN_OK);
        pool_end(pool);
    }
}

static int worker_count_cpus(int index, int count, void *ctx) {
    unsigned long mask[PKN_CPU_MASK_WORDS];
    PKN_UNUSED(ctx);
    cr_assert(index == count - 1 || pkn_affinity(mask) == 1);
    return 0;
}

Test(pool_worker, pinned_workers_have_one_cpu) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 5;
    config.flags = PKERN_POOL_PIN;
    pkern_pool *pool = pool_with(&config);
    cr_assert_eq(pkern_broadcast(pool, worker_count_cpus, 0), PKERN_OK);
    pool_end(pool);
}

#endif

static int worker_signals_blocked(int index, int count, void *ctx) {
    sigset_t blocked;
    PKN_UNUSED(ctx);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, 0, &blocked), 0);
    cr_assert(index == count - 1 || (sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGINT)));
    return 0;
}

Test(pool_worker, workers_take_no_signals) {
    pkern_pool *pool = pool_of(3);
    cr_assert_eq(pkern_broadcast(pool, worker_signals_blocked, 0), PKERN_OK);
    pool_end(pool);
}

#endif
