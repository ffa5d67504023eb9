/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The promise of bench_never_slower for what is built on the core of hypervectors: encoders, sets, noise, memories, learning, MAP.
 * The sequential side is the call itself on a pool of one thread.
 */
#include "never_slower.h"

enum { FIELDS = 16, LEVELS = 32, CLASSES = 10, TEXT = 100, SYMBOLS = 256, DIMS = 2048 };

static float *values, low[FIELDS], high[FIELDS];
static size_t *text_offsets, *triple_offsets;
static uint64_t *levels, *ngram_tables;
static uint32_t permutation[WORDS * 64];
static pkern_hdc_classifier *classifier;
static pkern_hdc_item_memory *items;
static pkern_hdc_sdm *sdm;

static void records(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_encode_records(w->pool, values, w->n, FIELDS, data_key, levels, LEVELS,
                                        low, high, WORDS, (uint64_t *)w->out));
}

static void projection(void *ctx) {
    work *w = (work *)ctx;
    bench_must(
        pkern_hdc_encode_projection(w->pool, values, w->n, FIELDS, 3, WORDS, (uint64_t *)w->out));
}

static void texts(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_encode_ngrams_u8(w->pool, (const uint8_t *)w->vectors, text_offsets, w->n,
                                          ngram_tables, SYMBOLS, 3, WORDS, (uint64_t *)w->out));
}

static void one_text(void *ctx) {
    work *w = (work *)ctx;
    size_t offsets[2] = {0, w->n};
    bench_must(pkern_hdc_encode_ngrams_u8(w->pool, (const uint8_t *)w->vectors, offsets, 1,
                                          ngram_tables, SYMBOLS, 3, WORDS, (uint64_t *)w->out));
}

static void multibind(void *ctx) {
    work *w = (work *)ctx;
    bench_must(
        pkern_hdc_multibind(w->pool, w->vectors, triple_offsets, w->n, WORDS, (uint64_t *)w->out));
}

static void accumulate(void *ctx) {
    work *w = (work *)ctx;
    pkern_hdc_accumulator accumulator;
    bench_must(pkern_hdc_accumulator_init(&accumulator, (int32_t *)w->out, WORDS));
    bench_must(pkern_hdc_accumulator_add(w->pool, &accumulator, w->vectors, w->n, NULL));
}

static void noise(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_noise(w->pool, w->vectors, w->n, WORDS, 0.01, 7, (uint64_t *)w->out));
}

static void permute_bits(void *ctx) {
    work *w = (work *)ctx;
    bench_must(
        pkern_hdc_permute_bits(w->pool, w->vectors, w->n, WORDS, permutation, (uint64_t *)w->out));
}

static void hamming_pairs(void *ctx) {
    work *w = (work *)ctx;
    const uint64_t *b = data_vectors + (data_rows - w->n) * WORDS;
    bench_must(pkern_hdc_hamming_pairs(w->pool, w->vectors, b, w->n, WORDS, (uint32_t *)w->out));
}

static void predict(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_classifier_predict(w->pool, classifier, PKERN_HDC_MODEL_BINARY, w->vectors,
                                            w->n, (pkern_hdc_prediction *)w->out));
}

static void cleanup(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_item_memory_cleanup(w->pool, items, w->vectors, w->n, 1000,
                                             (pkern_hdc_match *)w->out));
}

static void sdm_read(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_sdm_read(w->pool, sdm, w->vectors, w->n, (uint64_t *)w->out, NULL));
}

static void map_bind(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_map_bind_i8(w->pool, (const int8_t *)w->vectors, w->n,
                                     (const int8_t *)w->key, DIMS, (int8_t *)w->out));
}

static void map_top_10(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_map_top_k_i8(w->pool, (const int8_t *)w->key, 1,
                                      (const int8_t *)w->vectors, w->n, DIMS, SEARCH_K,
                                      (pkern_hdc_map_match *)w->out));
}

