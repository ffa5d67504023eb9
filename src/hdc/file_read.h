/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Loading a file, see file.h. It is mapped where the system can, else read into memory. Nothing in
   it is believed: not a byte is asked for beyond what the file has, and no size in it decides what
   is allocated. */
#ifndef PKN_HDC_FILE_READ_H
#define PKN_HDC_FILE_READ_H

#include "base/alloc.h"
#include "hdc/file.h"

/* Where the bytes of a file are. */
enum { PKN_FILE_BORROWED = 0, PKN_FILE_MAPPED = 1, PKN_FILE_COPIED = 2 };

typedef struct pkn_file {
    const unsigned char *bytes; /* aligned to 8 at least, to 64 where mapped or copied */
    size_t n_bytes;
    size_t n_sections;
    uint32_t version; /* of the kind */
    int where;
    const pkern_allocator *allocator;
} pkn_file;

/* The first bytes, as many of the header's 64 as the file has. */
PKN_INTERNAL pkern_status pkn_file_check_header(const void *bytes, size_t n_bytes, const char *kind,
                                                uint32_t newest_version, pkn_file_header *header) {
    char wanted[sizeof header->kind];
    if (n_bytes == 0) {
        return PKERN_ECORRUPT;
    }
    if (!PKN_FILE_ORDER_FITS ||
        memcmp(bytes, pkn_file_magic, pkn_min_size(n_bytes, sizeof pkn_file_magic)) != 0) {
        return PKERN_EFORMAT;
    }
    if (n_bytes < sizeof *header) {
        return PKERN_ECORRUPT;
    }
    memcpy(header, bytes, sizeof *header);
    if (header->header_checksum != pkn_file_header_checksum(header)) {
        return PKERN_ECORRUPT;
    }
    if (!pkn_file_set_name(wanted, sizeof wanted, kind) ||
        memcmp(wanted, header->kind, sizeof wanted) != 0) {
        return PKERN_EFORMAT;
    }
    return header->format > PKN_FILE_FORMAT || header->version > newest_version ? PKERN_EVERSION
                                                                                : PKERN_OK;
}

PKN_INLINE void pkn_file_entry_at(const pkn_file *file, size_t section, pkn_file_entry *entry) {
    memcpy(entry, file->bytes + sizeof(pkn_file_header) + section * sizeof *entry, sizeof *entry);
}

/* Of one section, which begins at *end and moves it behind the filling. */
PKN_INTERNAL pkern_status pkn_file_check_section(const pkn_file *file, const pkn_file_entry *entry,
                                                 size_t *end) {
    size_t left = file->n_bytes - *end, bytes;
    if (entry->offset != *end || entry->element_bytes == 0 || entry->element_bytes > SIZE_MAX ||
        entry->count > SIZE_MAX ||
        pkn_mul_overflows_size((size_t)entry->element_bytes, (size_t)entry->count, &bytes) ||
        bytes > left) {
        return PKERN_ECORRUPT;
    }
    /* the file's end is a multiple of the alignment, so the filling is inside, too */
    bytes = (bytes + PKN_FILE_ALIGNMENT - 1) / PKN_FILE_ALIGNMENT * PKN_FILE_ALIGNMENT;
    if (entry->checksum != pkn_checksum_of(0, file->bytes + *end, bytes)) {
        return PKERN_ECORRUPT;
    }
    *end += bytes;
    return PKERN_OK;
}

/* Everything behind the header, of a file whose bytes are all there. */
PKN_INTERNAL pkern_status pkn_file_check_sections(pkn_file *file, const pkn_file_header *header) {
    size_t end = sizeof *header, table_bytes;
    if (header->file_bytes != file->n_bytes || file->n_bytes % PKN_FILE_ALIGNMENT != 0 ||
        header->n_sections > (file->n_bytes - end) / sizeof(pkn_file_entry)) {
        return PKERN_ECORRUPT;
    }
    file->n_sections = (size_t)header->n_sections;
    file->version = header->version;
    table_bytes = file->n_sections * sizeof(pkn_file_entry);
    if (header->table_checksum != pkn_checksum_of(0, file->bytes + end, table_bytes)) {
        return PKERN_ECORRUPT;
    }
    end += table_bytes;
    for (size_t i = 0; i < file->n_sections; i++) {
        pkn_file_entry entry;
        pkern_status status;
        pkn_file_entry_at(file, i, &entry);
        status = pkn_file_check_section(file, &entry, &end);
        if (status != PKERN_OK) {
            return status;
        }
    }
    return end == file->n_bytes ? PKERN_OK : PKERN_ECORRUPT;
}

