/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe's report: what is said about given bytes, in text and in JSON, and about a device of
 * ours; and that no bytes make it say anything unprintable. Also the CLI's smaller helpers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umdev/caps.h>

#include "base/bytes.h"
#include "cli.h"
#include "probe.h"

static struct probe *probe;
static char *output;
static size_t output_size;

static int begin(void **state)
{
	probe = calloc(1, sizeof(*probe));
	assert_non_null(probe);
	probe->uri = "vfio-user:/x";
	probe->config_size = 4096;
	probe->info.flags = UMD_DRIVER_PCI;
	probe->info.regions = 9;
	probe->info.irqs = 5;
	return 0;
}

static int end(void **state)
{
	probe_release(probe);
	free(probe);
	free(output);
	output = NULL;
	return 0;
}

/* The whole report, in one form. */
static const char *report_all(bool json)
{
	struct report report;
	FILE *file;

	free(output);
	file = open_memstream(&output, &output_size);
	assert_non_null(file);
	report_begin(&report, file, json);
	probe_report_header(probe, NULL, &report);
	probe_report_bars(probe, &report);
	probe_report_caps(probe, &report);
	probe_report_regions(probe, &report);
	probe_report_irqs(probe, &report);
	probe_report_limits(probe, &report);
	report_end(&report);
	fclose(file);
	return output;
}

static void expect(const char *text)
{
	if (!strstr(report_all(false), text))
		fail_msg("no '%s' in:\n%s", text, output);
}

static void expect_json(const char *text)
{
	if (!strstr(report_all(true), text))
		fail_msg("no '%s' in:\n%s", text, output);
}

/* A capability of these bytes, at the next multiple of 32. */
static void put_cap(unsigned int id, const char *body, size_t size)
{
	struct probe_caps *caps = &probe->caps;
	unsigned int offset = 0x40 + 32 * caps->count;

	caps->caps[caps->count++] = (struct umd_driver_cap){.id = id, .offset = offset};
	probe->config[offset] = (uint8_t)id;
	memcpy(probe->config + offset + 2, body, size);
}

static void put_ext_cap(unsigned int id, const char *body, size_t size)
{
	struct probe_caps *caps = &probe->ext_caps;
	unsigned int offset = 0x100 + 64 * caps->count;

	caps->caps[caps->count++] =
		(struct umd_driver_cap){.id = id, .version = 1, .offset = offset};
	umd_put_le32(probe->config + offset, id | 1u << 16);
	memcpy(probe->config + offset + 4, body, size);
}

#define CAP(id, body)	  put_cap(id, body, sizeof(body) - 1)
#define EXT_CAP(id, body) put_ext_cap(id, body, sizeof(body) - 1)

/* ---- The header and the BARs --------------------------------------------------------------- */

static void test_header(void **state)
{
	memcpy(probe->config, "\x36\x1b\x02\x00\x07\x04\x10\x02\x01\x02\x00\x07", 12);
	memcpy(probe->config + PCI_SUBSYSTEM_VENDOR_ID, "\xf4\x1a\x00\x11", 4);
	probe->config[PCI_INTERRUPT_PIN] = 2;
	expect("vfio-user:/x: Class [0700]: Device [1b36:0002] (rev 01) (prog-if 02)\n");
	expect("\tSubsystem: Device [1af4:1100]\n");
	expect("\tControl: I/O+ Mem+ BusMaster+ SpecCycle-");
	expect("FastB2B- DisINTx+\n");
	expect("\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=medium >TAbort-");
	expect("\tInterrupt: pin B\n");
	expect_json("\"device_id\": \"0x0002\"");
	expect_json("\"BusMaster\": true");
	expect_json("\"interrupt_pin\": \"B\"");
}

static void test_bars(void **state)
{
	probe->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_0, 0xc001);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_1, 0xfe000000);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_2, 0x0000000c);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_3, 0x00000080);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_5, 0x4); /* half a 64-bit BAR */
	probe->regions[0].info.bytes = 8;
	probe->regions[1].info.bytes = 4096;
	probe->regions[2].info.bytes = 1 << 20;
	probe->regions[5].info.bytes = 48;
	probe->regions[6].info.bytes = 65536;
	expect("\tRegion 0: I/O ports at c000 [disabled] [size=8]\n");
	expect("\tRegion 1: Memory at fe000000 (32-bit, non-prefetchable) [size=4K]\n");
	expect("\tRegion 2: Memory at 0000008000000000 (64-bit, prefetchable) [size=1M]\n");
	expect("\tRegion 5: Memory at <unassigned> (64-bit, non-prefetchable) [size=48]\n");
	expect("\tExpansion ROM at <unassigned> [disabled] [size=64K]\n");
	assert_null(strstr(output, "Region 3:"));
	expect_json("\"address\": 549755813888,");
}

