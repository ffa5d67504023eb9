/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

#include <pthread.h>

typedef struct walk_node {
    struct walk_node *parent;
    struct walk_node *first;
    struct walk_node *last;
    struct walk_node *next;
    size_t prefix;  /* the node's number in serial order */
    size_t postfix;
    size_t below; /* sum over the children, by the visits */
    int visits;
} walk_node;

enum { WALK_LIST, WALK_STAR, WALK_BINARY, WALK_RANDOM, WALK_SPINE_FIRST, WALK_SPINE_LAST, WALK_SHAPES };

typedef struct walk_run {
    walk_node *nodes; /* [n], nodes[0] is the root */
    size_t n;
    int order;
    size_t fail_at; /* serial numbers from here on that are a multiple of 10 above fail; SIZE_MAX: none */
    int children_fail;
    size_t n_bad;
    pkern_pool *pool;
    pkern_cancel *cancel;
    useconds_t nap_us;
    unsigned threads; /* bit set of those that came */
} walk_run;

static size_t walk_parent_of(int shape, size_t i) {
    switch (shape) {
    case WALK_LIST:
        return i - 1;
    case WALK_STAR:
        return 0;
    case WALK_BINARY:
        return (i - 1) / 2;
    case WALK_RANDOM:
        return par_random(i, i);
    default: /* odd nodes are a spine, each even one hangs at it */
        return i <= 1 ? 0 : i % 2 ? i - 2 : i - 1;
    }
}

static void walk_add(walk_node *parent, walk_node *child, int as_first) {
    child->parent = parent;
    if (parent->first == 0) {
        parent->first = parent->last = child;
    } else if (as_first) {
        child->next = parent->first;
        parent->first = child;
    } else {
        parent->last->next = child;
        parent->last = child;
    }
}

/* Without recursion, as the trees are deep. */
static void walk_number(walk_node *root) {
    size_t prefix = 0;
    size_t postfix = 0;
    walk_node *node = root;
    while (node != 0) {
        node->prefix = prefix++;
        if (node->first != 0) {
            node = node->first;
            continue;
        }
        node->postfix = postfix++;
        while (node != root && node->next == 0) {
            node = node->parent;
            node->postfix = postfix++;
        }
        node = node == root ? 0 : node->next;
    }
}

static walk_run walk_new(int shape, size_t n) {
    walk_run run;
    memset(&run, 0, sizeof run);
    run.nodes = (walk_node *)calloc(n, sizeof *run.nodes);
    cr_assert_not_null(run.nodes);
    run.n = n;
    run.fail_at = SIZE_MAX;
    for (size_t i = 1; i < n; i++) {
        walk_add(&run.nodes[walk_parent_of(shape, i)], &run.nodes[i],
                 shape == WALK_SPINE_FIRST && i % 2);
    }
    walk_number(run.nodes);
    return run;
}

static void walk_reset(walk_run *run) {
    for (size_t i = 0; i < run->n; i++) {
        run->nodes[i].visits = 0;
        run->nodes[i].below = 0;
    }
}

static int walk_children(void *node, pkern_walk *walk, void *ctx) {
    walk_run *run = (walk_run *)ctx;
    walk_node *parent = (walk_node *)node;
    if (run->children_fail && parent->prefix >= run->fail_at) {
        return (int)parent->prefix + 1;
    }
    pkern_walk_push(walk, 0);
    for (walk_node *child = parent->first; child != 0; child = child->next) {
        pkern_walk_push(walk, child);
    }
    return 0;
}

static int walk_visit(void *visited, void *ctx) {
    walk_run *run = (walk_run *)ctx;
    walk_node *node = (walk_node *)visited;
    size_t number = run->order == PKERN_WALK_POSTFIX ? node->postfix : node->prefix;
    int bad = node->visits++ != 0;
    if (run->order == PKERN_WALK_POSTFIX) {
        node->below++;
        for (walk_node *child = node->first; child != 0; child = child->next) {
            bad |= child->visits != 1;
            node->below += child->below;
        }
    } else {
        node->below = node->parent != 0 ? node->parent->below + 1 : 0; /* the depth */
        bad |= node->parent != 0 && node->parent->visits != 1;
    }
    if (bad) {
        __atomic_fetch_add(&run->n_bad, 1, __ATOMIC_RELAXED);
    }
    if (run->cancel != 0) {
        pkern_cancel_request(run->cancel);
    }
    if (run->nap_us != 0) {
        usleep(run->nap_us);
        __atomic_fetch_or(&run->threads, 1u << (pkern_worker_index(0) % 32), __ATOMIC_RELAXED);
    }
    return !run->children_fail && number >= run->fail_at && (number - run->fail_at) % 10 == 0
               ? (int)number + 1
               : 0;
}

static pkern_status walk_start(walk_run *run, const pkern_par_options *options) {
    return pkern_walk_tree(run->pool, run->nodes, run->order, options, walk_children, walk_visit,
                           run);
}

