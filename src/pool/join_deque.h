/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The join deque's public part, and its records' segments. The owner's fast path is in fork.h.

   Records have indices 0, 1, 2, ... from the first push on. [0, top) are stolen, [top, split) public, [split, end) private. top
   and split share one word, join_range, so that a steal (top + 1), an exposure (split up) and a taking back (split down) are
   each one compare-and-swap, and none can miss another: there is nothing to order between two words.
   Since joins nest, the owner always waits for its newest record. If that is public and not stolen, it is the last public one:
   the owner takes half of the public part back. If it is stolen, so is everything below it: the owner waits for the
   thief, and the part is empty again at that index.
   A record that is popped and pushed anew at the same index may be claimed by a thief that looked before: it reads the record only
   after its claim, so it runs the new one. A record is not reused before its join is complete, so growth links another segment
   and moves nothing.
   Source: van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014. */
#ifndef PKN_POOL_JOIN_DEQUE_H
#define PKN_POOL_JOIN_DEQUE_H

#include "pool/member.h"
#include "base/bits.h"
#include "pool/spawn_deque.h"

PKN_INLINE uint64_t pkn_join_pack(uint32_t top, uint32_t split) {
    return (uint64_t)top << 32 | split;
}

/* Segment k holds PKN_JOIN_SEGMENT_0 * 2^k records; index is in segment floor(log2(index / PKN_JOIN_SEGMENT_0 + 1)). */
PKN_INLINE pkn_slot *pkn_join_slot(const pkn_member *member, uint32_t index) {
    uint32_t segment = 63u - pkn_clz_u64(index / PKN_JOIN_SEGMENT_0 + 1u);
    uint32_t first = ((1u << segment) - 1u) * PKN_JOIN_SEGMENT_0;
    /* relaxed: a thief has the index from join_range, and with it what its owner did before */
    pkn_slot *slots = (pkn_slot *)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
    return slots + (index - first);
}

/* Owner only. Makes the next segment; 0, or 1 without memory. */
PKN_INTERNAL PKN_COLD int pkn_join_add_segment(pkn_member *owner) {
    uint32_t segment = owner->join_segments;
    if (segment == PKN_JOIN_SEGMENTS) {
        return 1;
    }
    uint32_t length = PKN_JOIN_SEGMENT_0 << segment;
    uint32_t first = ((1u << segment) - 1u) * PKN_JOIN_SEGMENT_0;
    pkn_slot *slots =
        (pkn_slot *)pkn_allocate(owner->pool->allocator, length * sizeof(pkn_slot), PKN_CACHE_LINE);
    if (slots == 0) {
        return 1;
    }
    memset(slots, 0, length * sizeof(pkn_slot));
    for (uint32_t i = 0; i < length; i++) {
        slots[i].owner = &owner->fork;
        slots[i].index = (first + i) & 0xffffffu;
    }
    slots[length - 1].flags = PKN_SLOT_LAST;
    pkn_atomic_store_relaxed_ptr(&owner->join_segment[segment], slots);
    owner->join_segments++;
    return 0;
}

/* Owner only. Makes the records [split, new_split) public, as jobs of the owner's present root. */
PKN_INTERNAL void pkn_join_expose(pkn_member *owner, uint32_t new_split) {
    for (uint32_t i = owner->split; i < new_split; i++) {
        pkn_slot *slot = pkn_join_slot(owner, i);
        slot->flags |= PKN_SLOT_PUBLIC;
        pkn_atomic_store_relaxed_u32(&slot->state, owner->root << 16 | PKN_SLOT_PENDING);
    }
    owner->split = new_split;
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    /* release: pairs with the thief's claim, which then reads the records */
    while (!pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, (range & ~(uint64_t)UINT32_MAX) | new_split)) {
    }
}

PKN_INLINE void pkn_join_make_private(pkn_slot *slot) {
    slot->flags = slot->flags & PKN_SLOT_LAST;
}

/* Owner only, the newest record, public. 1 where it is the owner's again, 0 where a thief has it. */
PKN_INTERNAL int pkn_join_try_take_back(pkn_member *owner, const pkn_slot *slot) {
    /* acquire, here and below: the thief may be a guest that is new, whose member the wait then looks at */
    uint64_t range = pkn_atomic_load_acquire_u64(&owner->join_range);
    for (;;) {
        uint32_t top = (uint32_t)(range >> 32);
        if (top > slot->index) {
            return 0;
        }
        uint32_t new_split = top + (slot->index - top) / 2;
        if (pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_pack(top, new_split))) {
            for (uint32_t i = new_split; i <= slot->index; i++) {
                pkn_join_make_private(pkn_join_slot(owner, i));
            }
            owner->split = new_split;
            return 1;
        }
    }
}

/* Any thread. The oldest public record, claimed, if the filter takes it; 0 else. With peek it is not claimed. */
PKN_INTERNAL pkn_slot *pkn_join_steal(pkn_member *victim, const pkn_filter *filter, int peek) {
    if (filter->scope != 0) {
        return 0;
    }
    /* acquire: pairs with expose; the segment and its root are read before the claim */
    uint64_t range = pkn_atomic_load_acquire_u64(&victim->join_range);
    uint32_t top = (uint32_t)(range >> 32);
    if (top >= (uint32_t)range) {
        return 0;
    }
    pkn_slot *slot = pkn_join_slot(victim, top);
    if (filter->by_root && pkn_atomic_load_relaxed_u32(&slot->state) >> 16 != filter->root) {
        return 0;
    }
    if (peek) {
        return slot;
    }
    /* acquire: pairs with expose; the record's words are read after this */
    if (!pkn_atomic_cas_acq_rel_u64(&victim->join_range, &range, pkn_join_pack(top + 1, (uint32_t)range))) {
        return 0;
    }
    if (top + 1 == (uint32_t)range) {
        pkn_atomic_store_relaxed_u32(&victim->fork.request, 1);
    }
    return slot;
}

#endif
