/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The recursions of bench_uneven.c, written once and included once for each way to run them (so there is no guard):
 *   W(name)                            the task's name there
 *   TASK(W(name), type, p) { ... }     a task of one pointer; its result is a uint64_t
 *   CALL(W(name), argument)            a plain call of it from within a task
 *   FORK(W(name), left, a, right, b)   left = name(a), right = name(b), where they may run at the same time
 *   ENTER(w, W(name), argument)        a call from outside
 * A task with many children is a range of them that is halved.
 */

#define HALVES(task, type, range) \
    do { \
        type lower_half = *(range), upper_half = *(range); \
        uint64_t lower, upper; \
        lower_half.last = upper_half.first = \
            (range)->first + ((range)->last - (range)->first) / 2; \
        FORK(task, lower, &lower_half, upper, &upper_half); \
        return lower + upper; \
    } while (0)

TASK(W(uts), const uts_range *, range) {
    uts_range below;
    uts_node child;
    if (range->last - range->first > 1) {
        HALVES(W(uts), uts_range, range);
    }
    child = uts_child(range->parent, range->first);
    below.tree = range->tree;
    below.parent = &child;
    below.first = 0;
    below.last = uts_children(range->tree, &child);
    return below.last == 0 ? 1 : 1 + CALL(W(uts), &below);
}

static void W(call_uts)(void *ctx) {
    work *w = (work *)ctx;
    uts_node root = uts_root(w->tree);
    uts_range range = {w->tree, &root, 0, uts_children(w->tree, &root)};
    w->out = 1 + ENTER(w, W(uts), &range);
}

TASK(W(queens), const queens_range *, range) {
    queens_range next;
    unsigned char board[QUEENS_MAX], fitting[QUEENS_MAX];
    if (range->last - range->first > 1) {
        HALVES(W(queens), queens_range, range);
    }
    if (range->row + 1 == range->n) {
        return 1;
    }
    memcpy(board, range->board, (size_t)range->row);
    board[range->row] = range->fitting[range->first];
    next = *range;
    next.board = board;
    next.fitting = fitting;
    next.row = range->row + 1;
    next.first = 0;
    next.last = queens_fitting(board, next.row, next.n, fitting);
    return next.last == 0 ? 0 : CALL(W(queens), &next);
}

static void W(call_queens)(void *ctx) {
    work *w = (work *)ctx;
    unsigned char fitting[QUEENS_MAX];
    queens_range range = {NULL, fitting, (int)w->n, 0, 0, (int)w->n};
    queens_fitting(NULL, 0, (int)w->n, fitting);
    w->out = ENTER(w, W(queens), &range);
}

TASK(W(merge), const merge_part *, part) {
    merge_part low, high;
    uint64_t a, b;
    if (part->n_x + part->n_y <= MERGE_LEAF) {
        merge_leaf(part->x, part->n_x, part->y, part->n_y, part->out);
        return 0;
    }
    low = high = *part;
    if (part->n_x >= part->n_y) {
        low.n_x = part->n_x / 2;
        low.n_y = sort_less(part->y, part->n_y, part->x[low.n_x]);
    } else {
        low.n_y = part->n_y / 2;
        low.n_x = sort_less(part->x, part->n_x, part->y[low.n_y]);
    }
    high.x += low.n_x;
    high.n_x -= low.n_x;
    high.y += low.n_y;
    high.n_y -= low.n_y;
    high.out += low.n_x + low.n_y;
    FORK(W(merge), a, &low, b, &high);
    return a + b;
}

TASK(W(sort), const sort_part *, part) {
    const size_t half = part->n / 2;
    sort_part low = {part->in, part->scratch, part->out, half};
    sort_part high = {part->in + half, part->scratch + half, part->out + half, part->n - half};
    merge_part both = {part->scratch, part->scratch + half, half, part->n - half, part->out};
    uint64_t a, b;
    if (part->n <= SORT_LEAF) {
        memcpy(part->out, part->in, part->n * sizeof *part->in);
        sort_leaf(part->out, (ptrdiff_t)part->n);
        return 0;
    }
    FORK(W(sort), a, &low, b, &high);
    return a + b + CALL(W(merge), &both);
}

static void W(call_sort)(void *ctx) {
    work *w = (work *)ctx;
    sort_part part = {data_ints, (int32_t *)w->array, data_scratch, w->n};
    w->out = ENTER(w, W(sort), &part);
}

TASK(W(strassen), const strassen_range *, range) {
    const product *p = &range->products[range->first];
    const size_t half = range->n / 2;
    product seven[7];
    strassen_range below = {seven, half, 0, 7};
    double *room;
    uint64_t leaves;
    if (range->last - range->first > 1) {
        HALVES(W(strassen), strassen_range, range);
    }
    if (range->n <= STRASSEN_LEAF) {
        product_leaf(p, range->n);
        return 1;
    }
    room = strassen_split(p, half, seven);
    leaves = CALL(W(strassen), &below);
    strassen_sum_up(p->out, seven, half);
    free(room);
    return leaves;
}

static void W(call_strassen)(void *ctx) {
    work *w = (work *)ctx;
    product whole = {{data_a, w->n}, {data_b, w->n}, (double *)w->array};
    strassen_range range = {&whole, w->n, 0, 1};
    w->out = ENTER(w, W(strassen), &range);
}

TASK(W(knapsack), const knapsack_state *, state) {
    const int item = state->item;
    knapsack_state with, without;
    uint64_t a, b;
    knapsack_found(state->value);
    if (item == state->n_items || knapsack_hopeless(state->value, state->capacity, item)) {
        return state->value;
    }
    without = with = *state;
    without.item = with.item = item + 1;
    if (knapsack_items[item].weight > state->capacity) {
        return CALL(W(knapsack), &without);
    }
    with.capacity -= knapsack_items[item].weight;
    with.value += knapsack_items[item].value;
    FORK(W(knapsack), a, &with, b, &without);
    return a > b ? a : b;
}

static void W(call_knapsack)(void *ctx) {
    work *w = (work *)ctx;
    knapsack_state state = {(int)w->n, 0, w->capacity, 0};
    knapsack_best = 0;
    w->out = ENTER(w, W(knapsack), &state);
}

#undef HALVES
#undef W
#undef TASK
#undef CALL
#undef FORK
#undef ENTER
