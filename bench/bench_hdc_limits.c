/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * How far the operations on vectors are from the machine's limits: pairs a second at every size of a vector and in every
 * instruction set, one query against a memory that no cache holds beside a plain read of it, majority and bind beside
 * their bytes, trigrams beside the loads of their rows, top-k by k.
 *
 * "one thread" columns run on a pool of one. A column named after an instruction set runs its kernels on one thread.
 */
#define BENCH_OWN_PKERN
#include "bench.h"

enum { WORDS = PKERN_HV16_WORDS, QUERIES = 100, MEMORY = 10000 };

typedef struct work {
    pkern_pool *pool;
    const pkn_simd_set *set; /* 0 = the one in use */
    const uint64_t *vectors, *memory;
    const uint8_t *text;
    size_t offsets[2];
    size_t n, n_memory, words, k;
    void *out;
} work;

static uint64_t *data_queries, *data_memory;

/* ---- pairs: QUERIES x n_memory, top k ---- */

static void top_k_pkern(void *ctx) {
    work *w = (work *)ctx;
    const pkn_simd_set *own = pkn_simd_current();
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, (void *)(size_t)(w->set != NULL ? w->set : own));
    bench_must(pkern_hdc_top_k(w->pool, w->vectors, w->n, w->memory, w->n_memory, w->words, w->k,
                               (pkern_hdc_match *)w->out));
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, (void *)(size_t)own);
}

typedef struct columns {
    work works[BENCH_MAX_IMPLS];
    bench_impl impls[BENCH_MAX_IMPLS];
    int count;
} columns;

static work *add_column(columns *c, const work *base, const char *name, int threads,
                        void (*call)(void *ctx), size_t out_bytes) {
    work *w = &c->works[c->count];
    *w = *base;
    w->pool = threads == 1 ? bench.pool_one : bench.pool_all;
    w->out = bench_allocate(out_bytes);
    bench_add(c->impls, &c->count, name, threads, call, w, w->out, out_bytes);
    return w;
}

static void finish(columns *c, const char *name, size_t size, double items) {
    bench_case("hdc_limit", name, size, items, c->impls, c->count);
    for (int i = 0; i < c->count; i++) {
        free(c->works[i].out);
    }
}

static void run_pairs(size_t words) {
    columns c = {0};
    work base = {0};
    char name[32];
    size_t n_sets, memory = MEMORY * WORDS / words;
    size_t out_bytes = QUERIES * 10 * sizeof(pkern_hdc_match);
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    snprintf(name, sizeof name, "pairs_%zu_bits", words * 64);
    if (!bench_wanted("hdc_limit", name)) {
        return;
    }
    base.vectors = data_queries;
    base.memory = data_memory;
    base.n = QUERIES;
    base.n_memory = memory;
    base.words = words;
    base.k = 10;
    add_column(&c, &base, "pkern 1 thread", 1, top_k_pkern, out_bytes);
    add_column(&c, &base, "pkern", bench.threads, top_k_pkern, out_bytes);
    for (size_t i = 0; i < n_sets && words == WORDS; i++) {
        if ((sets[i].features & ~pkn_cpu_features()) == 0) {
            add_column(&c, &base, sets[i].name, 1, top_k_pkern, out_bytes)->set = &sets[i];
        }
    }
    finish(&c, name, memory, (double)(QUERIES * memory));
}

static void run_top_k(size_t k) {
    columns c = {0};
    work base = {0};
    char name[32];
    snprintf(name, sizeof name, "top_%zu", k);
    if (!bench_wanted("hdc_limit", name)) {
        return;
    }
    base.vectors = data_queries;
    base.memory = data_memory;
    base.n = QUERIES;
    base.n_memory = MEMORY;
    base.words = WORDS;
    base.k = k;
    add_column(&c, &base, "pkern 1 thread", 1, top_k_pkern, QUERIES * k * sizeof(pkern_hdc_match));
    add_column(&c, &base, "pkern", bench.threads, top_k_pkern,
               QUERIES * k * sizeof(pkern_hdc_match));
    finish(&c, name, MEMORY, (double)QUERIES * MEMORY);
}

