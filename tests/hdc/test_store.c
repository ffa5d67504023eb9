/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

enum { STORE_SEED = 140 };

static uint64_t store_id(size_t row) {
    return pkn_random_at(STORE_SEED + 1, row);
}

/* Rows [first, first + n), of which a store's row i is always the same; every seventh is the row
   before it, for ties. */
static void store_fill(uint64_t *rows, uint64_t *ids, size_t first, size_t n, size_t words) {
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        pkern_hdc_random(STORE_SEED + row - (row % 7 == 6), rows + i * words, words);
        ids[i] = store_id(row);
    }
}

/* n rows in steps of different lengths, with room made for each, so in many segments. */
static pkern_hdc_store *store_new(size_t n, size_t words, unsigned flags,
                                  const pkern_allocator *allocator) {
    pkern_hdc_store *store = 0;
    uint64_t *rows = (uint64_t *)malloc((n + 1) * words * 8);
    uint64_t *ids = (uint64_t *)malloc((n + 1) * 8);
    size_t first = 77;
    store_fill(rows, ids, 0, n, words);
    cr_assert_eq(pkern_hdc_store_create(words, flags, allocator, &store), PKERN_OK);
    for (size_t i = 0, step = 1; i < n; i += step, step = step % 37 + 1) {
        step = pkn_min_size(step, n - i);
        cr_assert_eq(pkern_hdc_store_reserve(store, step), PKERN_OK);
        cr_assert_eq(pkern_hdc_store_append(store, rows + i * words, flags ? ids + i : 0, step,
                                            i % 2 ? &first : 0),
                     PKERN_OK);
        if (i % 2) cr_assert_eq(first, i);
    }
    free(rows);
    free(ids);
    return store;
}

/* 1 where the store has rows [0, n) as store_fill makes them. */
static int store_holds(const pkern_hdc_store *store, size_t n, size_t words, unsigned flags) {
    const uint64_t *rows = 0, *ids = 0;
    uint64_t *wanted = (uint64_t *)malloc(words * 8), id;
    size_t found, seen = 0;
    int good = pkern_hdc_store_count(store) == n && pkern_hdc_store_words(store) == words &&
               pkern_hdc_store_flags(store) == flags;
    for (; good && (found = pkern_hdc_store_rows(store, seen, &rows, &ids)) > 0; seen += found) {
        for (size_t i = 0; good && i < found; i++) {
            store_fill(wanted, &id, seen + i, 1, words);
            good = memcmp(wanted, rows + i * words, words * 8) == 0 &&
                   (flags ? ids[i] == id : ids == 0);
        }
    }
    free(wanted);
    return good && seen == n;
}

static uint64_t *store_flat(const pkern_hdc_store *store) {
    size_t words = pkern_hdc_store_words(store), n;
    uint64_t *flat = (uint64_t *)malloc((pkern_hdc_store_count(store) + 1) * words * 8);
    const uint64_t *rows;
    for (size_t i = 0; (n = pkern_hdc_store_rows(store, i, &rows, 0)) > 0; i += n)
        memcpy(flat + i * words, rows, n * words * 8);
    return flat;
}

static int store_same(const pkern_hdc_match *a, const pkern_hdc_match *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (a[i].index != b[i].index || a[i].distance != b[i].distance ||
            memcmp(&a[i].similarity, &b[i].similarity, sizeof(float)) != 0)
            return 0;
    }
    return 1;
}

Test(hdc_store, rows_stay_where_and_as_they_were_appended) {
    static const size_t words_list[] = {1, 3, 32, 157, 9000};
    for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
        for (unsigned flags = 0; flags < 2; flags++) {
            size_t words = words_list[w], n = words == 1 ? 20011 : words == 9000 ? 41 : 1009;
            const uint64_t *early = 0, *late = 0;
            pkern_hdc_store *store = store_new(n, words, flags, 0);
            uint64_t *rows = (uint64_t *)malloc(n * words * 8), *ids = (uint64_t *)malloc(n * 8);
            cr_assert(store_holds(store, n, words, flags));
            cr_assert_geq(pkern_hdc_store_rows(store, 1, &early, 0), 1u);
            store_fill(rows, ids, n, n, words);
            cr_assert_eq(pkern_hdc_store_append(store, rows, flags ? ids : 0, n, 0), PKERN_OK);
            cr_assert_eq(pkern_hdc_store_append(store, 0, 0, 0, 0), PKERN_OK);
            cr_assert_geq(pkern_hdc_store_rows(store, 1, &late, 0), 1u);
            cr_assert_eq(early, late);
            cr_assert(store_holds(store, 2 * n, words, flags));
            cr_assert_eq(pkern_hdc_store_rows(store, 2 * n, &late, 0), 0u);
            cr_assert_eq(pkern_hdc_store_rows(store, SIZE_MAX, 0, 0), 0u);
            pkern_hdc_store_destroy(store);
            free(rows);
            free(ids);
        }
    }
    pkern_hdc_store_destroy(0);
}

