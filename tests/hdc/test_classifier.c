/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum { CLASSIFIER_SEED = 150 };

/* Examples: each is its class's vector with some bits flipped. */
typedef struct examples {
    uint64_t *vectors;
    uint32_t *labels;
    size_t n, words, n_classes;
} examples;

/* noise 0 flips half of the bits (nothing is left to learn but the examples), 1 a quarter, 2 three
   eighths. */
static examples examples_new(size_t n, size_t n_classes, size_t words, int noise, uint64_t seed) {
    examples made = {0, 0, n, words, n_classes};
    made.vectors = hdc_new(n * words, 1, seed);
    made.labels = (uint32_t *)malloc((n + 1) * sizeof *made.labels);
    for (size_t i = 0; i < n; i++) {
        made.labels[i] = (uint32_t)(pkn_random_at(seed + 1, i) % n_classes);
        for (size_t w = 0; w < words; w++) {
            uint64_t other = pkn_random_at(seed + 2, i * words + w);
            uint64_t flips = made.vectors[i * words + w];
            if (noise == 1) flips &= other;
            if (noise == 2)
                flips = (flips & other) | (flips & pkn_random_at(seed + 3, i * words + w));
            made.vectors[i * words + w] =
                pkn_random_at(CLASSIFIER_SEED + made.labels[i], w) ^ flips;
        }
    }
    return made;
}

static void examples_free(examples *e) {
    hdc_free(e->vectors);
    free(e->labels);
}

static pkern_hdc_classifier *classifier_new(const examples *e) {
    pkern_hdc_classifier *classifier = 0;
    cr_assert_eq(pkern_hdc_classifier_create(e->n_classes, e->words, 0, &classifier), PKERN_OK);
    return classifier;
}

static int classifier_bit(const uint64_t *vector, size_t i) {
    return (int)(vector[i / 64] >> (i % 64) & 1);
}

/* Counts, weights and prototypes, one bit at a time. */
static void classifier_check_counts(const pkern_hdc_classifier *classifier, const examples *e) {
    size_t bits = e->words * 64;
    for (size_t c = 0; c < e->n_classes; c++) {
        double squares = 0;
        int64_t *counts = (int64_t *)calloc(bits, sizeof *counts);
        for (size_t i = 0; i < e->n; i++) {
            for (size_t b = 0; b < bits && e->labels[i] == c; b++) {
                counts[b] += classifier_bit(e->vectors + i * e->words, b) ? 1 : -1;
            }
        }
        for (size_t b = 0; b < bits; b++) squares += (double)(counts[b] * counts[b]);
        for (size_t b = 0; b < bits; b++) {
            double weight =
                squares > 0 ? (double)counts[b] * 256 / sqrt(squares / (double)bits) : 0;
            cr_assert_eq(classifier->counts[c * bits + b], counts[b]);
            cr_assert(fabs(weight) > 32766 ||
                      fabs(classifier->weights[c * bits + b] - weight) <= 0.5001);
            cr_assert_eq(classifier_bit(classifier->prototypes + c * e->words, b), counts[b] > 0);
        }
        free(counts);
    }
}

/* What predict promises, from the classifier's own weights and prototypes. */
static pkern_hdc_prediction classifier_oracle(const pkern_hdc_classifier *classifier,
                                              pkern_hdc_model model, const uint64_t *vector) {
    size_t bits = classifier->words * 64;
    double best = -2, second = -2;
    pkern_hdc_prediction prediction = {SIZE_MAX, 0, 0};
    for (size_t c = 0; c < classifier->n_classes; c++) {
        double dot = 0, squares = 0, score;
        for (size_t b = 0; b < bits; b++) {
            double weight = classifier->weights[c * bits + b];
            if (model == PKERN_HDC_MODEL_BINARY)
                weight = classifier_bit(classifier->prototypes + c * classifier->words, b) ? 1 : -1;
            dot += classifier_bit(vector, b) ? weight : -weight;
            squares += weight * weight;
        }
        if (classifier->rows[c] == 0) continue;
        score = squares > 0 ? dot / sqrt(squares * (double)bits) : 0;
        if (score > best) {
            second = best;
            best = score;
            prediction.label = c;
        } else if (score > second) {
            second = score;
        }
    }
    if (prediction.label != SIZE_MAX) {
        prediction.score = (float)best;
        prediction.margin = second < -1.5 ? 2 : (float)(best - second);
    }
    return prediction;
}

