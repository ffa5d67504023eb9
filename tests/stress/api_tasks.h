/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random calls of the pool layer, each with what it has to give: joins, typed joins, scopes, spawns, broadcasts, installs,
   pools made and ended inside of calls, bad arguments. */
#ifndef PKN_TESTS_API_TASKS_H
#define PKN_TESTS_API_TASKS_H

#include "api_world.h"

/* A callback that counts itself, perhaps makes calls of its own, and returns a code. */
typedef struct task {
    place        at;
    size_t       ran;
    int          code;
    pkern_scope *scope; /* where more tasks are spawned */
    struct task *more;
    int          n_more;
} task;

static int task_run(void *ctx) {
    task *t = (task *)ctx;
    CHECK(__atomic_fetch_add(&t->ran, 1, __ATOMIC_ACQ_REL) == 0);
    for (int i = 0; i < t->n_more; i++) CHECK(pkern_scope_spawn(t->scope, task_run, &t->more[i]) == PKERN_OK);
    if (t->at.depth > 0) api_run(&t->at);
    if (t->at.path % 8 == 0) {
        int yielded = t->at.path % 16 ? pkern_yield_now(0) : pkern_yield_local(0);
        CHECK(yielded >= PKERN_YIELD_OUTSIDE && yielded <= PKERN_YIELD_EXECUTED);
    }
    return t->code;
}

static int task_run_context(void *ctx, int migrated) {
    CHECK(migrated == 0 || migrated == 1);
    return task_run(ctx);
}

static void draw_task(task *t, stream *s, const place *at, uint64_t branch) {
    memset(t, 0, sizeof *t);
    t->at = place_below(at, branch);
    t->at.depth = chance(s, 3) ? t->at.depth : 0;
    t->code = chance(s, 8) ? 1 + (int)draw(s, 100) : 0;
}

static PKN_NOINLINE void call_join(stream *s, place *at) {
    task *sides = (task *)get_memory(2 * sizeof(task));
    draw_task(&sides[0], s, at, 0);
    draw_task(&sides[1], s, at, 1);
    pkern_pool *pool = draw_pool(s, at);
    int         status, kind = (int)draw(s, 8);
    if (kind < 2 && at->of->has_regions) {
        status = pkern_join_with(pool, task_run, &sides[0], task_run, &sides[1], kind ? PKERN_WAIT_OWN : PKERN_WAIT_BLOCK);
    } else if (kind == 2) {
        status = pkern_join_context(pool, task_run_context, &sides[0], task_run_context, &sides[1]);
    } else {
        status = pkern_join(pool, task_run, &sides[0], task_run, &sides[1]);
    }
    CHECK(status == (sides[0].code ? sides[0].code : sides[1].code));
    CHECK(sides[0].ran == 1 && sides[1].ran == 1);
    free(sides);
}

/* A tree of joins, lopsided by its path; counts leaves. */
typedef struct tree {
    uint64_t path;
    size_t  *leaves;
    int      depth;
} tree;

static int tree_run(void *ctx) {
    const tree *t = (const tree *)ctx;
    if (t->depth <= 0) {
        __atomic_fetch_add(t->leaves, 1, __ATOMIC_RELAXED);
        return 0;
    }
    tree a = {pkn_mix_u64(t->path + 1), t->leaves, t->depth - 1};
    tree b = {pkn_mix_u64(t->path + 2), t->leaves, t->depth - 1 - (int)(t->path % 4)};
    return pkern_join(0, tree_run, &a, tree_run, &b);
}

static size_t tree_leaves(uint64_t path, int depth) {
    return depth <= 0 ? 1
                      : tree_leaves(pkn_mix_u64(path + 1), depth - 1) +
                            tree_leaves(pkn_mix_u64(path + 2), depth - 1 - (int)(path % 4));
}

static PKN_NOINLINE void call_join_tree(stream *s, place *at) {
    size_t leaves = 0;
    tree   top = {at->path, &leaves, (int)draw(s, 9)};
    CHECK(pkern_pool_install(draw_pool(s, at), tree_run, &top) == 0);
    CHECK(leaves == tree_leaves(at->path, top.depth));
}

PKERN_DEFINE_JOIN_TASK_2(uint64_t, typed_paths, uint64_t, n, uint64_t, k) {
    uint64_t a, b;
    if (k == 0 || n <= k) return 1;
    PKERN_JOIN(a = PKERN_CALL(typed_paths, n - 1, k - 1), b, typed_paths, n - 1, k);
    return a + b;
}

