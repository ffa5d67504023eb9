/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

#include <pthread.h>

typedef struct locals_state {
    size_t made_with; /* what init was given */
    size_t sum;
    int held;
} locals_state;

typedef struct locals_run {
    pkern_pool *pool;
    pkern_locals *locals;
    size_t n_init;
    size_t n_fini;
    size_t n_bad;
    int fail_init;
    int acquire_in_init;
} locals_run;

static void locals_bad_if(locals_run *run, int bad) {
    if (bad) {
        __atomic_fetch_add(&run->n_bad, 1, __ATOMIC_RELAXED);
    }
}

static int locals_init(void *state, void *ctx) {
    locals_run *run = (locals_run *)ctx;
    locals_state *local = (locals_state *)state;
    locals_bad_if(run, (uintptr_t)state % 64 != 0 || local->sum != 0 || local->held != 0);
    local->made_with = 77;
    if (run->acquire_in_init) {
        run->acquire_in_init = 0;
        void *other = pkern_locals_acquire(run->locals);
        locals_bad_if(run, other == 0 || other == state);
        pkern_locals_release(run->locals, other);
    }
    __atomic_fetch_add(&run->n_init, run->fail_init ? 0 : 1, __ATOMIC_RELAXED);
    return run->fail_init;
}

static void locals_fini(void *state, void *ctx) {
    locals_run *run = (locals_run *)ctx;
    locals_bad_if(run, ((locals_state *)state)->made_with != 77);
    run->n_fini++;
}

static void locals_begin(locals_run *run, pkern_pool *pool) {
    memset(run, 0, sizeof *run);
    run->pool = pool;
    cr_assert_eq(pkern_locals_create(pool, sizeof(locals_state), locals_init, locals_fini, run,
                                     &run->locals),
                 PKERN_OK);
}

static void locals_end(locals_run *run) {
    cr_assert_eq(pkern_locals_destroy(run->locals), PKERN_OK);
    cr_assert_eq(run->n_bad, 0);
    cr_assert_eq(run->n_init, run->n_fini);
}

static int locals_add(void *state, void *ctx) {
    *(size_t *)ctx += ((locals_state *)state)->sum;
    return 0;
}

/* Holds a state across a nested loop whose pieces take theirs: nobody may see another's. */
static int locals_inner(size_t begin, size_t end, void *ctx) {
    locals_run *run = (locals_run *)ctx;
    for (size_t i = begin; i < end; i++) {
        locals_state *local = (locals_state *)pkern_locals_acquire(run->locals);
        locals_bad_if(run, local == 0 || local->held != 0);
        local->held = 1;
        local->sum += i;
        local->held = 0;
        pkern_locals_release(run->locals, local);
    }
    return 0;
}

static int locals_outer(size_t begin, size_t end, void *ctx) {
    locals_run *run = (locals_run *)ctx;
    for (size_t i = begin; i < end; i++) {
        locals_state *local = (locals_state *)pkern_locals_acquire(run->locals);
        locals_bad_if(run, local == 0 || local->held != 0);
        local->held = 1;
        size_t before = local->sum;
        int status = pkern_par_for(0, 0, 10, 0, locals_inner, run);
        locals_bad_if(run, status != 0 || local->held != 1 || local->sum != before);
        local->held = 0;
        pkern_locals_release(run->locals, local);
    }
    return 0;
}

static int locals_tree(void *ctx);

typedef struct locals_node {
    locals_run *run;
    int depth;
} locals_node;

/* Joins wait, and a thread that waits runs other nodes on top. */
static int locals_tree(void *ctx) {
    locals_node *node = (locals_node *)ctx;
    locals_node child = {node->run, node->depth - 1};
    locals_state *local = (locals_state *)pkern_locals_acquire(node->run->locals);
    locals_bad_if(node->run, local == 0 || local->held != 0);
    local->held = node->depth;
    local->sum++;
    if (node->depth > 1) {
        pkern_join(0, locals_tree, &child, locals_tree, &child);
    }
    locals_bad_if(node->run, local->held != node->depth);
    local->held = 0;
    pkern_locals_release(node->run->locals, local);
    return 0;
}

Test(par_locals, a_task_never_sees_a_state_that_another_task_holds) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        locals_run run;
        locals_node root;
        size_t sum = 0;
        locals_begin(&run, pool);
        cr_assert_eq(pkern_par_for(pool, 0, 500, 0, locals_outer, &run), PKERN_OK);
        cr_assert_eq(pkern_locals_each(run.locals, locals_add, &sum), PKERN_OK);
        cr_assert_eq(sum, 500 * 45);
        cr_assert_leq(run.n_init, 4 * (size_t)par_threads[t]);
        locals_end(&run);

        locals_begin(&run, pool);
        root.run = &run;
        root.depth = 12;
        cr_assert_eq(pkern_pool_install(pool, locals_tree, &root), PKERN_OK);
        sum = 0;
        cr_assert_eq(pkern_locals_each(run.locals, locals_add, &sum), PKERN_OK);
        cr_assert_eq(sum, 4095);
        locals_end(&run);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

/* Twice on one thread gives two states; both are used again. */
static int locals_reenter(void *ctx) {
    locals_run *run = (locals_run *)ctx;
    void *first = pkern_locals_acquire(run->locals);
    void *second = pkern_locals_acquire(run->locals);
    void *third = pkern_locals_acquire(run->locals);
    locals_bad_if(run, first == 0 || second == 0 || third == 0);
    locals_bad_if(run, first == second || second == third || first == third);
    locals_bad_if(run, pkern_locals_destroy(run->locals) != PKERN_EDEADLK);
    pkern_locals_release(run->locals, second);
    locals_bad_if(run, pkern_locals_acquire(run->locals) != second);
    pkern_locals_release(run->locals, first);
    locals_bad_if(run, pkern_locals_acquire(run->locals) != first);
    pkern_locals_release(run->locals, first);
    pkern_locals_release(run->locals, second);
    locals_bad_if(run, pkern_locals_destroy(run->locals) != PKERN_EDEADLK);
    pkern_locals_release(run->locals, third);
    locals_bad_if(run, run->n_init != 3);
    return 0;
}

