/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Measures what the scheduler's steps cost here, compares the model of model.h with the real scheduler at as many threads as there are
   CPUs (at most 16), and prints the efficiency that it predicts for 1 to 64. `--check` only tests the model, without a clock. */
#define _GNU_SOURCE
#define PKERN_STATIC
#define PKERN_IMPLEMENTATION
#include "pkern_pool.in.h"

#include "model.h"

#include <stdio.h>

#define SIM_TOLERANCE 0.05 /* of the time, model against measured */
#define SIM_QUIET 1.02     /* two threads at once may take this much longer than one alone */

static double ticks_per_ns, steps_per_ns;
static volatile uint64_t sink;

static double now_ns(void) {
    return (double)pkn_ticks() / ticks_per_ns;
}

/* A chain of dependent multiplications, whose speed no thread changes for another. */
static __attribute__((noinline)) uint64_t spin_steps(uint64_t x, uint64_t steps) {
    for (uint64_t i = 0; i < steps; i++) {
        x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) + 1;
    }
    return x;
}

static uint64_t spin_ns(double ns) {
    return spin_steps(1, (uint64_t)(ns * steps_per_ns));
}

static void init_clock(void) {
    uint64_t ns = pkn_now_ns(), ticks = pkn_ticks();
    while (pkn_now_ns() - ns < 20000000) {
    }
    ticks_per_ns = (double)(pkn_ticks() - ticks) / (double)(pkn_now_ns() - ns);
    double best = DBL_MAX;
    for (int i = 0; i < 50; i++) {
        double start = now_ns();
        sink = spin_steps(sink, 20000);
        double spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    steps_per_ns = 20000 / best;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

/* Other programs only ever add to a time: a tenth of the samples has to be free of them. */
static double low(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 10];
}

/* ---- the real thing ---- */

static double leaf_steps;

static uint64_t leaf(const sim_task *task) {
    return spin_steps(task->seed, (uint64_t)(leaf_steps * sim_leaf_factor(task)));
}

static __attribute__((noinline)) uint64_t plain_tree(const sim_task *task) {
    sim_task first, second;
    if (task->n == 1) {
        return leaf(task);
    }
    sim_split(task, &first, &second);
    uint64_t x = plain_tree(&first);
    return x + plain_tree(&second);
}

PKERN_DEFINE_JOIN_TASK_1(uint64_t, real_tree, const sim_task *, task) {
    sim_task first, second;
    uint64_t x, y;
    if (task->n == 1) {
        return leaf(task);
    }
    sim_split(task, &first, &second);
    PKERN_JOIN(x = PKERN_CALL(real_tree, &first), y, real_tree, &second);
    return x + y;
}

static int loop_body(size_t begin, size_t end, void *ctx) {
    uint64_t x = begin;
    for (size_t i = begin; i < end; i++) {
        x += spin_steps(x, (uint64_t)leaf_steps);
    }
    PKN_UNUSED(ctx);
    sink = x;
    return 0;
}

static pkern_pool *pool_of(int threads) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    config.flags = PKERN_POOL_ALL_THREADS;
    if (pkern_pool_create(&config, &pool) != PKERN_OK) {
        fprintf(stderr, "sim: no pool of %d threads\n", threads);
        exit(1);
    }
    return pool;
}

/* The shortest of the runs that begin within this time, at least 11. pool 0: the plain recursion or loop. */
#define SIM_RUNS_NS 1e8
enum { SIM_RUNS = 11 };

