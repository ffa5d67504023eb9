/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Learning from mistakes. A batch is asked in parallel with weights that stand still, then the
   caller's thread alone learns from its mistakes in order: the result is the same for any number of
   threads, and asking is nearly all of the work (a mistake costs as much as asking about 6 classes).

   Batches of 64 lost nothing against batches of 1 on digits and pictures of clothes (by 0.1 % of the
   answers, either way). */
#ifndef PKN_HDC_CLASSIFIER_RETRAIN_C
#define PKN_HDC_CLASSIFIER_RETRAIN_C

#include "base/rng.h"
#include "hdc/classifier.c"
#include "hdc/classifier_model.h"

#define PKN_RETRAIN_EPOCHS 20
#define PKN_RETRAIN_MAX_EPOCHS 65535 /* so that the sum of as many 16-bit weights fits 32 bits */
#define PKN_RETRAIN_RATE 16
#define PKN_RETRAIN_MAX_RATE 8192
#define PKN_RETRAIN_BATCH 64

typedef struct pkn_retrain {
    pkern_hdc_classifier *classifier;
    pkern_hdc_retraining options; /* no zeros left */
    pkn_classifier_view view;
    const uint64_t *vectors;
    const uint32_t *labels;
    size_t n;
    size_t *order;                  /* [n] */
    int32_t *sums;                  /* [n_classes x bits] of the epochs' weights */
    pkn_classifier_answer *answers; /* [batch] */
    int64_t *squares;               /* [n_classes] of each class's weights */
    size_t first;                   /* of the batch, in order */
    int rate;                       /* this epoch's */
} pkn_retrain;

PKN_INTERNAL int pkn_retrain_ask(size_t begin, size_t end, void *ctx) {
    const pkn_retrain *retrain = (const pkn_retrain *)ctx;
    for (size_t i = begin; i < end; i++) {
        size_t row = retrain->order[retrain->first + i];
        retrain->answers[i] = pkn_classifier_ask(
            &retrain->view, retrain->vectors + row * retrain->view.words, retrain->labels[row]);
    }
    return 0;
}

/* Moves a class by so much towards the vector. The squares follow exactly, but where a weight has
   stopped at its end; each epoch begins with true ones. */
PKN_INTERNAL void pkn_retrain_move(const pkn_retrain *retrain, size_t label, const uint64_t *vector,
                                   int rate) {
    pkern_hdc_classifier *classifier = retrain->classifier;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = classifier->words;
    int16_t *weights = classifier->weights + label * words * 64;
    int64_t dot;
    kernels->dot_i16(weights, 1, vector, words, &dot);
    retrain->squares[label] +=
        2 * (int64_t)rate * dot + (int64_t)rate * rate * (int64_t)(words * 64);
    kernels->add_i16(vector, words, rate, weights);
    if (retrain->options.model == PKERN_HDC_MODEL_BINARY) {
        kernels->sign_i16(weights, words, classifier->prototypes + label * words);
    } else {
        classifier->scale[label] = pkn_classifier_scale((double)retrain->squares[label], words);
    }
}

PKN_INTERNAL int pkn_retrain_step(const pkn_retrain *retrain, double score) {
    if (retrain->options.rule != PKERN_HDC_RULE_ONLINE) {
        return retrain->rate;
    }
    return score < 1 ? (int)(pkn_product_f64((double)retrain->rate, 1.0 - score) + 0.5) : 0;
}

