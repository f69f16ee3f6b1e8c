/**
 * The `file:` URI of a file that this process has open, from `offset` on, for a QEMU of the same user. Through this process's descriptor it always
 * refers to that file, whatever happens to its name meanwhile and whatever the name contains (QEMU parses what follows the first `,offset=` as a
 * number: QEMU 10.0 migration/file.c `file_parse_offset`).
 */
export function fileUri(fd: number, offset: number): string {
  return `file:/proc/${process.pid}/fd/${fd},offset=${offset}`
}
