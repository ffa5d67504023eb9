/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

enum { KEPT_SEED = 640, KEPT_LOCATIONS = 37, KEPT_ROWS = 50 };

static pkern_hdc_sdm *kept_new(size_t address_words, size_t data_words, uint32_t radius,
                               size_t n_written) {
    pkern_hdc_sdm_config config;
    pkern_hdc_sdm *sdm = 0;
    uint64_t *rows = hdc_new(KEPT_ROWS * (address_words + data_words), 0, KEPT_SEED);
    memset(&config, 0, sizeof config);
    config.n_locations = KEPT_LOCATIONS;
    config.address_words = address_words;
    config.data_words = data_words;
    config.seed = 5;
    config.radius = radius;
    config.nearest = radius > 0 ? 0 : 7;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, rows, rows + KEPT_ROWS * address_words, 0, n_written),
                 PKERN_OK);
    hdc_free(rows);
    return sdm;
}

static void kept_same(const pkern_hdc_sdm *a, const pkern_hdc_sdm *b) {
    cr_assert_eq(a->n_locations, b->n_locations);
    cr_assert_eq(a->address_words, b->address_words);
    cr_assert_eq(a->data_words, b->data_words);
    cr_assert_eq(a->columns, b->columns);
    cr_assert_eq(a->radius, b->radius);
    cr_assert_eq(a->nearest, b->nearest);
    cr_assert_arr_eq(a->locations, b->locations, a->n_locations * a->address_words * 8);
    cr_assert_arr_eq(a->counters, b->counters, a->n_locations * a->columns * 2);
}

Test(hdc_sdm_file, what_is_loaded_is_what_was_saved) {
    static const size_t address_words[] = {1, 3, 32}, data_words[] = {1, 5, 2};
    file_folder folder = file_folder_new();
    for (int i = 0; i < 6; i++) {
        size_t words = address_words[i / 2], others = data_words[i / 2];
        uint64_t *rows = hdc_new(KEPT_ROWS * (words + others), 0, KEPT_SEED + 1);
        uint64_t *read = hdc_new(2 * KEPT_ROWS * others, 0, 0);
        pkern_hdc_sdm *saved = kept_new(words, others, i % 2 ? (uint32_t)words * 30 : 0, KEPT_ROWS);
        pkern_hdc_sdm *loaded = 0;
        cr_assert_eq(pkern_hdc_sdm_save(saved, folder.file), PKERN_OK);
        cr_assert_eq(pkern_hdc_sdm_load(folder.file, 0, &loaded), PKERN_OK);
        cr_assert_eq(remove(folder.file), 0); /* it is a copy */
        kept_same(saved, loaded);
        cr_assert_eq(pkern_hdc_sdm_locations(loaded), (size_t)KEPT_LOCATIONS);
        cr_assert_eq(pkern_hdc_sdm_address_words(loaded), words);
        cr_assert_eq(pkern_hdc_sdm_data_words(loaded), others);
        /* it goes on as the saved one does */
        for (int k = 0; k < 2; k++) {
            pkern_hdc_sdm *sdm = k ? loaded : saved;
            cr_assert_eq(pkern_hdc_sdm_write(0, sdm, rows, rows + KEPT_ROWS * words, 0, KEPT_ROWS),
                         PKERN_OK);
            cr_assert_eq(pkern_hdc_sdm_read(0, sdm, rows, KEPT_ROWS,
                                            read + (size_t)k * KEPT_ROWS * others, 0),
                         PKERN_OK);
        }
        kept_same(saved, loaded);
        cr_assert_arr_eq(read, read + KEPT_ROWS * others, KEPT_ROWS * others * 8);
        pkern_hdc_sdm_destroy(saved);
        pkern_hdc_sdm_destroy(loaded);
        hdc_free(rows);
        hdc_free(read);
    }
    file_folder_delete(&folder, 0);
}

static pkern_status sdm_load_status(const char *path) {
    pkern_hdc_sdm *loaded = 0;
    pkern_status status = pkern_hdc_sdm_load(path, 0, &loaded);
    cr_assert_eq(loaded != 0, status == PKERN_OK);
    pkern_hdc_sdm_destroy(loaded);
    return status;
}