/* One turn over all vectors; gives the mistakes, and with those the steps within the margin. */
PKN_INTERNAL pkern_status pkn_retrain_epoch(pkn_retrain *retrain, pkern_pool *pool,
                                            size_t *n_mistakes, size_t *n_steps) {
    *n_mistakes = *n_steps = 0;
    for (retrain->first = 0; retrain->first < retrain->n;
         retrain->first += retrain->options.batch) {
        size_t n = pkn_min_size(retrain->n - retrain->first, retrain->options.batch);
        pkern_status status = pkn_hdc_run(pool, n, 1, pkn_classifier_item_cost(&retrain->view),
                                          pkn_retrain_ask, retrain);
        if (status != PKERN_OK) {
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            const pkn_classifier_answer *answer = &retrain->answers[i];
            size_t row = retrain->order[retrain->first + i];
            const uint64_t *vector = retrain->vectors + row * retrain->view.words;
            int is_right = answer->label == retrain->labels[row];
            if (is_right && (answer->next == SIZE_MAX ||
                             answer->best - answer->second >= (double)retrain->options.margin)) {
                continue;
            }
            *n_mistakes += !is_right;
            *n_steps += 1;
            pkn_retrain_move(retrain, retrain->labels[row], vector,
                             pkn_retrain_step(retrain, answer->asked));
            pkn_retrain_move(retrain, is_right ? answer->next : answer->label, vector,
                             -pkn_retrain_step(retrain, is_right ? answer->second : answer->best));
        }
    }
    return PKERN_OK;
}

/* The order of an epoch (Fisher and Yates). */
PKN_INTERNAL void pkn_retrain_shuffle(size_t *order, size_t n, uint64_t seed, unsigned epoch) {
    uint64_t stream = pkn_random_at(seed, epoch);
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)(pkn_random_at(stream, i) % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
}

PKN_INTERNAL void pkn_retrain_true_squares(const pkn_retrain *retrain) {
    size_t bits = retrain->view.words * 64;
    for (size_t c = 0; c < retrain->view.n_classes; c++) {
        const int16_t *weights = retrain->classifier->weights + c * bits;
        int64_t sum = 0;
        for (size_t i = 0; i < bits; i++) {
            sum += weights[i] * weights[i];
        }
        retrain->squares[c] = sum;
        retrain->classifier->scale[c] = pkn_classifier_scale((double)sum, retrain->view.words);
    }
}

/* Binary prototypes follow the weights from here on. */
PKN_INTERNAL void pkn_retrain_begin(const pkn_retrain *retrain) {
    pkern_hdc_classifier *classifier = retrain->classifier;
    for (size_t i = 0; i < retrain->n; i++) {
        uint64_t *rows = &classifier->rows[retrain->labels[i]];
        *rows += *rows == 0;
    }
    pkn_simd()->sign_i16(classifier->weights, classifier->n_classes * classifier->words,
                         classifier->prototypes);
}

PKN_INTERNAL pkern_status pkn_retrain_run(pkn_retrain *retrain, pkern_pool *pool,
                                          size_t *mistakes) {
    pkern_hdc_classifier *classifier = retrain->classifier;
    const pkern_hdc_retraining *options = &retrain->options;
    size_t n_weights = classifier->n_classes * classifier->words * 64;
    size_t n_mistakes = 0, n_steps = 1, first_mistakes = 0;
    pkern_status status = PKERN_OK;
    int last_only = (options->flags & PKERN_HDC_RETRAIN_LAST_EPOCH) != 0;
    pkn_retrain_begin(retrain);
    retrain->rate = (int)options->rate;
    for (unsigned epoch = 0; epoch < options->epochs && n_steps > 0 && status == PKERN_OK;
         epoch++) {
        pkn_retrain_shuffle(retrain->order, retrain->n, options->seed, epoch);
        pkn_retrain_true_squares(retrain);
        status = pkn_retrain_epoch(retrain, pool, &n_mistakes, &n_steps);
        for (size_t i = 0; i < n_weights; i++) {
            retrain->sums[i] = classifier->weights[i] + (last_only ? 0 : retrain->sums[i]);
        }
        if (status == PKERN_OK && mistakes) {
            mistakes[epoch] = n_mistakes;
        }
        first_mistakes = epoch == 0 ? n_mistakes : first_mistakes;
        if (options->rule == PKERN_HDC_RULE_ADAPT && first_mistakes > 0) {
            double share = (double)n_mistakes / (double)first_mistakes;
            double rate = pkn_product_f64((double)options->rate, share);
            retrain->rate = rate < 1                      ? 1
                            : rate > PKN_RETRAIN_MAX_RATE ? PKN_RETRAIN_MAX_RATE
                                                          : (int)rate;
        }
        if (status == PKERN_OK && options->progress &&
            options->progress(epoch, n_mistakes, options->user) != 0) {
            status = PKERN_ECANCELED;
        }
    }
    memcpy(classifier->counts, retrain->sums, n_weights * sizeof *retrain->sums);
    classifier->reach = PKN_CLASSIFIER_FULL;
    pkn_classifier_refresh(classifier);
    return status;
}

