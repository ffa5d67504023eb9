/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Joins: the one of two callbacks, typed join tasks where the compiler sees the user's function, and the owner's fast path of the
   join deque under both. All of it is inline in the user's file: a fork that nobody takes is a few stores and branches.

       PKERN_DEFINE_JOIN_TASK_1(long, fib, long, n) {
           long a, b;
           if (n < 2) {
               return n;
           }
           PKERN_JOIN(a = PKERN_CALL(fib, n - 1), b, fib, n - 2);
           return a + b;
       }
       long f = fib(pool, 35);

   PKERN_DEFINE_JOIN_TASK_n(result type, name, type 1, parameter 1, ...), n = 1 to 4, begins the definition of a task and also defines
   `name(pool, ...)`, which runs it from anywhere (pool 0 as everywhere). Arguments and result together fit in
   PKN_SLOT_PAYLOAD bytes. Inside a task:
   - PKERN_CALL(name, ...) is a plain call of a task;
   - PKERN_JOIN(statement, variable, name, ...) equals { statement; variable = name(...); } where the named task may run on another
     thread while the statement runs here. The statement is an assignment or an expression, with PKERN_CALLs in it.
   The named task's arguments are evaluated before or after the whole statement, so they must not read what it changes. In a forked child a task that
   another thread had taken runs again in line, since that thread is gone. A call that finds no place in its pool runs serially; inside of a task
   of another pool, that pool may take part.

   The deque: records of 64 bytes, `end` is the first free one. [top, split) is public, [split, end) private: pushing and popping there
   takes no fence and no atomic read-modify-write. A popped record knows by its own flags whether it may have been
   offered; a free record has none, so a push need not say so. See join_deque.h for the public part.

   In line: a join that is likely over soon (pkern_internal_room) runs as plain calls, and so do those inside of it. A typed task is compiled again
   for that, as plain recursive functions, which the compiler treats as any other. Should the guess be wrong, who finds no work for
   some time counts `hunger` up, and what began to run in line before calls tasks again where the turns of second sides come that look.
   Source: Blumofe and Leiserson 1999 (work stealing); van Dijk and van de Pol, "Lace", 2014 (split deque);
   Faxen, "Wool", 2008 (records in the deque); Duran, Corbalan and Ayguade, "An adaptive cut-off for task parallelism", 2008, and Acar,
   Chargueraud and Rainey, "Oracle scheduling", 2011 (calls instead of tasks where these would be short). */
#ifndef PKN_POOL_FORK_H
#define PKN_POOL_FORK_H

#include "pool/pool.h"

PKERN_EXTERN_C_BEGIN

typedef struct pkn_member pkn_member;
typedef struct pkn_fork_state pkn_fork_state;
typedef struct pkn_slot pkn_slot;

#define PKN_SLOT_PAYLOAD 40

/* state: the root in the upper half, once the record is public, one of these in the lower; PENDING in a private or free record */
enum { PKN_SLOT_PENDING = 0, PKN_SLOT_DONE = 1, PKN_SLOT_TAKEN_BY = 2 /* + index of the thief */ };
/* flags: perhaps offered to thieves, join_range tells; behind the last of its segment, stands for the first of the next; none at all, so
   that nothing can be pushed */
enum { PKN_SLOT_PUBLIC = 1, PKN_SLOT_BEHIND = 2, PKN_SLOT_OVERFLOW = 4 };

/* One offered task. */
struct pkn_slot {
    void (*run)(pkn_fork_state *self, pkn_slot *slot); /* 0: a callback of a pkern_join, see pkn_join_frame */
    pkn_fork_state *owner; /* for good */
    pkn_atomic_u32 state;
    pkn_atomic_u32 flags;  /* any makes a fork take the long way */
    uint64_t payload[PKN_SLOT_PAYLOAD / 8]; /* arguments and result */
} PKN_ALIGNED(PKN_CACHE_LINE);

/* Hunger is even. */
enum { PKN_HUNGER_STEP = 2, PKN_NOT_IN_LINE = 1 };

