# SPDX-License-Identifier: BSD-2-Clause
"""What the test device's config space says, as caps_declare.c declares it.

Listings are lspci's lines that tell something of ours, in order. Lines are left out where the
guest's kernel has a say (control registers) and where nothing is set.
"""

# ---- Listings ----------------------------------------------------------------------------------

POWER_MANAGEMENT = [
    'Capabilities: [40] Power Management version 3',
    'Flags: PMEClk- DSI- D1+ D2- AuxCurrent=0mA PME(D0+,D1+,D2-,D3hot+,D3cold+)',
    'Status: D0 NoSoftRst- PME-Enable- DSel=0 DScale=0 PME-',
]

MSI = [
    'Capabilities: [48] MSI: Enable- Count=1/8 Maskable+ 64bit+',
    'Address: 0000000000000000  Data: 0000',
    'Masking: 00000000  Pending: 00000000',
]

PCI_EXPRESS = [
    'Capabilities: [70] Express (v2) Endpoint, IntMsgNum 0',
    'DevCap:\tMaxPayload 256 bytes, PhantFunc 0, Latency L0s <64ns, L1 <1us',
    'ExtTag+ AttnBtn- AttnInd- PwrInd- RBE+ FLReset+ SlotPowerLimit 0W TEE-IO-',
    'DevSta:\tCorrErr- NonFatalErr- FatalErr- UnsupReq- AuxPwr- TransPend-',
    'LnkCap:\tPort #0, Speed 5GT/s, Width x4, ASPM not supported',
    'LnkSta:\tSpeed 5GT/s, Width x4',
    'DevCap2: Completion Timeout: Not Supported, TimeoutDis+ NROPrPrP- LTR+',
    'LnkCap2: Supported Link Speeds: 2.5-5GT/s, Crosslink- Retimer- 2Retimers- DRS-',
    'LnkCtl2: Target Link Speed: 5GT/s, EnterCompliance- SpeedDis-',
]

VPD = [
    'Product Name: umdev PF',
    'Read-only fields:',
    '[PN] Part number: CAPS',
    '[RV] Reserved: checksum good, 1 byte(s) reserved',
    'Read/write fields:',
    '[YA] Asset tag: \\x00\\x00\\x00\\x00\\x00\\x00\\x00',
    'End',
]

AER = [
    'Capabilities: [100 v2] Advanced Error Reporting',
    'UESta:\tDLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP-',
    'UEMsk:\tDLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP-',
    'UESvrt:\tDLP+ SDES- TLP- FCP+ CmpltTO- CmpltAbrt- UnxCmplt- RxOF+ MalfTLP+',
    'CESta:\tRxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr- CorrIntErr- HeaderOF-',
    'CEMsk:\tRxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+ CorrIntErr+ HeaderOF+',
    'AERCap:\tFirst Error Pointer: 00, ECRCGenCap- ECRCGenEn- ECRCChkCap+ ECRCChkEn-',
    'HeaderLog: 00000000 00000000 00000000 00000000',
]

TRANSLATION = [
    'Capabilities: [178 v1] Access Control Services',
    'ACSCap:\tSrcValid- TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd- EgressCtrl+ DirectTrans+',
    'Capabilities: [18c v1] Address Translation Service (ATS)',
    'ATSCap:\tInvalidate Queue Depth: 10',  # in hex
    'ATSCtl:\tEnable-, Smallest Translation Unit: 00',
    'Capabilities: [194 v1] Page Request Interface (PRI)',
    'PRICtl: Enable- Reset-',
    'PRISta: RF- UPRGI- Stopped+ PASID+',
    'Page Request Capacity: 00000040, Page Request Allocation: 00000000',
    'Capabilities: [1a4 v1] Process Address Space ID (PASID)',
    'PASIDCap: Exec- Priv+, Max PASID Width: 14',  # in hex
    'PASIDCtl: Enable- Exec- Priv-',
]

TRAFFIC_AND_POWER = [
    'Capabilities: [1ac v1] Latency Tolerance Reporting',
    'Max snoop latency: 0ns',
    'Max no snoop latency: 0ns',
    'Capabilities: [1b4 v1] Transaction Processing Hints',
    'Interrupt vector mode supported',
    'Extended requester support',
    'Steering table in TPH capability structure',
    'Capabilities: [1c8 v1] Dynamic Power Allocation <?>',  # lspci knows its name only
]

# lspci cannot know what vendors mean: "<?>" is not a complaint there. QEMU shows the present size
# of a resizable BAR only.
EXPRESS = [
    *POWER_MANAGEMENT,
    *MSI,
    *PCI_EXPRESS,
    'Capabilities: [b0] Vital Product Data',
    *VPD,
    'Capabilities: [b8] Vendor Specific Information: Len=08 <?>',
    'Capabilities: [60] MSI-X: Enable- Count=32 Masked-',
    'Vector table: BAR=0 offset=00000800',
    'PBA: BAR=0 offset=00000c00',
    *AER,
    'Capabilities: [148 v1] Device Serial Number 11-22-33-44-55-66-77-88',
    'Capabilities: [154 v1] Vendor Specific Information: ID=1234 Rev=5 Len=00d <?>',
    'Capabilities: [164 v1] Designated Vendor-Specific: Vendor=1b36 ID=4321 Rev=3 Len=15 <?>',
    *TRANSLATION,
    *TRAFFIC_AND_POWER,
    'Capabilities: [1e0 v1] Physical Resizable BAR',
    'BAR 2: current size: 8MB, supported: 8MB',
]