static double tree_ns(pkern_pool *pool, const sim_task *root) {
    double best = DBL_MAX, begin = now_ns();
    for (int i = 0; i < SIM_RUNS || now_ns() - begin < SIM_RUNS_NS; i++) {
        double start = now_ns();
        sink = pool != 0 ? real_tree(pool, root) : plain_tree(root);
        double spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

static double loop_ns(pkern_pool *pool, size_t n, double item_ns) {
    pkern_par_options options;
    double best = DBL_MAX, begin = now_ns();
    memset(&options, 0, sizeof options);
    options.item_cost_ns = item_ns;
    for (int i = 0; i < SIM_RUNS || now_ns() - begin < SIM_RUNS_NS; i++) {
        double start = now_ns();
        if (pool != 0) {
            (void)pkn_loop_run(pool, 0, n, &options, loop_body, 0);
        } else {
            (void)loop_body(0, n, 0);
        }
        double spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

/* ---- calibration, on a pool of two ---- */

enum { SAMPLES = 201 };

typedef struct stamps {
    double side_start[2], side_end[2], length[2];
    const void *member[2];
} stamps;

static stamps stamp;

static int stamped_side(size_t i) {
    stamp.side_start[i] = now_ns();
    stamp.member[i] = pkn_current();
    sink = spin_ns(stamp.length[i]);
    stamp.side_end[i] = now_ns();
    return 0;
}

/* 1 where the sides ran on two threads that both started soon; to_the_end: and nothing held them up. */
static int is_undisturbed(double start, int to_the_end) {
    for (int i = 0; i < 2; i++) {
        if (stamp.side_start[i] < start || stamp.side_start[i] - start > 20000 ||
            (to_the_end && stamp.side_end[i] - stamp.side_start[i] > SIM_QUIET * stamp.length[i])) {
            return 0;
        }
    }
    return stamp.member[0] != stamp.member[1];
}

static int side_a(void *ctx) {
    PKN_UNUSED(ctx);
    return stamped_side(0);
}

static int side_b(void *ctx) {
    PKN_UNUSED(ctx);
    return stamped_side(1);
}

static int stamped_items(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    for (size_t i = begin; i < end; i++) {
        (void)stamped_side(i);
    }
    return 0;
}

/* Enough good samples are looked for; a machine that gives none has no second CPU to measure on. */
static void need_samples(int count) {
    if (count < 5) {
        printf("sim: the machine is too busy to measure on\n");
        exit(0);
    }
}

static void calibrate_join(pkern_pool *pool, sim_costs *costs) {
    double steal[SAMPLES], done[SAMPLES];
    int count = 0;
    stamp.length[0] = 20000;
    stamp.length[1] = 30000;
    for (int tries = 0; tries < 50 * SAMPLES && count < SAMPLES; tries++) {
        double start = now_ns();
        (void)pkern_join(pool, side_a, 0, side_b, 0);
        double end = now_ns();
        if (is_undisturbed(start, 1) && stamp.side_start[1] > stamp.side_start[0]) {
            steal[count] = stamp.side_start[1] - stamp.side_start[0];
            done[count++] = end - stamp.side_end[1];
        }
    }
    need_samples(count);
    costs->steal = median(steal, count);
    costs->done = median(done, count);
}

/* asleep: the helper has to be woken; else it spins. When side 0 and side 1 began, and what followed side 1. */
static void calibrate_loop(pkern_pool *pool, int asleep, double *first, double *second,
                           double *after) {
    double begin[2][SAMPLES], rest[SAMPLES];
    int count = 0, wanted = asleep ? 31 : SAMPLES;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = asleep ? 200000 : 20000;
    stamp.length[0] = options.item_cost_ns;
    stamp.length[1] = 1.5 * options.item_cost_ns;
    for (int tries = 0; tries < (asleep ? 500 : 10000) && count < wanted; tries++) {
        while (asleep && !pkn_all_helpers_sleep(pool)) {
            pkn_nap();
        }
        double start = now_ns();
        (void)pkn_loop_run(pool, 0, 2, &options, stamped_items, 0);
        double end = now_ns();
        if (is_undisturbed(start, !asleep)) {
            rest[count] = end - stamp.side_end[1];
            begin[0][count] = stamp.side_start[0] - start;
            begin[1][count++] = stamp.side_start[1] - start;
        }
    }
    need_samples(count);
    *first = median(begin[0], count);
    *second = median(begin[1], count);
    *after = median(rest, count);
}

enum { ROUNDS = 50 };
static pkn_atomic_u32 ball;

/* ctx: [SAMPLES], time of so many rounds */
static int ping_pong(int index, int count, void *ctx) {
    double *times = (double *)ctx, start = now_ns();
    PKN_UNUSED(count);
    for (uint32_t i = 0; i < SAMPLES * ROUNDS; i++) {
        while (pkn_atomic_load_acquire_u32(&ball) != 2 * i + (uint32_t)index) {
        }
        pkn_atomic_store_release_u32(&ball, 2 * i + (uint32_t)index + 1);
        if (index == 0 && (i + 1) % ROUNDS == 0) {
            times[i / ROUNDS] = now_ns() - start;
            start = now_ns();
        }
    }
    return 0;
}

static pkn_atomic_u32 busy;

static int stay_busy(void *ctx) {
    PKN_UNUSED(ctx);
    pkn_atomic_store_release_u32(&busy, 1);
    while (pkn_atomic_load_acquire_u32(&busy) != 2) {
    }
    return 0;
}

/* What needs the inside of the pool: the owner's long ways, a look, a barrier, a claim. The helper is busy. */
static void calibrate_inside(pkern_pool *pool, sim_costs *costs) {
    enum { TIMES = 24 }; /* records in the first segment */
    pkn_entry entry;
    pkn_member *self = pkn_enter(pool, &entry);
    pkn_member *other = pkn_member_at(pool, 0);
    pkn_filter anything = {0, 0, 0};
    pkn_atomic_u64 word = {0};
    double push[SAMPLES], pop[SAMPLES], barrier[SAMPLES], look[SAMPLES], poll[SAMPLES],
        claim[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        double start = now_ns();
        for (int k = 0; k < TIMES; k++) {
            pkn_atomic_store_relaxed_u32(&self->fork.request, 1);
            pkn_push(pkn_end(&self->fork));
        }
        push[i] = (now_ns() - start) / TIMES;
        for (int k = TIMES - 1; k >= 0; k--) {
            pkn_set_end(&self->fork, pkn_join_slot(self, (uint32_t)k));
            (void)pkern_internal_take_back(pkn_join_slot(self, (uint32_t)k));
        }
        start = now_ns();
        for (int k = 0; k < TIMES; k++) {
            pkn_slot *slot = pkn_end(&self->fork);
            pkn_atomic_store_relaxed_u32(&self->fork.request, 1);
            pkn_push(slot);
            pkn_set_end(&self->fork, slot);
            (void)pkern_internal_take_back(slot);
        }
        pop[i] = (now_ns() - start) / TIMES;
        start = now_ns();
        for (int k = 0; k < TIMES; k++) {
            sink += (uint64_t)pkn_take_from(self, other, &anything, 1);
        }
        look[i] = (now_ns() - start) / TIMES;
        start = now_ns();
        for (int k = 0; k < TIMES; k++) {
            pkn_cpu_relax();
        }
        poll[i] = (now_ns() - start) / TIMES;
        start = now_ns();
        for (uint64_t k = 0; k < TIMES; k++) {
            uint64_t expected = k;
            (void)pkn_atomic_cas_relaxed_u64(&word, &expected, k + 1);
        }
        claim[i] = (now_ns() - start) / TIMES;
        pkn_atomic_store_relaxed_u64(&word, 0);
        start = now_ns();
        pkn_fence_all_threads(pool->has_membarrier);
        barrier[i] = now_ns() - start;
    }
    costs->expose = low(push, SAMPLES);
    costs->take_back = low(pop, SAMPLES) - costs->expose;
    costs->look = low(look, SAMPLES);
    costs->poll = low(poll, SAMPLES);
    costs->claim = low(claim, SAMPLES);
    costs->barrier = low(barrier, SAMPLES);
    pkn_leave(&entry);
}

static void calibrate(sim_costs *costs) {
    sim_task root = {1, 1 << 16, SIM_UNIFORM};
    double unused, rounds[SAMPLES];
    memset(costs, 0, sizeof *costs);
    leaf_steps = 0;
    pkern_pool *pool = pool_of(1);
    costs->fork = (tree_ns(pool, &root) - tree_ns(0, &root)) / (root.n - 1);
    costs->fork = costs->fork > 0 ? costs->fork : 0;
    (void)pkern_pool_destroy(pool);
    pool = pool_of(2);
    calibrate_join(pool, costs);
    calibrate_loop(pool, 0, &unused, &costs->hand_over, &costs->report);
    calibrate_loop(pool, 1, &costs->wake_paid, &costs->wake, &unused);
    costs->wake -= costs->wake_paid;
    pkn_atomic_store_relaxed_u32(&ball, 0);
    (void)pkern_broadcast(pool, ping_pong, rounds);
    costs->line = low(rounds, SAMPLES) / (2 * ROUNDS);
    (void)pkern_spawn(pool, stay_busy, 0);
    while (pkn_atomic_load_acquire_u32(&busy) != 1) {
    }
    calibrate_inside(pool, costs);
    pkn_atomic_store_release_u32(&busy, 2);
    (void)pkern_pool_destroy(pool);
    printf("costs here, ns: fork %.1f, expose %.0f, take back %.0f, steal %.0f, done %.0f, poll "
           "%.1f + %.1f a member, line %.0f,\n"
           "  barrier %.0f, wake %.0f (paid by the waker %.0f), loop hand-over %.0f, report %.0f, "
           "claim %.0f\n\n",
           costs->fork, costs->expose, costs->take_back, costs->steal, costs->done, costs->poll,
           costs->look, costs->line, costs->barrier, costs->wake, costs->wake_paid,
           costs->hand_over, costs->report, costs->claim);
}

/* ---- model against measured ---- */

typedef struct sim_case {
    int kind; /* SIM_KINDS: a loop */
    uint32_t n;
    double leaf_ns;
} sim_case;

static const sim_case cases[] = {
    {SIM_UNIFORM, 1 << 11, 1000}, {SIM_UNIFORM, 1 << 8, 10000}, {SIM_SKEWED, 1 << 11, 1000},
    {SIM_SKEWED, 1 << 8, 10000},  {SIM_RANDOM, 1 << 11, 1000},  {SIM_RANDOM, 1 << 8, 10000},
    {SIM_KINDS, 100, 100},        {SIM_KINDS, 1000, 100},       {SIM_KINDS, 10000, 100},
    {SIM_KINDS, 300, 10000},
};
enum { CASES = sizeof cases / sizeof *cases };

static const char *case_name(const sim_case *c, char *text) {
    sprintf(text, "%s %u x %g us", c->kind == SIM_KINDS ? "loop" : sim_kind_name[c->kind],
            (unsigned)c->n, c->leaf_ns / 1000);
    return text;
}

static sim model;

static double model_ns(const sim_case *c, const sim_costs *costs, int threads, double leaf_ns) {
    sim_task root = {1, c->n, (uint32_t)c->kind};
    return c->kind == SIM_KINDS ? sim_loop_ns(costs, threads, c->n, leaf_ns)
                                : sim_tree_ns(&model, costs, threads, &root, leaf_ns);
}

static double real_ns(const sim_case *c, pkern_pool *pool) {
    sim_task root = {1, c->n, (uint32_t)c->kind};
    return c->kind == SIM_KINDS ? loop_ns(pool, c->n, c->leaf_ns) : tree_ns(pool, &root);
}

/* The work of a case: leaves weighted by their factors. */
static double leaf_sum(const sim_task *task) {
    sim_task first, second;
    if (task->n == 1) {
        return sim_leaf_factor(task);
    }
    sim_split(task, &first, &second);
    return leaf_sum(&first) + leaf_sum(&second);
}

static double leaves_of(const sim_case *c) {
    sim_task root = {1, c->n, (uint32_t)c->kind};
    return c->kind == SIM_KINDS ? (double)c->n : leaf_sum(&root);
}

static double side_by_side[64];

static int spin_a_while(int index, int count, void *ctx) {
    PKN_UNUSED(count);
    PKN_UNUSED(ctx);
    double start = now_ns();
    sink = spin_ns(500000);
    side_by_side[index] = now_ns() - start;
    return 0;
}

/* 1 where all threads run at full speed side by side, nearly always. */
static int is_quiet(pkern_pool *pool, int threads) {
    int good = 0;
    for (int i = 0; i < 25; i++) {
        double worst = 0;
        (void)pkern_broadcast(pool, spin_a_while, 0);
        for (int k = 0; k < threads; k++) {
            worst = side_by_side[k] > worst ? side_by_side[k] : worst;
        }
        good += worst < SIM_QUIET * 500000;
    }
    return good >= 20;
}

typedef struct sim_result {
    double serial, predicted, measured, off;
    int quiet, bad;
} sim_result;

static sim_result compare_once(const sim_case *c, const sim_costs *costs, int threads) {
    sim_result r;
    pkern_pool *pool = pool_of(threads);
    r.quiet = is_quiet(pool, threads);
    r.serial = real_ns(c, 0);
    r.measured = real_ns(c, pool);
    double again = real_ns(c, 0);
    r.serial = again < r.serial ? again : r.serial;
    r.predicted = model_ns(c, costs, threads, r.serial / leaves_of(c));
    r.off = r.predicted / r.measured - 1;
    r.quiet = is_quiet(pool, threads) && r.quiet;
    r.bad = r.off > SIM_TOLERANCE || r.off < -SIM_TOLERANCE;
    (void)pkern_pool_destroy(pool);
    return r;
}

/* Returns how many cases are off by more than the tolerance, three times, though the machine was quiet the last time. */
static int compare(const sim_costs *costs, int max_threads) {
    int failures = 0;
    char text[64];
    printf("%-24s %7s %12s %12s %8s %12s %14s\n", "case", "threads", "model us", "measured us",
           "off", "model eff.", "measured eff.");
    for (int i = 0; i < CASES; i++) {
        leaf_steps = cases[i].leaf_ns * steps_per_ns;
        for (int threads = 1; threads <= max_threads; threads *= 2) {
            sim_result r = compare_once(&cases[i], costs, threads);
            for (int tries = 1; tries < 3 && r.bad; tries++) {
                r = compare_once(&cases[i], costs, threads);
            }
            printf("%-24s %7d %12.1f %12.1f %+7.1f%% %11.1f%% %13.1f%%%s\n",
                   case_name(&cases[i], text), threads, r.predicted / 1000, r.measured / 1000,
                   100 * r.off, 100 * r.serial / r.predicted / threads,
                   100 * r.serial / r.measured / threads,
                   !r.bad    ? ""
                   : r.quiet ? "  OFF"
                             : "  off, on a busy machine");
            failures += r.bad && r.quiet;
        }
    }
    return failures;
}

static void predict(const sim_costs *costs) {
    static const sim_case larger[] = {{SIM_UNIFORM, 1 << 17, 1000}, {SIM_SKEWED, 1 << 17, 1000},
                                      {SIM_RANDOM, 1 << 17, 1000},  {SIM_UNIFORM, 1 << 20, 100},
                                      {SIM_RANDOM, 1 << 20, 100},   {SIM_KINDS, 1000000, 100}};
    enum { LARGER = sizeof larger / sizeof *larger };
    char text[64];
    printf("\npredicted efficiency: time of the serial recursion or loop / (threads x time)\n%-24s",
           "case");
    for (int threads = 1; threads <= SIM_MAX_P; threads *= 2) {
        printf(" %7d", threads);
    }
    for (int i = 0; i < CASES + LARGER; i++) {
        const sim_case *c = i < CASES ? &cases[i] : &larger[i - CASES];
        double work = c->leaf_ns * leaves_of(c);
        printf("\n%-24s", case_name(c, text));
        for (int threads = 1; threads <= SIM_MAX_P; threads *= 2) {
            printf(" %6.1f%%", 100 * work / model_ns(c, costs, threads, c->leaf_ns) / threads);
        }
    }
    printf("\n");
}

/* ---- the model alone ---- */

static int wrong;

static void expect(int holds, const char *what, const sim_case *c, int threads) {
    char text[64];
    if (!holds) {
        printf("%s, %d threads: %s\n", case_name(c, text), threads, what);
        wrong++;
    }
}

static int check(void) {
    const sim_costs free_of_charge = {0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    const sim_costs costs = {5, 100, 50, 300, 200, 12, 3, 100, 700, 5000, 3000, 300, 200, 10};
    for (int i = 0; i < CASES; i++) {
        const sim_case *c = &cases[i];
        double work = c->leaf_ns * leaves_of(c), before = DBL_MAX;
        for (int threads = 1; threads <= SIM_MAX_P; threads *= 2) {
            double ns = model_ns(c, &costs, threads, c->leaf_ns),
                   ideal = model_ns(c, &free_of_charge, threads, c->leaf_ns);
            expect(ns >= work / threads * (1 - 1e-9), "faster than the work allows", c, threads);
            expect(ideal <= ns * 1.05 + 2 * c->leaf_ns + 2000, "costs make it faster", c, threads);
            expect(ns <= before * 1.05 + 2000 + 100 * threads, "more threads are slower", c,
                   threads);
            expect(model_ns(c, &costs, threads, c->leaf_ns) == ns, "not the same twice", c,
                   threads);
            if (c->kind != SIM_KINDS) {
                double done = model.work_ns;
                expect(model.leaves == c->n && done > work * (1 - 1e-9) && done < work * (1 + 1e-9),
                       "not each leaf once", c, threads);
                expect(threads > 1 || ns - work - 5.0 * (c->n - 1) < 1 + 1e-9 * work,
                       "one thread pays more than its forks", c, threads);
            }
            before = ns;
        }
    }
    printf("sim: the model's self-check, %d cases, %d failures\n", CASES, wrong);
    return wrong != 0;
}

int main(int argc, char **argv) {
    sim_costs costs;
    if (argc > 1 && strcmp(argv[1], "--check") == 0) {
        return check();
    }
    int cpus = pkn_usable_cpus();
    if (cpus < 2) {
        printf("sim: needs two CPUs\n");
        return 0;
    }
    init_clock();
    calibrate(&costs);
    int failures = compare(&costs, cpus < 16 ? cpus : 16);
    predict(&costs);
    printf("\n%d cases off by more than %.0f %% on a quiet machine\n", failures,
           100 * SIM_TOLERANCE);
    return failures != 0;
}