static void test_bridges_have_two_bars(void **state)
{
	probe->config[PCI_HEADER_TYPE] = 0x81;
	for (int i = 0; i < 6; i++)
		probe->regions[i].info.bytes = 16;
	expect("\tRegion 1: ");
	assert_null(strstr(output, "Region 2: "));
	expect("\t!!! Header type 01");
}

static void test_config_that_cannot_be_read(void **state)
{
	probe->config_error = -EIO;
	probe->config_size = 0;
	expect("vfio-user:/x: a PCI device whose config space cannot be read: Input/output error\n");
	expect_json("\"error\": \"Input/output error\"");
	probe->info.flags = 0;
	expect("vfio-user:/x: not a PCI device\n");
}

/* ---- Capabilities -------------------------------------------------------------------------- */

static void test_capabilities(void **state)
{
	CAP(PCI_CAP_ID_PM, "\x03\xc8\x0b\x01\x00\x00");
	CAP(PCI_CAP_ID_MSI,
	    "\x8b\x01\x00\x10\xe0\xfe\x01\x00\x00\x00\x34\x12\x00\x00\xff\x00\x00\x00");
	CAP(PCI_CAP_ID_MSIX, "\x3f\xc0\x04\x00\x00\x00\x04\x10\x00\x00");
	CAP(PCI_CAP_ID_VNDR, "\x06\xaa\xbb\xcc\xdd");
	CAP(PCI_CAP_ID_AF, "\x06\x03\x00\x01");
	CAP(PCI_CAP_ID_VPD, "\x04\x80\x00\x00\x00\x00"); /* through which nothing was read */
	expect("\tCapabilities: [40] Power Management version 3\n"
	       "\t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold+)\n"
	       "\t\tStatus: D3 NoSoftRst+ PME-Enable+ DSel=0 DScale=0 PME-\n"
	       "\tCapabilities: [60] MSI: Enable+ Count=1/32 Maskable+ 64bit+\n"
	       "\t\tAddress: 00000001fee01000  Data: 1234\n"
	       "\t\tMasking: 000000ff  Pending: 00000000\n"
	       "\tCapabilities: [80] MSI-X: Enable+ Count=64 Masked+\n"
	       "\t\tVector table: BAR=4 offset=00000000\n"
	       "\t\tPBA: BAR=4 offset=00001000\n"
	       "\tCapabilities: [a0] Vendor Specific Information: Len=06\n"
	       "\t\ta0: 09 00 06 aa bb cc\n"
	       "\tCapabilities: [c0] PCI Advanced Features\n"
	       "\t\tAFCap: TP+ FLR+\n"
	       "\t\tAFCtrl: FLR-\n"
	       "\t\tAFStatus: TP+\n"
	       "\tCapabilities: [e0] Vital Product Data\n"
	       "\t\tNot readable\n");
	expect_json("\"D3cold\": true");
	expect_json("\"Address\": \"0x00000001fee01000\"");
	expect_json("\"raw\": \"090006aabbcc\"");
}

