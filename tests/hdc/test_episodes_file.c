/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

#include <math.h>

enum { LIVED_SEED = 660, LIVED_N = 90 };

/* A memory with replaced, strengthened and merged episodes. */
static pkern_hdc_episodes *lived_new(size_t words, size_t capacity, double half_life, size_t n) {
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *episodes = 0;
    pkern_hdc_episode found[3];
    size_t n_found;
    uint64_t *vectors = hdc_new(LIVED_N * words, 0, LIVED_SEED);
    memset(&config, 0, sizeof config);
    config.words = words;
    config.capacity = capacity;
    config.half_life = half_life;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_OK);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vectors + i * 7 % LIVED_N / 2 * words,
                                              (double)i * 3, (double)(i * 31 % 17) / 4, 0),
                     PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, vectors, -INFINITY, INFINITY, 300, 3, found,
                                           &n_found),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, found, n_found, 2.5, 300), PKERN_OK);
    if (n > 40)
        cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.95, 0.001, 301, 0), PKERN_OK);
    hdc_free(vectors);
    return episodes;
}

static void lived_same(const pkern_hdc_episodes *a, const pkern_hdc_episodes *b) {
    cr_assert_eq(a->words, b->words);
    cr_assert_eq(a->capacity, b->capacity);
    cr_assert_eq(a->next_id, b->next_id);
    cr_assert_arr_eq(&a->half_life, &b->half_life, sizeof a->half_life);
    cr_assert_arr_eq(&a->epoch, &b->epoch, sizeof a->epoch);
    cr_assert_eq(a->n, b->n);
    if (a->n > 0) {
        cr_assert_arr_eq(a->vectors, b->vectors, a->n * a->words * 8);
        cr_assert_arr_eq(a->data, b->data, a->n * sizeof *a->data);
    }
}

Test(hdc_episodes_file, what_is_loaded_is_what_was_saved_and_goes_on_like_it) {
    static const size_t words[] = {1, 3, 32}, counts[] = {0, 1, 37, LIVED_N};
    file_folder folder = file_folder_new();
    for (size_t i = 0; i < 24; i++) {
        size_t w = words[i % 3], capacity = i / 3 % 2 ? 31 : 0;
        pkern_hdc_episodes *saved = lived_new(w, capacity, i % 2 ? 40 : 0, counts[i / 6]);
        pkern_hdc_episodes *loaded = 0;
        uint64_t *vectors = hdc_new(LIVED_N * w, 0, LIVED_SEED + 1);
        cr_assert_eq(pkern_hdc_episodes_save(saved, folder.file), PKERN_OK);
        cr_assert_eq(pkern_hdc_episodes_load(folder.file, 0, &loaded), PKERN_OK);
        cr_assert_eq(remove(folder.file), 0); /* it is a copy */
        lived_same(saved, loaded);
        cr_assert_eq(pkern_hdc_episodes_words(loaded), w);
        for (int k = 0; k < 2; k++) {
            pkern_hdc_episodes *episodes = k ? loaded : saved;
            for (size_t j = 0; j < LIVED_N; j++) {
                uint64_t id = 0;
                cr_assert_eq(
                    pkern_hdc_episodes_store(episodes, vectors + j * w, 400 + (double)j, 1, &id),
                    PKERN_OK);
                cr_assert_eq(id, counts[i / 6] + j);
            }
            cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.6, 0.01, 500, 0), PKERN_OK);
        }
        lived_same(saved, loaded);
        pkern_hdc_episodes_destroy(saved);
        pkern_hdc_episodes_destroy(loaded);
        hdc_free(vectors);
    }
    file_folder_delete(&folder, 0);
}

static pkern_status episodes_load_status(const char *path) {
    pkern_hdc_episodes *loaded = 0;
    pkern_status status = pkern_hdc_episodes_load(path, 0, &loaded);
    cr_assert_eq(loaded != 0, status == PKERN_OK);
    pkern_hdc_episodes_destroy(loaded);
    return status;
}

