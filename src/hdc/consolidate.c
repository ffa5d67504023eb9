/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Consolidation. The episodes that are strong enough are copied, the strongest first; then each in
   turn that is not taken in yet takes in the near ones behind it. Their distances come from
   parallel tiles, a few leaders at a time; who takes in whom is then a short serial loop. The old
   arrays stay as they are until all has gone well. */
#ifndef PKN_HDC_CONSOLIDATE_C
#define PKN_HDC_CONSOLIDATE_C

#include "hdc/episodes.c"
#include "hdc/similarity.c"
#include "hdc/weigh.h"

/* Distances at a time: 1 MiB. */
#define PKN_CONSOLIDATE_PAIRS ((size_t)1 << 18)
#define PKN_CONSOLIDATE_LEADERS 64

typedef struct pkn_consolidation {
    pkern_hdc_episodes *episodes;
    size_t n;               /* that are strong enough */
    uint64_t *vectors;      /* [n x words], the strongest first */
    pkn_episode_data *data; /* [n] */
    pkn_best_entry *order;  /* [n] */
    size_t *leader;         /* [n]: who takes it in, itself for a leader */
    pkn_weighed_row *rows;  /* [n] */
    uint32_t *distances;
    size_t n_leaders_at_once;
    void *memory;
    size_t bytes;
} pkn_consolidation;

PKN_INTERNAL pkern_status pkn_consolidation_begin(pkn_consolidation *work,
                                                  pkern_hdc_episodes *episodes, size_t n) {
    pkern_status status;
    memset(work, 0, sizeof *work);
    work->episodes = episodes;
    work->n = n;
    work->n_leaders_at_once =
        pkn_min_size(pkn_max_size(PKN_CONSOLIDATE_PAIRS / n, 1), PKN_CONSOLIDATE_LEADERS);
    /* all of them fit where the episodes do */
    work->bytes = n * (sizeof *work->order + sizeof *work->leader + sizeof *work->rows +
                       work->n_leaders_at_once * sizeof *work->distances) +
                  episodes->words * 8;
    status = pkn_episodes_allocate(episodes, n, &work->vectors, &work->data);
    if (status != PKERN_OK) {
        return status;
    }
    work->memory = pkn_allocate(&episodes->allocator, work->bytes, PKN_CACHE_LINE);
    if (!work->memory) {
        pkn_release(&episodes->allocator, work->vectors, n * episodes->words * 8);
        pkn_release(&episodes->allocator, work->data, n * sizeof *work->data);
        return PKERN_ENOMEM;
    }
    work->order = (pkn_best_entry *)work->memory;
    work->rows = (pkn_weighed_row *)(void *)(work->order + n);
    work->leader = (size_t *)(void *)(work->rows + n);
    return PKERN_OK;
}

/* The merged vector of a leader stands behind the leaders' array before it is copied. */
PKN_INLINE uint64_t *pkn_consolidation_vector(const pkn_consolidation *work) {
    return (uint64_t *)(void *)(work->leader + work->n);
}

/* Compares what a recall would give. */
PKN_INLINE int pkn_consolidation_keeps(const pkn_episode_data *data, double fade,
                                       double forget_below) {
    return !(pkn_product_f64(data->strength, fade) < forget_below);
}

/* Copies the episodes that are strong enough, the strongest first. */
PKN_INTERNAL void pkn_consolidation_sort(pkn_consolidation *work, double fade,
                                         double forget_below) {
    const pkern_hdc_episodes *episodes = work->episodes;
    size_t words = episodes->words;
    pkn_best best;
    best.entries = work->order;
    best.count = 0;
    best.k = work->n;
    for (size_t i = 0; i < episodes->n; i++) {
        if (pkn_consolidation_keeps(&episodes->data[i], fade, forget_below)) {
            pkn_best_offer(&best, pkn_rank_of_f64(episodes->data[i].strength), episodes->data[i].id,
                           i);
        }
    }
    pkn_best_sort(&best);
    for (size_t i = 0; i < work->n; i++) {
        size_t place = work->order[i].place;
        memcpy(work->vectors + i * words, episodes->vectors + place * words, words * 8);
        work->data[i] = episodes->data[place];
        work->leader[i] = SIZE_MAX;
    }
    work->distances = (uint32_t *)(void *)(pkn_consolidation_vector(work) + words);
}

/* Says for each episode who takes it in. */
PKN_INTERNAL pkern_status pkn_consolidation_lead(pkn_consolidation *work, pkern_pool *pool,
                                                 uint32_t max_distance) {
    size_t words = work->episodes->words;
    for (size_t first = 0; first < work->n;) {
        size_t n = pkn_min_size(work->n_leaders_at_once, work->n - first);
        size_t n_targets = work->n - first;
        pkern_status status =
            pkern_hdc_distances(pool, work->vectors + first * words, n,
                                work->vectors + first * words, n_targets, words, work->distances);
        if (status != PKERN_OK) {
            return status;
        }
        for (size_t i = first; i < first + n; i++) {
            const uint32_t *distances = work->distances + (i - first) * n_targets;
            if (work->leader[i] != SIZE_MAX) {
                continue;
            }
            work->leader[i] = i;
            for (size_t j = i + 1; j < work->n; j++) {
                if (work->leader[j] == SIZE_MAX && distances[j - first] <= max_distance) {
                    work->leader[j] = i;
                }
            }
        }
        first += n;
    }
    return PKERN_OK;
}