static PKN_NOINLINE void call_typed_join(stream *s, place *at) {
    uint64_t n = draw(s, 13), k = draw(s, n + 1), expected = 1;
    for (uint64_t i = 1; i <= k; i++) expected = expected * (n - k + i) / i; /* n over k */
    CHECK(typed_paths(draw_pool(s, at), n, k) == expected);
}

/* ---- scopes ---- */

typedef struct scope_plan {
    pkern_scope scope;
    task       *tasks;
    int         n_tasks, is_nested;
} scope_plan;

static void scope_start(scope_plan *p, stream *s, place *at, uint64_t branch) {
    p->n_tasks = (int)draw(s, chance(s, 10) ? 100 : 12);
    p->is_nested = chance(s, 3);
    p->tasks = (task *)get_memory(4 * (size_t)p->n_tasks * sizeof(task));
    pkern_pool *pool = draw_pool(s, at);
    int         kind = (int)draw(s, 8);
    /* who blocks needs a thread that does not, and workers may block in each other's pools: so callers block, over leaves */
    if (kind == 0 && at->depth != 3) kind = 1;
    if (!at->of->has_regions) kind |= 2;
    if (kind < 2) CHECK(pkern_scope_begin_with(&p->scope, pool, kind ? PKERN_WAIT_OWN : PKERN_WAIT_BLOCK) == PKERN_OK);
    else CHECK((kind < 5 ? pkern_scope_begin_fifo : pkern_scope_begin)(&p->scope, pool) == PKERN_OK);
    for (int i = 0; i < 4 * p->n_tasks; i++) {
        draw_task(&p->tasks[i], s, at, branch + (uint64_t)i);
        if (i >= p->n_tasks || p->n_tasks > 20) p->tasks[i].at.depth = 0;
        if (kind == 0) p->tasks[i].at.depth = 0;
    }
    for (int i = 0; i < p->n_tasks; i++) {
        if (p->is_nested) {
            p->tasks[i].scope = &p->scope;
            p->tasks[i].more = &p->tasks[p->n_tasks + 3 * i];
            p->tasks[i].n_more = 3;
        }
        CHECK((chance(s, 4) ? pkern_scope_spawn_urgent(&p->scope, task_run, &p->tasks[i])
                            : pkern_scope_spawn(&p->scope, task_run, &p->tasks[i])) == PKERN_OK);
    }
}

static void scope_end(scope_plan *p) {
    int status = pkern_scope_wait(&p->scope), first = 0, known = 0;
    for (int i = 0; i < 4 * p->n_tasks; i++) {
        const task *t = &p->tasks[i];
        int         runs = i < p->n_tasks || p->is_nested;
        CHECK(__atomic_load_n(&t->ran, __ATOMIC_RELAXED) == (size_t)runs);
        if (runs && t->code) {
            first = first ? first : t->code;
            known |= t->code == status;
        }
    }
    /* one thread spawned all of them: the first one's code, else any of the codes */
    CHECK(p->is_nested ? (first ? known : status == PKERN_OK) : status == first);
    free(p->tasks);
}

static PKN_NOINLINE void call_scope(stream *s, place *at) {
    scope_plan *p = (scope_plan *)get_memory(2 * sizeof(scope_plan));
    int         two = chance(s, 4), crossed = chance(s, 2);
    scope_start(&p[0], s, at, 1000);
    if (chance(s, 3)) {
        place between = place_below(at, 999);
        if (between.depth > 0) api_run(&between);
    }
    if (two) {
        scope_start(&p[1], s, at, 2000);
        scope_end(&p[crossed]);
    }
    scope_end(&p[two && !crossed]);
    free(p);
}

/* ---- detached ---- */

typedef struct detached {
    place at;
} detached;

static int detached_count(void *ctx) {
    __atomic_fetch_add(&((world *)ctx)->spawned_ran, 1, __ATOMIC_RELEASE);
    return 1; /* dropped */
}

static int detached_visit(void *ctx) {
    detached *d = (detached *)ctx;
    world    *w = d->at.of;
    api_run(&d->at);
    free(d);
    __atomic_fetch_sub(&w->visitors, 1, __ATOMIC_RELEASE);
    return 0;
}

