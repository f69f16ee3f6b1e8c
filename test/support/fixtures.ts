import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import type { SaveFormat } from '../../src/image/save-format.ts'
import { type TestQemu, qemus } from './qemus.ts'
import type { TempDir } from './temp-dir.ts'

/** An image that real libvirt wrote. */
export interface Fixture {
  readonly name: string
  readonly format: SaveFormat
  /** The oldest QEMU that has its machine type. */
  readonly qemuMajor: number
  readonly paused: boolean
  /** The first counter that its guest prints when it runs again. */
  readonly next: number
}

/** The right checksum of the guest in them. */
export const FIXTURE_SUM = '41db'

/** All fixtures; test/fixtures/README.md describes them. */
export const FIXTURES: readonly Fixture[] = [
  fixture('lv9.0-q35-raw', 'raw', 0x9f),
  fixture('lv9.0-q35-gzip', 'gzip', 0x10),
  fixture('lv11.3-q35-raw', 'raw', 0x14),
  fixture('lv11.3-q35-gzip', 'gzip', 0x1a),
  fixture('lv11.3-q35-zstd', 'zstd', 0x1f),
  fixture('lv11.3-q35-lzop', 'lzop', 0x25),
  fixture('lv11.3-q35-sparse', 'sparse', 0x2b),
  fixture('lv11.3-q35-raw-paused', 'raw', 0x36),
]

const directory = join(import.meta.dirname, '../fixtures')

/** Puts an image into a directory, unpacked; returns its path. */
export function placeFixture({ name, format }: Fixture, dir: TempDir): string {
  const path = dir.join(`${name}.sav`)
  const packed = format === 'sparse'
  const bytes = readFileSync(join(directory, `${name}.sav${packed ? '.zst' : ''}`))
  writeFileSync(path, packed ? zstdDecompressSync(bytes) : bytes)
  return path
}

/** The XML of an image with a disk and serial log in a directory, and an emulator of this host. */
export function fixtureXml({ name }: Fixture, dir: TempDir, emulator: string, log: string): string {
  const disk = dir.join('tiny-disk.img')
  writeFileSync(disk, zstdDecompressSync(readFileSync(join(directory, 'tiny-disk.img.zst'))))
  const version = name.slice(0, name.indexOf('-'))
  return readFileSync(join(directory, `${version}-q35.xml`), 'utf8')
    .replace(/<emulator>.*<\/emulator>/, `<emulator>${emulator}</emulator>`)
    .replaceAll(/'\/var\/lib\/libvirt\/images\/[^']*\.img'/g, `'${disk}'`)
    .replaceAll(/'\/var\/lib\/libvirt\/images\/[^']*\.log'/g, `'${log}'`)
}

/** The available QEMUs that have an image's machine type. */
export function qemusFor({ qemuMajor }: Fixture): readonly TestQemu[] {
  return qemus().filter(({ major }) => major >= qemuMajor)
}

function fixture(name: string, format: SaveFormat, next: number): Fixture {
  const qemuMajor = name.startsWith('lv9') ? 7 : 10
  return { name, format, qemuMajor, paused: name.endsWith('paused'), next }
}