static void test_express(void **state)
{
	CAP(PCI_CAP_ID_EXP,
	    "\x02\x00\x01\x80\x00\x10\x30\x28\x00\x00\x43\xfc\x03\x05\x40\x00"
	    "\x43\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	    "\x10\x08\x00\x00");
	expect(" Express (v2) Endpoint, MSI 00\n"
	       "\t\tDevCap: MaxPayload 256 bytes, PhantFunc 0 ExtTag- AttnBtn- AttnInd- PwrInd- "
	       "RBE+ FLReset+\n");
	expect("\t\tDevCtl: CorrErr- NonFatalErr- FatalErr- UnsupReq- RlxdOrd+ ExtTag- PhantFunc- "
	       "AuxPwr- NoSnoop+ MaxPayload 256 bytes, MaxReadReq 512 bytes\n");
	expect("\t\tLnkCap: Port #5, Speed 8GT/s, Width x4, ASPM L0s L1 ");
	expect("\t\tLnkSta: Speed 8GT/s, Width x4 Train- SlotClk+ ");
	expect("\t\tDevCap2: TimeoutDis+ LTR+ ");
	expect_json("\"type\": \"Endpoint\"");
}

static void test_extended_capabilities(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_DSN, "\x01\x02\x03\x04\x05\x06\x07\x08");
	EXT_CAP(PCI_EXT_CAP_ID_PASID, "\x06\x14\x01\x00");
	EXT_CAP(PCI_EXT_CAP_ID_ATS, "\x05\x00\x0c\x80");
	EXT_CAP(PCI_EXT_CAP_ID_PRI, "\x01\x00\x00\x81\x40\x00\x00\x00\x20\x00\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_DOE, "");
	EXT_CAP(0x7777, "");
	expect("Device Serial Number 08-07-06-05-04-03-02-01\n");
	expect("\t\tPASIDCap: Exec+ Priv+, Max PASID Width: 20\n\t\tPASIDCtl: Enable+ ");
	expect("\t\tATSCtl: Enable+, Smallest Translation Unit: 12\n");
	expect("\t\tPRICtl: Enable+ Reset-\n\t\tPRISta: RF- UPRGI- Stopped+ PASID+\n"
	       "\t\tPage Request Capacity: 00000040, Page Request Allocation: 00000020\n");
	expect("] Data Object Exchange\n\t\t200: 2e 00 01 00 ");
	expect("] #7777\n\t\t240: ");
	expect_json("\"serial_number\": \"08-07-06-05-04-03-02-01\"");
}

static void test_error_reporting(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_ERR,
		"\x10\x00\x40\x04\x00\x00\x40\x00\x00\x00\x00\x00\x01\xc0\x00\x00"
		"\x00\x20\x00\x00\xa4\x02\x00\x00\x01\x00\x00\x4a\x0f\x00\x00\x01"
		"\x00\x00\x00\xfe\x00\x00\x00\x00");
	expect("\tCapabilities: [100 v1] Advanced Error Reporting\n\t\tUESta: DLP+ SDES- ");
	expect("ACSViol- UncorrIntErr+ BlockedTLP- AtomicOpBlocked- TLPBlockedErr- "
	       "PoisonTLPBlocked+\n\t\tUEMsk: ");
	expect("\t\tCESta: RxErr+ BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr- CorrIntErr+ "
	       "HeaderOF+\n");
	expect("\t\tCEMsk: RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+ ");
	expect("\t\tAERCap: First Error Pointer: 4, ECRCGenCap+ ECRCGenEn- ECRCChkCap+ ECRCChkEn- "
	       "MultHdrRecCap+ MultHdrRecEn- TLPPfxPres- HdrLogCap-\n"
	       "\t\tHeaderLog: 4a000001 0100000f fe000000 00000000\n");
	expect_json("\"PoisonTLPBlocked\": true");
	expect_json("\"0x0100000f\"");
}

static void test_virtual_functions(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_SRIOV,
		"\x00\x00\x60\x00\x09\x00\x00\x00\x08\x00\x08\x00\x02\x00\x03\x00"
		"\x80\x00\x02\x00\x00\x00\x99\x99\x53\x05\x00\x00\x01\x00\x00\x00"
		"\x0c\x00\x00\x80\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\xfe"
		"\x00\x00\x00\x00\xff\xff\xff\xff\x03\x40\x00\x00");
	expect("\t\tIOVCap: Migration-, Interrupt Message Number: 003\n"
	       "\t\tIOVCtl: Enable+ Migration- Interrupt- MSE+ ARIHierarchy-\n");
	expect("Initial VFs: 8, Total VFs: 8, Number of VFs: 2, Function Dependency Link: 03\n"
	       "\t\tVF offset: 128, stride: 2, Device ID: 9999\n"
	       "\t\tSupported Page Size: 00000553, System Page Size: 00000001\n"
	       "\t\tRegion 0: Memory at 0000000480000000 (64-bit, prefetchable)\n"
	       "\t\tRegion 3: Memory at fe100000 (32-bit, non-prefetchable)\n"
	       "\t\tVF Migration: offset: 00004000, BIR: 3\n");
	assert_null(strstr(output, "Region 5"));
	expect_json("\"address\": 19327352832,");
}

static void test_resizable_bars(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_REBAR,
		"\x00\xf0\x00\x00\x42\x08\x00\x00\x10\x00\x00\x80\x04\x2b\x01\x80");
	expect("\tCapabilities: [100 v1] Physical Resizable BAR\n"
	       "\t\tBAR 2: current size: 256MB, supported: 256MB 512MB 1GB 2GB\n"
	       "\t\tBAR 4: current size: 8EB, supported: 1MB 128TB 256TB 8EB\n");
	expect_json("\"current size\": 268435456,");
	expect_json("9223372036854775808");
}

