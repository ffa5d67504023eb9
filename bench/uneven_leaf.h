/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The problems of bench_uneven.c and what is serial in them: SHA-1 for the unbalanced trees, leaves of the sort, of
 * the merge and of the matrix product, the knapsack's items. uneven_tree.h has the recursions.
 * Sources: Olivier et al., "UTS: An Unbalanced Tree Search Benchmark", 2006 (trees T1 and T3); FIPS 180-4 (SHA-1);
 * the Cilk-5 examples (queens, cilksort, strassen, knapsack), written anew.
 */
#ifndef BENCH_UNEVEN_LEAF_H
#define BENCH_UNEVEN_LEAF_H

#include "pkern.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- unbalanced trees: a node is a SHA-1 state, its child i the hash of that and i ---- */

typedef struct uts_tree {
    int geometric;   /* else binomial */
    double branches; /* expected children of a node, or children of the root */
    int depth;       /* geometric: below it there are no children */
    double chance;   /* binomial: of having children, which are then `children` */
    int children;
    uint32_t seed;
} uts_tree;

typedef struct uts_node {
    unsigned char state[20];
    int height;
} uts_node;

static uint32_t uts_rotate(uint32_t x, int bits) {
    return x << bits | x >> (32 - bits);
}

static void uts_put(unsigned char *bytes, uint32_t x) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(x >> (24 - 8 * i));
    }
}

#define UTS_ROUNDS(from, mixed, key) \
    for (int i = from; i < from + 20; i++) { \
        uint32_t next = uts_rotate(a, 5) + (mixed) + e + (key) + w[i]; \
        e = d; \
        d = c; \
        c = uts_rotate(b, 30); \
        b = a; \
        a = next; \
    }

