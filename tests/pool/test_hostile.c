/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Hostile surroundings: processes that end or fork in the middle, signals, cancellation, limits, one CPU, half a CPU. The R numbers are
   those of docs/reliability.md. */
#include "pool_tools.h"

#if PKN_THREADS && PKN_LINUX

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { HOSTILE_OK = 17, HOSTILE_NOT_PERMITTED = 18 };

/* Runs in a child process that has not had threads yet, with 20 s to live; its own exit status is the result. */
static int hostile_child(void (*run)(void *ctx), void *ctx) {
    int status = 0;
    fflush(0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        run(ctx);
        pool_child_ends(HOSTILE_OK);
    }
    while (waitpid(child, &status, 0) < 0) {
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(status));
    return -1;
}

#define HOSTILE_CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1); \
        } \
    } while (0)

static int hostile_sum(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static int hostile_index(int index, int count, void *ctx) {
    return index < count ? pool_count_one(ctx) : 1;
}

typedef struct hostile_tree {
    size_t *leaves;
    int depth;
} hostile_tree;

static int hostile_leaves(void *ctx) {
    const hostile_tree *tree = (const hostile_tree *)ctx;
    hostile_tree below = {tree->leaves, tree->depth - 1};
    return tree->depth == 0 ? pool_count_one(tree->leaves) : pkern_join(0, hostile_leaves, &below, hostile_leaves, &below);
}

/* Every kind of call once; 1 where all did what they should. Own counters, so any number of threads may do this at once. */
static int hostile_use(pkern_pool *pool) {
    size_t ran = 0, tasks = 0, everyone = 0, leaves = 0, items = 0;
    pkern_scope scope;
    pkern_par_options options;
    hostile_tree tree = {&leaves, 6};
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e5;
    int ok = pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran) == PKERN_OK && ran == 2;
    ok &= pkern_pool_install(pool, hostile_leaves, &tree) == PKERN_OK && leaves == 64;
    ok &= pkern_scope_begin(&scope, pool) == PKERN_OK;
    for (int i = 0; i < 20; i++) {
        ok &= pkern_scope_spawn(&scope, pool_count_one, &tasks) == PKERN_OK;
    }
    ok &= pkern_scope_wait(&scope) == PKERN_OK && tasks == 20;
    ok &= pkern_broadcast(pool, hostile_index, &everyone) == PKERN_OK && everyone >= 1;
    ok &= pkn_loop_run(pool, 0, 1000, &options, hostile_sum, &items) == PKERN_OK && items == 1000;
    return ok;
}

/* ---- R37: the process ends ---- */

static pkern_pool *hostile_pool; /* reachable at exit, so no leak */
static size_t hostile_runs;

static int hostile_forever(void *ctx) {
    __atomic_fetch_add((size_t *)ctx, 1, __ATOMIC_RELEASE);
    for (;;) {
        size_t ran = 0;
        (void)pkern_join(0, pool_count_one, &ran, pool_count_one, &ran);
    }
    return 0;
}

static void hostile_exit_beside_workers(void *ctx) {
    hostile_pool = pool_of(3);
    HOSTILE_CHECK(pkern_spawn(hostile_pool, hostile_forever, &hostile_runs) == PKERN_OK);
    HOSTILE_CHECK(pkern_spawn(0, hostile_forever, &hostile_runs) == PKERN_OK);
    HOSTILE_CHECK(pool_reaches(&hostile_runs, 2));
    PKN_UNUSED(ctx);
    exit(HOSTILE_OK);
}

Test(pool_hostile, R37_exit_while_workers_run) {
#if PKN_TSAN
    PKN_TEST_SKIP("the thread sanitizer reports threads that run at exit");
#endif
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(hostile_child(hostile_exit_beside_workers, 0), HOSTILE_OK);
    }
}

static void hostile_at_exit(void) {
    HOSTILE_CHECK(hostile_use(hostile_pool) && hostile_use(0));
    HOSTILE_CHECK(pkern_pool_destroy(hostile_pool) == PKERN_OK);
    HOSTILE_CHECK(pkern_pool_global_shutdown() == PKERN_OK);
}

