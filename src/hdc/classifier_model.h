/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A classifier's inside, the two models that are made from its counts, and how a vector is scored. */
#ifndef PKN_HDC_CLASSIFIER_MODEL_H
#define PKN_HDC_CLASSIFIER_MODEL_H

#include "base/alloc.h"
#include "base/bits.h"
#include "hdc/classifier.h"
#include "hdc/hdc_run.h"
#include "simd/dispatch.h"
#include "simd/exact.h"

/* Weights are scaled to this root mean square: 8 bits for the fraction of it, 128 times it until
   they stop at the end. */
#define PKN_CLASSIFIER_RMS 256.0

/* Classes whose scores wait on the stack. */
#define PKN_CLASSIFIER_BLOCK 64

/* Scoring one class, ns per word: 43 ns for 32 words with AVX-512 and 44 with AVX2 (minimum of 15 calls of 2000 vectors and 26
   classes, on a machine that others used too). */
#define PKN_CLASSIFIER_NS_PER_WORD 1.35

/* As far as counts can reach. */
#define PKN_CLASSIFIER_FULL ((uint64_t)INT32_MAX)

struct pkern_hdc_classifier {
    const pkern_allocator *allocator;
    size_t n_classes, words, bytes; /* bytes: of the whole block that this begins */
    uint64_t *rows;                 /* [n_classes] vectors learned; 0: not predicted */
    double *scale;                  /* [n_classes] what makes a dot a cosine */
    int32_t *counts;                /* [n_classes x 64 * words] */
    uint64_t reach;                 /* no count is larger */
    int16_t *weights;               /* likewise; scratch while training */
    uint64_t *prototypes;           /* [n_classes x words] */
    void *note;                     /* what a file held for the caller, a block of its own */
    size_t note_bytes;
};

/* What scoring needs. */
typedef struct pkn_classifier_view {
    pkern_hdc_model model;
    size_t n_classes, words;
    const uint64_t *rows;
    const double *scale;
    const int16_t *weights;
    const uint64_t *prototypes;
} pkn_classifier_view;

typedef struct pkn_classifier_answer {
    size_t label, next;         /* best and second class; SIZE_MAX where there is none */
    double best, second, asked; /* asked: the score of the class that the caller named */
} pkn_classifier_answer;

PKN_INLINE pkn_classifier_view pkn_classifier_view_of(const pkern_hdc_classifier *classifier,
                                                      pkern_hdc_model model) {
    pkn_classifier_view view;
    view.model = model;
    view.n_classes = classifier->n_classes;
    view.words = classifier->words;
    view.rows = classifier->rows;
    view.scale = classifier->scale;
    view.weights = classifier->weights;
    view.prototypes = classifier->prototypes;
    return view;
}

PKN_INLINE double pkn_classifier_item_cost(const pkn_classifier_view *view) {
    if (view->model == PKERN_HDC_MODEL_BINARY) {
        /* with the two best of the row: 50 ns for 10 classes of 32 words */
        return pkn_hdc_pair_cost(view->words) * (double)view->n_classes +
               2.5 * (double)view->n_classes;
    }
    uint32_t features = pkn_simd_current()->features;
    double slowness = features & (PKN_CPU_AVX2 | PKN_CPU_NEON) ? 1 : 40;
    return PKN_CLASSIFIER_NS_PER_WORD * slowness * (double)view->words * (double)view->n_classes;
}

/* The factor from a dot with a vector of +1 and -1 to the cosine; 0 for weights that are all 0. */
PKN_INLINE double pkn_classifier_scale(double squares, size_t words) {
    double bits = (double)words * 64;
    return squares > 0 ? 1.0 / pkn_sqrt_one_f64(pkn_product_f64(squares, bits)) : 0;
}

/* The scores of classes first .. first + n - 1, n at most PKN_CLASSIFIER_BLOCK. */
PKN_INLINE void pkn_classifier_scores(const pkn_classifier_view *view, const uint64_t *vector,
                                      size_t first, size_t n, double *scores) {
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = view->words;
    if (view->model == PKERN_HDC_MODEL_BINARY) {
        uint32_t distances[PKN_CLASSIFIER_BLOCK];
        double scale = 1.0 / ((double)words * 32);
        kernels->hamming_tile_u64(vector, 1, view->prototypes + first * words, n, words, distances,
                                  0);
        for (size_t i = 0; i < n; i++) {
            scores[i] =
                pkn_product_f64((double)((int64_t)words * 32 - (int64_t)distances[i]), scale);
        }
    } else {
        int64_t dots[PKN_CLASSIFIER_BLOCK];
        kernels->dot_i16(view->weights + first * words * 64, n, vector, words, dots);
        for (size_t i = 0; i < n; i++) {
            scores[i] = pkn_product_f64((double)dots[i], view->scale[first + i]);
        }
    }
}

/* The best class for a vector, the two highest scores, and that of class asked. */
PKN_INLINE pkn_classifier_answer pkn_classifier_ask(const pkn_classifier_view *view,
                                                    const uint64_t *vector, size_t asked) {
    pkn_classifier_answer answer = {SIZE_MAX, SIZE_MAX, -2, -2, 0};
    double scores[PKN_CLASSIFIER_BLOCK];
    for (size_t first = 0; first < view->n_classes; first += PKN_CLASSIFIER_BLOCK) {
        size_t n = pkn_min_size(view->n_classes - first, PKN_CLASSIFIER_BLOCK);
        pkn_classifier_scores(view, vector, first, n, scores);
        for (size_t i = 0; i < n; i++) {
            if (first + i == asked) {
                answer.asked = scores[i];
            }
            if (view->rows[first + i] == 0 || scores[i] <= answer.second) {
                continue;
            }
            if (scores[i] > answer.best) {
                answer.second = answer.best;
                answer.next = answer.label;
                answer.best = scores[i];
                answer.label = first + i;
            } else {
                answer.second = scores[i];
                answer.next = first + i;
            }
        }
    }
    return answer;
}

/* Both models from the counts. A sum of squares in double in one order, each square rounded. */
PKN_INLINE void pkn_classifier_refresh(pkern_hdc_classifier *classifier) {
    size_t bits = classifier->words * 64;
    for (size_t c = 0; c < classifier->n_classes; c++) {
        const int32_t *counts = classifier->counts + c * bits;
        int16_t *weights = classifier->weights + c * bits;
        uint64_t *prototype = classifier->prototypes + c * classifier->words;
        double squares = 0, weight_squares = 0, factor;
        for (size_t i = 0; i < bits; i++) {
            squares += pkn_product_f64((double)counts[i], (double)counts[i]);
        }
        factor = squares > 0 ? PKN_CLASSIFIER_RMS /
                                   pkn_sqrt_one_f64(squares / (double)classifier->words / 64)
                             : 0;
        memset(prototype, 0, classifier->words * 8);
        for (size_t i = 0; i < bits; i++) {
            double weight = pkn_product_f64((double)counts[i], factor);
            weight = weight > 32766 ? 32766 : weight < -32766 ? -32766 : weight;
            weights[i] = (int16_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
            weight_squares += (double)(weights[i] * weights[i]); /* exact */
            prototype[i / 64] |= (uint64_t)(counts[i] > 0) << (i % 64);
        }
        classifier->scale[c] = pkn_classifier_scale(weight_squares, classifier->words);
    }
}

#endif