/* SHA-1 of at most 55 bytes: one block. */
static void uts_hash(const unsigned char *message, size_t bytes, unsigned char *digest) {
    unsigned char block[64] = {0};
    uint32_t w[80];
    uint32_t a = 0x67452301u, b = 0xefcdab89u, c = 0x98badcfeu, d = 0x10325476u, e = 0xc3d2e1f0u;
    memcpy(block, message, bytes);
    block[bytes] = 0x80;
    block[62] = (unsigned char)(bytes >> 5);
    block[63] = (unsigned char)(bytes << 3);
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (int i = 16; i < 80; i++) {
        w[i] = uts_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    UTS_ROUNDS(0, (b & c) | (~b & d), 0x5a827999u)
    UTS_ROUNDS(20, b ^ c ^ d, 0x6ed9eba1u)
    UTS_ROUNDS(40, (b & c) | (b & d) | (c & d), 0x8f1bbcdcu)
    UTS_ROUNDS(60, b ^ c ^ d, 0xca62c1d6u)
    uts_put(digest, a + 0x67452301u);
    uts_put(digest + 4, b + 0xefcdab89u);
    uts_put(digest + 8, c + 0x98badcfeu);
    uts_put(digest + 12, d + 0x10325476u);
    uts_put(digest + 16, e + 0xc3d2e1f0u);
}

static uts_node uts_root(const uts_tree *tree) {
    unsigned char message[20] = {0};
    uts_node root;
    uts_put(message + 16, tree->seed);
    uts_hash(message, sizeof message, root.state);
    root.height = 0;
    return root;
}

static uts_node uts_child(const uts_node *parent, int index) {
    unsigned char message[24];
    uts_node child;
    memcpy(message, parent->state, 20);
    uts_put(message + 20, (uint32_t)index);
    uts_hash(message, sizeof message, child.state);
    child.height = parent->height + 1;
    return child;
}

static int uts_children(const uts_tree *tree, const uts_node *node) {
    const unsigned char *s = node->state + 16;
    uint32_t draw =
        ((uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3]) & 0x7fffffffu;
    double uniform = (double)draw / 2147483648.0, branches;
    int n;
    if (!tree->geometric) {
        return node->height == 0        ? (int)tree->branches
               : uniform < tree->chance ? tree->children
                                        : 0;
    }
    branches = node->height < tree->depth ? tree->branches : 0.0;
    n = (int)floor(log(1.0 - uniform) / log(1.0 - 1.0 / (1.0 + branches)));
    return n > 100 ? 100 : n;
}

/* ---- queens ---- */

/* Columns of the row that no queen of the rows before attacks. */
static int queens_fitting(const unsigned char *board, int row, int n, unsigned char *fitting) {
    int count = 0;
    for (int column = 0; column < n; column++) {
        int i = 0;
        while (i < row && board[i] != column && abs(board[i] - column) != row - i) {
            i++;
        }
        if (i == row) {
            fitting[count++] = (unsigned char)column;
        }
    }
    return count;
}

/* ---- sort ---- */

enum { SORT_LEAF = 1024, MERGE_LEAF = 4096 };

static void sort_leaf(int32_t *x, ptrdiff_t n) {
    while (n > 24) {
        int32_t a = x[0], b = x[n / 2], c = x[n - 1];
        int32_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        ptrdiff_t i = 0, j = n - 1;
        while (i <= j) {
            while (x[i] < pivot) i++;
            while (pivot < x[j]) j--;
            if (i <= j) {
                int32_t swapped = x[i];
                x[i++] = x[j];
                x[j--] = swapped;
            }
        }
        sort_leaf(x, j + 1);
        x += i;
        n -= i;
    }
    for (ptrdiff_t i = 1; i < n; i++) {
        int32_t moved = x[i];
        ptrdiff_t j = i;
        for (; j > 0 && moved < x[j - 1]; j--) {
            x[j] = x[j - 1];
        }
        x[j] = moved;
    }
}

static void merge_leaf(const int32_t *x, size_t n_x, const int32_t *y, size_t n_y, int32_t *out) {
    size_t i = 0, j = 0;
    while (i < n_x && j < n_y) {
        *out++ = y[j] < x[i] ? y[j++] : x[i++];
    }
    memcpy(out, x + i, (n_x - i) * sizeof *x);
    memcpy(out + (n_x - i), y + j, (n_y - j) * sizeof *y);
}

/* How many of the sorted n are less than the value. */
static size_t sort_less(const int32_t *sorted, size_t n, int32_t value) {
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (sorted[low + half] < value) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

/* ---- matrix product by Strassen's seven products ---- */

enum { STRASSEN_LEAF = 64 };

typedef struct matrix {
    const double *x;
    size_t stride;
} matrix;

typedef struct product { /* out, densely packed, is a times b */
    matrix a, b;
    double *out;
} product;

static void product_leaf(const product *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double *row = p->out + i * n;
        memset(row, 0, n * sizeof *row);
        for (size_t k = 0; k < n; k++) {
            double factor = p->a.x[i * p->a.stride + k];
            const double *b = p->b.x + k * p->b.stride;
            for (size_t j = 0; j < n; j++) {
                row[j] += factor * b[j];
            }
        }
    }
}

static matrix quarter(matrix m, size_t half, int row, int column) {
    matrix part = {m.x + (size_t)row * half * m.stride + (size_t)column * half, m.stride};
    return part;
}

/* out = x + sign y; returns it as a matrix. */
static matrix combined(double *out, matrix x, double sign, matrix y, size_t n) {
    matrix result = {out, n};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            out[i * n + j] = x.x[i * x.stride + j] + sign * y.x[i * y.stride + j];
        }
    }
    return result;
}

/* Room for ten sums and seven products; fills in the products' factors. */
static double *strassen_split(const product *p, size_t half, product *seven) {
    const size_t area = half * half;
    double *room = (double *)malloc(17 * area * sizeof(double)), *s = room;
    matrix a[2][2], b[2][2];
    if (room == NULL) {
        abort();
    }
    for (int i = 0; i < 4; i++) {
        a[i / 2][i % 2] = quarter(p->a, half, i / 2, i % 2);
        b[i / 2][i % 2] = quarter(p->b, half, i / 2, i % 2);
    }
    seven[0].a = combined(s, a[0][0], 1.0, a[1][1], half);
    seven[0].b = combined(s += area, b[0][0], 1.0, b[1][1], half);
    seven[1].a = combined(s += area, a[1][0], 1.0, a[1][1], half);
    seven[1].b = b[0][0];
    seven[2].a = a[0][0];
    seven[2].b = combined(s += area, b[0][1], -1.0, b[1][1], half);
    seven[3].a = a[1][1];
    seven[3].b = combined(s += area, b[1][0], -1.0, b[0][0], half);
    seven[4].a = combined(s += area, a[0][0], 1.0, a[0][1], half);
    seven[4].b = b[1][1];
    seven[5].a = combined(s += area, a[1][0], -1.0, a[0][0], half);
    seven[5].b = combined(s += area, b[0][0], 1.0, b[0][1], half);
    seven[6].a = combined(s += area, a[0][1], -1.0, a[1][1], half);
    seven[6].b = combined(s += area, b[1][0], 1.0, b[1][1], half);
    for (int i = 0; i < 7; i++) {
        seven[i].out = s += area;
    }
    return room;
}