/* ---- one query, and a plain read of the same memory ---- */

typedef uint64_t lane __attribute__((vector_size(32), aligned(8)));

#if defined(__x86_64__)
__attribute__((target("avx2")))
#endif
static int
read_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    const lane *at = (const lane *)(const void *)(w->memory + begin * WORDS);
    const lane *stop = (const lane *)(const void *)(w->memory + end * WORDS);
    lane a = {0}, b = {0}, c = {0}, d = {0};
    for (; at < stop; at += 4) {
        a ^= at[0];
        b ^= at[1];
        c ^= at[2];
        d ^= at[3];
    }
    a ^= b ^ c ^ d;
    __asm__ volatile("" : : "r"(a[0] ^ a[1] ^ a[2] ^ a[3]));
    return 0;
}

static void read_plain(void *ctx) {
    work *w = (work *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 10.0;
    options.min_len = 64;
    bench_must(pkern_par_for(w->pool, 0, w->n_memory, &options, read_range, w));
}

static void run_one_query(void) {
    columns c = {0};
    work base = {0};
    size_t rows = bench.options.quick ? 100000 : 1000000;
    uint64_t *memory;
    if (!bench_wanted("hdc_limit", "one_query")) {
        return;
    }
    memory = (uint64_t *)bench_allocate(rows * WORDS * sizeof(uint64_t));
    pkern_hdc_random(3, memory, rows * WORDS);
    base.vectors = data_queries;
    base.memory = memory;
    base.n = 1;
    base.n_memory = rows;
    base.words = WORDS;
    base.k = 1;
    add_column(&c, &base, "read 1 thread", 1, read_plain, sizeof(pkern_hdc_match));
    add_column(&c, &base, "pkern 1 thread", 1, top_k_pkern, sizeof(pkern_hdc_match));
    add_column(&c, &base, "read", bench.threads, read_plain, sizeof(pkern_hdc_match));
    add_column(&c, &base, "pkern", bench.threads, top_k_pkern, sizeof(pkern_hdc_match));
    for (int i = 0; i < c.count; i++) {
        c.impls[i].out = i % 2 == 0 ? NULL : c.impls[i].out; /* a read has no result */
    }
    c.impls[0].out = c.impls[1].out;
    memset(c.works[0].out, 0, sizeof(pkern_hdc_match));
    top_k_pkern(&c.works[1]);
    finish(&c, "one_query", rows, (double)rows);
    free(memory);
}

/* ---- majority and bind ---- */

static void majority_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bundle(w->pool, w->vectors, w->offsets, 1, WORDS, (uint64_t *)w->out));
}

static void run_majority(size_t n) {
    columns c = {0};
    work base = {0};
    base.vectors = data_memory;
    base.offsets[1] = n;
    if (bench_wanted("hdc_limit", "majority")) {
        add_column(&c, &base, "pkern 1 thread", 1, majority_pkern, WORDS * 8);
        add_column(&c, &base, "pkern", bench.threads, majority_pkern, WORDS * 8);
        finish(&c, "majority", n, (double)n);
    }
}

/* Many sets of ten, as far as L1 holds them. */
static void majority_sets_pkern(void *ctx) {
    static size_t offsets[11] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bundle(w->pool, w->vectors, offsets, 10, WORDS, (uint64_t *)w->out));
}

static void run_majority_sets(void) {
    columns c = {0};
    work base = {0};
    base.vectors = data_memory;
    if (bench_wanted("hdc_limit", "majority_of_10")) {
        add_column(&c, &base, "pkern 1 thread", 1, majority_sets_pkern, 10 * WORDS * 8);
        add_column(&c, &base, "pkern", bench.threads, majority_sets_pkern, 10 * WORDS * 8);
        finish(&c, "majority_of_10", 10, 100.0);
    }
}

static void bind_memcpy(void *ctx) {
    work *w = (work *)ctx;
    memcpy(w->out, w->vectors, w->n * WORDS * 8);
}

static void bind_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bind(w->pool, w->vectors, w->n, data_queries, WORDS, (uint64_t *)w->out));
}