Test(hdc_store, room_that_was_reserved_is_one_segment) {
    hdc_allocator_state state;
    pkern_allocator allocator = {hdc_allocate, hdc_release, 0};
    pkern_hdc_store *store;
    uint64_t row[3] = {1, 2, 3};
    allocator.user = &state;
    memset(&state, 0, sizeof state);
    state.left = 2;
    cr_assert_eq(pkern_hdc_store_create(3, 0, &allocator, &store), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_reserve(store, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_reserve(store, 10007), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_count(store), 0u);
    for (size_t i = 0; i < 10007; i++)
        cr_assert_eq(pkern_hdc_store_append(store, row, 0, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_rows(store, 0, 0, 0), 10007u);
    cr_assert_eq(pkern_hdc_store_append(store, row, 0, 1, 0), PKERN_ENOMEM);
    cr_assert_eq(pkern_hdc_store_reserve(store, 1), PKERN_ENOMEM);
    cr_assert_eq(pkern_hdc_store_reserve(store, SIZE_MAX / 8), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_store_count(store), 10007u);
    pkern_hdc_store_destroy(store);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
}

Test(hdc_store, search_finds_what_the_flat_search_finds) {
    static const size_t n_list[] = {0, 1, 2, 613, 5003}, k_list[] = {0, 1, 2, 10, 100, 700};
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (size_t s = 0; s < sizeof n_list / sizeof n_list[0]; s++) {
            enum { QUERIES = 11, WORDS = 32 };
            size_t n = n_list[s];
            pkern_hdc_store *store = store_new(n, WORDS, 0, 0);
            uint64_t *flat = store_flat(store), *queries = hdc_new(QUERIES * WORDS, 1, STORE_SEED);
            for (size_t q = 0; q + 1 < QUERIES && n > 0; q++)
                memcpy(queries + q * WORDS, flat + pkn_random_at(q, 0) % n * WORDS, WORDS * 8);
            for (size_t i = 0; i < sizeof k_list / sizeof k_list[0]; i++) {
                size_t k = k_list[i];
                pkern_hdc_match *out = (pkern_hdc_match *)malloc((QUERIES * k + 1) * sizeof *out);
                pkern_hdc_match *wanted =
                    (pkern_hdc_match *)malloc((QUERIES * k + 1) * sizeof *out);
                cr_assert_eq(pkern_hdc_top_k(0, queries, QUERIES, flat, n, WORDS, k, wanted),
                             PKERN_OK);
                cr_assert_eq(pkern_hdc_store_top_k(pool, store, queries, QUERIES, k, out),
                             PKERN_OK);
                cr_assert(store_same(out, wanted, QUERIES * k), "n %zu k %zu", n, k);
                if (k == 1) {
                    memset(out, 0xee, QUERIES * sizeof *out);
                    cr_assert_eq(pkern_hdc_store_nearest(pool, store, queries, QUERIES, out),
                                 PKERN_OK);
                    cr_assert(store_same(out, wanted, QUERIES));
                }
                cr_assert_eq(pkern_hdc_store_top_k(pool, store, 0, 0, k, 0), PKERN_OK);
                free(out);
                free(wanted);
            }
            hdc_free(queries);
            free(flat);
            pkern_hdc_store_destroy(store);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(hdc_store, bad_arguments_change_nothing) {
    uint64_t row[2] = {1, 2}, id = 3;
    pkern_hdc_match match;
    pkern_allocator half = {hdc_allocate, 0, 0};
    pkern_hdc_store *store = (pkern_hdc_store *)(void *)row, *with_ids;
    size_t first = 77;
    cr_assert_eq(pkern_hdc_store_create(1, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_create(0, 0, 0, &store), PKERN_EINVAL);
    cr_assert_null(store);
    cr_assert_eq(pkern_hdc_store_create(((size_t)1 << 26) + 1, 0, 0, &store), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_store_create(1, 2, 0, &store), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_create(1, 0, &half, &store), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_load("x", &half, &store), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_load(0, 0, &store), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_load("x", 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_append(0, row, 0, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_reserve(0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_save(0, "x"), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_count(0) + pkern_hdc_store_words(0) + pkern_hdc_store_flags(0),
                 0u);
    cr_assert_eq(pkern_hdc_store_rows(0, 0, 0, 0), 0u);
    cr_assert_eq(pkern_hdc_store_nearest(0, 0, row, 1, &match), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_top_k(0, 0, row, 1, 1, &match), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_create(2, 0, 0, &store), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_create(2, PKERN_HDC_STORE_IDS, 0, &with_ids), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_append(store, 0, 0, 1, &first), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_append(store, row, &id, 1, &first), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_append(with_ids, row, 0, 1, &first), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_append(store, row, 0, SIZE_MAX / 16 + 1, &first), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_store_top_k(0, store, 0, 1, 1, &match), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_top_k(0, store, row, 1, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_store_top_k(0, store, row, 1, SIZE_MAX, &match), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_store_save(store, 0), PKERN_EINVAL);
    cr_assert_eq(first, 77u);
    cr_assert_eq(pkern_hdc_store_count(store) + pkern_hdc_store_count(with_ids), 0u);
    pkern_hdc_store_destroy(store);
    pkern_hdc_store_destroy(with_ids);
}

/* A store of n rows, saved and loaded. */
static void store_round_trip(size_t n, size_t words, unsigned flags, const char *path) {
    pkern_hdc_store *store = store_new(n, words, flags, 0), *loaded = 0;
    uint64_t *rows = (uint64_t *)malloc(700 * words * 8), *ids = (uint64_t *)malloc(700 * 8);
    cr_assert_eq(pkern_hdc_store_save(store, path), PKERN_OK);
    cr_assert_eq(pkern_hdc_store_load(path, 0, &loaded), PKERN_OK);
    cr_assert(store_holds(loaded, n, words, flags));
    /* appended behind the file, and saved over the file that is mapped */
    store_fill(rows, ids, n, 700, words);
    cr_assert_eq(pkern_hdc_store_append(loaded, rows, flags ? ids : 0, 700, 0), PKERN_OK);
    cr_assert(store_holds(loaded, n + 700, words, flags));
    cr_assert_eq(pkern_hdc_store_save(loaded, path), PKERN_OK);
    cr_assert(store_holds(loaded, n + 700, words, flags));
    pkern_hdc_store_destroy(store);
    cr_assert_eq(pkern_hdc_store_load(path, 0, &store), PKERN_OK);
    cr_assert(store_holds(store, n + 700, words, flags));
    pkern_hdc_store_destroy(loaded);
    pkern_hdc_store_destroy(store);
    free(rows);
    free(ids);
}

Test(hdc_store, what_was_saved_is_loaded) {
    file_folder folder = file_folder_new();
    for (unsigned flags = 0; flags < 2; flags++) {
        store_round_trip(0, 32, flags, folder.file);
        store_round_trip(1, 1, flags, folder.file);
        store_round_trip(613, 3, flags, folder.file);
        store_round_trip(307, 157, flags, folder.file);
    }
    file_folder_delete(&folder, 1);
}

enum { STORE_FILE_ROWS = 5, STORE_FILE_WORDS = 3 };

static pkern_status store_save_some(const char *path, int newer) {
    pkern_hdc_store *store =
        store_new(newer ? 1000 : STORE_FILE_ROWS, STORE_FILE_WORDS, PKERN_HDC_STORE_IDS, 0);
    pkern_status status = pkern_hdc_store_save(store, path);
    pkern_hdc_store_destroy(store);
    return status;
}

static int store_load_some(const char *path) {
    pkern_hdc_store *store = 0;
    int result = -1;
    if (pkern_hdc_store_load(path, 0, &store) != PKERN_OK) return -1;
    if (store_holds(store, STORE_FILE_ROWS, STORE_FILE_WORDS, PKERN_HDC_STORE_IDS)) result = 0;
    if (store_holds(store, 1000, STORE_FILE_WORDS, PKERN_HDC_STORE_IDS)) result = 1;
    pkern_hdc_store_destroy(store);
    return result;
}

Test(hdc_store, a_stopped_save_leaves_the_old_file) {
    int steps = file_stopped_saves(store_save_some, store_load_some);
    cr_assert_geq(steps, 10);
}

Test(hdc_store, damaged_files_are_refused) {
    file_folder folder = file_folder_new();
    pkern_hdc_store *store = 0;
    size_t n_bytes;
    unsigned char *bytes;
    cr_assert_eq(store_save_some(folder.file, 0), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] ^= 0x41;
        file_spit(folder.file, bytes, n_bytes);
        cr_assert_eq(pkern_hdc_store_load(folder.file, 0, &store),
                     i < 8 ? PKERN_EFORMAT : PKERN_ECORRUPT);
        cr_assert_null(store);
        bytes[i] ^= 0x41;
        file_spit(folder.file, bytes, i);
        cr_assert_eq(pkern_hdc_store_load(folder.file, 0, &store), PKERN_ECORRUPT);
    }
    file_spit(folder.file, bytes, n_bytes);
    cr_assert_eq(store_load_some(folder.file), 0);
    free(bytes);
    file_folder_delete(&folder, 1);
    cr_assert_eq(pkern_hdc_store_load(folder.file, 0, &store), PKERN_ENOENT);
}

Test(hdc_store, files_with_right_checksums_and_wrong_shapes_are_refused) {
    static const uint64_t shapes[] = {0, 1, 2, 4, 7, UINT64_C(1) << 27, UINT64_MAX};
    file_folder folder = file_folder_new();
    pkern_hdc_store *store = 0;
    uint64_t rows[12] = {0};
    for (int fault = 0; fault < 12; fault++) {
        pkn_file_writer writer;
        uint64_t words = fault < 7 ? shapes[fault] : 3;
        /* 12 words are rows of 1, 2 or 4 */
        int good = words == 1 || words == 2 || words == 4 || fault == 11;
        pkn_file_create(&writer, folder.file, "vectors", 1,
                        fault == 8 || fault == 9     ? 1
                        : fault == 10 || fault == 11 ? 3
                                                     : 2,
                        0);
        if (fault != 8) pkn_file_put(&writer, "shape", &words, 8, fault == 7 ? 0 : 1);
        if (fault != 9) pkn_file_put(&writer, "vectors", rows, 8, 12);
        if (fault == 10) pkn_file_put(&writer, "ids", rows, 8, 3);
        if (fault == 11) pkn_file_put(&writer, "not known", rows, 8, 3);
        cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
        cr_assert_eq(pkern_hdc_store_load(folder.file, 0, &store), good ? PKERN_OK : PKERN_ECORRUPT,
                     "fault %d", fault);
        if (good) pkern_hdc_store_destroy(store);
    }
    file_folder_delete(&folder, 1);
}

Test(hdc_store, allocations_that_fail_are_reported_and_leave_nothing) {
    file_folder folder = file_folder_new();
    enum { N = 1500, WORDS = 32 };
    uint64_t *rows = (uint64_t *)malloc(N * WORDS * 8), *ids = (uint64_t *)malloc(N * 8);
    store_fill(rows, ids, 0, N, WORDS);
    for (int left = 0, done = 0; !done; left++) {
        hdc_allocator_state state;
        pkern_allocator allocator = {hdc_allocate, hdc_release, 0};
        pkern_hdc_store *store = 0, *loaded = 0;
        allocator.user = &state;
        memset(&state, 0, sizeof state);
        state.left = left;
        if (pkern_hdc_store_create(WORDS, PKERN_HDC_STORE_IDS, &allocator, &store) == PKERN_OK) {
            size_t count = 0;
            for (size_t i = 0; i < N; i += 500) {
                pkern_status status = pkern_hdc_store_reserve(store, 500);
                if (status == PKERN_OK)
                    status = pkern_hdc_store_append(store, rows + i * WORDS, ids + i, 500, 0);
                if (status != PKERN_OK) {
                    cr_assert_eq(status, PKERN_ENOMEM);
                    break;
                }
                count += 500;
            }
            cr_assert(store_holds(store, count, WORDS, PKERN_HDC_STORE_IDS));
            if (count == N) {
                pkern_status status = pkern_hdc_store_save(store, folder.file);
                cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
                if (status == PKERN_OK) {
                    status = pkern_hdc_store_load(folder.file, &allocator, &loaded);
                    cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
                    done = status == PKERN_OK;
                    cr_assert_eq(loaded != 0, done);
                }
            }
        }
        pkern_hdc_store_destroy(store);
        pkern_hdc_store_destroy(loaded);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
        if (done) cr_assert_geq(left, 6);
    }
    free(rows);
    free(ids);
    file_folder_delete(&folder, 1);
}

Test(hdc_store, a_search_without_scratch_is_reported) {
    enum { QUERIES = 3, WORDS = 1, K = 100 };
    hdc_allocator_state state;
    pkern_allocator allocator = {hdc_allocate, hdc_release, 0};
    pkern_hdc_store *store = store_new(20011, WORDS, 0, 0);
    uint64_t queries[QUERIES] = {1, 2, 3};
    static pkern_hdc_match out[QUERIES * K], wanted[QUERIES * K];
    pkern_pool *pool;
    pkern_status status = PKERN_ENOMEM;
    cr_assert_eq(pkern_hdc_store_top_k(0, store, queries, QUERIES, K, wanted), PKERN_OK);
    for (int left = 0; status != PKERN_OK; left++) {
        allocator.user = &state;
        memset(&state, 0, sizeof state);
        state.left = 1000;
        pool = hdc_pool_new(1, &allocator);
        state.left = (int)pkn_atomic_load_relaxed_u32(&state.used) + left;
        status = pkern_hdc_store_top_k(pool, store, queries, QUERIES, K, out);
        cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
        if (left == 0) cr_assert_eq(status, PKERN_ENOMEM);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    }
    cr_assert(store_same(out, wanted, QUERIES * K));
    pkern_hdc_store_destroy(store);
}

#if PKN_THREADS
/* Readers check all that they can see while others append. */
typedef struct store_crowd {
    pkern_hdc_store *store;
    const char *path;
    pkn_atomic_u32 writers_left, failed;
    pkn_atomic_u32 rounds; /* of readers: a writer appends no faster than these */
} store_crowd;

enum { STORE_CROWD_ROWS = 6000, STORE_CROWD_WORDS = 5 };

/* A row says by itself whether it is whole. */
static int store_row_is_whole(const uint64_t *row, uint64_t id) {
    for (size_t i = 1; i < STORE_CROWD_WORDS; i++)
        if (row[i] != pkn_mix_u64(row[i - 1])) return 0;
    return id == ~row[0];
}

static void *store_crowd_write(void *argument) {
    store_crowd *crowd = (store_crowd *)argument;
    uint64_t rows[40 * STORE_CROWD_WORDS], ids[40];
    for (size_t done = 0, n = 1; done < STORE_CROWD_ROWS; done += n, n = n % 40 + 1) {
        for (size_t i = 0; i < n; i++) {
            uint64_t word = pkn_random_at((uint64_t)(uintptr_t)&rows, done + i);
            ids[i] = ~word;
            for (size_t w = 0; w < STORE_CROWD_WORDS; w++, word = pkn_mix_u64(word))
                rows[i * STORE_CROWD_WORDS + w] = word;
        }
        /* room for so few, that there are many segments */
        if (pkern_hdc_store_reserve(crowd->store, n) != PKERN_OK ||
            pkern_hdc_store_append(crowd->store, rows, ids, n, 0) != PKERN_OK)
            pkn_atomic_store_relaxed_u32(&crowd->failed, 1);
        for (uint32_t appends = (uint32_t)done / 40;
             pkn_atomic_load_relaxed_u32(&crowd->rounds) < appends;)
            sched_yield();
    }
    (void)pkn_atomic_fetch_sub_acq_rel_u32(&crowd->writers_left, 1);
    return 0;
}

static void *store_crowd_read(void *argument) {
    store_crowd *crowd = (store_crowd *)argument;
    int last = 0;
    for (size_t round = 0, before = 0; !last; round++) {
        const uint64_t *rows = 0, *ids = 0;
        size_t count, n, seen = 0;
        last = pkn_atomic_load_acquire_u32(&crowd->writers_left) == 0;
        count = pkern_hdc_store_count(crowd->store);
        if (count < before) pkn_atomic_store_relaxed_u32(&crowd->failed, 2);
        while ((n = pkern_hdc_store_rows(crowd->store, seen, &rows, &ids)) > 0) {
            for (size_t i = round % 16; i < n; i += 16)
                if (!store_row_is_whole(rows + i * STORE_CROWD_WORDS, ids[i]))
                    pkn_atomic_store_relaxed_u32(&crowd->failed, 3);
            seen += n;
        }
        if (seen < count) pkn_atomic_store_relaxed_u32(&crowd->failed, 4);
        if (count > 0) {
            /* a row finds itself, or an equal one before it */
            pkern_hdc_match match;
            size_t row = pkn_random_at(STORE_SEED, round) % count;
            (void)pkern_hdc_store_rows(crowd->store, row, &rows, 0);
            if (pkern_hdc_store_nearest(0, crowd->store, rows, 1, &match) != PKERN_OK ||
                match.distance != 0 || match.index > row)
                pkn_atomic_store_relaxed_u32(&crowd->failed, 5);
        }
        before = count;
        (void)pkn_atomic_fetch_add_relaxed_u32(&crowd->rounds, 1);
    }
    return 0;
}

Test(hdc_store, readers_see_whole_rows_while_writers_append) {
    store_crowd crowd;
    pthread_t threads[5];
    memset(&crowd, 0, sizeof crowd);
    cr_assert_eq(pkern_hdc_store_create(STORE_CROWD_WORDS, PKERN_HDC_STORE_IDS, 0, &crowd.store),
                 PKERN_OK);
    pkn_atomic_store_relaxed_u32(&crowd.writers_left, 2);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(
            pthread_create(&threads[i], 0, i < 2 ? store_crowd_write : store_crowd_read, &crowd),
            0);
    for (int i = 0; i < 5; i++) pthread_join(threads[i], 0);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&crowd.failed), 0u);
    cr_assert_geq(pkern_hdc_store_count(crowd.store), 2u * STORE_CROWD_ROWS);
    pkern_hdc_store_destroy(crowd.store);
}

static void *store_save_often(void *argument) {
    store_crowd *crowd = (store_crowd *)argument;
    for (int last = 0; !last;) {
        pkern_hdc_store *loaded = 0;
        const uint64_t *rows = 0, *ids = 0;
        size_t n;
        last = pkn_atomic_load_acquire_u32(&crowd->writers_left) == 0;
        if (pkern_hdc_store_save(crowd->store, crowd->path) != PKERN_OK ||
            pkern_hdc_store_load(crowd->path, 0, &loaded) != PKERN_OK)
            pkn_atomic_store_relaxed_u32(&crowd->failed, 6);
        for (size_t i = 0; (n = pkern_hdc_store_rows(loaded, i, &rows, &ids)) > 0; i += n)
            for (size_t j = 0; j < n; j++)
                if (!store_row_is_whole(rows + j * STORE_CROWD_WORDS, ids[j]))
                    pkn_atomic_store_relaxed_u32(&crowd->failed, 7);
        (void)pkn_atomic_fetch_add_relaxed_u32(&crowd->rounds, 10);
        pkern_hdc_store_destroy(loaded);
    }
    return 0;
}

Test(hdc_store, saves_of_one_path_at_a_time_of_appends_are_whole) {
    store_crowd crowd;
    pthread_t threads[3];
    file_folder folder = file_folder_new();
    memset(&crowd, 0, sizeof crowd);
    crowd.path = folder.file;
    cr_assert_eq(pkern_hdc_store_create(STORE_CROWD_WORDS, PKERN_HDC_STORE_IDS, 0, &crowd.store),
                 PKERN_OK);
    pkn_atomic_store_relaxed_u32(&crowd.writers_left, 1);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(
            pthread_create(&threads[i], 0, i < 1 ? store_crowd_write : store_save_often, &crowd),
            0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&crowd.failed), 0u);
    pkern_hdc_store_destroy(crowd.store);
    file_folder_delete(&folder, 1);
}
#endif
