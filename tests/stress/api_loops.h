/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random calls of the par layer over ranges of items, each with what it has to give: for, blocks, chunks, split, from, map, reduce,
   walks, borrowed state. An item is counted when it runs; some fail; one may make calls of its own or ask for a cancel. */
#ifndef PKN_TESTS_API_LOOPS_H
#define PKN_TESTS_API_LOOPS_H

#include "api_world.h"

#define NO_ITEM SIZE_MAX

typedef struct items {
    place             at;
    size_t            n, first; /* items are numbered from first */
    uint8_t          *ran;
    size_t            fails[2];  /* items that fail, or NO_ITEM */
    size_t            calls;     /* the item that makes calls */
    size_t            cancels;   /* the item that asks for a cancel */
    int               was_asked; /* before the call */
    pkern_cancel      cancel;
    pkern_par_options options;
    size_t            reported, done; /* progress: calls, the last one's items; plain, since it is serialized */
} items;

static int items_progress(size_t done, size_t total, void *user) {
    items *x = (items *)user;
    CHECK(total == x->n && done <= total && done >= x->done);
    x->reported++;
    x->done = done;
    return 0;
}

/* 0, or the item's code. */
static int items_one(items *x, size_t i) {
    CHECK(i >= x->first && i - x->first < x->n);
    CHECK(__atomic_fetch_add(&x->ran[i - x->first], 1, __ATOMIC_RELAXED) == 0);
    if (i == x->calls) {
        place below = place_below(&x->at, i);
        if (below.depth > 0) api_run(&below);
    }
    if (i == x->cancels) pkern_cancel_request(&x->cancel);
    return i == x->fails[0] || i == x->fails[1] ? 1 + (int)(i % 1000) : 0;
}

static int items_range(size_t begin, size_t end, void *ctx) {
    items *x = (items *)ctx;
    size_t longest = x->options.max_len;
    CHECK(begin < end && (longest == 0 || end - begin <= longest));
    CHECK(end - begin >= x->options.min_len || end - x->first == x->n || longest == 1);
    for (size_t i = begin; i < end; i++) {
        int code = items_one(x, i);
        if (code) return code;
    }
    return 0;
}

static items *draw_items(stream *s, const place *at, size_t n) {
    items *x = (items *)get_memory(sizeof *x);
    x->at = *at;
    x->n = n;
    x->ran = (uint8_t *)get_memory(n);
    x->fails[0] = x->fails[1] = x->calls = x->cancels = NO_ITEM;
    if (n && chance(s, 4)) x->fails[0] = (size_t)draw(s, n);
    if (n && chance(s, 8)) x->fails[1] = (size_t)draw(s, n);
    if (n && chance(s, 3)) x->calls = (size_t)draw(s, n);
    if (chance(s, 6)) {
        x->options.cancel = &x->cancel;
        if (n && chance(s, 2)) x->cancels = (size_t)draw(s, n);
        x->was_asked = chance(s, 6);
        if (x->was_asked) pkern_cancel_request(&x->cancel);
    }
    return x;
}

/* What only a loop obeys. */
static void draw_bounds(items *x, stream *s) {
    static const double costs[] = {0, 0, 0, 1, 50, 3000, 1e6};
    if (chance(s, 3)) x->options.min_len = 1 + draw_size(s, 50);
    if (chance(s, 3)) x->options.max_len = x->options.min_len + 1 + draw_size(s, 20);
    x->options.item_cost_ns = costs[draw(s, 7)];
    if (chance(s, 5)) {
        x->options.progress = items_progress;
        x->options.progress_user = x;
    }
}

/* After a call that goes as far as a serial loop does: the lowest failure, all items below it. */
static void check_items(items *x, pkern_status status) {
    size_t lowest = pkn_min_size(x->fails[0], x->fails[1]), done = x->n, sum = 0;
    if (memory_ran_out(&x->at, status)) return;
    for (size_t i = 0; i < x->n; i++) sum += x->ran[i];
    if (status == PKERN_ECANCELED) {
        CHECK(pkern_cancel_requested(x->options.cancel));
        CHECK(!x->was_asked || sum == 0);
        return;
    }
    CHECK(!x->was_asked || x->n == 0);
    if (lowest != NO_ITEM) {
        CHECK(status > 0 || x->cancels != NO_ITEM);
        /* beside a cancel another failure than the lowest may be all there is */
        if (x->cancels == NO_ITEM) CHECK(status == 1 + (int)(lowest % 1000));
        else CHECK(status == 1 + (int)(x->fails[0] % 1000) || status == 1 + (int)(x->fails[1] % 1000));
        done = x->cancels == NO_ITEM ? lowest + 1 - x->first : 0;
    } else {
        CHECK(status == PKERN_OK);
        if (x->options.progress) CHECK(x->n == 0 || (x->reported > 0 && x->done == x->n));
    }
    for (size_t i = 0; i < done; i++) CHECK(x->ran[i] == 1);
}