static void hostile_use_at_exit(void *ctx) {
    PKN_UNUSED(ctx);
    hostile_pool = pool_of(3);
    HOSTILE_CHECK(hostile_use(hostile_pool));
    HOSTILE_CHECK(atexit(hostile_at_exit) == 0);
    exit(HOSTILE_OK);
}

Test(pool_hostile, R37_calls_at_exit) {
    cr_assert_eq(hostile_child(hostile_use_at_exit, 0), HOSTILE_OK);
}

static pthread_t hostile_main_thread;

static void *hostile_outlive_main(void *ctx) {
    PKN_UNUSED(ctx);
    pthread_join(hostile_main_thread, 0);
    HOSTILE_CHECK(hostile_use(hostile_pool) && hostile_use(0));
    HOSTILE_CHECK(pkern_pool_destroy(hostile_pool) == PKERN_OK);
    HOSTILE_CHECK(pkern_pool_global_shutdown() == PKERN_OK);
    pool_child_ends(HOSTILE_OK);
}

static void hostile_end_main_thread(void *ctx) {
    pthread_t thread;
    PKN_UNUSED(ctx);
    hostile_pool = pool_of(3);
    HOSTILE_CHECK(hostile_use(hostile_pool) && hostile_use(0)); /* the main thread keeps a slot in both */
    hostile_main_thread = pthread_self();
    HOSTILE_CHECK(pthread_create(&thread, 0, hostile_outlive_main, 0) == 0);
    pthread_exit(0);
}

Test(pool_hostile, R37_the_main_thread_ends_by_pthread_exit) {
#if PKN_TSAN
    PKN_TEST_SKIP("the thread sanitizer does not let the main thread be joined");
#endif
#if !defined(__GLIBC__)
    PKN_TEST_SKIP("musl 1.2.3 itself hangs where a forked process's main thread ends (seen without pkern)");
#endif
    cr_assert_eq(hostile_child(hostile_end_main_thread, 0), HOSTILE_OK);
}

/* ---- R39: signals without SA_RESTART, 1000 a second ---- */

static size_t hostile_signals;

static void hostile_on_alarm(int signal_number) {
    PKN_UNUSED(signal_number);
    __atomic_fetch_add(&hostile_signals, 1, __ATOMIC_RELAXED);
}

static void *hostile_use_often(void *ctx) {
    uint64_t end = pkn_now_ns() + 300000000;
    while (pkn_now_ns() < end) {
        cr_assert(hostile_use((pkern_pool *)ctx));
        pool_nap_us(200);
    }
    return 0;
}

Test(pool_hostile, R39_a_storm_of_signals_loses_nothing) {
    struct sigaction action, before;
    struct itimerval every_ms = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    pool_outside outside = {{0}, 0};
    memset(&action, 0, sizeof action);
    action.sa_handler = hostile_on_alarm; /* no SA_RESTART */
    cr_assert_eq(sigaction(SIGVTALRM, &action, &before), 0);
    cr_assert_eq(sigaction(SIGPROF, &action, 0), 0);
    timer_t timer;
    struct sigevent event;
    struct itimerspec each = {{0, 1000000}, {0, 1000000}};
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGVTALRM;
    cr_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    cr_assert_eq(timer_settime(timer, 0, &each, 0), 0);     /* whoever does not block it: the callers */
    cr_assert_eq(setitimer(ITIMER_PROF, &every_ms, 0), 0);  /* workers take this one */
    pkern_pool *pool = pool_of(4);
    pool_go(&outside, hostile_use_often, pool);
    pool_go(&outside, hostile_use_often, pool);
    for (int i = 0; i < 100; i++) {
        pkern_pool *own = pool_of(3);
        cr_assert(hostile_use(own));
        pool_end(own);
    }
    pool_come_back(&outside);
    pool_end(pool);
    timer_delete(timer);
    setitimer(ITIMER_PROF, &never, 0);
    sigaction(SIGVTALRM, &before, 0);
    signal(SIGPROF, SIG_IGN);
    cr_assert_gt(hostile_signals, 50);
}

/* ---- R40: cancellation of threads ---- */