/* The options without zeros, or 0 where one is bad. */
PKN_INTERNAL int pkn_retrain_options(const pkern_hdc_retraining *options,
                                     pkern_hdc_retraining *full) {
    if (options) {
        *full = *options;
    } else {
        memset(full, 0, sizeof *full);
    }
    full->epochs = full->epochs ? full->epochs : PKN_RETRAIN_EPOCHS;
    full->rate = full->rate ? full->rate : PKN_RETRAIN_RATE;
    full->batch = full->batch ? full->batch : PKN_RETRAIN_BATCH;
    return (unsigned)full->rule <= PKERN_HDC_RULE_ONLINE &&
           (unsigned)full->model <= PKERN_HDC_MODEL_BINARY &&
           full->epochs <= PKN_RETRAIN_MAX_EPOCHS && full->rate <= PKN_RETRAIN_MAX_RATE &&
           full->margin >= 0 && full->margin <= 2 &&
           (full->flags & ~(unsigned)PKERN_HDC_RETRAIN_LAST_EPOCH) == 0;
}

PKERN_API pkern_status pkern_hdc_classifier_retrain(pkern_pool *pool,
                                                    pkern_hdc_classifier *classifier,
                                                    const uint64_t *vectors, const uint32_t *labels,
                                                    size_t n, const pkern_hdc_retraining *options,
                                                    size_t *mistakes) {
    pkn_retrain retrain;
    size_t bytes = 0, sums, order, answers, squares;
    char *block;
    pkern_status status = pkn_classifier_check(classifier, vectors, labels, n);
    if (status == PKERN_OK && !pkn_retrain_options(options, &retrain.options)) {
        status = PKERN_EINVAL;
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (mistakes) {
        size_t told = retrain.options.epochs * sizeof *mistakes;
        if (pkn_overlaps(mistakes, told, vectors, n * classifier->words * 8) ||
            pkn_overlaps(mistakes, told, labels, n * sizeof *labels)) {
            return PKERN_EINVAL;
        }
    }
    for (unsigned epoch = 0; mistakes && epoch < retrain.options.epochs; epoch++) {
        mistakes[epoch] = SIZE_MAX;
    }
    if (n == 0) {
        return PKERN_OK;
    }
    if (retrain.options.batch > n) {
        retrain.options.batch = (unsigned)n;
    }
    if (!pkn_classifier_place(classifier->n_classes * classifier->words, 64 * sizeof *retrain.sums,
                              &bytes, &sums) ||
        !pkn_classifier_place(n, sizeof *retrain.order, &bytes, &order) ||
        !pkn_classifier_place(retrain.options.batch, sizeof *retrain.answers, &bytes, &answers) ||
        !pkn_classifier_place(classifier->n_classes, sizeof *retrain.squares, &bytes, &squares)) {
        return PKERN_EOVERFLOW;
    }
    block = (char *)pkn_allocate(classifier->allocator, bytes, PKN_CACHE_LINE);
    if (!block) {
        return PKERN_ENOMEM;
    }
    memset(block, 0, bytes);
    retrain.classifier = classifier;
    retrain.view = pkn_classifier_view_of(classifier, retrain.options.model);
    retrain.vectors = vectors;
    retrain.labels = labels;
    retrain.n = n;
    retrain.sums = (int32_t *)(void *)(block + sums);
    retrain.order = (size_t *)(void *)(block + order);
    retrain.answers = (pkn_classifier_answer *)(void *)(block + answers);
    retrain.squares = (int64_t *)(void *)(block + squares);
    status = pkn_retrain_run(&retrain, pool, mistakes);
    pkn_release(classifier->allocator, block, bytes);
    return status;
}

#endif