Test(hdc_sdm_file, bad_arguments_and_strange_files) {
    file_folder folder = file_folder_new();
    pkern_hdc_sdm *saved = kept_new(1, 1, 0, 3), *loaded = 0;
    pkern_allocator half = {hdc_allocate, 0, 0};
    cr_assert_eq(pkern_hdc_sdm_save(0, folder.file), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_save(saved, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_save(saved, folder.path), PKERN_EIO);
    cr_assert_eq(pkern_hdc_sdm_load(0, 0, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_load(folder.file, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_load(folder.file, &half, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_load(folder.file, 0, &loaded), PKERN_ENOENT);
    cr_assert_eq(pkern_hdc_sdm_locations(0), (size_t)0);
    cr_assert_eq(pkern_hdc_sdm_address_words(0), (size_t)0);
    cr_assert_eq(pkern_hdc_sdm_data_words(0), (size_t)0);
    file_refuses_others(folder.file, PKN_SDM_KIND, "episodes", PKN_SDM_VERSION, sdm_load_status);
    cr_assert_eq(pkern_hdc_sdm_save(saved, folder.file), PKERN_OK);
    file_refuses_damage(folder.file, 600, 37, sdm_load_status);
    pkern_hdc_sdm_destroy(saved);
    file_folder_delete(&folder, 1);
}

/* Checksums that are right over contents that can't be. */
Test(hdc_sdm_file, contents_that_do_not_fit_each_other_are_corrupt) {
    file_folder folder = file_folder_new();
    static const uint64_t good[5] = {2, 1, 2, 0, 1};
    static const struct {
        size_t at;
        uint64_t value;
    } bad[] = {{0, 0},
               {0, 3},
               {0, UINT32_MAX},
               {0, UINT64_C(1) << 63},
               {1, 0},
               {1, 2},
               {1, (UINT64_C(1) << 26) + 1},
               {1, UINT64_C(1) << 63},
               {2, 0},
               {2, 1},
               {2, UINT64_C(1) << 58},
               {3, 1}, /* radius and nearest */
               {3, UINT64_C(1) << 32},
               {4, 0}, /* neither */
               {4, 3}};
    size_t n_bad = sizeof bad / sizeof bad[0];
    for (size_t i = 0; i < n_bad + 6; i++) {
        uint64_t shape[5], locations[2] = {1, 2};
        int16_t counters[256] = {0};
        pkn_file_writer writer;
        pkern_hdc_sdm *loaded = 0;
        size_t kind = i < n_bad ? 0 : i - n_bad;
        memcpy(shape, good, sizeof shape);
        if (i < n_bad) shape[bad[i].at] = bad[i].value;
        counters[255] = (int16_t)(kind == 1 ? -32768 : -32767);
        pkn_file_create(&writer, folder.file, PKN_SDM_KIND, PKN_SDM_VERSION, 3, 0);
        pkn_file_put(&writer, "shape", shape, 8, kind == 2 ? 4 : 5);
        pkn_file_put(&writer, kind == 3 ? "other" : "locations", locations, 8, 2);
        pkn_file_put(&writer, kind == 4 ? "other" : "counters", counters, 2, kind == 5 ? 255 : 256);
        cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
        cr_assert_eq(pkern_hdc_sdm_load(folder.file, 0, &loaded),
                     i == n_bad ? PKERN_OK : PKERN_ECORRUPT, "case %zu", i);
        cr_assert_eq(loaded != 0, i == n_bad);
        pkern_hdc_sdm_destroy(loaded);
    }
    file_folder_delete(&folder, 1);
}

static pkern_status kept_save(const char *path, int newer) {
    pkern_hdc_sdm *sdm = kept_new(1, 1, 0, newer ? 20 : 10);
    pkern_status status = pkern_hdc_sdm_save(sdm, path);
    pkern_hdc_sdm_destroy(sdm);
    return status;
}

static int kept_load(const char *path) {
    pkern_hdc_sdm *loaded = 0;
    int found = -1;
    if (pkern_hdc_sdm_load(path, 0, &loaded) != PKERN_OK) return -1;
    for (int newer = 0; newer < 2; newer++) {
        pkern_hdc_sdm *sdm = kept_new(1, 1, 0, newer ? 20 : 10);
        if (memcmp(sdm->counters, loaded->counters, KEPT_LOCATIONS * 128) == 0) found = newer;
        pkern_hdc_sdm_destroy(sdm);
    }
    pkern_hdc_sdm_destroy(loaded);
    return found;
}

Test(hdc_sdm_file, a_save_that_is_stopped_leaves_the_old_file) {
    cr_assert_geq(file_stopped_saves(kept_save, kept_load), 8);
}

Test(hdc_sdm_file, without_memory_nothing_is_lost) {
    file_folder folder = file_folder_new();
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_sdm *saved = kept_new(3, 2, 0, KEPT_ROWS), *loaded = 0;
    cr_assert_eq(pkern_hdc_sdm_save(saved, folder.file), PKERN_OK);
    for (int left = 0;; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_sdm_load(folder.file, &allocator, &loaded);
        if (status == PKERN_OK) break;
        cr_assert_eq(status, PKERN_ENOMEM);
        cr_assert_null(loaded);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    }
    kept_same(saved, loaded);
    /* the path of a save comes from the memory's allocator, too */
    pkn_atomic_store_relaxed_u32(&state.used, 0);
    state.left = 0;
    cr_assert_eq(pkern_hdc_sdm_save(loaded, folder.file), PKERN_ENOMEM);
    pkern_hdc_sdm_destroy(loaded);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    pkern_hdc_sdm_destroy(saved);
    file_folder_delete(&folder, 1);
}
