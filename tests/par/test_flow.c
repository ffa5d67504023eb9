/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* All of flow.h where a call gets no place in its pool: in a forked child, and as one guest too many. */
#include "test.h"
#include "par_tools.h"

#if PKN_THREADS

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define FLOW_N 1000

typedef struct flow_count {
    size_t given;
    size_t done;
    size_t emitted;
} flow_count;

static int flow_range(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add(&((flow_count *)ctx)->done, end - begin, __ATOMIC_RELAXED);
    return 0;
}

/* Work that is a number, a tree whose nodes are the numbers 1 .. FLOW_N, items that are numbers. */
static int flow_split(void *work, void *right, void *ctx) {
    size_t whole = *(size_t *)work;
    PKN_UNUSED(ctx);
    *(size_t *)right = whole / 2;
    *(size_t *)work -= whole / 2;
    return whole > 1;
}

static int flow_leaf(void *work, void *ctx) {
    return flow_range(0, *(size_t *)work, ctx);
}

static int flow_children(void *node, pkern_walk *walk, void *ctx) {
    uintptr_t number = (uintptr_t)node;
    PKN_UNUSED(ctx);
    for (uintptr_t child = 2 * number; child <= 2 * number + 1 && child <= FLOW_N; child++) {
        pkern_walk_push(walk, (void *)child);
    }
    return 0;
}

static int flow_visit(void *node, void *ctx) {
    PKN_UNUSED(node);
    return flow_range(0, 1, ctx);
}

static int flow_next(void *item, void *ctx) {
    flow_count *count = (flow_count *)ctx;
    *(size_t *)item = count->given;
    return count->given++ == FLOW_N ? PKERN_EEMPTY : 0;
}

static int flow_body(void *item, void *ctx) {
    PKN_UNUSED(item);
    return flow_range(0, 1, ctx);
}

static int flow_emit(void *item, void *ctx) {
    return *(size_t *)item == ((flow_count *)ctx)->emitted++ ? 0 : 1;
}

/* 0, or the number of what is wrong. */
static int flow_use(pkern_pool *pool) {
    flow_count count;
    pkern_source source = {sizeof(size_t), 0, flow_next, flow_body, 0, &count};
    pkern_locals *locals = 0;
    size_t work = FLOW_N;
    memset(&count, 0, sizeof count);
    if (pkern_par_for_blocks(pool, 0, FLOW_N, 0, 0, flow_range, &count) != 0 ||
        count.done != FLOW_N) {
        return 1;
    }
    if (pkern_par_split(pool, &work, sizeof work, 0, flow_split, flow_leaf, &count) != 0 ||
        count.done != 2 * FLOW_N) {
        return 2;
    }
    for (size_t order = 0; order < 3; order++) {
        if (pkern_walk_tree(pool, (void *)(uintptr_t)1, (int)order, 0, flow_children, flow_visit,
                            &count) != 0 ||
            count.done != (3 + order) * FLOW_N) {
            return 3;
        }
    }
    if (pkern_par_from(pool, &source, 0) != 0 || count.done != 6 * FLOW_N) {
        return 4;
    }
    count.given = 0;
    source.emit = flow_emit;
    if (pkern_par_from(pool, &source, 0) != 0 || count.emitted != FLOW_N) {
        return 5;
    }
    if (pkern_locals_create(pool, 8, 0, 0, 0, &locals) != 0) {
        return 6;
    }
    void *first = pkern_locals_acquire(locals);
    void *second = pkern_locals_acquire(locals);
    int distinct = first != 0 && second != 0 && first != second;
    pkern_locals_release(locals, first);
    pkern_locals_release(locals, second);
    return pkern_locals_destroy(locals) != 0 || !distinct ? 7 : 0;
}

Test(par_flow, works_in_a_forked_child) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        int status = 0;
        cr_assert_eq(flow_use(pool), 0);
        fflush(0);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(10);
            _exit(50 + flow_use(pool));
        }
        cr_assert(child > 0);
        while (waitpid(child, &status, 0) < 0) {
        }
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 50, "status %x", (unsigned)status);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

enum { FLOW_GUESTS = PKERN_MAX_GUESTS + 3 };

typedef struct flow_crowd {
    pkern_pool *pool;
    pthread_barrier_t inside;
    int n_alone;
    int n_bad;
} flow_crowd;

static int flow_crowded(void *ctx) {
    flow_crowd *crowd = (flow_crowd *)ctx;
    pthread_barrier_wait(&crowd->inside);
    if (pkern_worker_index(crowd->pool) < 0) {
        __atomic_fetch_add(&crowd->n_alone, 1, __ATOMIC_RELAXED);
    }
    if (flow_use(crowd->pool) != 0) {
        __atomic_fetch_add(&crowd->n_bad, 1, __ATOMIC_RELAXED);
    }
    pthread_barrier_wait(&crowd->inside);
    return 0;
}

static void *flow_guest(void *argument) {
    flow_crowd *crowd = (flow_crowd *)argument;
    pkern_pool_install(crowd->pool, flow_crowded, crowd);
    return 0;
}

Test(par_flow, works_where_the_pool_has_no_place_left) {
    pthread_t guests[FLOW_GUESTS];
    flow_crowd crowd;
    memset(&crowd, 0, sizeof crowd);
    crowd.pool = par_pool(3);
    cr_assert_eq(pthread_barrier_init(&crowd.inside, 0, FLOW_GUESTS), 0);
    for (int i = 0; i < FLOW_GUESTS; i++) {
        cr_assert_eq(pthread_create(&guests[i], 0, flow_guest, &crowd), 0);
    }
    for (int i = 0; i < FLOW_GUESTS; i++) {
        cr_assert_eq(pthread_join(guests[i], 0), 0);
    }
    cr_assert_eq(crowd.n_bad, 0);
    cr_assert_gt(crowd.n_alone, 0);
    pthread_barrier_destroy(&crowd.inside);
    cr_assert_eq(pkern_pool_destroy(crowd.pool), PKERN_OK);
}

#endif
