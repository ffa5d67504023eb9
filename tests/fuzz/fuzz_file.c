/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The container of all saved files: whatever opens hands out sections that are there. */
#include "fuzz.h"

static volatile uint64_t fuzz_sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n_bytes;
    unsigned char *bytes = fuzz_file(data, size, &n_bytes);
    pkn_file file;
    pkern_status status = pkn_file_open_memory(&file, bytes, n_bytes, "kind", 2);
    FUZZ_CHECK(status == PKERN_OK || status == PKERN_EFORMAT || status == PKERN_EVERSION ||
               status == PKERN_ECORRUPT);
    for (size_t i = 0; status == PKERN_OK && i < file.n_sections; i++) {
        pkn_file_entry entry;
        char name[PKN_FILE_NAME + 1] = {0};
        const void *section;
        size_t count;
        pkn_file_entry_at(&file, i, &entry);
        memcpy(name, entry.name, PKN_FILE_NAME);
        section = pkn_file_get(&file, name, (size_t)entry.element_bytes, &count);
        if (section) fuzz_sum += fuzz_touch(section, count * (size_t)entry.element_bytes);
    }
    pkn_file_close(&file);
    free(bytes);
    return 0;
}
