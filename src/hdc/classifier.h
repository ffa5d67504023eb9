/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Learning with hypervectors: a classifier with one prototype a class, and the vote of the k nearest
   examples.

       pkern_hdc_classifier *classifier;
       pkern_hdc_classifier_create(10, words, 0, &classifier);
       pkern_hdc_classifier_train(0, classifier, vectors, labels, n);          one look at each vector
       pkern_hdc_classifier_retrain(0, classifier, vectors, labels, n, 0, 0);  better: learn from mistakes
       pkern_hdc_classifier_predict(0, classifier, PKERN_HDC_MODEL_INTEGER, queries, n_queries, out);
       pkern_hdc_classifier_destroy(classifier);

   A classifier counts, for each class and bit, the ones less the zeros of the class's vectors. From
   these counts it makes two models: an integer one, 16 bits a weight and all classes equally long,
   and a binary one, the majority of each bit, 1/16 of the size and faster to ask.

   Vectors, batches, pools and errors are as in hdc.h; labels are 0 .. n_classes - 1, and another
   label is PKERN_EINVAL. Results have the same bits for every number of threads and instruction
   set. Any number of threads may predict with a classifier at once; while one trains, retrains or
   destroys it, no other may use it. */
#ifndef PKN_HDC_CLASSIFIER_H
#define PKN_HDC_CLASSIFIER_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_classifier pkern_hdc_classifier;

/* Which prototypes are asked. */
typedef enum pkern_hdc_model {
    PKERN_HDC_MODEL_INTEGER = 0, /* score: the cosine of the weights with the vector's +1 and -1 */
    PKERN_HDC_MODEL_BINARY = 1   /* score: 1 - 2 * Hamming distance / bits, the cosine too */
} pkern_hdc_model;

/* A prediction: the class with the highest score, among equals the lowest. margin is how much
   higher it is than the second highest score (2 where there is no second class): near 0 the answer is
   a toss. Classes that have learned nothing are not predicted; where no class has learned anything,
   the prediction is {SIZE_MAX, 0, 0}. Scores are -1 to 1. */
typedef struct pkern_hdc_prediction {
    size_t label;
    float score;
    float margin;
} pkern_hdc_prediction;

/* A new classifier that has learned nothing, for n_classes classes and vectors of words words.
   Allocates 8 bytes a bit and class, and a little, from allocator (0 = malloc), which must live as
   long as the classifier. PKERN_EINVAL: n_classes or words is 0, or half an allocator.
   PKERN_EOVERFLOW: words > 2^26, n_classes > 2^32 - 1 or sizes beyond size_t. */
PKERN_API pkern_status pkern_hdc_classifier_create(size_t n_classes, size_t words,
                                                   const pkern_allocator *allocator,
                                                   pkern_hdc_classifier **classifier);

/* Frees a classifier; 0 is fine. */
PKERN_API void pkern_hdc_classifier_destroy(pkern_hdc_classifier *classifier);

PKERN_API size_t pkern_hdc_classifier_n_classes(const pkern_hdc_classifier *classifier);
PKERN_API size_t pkern_hdc_classifier_words(const pkern_hdc_classifier *classifier);

/* The binary prototypes, [n_classes x words], as of the last train or retrain: for use with the
   other functions of this layer. A class that has learned nothing has the zero vector. */
PKERN_API const uint64_t *pkern_hdc_classifier_prototypes(const pkern_hdc_classifier *classifier);

/* Learns from each vector once: for (i = 0; i < n; i++) for each bit b
       counts[labels[i]][b] += bit b of vectors[i] is 1 ? 1 : -1;
   then remakes both models. Calls add up: parts of the data in any order and cut give the same
   classifier. After a retrain, a row weighs 1 against counts of about 256 * its epochs, so new data
   then goes to retrain. vectors [n x words], labels [n]. In parallel over columns. Allocates
   nothing. A class learns at most 2^31 - 1 vectors, and no count may be able to exceed that, which
   after retraining is less (PKERN_EOVERFLOW: nothing was learned).
   Source: A. Rahimi, P. Kanerva, J. Rabaey, "A Robust and Energy-Efficient Classifier Using
   Brain-Inspired Hyperdimensional Computing", 2016. */
PKERN_API pkern_status pkern_hdc_classifier_train(pkern_pool *pool,
                                                  pkern_hdc_classifier *classifier,
                                                  const uint64_t *vectors, const uint32_t *labels,
                                                  size_t n);

/* How large a step is that retraining takes at a mistake. */
typedef enum pkern_hdc_rule {
    PKERN_HDC_RULE_PERCEPTRON = 0, /* rate */
    PKERN_HDC_RULE_ADAPT = 1,      /* rate, falling with the mistakes: rate * (mistakes of the last
                                      epoch) / (of the first), 1 to 8192 */
    PKERN_HDC_RULE_ONLINE = 2      /* rate * (1 - the class's score), rounded: each class moves by
                                      what the vector has that is new to it */
} pkern_hdc_rule;

enum {
    PKERN_HDC_RETRAIN_LAST_EPOCH = 1 /* keep the weights of the last epoch, not the mean of all */
};