static void free_items(items *x) {
    free(x->ran);
    free(x);
}

/* ---- for, blocks, chunks ---- */

static PKN_NOINLINE void call_for(stream *s, place *at) {
    items *x = draw_items(s, at, draw_size(s, chance(s, 20) ? 100000 : 3000));
    size_t block = draw_size(s, 200);
    int    kind = (int)draw(s, 4);
    draw_bounds(x, s);
    if (chance(s, 6) && kind < 3) { /* as high as indices go */
        x->first = SIZE_MAX - x->n;
        for (int i = 0; i < 2; i++) x->fails[i] = x->fails[i] == NO_ITEM ? NO_ITEM : x->fails[i] + x->first;
        x->calls = x->cancels = NO_ITEM;
    }
    if (kind == 3) {
        x->options.min_len = 0; /* blocks may be shorter */
        check_items(x, pkern_par_for_blocks(draw_pool(s, at), x->first, x->first + x->n, block, &x->options, items_range, x));
    } else {
        check_items(x, pkern_par_for(draw_pool(s, at), x->first, x->first + x->n, &x->options, items_range, x));
    }
    free_items(x);
}

typedef struct chunks {
    items  *of;
    size_t  chunk_len;
    char   *base;
} chunks;

static int chunks_one(void *chunk, size_t len, size_t index, void *ctx) {
    chunks *c = (chunks *)ctx;
    size_t  begin = index * c->chunk_len;
    CHECK((char *)chunk == c->base + begin && len == pkn_min_size(c->chunk_len, c->of->n - begin));
    for (size_t i = begin; i < begin + len; i++) {
        int code = items_one(c->of, i);
        if (code) return code;
        c->base[i] = 1; /* plain: who else writes it races */
    }
    return 0;
}

static PKN_NOINLINE void call_chunks(stream *s, place *at) {
    chunks c;
    c.of = draw_items(s, at, draw_size(s, 3000));
    c.chunk_len = 1 + draw_size(s, 300);
    c.base = (char *)get_memory(c.of->n);
    draw_bounds(c.of, s);
    check_items(c.of, pkern_par_chunks(draw_pool(s, at), c.base, c.of->n, 1, c.chunk_len, &c.of->options, chunks_one, &c));
    free(c.base);
    free_items(c.of);
}

/* ---- split, from ---- */

typedef struct part {
    size_t begin, end, least;
    char   fill[200]; /* of parts that don't fit on the stack: see size */
} part;

static int part_split(void *work, void *right, void *ctx) {
    part *mine = (part *)work, *other = (part *)right;
    (void)ctx;
    if (mine->end - mine->begin <= mine->least) return 0;
    other->begin = mine->begin + (mine->end - mine->begin) / 2;
    other->end = mine->end;
    other->least = mine->least;
    mine->end = other->begin;
    return 1;
}

static int part_leaf(void *work, void *ctx) {
    part *mine = (part *)work;
    for (size_t i = mine->begin; i < mine->end; i++) {
        int code = items_one((items *)ctx, i);
        if (code) return code;
    }
    return 0;
}

static PKN_NOINLINE void call_split(stream *s, place *at) {
    items *x = draw_items(s, at, draw_size(s, 2000));
    part  *p = (part *)get_memory(sizeof *p);
    p->end = x->n;
    p->least = 1 + draw_size(s, 100);
    check_items(x, pkern_par_split(draw_pool(s, at), p, chance(s, 2) ? sizeof *p : offsetof(part, fill), &x->options, part_split,
                                   part_leaf, x));
    free(p);
    free_items(x);
}

typedef struct serial {
    items *of;
    size_t next, emitted, window; /* plain: one thread at a time */
    size_t inside;                /* atomic */
    int    next_fails;
} serial;

static int serial_next(void *item, void *ctx) {
    serial *c = (serial *)ctx;
    if (c->next == c->of->n) return c->next_fails ? 77 : PKERN_EEMPTY;
    CHECK(__atomic_add_fetch(&c->inside, 1, __ATOMIC_RELAXED) <= c->window);
    *(size_t *)item = c->next++;
    return 0;
}

static int serial_body(void *item, void *ctx) {
    serial *c = (serial *)ctx;
    size_t *i = (size_t *)item;
    int     code = items_one(c->of, *i);
    *i *= 3;
    return code;
}

static int serial_emit(void *item, void *ctx) {
    serial *c = (serial *)ctx;
    CHECK(*(size_t *)item == 3 * c->emitted);
    c->emitted++;
    __atomic_fetch_sub(&c->inside, 1, __ATOMIC_RELAXED);
    return 0;
}