static void classifier_check_predictions(const pkern_hdc_classifier *classifier,
                                         const examples *e) {
    pkern_hdc_prediction *out = (pkern_hdc_prediction *)malloc((e->n + 1) * sizeof *out);
    for (int model = 0; model < 2; model++) {
        out[e->n].label = 12345;
        cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, (pkern_hdc_model)model, e->vectors,
                                                  e->n, out),
                     PKERN_OK);
        cr_assert_eq(out[e->n].label, 12345u);
        for (size_t i = 0; i < e->n; i++) {
            pkern_hdc_prediction expected =
                classifier_oracle(classifier, (pkern_hdc_model)model, e->vectors + i * e->words);
            cr_assert(fabs((double)(out[i].score - expected.score)) < 1e-6 &&
                          fabs((double)(out[i].margin - expected.margin)) < 1e-6 &&
                          (out[i].label == expected.label || out[i].margin < 1e-6f),
                      "model %d, row %zu: {%zu, %g, %g}, not {%zu, %g, %g}", model, i, out[i].label,
                      (double)out[i].score, (double)out[i].margin, expected.label,
                      (double)expected.score, (double)expected.margin);
        }
    }
    free(out);
}

Test(hdc_classifier, counts_and_predictions_match_one_bit_at_a_time) {
    static const size_t words_list[] = {1, 3, 32, 157}, n_list[] = {0, 1, 2, 101},
                        n_classes[] = {1, 2, 5, 67};
    for (size_t w = 0; w < 4; w++) {
        for (size_t n = 0; n < 4; n++) {
            for (size_t c = 0; c < 4; c++) {
                examples e = examples_new(n_list[n], n_classes[c], words_list[w], 0, w + n + c);
                pkern_hdc_classifier *classifier = classifier_new(&e);
                if (w * n * c > 12) e.n /= 2;
                cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, e.n),
                             PKERN_OK);
                classifier_check_counts(classifier, &e);
                classifier_check_predictions(classifier, &e);
                cr_assert_eq(pkern_hdc_classifier_n_classes(classifier), n_classes[c]);
                cr_assert_eq(pkern_hdc_classifier_words(classifier), words_list[w]);
                pkern_hdc_classifier_destroy(classifier);
                examples_free(&e);
            }
        }
    }
}

/* More rows than 16 bits count: the scratch is emptied on the way. */
Test(hdc_classifier, long_training_does_not_run_over) {
    enum { N = 70000 };
    examples e = {0, 0, N, 1, 2};
    pkern_hdc_classifier *classifier;
    e.vectors = hdc_new(N, 0, 0);
    e.labels = (uint32_t *)calloc(N, sizeof *e.labels);
    for (size_t i = 0; i < N; i++) e.vectors[i] = 5;
    e.labels[7] = 1;
    classifier = classifier_new(&e);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, N), PKERN_OK);
    cr_assert_eq(classifier->counts[0], N - 1);
    cr_assert_eq(classifier->counts[1], 1 - N);
    cr_assert_eq(classifier->counts[64], 1);
    cr_assert_eq(classifier->rows[0], (uint64_t)N - 1);
    classifier->rows[1] = INT32_MAX;
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, N),
                 PKERN_EOVERFLOW);
    cr_assert_eq(classifier->rows[0], (uint64_t)N - 1);
    cr_assert_eq(classifier->counts[0], N - 1);
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

