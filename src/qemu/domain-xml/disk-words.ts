/** QEMU's drivers for formats of disks. */
export const DISK_FORMATS = ['raw', 'qcow2', 'qcow', 'qed', 'vmdk', 'vdi', 'vhdx', 'vpc'] as const

/** The type of a disk whose source is not understood, where an XML is only looked at. No XML has it. */
export const UNKNOWN_SOURCE = 'unknown'
