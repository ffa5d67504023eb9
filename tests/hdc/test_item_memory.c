/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

enum { ITEM_SEED = 150, ITEM_KEYS = 300, ITEM_MAX_WORDS = 157 };

/* The oracle: which keys there are, and in which order their rows stand. */
typedef struct item_model {
    size_t count, keys[ITEM_KEYS]; /* of rows */
    uint64_t vectors[ITEM_KEYS][ITEM_MAX_WORDS];
} item_model;

/* Key 0 is the empty symbol, later ones share long beginnings. */
static size_t item_key(size_t key, char *text) {
    if (key == 0) return 0;
    if (key % 3 == 0) {
        uint64_t number = key;
        memcpy(text, &number, 8);
        return 8;
    }
    return (size_t)sprintf(text, "%s%zu", key % 3 == 1 ? "" : "a long beginning that all share ",
                           key);
}

static size_t item_model_find(const item_model *model, size_t key) {
    for (size_t row = 0; row < model->count; row++)
        if (model->keys[row] == key) return row;
    return SIZE_MAX;
}

static void item_same(const pkern_hdc_item_memory *memory, const item_model *model, size_t words) {
    const uint64_t *vectors = pkern_hdc_item_memory_vectors(memory);
    char text[64];
    cr_assert_eq(pkern_hdc_item_memory_count(memory), model->count);
    cr_assert_eq(pkern_hdc_item_memory_words(memory), words);
    cr_assert_eq(vectors != 0, model->count > 0);
    for (size_t row = 0; row < model->count; row++) {
        size_t bytes = item_key(model->keys[row], text), found_bytes;
        const void *found = pkern_hdc_item_memory_symbol(memory, row, &found_bytes);
        cr_assert_not_null(found);
        cr_assert_eq(found_bytes, bytes);
        cr_assert_eq(memcmp(found, text, bytes), 0);
        cr_assert_arr_eq(vectors + row * words, model->vectors[row], words * 8);
    }
    for (size_t key = 0; key < ITEM_KEYS; key++) {
        size_t bytes = item_key(key, text);
        cr_assert_eq(pkern_hdc_item_memory_find(memory, text, bytes), item_model_find(model, key));
    }
    cr_assert_null(pkern_hdc_item_memory_symbol(memory, model->count, 0));
}

/* One random call, made to both. */
static void item_step(pkern_hdc_item_memory *memory, item_model *model, uint64_t random,
                      size_t words) {
    size_t key = (size_t)(random >> 8) % ITEM_KEYS, row = item_model_find(model, key), got = 77;
    uint64_t given[ITEM_MAX_WORDS];
    int with_vector = (random & 16) != 0;
    char text[64];
    size_t bytes = item_key(key, text);
    if (with_vector) {
        pkern_hdc_random(random, given, words);
    } else {
        pkern_hdc_symbol_vector(ITEM_SEED, text, bytes, given, words);
    }
    if (random % 8 < 4) {
        cr_assert_eq(pkern_hdc_item_memory_add(memory, text, bytes, with_vector ? given : 0, &got),
                     PKERN_OK);
        if (row == SIZE_MAX) {
            row = model->count++;
            model->keys[row] = key;
            memcpy(model->vectors[row], given, words * 8);
        }
        cr_assert_eq(got, row);
    } else if (random % 8 < 6) {
        cr_assert_eq(pkern_hdc_item_memory_update(memory, text, bytes, with_vector ? given : 0),
                     row == SIZE_MAX ? PKERN_ENOENT : PKERN_OK);
        if (row != SIZE_MAX) memcpy(model->vectors[row], given, words * 8);
    } else {
        cr_assert_eq(pkern_hdc_item_memory_remove(memory, text, bytes),
                     row == SIZE_MAX ? PKERN_ENOENT : PKERN_OK);
        if (row != SIZE_MAX) {
            model->count--;
            model->keys[row] = model->keys[model->count];
            memcpy(model->vectors[row], model->vectors[model->count], words * 8);
        }
    }
}

