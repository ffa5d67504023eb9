/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Options, pools, pinning and memory of a bench, and the usual columns of a table. Part of bench.h. */
#ifndef BENCH_SETUP_H
#define BENCH_SETUP_H

static void bench_usage(const char *program) {
    printf("usage: %s [--quick] [--csv[=FILE]] [--only=TEXT] [--threads=N] [--rounds=N] [--pin] "
           "[--no-peers] [--machine]\n"
           "  --quick      shorter blocks, smaller sizes\n"
           "  --csv        CSV instead of the table; --csv=FILE: appends CSV to FILE beside the "
           "table\n"
           "  --only=TEXT  only the cases whose topic/case contains TEXT\n"
           "  --threads=N  threads of the pool and the peers (default: what pkern finds)\n"
           "  --rounds=N   rounds of the interleaving, 9 to 31 (default 11, quick 9)\n"
           "  --pin        pins the pool's threads, too (PKERN_POOL_PIN)\n"
           "  --no-peers   pkern and the sequential loops alone\n"
           "  --machine    prints the line about this machine and ends\n",
           program);
}

static void bench_option(const char *program, const char *argument, int *machine) {
    bench_options *o = &bench.options;
    if (strcmp(argument, "--quick") == 0) {
        o->quick = 1;
    } else if (strcmp(argument, "--csv") == 0) {
        o->csv = stdout;
        o->table = 0;
    } else if (strncmp(argument, "--csv=", 6) == 0) {
        o->csv = fopen(argument + 6, "a");
        if (o->csv == NULL) {
            perror(argument + 6);
            exit(2);
        }
    } else if (strncmp(argument, "--only=", 7) == 0) {
        o->only = argument + 7;
    } else if (strncmp(argument, "--threads=", 10) == 0) {
        o->threads = atoi(argument + 10);
    } else if (strncmp(argument, "--rounds=", 9) == 0) {
        o->rounds = atoi(argument + 9);
    } else if (strcmp(argument, "--pin") == 0) {
        o->pin = 1;
    } else if (strcmp(argument, "--no-peers") == 0) {
        o->no_peers = 1;
    } else if (strcmp(argument, "--machine") == 0) {
        *machine = 1;
    } else {
        bench_usage(program);
        exit(strcmp(argument, "--help") == 0 ? 0 : 2);
    }
}

static pkern_pool *bench_pool(int threads) {
    pkern_pool_config config;
    pkern_pool *pool = NULL;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    config.flags = bench.options.pin ? (unsigned)PKERN_POOL_PIN : 0u;
    if (pkern_pool_create(&config, &pool) != PKERN_OK) {
        fprintf(stderr, "no pool of %d threads\n", threads);
        exit(1);
    }
    return pool;
}

static void bench_pin_caller(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &bench.usable)) {
            CPU_SET(cpu, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        perror("the caller is not pinned");
    }
}

/* Every bench begins with this. */
static void bench_begin(int argc, char **argv) {
    bench_options *o = &bench.options;
    int machine = 0;
    o->table = 1;
    for (int i = 1; i < argc; i++) {
        bench_option(argv[0], argv[i], &machine);
    }
    bench_clock_init();
    o->rounds = o->rounds == 0 ? (o->quick ? 9 : 11) : o->rounds;
    o->rounds = o->rounds < 9 ? 9 : o->rounds > BENCH_MAX_ROUNDS ? BENCH_MAX_ROUNDS : o->rounds;
    o->warm_ns = o->quick ? 1.5e6 : 3e6;
    o->sample_ns = o->quick ? 40e3 : 100e3;
    o->end_ns = o->quick ? bench_now() + 10e9 : 0.0;
    o->cold_subs = o->quick ? 1 : 3;
    o->long_ns = 5e6;
    o->no_warm_ns = 50e6;
    sched_getaffinity(0, sizeof bench.usable, &bench.usable);
    bench.cycle_ns = bench_cycle_once();
    if (machine) {
        bench_print_machine(stdout);
        exit(0);
    }
    bench.pool_all = bench_pool(o->threads);
    bench.pool_one = bench_pool(1);
    bench.threads = pkern_pool_num_threads(bench.pool_all);
    if (!o->no_peers) {
        bench_peers_open(&bench.peers, bench.threads);
    }
    bench_pin_caller();
    if (o->table) {
        bench_print_machine(stdout);
    }
    bench_note("peers:");
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        bench_note(" %s;", bench.peers.schedulers[i].version);
    }
    if (bench.peers.faiss.name != NULL) {
        bench_note(" %s;", bench.peers.faiss.version);
    }
    bench_note(" %d skipped%s%s\n", bench.peers.n_skipped, bench.peers.n_skipped > 0 ? ": " : "",
               bench.peers.skipped);
}

/* Every bench ends with this: 1 where an implementation gave a wrong result or nothing was run. */
static int bench_end(void) {
    if (bench.n_late > 0) {
        bench_note("%d cases left out: the time of a quick run was up\n", bench.n_late);
    }
    pkern_pool_destroy(bench.pool_all);
    pkern_pool_destroy(bench.pool_one);
    if (bench.options.csv != NULL) {
        fclose(bench.options.csv);
    }
    return bench.n_wrong > 0 ? 1 : 0;
}

/* Zeroed and touched, so that no page fault falls into a timed call; at the start of a huge page where the system has them, so that
   the buffers of two implementations do not differ by how they fall into the cache. */
__attribute__((unused)) static void *bench_allocate(size_t bytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, 2u << 20, bytes > 0 ? bytes : 64) != 0) {
        fprintf(stderr, "no memory: %zu bytes\n", bytes);
        exit(1);
    }
#if defined(MADV_HUGEPAGE)
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    memset(memory, 1, bytes);
    memset(memory, 0, bytes);
    return memory;
}

/* A status that is not 0 in the middle of a timed call means that the bench is wrong. */
__attribute__((unused)) static void bench_must(pkern_status status) {
    if (status != PKERN_OK) {
        fprintf(stderr, "a call failed: %s\n", pkern_status_text(status));
        exit(1);
    }
}

/* One implementation; out 0 = its result is not compared. */
static void bench_add(bench_impl *impls, int *count, const char *name, int threads,
                      void (*call)(void *), void *ctx, const void *out, size_t out_bytes) {
    bench_impl *impl = &impls[(*count)++];
    if (*count > BENCH_MAX_IMPLS) {
        fprintf(stderr, "too many implementations\n");
        exit(1);
    }
    memset(impl, 0, sizeof *impl);
    impl->name = name;
    impl->threads = threads;
    impl->call = call;
    impl->ctx = ctx;
    impl->out = out;
    impl->out_bytes = out_bytes;
}

#endif /* BENCH_SETUP_H */