static PKN_NOINLINE void call_from(stream *s, place *at) {
    serial       c = {draw_items(s, at, draw_size(s, 300)), 0, 0, SIZE_MAX, 0, chance(s, 6)};
    pkern_source source;
    int          emits = chance(s, 2), was_asked = c.of->was_asked;
    size_t       lowest = pkn_min_size(c.of->fails[0], c.of->fails[1]);
    memset(&source, 0, sizeof source);
    source.item_size = sizeof(size_t);
    source.window = draw_size(s, 20);
    source.next = serial_next;
    source.body = serial_body;
    source.emit = emits ? serial_emit : 0;
    source.ctx = &c;
    if (emits && source.window) c.window = source.window;
    pkern_status status = pkern_par_from(draw_pool(s, at), &source, &c.of->options);
    if (memory_ran_out(at, status)) {
        CHECK(c.next == 0);
    } else if (status == PKERN_ECANCELED) {
        CHECK(pkern_cancel_requested(c.of->options.cancel) && (!was_asked || c.next == 0));
        for (size_t i = 0; i < c.next; i++) CHECK(c.of->ran[i] == 1);
        CHECK(!emits || c.emitted == c.next);
    } else {
        CHECK(!was_asked);
        for (size_t i = 0; i < c.next; i++) CHECK(c.of->ran[i] == 1); /* what was read was done */
        if (lowest != NO_ITEM) {
            CHECK(status == 1 + (int)(lowest % 1000));
            CHECK(!emits || c.emitted == lowest);
        } else {
            CHECK(status == (c.next_fails ? 77 : PKERN_OK) && c.next == c.of->n);
            CHECK(!emits || c.emitted == c.of->n);
        }
    }
    free_items(c.of);
}

/* ---- map, reduce ---- */

typedef struct mapped {
    items          *of;
    const uint32_t *in;
} mapped;

static int map_one(const void *in, void *out, void *ctx) {
    mapped *m = (mapped *)ctx;
    int     code = items_one(m->of, (size_t)((const uint32_t *)in - m->in));
    if (code) return code;
    *(uint64_t *)out = pkn_mix_u64(*(const uint32_t *)in);
    return 0;
}

static PKN_NOINLINE void call_map(stream *s, place *at) {
    mapped    m;
    items    *x = m.of = draw_items(s, at, draw_size(s, 2000));
    uint32_t *in = (uint32_t *)get_memory(x->n * sizeof *in);
    uint64_t *out = (uint64_t *)get_memory(x->n * sizeof *out);
    m.in = in;
    for (size_t i = 0; i < x->n; i++) in[i] = (uint32_t)pkn_random_at(at->path, i);
    draw_bounds(x, s);
    pkern_status status = pkern_par_map(draw_pool(s, at), in, sizeof *in, out, sizeof *out, x->n, &x->options, map_one, &m);
    check_items(x, status);
    for (size_t i = 0; status == PKERN_OK && i < x->n; i++) CHECK(out[i] == pkn_mix_u64(in[i]));
    free(in);
    free(out);
    free_items(x);
}

/* x -> scale x + shift: associative, not commutative */
typedef struct affine {
    uint64_t scale, shift;
    char     fill[64]; /* of large accumulators */
} affine;

static void affine_identity(void *acc, void *ctx) {
    (void)ctx;
    ((affine *)acc)->scale = 1;
    ((affine *)acc)->shift = 0;
}

static void affine_combine(void *acc, const void *right, void *ctx) {
    affine       *a = (affine *)acc;
    const affine *b = (const affine *)right;
    (void)ctx;
    a->shift = a->shift * b->scale + b->shift;
    a->scale *= b->scale;
}

static int affine_fold(void *acc, size_t begin, size_t end, void *ctx) {
    items *x = (items *)ctx;
    for (size_t i = begin; i < end; i++) {
        affine one = {2 * pkn_random_at(x->at.path, i) + 1, i, {0}};
        int    code = items_one(x, i);
        if (code) return code;
        affine_combine(acc, &one, 0);
    }
    return 0;
}

static PKN_NOINLINE void call_reduce(stream *s, place *at) {
    items        *x = draw_items(s, at, draw_size(s, 3000));
    affine       *result = (affine *)get_memory(2 * sizeof *result), *expected = result + 1;
    pkern_reducer reducer = {chance(s, 2) ? sizeof(affine) : offsetof(affine, fill), affine_identity, affine_fold, affine_combine, x};
    draw_bounds(x, s);
    result->scale = result->shift = 4711;
    affine_identity(expected, 0);
    for (size_t i = 0; i < x->n; i++) {
        affine one = {2 * pkn_random_at(at->path, i) + 1, i, {0}};
        affine_combine(expected, &one, 0);
    }
    if (x->options.min_len == 0) x->options.max_len = 0;
    pkern_status status = pkern_par_reduce(draw_pool(s, at), 0, x->n, &x->options, &reducer, result);
    if (status == PKERN_OK) CHECK(result->scale == expected->scale && result->shift == expected->shift);
    else CHECK(result->scale == 4711 && result->shift == 4711);
    check_items(x, status);
    free(result);
    free_items(x);
}