Test(par_locals, re_entry_gets_a_spare_state_and_states_are_used_again) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        locals_run run;
        locals_begin(&run, pool);
        cr_assert_eq(pkern_pool_install(pool, locals_reenter, &run), PKERN_OK);
        locals_end(&run);
        locals_begin(&run, pool);
        cr_assert_eq(locals_reenter(&run), 0); /* outside of the pool: spare ones only */
        locals_end(&run);
        locals_begin(&run, pool);
        run.acquire_in_init = 1;
        cr_assert_eq(pkern_pool_install(pool, locals_reenter, &run), PKERN_OK);
        locals_end(&run);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

static int locals_stop(void *state, void *ctx) {
    PKN_UNUSED(state);
    return ++*(int *)ctx == 2 ? 9 : 0;
}

static int locals_nothing(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

static int locals_once(void *ctx) {
    locals_run *run = (locals_run *)ctx;
    void *state = pkern_locals_acquire(run->locals);
    pkern_locals_release(run->locals, state);
    return state == 0;
}

Test(par_locals, each_ends_at_a_failure_and_not_while_a_state_is_borrowed) {
    locals_run run;
    int calls = 0;
    void *states[3];
    locals_begin(&run, 0);
    cr_assert_eq(pkern_locals_each(run.locals, locals_stop, &calls), PKERN_OK);
    for (int i = 0; i < 3; i++) {
        states[i] = pkern_locals_acquire(run.locals);
    }
    cr_assert_eq(pkern_locals_each(run.locals, locals_stop, &calls), PKERN_EDEADLK);
    cr_assert_eq(calls, 0);
    for (int i = 0; i < 3; i++) {
        pkern_locals_release(run.locals, states[i]);
    }
    cr_assert_eq(pkern_locals_each(run.locals, locals_stop, &calls), 9);
    cr_assert_eq(calls, 2);
    locals_end(&run);
}

Test(par_locals, bad_arguments) {
    locals_run run;
    pkern_locals *locals = (pkern_locals *)&run;
    cr_assert_eq(pkern_locals_create(0, 8, 0, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_locals_create(0, 0, 0, 0, 0, &locals), PKERN_EINVAL);
    cr_assert_null(locals);
    cr_assert_eq(pkern_locals_create(0, SIZE_MAX - 8, 0, 0, 0, &locals), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_locals_create(0, 1, 0, 0, 0, &locals), PKERN_OK);
    pkern_locals_release(locals, 0);
    cr_assert_eq(pkern_locals_each(locals, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_locals_each(0, locals_stop, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_locals_destroy(locals), PKERN_OK);
    cr_assert_eq(pkern_locals_destroy(0), PKERN_OK);
}

Test(par_locals, without_memory_or_where_init_fails_there_is_no_state) {
    par_heap heap;
    pkern_allocator allocator = par_heap_allocator(&heap);
    pkern_pool *pool = par_pool_with(2, &allocator);
    pkern_locals *locals = 0;
    locals_run run;
    cr_assert_eq(pkern_pool_install(pool, locals_nothing, 0), PKERN_OK);
    heap.armed = 1;
    cr_assert_eq(pkern_locals_create(pool, 8, 0, 0, 0, &locals), PKERN_ENOMEM);
    cr_assert_null(locals);
    heap.armed = 0;
    locals_begin(&run, pool);
    for (int outside = 0; outside < 2; outside++) {
        heap.armed = 1;
        cr_assert_eq(outside ? locals_once(&run) : pkern_pool_install(pool, locals_once, &run), 1);
        heap.armed = 0;
        run.fail_init = 1;
        cr_assert_eq(outside ? locals_once(&run) : pkern_pool_install(pool, locals_once, &run), 1);
        run.fail_init = 0;
        cr_assert_eq(outside ? locals_once(&run) : pkern_pool_install(pool, locals_once, &run), 0);
    }
    locals_end(&run);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(heap.live, 0);
}

static void *locals_caller(void *argument) {
    locals_run *run = (locals_run *)argument;
    for (int i = 0; i < 20; i++) {
        locals_state *mine = (locals_state *)pkern_locals_acquire(run->locals);
        locals_bad_if(run, mine == 0 || mine->held != 0);
        mine->held = 1;
        locals_bad_if(run, pkern_par_for(run->pool, 0, 50, 0, locals_outer, run) != PKERN_OK);
        mine->held = 0;
        pkern_locals_release(run->locals, mine);
    }
    return 0;
}

Test(par_locals, serves_several_callers) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        locals_run run;
        size_t sum = 0;
        locals_begin(&run, pool);
#if PKN_THREADS
        pthread_t callers[3];
        for (int c = 0; c < 3; c++) {
            cr_assert_eq(pthread_create(&callers[c], 0, locals_caller, &run), 0);
        }
        for (int c = 0; c < 3; c++) {
            cr_assert_eq(pthread_join(callers[c], 0), 0);
        }
#else
        for (int c = 0; c < 3; c++) {
            locals_caller(&run);
        }
#endif
        cr_assert_eq(pkern_locals_each(run.locals, locals_add, &sum), PKERN_OK);
        cr_assert_eq(sum, 3 * 20 * 50 * 45);
        locals_end(&run);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
