/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The batch operations on vectors of 2048 bits: bind, similarity, bundle, nearest, top-k.
 *
 * "sequential" is a loop over rows that calls the same SIMD kernel (pkern_simd_*) once a row, on one thread and with
 * no pool; "plain C" is the loop that a C programmer writes, at -O3 -march=native. The peers get pkern's kernels
 * through a function pointer, so that they are compared as schedulers; FAISS brings its own search.
 */
#include "bench.h"

enum { WORDS = PKERN_HV16_WORDS, SET_LEN = 10, MAX_K = 16 };

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    peer_range_fn range, sequential;
    const uint64_t *vectors, *memory; /* the key or the single query is memory[0] */
    const size_t *offsets;
    size_t n, n_memory, k;
    void *out;
    int32_t *distances; /* FAISS and plain C */
    int64_t *labels;
    void *index;
} work;

static uint64_t *data_vectors, *data_memory;
static size_t *data_offsets;

static void call_sequential(void *ctx) {
    work *w = (work *)ctx;
    w->sequential(0, w->n, w);
}

static void call_peer(void *ctx) {
    work *w = (work *)ctx;
    w->peer->loop(w->n, w->range, w);
}

/* ---- bind ---- */

static void bind_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    uint64_t *out = (uint64_t *)w->out;
    for (size_t row = begin; row < end; row++) {
        pkern_simd_xor_u64(w->vectors + row * WORDS, w->memory, WORDS, out + row * WORDS);
    }
}

static void bind_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bind(w->pool, w->vectors, w->n, w->memory, WORDS, (uint64_t *)w->out));
}

static void bind_plain(void *ctx) {
    work *w = (work *)ctx;
    bench.peers.plain.bind(w->vectors, w->n, w->memory, WORDS, (uint64_t *)w->out);
}

/* ---- similarity ---- */

static void similarity_sequential(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    float *out = (float *)w->out;
    for (size_t row = begin; row < end; row++) {
        uint64_t distance = pkern_simd_hamming_u64(w->memory, w->vectors + row * WORDS, WORDS);
        out[row] = 1.0f - (float)distance / (float)(WORDS * 64);
    }
}

static void similarity_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_similarity(bench.pool_one, w->memory, w->vectors + begin * WORDS,
                                    end - begin, WORDS, (float *)w->out + begin));
}

static void similarity_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_similarity(w->pool, w->memory, w->vectors, w->n, WORDS, (float *)w->out));
}

static void similarity_plain(void *ctx) {
    work *w = (work *)ctx;
    bench.peers.plain.similarity(w->memory, w->vectors, w->n, WORDS, (float *)w->out);
}

/* ---- bundle: n sets of SET_LEN ---- */

static void bundle_sequential(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    for (size_t s = begin; s < end; s++) {
        size_t first = w->offsets[s];
        pkern_simd_majority_u64(w->vectors + first * WORDS, w->offsets[s + 1] - first, WORDS, WORDS,
                                (uint64_t *)w->out + s * WORDS);
    }
}

static void bundle_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bundle(bench.pool_one, w->vectors, w->offsets + begin, end - begin, WORDS,
                                (uint64_t *)w->out + begin * WORDS));
}

static void bundle_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bundle(w->pool, w->vectors, w->offsets, w->n, WORDS, (uint64_t *)w->out));
}

static void bundle_plain(void *ctx) {
    work *w = (work *)ctx;
    bench.peers.plain.bundle(w->vectors, SET_LEN, w->n, WORDS, (uint64_t *)w->out);
}

/* ---- nearest and top-k: n queries; k = 1 is nearest ---- */

static void search_sequential(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    pkern_hdc_match *out = (pkern_hdc_match *)w->out;
    for (size_t q = begin; q < end; q++) {
        pkern_hdc_match *best = out + q * w->k;
        size_t found = 0;
        for (size_t m = 0; m < w->n_memory; m++) {
            uint32_t d = (uint32_t)pkern_simd_hamming_u64(w->vectors + q * WORDS,
                                                          w->memory + m * WORDS, WORDS);
            size_t place = found;
            if (found == w->k) {
                if (d >= best[found - 1].distance) {
                    continue;
                }
                place = found - 1;
            } else {
                found++;
            }
            for (; place > 0 && best[place - 1].distance > d; place--) {
                best[place] = best[place - 1];
            }
            best[place].index = m;
            best[place].distance = d;
            best[place].similarity = 1.0f - (float)d / (float)(WORDS * 64);
        }
    }
}

