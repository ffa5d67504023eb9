/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A classifier's life, its training by counting, its predictions. */
#ifndef PKN_HDC_CLASSIFIER_C
#define PKN_HDC_CLASSIFIER_C

#include "hdc/classifier.h"
#include "hdc/classifier_model.h"

/* Columns are counted a line of words at a time, in 16 bits that are emptied into the counts before
   they can run over. */
#define PKN_CLASSIFIER_LINE_WORDS 8
#define PKN_CLASSIFIER_FLUSH_ROWS 32767

/* Adding a row to a line of 512 weights: 35 ns with AVX-512, 45 with AVX2 (10 classes, a machine that others used too). */
#define PKN_CLASSIFIER_LINE_NS 35.0

/* Where the array of n elements begins that is next in a block; grows *bytes. Lines of 64 bytes. */
PKN_INTERNAL int pkn_classifier_place(size_t n, size_t size, size_t *bytes, size_t *offset) {
    size_t length;
    *offset = *bytes;
    return !pkn_mul_overflows_size(n, size, &length) && length <= SIZE_MAX / 2 &&
           !pkn_add_overflows_size(*bytes, (length + 63) / 64 * 64, bytes);
}

PKERN_API pkern_status pkern_hdc_classifier_create(size_t n_classes, size_t words,
                                                   const pkern_allocator *allocator,
                                                   pkern_hdc_classifier **classifier) {
    pkern_hdc_classifier *made;
    size_t bytes = (sizeof *made + 63) / 64 * 64, n_words, rows, scale, counts, weights, prototypes;
    char *block;
    if (n_classes == 0 || words == 0 || !classifier || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS || n_classes > UINT32_MAX ||
        pkn_mul_overflows_size(n_classes, words, &n_words) ||
        !pkn_classifier_place(n_classes, sizeof *made->rows, &bytes, &rows) ||
        !pkn_classifier_place(n_classes, sizeof *made->scale, &bytes, &scale) ||
        !pkn_classifier_place(n_words, 64 * sizeof *made->counts, &bytes, &counts) ||
        !pkn_classifier_place(n_words, 64 * sizeof *made->weights, &bytes, &weights) ||
        !pkn_classifier_place(n_words, sizeof *made->prototypes, &bytes, &prototypes)) {
        return PKERN_EOVERFLOW;
    }
    block = (char *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!block) {
        return PKERN_ENOMEM;
    }
    memset(block, 0, bytes);
    made = (pkern_hdc_classifier *)(void *)block;
    made->allocator = allocator;
    made->n_classes = n_classes;
    made->words = words;
    made->bytes = bytes;
    made->rows = (uint64_t *)(void *)(block + rows);
    made->scale = (double *)(void *)(block + scale);
    made->counts = (int32_t *)(void *)(block + counts);
    made->weights = (int16_t *)(void *)(block + weights);
    made->prototypes = (uint64_t *)(void *)(block + prototypes);
    *classifier = made;
    return PKERN_OK;
}

PKERN_API void pkern_hdc_classifier_destroy(pkern_hdc_classifier *classifier) {
    if (classifier) {
        pkn_release(classifier->allocator, classifier->note, classifier->note_bytes);
        pkn_release(classifier->allocator, classifier, classifier->bytes);
    }
}

PKERN_API size_t pkern_hdc_classifier_n_classes(const pkern_hdc_classifier *classifier) {
    return classifier ? classifier->n_classes : 0;
}

PKERN_API size_t pkern_hdc_classifier_words(const pkern_hdc_classifier *classifier) {
    return classifier ? classifier->words : 0;
}

PKERN_API const uint64_t *pkern_hdc_classifier_prototypes(const pkern_hdc_classifier *classifier) {
    return classifier ? classifier->prototypes : 0;
}

/* What train and retrain ask of their arguments. */
PKN_INTERNAL pkern_status pkn_classifier_check(const pkern_hdc_classifier *classifier,
                                               const uint64_t *vectors, const uint32_t *labels,
                                               size_t n) {
    size_t bytes;
    pkern_status status;
    if (!classifier) {
        return PKERN_EINVAL;
    }
    status = pkn_hdc_check_rows(n, classifier->words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !labels) {
        return PKERN_EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i] >= classifier->n_classes) {
            return PKERN_EINVAL;
        }
    }
    return PKERN_OK;
}

typedef struct pkn_classifier_training {
    pkern_hdc_classifier *classifier;
    const uint64_t *vectors;
    const uint32_t *labels;
    size_t n;
} pkn_classifier_training;

/* 1 where n vectors more fit into every count; remembers how far they may reach then. */
PKN_INTERNAL int pkn_classifier_make_room(pkern_hdc_classifier *classifier, size_t n) {
    if (n > PKN_CLASSIFIER_FULL) {
        return 0;
    }
    if (classifier->reach + n > PKN_CLASSIFIER_FULL) {
        classifier->reach = 0;
        for (size_t i = 0; i < classifier->n_classes * classifier->words * 64; i++) {
            int64_t count = classifier->counts[i];
            uint64_t size = (uint64_t)(count < 0 ? -count : count);
            classifier->reach = size > classifier->reach ? size : classifier->reach;
        }
        if (classifier->reach + n > PKN_CLASSIFIER_FULL) {
            return 0;
        }
    }
    classifier->reach += n;
    return 1;
}

