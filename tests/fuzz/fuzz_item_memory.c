/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Item memories from files: what loads finds each of its symbols, and takes them out one by one. */
#include "fuzz.h"

#include "hdc/hdc_random.c"
#include "hdc/item_memory_file.c"

static void fuzz_use(pkern_hdc_item_memory *memory) {
    size_t words = pkern_hdc_item_memory_words(memory), bytes, row;
    (void)fuzz_touch(pkern_hdc_item_memory_vectors(memory),
                     pkern_hdc_item_memory_count(memory) * words * 8);
    for (row = 0; row < pkern_hdc_item_memory_count(memory); row++) {
        const void *symbol = pkern_hdc_item_memory_symbol(memory, row, &bytes);
        FUZZ_CHECK(pkern_hdc_item_memory_find(memory, symbol, bytes) == row);
    }
    if (words <= 64) {
        FUZZ_CHECK(pkern_hdc_item_memory_add(memory, "further", 7, 0, &row) == PKERN_OK);
        FUZZ_CHECK(pkern_hdc_item_memory_find(memory, "further", 7) == row);
    }
    while (pkern_hdc_item_memory_count(memory) > 0) {
        const void *symbol = pkern_hdc_item_memory_symbol(memory, 0, &bytes);
        FUZZ_CHECK(pkern_hdc_item_memory_remove(memory, symbol, bytes) == PKERN_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n_bytes;
    unsigned char *bytes = fuzz_file(data, size, &n_bytes);
    pkern_hdc_item_memory *memory = 0;
    pkn_file file;
    pkern_status status =
        pkn_file_open_memory(&file, bytes, n_bytes, PKN_STORE_KIND, PKN_STORE_VERSION);
    if (status == PKERN_OK) status = pkn_items_of_file(&file, 0, &memory);
    FUZZ_CHECK((status == PKERN_OK) == (memory != 0));
    if (memory) fuzz_use(memory);
    pkern_hdc_item_memory_destroy(memory);
    free(bytes);
    return 0;
}
