/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The join deque's public part, and its records' segments. The owner's fast path is in fork.h.

   Records have indices 0, 1, 2, ... from the first push on. [0, top) are stolen, [top, split) public, [split, end) private. top
   and split share one word, join_range, so that a steal (top + 1), an exposure (split up) and a taking back (split down) are
   each one compare-and-swap, and none can miss another: there is nothing to order between two words. A version in the same word tells
   a range from one that looks the same later.
   Since joins nest, the owner always waits for its newest record. If that is public and not stolen, it is the last public one:
   the owner takes half of the public part back. If it is stolen, so is everything below it: the owner waits for the
   thief, and the part is empty again at that index.
   A record that is popped and pushed anew at the same index may be claimed by a thief that looked before: it reads the record only
   after its claim, so it runs the new one. A record is not reused before its join is complete, so growth links another segment
   and moves nothing.

   Private records become public when the owner pushes while `request` is set. An owner that does not push for long, since it computes or
   blocks, is robbed instead (pkn_join_steal_hidden). The thief marks the oldest private record PUBLIC, makes every thread pass a full
   fence, and looks whether that record is still there. If it is, the owner will see the mark when it pops it, and ask the range first. If the
   owner has popped it before the fence, or pops or pushes a marked record after it, the range gets a new version and the thief's
   claim fails. So the mark is only a hint to look at the range, and one that a late thief leaves behind costs the owner one long way.
   Whoever clears a mark does so before that change of the range, so that a thief which has seen the change marks anew.
   Source: van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014. */
#ifndef PKN_POOL_JOIN_DEQUE_H
#define PKN_POOL_JOIN_DEQUE_H

#include "pool/member.h"
#include "base/bits.h"
#include "base/membarrier.h"
#include "pool/spawn_deque.h"

/* join_range: version 24, top 20, split 20 */
#define PKN_JOIN_INDEX_BITS 20
#define PKN_JOIN_INDEX_MASK ((UINT32_C(1) << PKN_JOIN_INDEX_BITS) - 1u)

PKN_INLINE uint32_t pkn_join_top(uint64_t range) {
    return (uint32_t)(range >> PKN_JOIN_INDEX_BITS) & PKN_JOIN_INDEX_MASK;
}

PKN_INLINE uint32_t pkn_join_split(uint64_t range) {
    return (uint32_t)range & PKN_JOIN_INDEX_MASK;
}

/* The range that follows this one. */
PKN_INLINE uint64_t pkn_join_next(uint64_t range, uint32_t top, uint32_t split) {
    uint64_t version = (range >> 2 * PKN_JOIN_INDEX_BITS) + 1u;
    return version << 2 * PKN_JOIN_INDEX_BITS | (uint64_t)top << PKN_JOIN_INDEX_BITS | split;
}

/* Segment k holds PKN_JOIN_SEGMENT_0 * 2^k records; index is in segment floor(log2(index / PKN_JOIN_SEGMENT_0 + 1)). A record more, which
   is never filled, lies behind them: as the end of the deque it stands for the first one of the next segment, and has its index. */
PKN_INLINE uint32_t pkn_join_segment_first(uint32_t segment) {
    return ((1u << segment) - 1u) * PKN_JOIN_SEGMENT_0;
}

PKN_INLINE size_t pkn_join_segment_bytes(uint32_t segment) {
    return (((size_t)PKN_JOIN_SEGMENT_0 << segment) + 1u) * sizeof(pkn_slot);
}

PKN_INLINE pkn_slot *pkn_join_slot(const pkn_member *member, uint32_t index) {
    uint32_t segment = 63u - pkn_clz_u64(index / PKN_JOIN_SEGMENT_0 + 1u);
    uint32_t first = pkn_join_segment_first(segment);
    /* relaxed: a thief has the index from join_range or end, and with it what its owner did before */
    pkn_slot *slots = (pkn_slot *)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
    return slots + (index - first);
}

PKN_INTERNAL uint32_t pkn_join_index(const pkn_member *member, const pkn_slot *slot) {
    uint32_t first = 0, length = PKN_JOIN_SEGMENT_0;
    for (uint32_t segment = 0; segment < PKN_JOIN_SEGMENTS; segment++) {
        uintptr_t offset = (uintptr_t)slot - (uintptr_t)pkn_atomic_load_relaxed_ptr(&member->join_segment[segment]);
        if (offset <= length * sizeof(pkn_slot)) {
            return first + (uint32_t)(offset / sizeof(pkn_slot));
        }
        first += length;
        length *= 2;
    }
    return first;
}