static pkern_pool *walk_pool(int num_threads) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
#if !PKN_TSAN
    config.stack_size = 65536;
#endif
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
    return pool;
}

Test(par_walk, visits_each_node_once_and_in_order_whatever_the_shape) {
    static const size_t sizes[] = {1, 2, 3, 10, 101, 20011};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = walk_pool(par_threads[t]);
        for (int shape = 0; shape < WALK_SHAPES; shape++) {
            for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
                walk_run run = walk_new(shape, sizes[s]);
                run.pool = pool;
                for (run.order = PKERN_WALK_ANY; run.order <= PKERN_WALK_POSTFIX; run.order++) {
                    walk_reset(&run);
                    cr_assert_eq(walk_start(&run, 0), PKERN_OK);
                    cr_assert_eq(run.n_bad, 0);
                    for (size_t i = 0; i < run.n; i++) {
                        cr_assert_eq(run.nodes[i].visits, 1);
                    }
                }
                cr_assert_eq(run.nodes[0].below, run.n);
                free(run.nodes);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_walk, returns_the_first_failure_in_serial_order_and_visits_all_before) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (int shape = 0; shape < WALK_SHAPES; shape++) {
            walk_run run = walk_new(shape, 1009);
            run.pool = pool;
            for (size_t f = 0; f < 60; f++) {
                run.fail_at = f * 17;
                run.order = f % 2 ? PKERN_WALK_POSTFIX : PKERN_WALK_PREFIX;
                run.children_fail = f % 3 == 0;
                walk_reset(&run);
                int expected = run.fail_at < run.n ? (int)run.fail_at + 1 : 0;
                cr_assert_eq(walk_start(&run, 0), expected, "shape %d", shape);
                cr_assert_eq(run.n_bad, 0);
                for (size_t i = 0; i < run.n; i++) {
                    const walk_node *node = &run.nodes[i];
                    size_t number =
                        run.order == PKERN_WALK_POSTFIX ? node->postfix : node->prefix;
                    cr_assert(run.children_fail && run.order == PKERN_WALK_POSTFIX
                                  ? node->visits <= 1
                                  : node->visits == 1 || number > run.fail_at);
                }
            }
            free(run.nodes);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_walk, all_threads_come) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        int threads = pkern_pool_num_threads(pool);
        for (int shape = WALK_STAR; shape <= WALK_RANDOM; shape++) {
            for (int order = PKERN_WALK_PREFIX; order <= PKERN_WALK_POSTFIX; order++) {
                walk_run run = walk_new(shape, 256);
                run.pool = pool;
                run.order = order;
                run.nap_us = 300;
                cr_assert_eq(walk_start(&run, 0), PKERN_OK);
                cr_assert(__builtin_popcount(run.threads) >= threads - threads / 4,
                          "%x of %d threads", run.threads, threads);
                free(run.nodes);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_walk, bad_arguments_and_an_empty_tree_visit_nothing) {
    walk_run run = walk_new(WALK_LIST, 2);
    cr_assert_eq(pkern_walk_tree(0, run.nodes, 0, 0, 0, walk_visit, &run), PKERN_EINVAL);
    cr_assert_eq(pkern_walk_tree(0, run.nodes, 0, 0, walk_children, 0, &run), PKERN_EINVAL);
    cr_assert_eq(pkern_walk_tree(0, run.nodes, 3, 0, walk_children, walk_visit, &run),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_walk_tree(0, run.nodes, -1, 0, walk_children, walk_visit, &run),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_walk_tree(0, 0, 0, 0, walk_children, walk_visit, &run), PKERN_OK);
    cr_assert_eq(run.nodes[0].visits, 0);
    free(run.nodes);
}

Test(par_walk, a_cancel_ends_it) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (int order = PKERN_WALK_PREFIX; order <= PKERN_WALK_POSTFIX; order++) {
            walk_run run = walk_new(WALK_RANDOM, 5003);
            pkern_cancel cancel;
            pkern_par_options options;
            size_t visits = 0;
            memset(&cancel, 0, sizeof cancel);
            memset(&options, 0, sizeof options);
            run.pool = pool;
            run.order = order;
            options.cancel = run.cancel = &cancel;
            cr_assert_eq(walk_start(&run, &options), PKERN_ECANCELED);
            for (size_t i = 0; i < run.n; i++) {
                visits += (size_t)run.nodes[i].visits;
            }
            cr_assert(visits >= 1 && visits <= (size_t)par_threads[t]);
            free(run.nodes);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

/* Memory that fails: 0 never, 1 always, 2 for all but pieces, 3 at random, 4 for what many nodes that are
   cut off together need. */
typedef struct walk_memory {
    int kind;
    size_t calls;
    size_t live;
} walk_memory;

static void *walk_allocate(size_t bytes, size_t alignment, void *user) {
    walk_memory *memory = (walk_memory *)user;
    size_t call = __atomic_fetch_add(&memory->calls, 1, __ATOMIC_RELAXED);
    int kind = __atomic_load_n(&memory->kind, __ATOMIC_RELAXED);
    if (kind == 1 || (kind == 2 && bytes != sizeof(pkern_walk)) ||
        (kind == 3 && par_random(call, 3) == 0) ||
        (kind == 4 && bytes != sizeof(pkern_walk) &&
         bytes % sizeof(((pkern_walk *)0)->near_entries) != 0)) {
        return 0;
    }
    __atomic_fetch_add(&memory->live, 1, __ATOMIC_RELAXED);
    return pkn_allocate(0, bytes, alignment);
}

static void walk_release(void *block, size_t bytes, void *user) {
    __atomic_fetch_sub(&((walk_memory *)user)->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, block, bytes);
}

static int walk_nothing(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

Test(par_walk, without_memory_it_is_done_or_says_so) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        for (int shape = 0; shape < WALK_SHAPES; shape++) {
            walk_memory memory = {0, 0, 0};
            pkern_allocator allocator = {walk_allocate, walk_release, &memory};
            pkern_pool *pool = par_pool_with(par_threads[t], &allocator);
            walk_run run = walk_new(shape, 2003);
            run.pool = pool;
            cr_assert_eq(pkern_pool_install(pool, walk_nothing, 0), PKERN_OK);
            for (int kind = 4; kind > 0; kind--) {
                for (run.order = PKERN_WALK_PREFIX; run.order <= PKERN_WALK_POSTFIX; run.order++) {
                    walk_reset(&run);
                    memory.kind = kind;
                    pkern_status status = walk_start(&run, 0);
                    memory.kind = 0;
                    cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
                    cr_assert_eq(run.n_bad, 0);
                    for (size_t i = 0; i < run.n && status == PKERN_OK; i++) {
                        cr_assert_eq(run.nodes[i].visits, 1);
                    }
                    /* few nodes wait in a list and a binary tree on the way down */
                    cr_assert(status == PKERN_OK || run.order == PKERN_WALK_POSTFIX ||
                              (shape != WALK_LIST && shape != WALK_BINARY));
                    cr_assert(kind >= 3 || shape != WALK_STAR || status == PKERN_ENOMEM);
                    cr_assert(kind != 4 || status == PKERN_OK);
                }
            }
            free(run.nodes);
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            cr_assert_eq(memory.live, 0);
        }
    }
}

/* Each node of the outer tree walks a tree of its own. */
typedef struct walk_nest {
    pkern_pool *pool;
    walk_run outer;
    walk_run inner[32];
} walk_nest;

static int walk_visit_nested(void *visited, void *ctx) {
    walk_nest *nest = (walk_nest *)ctx;
    return walk_start(&nest->inner[(walk_node *)visited - nest->outer.nodes], 0);
}

static int walk_children_nested(void *node, pkern_walk *walk, void *ctx) {
    return walk_children(node, walk, &((walk_nest *)ctx)->outer);
}

static void *walk_caller(void *argument) {
    walk_nest *nest = (walk_nest *)argument;
    for (size_t i = 0; i < 32; i++) {
        nest->inner[i].pool = i % 2 ? nest->pool : 0;
        nest->inner[i].order = (int)(i % 3);
    }
    for (int order = PKERN_WALK_ANY; order <= PKERN_WALK_POSTFIX; order++) {
        for (size_t i = 0; i < 32; i++) {
            walk_reset(&nest->inner[i]);
        }
        cr_assert_eq(pkern_walk_tree(nest->pool, nest->outer.nodes, order, 0, walk_children_nested,
                                     walk_visit_nested, nest),
                     PKERN_OK);
        for (size_t i = 0; i < 32; i++) {
            cr_assert_eq(nest->inner[i].n_bad, 0);
            for (size_t k = 0; k < nest->inner[i].n; k++) {
                cr_assert_eq(nest->inner[i].nodes[k].visits, 1);
            }
        }
    }
    return 0;
}

Test(par_walk, nests_and_takes_several_callers) {
    walk_nest nests[3];
    for (size_t c = 0; c < 3; c++) {
        nests[c].outer = walk_new(WALK_BINARY, 32);
        for (size_t i = 0; i < 32; i++) {
            nests[c].inner[i] = walk_new((int)(i % WALK_SHAPES), 10 * i + 1);
        }
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
#if PKN_THREADS
        pthread_t callers[3];
#endif
        for (size_t c = 0; c < 3; c++) {
            nests[c].pool = pool;
#if PKN_THREADS
            cr_assert_eq(pthread_create(&callers[c], 0, walk_caller, &nests[c]), 0);
        }
        for (size_t c = 0; c < 3; c++) {
            cr_assert_eq(pthread_join(callers[c], 0), 0);
#else
            walk_caller(&nests[c]);
#endif
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < 32; i++) {
            free(nests[c].inner[i].nodes);
        }
        free(nests[c].outer.nodes);
    }
}