Test(hdc_item_memory, random_calls_do_what_a_list_would) {
    static const size_t words_list[] = {1, 3, 32, 157};
    static item_model model;
    file_folder folder = file_folder_new();
    for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
        size_t words = words_list[w];
        pkern_hdc_item_memory *memory = 0, *loaded = 0;
        model.count = 0;
        cr_assert_eq(pkern_hdc_item_memory_create(words, ITEM_SEED, 0, &memory), PKERN_OK);
        item_same(memory, &model, words);
        for (size_t step = 0; step < 4000; step++) {
            item_step(memory, &model, pkn_random_at(ITEM_SEED + words, step), words);
            if (step % 97 == 0) item_same(memory, &model, words);
            if (step % 1000 == 999 || step == 1) {
                cr_assert_eq(pkern_hdc_item_memory_save(memory, folder.file), PKERN_OK);
                cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &loaded), PKERN_OK);
                item_same(loaded, &model, words);
                /* goes on as if it had never been saved */
                pkern_hdc_item_memory_destroy(memory);
                memory = loaded;
            }
        }
        while (model.count > 0) {
            char text[64];
            size_t bytes = item_key(model.keys[0], text);
            cr_assert_eq(pkern_hdc_item_memory_remove(memory, text, bytes), PKERN_OK);
            model.count--;
            model.keys[0] = model.keys[model.count];
            memcpy(model.vectors[0], model.vectors[model.count], words * 8);
        }
        item_same(memory, &model, words);
        cr_assert_eq(pkern_hdc_item_memory_save(memory, folder.file), PKERN_OK);
        cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &loaded), PKERN_OK);
        item_same(loaded, &model, words);
        pkern_hdc_item_memory_destroy(memory);
        pkern_hdc_item_memory_destroy(loaded);
    }
    pkern_hdc_item_memory_destroy(0);
    file_folder_delete(&folder, 1);
}

Test(hdc_item_memory, vectors_of_symbols_are_random_and_stay) {
    enum { WORDS = 32, N = 60 };
    static uint64_t vectors[N][WORDS];
    uint64_t other[WORDS];
    for (size_t i = 0; i < N; i++) {
        char text[64];
        pkern_hdc_symbol_vector(ITEM_SEED, text, item_key(i, text), vectors[i], WORDS);
        /* within 7 standard deviations */
        for (size_t j = 0; j < i; j++) {
            uint32_t distance = hdc_oracle_distance(vectors[i], vectors[j], WORDS);
            cr_assert(distance > 1024 - 160 && distance < 1024 + 160);
        }
    }
    pkern_hdc_symbol_vector(ITEM_SEED + 1, "1", 1, other, WORDS);
    cr_assert_gt(hdc_oracle_distance(other, vectors[1], WORDS), 1024u - 160);
    pkern_hdc_symbol_vector(ITEM_SEED, 0, 0, other, WORDS);
    cr_assert_arr_eq(other, vectors[0], sizeof other);
    /* the same on every machine */
    pkern_hdc_symbol_vector(1, "pkern", 5, other, 2);
    cr_assert_eq(other[0], UINT64_C(0x58e4f98891079873));
    cr_assert_eq(other[1], UINT64_C(0xe99b1339de53cc97));
}