/* The first one says that there are seven; six can be, and two have room. */
static void test_resizable_bars_that_cannot_be(void **state)
{
	unsigned int count = 0;

	probe->ext_caps.caps[0] =
		(struct umd_driver_cap){.id = PCI_EXT_CAP_ID_REBAR, .offset = 4096 - 20};
	probe->ext_caps.count = 1;
	umd_put_le32(probe->config + 4096 - 20 + 8, 0x3fe0);
	umd_put_le32(probe->config + 4096 - 20 + 16, 0x2c05);
	expect("\t\tBAR 0: current size: 0B\n\t\tBAR 5: current size: 0B\n\tRegions");

	memset(&probe->ext_caps, 0, sizeof(probe->ext_caps));
	EXT_CAP(PCI_EXT_CAP_ID_REBAR, "\x00\x00\x00\x00\xe0\x00\x00\x00");
	report_all(false);
	for (const char *at = output; (at = strstr(at, "BAR 0: current size: 1MB\n")); at++)
		count++;
	assert_int_equal(count, 6);
}

static void test_processing_hints(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_TPH, "\x06\x03\x1f\x00\x01\x03\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_TPH, "\x01\x04\xff\x07\x00\x00\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_TPH, "\x01\x00\xff\x07\x07\x02\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_TPH, "\x01\x06\x00\x00\x00\x00\x00\x00");
	expect("[100 v1] Transaction Processing Hints\n"
	       "\t\tInterrupt vector mode supported\n"
	       "\t\tDevice specific mode supported\n"
	       "\t\tExtended requester support\n"
	       "\t\tSteering table in TPH capability structure, entries 32\n"
	       "\t\tTPHCtl: Requests: extended TPH, interrupt vector mode\n");
	expect("[140 v1] Transaction Processing Hints\n"
	       "\t\tSteering table in MSI-X table, entries 2048\n"
	       "\t\tTPHCtl: Requests: disabled, no steering tags\n");
	expect("\t\tNo steering table available\n\t\tTPHCtl: Requests: reserved, reserved mode\n");
	expect("\t\tReserved steering table location\n");
	expect_json("\"entries\": 2048");
	expect_json("\"extended_requester\": true");
}

static void test_latency_tolerance(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_LTR, "\x0f\x10\x01\x08");
	EXT_CAP(PCI_EXT_CAP_ID_LTR, "\xff\xff\x00\x00");
	expect("[100 v1] Latency Tolerance Reporting\n"
	       "\t\tMax snoop latency: 15728640ns\n"
	       "\t\tMax no snoop latency: 1024ns\n");
	expect("\t\tMax snoop latency: 35150012350464ns\n\t\tMax no snoop latency: 0ns\n");
	expect_json("\"Max no snoop latency\": 1024");
}

static void test_power_allocation(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_DPA, "\x02\x21\x05\x14\x04\x00\x00\x00\x01\x01\x01\x00\xff\x19\x01");
	expect("[100 v1] Dynamic Power Allocation\n"
	       "\t\tDPASta: Substate 1 Control+\n"
	       "\t\tDPACtl: Substate 1\n"
	       "\t\tSubstate 0: 25.50W, transition latency 50ms\n"
	       "\t\tSubstate 1: 2.50W, transition latency 50ms\n"
	       "\t\tSubstate 2: 0.10W, transition latency 200ms\n\tRegions");
	expect_json("\"milliwatts\": 25500");
}

static void test_broken_chains(void **state)
{
	CAP(PCI_CAP_ID_AF, "");
	probe->caps.error = -ELOOP;
	probe->ext_caps.error = -ERANGE;
	expect("\tCapabilities: <chain looped>\n");
	expect("\tCapabilities: <chain broken>\n");
	expect_json("\"capabilities_error\": \"chain looped\"");
}

/* A capability at the end of the space has no room for what it should hold. */
static void test_capability_at_the_end(void **state)
{
	for (unsigned int id = 0; id < 0x20; id++) {
		probe->caps.caps[id] = (struct umd_driver_cap){.id = id, .offset = 0xfc};
		probe->ext_caps.caps[id] = (struct umd_driver_cap){.id = id, .offset = 0xffc};
	}
	probe->caps.count = probe->ext_caps.count = 0x20;
	memset(probe->config, 0xff, sizeof(probe->config));
	expect("\tCapabilities: [fc] MSI-X\n\t\tfc: ff ff ff ff\n");
	expect("\tCapabilities: [ffc v0] Advanced Error Reporting\n\t\tffc: ff ff ff ff\n");
	expect("\tCapabilities: [fc] Vendor Specific Information: Len=ff\n\t\tfc: ff ff ff ff\n");
}

