import type { Cpu } from '../domain-xml/model/board/cpu.ts'
import type { SevPlatform } from '../probe/probed-qemu.ts'

/** A QEMU version as `query-version` reports it. */
export interface QemuVersion {
  readonly major: number
  readonly minor: number
  readonly micro: number
}

/** The inputs of the command line other than the domain. */
export interface CommandLineOptions {
  readonly qemuVersion: QemuVersion
  /** QMP monitors: QEMU listens on each path, or uses a socket that it inherits. */
  readonly monitors: readonly ({ readonly id: string } & (
    | { readonly path: string }
    | { readonly fd: number }
  ))[]
  /** Wait for `migrate-incoming` instead of starting the machine from its reset state. */
  readonly incoming: boolean
  /** The processor that the guest really had, from the cookie of a save image: see `readCookieCpu`. */
  readonly cpuOverride?: Cpu | undefined
  /** The properties of this QEMU's processors; `undefined`: unknown, and every feature is passed on. */
  readonly cpuProperties?: ReadonlySet<string> | undefined
  /** Files that become the guest's RAM, by the id of the memory backend: see `memoryBackends`. */
  readonly memoryFiles?: ReadonlyMap<string, MemoryFile> | undefined
  /** Paths of CD-ROMs that are drives of this host: see `opticalDrivesOf`. */
  readonly opticalDrives?: ReadonlySet<string> | undefined
  /** The devices of this host through which QEMU commands its SCSI units: see `scsiDevicesOf`. */
  readonly scsiDevices?: ReadonlyMap<string, string> | undefined
  /** Tap devices that QEMU inherits, by the position of the card in the domain. */
  readonly taps?: ReadonlyMap<number, InheritedTap> | undefined
  /** QEMU's ends of the connections to passt, as descriptors that it inherits, by the position of the card. */
  readonly passtFds?: ReadonlyMap<number, number> | undefined
  /** User networks without a card, for the parts of a stream that belong to such networks. */
  readonly spareUserNetworks?: number | undefined
  /** Files with the secrets of the domain, by `secretKey`. */
  readonly secretFiles?: ReadonlyMap<string, string> | undefined
  /** AMD SEV as this host has it; `undefined`: unknown, and left to QEMU. */
  readonly sev?: SevPlatform | undefined
  /** QEMU's end of the connection to the emulator of its TPM, as a descriptor that it inherits. */
  readonly tpmFd?: number | undefined
  /** The NUMA nodes of this host; `undefined`: unknown, and every binding is passed on. */
  readonly hostNodes?: ReadonlySet<number> | undefined
  /** Replaces the accelerator that the domain's type implies. */
  readonly accelerator?: 'kvm' | 'tcg' | undefined
  /** Directory for unix sockets that have no path in the XML. */
  readonly socketDirectory?: string | undefined
  /** The current time; clocks with an offset start from it. */
  readonly now?: Date | undefined
}

/** A tap device as descriptors of QEMU. */
export interface InheritedTap {
  /** One for each queue. */
  readonly fds: readonly number[]
  /** The kernel's accelerator, one for each queue; empty: none. */
  readonly vhostFds: readonly number[]
}

/** A file, or a part of it, that becomes guest RAM. */
export interface MemoryFile {
  readonly path: string
  /** Whether the guest's writes reach the file. */
  readonly share: boolean
  /** Where the RAM starts in the file, in bytes: QEMU >= 8.1. */
  readonly offset?: number | undefined
  /** Open the file read-only and keep the guest's writes private: QEMU >= 8.2. */
  readonly readonly?: boolean | undefined
}

/** Whether the version is at least `major.minor`. */
export function atLeast(version: QemuVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor)
}

/** The version as people write it. */
export function versionText(version: QemuVersion): string {
  return `${version.major}.${version.minor}.${version.micro}`
}
