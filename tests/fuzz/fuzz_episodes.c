/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Episodic memories from files: what loads is whole, and goes on storing and strengthening. */
#include "fuzz.h"

#include "hdc/episodes_file.c"

static volatile uint64_t fuzz_sum;

static void fuzz_use(pkern_hdc_episodes *episodes) {
    size_t words = pkern_hdc_episodes_words(episodes), n = pkern_hdc_episodes_count(episodes);
    uint64_t vector[64] = {0}, id = 0, next = episodes->next_id;
    pkern_hdc_episode found;
    memset(&found, 0, sizeof found);
    for (size_t i = 0; i < n; i++) {
        fuzz_sum += fuzz_touch(pkern_hdc_episodes_vector(episodes, i), words * 8);
        for (size_t j = 0; j < i; j++) FUZZ_CHECK(episodes->data[i].id != episodes->data[j].id);
    }
    if (n > 0) {
        found.id = episodes->data[n - 1].id;
        FUZZ_CHECK(pkern_hdc_episodes_strengthen(episodes, &found, 1, 1, 1e9) == PKERN_OK);
    }
    if (words > 64) return;
    for (int i = 0; i < 70; i++) { /* beyond what a memory has room for at first */
        FUZZ_CHECK(pkern_hdc_episodes_store(episodes, vector, i, 1, &id) == PKERN_OK);
    }
    FUZZ_CHECK(id == next + 69);
    FUZZ_CHECK(episodes->capacity == 0 ? episodes->n == n + 70 : episodes->n <= episodes->capacity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n_bytes;
    unsigned char *bytes = fuzz_file(data, size, &n_bytes);
    pkern_hdc_episodes *episodes = 0;
    pkn_file file;
    pkern_status status =
        pkn_file_open_memory(&file, bytes, n_bytes, PKN_EPISODES_KIND, PKN_EPISODES_VERSION);
    if (status == PKERN_OK) status = pkn_episodes_of_file(&file, 0, &episodes);
    FUZZ_CHECK((status == PKERN_OK) == (episodes != 0));
    free(bytes); /* it is a copy */
    if (episodes) fuzz_use(episodes);
    pkern_hdc_episodes_destroy(episodes);
    return 0;
}