/* The part of a member that forks work on. */
struct pkn_fork_state {
    pkn_atomic_ptr end; /* the first free record */
    pkern_pool *pool;
    uint32_t in_line_at;    /* of pkern_join: runs in line as long as hunger is that */
    uint32_t in_line_depth; /* so many joins that run in line are under way, inside each other */
    /* A thief found nothing: the next push makes old records public. Its own line, since idle threads look at it often. */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 request;
    pkn_atomic_u32 hunger; /* counted up, in steps, by thieves that went on finding nothing */
} PKN_ALIGNED(PKN_CACHE_LINE);

/* Where the calling thread is in no pool, every push takes the long way. */
#define PKN_NO_SLOT {0, 0, {0}, {PKN_SLOT_OVERFLOW}, {0, 0, 0, 0, 0}}
#define PKN_FORK_OUTSIDE {{&pkern_internal_no_slot}, 0, PKN_NOT_IN_LINE, 0, {0}, {0}}

/* A call's stay in a pool: the member it works as, 0 where it runs serially, and the one to come back to. */
typedef struct pkn_entry {
    pkn_member *member;
    pkn_member *outer;
} pkn_entry;

/* What an entry from outside keeps on the stack. */
typedef struct pkn_fork_call {
    pkn_entry entry;
    pkn_fork_state serial; /* where there is no member: every push fails, so everything runs in line */
    pkn_slot slot;
} pkn_fork_call;

/* The member that the calling thread works as in the innermost task or install; outside of any one that can't be pushed to. */
#ifdef PKERN_STATIC
static pkn_slot pkern_internal_no_slot = PKN_NO_SLOT;
static pkn_fork_state pkern_internal_outside = PKN_FORK_OUTSIDE;
static PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self = &pkern_internal_outside;
#else
extern pkn_fork_state pkern_internal_outside;
extern PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self;
#endif

PKERN_API pkn_fork_state *pkern_internal_fork_enter(pkern_pool *pool, pkn_fork_call *call);
PKERN_API void pkern_internal_fork_leave(pkn_fork_call *call);
PKERN_API pkn_slot *pkern_internal_room(pkn_slot *end, uintptr_t what);
PKERN_API uint32_t pkern_internal_in_line_begin(void);
PKERN_API void pkern_internal_in_line_end(void);
PKERN_API void pkern_internal_share(pkn_slot *slot);
PKERN_API int pkern_internal_take_back(pkn_slot *slot);

PKN_ALWAYS_INLINE pkn_slot *pkn_end(const pkn_fork_state *self) {
    return (pkn_slot *)pkn_atomic_load_relaxed_ptr(&self->end);
}

/* release: a thief that sees the end sees the records before it */
PKN_ALWAYS_INLINE void pkn_set_end(pkn_fork_state *self, pkn_slot *end) {
    pkn_atomic_store_release_ptr(&self->end, end);
}

/* Nonzero where what began to run in line at that hunger goes on so. */
PKN_ALWAYS_INLINE int pkn_goes_on_in_line(const pkn_fork_state *self, uint32_t in_line_at) {
    return pkn_atomic_load_relaxed_u32(&self->hunger) == in_line_at;
}

/* The filled record becomes the newest one, for who has asked for work too. The record says whose it is: a register kept for that costs a
   push and a pop in every call, the shortest ones too. */
PKN_ALWAYS_INLINE void pkn_push(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    pkn_set_end(self, slot + 1);
    /* Who asks sets the request, has a barrier run on all threads, and then looks for records. So one of the two sees the other; the
       other way round an owner that is stopped in between would offer a record that nobody looks for any more. */
    pkn_fence_compiler();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&self->request) != 0)) {
        pkern_internal_share(slot);
    }
}

/* Lets go of the newest record. Nonzero where a thief may have it. */
PKN_ALWAYS_INLINE uint32_t pkn_pop_is_special(pkn_slot *slot) {
    pkn_set_end(slot->owner, slot);
    /* in this order for the compiler; for the processor a thief's barrier on all threads sees to it */
    pkn_fence_compiler();
    return pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_PUBLIC;
}

/* Takes the newest record back. Nonzero: the caller runs it; 0: a thief has run it. */
PKN_ALWAYS_INLINE int pkn_pop(pkn_slot *slot) {
    return PKN_LIKELY(!pkn_pop_is_special(slot)) ? 1 : pkern_internal_take_back(slot);
}

PKERN_API pkern_status pkern_internal_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);