static PKN_NOINLINE void call_spawn(stream *s, place *at) {
    pkern_pool *pool = draw_pool(s, at);
    uint64_t    count = draw(s, chance(s, 8) ? 200 : 12);
    for (uint64_t i = 0; i < count; i++) {
        __atomic_fetch_add(&at->of->spawned, 1, __ATOMIC_RELAXED);
        pkern_status status = chance(s, 3)   ? pkern_spawn_urgent(pool, detached_count, at->of)
                              : chance(s, 2) ? pkern_spawn_fifo(pool, detached_count, at->of)
                                             : pkern_spawn(pool, detached_count, at->of);
        CHECK(status == PKERN_OK || memory_ran_out(at, status));
        if (status != PKERN_OK) __atomic_fetch_sub(&at->of->spawned, 1, __ATOMIC_RELAXED);
    }
    /* jobs that call other pools: those must outlive them, so a pool of a call's own is out */
    if (at->depth > 1 && at->own == 0 && chance(s, 2)) {
        detached *d = (detached *)get_memory(sizeof *d);
        d->at = place_below(at, 5000);
        __atomic_fetch_add(&at->of->visitors, 1, __ATOMIC_RELAXED);
        pkern_status status = pkern_spawn(pool, detached_visit, d);
        CHECK(status == PKERN_OK || memory_ran_out(at, status));
        if (status != PKERN_OK) {
            __atomic_fetch_sub(&at->of->visitors, 1, __ATOMIC_RELEASE);
            free(d);
        }
    }
}

static int detached_everywhere(int index, int count, void *ctx) {
    CHECK(index >= 0 && index < count);
    return detached_count(ctx);
}

/* Counted before it is known how often it runs, where memory may fail: so not there. */
static PKN_NOINLINE void call_spawn_broadcast(stream *s, place *at) {
    pkern_pool *pool = draw_pool(s, at);
    int         threads = pkern_pool_num_threads(pool);
    if (at->of->memory_fails || (at->of->has_regions && at->own != 0)) return; /* the end of a call's own pool waits for it */
    __atomic_fetch_add(&at->of->spawned, (size_t)(threads > 1 ? threads - 1 : 1), __ATOMIC_RELAXED);
    CHECK(pkern_spawn_broadcast(pool, detached_everywhere, at->of) == PKERN_OK);
}

/* Never without a limit: jobs of two pools may wait for each other's. */
static PKN_NOINLINE void call_wait_idle(stream *s, place *at) {
    pkern_pool  *pool = draw_pool(s, at);
    pkern_status status = pkern_pool_wait_idle(pool, (int64_t)draw(s, 2) * (int64_t)draw(s, 100000));
    CHECK(status == PKERN_OK || status == PKERN_ETIMEDOUT || status == PKERN_EDEADLK);
    CHECK(status != PKERN_EDEADLK || pkern_worker_index(pool) >= 0);
}

/* ---- futures ---- */

static pkern_status wait_in_some_way(pkern_pool *pool, pkern_future *future, uint64_t way) {
    pkern_status status = PKERN_ETIMEDOUT;
    for (int i = 0; way == 1 && i < 10 && !pkern_future_is_done(future); i++) {
        (void)(i % 3 ? pkern_yield_now(pool) : pkern_yield_local(pool));
    }
    if (way == 0) return pkern_future_wait(future);
    while (status == PKERN_ETIMEDOUT) status = pkern_future_wait_for(future, 30000);
    return status;
}

static PKN_NOINLINE void call_future(stream *s, place *at) {
    int           count = (int)draw(s, chance(s, 8) ? 60 : 6), first = (int)draw(s, 60);
    pkern_pool   *pool = draw_pool(s, at);
    task         *tasks = (task *)get_memory((size_t)count * sizeof(task));
    pkern_future *futures = (pkern_future *)get_memory((size_t)count * sizeof(pkern_future));
    for (int i = 0; i < count; i++) {
        draw_task(&tasks[i], s, at, (uint64_t)i);
        CHECK(pkern_future_wait(&futures[i]) == PKERN_EINVAL);
        CHECK(pkern_future_spawn(&futures[i], pool, task_run, &tasks[i]) == PKERN_OK);
    }
    for (int k = 0; k < count; k++) {
        int i = (first + k) % count;
        CHECK(wait_in_some_way(pool, &futures[i], draw(s, 3)) == tasks[i].code);
        CHECK(pkern_future_is_done(&futures[i]) && tasks[i].ran == 1);
    }
    free(futures);
    free(tasks);
}

