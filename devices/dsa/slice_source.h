/* SPDX-License-Identifier: BSD-2-Clause */
/* The two sources of links: a parent's socket, and an engine of the slice's own. */
#ifndef DSA_SLICE_SOURCE_H
#define DSA_SLICE_SOURCE_H

#include "engine.h"
#include "slice.h"

/* The path is copied. 0; -ENOMEM */
int slice_source_init_remote(struct dsa_slice_source *source, const char *path);

/* With an engine, and its status at a path that may be NULL. 0; a negative errno */
int slice_source_init_embedded(struct dsa_slice_source *source,
			       const struct dsa_engine_options *options, const char *status_path,
			       struct umd_error *error);

#endif
