import { dirname, resolve } from 'node:path'
import { qcow2References } from '../store/disks/qcow2-references.ts'
import type { Reach } from './reach.ts'

/** The files that QEMU opens besides a disk because the header of the disk names them: its backing file and its external data file. */
export async function diskHeaderReaches(disk: Reach): Promise<readonly Reach[]> {
  if (disk.header === undefined) return []
  const references = await qcow2References(disk.value)
  if (references === undefined) return []
  const { backing, backingFormat, dataFile } = references
  const named = (use: string, name: string, more: Pick<Reach, 'write' | 'header'>): Reach => {
    const place = `the header of ${disk.value}`
    // QEMU takes such a name for a protocol or for JSON with any option of a block device (block.c, path_has_protocol).
    if (/^[^/]*:/.test(name)) return { kind: 'command', use, value: name, place, ...more }
    return { kind: 'path', use, value: resolve(dirname(disk.value), name), place, ...more }
  }
  return [
    ...(backing === undefined || disk.header === 'without-backing'
      ? []
      : [
          named('backing file', backing, {
            write: false,
            // Without a format QEMU looks whether it is qcow2.
            header: backingFormat === 'raw' ? undefined : 'with-backing',
          }),
        ]),
    ...(dataFile === undefined
      ? []
      : [named('external data file', dataFile, { write: disk.write, header: undefined })]),
  ]
}
