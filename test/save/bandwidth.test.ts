import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedBandwidth, managedSaveDomain, saveHost, startDomain } from '../../src/index.ts'
import { makeHost } from '../support/host.ts'
import { isLongRun } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'

/** The tiny guest has 3 MiB that are not zero. */
const GUEST_BYTES = 3 * 1024 * 1024
const RATE = 1024 * 1024
/** One stream, in which QEMU counts page by page; over channels it counts packets of 512 KiB, ten times a second. */
const FORMAT = { format: 'raw' } as const

const skip = !isLongRun() && 'long run only'

test(
  'saves respect a bandwidth limit, alone and together',
  { timeout: 180_000, skip },
  async () => {
    await using host = await makeHost(2)
    const { stateDir, names, logs } = host
    for (const name of names) await startDomain(name, { stateDir })
    await Promise.all([...logs.values()].map((log) => log.advance(1)))
    const leastMs = (domains: number): number => ((domains * GUEST_BYTES) / RATE) * 1000 * 0.8
    const again = async (): Promise<void> => {
      for (const name of names) await startDomain(name, { stateDir })
    }

    const free = await managedSaveDomain('vm1', { stateDir, ...FORMAT })
    const alone = await startDomain('vm1', { stateDir })
      .then(() => managedSaveDomain('vm1', { stateDir, ...FORMAT, maxBandwidth: RATE }))
      .then(({ timing }) => timing.transferMs)
    assert.ok(free.timing.transferMs < leastMs(1), `${free.timing.transferMs} ms without a limit`)
    assert.ok(alone >= leastMs(1), `${alone} ms alone`)
    await managedSaveDomain('vm2', { stateDir })

    await again()
    const startMs = performance.now()
    const outcomes = await saveHost({ stateDir, ...FORMAT, maxBandwidth: RATE, parallelDomains: 2 })
    const togetherMs = performance.now() - startMs
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['saved', 'saved'],
    )
    assert.ok(togetherMs >= leastMs(2), `${togetherMs} ms together`)

    await again()
    const { exitCode, stderr } = await stasis(stateDir, 'host-save', '--max-bandwidth', '100M')
    assert.equal(exitCode, 0, stderr)
    await again()
    await Promise.all([...logs.values()].map((log) => log.advance(1)))
    for (const log of logs.values()) await log.assertUnbroken()
    const wrong = await stasis(stateDir, 'host-save', '--max-bandwidth', 'fast')
    assert.equal(wrong.exitCode, 2)
    assert.throws(() => new SharedBandwidth(0.5), { code: 'BAD_ARGUMENT' })
  },
)
