/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

PKERN_DEFINE_JOIN_TASK_1(long, fork_fib, long, n) {
    long a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(fork_fib, n - 1), b, fork_fib, n - 2);
    return a + b;
}

Test(pool_fork, fib_is_right_on_any_pool) {
    static const long expected[] = {0, 1, 1, 2, 3, 5, 8, 13};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (long n = 0; n < 8; n++) {
            cr_assert_eq(fork_fib(pool, n), expected[n]);
        }
        for (int i = 0; i < 10; i++) {
            cr_assert_eq(fork_fib(pool, 20), 6765);
        }
        pool_end(pool);
    }
    cr_assert_eq(fork_fib(0, 20), 6765);
    cr_assert_eq(fork_fib(&pkn_serial_pool, 20), 6765);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
}

/* The largest frame: 32 bytes of arguments, 8 of result. */
PKERN_DEFINE_JOIN_TASK_4(uint64_t, fork_visit, unsigned char *, visits, size_t, begin, size_t, end, uint64_t, salt) {
    uint64_t a, b;
    size_t middle = begin + (end - begin) / 2;
    if (end == begin) {
        return 0;
    }
    if (end - begin == 1) {
        visits[begin]++;
        return pkn_mix_u64(begin ^ salt);
    }
    PKERN_JOIN(a = PKERN_CALL(fork_visit, visits, begin, middle, salt), b, fork_visit, visits, middle, end, salt);
    return a + b;
}

Test(pool_fork, each_leaf_is_visited_once) {
    static unsigned char visits[10007];
    static const size_t sizes[] = {0, 1, 2, 1009, 10007};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
            uint64_t expected = 0;
            memset(visits, 0, sizeof visits);
            for (size_t i = 0; i < sizes[s]; i++) {
                expected += pkn_mix_u64(i ^ 77);
            }
            cr_assert_eq(fork_visit(pool, visits, 0, sizes[s], 77), expected);
            for (size_t i = 0; i < sizeof visits; i++) {
                cr_assert_eq(visits[i], i < sizes[s]);
            }
        }
        pool_end(pool);
    }
}

/* A chain that passes segments, with generic joins and scopes in the middle of typed tasks. */
static int fork_leaf(void *ctx) {
    return pool_count_one(ctx);
}

PKERN_DEFINE_JOIN_TASK_2(int, fork_chain, int, depth, size_t *, ran) {
    int a, b;
    if (depth == 0) {
        return 0;
    }
    if (depth % 7 == 0) {
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, fork_leaf, ran), PKERN_OK);
        cr_assert_eq(pkern_join(0, fork_leaf, ran, fork_leaf, ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    }
    if (depth % 2) {
        PKERN_JOIN(a = PKERN_CALL(fork_chain, depth - 1, ran), b, fork_chain, 0, ran);
    } else {
        PKERN_JOIN(a = PKERN_CALL(fork_chain, 0, ran), b, fork_chain, depth - 1, ran);
    }
    return a + b + 1;
}

Test(pool_fork, deep_chains_mix_with_joins_and_scopes) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int depth = 1; depth <= 2000; depth = depth * 3 + 1) {
            size_t ran = 0;
            cr_assert_eq(fork_chain(pool, depth, &ran), depth);
            cr_assert_eq(ran, 3 * (size_t)(depth / 7));
        }
        pool_end(pool);
    }
}

Test(pool_fork, without_memory_for_records_the_tasks_run_in_line) {
    for (int threads = 1; threads <= 3; threads += 2) {
        pool_heap heap;
        size_t ran = 0;
        pkern_pool *pool = pool_of_heap(&heap, threads);
        cr_assert_eq(fork_fib(pool, 2), 1); /* the guest slot is there */
        pool_heap_fail(&heap, 0, SIZE_MAX);
        cr_assert_eq(fork_chain(pool, 1000, &ran), 1000);
        cr_assert_eq(ran, 3 * (1000u / 7));
        cr_assert_eq(fork_fib(pool, 18), 2584);
        pool_end(pool);
        pool_heap_check(&heap);
    }
}

/* ---- joins that run in line ---- */

/* The first guest of a pool of one, where each join is short that can be, or none is. */
static pkn_member *fork_member_with_short_joins(pkern_pool *pool, int short_ones) {
    cr_assert_eq(fork_fib(pool, 2), 1);
    pool->theft_ticks = short_ones ? UINT64_MAX / 4 : 0;
    return pkn_member_at(pool, 0);
}