Test(hdc_classifier, training_in_parts_is_the_same) {
    examples e = examples_new(300, 7, 9, 0, 3);
    pkern_hdc_classifier *whole = classifier_new(&e), *parts = classifier_new(&e);
    cr_assert_eq(pkern_hdc_classifier_train(0, whole, e.vectors, e.labels, 300), PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_train(0, parts, e.vectors + 100 * 9, e.labels + 100, 200),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_train(0, parts, e.vectors, e.labels, 100), PKERN_OK);
    cr_assert_arr_eq(whole->weights, parts->weights, 7 * 9 * 64 * sizeof(int16_t));
    cr_assert_arr_eq(pkern_hdc_classifier_prototypes(whole), pkern_hdc_classifier_prototypes(parts),
                     7 * 9 * 8);
    pkern_hdc_classifier_destroy(whole);
    pkern_hdc_classifier_destroy(parts);
    examples_free(&e);
}

static size_t classifier_wrong(const pkern_hdc_classifier *classifier, pkern_hdc_model model,
                               const examples *e) {
    pkern_hdc_prediction *out = (pkern_hdc_prediction *)malloc((e->n + 1) * sizeof *out);
    size_t wrong = 0;
    cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, model, e->vectors, e->n, out),
                 PKERN_OK);
    for (size_t i = 0; i < e->n; i++) wrong += out[i].label != e->labels[i];
    free(out);
    return wrong;
}

/* Classes that overlap: short vectors, three eighths of the bits flipped. */
Test(hdc_classifier, retraining_learns_what_counting_cannot) {
    examples e = examples_new(400, 3, 4, 2, 11);
    for (int model = 0; model < 2; model++) {
        for (int rule = 0; rule < 3; rule++) {
            pkern_hdc_classifier *classifier = classifier_new(&e);
            pkern_hdc_retraining options;
            size_t mistakes[30], before, after;
            memset(&options, 0, sizeof options);
            options.model = (pkern_hdc_model)model;
            options.rule = (pkern_hdc_rule)rule;
            options.epochs = 30;
            options.seed = 5;
            cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, e.n),
                         PKERN_OK);
            before = classifier_wrong(classifier, options.model, &e);
            cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, e.n,
                                                      &options, mistakes),
                         PKERN_OK);
            after = classifier_wrong(classifier, options.model, &e);
            cr_assert(after <= before && after * 4 <= 400, "model %d, rule %d: %zu, then %zu",
                      model, rule, before, after);
            cr_assert_leq(mistakes[0], 400u);
            classifier_check_predictions(classifier, &e);
            pkern_hdc_classifier_destroy(classifier);
        }
    }
    examples_free(&e);
}

/* One epoch in batches of 1, written out with wide integers. */
Test(hdc_classifier, retraining_is_its_definition) {
    examples e = examples_new(60, 3, 2, 0, 21);
    pkern_hdc_classifier *classifier = classifier_new(&e);
    pkern_hdc_retraining options;
    size_t mistakes = 0, wrong = 0, n_steps = 0, order[60], bits = 128;
    double weights[3][128];
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 30), PKERN_OK);
    for (size_t i = 0; i < 3 * bits; i++) weights[i / bits][i % bits] = classifier->weights[i];
    memset(&options, 0, sizeof options);
    options.epochs = 1;
    options.batch = 1;
    options.rate = 40;
    options.seed = 9;
    options.margin = 0.0625f;
    cr_assert_eq(
        pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, e.n, &options, &mistakes),
        PKERN_OK);
    pkn_retrain_shuffle(order, 60, 9, 0);
    for (size_t i = 0; i < 60; i++) {
        const uint64_t *vector = e.vectors + order[i] * 2;
        size_t label = e.labels[order[i]], best = 3, second = 3, other;
        double scores[4] = {0, 0, 0, -2};
        for (size_t c = 0; c < 3; c++) {
            double dot = 0, squares = 0;
            for (size_t b = 0; b < bits; b++) {
                dot += classifier_bit(vector, b) ? weights[c][b] : -weights[c][b];
                squares += weights[c][b] * weights[c][b];
            }
            scores[c] = dot / sqrt(squares * (double)bits);
            if (scores[c] > scores[best]) {
                second = best;
                best = c;
            } else if (scores[c] > scores[second]) {
                second = c;
            }
        }
        wrong += best != label;
        if (best == label && scores[best] - scores[second] >= 0.0625) continue;
        n_steps++;
        other = best == label ? second : best;
        for (size_t b = 0; b < bits; b++) {
            weights[label][b] += classifier_bit(vector, b) ? 40 : -40;
            weights[other][b] -= classifier_bit(vector, b) ? 40 : -40;
        }
    }
    cr_assert_gt(n_steps, wrong);
    cr_assert_eq(mistakes, wrong);
    for (size_t i = 0; i < 3 * bits; i++) {
        cr_assert_eq(classifier->counts[i], (int32_t)weights[i / bits][i % bits]);
    }
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

