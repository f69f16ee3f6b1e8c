/** The start of QEMU's stream, up to its RAM. */
export interface StreamStart {
  /** Magic, version, configuration section. */
  readonly head: Uint8Array
  /** The id of the RAM section in the stream. */
  readonly ramSection: number
}

/** QEMU's stream without its RAM. */
export interface DeviceState extends StreamStart {
  /** Device sections, without the end mark. */
  readonly sections: Uint8Array
  /** The end mark and the description that may follow it; empty when the stream had none. */
  readonly tail: Uint8Array
}
