/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Storing and recalling episodes. Strengths stand as they were at `epoch`: an episode that is
   stored or strengthened later is entered with more than its strength, one earlier with less. When
   that grows past 2^256, all are brought to a later epoch. */
#ifndef PKN_HDC_EPISODES_C
#define PKN_HDC_EPISODES_C

#include "base/alloc.h"
#include "hdc/best.h"
#include "hdc/episodes.h"
#include "hdc/fade.h"
#include "hdc/hdc_run.h"
#include "simd/tile.h"

#define PKN_EPISODES_FIRST 64
/* Half-lives after which the epoch moves on. */
#define PKN_EPISODES_MAX_AGE 256.0
#define PKN_EPISODES_BLOCK 64
/* Episodes of a part that is searched by itself: at least so many, in so many parts at most. */
#define PKN_EPISODES_PART 512
#define PKN_EPISODES_MAX_PARTS 64

typedef struct pkn_episode_data {
    uint64_t id, count;
    double first_time, last_time;
    double strength; /* at the epoch */
} pkn_episode_data;

struct pkern_hdc_episodes {
    pkern_allocator allocator;
    size_t words, capacity;
    double half_life, epoch;
    size_t n, room;
    uint64_t next_id;
    uint64_t *vectors;      /* [room x words] */
    pkn_episode_data *data; /* [room] */
};

PKN_INLINE int pkn_is_finite(double x) {
    return x - x == 0;
}

/* A strength that stays finite wherever the epoch is. */
PKN_INLINE int pkn_is_strength(double x) {
    return x >= 0 && x <= pkn_power_of_two(500);
}

PKERN_API pkern_status pkern_hdc_episodes_create(const pkern_hdc_episodes_config *config,
                                                 pkern_hdc_episodes **episodes_out) {
    pkern_hdc_episodes *episodes;
    if (!config || !episodes_out || config->words == 0 || !pkn_is_finite(config->half_life) ||
        config->half_life < 0 || pkn_allocator_is_half(config->allocator)) {
        return PKERN_EINVAL;
    }
    if (config->words > PKN_HDC_MAX_WORDS) {
        return PKERN_EOVERFLOW;
    }
    episodes =
        (pkern_hdc_episodes *)pkn_allocate(config->allocator, sizeof *episodes, PKN_CACHE_LINE);
    if (!episodes) {
        return PKERN_ENOMEM;
    }
    memset(episodes, 0, sizeof *episodes);
    if (config->allocator) {
        episodes->allocator = *config->allocator;
    }
    episodes->words = config->words;
    episodes->capacity = config->capacity;
    episodes->half_life = config->half_life;
    *episodes_out = episodes;
    return PKERN_OK;
}

PKN_INTERNAL void pkn_episodes_release(pkern_hdc_episodes *episodes) {
    pkn_release(&episodes->allocator, episodes->vectors, episodes->room * episodes->words * 8);
    pkn_release(&episodes->allocator, episodes->data, episodes->room * sizeof *episodes->data);
}

PKERN_API void pkern_hdc_episodes_destroy(pkern_hdc_episodes *episodes) {
    if (episodes) {
        pkern_allocator allocator = episodes->allocator;
        pkn_episodes_release(episodes);
        pkn_release(&allocator, episodes, sizeof *episodes);
    }
}

PKERN_API size_t pkern_hdc_episodes_count(const pkern_hdc_episodes *episodes) {
    return episodes ? episodes->n : 0;
}

PKERN_API const uint64_t *pkern_hdc_episodes_vector(const pkern_hdc_episodes *episodes,
                                                    size_t place) {
    return episodes && place < episodes->n ? episodes->vectors + place * episodes->words : 0;
}

