/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Episodic memory: vectors with the time at which they happened and a strength that fades. It is
   asked by content, by time or by both; what is recalled can be strengthened; from time to time it
   consolidates, so that what happened alike becomes one episode and what has faded is forgotten.

   Times are seconds or any other unit, from any origin; the half-life has the same unit. An
   episode of strength s at time t has s * 2^-((now - t) / half_life) at `now`. All episodes fade
   alike, so fading costs nothing: strengths are kept as they were at one common time, and a recall
   applies one factor. The common time is that of the first episode that an empty memory gets; one
   stored or strengthened more than 256 half-lives after it moves it there. Factors are 0 below
   2^-1000 and at most 2^1000, so that
   - an episode stored more than 1000 half-lives before the common time, or left so far behind when
     that moves, has strength 0 ever after, at a `now` near its own time too: after an episode at
     time 2000 half-lives, one stored at time 0 recalled at 0 has 0, not 1;
   - at a `now` more than 1000 half-lives after the common time every strength is 0.
   What gets below 2^-1022 on the way loses bits. Else a strength is right but for a relative error of
   2^-52 for each half-life on the way, from the time it was given to the common time (with its moves)
   and from there to now, and 2^-50.

   An episode's id is the number of episodes stored before it, 0 for the first; ids are never given
   again. One thread may change a memory at a time and nobody read it meanwhile; any number of
   recalls may run at once. What hdc.h says in common of all functions holds here too: results have
   the same bits for every number of threads. A time or strength that is infinite or not a number is
   PKERN_EINVAL, but for the ends of a recall's window, which may be infinite; so is a strength below
   0 or above 2^500.

   Source: the operations are those of an episodic engine by Luminous-Dynamics (symthaea, 2026); the
   common time of strengths and the consolidation are own. */
#ifndef PKN_HDC_EPISODES_H
#define PKN_HDC_EPISODES_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

typedef struct pkern_hdc_episodes pkern_hdc_episodes;

typedef struct pkern_hdc_episodes_config {
    size_t words;                     /* of a vector */
    size_t capacity;                  /* most episodes at once, 0 = no limit */
    double half_life;                 /* 0 = nothing fades */
    const pkern_allocator *allocator; /* 0 = malloc */
} pkern_hdc_episodes_config;

/* One episode as a recall gives it. */
typedef struct pkern_hdc_episode {
    uint64_t id;
    double first_time, last_time; /* they differ where episodes were merged */
    double strength;              /* at the time of the recall */
    double score;                 /* what recalls are sorted by */
    uint64_t count;               /* how many stored episodes it is made of */
    size_t place; /* of its vector, for pkern_hdc_episodes_vector; until the memory changes */
} pkern_hdc_episode;

/* Makes an empty memory. */
PKERN_API pkern_status pkern_hdc_episodes_create(const pkern_hdc_episodes_config *config,
                                                 pkern_hdc_episodes **episodes);

/* 0 is a no-op. */
PKERN_API void pkern_hdc_episodes_destroy(pkern_hdc_episodes *episodes);

PKERN_API size_t pkern_hdc_episodes_count(const pkern_hdc_episodes *episodes);

/* Of a vector. */
PKERN_API size_t pkern_hdc_episodes_words(const pkern_hdc_episodes *episodes);

/* The vector [words] at a place; 0 where there is none. Until the memory changes. */
PKERN_API const uint64_t *pkern_hdc_episodes_vector(const pkern_hdc_episodes *episodes,
                                                    size_t place);

/* Stores an episode. In a full memory it takes the place of the weakest one, of equals the oldest id
   (the new one itself where it is the weakest). vector may be one of the memory's own. id may be 0.
   Allocates where the memory grows, by half of its size; PKERN_ENOMEM changes nothing. */
PKERN_API pkern_status pkern_hdc_episodes_store(pkern_hdc_episodes *episodes,
                                                const uint64_t *vector, double time,
                                                double strength, uint64_t *id);

/* Recalls the k best episodes, best first, ties by lower id, of those with
       last_time >= from and first_time <= to
   (-INFINITY and INFINITY: all). By content, query [words]:
       score = (1 - 2 * hamming(query, vector) / bits) * strength at now
   that is 1 for the same vector, near 0 for an unrelated one, times the strength. By time alone, query
   0: score = strength at now. out is [k], *n_found at most k; PKERN_EINVAL where query overlaps one of
   them. query may be a vector of the memory's own. An exact search, in parallel.
   Allocates 24 * k bytes a part of the memory that is searched by itself. A score has the
   relative error of the strength, said above, and 2^-51. */
PKERN_API pkern_status pkern_hdc_episodes_recall(pkern_pool *pool,
                                                 const pkern_hdc_episodes *episodes,
                                                 const uint64_t *query, double from, double to,
                                                 double now, size_t k, pkern_hdc_episode *out,
                                                 size_t *n_found);

/* Adds amount, at least 0, to the strength that each of these episodes has at now: for what a recall
   has found. Ids that are not in the memory any more are passed over. Serial, O(n) a moved episode. */
PKERN_API pkern_status pkern_hdc_episodes_strengthen(pkern_hdc_episodes *episodes,
                                                     const pkern_hdc_episode *found, size_t n,
                                                     double amount, double now);

typedef struct pkern_hdc_consolidation {
    size_t merged;    /* episodes that went into others */
    size_t forgotten; /* episodes that were too weak */
} pkern_hdc_consolidation;

/* Forgets episodes whose strength at now, as a recall gives it, is below forget_below, then merges near duplicates: the
   strongest episode (of equals the lower id) takes in all whose similarity (1 - hamming / bits) to it is at least
   merge_above, then the strongest of those left does, and so on. A merged episode has the id of the
   strongest; as vector the majority of the vectors, each as often as its count, ties as the
   strongest has them; the earliest first and the latest last time; the sum of strengths and counts. merge_above > 1 merges nothing.
   result may be 0. All pairs are compared, in parallel: n^2 / 2 of them at most. Allocates as much
   as the memory itself has, and a few MB; PKERN_ENOMEM changes nothing. */
PKERN_API pkern_status pkern_hdc_episodes_consolidate(pkern_pool *pool,
                                                      pkern_hdc_episodes *episodes,
                                                      double merge_above, double forget_below,
                                                      double now, pkern_hdc_consolidation *result);

/* Saves to a file and loads from it: a loaded memory recalls, stores and consolidates as the saved
   one would, bit by bit, and gives the ids that come next. Capacity and half-life are the saved
   ones. The promises are those of pkern_hdc_store_save and pkern_hdc_store_load: a save that fails or
   is interrupted leaves the old file as it was, and every byte is under a checksum; numbers are
   little-endian. A loaded memory is a copy: the file may go. Recalls may go on during a save, changes
   may not. A save allocates twice the path, a load 8 bytes an episode beside the memory. Statuses
   of a load, which leaves *episodes 0 where it fails:
       PKERN_ENOENT     there is no such file
       PKERN_EIO        the system can't read it
       PKERN_EFORMAT    not a file of episodes
       PKERN_EVERSION   written by a newer pkern
       PKERN_ECORRUPT   damaged, cut off, or its contents can't be a memory's
       PKERN_ENOMEM */
PKERN_API pkern_status pkern_hdc_episodes_save(const pkern_hdc_episodes *episodes,
                                               const char *path);
PKERN_API pkern_status pkern_hdc_episodes_load(const char *path, const pkern_allocator *allocator,
                                               pkern_hdc_episodes **episodes);

PKERN_EXTERN_C_END

#endif