CONVENTIONAL = [
    'Capabilities: [40] Power Management version 3',
    'Flags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0-,D1-,D2-,D3hot-,D3cold-)',
    'Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-',
    *MSI,
    'Capabilities: [70] PCI Advanced Features',
    'AFCap: TP+ FLR+',
    'AFCtrl: FLR-',
    'AFStatus: TP-',
    'Capabilities: [78] Vital Product Data',
    *VPD,
]

# As `umdev probe` says it: QEMU hides two of these and shows one size of the third, and lspci has
# no words for the fourth.
HIDDEN = [
    'Capabilities: [184 v1] Alternative Routing-ID Interpretation (ARI)',
    'ARICap: MFVC- ACS-, Next Function: 0',
    'ARICtl: MFVC- ACS-, Function Group: 0',
    'Capabilities: [1c8 v1] Dynamic Power Allocation',
    'Substate 0: 20.00W, transition latency 7ms',
    'Substate 1: 10.00W, transition latency 9ms',
    'Substate 2: 5.00W, transition latency 7ms',
    'Capabilities: [1e0 v1] Physical Resizable BAR',
    'BAR 2: current size: 8MB, supported: 1MB 2MB 4MB 8MB',
    'Capabilities: [200 v1] Single Root I/O Virtualization (SR-IOV)',
    'IOVCtl: Enable- Migration- Interrupt- MSE- ARIHierarchy-',
    'Initial VFs: 7, Total VFs: 7, Number of VFs: 0, Function Dependency Link: 00',
    'VF offset: 1, stride: 1, Device ID: ffe3',
    'Supported Page Size: 00000553, System Page Size: 00000001',
]

# ---- Masks -------------------------------------------------------------------------------------

KERNEL = None  # the guest's kernel has written there