typedef struct hostile_victim {
    pkern_pool *pool;
    size_t inside, leave, after, cleaned;
} hostile_victim;

static int hostile_wait_without_cancellation_points(void *ctx) {
    hostile_victim *victim = (hostile_victim *)ctx;
    __atomic_store_n(&victim->inside, 1, __ATOMIC_RELEASE);
    while (pool_read(&victim->leave) == 0) {
        pkn_cpu_relax();
    }
    return 0;
}

static int hostile_wait_long(void *ctx) {
    hostile_victim *victim = (hostile_victim *)ctx;
    while (pool_read(&victim->leave) == 0) {
        pkn_cpu_relax();
    }
    for (uint64_t end = pkn_now_ns() + 3000000; pkn_now_ns() < end;) {
        pkn_cpu_relax();
    }
    return 0;
}

/* Makes the calls in which the library itself opens files, sleeps, waits for threads, and is never interrupted in one. */
static void *hostile_be_canceled(void *ctx) {
    hostile_victim *victim = (hostile_victim *)ctx;
    pkern_pool_config config;
    pkern_pool *own = 0;
    size_t ran = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    (void)pkern_join(victim->pool, hostile_wait_without_cancellation_points, victim, hostile_wait_long, victim);
    /* the request is pending from here on */
    (void)pkern_join(0, pool_count_one, &ran, pool_count_one, &ran); /* makes the global pool */
    if (pkern_pool_create(&config, &own) == PKERN_OK) {
        (void)pkern_spawn(own, pool_count_one, &ran);
        (void)pkern_broadcast(own, hostile_index, &ran);
        (void)pkern_pool_destroy(own);
    }
    (void)pkern_pool_global_shutdown();
    __atomic_store_n(&victim->after, 1, __ATOMIC_RELEASE);
    pthread_testcancel();
    __atomic_store_n(&victim->cleaned, 1, __ATOMIC_RELEASE);
    return 0;
}

Test(pool_hostile, R40_a_canceled_thread_leaves_no_call_undone) {
    (void)pkern_pool_global_shutdown();
    for (int i = 0; i < 20; i++) {
        hostile_victim victim;
        pthread_t thread;
        void *result = 0;
        memset(&victim, 0, sizeof victim);
        victim.pool = pool_of(2);
        cr_assert_eq(pthread_create(&thread, 0, hostile_be_canceled, &victim), 0);
        cr_assert(pool_reaches(&victim.inside, 1));
        cr_assert_eq(pthread_cancel(thread), 0);
        __atomic_store_n(&victim.leave, 1, __ATOMIC_RELEASE);
        cr_assert_eq(pthread_join(thread, &result), 0);
        cr_assert_eq(victim.after, 1, "the thread was cancelled inside of a call");
        cr_assert_eq(victim.cleaned, 0);
        cr_assert_eq(result, PTHREAD_CANCELED);
        cr_assert(hostile_use(victim.pool) && hostile_use(0));
        pool_end(victim.pool);
        cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    }
}

static int hostile_cancel_myself(void *ctx) {
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return pool_count_one(ctx);
}

Test(pool_hostile, R40_workers_can_not_be_canceled) {
    pkern_pool *pool = pool_of(3);
    size_t ran = 0;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(pkern_spawn(pool, hostile_cancel_myself, &ran), PKERN_OK);
    }
    cr_assert(pool_reaches(&ran, 20));
    cr_assert(hostile_use(pool));
    pool_end(pool);
}

static void *hostile_end_between_calls(void *ctx) {
    pkern_pool *pool = (pkern_pool *)ctx;
    cr_assert(hostile_use(pool));
    pthread_exit(0);
}

Test(pool_hostile, R40_threads_that_end_between_calls_leave_their_slots) {
    pkern_pool *pool = pool_of(2);
    for (int i = 0; i < 100; i++) {
        pool_outside outside = {{0}, 0};
        pool_go(&outside, hostile_end_between_calls, pool);
        pool_go(&outside, hostile_end_between_calls, pool);
        pool_come_back(&outside);
    }
    cr_assert_leq(pkn_atomic_load_relaxed_u32(&pool->num_members), 4); /* a worker, a kept slot, two more */
    pool_end(pool);
}

