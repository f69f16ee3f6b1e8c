/** A machine type under its canonical name. */
export interface MachineType {
  readonly name: string
  /** Such as `q35` for the newest `pc-q35-…`. */
  readonly alias?: string
  readonly isDefault: boolean
  readonly deprecated: boolean
  readonly maxCpus: number
  /** The RAM block that `-m` makes, such as `pc.ram`. */
  readonly defaultRamId?: string
}

/** What a QEMU binary can do, found out by running it once. */
export interface ProbedQemu {
  readonly emulator: string
  /** `10.0.2`. */
  readonly version: string
  /** The packager's words, such as `Debian 1:10.0.2+ds-2`; may be empty. */
  readonly packager: string
  readonly machines: readonly MachineType[]
  /** Whether this QEMU, as this user, on this host, really gets KVM. */
  readonly kvmUsable: boolean
  /** Every migration capability that it knows, such as `mapped-ram`. */
  readonly migrationCapabilities: readonly string[]
}
