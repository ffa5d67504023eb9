/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Stores from files: what loads can be read as a whole, and appended to. */
#include "fuzz.h"

#include "hdc/store.c"
#include "hdc/store_file.c"

static volatile uint64_t fuzz_sum;

static void fuzz_use(pkern_hdc_store *store) {
    size_t words = pkern_hdc_store_words(store), count = pkern_hdc_store_count(store), n;
    const uint64_t *rows = 0, *ids = 0;
    uint64_t row[64] = {0};
    for (size_t i = 0; (n = pkern_hdc_store_rows(store, i, &rows, &ids)) > 0; i += n) {
        fuzz_sum += fuzz_touch(rows, n * words * 8);
        fuzz_sum += ids ? fuzz_touch(ids, n * 8) : 0;
    }
    if (words > 64) return;
    FUZZ_CHECK(pkern_hdc_store_append(store, row, pkern_hdc_store_flags(store) ? row : 0, 1, &n) ==
               PKERN_OK);
    FUZZ_CHECK(n == count && pkern_hdc_store_count(store) == count + 1);
    FUZZ_CHECK(pkern_hdc_store_rows(store, count, &rows, 0) == 1 && rows[words - 1] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n_bytes;
    unsigned char *bytes = fuzz_file(data, size, &n_bytes);
    pkern_hdc_store *store = 0;
    pkn_file file;
    pkern_status status =
        pkn_file_open_memory(&file, bytes, n_bytes, PKN_STORE_KIND, PKN_STORE_VERSION);
    if (status == PKERN_OK) status = pkn_store_of_file(&file, 0, &store);
    FUZZ_CHECK((status == PKERN_OK) == (store != 0));
    if (store) fuzz_use(store);
    pkern_hdc_store_destroy(store);
    free(bytes);
    return 0;
}
