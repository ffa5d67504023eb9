/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sparse distributed memories to and from files: the sections "shape" {locations, address_words,
   data_words, radius, nearest}, "locations" and "counters". */
#ifndef PKN_HDC_SDM_FILE_C
#define PKN_HDC_SDM_FILE_C

#include "hdc/file_read.h"
#include "hdc/file_write.h"
#include "hdc/sdm.c"

#define PKN_SDM_KIND "sdm"
#define PKN_SDM_VERSION 1
#define PKN_SDM_SHAPE 5

PKERN_API size_t pkern_hdc_sdm_locations(const pkern_hdc_sdm *sdm) {
    return sdm ? sdm->n_locations : 0;
}

PKERN_API size_t pkern_hdc_sdm_address_words(const pkern_hdc_sdm *sdm) {
    return sdm ? sdm->address_words : 0;
}

PKERN_API size_t pkern_hdc_sdm_data_words(const pkern_hdc_sdm *sdm) {
    return sdm ? sdm->data_words : 0;
}

PKERN_API pkern_status pkern_hdc_sdm_save(const pkern_hdc_sdm *sdm, const char *path) {
    pkn_file_writer writer;
    uint64_t shape[PKN_SDM_SHAPE];
    if (!sdm || !path) {
        return PKERN_EINVAL;
    }
    shape[0] = sdm->n_locations;
    shape[1] = sdm->address_words;
    shape[2] = sdm->data_words;
    shape[3] = sdm->radius;
    shape[4] = sdm->nearest;
    pkn_file_create(&writer, path, PKN_SDM_KIND, PKN_SDM_VERSION, 3, &sdm->allocator);
    pkn_file_put(&writer, "shape", shape, 8, PKN_SDM_SHAPE);
    pkn_file_put(&writer, "locations", sdm->locations, 8, sdm->n_locations * sdm->address_words);
    pkn_file_put(&writer, "counters", sdm->counters, sizeof *sdm->counters,
                 sdm->n_locations * sdm->columns);
    return pkn_file_commit(&writer);
}

/* The config of a file's shape; 0 where there can be no such memory. */
PKN_INTERNAL int pkn_sdm_config_of(const uint64_t *shape, pkern_hdc_sdm_config *config) {
    if (shape[0] == 0 || shape[0] >= UINT32_MAX || shape[1] == 0 || shape[1] > PKN_HDC_MAX_WORDS ||
        shape[2] == 0 || shape[2] > PKN_HDC_MAX_WORDS || shape[3] > UINT32_MAX ||
        shape[4] > shape[0] || (shape[3] == 0) == (shape[4] == 0)) {
        return 0;
    }
    memset(config, 0, sizeof *config);
    config->n_locations = (size_t)shape[0];
    config->address_words = (size_t)shape[1];
    config->data_words = (size_t)shape[2];
    config->radius = (uint32_t)shape[3];
    config->nearest = (size_t)shape[4];
    return 1;
}

/* The memory that an open file holds. */
PKN_INTERNAL pkern_status pkn_sdm_of_file(const pkn_file *file, const pkern_allocator *allocator,
                                          pkern_hdc_sdm **sdm) {
    pkern_hdc_sdm_config config;
    size_t n_shape, n_words, n_counters, words, columns;
    const uint64_t *shape = (const uint64_t *)pkn_file_get(file, "shape", 8, &n_shape);
    const void *locations = pkn_file_get(file, "locations", 8, &n_words);
    const int16_t *counters = (const int16_t *)pkn_file_get(file, "counters", 2, &n_counters);
    pkern_status status;
    int is_bad = 0;
    if (!shape || n_shape < PKN_SDM_SHAPE || !locations || !counters ||
        !pkn_sdm_config_of(shape, &config) ||
        pkn_mul_overflows_size(config.n_locations, config.address_words, &words) ||
        pkn_mul_overflows_size(config.n_locations, config.data_words * 64, &columns) ||
        n_words != words || n_counters != columns) {
        return PKERN_ECORRUPT;
    }
    for (size_t i = 0; i < n_counters; i++) {
        is_bad |= counters[i] < -INT16_MAX; /* counters saturate one above that */
    }
    if (is_bad) {
        return PKERN_ECORRUPT;
    }
    config.allocator = allocator;
    status = pkn_sdm_allocate(&config, sdm);
    if (status == PKERN_OK) {
        memcpy((*sdm)->locations, locations, n_words * 8);
        memcpy((*sdm)->counters, counters, n_counters * sizeof *counters);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_sdm_load(const char *path, const pkern_allocator *allocator,
                                          pkern_hdc_sdm **sdm) {
    pkn_file file;
    pkern_status status;
    if (!path || !sdm || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    *sdm = 0;
    status = pkn_file_open(&file, path, PKN_SDM_KIND, PKN_SDM_VERSION, allocator);
    if (status == PKERN_OK) {
        status = pkn_sdm_of_file(&file, allocator, sdm);
        pkn_file_close(&file);
    }
    return status;
}

#endif
