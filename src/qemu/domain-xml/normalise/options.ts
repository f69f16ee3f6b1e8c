import type { Firmware } from '../firmware.ts'

/** The sources of a domain's defaults. Most depend on the host. */
export interface NormaliseOptions {
  /**
   * The versioned name of a machine type (`q35` is `pc-q35-7.2`), from QMP `query-machines`; `undefined` when QEMU has no such machine. Without this
   * function names stay as they are.
   */
  readonly machines?: ((name: string) => string | undefined) | undefined
  /** The versions of ARM's interrupt controller that KVM has on this host. */
  readonly gicVersions?: readonly number[] | undefined
  /** The QEMU program for an XML that names none. */
  readonly emulator?: string | undefined
  /** The firmware that the host has, in the order of preference. */
  readonly firmware?: readonly Firmware[] | undefined
  /** The directory for UEFI variable stores that have no path in the XML. */
  readonly nvramDirectory?: string | undefined
  /**
   * The guest has run on this machine before, as in a save image: nothing is added that libvirt adds only to new machines, because the guest would see
   * it.
   */
  readonly existing?: boolean | undefined
  /** The XML is that of a save image: it omits the devices that every machine of its kind has (`withoutChipsetWatchdog`), and the sizes of its memory are those of the image. */
  readonly fromImage?: boolean | undefined
  /** Random bytes for a UUID and for MAC addresses. */
  readonly random?: ((length: number) => Uint8Array) | undefined
}