Test(hdc_classifier, every_pool_and_set_learns_the_same) {
    examples e = examples_new(331, 11, 32, 2, 31);
    size_t n_weights = 11 * 32 * 64;
    int32_t *expected = (int32_t *)malloc(6 * n_weights * sizeof *expected);
    pkern_hdc_prediction answers[331];
    memset(expected, 0, 6 * n_weights * sizeof *expected);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
            int is_scalar = strcmp(set->name, "scalar") == 0;
            for (int way = 0; way < (is_scalar ? 2 : 6); way++) {
                pkern_hdc_classifier *classifier = classifier_new(&e);
                pkern_hdc_retraining options;
                pkern_hdc_prediction out[331];
                memset(&options, 0, sizeof options);
                options.model = (pkern_hdc_model)(way % 2);
                options.rule = (pkern_hdc_rule)(way / 2);
                options.epochs = 3;
                options.flags = way == 3 ? PKERN_HDC_RETRAIN_LAST_EPOCH : 0;
                options.margin = way > 2 ? 0.1f : 0;
                cr_assert_eq(pkern_hdc_classifier_train(pool, classifier, e.vectors, e.labels, 331),
                             PKERN_OK);
                cr_assert_eq(pkern_hdc_classifier_retrain(pool, classifier, e.vectors, e.labels,
                                                          331, &options, 0),
                             PKERN_OK);
                if (p == 0 && set == pkn_simd_choose(pkn_cpu_features(), 0))
                    memcpy(expected + (size_t)way * n_weights, classifier->counts,
                           n_weights * sizeof *expected);
                cr_assert_arr_eq(expected + (size_t)way * n_weights, classifier->counts,
                                 n_weights * sizeof *expected);
                memset(out, 0, sizeof out);
                cr_assert_eq(pkern_hdc_classifier_predict(
                                 pool, classifier, (pkern_hdc_model)(way % 2), e.vectors, 331, out),
                             PKERN_OK);
                if (way == 0) {
                    if (p == 0 && set == pkn_simd_choose(pkn_cpu_features(), 0))
                        memcpy(answers, out, sizeof out);
                    cr_assert_arr_eq(answers, out, sizeof out);
                }
                pkern_hdc_classifier_destroy(classifier);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    free(expected);
    examples_free(&e);
}

static int classifier_stop(unsigned epoch, size_t mistakes, void *user) {
    (void)mistakes;
    ++*(int *)user;
    return epoch == 1;
}

Test(hdc_classifier, progress_can_stop_and_an_epoch_without_mistakes_does) {
    examples e = examples_new(200, 4, 1, 2, 41);
    pkern_hdc_classifier *classifier = classifier_new(&e);
    pkern_hdc_retraining options;
    size_t mistakes[9];
    int calls = 0;
    memset(&options, 0, sizeof options);
    options.epochs = 9;
    options.progress = classifier_stop;
    options.user = &calls;
    cr_assert_eq(
        pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, e.n, &options, mistakes),
        PKERN_ECANCELED);
    cr_assert_eq(calls, 2);
    cr_assert_neq(mistakes[1], SIZE_MAX);
    cr_assert_eq(mistakes[2], SIZE_MAX);
    cr_assert_lt(classifier_wrong(classifier, PKERN_HDC_MODEL_INTEGER, &e), 100u);
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
    e = examples_new(50, 2, 32, 1, 42);
    classifier = classifier_new(&e);
    options.progress = 0;
    cr_assert_eq(
        pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, e.n, &options, mistakes),
        PKERN_OK);
    cr_assert_eq(mistakes[8], SIZE_MAX);
    cr_assert_eq(classifier_wrong(classifier, PKERN_HDC_MODEL_INTEGER, &e), 0u);
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

