/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/tree_sum_join.c -o tree_sum_join -pthread && ./tree_sum_join */
/*
 * Work that branches: the sum of a lopsided tree, both sides of each node at once. No one has to say how large a piece
 * is worth a thread: a join costs a few nanoseconds where no other thread is idle.
 */
#include <stdio.h>
#include <stdlib.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

typedef struct node {
    struct node *left, *right;
    long value;
} node;

/* A tree of n nodes, a third of them on the left; its nodes are given out from an array. */
static node *grow_tree(node **free_nodes, long n) {
    node *top;
    if (n == 0) return 0;
    top = (*free_nodes)++;
    top->value = n % 10;
    top->left = grow_tree(free_nodes, (n - 1) / 3);
    top->right = grow_tree(free_nodes, n - 1 - (n - 1) / 3);
    return top;
}

typedef struct sum_task {
    const node *tree;
    long sum;
} sum_task;

static int sum_tree(void *ctx) {
    sum_task *task = (sum_task *)ctx, left, right;
    pkern_status status;
    if (!task->tree) {
        task->sum = 0;
        return 0;
    }
    left.tree = task->tree->left;
    right.tree = task->tree->right;
    status = pkern_join(0, sum_tree, &left, sum_tree, &right);
    task->sum = task->tree->value + left.sum + right.sum;
    return status;
}

int main(void) {
    const long n = 1000000;
    node *nodes = (node *)malloc((size_t)n * sizeof *nodes), *unused = nodes;
    long expected = 0, i;
    sum_task task;
    pkern_status status;
    if (!nodes) {
        fprintf(stderr, "tree_sum_join: out of memory\n");
        return 1;
    }
    task.tree = grow_tree(&unused, n);
    for (i = 0; i < n; i++) expected += nodes[i].value;
    status = pkern_pool_install(0, sum_tree, &task);
    free(nodes);
    if (status != PKERN_OK) {
        fprintf(stderr, "tree_sum_join: %s\n", pkern_status_text(status));
        return 1;
    }
    printf("the sum of %ld nodes is %ld, expected %ld\n", n, task.sum, expected);
    return task.sum == expected ? 0 : 1;
}