Test(pool_fork, a_join_that_was_over_soon_gets_no_room_next_time) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = fork_member_with_short_joins(pool, 1);
    pkn_slot *end = pkn_join_fill(pkn_end(&member->fork), fork_leaf, 0) + 1;
    cr_assert_eq(pkern_internal_room(end, 16), end);
    cr_assert_null(pkern_internal_room(end, 16));
    cr_assert_eq(pkern_internal_room(end, 32), end);         /* another function */
    cr_assert_eq(pkern_internal_room(end + 1, 16), end + 1); /* another place */
    cr_assert_null(pkern_internal_room(end, 16));
    pool->theft_ticks = 0;
    cr_assert_eq(pkern_internal_room(end, 16), end); /* it took longer */
    cr_assert(pkn_pop(end - 1));
    pool_end(pool);
}

/* 1 where a join that asks for the second time, so many ticks after the first, is short. */
static int fork_is_short(pkn_member *member, uint32_t index, uint64_t passed) {
    (void)pkn_join_is_short(member, index, 16);
    member->join_times[(1 + index) % PKN_JOIN_TIMES].ticks = pkn_ticks() - passed;
    return pkn_join_is_short(member, index, 16);
}

Test(pool_fork, how_long_is_short_depends_on_what_there_is_to_take) {
    const uint64_t theft = UINT64_C(1) << 50;
    pkern_pool *pool = pool_of(1);
    pkn_member *member = fork_member_with_short_joins(pool, 0);
    pool->theft_ticks = theft;
    cr_assert(fork_is_short(member, 1, 3 * theft));
    cr_assert_not(fork_is_short(member, 1, 5 * theft));
    cr_assert_not(fork_is_short(member, 0, 0)); /* somebody who looks for work is to find something */
    member->fork.in_line_depth = 1;
    cr_assert(fork_is_short(member, 0, theft / 2));
    cr_assert_not(fork_is_short(member, 0, 2 * theft));
    cr_assert(fork_is_short(member, 1, 3 * theft));
    member->fork.in_line_depth = 0;
    pool_end(pool);
}

Test(pool_fork, who_asks_at_a_short_join_gets_what_is_private_or_asks_on) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = fork_member_with_short_joins(pool, 1);
    pkn_slot *end = pkn_join_fill(pkn_end(&member->fork), fork_leaf, 0) + 1;
    cr_assert_not_null(pkern_internal_room(end, 16));
    pkn_atomic_store_relaxed_u32(&member->fork.request, 1);
    cr_assert_null(pkern_internal_room(end, 16));
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&member->fork.request), 0);
    cr_assert_eq(pkn_join_split(pkn_atomic_load_relaxed_u64(&member->join_range)), 1);
    pkn_atomic_store_relaxed_u32(&member->fork.request, 1);
    cr_assert_null(pkern_internal_room(end, 16));
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&member->fork.request), 1);
    cr_assert(pkn_pop(end - 1));
    pool_end(pool);
}

/* What the leaves of a binary tree saw, in their order: how many second sides were on offer, and whether pkern_joins run in line. At leaf 0, where
   `event` says so, joins begin to take long, and somebody to be hungry. */
enum { FORK_NOTHING, FORK_LONG, FORK_LONG_AND_HUNGRY };
typedef struct fork_sight {
    int event, seen, offered[16], in_line[16];
} fork_sight;