static void strassen_sum_up(double *out, const product *seven, size_t half) {
    const double *m[7];
    for (int i = 0; i < 7; i++) {
        m[i] = seven[i].out;
    }
    for (size_t i = 0; i < half; i++) {
        double *upper = out + i * 2 * half, *lower = upper + 2 * half * half;
        for (size_t j = 0; j < half; j++) {
            size_t at = i * half + j;
            upper[j] = m[0][at] + m[3][at] - m[4][at] + m[6][at];
            upper[half + j] = m[2][at] + m[4][at];
            lower[j] = m[1][at] + m[3][at];
            lower[half + j] = m[0][at] - m[1][at] + m[2][at] + m[5][at];
        }
    }
}

/* ---- knapsack ---- */

typedef struct knapsack_item {
    uint32_t value, weight;
} knapsack_item;

enum { KNAPSACK_MAX_ITEMS = 64 };
static knapsack_item knapsack_items[KNAPSACK_MAX_ITEMS]; /* by value for weight, the best first */
static uint32_t
    knapsack_best; /* of all threads so far; a late reader searches more, never wrongly */

static int knapsack_compare(const void *a, const void *b) {
    const knapsack_item *x = (const knapsack_item *)a, *y = (const knapsack_item *)b;
    uint32_t left = x->value * y->weight, right = y->value * x->weight;
    return left != right ? (left < right) - (left > right)
                         : (x->weight > y->weight) - (x->weight < y->weight);
}

/* A fixed input; returns the capacity, half of all weight. */
static uint32_t knapsack_make(int n) {
    uint64_t random[2 * KNAPSACK_MAX_ITEMS];
    uint32_t total = 0;
    pkern_hdc_random(7, random, 2 * KNAPSACK_MAX_ITEMS);
    for (int i = 0; i < n; i++) {
        knapsack_items[i].weight = 100 + (uint32_t)(random[2 * i] % 900);
        knapsack_items[i].value = knapsack_items[i].weight + (uint32_t)(random[2 * i + 1] % 25);
        total += knapsack_items[i].weight;
    }
    qsort(knapsack_items, (size_t)n, sizeof knapsack_items[0], knapsack_compare);
    return total / 2;
}

/* The answer by another way: the best value for each capacity. */
static uint64_t knapsack_by_table(int n, uint32_t capacity) {
    uint32_t *best = (uint32_t *)calloc((size_t)capacity + 1, sizeof *best), result;
    if (best == NULL) {
        abort();
    }
    for (int i = 0; i < n; i++) {
        const knapsack_item *item = &knapsack_items[i];
        for (uint32_t room = capacity; room >= item->weight; room--) {
            uint32_t with = best[room - item->weight] + item->value;
            best[room] = with > best[room] ? with : best[room];
        }
    }
    result = best[capacity];
    free(best);
    return result;
}

/* 1 where even the best that the rest could give is no better than what was found. */
static int knapsack_hopeless(uint32_t value, uint32_t capacity, int item) {
    uint64_t rest = (uint64_t)capacity * knapsack_items[item].value / knapsack_items[item].weight;
    return value + rest <= __atomic_load_n(&knapsack_best, __ATOMIC_RELAXED);
}

static void knapsack_found(uint32_t value) {
    uint32_t best = __atomic_load_n(&knapsack_best, __ATOMIC_RELAXED);
    while (value > best && !__atomic_compare_exchange_n(&knapsack_best, &best, value, 1,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

#endif /* BENCH_UNEVEN_LEAF_H */
