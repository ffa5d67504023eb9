/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * How soon work starts and what idling costs: the second sides of nested joins whose first sides sleep, loops of a few
 * long items, small calls in a row from a cold pool, two callers at once, more threads than CPUs, and the CPU time and
 * memory of a pool that does nothing. Times are rows of the topic "wake", other figures of the topic "amount".
 */
#include "bench.h"

#include "spin.h"

#include <pthread.h>

enum { NEST_MAX = 8, WORDS = 32, BIND_ROWS = 1000, BIND_CALLS = 1000, BIND_WINDOW = 16 };

static double samples[BIND_CALLS];

static void pause_ns(double ns) {
    struct timespec pause = {(time_t)(ns / 1e9), (long)fmod(ns, 1e9)};
    nanosleep(&pause, NULL);
}

/* A pool's threads inherit the caller's CPUs, of which it has one by now. */
static pkern_pool *make_pool(const pkern_pool_config *config) {
    pkern_pool *pool = NULL;
    sched_setaffinity(0, sizeof bench.usable, &bench.usable);
    bench_must(pkern_pool_create(config, &pool));
    bench_pin_caller();
    return pool;
}

static pkern_pool *make_pool_of(int threads) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    return make_pool(&config);
}

/* One row from samples, which get sorted. */
static void report(const char *name, const char *implementation, int threads, size_t size, int n) {
    char median[16], iqr[16], worst[16];
    double middle = bench_median(samples, n);
    double quartiles = bench_quantile(samples, n, 0.75) - bench_quantile(samples, n, 0.25);
    bench_note("  %-30s %-18s %7d %8zu %10s %10s %10s\n", name, implementation, threads, size,
               bench_time_text(middle, median), bench_time_text(quartiles, iqr),
               bench_time_text(samples[n - 1], worst));
    bench_csv_row("wake", name, implementation, threads, size, middle, quartiles);
}

static int begin(const char *title, const char *name) {
    if (!bench_wanted("wake", name) || bench_late()) {
        return 0;
    }
    bench_note("\n%s\n  %-30s %-18s %7s %8s %10s %10s %10s\n", title, "case", "implementation",
               "threads", "n", "median", "IQR", "worst");
    return 1;
}

/* ---- no hidden work: P - 1 joins, one in the first side of the other; the innermost first side sleeps ---- */

typedef struct nest nest;

typedef struct nest_level {
    nest *all;
    double joined, started;
} nest_level;

struct nest {
    const bench_peer *peer; /* 0 = pkern */
    pkern_pool *pool;
    int n_levels;
    double side_ns;
    nest_level levels[NEST_MAX];
};

static int nest_second(void *ctx) {
    nest_level *level = (nest_level *)ctx;
    level->started = bench_now();
    pause_ns(level->all->side_ns);
    return 0;
}

static int nest_first(void *ctx);

static void nest_second_peer(void *ctx) {
    nest_second(ctx);
}

static void nest_first_peer(void *ctx) {
    nest_first(ctx);
}

static void nest_join(nest_level *level) {
    const nest *all = level->all;
    level->joined = bench_now();
    if (all->peer != NULL) {
        all->peer->fork(nest_first_peer, level, nest_second_peer, level);
    } else {
        bench_must(pkern_join(all->pool, nest_first, level, nest_second, level));
    }
}

static int nest_first(void *ctx) {
    nest_level *level = (nest_level *)ctx;
    nest *all = level->all;
    if (level + 1 < all->levels + all->n_levels) {
        nest_join(level + 1);
    } else {
        pause_ns(all->side_ns);
    }
    return 0;
}

static void nest_begin(void *ctx) {
    nest_join(((nest *)ctx)->levels);
}

static int broadcast_nothing(int index, int count, void *ctx) {
    (void)index;
    (void)count;
    (void)ctx;
    return 0;
}

static void broadcast_nothing_peer(int index, void *ctx) {
    (void)index;
    (void)ctx;
}

/* The latest start of all second sides. */
static double nest_run(nest *all, int hot) {
    double worst = 0.0;
    for (int i = 0; i < all->n_levels; i++) {
        all->levels[i].all = all;
    }
    if (!hot) {
        pause_ns(10e6);
    }
    for (int i = 0; hot && i < 50; i++) {
        if (all->peer == NULL) {
            bench_must(pkern_broadcast(all->pool, broadcast_nothing, NULL));
        } else if (all->peer->broadcast != NULL) {
            all->peer->broadcast(broadcast_nothing_peer, NULL);
        }
    }
    if (all->peer != NULL) {
        all->peer->inside(nest_begin, all);
    } else {
        nest_begin(all);
    }
    for (int i = 0; i < all->n_levels; i++) {
        worst = fmax(worst, all->levels[i].started - all->levels[i].joined);
    }
    return worst;
}