# Register, what is written; then what it reads at first, after that, and after zero is written. Not
# written are the bits that reset the function or change its power state.
EXPRESS_MASKS = [
    ('CACHE_LINE_SIZE.b', 0xff, 0x00, 0xff, 0x00),
    ('LATENCY_TIMER.b', 0xff, 0x00, 0x00, 0x00),
    ('INTERRUPT_LINE.b', 0xff, KERNEL, 0xff, 0x00),
    ('INTERRUPT_PIN.b', 0xff, 0x01, 0x01, 0x01),
    ('SUBSYSTEM_ID.w', 0xffff, 0x1100, 0x1100, 0x1100),
    ('CAP_PM+2.w', 0xffff, 0xda03, 0xda03, 0xda03),
    ('CAP_PM+4.w', 0xfffc, 0x0000, 0x0100, 0x0000),
    ('CAP_EXP+2.w', 0xffff, 0x0002, 0x0002, 0x0002),
    ('CAP_EXP+4.l', 0xffffffff, 0x10008021, 0x10008021, 0x10008021),
    ('CAP_EXP+8.w', 0x7fff, KERNEL, 0x7dff, 0x0000),
    ('CAP_EXP+a.w', 0xffff, 0x0000, 0x0000, 0x0000),
    ('CAP_EXP+c.l', 0xffffffff, 0x00400042, 0x00400042, 0x00400042),
    ('CAP_EXP+10.w', 0xffff, 0x0000, 0x00cb, 0x0000),
    ('CAP_EXP+12.w', 0xffff, 0x0042, 0x0042, 0x0042),
    ('CAP_EXP+24.l', 0xffffffff, 0x00300810, 0x00300810, 0x00300810),
    ('CAP_EXP+28.w', 0xffff, 0x0000, 0x0410, 0x0000),
    ('CAP_EXP+2c.l', 0xffffffff, 0x00000006, 0x00000006, 0x00000006),
    ('CAP_EXP+30.w', 0xffff, 0x0002, 0xff9f, 0x0000),
    ('CAP_VPD+2.w', 0xffff, KERNEL, 0x7fff, 0x8000),
    ('CAP_VNDR+2.b', 0xff, 0x08, 0x08, 0x08),
    ('CAP_VNDR+3.b', 0xff, 0x11, 0x11, 0x11),
    ('CAP_VNDR+4.b', 0xff, 0x22, 0xff, 0x00),
    ('CAP_VNDR+5.b', 0xff, 0x33, 0x3f, 0x30),
    ('CAP_VNDR+6.b', 0xff, 0x44, 0x00, 0x00),
    ('CAP_VNDR+7.b', 0xff, 0x55, 0x55, 0x55),
    ('ECAP_AER+4.l', 0xffffffff, 0x00000000, 0x00000000, 0x00000000),
    ('ECAP_AER+8.l', 0xffffffff, 0x00400000, 0x007ff010, 0x00000000),
    ('ECAP_AER+c.l', 0xffffffff, 0x00462010, 0x007ff010, 0x00000000),
    ('ECAP_AER+10.l', 0xffffffff, 0x00000000, 0x00000000, 0x00000000),
    ('ECAP_AER+14.l', 0xffffffff, 0x0000e000, 0x0000f1c1, 0x00000000),
    ('ECAP_AER+18.l', 0xffffffff, 0x00000080, 0x00000180, 0x00000080),
    ('ECAP_AER+1c.l', 0xffffffff, 0x00000000, 0x00000000, 0x00000000),
    ('ECAP_DSN+4.l', 0xffffffff, 0x55667788, 0x55667788, 0x55667788),
    ('ECAP_VNDR+4.l', 0xffffffff, 0x00d51234, 0x00d51234, 0x00d51234),
    ('ECAP_VNDR+8.l', 0xffffffff, 0x44332211, 0x003fff11, 0x00300011),
    ('ECAP_DVSEC+8.w', 0xffff, 0x4321, 0x4321, 0x4321),
    ('ECAP_DVSEC+a.w', 0xffff, 0x2211, 0xff11, 0x0011),
    ('ECAP_DVSEC+c.l', 0xffffffff, 0x00554433, 0x0055003f, 0x00550030),
    ('ECAP_ACS+4.w', 0xffff, 0x086c, 0x086c, 0x086c),
    ('ECAP_ACS+6.w', 0xffff, KERNEL, 0x006c, 0x0000),
    ('ECAP_ACS+8.l', 0xffffffff, 0x00000000, 0x000000ff, 0x00000000),
    ('ECAP_ATS+4.w', 0xffff, 0x0070, 0x0070, 0x0070),
    ('ECAP_ATS+6.w', 0xffff, 0x0000, 0x801f, 0x0000),
    ('ECAP_PRI+4.w', 0xffff, 0x0000, 0x0001, 0x0000),
    ('ECAP_PRI+6.w', 0xffff, 0x8100, 0x8100, 0x8100),
    ('ECAP_PRI+8.l', 0xffffffff, 0x00000040, 0x00000040, 0x00000040),
    ('ECAP_PRI+c.l', 0xffffffff, 0x00000000, 0xffffffff, 0x00000000),
    ('ECAP_PASID+4.w', 0xffff, 0x1404, 0x1404, 0x1404),
    ('ECAP_PASID+6.w', 0xffff, 0x0000, 0x0005, 0x0000),
    ('ECAP_LTR+4.w', 0xffff, 0x0000, 0x1fff, 0x0000),
    ('ECAP_LTR+6.w', 0xffff, 0x0000, 0x1fff, 0x0000),
    ('ECAP_TPH+4.l', 0xffffffff, 0x00030303, 0x00030303, 0x00030303),
    ('ECAP_TPH+8.l', 0xffffffff, 0x00000000, 0x00000307, 0x00000000),
    ('ECAP_TPH+c.l', 0xffffffff, 0x00000000, 0xffffffff, 0x00000000),
    ('ECAP_TPH+10.l', 0xffffffff, 0x00000000, 0xffffffff, 0x00000000),
    ('ECAP_DPA+4.l', 0xffffffff, 0x09072002, 0x09072002, 0x09072002),
    ('ECAP_DPA+8.l', 0xffffffff, 0x00000002, 0x00000002, 0x00000002),
    ('ECAP_DPA+c.w', 0xffff, 0x0100, 0x0000, 0x0000),
    ('ECAP_DPA+e.w', 0xffff, 0x0000, 0x001f, 0x0000),
    ('ECAP_DPA+10.b', 0xff, 0xc8, 0xc8, 0xc8),
    ('ECAP_REBAR+4.l', 0xffffffff, 0x00000080, 0x00000080, 0x00000080),
    ('ECAP_REBAR+8.l', 0xffffffff, 0x00000322, 0x00000322, 0x00000322),
]

CONVENTIONAL_MASKS = [
    ('CACHE_LINE_SIZE.b', 0xff, 0x00, 0xff, 0x00),
    ('LATENCY_TIMER.b', 0xff, 0x00, 0xff, 0x00),
    ('INTERRUPT_LINE.b', 0xff, KERNEL, 0xff, 0x00),
    ('CAP_PM+2.w', 0xffff, 0x0003, 0x0003, 0x0003),
    ('CAP_PM+4.w', 0xfffc, 0x0008, 0x0008, 0x0008),
    ('CAP_AF+2.b', 0xff, 0x06, 0x06, 0x06),
    ('CAP_AF+3.b', 0xff, 0x03, 0x03, 0x03),
    ('CAP_AF+4.b', 0xfe, 0x00, 0x00, 0x00),
    ('CAP_AF+5.b', 0xff, 0x00, 0x00, 0x00),
    ('CAP_VPD+2.w', 0xffff, KERNEL, 0x7fff, 0x8000),
]
