import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { type BenchSetting, filledBytes } from '../setting.ts'

/** Where the content begins in the RAM: the tiny guest stays below it. */
export const FILL_FROM: number = 64 * 1024 * 1024
const PIECE = 4 * 1024 * 1024
/** Below 2 GiB, where the low memory of a large q35 guest ends, its firmware has the queues of its disk: QEMU checks them when it loads them. */
const FIRMWARE_FROM = 2 * 1024 * 1024 * 1024 - PIECE

/** Fills three quarters of the RAM of a QEMU with the content, above what the tiny guest uses. */
export async function fillGuest(pid: number, setting: BenchSetting): Promise<void> {
  const start = ramAddressOf(pid, setting.ramBytes)
  await using memory = await open(`/proc/${pid}/mem`, 'r+')
  await using content = await open(setting.contentPath)
  const { size } = await content.stat()
  const buffer = Buffer.allocUnsafe(PIECE)
  for (let at = 0; FILL_FROM + at < filledBytes(setting);) {
    const most = Math.min(PIECE, filledBytes(setting) - FILL_FROM - at)
    const { bytesRead } = await content.read(buffer, 0, most, at % size)
    if (FILL_FROM + at !== FIRMWARE_FROM)
      await memory.write(buffer, 0, bytesRead, start + FILL_FROM + at)
    at += bytesRead
  }
}

/** Where the RAM of a guest is in the memory of its QEMU: the mapping that has its size. */
export function ramAddressOf(pid: number, ramBytes: number): number {
  const start = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .map((line) => (line.split(' ')[0] ?? '').split('-').map((hex) => Number.parseInt(hex, 16)))
    .find(([from = 0, to = 0]) => to - from === ramBytes)?.[0]
  if (start === undefined) throw new Error('the guest has no RAM of that size')
  return start
}
