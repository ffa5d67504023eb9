/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

#include <pthread.h>

typedef struct from_item {
    size_t number;
    size_t result;
    unsigned char padding[48];
} from_item;

enum { FROM_NEXT = 1, FROM_BODY = 2, FROM_EMIT = 4 };

typedef struct from_run {
    pkern_pool *pool;
    size_t n;
    unsigned char *bodies; /* [n] */
    size_t n_next;
    size_t n_emitted;
    size_t in_flight;
    size_t most_in_flight;
    int in_next;
    int in_emit;
    size_t n_bad;
    int calls_pkern;  /* FROM_*: these call pkern */
    size_t fail_next; /* SIZE_MAX: never */
    size_t fail_body; /* this one, and every third above */
    size_t fail_emit;
    int uneven;
    pkern_cancel *cancel;
    size_t cancel_at;
} from_run;

static void from_bad_if(from_run *run, int bad) {
    if (bad) {
        __atomic_fetch_add(&run->n_bad, 1, __ATOMIC_RELAXED);
    }
}

static int from_count(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        __atomic_fetch_add((size_t *)ctx, i, __ATOMIC_RELAXED);
    }
    return 0;
}

static int from_join_side(void *ctx) {
    return pkern_par_for(0, 0, 20, 0, from_count, ctx);
}

/* A thread that waits in here may run other runners of the same call on top. */
static void from_call_pkern(from_run *run) {
    size_t sum = 0;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.max_len = 1;
    options.item_cost_ns = 100000; /* worth sharing */
    from_bad_if(run, pkern_par_for(0, 0, 20, &options, from_count, &sum) != 0);
    from_bad_if(run, pkern_join(0, from_join_side, &sum, from_join_side, &sum) != 0);
    from_bad_if(run, sum != 3 * 190);
}

static int from_next(void *memory, void *ctx) {
    from_run *run = (from_run *)ctx;
    from_item *item = (from_item *)memory;
    from_bad_if(run, __atomic_exchange_n(&run->in_next, 1, __ATOMIC_RELAXED) != 0);
    if (run->calls_pkern & FROM_NEXT) {
        from_call_pkern(run);
    }
    int status = run->n_next == run->n           ? PKERN_EEMPTY
                 : run->n_next == run->fail_next ? (int)run->n_next + 1
                                                 : 0;
    if (status == 0) {
        from_bad_if(run, (uintptr_t)memory % 64 != 0);
        if (run->n_next == run->cancel_at) {
            pkern_cancel_request(run->cancel);
        }
        memset(item, 0, sizeof *item);
        item->number = run->n_next++;
        size_t in_flight = __atomic_add_fetch(&run->in_flight, 1, __ATOMIC_RELAXED);
        run->most_in_flight = pkn_max_size(run->most_in_flight, in_flight);
    }
    from_bad_if(run, __atomic_exchange_n(&run->in_next, 0, __ATOMIC_RELAXED) != 1);
    return status;
}

static int from_body(void *memory, void *ctx) {
    from_run *run = (from_run *)ctx;
    from_item *item = (from_item *)memory;
    size_t number = item->number;
    run->bodies[number]++;
    if (run->calls_pkern & FROM_BODY) {
        from_call_pkern(run);
    }
    if (run->uneven && number % 16 == 0) {
        usleep(500);
    }
    from_bad_if(run, item->number != number);
    item->result = 3 * number;
    if (run->fail_emit == SIZE_MAX - 1) { /* without emit */
        __atomic_fetch_sub(&run->in_flight, 1, __ATOMIC_RELAXED);
    }
    return number >= run->fail_body && (number - run->fail_body) % 3 == 0 ? (int)number + 1 : 0;
}

static int from_emit(void *memory, void *ctx) {
    from_run *run = (from_run *)ctx;
    const from_item *item = (const from_item *)memory;
    from_bad_if(run, __atomic_exchange_n(&run->in_emit, 1, __ATOMIC_RELAXED) != 0);
    if (run->calls_pkern & FROM_EMIT) {
        from_call_pkern(run);
    }
    from_bad_if(run, item->number != run->n_emitted || item->result != 3 * item->number);
    from_bad_if(run, run->bodies[item->number] != 1);
    run->n_emitted++;
    __atomic_fetch_sub(&run->in_flight, 1, __ATOMIC_RELAXED);
    from_bad_if(run, __atomic_exchange_n(&run->in_emit, 0, __ATOMIC_RELAXED) != 1);
    return item->number == run->fail_emit ? (int)item->number + 1 : 0;
}

static from_run from_new(pkern_pool *pool, unsigned char *bodies, size_t n) {
    from_run run;
    memset(&run, 0, sizeof run);
    memset(bodies, 0, n);
    run.pool = pool;
    run.bodies = bodies;
    run.n = n;
    run.fail_next = run.fail_body = run.fail_emit = run.cancel_at = SIZE_MAX;
    return run;
}

