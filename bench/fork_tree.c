/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The sum over a binary tree as a plain function and as a typed join task, both as each compiler likes to inline and
 * unroll them. The Makefile builds this file once with each compiler that is there, as FORK_TREE.
 */
#include "fork_typed.h"

static uint64_t tree_sum(const peer_node *node) {
    return node->left == NULL ? node->value
                              : node->value + tree_sum(node->left) + tree_sum(node->right);
}

/* With two real calls a node. */
FORK_NOINLINE static uint64_t tree_sum_by_calls(const peer_node *node) {
    uint64_t left, right;
    if (node->left == NULL) {
        return node->value;
    }
    left = tree_sum_by_calls(node->left);
    right = tree_sum_by_calls(node->right);
    __asm__ volatile("" : "+r"(right));
    return node->value + left + right;
}

PKERN_DEFINE_JOIN_TASK_1(uint64_t, tree_typed, const peer_node *, node) {
    uint64_t left, right;
    if (node->left == NULL) {
        return node->value;
    }
    PKERN_JOIN(left = PKERN_CALL(tree_typed, node->left), right, tree_typed, node->right);
    return node->value + left + right;
}

const fork_tree FORK_TREE = {tree_sum, tree_sum_by_calls, tree_typed};