Test(hdc_episodes_file, bad_arguments_and_strange_files) {
    file_folder folder = file_folder_new();
    pkern_hdc_episodes *saved = lived_new(1, 0, 10, 7), *loaded = 0;
    pkern_allocator half = {hdc_allocate, 0, 0};
    cr_assert_eq(pkern_hdc_episodes_save(0, folder.file), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_save(saved, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_save(saved, folder.path), PKERN_EIO);
    cr_assert_eq(pkern_hdc_episodes_load(0, 0, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_load(folder.file, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_load(folder.file, &half, &loaded), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_load(folder.file, 0, &loaded), PKERN_ENOENT);
    cr_assert_eq(pkern_hdc_episodes_words(0), (size_t)0);
    file_refuses_others(folder.file, PKN_EPISODES_KIND, "sdm", PKN_EPISODES_VERSION,
                        episodes_load_status);
    cr_assert_eq(pkern_hdc_episodes_save(saved, folder.file), PKERN_OK);
    file_refuses_damage(folder.file, SIZE_MAX, 1, episodes_load_status);
    pkern_hdc_episodes_destroy(saved);
    file_folder_delete(&folder, 1);
}

/* Checksums that are right over contents that can't be: each changes one thing of a good file. */
Test(hdc_episodes_file, contents_that_do_not_fit_each_other_are_corrupt) {
    enum { CASES = 34 };
    file_folder folder = file_folder_new();
    for (int bad = 0; bad < CASES; bad++) {
        uint64_t shape[3] = {2, 2, 5}, vectors[4] = {1, 2, 3, 4};
        double fading[2] = {3, 7};
        pkn_episode_data data[2] = {{4, 2, 1, 2, 0.5}, {1, 3, -1, -1, 0}};
        pkn_file_writer writer;
        pkern_hdc_episodes *loaded = 0;
        switch (bad) {
        case 1:
            shape[0] = 0;
            break;
        case 2:
            shape[0] = 1;
            break;
        case 3:
            shape[0] = 3;
            break;
        case 4:
            shape[0] = (UINT64_C(1) << 26) + 1;
            break;
        case 5:
            shape[0] = UINT64_C(1) << 63;
            break;
        case 6:
            shape[1] = 1;
            break;
        case 7:
            shape[2] = 4;
            break; /* an id that was not given yet; and fewer than were stored */
        case 8:
            shape[2] = (UINT64_C(1) << 60) + 1;
            break;
        case 9:
            fading[0] = -1;
            break;
        case 10:
            fading[0] = (double)NAN;
            break;
        case 11:
            fading[0] = (double)INFINITY;
            break;
        case 12:
            fading[1] = (double)NAN;
            break;
        case 13:
            fading[1] = -(double)INFINITY;
            break;
        case 14:
            data[1].id = 4;
            break; /* the same id twice */
        case 15:
            data[0].id = 5;
            break;
        case 16:
            data[1].count = 0;
            break;
        case 17:
            data[1].count = 4;
            break;
        case 18:
            data[1].count = UINT64_MAX;
            break;
        case 19:
            data[0].first_time = 2.5;
            break;
        case 20:
            data[0].first_time = (double)NAN;
            break;
        case 21:
            data[0].first_time = -(double)INFINITY;
            break;
        case 22:
            data[0].last_time = (double)NAN;
            break;
        case 23:
            data[0].last_time = (double)INFINITY;
            break;
        case 24:
            data[0].strength = -1;
            break;
        case 25:
            data[0].strength = (double)NAN;
            break;
        case 26:
            data[0].strength = (double)INFINITY;
            break;
        default:
            break;
        }
        pkn_file_create(&writer, folder.file, PKN_EPISODES_KIND, PKN_EPISODES_VERSION, 4, 0);
        pkn_file_put(&writer, bad == 27 ? "other" : "shape", shape, 8, bad == 28 ? 2 : 3);
        pkn_file_put(&writer, bad == 29 ? "other" : "fading", fading, 8, bad == 30 ? 1 : 2);
        pkn_file_put(&writer, bad == 31 ? "other" : "vectors", vectors, 8, 4);
        pkn_file_put(&writer, bad == 32 ? "other" : "episodes", data, 40, bad == 33 ? 1 : 2);
        cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
        cr_assert_eq(pkern_hdc_episodes_load(folder.file, 0, &loaded),
                     bad ? PKERN_ECORRUPT : PKERN_OK, "case %d", bad);
        cr_assert_eq(loaded != 0, bad == 0);
        pkern_hdc_episodes_destroy(loaded);
    }
    file_folder_delete(&folder, 1);
}

static pkern_status lived_save(const char *path, int newer) {
    pkern_hdc_episodes *episodes = lived_new(1, 0, 10, newer ? 9 : 5);
    pkern_status status = pkern_hdc_episodes_save(episodes, path);
    pkern_hdc_episodes_destroy(episodes);
    return status;
}

static int lived_load(const char *path) {
    pkern_hdc_episodes *loaded = 0;
    size_t n;
    if (pkern_hdc_episodes_load(path, 0, &loaded) != PKERN_OK) return -1;
    n = pkern_hdc_episodes_count(loaded);
    pkern_hdc_episodes_destroy(loaded);
    return n == 9 ? 1 : n == 5 ? 0 : -1;
}

Test(hdc_episodes_file, a_save_that_is_stopped_leaves_the_old_file) {
    cr_assert_geq(file_stopped_saves(lived_save, lived_load), 8);
}

Test(hdc_episodes_file, without_memory_nothing_is_lost) {
    file_folder folder = file_folder_new();
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_episodes *saved = lived_new(3, 0, 10, LIVED_N), *loaded = 0;
    int n_failed = 0;
    cr_assert_eq(pkern_hdc_episodes_save(saved, folder.file), PKERN_OK);
    for (int left = 0;; left++, n_failed++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_episodes_load(folder.file, &allocator, &loaded);
        if (status == PKERN_OK) break;
        cr_assert_eq(status, PKERN_ENOMEM);
        cr_assert_null(loaded);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    }
    cr_assert_geq(n_failed, 4);
    lived_same(saved, loaded);
    pkern_hdc_episodes_destroy(loaded);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    pkern_hdc_episodes_destroy(saved);
    file_folder_delete(&folder, 1);
}