static void run_nest(void) {
    static const char *const names[] = {"second_sides_asleep", "second_sides_spinning"};
    const int n = bench.options.quick ? 9 : 25;
    if (!begin("the last start of the second sides of P - 1 joins", "second_sides")) {
        return;
    }
    for (int threads = 2; threads <= NEST_MAX; threads *= 2) {
        nest all;
        memset(&all, 0, sizeof all);
        all.n_levels = threads - 1;
        all.side_ns = bench.options.quick ? 4e6 : 20e6;
        all.pool = make_pool_of(threads);
        for (int who = -1; who < bench.peers.n_schedulers; who++) {
            all.peer = who < 0 ? NULL : &bench.peers.schedulers[who];
            for (int hot = 0; hot < 2 && (who < 0 || threads == bench.threads); hot++) {
                for (int i = 0; i < n; i++) {
                    samples[i] = nest_run(&all, hot);
                }
                report(names[hot], who < 0 ? "pkern" : all.peer->name, threads, (size_t)threads, n);
            }
        }
        bench_must(pkern_pool_destroy(all.pool));
    }
}

/* ---- loops of a few long items, and threads that outnumber the CPUs ---- */

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    size_t n, steps; /* of spin_steps for an item; 0 = wait_ns */
    double wait_ns;
} work;

static void body(size_t first, size_t end, void *ctx) {
    const work *w = (const work *)ctx;
    for (size_t i = first; i < end; i++) {
        if (w->steps > 0) {
            volatile uint64_t result = spin_steps(i, w->steps);
            (void)result;
        } else {
            double until = bench_now() + w->wait_ns;
            while (bench_now() < until) {
            }
        }
    }
}

static int body_pkern(size_t first, size_t end, void *ctx) {
    body(first, end, ctx);
    return 0;
}

static void loop_sequential(void *ctx) {
    work *w = (work *)ctx;
    peer_range_fn opaque = body;
    __asm__ volatile("" : "+r"(opaque) : : "memory");
    opaque(0, w->n, w);
}

static void loop_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_par_for(w->pool, 0, w->n, NULL, body_pkern, w));
}

static void loop_peer(void *ctx) {
    work *w = (work *)ctx;
    w->peer->items(w->n, body, w);
}

static void run_long_items(void) {
    static const size_t lengths[] = {2, 5, 10};
    const char *name = bench.options.quick ? "loop_2ms_items" : "loop_10ms_items";
    for (size_t i = 0; i < 3; i++) {
        work works[BENCH_MAX_PEERS + 2];
        bench_impl impls[BENCH_MAX_IMPLS];
        int count = 0;
        size_t rounds = (lengths[i] + (size_t)bench.threads - 1) / (size_t)bench.threads;
        for (int w = 0; w < BENCH_MAX_PEERS + 2; w++) {
            work item = {bench.pool_all, NULL, lengths[i], 0, bench.options.quick ? 2e6 : 10e6};
            works[w] = item;
        }
        bench_add(impls, &count, "sequential", 1, loop_sequential, &works[0], NULL, 0);
        bench_add(impls, &count, "pkern", bench.threads, loop_pkern, &works[1], NULL, 0);
        for (int p = 0; p < bench.peers.n_schedulers; p++) {
            works[2 + p].peer = &bench.peers.schedulers[p];
            bench_add(impls, &count, works[2 + p].peer->name, bench.threads, loop_peer,
                      &works[2 + p], NULL, 0);
        }
        if (bench_case("wake", name, lengths[i], (double)lengths[i], impls, count)) {
            bench_csv_row("wake", name, "ideal", bench.threads, lengths[i],
                          (double)rounds * works[0].wait_ns, 0.0);
        }
    }
}

PKERN_DEFINE_JOIN_TASK_1(uint64_t, fib, unsigned, n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(fib, n - 1), b, fib, n - 2);
    return a + b;
}

static void fib_pkern(void *ctx) {
    work *w = (work *)ctx;
    volatile uint64_t result = fib(w->pool, (unsigned)w->n);
    (void)result;
}

