/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Statistics: what the members counted, less what they had counted at the last reset. Nobody but a member writes its counts, so a
   reset keeps a copy of them, under the pool's lock, and a look subtracts it. */
#ifndef PKN_POOL_STATS_C
#define PKN_POOL_STATS_C

#include "pool/observe.h"
#include "pool/guest.h"

PKN_INTERNAL pkern_pool *pkn_given_or_current(pkern_pool *pool) {
    (void)pkn_settled_thread();
    return pool != 0 ? pool : pkn_current() != 0 ? pkn_current()->pool : pkern_pool_global();
}

/* Where there are no threads left but this one, one of those that are gone may hold the lock. */
PKN_INTERNAL void pkn_stats_lock(pkern_pool *pool) {
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_lock(&pool->lock);
    }
}

PKN_INTERNAL void pkn_stats_unlock(pkern_pool *pool) {
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_unlock(&pool->lock);
    }
}

/* Counts, then ticks on the watches. */
PKN_INTERNAL void pkn_stats_words(const pkn_member *member, uint64_t now, uint64_t *words) {
    for (int i = 0; i < PKN_TALLY_COUNTS; i++) {
        words[i] = pkn_count_read(&member->tally.count[i]);
    }
    for (int i = 0; i < PKN_TALLY_WATCHES; i++) {
        words[PKN_TALLY_COUNTS + i] = pkn_watch_read(&member->tally.watch[i], now);
    }
}

PKN_INTERNAL void pkn_stats_of_words(const uint64_t *words, double ticks_per_ns, pkern_slot_stats *stats) {
    const uint64_t *watch = words + PKN_TALLY_COUNTS;
    stats->jobs = words[PKN_TALLY_JOBS];
    stats->jobs_stolen = words[PKN_TALLY_JOBS_STOLEN];
    stats->jobs_injected = words[PKN_TALLY_JOBS_INJECTED];
    stats->joins_stolen = words[PKN_TALLY_JOINS_STOLEN];
    stats->steals_failed = words[PKN_TALLY_STEALS_FAILED];
    stats->steals_tried = stats->steals_failed + stats->jobs_stolen + stats->jobs_injected + stats->joins_stolen +
                          words[PKN_TALLY_LOOPS_HELPED];
    stats->spawns = words[PKN_TALLY_SPAWNS];
    stats->loops_shared = words[PKN_TALLY_LOOPS_SHARED];
    stats->loops_helped = words[PKN_TALLY_LOOPS_HELPED];
    stats->units_helped = words[PKN_TALLY_UNITS_HELPED];
    stats->broadcasts = words[PKN_TALLY_BROADCASTS];
    stats->sleeps = words[PKN_TALLY_SLEEPS];
    stats->wakes = words[PKN_TALLY_WAKES];
    stats->busy_ns = (uint64_t)((double)watch[PKN_TALLY_BUSY] / ticks_per_ns);
    stats->idle_ns = (uint64_t)((double)watch[PKN_TALLY_IDLE] / ticks_per_ns);
    stats->asleep_ns = (uint64_t)((double)watch[PKN_TALLY_ASLEEP] / ticks_per_ns);
}

/* The pool's own comparison of the clocks took only as long as its threads took to start. */
PKN_INTERNAL double pkn_ticks_per_ns_until(const pkern_pool *pool, uint64_t now_ticks, uint64_t now_ns) {
    uint64_t passed_ns = now_ns - pool->id;
    return passed_ns > 1000000 ? (double)(now_ticks - pool->created_ticks) / (double)passed_ns : pool->ticks_per_ns;
}

PKERN_API pkern_status pkern_pool_get_stats(pkern_pool *pool, pkern_pool_stats *stats, pkern_slot_stats *slots, int capacity) {
    if (stats == 0 || capacity < 0 || (slots == 0 && capacity != 0)) {
        return PKERN_EINVAL;
    }
    memset(stats, 0, sizeof *stats);
    pool = pkn_given_or_current(pool);
    if (pool->num_slots == 0) {
        return PKERN_OK;
    }
    uint64_t sums[PKN_TALLY_WORDS] = {0};
    uint64_t words[PKN_TALLY_WORDS];
    pkn_stats_lock(pool);
    uint64_t now_ticks = pkn_ticks(), now_ns = pkn_now_ns();
    double ticks_per_ns = pkn_ticks_per_ns_until(pool, now_ticks, now_ns);
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members); /* under the lock, or by the only thread */
    for (uint32_t i = 0; i < count; i++) {
        const pkn_member *member = pkn_member_at(pool, i);
        pkn_stats_words(member, now_ticks, words);
        for (int j = 0; j < PKN_TALLY_WORDS; j++) {
            /* a watch that was stopped a moment earlier than a reset saw it running */
            words[j] = words[j] > member->tally_base[j] ? words[j] - member->tally_base[j] : 0;
            sums[j] += words[j];
        }
        if (i < (uint32_t)capacity) {
            pkn_stats_of_words(words, ticks_per_ns, &slots[i]);
        }
        if (member->lane != 0) {
            stats->trace_events += pkn_count_read(&member->lane->recorded);
            stats->trace_dropped += pkn_count_read(&member->lane->dropped);
        }
    }
    stats->elapsed_ns = now_ns - pool->stats_since_ns;
    pkn_stats_unlock(pool);
    pkn_stats_of_words(sums, ticks_per_ns, &stats->total);
    uint64_t tried = stats->total.steals_tried;
    stats->steal_ratio = tried == 0 ? 0.0 : (double)(tried - stats->total.steals_failed) / (double)tried;
    stats->num_slots = (int)count;
    stats->trace = pool->trace_status;
    return PKERN_OK;
}

PKERN_API pkern_status pkern_pool_reset_stats(pkern_pool *pool) {
    pool = pkn_given_or_current(pool);
    if (pool->num_slots == 0) {
        return PKERN_OK;
    }
    pkn_stats_lock(pool);
    uint64_t now = pkn_ticks();
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *member = pkn_member_at(pool, i);
        pkn_stats_words(member, now, member->tally_base);
    }
    pool->stats_since_ns = pkn_now_ns();
    pkn_stats_unlock(pool);
    return PKERN_OK;
}

#endif
