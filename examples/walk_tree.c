/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/walk_tree.c -o walk_tree -pthread && ./walk_tree . */
/*
 * How many bytes the files below a folder have. The tree is found while it is walked: a folder's children are made when
 * they are asked for, on whichever thread is there; its sum is formed once its children have theirs.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

typedef struct folder {
    char *path;
    struct folder *children, *next;
    long long files, bytes;
} folder;

static folder *new_folder(const char *parent, const char *name) {
    folder *made = (folder *)calloc(1, sizeof *made);
    if (made) made->path = (char *)malloc(strlen(parent) + strlen(name) + 2);
    if (!made || !made->path) {
        free(made);
        return 0;
    }
    sprintf(made->path, *name ? "%s/%s" : "%s%s", parent, name);
    return made;
}

static void free_folder(folder *old) {
    free(old->path);
    free(old);
}

/* Counts a folder's files and names the folders in it. One that can't be read counts as empty. */
static int read_folder(void *node, pkern_walk *walk, void *ctx) {
    folder *f = (folder *)node;
    DIR *directory = opendir(f->path);
    struct dirent *entry;
    int status = PKERN_OK;
    (void)ctx;
    while (directory && status == PKERN_OK && (entry = readdir(directory)) != 0) {
        folder *child;
        struct stat about;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        child = new_folder(f->path, entry->d_name);
        if (!child) {
            status = PKERN_ENOMEM;
            break;
        }
        if (lstat(child->path, &about) != 0) {
            free_folder(child);
        } else if (S_ISDIR(about.st_mode)) {
            child->next = f->children;
            f->children = child;
            pkern_walk_push(walk, child);
        } else {
            f->files++;
            f->bytes += (long long)about.st_size;
            free_folder(child);
        }
    }
    if (directory) closedir(directory);
    return status;
}

/* After all that is below. */
static int add_up(void *node, void *ctx) {
    folder *f = (folder *)node;
    (void)ctx;
    while (f->children) {
        folder *child = f->children;
        f->children = child->next;
        f->files += child->files;
        f->bytes += child->bytes;
        free_folder(child);
    }
    return 0;
}

int main(int argc, char **argv) {
    folder *root = new_folder(argc > 1 ? argv[1] : ".", "");
    pkern_status status = PKERN_ENOMEM;
    if (root) status = pkern_walk_tree(0, root, PKERN_WALK_POSTFIX, 0, read_folder, add_up, 0);
    if (status != PKERN_OK) {
        fprintf(stderr, "walk_tree: %s\n", pkern_status_text(status));
        return 1;
    }
    printf("%s: %lld bytes in %lld files\n", root->path, root->bytes, root->files);
    free_folder(root);
    return 0;
}
