import { join } from 'node:path'
import { diskHeaderReaches } from '../../../src/domain/trust/disk-header-reaches.ts'
import { contentSample } from '../../../src/domain/store/disks/content-sample.ts'
import { qcow2References } from '../../../src/domain/store/disks/qcow2-references.ts'
import { FilePieces } from '../file-pieces.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { type Field, fieldShapes } from '../shapes.ts'

function qcow2(): Uint8Array {
  const head = Buffer.alloc(512)
  head.writeUInt32BE(0x514649fb)
  head.writeUInt32BE(3, 4)
  head.writeBigUInt64BE(400n, 8)
  head.writeUInt32BE(9, 16)
  head.writeUInt32BE(16, 20)
  head.writeBigUInt64BE(65536n, 24)
  head.writeUInt32BE(1, 36)
  head.writeBigUInt64BE(0x30000n, 40)
  head.writeBigUInt64BE(0x10000n, 48)
  head.writeUInt32BE(104, 100)
  const extension = (type: number, at: number, text: string): void => {
    head.writeUInt32BE(type, at)
    head.writeUInt32BE(text.length, at + 4)
    head.write(text, at + 8)
  }
  extension(0xe2792aca, 104, 'qcow2')
  extension(0x44415441, 120, 'data.raw')
  head.write('back.raw!', 400)
  const file = new FilePieces(0x50000)
  file.pieces.push({ at: 0, bytes: head }, { at: 0x30000, bytes: Buffer.from('table') })
  return file.encode()
}

/** Everything that reads the disks of a guest, whose content is the guest's. */
export const diskParser: FuzzParser = {
  name: 'disk-header',
  seeds: () => [
    qcow2(),
    FilePieces.of(Buffer.alloc(2 * 1024 * 1024, 'raw'))
      .encode()
      .subarray(0, 4096),
  ],
  shapes: () =>
    fieldShapes(
      [qcow2()],
      Array.from({ length: 140 }, (_, at): Field => ({
        at,
        width: at % 2 === 0 ? 4 : 8,
        bigEndian: true,
      })),
    ),
  words: ['\0/../', 'QFI\xfb', '\xe2\x79\x2a\xca', 'DATA', 'json:{', 'nbd://', '../'],
  run: async (input, { directory }) => {
    const path = join(directory, 'disk')
    if (!FilePieces.decode(input).place(path)) return false
    if ((await contentSample(path)) === undefined) throw new Broken('a readable disk has no sample')
    const found = await qcow2References(path)
    const reaches = await diskHeaderReaches({
      ...{ kind: 'path', use: 'disk', value: path, write: true, place: '/domain' },
      header: 'with-backing',
    })
    // QEMU's names end at the first NUL, so a permission for the whole would be one for something else.
    if (reaches.some(({ value }) => value.includes('\0'))) throw new Broken('a name with a NUL')
    return found !== undefined
  },
}
