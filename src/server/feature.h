/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that answer DEVICE_FEATURE share: a feature's data, and the features' functions.
 */
#ifndef UMD_SERVER_FEATURE_H
#define UMD_SERVER_FEATURE_H

#include <stddef.h>
#include <stdint.h>

#include "server/session.h"

/* VFIO_DEVICE_FEATURE_DMA_LOGGING_...: of newer kernels than the headers we must build with. */
#define UMD_FEATURE_LOG_START  6u
#define UMD_FEATURE_LOG_STOP   7u
#define UMD_FEATURE_LOG_REPORT 8u

/* The data of a request, of which there is as much as the feature has at least. */
struct umd_feature_data {
	const uint8_t *bytes;
	size_t size; /* that came */
	size_t room; /* for data in the reply: what argsz leaves of it */
};

int umd_feature_log_start(struct umd_session *session, const struct umd_feature_data *data);
int umd_feature_log_stop(struct umd_session *session, const struct umd_feature_data *data);
int umd_feature_log_report(struct umd_session *session, const struct umd_feature_data *data);

#endif
