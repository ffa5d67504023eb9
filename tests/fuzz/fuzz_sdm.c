/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sparse distributed memories from files: what loads is whole, and what its functions rely on. */
#include "fuzz.h"

#include "hdc/sdm_file.c"

static volatile uint64_t fuzz_sum;

static void fuzz_use(const pkern_hdc_sdm *sdm) {
    FUZZ_CHECK(sdm->n_locations > 0 && sdm->address_words > 0 && sdm->data_words > 0);
    FUZZ_CHECK(sdm->columns == sdm->data_words * 64);
    FUZZ_CHECK(sdm->nearest <= sdm->n_locations && (sdm->nearest > 0) == (sdm->radius == 0));
    fuzz_sum += fuzz_touch(sdm->locations, sdm->n_locations * sdm->address_words * 8);
    for (size_t i = 0; i < sdm->n_locations * sdm->columns; i++) {
        FUZZ_CHECK(sdm->counters[i] >= -INT16_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n_bytes;
    unsigned char *bytes = fuzz_file(data, size, &n_bytes);
    pkern_hdc_sdm *sdm = 0;
    pkn_file file;
    pkern_status status =
        pkn_file_open_memory(&file, bytes, n_bytes, PKN_SDM_KIND, PKN_SDM_VERSION);
    if (status == PKERN_OK) status = pkn_sdm_of_file(&file, 0, &sdm);
    FUZZ_CHECK((status == PKERN_OK) == (sdm != 0));
    free(bytes); /* it is a copy */
    if (sdm) fuzz_use(sdm);
    pkern_hdc_sdm_destroy(sdm);
    return 0;
}