/* ---- R41: thread-specific data ---- */

static pthread_key_t hostile_key;
static size_t hostile_destructors;

static void hostile_use_in_destructor(void *ctx) {
    cr_assert(hostile_use((pkern_pool *)ctx));
    __atomic_fetch_add(&hostile_destructors, 1, __ATOMIC_RELAXED);
}

static void *hostile_set_key(void *ctx) {
    pthread_setspecific(hostile_key, ctx);
    cr_assert(hostile_use((pkern_pool *)ctx));
    return 0;
}

Test(pool_hostile, R41_calls_in_destructors_of_thread_specific_data) {
    pkern_pool *pool = pool_of(2);
    cr_assert_eq(pthread_key_create(&hostile_key, hostile_use_in_destructor), 0);
    for (int i = 0; i < 20; i++) {
        pool_outside outside = {{0}, 0};
        pool_go(&outside, hostile_set_key, pool);
        pool_come_back(&outside);
    }
    cr_assert_eq(hostile_destructors, 20);
    pthread_key_delete(hostile_key);
    pool_end(pool);
}

/* ---- R34: limits on threads ---- */

static void hostile_few_threads(void *ctx) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    PKN_UNUSED(ctx);
    memset(&config, 0, sizeof config);
    config.num_threads = 64;
    HOSTILE_CHECK(pkern_pool_create(&config, &pool) == PKERN_OK);
    int threads = pkern_pool_num_threads(pool);
    HOSTILE_CHECK(threads >= 1 && threads < 64);
    for (int i = 0; i < 20; i++) {
        HOSTILE_CHECK(hostile_use(pool));
    }
    HOSTILE_CHECK(pkern_pool_destroy(pool) == PKERN_OK);
    config.flags = PKERN_POOL_ALL_THREADS;
    HOSTILE_CHECK(pkern_pool_create(&config, &pool) == PKERN_ETHREAD && pool == 0);
    HOSTILE_CHECK(hostile_use(0));
    HOSTILE_CHECK(pkern_pool_global_shutdown() == PKERN_OK);
}

/* A user id that has no process, so that the count is our own. */
static void hostile_limit_processes(void *ctx) {
    struct rlimit limit = {8, 8};
    HOSTILE_CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
    if (setgid(63921) != 0 || setuid(63921) != 0) {
        _exit(HOSTILE_NOT_PERMITTED);
    }
    hostile_few_threads(ctx);
}

Test(pool_hostile, R34_a_limit_on_threads_gives_a_smaller_pool) {
    if (getuid() != 0) {
        PKN_TEST_SKIP("only root can take a user id of its own");
    }
    int result = hostile_child(hostile_limit_processes, 0);
    if (result == HOSTILE_NOT_PERMITTED) {
        PKN_TEST_SKIP("root may not take another user id here");
    }
    cr_assert_eq(result, HOSTILE_OK);
}