PKN_INLINE pkern_status pkern_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    const pkn_fork_state *self = pkern_internal_self;
    if (PKN_UNLIKELY(!pkn_goes_on_in_line(self, self->in_line_at) || (pool != 0 && pool != self->pool) || a == 0 || b == 0)) {
        return pkern_internal_join(pool, a, a_ctx, b, b_ctx);
    }
    int a_status = a(a_ctx), b_status = b(b_ctx);
    return a_status != 0 ? a_status : b_status;
}

/* How a body is compiled: as a task; in line, where a second side looks whether it goes on so; and in line without that look, one or two levels down. Of
   these a compiler makes one function where the body is small, which is entered, and looks, once in some nodes. gcc inlines that into itself as well;
   clang never does so, and gets a level more. */
enum { PKN_AS_TASK, PKN_IN_LINE, PKN_IN_LINE_INSIDE, PKN_IN_LINE_INNERMOST };

#if defined(__clang__)
#define PKN_IN_LINE_LEVELS 3
#else
#define PKN_IN_LINE_LEVELS 2
#endif

/* How the sides of a join are called: joins alone go a level down, so that of those inside each other one in so many looks. */
PKN_ALWAYS_INLINE int pkn_way_of_sides(int way) {
    return way == PKN_IN_LINE ? PKN_IN_LINE_INSIDE : way == PKN_IN_LINE_INSIDE && PKN_IN_LINE_LEVELS > 2 ? PKN_IN_LINE_INNERMOST : PKN_IN_LINE;
}

#define PKERN_CALL(name, ...) name##_call(pkern_end, pkern_way_of_calls, pkern_in_line, __VA_ARGS__)

#define PKERN_JOIN(statement, variable, name, ...) \
    do { \
        pkn_slot *const pkn_before = pkern_end; \
        pkern_way_of_calls = pkn_way_of_sides(pkern_way); \
        if (pkn_before != 0) { \
            pkn_slot *const pkn_offered = name##_room(pkn_before); \
            if (pkn_offered != 0) { \
                name##_offer(pkn_offered, __VA_ARGS__); \
                pkern_end = pkn_offered + 1; \
            } else { \
                pkern_end = 0; \
                pkern_in_line = pkern_internal_in_line_begin(); \
            } \
            statement; \
            if (pkn_offered != 0) { \
                variable = name##_take(pkn_offered); \
            } else { \
                variable = name##_call_in_line(pkern_way, pkern_in_line, __VA_ARGS__); \
                pkern_internal_in_line_end(); \
            } \
            pkern_end = pkn_before; \
        } else { \
            statement; \
            variable = name##_call_in_line(pkern_way, pkern_in_line, __VA_ARGS__); \
        } \
        pkern_way_of_calls = pkern_way; \
    } while (0)

/* given: T1 p1, ... ; fields: T1 p1; ... ; store: f->p1 = p1; ... ; stored: f->p1, ... ; names: p1, ...
   In the body pkern_way is a constant, and that of its calls, too; pkern_end is a record or, in line, 0; pkern_in_line is the hunger that this began at. */