/* ---- Vital Product Data -------------------------------------------------------------------- */

/* A capability through which these bytes were read. */
static void put_vpd(const char *bytes, size_t size)
{
	CAP(PCI_CAP_ID_VPD, "\x00\x80\x00\x00\x00\x00");
	probe->vpd.offset = 0x40;
	probe->vpd.size = size;
	memcpy(probe->vpd.bytes, bytes, size);
}

#define VPD(bytes) put_vpd(bytes, sizeof(bytes) - 1)

static void test_vital_product_data(void **state)
{
	static char bytes[] = "\x82\x06\x00"
			      "Serial"
			      "\x90\x29\x00"
			      "PN\x05"
			      "A-100"
			      "SN\x04"
			      "12\\\x01"
			      "CP\x03\x01\x02\xff"
			      "V1\x03"
			      "ab\x00"
			      "Q\x1b\x01\x42"
			      "RV\x03!\x00\x00"
			      "XXXX" /* a field that is longer than what is left */
			      "\x91\x08\x00"
			      "RW\x05\x00\x00\x00\x00\x00"
			      "\x78";
	char *checksum = memchr(bytes, '!', sizeof(bytes));
	uint8_t sum = 0;

	*checksum = 0;
	for (char *at = bytes; at < checksum; at++)
		sum = (uint8_t)(sum + (uint8_t)*at);
	*checksum = (char)-sum;
	VPD(bytes);
	expect("\tCapabilities: [40] Vital Product Data\n"
	       "\t\tProduct Name: Serial\n"
	       "\t\tRead-only fields:\n"
	       "\t\t\t[PN] Part number: A-100\n"
	       "\t\t\t[SN] Serial number: 12\\\\\\x01\n"
	       "\t\t\t[CP] Extended capability: 01 02 ff\n"
	       "\t\t\t[V1] Vendor specific: ab\n"
	       "\t\t\t[Q\\x1b] Unknown: 42\n"
	       "\t\t\t[RV] Reserved: checksum good, 2 byte(s) reserved\n"
	       "\t\tRead/write fields:\n"
	       "\t\t\t[RW] Read-write area: 5 byte(s) free\n"
	       "\t\tEnd\n");
	expect_json("\"Product Name\": \"Serial\"");
	expect_json("\"keyword\": \"Q\\\\x1b\"");
	expect_json("\"text\": \"12\\\\\\\\\\\\x01\"");
	expect_json("\"checksum_good\": true");
	expect_json("\"complete\": true");
	probe->vpd.bytes[3] ^= 1;
	expect("checksum bad");
}

static void test_vital_product_data_without_an_end(void **state)
{
	VPD("\x82\x04\x00Name\x90\x20\x00PN\x05");
	expect("\t\tProduct Name: Name\n\t\tNo end tag found\n");
	probe->vpd.error = -EIO;
	expect("\t\tNo end tag found: Input/output error\n");
	expect_json("\"complete\": false");
	probe->vpd.size = 0;
	expect("Vital Product Data\n\t\tNot readable: Input/output error\n");
}

static void test_vital_product_data_of_something_else(void **state)
{
	VPD("\x82\x01\x00N\xff\xff\xff\xff");
	expect("\t\tProduct Name: N\n\t\tUnknown large resource type 7f, will not decode more.\n");
	probe->vpd.bytes[4] = 0;
	expect("\t\tUnknown small resource type 00, will not decode more.\n");
}

static void test_vital_product_data_checksum_of_nothing(void **state)
{
	VPD("\x90\x03\x00RV\x00\x78");
	expect("\t\t\t[RV] Reserved: checksum bad, 0 byte(s) reserved\n\t\tEnd\n");
}

/* Resources are as long as they like; what is shown of a text is not. */
static void test_vital_product_data_as_large_as_can_be(void **state)
{
	VPD("");
	memset(probe->vpd.bytes, 0x82, sizeof(probe->vpd.bytes));
	umd_put_le16(probe->vpd.bytes + 1, PROBE_VPD_MAX - 4);
	probe->vpd.bytes[PROBE_VPD_MAX - 1] = 0x78;
	probe->vpd.size = PROBE_VPD_MAX;
	expect("\\x82\\x82...\n\t\tEnd\n");
	umd_put_le16(probe->vpd.bytes + 1, PROBE_VPD_MAX - 3);
	expect("\\x82\\x82...\n\t\tNo end tag found\n");
	umd_put_le16(probe->vpd.bytes + 1, PROBE_VPD_MAX - 2);
	expect("Vital Product Data\n\t\tNot readable\n");
}