/* ---- a lock held over waits ---- */

static int locked_leaves(void *ctx) {
    tree  *t = (tree *)ctx;
    size_t before = __atomic_load_n(t->leaves, __ATOMIC_RELAXED);
    int    status = tree_run(t);
    CHECK(__atomic_load_n(t->leaves, __ATOMIC_RELAXED) > before);
    return status;
}

static PKN_NOINLINE void call_locked(stream *s, place *at) {
    if (!at->of->has_regions) return;
    size_t      leaves = 0;
    tree        a = {at->path, &leaves, (int)draw(s, 6)}, b = {at->path + 1, &leaves, (int)draw(s, 6)};
    pkern_pool *pool = draw_pool(s, at);
    int         mode = chance(s, 2) ? PKERN_WAIT_OWN : PKERN_WAIT_BLOCK;
    CHECK(pthread_mutex_lock(&at->of->lock) == 0);
    size_t before = ++at->of->locked;
    CHECK(pkern_join_with(pool, locked_leaves, &a, locked_leaves, &b, mode) == 0);
    CHECK(at->of->locked == before);
    CHECK(pthread_mutex_unlock(&at->of->lock) == 0);
    CHECK(leaves == tree_leaves(a.path, a.depth) + tree_leaves(b.path, b.depth));
}

/* ---- blocking ---- */

static PKN_NOINLINE void call_blocking(stream *s, place *at) {
    task *t = (task *)get_memory(sizeof *t);
    draw_task(t, s, at, 0);
    t->at.depth = at->depth - 1;
    CHECK(pkern_blocking(draw_pool(s, at), task_run, t) == t->code);
    CHECK(t->ran == 1);
    free(t);
}

/* ---- broadcast, install ---- */

typedef struct everyone {
    place    at;
    size_t  *ran;
    int      expected;
    uint64_t failing; /* a bit for each index */
} everyone;

static int everyone_run(int index, int count, void *ctx) {
    everyone *e = (everyone *)ctx;
    CHECK(index >= 0 && index < count && (count == e->expected || (e->at.of->memory_fails && count == 1)));
    CHECK(__atomic_fetch_add(&e->ran[index], 1, __ATOMIC_RELAXED) == 0);
    if (e->at.depth > 0 && index == (int)(e->at.path % 16)) {
        place inner = place_below(&e->at, (uint64_t)index);
        api_run(&inner);
    }
    return e->failing >> (index % 64) & 1u ? 100 + index : 0;
}

static int never_run(void *ctx) {
    (void)ctx;
    CHECK(!"a callback ran");
    return 0;
}

static int never_everyone(int index, int count, void *ctx) {
    (void)index;
    (void)count;
    return never_run(ctx);
}

static PKN_NOINLINE void call_broadcast(stream *s, place *at) {
    pkern_pool *pool = draw_pool(s, at);
    if (at->of->has_regions) {
        pkn_member *member = pool ? pkn_membership(&pkn_this_thread, pool) : pkn_current();
        if (member && pkn_is_isolated(member->pool, pkn_root(member))) CHECK(pkern_broadcast(pool, never_everyone, 0) == PKERN_EDEADLK);
        return;
    }
    int         threads = pkern_pool_num_threads(pool), index = pkern_worker_index(pool);
    everyone    e = {*at, 0, index >= 0 && index < threads - 1 ? threads - 1 : threads, 0};
    int         lowest = 0, ran = 0;
    e.ran = (size_t *)get_memory((size_t)threads * sizeof(size_t));
    e.at.depth = chance(s, 3) ? at->depth - 1 : 0;
    if (chance(s, 3)) e.failing = pkn_random_at(at->path, 7) & pkn_random_at(at->path, 8);
    pkern_status status = pkern_broadcast(pool, everyone_run, &e);
    for (int i = threads - 1; i >= 0; i--) {
        ran += (int)e.ran[i];
        if (e.ran[i] && (e.failing >> (i % 64) & 1u)) lowest = 100 + i;
    }
    CHECK(status == lowest);
    CHECK(ran == e.expected || (at->of->memory_fails && ran == 1));
    free(e.ran);
}

typedef struct installed {
    task        t;
    pkern_pool *pool;
} installed;