static pkern_status from_start(from_run *run, size_t window, int ordered,
                               const pkern_par_options *options) {
    pkern_source source;
    memset(&source, 0, sizeof source);
    source.item_size = sizeof(from_item);
    source.window = window;
    source.next = from_next;
    source.body = from_body;
    source.emit = ordered ? from_emit : 0;
    source.ctx = run;
    if (!ordered) {
        run->fail_emit = SIZE_MAX - 1;
    }
    return pkern_par_from(run->pool, &source, options);
}

static void from_check_all_done(const from_run *run, int ordered) {
    cr_assert_eq(run->n_bad, 0);
    cr_assert_eq(run->n_emitted, ordered ? run->n : 0);
    cr_assert_eq(run->in_flight, 0);
    for (size_t i = 0; i < run->n; i++) {
        cr_assert_eq(run->bodies[i], 1);
    }
}

Test(par_from, does_each_item_once_and_emits_in_order_within_the_window) {
    static unsigned char bodies[4001];
    static const size_t sizes[] = {0, 1, 2, 3, 101, 4001};
    static const size_t windows[] = {0, 1, 2, 5, 100};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        size_t threads = (size_t)pkern_pool_num_threads(pool);
        for (size_t s = 0; s < PAR_COUNT(sizes) * PAR_COUNT(windows); s++) {
            for (int ordered = 0; ordered < 2; ordered++) {
                size_t window = windows[s / PAR_COUNT(sizes)];
                from_run run = from_new(pool, bodies, sizes[s % PAR_COUNT(sizes)]);
                run.uneven = run.n == 101;
                cr_assert_eq(from_start(&run, window, ordered, 0), PKERN_OK);
                from_check_all_done(&run, ordered);
                size_t most = window == 0 ? 4 * threads : window;
                cr_assert_leq(run.most_in_flight, ordered ? most : pkn_min_size(most, threads));
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

/* R31: a source whose callbacks use the pool that works on it. */
Test(par_from, callbacks_may_call_pkern_at_one_to_eight_threads) {
    static unsigned char bodies[200];
    for (int threads = 1; threads <= 8; threads++) {
        pkern_pool *pool = par_pool(threads);
        for (int calls = 1; calls < 8; calls++) {
            for (int ordered = 0; ordered < 2; ordered++) {
                from_run run = from_new(pool, bodies, sizeof bodies);
                run.calls_pkern = calls;
                cr_assert_eq(from_start(&run, (size_t)calls % 3, ordered, 0), PKERN_OK);
                from_check_all_done(&run, ordered);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_from, the_lowest_items_failure_is_returned_and_items_below_are_finished) {
    static unsigned char bodies[500];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t f = 0; f < 200; f++) {
            int ordered = f % 3 != 0;
            from_run run = from_new(pool, bodies, sizeof bodies);
            size_t lowest = SIZE_MAX;
            run.uneven = f % 4 == 0;
            if (f % 2 == 0) {
                lowest = run.fail_body = par_random(3 * f, sizeof bodies);
            }
            if (f % 5 < 2 || lowest == SIZE_MAX) {
                run.fail_next = par_random(3 * f + 1, sizeof bodies);
                lowest = pkn_min_size(lowest, run.fail_next);
            }
            if (ordered && f % 7 < 3) {
                run.fail_emit = par_random(3 * f + 2, sizeof bodies);
                lowest = pkn_min_size(lowest, run.fail_emit);
            }
            cr_assert_eq(from_start(&run, f % 11, ordered, 0), (int)lowest + 1);
            cr_assert_eq(run.n_bad, 0);
            for (size_t i = 0; i < sizeof bodies; i++) {
                cr_assert_eq(bodies[i], i < run.n_next, "item %zu of %zu", i, run.n_next);
            }
            if (ordered) {
                cr_assert_eq(run.n_emitted, lowest + (lowest == run.fail_emit &&
                                                      lowest != run.fail_body &&
                                                      lowest != run.fail_next));
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_from, a_cancel_ends_reading_and_finishes_what_was_read) {
    static unsigned char bodies[500];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t at = 0; at < 100; at += 9) {
            pkern_cancel cancel;
            pkern_par_options options;
            from_run run = from_new(pool, bodies, sizeof bodies);
            memset(&cancel, 0, sizeof cancel);
            memset(&options, 0, sizeof options);
            options.cancel = run.cancel = &cancel;
            run.cancel_at = at;
            cr_assert_eq(from_start(&run, 0, at % 2, &options), PKERN_ECANCELED);
            cr_assert_eq(run.n_next, at + 1);
            run.n = run.n_next;
            from_check_all_done(&run, at % 2);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_from, bad_arguments_read_nothing) {
    unsigned char bodies[1];
    from_run run = from_new(0, bodies, 1);
    pkern_source good;
    pkern_source bad;
    memset(&good, 0, sizeof good);
    good.item_size = sizeof(from_item);
    good.next = from_next;
    good.body = from_body;
    good.ctx = &run;
    cr_assert_eq(pkern_par_from(0, 0, 0), PKERN_EINVAL);
    bad = good;
    bad.item_size = 0;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EINVAL);
    bad = good;
    bad.next = 0;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EINVAL);
    bad = good;
    bad.body = 0;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EINVAL);
    bad = good;
    bad.item_size = SIZE_MAX;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EOVERFLOW);
    bad.item_size = SIZE_MAX / 2;
    bad.window = 2;
    bad.emit = from_emit;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EOVERFLOW);
    bad = good;
    bad.window = SIZE_MAX;
    bad.emit = from_emit;
    cr_assert_eq(pkern_par_from(0, &bad, 0), PKERN_EOVERFLOW);
    cr_assert_eq(run.n_next, 0);
}

static int from_task(void *ctx) {
    return from_start((from_run *)ctx, 0, 1, 0);
}

static int from_nothing(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

/* Memory for the items, then none: runners start inside of the spawn. */
typedef struct from_heap {
    int allowed; /* blocks before memory is out; < 0: any number */
    int live;
} from_heap;

static void *from_allocate(size_t bytes, size_t alignment, void *user) {
    from_heap *heap = (from_heap *)user;
    if (__atomic_load_n(&heap->allowed, __ATOMIC_RELAXED) >= 0 &&
        __atomic_fetch_sub(&heap->allowed, 1, __ATOMIC_RELAXED) <= 0) {
        __atomic_store_n(&heap->allowed, 0, __ATOMIC_RELAXED);
        return 0;
    }
    __atomic_fetch_add(&heap->live, 1, __ATOMIC_RELAXED);
    return pkn_allocate(0, bytes, alignment);
}

static void from_release(void *memory, size_t bytes, void *user) {
    __atomic_fetch_sub(&((from_heap *)user)->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, memory, bytes);
}

Test(par_from, without_memory_nothing_is_read_or_all_is_done) {
    static unsigned char bodies[20000];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        from_heap heap = {-1, 0};
        pkern_allocator allocator = {from_allocate, from_release, &heap};
        pkern_pool *pool = par_pool_with(par_threads[t], &allocator);
        cr_assert_eq(pkern_pool_install(pool, from_nothing, 0), PKERN_OK);
        for (int allowed = 0; allowed < 3; allowed++) {
            for (int ordered = 0; ordered < 2; ordered++) {
                from_run run = from_new(pool, bodies, sizeof bodies);
                heap.allowed = allowed;
                pkern_status status = from_start(&run, 0, ordered, 0);
                heap.allowed = -1;
                cr_assert_eq(status, allowed == 0 ? PKERN_ENOMEM : PKERN_OK);
                run.n = allowed == 0 ? 0 : run.n;
                from_check_all_done(&run, ordered);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        cr_assert_eq(heap.live, 0);
    }
}

typedef struct from_nest {
    pkern_pool *pool;
    unsigned char bodies[30][100];
    size_t n_next;
} from_nest;

static int from_nest_next(void *item, void *ctx) {
    from_nest *nest = (from_nest *)ctx;
    *(size_t *)item = nest->n_next;
    return nest->n_next++ == 30 ? PKERN_EEMPTY : 0;
}

static int from_nest_body(void *item, void *ctx) {
    from_nest *nest = (from_nest *)ctx;
    size_t number = *(size_t *)item;
    from_run run = from_new(number % 2 ? nest->pool : 0, nest->bodies[number], 100);
    pkern_status status = from_start(&run, 0, number % 3 == 0, 0);
    return status != 0 ? status : run.n_bad != 0 ? 99 : 0;
}

static void *from_caller(void *argument) {
    from_nest *nest = (from_nest *)argument;
    pkern_source source;
    memset(&source, 0, sizeof source);
    source.item_size = sizeof(size_t);
    source.next = from_nest_next;
    source.body = from_nest_body;
    source.ctx = nest;
    cr_assert_eq(pkern_par_from(nest->pool, &source, 0), PKERN_OK);
    return 0;
}

Test(par_from, nests_and_takes_several_callers) {
    static from_nest nests[3];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
#if PKN_THREADS
        pthread_t callers[3];
#endif
        memset(nests, 0, sizeof nests);
        for (size_t c = 0; c < 3; c++) {
            nests[c].pool = pool;
#if PKN_THREADS
            cr_assert_eq(pthread_create(&callers[c], 0, from_caller, &nests[c]), 0);
        }
        for (size_t c = 0; c < 3; c++) {
            cr_assert_eq(pthread_join(callers[c], 0), 0);
#else
            from_caller(&nests[c]);
#endif
        }
        for (size_t i = 0; i < 3 * 30 * 100; i++) {
            cr_assert_eq(nests[i / 3000].bodies[i % 3000 / 100][i % 100], 1);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

/* A call from inside of a task, beside other work of the scope. */
Test(par_from, runs_as_a_task_beside_others) {
    static unsigned char bodies[4][300];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        pkern_scope scope;
        from_run runs[4];
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (size_t i = 0; i < 4; i++) {
            runs[i] = from_new(0, bodies[i], 300);
            runs[i].uneven = 1;
            cr_assert_eq(pkern_scope_spawn(&scope, from_task, &runs[i]), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        for (size_t i = 0; i < 4; i++) {
            from_check_all_done(&runs[i], 1);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