Test(hdc_classifier, what_has_learned_nothing_is_not_predicted) {
    examples e = examples_new(20, 2, 3, 1, 51);
    pkern_hdc_classifier *classifier = 0;
    pkern_hdc_prediction out[20];
    cr_assert_eq(pkern_hdc_classifier_create(5, 3, 0, &classifier), PKERN_OK);
    for (int model = 0; model < 2; model++) {
        cr_assert_eq(
            pkern_hdc_classifier_predict(0, classifier, (pkern_hdc_model)model, e.vectors, 20, out),
            PKERN_OK);
        cr_assert(out[19].label == SIZE_MAX && out[19].score == 0 && out[19].margin == 0);
    }
    for (size_t i = 0; i < 20; i++) e.labels[i] = 3;
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 20), PKERN_OK);
    for (int model = 0; model < 2; model++) {
        cr_assert_eq(
            pkern_hdc_classifier_predict(0, classifier, (pkern_hdc_model)model, e.vectors, 20, out),
            PKERN_OK);
        for (size_t i = 0; i < 20; i++) cr_assert(out[i].label == 3 && out[i].margin == 2);
    }
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

/* Retraining can leave counts that are larger than the number of rows. */
Test(hdc_classifier, counts_that_could_run_over_are_refused) {
    examples e = examples_new(10, 2, 1, 0, 67);
    pkern_hdc_classifier *classifier = classifier_new(&e);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 10), PKERN_OK);
    cr_assert_eq(classifier->reach, 10u);
    classifier->counts[3] = 3 - INT32_MAX;
    classifier->reach = PKN_CLASSIFIER_FULL;
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 4),
                 PKERN_EOVERFLOW);
    cr_assert_eq(classifier->counts[3], 3 - INT32_MAX);
    cr_assert_eq(classifier->rows[0] + classifier->rows[1], 10u);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 3), PKERN_OK);
    cr_assert_eq(classifier->reach, PKN_CLASSIFIER_FULL);
    cr_assert_eq(classifier->rows[0] + classifier->rows[1], 13u);
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

/* One mistake in the first epoch turns all answers over; rate * mistakes is then more than an int holds. */
Test(hdc_classifier, a_rate_that_grows_with_the_mistakes_stops_at_8192) {
    enum { N = 300000 };
    examples e = {hdc_new(N, 1, 68), (uint32_t *)calloc(N, sizeof(uint32_t)), N, 1, 2};
    int32_t sums[4] = {0}; /* of the weights of bit 0 of class 0, over so many epochs */
    for (unsigned epochs = 1; epochs <= 3; epochs++) {
        pkern_hdc_classifier *classifier = classifier_new(&e);
        pkern_hdc_retraining options;
        size_t mistakes[3];
        memset(&options, 0, sizeof options);
        memset(e.vectors, 0xff, N * sizeof *e.vectors);
        e.vectors[0] = 0;
        e.labels[0] = 1;
        cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, N), PKERN_OK);
        e.vectors[0] = ~(uint64_t)0; /* the one mistake */
        options.rule = PKERN_HDC_RULE_ADAPT;
        options.rate = 8192;
        options.epochs = epochs;
        options.batch = N;
        cr_assert_eq(
            pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, N, &options, mistakes),
            PKERN_OK);
        cr_assert_eq(mistakes[0], 1u);
        cr_assert(epochs < 2 || mistakes[1] == N - 1);
        cr_assert(epochs < 3 || mistakes[2] == 1);
        sums[epochs] = classifier->counts[0];
        pkern_hdc_classifier_destroy(classifier);
    }
    cr_assert_eq((sums[3] - sums[2]) - (sums[2] - sums[1]), -8192);
    examples_free(&e);
}