#define PKN_DEFINE_JOIN_TASK(R, name, given, fields, store, stored, names) \
    typedef struct PKN_MAY_ALIAS name##_frame { \
        fields R result; \
    } name##_frame; \
    typedef char name##_frame_fits[sizeof(name##_frame) <= PKN_SLOT_PAYLOAD ? 1 : -1]; \
    PKN_ALWAYS_INLINE R name##_body(pkn_slot *pkern_end, int pkern_way, int pkern_way_of_calls, uint32_t pkern_in_line, given); \
    PKN_INTERNAL R name##_task(pkn_slot *pkern_end, given) { \
        PKN_ASSUME(pkern_end != 0); \
        return name##_body(pkern_end, PKN_AS_TASK, PKN_AS_TASK, 0, names); \
    } \
    PKN_INLINE R name##_in_line(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE, PKN_IN_LINE, pkern_in_line, names); \
    } \
    PKN_INLINE R name##_inside(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE_INSIDE, PKN_IN_LINE_INSIDE, pkern_in_line, names); \
    } \
    PKN_INLINE R name##_innermost(uint32_t pkern_in_line, given) { \
        return name##_body(0, PKN_IN_LINE_INNERMOST, PKN_IN_LINE_INNERMOST, pkern_in_line, names); \
    } \
    PKN_ALWAYS_INLINE R name##_call(pkn_slot *pkern_end, int pkern_way, uint32_t pkern_in_line, given) { \
        return pkern_end != 0                        ? name##_task(pkern_end, names) \
               : pkern_way == PKN_IN_LINE_INSIDE    ? name##_inside(pkern_in_line, names) \
               : pkern_way == PKN_IN_LINE_INNERMOST ? name##_innermost(pkern_in_line, names) \
                                                     : name##_in_line(pkern_in_line, names); \
    } \
    PKN_ALWAYS_INLINE R name##_call_in_line(int pkern_way, uint32_t pkern_in_line, given) { \
        const pkn_fork_state *pkern_self = pkern_internal_self; \
        return pkern_way > PKN_IN_LINE || PKN_LIKELY(pkn_goes_on_in_line(pkern_self, pkern_in_line)) ? \
                   name##_call(0, pkn_way_of_sides(pkern_way), pkern_in_line, names) : \
                   name##_task(pkn_end(pkern_self), names); \
    } \
    PKN_INTERNAL void name##_stolen(pkn_fork_state *pkern_self, pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        f->result = name##_task(pkn_end(pkern_self), stored); \
    } \
    PKN_ALWAYS_INLINE pkn_slot *name##_room(pkn_slot *pkern_end) { \
        return pkern_internal_room(pkern_end, (uintptr_t)name##_stolen); \
    } \
    PKN_ALWAYS_INLINE void name##_offer(pkn_slot *pkern_slot, given) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        pkern_slot->run = name##_stolen; \
        store pkn_push(pkern_slot); \
    } \
    PKN_ALWAYS_INLINE R name##_take(pkn_slot *pkern_slot) { \
        name##_frame *f = (name##_frame *)(void *)pkern_slot->payload; \
        return PKN_LIKELY(pkn_pop(pkern_slot) != 0) ? name##_task(pkern_slot, stored) : f->result; \
    } \
    PKN_INTERNAL R name(pkern_pool *pkern_pool_given, given) { \
        pkn_fork_call pkern_call; \
        pkn_fork_state *pkern_self = pkern_internal_fork_enter(pkern_pool_given, &pkern_call); \
        R pkern_result = name##_task(pkn_end(pkern_self), names); \
        pkern_internal_fork_leave(&pkern_call); \
        return pkern_result; \
    } \
    PKN_ALWAYS_INLINE R name##_body(pkn_slot *pkern_end PKN_MAYBE_UNUSED, int pkern_way PKN_MAYBE_UNUSED, int pkern_way_of_calls PKN_MAYBE_UNUSED, \
                                       uint32_t pkern_in_line PKN_MAYBE_UNUSED, given)

#define PKN_COMMA ,

#define PKERN_DEFINE_JOIN_TASK_1(R, name, T1, p1) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1, \
                         T1 p1;, \
                         f->p1 = p1;, \
                         f->p1, p1)
#define PKERN_DEFINE_JOIN_TASK_2(R, name, T1, p1, T2, p2) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2, \
                         T1 p1; T2 p2;, \
                         f->p1 = p1; f->p2 = p2;, \
                         f->p1 PKN_COMMA f->p2, p1 PKN_COMMA p2)
#define PKERN_DEFINE_JOIN_TASK_3(R, name, T1, p1, T2, p2, T3, p3) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2 PKN_COMMA T3 p3, \
                         T1 p1; T2 p2; T3 p3;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3;, \
                         f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3, p1 PKN_COMMA p2 PKN_COMMA p3)
#define PKERN_DEFINE_JOIN_TASK_4(R, name, T1, p1, T2, p2, T3, p3, T4, p4) \
    PKN_DEFINE_JOIN_TASK(R, name, T1 p1 PKN_COMMA T2 p2 PKN_COMMA T3 p3 PKN_COMMA T4 p4, \
                         T1 p1; T2 p2; T3 p3; T4 p4;, \
                         f->p1 = p1; f->p2 = p2; f->p3 = p3; f->p4 = p4;, \
                         f->p1 PKN_COMMA f->p2 PKN_COMMA f->p3 PKN_COMMA f->p4, p1 PKN_COMMA p2 PKN_COMMA p3 PKN_COMMA p4)

PKERN_EXTERN_C_END

#endif