/* A row of MAP has the bytes of 8 vectors of bits. */
static const ratio_case cases[] = {
    {"encode_records_16", NULL, records, 100.0, 0.0, 1, WORDS * 8, 0},
    {"encode_projection_16", NULL, projection, 14000.0, 0.0, 1, WORDS * 8, 0},
    {"encode_trigrams_100", NULL, texts, 500.0, 0.0, 1, WORDS * 8, 0},
    {"encode_trigrams_of_n", NULL, one_text, 5.0, 0.0, 1, 0, WORDS * 8},
    {"multibind_3", NULL, multibind, 20.0, 0.0, 3, WORDS * 8, 0},
    {"accumulate_n", NULL, accumulate, 20.0, 0.0, 1, 0, WORDS * 64 * 4},
    {"noise", NULL, noise, 200.0, 0.0, 1, WORDS * 8, 0},
    {"permute_bits", NULL, permute_bits, 2000.0, 0.0, 1, WORDS * 8, 0},
    {"hamming_pairs", NULL, hamming_pairs, 6.0, 0.0, 2, 4, 0},
    {"predict_10", NULL, predict, 40.0, 0.0, 1, sizeof(pkern_hdc_prediction), 0},
    {"cleanup_1000", NULL, cleanup, 2500.0, 0.0, 1, sizeof(pkern_hdc_match), 0},
    {"sdm_read_1000", NULL, sdm_read, 5000.0, 0.0, 1, WORDS * 8, 0},
    {"map_bind", NULL, map_bind, 50.0, 0.0, 8, DIMS, 0},
    {"map_top_10_of_n", NULL, map_top_10, 50.0, 0.0, 8, 0, SEARCH_K * sizeof(pkern_hdc_map_match)},
};

static void make_cases(void) {
    uint32_t labels[CLASSES];
    pkern_hdc_sdm_config config;
    values = (float *)bench_allocate(data_rows * FIELDS * sizeof(float));
    for (size_t i = 0; i < data_rows * FIELDS; i++) {
        values[i] = (float)(data_vectors[i] >> 40) / (float)(1 << 24);
    }
    text_offsets = (size_t *)bench_allocate((data_rows + 1) * sizeof(size_t));
    triple_offsets = (size_t *)bench_allocate((data_rows + 1) * sizeof(size_t));
    for (size_t i = 0; i <= data_rows; i++) {
        text_offsets[i] = i * TEXT;
        triple_offsets[i] = i * 3;
    }
    for (size_t f = 0; f < FIELDS; f++) {
        high[f] = 1.0f;
    }
    levels = (uint64_t *)bench_allocate(LEVELS * WORDS * sizeof(uint64_t));
    ngram_tables = (uint64_t *)bench_allocate(3 * SYMBOLS * WORDS * sizeof(uint64_t));
    bench_must(pkern_hdc_codebook_level(bench.pool_all, 5, LEVELS, WORDS, levels));
    bench_must(pkern_hdc_ngram_tables(bench.pool_all, data_key, SYMBOLS, 3, WORDS, ngram_tables));
    bench_must(pkern_hdc_permutation_random(11, WORDS, permutation));
    bench_must(pkern_hdc_classifier_create(CLASSES, WORDS, NULL, &classifier));
    for (uint32_t i = 0; i < CLASSES; i++) {
        labels[i] = i;
    }
    bench_must(pkern_hdc_classifier_train(bench.pool_all, classifier, data_key, labels, CLASSES));
    bench_must(pkern_hdc_item_memory_create(WORDS, 1, NULL, &items));
    for (uint32_t i = 0; i < SEARCH_MEMORY; i++) {
        bench_must(pkern_hdc_item_memory_add(items, &i, sizeof i, data_key + i * WORDS, NULL));
    }
    memset(&config, 0, sizeof config);
    config.n_locations = SEARCH_MEMORY;
    config.address_words = WORDS;
    bench_must(pkern_hdc_sdm_create(bench.pool_all, &config, &sdm));
    bench_must(pkern_hdc_sdm_write(bench.pool_all, sdm, data_key, data_key, NULL, SEARCH_MEMORY));
}

static void free_cases(void) {
    pkern_hdc_sdm_destroy(sdm);
    pkern_hdc_item_memory_destroy(items);
    pkern_hdc_classifier_destroy(classifier);
    free(values);
    free(text_offsets);
    free(triple_offsets);
    free(levels);
    free(ngram_tables);
}

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    spin_init();
    never_slower_data();
    make_cases();
    int status = never_slower(cases, sizeof cases / sizeof cases[0]);
    free_cases();
    return status;
}