static int installed_run(void *ctx) {
    installed *i = (installed *)ctx;
    int        here = pkern_worker_index(0), there = pkern_worker_index(i->pool);
    /* without memory for a place in the pool the call runs where the caller was */
    CHECK(i->t.at.of->memory_fails || (here >= 0 && here == there));
    CHECK(here < pkern_pool_num_slots(0));
    if (there >= 0 && i->pool) CHECK(pkern_pool_destroy(i->pool) == PKERN_EDEADLK);
    return task_run(&i->t);
}

static PKN_NOINLINE void call_install(stream *s, place *at) {
    installed *i = (installed *)get_memory(sizeof *i);
    draw_task(&i->t, s, at, 0);
    i->t.at.depth = at->depth - 1;
    i->pool = draw_pool(s, at);
    CHECK(pkern_pool_install(i->pool, installed_run, i) == i->t.code);
    CHECK(i->t.ran == 1);
    free(i);
}

/* A pool of the call's own, made and ended inside of whatever runs here. */
static PKN_NOINLINE void call_own_pool(stream *s, place *at) {
    pkern_pool_config config;
    pkern_pool       *pool = 0;
    place             below = place_below(at, 0);
    /* a few at once: each has threads */
    if (__atomic_fetch_add(&at->of->own_pools, 1, __ATOMIC_RELAXED) < 3) {
        memset(&config, 0, sizeof config);
        config.num_threads = 1 + (int)draw(s, 4);
        config.spin_ns = chance(s, 2) ? -1 : 0;
        config.allocator = &at->of->allocator;
        pkern_status status = pkern_pool_create(&config, &pool);
        CHECK(status == PKERN_OK || memory_ran_out(at, status));
        if (status == PKERN_OK) {
            below.own = pool;
            for (int i = 0; below.depth > 0 && i < 2; i++) {
                below.path++;
                api_run(&below);
            }
            CHECK(pkern_pool_destroy(pool) == PKERN_OK);
        } else {
            CHECK(pool == 0);
        }
    }
    __atomic_fetch_sub(&at->of->own_pools, 1, __ATOMIC_RELAXED);
}

/* ---- arguments that are refused before anything runs ---- */

static int never_range(size_t begin, size_t end, void *ctx) {
    (void)begin;
    (void)end;
    return never_run(ctx);
}

static PKN_NOINLINE void call_badly(stream *s, place *at) {
    pkern_pool       *pool = draw_pool(s, at), *made = 0;
    pkern_pool_config config;
    pkern_par_options options;
    memset(&config, 0, sizeof config);
    memset(&options, 0, sizeof options);
    CHECK(pkern_join(pool, never_run, 0, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_join(pool, 0, 0, never_run, 0) == PKERN_EINVAL);
    CHECK(pkern_spawn(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_spawn_fifo(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_spawn_urgent(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_spawn_broadcast(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_future_spawn(0, pool, never_run, 0) == PKERN_EINVAL);
    CHECK(pkern_future_wait(0) == PKERN_EINVAL);
    CHECK(pkern_broadcast(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_blocking(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_join_with(pool, never_run, 0, never_run, 0, 3) == PKERN_EINVAL);
    CHECK(pkern_pool_install(pool, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_scope_begin(0, pool) == PKERN_EINVAL);
    CHECK(pkern_scope_spawn(0, never_run, 0) == PKERN_EINVAL);
    CHECK(pkern_scope_wait(0) == PKERN_EINVAL);
    CHECK(pkern_par_for(pool, 2, 1, 0, never_range, 0) == PKERN_EINVAL);
    CHECK(pkern_par_for(pool, 0, 1, 0, 0, 0) == PKERN_EINVAL);
    CHECK(pkern_par_for(pool, 0, 0, 0, never_range, 0) == PKERN_OK);
    options.min_len = 2;
    options.max_len = 1;
    CHECK(pkern_par_for(pool, 0, 9, &options, never_range, 0) == PKERN_EINVAL);
    config.num_threads = chance(s, 2) ? -1 : PKERN_MAX_THREADS + 1;
    CHECK(pkern_pool_create(&config, &made) == PKERN_EINVAL && made == 0);
    CHECK(pkern_pool_create(0, 0) == PKERN_EINVAL);
    CHECK(pkern_pool_destroy(0) == PKERN_OK);
}

#endif