Test(hdc_classifier, bad_arguments_change_nothing) {
    examples e = examples_new(10, 2, 3, 0, 61);
    pkern_hdc_classifier *classifier = 0;
    pkern_hdc_retraining options;
    pkern_hdc_prediction out[10];
    cr_assert_eq(pkern_hdc_classifier_create(0, 3, 0, &classifier), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_create(2, 0, 0, &classifier), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_create(2, 3, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_create(2, 3, &hdc_half_allocator, &classifier), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_create(2, PKN_HDC_MAX_WORDS + 1, 0, &classifier),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_classifier_create(UINT32_MAX, PKN_HDC_MAX_WORDS, 0, &classifier),
                 PKERN_EOVERFLOW);
    cr_assert_null(classifier);
    pkern_hdc_classifier_destroy(0);
    classifier = classifier_new(&e);
    cr_assert_eq(pkern_hdc_classifier_train(0, 0, e.vectors, e.labels, 10), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, 0, e.labels, 10), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, 0, 10), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, 0, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, SIZE_MAX / 8),
                 PKERN_EOVERFLOW);
    e.labels[9] = 2;
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 10), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, 10, 0, 0),
                 PKERN_EINVAL);
    e.labels[9] = 1;
    cr_assert_eq(classifier->rows[0] + classifier->rows[1], 0u);
    for (int bad = 0; bad < 7; bad++) {
        memset(&options, 0, sizeof options);
        if (bad == 0) options.rate = 8193;
        if (bad == 1) options.epochs = 65536;
        if (bad == 2) options.flags = 2;
        if (bad == 3) options.rule = (pkern_hdc_rule)3;
        if (bad == 4) options.model = (pkern_hdc_model)2;
        if (bad == 5) options.margin = -0.5f;
        if (bad == 6) options.margin = NAN;
        cr_assert_eq(
            pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, 10, &options, 0),
            PKERN_EINVAL);
    }
    cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, 10, 0,
                                              (size_t *)(void *)e.labels),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, 10, 0,
                                              (size_t *)(void *)(e.vectors + 29)),
                 PKERN_EINVAL);
    cr_assert_eq(e.labels[9], 1u);
    cr_assert_eq(pkern_hdc_classifier_predict(0, 0, PKERN_HDC_MODEL_BINARY, e.vectors, 10, out),
                 PKERN_EINVAL);
    cr_assert_eq(
        pkern_hdc_classifier_predict(0, classifier, (pkern_hdc_model)7, e.vectors, 10, out),
        PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_BINARY, 0, 10, out),
                 PKERN_EINVAL);
    cr_assert_eq(
        pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_BINARY, e.vectors, 10, 0),
        PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_BINARY, e.vectors, 10,
                                              (pkern_hdc_prediction *)(void *)e.vectors),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_BINARY, e.vectors,
                                              SIZE_MAX / 8, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_BINARY, 0, 0, 0),
                 PKERN_OK);
    cr_assert_eq(classifier->rows[0] + classifier->rows[1], 0u);
    pkern_hdc_classifier_destroy(classifier);
    examples_free(&e);
}

Test(hdc_classifier, without_memory_nothing_changes) {
    examples e = examples_new(40, 2, 3, 2, 71);
    hdc_allocator_state state = {1, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_classifier *classifier = 0;
    cr_assert_eq(pkern_hdc_classifier_create(2, 3, &allocator, &classifier), PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, e.vectors, e.labels, 40), PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, e.vectors, e.labels, 40, 0, 0),
                 PKERN_ENOMEM);
    classifier_check_counts(classifier, &e);
    pkern_hdc_classifier_destroy(classifier);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    state.left = 0;
    cr_assert_eq(pkern_hdc_classifier_create(2, 3, &allocator, &classifier), PKERN_ENOMEM);
    examples_free(&e);
}