static void run_bind(const char *name, size_t n) {
    columns c = {0};
    work base = {0};
    base.vectors = data_memory;
    base.n = n;
    if (bench_wanted("hdc_limit", name)) {
        add_column(&c, &base, "memcpy", 1, bind_memcpy, n * WORDS * 8);
        add_column(&c, &base, "pkern 1 thread", 1, bind_pkern, n * WORDS * 8);
        c.impls[0].out = NULL;
        finish(&c, name, n, (double)n);
    }
}

/* ---- trigrams of a text over 27 letters, beside the loads alone of the rows that make them ----

   Of each gram three rows of 256 bytes are read and bound by one exclusive or of three, and a carry-save counter takes
   1.9 more operations a register. Where a core loads one register of 64 bytes a cycle and has two such operations in
   it, as Zen 4, that is 12 cycles for the loads beside 5.8: the loads are the bound, and are measured. */

enum { LETTERS = 27, GRAM = 3 };

#if defined(__x86_64__)
__attribute__((target("avx2")))
#endif
static void
trigram_loads(void *ctx) {
    work *w = (work *)ctx;
    for (size_t i = 0; i + GRAM <= w->n; i++) {
        lane sums[4] = {{0}};
        for (size_t j = 0; j < GRAM; j++) {
            size_t row = j * LETTERS + w->text[i + j];
            const lane *at = (const lane *)(const void *)(w->memory + row * WORDS);
            for (size_t lanes = 0; lanes < WORDS / 4; lanes += 4) {
                sums[0] ^= at[lanes];
                sums[1] ^= at[lanes + 1];
                sums[2] ^= at[lanes + 2];
                sums[3] ^= at[lanes + 3];
            }
        }
        __asm__ volatile("" : : "x"(sums[0]), "x"(sums[1]), "x"(sums[2]), "x"(sums[3]));
    }
}

static void trigrams_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_encode_ngrams_u8(w->pool, w->text, w->offsets, 1, w->memory, LETTERS, GRAM,
                                          WORDS, (uint64_t *)w->out));
}

static void run_trigrams(size_t n) {
    static uint64_t tables[GRAM * LETTERS * WORDS];
    columns c = {0};
    work base = {0};
    uint8_t *text;
    if (!bench_wanted("hdc_limit", "trigrams")) {
        return;
    }
    text = (uint8_t *)bench_allocate(n);
    for (size_t i = 0; i < n; i++) {
        text[i] = (uint8_t)(data_memory[i] % LETTERS);
    }
    bench_must(pkern_hdc_ngram_tables(bench.pool_one, data_queries, LETTERS, GRAM, WORDS, tables));
    base.text = text;
    base.offsets[1] = n;
    base.memory = tables;
    base.n = n;
    add_column(&c, &base, "loads 1 thread", 1, trigram_loads, WORDS * 8);
    add_column(&c, &base, "pkern 1 thread", 1, trigrams_pkern, WORDS * 8);
    add_column(&c, &base, "pkern", bench.threads, trigrams_pkern, WORDS * 8);
    c.impls[0].out = NULL; /* loads have no result */
    finish(&c, "trigrams", n, (double)(n - GRAM + 1));
    free(text);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {8, 16, 32, 64, 128, 157, 256};
    static const size_t ks[] = {1, 10, 100, 1000}, sets[] = {10, 101, 1001, 10000};
    bench_begin(argc, argv);
    data_queries = (uint64_t *)bench_allocate(QUERIES * 256 * sizeof(uint64_t));
    data_memory = (uint64_t *)bench_allocate(MEMORY * WORDS * sizeof(uint64_t));
    pkern_hdc_random(1, data_queries, QUERIES * 256);
    pkern_hdc_random(2, data_memory, MEMORY * WORDS);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        run_pairs(sizes[i]);
    }
    for (size_t i = 0; i < sizeof ks / sizeof ks[0]; i++) {
        run_top_k(ks[i]);
    }
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        run_majority(sets[i]);
    }
    run_majority_sets();
    run_bind("bind_in_l1", 56);
    run_bind("bind_in_l2", 1000);
    run_trigrams(bench.options.quick ? 20000 : 200000);
    run_one_query();
    free(data_queries);
    free(data_memory);
    return bench_end();
}