static void nearest_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_nearest(bench.pool_one, w->vectors + begin * WORDS, end - begin, w->memory,
                                 w->n_memory, WORDS, (pkern_hdc_match *)w->out + begin));
}

static void nearest_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_nearest(w->pool, w->vectors, w->n, w->memory, w->n_memory, WORDS,
                                 (pkern_hdc_match *)w->out));
}

static void top_k_range(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_top_k(bench.pool_one, w->vectors + begin * WORDS, end - begin, w->memory,
                               w->n_memory, WORDS, w->k, (pkern_hdc_match *)w->out + begin * w->k));
}

static void top_k_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_top_k(w->pool, w->vectors, w->n, w->memory, w->n_memory, WORDS, w->k,
                               (pkern_hdc_match *)w->out));
}

static void search_plain(void *ctx) {
    work *w = (work *)ctx;
    bench.peers.plain.nearest(w->vectors, w->n, w->memory, w->n_memory, WORDS,
                              (uint32_t *)w->labels, (uint32_t *)w->distances);
}

static void search_faiss(void *ctx) {
    work *w = (work *)ctx;
    bench.peers.faiss.index_search(w->index, w->vectors, w->n, w->k, w->distances, w->labels);
}

/* FAISS and plain C have other result types; of equal distances FAISS may give another index. */
static void search_check(const work *w, const char *name, const pkern_hdc_match *expected) {
    for (size_t i = 0; i < w->n * w->k; i++) {
        if ((uint32_t)w->distances[i] != expected[i].distance) {
            fprintf(stderr, "WRONG: %s's distances differ from pkern's at %zu\n", name, i);
            bench.n_wrong++;
            return;
        }
    }
}

/* ---- a case with its columns ---- */

typedef struct operation {
    const char *name;
    void (*pkern)(void *ctx);
    void (*plain)(void *ctx);
    peer_range_fn sequential, range;
    int is_search;
} operation;

static const operation op_bind = {"bind", bind_pkern, bind_plain, bind_range, bind_range, 0};
static const operation op_similarity = {"similarity",          similarity_pkern, similarity_plain,
                                        similarity_sequential, similarity_range, 0};
static const operation op_bundle = {"bundle",          bundle_pkern, bundle_plain,
                                    bundle_sequential, bundle_range, 0};
static const operation op_nearest = {"nearest",         nearest_pkern, search_plain,
                                     search_sequential, nearest_range, 1};
static const operation op_top_k = {"top_k", top_k_pkern, NULL, search_sequential, top_k_range, 1};

typedef struct columns {
    work works[BENCH_MAX_IMPLS];
    bench_impl impls[BENCH_MAX_IMPLS];
    int count;
    size_t out_bytes;
} columns;

static work *add_column(columns *c, const work *base, const char *name, int threads,
                        void (*call)(void *ctx)) {
    work *w = &c->works[c->count];
    *w = *base;
    w->out = bench_allocate(c->out_bytes);
    w->distances = (int32_t *)bench_allocate(w->n * w->k * sizeof(int32_t));
    w->labels = (int64_t *)bench_allocate(w->n * w->k * sizeof(int64_t));
    bench_add(c->impls, &c->count, name, threads, call, w, w->out, c->out_bytes);
    return w;
}

static void add_peers(columns *c, const work *base) {
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        const bench_peer *peer = &bench.peers.schedulers[i];
        add_column(c, base, peer->name, bench.threads, call_peer)->peer = peer;
        if (peer->inside != NULL && strcmp(peer->name, "Rayon") == 0) {
            add_column(c, base, "Rayon inside", bench.threads, call_peer)->peer = peer;
            c->impls[c->count - 1].inside = peer->inside;
        }
    }
}

static void release_columns(columns *c) {
    for (int i = 0; i < c->count; i++) {
        free(c->works[i].out);
        free(c->works[i].distances);
        free(c->works[i].labels);
    }
}

