/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shapes. What GENCAP says is what Sapphire Rapids says, bit 38 included, of which the public
 * specification has no word. Its size of an interrupt message store stands there, too, but
 * TABLE_OFFSET has no place for one: a driver of a virtual device has nowhere to send messages.
 */
#include "full_shape.h"

#define SLOTS	     128u
#define READ_BUFFERS 96u

#define WQCAP                                                                        \
	(DSA_PUT(SLOTS, DSA_WQCAP_SLOTS) | DSA_PUT(DSA_FULL_WQS, DSA_WQCAP_COUNT) |  \
	 DSA_PUT(1, DSA_WQCAP_WQCFG_SIZE) | DSA_WQCAP_SHARED | DSA_WQCAP_DEDICATED | \
	 DSA_WQCAP_PRIORITY | DSA_WQCAP_OCCUPANCY | DSA_WQCAP_OP_CONFIG)
#define GRPCAP                                                                                   \
	(DSA_PUT(DSA_FULL_GROUPS, DSA_GRPCAP_COUNT) | DSA_PUT(READ_BUFFERS, DSA_GRPCAP_RDBUFS) | \
	 DSA_GRPCAP_RDBUF_CTRL | DSA_GRPCAP_RDBUF_LIMIT)

const struct dsa_full_shape dsa_full_v1_shape = {
	.gencap = UINT64_C(0x40915f0107),
	.wqcap = WQCAP,
	.grpcap = GRPCAP,
	.engcap = DSA_FULL_ENGINES,
	.opcap = DSA_OPCAP_1_0,
	.cmdcap = 0x7fe, /* up to Reset WQ */
};

/* Its interrupts are somebody's, so that a driver has to ask for their handles. */
const struct dsa_full_shape dsa_full_pasid_v1_shape = {
	.gencap = UINT64_C(0x40915f0107) | DSA_GENCAP_CMDCAP,
	.wqcap = WQCAP | DSA_WQCAP_ATS,
	.grpcap = GRPCAP,
	.engcap = DSA_FULL_ENGINES,
	.opcap = DSA_OPCAP_1_0,
	.cmdcap = 0x7ffe, /* all */
	.has_pasid = true,
};
