/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Parallel work that is no plain range: trees, work that the user knows how to divide, blocks one
   after another, items that a serial source gives; and state that tasks borrow.

   What par.h says of pools, callbacks, failures and memory holds here too. Of the options only
   cancel has a meaning, but for pkern_par_for_blocks, which takes all of them. */
#ifndef PKN_PAR_FLOW_H
#define PKN_PAR_FLOW_H

#include "base/base.h"
#include "par/par.h"

PKERN_EXTERN_C_BEGIN

/* ---- blocks ---- */

/* pkern_par_for on one block after another: the next begins when the last has ended. Equals
       for (i = begin; i < end; i += len)
           if ((status = body(i, min(end, i + len), ctx)) != 0) return status;
   with len = block_len, or, where block_len is 0, T, 2 T, 4 T ... for a pool of T threads. Within a
   block, body gets pieces as in pkern_par_for. For searches that should end soon after the first
   hit (body returns a code of its own) and for work that should stay in the caches. No block is
   begun after one that failed. options are those of pkern_par_for; progress counts the items of all
   blocks. begin > end, body 0 or bad options are PKERN_EINVAL. Allocates nothing.
   Source: Rayon's by_uniform_blocks and by_exponential_blocks. */
PKERN_API pkern_status pkern_par_for_blocks(pkern_pool *pool, size_t begin, size_t end,
                                            size_t block_len, const pkern_par_options *options,
                                            pkern_range_fn body, void *ctx);

/* ---- trees ---- */

enum {
    PKERN_WALK_ANY = 0,    /* the fastest; at present as PREFIX */
    PKERN_WALK_PREFIX = 1, /* a node is visited before its children are asked for */
    PKERN_WALK_POSTFIX = 2 /* a node is visited after all nodes below it */
};

/* A walk under way, as children sees it. */
typedef struct pkern_walk pkern_walk;

/* Calls visit(node, ctx) on every node of a tree. Equals, for PKERN_WALK_PREFIX,
       walk(node): visit(node, ctx); children(node, walk, ctx); for each child pushed: walk(child);
   for PKERN_WALK_POSTFIX the visit stands last. children names a node's children by
   pkern_walk_push, first to last, or returns not 0 to fail. A node is a pointer that the library
   never looks behind; root 0 is an empty tree. Trees may be of any shape, and as deep as there is
   memory: the walk does not recurse.
   visit sees what the visits before it in the chosen order wrote on its way to or from the root;
   the order of other nodes is open. Every node is visited once; a node that hangs in two places is
   visited twice, so what is no tree but has no cycle is walked as the tree of its paths.
   The failure that a serial walk would meet first is returned; nodes before it in serial order are
   visited, nodes after it are not begun once it is known. options->cancel is asked before each node.
   children or visit 0, or an unknown order, is PKERN_EINVAL. PKERN_ENOMEM: children could not be
   remembered; nodes may have been visited. Allocates about 1 KiB each time another thread takes a
   part, and 24 bytes a node that waits for its turn where a part has more than 24 of these.
   Source: Rayon's walk_tree; cuts on demand are own. */
PKERN_API pkern_status pkern_walk_tree(pkern_pool *pool, void *root, int order,
                                       const pkern_par_options *options,
                                       int (*children)(void *node, pkern_walk *walk, void *ctx),
                                       int (*visit)(void *node, void *ctx), void *ctx);

/* Names the next child; inside of children only. 0 is no child and is passed over, so that both
   sides of a binary node can be pushed as they are. */
PKERN_API void pkern_walk_push(pkern_walk *walk, void *child);

/* ---- work that the user divides ---- */

/* Runs divisible work. split(work, right, ctx) either moves a part of work, the one that comes
   after the rest, to right (size bytes of raw memory, aligned to 64) and returns not 0, or leaves
   both alone and returns 0: the work can't be divided. leaf(work, ctx) does the work. Equals
       leaf(work, ctx);
   for a split after which doing work, then right, is the whole. A right part is forgotten after its
   leaf, so what it owns leaf must give back; after a failure or a cancel parts are forgotten without
   a leaf.
   How often: the work is cut while a count that starts at T and is halved by each cut is not 0; a
   part that another thread took starts again at T. So about 2 T leaves where all is even, more
   where threads come asking. split is called by the thread that has the part.
   Of several failures of leaf the one of the leftmost part is returned; parts to the left of a
   failure are all done, parts to the right are not begun once it is known. options->cancel is
   asked before each split and leaf. size 0, or work, split or leaf 0, is PKERN_EINVAL; a size near
   SIZE_MAX is PKERN_EOVERFLOW. Which parts there are depends on timing. Allocates only where
   size is above 128: a part for each cut; without memory nothing is cut.
   Source: Rayon's iter::split and its adaptive splitter. */