/* Index of the first free record. Any thread; acquire: what is below is seen. */
PKN_INLINE uint32_t pkn_join_end(const pkn_member *member) {
    return pkn_join_index(member, (const pkn_slot *)pkn_atomic_load_acquire_ptr(&member->fork.end));
}

/* Owner only. Makes the next segment; 0, or 1 without memory. */
PKN_INTERNAL PKN_COLD int pkn_join_add_segment(pkn_member *owner) {
    uint32_t segment = owner->join_segments;
    if (segment == PKN_JOIN_SEGMENTS) {
        return 1;
    }
    uint32_t length = PKN_JOIN_SEGMENT_0 << segment;
    size_t bytes = pkn_join_segment_bytes(segment);
    pkn_slot *slots = (pkn_slot *)pkn_allocate(owner->pool->allocator, bytes, PKN_CACHE_LINE);
    if (slots == 0) {
        return 1;
    }
    memset((void *)slots, 0, bytes);
    for (uint32_t i = 0; i <= length; i++) {
        slots[i].owner = &owner->fork;
    }
    pkn_atomic_store_relaxed_u32(&slots[length].flags, PKN_SLOT_BEHIND);
    pkn_atomic_store_relaxed_ptr(&owner->join_segment[segment], slots);
    owner->join_segments++;
    return 0;
}

/* The record of a join of two callbacks. */
typedef struct PKN_MAY_ALIAS pkn_join_frame {
    pkern_task_fn fn;
    void *ctx;
    int status;
} pkn_join_frame;

/* Owner only. Offers a second side of two callbacks, where there is room for it. */
PKN_INTERNAL pkn_slot *pkn_join_fill(pkn_slot *slot, pkern_task_fn fn, void *ctx) {
    if (slot != 0) {
        pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
        frame->fn = fn;
        frame->ctx = ctx;
        slot->run = 0;
        pkn_push(slot);
    }
    return slot;
}

PKN_INLINE void pkn_join_mark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) | PKN_SLOT_PUBLIC);
}

PKN_INLINE void pkn_join_unmark(pkn_slot *slot) {
    pkn_atomic_store_relaxed_u32(&slot->flags, pkn_atomic_load_relaxed_u32(&slot->flags) & ~(uint32_t)PKN_SLOT_PUBLIC);
}

/* Owner only. Makes the private records below new_split public, as jobs of the owner's present root. Returns how many. */
PKN_INTERNAL uint32_t pkn_join_expose(pkn_member *owner, uint32_t new_split) {
    uint32_t root = pkn_root(owner);
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    for (;;) {
        uint32_t split = pkn_join_split(range);
        if (split >= new_split) {
            return 0;
        }
        for (uint32_t i = split; i < new_split; i++) {
            pkn_slot *slot = pkn_join_slot(owner, i);
            uint32_t state = pkn_atomic_load_relaxed_u32(&slot->state);
            pkn_join_mark(slot);
            if (state >> 16 != root && (state & 0xffffu) == PKN_SLOT_PENDING) {
                /* fails where a thief takes it as a hidden one at this moment; it has named the root */
                (void)pkn_atomic_cas_relaxed_u32(&slot->state, &state, root << 16 | PKN_SLOT_PENDING);
            }
        }
        /* release: pairs with the thief's claim, which then reads the records */
        if (pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), new_split))) {
            return new_split - split;
        }
    }
}

/* Owner only, the newest record, marked. 1 where it is the owner's again, 0 where a thief has it. */
PKN_INTERNAL int pkn_join_try_take_back(pkn_member *owner, uint32_t index) {
    /* acquire, here and below: the thief may be a guest that is new, whose member the wait then looks at */
    uint64_t range = pkn_atomic_load_acquire_u64(&owner->join_range);
    for (;;) {
        uint32_t top = pkn_join_top(range), split = pkn_join_split(range);
        if (top > index) {
            return 0;
        }
        int is_public = split > index;
        uint32_t half = top + (index - top) / 2;
        uint32_t new_split = !is_public ? split : half > owner->join_floor ? half : owner->join_floor;
        uint32_t first = is_public ? new_split : index;
        for (uint32_t i = first; i <= index; i++) {
            pkn_join_unmark(pkn_join_slot(owner, i));
        }
        if (pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, top, new_split))) {
            return 1;
        }
        /* a thief was faster, and some of these stay public */
        for (uint32_t i = first; i <= index; i++) {
            pkn_join_mark(pkn_join_slot(owner, i));
        }
    }
}

