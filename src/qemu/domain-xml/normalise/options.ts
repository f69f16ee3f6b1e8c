/** What a domain's defaults are taken from. Only `machines` and `emulator` depend on the host. */
export interface NormaliseOptions {
  /**
   * The versioned name of a machine type (`q35` is `pc-q35-7.2`), from QMP `query-machines`; `undefined` when QEMU has
   * no such machine. Without this the name stays as it is.
   */
  readonly machines?: ((name: string) => string | undefined) | undefined
  /** The QEMU program, where the XML names none. */
  readonly emulator?: string | undefined
  /** The UEFI firmware for `<os firmware='efi'>`. */
  readonly uefi?: { readonly loader: string; readonly nvramTemplate: string } | undefined
  /** Where the UEFI variable store of a domain lies, where the XML does not say it. */
  readonly nvramDirectory?: string | undefined
  /** Random bytes for a UUID and for MAC addresses. */
  readonly random?: ((length: number) => Uint8Array) | undefined
}