PKERN_API pkern_status pkern_par_split(pkern_pool *pool, void *work, size_t size,
                                       const pkern_par_options *options,
                                       int (*split)(void *work, void *right, void *ctx),
                                       int (*leaf)(void *work, void *ctx), void *ctx);

/* ---- items of a serial source ---- */

/* Where items come from and what is done with them. */
typedef struct pkern_source {
    size_t item_size; /* bytes of an item, any but 0; items are aligned to 64 */
    size_t window;    /* items in memory at once, 0 = 4 T */
    /* fills item, whose bytes are of any value before. 0: done so, PKERN_EEMPTY: there is no more,
       else a failure */
    int (*next)(void *item, void *ctx);
    /* works on an item, may change it. 0 or a failure */
    int (*body)(void *item, void *ctx);
    /* takes an item after its body, in the order of next; 0 = there is nothing to take. 0 or a
       failure */
    int (*emit)(void *item, void *ctx);
    void *ctx;
} pkern_source;

/* Runs body on the items that a serial source gives: a file's lines, a list, a queue. Equals
       while ((status = next(item, ctx)) == 0)
           if ((status = body(item, ctx)) != 0 || (status = emit(item, ctx)) != 0) return status;
       return status == PKERN_EEMPTY ? PKERN_OK : status;
   next is called by one thread at a time, emit by one thread at a time and in the order of next;
   next, emit and the bodies of several items run at once, on any threads. At most window items are
   between next and the end of their body or emit; without emit at most T, too.
   Callbacks may call pkern. next may take its time: other threads sleep where there is nothing to do.
   Every item that next filled is given to body once. Of several failures the lowest item's is
   returned (that of next counts for the item that it should have filled), the same at any number of
   threads where the callbacks' answers are. After one nothing more is read, items below are
   finished and emitted, items above are not emitted. options->cancel is asked before each call of
   next; what was read is then finished and emitted.
   source, next or body 0, or item_size 0, is PKERN_EINVAL; a window too large for size_t is
   PKERN_EOVERFLOW; PKERN_ENOMEM: nothing was read. An item costs some ten ns where one thread reads
   on and on, and some hundred where threads meet at the source, so it should be a microsecond of
   work or more. Allocates window items, and a few words for each of pkern_pool_num_slots.
   Source: Rayon's par_bridge; bounded and ordered as TBB's pipeline. */
PKERN_API pkern_status pkern_par_from(pkern_pool *pool, const pkern_source *source,
                                      const pkern_par_options *options);

/* ---- state that tasks borrow ---- */

/* States that are expensive to make (scratch memory, a generator, a partial result): about one for
   each thread that is at work, whatever the number of items. */
typedef struct pkern_locals pkern_locals;

/* Makes an empty set. A state is size bytes, aligned to 64 and zeroed, then init(state, ctx) where
   init is not 0; it is made when a thread first needs it and lives until the set is destroyed, when
   fini(state, ctx) is called where fini is not 0. init returns 0, or anything else where it failed.
   The set has to be destroyed before its pool.
   Errors: PKERN_EINVAL (locals is 0, size is 0), PKERN_EOVERFLOW (size is near SIZE_MAX),
   PKERN_ENOMEM; *locals is then 0. Allocates 64 bytes for each of pkern_pool_num_slots. */
PKERN_API pkern_status pkern_locals_create(pkern_pool *pool, size_t size,
                                           int (*init)(void *state, void *ctx),
                                           void (*fini)(void *state, void *ctx), void *ctx,
                                           pkern_locals **locals);

/* Borrows a state that nobody else has until it is released: the one of the calling thread's slot
   in the pool, as it was left, so its memory is near. Where that one is borrowed already, since this
   thread waits in one task and runs another meanwhile, a spare one: a task never sees the state of a
   task it interrupts. A thread that is not inside of the pool gets a spare one, too. Any thread; from
   init, too. 0 where there is no memory or init failed (that state is dropped without fini). Takes no
   lock, but for a spare one.
   Source: own; asked for in Rayon's issues 718 and 941. */
PKERN_API void *pkern_locals_acquire(pkern_locals *locals);

/* Gives a state back; any thread. The next borrower sees what was written to it. 0 is a no-op. */
PKERN_API void pkern_locals_release(pkern_locals *locals, void *state);

/* Calls fn(state, ctx) on every state made so far, in any order, on the caller; the first that is
   not 0 ends it and is returned. While it runs nobody may acquire. Errors: PKERN_EINVAL (locals or
   fn is 0), PKERN_EDEADLK where a state is still borrowed: fn was not called. */
PKERN_API pkern_status pkern_locals_each(pkern_locals *locals, int (*fn)(void *state, void *ctx),
                                         void *ctx);

/* Calls fini on every state and frees everything; 0 is a no-op. Errors: PKERN_EDEADLK where a state
   is still borrowed: nothing was done. */
PKERN_API pkern_status pkern_locals_destroy(pkern_locals *locals);

PKERN_EXTERN_C_END

#endif
