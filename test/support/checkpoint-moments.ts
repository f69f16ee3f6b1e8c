import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createCheckpoint, listCheckpoints, revertToCheckpoint } from '../../src/index.ts'
import { type MachineDigest, machineDigest } from './machine-digest.ts'
import type { TinyDomain } from './tiny-domain.ts'

/** The moments of the checkpoints of a guest that counts. */
export interface CheckpointMoments {
  make(name: string): Promise<void>
  /** Returns to a checkpoint, and requires that the guest counts on from its moment. */
  revert(name: string, mode: 'load' | 'lazy'): Promise<void>
  /** Requires that these are the checkpoints and the checkpoints on which their memory is based. Returns the bytes of each memory. */
  requireBases(
    bases: Readonly<Record<string, string | undefined>>,
  ): Promise<Readonly<Record<string, number>>>
  /** Requires that the memory of each is the same as when it was made. */
  requireContents(): Promise<void>
}

/** What is known of one. */
interface Moment {
  readonly from: number
  readonly to: number
  readonly content: MachineDigest
}

/** Makes checkpoints of a guest, and returns to them. */
export function checkpointMoments({ name, stateDir, dir, log }: TinyDomain): CheckpointMoments {
  const moments = new Map<string, Moment>()
  const counters = async (): Promise<readonly number[]> => {
    const text = await readFile(dir.join('serial'), 'latin1')
    return [...text.matchAll(/CNT ([0-9a-f]{8}) SUM 7159\r\n/g)].map(([, digits = '']) =>
      Number.parseInt(digits, 16),
    )
  }
  const last = async (): Promise<number> => (await counters()).at(-1) ?? 0
  const listed = async () => (await listCheckpoints(name, { stateDir })).checkpoints
  return {
    async make(one) {
      const from = await last()
      const { memory } = await createCheckpoint(name, one, { stateDir })
      await log.advance(1)
      const content = await machineDigest(memory?.path ?? '')
      moments.set(one, { from, to: await last(), content })
    },
    async revert(one, mode) {
      const before = (await counters()).length
      const { restored } = await revertToCheckpoint(name, one, { stateDir, mode, discard: true })
      assert.equal(restored?.mode, mode)
      await log.advance(1)
      // The former guest may have printed more until it ended. Then the counter goes back.
      const all = await counters()
      const back = all.findIndex((now, at) => at >= before && now < (all[at - 1] ?? 0))
      const first = all[Math.max(0, back)] ?? 0
      const { from = 0, to = 0 } = moments.get(one) ?? {}
      assert.ok(first > from && first <= to + 1, `${first} is between ${from} and ${to}`)
    },
    async requireBases(bases) {
      const found = await listed()
      assert.deepEqual(Object.fromEntries(found.map((each) => [each.name, each.base])), bases)
      return Object.fromEntries(found.map((each) => [each.name, each.memoryBytes]))
    },
    async requireContents() {
      for (const { name: one, memory } of await listed()) {
        const content = moments.get(one)?.content
        if (content !== undefined)
          assert.deepEqual(await machineDigest(memory?.path ?? ''), content, one)
      }
    },
  }
}
