/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* fork(): the child has the parent's pools without their threads. Each child ends itself after 10 s. */
#include "pool_tools.h"

#if PKN_THREADS

#include <signal.h>
#include <sys/wait.h>

enum { PROCESS_OK = 17 };

/* In the child: nothing but exit statuses can be reported. */
#define PROCESS_CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1); \
        } \
    } while (0)

static pid_t process_fork(void) {
    fflush(0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(10);
    }
    return child;
}

static int process_ended_well(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    int well = WIFEXITED(status) && WEXITSTATUS(status) == PROCESS_OK;
    if (!well) {
        fprintf(stderr, "    the child ended with wait status %#x\n", (unsigned)status);
    }
    return well;
}

static int process_sum(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static int process_broadcast(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return pool_count_one(ctx);
}

static int process_context(void *ctx, int migrated) {
    return migrated ? 1 : pool_count_one(ctx);
}

/* Every call of the interface on this pool, serially. */
static void process_use(pkern_pool *pool) {
    size_t ran = 0;
    pkern_scope scope;
    PROCESS_CHECK(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran) == 0 && ran == 2);
    PROCESS_CHECK(pkern_spawn(pool, pool_count_one, &ran) == 0 && ran == 3);
    PROCESS_CHECK(pkern_scope_begin(&scope, pool) == 0);
    PROCESS_CHECK(pkern_scope_spawn(&scope, pool_count_one, &ran) == 0);
    PROCESS_CHECK(pkern_scope_wait(&scope) == 0 && ran == 4);
    PROCESS_CHECK(pkn_loop_run(pool, 0, 1, 0, process_sum, &ran) == 0 && ran == 5);
    PROCESS_CHECK(pkn_loop_run(pool, 0, 1000000, 0, process_sum, &ran) == 0 && ran == 1000005);
    PROCESS_CHECK(pkern_broadcast(pool, process_broadcast, &ran) == 0 && ran == 1000006);
    PROCESS_CHECK(pkern_pool_install(pool, pool_count_one, &ran) == 0 && ran == 1000007);
    PROCESS_CHECK(pkern_join_with(pool, pool_count_one, &ran, pool_count_one, &ran, PKERN_WAIT_OWN) == 0 && ran == 1000009);
    PROCESS_CHECK(pkern_scope_begin_with(&scope, pool, PKERN_WAIT_BLOCK) == 0);
    PROCESS_CHECK(pkern_scope_spawn(&scope, pool_count_one, &ran) == 0);
    PROCESS_CHECK(pkern_scope_wait(&scope) == 0 && ran == 1000010);
    ran = 0;
    pkern_future future;
    PROCESS_CHECK(pkern_spawn_fifo(pool, pool_count_one, &ran) == 0 && ran == 1);
    PROCESS_CHECK(pkern_spawn_urgent(pool, pool_count_one, &ran) == 0 && ran == 2);
    PROCESS_CHECK(pkern_spawn_broadcast(pool, process_broadcast, &ran) == 0 && ran == 3);
    PROCESS_CHECK(pkern_future_spawn(&future, pool, pool_count_one, &ran) == 0 && ran == 4);
    PROCESS_CHECK(pkern_future_wait(&future) == 0);
    PROCESS_CHECK(pkern_join_context(pool, process_context, &ran, process_context, &ran) == 0 && ran == 6);
    ran = 4;
    PROCESS_CHECK(pkern_scope_begin_fifo(&scope, pool) == 0);
    PROCESS_CHECK(pkern_scope_spawn(&scope, pool_count_one, &ran) == 0);
    PROCESS_CHECK(pkern_scope_spawn_urgent(&scope, pool_count_one, &ran) == 0);
    PROCESS_CHECK(pkern_scope_spawn_broadcast(&scope, process_broadcast, &ran) == 0);
    PROCESS_CHECK(pkern_scope_wait(&scope) == 0 && ran == 7);
    PROCESS_CHECK(pkern_yield_now(pool) != PKERN_YIELD_EXECUTED && pkern_yield_local(pool) != PKERN_YIELD_EXECUTED);
    PROCESS_CHECK(pkern_pool_wait_idle(pool, -1) == PKERN_OK || pkern_worker_index(pool) >= 0);
}