static void run_oversubscribed(void) {
    static const struct {
        const char *name;
        size_t n;
        double item_ns;
        void (*call)(void *ctx);
    } cases[] = {
        {"oversubscribed_200_items", 200, 100.0, loop_pkern},
        {"oversubscribed_50000_items", 50000, 100.0, loop_pkern},
        {"oversubscribed_fib", 28, 0.0, fib_pkern},
    };
    pkern_pool *many = make_pool_of(4 * bench.threads);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        work few_work = {bench.pool_all, NULL, cases[i].n, 1, 0.0}, many_work = few_work;
        bench_impl impls[BENCH_MAX_IMPLS];
        int count = 0;
        few_work.steps = (size_t)(cases[i].item_ns * spin_steps_per_ns) + 1;
        many_work.steps = few_work.steps;
        many_work.pool = many;
        bench_add(impls, &count, "pkern", bench.threads, cases[i].call, &few_work, NULL, 0);
        bench_add(impls, &count, "pkern 4x the threads", 4 * bench.threads, cases[i].call,
                  &many_work, NULL, 0);
        bench_case("wake", cases[i].name, cases[i].n, (double)cases[i].n, impls, count);
    }
    bench_must(pkern_pool_destroy(many));
}

/* ---- small calls in a row ---- */

static uint64_t *bind_vectors, *bind_out;

static double bind_once(pkern_pool *pool) {
    double start = bench_now();
    bench_must(pkern_hdc_bind(pool, bind_vectors, BIND_ROWS, bind_vectors, WORDS, bind_out));
    return bench_now() - start - bench.now_ns;
}

/* One call every 20 us. */
static void bind_row(pkern_pool *pool, double *spent) {
    double next = bench_now();
    for (int i = 0; i < BIND_CALLS; i++) {
        while (bench_now() < next) {
        }
        spent[i] = bind_once(pool);
        next += 20e3;
    }
}

/* When the first window of calls is as fast as calls back to back are; the end of the row where none is. */
static double bind_hot_after(const double *spent, double hot_ns) {
    double window[BIND_WINDOW];
    int first = 0;
    for (; first + BIND_WINDOW <= BIND_CALLS; first++) {
        memcpy(window, spent + first, sizeof window);
        if (bench_median(window, BIND_WINDOW) <= 1.1 * hot_ns) {
            return first * 20e3;
        }
    }
    return BIND_CALLS * 20e3;
}

static void run_small_calls(void) {
    static double spent[BIND_CALLS], hot[BIND_CALLS], last[64], first[64], after[64];
    const int n = bench.options.quick ? 9 : 25;
    if (!begin("bind(1000) every 20 us from a cold pool", "bind_row")) {
        return;
    }
    bind_vectors = (uint64_t *)bench_allocate(BIND_ROWS * WORDS * sizeof(uint64_t));
    bind_out = (uint64_t *)bench_allocate(BIND_ROWS * WORDS * sizeof(uint64_t));
    for (int i = 0; i < n; i++) {
        double hot_ns;
        for (int call = 0; call < 2 * BIND_CALLS; call++) {
            hot[call % BIND_CALLS] = bind_once(bench.pool_all);
        }
        hot_ns = bench_median(hot, BIND_CALLS);
        pause_ns(50e6);
        bind_row(bench.pool_all, spent);
        after[i] = bind_hot_after(spent, hot_ns);
        first[i] = spent[0];
        last[i] = bench_median(spent + BIND_CALLS / 2, BIND_CALLS / 2);
        samples[i] = hot_ns;
    }
    report("bind_row_back_to_back", "pkern", bench.threads, BIND_ROWS, n);
    memcpy(samples, first, sizeof first);
    report("bind_row_first_call", "pkern", bench.threads, BIND_ROWS, n);
    memcpy(samples, last, sizeof last);
    report("bind_row_second_half", "pkern", bench.threads, BIND_ROWS, n);
    memcpy(samples, after, sizeof after);
    report("bind_row_hot_after", "pkern", bench.threads, BIND_ROWS, n);
    free(bind_vectors);
    free(bind_out);
}

/* ---- two callers at once ---- */

typedef struct callers {
    work w;
    void (*call)(void *ctx);
    int n_runs, started, finished; /* counts of runs */
} callers;