/* A file that lies in memory, aligned to 8 and unchanged until the close. */
PKN_INTERNAL pkern_status pkn_file_open_memory(pkn_file *file, const void *bytes, size_t n_bytes,
                                               const char *kind, uint32_t newest_version) {
    pkn_file_header header;
    pkern_status status = pkn_file_check_header(bytes, n_bytes, kind, newest_version, &header);
    memset(file, 0, sizeof *file);
    file->bytes = (const unsigned char *)bytes;
    file->n_bytes = n_bytes;
    return status != PKERN_OK ? status : pkn_file_check_sections(file, &header);
}

PKN_INTERNAL void pkn_file_close(pkn_file *file) {
    void *memory;
    memcpy(&memory, &file->bytes, sizeof memory);
    if (file->where == PKN_FILE_MAPPED) {
        pkn_disk_unmap(memory, file->n_bytes);
    } else if (file->where == PKN_FILE_COPIED) {
        pkn_release(file->allocator, memory, file->n_bytes);
    }
    memset(file, 0, sizeof *file);
}

/* The stream's bytes, mapped or read. */
PKN_INTERNAL pkern_status pkn_file_fetch(pkn_file *file, FILE *stream) {
    void *memory = pkn_disk_map(stream, file->n_bytes);
    if (memory) {
        file->where = PKN_FILE_MAPPED;
    } else {
        memory = pkn_allocate(file->allocator, file->n_bytes, PKN_CACHE_LINE);
        if (!memory) {
            return PKERN_ENOMEM;
        }
        file->where = PKN_FILE_COPIED;
    }
    file->bytes = (const unsigned char *)memory;
    if (file->where == PKN_FILE_COPIED &&
        (fseek(stream, 0, SEEK_SET) != 0 ||
         fread(memory, 1, file->n_bytes, stream) != file->n_bytes)) {
        return PKERN_EIO;
    }
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_file_open_stream(pkn_file *file, FILE *stream, const char *kind,
                                               uint32_t newest_version) {
    unsigned char front[sizeof(pkn_file_header)];
    pkn_file_header header;
    size_t n_front = fread(front, 1, sizeof front, stream);
    pkern_status status;
    if (ferror(stream)) {
        return PKERN_EIO;
    }
    status = pkn_file_check_header(front, n_front, kind, newest_version, &header);
    if (status != PKERN_OK) {
        return status;
    }
    file->n_bytes = pkn_disk_size(stream);
    if (file->n_bytes < sizeof header || file->n_bytes != header.file_bytes) {
        return PKERN_ECORRUPT; /* some files of the system claim to be empty */
    }
    status = pkn_file_fetch(file, stream);
    return status != PKERN_OK ? status : pkn_file_check_sections(file, &header);
}

/* Opens and checks the file at path; see file.h for the status. Close it only where that is
   PKERN_OK. allocator, 0 = malloc, must live until the close. */
PKN_INTERNAL pkern_status pkn_file_open(pkn_file *file, const char *path, const char *kind,
                                        uint32_t newest_version, const pkern_allocator *allocator) {
    pkn_disk_guard guard = pkn_disk_begin();
    pkern_status status;
    FILE *stream = path ? fopen(path, "rb") : 0;
    memset(file, 0, sizeof *file);
    file->allocator = allocator;
    if (stream) {
        status = pkn_file_open_stream(file, stream, kind, newest_version);
        (void)fclose(stream);
    } else {
        status = !path ? PKERN_EINVAL : errno == ENOENT ? PKERN_ENOENT : PKERN_EIO;
    }
    if (status != PKERN_OK) {
        pkn_file_close(file);
    }
    pkn_disk_end(guard);
    return status;
}

/* The section of that name and size of elements, with its count; 0 where there is none. Of one
   without elements the pointer is valid but has nothing to read. */
PKN_INTERNAL const void *pkn_file_get(const pkn_file *file, const char *name, size_t element_bytes,
                                      size_t *count) {
    char wanted[PKN_FILE_NAME];
    *count = 0;
    if (!pkn_file_set_name(wanted, sizeof wanted, name)) {
        return 0;
    }
    for (size_t i = 0; i < file->n_sections; i++) {
        pkn_file_entry entry;
        pkn_file_entry_at(file, i, &entry);
        if (memcmp(entry.name, wanted, sizeof wanted) == 0 &&
            entry.element_bytes == element_bytes) {
            *count = (size_t)entry.count;
            return file->bytes + (size_t)entry.offset;
        }
    }
    return 0;
}

#endif