/* Room for n episodes in arrays of their own; ENOMEM and EOVERFLOW leave nothing allocated. */
PKN_INTERNAL pkern_status pkn_episodes_allocate(const pkern_hdc_episodes *episodes, size_t n,
                                                uint64_t **vectors, pkn_episode_data **data) {
    size_t bytes, data_bytes;
    if (pkn_hdc_check_rows(n, episodes->words, &bytes) != PKERN_OK ||
        pkn_mul_overflows_size(n, sizeof **data, &data_bytes)) {
        return PKERN_EOVERFLOW;
    }
    *vectors = (uint64_t *)pkn_allocate(&episodes->allocator, bytes, PKN_CACHE_LINE);
    *data = (pkn_episode_data *)pkn_allocate(&episodes->allocator, data_bytes, PKN_CACHE_LINE);
    if (!*vectors || !*data) {
        pkn_release(&episodes->allocator, *vectors, bytes);
        pkn_release(&episodes->allocator, *data, data_bytes);
        return PKERN_ENOMEM;
    }
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_episodes_grow(pkern_hdc_episodes *episodes) {
    uint64_t *vectors;
    pkn_episode_data *data;
    size_t room = pkn_max_size(episodes->room + episodes->room / 2, PKN_EPISODES_FIRST);
    pkern_status status;
    if (episodes->capacity > 0) {
        room = pkn_min_size(room, episodes->capacity);
    }
    status = pkn_episodes_allocate(episodes, room, &vectors, &data);
    if (status != PKERN_OK) {
        return status;
    }
    if (episodes->n > 0) {
        memcpy(vectors, episodes->vectors, episodes->n * episodes->words * 8);
        memcpy(data, episodes->data, episodes->n * sizeof *data);
    }
    pkn_episodes_release(episodes);
    episodes->vectors = vectors;
    episodes->data = data;
    episodes->room = room;
    return PKERN_OK;
}

/* ---- fading */

/* Half-lives from the epoch to a time. */
PKN_INLINE double pkn_episodes_age(const pkern_hdc_episodes *episodes, double time) {
    return episodes->half_life > 0 ? (time - episodes->epoch) / episodes->half_life : 0;
}

/* What a strength of 1 at the epoch is at a time. */
PKN_INLINE double pkn_episodes_fade(const pkern_hdc_episodes *episodes, double time) {
    return pkn_exp2(-pkn_episodes_age(episodes, time));
}

/* The strength at the epoch of an episode with this strength at a time. Moves the epoch where that
   needs it. */
PKN_INTERNAL double pkn_episodes_at_epoch(pkern_hdc_episodes *episodes, double strength,
                                          double time) {
    if (episodes->n == 0) {
        episodes->epoch = time;
    }
    if (pkn_episodes_age(episodes, time) > PKN_EPISODES_MAX_AGE) {
        double fade = pkn_episodes_fade(episodes, time);
        for (size_t i = 0; i < episodes->n; i++) {
            episodes->data[i].strength = pkn_product_f64(episodes->data[i].strength, fade);
        }
        episodes->epoch = time;
    }
    return pkn_product_f64(strength, pkn_exp2(pkn_episodes_age(episodes, time)));
}

/* ---- store, strengthen */

PKN_INTERNAL size_t pkn_episodes_weakest(const pkern_hdc_episodes *episodes) {
    const pkn_episode_data *data = episodes->data;
    size_t weakest = 0;
    for (size_t i = 1; i < episodes->n; i++) {
        if (data[i].strength < data[weakest].strength ||
            (data[i].strength <= data[weakest].strength && data[i].id < data[weakest].id)) {
            weakest = i;
        }
    }
    return weakest;
}

PKERN_API pkern_status pkern_hdc_episodes_store(pkern_hdc_episodes *episodes,
                                                const uint64_t *vector, double time,
                                                double strength, uint64_t *id) {
    pkn_episode_data data;
    size_t place, own = SIZE_MAX; /* where the vector lies in the memory, if it does */
    if (!episodes || !vector || !pkn_is_finite(time) || !pkn_is_strength(strength)) {
        return PKERN_EINVAL;
    }
    place = episodes->n;
    if (pkn_overlaps(episodes->vectors, place * episodes->words * 8, vector, 8)) {
        own = (size_t)(vector - episodes->vectors);
    }
    if (place == episodes->room && (episodes->capacity == 0 || place < episodes->capacity)) {
        pkern_status status = pkn_episodes_grow(episodes);
        if (status != PKERN_OK) {
            return status;
        }
        if (own != SIZE_MAX) {
            vector = episodes->vectors + own;
        }
    }
    data.strength = pkn_episodes_at_epoch(episodes, strength, time);
    data.id = episodes->next_id++;
    data.count = 1;
    data.first_time = time;
    data.last_time = time;
    if (id) {
        *id = data.id;
    }
    if (episodes->capacity > 0 && place == episodes->capacity) {
        place = pkn_episodes_weakest(episodes);
        if (data.strength < episodes->data[place].strength) {
            return PKERN_OK;
        }
    } else {
        episodes->n++;
    }
    memmove(episodes->vectors + place * episodes->words, vector, episodes->words * 8);
    episodes->data[place] = data;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_episodes_strengthen(pkern_hdc_episodes *episodes,
                                                     const pkern_hdc_episode *found, size_t n,
                                                     double amount, double now) {
    if (!episodes || (!found && n > 0) || !pkn_is_finite(now) || !pkn_is_strength(amount)) {
        return PKERN_EINVAL;
    }
    if (episodes->n == 0) {
        return PKERN_OK;
    }
    amount = pkn_episodes_at_epoch(episodes, amount, now);
    for (size_t i = 0; i < n; i++) {
        size_t place = found[i].place;
        if (place >= episodes->n || episodes->data[place].id != found[i].id) {
            for (place = 0; place < episodes->n && episodes->data[place].id != found[i].id;) {
                place++;
            }
        }
        if (place < episodes->n) {
            episodes->data[place].strength += amount;
        }
    }
    return PKERN_OK;
}

/* ---- recall */

typedef struct pkn_recall {
    const pkern_hdc_episodes *episodes;
    const uint64_t *query;
    double from, to, scale; /* scale: 1 / bits */
    size_t k, part_len, n_parts;
    pkn_best_entry *entries; /* [n_parts x k] */
    size_t *counts;          /* [n_parts] */
} pkn_recall;

/* Offers episodes [begin, end), at most PKN_EPISODES_BLOCK of them. */
PKN_INTERNAL void pkn_recall_block(const pkn_recall *recall, size_t begin, size_t end,
                                   pkn_best *best) {
    const pkern_hdc_episodes *episodes = recall->episodes;
    uint32_t distances[PKN_EPISODES_BLOCK];
    double bits = (double)episodes->words * 64;
    if (recall->query) {
        pkn_simd()->hamming_tile_u64(recall->query, 1, episodes->vectors + begin * episodes->words,
                                     end - begin, episodes->words, distances, 0);
    }
    for (size_t i = begin; i < end; i++) {
        const pkn_episode_data *data = &episodes->data[i];
        double score = data->strength;
        if (!(data->last_time >= recall->from && data->first_time <= recall->to)) {
            continue;
        }
        if (recall->query) {
            double cosine = pkn_product_f64(bits - 2 * (double)distances[i - begin], recall->scale);
            score = pkn_product_f64(cosine, score);
        }
        pkn_best_offer(best, pkn_rank_of_f64(score), data->id, i);
    }
}

PKN_INTERNAL int pkn_recall_parts(size_t begin, size_t end, void *ctx) {
    const pkn_recall *recall = (const pkn_recall *)ctx;
    for (size_t part = begin; part < end; part++) {
        size_t first = part * recall->part_len;
        size_t last = pkn_min_size(first + recall->part_len, recall->episodes->n);
        pkn_best best;
        best.entries = recall->entries + part * recall->k;
        best.count = 0;
        best.k = recall->k;
        for (size_t i = first; i < last; i += PKN_EPISODES_BLOCK) {
            pkn_recall_block(recall, i, pkn_min_size(i + PKN_EPISODES_BLOCK, last), &best);
        }
        recall->counts[part] = best.count;
    }
    return 0;
}

/* The parts' lists in one, and what the caller gets of it. */
PKN_INTERNAL size_t pkn_recall_finish(const pkn_recall *recall, double fade,
                                      pkern_hdc_episode *out) {
    pkn_best best;
    best.entries = recall->entries;
    best.count = recall->counts[0];
    best.k = recall->k;
    for (size_t part = 1; part < recall->n_parts; part++) {
        const pkn_best_entry *from = recall->entries + part * recall->k;
        for (size_t i = 0; i < recall->counts[part]; i++) {
            pkn_best_offer(&best, from[i].rank, from[i].id, from[i].place);
        }
    }
    pkn_best_sort(&best);
    for (size_t i = 0; i < best.count; i++) {
        const pkn_episode_data *data = &recall->episodes->data[best.entries[i].place];
        out[i].id = data->id;
        out[i].first_time = data->first_time;
        out[i].last_time = data->last_time;
        out[i].strength = pkn_product_f64(data->strength, fade);
        out[i].score = pkn_product_f64(pkn_f64_of_rank(best.entries[i].rank), fade);
        out[i].count = data->count;
        out[i].place = best.entries[i].place;
    }
    return best.count;
}

PKERN_API pkern_status pkern_hdc_episodes_recall(pkern_pool *pool,
                                                 const pkern_hdc_episodes *episodes,
                                                 const uint64_t *query, double from, double to,
                                                 double now, size_t k, pkern_hdc_episode *out,
                                                 size_t *n_found) {
    pkn_recall recall;
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t bytes;
    pkern_status status;
    void *memory;
    if (!episodes || !n_found || (!out && k > 0) || from != from || to != to ||
        !pkn_is_finite(now)) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(k, sizeof *out, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (query && (pkn_overlaps(query, episodes->words * 8, out, bytes) ||
                  pkn_overlaps(query, episodes->words * 8, n_found, sizeof *n_found))) {
        return PKERN_EINVAL;
    }
    *n_found = 0;
    recall.k = pkn_min_size(k, episodes->n);
    if (recall.k == 0) {
        return PKERN_OK;
    }
    recall.episodes = episodes;
    recall.query = query;
    recall.from = from;
    recall.to = to;
    recall.scale = 1.0 / ((double)episodes->words * 64);
    recall.part_len = pkn_max_size(PKN_EPISODES_PART, 4 * recall.k);
    recall.part_len = pkn_max_size(recall.part_len, (episodes->n + PKN_EPISODES_MAX_PARTS - 1) /
                                                        PKN_EPISODES_MAX_PARTS);
    recall.n_parts = (episodes->n + recall.part_len - 1) / recall.part_len;
    bytes = recall.n_parts * (recall.k * sizeof *recall.entries + sizeof *recall.counts);
    memory = pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (!memory) {
        return PKERN_ENOMEM;
    }
    recall.entries = (pkn_best_entry *)memory;
    recall.counts = (size_t *)(void *)(recall.entries + recall.n_parts * recall.k);
    status = pkn_hdc_run(pool, recall.n_parts, 1,
                         (pkn_hdc_pair_cost(episodes->words) + 2) * (double)recall.part_len,
                         pkn_recall_parts, &recall);
    if (status == PKERN_OK) {
        *n_found = pkn_recall_finish(&recall, pkn_episodes_fade(episodes, now), out);
    }
    pkn_release(allocator, memory, bytes);
    return status;
}

#endif
