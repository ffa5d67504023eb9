/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Episodic memories to and from files: the sections "shape" {words, capacity, next id}, "fading"
   {half-life, epoch}, "vectors" and "episodes", of which each has {id, count, first time, last
   time, strength at the epoch} in 40 bytes, in the order of the memory. */
#ifndef PKN_HDC_EPISODES_FILE_C
#define PKN_HDC_EPISODES_FILE_C

#include "hdc/episodes.c"
#include "hdc/file_read.h"
#include "hdc/file_write.h"
#include "hdc/keys.h"

#define PKN_EPISODES_KIND "episodes"
#define PKN_EPISODES_VERSION 1
/* No memory can have lived to see as many; twice as many and one still make a weight. */
#define PKN_EPISODES_MAX_ID (UINT64_C(1) << 60)

typedef char pkn_episode_data_has_40_bytes[sizeof(pkn_episode_data) == 40 ? 1 : -1];

PKERN_API size_t pkern_hdc_episodes_words(const pkern_hdc_episodes *episodes) {
    return episodes ? episodes->words : 0;
}

PKERN_API pkern_status pkern_hdc_episodes_save(const pkern_hdc_episodes *episodes,
                                               const char *path) {
    pkn_file_writer writer;
    uint64_t shape[3];
    double fading[2];
    if (!episodes || !path) {
        return PKERN_EINVAL;
    }
    shape[0] = episodes->words;
    shape[1] = episodes->capacity;
    shape[2] = episodes->next_id;
    fading[0] = episodes->half_life;
    fading[1] = episodes->epoch;
    pkn_file_create(&writer, path, PKN_EPISODES_KIND, PKN_EPISODES_VERSION, 4,
                    &episodes->allocator);
    pkn_file_put(&writer, "shape", shape, 8, 3);
    pkn_file_put(&writer, "fading", fading, 8, 2);
    pkn_file_put(&writer, "vectors", episodes->vectors, 8, episodes->n * episodes->words);
    pkn_file_put(&writer, "episodes", episodes->data, sizeof *episodes->data, episodes->n);
    return pkn_file_commit(&writer);
}

/* 1 where no two of the ids are the same; sorts them. */
PKN_INTERNAL int pkn_episodes_differ(uint64_t *ids, size_t n) {
    pkn_keys_sort(ids, n);
    for (size_t i = 1; i < n; i++) {
        if (ids[i] == ids[i - 1]) {
            return 0;
        }
    }
    return 1;
}

/* Checks the episodes of a memory whose vectors and data are there, and counts them in. */
PKN_INTERNAL pkern_status pkn_episodes_admit(pkern_hdc_episodes *episodes) {
    const pkn_episode_data *data = episodes->data;
    size_t n = episodes->room, bytes = n * sizeof(uint64_t);
    uint64_t n_stored = 0, *ids;
    int is_good;
    for (size_t i = 0; i < n; i++) {
        if (data[i].id >= episodes->next_id || data[i].count == 0 ||
            data[i].count > episodes->next_id - n_stored || !pkn_is_finite(data[i].first_time) ||
            !pkn_is_finite(data[i].last_time) || data[i].first_time > data[i].last_time ||
            !pkn_is_finite(data[i].strength) || data[i].strength < 0) {
            return PKERN_ECORRUPT;
        }
        n_stored += data[i].count;
    }
    ids = (uint64_t *)pkn_allocate(&episodes->allocator, bytes, PKN_CACHE_LINE);
    if (!ids) {
        return PKERN_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = data[i].id;
    }
    is_good = pkn_episodes_differ(ids, n);
    pkn_release(&episodes->allocator, ids, bytes);
    episodes->n = n;
    return is_good ? PKERN_OK : PKERN_ECORRUPT;
}

/* The memory that an open file holds. */
PKN_INTERNAL pkern_status pkn_episodes_of_file(const pkn_file *file,
                                               const pkern_allocator *allocator,
                                               pkern_hdc_episodes **out) {
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *episodes;
    size_t n_shape, n_fading, n_vectors, n;
    const uint64_t *shape = (const uint64_t *)pkn_file_get(file, "shape", 8, &n_shape);
    const double *fading = (const double *)pkn_file_get(file, "fading", 8, &n_fading);
    const void *vectors = pkn_file_get(file, "vectors", 8, &n_vectors);
    const void *data = pkn_file_get(file, "episodes", sizeof(pkn_episode_data), &n);
    pkern_status status;
    if (!shape || n_shape < 3 || !fading || n_fading < 2 || !vectors || !data || shape[0] == 0 ||
        shape[0] > PKN_HDC_MAX_WORDS || shape[1] > SIZE_MAX || (shape[1] > 0 && n > shape[1]) ||
        shape[2] > PKN_EPISODES_MAX_ID || !pkn_is_finite(fading[0]) || fading[0] < 0 ||
        !pkn_is_finite(fading[1]) || n_vectors % (size_t)shape[0] != 0 ||
        n_vectors / (size_t)shape[0] != n) {
        return PKERN_ECORRUPT;
    }
    config.words = (size_t)shape[0];
    config.capacity = (size_t)shape[1];
    config.half_life = fading[0];
    config.allocator = allocator;
    status = pkern_hdc_episodes_create(&config, &episodes);
    if (status != PKERN_OK) {
        return status;
    }
    episodes->epoch = fading[1];
    episodes->next_id = shape[2];
    if (n > 0) {
        status = pkn_episodes_allocate(episodes, n, &episodes->vectors, &episodes->data);
        if (status == PKERN_OK) {
            episodes->room = n;
            memcpy(episodes->vectors, vectors, n_vectors * 8);
            memcpy(episodes->data, data, n * sizeof *episodes->data);
            status = pkn_episodes_admit(episodes);
        } else {
            episodes->vectors = 0;
            episodes->data = 0;
        }
    }
    if (status != PKERN_OK) {
        pkern_hdc_episodes_destroy(episodes);
        return status;
    }
    *out = episodes;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_episodes_load(const char *path, const pkern_allocator *allocator,
                                               pkern_hdc_episodes **episodes) {
    pkn_file file;
    pkern_status status;
    if (!path || !episodes || pkn_allocator_is_half(allocator)) {
        return PKERN_EINVAL;
    }
    *episodes = 0;
    status = pkn_file_open(&file, path, PKN_EPISODES_KIND, PKN_EPISODES_VERSION, allocator);
    if (status == PKERN_OK) {
        status = pkn_episodes_of_file(&file, allocator, episodes);
        pkn_file_close(&file);
    }
    return status;
}

#endif
