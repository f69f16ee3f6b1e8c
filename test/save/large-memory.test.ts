import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { defineDomain } from '../../src/domain/lifecycle/define.ts'
import { destroyDomain } from '../../src/domain/lifecycle/destroy.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { saveDomain, type SaveOptions } from '../../src/domain/save/save.ts'
import { startDomain } from '../../src/domain/lifecycle/start.ts'
import { domainXml } from '../support/domain-xml.ts'
import { OutsideMemory, knownContent } from '../support/outside-memory.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const MIB = 1024 * 1024
const RAM_BYTES = 4608 * MIB
const PIECE = 16 * MIB

/** On both sides of 2 and 4 GiB, where 32-bit arithmetic breaks, and at both ends. */
const ADDRESSES = [16, 1024, 2032, 2048, 3000, 4080, 4096, 4592].map((mib) => mib * MIB)

const variants: readonly SaveOptions[] = [
  { format: 'stasis', compression: 'none', channels: 2 },
  { format: 'stasis', compression: 'zstd', channels: 4 },
  { format: 'channels', compression: 'none', channels: 2 },
]

for (const { label, major, emulator } of newestQemu()) {
  test(
    `saveDomain() and restoreDomain() keep every byte beyond 4 GiB on QEMU ${label}`,
    { timeout: 240_000 },
    async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const name = `large-${label}`
      const serial = { type: 'file', path: dir.join('serial') } as const
      await defineDomain(
        domainXml({ name, guest: 'tiny', emulator, serial, memoryMib: RAM_BYTES / MIB }),
        { stateDir },
      )
      let { id } = await startDomain(name, { stateDir, paused: true })
      try {
        await fill(id)
        // The formats' arithmetic is the same for every QEMU, so only one of them tries all formats.
        for (const variant of major >= 10 && isLongRun() ? variants : variants.slice(1, 2)) {
          const path = dir.join('image.sav')
          const saved = await saveDomain(name, path, { stateDir, ...variant })
          assert.ok(saved.image.ramBytes >= RAM_BYTES)
          assert.ok(
            saved.image.allocatedBytes < 300 * MIB,
            `zero pages take no room: ${saved.image.allocatedBytes}`,
          )
          ;({ id } = await restoreDomain(path, { stateDir, mode: 'load' }))
          await check(id, JSON.stringify(variant))
          if (variant.format === 'stasis') await assertInHugePages(id)
          await rm(path)
        }
      } finally {
        await destroyDomain(name, { stateDir }).catch(() => undefined)
      }
    },
  )
}

/** The pieces fill whole huge pages, so their memory file has such pages, where this process may make one. */
async function assertInHugePages(pid: number): Promise<void> {
  if (process.getuid?.() !== 0) return
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8')
  assert.match(maps, /\/stasis [^\n]* \(deleted\)/)
}

async function fill(pid: number): Promise<void> {
  await using memory = await OutsideMemory.open(pid, RAM_BYTES)
  for (const address of ADDRESSES) await memory.write(address, knownContent(address, PIECE))
}

async function check(pid: number, what: string): Promise<void> {
  await using memory = await OutsideMemory.open(pid, RAM_BYTES)
  for (const address of ADDRESSES) {
    const bytes = await memory.read(address, PIECE)
    assert.ok(bytes.equals(knownContent(address, PIECE)), `memory at ${address} after ${what}`)
    const behind = await memory.read(Math.min(address + PIECE, RAM_BYTES - MIB), 4096)
    const isNext = ADDRESSES.includes(address + PIECE) || address + PIECE === RAM_BYTES
    assert.ok(
      isNext || behind.every((byte) => byte === 0),
      `zero page behind ${address} after ${what}`,
    )
  }
}