/* ---- A device of ours ---------------------------------------------------------------------- */

static void declare_standard(struct umd_device *device)
{
	static const char vpd[20] = "\x82\x04\x00"
				    "Ours"
				    "\x90\x06\x00"
				    "PN\x03"
				    "U-1"
				    "\x78";
	static const uint8_t body[] = {1, 2, 3};

	umd_device_add_pm(device, &(struct umd_pm){.no_soft_reset = true, .pme = 9});
	umd_device_add_msi(device, &(struct umd_msi){.messages = 4});
	umd_device_add_pcie(device, &(struct umd_pcie){.flr = true, .ltr = true, .link_speed = 3});
	umd_device_add_vpd(device, &(struct umd_vpd){.bytes = vpd, .size = sizeof(vpd)});
	umd_device_add_vendor_cap(
		device, &(struct umd_vendor_cap){.body = {.size = sizeof(body), .bytes = body}});
	umd_device_add_rom(device, "\x55\xaa", 2);
}

static void declare_extended(struct umd_device *device)
{
	static const uint8_t body[] = {1, 2, 3, 4}, power[] = {250, 10};

	umd_device_add_aer(device, &(struct umd_aer){.ecrc_check = true});
	umd_device_add_dsn(device, &(struct umd_dsn){.serial = 0x0123456789abcdef});
	umd_device_add_vsec(device, &(struct umd_vsec){.id = 0x42, .body = {4, body}});
	umd_device_add_dvsec(device,
			     &(struct umd_dvsec){.vendor = 0x1af4, .id = 7, .body = {4, body}});
	umd_device_add_acs(device,
			   &(struct umd_acs){.services = PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_DT});
	umd_device_add_ari(device, &(struct umd_ari){.next_function = 3});
	umd_device_add_ats(device, &(struct umd_ats){.queue_depth = 5});
	umd_device_add_pri(device, &(struct umd_pri){.capacity = 64, .pasid_required = true});
	umd_device_add_pasid(device, &(struct umd_pasid){.width = 20, .execute = true});
	umd_device_add_ltr(device, &(struct umd_ltr){0});
	umd_device_add_tph(device, &(struct umd_tph){.interrupt_vector_mode = true,
						     .table_location = PCI_TPH_LOC_CAP,
						     .table_entries = 8});
	umd_device_add_rebar(
		device, &(struct umd_rebar){.count = 1, .bars = {{.bar = 0, .sizes = 3 << 20}}});
	umd_device_add_sriov(device, &(struct umd_sriov){.total_vfs = 8,
							 .vf_offset = 16,
							 .vf_stride = 1,
							 .vf_device = 0x9999,
							 .bar_sizes = {1 << 16},
							 .bar_flags = {UMD_REGION_MEM64}});
	umd_device_add_dpa(device, &(struct umd_dpa){.substates = 2,
						     .latency_unit = 1,
						     .latency = {3, 7},
						     .latency_indicator = 2,
						     .power_scale = 2,
						     .power = power});
}

static struct umd_device *create_device(void)
{
	const struct umd_device_info info = {
		.size = sizeof(info), .name = "ours", .vendor = 0x1234, .device = 0x5678};
	struct umd_device *device;
	struct umd_error error;

	assert_int_equal(umd_device_create(&info, &device), 0);
	umd_device_add_bar(device, 0, &(struct umd_region){.size = 2 << 20});
	declare_standard(device);
	declare_extended(device);
	if (umd_device_realize(device, &error))
		fail_msg("%s", error.text);
	return device;
}

static atomic_bool stop_serving;

static void *serve(void *server)
{
	while (!stop_serving)
		umd_server_dispatch(server, 2);
	return NULL;
}

/* Gathers what a device says of itself over its socket. */
static void gather(struct umd_device *device)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};
	char dir[] = "/tmp/umdev-probe-XXXXXX", path[64], uri[80];
	struct umd_server *server;
	struct umd_driver *driver;
	pthread_t thread;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(uri, sizeof(uri), "vfio-user:%s", path);
	options.socket_path = path;
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	stop_serving = false;
	assert_int_equal(pthread_create(&thread, NULL, serve, server), 0);

	assert_int_equal(umd_driver_open(uri, NULL, &driver, NULL), 0);
	probe_gather(probe, driver);
	umd_driver_close(driver);

	stop_serving = true;
	pthread_join(thread, NULL);
	umd_server_destroy(server);
	rmdir(dir);
}