static void hostile_limit_memory(void *ctx) {
    struct rlimit limit = {0, 0};
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    HOSTILE_CHECK(file != 0 && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * 4096u + (64u << 20);
    HOSTILE_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    pthread_attr_t attributes;
    size_t stack = 0;
    pthread_attr_init(&attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
    if (stack < (4u << 20)) {
        return; /* all 64 fit */
    }
    hostile_few_threads(ctx);
}

Test(pool_hostile, R34_a_limit_on_address_space_gives_a_smaller_pool) {
#if POOL_SANITIZER
    PKN_TEST_SKIP("sanitizers need the address space");
#endif
    cr_assert_eq(hostile_child(hostile_limit_memory, 0), HOSTILE_OK);
}

/* ---- R22, R36: few CPUs ---- */

Test(pool_hostile, R22_32_threads_on_one_cpu) {
    unsigned long all[PKN_CPU_MASK_WORDS];
    cr_assert_gt(pkn_affinity(all), 0);
    pkn_pin_this_thread(0);
    cr_assert_eq(pkn_usable_cpus(), 1);
    pkern_pool *pool = pool_of(32);
    for (int i = 0; i < 50; i++) {
        cr_assert(hostile_use(pool));
    }
    pool_end(pool);
    pkn_thread_set_affinity(all, sizeof all);
}

static int hostile_write(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    int written = file != 0 && fputs(text, file) >= 0;
    return file != 0 && fclose(file) == 0 && written;
}

static void hostile_half_a_cpu(void *ctx) {
    const char *folder = (const char *)ctx;
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (!hostile_write(folder, "cpu.cfs_quota_us", "50000") && !hostile_write(folder, "cpu.max", "50000 100000")) {
        _exit(HOSTILE_NOT_PERMITTED);
    }
    if (!hostile_write(folder, "cgroup.procs", pid)) {
        _exit(HOSTILE_NOT_PERMITTED);
    }
    HOSTILE_CHECK(pkn_usable_cpus() == 1);
    hostile_pool = pool_of(4);
    for (uint64_t end = pkn_now_ns() + 1000000000; pkn_now_ns() < end;) {
        HOSTILE_CHECK(hostile_use(hostile_pool));
        HOSTILE_CHECK(hostile_use(0));
    }
    HOSTILE_CHECK(pkern_pool_destroy(hostile_pool) == PKERN_OK);
    HOSTILE_CHECK(pkern_pool_global_shutdown() == PKERN_OK);
}

Test(pool_hostile, R36_half_a_cpu) {
    static const char *const roots[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"};
    for (size_t i = 0; i < POOL_COUNT(roots); i++) {
        char folder[128];
        snprintf(folder, sizeof folder, "%s/pkern_test_%d", roots[i], (int)getpid());
        if (mkdir(folder, 0755) != 0) {
            continue;
        }
        int result = hostile_child(hostile_half_a_cpu, folder);
        rmdir(folder);
        if (result != HOSTILE_NOT_PERMITTED) {
            cr_assert_eq(result, HOSTILE_OK);
            return;
        }
    }
    PKN_TEST_SKIP("no cgroup can be made here");
}

/* ---- R20: wakes that nobody asked for ---- */

static void *hostile_wake_always(void *ctx) {
    hostile_victim *victim = (hostile_victim *)ctx;
    while (pool_read(&victim->leave) == 0) {
        (void)pkn_wake_one(victim->pool, PKN_ROOT_INJECTED);
        uint32_t sleepers = pkn_sleeping_workers(victim->pool);
        cr_assert_lt(sleepers, (uint32_t)pkern_pool_num_threads(victim->pool) + 1);
    }
    return 0;
}

Test(pool_hostile, R20_extra_wakes_lose_none) {
    hostile_victim victim;
    pool_outside outside = {{0}, 0};
    pkern_pool_config config;
    memset(&victim, 0, sizeof victim);
    memset(&config, 0, sizeof config);
    config.num_threads = 4;
    config.spin_ns = -1;
    victim.pool = pool_with(&config);
    pool_go(&outside, hostile_wake_always, &victim);
    for (int i = 0; i < 300; i++) {
        cr_assert(hostile_use(victim.pool));
        if (i % 3 == 0) {
            pool_nap_us(100);
        }
    }
    __atomic_store_n(&victim.leave, 1, __ATOMIC_RELEASE);
    pool_come_back(&outside);
    pool_wait_asleep(victim.pool, 3);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&victim.pool->sleepers), 3);
    cr_assert(hostile_use(victim.pool));
    pool_end(victim.pool);
}

/* ---- R38: stacks where the system's default is small ---- */

static int hostile_use_half_a_mebibyte(void *ctx) {
    volatile char stack[512 * 1024];
    for (size_t i = 0; i < sizeof stack; i += 1024) {
        stack[i] = 1;
    }
    return stack[1024] == 1 ? pool_count_one(ctx) : 1;
}

Test(pool_hostile, R38_the_default_stack_holds_a_mebibyte) {
    pkern_pool *pool = pool_of(2);
    size_t ran = 0;
    cr_assert_eq(pkern_spawn(pool, hostile_use_half_a_mebibyte, &ran), PKERN_OK);
    cr_assert(pool_reaches(&ran, 1));
    pool_end(pool);
}

#endif
