/** A machine type under its canonical name. */
export interface MachineType {
  readonly name: string
  /** Such as `q35` for the newest `pc-q35-…`. */
  readonly alias?: string
  readonly isDefault: boolean
  readonly deprecated: boolean
  readonly maxCpus: number
  /** The RAM block that `-m` creates, such as `pc.ram`. */
  readonly defaultRamId?: string
}

/** How AMD SEV marks encrypted pages on a host. */
export interface SevPlatform {
  readonly cbitPosition: number
  readonly reducedPhysBits: number
}

/** The features of a QEMU binary, found by running it once. */
export interface ProbedQemu {
  readonly emulator: string
  /** `10.0.2`. */
  readonly version: string
  /** The packager's text, such as `Debian 1:10.0.2+ds-2`; may be empty. */
  readonly packager: string
  readonly machines: readonly MachineType[]
  /** Whether this QEMU gets KVM as this user on this host. */
  readonly kvmUsable: boolean
  /** Whether it can filter its own system calls (`-sandbox`) on this kernel. */
  readonly sandbox: boolean
  /** Every migration capability that it has, such as `mapped-ram`. */
  readonly migrationCapabilities: readonly string[]
  /** The properties of its processors, such as `avx2`; empty where they are not known. */
  readonly cpuProperties: readonly string[]
  /** The versions of ARM's interrupt controller that KVM has here; empty for another architecture. */
  readonly gicVersions: readonly number[]
  /** AMD SEV; absent where this QEMU does not get it as this user on this host. */
  readonly sev?: SevPlatform
}