static void test_a_device_with_every_capability(void **state)
{
	static const char *const lines[] = {
		"\tRegion 0: Memory at <unassigned> (32-bit, non-prefetchable) [disabled] "
		"[size=2M]\n",
		"\tExpansion ROM at <unassigned> [disabled] [size=2K]\n",
		"PME(D0+,D1-,D2-,D3hot+,D3cold-)\n",
		"] MSI: Enable- Count=1/4 Maskable+ 64bit+\n",
		"] Express (v2) Endpoint, MSI 00\n",
		"FLReset+\n",
		"Speed 8GT/s",
		"] Vital Product Data\n\t\tProduct Name: Ours\n\t\tRead-only fields:\n"
		"\t\t\t[PN] Part number: U-1\n\t\tEnd\n",
		"] Vendor Specific Information: Len=06\n",
		"] Advanced Error Reporting\n",
		"ECRCChkCap+",
		"] Device Serial Number 01-23-45-67-89-ab-cd-ef\n",
		"] Vendor Specific Information: ID=0042 Rev=0 Len=00c\n",
		"] Designated Vendor-Specific: Vendor=1af4 ID=0007 Rev=0 Len=14\n",
		"\t\tACSCap: SrcValid- TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd- EgressCtrl- "
		"DirectTrans+\n",
		"Next Function: 3\n",
		"Invalidate Queue Depth: 5\n",
		"Stopped+ PASID+\n\t\tPage Request Capacity: 00000040,",
		"\t\tPASIDCap: Exec+ Priv-, Max PASID Width: 20\n",
		"\t\tMax snoop latency: 0ns\n",
		"\t\tInterrupt vector mode supported\n"
		"\t\tSteering table in TPH capability structure, entries 8\n",
		"\t\tBAR 0: current size: 2MB, supported: 1MB 2MB\n",
		"Initial VFs: 8, Total VFs: 8, Number of VFs: 0, Function Dependency Link: 00\n"
		"\t\tVF offset: 16, stride: 1, Device ID: 9999\n",
		"\t\tRegion 0: Memory at 0000000000000000 (64-bit, non-prefetchable)\n",
		"\t\tSubstate 0: 25.00W, transition latency 30ms\n"
		"\t\tSubstate 1: 1.00W, transition latency 70ms\n",
	};
	struct umd_device *device = create_device();

	gather(device);
	umd_device_destroy(device);
	assert_int_equal(probe->lost, 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect(lines[i]);
}

/* ---- Regions, interrupts, limits ----------------------------------------------------------- */

static void test_regions_and_irqs(void **state)
{
	struct probe_region *region = &probe->regions[2];

	region->areas = calloc(2, sizeof(*region->areas));
	region->areas[1] = (struct umd_driver_area){.offset = 0x8000, .size = 0x4000};
	region->info =
		(struct umd_driver_region){.flags = UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_MMAP,
					   .areas = 2,
					   .bytes = 65536,
					   .mmap_offset = 0x100000};
	probe->regions[8].error = -EINVAL;
	probe->irqs[2].info = (struct umd_driver_irq){.flags = UMD_DRIVER_IRQ_EVENTFD, .count = 64};
	probe->limits.minor = 1;
	probe->limits.page_sizes = 4096 | 2 << 20;
	expect("\t\t 2 BAR2   size=64K read+ write- mmap+ at 0x100000: 0x0[0] 0x8000[16K]\n");
	expect("\t\t 8 VGA    Invalid argument\n");
	expect("\t\t 2 MSI-X  count=64 eventfd+ maskable-");
	expect(", pages 4K/2M,");
	assert_null(strstr(output, "BAR3"));
	expect_json("\"mmap_offset\": 1048576");
	expect_json("\"name\": \"BAR3\"");
}

/* ---- Any bytes ----------------------------------------------------------------------------- */

/* Resources one after the other, with fields of any kind. */
static void scramble_vpd(void)
{
	static const uint8_t tags[] = {0x82, 0x90, 0x91};
	struct probe_vpd *vpd = &probe->vpd;
	size_t at = 0;

	probe->caps.caps[0] = (struct umd_driver_cap){.id = PCI_CAP_ID_VPD, .offset = 0x40};
	vpd->offset = 0x40;
	vpd->size = (size_t)rand() % PROBE_VPD_MAX;
	for (size_t i = 0; i < vpd->size; i++)
		vpd->bytes[i] = (uint8_t)(rand() % 4 ? "CEMPRSYVNZW"[rand() % 11] : rand());
	while (at + 3 < vpd->size) {
		vpd->bytes[at] = tags[rand() % 3];
		umd_put_le16(vpd->bytes + at + 1, (uint16_t)(rand() % 600));
		at += 3 + (size_t)umd_get_le16(vpd->bytes + at + 1);
	}
}

static void scramble(unsigned int seed)
{
	srand(seed);
	for (size_t i = 0; i < sizeof(probe->config); i++)
		probe->config[i] = (uint8_t)rand();
	if (seed % 2)
		probe->config[PCI_HEADER_TYPE] = 0;
	probe->caps.count = probe->ext_caps.count = 40;
	for (unsigned int i = 0; i < 40; i++) {
		probe->caps.caps[i] = (struct umd_driver_cap){
			.id = (unsigned int)rand() % 0x18, .offset = 0x40 + (rand() % 0xc0 & ~3u)};
		probe->ext_caps.caps[i] =
			(struct umd_driver_cap){.id = (unsigned int)rand() % 0x30,
						.offset = 0x100 + (rand() % 0xf00 & ~3u)};
	}
	scramble_vpd();
}

static void test_any_bytes_are_printable(void **state)
{
	for (unsigned int seed = 0; seed < 300; seed++) {
		scramble(seed);
		report_all(seed / 2 % 2);
		for (size_t i = 0; i < output_size; i++) {
			char c = output[i];

			assert_true((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t');
		}
	}
}

static void test_hostile_uri(void **state)
{
	probe->uri = "vfio-user:/\x1b[2J\n\x7f";
	assert_non_null(strstr(report_all(false), "vfio-user:/?[2J??: "));
}

/* ---- Helpers ------------------------------------------------------------------------------- */

static void test_json_escapes(void **state)
{
	struct json_out json;
	FILE *file = open_memstream(&output, &output_size);

	json = (struct json_out){.file = file};
	json_open(&json, NULL, '[');
	json_text(&json, NULL, "a\"b\\c\n\x1f");
	json_number(&json, NULL, UINT64_MAX);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_close(&json, ']');
	fclose(file);
	assert_string_equal(output, "[\n  \"a\\\"b\\\\c\\u000a\\u001f\",\n  18446744073709551615,\n"
				    "  {}\n]\n");
}

static const char *guess(const char *given, const char *name)
{
	struct cli_guess guess = {.given = given};

	cli_guess_try(&guess, "something");
	cli_guess_try(&guess, name);
	cli_guess_try(&guess, "other");
	return guess.best;
}

static void test_guesses(void **state)
{
	assert_string_equal(guess("sevre", "serve"), "serve");
	assert_string_equal(guess("serv", "serve"), "serve");
	assert_string_equal(guess("prob", "probe"), "probe");
	assert_string_equal(guess("por", "ports"), "ports");
	assert_string_equal(guess("serve", "serve"), "serve");
	assert_null(guess("xyzzy", "serve"));
	assert_null(guess("", "serve"));
	assert_null(guess("a-name-that-is-much-longer-than-any-verb", "serve"));
}

static void test_sizes(void **state)
{
	char text[REPORT_SIZE_MAX];

	assert_string_equal(report_size(text, 0), "0");
	assert_string_equal(report_size(text, 1000), "1000");
	assert_string_equal(report_size(text, 3 << 10), "3K");
	assert_string_equal(report_size(text, UINT64_C(1) << 63), "8E");
	assert_string_equal(report_size(text, UINT64_MAX), "18446744073709551615");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_header),
		CASE(test_bars),
		CASE(test_bridges_have_two_bars),
		CASE(test_config_that_cannot_be_read),
		CASE(test_capabilities),
		CASE(test_express),
		CASE(test_extended_capabilities),
		CASE(test_error_reporting),
		CASE(test_virtual_functions),
		CASE(test_resizable_bars),
		CASE(test_resizable_bars_that_cannot_be),
		CASE(test_processing_hints),
		CASE(test_latency_tolerance),
		CASE(test_power_allocation),
		CASE(test_broken_chains),
		CASE(test_capability_at_the_end),
		CASE(test_vital_product_data),
		CASE(test_vital_product_data_without_an_end),
		CASE(test_vital_product_data_of_something_else),
		CASE(test_vital_product_data_checksum_of_nothing),
		CASE(test_vital_product_data_as_large_as_can_be),
		CASE(test_a_device_with_every_capability),
		CASE(test_regions_and_irqs),
		CASE(test_any_bytes_are_printable),
		CASE(test_hostile_uri),
		CASE(test_json_escapes),
		CASE(test_guesses),
		CASE(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