/* Makes of leader and followers one episode. Counts are doubled and the leader has one more, so that
   its bits break ties. */
PKN_INTERNAL void pkn_consolidation_merge(pkn_consolidation *work, size_t leader,
                                          const size_t *members, size_t n) {
    size_t words = work->episodes->words;
    uint64_t *merged = pkn_consolidation_vector(work);
    pkn_episode_data *data = &work->data[leader];
    work->rows[0].row = work->vectors + leader * words;
    work->rows[0].weight = 2 * data->count + 1;
    for (size_t i = 0; i < n; i++) {
        const pkn_episode_data *other = &work->data[members[i]];
        work->rows[i + 1].row = work->vectors + members[i] * words;
        work->rows[i + 1].weight = 2 * other->count;
        data->count += other->count;
        data->strength += other->strength;
        data->first_time =
            other->first_time < data->first_time ? other->first_time : data->first_time;
        data->last_time = other->last_time > data->last_time ? other->last_time : data->last_time;
    }
    pkn_weigh(work->rows, n + 1, words, merged);
    memcpy(work->vectors + leader * words, merged, words * 8);
}

/* Merges all and closes the gaps; returns how many are left. The members of a leader are found by a
   sort of all by leader, whose places in `order` are not needed any more. */
PKN_INTERNAL size_t pkn_consolidation_finish(pkn_consolidation *work) {
    size_t words = work->episodes->words, n = work->n, n_left = 0;
    size_t *members = (size_t *)(void *)work->order, *ends = members + n;
    memset(ends, 0, n * sizeof *ends);
    for (size_t i = 0; i < n; i++) {
        ends[work->leader[i]] += (size_t)(work->leader[i] != i);
    }
    for (size_t i = 0, place = 0; i < n; i++) {
        size_t count = ends[i];
        ends[i] = place;
        place += count;
    }
    for (size_t i = 0; i < n; i++) {
        if (work->leader[i] != i) {
            members[ends[work->leader[i]]++] = i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        if (work->leader[i] != i) {
            continue;
        }
        if (ends[i] > begin) {
            pkn_consolidation_merge(work, i, members + begin, ends[i] - begin);
        }
        if (n_left < i) {
            memcpy(work->vectors + n_left * words, work->vectors + i * words, words * 8);
            work->data[n_left] = work->data[i];
        }
        n_left++;
    }
    return n_left;
}

/* The largest distance that is similar enough, by the comparison that the docstring gives; -1 where
   none is. */
PKN_INTERNAL int64_t pkn_consolidation_max_distance(size_t words, double merge_above) {
    double bits = (double)words * 64;
    double most = pkn_product_f64(1 - merge_above, bits);
    int64_t distance;
    if (merge_above > 1) {
        return -1;
    }
    distance = most < bits ? (int64_t)most + 1 : (int64_t)bits;
    while (distance >= 0 && (bits - (double)distance) / bits < merge_above) {
        distance--;
    }
    return distance;
}

PKERN_API pkern_status pkern_hdc_episodes_consolidate(pkern_pool *pool,
                                                      pkern_hdc_episodes *episodes,
                                                      double merge_above, double forget_below,
                                                      double now, pkern_hdc_consolidation *result) {
    pkn_consolidation work;
    size_t n_strong = 0, n_left = 0;
    double fade;
    int64_t max_distance;
    pkern_status status;
    if (!episodes || merge_above != merge_above || forget_below != forget_below ||
        !pkn_is_finite(now)) {
        return PKERN_EINVAL;
    }
    fade = pkn_episodes_fade(episodes, now);
    for (size_t i = 0; i < episodes->n; i++) {
        n_strong += (size_t)pkn_consolidation_keeps(&episodes->data[i], fade, forget_below);
    }
    if (n_strong > 0) {
        max_distance = pkn_consolidation_max_distance(episodes->words, merge_above);
        status = pkn_consolidation_begin(&work, episodes, n_strong);
        if (status != PKERN_OK) {
            return status;
        }
        pkn_consolidation_sort(&work, fade, forget_below);
        if (max_distance >= 0) {
            status = pkn_consolidation_lead(
                &work, pool, (uint32_t)pkn_min_size((size_t)max_distance, UINT32_MAX));
        } else {
            for (size_t i = 0; i < n_strong; i++) {
                work.leader[i] = i;
            }
        }
        if (status == PKERN_OK) {
            n_left = pkn_consolidation_finish(&work);
            pkn_episodes_release(episodes);
            episodes->vectors = work.vectors;
            episodes->data = work.data;
            episodes->room = n_strong;
        } else {
            pkn_release(&episodes->allocator, work.vectors, n_strong * episodes->words * 8);
            pkn_release(&episodes->allocator, work.data, n_strong * sizeof *work.data);
        }
        pkn_release(&episodes->allocator, work.memory, work.bytes);
        if (status != PKERN_OK) {
            return status;
        }
    }
    if (result) {
        result->forgotten = episodes->n - n_strong;
        result->merged = n_strong - n_left;
    }
    episodes->n = n_left;
    return PKERN_OK;
}

#endif