static int fork_nothing(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

static void fork_sights_stolen(pkn_fork_state *self, pkn_slot *slot);
static int fork_generic_sights(void *ctx);

/* Two functions whose times are not kept in the same places, at any of the first indices. */
static int fork_keep_apart(uintptr_t a, uintptr_t b) {
    unsigned distance = (unsigned)((a / 16u - b / 16u) % PKN_JOIN_TIMES);
    return distance > 8 && distance < PKN_JOIN_TIMES - 8;
}

static int fork_look(fork_sight *sight) {
    pkn_member *member = pkn_current();
    /* of the other kind, or another function, in the middle */
    if (fork_keep_apart((uintptr_t)fork_nothing, (uintptr_t)fork_sights_stolen) && fork_keep_apart((uintptr_t)fork_nothing, (uintptr_t)fork_generic_sights)) {
        cr_assert_eq(pkern_join(0, fork_nothing, 0, fork_nothing, 0), 0);
    }
    if (sight->seen == 0 && sight->event != FORK_NOTHING) {
        member->pool->theft_ticks = 0;
        pkn_atomic_fetch_add_relaxed_u32(&member->fork.hunger, sight->event == FORK_LONG_AND_HUNGRY ? PKN_HUNGER_STEP : 0);
    }
    sight->offered[sight->seen] = (int)pkn_join_end(member);
    sight->in_line[sight->seen++] = member->fork.in_line_at != PKN_NOT_IN_LINE;
    return 1;
}

PKERN_DEFINE_JOIN_TASK_2(int, fork_sights, int, depth, fork_sight *, sight) {
    int a, b;
    if (depth == 0) {
        return fork_look(sight);
    }
    PKERN_JOIN(a = PKERN_CALL(fork_sights, depth - 1, sight), b, fork_sights, depth - 1, sight);
    return a + b;
}

static fork_sight *fork_generic_sight;

static int fork_generic_sights(void *ctx) {
    int depth = *(int *)ctx, inner = depth - 1;
    if (depth == 0) {
        (void)fork_look(fork_generic_sight);
        return 0;
    }
    return pkern_join(0, fork_generic_sights, &inner, fork_generic_sights, &inner);
}

/* Of 16 leaves. */
static fork_sight fork_see(pkern_pool *pool, int generic, int event) {
    fork_sight sight;
    int depth = 4;
    memset(&sight, 0, sizeof sight);
    sight.event = event;
    fork_generic_sight = &sight;
    if (generic) {
        cr_assert_eq(pkern_pool_install(pool, fork_generic_sights, &depth), 0);
    } else {
        cr_assert_eq(fork_sights(pool, depth, &sight), 16);
    }
    cr_assert_eq(sight.seen, 16);
    cr_assert_eq(pkn_member_at(pool, 0)->fork.in_line_depth, 0);
    return sight;
}

static int fork_bits(int i) {
    return (int)pkn_popcount_u64((uint64_t)i);
}

Test(pool_fork, in_line_nothing_more_is_offered_until_somebody_is_hungry) {
    for (int generic = 0; generic < 2; generic++) {
        for (int asleep = 0; asleep < 2; asleep++) {
            pkern_pool *pool = pool_of(1);
            (void)fork_member_with_short_joins(pool, 0);
            fork_sight all = fork_see(pool, generic, FORK_NOTHING);
            for (int i = 0; i < 16; i++) {
                cr_assert_eq(all.offered[i], 4 - fork_bits(i));
                cr_assert_not(all.in_line[i]);
            }
            pool->theft_ticks = UINT64_MAX / 4;
            (void)fork_see(pool, generic, FORK_NOTHING); /* now all places are known */
            fork_sight one = fork_see(pool, generic, FORK_NOTHING);
            for (int i = 0; i < 16; i++) {
                cr_assert_eq(one.offered[i], i < 15);
                cr_assert_eq(one.in_line[i], generic && i < 14);
            }
            if (!asleep) {
                fork_sight hidden = fork_see(pool, generic, FORK_LONG);
                for (int i = 0; i < 8; i++) {
                    cr_assert_eq(hidden.offered[i], 1); /* a wrong guess, and nobody who minds */
                }
                pool->theft_ticks = UINT64_MAX / 4;
                (void)fork_see(pool, generic, FORK_NOTHING);
            }
            /* who sleeps can't say that it is hungry */
            pkn_atomic_store_relaxed_u32(&pool->sleepers, (uint32_t)asleep);
            fork_sight some = fork_see(pool, generic, asleep ? FORK_LONG : FORK_LONG_AND_HUNGRY);
            pkn_atomic_store_relaxed_u32(&pool->sleepers, 0);
            cr_assert_eq(some.offered[0], 1);
            for (int i = 1; i < 8; i++) {
                int height = 63 - (int)pkn_clz_u64((uint64_t)i);
                int hidden = generic && asleep && i < 4; /* a pkern_join looks where it begins, and its first side is guessed again */
                cr_assert_eq(some.offered[i], hidden ? 1 : 2 + height - fork_bits(i));
            }
            for (int i = 8; i < 16; i++) {
                cr_assert_eq(some.offered[i], 3 - fork_bits(i - 8));
            }
            pool_end(pool);
        }
    }
}

/* Runs fn(ctx) in line from the second time on: as the first side of a join in the first side of a join that is offered. */
typedef struct fork_inner {
    pkern_task_fn fn;
    void *ctx;
} fork_inner;

static int fork_inner_join(void *ctx) {
    fork_inner *inner = (fork_inner *)ctx;
    return pkern_join(0, inner->fn, inner->ctx, fork_nothing, 0);
}

static int fork_run_in_line(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    fork_inner inner = {fn, ctx};
    return pkern_join(pool, fork_inner_join, &inner, fork_nothing, 0);
}

static int fork_sees_none(void *ctx) {
    PKN_UNUSED(ctx);
    cr_assert_eq(pkn_current()->fork.in_line_at, (uint32_t)PKN_NOT_IN_LINE); /* what runs on top of a wait begins anew */
    cr_assert_eq(pkn_current()->fork.in_line_depth, 0);
    return 0;
}

static int fork_waits(void *ctx) {
    int *in_line = (int *)ctx;
    pkn_fork_state before = pkn_current()->fork;
    pkern_scope scope;
    *in_line = before.in_line_at != PKN_NOT_IN_LINE;
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, fork_sees_none, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkn_current()->fork.in_line_at, before.in_line_at);
    cr_assert_eq(pkn_current()->fork.in_line_depth, before.in_line_depth);
    return 0;
}