Test(hdc_item_memory, cleanup_finds_what_is_near_enough) {
    enum { WORDS = 32, N = 101, QUERIES = 41 };
    static uint64_t queries[QUERIES][WORDS];
    pkern_hdc_match out[QUERIES], wanted[QUERIES];
    pkern_hdc_item_memory *memory;
    const uint64_t *vectors;
    float none = 0;
    cr_assert_eq(pkern_hdc_item_memory_create(WORDS, ITEM_SEED, 0, &memory), PKERN_OK);
    cr_assert_eq(pkern_hdc_item_memory_cleanup(0, memory, queries[0], 2, UINT32_MAX - 1, out),
                 PKERN_OK);
    cr_assert(out[1].index == SIZE_MAX && out[1].distance == UINT32_MAX && out[1].similarity == 0);
    for (uint64_t i = 0; i < N; i++)
        cr_assert_eq(pkern_hdc_item_memory_add(memory, &i, 8, 0, 0), PKERN_OK);
    vectors = pkern_hdc_item_memory_vectors(memory);
    for (size_t q = 0; q < QUERIES; q++) {
        memcpy(queries[q], vectors + q * 2 * WORDS, WORDS * 8);
        for (size_t bit = 0; bit < q * 20; bit++)
            queries[q][bit % WORDS] ^= (uint64_t)1 << (bit / WORDS);
    }
    cr_assert_eq(pkern_hdc_nearest(0, queries[0], QUERIES, vectors, N, WORDS, wanted), PKERN_OK);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (uint32_t most = 0; most < 900; most += 100) {
            cr_assert_eq(
                pkern_hdc_item_memory_cleanup(pool, memory, queries[0], QUERIES, most, out),
                PKERN_OK);
            for (size_t q = 0; q < QUERIES; q++) {
                int near = q * 20 <= most;
                cr_assert_eq(wanted[q].index, 2 * q);
                cr_assert_eq(out[q].index, near ? wanted[q].index : SIZE_MAX);
                cr_assert_eq(out[q].distance, near ? q * 20 : UINT32_MAX);
                cr_assert_eq(
                    memcmp(&out[q].similarity, near ? &wanted[q].similarity : &none, sizeof(float)),
                    0);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    pkern_hdc_item_memory_destroy(memory);
}

Test(hdc_item_memory, a_copy_of_an_own_vector_survives_growth) {
    enum { WORDS = 3, N = 200 };
    pkern_hdc_item_memory *memory;
    uint64_t first[WORDS];
    char text[64];
    cr_assert_eq(pkern_hdc_item_memory_create(WORDS, ITEM_SEED, 0, &memory), PKERN_OK);
    cr_assert_eq(pkern_hdc_item_memory_add(memory, "first", 5, 0, 0), PKERN_OK);
    memcpy(first, pkern_hdc_item_memory_vectors(memory), sizeof first);
    for (size_t i = 1; i < N; i++) {
        const uint64_t *vectors = pkern_hdc_item_memory_vectors(memory);
        size_t bytes = item_key(i, text);
        cr_assert_eq(pkern_hdc_item_memory_add(memory, text, bytes, vectors + (i - 1) * WORDS, 0),
                     PKERN_OK);
    }
    for (size_t i = 0; i < N; i++)
        cr_assert_arr_eq(pkern_hdc_item_memory_vectors(memory) + i * WORDS, first, sizeof first);
    pkern_hdc_item_memory_destroy(memory);
}

Test(hdc_item_memory, bad_arguments_change_nothing) {
    pkern_allocator half = {0, hdc_release, 0};
    uint64_t query = 1;
    pkern_hdc_match match;
    size_t bytes = 77;
    const char *symbol;
    pkern_hdc_item_memory *memory = (pkern_hdc_item_memory *)(void *)&query;
    cr_assert_eq(pkern_hdc_item_memory_create(1, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_create(0, 0, 0, &memory), PKERN_EINVAL);
    cr_assert_null(memory);
    cr_assert_eq(pkern_hdc_item_memory_create(SIZE_MAX, 0, 0, &memory), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_item_memory_create(1, 0, &half, &memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_load("x", &half, &memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_load(0, 0, &memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_load("x", 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_add(0, "a", 1, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_update(0, "a", 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_remove(0, "a", 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_find(0, "a", 1), SIZE_MAX);
    cr_assert_eq(pkern_hdc_item_memory_count(0) + pkern_hdc_item_memory_words(0), 0u);
    cr_assert_null(pkern_hdc_item_memory_vectors(0));
    cr_assert_null(pkern_hdc_item_memory_symbol(0, 0, &bytes));
    cr_assert_eq(bytes, 0u);
    cr_assert_eq(pkern_hdc_item_memory_save(0, "x"), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_cleanup(0, 0, &query, 1, 5, &match), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_create(1, 0, 0, &memory), PKERN_OK);
    cr_assert_eq(pkern_hdc_item_memory_add(memory, 0, 1, 0, 0), PKERN_EINVAL);
    for (char c = 'A'; c < 'A' + 16; c++) { /* full: the next one moves the vectors */
        cr_assert_eq(pkern_hdc_item_memory_add(memory, &c, 1, 0, 0), PKERN_OK);
        cr_assert_eq(
            pkern_hdc_item_memory_add(memory, pkern_hdc_item_memory_vectors(memory), 8, 0, 0),
            PKERN_EINVAL);
    }
    for (char c = 'A'; c < 'A' + 16; c++) {
        cr_assert_eq(pkern_hdc_item_memory_remove(memory, &c, 1), PKERN_OK);
    }
    cr_assert_eq(pkern_hdc_item_memory_update(memory, 0, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_remove(memory, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_remove(memory, "a", 1), PKERN_ENOENT);
    cr_assert_eq(pkern_hdc_item_memory_add(memory, "abc", 3, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_item_memory_find(memory, 0, 1), SIZE_MAX);
    symbol = (const char *)pkern_hdc_item_memory_symbol(memory, 0, 0);
    cr_assert_eq(pkern_hdc_item_memory_add(memory, symbol, 2, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_add(memory, symbol, 3, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_item_memory_cleanup(0, memory, 0, 1, 5, &match), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_cleanup(0, memory, &query, 1, 5, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_save(memory, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_item_memory_count(memory), 1u);
    pkern_hdc_item_memory_destroy(memory);
}

enum { ITEM_FILE_WORDS = 2 };

static pkern_hdc_item_memory *item_new_some(int newer, const pkern_allocator *allocator) {
    pkern_hdc_item_memory *memory = 0;
    char text[64];
    if (pkern_hdc_item_memory_create(ITEM_FILE_WORDS, ITEM_SEED, allocator, &memory) != PKERN_OK)
        return 0;
    for (size_t key = 0; key < (newer ? 40u : 4u); key++) {
        size_t bytes = item_key(key, text), count = pkern_hdc_item_memory_count(memory);
        pkern_status status = pkern_hdc_item_memory_add(memory, text, bytes, 0, 0);
        if (status != PKERN_OK) {
            cr_assert_eq(status, PKERN_ENOMEM);
            cr_assert_eq(pkern_hdc_item_memory_count(memory), count);
            cr_assert_eq(pkern_hdc_item_memory_find(memory, text, bytes), SIZE_MAX);
            pkern_hdc_item_memory_destroy(memory);
            return 0;
        }
    }
    return memory;
}

static pkern_status item_save_some(const char *path, int newer) {
    pkern_hdc_item_memory *memory = item_new_some(newer, 0);
    pkern_status status = pkern_hdc_item_memory_save(memory, path);
    pkern_hdc_item_memory_destroy(memory);
    return status;
}

static int item_load_some(const char *path) {
    pkern_hdc_item_memory *memory = 0;
    size_t count;
    if (pkern_hdc_item_memory_load(path, 0, &memory) != PKERN_OK) return -1;
    count = pkern_hdc_item_memory_count(memory);
    pkern_hdc_item_memory_destroy(memory);
    return count == 4 ? 0 : count == 40 ? 1 : -1;
}

Test(hdc_item_memory, a_stopped_save_leaves_the_old_file) {
    int steps = file_stopped_saves(item_save_some, item_load_some);
    cr_assert_geq(steps, 10);
}

Test(hdc_item_memory, damaged_and_other_files_are_refused) {
    file_folder folder = file_folder_new();
    pkern_hdc_item_memory *memory = 0;
    pkern_hdc_store *store = 0;
    size_t n_bytes;
    unsigned char *bytes;
    cr_assert_eq(item_save_some(folder.file, 0), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] ^= 0x41;
        file_spit(folder.file, bytes, n_bytes);
        cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &memory),
                     i < 8 ? PKERN_EFORMAT : PKERN_ECORRUPT);
        cr_assert_null(memory);
        bytes[i] ^= 0x41;
        file_spit(folder.file, bytes, i);
        cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &memory), PKERN_ECORRUPT);
    }
    free(bytes);
    /* a store reads an item memory's file, not the other way round */
    cr_assert_eq(item_save_some(folder.file, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_load(folder.file, 0, &store), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_count(store), 4u);
    cr_assert_eq(pkern_hdc_store_save(store, folder.file), PKERN_OK);
    pkern_hdc_store_destroy(store);
    cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &memory), PKERN_EFORMAT);
    cr_assert_null(memory);
    file_folder_delete(&folder, 1);
    cr_assert_eq(pkern_hdc_item_memory_load(folder.file, 0, &memory), PKERN_ENOENT);
}

Test(hdc_item_memory, symbols_that_lie_are_refused) {
    static const uint64_t lengths[][3] = {{1, 1, 1},          {2, 2, 0}, {3, 0, 0},
                                          {4, 0, 0},          {1, 1, 2}, {UINT64_MAX, 1, 3},
                                          {0, UINT64_MAX, 0}, {1, 1, 0}, {0, 0, 3}};
    /* good, good, twice the empty one, too long, ..., too short, twice the empty one */
    file_folder folder = file_folder_new();
    uint64_t rows[3] = {1, 2, 3}, one = 1;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int fault = 0; fault < 4; fault++) {
            pkern_hdc_item_memory *memory = 0;
            pkn_file_writer writer;
            pkern_status status, wanted = fault == 1            ? PKERN_EFORMAT
                                          : fault == 2          ? PKERN_ECORRUPT
                                          : i > 1 || fault == 3 ? PKERN_ECORRUPT
                                                                : PKERN_OK;
            pkn_file_create(&writer, folder.file, "vectors", 1, 5, 0);
            pkn_file_put(&writer, "shape", &one, 8, 1);
            pkn_file_put(&writer, "vectors", rows, 8, 3);
            pkn_file_put(&writer, "seed", &one, 8, fault == 1 ? 0 : 1);
            pkn_file_put(&writer, "lengths", lengths[i], 8, fault == 2 ? 2 : 3);
            pkn_file_put(&writer, "symbols", fault == 3 ? "aaa" : "abc", 1,
                         fault == 3 ? 2
                         : i == 1   ? 4
                                    : 3);
            cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
            status = pkern_hdc_item_memory_load(folder.file, 0, &memory);
            cr_assert_eq(status, wanted, "%zu %d: %d", i, fault, status);
            pkern_hdc_item_memory_destroy(memory);
        }
    }
    file_folder_delete(&folder, 1);
}

Test(hdc_item_memory, allocations_that_fail_are_reported_and_leave_nothing) {
    file_folder folder = file_folder_new();
    for (int left = 0, done = 0; !done; left++) {
        hdc_allocator_state state;
        pkern_allocator allocator = {hdc_allocate, hdc_release, 0};
        pkern_hdc_item_memory *memory, *loaded = 0;
        allocator.user = &state;
        memset(&state, 0, sizeof state);
        state.left = left;
        memory = item_new_some(1, &allocator);
        if (memory) {
            pkern_status status = pkern_hdc_item_memory_save(memory, folder.file);
            if (status == PKERN_OK)
                status = pkern_hdc_item_memory_load(folder.file, &allocator, &loaded);
            cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
            done = status == PKERN_OK;
            cr_assert_eq(loaded != 0, done);
        }
        pkern_hdc_item_memory_destroy(memory);
        pkern_hdc_item_memory_destroy(loaded);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
        if (done) cr_assert_geq(left, 9);
    }
    file_folder_delete(&folder, 1);
}