/* n rows, sets or queries; k = 1 where there is no k. */
static void run(const operation *op, const char *name, size_t n, size_t n_memory, size_t k,
                size_t out_bytes) {
    columns c = {0};
    work base = {0};
    int plain = -1, faiss = -1, was_run;
    if (!bench_wanted("hdc", name)) {
        return;
    }
    c.out_bytes = out_bytes;
    base.vectors = data_vectors;
    base.memory = data_memory;
    base.offsets = data_offsets;
    base.n = n;
    base.n_memory = n_memory;
    base.k = k;
    base.range = op->range;
    base.sequential = op->sequential;
    add_column(&c, &base, "sequential", 1, call_sequential);
    add_column(&c, &base, "sequential again", 1, call_sequential);
    if (op->plain != NULL && bench.peers.plain.bind != NULL) {
        plain = c.count;
        add_column(&c, &base, "plain C", 1, op->plain);
    }
    add_column(&c, &base, "pkern 1 thread", 1, op->pkern)->pool = bench.pool_one;
    add_column(&c, &base, "pkern", bench.threads, op->pkern)->pool = bench.pool_all;
    add_peers(&c, &base);
    if (op->is_search && bench.peers.faiss.name != NULL) {
        faiss = c.count;
        add_column(&c, &base, bench.peers.faiss.name, bench.threads, search_faiss)->index =
            bench.peers.faiss.index_open(base.memory, n_memory, WORDS);
        c.impls[faiss].out = NULL;
    }
    if (op->is_search && plain >= 0) {
        c.impls[plain].out = NULL;
    }
    was_run =
        bench_case("hdc", name, n, (double)(op->is_search ? n * n_memory : n), c.impls, c.count);
    if (faiss >= 0) {
        if (was_run) {
            search_check(&c.works[faiss], "FAISS", (const pkern_hdc_match *)c.works[0].out);
        }
        bench.peers.faiss.index_close(c.works[faiss].index);
    }
    if (op->is_search && plain >= 0 && was_run) {
        search_check(&c.works[plain], "plain C", (const pkern_hdc_match *)c.works[0].out);
    }
    release_columns(&c);
}

int main(int argc, char **argv) {
    static const size_t rows[] = {100, 500, 1000, 5000}, sets[] = {10, 50, 100, 200},
                        queries[] = {10, 50, 100};
    static const size_t memories[] = {1000, 10000}, ks[] = {1, 5, 10};
    char name[32];
    bench_begin(argc, argv);
    data_vectors = (uint64_t *)bench_allocate(5000 * WORDS * sizeof(uint64_t));
    data_memory = (uint64_t *)bench_allocate(10000 * WORDS * sizeof(uint64_t));
    data_offsets = (size_t *)bench_allocate(201 * sizeof(size_t));
    pkern_hdc_random(1, data_vectors, 5000 * WORDS);
    pkern_hdc_random(2, data_memory, 10000 * WORDS);
    for (size_t s = 0; s <= 200; s++) {
        data_offsets[s] = s * SET_LEN;
    }
    for (size_t i = 0; i < 4; i++) {
        run(&op_bind, op_bind.name, rows[i], 1, 1, rows[i] * WORDS * sizeof(uint64_t));
    }
    for (size_t i = 0; i < 4; i++) {
        run(&op_similarity, op_similarity.name, rows[i], 1, 1, rows[i] * sizeof(float));
    }
    for (size_t i = 0; i < 4; i++) {
        run(&op_bundle, op_bundle.name, sets[i], 1, 1, sets[i] * WORDS * sizeof(uint64_t));
    }
    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < 3; i++) {
            if (bench.options.quick && memories[m] * queries[i] > 100000) {
                continue;
            }
            snprintf(name, sizeof name, "nearest_%zu", memories[m]);
            run(&op_nearest, name, queries[i], memories[m], 1,
                queries[i] * sizeof(pkern_hdc_match));
        }
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "top_k_%zu_of_1000", ks[i]);
        run(&op_top_k, name, 50, 1000, ks[i], 50 * ks[i] * sizeof(pkern_hdc_match));
    }
    free(data_vectors);
    free(data_memory);
    free(data_offsets);
    return bench_end();
}