Test(pool_fork, what_runs_on_top_of_a_wait_in_line_is_not_in_line) {
    pkern_pool *pool = pool_of(1);
    (void)fork_member_with_short_joins(pool, 1);
    for (int i = 0; i < 3; i++) {
        int in_line = 0;
        cr_assert_eq(fork_run_in_line(pool, fork_waits, &in_line), PKERN_OK);
        cr_assert_eq(in_line, i > 0);
    }
    pool_end(pool);
}

static int fork_fails(void *ctx) {
    return *(int *)ctx;
}

static int fork_errors(void *ctx) {
    int none = 0, three = 3, four = 4;
    pkern_pool *other = (pkern_pool *)ctx;
    cr_assert_eq(pkern_join(0, fork_fails, &none, fork_fails, &none), 0);
    cr_assert_eq(pkern_join(0, fork_fails, &three, fork_fails, &four), 3);
    cr_assert_eq(pkern_join(0, fork_fails, &none, fork_fails, &four), 4);
    cr_assert_eq(pkern_join(0, 0, &none, fork_fails, &four), PKERN_EINVAL);
    cr_assert_eq(pkern_join(0, fork_fails, &none, 0, &four), PKERN_EINVAL);
    cr_assert_eq(pkern_join(other, fork_fails, &none, fork_fails, &four), 4);
    cr_assert_eq(pkern_join(&pkn_serial_pool, fork_fails, &none, fork_fails, &four), 4);
    cr_assert_eq(pkern_join(&pkn_serial_pool, fork_fails, &three, fork_fails, &four), 3);
    return 5;
}

Test(pool_fork, joins_in_line_give_the_first_error_and_refuse_no_functions) {
    pkern_pool *pool = pool_of(1), *other = pool_of(1);
    (void)fork_member_with_short_joins(pool, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(fork_run_in_line(pool, fork_errors, other), 5);
    }
    pool_end(other);
    pool_end(pool);
}

PKERN_DEFINE_JOIN_TASK_2(int, fork_counts, int, depth, int *, evaluated) {
    int a, b, left = 0;
    if (depth <= 0) {
        return 1;
    }
    PKERN_JOIN(a = PKERN_CALL(fork_counts, depth - 1, evaluated), b, fork_counts, left++, (++*evaluated, evaluated));
    cr_assert_eq(left, 1);
    return a + b;
}

Test(pool_fork, arguments_are_evaluated_once) {
    pool_heap heap;
    pkern_pool *pool = pool_of_heap(&heap, 1);
    for (int how = 0; how < 3; how++) { /* offered, in line, without memory */
        (void)fork_member_with_short_joins(pool, how == 1);
        pool_heap_fail(&heap, 0, how == 2 ? SIZE_MAX : 0);
        for (int i = 0; i < 2; i++) {
            int evaluated = 0;
            cr_assert_eq(fork_counts(pool, 1000, &evaluated), 1001);
            cr_assert_eq(evaluated, 1000);
        }
        pool_heap_fail(&heap, 0, 0);
    }
    int evaluated = 0;
    cr_assert_eq(fork_counts(&pkn_serial_pool, 1000, &evaluated), 1001);
    cr_assert_eq(evaluated, 1000);
    pool_end(pool);
    pool_heap_check(&heap);
}

/* Plain calls between the joins: how many of the joins' levels look must not depend on them. */
static int fork_as_task, fork_bodies;

PKERN_DEFINE_JOIN_TASK_2(int, fork_every_other, int, n, int, period) {
    int a, b;
    fork_bodies++;
    fork_as_task += pkern_way == PKN_AS_TASK;
    if (n <= 0) {
        return 1;
    }
    if (n % period != 0) {
        return PKERN_CALL(fork_every_other, n - 1, period);
    }
    PKERN_JOIN(a = PKERN_CALL(fork_every_other, n - 1, period), b, fork_every_other, n - 1, period);
    return a + b;
}

Test(pool_fork, what_is_asked_looks_whatever_calls_stand_between_its_joins) {
    pkern_pool *pool = pool_of(1);
    for (int period = 1; period <= 4; period++) {
        for (int first = 0; first < period; first++) {
            fork_as_task = fork_bodies = 0;
            int n = 8 * period + first;
            uint32_t other_hunger = pkn_atomic_load_relaxed_u32(&pkern_internal_self->hunger) + PKN_HUNGER_STEP;
            pkn_entry entry;
            cr_assert_not_null(pkn_enter(pool, &entry));
            cr_assert_eq(fork_every_other_in_line(other_hunger, n, period), 256);
            pkn_leave(&entry);
            cr_assert_gt(fork_bodies, 256);
            cr_assert_geq(fork_as_task, 8, "period %d from %d: %d of %d", period, n, fork_as_task, fork_bodies);
        }
    }
    pool_end(pool);
}