static void *second_caller(void *ctx) {
    callers *c = (callers *)ctx;
    sched_setaffinity(0, sizeof bench.usable, &bench.usable);
    for (int run = 1; run <= c->n_runs; run++) {
        work w = c->w;
        while (__atomic_load_n(&c->started, __ATOMIC_ACQUIRE) < run) {
        }
        c->call(&w);
        __atomic_store_n(&c->finished, run, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* From the start of both calls to the end of the later one. */
static void run_two(callers *c, int n) {
    pthread_t thread;
    c->n_runs = n;
    c->started = c->finished = 0;
    if (pthread_create(&thread, NULL, second_caller, c) != 0) {
        fprintf(stderr, "no thread for a second caller\n");
        exit(1);
    }
    for (int run = 1; run <= n; run++) {
        double start;
        pause_ns(1e6);
        start = bench_now();
        __atomic_store_n(&c->started, run, __ATOMIC_RELEASE);
        c->call(&c->w);
        while (__atomic_load_n(&c->finished, __ATOMIC_ACQUIRE) < run) {
        }
        samples[run - 1] = bench_now() - start;
    }
    pthread_join(thread, NULL);
}

static void run_two_callers(void) {
    const int n = bench.options.quick ? 9 : 25;
    const char *name = "two_callers";
    work w = {bench.pool_all, NULL, bench.options.quick ? 200u : 1000u, 0, 0.0};
    double ideal;
    callers c;
    if (!begin("two threads that call at once, each a loop of 10 us an item", name)) {
        return;
    }
    w.steps = (size_t)(10e3 * spin_steps_per_ns);
    sched_setaffinity(0, sizeof bench.usable, &bench.usable);
    for (int i = 0; i < n; i++) {
        double start = bench_now();
        loop_sequential(&w);
        samples[i] = bench_now() - start;
    }
    report(name, "sequential, one loop", 1, w.n, n);
    ideal = samples[n / 2] * 2.0 / (double)bench.threads;
    c.w = w;
    c.call = loop_pkern;
    run_two(&c, n);
    report(name, "pkern", bench.threads, w.n, n);
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        c.w.peer = &bench.peers.schedulers[i];
        c.call = loop_peer;
        run_two(&c, n);
        report(name, c.w.peer->name, bench.threads, w.n, n);
    }
    samples[0] = ideal;
    report(name, "ideal", bench.threads, w.n, 1);
    bench_pin_caller();
}

/* ---- idling: CPU time and memory ---- */

static void report_amount(const char *name, int threads, double amount, const char *unit) {
    bench_note("  %-30s %-18s %7d %14.4g %s\n", name, "pkern", threads, amount, unit);
    bench_csv_row("amount", name, "pkern", threads, 0, amount, 0.0);
}

/* CPU time of the threads that are not in the list. */
static double others_cpu_ns(const int *known, int n_known) {
    int kept = 0;
    bench_find_threads();
    for (int i = 0; i < bench.n_threads; i++) {
        int is_known = 0;
        for (int j = 0; j < n_known; j++) {
            is_known |= known[j] == bench.thread_ids[i];
        }
        if (!is_known) {
            bench.thread_ids[kept++] = bench.thread_ids[i];
        }
    }
    bench.n_threads = kept;
    return bench_cpu_ns();
}

static void run_idle(void) {
    static int known[BENCH_MAX_THREADS];
    const double watch_ns = bench.options.quick ? 0.5e9 : 2e9;
    for (int threads = bench.threads; threads <= 8; threads = threads < 8 ? 8 : 9) {
        pkern_pool *pool;
        double cpu, start;
        int n_known;
        bench_find_threads();
        n_known = bench.n_threads;
        memcpy(known, bench.thread_ids, sizeof known);
        pool = make_pool_of(threads);
        for (int i = 0; i < 100; i++) {
            bench_must(pkern_broadcast(pool, broadcast_nothing, NULL));
        }
        pause_ns(100e6);
        cpu = others_cpu_ns(known, n_known);
        start = bench_now();
        pause_ns(watch_ns);
        cpu = others_cpu_ns(known, n_known) - cpu;
        report_amount("idle_cpu_percent", threads, 100.0 * cpu / (bench_now() - start), "%");
        bench_must(pkern_pool_destroy(pool));
    }
}

static void *count_allocate(size_t bytes, size_t alignment, void *user) {
    void *memory = NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes)) {
        return NULL;
    }
    *(size_t *)user += bytes;
    return memory;
}

static void count_release(void *memory, size_t bytes, void *user) {
    *(size_t *)user -= bytes;
    free(memory);
}

static void run_memory(void) {
    size_t live = 0;
    pkern_allocator allocator = {count_allocate, count_release, &live};
    pkern_pool_config config;
    pkern_pool *pool;
    memset(&config, 0, sizeof config);
    config.num_threads = 8;
    config.allocator = &allocator;
    pool = make_pool(&config);
    report_amount("pool_memory_bytes", 8, (double)live, "bytes before the first use, less stacks");
    bench_must(pkern_pool_destroy(pool));
    if (live != 0) {
        fprintf(stderr, "a pool left %zu bytes behind\n", live);
        bench.n_wrong++;
    }
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    spin_init();
    run_nest();
    run_long_items();
    run_oversubscribed();
    run_small_calls();
    run_two_callers();
    if (bench_wanted("amount", "idle") && !bench_late()) {
        bench_note("\na pool that does nothing\n");
        run_idle();
        run_memory();
    }
    return bench_end();
}
