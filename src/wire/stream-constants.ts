/** Constants of QEMU's migration stream. */

/** First byte of a section (`QEMU_VM_*` in migration/savevm.h). */
export const SECTION: {
  readonly END_OF_STREAM: 0x00
  readonly START: 0x01
  readonly PART: 0x02
  readonly END: 0x03
  readonly FULL: 0x04
  readonly SUBSECTION: 0x05
  readonly DESCRIPTION: 0x06
  readonly CONFIGURATION: 0x07
  readonly COMMAND: 0x08
  readonly FOOTER: 0x7e
} = {
  END_OF_STREAM: 0x00,
  START: 0x01,
  PART: 0x02,
  END: 0x03,
  FULL: 0x04,
  SUBSECTION: 0x05,
  DESCRIPTION: 0x06,
  CONFIGURATION: 0x07,
  COMMAND: 0x08,
  FOOTER: 0x7e,
}

/** Flags in the low bits of a RAM record's first word (`RAM_SAVE_FLAG_*` in migration/ram.c). */
export const RAM_FLAG: {
  readonly ZERO: 0x02
  readonly MEM_SIZE: 0x04
  readonly PAGE: 0x08
  readonly EOS: 0x10
  readonly CONTINUE: 0x20
  readonly MULTIFD_FLUSH: 0x200
} = { ZERO: 0x02, MEM_SIZE: 0x04, PAGE: 0x08, EOS: 0x10, CONTINUE: 0x20, MULTIFD_FLUSH: 0x200 }

/** First eight bytes of a stream: magic `QEVM` and version 3. */
export const STREAM_MAGIC: Uint8Array = Uint8Array.of(0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3)