/* ---- trees ---- */

typedef struct walk_node {
    size_t            number; /* in serial order */
    struct walk_node *parent, *first_child, *last_child, *next;
} walk_node;

typedef struct walk_of {
    items *of;
    int    is_postfix;
} walk_of;

static int walk_children(void *node, pkern_walk *walk, void *ctx) {
    (void)ctx;
    for (walk_node *child = ((walk_node *)node)->first_child; child; child = child->next) pkern_walk_push(walk, child);
    return 0;
}

static int walk_visit(void *node, void *ctx) {
    walk_of   *w = (walk_of *)ctx;
    walk_node *n = (walk_node *)node;
    if (w->is_postfix) {
        for (walk_node *child = n->first_child; child; child = child->next)
            CHECK(__atomic_load_n(&w->of->ran[child->number], __ATOMIC_RELAXED) == 1);
    } else if (n->parent) {
        CHECK(__atomic_load_n(&w->of->ran[n->parent->number], __ATOMIC_RELAXED) == 1);
    }
    return items_one(w->of, n->number);
}

/* A random tree in serial order: each node hangs under one of the path to the node before it. */
static walk_node *make_tree(const items *x, uint64_t bushy, int is_postfix) {
    walk_node *nodes = (walk_node *)get_memory((x->n + 1) * sizeof *nodes), *last = nodes;
    size_t     closed = 0;
    for (size_t i = 0; i < x->n; i++) {
        walk_node *mine = &nodes[i];
        for (uint64_t up = pkn_random_at(x->at.path, i) % bushy; i && up && last->parent; up--) {
            if (is_postfix) last->number = closed++;
            last = last->parent;
        }
        if (i) {
            mine->parent = last;
            if (last->last_child) last->last_child->next = mine;
            else last->first_child = mine;
            last->last_child = mine;
        }
        mine->number = i;
        last = mine;
    }
    for (; is_postfix && x->n && last; last = last->parent) last->number = closed++;
    return nodes;
}

static PKN_NOINLINE void call_walk(stream *s, place *at) {
    walk_of    w;
    items     *x = w.of = draw_items(s, at, draw_size(s, 400));
    int        order = (int)draw(s, 3);
    w.is_postfix = order == PKERN_WALK_POSTFIX;
    walk_node *nodes = make_tree(x, 1 + draw(s, 6), w.is_postfix);
    check_items(x, pkern_walk_tree(draw_pool(s, at), x->n ? nodes : 0, order, &x->options, walk_children, walk_visit, &w));
    free(nodes);
    free_items(x);
}

/* ---- borrowed state ---- */

typedef struct borrowed {
    items        *of;
    pkern_locals *locals;
    size_t        missed; /* items that got no state, for want of memory; atomic */
    size_t        sum, states;
} borrowed;

static int borrowed_range(size_t begin, size_t end, void *ctx) {
    borrowed *b = (borrowed *)ctx;
    for (size_t i = begin; i < end; i++) {
        size_t *mine = (size_t *)pkern_locals_acquire(b->locals);
        int     code = items_one(b->of, i);
        CHECK(mine || b->of->at.of->memory_fails);
        if (mine) (*mine)++; /* plain: nobody else has it */
        else __atomic_fetch_add(&b->missed, 1, __ATOMIC_RELAXED);
        pkern_locals_release(b->locals, mine);
        if (code) return code;
    }
    return 0;
}

static int borrowed_add(void *state, void *ctx) {
    ((borrowed *)ctx)->sum += *(size_t *)state;
    ((borrowed *)ctx)->states++;
    return 0;
}

static PKN_NOINLINE void call_locals(stream *s, place *at) {
    borrowed     b;
    pkern_pool  *pool = draw_pool(s, at);
    size_t       ran = 0;
    memset(&b, 0, sizeof b);
    b.of = draw_items(s, at, draw_size(s, 500));
    draw_bounds(b.of, s);
    pkern_status status = pkern_locals_create(pool, sizeof(size_t), 0, 0, 0, &b.locals);
    CHECK(status == PKERN_OK || memory_ran_out(at, status));
    if (status == PKERN_OK) {
        check_items(b.of, pkern_par_for(pool, 0, b.of->n, &b.of->options, borrowed_range, &b));
        CHECK(pkern_locals_each(b.locals, borrowed_add, &b) == 0);
        for (size_t i = 0; i < b.of->n; i++) ran += b.of->ran[i];
        CHECK(b.sum + b.missed == ran && b.states <= ran);
        CHECK(pkern_locals_destroy(b.locals) == PKERN_OK);
    }
    free_items(b.of);
}

#endif
