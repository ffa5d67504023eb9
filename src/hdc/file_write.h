/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Saving a file, see file.h. The first failure is kept and makes the further calls do nothing, so
   a saver asks for the status once, at the end. Whoever has created a writer commits it;
   pkn_file_fail makes commit fail. */
#ifndef PKN_HDC_FILE_WRITE_H
#define PKN_HDC_FILE_WRITE_H

#include "base/alloc.h"
#include "base/time.h"
#include "hdc/file.h"

typedef struct pkn_file_writer {
    FILE *stream;
    char *path; /* the target's, then the new file's, each with its zero */
    size_t path_bytes;
    const pkern_allocator *allocator;
    pkn_disk_guard guard;
    pkern_status status;
    pkn_file_header header;
    pkn_file_entry table[PKN_FILE_MAX_SECTIONS];
    size_t n_sections; /* begun */
    uint64_t left;     /* bytes of the current section still to come */
    uint64_t end;      /* of the file so far */
    pkn_checksum checksum;
} pkn_file_writer;

#define PKN_FILE_NAME_MAX 255
#define PKN_FILE_SUFFIX 21 /* ".0123456789abcdef.new" */

PKN_INLINE void pkn_file_fail(pkn_file_writer *writer, pkern_status status) {
    writer->status = writer->status == PKERN_OK ? status : writer->status;
}

PKN_INTERNAL void pkn_file_raw_write(pkn_file_writer *writer, const void *data, size_t bytes) {
    if (writer->status == PKERN_OK && bytes > 0 && !pkn_disk_write(writer->stream, data, bytes)) {
        writer->status = PKERN_EIO;
    }
}

/* The new file's name, the target's with a suffix, cut where it would be longer than a name may be: no other writer, thread or process
   has the same clock, number and address. */
PKN_INTERNAL const char *pkn_file_name(pkn_file_writer *writer, const char *path) {
    size_t length = strlen(path), kept = length;
    uint64_t number = pkn_mix_u64(pkn_now_ns() ^ (uint64_t)(uintptr_t)writer);
    char *name;
    number = pkn_mix_u64(number + (uint64_t)pkn_process_number());
    writer->path_bytes = 2 * (length + 1) + PKN_FILE_SUFFIX;
    writer->path = (char *)pkn_allocate(writer->allocator, writer->path_bytes, 1);
    if (!writer->path) {
        return 0;
    }
    name = writer->path + length + 1;
    memcpy(writer->path, path, length + 1);
    while (kept > 0 && path[kept - 1] != '/') {
        kept--;
    }
    kept = pkn_min_size(length, kept + PKN_FILE_NAME_MAX - PKN_FILE_SUFFIX);
    memcpy(name, path, kept);
    name[kept] = '.';
    for (size_t i = 0; i < 16; i++) {
        name[kept + 1 + i] = "0123456789abcdef"[number >> (4 * i) & 15];
    }
    memcpy(name + kept + 17, ".new", 5);
    return name;
}

/* Begins a file of at most n_sections <= PKN_FILE_MAX_SECTIONS sections. allocator, 0 = malloc,
   must live until commit. */
PKN_INTERNAL void pkn_file_create(pkn_file_writer *writer, const char *path, const char *kind,
                                  uint32_t version, size_t n_sections,
                                  const pkern_allocator *allocator) {
    const char *name;
    memset(writer, 0, sizeof *writer);
    writer->guard = pkn_disk_begin();
    writer->allocator = allocator;
    memcpy(writer->header.magic, pkn_file_magic, sizeof writer->header.magic);
    writer->header.format = PKN_FILE_FORMAT;
    writer->header.version = version;
    writer->header.n_sections = n_sections;
    writer->end = sizeof(pkn_file_header) + n_sections * sizeof(pkn_file_entry);
    if (!PKN_FILE_ORDER_FITS) {
        writer->status = PKERN_EFORMAT;
    } else if (!path || n_sections > PKN_FILE_MAX_SECTIONS ||
               !pkn_file_set_name(writer->header.kind, sizeof writer->header.kind, kind)) {
        writer->status = PKERN_EINVAL;
    } else if ((name = pkn_file_name(writer, path)) == 0) {
        writer->status = PKERN_ENOMEM;
    } else if ((writer->stream = pkn_disk_create(name)) == 0) {
        writer->status = PKERN_EIO;
    }
    /* zeros, until commit knows what to put there */
    pkn_file_raw_write(writer, writer->table, sizeof(pkn_file_header));
    pkn_file_raw_write(writer, writer->table, n_sections * sizeof(pkn_file_entry));
}

