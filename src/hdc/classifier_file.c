/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A classifier's file: its shape, how many vectors each class has learned, the counts, and the
   caller's note. The models are made from the counts again. */
#ifndef PKN_HDC_CLASSIFIER_FILE_C
#define PKN_HDC_CLASSIFIER_FILE_C

#include "hdc/classifier.c"
#include "hdc/classifier_model.h"
#include "hdc/file_read.h"
#include "hdc/file_write.h"

#define PKN_CLASSIFIER_FILE_KIND "learner"
#define PKN_CLASSIFIER_FILE_VERSION 1

PKERN_API pkern_status pkern_hdc_classifier_save(const pkern_hdc_classifier *classifier,
                                                 const char *path, const void *note,
                                                 size_t note_bytes) {
    pkn_file_writer writer;
    uint64_t shape[2];
    if (!classifier || !path || (!note && note_bytes > 0)) {
        return PKERN_EINVAL;
    }
    shape[0] = classifier->n_classes;
    shape[1] = classifier->words;
    pkn_file_create(&writer, path, PKN_CLASSIFIER_FILE_KIND, PKN_CLASSIFIER_FILE_VERSION, 4,
                    classifier->allocator);
    pkn_file_put(&writer, "shape", shape, sizeof *shape, 2);
    pkn_file_put(&writer, "rows", classifier->rows, sizeof *classifier->rows,
                 classifier->n_classes);
    pkn_file_put(&writer, "counts", classifier->counts, sizeof *classifier->counts,
                 classifier->n_classes * classifier->words * 64);
    pkn_file_put(&writer, "note", note, 1, note_bytes);
    return pkn_file_commit(&writer);
}

/* A classifier from an open file, whose contents may be anything with right checksums. */
PKN_INTERNAL pkern_status pkn_classifier_from_file(const pkn_file *file,
                                                   const pkern_allocator *allocator,
                                                   pkern_hdc_classifier **out) {
    size_t n_shape = 0, n_rows = 0, n_counts = 0, n_note = 0, n_weights;
    const uint64_t *shape = (const uint64_t *)pkn_file_get(file, "shape", 8, &n_shape);
    const uint64_t *rows = (const uint64_t *)pkn_file_get(file, "rows", 8, &n_rows);
    const void *counts = pkn_file_get(file, "counts", 4, &n_counts);
    const void *note = pkn_file_get(file, "note", 1, &n_note);
    pkern_hdc_classifier *classifier;
    pkern_status status;
    if (!shape || !rows || !counts || n_shape != 2 || shape[0] == 0 || shape[0] != n_rows ||
        shape[1] == 0 || shape[1] > PKN_HDC_MAX_WORDS ||
        pkn_mul_overflows_size(n_rows, (size_t)shape[1] * 64, &n_weights) ||
        n_weights != n_counts) {
        return PKERN_ECORRUPT;
    }
    for (size_t c = 0; c < n_rows; c++) {
        if (rows[c] > INT32_MAX) {
            return PKERN_ECORRUPT;
        }
    }
    status = pkern_hdc_classifier_create(n_rows, (size_t)shape[1], allocator, &classifier);
    if (status != PKERN_OK) {
        return status == PKERN_ENOMEM ? status : PKERN_ECORRUPT;
    }
    if (note && n_note > 0) {
        classifier->note = pkn_allocate(allocator, n_note, PKN_CACHE_LINE);
        if (!classifier->note) {
            pkern_hdc_classifier_destroy(classifier);
            return PKERN_ENOMEM;
        }
        classifier->note_bytes = n_note;
        memcpy(classifier->note, note, n_note);
    }
    memcpy(classifier->rows, rows, n_rows * sizeof *rows);
    memcpy(classifier->counts, counts, n_counts * sizeof *classifier->counts);
    classifier->reach = PKN_CLASSIFIER_FULL;
    pkn_classifier_refresh(classifier);
    *out = classifier;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_classifier_load(const char *path, const pkern_allocator *allocator,
                                                 pkern_hdc_classifier **classifier) {
    pkn_file file;
    pkern_status status;
    if (!path || !classifier || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    status = pkn_file_open(&file, path, PKN_CLASSIFIER_FILE_KIND, PKN_CLASSIFIER_FILE_VERSION,
                           allocator);
    if (status == PKERN_OK) {
        status = pkn_classifier_from_file(&file, allocator, classifier);
        pkn_file_close(&file);
    }
    return status;
}

PKERN_API const void *pkern_hdc_classifier_note(const pkern_hdc_classifier *classifier,
                                                size_t *note_bytes) {
    *note_bytes = classifier ? classifier->note_bytes : 0;
    return classifier ? classifier->note : 0;
}

#endif
