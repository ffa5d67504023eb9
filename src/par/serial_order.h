/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Which piece of a tree of cuts comes first in serial order, so that of several failures the first
   is returned and what comes after it ends.

   A piece is cut again and again; each cut takes from its end. So the pieces cut from a piece come
   after what is left of it, the last cut first. A failure in a piece ends that piece, all that were
   cut from it, and for each piece on the way to the first one those that were cut from it before the
   way turned off. Whoever is not ended by the failures known so far comes before all of them. */
#ifndef PKN_PAR_SERIAL_ORDER_H
#define PKN_PAR_SERIAL_ORDER_H

#include "base/atomic.h"
#include "base/platform.h"
#include "pool/pool.h"

#define PKN_PLACE_ENDED UINT64_MAX

typedef struct pkn_place {
    struct pkn_place *parent;  /* what this piece was cut from, 0 for the first */
    uint64_t number;           /* of this cut among the parent's */
    uint64_t cuts;             /* made from this piece so far; its owner's */
    pkn_atomic_u64 stop_below; /* cuts with a lower number have to end; all ones: this piece too */
} pkn_place;

/* What the pieces of a call share. */
typedef struct pkn_course {
    pkern_cancel *cancel;
    pkn_atomic_u32 canceled; /* a piece has ended because of cancel */
    pkn_atomic_u32 failed;
    pkn_atomic_u32 lock; /* of status and stop_below */
    int status;          /* of the first failure in serial order */
} pkn_course;

PKN_INTERNAL void pkn_course_begin(pkn_course *course, const pkern_par_options *options) {
    memset(course, 0, sizeof *course);
    course->cancel = options != 0 ? options->cancel : 0;
}

PKN_INTERNAL void pkn_place_begin(pkn_place *place, pkn_place *parent) {
    place->parent = parent;
    place->number = parent != 0 ? parent->cuts++ : 0;
    place->cuts = 0;
    pkn_atomic_store_relaxed_u64(&place->stop_below, 0);
}

PKN_INTERNAL int pkn_place_ended(const pkn_place *place) {
    uint64_t number = PKN_PLACE_ENDED - 1;
    for (; place != 0; place = place->parent) {
        if (number < pkn_atomic_load_relaxed_u64(&place->stop_below)) {
            return 1;
        }
        number = place->number;
    }
    return 0;
}

/* 1 where the piece has nothing more to do: the call is cancelled, or it failed before. */
PKN_INLINE int pkn_must_end(pkn_course *course, const pkn_place *place) {
    if (PKN_UNLIKELY(pkern_cancel_requested(course->cancel))) {
        pkn_atomic_store_relaxed_u32(&course->canceled, 1);
        return 1;
    }
    return PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&course->failed) != 0) &&
           pkn_place_ended(place);
}

/* A callback failed in this piece. */
PKN_INTERNAL PKN_COLD void pkn_course_fail(pkn_course *course, pkn_place *place, int status) {
    uint32_t unlocked = 0;
    while (!pkn_atomic_cas_acq_rel_u32(&course->lock, &unlocked, 1)) {
        unlocked = 0;
        pkn_cpu_relax();
    }
    if (!pkn_place_ended(place)) {
        course->status = status;
        pkn_atomic_store_relaxed_u64(&place->stop_below, PKN_PLACE_ENDED);
        for (; place->parent != 0; place = place->parent) {
            pkn_atomic_u64 *stop_below = &place->parent->stop_below;
            if (pkn_atomic_load_relaxed_u64(stop_below) < place->number) {
                pkn_atomic_store_relaxed_u64(stop_below, place->number);
            }
        }
        pkn_atomic_store_relaxed_u32(&course->failed, 1);
    }
    /* release: the next one that fails sees our marks */
    pkn_atomic_store_release_u32(&course->lock, 0);
}

/* After all pieces have ended. */
PKN_INTERNAL pkern_status pkn_course_status(const pkn_course *course) {
    if (pkn_atomic_load_relaxed_u32(&course->failed) != 0) {
        return course->status;
    }
    return pkn_atomic_load_relaxed_u32(&course->canceled) != 0 ? PKERN_ECANCELED : PKERN_OK;
}

#endif