/* Fills the current section up and notes its checksum. */
PKN_INTERNAL void pkn_file_end_section(pkn_file_writer *writer) {
    static const unsigned char zeros[PKN_FILE_ALIGNMENT] = {0};
    size_t filling = (size_t)(0 - writer->end) % PKN_FILE_ALIGNMENT;
    if (writer->left > 0) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    if (writer->n_sections > 0 && writer->status == PKERN_OK) {
        pkn_checksum_add(&writer->checksum, zeros, filling);
        pkn_file_raw_write(writer, zeros, filling);
        writer->end += filling;
        writer->table[writer->n_sections - 1].checksum = pkn_checksum_end(&writer->checksum);
    }
}

/* Begins a section of count elements; name has 1 to 24 characters. */
PKN_INTERNAL void pkn_file_section(pkn_file_writer *writer, const char *name, size_t element_bytes,
                                   size_t count) {
    pkn_file_entry *entry = &writer->table[writer->n_sections];
    size_t bytes;
    pkn_file_end_section(writer);
    if (writer->status != PKERN_OK) {
        return;
    }
    if (writer->n_sections == writer->header.n_sections || element_bytes == 0 ||
        pkn_mul_overflows_size(element_bytes, count, &bytes) ||
        !pkn_file_set_name(entry->name, sizeof entry->name, name)) {
        pkn_file_fail(writer, PKERN_EINVAL);
        return;
    }
    entry->element_bytes = element_bytes;
    entry->count = count;
    entry->offset = writer->end;
    writer->left = bytes;
    writer->n_sections++;
    pkn_checksum_begin(&writer->checksum, 0);
}

/* The section's next bytes. */
PKN_INTERNAL void pkn_file_write(pkn_file_writer *writer, const void *data, size_t bytes) {
    if (bytes > writer->left) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    if (writer->status != PKERN_OK || bytes == 0) {
        return;
    }
    pkn_checksum_add(&writer->checksum, data, bytes);
    pkn_file_raw_write(writer, data, bytes);
    writer->left -= bytes;
    writer->end += bytes;
}

/* A whole section. */
PKN_INTERNAL void pkn_file_put(pkn_file_writer *writer, const char *name, const void *data,
                               size_t element_bytes, size_t count) {
    pkn_file_section(writer, name, element_bytes, count);
    pkn_file_write(writer, data, element_bytes * count);
}

/* Header and table, now that all is known. */
PKN_INTERNAL void pkn_file_write_front(pkn_file_writer *writer) {
    pkn_file_header *header = &writer->header;
    size_t table_bytes = writer->n_sections * sizeof(pkn_file_entry);
    header->file_bytes = writer->end;
    header->table_checksum = pkn_checksum_of(0, writer->table, table_bytes);
    header->header_checksum = pkn_file_header_checksum(header);
    if (writer->status == PKERN_OK && fseek(writer->stream, 0, SEEK_SET) != 0) {
        writer->status = PKERN_EIO;
    }
    pkn_file_raw_write(writer, header, sizeof *header);
    pkn_file_raw_write(writer, writer->table, table_bytes);
    if (writer->status == PKERN_OK && !pkn_disk_sync(writer->stream)) {
        writer->status = PKERN_EIO;
    }
}

/* The folder of the file that has got its name; the text of path is used up. */
PKN_INTERNAL void pkn_file_sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) {
        pkn_disk_sync_folder(".");
        return;
    }
    slash[slash == path] = 0;
    pkn_disk_sync_folder(path);
}

/* Puts the file in the target's place, unless something failed: then the target is as it was, and
   nothing of the new file is left. Returns the first error. */
PKN_INTERNAL pkern_status pkn_file_commit(pkn_file_writer *writer) {
    const char *name = writer->path ? writer->path + strlen(writer->path) + 1 : 0;
    pkn_file_end_section(writer);
    if (writer->n_sections != writer->header.n_sections) {
        pkn_file_fail(writer, PKERN_EINVAL);
    }
    pkn_file_write_front(writer);
    if (writer->stream) {
        if (fclose(writer->stream) != 0) {
            pkn_file_fail(writer, PKERN_EIO);
        }
        if (writer->status == PKERN_OK && !pkn_disk_rename(name, writer->path)) {
            writer->status = PKERN_EIO;
        }
        if (writer->status == PKERN_OK) {
            pkn_file_sync_folder(writer->path);
        } else {
            (void)remove(name);
        }
    }
    pkn_release(writer->allocator, writer->path, writer->path_bytes);
    pkn_disk_end(writer->guard);
    return writer->status;
}

#endif