/* Owner only, the newest record: stolen and done, as all below it. It is the first free one again. */
PKN_INTERNAL void pkn_join_forget_stolen(pkn_member *owner, pkn_slot *slot, uint32_t index) {
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    pkn_join_unmark(slot);
    pkn_atomic_store_relaxed_u32(&slot->state, PKN_SLOT_PENDING);
    /* nobody else can change the word; release: the mark is gone for those who see the new range */
    pkn_atomic_store_release_u64(&owner->join_range, pkn_join_next(range, index, index));
}

/* Owner only. A free record was marked by a thief that came too late. */
PKN_INTERNAL PKN_COLD void pkn_join_refuse_mark(pkn_member *owner, pkn_slot *slot) {
    uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
    pkn_join_unmark(slot);
    while (!pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), pkn_join_split(range)))) {
    }
}

/* Owner only. The segment ends here, or a thief has marked the record too late. */
PKN_INTERNAL PKN_COLD pkn_slot *pkn_make_room(pkn_slot *slot) {
    uint32_t flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    if ((flags & PKN_SLOT_BEHIND) != 0) {
        uint32_t index = pkn_join_index(owner, slot);
        if (index == pkn_join_segment_first(owner->join_segments) && pkn_join_add_segment(owner) != 0) {
            return 0;
        }
        slot = pkn_join_slot(owner, index);
        flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    }
    if ((flags & PKN_SLOT_PUBLIC) != 0) {
        pkn_join_refuse_mark(owner, slot);
    }
    return slot;
}

/* Owner only. The record that a second side is to be filled into where `end` is the first free one; 0 without memory. */
PKN_INLINE pkn_slot *pkn_room(pkn_slot *end) {
    return PKN_LIKELY(pkn_atomic_load_relaxed_u32(&end->flags) == 0) ? end : pkn_make_room(end);
}

/* Any thread. The oldest public record, claimed, if the filter takes it; 0 else. With peek it is not claimed. */
PKN_INTERNAL pkn_slot *pkn_join_steal(pkn_member *victim, const pkn_filter *filter, int peek) {
    if (filter->scope != 0) {
        return 0;
    }
    /* acquire: pairs with expose; the segment and its root are read before the claim */
    uint64_t range = pkn_atomic_load_acquire_u64(&victim->join_range);
    uint32_t top = pkn_join_top(range);
    if (top >= pkn_join_split(range)) {
        return 0;
    }
    pkn_slot *slot = pkn_join_slot(victim, top);
    if (filter->by_root && !pkn_root_descends(victim->pool, pkn_atomic_load_relaxed_u32(&slot->state) >> 16, filter->root)) {
        return 0;
    }
    if (peek) {
        return slot;
    }
    /* release: pairs with the owner's look, who then looks at our member */
    if (!pkn_atomic_cas_acq_rel_u64(&victim->join_range, &range, pkn_join_next(range, top + 1, pkn_join_split(range)))) {
        return 0;
    }
    return slot;
}

/* Any thread, where the pool has_membarrier. The oldest private record, claimed, where none is public and the filter takes it; *root is its
   root. With peek it is only looked at. */
PKN_INTERNAL pkn_slot *pkn_join_steal_hidden(pkn_member *victim, const pkn_filter *filter, int peek, uint32_t *root) {
    /* acquire: pairs with the owner's changes, before which it cleared marks */
    uint64_t range = pkn_atomic_load_acquire_u64(&victim->join_range);
    uint32_t split = pkn_join_split(range);
    if (pkn_join_top(range) != split || filter->scope != 0 || pkn_join_end(victim) <= split) {
        return 0;
    }
    pkn_slot *slot = pkn_join_slot(victim, split);
    *root = pkn_root(victim);
    if (peek) {
        return filter->by_root && !pkn_root_descends(victim->pool, *root, filter->root) ? 0 : slot;
    }
    pkn_atomic_fetch_or_relaxed_u32(&slot->flags, PKN_SLOT_PUBLIC);
    pkn_fence_all_threads(1);
    /* the owner has its present root since before it pushed, and the claim fails where the record is another by now. The barrier has shown
       us the record, and the owner our member */
    *root = pkn_root(victim);
    if (pkn_join_end(victim) <= split || (filter->by_root && !pkn_root_descends(victim->pool, *root, filter->root)) ||
        !pkn_atomic_cas_fenced_u64(&victim->join_range, &range, pkn_join_next(range, split + 1, split + 1))) {
        return 0;
    }
    return slot;
}

#endif
