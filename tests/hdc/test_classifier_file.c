/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

enum { LEARNED_SEED = 190, LEARNED_CLASSES = 5, LEARNED_WORDS = 3, LEARNED_ROWS = 60 };

static pkern_hdc_classifier *learned_new(const uint64_t *vectors, uint32_t *labels) {
    pkern_hdc_classifier *classifier = 0;
    for (size_t i = 0; i < LEARNED_ROWS; i++)
        labels[i] = (uint32_t)(pkn_random_at(LEARNED_SEED + 1, i) % (LEARNED_CLASSES - 1));
    cr_assert_eq(pkern_hdc_classifier_create(LEARNED_CLASSES, LEARNED_WORDS, 0, &classifier),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_train(0, classifier, vectors, labels, LEARNED_ROWS),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_classifier_retrain(0, classifier, vectors, labels, LEARNED_ROWS, 0, 0),
                 PKERN_OK);
    return classifier;
}

static void learned_same(const pkern_hdc_classifier *a, const pkern_hdc_classifier *b) {
    size_t n = LEARNED_CLASSES * LEARNED_WORDS * 64;
    cr_assert_eq(a->n_classes, b->n_classes);
    cr_assert_eq(a->words, b->words);
    cr_assert_arr_eq(a->rows, b->rows, LEARNED_CLASSES * sizeof *a->rows);
    cr_assert_arr_eq(a->scale, b->scale, LEARNED_CLASSES * sizeof *a->scale);
    cr_assert_arr_eq(a->counts, b->counts, n * sizeof *a->counts);
    cr_assert_arr_eq(a->weights, b->weights, n * sizeof *a->weights);
    cr_assert_arr_eq(a->prototypes, b->prototypes, n / 8);
}

Test(hdc_classifier_file, what_is_loaded_is_what_was_saved) {
    static const char note[] = "names and more";
    file_folder folder = file_folder_new();
    uint64_t *vectors = hdc_new(LEARNED_ROWS * LEARNED_WORDS, 0, LEARNED_SEED);
    uint32_t labels[LEARNED_ROWS];
    pkern_hdc_classifier *saved = learned_new(vectors, labels), *loaded = 0;
    for (size_t note_bytes = 0; note_bytes <= sizeof note; note_bytes += sizeof note) {
        size_t found = 77;
        const void *text;
        cr_assert_eq(pkern_hdc_classifier_save(saved, folder.file, note, note_bytes), PKERN_OK);
        cr_assert_eq(pkern_hdc_classifier_load(folder.file, 0, &loaded), PKERN_OK);
        learned_same(saved, loaded);
        text = pkern_hdc_classifier_note(loaded, &found);
        cr_assert_eq(found, note_bytes);
        cr_assert(note_bytes == 0 ? text == 0 : memcmp(text, note, note_bytes) == 0);
        /* it learns on as the saved one would */
        cr_assert_eq(pkern_hdc_classifier_train(0, loaded, vectors, labels, 7), PKERN_OK);
        cr_assert_eq(pkern_hdc_classifier_train(0, saved, vectors, labels, 7), PKERN_OK);
        learned_same(saved, loaded);
        pkern_hdc_classifier_destroy(loaded);
    }
    pkern_hdc_classifier_destroy(saved);
    hdc_free(vectors);
    file_folder_delete(&folder, 1);
}

Test(hdc_classifier_file, bad_arguments_and_strange_files) {
    file_folder folder = file_folder_new();
    uint64_t *vectors = hdc_new(LEARNED_ROWS * LEARNED_WORDS, 0, LEARNED_SEED);
    uint32_t labels[LEARNED_ROWS];
    pkern_hdc_classifier *saved = learned_new(vectors, labels), *loaded = 0;
    size_t n_bytes;
    unsigned char *bytes;
    cr_assert_eq(pkern_hdc_classifier_save(0, folder.file, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_save(saved, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_save(saved, folder.file, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_load(0, 0, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_load(folder.file, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_load(folder.file, &hdc_half_allocator, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_classifier_load(folder.file, 0, &loaded), PKERN_ENOENT);
    cr_assert_eq(pkern_hdc_classifier_save(saved, folder.path, 0, 0), PKERN_EIO);
    cr_assert_null(pkern_hdc_classifier_note(0, &n_bytes));
    cr_assert_eq(pkern_hdc_classifier_save(saved, folder.file, "x", 1), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    for (size_t at = 0; at < n_bytes; at += at < 400 ? 1 : 97) { /* one bit changed, or cut off */
        FILE *stream = fopen(folder.file, "wb");
        cr_assert_not_null(stream);
        bytes[at] ^= 4;
        fwrite(bytes, 1, at % 2 ? n_bytes : at, stream);
        bytes[at] ^= 4;
        fclose(stream);
        cr_assert_neq(pkern_hdc_classifier_load(folder.file, 0, &loaded), PKERN_OK);
        cr_assert_null(loaded);
    }
    free(bytes);
    pkern_hdc_classifier_destroy(saved);
    hdc_free(vectors);
    file_folder_delete(&folder, 1);
}

/* Checksums that are right over contents that can't be. */
Test(hdc_classifier_file, contents_that_do_not_fit_each_other_are_corrupt) {
    file_folder folder = file_folder_new();
    int32_t counts[128] = {0};
    for (int bad = 0; bad < 9; bad++) {
        uint64_t shape[2] = {2, 1}, rows[2] = {3, 4};
        pkn_file_writer writer;
        pkern_hdc_classifier *loaded = 0;
        if (bad == 1) shape[0] = 0;
        if (bad == 2) shape[0] = 3;
        if (bad == 3) shape[1] = 0;
        if (bad == 4) shape[1] = 2;
        if (bad == 5) shape[1] = UINT64_C(1) << 58; /* * 64 is 0 in 64 bits */
        if (bad == 6) rows[1] = (uint64_t)INT32_MAX + 1;
        pkn_file_create(&writer, folder.file, "learner", 1, 3, 0);
        pkn_file_put(&writer, "shape", shape, 8, bad == 7 ? 1 : 2);
        pkn_file_put(&writer, "rows", rows, 8, 2);
        pkn_file_put(&writer, bad == 8 ? "other" : "counts", counts, 4, 128);
        cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
        cr_assert_eq(pkern_hdc_classifier_load(folder.file, 0, &loaded),
                     bad ? PKERN_ECORRUPT : PKERN_OK);
        pkern_hdc_classifier_destroy(loaded);
    }
    file_folder_delete(&folder, 1);
}

Test(hdc_classifier_file, without_memory_nothing_is_lost) {
    file_folder folder = file_folder_new();
    uint64_t *vectors = hdc_new(LEARNED_ROWS * LEARNED_WORDS, 0, LEARNED_SEED);
    uint32_t labels[LEARNED_ROWS];
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_classifier *saved = learned_new(vectors, labels), *loaded = 0;
    cr_assert_eq(pkern_hdc_classifier_save(saved, folder.file, "x", 1), PKERN_OK);
    for (int left = 0;; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_classifier_load(folder.file, &allocator, &loaded);
        if (status == PKERN_OK) break;
        cr_assert_eq(status, PKERN_ENOMEM);
        cr_assert_null(loaded);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    }
    learned_same(saved, loaded);
    pkern_hdc_classifier_destroy(loaded);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    pkern_hdc_classifier_destroy(saved);
    hdc_free(vectors);
    file_folder_delete(&folder, 1);
}