Test(pool_process, a_child_uses_its_parents_pools_serially_and_frees_them) {
    for (int threads = 1; threads <= 3; threads++) {
        pkern_pool *pool = pool_of(threads);
        size_t ran = 0;
        cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
        cr_assert_eq(pkern_join(0, pool_count_one, &ran, pool_count_one, &ran), 0);
        pid_t child = process_fork();
        if (child == 0) {
            process_use(pool);
            process_use(0);
            PROCESS_CHECK(pkern_pool_destroy(pool) == PKERN_OK);
            PROCESS_CHECK(pkern_pool_global_shutdown() == PKERN_OK);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert(process_ended_well(child));
        cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
        pool_end(pool);
    }
}

static size_t process_parts[2]; /* begun, go */

static int process_part(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    PKN_UNUSED(ctx);
    pool_count_one(&process_parts[0]);
    return !pool_reaches(&process_parts[1], 1);
}

/* Spawned broadcasts that are under way, and one that waits behind them. */
Test(pool_process, a_child_frees_spawned_broadcasts) {
    pool_heap heap;
    pkern_pool_config config;
    pool_heap_init(&heap);
    memset(process_parts, 0, sizeof process_parts);
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    config.allocator = &heap.allocator;
    pkern_pool *pool = pool_with(&config);
    cr_assert_eq(pkern_spawn_broadcast(pool, process_part, 0), PKERN_OK);
    cr_assert_eq(pkern_spawn_broadcast(pool, process_part, 0), PKERN_OK);
    cr_assert(pool_reaches(&process_parts[0], 2));
    pid_t child = process_fork();
    if (child == 0) {
        PROCESS_CHECK(pkern_pool_destroy(pool) == PKERN_OK);
        PROCESS_CHECK(heap.live == 0 && heap.wrong == 0);
        pool_child_ends(PROCESS_OK);
    }
    cr_assert(process_ended_well(child));
    __atomic_store_n(&process_parts[1], 1, __ATOMIC_RELEASE);
    pool_end(pool);
    cr_assert_eq(process_parts[0], 4);
    pool_heap_check(&heap);
}

/* An allocator that forks before and after each of its calls; the child ends the pool and looks at its memory. */
typedef struct process_heap {
    pool_heap heap;
    pkern_allocator forking;
    pkern_pool *pool; /* 0 = forks nowhere */
    size_t forks, bad;
} process_heap;

static void process_fork_here(process_heap *here) {
    static size_t within;
    if (here->pool == 0 || __atomic_fetch_add(&within, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    pid_t child = process_fork();
    if (child == 0) {
        pkern_pool *pool = here->pool;
        here->pool = 0;
        PROCESS_CHECK(pkern_pool_destroy(pool) == PKERN_OK && here->heap.wrong == 0);
        pool_child_ends(PROCESS_OK);
    }
    here->bad += !process_ended_well(child);
    here->forks++;
    __atomic_store_n(&within, 0, __ATOMIC_RELEASE);
}

static void *process_heap_allocate(size_t bytes, size_t alignment, void *user) {
    process_fork_here((process_heap *)user);
    void *memory = pool_heap_allocate(bytes, alignment, user);
    process_fork_here((process_heap *)user);
    return memory;
}

/* The block that goes is kept, so that a child that gives it back, too, is seen to. */
static void process_heap_release(void *memory, size_t bytes, void *user) {
    process_heap *here = (process_heap *)user;
    pool_block *block = (pool_block *)(void *)((char *)memory - 64);
    process_fork_here(here);
    here->heap.wrong += block->magic != POOL_LIVE || block->bytes != bytes;
    block->magic = 0;
    process_fork_here(here);
    block->magic = POOL_LIVE;
    pool_heap_release(memory, bytes, &here->heap);
}

Test(pool_process, a_child_forked_while_memory_moves_frees_nothing_twice) {
    process_heap here;
    pkern_pool_config config;
    size_t ran = 0;
    memset(&here, 0, sizeof here);
    memset(&config, 0, sizeof config);
    memset(process_parts, 0, sizeof process_parts);
    here.forking.allocate = process_heap_allocate;
    here.forking.release = process_heap_release;
    here.forking.user = &here;
    config.num_threads = 2;
    config.allocator = &here.forking;
    pkern_pool *pool = pool_with(&config);
    cr_assert_eq(pkern_spawn_broadcast(pool, process_part, 0), PKERN_OK); /* the worker is busy */
    cr_assert(pool_reaches(&process_parts[0], 1));
    here.pool = pool;
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_spawn_urgent(pool, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_spawn_fifo(pool, pool_count_one, &ran), PKERN_OK);
    }
    here.pool = 0;
    cr_assert_geq(here.forks, 12);
    cr_assert_eq(here.bad, 0, "%zu of %zu", here.bad, here.forks);
    __atomic_store_n(&process_parts[1], 1, __ATOMIC_RELEASE);
    pool_end(pool);
    cr_assert_eq(ran, 600);
    pool_heap_check(&here.heap);
}

Test(pool_process, a_child_may_make_pools_of_its_own) {
    pkern_pool *pool = pool_of(2);
    size_t ran = 0;
#if PKN_TSAN
    pool_end(pool);
    PKN_TEST_SKIP("the thread sanitizer allows no threads after fork");
#endif
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    pid_t child = process_fork();
    if (child == 0) {
        for (int i = 0; i < 20; i++) {
            pkern_pool_config config;
            pkern_pool *own = 0;
            memset(&config, 0, sizeof config);
            config.num_threads = 3;
            PROCESS_CHECK(pkern_pool_create(&config, &own) == PKERN_OK && pkern_pool_num_threads(own) == 3);
            ran = 0;
            PROCESS_CHECK(pkn_loop_run(own, 0, 100000, 0, process_sum, &ran) == 0 && ran == 100000);
            PROCESS_CHECK(pkern_spawn(own, pool_count_one, &ran) == PKERN_OK);
            PROCESS_CHECK(pkern_pool_destroy(own) == PKERN_OK && ran == 100001);
        }
        pool_child_ends(PROCESS_OK);
    }
    cr_assert(process_ended_well(child));
    pool_end(pool);
}

/* ---- a call in flight ---- */

typedef struct process_flight {
    pkern_pool *pool;
    size_t elsewhere, go, ran;
    pid_t child;
    int is_child, outside;
} process_flight;

/* Runs on the pool's thread until the parent says go. */
static int process_stay(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    __atomic_store_n(&flight->elsewhere, 1, __ATOMIC_RELEASE);
    return !pool_reaches(&flight->go, 1);
}

static int process_fork_inside(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    cr_assert(pool_reaches(&flight->elsewhere, 1));
    flight->child = process_fork();
    if (flight->child == 0) {
        flight->is_child = 1;
        if (!flight->outside) {
            process_use(0); /* calls inside the call */
        }
        process_use(flight->pool);
        return 0;
    }
    cr_assert(process_ended_well(flight->child));
    __atomic_store_n(&flight->go, 1, __ATOMIC_RELEASE);
    return 0;
}

Test(pool_process, a_join_whose_half_is_on_a_lost_thread_is_canceled) {
    for (int i = 0; i < 5; i++) {
        process_flight flight;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(2);
        pkern_status status = pkern_join(flight.pool, process_fork_inside, &flight, process_stay, &flight);
        if (flight.is_child) {
            PROCESS_CHECK(status == PKERN_ECANCELED);
            PROCESS_CHECK(pkern_worker_index(flight.pool) == -1);
            PROCESS_CHECK(pkern_pool_destroy(flight.pool) == PKERN_OK);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert_eq(status, 0);
        pool_end(flight.pool);
    }
}

static int process_fork_first(void *ctx, int migrated) {
    return migrated ? 1 : process_fork_inside(ctx);
}

static int process_stay_second(void *ctx, int migrated) {
    return migrated ? process_stay(ctx) : 1;
}

Test(pool_process, joins_of_every_kind_whose_half_is_on_a_lost_thread_are_canceled) {
    for (int kind = PKERN_WAIT_STEAL; kind <= PKERN_WAIT_BLOCK; kind++) {
        process_flight flight;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(2);
        pkern_status status =
            kind == PKERN_WAIT_STEAL ? pkern_join_context(flight.pool, process_fork_first, &flight, process_stay_second, &flight)
                                     : pkern_join_with(flight.pool, process_fork_inside, &flight, process_stay, &flight, kind);
        if (flight.is_child) {
            PROCESS_CHECK(status == PKERN_ECANCELED);
            PROCESS_CHECK(pkern_worker_index(flight.pool) == -1);
            PROCESS_CHECK(pkern_pool_destroy(flight.pool) == PKERN_OK);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert_eq(status, 0);
        pool_end(flight.pool);
    }
}

static void process_fork_beside_sleeper(process_flight *flights);

/* A worker of the first pool sleeps in the second, and is counted as one that could be woken. */
static int process_sleep_abroad(void *ctx) {
    process_flight *flights = (process_flight *)ctx;
    pkern_scope scope;
    int status = pkern_scope_begin(&scope, flights[1].pool);
    status |= pkern_scope_spawn(&scope, process_stay, &flights[1]);
    status |= !pool_reaches(&flights[1].elsewhere, 1);
    return status | pkern_scope_wait(&scope);
}

/* The task forks, and its child goes on forking tasks in the pool that it is inside of. */
PKERN_DEFINE_JOIN_TASK_2(long, process_leaves, process_flight *, flights, int, depth) {
    long a, b;
    if (depth == 0) {
        return 1;
    }
    if (depth == 3) {
        process_fork_beside_sleeper(flights);
    }
    PKERN_JOIN(a = PKERN_CALL(process_leaves, flights, depth - 1), b, process_leaves, flights, depth - 1);
    return a + b;
}

static void process_fork_beside_sleeper(process_flight *flights) {
    const pkn_member *sleeper = pkn_member_at(flights[0].pool, 0);
    for (int i = 0; pkn_atomic_load_relaxed_u32(&sleeper->parked) != PKN_ASLEEP_ABROAD; i++) {
        cr_assert_lt(i, 100000);
        pool_nap_us(100);
    }
    flights->child = process_fork();
    if (flights->child == 0) {
        flights->is_child = 1;
        pkn_atomic_store_relaxed_u32(&pkn_current()->fork.request, 1); /* so that the next task is offered to sleepers */
        return;
    }
    cr_assert(process_ended_well(flights->child));
    __atomic_store_n(&flights[1].go, 1, __ATOMIC_RELEASE);
}

Test(pool_process, who_slept_abroad_is_not_woken_by_a_child) {
    process_flight flights[2];
    pkern_pool_config config;
    memset(flights, 0, sizeof flights);
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.spin_ns = -1;
    flights[0].pool = pool_with(&config);
    flights[1].pool = pool_with(&config);
    cr_assert_eq(pkern_spawn(flights[0].pool, process_sleep_abroad, flights), PKERN_OK);
    long leaves = process_leaves(flights[0].pool, flights, 3);
    if (flights[0].is_child) {
        PROCESS_CHECK(leaves == 8);
        pool_child_ends(PROCESS_OK);
    }
    cr_assert_eq(leaves, 8);
    pool_end(flights[0].pool);
    pool_end(flights[1].pool);
}

/* The child of a worker is in no pool that could go on; what it calls elsewhere stays there. */
static int process_no_home(void *ctx) {
    PROCESS_CHECK(pkn_current()->home == 0);
    return process_sum(0, 1, ctx);
}

static int process_fork_on_worker(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    flight->child = process_fork();
    if (flight->child == 0) {
        pkern_pool_config config;
        pkern_pool *own = 0;
        memset(&config, 0, sizeof config);
        config.num_threads = 1; /* the thread sanitizer allows no threads after fork */
        PROCESS_CHECK(pkern_pool_create(&config, &own) == PKERN_OK);
        PROCESS_CHECK(pkern_pool_install(own, process_no_home, &flight->ran) == 0 && flight->ran == 1);
        PROCESS_CHECK(pkern_pool_destroy(own) == PKERN_OK);
        pool_child_ends(PROCESS_OK);
    }
    flight->outside = process_ended_well(flight->child);
    return pool_count_one(&flight->elsewhere);
}

Test(pool_process, a_worker_forks_and_its_child_makes_a_pool) {
    process_flight flight;
    memset(&flight, 0, sizeof flight);
    flight.pool = pool_of(2);
    cr_assert_eq(pkern_spawn(flight.pool, process_fork_on_worker, &flight), PKERN_OK);
    cr_assert(pool_reaches(&flight.elsewhere, 1));
    cr_assert(flight.outside);
    pool_end(flight.pool);
}

Test(pool_process, a_scope_with_a_task_on_a_lost_thread_is_canceled) {
    for (int i = 0; i < 5; i++) {
        process_flight flight;
        pkern_scope scope;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(2);
        cr_assert_eq(pkern_scope_begin(&scope, flight.pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, process_stay, &flight), PKERN_OK);
        flight.outside = 1;
        process_fork_inside(&flight);
        if (flight.is_child) {
            PROCESS_CHECK(pkern_scope_spawn(&scope, pool_count_one, &flight.ran) == PKERN_OK && flight.ran == 1);
            PROCESS_CHECK(pkern_scope_wait(&scope) == PKERN_ECANCELED);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        pool_end(flight.pool);
    }
}

static int process_loop_body(size_t begin, size_t end, void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    PKN_UNUSED(end);
    if (pkern_worker_index(flight->pool) == 0) {
        return process_stay(ctx);
    }
    return begin == 0 ? process_fork_inside(ctx) : 0;
}

Test(pool_process, a_loop_with_a_piece_on_a_lost_thread_is_canceled) {
    for (int i = 0; i < 5; i++) {
        process_flight flight;
        pkern_par_options options;
        memset(&flight, 0, sizeof flight);
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e7;
        options.max_len = 1;
        flight.pool = pool_of(2);
        pkern_status status = pkn_loop_run(flight.pool, 0, 2, &options, process_loop_body, &flight);
        if (flight.is_child) {
            PROCESS_CHECK(status == PKERN_ECANCELED);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert_eq(status, PKERN_OK);
        pool_end(flight.pool);
    }
}

/* What waits in the forking thread's own deque is not lost. */
Test(pool_process, a_scope_whose_tasks_wait_on_the_forking_thread_is_finished) {
    for (int threads = 1; threads <= 2; threads++) {
        process_flight flight;
        pkern_scope scope;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(threads);
        if (threads == 2) { /* keep the other thread busy */
            cr_assert_eq(pkern_spawn(flight.pool, process_stay, &flight), PKERN_OK);
            cr_assert(pool_reaches(&flight.elsewhere, 1));
        }
        cr_assert_eq(pkern_scope_begin(&scope, flight.pool), PKERN_OK);
        for (int i = 0; i < 10; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &flight.ran), PKERN_OK);
        }
        pid_t child = process_fork();
        if (child == 0) {
            PROCESS_CHECK(pkern_scope_wait(&scope) == PKERN_OK && flight.ran == 10);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert(process_ended_well(child));
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(flight.ran, 10);
        __atomic_store_n(&flight.go, 1, __ATOMIC_RELEASE);
        pool_end(flight.pool);
    }
}

Test(pool_process, a_future_on_a_lost_thread_is_canceled) {
    for (int timed = 0; timed < 2; timed++) {
        process_flight flight;
        pkern_future future;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(2);
        cr_assert_eq(pkern_future_spawn(&future, flight.pool, process_stay, &flight), PKERN_OK);
        flight.outside = 1;
        process_fork_inside(&flight);
        if (flight.is_child) {
            PROCESS_CHECK(pkern_future_wait_for(&future, timed ? INT64_C(1000000000000) : -1) == PKERN_ECANCELED);
            PROCESS_CHECK(pkern_future_is_done(&future) == 0);
            PROCESS_CHECK(pkern_pool_wait_idle(flight.pool, -1) == PKERN_OK);
            _exit(PROCESS_OK);
        }
        cr_assert_eq(pkern_future_wait(&future), 0);
        pool_end(flight.pool);
    }
}

/* In a pool of one the futures and the FIFO tasks wait on the forking thread, too. */
static int process_fork_alone(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    pkern_future future;
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin_fifo(&scope, 0), PKERN_OK);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &flight->ran), PKERN_OK);
    }
    cr_assert_eq(pkern_future_spawn(&future, 0, pool_count_one, &flight->ran), PKERN_OK);
    pid_t child = process_fork();
    if (child == 0) {
        PROCESS_CHECK(pkern_future_wait(&future) == PKERN_OK && flight->ran == 1);
        PROCESS_CHECK(pkern_scope_wait(&scope) == PKERN_OK && flight->ran == 11);
        _exit(PROCESS_OK);
    }
    cr_assert(process_ended_well(child));
    cr_assert_eq(pkern_future_wait(&future), 0);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    return 0;
}

Test(pool_process, what_waits_on_the_forking_thread_is_finished) {
    process_flight flight;
    memset(&flight, 0, sizeof flight);
    flight.pool = pool_of(1);
    cr_assert_eq(pkern_pool_install(flight.pool, process_fork_alone, &flight), 0);
    cr_assert_eq(flight.ran, 11);
    pool_end(flight.pool);
}

/* The urgent queue is under a lock that a lost thread may hold: what lies there is given up, without a hang. */
Test(pool_process, an_urgent_task_of_the_parent_is_canceled) {
    for (int threads = 1; threads <= 2; threads++) {
        process_flight flight;
        pkern_scope scope;
        memset(&flight, 0, sizeof flight);
        flight.pool = pool_of(threads);
        if (threads == 2) { /* keep the other thread busy */
            cr_assert_eq(pkern_spawn(flight.pool, process_stay, &flight), PKERN_OK);
            cr_assert(pool_reaches(&flight.elsewhere, 1));
        }
        cr_assert_eq(pkern_scope_begin(&scope, flight.pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn_urgent(&scope, pool_count_one, &flight.ran), PKERN_OK);
        pid_t child = process_fork();
        if (child == 0) {
            PROCESS_CHECK(pkern_scope_wait(&scope) == PKERN_ECANCELED && flight.ran == 0);
            PROCESS_CHECK(pkern_pool_destroy(flight.pool) == PKERN_OK);
            _exit(PROCESS_OK);
        }
        cr_assert(process_ended_well(child));
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(flight.ran, 1);
        __atomic_store_n(&flight.go, 1, __ATOMIC_RELEASE);
        pool_end(flight.pool);
    }
}

/* ---- fork at any moment ---- */

static void *process_work(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    while (pool_read(&flight->go) == 0) {
        size_t ran = 0;
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin(&scope, flight->pool), PKERN_OK);
        for (int i = 0; i < 20; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
            cr_assert_eq(pkern_spawn(flight->pool, pool_count_one, &flight->ran), PKERN_OK);
        }
        cr_assert_eq(pkern_broadcast(flight->pool, process_broadcast, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    }
    return 0;
}

static int process_fork_in_task(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    pid_t child = process_fork();
    if (child == 0) {
        process_use(0);
        process_use(flight->pool);
        pool_child_ends(PROCESS_OK);
    }
    return process_ended_well(child) ? 0 : 1;
}

Test(pool_process, R35_forks_in_the_middle_of_work_do_not_hang_the_child) {
    pool_outside outside = {{0}, 0};
    process_flight flight;
    memset(&flight, 0, sizeof flight);
    flight.pool = pool_of(3);
    pool_go(&outside, process_work, &flight);
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(pkern_join(flight.pool, process_fork_in_task, &flight, process_fork_in_task, &flight), 0);
    }
    __atomic_store_n(&flight.go, 1, __ATOMIC_RELEASE);
    pool_come_back(&outside);
    pool_end(flight.pool);
}

/* A caller that keeps every part of the pool busy: its joins, its loop board, its own deque. */
static void *process_work_too(void *ctx) {
    process_flight *flight = (process_flight *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e4;
    while (pool_read(&flight->go) == 0) {
        size_t ran = 0;
        cr_assert_eq(pkn_loop_run(flight->pool, 0, 50, &options, process_sum, &ran), PKERN_OK);
        cr_assert_eq(pkern_join(flight->pool, pool_count_one, &ran, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(ran, 52);
    }
    return 0;
}

Test(pool_process, R35_a_thousand_forks_beside_a_busy_pool) {
    enum { FORKS = POOL_SANITIZER ? 100 : 1000 };
    pool_outside outside = {{0}, 0};
    process_flight flight;
    memset(&flight, 0, sizeof flight);
    flight.pool = pool_of(3);
    pool_go(&outside, process_work, &flight);
    pool_go(&outside, process_work_too, &flight);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = process_fork();
        if (child == 0) {
            process_use(flight.pool);
            PROCESS_CHECK(i % 2 == 0 || pkern_pool_destroy(flight.pool) == PKERN_OK);
            pool_child_ends(PROCESS_OK);
        }
        cr_assert(process_ended_well(child), "fork %d", i);
        size_t ran = 0;
        cr_assert_eq(pkern_join(flight.pool, pool_count_one, &ran, pool_count_one, &ran), 0);
        cr_assert_eq(ran, 2);
    }
    __atomic_store_n(&flight.go, 1, __ATOMIC_RELEASE);
    pool_come_back(&outside);
    pool_end(flight.pool);
}

#endif