/* Empties the line's weights of all classes into their counts. */
PKN_INTERNAL void pkn_classifier_flush(pkern_hdc_classifier *classifier, size_t first, size_t n) {
    for (size_t c = 0; c < classifier->n_classes; c++) {
        size_t at = (c * classifier->words + first) * 64;
        for (size_t i = 0; i < n * 64; i++) {
            classifier->counts[at + i] += classifier->weights[at + i];
        }
        memset(classifier->weights + at, 0, n * 64 * sizeof *classifier->weights);
    }
}

/* Items are lines of columns. */
PKN_INTERNAL int pkn_classifier_count_lines(size_t begin, size_t end, void *ctx) {
    const pkn_classifier_training *training = (const pkn_classifier_training *)ctx;
    pkern_hdc_classifier *classifier = training->classifier;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = classifier->words;
    for (size_t line = begin; line < end; line++) {
        size_t first = line * PKN_CLASSIFIER_LINE_WORDS;
        size_t n = pkn_min_size(words - first, PKN_CLASSIFIER_LINE_WORDS);
        for (size_t c = 0; c < classifier->n_classes; c++) {
            memset(classifier->weights + (c * words + first) * 64, 0,
                   n * 64 * sizeof *classifier->weights);
        }
        for (size_t row = 0; row < training->n; row++) {
            kernels->add_i16(training->vectors + row * words + first, n, 1,
                             classifier->weights + (training->labels[row] * words + first) * 64);
            if ((row + 1) % PKN_CLASSIFIER_FLUSH_ROWS == 0) {
                pkn_classifier_flush(classifier, first, n);
            }
        }
        pkn_classifier_flush(classifier, first, n);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_classifier_train(pkern_pool *pool,
                                                  pkern_hdc_classifier *classifier,
                                                  const uint64_t *vectors, const uint32_t *labels,
                                                  size_t n) {
    pkn_classifier_training training;
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & (PKN_CPU_AVX2 | PKN_CPU_NEON) ? 1 : 20;
    pkern_status status = pkn_classifier_check(classifier, vectors, labels, n);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        classifier->rows[labels[i]]++;
    }
    for (size_t c = 0; c < classifier->n_classes; c++) {
        if (classifier->rows[c] > INT32_MAX) {
            status = PKERN_EOVERFLOW;
        }
    }
    if (status != PKERN_OK || !pkn_classifier_make_room(classifier, n)) {
        for (size_t i = 0; i < n; i++) {
            classifier->rows[labels[i]]--;
        }
        return PKERN_EOVERFLOW;
    }
    training.classifier = classifier;
    training.vectors = vectors;
    training.labels = labels;
    training.n = n;
    status = pkn_hdc_run(
        pool, (classifier->words + PKN_CLASSIFIER_LINE_WORDS - 1) / PKN_CLASSIFIER_LINE_WORDS, 1,
        PKN_CLASSIFIER_LINE_NS * slowness * (double)n, pkn_classifier_count_lines, &training);
    pkn_classifier_refresh(classifier);
    return status;
}

typedef struct pkn_classifier_predicting {
    pkn_classifier_view view;
    const uint64_t *vectors;
    pkern_hdc_prediction *out;
} pkn_classifier_predicting;

PKN_INTERNAL int pkn_classifier_predict_rows(size_t begin, size_t end, void *ctx) {
    const pkn_classifier_predicting *predicting = (const pkn_classifier_predicting *)ctx;
    for (size_t row = begin; row < end; row++) {
        pkn_classifier_answer answer = pkn_classifier_ask(
            &predicting->view, predicting->vectors + row * predicting->view.words, SIZE_MAX);
        pkern_hdc_prediction *out = &predicting->out[row];
        out->label = answer.label;
        out->score = answer.label == SIZE_MAX ? 0 : (float)answer.best;
        out->margin = answer.label == SIZE_MAX ? 0
                      : answer.second < -1.5   ? 2
                                               : (float)(answer.best - answer.second);
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_classifier_predict(pkern_pool *pool,
                                                    const pkern_hdc_classifier *classifier,
                                                    pkern_hdc_model model, const uint64_t *vectors,
                                                    size_t n, pkern_hdc_prediction *out) {
    pkn_classifier_predicting predicting;
    size_t bytes, out_bytes;
    pkern_status status;
    if (!classifier || (model != PKERN_HDC_MODEL_INTEGER && model != PKERN_HDC_MODEL_BINARY)) {
        return PKERN_EINVAL;
    }
    status = pkn_hdc_check_rows(n, classifier->words, &bytes);
    if (status == PKERN_OK && pkn_mul_overflows_size(n, sizeof *out, &out_bytes)) {
        status = PKERN_EOVERFLOW;
    }
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_overlaps(vectors, bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    predicting.view = pkn_classifier_view_of(classifier, model);
    predicting.vectors = vectors;
    predicting.out = out;
    return pkn_hdc_run(pool, n, 1, pkn_classifier_item_cost(&predicting.view),
                       pkn_classifier_predict_rows, &predicting);
}

#endif