/* All zero = defaults. */
typedef struct pkern_hdc_retraining {
    pkern_hdc_rule rule;
    pkern_hdc_model model; /* whose mistakes are learned from: the one that will be asked */
    unsigned epochs;       /* at most; 0 = 20. It ends early after an epoch without a step */
    unsigned rate;  /* 0 = 16, at most 8192, where a class's weights have a mean square of 256^2 */
    float margin;   /* a right answer that is ahead by less than this is learned from like a
                              mistake, against the second class; 0 = mistakes alone, at most 2 */
    unsigned batch; /* vectors that are asked before what they teach is learned; 0 = 64 */
    unsigned flags; /* PKERN_HDC_RETRAIN_... */
    uint64_t seed;  /* of the vectors' order, another one each epoch */
    /* called after each epoch by the caller's thread; nonzero ends the training with
       PKERN_ECANCELED, keeping what was learned */
    int (*progress)(unsigned epoch, size_t mistakes, void *user);
    void *user;
} pkern_hdc_retraining;

/* Learns from mistakes: in each epoch all vectors in a random order, a batch at a time,
       predict the batch with the weights so far; then for each wrong one in order (or one that
       is right by less than the margin)
           weights[its label] += step * (its bits as +1 and -1)
           weights[what was predicted, or came second] -= step * (likewise)
   and in the end the weights are the mean over the epochs, which generalises better than the last
   ones. Weights are integers of 16 bits that stop at their ends. Begins with what the classifier
   has learned, so train first, or not (then everything is learned from here), and calls may follow
   each other. mistakes [epochs] receives their number in each epoch, SIZE_MAX for epochs that were
   not run; it may be 0. options may be 0. The answers within a batch are made in parallel, so the
   result depends on the batch's size but not on threads. Allocates 8 * n bytes and 4 bytes a bit and
   class from the classifier's allocator; PKERN_ENOMEM leaves the classifier as it was, n = 0 too.
   PKERN_EINVAL: also unknown rules, models and flags, a rate above 8192, epochs above 65535, a
   margin that is not 0 .. 2.
   Source: M. Imani et al., "AdaptHD: Adaptive Efficient Training for Brain-Inspired
   Hyperdimensional Computing", 2019; A. Hernandez-Cane et al., "OnlineHD: Robust, Efficient, and
   Single-Pass Online Learning Using Hyperdimensional System", 2021; M. Imani et al., "QuantHD: A
   Quantization Framework for Hyperdimensional Computing", 2019 (binary prototypes retrained through
   integers); Y. Freund, R. Schapire, "Large Margin Classification Using the Perceptron Algorithm",
   1999 (the mean); W. Krauth, M. Mezard, "Learning algorithms with optimal stability in neural
   networks", 1987 (the margin). */
PKERN_API pkern_status pkern_hdc_classifier_retrain(pkern_pool *pool,
                                                    pkern_hdc_classifier *classifier,
                                                    const uint64_t *vectors, const uint32_t *labels,
                                                    size_t n, const pkern_hdc_retraining *options,
                                                    size_t *mistakes);

/* Predicts the class of each vector: out[i] = the class whose prototype scores highest with
   vectors[i], out [n]. Scores are made in double precision, one rounding each for score and margin.
   In parallel over vectors. Allocates nothing. */
PKERN_API pkern_status pkern_hdc_classifier_predict(pkern_pool *pool,
                                                    const pkern_hdc_classifier *classifier,
                                                    pkern_hdc_model model, const uint64_t *vectors,
                                                    size_t n, pkern_hdc_prediction *out);

/* Saves a classifier to a file, with a note of the caller's, any note_bytes bytes (class names, what
   the vectors are made by). An interrupted or failed save leaves the old file at path as it was. The
   file has about 4 bytes a bit and class; numbers are little-endian, and every byte is under a
   checksum. Allocates twice the path. PKERN_EIO: the system can't write it. */
PKERN_API pkern_status pkern_hdc_classifier_save(const pkern_hdc_classifier *classifier,
                                                 const char *path, const void *note,
                                                 size_t note_bytes);

/* Makes the classifier that was saved: it counts, predicts and learns on as the saved one would.
   Allocates it, its note and scratch for the file's table from allocator (0 = malloc), which must
   live as long. Without success *classifier is not touched. PKERN_ENOENT: no such file; PKERN_EIO:
   the system can't read it; PKERN_EFORMAT: not a classifier's file; PKERN_EVERSION: a newer pkern
   wrote it; PKERN_ECORRUPT: damaged or cut off. */
PKERN_API pkern_status pkern_hdc_classifier_load(const char *path, const pkern_allocator *allocator,
                                                 pkern_hdc_classifier **classifier);

/* The note that a loaded classifier's file holds, 0 where there is none; it lives as long as the
   classifier. */
PKERN_API const void *pkern_hdc_classifier_note(const pkern_hdc_classifier *classifier,
                                                size_t *note_bytes);

/* Predicts by the vote of the k nearest examples: out[q].label = the label that most of the k rows
   of memory nearest to queries[q] have, among equals the one whose nearest row comes first;
   score = its share of the votes, margin = that less the second label's share (2 where there is no
   second label). memory [n_memory x words], labels [n_memory], any values; k > n_memory is as k =
   n_memory; k or n_memory 0 gives {SIZE_MAX, 0, 0}. The search is pkern_hdc_top_k, so nearest means
   smallest distance, then lowest index. Allocates 24 * k bytes a query for 256 queries at a time. Its time
   beside the search is k times the number of labels among the k. */
PKERN_API pkern_status pkern_hdc_knn(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                                     const uint64_t *memory, const uint32_t *labels,
                                     size_t n_memory, size_t words, size_t k,
                                     pkern_hdc_prediction *out);

PKERN_EXTERN_C_END

#endif
