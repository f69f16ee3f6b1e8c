import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { drain } from './orderly.ts'
import { afterLoss } from './losses.ts'
import { type Scenario, nodeOf, others, qemusOf } from './scenario.ts'

const UNPOWERED_MS = 12_000
const AWAY_MS = 12_000
const HANGING_MS = 6_000

/** A node is lost while the power strip does not answer: nobody knows whether the guest still runs. */
export const stripFrozen: Scenario = {
  name: 'node off, power strip frozen',
  async run(stage) {
    const { bed, guest } = stage
    const node = await nodeOf(stage)
    const outcome = await afterLoss(stage, node, async () => {
      await bed.do('freeze')
      try {
        await bed.do('crash', node)
        const until = Date.now() + UNPOWERED_MS
        while (Date.now() < until) {
          assert.deepEqual(qemusOf(guest), [], 'it runs nowhere before the fencing')
          await delay(100)
        }
      } finally {
        await bed.do('thaw')
      }
    })
    return { ...outcome, outcome: `nowhere for ${UNPOWERED_MS / 1000} s; then ${outcome.outcome}` }
  },
}

/** The node of the guest is cut off from the others, and from nothing else. */
export const networkSplit: Scenario = {
  name: 'network split',
  async run(stage) {
    const node = await nodeOf(stage)
    return afterLoss(stage, node, () => stage.bed.do('unplug', node))
  },
}

/** The shared folder is gone from the node of the guest for a while: what is open stays open. */
export const storageAway: Scenario = {
  name: `shared folder gone from the node for ${AWAY_MS / 1000} s`,
  async run(stage) {
    const { bed, cell, guest } = stage
    const node = await nodeOf(stage)
    const before = qemusOf(guest)
    await bed.do('hide', node)
    await delay(AWAY_MS)
    await guest.writesAgain()
    await bed.do('show', node)
    assert.equal(await cell.started(guest.name), node)
    assert.deepEqual(qemusOf(guest), before)
    return { outcome: 'runs on in the same QEMU' }
  },
}

/** The shared disk takes no writes for a while, on any node. */
export const storageHangs: Scenario = {
  name: `shared disk hangs for ${HANGING_MS / 1000} s`,
  async run(stage) {
    const { bed, cell, guest } = stage
    const node = await nodeOf(stage)
    const before = qemusOf(guest)
    await bed.do('hang')
    await delay(HANGING_MS)
    await bed.do('mend')
    await guest.writesAgain()
    assert.equal(await cell.started(guest.name), node)
    assert.deepEqual(qemusOf(guest), before)
    return { outcome: 'waits, then runs on in the same QEMU' }
  },
}

/** The node of the guest is emptied while the shared folder is gone from it. */
export const storageAwayInStop: Scenario = {
  name: 'drain, shared folder gone from the node',
  async run(stage) {
    const { bed, cell } = stage
    const node = await nodeOf(stage)
    const outcome = await afterLoss(stage, node, async () => {
      await bed.do('hide', node)
      await cell.standby(node, true)
    })
    await cell.standby(node, false)
    await cell.settled()
    return { ...outcome, outcome: `the node is fenced; ${outcome.outcome}` }
  },
}

/** The node of the guest is emptied while the shared disk takes no writes. */
export const storageHangsInStop: Scenario = {
  name: `drain, shared disk hangs for ${HANGING_MS / 1000} s`,
  async run(stage) {
    const { bed, cell } = stage
    await bed.do('hang')
    const mended = delay(HANGING_MS).then(() => bed.do('mend'))
    const outcome = await drain.run(stage)
    await mended
    await cell.settled()
    return outcome
  },
}

/** The clocks of the nodes are hours apart, and the guest travels between them. */
export const clocksApart: Scenario = {
  name: 'clocks 6 h apart, drained twice',
  async run(stage) {
    const { bed, cell } = stage
    const [first, second] = others(await nodeOf(stage))
    const offsets = [
      [first, '+3h'],
      [second, '-3h'],
    ] as const
    await set(offsets)
    const there = await drain.run(stage)
    const back = await drain.run(stage)
    await set(offsets.map(([node]) => [node, '']))
    return {
      outcome: there.outcome,
      seconds: Math.max(there.seconds ?? 0, back.seconds ?? 0),
    }

    async function set(
      clocks: readonly (readonly [(typeof offsets)[number][0], string])[],
    ): Promise<void> {
      for (const [node, offset] of clocks) {
        if (node === undefined) continue
        await bed.do('clock', node, offset)
        // Emptied first, so that nothing is lost.
        await cell.standby(node, true)
        await cell.settled()
        await bed.do('off', node)
        await cell.allOnline()
        await cell.standby(node, false)
        await cell.settled()
      }
    }
  },
}
