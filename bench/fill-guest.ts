import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'

/** Writes the content of a file into the RAM of a QEMU, from an offset of the RAM on. The RAM is the mapping that has its size. */
export function fillGuest(pid: number, ramBytes: number, path: string, offset = 0): void {
  const start = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .map((line) => (line.split(' ')[0] ?? '').split('-').map((hex) => Number.parseInt(hex, 16)))
    .find(([from = 0, to = 0]) => to - from === ramBytes)?.[0]
  if (start === undefined) throw new Error('the guest has no RAM of that size')
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  const source = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(4 * 1024 * 1024)
  for (let at = 0; offset + at < ramBytes;) {
    const most = Math.min(buffer.length, ramBytes - offset - at)
    const length = readSync(source, buffer, 0, most, at)
    if (length === 0) break
    writeSync(memory, buffer, 0, length, start + offset + at)
    at += length
  }
  closeSync(memory)
  closeSync(source)
}
